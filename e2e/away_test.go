package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// One cluster of three cannot be reached when its wave runs, and another time its API server hangs in the middle of its roll: it takes connections
// and answers nothing. Nothing may fail, one cluster may be under way at once, and the manager has one worker, so whoever counts such a cluster as
// failed, keeps its place for it, or waits for its answer, stops the others. The cluster catches up by what its record says then: first
// it is pinned, until the pin ends and the policy says that it meant that; then in the middle of a roll.
func TestAClusterThatIsAwayHoldsNobodyUp(t *testing.T) {
	f := startFleet(t, map[string]testkube.Options{"dev": {Nodes: 1}, "far": {Nodes: 2}, "near": {Nodes: 1}})
	directory := f.without(t, "0.27.3")
	f.label(t, "dev", "first", "yes")
	one := intstr.FromInt32(1)
	f.create(t, &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}, Spec: v1alpha1.UpdatePolicySpec{
		Waves:         []v1alpha1.PolicyWave{{Name: "canary", Selector: "first=yes"}, {Name: "rest", Approval: true}},
		MaxConcurrent: &one, Soak: &metav1.Duration{}, AwayAfter: &metav1.Duration{Duration: 3 * time.Second},
	}})
	f.create(t, &v1alpha1.AddonCatalog{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CatalogName}, Spec: v1alpha1.AddonCatalogSpec{Directory: directory}})
	line := f.hub.Proxy(t)
	startManager(t, managerProgram(t, "a"), line.KubeconfigPath(), f.catalog, "--gather", "2s", "--workers", "1")
	for name := range f.members {
		f.arrives(t, name, "0.26.2")
	}
	f.publish(t, directory, "0.27.3")
	f.isAwayForItsWave(t, line)
	f.pinEnds(t)
	f.publish(t, directory, "0.27.4")
	f.hangsInTheMiddle(t)
}

const away1, away2 = "fleet-flannel-0.27.3", "fleet-flannel-0.27.4"

// isAwayForItsWave takes a cluster's API server away before its wave is approved, and the hub refuses writes when that wave begins. The other
// cluster of the wave moves, once. When the first one is back somebody has pinned it, and it stays.
func (f *fleet) isAwayForItsWave(t *testing.T, line *testkube.Proxy) {
	t.Helper()
	f.awaitsApproval(t, away1, 3)
	far, near := f.members["far"], f.members["near"].daemonSet(t).Generation
	before := far.daemonSet(t).Generation
	if err := far.Kill(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	f.reachable(t, "far", metav1.ConditionFalse)
	const enough = 4
	refused := refuses(line, enough, 6*time.Second)
	f.approve(t, away1)
	f.goesOnWithout(t, away1, "far")
	f.arrives(t, "near", "0.27.3")
	if n := refused(); n < enough {
		t.Errorf("the hub refused %d writes: nothing is proved", n)
	}
	if now := f.members["near"].daemonSet(t).Generation; now != near+1 {
		t.Errorf("near's DaemonSet went from generation %d to %d, want one move", near, now)
	}

	f.wish(t, "far", func(s *v1alpha1.AddonSpec) { s.Version, s.Pin = "0.26.2", &v1alpha1.Pin{Reason: "a test"} })
	if err := far.Start(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	f.reachable(t, "far", metav1.ConditionTrue)
	f.told(t, "far", "ClusterUnreachable", "ClusterReachable")
	r := f.rollout(t, away1, "Finished")
	if m := member(r, "far"); m.State != "Skipped" || m.Reason != "is pinned to 0.26.2" || m.Tries != 0 || r.Status.Done != 2 || r.Status.Failed != 0 {
		t.Errorf("far is pinned, and it says %+v of %+v", m, r.Status)
	}
	if m := member(r, "near"); m.Tries != 1 {
		t.Errorf("near was told to move %d times", m.Tries)
	}
	f.arrives(t, "far", "0.26.2")
	if now := far.daemonSet(t).Generation; now != before {
		t.Errorf("far's DaemonSet went from generation %d to %d, and it is pinned", before, now)
	}
}

// refuses lets the hub refuse all writes to records for a while, in turn for each reason that passes, and returns how many it refused.
func refuses(line *testkube.Proxy, atLeast int, during time.Duration) func() int {
	var mu sync.Mutex
	n, until := 0, time.Now().Add(during)
	faults := []testkube.Fault{
		testkube.Instead(http.StatusConflict, metav1.StatusReasonConflict, 0), testkube.Instead(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, time.Second),
		testkube.Instead(http.StatusInternalServerError, metav1.StatusReasonInternalError, 0), testkube.Cut,
	}
	line.Plan(func(_ int, c testkube.Passed) testkube.Fault {
		if !c.Write() || !strings.HasPrefix(c.Path, "/apis/addonctl.io/") {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if n >= atLeast && time.Now().After(until) {
			return nil
		}
		n++
		return faults[n%len(faults)]
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func (f *fleet) approve(t *testing.T, rollout string) {
	t.Helper()
	f.ctl(t, "rollout", "approve", rollout, "--wave", "rest", "--reason", "a test", "--yes")
}

// goesOnWithout waits until a rollout is through but for one cluster that cannot be reached, which counts as no failure.
func (f *fleet) goesOnWithout(t *testing.T, rollout, name string) {
	t.Helper()
	r := f.rollout(t, rollout, "CatchingUp")
	if s := r.Status; s.Unreachable != 1 || s.Done != 2 || s.Failed != 0 || member(r, name).State != "Unreachable" {
		t.Errorf("%s cannot be reached, and it says %+v", name, s)
	}
}

func member(r *v1alpha1.AddonRollout, name string) v1alpha1.RolloutMember {
	for _, m := range r.Status.Members {
		if m.Cluster == name {
			return m
		}
	}
	return v1alpha1.RolloutMember{}
}

// pinEnds lets the pin end: under a policy that warns, and under one that holds, it stays, and each says so. Under one that says
// automatic it stays until its new end, and no longer.
func (f *fleet) pinEnds(t *testing.T) {
	t.Helper()
	f.pinUntil(t, 3*time.Second)
	f.stays(t, "DatePassed", "it is followed")
	f.onPinEnd(t, v1alpha1.OnPinEndHold)
	f.stays(t, "DatePassed", "it is followed; pins that have ended wait for somebody (addonctl pin, unpin): far (Flannel 0.26.2)")
	f.pinUntil(t, time.Hour)
	// A manager that saw the new policy before the new end would begin, in vain: its write is of a pin that is not there any more.
	f.stays(t, "DateNear", "it is followed")
	f.onPinEnd(t, v1alpha1.OnPinEndAutomatic)
	f.stays(t, "DateNear", "it is followed")
	until := f.pinUntil(t, 5*time.Second)

	f.arrives(t, "far", "0.27.3")
	a, err := f.addOn(t.Context(), "far")
	if err != nil || a.Spec.Version != "" || a.Spec.Pin != nil || !strings.HasPrefix(a.Annotations[v1alpha1.AnnotationEndedPin], "pinned to 0.26.2") {
		t.Errorf("its pin has ended: %v, %+v, %v", err, a.Spec, a.Annotations)
	}
	r := f.rollout(t, away1, "Finished")
	if m := member(r, "far"); m.State != "Done" || m.Tries != 1 || r.Status.Done != 3 || r.Status.Failed != 0 {
		t.Errorf("the pin has ended, and it says %+v of %+v", m, r.Status)
	}
	for _, c := range a.Status.History {
		if c.At != nil && c.Version == "0.27.3" && c.At.Time.Before(until.Truncate(time.Second)) {
			t.Errorf("it moved at %s, and was pinned until %s", c.At, until)
		}
	}
	f.told(t, "far.flannel", "PinEnded")
}

func (f *fleet) pinUntil(t *testing.T, after time.Duration) time.Time {
	t.Helper()
	until := metav1.NewTime(time.Now().Add(after).Truncate(time.Second))
	f.wish(t, "far", func(s *v1alpha1.AddonSpec) { s.Pin.Until = &until })
	return until.Time
}

func (f *fleet) onPinEnd(t *testing.T, what string) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		p := &v1alpha1.UpdatePolicy{}
		if err := f.records.Get(ctx, client.ObjectKey{Name: "fleet"}, p); err != nil {
			return err
		}
		p.Spec.OnPinEnd = what
		return f.records.Update(ctx, p)
	})
}

// stays waits until far's record says this of its pin, and the policy that of itself, and far is where it was for longer than between two looks.
func (f *fleet) stays(t *testing.T, reason, says string) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		a, err := f.addOn(ctx, "far")
		if err != nil {
			return err
		}
		p := &v1alpha1.UpdatePolicy{}
		if err := f.records.Get(ctx, client.ObjectKey{Name: "fleet"}, p); err != nil {
			return err
		}
		of, ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionPinExpiring), meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
		if of == nil || of.Reason != reason || ready == nil || ready.Message != says || p.Status.ObservedGeneration != p.Generation {
			return fmt.Errorf("the add-on says %+v, the policy %+v", of, ready)
		}
		return nil
	})
	if reason == "DatePassed" {
		_ = pause(t.Context(), 4*time.Second)
	}
	if a, err := f.addOn(t.Context(), "far"); err != nil || a.Spec.Version != "0.26.2" || a.Spec.MoveTo != "" || a.Spec.Rollout != nil {
		t.Errorf("it is pinned, and %s: %v, %+v", reason, err, a.Spec)
	}
}

// hangsInTheMiddle lets a cluster's API server hang when the first of its nodes has taken the release: that is noticed, the other
// cluster gets its turn, and the first one goes on where it was when it answers again.
func (f *fleet) hangsInTheMiddle(t *testing.T) {
	t.Helper()
	f.awaitsApproval(t, away2, 3)
	far := f.members["far"]
	f.wish(t, "far", func(s *v1alpha1.AddonSpec) {
		s.Roll.Soak, s.Roll.ReadyFor = &metav1.Duration{Duration: 4 * time.Second}, &metav1.Duration{Duration: 3 * time.Second}
	})
	f.approve(t, away2)
	testkube.Eventually(t, long, func(context.Context) error {
		if far.have(t, "0.27.4") == 0 {
			return errors.New("no node has taken it")
		}
		return nil
	})
	if err := far.Pause(sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	f.reachable(t, "far", metav1.ConditionFalse)
	noticed := time.Since(began)
	f.goesOnWithout(t, away2, "far")
	t.Logf("that far hangs was noticed after %s, and near was through after %s", noticed.Round(time.Second), time.Since(began).Round(time.Second))
	if noticed > 2*time.Minute {
		t.Errorf("it was noticed after %s, want two minutes at most", noticed)
	}
	f.arrives(t, "near", "0.27.4")
	if err := far.Resume(sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	if n := far.have(t, "0.27.4"); n != 1 {
		t.Errorf("%d of far's nodes have the release: it did not hang in the middle", n)
	}
	f.arrives(t, "far", "0.27.4")
	r := f.rollout(t, away2, "Finished")
	if m := member(r, "far"); m.Tries != 2 || m.From != "0.27.3" || r.Status.Done != 3 || r.Status.Failed != 0 {
		t.Errorf("it caught up, and it says %+v of %+v", m, r.Status)
	}
}
