package kube_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// What the fence stands on is the API server's doing, so every version that we are for is asked.
func TestTheFenceOnRealAPIServers(t *testing.T) {
	t.Parallel()
	for _, minor := range []string{"1.34", "1.36"} {
		t.Run(minor, func(t *testing.T) {
			t.Parallel()
			k := connect(t, testkube.Start(t, testkube.Options{Kubernetes: minor}))
			for name, check := range map[string]func(*testing.T, *kube.Client){
				"creates only where there is nothing":                            createOnly,
				"owns what it created, and nothing more":                         createdIsOurs,
				"creates every kind that a chart may hold only once":             createOnlyKinds,
				"stops at a higher epoch before anything is sent":                higherEpoch,
				"marks an object, so that late writes are conflicts":             marks,
				"marks nothing twice, and never downwards":                       marksOnce,
				"marks leave what the release has, and applying leaves the mark": marksStay,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					check(t, k)
				})
			}
		})
	}
}

// createOnly: two actors saw that there is nothing. Both write as the same manager, so no field would be in conflict.
func createOnly(t *testing.T, k *kube.Client) {
	t.Helper()
	first, late := configMap("create-only", map[string]string{"k": "first"}), configMap("create-only", map[string]string{"k": "late"})
	if got, err := k.Apply(t.Context(), first, nil, false); err != nil || got != kube.Created {
		t.Fatalf("where there is nothing: %s, %v", got, err)
	}
	raced(t, k, late, nil)
	raced(t, k, first, nil) // not even with the same content
	if diff := cmp.Diff(map[string]string{"k": "first"}, dataOf(t, k, first)); diff != "" {
		t.Errorf("the late one wrote over it (-want +got):\n%s", diff)
	}
	// The negative control: the same apply without a resourceVersion does write over it.
	r, err := k.Resource(late)
	must(t, err)
	_, err = r.Apply(t.Context(), late.GetName(), late, metav1.ApplyOptions{FieldManager: kube.FieldManager})
	must(t, err)
	if diff := cmp.Diff(map[string]string{"k": "late"}, dataOf(t, k, first)); diff != "" {
		t.Errorf("without the protection (-want +got):\n%s", diff)
	}
	// Somebody else's object is none to write onto, either.
	somebody(t, k, configMap("create-only-theirs", map[string]string{"other": "1"}))
	raced(t, k, configMap("create-only-theirs", map[string]string{"k": "1"}), nil)
}

func createdIsOurs(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("created", map[string]string{"k": "v"})
	apply(t, k, o, false)
	var got []string
	for _, f := range get(t, k, o).GetManagedFields() {
		got = append(got, f.Manager+" "+string(f.Operation)+" "+f.FieldsV1.GetRawString())
	}
	if diff := cmp.Diff([]string{`addonctl Apply {"f:data":{"f:k":{}}}`}, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	// What is left out next time is taken away, as an apply has to.
	apply(t, k, configMap("created", map[string]string{"other": "v"}), false)
	if diff := cmp.Diff(map[string]string{"other": "v"}, dataOf(t, k, o)); diff != "" {
		t.Errorf("applied again (-want +got):\n%s", diff)
	}
}

// createOnlyKinds: kinds have storage strategies of their own.
func createOnlyKinds(t *testing.T, k *kube.Client) {
	t.Helper()
	for kind, body := range map[string]map[string]any{
		"ServiceAccount":     {},
		"Namespace":          {},
		"Secret":             {"stringData": map[string]any{"k": "v"}},
		"ClusterRole":        {"rules": []any{}},
		"ClusterRoleBinding": {"roleRef": map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}},
		"DaemonSet": {"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app": "only"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "only"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "a/b:1"}}},
			},
		}},
		"CustomResourceDefinition": {"spec": map[string]any{
			"group": "only.example.com", "scope": "Cluster", "names": map[string]any{"plural": "onlies", "kind": "Only"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}},
			}},
		}},
		"ValidatingAdmissionPolicy": {"spec": map[string]any{
			"failurePolicy":    "Ignore",
			"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{"apiGroups": []any{"x.example.com"}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"x"}}}},
			"validations":      []any{map[string]any{"expression": "true"}},
		}},
	} {
		o := object(kind)
		o.SetName("only")
		if kind == "CustomResourceDefinition" {
			o.SetName("onlies.only.example.com")
		}
		maps.Copy(o.Object, body)
		if got, err := k.Apply(t.Context(), o, nil, false); err != nil || got != kube.Created {
			t.Errorf("%s: %s, %v", kind, got, err)
			continue
		}
		if _, err := k.Apply(t.Context(), o, nil, false); !apierrors.IsConflict(err) {
			t.Errorf("%s that is there: %v, want a conflict", kind, err)
		}
	}
}

func higherEpoch(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("higher-epoch", map[string]string{"k": "1"})
	apply(t, k, o, false)
	must(t, k.WithEpoch(5).MarkEpoch(t.Context(), o))
	want := configMap("higher-epoch", map[string]string{"k": "2"})
	for _, dryRun := range []bool{true, false} {
		_, err := k.WithEpoch(4).Apply(t.Context(), want, get(t, k, want), dryRun)
		wantFenced(t, "a lower epoch", err)
	}
	if diff := cmp.Diff(map[string]string{"k": "1"}, dataOf(t, k, o)); diff != "" {
		t.Errorf("it was written (-want +got):\n%s", diff)
	}
	// The negative controls: the same epoch, and none at all, write.
	for value, with := range map[string]*kube.Client{"3": k.WithEpoch(5), "4": k} {
		want := configMap("higher-epoch", map[string]string{"k": value})
		if got, err := with.Apply(t.Context(), want, get(t, k, want), false); err != nil || got != kube.Changed {
			t.Errorf("epoch %d: %s, %v", with.Epoch, got, err)
		}
	}
}

func marks(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("marked", map[string]string{"k": "1"})
	apply(t, k, o, false)
	read := get(t, k, o)
	must(t, k.WithEpoch(2).MarkEpoch(t.Context(), o))
	raced(t, k.WithEpoch(1), configMap("marked", map[string]string{"k": "late"}), read)
	version, uid := read.GetResourceVersion(), read.GetUID()
	r, err := k.Resource(o)
	must(t, err)
	err = r.Delete(t.Context(), o.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
	if !apierrors.IsConflict(err) {
		t.Errorf("a late delete: %v, want a conflict", err)
	}
	if diff := cmp.Diff(map[string]string{"k": "1"}, dataOf(t, k, o)); diff != "" {
		t.Errorf("a late write came through (-want +got):\n%s", diff)
	}
	must(t, k.WithEpoch(2).MarkEpoch(t.Context(), configMap("marked-nowhere", nil)))
}

func marksOnce(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("marked-once", nil)
	apply(t, k, o, false)
	must(t, k.WithEpoch(3).MarkEpoch(t.Context(), o))
	before := get(t, k, o)
	must(t, k.WithEpoch(3).MarkEpoch(t.Context(), o))
	wantFenced(t, "marking with a lower epoch", k.WithEpoch(2).MarkEpoch(t.Context(), o))
	if diff := cmp.Diff(before.Object, get(t, k, o).Object); diff != "" {
		t.Errorf("marking it again wrote (-want +got):\n%s", diff)
	}
}

func marksStay(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("marks-stay", map[string]string{"k": "1"})
	o.SetAnnotations(map[string]string{"ours": "1"})
	apply(t, k, o, false)
	must(t, k.WithEpoch(3).MarkEpoch(t.Context(), o))
	o = configMap("marks-stay", map[string]string{"k": "2"})
	o.SetAnnotations(map[string]string{"ours": "2"})
	if got := apply(t, k.WithEpoch(3), o, false); got != kube.Changed {
		t.Errorf("applying after a mark: %s", got)
	}
	if diff := cmp.Diff(map[string]string{"ours": "2", kube.AnnotationEpoch: "3"}, get(t, k, o).GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestAnEpochIsComparedAsANumber(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		on     string
		epoch  int64
		fenced bool
	}{
		"no epoch on the object":        {"", 1, false},
		"a lower one":                   {"9", 10, false},
		"the same":                      {"10", 10, false},
		"a higher one":                  {"10", 9, true},
		"a writer without a tenure":     {"10", 0, false},
		"something that is no number":   {"ten", 1, false},
		"a number that is out of range": {"99999999999999999999", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &unstructured.Unstructured{Object: map[string]any{"kind": "ConfigMap"}}
			o.SetName("x")
			o.SetAnnotations(map[string]string{kube.AnnotationEpoch: c.on})
			if err := kube.Fenced(o, c.epoch); errors.Is(err, kube.ErrFenced) != c.fenced {
				t.Errorf("%v, want fenced %t", err, c.fenced)
			}
		})
	}
}
