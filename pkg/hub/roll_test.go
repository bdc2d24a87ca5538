package hub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// rollWish is a wish that sets everything a roll has.
func rollWish() hub.Wish {
	restarts := int32(0)
	return hub.Wish{
		Cluster: "in-cluster", NetworkType: v1alpha1.FlannelOverlay, UID: "uid-1",
		Desired: plan.Desired{
			AddOn: "Flannel", MoveTo: "0.27.3", NodeUpdate: plan.RollNodes, OnFailure: plan.RevertNode,
			Back: plan.Back{Revision: 1, Leaves: "0.28.0", Reason: "halted at n7", Nodes: []string{"n7", "n8"}},
			Roll: noderoll.Policy{
				CanarySelector: "canary=true", MaxUnavailable: "10%", MaxRestarts: &restarts,
				Soak: new(90 * time.Second), ReadyFor: new(time.Duration(0)), NodeTimeout: new(time.Hour),
			},
		},
	}
}

// What is asked of a roll is kept as it is meant, what makes no sense is refused by the API server itself, whoever writes it, and a
// pause changes nothing else.
func TestARollIsKeptAsItIsMeantOnARealAPIServer(t *testing.T) {
	t.Parallel()
	k := client(t, testkube.Start(t, testkube.Options{}))
	h := hub.New(k)
	w := rollWish()
	for _, most := range []string{"10%", "3"} {
		w.Desired.Roll.MaxUnavailable = most
		if err := h.Save(t.Context(), k, w); err != nil {
			t.Fatal(err)
		}
		w.Seen = desired(t, h)
		if diff := cmp.Diff(w.Desired, w.Seen); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	}
	t.Run("a pause changes nothing else", func(t *testing.T) { paused(t, h, w.Desired) })
	t.Run("a pause comes through while others write", func(t *testing.T) { pausedInACrowd(t, h) })
	t.Run("what makes no sense is refused", func(t *testing.T) { nonsense(t, k) })
	t.Run("what is at the edge is taken", func(t *testing.T) { edges(t, k) })
	t.Run("a status has an end", func(t *testing.T) { bounded(t, k) })
	none := w
	none.Seen, none.Desired.Roll, none.Desired.Back, none.Desired.NodeUpdate = desired(t, h), noderoll.Policy{}, plan.Back{}, ""
	if err := h.Save(t.Context(), k, none); err != nil {
		t.Fatal(err)
	}
	u, err := k.Dynamic.Resource(v1alpha1.Addons).Get(t.Context(), "in-cluster.flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"roll", "rollback", "nodeUpdate"} {
		if _, there, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", field); there {
			t.Errorf("spec.%s is left: %v", field, u.Object["spec"])
		}
	}
	// The negative control: with the rules taken out of the definition the nonsense goes through, so it is the rules that were seen.
	t.Run("without the rules nonsense goes through", func(t *testing.T) { withoutRollRules(t, k) })
}

func desired(t *testing.T, h *hub.Hub) plan.Desired {
	t.Helper()
	a, err := h.Addon(t.Context(), "in-cluster", "Flannel")
	if err != nil || a == nil {
		t.Fatalf("reading the record: %v, %v", a, err)
	}
	d, err := hub.Desired(a.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func paused(t *testing.T, h *hub.Hub, want plan.Desired) {
	t.Helper()
	for _, c := range []struct{ pause, changed bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		changed, err := h.Pause(t.Context(), "in-cluster", "Flannel", c.pause)
		if err != nil || changed != c.changed {
			t.Errorf("pausing (%t): changed %t, %v", c.pause, changed, err)
		}
		want.Roll.Paused = c.pause
		if diff := cmp.Diff(want, desired(t, h)); diff != "" {
			t.Errorf("pausing (%t) recorded (-want +got):\n%s", c.pause, diff)
		}
	}
	if _, err := h.Pause(t.Context(), "in-cluster", "Calico", true); !errors.Is(err, hub.ErrNotRecorded) {
		t.Errorf("pausing what is not recorded: %v", err)
	}
}

// pausedInACrowd pauses while a run keeps the status, which is the same object: without another try the pause would be lost.
func pausedInACrowd(t *testing.T, h *hub.Hub) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() {
		for n := int64(0); ctx.Err() == nil; n++ {
			if a, err := h.Addon(ctx, "in-cluster", "Flannel"); err == nil && a != nil {
				a.Status.ObservedGeneration = n
				_ = h.SaveAddonStatus(ctx, a)
			}
		}
	})
	for i := range 10 {
		if _, err := h.Pause(t.Context(), "in-cluster", "Flannel", i%2 == 0); err != nil {
			t.Errorf("pause %d: %v", i, err)
		}
	}
	stop()
	others.Wait()
}

// nonsensical are specs that nobody can follow.
var nonsensical = map[string]string{
	"a way that nobody knows":         `{"nodeUpdate":"Yolo"}`,
	"a failure that nobody knows":     `{"onFailure":"Panic"}`,
	"fewer than no canaries":          `{"roll":{"canaries":-1,"canarySelector":null}}`,
	"a number and a selector":         `{"roll":{"canaries":2,"canarySelector":"a=b"}}`,
	"an empty selector":               `{"roll":{"canarySelector":""}}`,
	"no node at all":                  `{"roll":{"maxUnavailable":0}}`,
	"fewer than no nodes":             `{"roll":{"maxUnavailable":-1}}`,
	"no percent":                      `{"roll":{"maxUnavailable":"0%"}}`,
	"more than all":                   `{"roll":{"maxUnavailable":"101%"}}`,
	"a count in words":                `{"roll":{"maxUnavailable":"3"}}`,
	"a share that is no number":       `{"roll":{"maxUnavailable":"ten%"}}`,
	"a negative soak":                 `{"roll":{"soak":"-1s"}}`,
	"a soak without a unit":           `{"roll":{"soak":"30"}}`,
	"a soak that is a number":         `{"roll":{"soak":30}}`,
	"a soak of more than a day":       `{"roll":{"soak":"25h"}}`,
	"readiness in days":               `{"roll":{"readyFor":"1d"}}`,
	"a node that may take no time":    `{"roll":{"nodeTimeout":"0s"}}`,
	"a node that may take for ever":   `{"roll":{"nodeTimeout":"48h"}}`,
	"times that no node can keep":     `{"roll":{"readyFor":"2m","nodeTimeout":"2m"}}`,
	"less time than is usual":         `{"roll":{"readyFor":null,"nodeTimeout":"10s"}}`,
	"longer ready than is usual":      `{"roll":{"readyFor":"5m","nodeTimeout":null}}`,
	"fewer than no restarts":          `{"roll":{"maxRestarts":-1}}`,
	"a node named twice on the way":   `{"rollback":{"revision":1,"nodes":["n1","n1"]}}`,
	"a node without a name":           `{"rollback":{"revision":1,"nodes":[""]}}`,
	"more nodes than a record can be": `{"rollback":{"revision":1,"nodes":["` + strings.Join(nodeNames(v1alpha1.MaxBackNodes+1), `","`) + `"]}}`,
}

func nodeNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("node-%d", i)
	}
	return out
}

func patched(ctx context.Context, k *kube.Client, spec string) error {
	_, err := k.Dynamic.Resource(v1alpha1.Addons).Patch(ctx, "in-cluster.flannel", types.MergePatchType, []byte(`{"spec":`+spec+`}`), metav1.PatchOptions{})
	return err
}

func nonsense(t *testing.T, k *kube.Client) {
	t.Helper()
	for name, spec := range nonsensical {
		if err := patched(t.Context(), k, spec); !apierrors.IsInvalid(err) {
			t.Errorf("%s: %v, want it refused as invalid", name, err)
		}
	}
}

func edges(t *testing.T, k *kube.Client) {
	t.Helper()
	for name, spec := range map[string]string{
		"no time":            `{"roll":{"soak":"0s","readyFor":"0s","nodeTimeout":"1s"}}`,
		"a day":              `{"roll":{"soak":"24h","readyFor":"1h30m","nodeTimeout":"24h0m0s"}}`,
		"a part of a second": `{"roll":{"soak":"1.5s","readyFor":"500ms"}}`,
		"one node":           `{"roll":{"maxUnavailable":1}}`,
		"one percent":        `{"roll":{"maxUnavailable":"1%"}}`,
		"all":                `{"roll":{"maxUnavailable":"100%"}}`,
		"no restart":         `{"roll":{"maxRestarts":0}}`,
		"canaries":           `{"roll":{"canarySelector":null,"canaries":5000}}`,
		"a selector":         `{"roll":{"canaries":0,"canarySelector":"zone in (a,b),!spot"}}`,
		"many nodes":         `{"rollback":{"revision":1,"nodes":["` + strings.Join(nodeNames(v1alpha1.MaxBackNodes), `","`) + `"]}}`,
	} {
		if err := patched(t.Context(), k, spec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func bounded(t *testing.T, k *kube.Client) {
	t.Helper()
	evidence := func(n int) []byte {
		return fmt.Appendf(nil, `{"status":{"roll":{"phase":"Halted","changed":1,"passed":0,"total":5000,"halt":{"node":"n","gate":"g","evidence":%q}}}}`, strings.Repeat("x", n))
	}
	for n, fits := range map[int]bool{1024: true, 1025: false} {
		_, err := k.Dynamic.Resource(v1alpha1.Addons).Patch(t.Context(), "in-cluster.flannel", types.MergePatchType, evidence(n), metav1.PatchOptions{}, "status")
		if fits != (err == nil) {
			t.Errorf("%d bytes of evidence: %v", n, err)
		}
	}
}

func withoutRollRules(t *testing.T, k *kube.Client) {
	t.Helper()
	definitions, err := hub.Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions {
		if strings.HasPrefix(d.GetName(), "addons.") {
			lax(t, k, d)
		}
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		for _, name := range []string{"no node at all", "a soak of more than a day", "a number and a selector"} {
			if err := patched(ctx, k, nonsensical[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

// lax takes every rule out of spec.roll of a live definition.
func lax(t *testing.T, k *kube.Client, definition *unstructured.Unstructured) {
	t.Helper()
	live, err := k.Get(t.Context(), definition)
	if err != nil {
		t.Fatal(err)
	}
	versions, _, err := unstructured.NestedSlice(live.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		roll, _, _ := unstructured.NestedFieldNoCopy(v.(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties", "roll")
		schema := roll.(map[string]any)
		delete(schema, "x-kubernetes-validations")
		for _, field := range schema["properties"].(map[string]any) {
			delete(field.(map[string]any), "x-kubernetes-validations")
		}
	}
	if err := unstructured.SetNestedSlice(live.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	r, err := k.Resource(live)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
