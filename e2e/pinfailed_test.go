package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// A pin whose release fails stays as its operator wrote it, in every edition of its record, while the manager takes the cluster back, is killed on
// the way, and is followed by another one. It is tried again when somebody pins anew or says retry, and not before. It would catch a pin that is
// moved or signed by us, a way back that nobody finishes, and a release that is tried again and again.
func TestAPinThatFailsStaysAsItWasWritten(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	c.deploys(t)
	account := c.Account(t, managers, "addon-manager")
	manage := func(name string) *manager {
		t.Helper()
		return startManager(t, managerProgram(t, name), account, c.catalog, "--rollouts=false")
	}
	m := manage("a")
	if err := c.Play(t.Context(), sandbox.Fault{Name: "pull", Image: ":v0.27.3", Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
	before := c.objects(t)
	pin := v1alpha1.Pin{Reason: "kernel", Ticket: "NET-1"} // as kubectl leaves it: nobody signed it
	c.rewrites(t, func(s *v1alpha1.AddonSpec) {
		s.Version, s.Pin, s.OnFailure = "0.27.3", &pin, "RevertAll"
		s.Roll.ReadyFor = &metav1.Duration{Duration: 5 * time.Second} // a way back that lasts long enough to be killed in
	})
	editions := c.editions(t)
	c.until(t, func(a v1alpha1.Addon) bool { return a.Spec.Rollback != nil && a.Spec.Rollback.To == "0.26.2" })
	m.kill()
	manage("b")
	failed := func(a v1alpha1.Addon) bool {
		ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady)
		return a.Spec.Rollback == nil && a.Status.CurrentInstalledVersion == "0.26.2" && a.Status.LifecycleState == v1alpha1.StateNeedsAttention &&
			ready != nil && ready.Reason == v1alpha1.ReasonPinFailed
	}
	c.until(t, failed)
	c.back(t, before, "0.26.2")
	for i, s := range editions() {
		if diff := cmp.Diff(&pin, s.Pin); s.Version != "0.27.3" || diff != "" {
			t.Errorf("edition %d of the record is pinned to %q (-want +got):\n%s", i, s.Version, diff)
		}
	}
	if h := c.recorded(t).Status.Held; len(h) != 1 || h[0].Version != "0.27.3" || !h[0].Pinned || cmp.Diff(&pin, h[0].Pin) != "" {
		t.Errorf("held is %+v", h)
	}

	c.keepsTo(t, func() {})
	c.keepsTo(t, func() { c.rewrites(t, func(s *v1alpha1.AddonSpec) { s.Pin.Reason = "a longer story" }) }) // which is no other pin
	for command, says := range map[string]string{
		"status": "pinned to 0.27.3, which FAILED: a longer story", "explain": "which failed: halted at node-0", "outdated": "is pinned to 0.27.3, which failed",
		"plan": "PinFailed",
	} {
		if r := c.run(t, command); !strings.Contains(r.out, says) || r.code > 1 {
			t.Errorf("%s does not say %q: %s", command, says, r)
		}
	}
	c.want(t, 3, "update", "--yes").says(t, "PinFailed")
	c.want(t, 3, "update", "--version", "0.27.3", "--yes").says(t, "PinFailed", "addonctl retry --version 0.27.3")

	// Somebody pins it anew: it is tried again, fails again, and the new pin stays too.
	c.want(t, 6, "pin", "--version", "0.27.3", "--reason", "again", "--yes").says(t, "rolled back", "the pin to 0.27.3 stays as it is")
	c.until(t, failed)
	a := c.recorded(t)
	if p := a.Spec.Pin; a.Spec.Version != "0.27.3" || p == nil || p.Reason != "again" || p.By == "" || p.At == nil {
		t.Errorf("pinned to %q, %+v", a.Spec.Version, p)
	}
	if h := a.Status.Held; len(h) != 1 || cmp.Diff(a.Spec.Pin, h[0].Pin) != "" {
		t.Errorf("held is %+v", h)
	}

	// Putting back the node that failed, the first, is the whole way back.
	c.want(t, 4, "pin", "--version", "0.27.3", "--reason", "once more", "--on-failure", "revert-node", "--yes").says(t, "halted at node-0", "addonctl retry")
	c.until(t, failed)
	if a = c.recorded(t); a.Spec.Version != "0.27.3" || a.Spec.Pin.Reason != "once more" {
		t.Errorf("pinned to %q, %+v", a.Spec.Version, a.Spec.Pin)
	}

	// The negative control of "not tried again": retry, and nothing else, brings it on.
	c.heals(t, "pull")
	c.keepsTo(t, func() {})
	c.must(t, "retry", "--yes").says(t, "the pin to Flannel 0.27.3 may be tried again")
	c.until(t, func(a v1alpha1.Addon) bool {
		return a.Status.CurrentInstalledVersion == "0.27.3" && a.Status.LifecycleState == v1alpha1.StateActive && len(a.Status.Held) == 0
	})
	if p := c.recorded(t).Spec.Pin; cmp.Diff(a.Spec.Pin, p) != "" {
		t.Errorf("the pin was %+v and is %+v", a.Spec.Pin, p)
	}
}

// rewrites changes the recorded wish, as kubectl does.
func (c *cluster) rewrites(t *testing.T, change func(*v1alpha1.AddonSpec)) {
	t.Helper()
	k, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	h := hub.New(k)
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		a, err := h.Addon(ctx, "in-cluster", "Flannel")
		if err != nil {
			return err
		}
		change(&a.Spec)
		return h.SaveAddon(ctx, a)
	})
}

// until waits until the record is as it should be.
func (c *cluster) until(t *testing.T, is func(v1alpha1.Addon) bool) {
	t.Helper()
	testkube.Eventually(t, long, func(context.Context) error {
		if a := c.recorded(t); !is(a) {
			return fmt.Errorf("pinned to %q, back %+v, status %+v", a.Spec.Version, a.Spec.Rollback, a.Status)
		}
		return nil
	})
}

// keepsTo fails when the release is written again within some looks after something was done.
func (c *cluster) keepsTo(t *testing.T, do func()) {
	t.Helper()
	before := c.daemonSet(t).Generation
	do()
	_ = pause(t.Context(), 10*time.Second) // three looks
	if now := c.daemonSet(t).Generation; now != before {
		t.Errorf("it is tried again: generation %d, was %d", now, before)
	}
}

// editions watches the record from now on; the function it returns ends that and gives every edition of the wish.
func (c *cluster) editions(t *testing.T) func() []v1alpha1.AddonSpec {
	t.Helper()
	a := c.recorded(t)
	w, err := c.dynamic(t).Resource(v1alpha1.Addons).Watch(t.Context(), metav1.ListOptions{ResourceVersion: a.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	seen := []v1alpha1.AddonSpec{a.Spec}
	var over atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		for e := range w.ResultChan() {
			if e.Type == watch.Error && over.Load() {
				continue // it was ended in the middle of an event
			}
			o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(e.Object)
			var a v1alpha1.Addon
			if err == nil {
				err = runtime.DefaultUnstructuredConverter.FromUnstructured(o, &a)
			}
			if err != nil {
				t.Error(err)
			}
			seen = append(seen, a.Spec)
		}
	})
	return func() []v1alpha1.AddonSpec {
		over.Store(true)
		w.Stop()
		all.Wait()
		if len(seen) < 3 {
			t.Errorf("only %d editions of the record were seen", len(seen))
		}
		return seen
	}
}
