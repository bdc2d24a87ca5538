package status_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
)

// at is a roll in mid-way.
func at(phase noderoll.Phase) plan.Plan {
	p := rolling(1)
	p.Hop = "0.27.3"
	p.Roll = &noderoll.Decision{Phase: phase, Stage: "pool a", Changed: 2, Passed: 1, Total: 3, InFlight: []string{"n2"}}
	return p
}

func haltedAt(node string) plan.Plan {
	p := at(noderoll.Halted)
	p.Roll.Halt = &noderoll.Halt{Node: node, Gate: "agent-ready", Evidence: "kube-flannel: CrashLoopBackOff (2 restarts)"}
	return p
}

// putBack is how a halted roll ends: the node that failed is back, and the others keep what they have.
func putBack() plan.Plan {
	p := rolling(1)
	p.State, p.Steps = plan.HaltedState, nil
	p.Roll = &noderoll.Decision{Phase: noderoll.Finished, Changed: 1, Passed: 1, Total: 1}
	return p
}

// heldBack is a template that no node is to take.
func heldBack() plan.Plan {
	p := rolling(1)
	p.Held = true
	return p
}

// It would catch a halted roll that says it is on its way, which a pipeline would wait for until the end of its time.
func TestAStatusSaysWhereARollStands(t *testing.T) {
	t.Parallel()
	usual := []string{"Degraded=True NodesNotReady", "Pinned=False Automatic"}
	for name, c := range map[string]struct {
		plan       plan.Plan
		roll       *v1alpha1.RollStatus
		conditions []string
		lifecycle  string
	}{
		"no roll": {rolling(1), nil, []string{"Ready=False Rolling", "Reconciling=True Rolling"}, "UPDATING"},
		"under way": {
			at(noderoll.Batch), &v1alpha1.RollStatus{Phase: "Batch", Stage: "pool a", Changed: 2, Passed: 1, Total: 3},
			[]string{"Ready=False Rolling", "Reconciling=True Rolling"},
			"UPDATING",
		},
		"paused": {
			at(noderoll.Paused), &v1alpha1.RollStatus{Phase: "Paused", Stage: "pool a", Changed: 2, Passed: 1, Total: 3},
			[]string{"Ready=False RollPaused", "Reconciling=True RollPaused"},
			"UPDATING",
		},
		"nodes left": {
			at(noderoll.Left), &v1alpha1.RollStatus{Phase: "Left", Stage: "pool a", Changed: 2, Passed: 1, Total: 3},
			[]string{"Ready=False NodesLeft", "Reconciling=True NodesLeft"},
			"UPDATING",
		},
		"nodes held": {heldBack(), nil, []string{"Ready=False NodesHeld", "Reconciling=True NodesHeld"}, "UPDATING"},
		"halted": {
			haltedAt("n2"),
			&v1alpha1.RollStatus{
				Phase: "Halted", Stage: "pool a", Changed: 2, Passed: 1, Total: 3,
				Halt: &v1alpha1.Halt{Node: "n2", Gate: "agent-ready", Evidence: "kube-flannel: CrashLoopBackOff (2 restarts)"},
			},
			[]string{"Ready=False RollHalted", "Stalled=True RollHalted"},
			"NEEDS_ATTENTION",
		},
		"halted, and the node that failed put back": {
			putBack(), &v1alpha1.RollStatus{Phase: "Halted", Changed: 1, Passed: 1, Total: 1},
			[]string{"Ready=False RollHalted", "Stalled=True RollHalted"},
			"NEEDS_ATTENTION",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := status.Addon(v1alpha1.AddonStatus{}, 1, present(), c.plan, "cli")
			if diff := cmp.Diff(c.roll, got.Roll); diff != "" {
				t.Errorf("roll (-want +got):\n%s", diff)
			}
			want := append(append(c.conditions[:1:1], usual...), c.conditions[1:]...)
			if diff := cmp.Diff(want, conditions(got)); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			if got.LifecycleState != c.lifecycle {
				t.Errorf("lifecycle %q, want %q", got.LifecycleState, c.lifecycle)
			}
		})
	}
}

func TestAHaltIsToldInASentence(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]plan.Plan{
		"the roll of Flannel 0.27.3 is halted at n2: gate agent-ready: kube-flannel: CrashLoopBackOff (2 restarts)":        haltedAt("n2"),
		"a roll of Flannel was halted: 1 of 3 nodes run 0.26.2, and the others keep what they have until somebody decides": putBack(),
	} {
		for _, c := range status.Addon(v1alpha1.AddonStatus{}, 1, present(), p, "cli").Conditions {
			if (c.Type == "Ready" || c.Type == "Stalled") && c.Message != want {
				t.Errorf("%s says %q, want %q", c.Type, c.Message, want)
			}
		}
	}
}

// 5,000 nodes, every one of them skipped or under way, with long names and words: a status that grew with the cluster would not fit
// into etcd, and the API server would refuse texts that are longer than its definition allows.
func TestARollOfManyNodesFitsIntoAStatus(t *testing.T) {
	t.Parallel()
	p := haltedAt(strings.Repeat("n", 253))
	p.Roll.Stage = "pool " + strings.Repeat("ü", 600)
	p.Roll.Halt.Evidence = strings.Repeat("é", 5000)
	for i := range 5000 {
		name := fmt.Sprintf("%s-%d", strings.Repeat("n", 240), i)
		p.Roll.InFlight = append(p.Roll.InFlight, name)
		p.Roll.Canaries = append(p.Roll.Canaries, name)
		p.Roll.Skipped = append(p.Roll.Skipped, noderoll.Waiting{Node: name, State: noderoll.Outdated, Why: "the node is cordoned"})
	}
	got := status.Addon(v1alpha1.AddonStatus{}, 1, present(), p, "cli")
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 16<<10 {
		t.Errorf("the status has %d bytes", len(text))
	}
	r := got.Roll
	if len(r.Stage) > 512 || len(r.Halt.Evidence) > 1024 || r.Skipped != 5000 || !utf8.ValidString(r.Stage) || !utf8.ValidString(r.Halt.Evidence) {
		t.Errorf("stage of %d bytes, evidence of %d, %d skipped", len(r.Stage), len(r.Halt.Evidence), r.Skipped)
	}
}
