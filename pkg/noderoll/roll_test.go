package noderoll_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// noon is now in the tables. Everything in them was well an hour ago.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// rules of the tables: 2 nodes at a time, 10 s to be Ready, a minute to pass, half a minute to soak.
var rules = noderoll.Rules{Canaries: 1, Max: 2, Soak: 30 * time.Second, ReadyFor: 10 * time.Second, NodeTimeout: time.Minute, MaxRestarts: 1}

// fleet is nodes n1, n2 and so on, which run the release before and are well.
func fleet(n int, changes ...func([]noderoll.Node)) []noderoll.Node {
	var out []noderoll.Node
	for i := range n {
		node := noderoll.Node{Name: fmt.Sprintf("n%d", i+1), Ready: true, ReadySince: noon.Add(-time.Hour)}
		node.Pod = aged(node.Name, older, time.Hour)
		out = append(out, node)
	}
	for _, c := range changes {
		c(out)
	}
	return out
}

// aged is a working pod that was made so long ago, and Ready at once.
func aged(node, revision string, ago time.Duration) *noderoll.Pod {
	at := noon.Add(-ago)
	return &noderoll.Pod{
		Name: "p-" + node, UID: node + "-" + revision, Revision: revision, Version: "1", Ready: true, Available: true, Created: at, Started: at, ReadySince: at,
	}
}

type edit func(*noderoll.Node)

// on changes nodes by their numbers.
func on(numbers []int, edits ...edit) func([]noderoll.Node) {
	return func(nodes []noderoll.Node) {
		for _, i := range numbers {
			for _, e := range edits {
				e(&nodes[i-1])
			}
		}
	}
}

func n(numbers ...int) []int { return numbers }

func taken(ago time.Duration) edit {
	return func(n *noderoll.Node) { n.Pod = aged(n.Name, newest, ago) }
}

// down : its agent has not been Ready for so long.
func down(ago time.Duration) edit {
	return func(n *noderoll.Node) {
		n.Pod.Ready, n.Pod.Available, n.Pod.ReadySince = false, false, noon.Add(-ago)
	}
}

func crashing(n *noderoll.Node) {
	down(5 * time.Second)(n)
	n.Pod.Bad, n.Pod.Trouble, n.Pod.Restarts = true, "CrashLoopBackOff", 3
}

func notReady(ago time.Duration) edit {
	return func(n *noderoll.Node) { n.Ready, n.ReadySince = false, noon.Add(-ago) }
}

func gone(n *noderoll.Node)        { n.Pod = nil }
func terminating(n *noderoll.Node) { n.Pod.Terminating = true }
func cordoned(n *noderoll.Node)    { n.Cordoned = true }
func canary(n *noderoll.Node)      { n.Canary = true }

func in(pool, zone string) edit {
	return func(n *noderoll.Node) { n.Pool, n.Zone = pool, zone }
}

func kernel(k string) edit { return func(n *noderoll.Node) { n.Kernel = k } }

// begun is the record of a roll that began half an hour ago and asked for these nodes so long ago, with n1 as its canary.
func begun(ago time.Duration, nodes ...string) noderoll.Record {
	r := noderoll.Record{Revision: newest, Started: noon.Add(-30 * time.Minute), At: noon.Add(-ago), Canaries: []string{"n1"}}
	for _, node := range nodes {
		r.Intent = append(r.Intent, noderoll.Target{Node: node, Pod: "p-" + node, UID: node + "-" + older})
	}
	return r
}

func broken(r noderoll.Record, nodes ...string) noderoll.Record {
	r.Broken = nodes
	return r
}

func with(f func(*noderoll.Rules)) noderoll.Rules {
	r := rules
	f(&r)
	return r
}

// says is a decision in a line: phase and stage, what is deleted or why nothing is, and what is skipped.
func says(d noderoll.Decision) string {
	out := string(d.Phase)
	if d.Stage != "" {
		out += " of " + d.Stage
	}
	var nodes []string
	for _, t := range d.Delete {
		nodes = append(nodes, t.Node)
	}
	switch {
	case d.Why != "" && len(nodes) > 0:
		out += ": BOTH " + d.Why
	case d.Why != "":
		out += ": " + d.Why
	default:
		out += ": change " + strings.Join(nodes, " ")
	}
	for _, s := range d.Skipped {
		out += fmt.Sprintf("; %s skipped, %s", s.Node, s.Why)
	}
	return out
}

type decided struct {
	nodes  []noderoll.Node
	rules  noderoll.Rules
	record noderoll.Record
	want   string
}

func check(t *testing.T, table map[string]decided) {
	t.Helper()
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := says(noderoll.Decide(c.nodes, newest, c.rules, c.record, noon)); got != c.want {
				t.Errorf("decided\n%s, want\n%s", got, c.want)
			}
		})
	}
}

var none noderoll.Record

func TestCanariesGoFirst(t *testing.T) {
	t.Parallel()
	cover := with(func(r *noderoll.Rules) { r.Canaries = 0 })
	for name, c := range map[string]struct {
		nodes  []noderoll.Node
		rules  noderoll.Rules
		record noderoll.Record
		want   string
	}{
		"as many as were asked for":              {fleet(9), with(func(r *noderoll.Rules) { r.Canaries = 3 }), none, "n1 n2 n3"},
		"one of each kind first, then by name":   {fleet(9, on(n(7), kernel("6"))), with(func(r *noderoll.Rules) { r.Canaries = 3 }), none, "n1 n2 n7"},
		"no more than there are":                 {fleet(2), with(func(r *noderoll.Rules) { r.Canaries = 3 }), none, "n1 n2"},
		"marked ones instead of a number":        {fleet(9, on(n(5, 8), canary)), rules, none, "n5 n8"},
		"marked ones that cannot be changed":     {fleet(9, on(n(5), canary, cordoned)), rules, none, "n1"},
		"a marked one that is broken":            {fleet(9, on(n(5), canary, down(time.Hour))), rules, none, "n5"},
		"one where all are alike":                {fleet(30), cover, none, "n1"},
		"one of each kind":                       {fleet(30, on(n(12), in("b", "")), on(n(20, 21), kernel("6"))), cover, none, "n1 n12 n20"},
		"a tenth at most":                        {fleet(20, on(n(2), kernel("2")), on(n(3), kernel("3")), on(n(4), kernel("4"))), cover, none, "n1 n2"},
		"one even of few nodes":                  {fleet(3, on(n(2), kernel("2"))), cover, none, "n1"},
		"not a node that was broken":             {fleet(9, on(n(1), down(time.Hour))), rules, none, "n2"},
		"not a cordoned one, nor one not Ready":  {fleet(9, on(n(1), cordoned), on(n(2), notReady(time.Hour))), rules, none, "n3"},
		"an unplanned one comes on top":          {fleet(9, on(n(1), taken(time.Hour))), rules, none, "n2"},
		"what was chosen stays":                  {fleet(9, on(n(1), taken(time.Hour))), rules, begun(time.Hour, "n1"), "n1"},
		"what was chosen and vanished":           {fleet(9)[1:], rules, begun(time.Hour, "n1"), "n2"},
		"what was chosen and is now cordoned":    {fleet(9, on(n(1), cordoned)), rules, begun(time.Hour), "n2"},
		"no more are chosen at the end":          {fleet(9, on(n(1, 2, 3, 4, 5, 6, 7, 8, 9), taken(time.Hour))), rules, begun(time.Hour, "n1"), "n1"},
		"none on a way back":                     {fleet(9, on(n(4), canary)), with(func(r *noderoll.Rules) { r.Back = true }), none, ""},
		"of those that are to be changed":        {fleet(9), with(func(r *noderoll.Rules) { r.Only = []string{"n4", "n5"} }), none, "n4"},
		"a new kind, where all kinds are wanted": {fleet(30, on(n(1), taken(time.Hour)), on(n(9), kernel("6"))), cover, begun(time.Hour, "n1"), "n1 n9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(noderoll.Decide(c.nodes, newest, c.rules, c.record, noon).Canaries, " "); got != c.want {
				t.Errorf("canaries are %q, want %q", got, c.want)
			}
		})
	}
}

func TestStages(t *testing.T) {
	t.Parallel()
	three := with(func(r *noderoll.Rules) { r.Canaries = 3 })
	pools := func(changes ...func([]noderoll.Node)) []noderoll.Node {
		return fleet(7, append([]func([]noderoll.Node){on(n(1, 6), in("b", "2")), on(n(2, 3), in("b", "1")), on(n(4, 5, 7), in("a", "9"))}, changes...)...)
	}
	check(t, map[string]decided{
		"nothing is left to do": {fleet(2, on(n(1, 2), taken(time.Hour))), rules, none, "Finished: every node has taken the release and passed its gates"},
		"no node should run it": {fleet(1, on(n(1), func(n *noderoll.Node) { n.Exempt = "taint" })), rules, none, "Finished: every node has taken the release and passed its gates"},
		"the first canary":      {fleet(9), three, none, "Canary of canary nodes: change n1"},
		"the second, one at a time": {
			fleet(9, on(n(1), taken(time.Hour))), three, begun(time.Hour, "n1"), "Canary of canary nodes: change n2",
		},
		"a canary on its way":   {fleet(9, on(n(1), taken(5*time.Second))), three, begun(8*time.Second, "n1"), "Canary of canary nodes: waiting for n1"},
		"each canary soaks":     {fleet(9, on(n(1), taken(39*time.Second))), three, begun(45*time.Second, "n1"), "Soak of canary nodes: the nodes changed so far run until 12:00:01 before others follow"},
		"until that is over":    {fleet(9, on(n(1), taken(40*time.Second))), three, begun(45*time.Second, "n1"), "Canary of canary nodes: change n2"},
		"the last canary soaks": {pools(on(n(1), taken(20*time.Second))), rules, begun(25*time.Second, "n1"), "Soak of pool a, zone 9: the nodes changed so far run until 12:00:20 before others follow"},
		"pool by pool":          {pools(on(n(1), taken(time.Hour))), rules, begun(time.Hour, "n1"), "Batch of pool a, zone 9: change n4 n5"},
		"a pool to its end":     {pools(on(n(1, 4, 5), taken(time.Hour))), rules, begun(time.Hour, "n4", "n5"), "Batch of pool a, zone 9: change n7"},
		"a pool's last node":    {pools(on(n(1, 4, 5, 7), taken(time.Hour)), on(n(7), gone)), rules, begun(time.Second, "n7"), "Batch of pool a, zone 9: waiting for n7"},
		"a pool soaks":          {pools(on(n(1, 4, 5), taken(time.Hour)), on(n(7), taken(15*time.Second))), rules, begun(20*time.Second, "n7"), "Soak of pool b, zone 1: the nodes changed so far run until 12:00:25 before others follow"},
		"a node that came back Ready late soaks from then": {
			fleet(9, on(n(1), taken(50*time.Second), func(n *noderoll.Node) { n.ReadySince = noon.Add(-15 * time.Second) })), rules, begun(55*time.Second, "n1"),
			"Soak of the other nodes: the nodes changed so far run until 12:00:25 before others follow",
		},
		"zone by zone":                {pools(on(n(1, 4, 5, 7), taken(time.Hour))), rules, begun(time.Hour, "n7"), "Batch of pool b, zone 1: change n2 n3"},
		"the last zone":               {pools(on(n(1, 2, 3, 4, 5, 7), taken(time.Hour))), rules, begun(time.Hour, "n3"), "Batch of pool b, zone 2: change n6"},
		"a pool without zones":        {fleet(2, on(n(2), in("a", "")), on(n(1), taken(time.Hour))), rules, begun(time.Hour, "n1"), "Batch of pool a: change n2"},
		"zones without pools":         {fleet(2, on(n(2), in("", "1")), on(n(1), taken(time.Hour))), rules, begun(time.Hour, "n1"), "Batch of zone 1: change n2"},
		"no more at a time than said": {fleet(9, on(n(1), taken(time.Hour)), on(n(2), taken(time.Second))), rules, begun(3*time.Second, "n2"), "Batch of the other nodes: change n3"},
		"as many as a percentage is":  {fleet(20, on(n(1), taken(time.Hour))), percent("20%", 20), begun(time.Hour, "n1"), "Batch of the other nodes: change n10 n11 n12 n13"},
		"paused":                      {fleet(9), with(func(r *noderoll.Rules) { r.Paused = true }), none, "Paused: paused"},
		"paused, and one fails": {
			fleet(9, on(n(1), taken(time.Hour), crashing)), with(func(r *noderoll.Rules) { r.Paused = true }), begun(time.Hour, "n1"),
			"Halted: halted at n1: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
		"paused with nothing to do": {
			fleet(1, on(n(1), taken(time.Hour))), with(func(r *noderoll.Rules) { r.Paused = true }), none, "Finished: every node has taken the release and passed its gates",
		},
		"paused, whatever was begun": {fleet(9), with(func(r *noderoll.Rules) { r.Paused = true }), begun(time.Second, "n1"), "Paused: paused"},
		"only some": {
			fleet(9, on(n(4), taken(time.Hour))), with(func(r *noderoll.Rules) { r.Only = []string{"n4", "n5"} }),
			noderoll.Record{Revision: newest, Canaries: []string{"n4"}},
			"Batch of the other nodes: change n5",
		},
		"only some, and those have it": {
			fleet(9, on(n(4), taken(time.Hour))), with(func(r *noderoll.Rules) { r.Only = []string{"n4"} }), none, "Finished: every node has taken the release and passed its gates",
		},
		"only some, and another one took it and fails": {
			fleet(9, on(n(6), taken(time.Hour), crashing)), with(func(r *noderoll.Rules) { r.Only = []string{"n4"} }), none,
			"Halted: halted at n6: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
		"only some, and another one took it and does not live": {
			fleet(9, on(n(6), taken(time.Hour), down(time.Hour), notReady(time.Hour), func(n *noderoll.Node) { n.Pod.Started = time.Time{} })),
			with(func(r *noderoll.Rules) { r.Only = []string{"n4"} }), none, "Canary of canary nodes: change n4",
		},
		"rules of nothing change nothing": {fleet(2), noderoll.Rules{}, none, "Left of canary nodes: nodes without a working agent: 0; at most 0 may be without one at any moment"},
	})
}

func percent(text string, total int) noderoll.Rules {
	r, err := noderoll.Policy{MaxUnavailable: text, Canaries: 1}.Rules(total, "")
	if err != nil {
		panic(err)
	}
	return r
}

func TestNodesThatAreNotWell(t *testing.T) {
	t.Parallel()
	one := with(func(r *noderoll.Rules) { r.Max = 1 })
	check(t, map[string]decided{
		"a NotReady and a cordoned node": {
			fleet(4, on(n(1), notReady(time.Hour)), on(n(2), cordoned)), rules, none,
			"Canary of canary nodes: change n3; n1 skipped, the node itself is not Ready; n2 skipped, the node is cordoned",
		},
		"nothing else is left": {
			fleet(3, on(n(1), taken(time.Hour)), on(n(2), notReady(time.Hour)), on(n(3), cordoned)), rules, begun(time.Hour, "n1"),
			"Left: the nodes that are left cannot be changed now; n2 skipped, the node itself is not Ready; n3 skipped, the node is cordoned",
		},
		"a dead node counts against the bound": {
			fleet(4, on(n(4), notReady(time.Hour))), one, none,
			"Left of canary nodes: nodes without a working agent: 1; at most 1 may be without one at any moment; n4 skipped, the node itself is not Ready",
		},
		"a broken node counts too, and is all that can be changed": {
			fleet(4, on(n(1), down(time.Hour))), one, none, "Canary of nodes whose agent does not work: change n1",
		},
		"one of them at a time": {
			fleet(5, on(n(1, 2, 3), down(time.Hour))), rules, none, "Canary of nodes whose agent does not work: change n1",
		},
		"that has not helped": {
			fleet(5, on(n(1), taken(time.Hour), crashing), on(n(2, 3), down(time.Hour))), rules, broken(begun(time.Minute, "n1"), "n1", "n2", "n3"),
			"Left of canary nodes: nodes without a working agent: 3; at most 2 may be without one at any moment; n1 skipped, was broken before, and still is: CrashLoopBackOff (3 restarts)",
		},
		"broken nodes come last in their stage": {
			fleet(6, on(n(1), taken(time.Hour)), on(n(2), down(time.Hour))), rules, broken(begun(time.Hour, "n1"), "n2"), "Batch of the other nodes: change n3 n2",
		},
		"a broken node loses nothing": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(2, 3), down(time.Hour))), rules, broken(begun(time.Hour, "n1"), "n2", "n3"), "Batch of the other nodes: change n2 n3",
		},
		"a node that was broken before does not halt": {
			fleet(9, on(n(1, 2), taken(time.Hour)), on(n(2), crashing)), rules, broken(begun(time.Hour, "n2"), "n2"),
			"Batch of the other nodes: change n3; n2 skipped, was broken before, and still is: CrashLoopBackOff (3 restarts)",
		},
		"a node that an earlier roll knew to be broken does not halt either": {
			fleet(9, on(n(2), taken(time.Hour), crashing)), rules,
			noderoll.Record{Revision: "c", Broken: []string{"n2"}},
			"Canary of canary nodes: change n1; n2 skipped, was broken before, and still is: CrashLoopBackOff (3 restarts)",
		},
		"nor one whose pod never comes": {
			fleet(3, on(n(1), taken(time.Hour)), on(n(2), gone)), rules, broken(begun(time.Minute, "n2"), "n2"),
			"Batch of the other nodes: change n3; n2 skipped, was broken before, and still is: its pod has not come back within 1m0s",
		},
		"a node that was broken before and is well": {
			fleet(2, on(n(1, 2), taken(time.Hour))), rules, broken(begun(time.Hour, "n2"), "n2"), "Finished: every node has taken the release and passed its gates",
		},
		"a pod of the release before that is starting is not known to be broken": {
			fleet(9, on(n(1), taken(time.Hour), crashing)), rules, noderoll.Record{Revision: "c"}, "Halted: halted at n1: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
		"no pod, and nobody knows why": {
			fleet(4, on(n(2), gone)), rules, none, "Canary of canary nodes: change n1; n2 skipped, no pod yet",
		},
		"a pod that hangs in its end on a dead node": {
			fleet(4, on(n(2), terminating, notReady(time.Hour))), rules, none, "Canary of canary nodes: change n1; n2 skipped, the node itself is not Ready",
		},
		"a pod that was made on a dead node": {
			fleet(4, on(n(2), taken(time.Hour), down(time.Hour), notReady(time.Hour), func(n *noderoll.Node) { n.Pod.Started = time.Time{} })), rules, none,
			"Canary of canary nodes: change n1; n2 skipped, the node itself is not Ready",
		},
	})
}

func TestNodesThatJoinAndVanish(t *testing.T) {
	t.Parallel()
	fresh := func(n *noderoll.Node) { n.ReadySince = noon.Add(-3 * time.Second) }
	check(t, map[string]decided{
		"one that has just joined holds up the canaries": {fleet(4, on(n(4), gone, fresh)), rules, none, "Canary of canary nodes: waiting for n4"},
		"and takes a place in a batch": {
			fleet(6, on(n(1), taken(time.Hour)), on(n(6), gone, fresh)), rules, begun(time.Hour, "n1"), "Batch of the other nodes: change n2",
		},
		"somebody deleted a pod while nodes were changed": {
			fleet(6, on(n(1), taken(time.Hour)), on(n(6), gone)), rules, begun(50*time.Second, "n1"), "Batch of the other nodes: change n2",
		},
		"its new pod is a canary more": {fleet(4, on(n(4), taken(5*time.Second))), rules, none, "Canary of canary nodes: waiting for n4"},
		"that can halt": {
			fleet(4, on(n(4), taken(5*time.Second), crashing)), rules, none, "Halted: halted at n4: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
		"also when its time is up": {
			fleet(4, on(n(4), taken(time.Minute), down(time.Minute))), rules, none, "Halted: halted at n4: gate agent-ready: not Ready; it had 1m0s",
		},
		"it holds up no stage that comes after its own": {
			fleet(6, on(n(1, 2), taken(time.Hour)), on(n(3, 4, 5, 6), in("b", "")), on(n(2), taken(5*time.Second))), rules, begun(time.Hour, "n1"),
			"Batch of pool b: change n3",
		},
		"but the end":                                     {fleet(2, on(n(1), taken(time.Hour)), on(n(2), taken(5*time.Second))), rules, begun(time.Hour, "n1"), "Batch: waiting for n2"},
		"nor the soak of what we did":                     {fleet(9, on(n(1), taken(20*time.Second)), on(n(5), taken(5*time.Second))), rules, begun(25*time.Second, "n1"), "Soak of the other nodes: the nodes changed so far run until 12:00:20 before others follow"},
		"a node that vanishes is no longer waited for":    {fleet(4, on(n(1), taken(time.Hour)))[:2], rules, begun(time.Minute, "n4"), "Batch of the other nodes: change n2"},
		"one that vanishes with its promise is forgotten": {fleet(3, on(n(1), taken(time.Hour)))[:2], rules, begun(time.Second, "n3"), "Batch of the other nodes: change n2"},
	})
}

func TestWhatHalts(t *testing.T) {
	t.Parallel()
	check(t, map[string]decided{
		"a pod that does not come back": {
			fleet(4, on(n(1), gone)), rules, begun(time.Minute, "n1"), "Halted: halted at n1: gate agent-ready: its pod has not come back within 1m0s",
		},
		"not before its time": {fleet(4, on(n(1), gone)), rules, begun(59*time.Second, "n1"), "Canary of canary nodes: waiting for n1"},
		"a pod that does not end": {
			fleet(4, on(n(1), terminating)), rules, begun(time.Minute, "n1"), "Halted: halted at n1: gate agent-ready: its pod has not come back within 1m0s",
		},
		"because its node died": {
			fleet(4, on(n(1), terminating, notReady(time.Minute))), rules, begun(time.Minute, "n1"),
			"Halted: halted at n1: gate node-ready: the node itself is not Ready, and its pod has not come back within 1m0s",
		},
		"one of an earlier intent has its own time": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(2, 3), gone)), rules, func() noderoll.Record {
				r := begun(time.Second, "n3")
				r.Pending = []noderoll.Pending{{Target: noderoll.Target{Node: "n2", UID: "n2-a"}, Since: noon.Add(-time.Minute)}}
				return r
			}(), "Halted: halted at n2: gate agent-ready: its pod has not come back within 1m0s",
		},
		"a canary of ours whose new pod somebody deleted": {
			fleet(4, on(n(1), taken(time.Hour), terminating)), rules, begun(59*time.Second, "n1"), "Canary of canary nodes: waiting for n1",
		},
		"a node that comes and goes": {
			fleet(4, on(n(1), taken(70*time.Second), down(time.Second))), rules, begun(75*time.Second, "n1"), "Halted: halted at n1: gate agent-ready: not Ready; it had 1m0s",
		},
		"a node that passed long ago and has a bad moment": {
			fleet(4, on(n(1), taken(time.Hour), down(time.Second))), rules, begun(time.Hour, "n1"), "Canary of canary nodes: waiting for n1",
		},
		"a bad moment that lasts": {
			fleet(4, on(n(1), taken(time.Hour), down(time.Minute))), rules, begun(time.Hour, "n1"), "Halted: halted at n1: gate agent-ready: not Ready; it had 1m0s",
		},
		"an agent that does not say since when it is Ready": {
			fleet(4, on(n(1), taken(time.Minute), func(n *noderoll.Node) { n.Pod.ReadySince = time.Time{} })), rules, begun(time.Minute, "n1"),
			"Halted: halted at n1: gate agent-ready: Ready, but it does not say since when; it had 1m0s",
		},
		"a node that came back Ready a moment ago": {
			fleet(4, on(n(1), taken(30*time.Second), func(n *noderoll.Node) { n.ReadySince = noon.Add(-9 * time.Second) })), rules, begun(40*time.Second, "n1"),
			"Canary of canary nodes: waiting for n1",
		},
		"restarts of long ago are forgiven": {
			fleet(2, on(n(1, 2), taken(time.Hour), func(n *noderoll.Node) { n.Pod.Restarts = 9 })), rules, begun(time.Hour, "n1"),
			"Finished: every node has taken the release and passed its gates",
		},
		"restarts of now are not, even while it is Ready": {
			fleet(2, on(n(1), taken(59*time.Second), func(n *noderoll.Node) { n.Pod.Restarts, n.Pod.Trouble = 2, "restarted" })), rules, begun(time.Minute, "n1"),
			"Halted: halted at n1: gate agent-restarts: restarted (2 restarts)",
		},
		"a changed node that dies": {
			fleet(4, on(n(1), taken(time.Hour), down(time.Minute), notReady(time.Minute))), rules, begun(time.Hour, "n1"),
			"Halted: halted at n1: gate node-ready: the node itself is not Ready; it had 1m0s",
		},
		"a node that was not touched and lost its agent": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(3), down(10*time.Second))), rules, begun(time.Hour, "n1"),
			"Halted: halted at n3: gate unchanged-nodes: its agent of the release before worked when the roll began, and does not since 2026-11-23T11:59:50Z: not Ready",
		},
		"nothing changes until that is certain": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(3), down(9*time.Second))), rules, begun(time.Hour, "n1"),
			"Batch of the other nodes: waiting to see whether an agent that was not touched comes back: n3",
		},
		"its crash loop is certain": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(3), crashing)), rules, begun(time.Hour, "n1"),
			"Halted: halted at n3: gate unchanged-nodes: its agent of the release before worked when the roll began, and does not since 2026-11-23T11:59:55Z: CrashLoopBackOff (3 restarts)",
		},
		"a promised node counts as untouched": {
			fleet(4, on(n(1), down(time.Minute))), rules, begun(time.Minute, "n1"),
			"Halted: halted at n1: gate unchanged-nodes: its agent of the release before worked when the roll began, and does not since 2026-11-23T11:59:00Z: not Ready",
		},
		"that its node is not Ready is another matter": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(3), down(time.Minute), notReady(time.Minute))), rules, begun(time.Hour, "n1"),
			"Batch of the other nodes: change n2; n3 skipped, the node itself is not Ready",
		},
		"as is what began before the roll": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(3), down(40*time.Minute))), rules, begun(time.Hour, "n1"), "Batch of the other nodes: change n2 n3",
		},
		"whatever was promised": {
			fleet(4, on(n(1), taken(time.Hour), crashing)), rules, begun(time.Second, "n2"), "Halted: halted at n1: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
	})
}

func TestWhatWasBegunIsEndedFirst(t *testing.T) {
	t.Parallel()
	check(t, map[string]decided{
		"after a crash": {
			fleet(9, on(n(1), taken(time.Hour))), rules, begun(time.Second, "n7", "n8"), "Batch of what was begun: change n7 n8",
		},
		"as far as it was not done": {
			fleet(9, on(n(1), taken(time.Hour)), on(n(7), gone)), rules, begun(time.Second, "n7", "n8"), "Batch of what was begun: change n8",
		},
		"even on a node that somebody has cordoned since": {fleet(9, on(n(1), cordoned)), rules, begun(time.Second, "n1"), "Batch of what was begun: change n1"},
		"not on a node that is not Ready": {
			fleet(3, on(n(1), taken(time.Hour)), on(n(2), notReady(time.Minute))), rules, begun(time.Second, "n2"),
			"Batch of the other nodes: change n3; n2 skipped, the node itself is not Ready",
		},
		"not beyond the bound": {
			fleet(6, on(n(1), taken(time.Hour)), on(n(2, 3), notReady(time.Minute))), rules, begun(time.Second, "n4", "n5"),
			"Left of what was begun: nodes without a working agent: 2; at most 2 may be without one at any moment; n2 skipped, the node itself is not Ready; n3 skipped, the node itself is not Ready",
		},
		"then what fills the bound": {
			fleet(6, on(n(1), taken(time.Hour)), on(n(2, 3), down(time.Hour))), rules, broken(begun(time.Second, "n4", "n5"), "n2", "n3"),
			"Batch of nodes whose agent does not work: change n2",
		},
		"also on a way back": {
			fleet(6, on(n(2, 3), down(time.Hour))), with(func(r *noderoll.Rules) { r.Back = true }), begun(time.Second, "n4", "n5"),
			"PutBack of nodes whose agent does not work: change n2 n3",
		},
		"not while others are on their way": {
			fleet(6, on(n(1, 2, 3), taken(5*time.Second))), rules, begun(time.Second, "n4"), "Batch of what was begun: waiting for n1, n2, n3",
		},
		"not where the pod is another one":       {fleet(9, on(n(7), func(n *noderoll.Node) { n.Pod.UID = "other" })), rules, begun(time.Second, "n7"), "Canary of canary nodes: change n1"},
		"not when it was for an earlier release": {fleet(9), rules, func() noderoll.Record { r := begun(time.Second, "n7"); r.Revision = "c"; return r }(), "Canary of canary nodes: change n1"},
		"on a way back":                          {fleet(9), with(func(r *noderoll.Rules) { r.Back = true }), begun(time.Second, "n7"), "PutBack of what was begun: change n7"},
	})
}

func TestTheWayBack(t *testing.T) {
	t.Parallel()
	back := with(func(r *noderoll.Rules) { r.Back = true })
	made := func(ago time.Duration) edit { return func(n *noderoll.Node) { n.Pod.Created = noon.Add(-ago) } }
	check(t, map[string]decided{
		"broken ones first, then those changed last": {
			fleet(5, on(n(1), made(5*time.Minute)), on(n(2), made(3*time.Minute)), on(n(3), made(4*time.Minute)), on(n(4), crashing), on(n(5), taken(time.Hour))), back, none,
			"PutBack of the way back: change n4 n2",
		},
		"without soak": {fleet(2, on(n(1), taken(15*time.Second))), back, begun(20*time.Second, "n1"), "PutBack of the way back: change n2"},
		"no more at a time than the rules allow": {
			fleet(4, on(n(1), taken(time.Second))), back, begun(2*time.Second, "n1"), "PutBack of the way back: change n2",
		},
		"never a node that works beyond the bound": {
			fleet(4, on(n(3, 4), taken(time.Second), down(time.Hour), notReady(time.Hour), func(n *noderoll.Node) { n.Pod.Started = time.Time{} })), back, none,
			"Left of the way back: nodes without a working agent: 2; at most 2 may be without one at any moment; n3 skipped, the node itself is not Ready; n4 skipped, the node itself is not Ready",
		},
		"the release may be why a node is not Ready, and why it was cordoned": {
			fleet(3, on(n(2), notReady(time.Minute)), on(n(3), cordoned), on(n(1), taken(time.Hour))), back, none, "PutBack of the way back: change n2 n3",
		},
		"nothing better is expected of the release that is taken back": {
			fleet(3, on(n(1), taken(time.Hour)), on(n(3), down(time.Minute))), back, begun(time.Hour, "n1"), "PutBack of the way back: change n3 n2",
		},
		"a node that was never changed does not stop it": {
			fleet(3, on(n(1), taken(time.Hour), crashing), on(n(2, 3), crashing)), back, begun(time.Hour), "PutBack of the way back: change n2 n3; n1 skipped, CrashLoopBackOff (3 restarts)",
		},
		"a node that was put back and does not work does": {
			fleet(3, on(n(1), taken(time.Hour), crashing)), back, begun(time.Hour, "n1"), "Halted: halted at n1: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
		"unless it did not work before": {
			fleet(3, on(n(1), taken(time.Hour), crashing)), back, broken(begun(time.Hour, "n1"), "n1"),
			"PutBack of the way back: change n2; n1 skipped, was broken before, and still is: CrashLoopBackOff (3 restarts)",
		},
		"the last node comes back": {fleet(1, on(n(1), taken(5*time.Second))), back, begun(6*time.Second, "n1"), "PutBack of the way back: waiting for n1"},
		"nothing but what was never changed is left": {
			fleet(1, on(n(1), taken(time.Hour), crashing)), back, begun(time.Hour), "Left of the way back: the nodes that are left cannot be changed now; n1 skipped, CrashLoopBackOff (3 restarts)",
		},
		"all are back": {fleet(2, on(n(1, 2), taken(time.Hour))), back, begun(time.Hour, "n1"), "Finished: every node has taken the release and passed its gates"},
		"only the one that failed": {
			fleet(4, on(n(2), crashing)), with(func(r *noderoll.Rules) { r.Back, r.Only = true, []string{"n2"} }), none, "PutBack of the way back: change n2",
		},
		"the one that failed is back, and the others are left": {
			fleet(4, on(n(2), taken(time.Minute))), with(func(r *noderoll.Rules) { r.Back, r.Only = true, []string{"n2"} }), begun(time.Minute, "n2"),
			"Finished: every node has taken the release and passed its gates",
		},
		"what another node does is of no concern then": {
			fleet(4, on(n(2), taken(time.Hour)), on(n(3), taken(time.Hour), crashing), on(n(4), crashing)),
			with(func(r *noderoll.Rules) { r.Back, r.Only = true, []string{"n2"} }), begun(time.Hour, "n2"), "Finished: every node has taken the release and passed its gates",
		},
	})
}

// A clock that goes backwards makes everything that happened lie ahead. That may cost time; nothing is changed for it that would not
// have been, and no node fails for it.
func TestAClockThatGoesBackwards(t *testing.T) {
	t.Parallel()
	ahead := -time.Hour
	check(t, map[string]decided{
		"an agent that became Ready in the future": {fleet(4, on(n(1), taken(ahead))), rules, begun(ahead, "n1"), "Canary of canary nodes: waiting for n1"},
		"a pod that was deleted in the future":     {fleet(4, on(n(1), gone)), rules, begun(ahead, "n1"), "Canary of canary nodes: waiting for n1"},
		"a promise of the future":                  {fleet(4), rules, begun(ahead, "n1"), "Batch of what was begun: change n1"},
		"an agent that was lost before the roll began, by the clock": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(3), down(time.Minute))), rules, func() noderoll.Record { r := begun(ahead, "n1"); r.Started = noon.Add(time.Hour); return r }(),
			"Halted: halted at n3: gate unchanged-nodes: its agent of the release before worked when the roll began, and does not since 2026-11-23T11:59:00Z: not Ready",
		},
		"an agent that was lost in the future": {
			fleet(4, on(n(1), taken(time.Hour)), on(n(3), down(ahead))), rules, begun(time.Hour, "n1"),
			"Batch of the other nodes: waiting to see whether an agent that was not touched comes back: n3",
		},
	})
}

func TestWithoutARevisionNothingIsChanged(t *testing.T) {
	t.Parallel()
	d := noderoll.Decide(fleet(3), "", rules, none, noon)
	if got, want := says(d), "Left: the newest revision is not known"; got != want {
		t.Errorf("decided %s, want %s", got, want)
	}
}

// Several nodes of a batch can fail at once: all of them have to be put back.
func TestEveryNodeThatFailedIsTold(t *testing.T) {
	t.Parallel()
	d := noderoll.Decide(fleet(5, on(n(2, 4), taken(time.Minute), crashing)), newest, rules, begun(time.Minute, "n2", "n4"), noon)
	want := []noderoll.Halt{{Node: "n2", Gate: noderoll.GateRestarts, Evidence: "CrashLoopBackOff (3 restarts)"}, {Node: "n4", Gate: noderoll.GateRestarts, Evidence: "CrashLoopBackOff (3 restarts)"}}
	if diff := cmp.Diff(want, d.Failed); diff != "" || d.Halt == nil || *d.Halt != want[0] {
		t.Errorf("Failed (-want +got):\n%s, Halt %v", diff, d.Halt)
	}
}

func TestTheRecordKeepsWhatCannotBeSeen(t *testing.T) {
	t.Parallel()
	target := func(node string) noderoll.Target {
		return noderoll.Target{Node: node, Pod: "p-" + node, UID: node + "-a"}
	}
	since := noon.Add(-20 * time.Second)
	for name, c := range map[string]struct {
		decided
		record noderoll.Record
	}{
		"at the beginning": {
			decided{fleet(5, on(n(3), down(time.Hour)), on(n(5), gone)), with(func(r *noderoll.Rules) { r.Max = 3 }), noderoll.Record{Revision: "c", Pending: []noderoll.Pending{{Since: since}}}, ""},
			noderoll.Record{Revision: newest, Started: noon, Canaries: []string{"n1"}, Broken: []string{"n3"}, Intent: []noderoll.Target{target("n1")}, At: noon},
		},
		"at the beginning of a way back, where a pod that is starting is broken too": {
			decided{fleet(3, on(n(1), taken(time.Hour), crashing), on(n(2), down(time.Second), func(n *noderoll.Node) { n.Pod.Created = noon.Add(-time.Second) })), with(func(r *noderoll.Rules) { r.Back = true }), none, ""},
			noderoll.Record{Revision: newest, Started: noon, Broken: []string{"n1", "n2"}, Intent: []noderoll.Target{target("n2")}, At: noon},
		},
		"at the beginning, where a pod that is starting is not": {
			decided{fleet(3, on(n(2), down(time.Second), func(n *noderoll.Node) { n.Pod.Created = noon.Add(-2 * time.Second) }), on(n(3), down(time.Hour))), with(func(r *noderoll.Rules) { r.Max = 3 }), none, ""},
			noderoll.Record{Revision: newest, Started: noon, Canaries: []string{"n1"}, Broken: []string{"n3"}, Intent: []noderoll.Target{target("n1")}, At: noon},
		},
		"what is still on its way, and since when": {
			decided{fleet(6, on(n(1), taken(time.Hour)), on(n(2), gone), on(n(3), taken(time.Hour))), rules, begun(20*time.Second, "n2", "n3"), ""},
			noderoll.Record{
				Revision: newest, Started: noon.Add(-30 * time.Minute), Canaries: []string{"n1"}, Intent: []noderoll.Target{target("n4")}, At: noon,
				Pending: []noderoll.Pending{{Target: target("n2"), Since: since}},
			},
		},
		"not that a node was broken that is well now": {
			decided{fleet(6, on(n(1), taken(time.Hour)), on(n(5), down(time.Hour))), with(func(r *noderoll.Rules) { r.Max = 2 }), broken(begun(time.Hour, "n1"), "n2", "n5", "n9"), ""},
			noderoll.Record{
				Revision: newest, Started: noon.Add(-30 * time.Minute), Canaries: []string{"n1"}, Broken: []string{"n5"}, Intent: []noderoll.Target{target("n2"), target("n5")}, At: noon,
			},
		},
		"no canaries where the operator marked them": {
			decided{fleet(6, on(n(4), canary)), rules, none, ""},
			noderoll.Record{Revision: newest, Started: noon, Intent: []noderoll.Target{target("n4")}, At: noon},
		},
		"none where nothing is changed": {decided{fleet(2, on(n(1), taken(time.Second))), rules, none, ""}, noderoll.Record{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := noderoll.Decide(c.nodes, newest, c.rules, c.decided.record, noon)
			if diff := cmp.Diff(c.record, d.Record); diff != "" {
				t.Errorf("Record (-want +got):\n%s\n%s", diff, says(d))
			}
		})
	}
}

func TestADecisionCounts(t *testing.T) {
	t.Parallel()
	d := noderoll.Decide(fleet(9, on(n(1, 2), taken(time.Hour)), on(n(3), taken(time.Second)), on(n(4), gone), on(n(5), cordoned)), newest, rules, begun(5*time.Second, "n3", "n4"), noon)
	if d.Changed != 3 || d.Passed != 2 || d.Total != 9 || d.Max != 2 || strings.Join(d.InFlight, " ") != "n3 n4" || len(d.Skipped) != 1 {
		t.Errorf("decided %+v", d)
	}
}
