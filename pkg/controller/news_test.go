package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// texts are news as they are told.
func texts(all []news) []string {
	var out []string
	for _, n := range all {
		out = append(out, n.kind+" "+n.reason+": "+n.note)
	}
	return out
}

func TestAnAddonsNewsAreToldOnceEach(t *testing.T) {
	t.Parallel()
	edition := func(how ...func(*v1alpha1.Addon)) *v1alpha1.Addon {
		a := resting().Addon.DeepCopy()
		for _, f := range how {
			f(a)
		}
		return a
	}
	revision := func(n int32, v, status string) func(*v1alpha1.Addon) {
		return func(a *v1alpha1.Addon) {
			a.Status.History = append([]v1alpha1.HistoryEntry{{Revision: n, Version: v, Status: status}}, a.Status.History...)
		}
	}
	stalled := func(reason string) func(*v1alpha1.Addon) {
		return func(a *v1alpha1.Addon) {
			a.Status.Conditions = append(a.Status.Conditions, metav1.Condition{Type: "Stalled", Status: "True", Reason: reason, Message: "node-01 failed"})
		}
	}
	found := func(reason string) func(*v1alpha1.Addon) {
		return func(a *v1alpha1.Addon) {
			a.Status.Findings = append(a.Status.Findings, v1alpha1.Finding{Reason: reason, Message: "look at it"})
		}
	}
	held := func(a *v1alpha1.Addon) {
		a.Status.Held = []v1alpha1.HeldRelease{{Version: newer, Reason: "pods lost DNS"}}
	}
	back := func(a *v1alpha1.Addon) { a.Spec.Rollback = &v1alpha1.Rollback{Revision: 3, Reason: "pods lost DNS"} }
	begun := edition(revision(4, newer, "pending-upgrade"))
	for name, c := range map[string]struct {
		before, after *v1alpha1.Addon
		want          []string
	}{
		"nothing":       {edition(), edition(), nil},
		"a move begins": {edition(), begun, []string{"Normal MoveStarted: revision 4 goes from 0.26.2 to 0.27.3"}},
		"it goes on":    {begun, edition(revision(4, newer, "pending-upgrade"), func(a *v1alpha1.Addon) { a.Status.Nodes.Ready = 2 }), nil},
		"it is done":    {begun, edition(revision(4, newer, "deployed")), []string{"Normal MoveDone: 0.27.3 runs on 3 nodes"}},
		"begun and done between two looks": {edition(), edition(revision(4, newer, "deployed")), []string{
			"Normal MoveStarted: revision 4 goes from 0.26.2 to 0.27.3", "Normal MoveDone: 0.27.3 runs on 3 nodes",
		}},
		"a way back begins":  {edition(back), edition(back, revision(5, older, "pending-rollback")), []string{"Normal WayBackStarted: revision 5 goes back from 0.26.2 to 0.26.2: pods lost DNS"}},
		"a way back is done": {edition(back, revision(5, older, "pending-rollback")), edition(revision(5, older, "deployed")), []string{"Normal WentBack: 0.26.2 runs on 3 nodes"}},
		"a way back is done, and the wish was taken off before": {
			edition(held, revision(4, newer, "superseded"), revision(5, older, "pending-rollback")), edition(held, revision(4, newer, "superseded"), revision(5, older, "deployed")),
			[]string{"Normal WentBack: 0.26.2 runs on 3 nodes"},
		},
		"a roll halts":                      {begun, edition(revision(4, newer, "pending-upgrade"), stalled("RollHalted")), []string{"Warning RollHalted: node-01 failed"}},
		"it stays halted":                   {edition(stalled("RollHalted")), edition(stalled("RollHalted")), nil},
		"blocked":                           {edition(stalled("RollHalted")), edition(stalled("Blocked")), []string{"Warning Blocked: node-01 failed"}},
		"a release is held":                 {edition(), edition(held), []string{"Warning ReleaseHeld: it was put back from 0.27.3, which is held: pods lost DNS"}},
		"it stays held":                     {edition(held), edition(held), nil},
		"a pin ends soon":                   {edition(found("Pinned")), edition(found("Pinned"), found("PinExpiring")), []string{"Warning PinExpiring: look at it"}},
		"it still does":                     {edition(found("PinExpiring")), edition(found("PinExpiring")), nil},
		"its roll is stopped by a recall":   {begun, edition(revision(4, newer, "pending-upgrade"), found("RollRecalled")), []string{"Warning RollRecalled: look at it"}},
		"a finding of no concern to others": {edition(), edition(found("SeveralSteps")), nil},
		"seen for the first time": {
			edition(func(a *v1alpha1.Addon) { a.Status = v1alpha1.AddonStatus{} }), edition(found("GuardMissing")), []string{"Warning GuardMissing: look at it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, texts(ofAddon(c.before, c.after))); diff != "" {
				t.Errorf("news (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAClustersNewsAreThatItWentAwayAndCameBack(t *testing.T) {
	t.Parallel()
	edition := func(reached metav1.ConditionStatus) *v1alpha1.ClusterNetwork {
		c := &v1alpha1.ClusterNetwork{}
		if reached != "" {
			c.Status.Conditions = []metav1.Condition{{Type: "Reachable", Status: reached, Message: "as it is"}}
		}
		return c
	}
	for name, c := range map[string]struct {
		before, after metav1.ConditionStatus
		want          []string
	}{
		"it stays":                         {"True", "True", nil},
		"it stays away":                    {"False", "False", nil},
		"it goes away":                     {"True", "False", []string{"Warning ClusterUnreachable: as it is"}},
		"it comes back":                    {"False", "True", []string{"Normal ClusterReachable: as it is"}},
		"it was never reached":             {"", "False", []string{"Warning ClusterUnreachable: as it is"}},
		"it is reached for the first time": {"", "True", nil},
		"nobody has looked":                {"", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, texts(ofCluster(edition(c.before), edition(c.after)))); diff != "" {
				t.Errorf("news (-want +got):\n%s", diff)
			}
		})
	}
}
