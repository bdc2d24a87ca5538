package controller

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

func TestANodeIsTimedOnceItIsThrough(t *testing.T) {
	t.Parallel()
	node := func(name, revision string, ago time.Duration) noderoll.Node {
		return noderoll.Node{Name: name, Ready: true, Pod: &noderoll.Pod{Revision: revision, Ready: true, Available: true, Created: noon.Add(-ago)}}
	}
	nodes := []noderoll.Node{node("a", "new", 20*time.Second), node("b", "new", 7*time.Second), node("c", "old", time.Hour)}
	for name, c := range map[string]struct {
		gated []string
		roll  *noderoll.Decision
		want  []time.Duration
	}{
		"nothing was being changed":                     {nil, &noderoll.Decision{}, nil},
		"one is through, the other is not":              {[]string{"a", "b"}, &noderoll.Decision{InFlight: []string{"b"}}, []time.Duration{20 * time.Second}},
		"the roll is over":                              {[]string{"a", "b"}, nil, []time.Duration{20 * time.Second, 7 * time.Second}},
		"one that did not change":                       {[]string{"c"}, &noderoll.Decision{}, nil},
		"one that is gone":                              {[]string{"d"}, &noderoll.Decision{}, nil},
		"a roll that halted tells nothing of gates":     {[]string{"a"}, &noderoll.Decision{Halt: &noderoll.Halt{Node: "a"}}, nil},
		"a roll of somebody else, whose gates wait not": {[]string{"a"}, &noderoll.Decision{Watched: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := reconcile.Outcome{Input: plan.Input{Nodes: nodes, Now: noon, Installed: plan.Installed{Newest: "new"}}, Plan: plan.Plan{Roll: c.roll}}
			if diff := cmp.Diff(c.want, passed(c.gated, out)); diff != "" {
				t.Errorf("timed (-want +got):\n%s", diff)
			}
			before := &noderoll.Decision{InFlight: slices.Clip(c.gated[:len(c.gated)/2])} // nodes may be deleted and through between two looks
			for _, n := range c.gated[len(c.gated)/2:] {
				before.Delete = append(before.Delete, noderoll.Target{Node: n})
			}
			if diff := cmp.Diff(c.want, passed(underGates(before), out)); diff != "" {
				t.Errorf("timed after they were deleted (-want +got):\n%s", diff)
			}
		})
	}
}

// stopwatch keeps what it is told.
type stopwatch struct {
	Stopwatch
	told map[string]time.Duration
}

func (s *stopwatch) Halt(cause string, took time.Duration) { s.told[cause] = took }

func TestAHaltIsTimedFromTheRecordThatCausedIt(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *metav1.Time { return new(metav1.NewTime(noon.Add(-d))) }
	members := func(state string) []v1alpha1.RolloutMember {
		return []v1alpha1.RolloutMember{{Cluster: "c1", State: state}, {Cluster: "c2", State: "Failed"}}
	}
	held := func(cluster string, d time.Duration) *v1alpha1.Addon {
		a := resting().Addon
		a.Spec.Cluster, a.Status.Held = cluster, []v1alpha1.HeldRelease{{Version: newer, At: ago(d)}}
		return a
	}
	stalled := held("c1", 0)
	stalled.Status.Held = nil
	stalled.Status.Conditions = []metav1.Condition{{Type: "Stalled", Status: "True", LastTransitionTime: *ago(4 * time.Second)}}
	phase := func(p rollout.Phase) v1alpha1.AddonRolloutStatus {
		return v1alpha1.AddonRolloutStatus{Phase: string(p), Obeyed: 2, Members: members("Failed")}
	}
	for name, c := range map[string]struct {
		before, after v1alpha1.AddonRolloutStatus
		addons        []*v1alpha1.Addon
		want          map[string]time.Duration
	}{
		"a cluster that was put back; the other one failed before": {phase("Rolling"), phase("Halted"), []*v1alpha1.Addon{held("c1", 2*time.Second), held("c2", time.Second)}, map[string]time.Duration{byFailure: 2 * time.Second}},
		"a cluster that stands still":                              {phase("Rolling"), phase("Halted"), []*v1alpha1.Addon{stalled}, map[string]time.Duration{byFailure: 4 * time.Second}},
		"a cluster that hung: nobody knows since when":             {phase("Rolling"), phase("Halted"), []*v1alpha1.Addon{resting().Addon}, map[string]time.Duration{}},
		"a recall":                     {phase("Rolling"), phase("Recalled"), nil, map[string]time.Duration{byRecall: 3 * time.Second}},
		"an order":                     {phase("Rolling"), phase("Paused"), nil, map[string]time.Duration{byOrder: 5 * time.Second}},
		"it goes on":                   {phase("Halted"), phase("Rolling"), nil, map[string]time.Duration{}},
		"it was halted before":         {phase("Halted"), phase("Halted"), []*v1alpha1.Addon{held("c1", time.Second)}, map[string]time.Duration{}},
		"it waits for somebody's word": {phase("Rolling"), phase("Approval"), nil, map[string]time.Duration{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.before.Obeyed, c.before.Members = 1, members("Running")
			x := &v1alpha1.AddonRollout{Spec: v1alpha1.AddonRolloutSpec{Addon: "Flannel", Orders: []v1alpha1.Order{{Number: 1, At: ago(time.Hour)}, {Number: 2, At: ago(5 * time.Second)}}}}
			w := work{rollout: x, Journey: status.Journey{Version: newer}, records: records{addons: c.addons, recalls: []v1alpha1.Recall{{Addon: "Flannel", Version: newer, At: ago(3 * time.Second)}}}}
			s := &stopwatch{told: map[string]time.Duration{}}
			h := haltTimes{times: s}
			h.begin("r", w.halt(c.before, c.after))
			h.end("other", noon)
			h.end("r", noon)
			h.end("r", noon.Add(time.Hour)) // told once
			if diff := cmp.Diff(c.want, s.told); diff != "" {
				t.Errorf("timed (-want +got):\n%s", diff)
			}
		})
	}
}
