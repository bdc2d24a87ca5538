package noderoll_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// began is the record of a replacing that began half an hour ago with so many nodes, n1 its canary.
func began(capacity int, canaries ...string) noderoll.Record {
	return noderoll.Record{Revision: newest, Started: noon.Add(-30 * time.Minute), Canaries: canaries, Capacity: &capacity}
}

// came : a new node that has run the newest release for so long.
func came(ago time.Duration) edit {
	return func(n *noderoll.Node) {
		n.Pod = aged(n.Name, newest, ago)
		n.ReadySince = noon.Add(-ago)
	}
}

func TestNodesAreReplaced(t *testing.T) {
	t.Parallel()
	alone := "Finished: every node has taken the release and passed its gates | "
	for name, c := range map[string]struct {
		nodes  []noderoll.Node
		rules  noderoll.Rules
		record noderoll.Record
		want   string
	}{
		"a canary first":                       {fleet(5), rules, none, "Replacing of canary nodes: change  | cordon n1"},
		"marked ones first":                    {fleet(5, on(n(4), canary)), rules, none, "Replacing of canary nodes: change  | cordon n4"},
		"it waits for somebody":                {fleet(5, on(n(1), ours(time.Second))), rules, began(5, "n1"), "Replacing of canary nodes: cordoned, and to be replaced by somebody: n1 | "},
		"or goes on where there is room":       {fleet(5)[1:], rules, began(5, "n1"), "Replacing of the other nodes: change  | cordon n2"},
		"that passes its gates":                {fleet(6, on(n(6), came(5*time.Second)))[1:], with(one), began(5, "n1"), "Replacing of the other nodes: waiting for n6 | "},
		"and runs for a while":                 {fleet(6, on(n(6), came(20*time.Second)))[1:], rules, began(5, "n1"), "Soak of the other nodes: the nodes that came so far run until 12:00:20 before others are cordoned | "},
		"then the others, some at a time":      {fleet(6, on(n(6), came(time.Minute)))[1:], rules, began(5, "n1"), "Replacing of the other nodes: change  | cordon n2, cordon n3"},
		"no more than may be":                  {fleet(6, on(n(6), came(time.Minute)), on(n(2, 3), ours(time.Minute)))[1:], rules, began(5, "n1"), "Replacing of the other nodes: cordoned, and to be replaced by somebody: n2, n3 | "},
		"pool by pool":                         {fleet(6, on(n(6), came(time.Minute)), on(n(2, 3), in("b", "")), on(n(4, 5), in("a", "")))[1:], rules, began(5, "n1"), "Replacing of pool a: change  | cordon n4, cordon n5"},
		"not below what there was":             {fleet(3)[1:], with(one), began(3, "n1"), "Replacing of the other nodes: 2 nodes take pods, of 3 when the replacing began: add nodes before others are cordoned | "},
		"nodes that are not well do not count": {fleet(4, on(n(4), came(time.Minute), down(time.Second)))[1:], with(one), began(3, "n1"), "Replacing of the other nodes: waiting for n4 | "},
		"a second canary, when the first is replaced": {
			fleet(6, on(n(6), came(time.Minute)))[1:], with(func(r *noderoll.Rules) { r.Canaries = 2 }), began(5, "n1", "n2"), "Replacing of canary nodes: change  | cordon n2",
		},
		"one that somebody else has cordoned": {
			fleet(3, on(n(1, 2), came(time.Minute)), on(n(3), cordoned)), rules, began(3), "Left: the nodes that are left cannot be cordoned by us; n3 skipped, the node is cordoned | ",
		},
		"one that was booted in place": {fleet(2, on(n(1), came(time.Hour)), on(n(2), came(time.Minute), ours(time.Hour))), rules, began(2), alone + "uncordon n2"},
		"not before it has passed":     {fleet(1, on(n(1), came(time.Second), ours(time.Hour))), rules, began(1), "Replacing: waiting for n1 | "},
		"whatever becomes of one that is going": {
			fleet(4, on(n(1), ours(time.Hour), notReady(time.Hour)), on(n(2), ours(time.Hour), gone), on(n(3, 4), came(time.Hour))), rules, began(4), "Replacing of the other nodes: cordoned, and to be replaced by somebody: n1, n2 | ",
		},
		"its agent may be lost": {
			fleet(3, on(n(1), ours(time.Minute), down(20*time.Second)), on(n(2, 3), came(time.Hour))), rules, began(3, "n1"), "Replacing of canary nodes: cordoned, and to be replaced by somebody: n1 | ",
		},
		"not that of another": {
			fleet(3, on(n(1), ours(time.Minute)), on(n(2), down(20*time.Second))), rules, began(3, "n1"),
			"Halted: halted at n2: gate unchanged-nodes: its agent of the release before worked when the roll began, and does not since 2026-11-23T11:59:40Z: not Ready | ",
		},
		"or perhaps": {
			fleet(3, on(n(2), down(2*time.Second))), rules, began(3), "Replacing of the other nodes: waiting to see whether an agent that was not touched comes back: n2 | ",
		},
		"a new node fails": {
			fleet(3, on(n(1), ours(time.Minute)), on(n(3), came(time.Minute), crashing)), rules, began(2), "Halted: halted at n3: gate agent-restarts: CrashLoopBackOff (3 restarts) | ",
		},
		"a new node shows that it gives addresses": {fleet(1, on(n(1), came(time.Hour))), asks(freshPod), began(1), "Replacing: waiting for n1 | start a fresh pod on n1"},
		"paused":                                 {fleet(3, on(n(1), ours(time.Second))), asks(pause), began(3, "n1"), "Paused: paused | "},
		"what was begun by a roll is none of it": {fleet(3), rules, begun(time.Second, "n2"), "Replacing of canary nodes: change  | cordon n1"},
		"an old node without addresses":          {fleet(1, on(n(1), npn("BACKOFF", ""))), asks(native, one), none, "Replacing of canary nodes: change  | cordon n1"},
		"one that has just come is waited for":   {fleet(3, on(n(1, 2), came(time.Minute)), on(n(3), notReady(time.Second), gone)), rules, began(3), "Replacing: waiting for n3; n3 skipped, the node itself is not Ready | "},
		"all of them":                            {fleet(3, on(n(1, 2, 3), came(time.Hour))), rules, began(3), alone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := noderoll.Replace(c.nodes, newest, c.rules, c.record, noon)
			if got := says(d) + " | " + errandsOf(d.Errands); got != c.want {
				t.Errorf("decided\n%s, want\n%s", got, c.want)
			}
			if cordons := strings.Contains(errandsOf(d.Errands), "cordon ") && !strings.Contains(errandsOf(d.Errands), "uncordon"); cordons != (d.Record.Capacity != nil) {
				t.Errorf("the record is %+v", d.Record)
			}
		})
	}
}

func TestWhatAReplacingRemembers(t *testing.T) {
	t.Parallel()
	first := noderoll.Replace(fleet(5, on(n(5), cordoned), on(n(4), down(time.Hour))), newest, rules, none, noon)
	three, five := 3, 5
	want := noderoll.Record{Revision: newest, Started: noon, At: noon, Canaries: []string{"n1"}, Broken: []string{"n4"}, Capacity: &three}
	if diff := cmp.Diff(want, first.Record); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	then := noderoll.Replace(fleet(6, on(n(6), came(time.Minute)))[1:], newest, rules, began(5, "n1"), noon)
	want = noderoll.Record{Revision: newest, Started: noon.Add(-30 * time.Minute), At: noon, Canaries: []string{"n1"}, Capacity: &five}
	if diff := cmp.Diff(want, then.Record); diff != "" {
		t.Errorf("then (-want +got):\n%s", diff)
	}
}
