package helm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

const (
	wheels = `
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wheels.example.org}
spec:
  group: example.org
  names: {kind: Wheel, plural: wheels, singular: wheel, listKind: WheelList}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
`
	theWheels = "CustomResourceDefinition wheels.example.org"
)

// wider are the wheels of a newer chart: they have a color.
var wider = strings.Replace(wheels, "{size: {type: integer}}", "{size: {type: integer}, color: {type: string}}", 1)

// colored tells whether the live wheels have a color.
func (b *bench) colored(t *testing.T) bool {
	t.Helper()
	o, err := b.Target.Dynamic.Resource(definitions).Get(t.Context(), "wheels.example.org", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), `"color"`)
}

// returns goes back to a revision, to the end.
func (b *bench) returns(t *testing.T, revision int) {
	t.Helper()
	for _, kind := range []plan.StepKind{plan.Apply, plan.Settle} {
		in, p := b.lookBack(t, revision)
		if s := step(p, kind); s.Kind == "" {
			t.Fatalf("no %s back to revision %d: %+v, findings %+v", kind, revision, p.Steps, p.Findings)
		} else if _, err := b.Do(t.Context(), in, s); err != nil {
			t.Fatal(err)
		}
		waitObserved(t, b, "0.26.2")
	}
}

// Definitions are never rolled back: not by a rollback, not by a move to an older release, not by what is mended or set back afterwards,
// and not by a release that is newer, but older than the one that brought them. It would catch objects that lose, at their next write,
// what only the newer release knows.
func TestDefinitionsAreNeverRolledBack(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.Charts = extended(t, wheels)
	b.moves(t, "0.26.2")
	if b.colored(t) {
		t.Fatal("the old wheels have a color")
	}
	b.Charts = extended(t, wider)
	if in, _ := b.look(t, "0.27.3"); action(t, in, theWheels).Action != plan.Configure {
		t.Errorf("forwards: %+v", action(t, in, theWheels))
	}
	b.moves(t, "0.27.3")
	if !b.colored(t) { // the negative control: forwards they are written
		t.Fatal("the new wheels were not written")
	}
	if in, p := b.look(t, "0.26.2"); action(t, in, theWheels).Action != plan.Unchanged || len(in.Change.Narrowed) > 0 {
		t.Errorf("an older release: %+v, narrowed %v, findings %+v", action(t, in, theWheels), in.Change.Narrowed, p.Findings)
	}
	if in, _ := b.lookBack(t, 1); action(t, in, theWheels).Action != plan.Unchanged {
		t.Errorf("a rollback: %+v", action(t, in, theWheels))
	}
	b.returns(t, 1)
	if !b.colored(t) {
		t.Error("the rollback took the color away")
	}
	b.mended(t)
	b.Charts = extended(t, wheels)
	if in, _ := b.look(t, "0.26.4"); action(t, in, theWheels).Action != plan.Unchanged {
		t.Errorf("forwards, and not as far as before: %+v", action(t, in, theWheels))
	}
}

// mended: what is written or set back after a rollback leaves the definition alone, and makes it when it is gone.
func (b *bench) mended(t *testing.T) {
	t.Helper()
	if _, d, _ := b.drift(t); d.Found() {
		t.Errorf("the newer definition is drift: %v", differing(d))
	}
	typed := b.Target.Typed
	if err := typed.CoreV1().ServiceAccounts("kube-system").Delete(t.Context(), "flannel", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	in, d, _ := b.drift(t)
	if _, err := b.SetBack(t.Context(), in, d, nil); err != nil || !b.colored(t) {
		t.Errorf("setting back: %v, colored %t", err, b.colored(t))
	}
	if err := typed.CoreV1().ServiceAccounts("kube-system").Delete(t.Context(), "flannel", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.do(t, "0.26.2", plan.Apply)
	if !b.colored(t) {
		t.Error("mending took the color away")
	}
	r := b.Target.Dynamic.Resource(definitions)
	if err := r.Delete(t.Context(), "wheels.example.org", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.gone(t, r.Get)
	b.do(t, "0.26.2", plan.Apply)
	if b.colored(t) {
		t.Error("a definition that was gone is made as the release has it, without a color")
	}
}

func (b *bench) gone(t *testing.T, get func(context.Context, string, metav1.GetOptions, ...string) (*unstructured.Unstructured, error)) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if _, err := get(ctx, "wheels.example.org", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return errors.New("it is still there")
		}
		return nil
	})
}
