package noderoll_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// noted is what was remembered before the update began half an hour ago, with these nodes broken by then.
func noted(nodes ...string) noderoll.Record {
	r := noderoll.Record{Revision: older, Started: noon.Add(-30 * time.Minute), At: noon.Add(-30 * time.Minute)}
	return broken(r, nodes...)
}

// What the DaemonSet controller changes is judged by the gates of a roll, and nothing is ever deleted. Each row would catch a watch that
// is blind to it, or that halts for nothing.
func TestNodesThatTheControllerChangesAreWatched(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes  []noderoll.Node
		record noderoll.Record
		want   string
	}{
		"nothing is changed yet": {fleet(3), noted(), "Watching: waiting for the DaemonSet controller to change n1, n2, n3"},
		"some are on their way": {
			fleet(3, on(n(1), taken(time.Minute)), on(n(2), taken(time.Second)), on(n(3), gone)), noted(), "Watching: waiting for n2, n3",
		},
		"a pod that is missing for long halts nothing": {fleet(2, on(n(1), gone)), noted(), "Watching: waiting for n1"},
		"all have passed": {fleet(3, on(n(1, 2, 3), taken(time.Minute))), noted(), "Finished: every node has taken the release and passed its gates"},
		"one crashes": {
			fleet(3, on(n(2), taken(time.Minute), crashing)), noted(), "Halted: halted at n2: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
		"one crashed before, and does so still": {
			fleet(3, on(n(2), taken(time.Minute), crashing)), noted("n2"), "Watching: waiting for the DaemonSet controller to change n1, n3",
		},
		"one crashed before, is well, and another crashes": {
			fleet(3, on(n(2), taken(time.Minute)), on(n(3), taken(time.Minute), crashing)), noted("n2"),
			"Halted: halted at n3: gate agent-restarts: CrashLoopBackOff (3 restarts)",
		},
		"one that is left crashed before": {fleet(2, on(n(1), taken(time.Minute), crashing), on(n(2), taken(time.Minute))), noted("n1"), "Watching: waiting for nodes that are not well"},
		"one is not Ready in time": {
			fleet(2, on(n(1), taken(2*time.Minute), down(2*time.Minute))), noted(), "Halted: halted at n1: gate agent-ready: not Ready; it had 1m0s",
		},
		"one whose node went away": {
			fleet(2, on(n(1), taken(2*time.Minute), notReady(2*time.Minute))), noted(), "Halted: halted at n1: gate node-ready: the node itself is not Ready; it had 1m0s",
		},
		"one that was not touched lost its agent": {
			fleet(2, on(n(1), taken(time.Minute)), on(n(2), down(time.Minute))), noted(),
			"Halted: halted at n2: gate unchanged-nodes: its agent of the release before worked when the roll began, and does not since 2026-11-23T11:59:00Z: not Ready",
		},
		"one that was not touched crashes": {
			fleet(2, on(n(2), crashing)), noted(),
			"Halted: halted at n2: gate unchanged-nodes: its agent of the release before worked when the roll began, and does not since 2026-11-23T11:59:55Z: CrashLoopBackOff (3 restarts)",
		},
		"one that was broken before and not touched yet": {
			fleet(2, on(n(2), down(time.Minute))), noted("n2"), "Watching: waiting for the DaemonSet controller to change n1, n2",
		},
		"nobody noted anything, and one that was not touched is broken": {
			fleet(2, on(n(2), crashing)), none, "Watching: waiting for the DaemonSet controller to change n1, n2",
		},
		"a roll to the same revision went before": {
			fleet(2, on(n(1), taken(time.Minute), crashing)), broken(begun(time.Minute), "n1"), "Watching: waiting for the DaemonSet controller to change n2",
		},
		"a cordoned node is changed too": {fleet(1, on(n(1), cordoned)), noted(), "Watching: waiting for the DaemonSet controller to change n1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := noderoll.Watch(c.nodes, newest, rules, c.record, noon)
			if got := fmt.Sprintf("%s: %s", d.Phase, d.Why); got != c.want {
				t.Errorf("watched\n%s, want\n%s", got, c.want)
			}
			if len(d.Delete) > 0 || !d.Watched || (d.Halt != nil) != (d.Phase == noderoll.Halted) {
				t.Errorf("%+v", d)
			}
		})
	}
}

// Where the rules are paused the controller is to be stopped; what it has begun goes on being judged, and fresh pods are tried on it. It would
// catch a pause that hides a failed gate, one of an update that is through, and one under which a node that was begun never passes.
func TestAPauseOfTheRulesStopsTheController(t *testing.T) {
	t.Parallel()
	paused := rules
	paused.Paused, paused.FreshPod = true, true
	proved := func(n *noderoll.Node) { n.Pod.Proved = true }
	for name, c := range map[string]struct {
		nodes  []noderoll.Node
		newest string
		want   string
	}{
		"nothing is changed yet":         {fleet(3), newest, "Paused: paused []"},
		"one is on its way":              {fleet(2, on(n(1), taken(time.Second))), newest, "Paused: paused []"},
		"one is to try a fresh pod":      {fleet(2, on(n(1), taken(time.Minute))), newest, "Paused: paused [start a fresh pod on n1]"},
		"one has passed":                 {fleet(2, on(n(1), taken(time.Minute), proved)), newest, "Paused: paused []"},
		"one crashes":                    {fleet(2, on(n(1), taken(time.Minute), crashing)), newest, "Halted: halted at n1: gate agent-restarts: CrashLoopBackOff (3 restarts) []"},
		"all have passed":                {fleet(2, on(n(1, 2), taken(time.Minute), proved)), newest, "Finished: every node has taken the release and passed its gates []"},
		"nobody knows what they are for": {fleet(2), "", "Watching: the newest revision is not known []"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := noderoll.Watch(c.nodes, c.newest, paused, noted(), noon)
			if got := fmt.Sprintf("%s: %s %s", d.Phase, d.Why, d.Errands); got != c.want {
				t.Errorf("watched\n%s, want\n%s", got, c.want)
			}
			if len(d.Delete) > 0 || !d.Watched {
				t.Errorf("%+v", d)
			}
		})
	}
}

// Before the template changes those are noted that have no working agent, and not those that are just starting.
func TestWhatIsBrokenBeforeIsNoted(t *testing.T) {
	t.Parallel()
	starting := func(n *noderoll.Node) {
		n.Pod = aged(n.Name, older, time.Second)
		n.Pod.Ready, n.Pod.Available = false, false
	}
	nodes := fleet(8, on(n(8), crashing), on(n(2), down(time.Hour)), on(n(3), notReady(time.Hour)), on(n(4), starting), on(n(5), gone), on(n(6), starting),
		on(n(7), crashing, func(n *noderoll.Node) { n.Exempt = noderoll.NotSelected }))
	want := noderoll.Record{Revision: older, Started: noon, At: noon, Broken: []string{"n2", "n3", "n6", "n8"}}
	if diff := cmp.Diff(want, noderoll.Before(nodes, older, rules, broken(none, "n1", "n6"), noon)); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}
