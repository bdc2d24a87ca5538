package helm

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The negative control of every adoption: an answer of the API server in which the template, the data of a ConfigMap or the
// generation is another is noticed, and labels and annotations alone are not.
func TestWhatAnAdoptionWouldTouchIsNoticed(t *testing.T) {
	t.Parallel()
	object := func(change func(map[string]any)) *unstructured.Unstructured {
		o := map[string]any{
			"kind": "DaemonSet", "metadata": map[string]any{"name": "x", "generation": int64(1), "labels": map[string]any{"a": "b"}},
			"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"hostNetwork": true}}},
		}
		if change != nil {
			change(o)
		}
		return &unstructured.Unstructured{Object: o}
	}
	for name, tt := range map[string]struct {
		change  func(map[string]any)
		touched bool
	}{
		"nothing": {nil, false},
		"a label": {func(o map[string]any) { _ = unstructured.SetNestedField(o, "c", "metadata", "labels", "a") }, false},
		"the template": {
			func(o map[string]any) {
				_ = unstructured.SetNestedField(o, false, "spec", "template", "spec", "hostNetwork")
			}, true,
		},
		"data that came":   {func(o map[string]any) { o["data"] = map[string]any{} }, true},
		"a spec that went": {func(o map[string]any) { delete(o, "spec") }, true},
		"the generation":   {func(o map[string]any) { _ = unstructured.SetNestedField(o, int64(2), "metadata", "generation") }, true},
	} {
		if err := untouched(object(nil), object(tt.change)); errors.Is(err, errTouched) != tt.touched {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A workload's own pods are no other readers of its configuration. It would catch an adoption that leaves the configuration of a CNI
// that runs to whoever had it.
func TestAWorkloadsOwnPodsAreKnownByItsSelector(t *testing.T) {
	t.Parallel()
	w := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "flannel"}}}}}
	for label, want := range map[string]bool{"flannel": true, "other": false} {
		pod := &unstructured.Unstructured{}
		pod.SetLabels(map[string]string{"app": label})
		if selects(w, pod) != want {
			t.Errorf("the pod labelled %s: want %v", label, want)
		}
	}
}
