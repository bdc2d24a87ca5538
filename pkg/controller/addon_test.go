package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// due is an outcome whose next step is of a kind, and whose newest revision has a status and was written so long ago.
func due(kind plan.StepKind, last plan.Status, ago time.Duration) reconcile.Outcome {
	var out reconcile.Outcome
	out.Input.Now = now
	out.Plan.Steps = []plan.Step{{Kind: kind}}
	out.Input.Record.Revisions = []plan.Revision{{Number: 3, Status: last, Updated: now.Add(-ago)}}
	return out
}

// One row per cell: which nodes that are on their way a manager leaves alone, after the last step that it carried out. The rows of a stop would catch
// a record that goes on saying that the DaemonSet controller is to be stopped.
func TestNodesOnTheirWayAreWaitedForUnlessNobodyMayBe(t *testing.T) {
	t.Parallel()
	on := func(phase noderoll.Phase, inFlight ...string) reconcile.Outcome {
		out := due(plan.AwaitNodes, plan.PendingUpgrade, 0)
		out.Plan.Roll, out.Input.Installed.Observed = &noderoll.Decision{Phase: phase, InFlight: inFlight}, true
		return out
	}
	after := func(kind plan.StepKind, seen bool) reconcile.Outcome {
		out := due(plan.AwaitNodes, plan.PendingUpgrade, 0)
		out.Results, out.Input.Installed.Observed = []plan.Result{{Step: plan.Step{Kind: kind}}}, seen
		return out
	}
	back := on(noderoll.PutBack, "node-01")
	back.Input.Desired.Back = plan.Back{Revision: 2}
	for name, c := range map[string]struct {
		out  reconcile.Outcome
		hold string
		want bool
	}{
		"nodes change":                              {on(noderoll.Batch, "node-01"), "", false},
		"paused":                                    {on(noderoll.Paused), "", true},
		"paused, and a node is on its way":          {on(noderoll.Paused, "node-01"), "", false},
		"no further one may change":                 {on(noderoll.Batch, "node-01"), v1alpha1.HoldFinishNode, false},
		"none may be waited for":                    {on(noderoll.Batch, "node-01"), v1alpha1.HoldStop, true},
		"none may be waited for, on a way back":     {back, v1alpha1.HoldStop, false},
		"the controller was just stopped":           {after(plan.Halt, false), v1alpha1.HoldStop, false},
		"the controller was stopped, and knows":     {after(plan.Halt, true), v1alpha1.HoldStop, true},
		"something else was written, and is unseen": {after(plan.Apply, false), v1alpha1.HoldStop, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := leftAlone(c.out, c.hold); got != c.want {
				t.Errorf("left alone: %t, want %t", got, c.want)
			}
		})
	}
}

// One row per cell: who may write, and what a rollout holds back.
func TestAStepIsAllowedToWhoeverHoldsTheClusterAndIsNotHeldBack(t *testing.T) {
	t.Parallel()
	errOver := errors.New("the tenure is over")
	ours := func(context.Context) error { return nil }
	over := func(context.Context) error { return errOver }
	back := due(plan.Apply, plan.Deployed, 0)
	back.Input.Desired.Back = plan.Back{Revision: 2}
	for name, c := range map[string]struct {
		out    reconcile.Outcome
		hold   string
		tenure func(context.Context) error
		want   error
	}{
		"nothing was taken over":                            {due(plan.Apply, plan.Deployed, 0), "", nil, ErrNotTaken},
		"it is ours":                                        {due(plan.Apply, plan.Deployed, 0), "", ours, nil},
		"it was ours":                                       {due(plan.Apply, plan.Deployed, 0), "", over, errOver},
		"a move that was not begun is held":                 {due(plan.Apply, plan.Deployed, 0), v1alpha1.HoldFinishNode, ours, ErrHeldBack},
		"and not even taken over for":                       {due(plan.Apply, plan.Deployed, 0), v1alpha1.HoldStop, nil, ErrHeldBack},
		"a move that was begun is written whole":            {due(plan.Apply, plan.PendingUpgrade, 0), v1alpha1.HoldFinishNode, ours, nil},
		"an installation that was begun is, too":            {due(plan.Apply, plan.PendingInstall, 0), v1alpha1.HoldStop, ours, nil},
		"nodes that are under way are tended to":            {due(plan.TendNodes, plan.PendingUpgrade, 0), v1alpha1.HoldStop, ours, nil},
		"a missing guard is put back under a hold":          {due(plan.Protect, plan.Deployed, 0), v1alpha1.HoldStop, ours, nil},
		"a way back is not held":                            {back, v1alpha1.HoldStop, ours, nil},
		"a hold that was taken off holds nothing":           {due(plan.Apply, plan.Superseded, 0), "", ours, nil},
		"a hold does not make somebody else's cluster ours": {due(plan.ChangeNodes, plan.PendingUpgrade, 0), v1alpha1.HoldFinishNode, over, errOver},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Allowed(t.Context(), c.out, c.hold, c.tenure); !errors.Is(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// A hold pauses what was seen, and nothing that is recorded: a way back goes on.
func TestAHoldChangesNoFurtherNode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hold string
		back int
		want bool
	}{
		"nothing is held":        {"", 0, false},
		"the node under way":     {v1alpha1.HoldFinishNode, 0, true},
		"everything":             {v1alpha1.HoldStop, 0, true},
		"a way back is not held": {v1alpha1.HoldStop, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var in plan.Input
			in.Desired.Back.Revision = c.back
			Held(&in, c.hold)
			if in.Desired.Roll.Paused != c.want {
				t.Errorf("paused = %t", in.Desired.Roll.Paused)
			}
		})
	}
}

// The time of a move that the DaemonSet controller makes is counted from its revision. A roll of ours has none: it halts.
func TestAMoveIsLateByItsRevision(t *testing.T) {
	t.Parallel()
	in := func(ago time.Duration, roll *noderoll.Decision, bad bool) reconcile.Outcome {
		out := due(plan.AwaitNodes, plan.PendingUpgrade, ago)
		out.Plan.Roll = roll
		if bad {
			out.Plan.Nodes.Waiting = []noderoll.Waiting{{Node: "n1", State: noderoll.Failing}}
		}
		return out
	}
	none := due(plan.AwaitNodes, plan.PendingUpgrade, time.Hour)
	none.Input.Record.Revisions = nil
	for name, c := range map[string]struct {
		out  reconcile.Outcome
		want reconcile.End
	}{
		"there is time left":                  {in(59*time.Second, nil, true), ""},
		"the time is up and nodes come":       {in(time.Minute, nil, false), reconcile.TimedOut},
		"the time is up and a node fails":     {in(time.Minute, nil, true), reconcile.NodesFailed},
		"the controller's own roll is judged": {in(time.Minute, &noderoll.Decision{Watched: true}, true), reconcile.NodesFailed},
		"a roll of ours is not":               {in(time.Hour, &noderoll.Decision{}, true), ""},
		"nothing is recorded":                 {none, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := late(c.out, time.Minute); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A cluster that does not answer is asked less and less often, and a good step begins anew.
func TestABackOffGrowsUpToItsLimit(t *testing.T) {
	t.Parallel()
	r := &Clusters{misses: map[string]int{}, Resync: 5 * time.Minute}
	for try, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		least := want * time.Second
		if got := r.backOff("east", time.Minute); got < least || got > least+least/5+1 {
			t.Errorf("try %d: %s, want %s and a fifth of it at most", try, got, least)
		}
	}
	if got := r.backOff("west", time.Minute); got > 2*time.Second {
		t.Errorf("another cluster waits for %s", got)
	}
	r.forgive("east")
	if got := r.backOff("east", time.Minute); got > 2*time.Second {
		t.Errorf("after a good step: %s", got)
	}
	for range 100 {
		if got := r.idle(); got < r.Resync || got > r.Resync+r.Resync/5+1 {
			t.Fatalf("an idle cluster is looked at after %s", got)
		}
	}
}

// A catalog that says the same stays the same, so that nobody begins anew because a folder was read again.
func TestACatalogChangesOnlyWhenItSaysSomethingElse(t *testing.T) {
	t.Parallel()
	c := catalogs(t)
	spec := v1alpha1.AddonCatalogSpec{BuiltIn: true}
	follow := func() *catalog.Catalog {
		_, _, _, err := c.follow(t.Context(), spec, v1alpha1.AddonCatalogStatus{}, time.Now())
		must(t, err)
		return c.Current()
	}
	first := follow()
	if follow() != first {
		t.Error("the same was taken for another one")
	}
	spec.Recalls = []v1alpha1.Recall{{Addon: "Flannel", Version: newer, Reason: "x"}}
	if second := follow(); second == first || follow() != second {
		t.Error("a recall was not taken for another catalog, or twice for one")
	}
}
