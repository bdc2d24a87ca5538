package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// lab is a cluster of a few nodes whose roll is played look by look.
type lab struct {
	session *session
	bar     *progress
	now     time.Time
	in      plan.Input
	plan    plan.Plan
	err     bytes.Buffer
}

func newLab(nodes int, output string) *lab {
	l := &lab{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	a := &app{Streams: Streams{Err: &l.err}}
	a.output = output
	l.session = &session{app: a, rolled: &rollWatch{}, clock: func() time.Time { return l.now }}
	l.bar = &progress{session: l.session}
	l.in.Installed = plan.Installed{Present: true, Observed: true, Newest: "new", Version: "0.27.3"}
	l.plan = plan.Plan{
		Cluster: "in-cluster", AddOn: "Flannel", State: plan.Rolling, From: "0.26.2", To: "0.27.3", Hop: "0.27.3",
		Steps: []plan.Step{{Kind: plan.AwaitNodes}}, Roll: &noderoll.Decision{Phase: noderoll.Canary, Stage: "canary nodes", Total: nodes},
	}
	for i := range nodes {
		l.in.Nodes = append(l.in.Nodes, noderoll.Node{Name: fmt.Sprintf("n%d", i+1), Ready: true, Pod: pod("old", "0.26.2")})
	}
	return l
}

func pod(revision, version string) *noderoll.Pod {
	return &noderoll.Pod{Name: "p", UID: revision + "-uid", Revision: revision, Version: version, Ready: true, Available: true}
}

// look is one look after a time, with pods as they are then; a nil pod is gone.
func (l *lab) look(after time.Duration, roll noderoll.Decision, pods map[string]*noderoll.Pod) {
	l.now = l.now.Add(after)
	for i, n := range l.in.Nodes {
		if p, ok := pods[n.Name]; ok {
			l.in.Nodes[i].Pod = p
		}
	}
	roll.Total = len(l.in.Nodes)
	l.plan.Roll = &roll
	l.bar.show(l.in, l.plan)
}

// It would catch a summary that counts what joined as changed by us, a time that runs on while a node waits for its turn, and the way
// back taken for the roll.
func TestARollIsSummedUp(t *testing.T) {
	t.Parallel()
	l := newLab(3, "table")
	fresh := pod("new", "0.27.3")
	l.look(0, noderoll.Decision{Phase: noderoll.Canary}, nil)
	l.look(time.Minute, noderoll.Decision{Phase: noderoll.Canary, InFlight: []string{"n1"}}, map[string]*noderoll.Pod{"n1": nil})
	l.look(5*time.Second, noderoll.Decision{Phase: noderoll.Canary, Changed: 1, InFlight: []string{"n1"}}, map[string]*noderoll.Pod{"n1": fresh})
	l.look(10*time.Second, noderoll.Decision{Phase: noderoll.Batch, Changed: 1, Passed: 1}, nil)
	l.look(time.Second, noderoll.Decision{Phase: noderoll.Batch, Changed: 1, Passed: 1, InFlight: []string{"n2"}}, map[string]*noderoll.Pod{"n2": nil})
	halt := noderoll.Halt{Node: "n2", Gate: "agent-ready", Evidence: "CrashLoopBackOff"}
	l.look(4*time.Second, noderoll.Decision{
		Phase: noderoll.Halted, Changed: 2, Passed: 1, Halt: &halt, Failed: []noderoll.Halt{halt}, InFlight: []string{"n2"},
	}, map[string]*noderoll.Pod{"n2": fresh})
	forwards := l.session.rolled.report()
	want := &rollReport{
		Version: "0.27.3", Phase: noderoll.Halted, Changed: 2, Passed: 1, Total: 3, Halt: &halt, Seconds: 80, Longest: &nodeSeconds{"n1", 15},
	}
	if diff := cmp.Diff(want, forwards); diff != "" {
		t.Errorf("forwards (-want +got):\n%s", diff)
	}
	// The way back: n2 gets the old release again, the others keep what they have.
	l.plan.Hop, l.plan.Desired.Back = "0.26.2", plan.Back{Revision: 1, Nodes: []string{"n2"}}
	l.in.Installed.Newest = "old"
	l.look(time.Second, noderoll.Decision{Phase: noderoll.PutBack}, nil)
	l.look(time.Second, noderoll.Decision{Phase: noderoll.PutBack, InFlight: []string{"n2"}}, map[string]*noderoll.Pod{"n2": nil})
	l.look(20*time.Second, noderoll.Decision{Phase: noderoll.Finished, Changed: 1, Passed: 1}, map[string]*noderoll.Pod{"n2": pod("old", "0.26.2")})
	want.PutBack, want.Seconds, want.Longest = []string{"n2"}, 102, &nodeSeconds{"n2", 20}
	if diff := cmp.Diff(want, l.session.rolled.report()); diff != "" {
		t.Errorf("and back (-want +got):\n%s", diff)
	}
	var text strings.Builder
	l.session.rolled.report().table(&text)
	const table = `Roll to 0.27.3: halted, 2 of 3 nodes changed, 1 passed, in 1m42s; n2 took longest, 20s
Halted at n2: gate agent-ready: CrashLoopBackOff
Put back: n2
`
	if diff := cmp.Diff(table, text.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestWithoutARollThereIsNoSummary(t *testing.T) {
	t.Parallel()
	l := newLab(1, "table")
	l.plan.Roll = nil
	l.bar.show(l.in, l.plan)
	if r := l.session.rolled.report(); r != nil {
		t.Errorf("summed up: %+v", r)
	}
}

// A rollback is its own roll: what it put back is told with it.
func TestARollbackIsSummedUp(t *testing.T) {
	t.Parallel()
	l := newLab(2, "table")
	l.plan.Desired.Back = plan.Back{Revision: 1}
	skipped := []noderoll.Waiting{{Node: "n2", State: noderoll.Outdated, Why: "the node is cordoned"}}
	l.look(0, noderoll.Decision{Phase: noderoll.PutBack}, nil)
	l.look(time.Second, noderoll.Decision{Phase: noderoll.PutBack, InFlight: []string{"n1"}}, map[string]*noderoll.Pod{"n1": nil})
	l.look(time.Second, noderoll.Decision{Phase: noderoll.Left, Changed: 1, Passed: 1, Skipped: skipped}, map[string]*noderoll.Pod{"n1": pod("new", "0.27.3")})
	want := &rollReport{
		Version: "0.27.3", Phase: noderoll.Left, Changed: 1, Passed: 1, Total: 2, PutBack: []string{"n1"}, Skipped: skipped, Seconds: 2, Longest: &nodeSeconds{"n1", 1},
	}
	if diff := cmp.Diff(want, l.session.rolled.report()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A manager that finished it has taken the way back off the record, before anybody saw the last node.
	l.plan.Desired.Back = plan.Back{}
	l.look(time.Second, noderoll.Decision{Phase: noderoll.Finished, Changed: 2, Passed: 2}, map[string]*noderoll.Pod{"n2": pod("new", "0.27.3")})
	if got := l.session.rolled.report().PutBack; !slices.Equal(got, []string{"n1", "n2"}) {
		t.Errorf("put back at the end: %v", got)
	}
}

func TestProgressOfARollIsTextForPeople(t *testing.T) {
	t.Parallel()
	l := newLab(10, "table")
	l.look(0, noderoll.Decision{Phase: noderoll.Canary, Stage: "canary nodes"}, nil)
	l.look(time.Second, noderoll.Decision{Phase: noderoll.Canary, Stage: "canary nodes", InFlight: []string{"n1"}}, nil) // too soon for another line
	l.look(2*time.Second, noderoll.Decision{Phase: noderoll.Canary, Stage: "canary nodes", Changed: 1, InFlight: []string{"n1"}, Why: "waiting for n1"}, nil)
	l.look(57*time.Second, noderoll.Decision{Phase: noderoll.Batch, Stage: "pool a", Changed: 3, Passed: 2, InFlight: []string{"n3"}}, nil)
	l.look(2*time.Second, noderoll.Decision{Phase: noderoll.Batch, Stage: "pool a", Changed: 3, Passed: 2, InFlight: []string{"n3"}}, nil) // nothing new
	l.look(2*time.Second, noderoll.Decision{Phase: noderoll.Paused, Changed: 3, Passed: 3, Why: "paused"}, nil)
	halt := noderoll.Halt{Node: "n4", Gate: "agent-ready", Evidence: "CrashLoopBackOff"}
	l.look(time.Second, noderoll.Decision{Phase: noderoll.Halted, Changed: 4, Passed: 3, Halt: &halt, Why: "halted at " + halt.String()}, nil)
	l.look(time.Second, noderoll.Decision{Phase: noderoll.Batch, Stage: "pool a", Changed: 9, Passed: 9, InFlight: []string{"n10"}}, nil)
	l.plan.Steps = []plan.Step{{Kind: plan.Settle, Text: "settle it"}}
	for range 2 { // the end is told once, whatever comes after it
		l.look(time.Second, noderoll.Decision{Phase: noderoll.Finished, Changed: 10, Passed: 10, Why: "every node has taken it"}, nil)
	}
	const want = `Flannel 0.27.3: Canary (canary nodes), 0 of 10 nodes passed
Flannel 0.27.3: Canary (canary nodes), 0 of 10 nodes passed, 1 changed; waiting for n1
Flannel 0.27.3: Batch (pool a), 2 of 10 nodes passed, 3 changed; in flight: n3; about 4m left
Flannel 0.27.3: Paused, 3 of 10 nodes passed; no further node is changed until: addonctl resume
Flannel 0.27.3: Halted, 3 of 10 nodes passed, 4 changed; halted at n4: gate agent-ready: CrashLoopBackOff
Flannel 0.27.3: Finished, 10 of 10 nodes passed; every node has taken it
settle it
`
	if diff := cmp.Diff(want, l.err.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every change is a line, in which nothing is missing; what says the same is no line before half a minute is over.
func TestProgressOfARollIsJSONLinesForMachines(t *testing.T) {
	t.Parallel()
	l := newLab(4, "json")
	halt := noderoll.Halt{Node: "n2", Gate: "agent-ready", Evidence: "CrashLoopBackOff"}
	one := noderoll.Decision{Phase: noderoll.Batch, Stage: "pool a", Changed: 1, Passed: 1, InFlight: []string{"n2"}}
	l.look(0, noderoll.Decision{Phase: noderoll.Canary, Stage: "canary nodes"}, nil)
	l.look(10*time.Second, one, nil)
	l.look(time.Second, one, nil)
	l.look(30*time.Second, one, nil)
	l.look(time.Second, noderoll.Decision{Phase: noderoll.Halted, Changed: 2, Passed: 1, Halt: &halt}, nil)
	var got []string
	for line := range strings.Lines(l.err.String()) {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, name := range []string{"time", "phase", "stage", "changed", "passed", "total", "inFlight", "halt"} {
			if _, there := fields[name]; !there {
				t.Errorf("%q has no %s", line, name)
			}
		}
		got = append(got, fmt.Sprint(fields["time"], " ", fields["phase"], " ", fields["inFlight"], " ", fields["halt"], " ", fields["secondsLeft"]))
	}
	want := []string{
		"2026-11-22T12:00:00Z Canary [] <nil> <nil>", "2026-11-22T12:00:10Z Batch [n2] <nil> 30",
		"2026-11-22T12:00:41Z Batch [n2] <nil> 123", "2026-11-22T12:00:42Z Halted [] map[evidence:CrashLoopBackOff gate:agent-ready node:n2] <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// halted is a roll of four nodes that halted at n3: n1 has passed, n2 is in flight and n4 has the old release.
func halted(gate, node string) reconcile.Outcome {
	l := newLab(4, "table")
	for _, i := range []int{0, 1, 2} {
		l.in.Nodes[i].Pod = pod("new", "0.27.3")
	}
	h := noderoll.Halt{Node: node, Gate: gate, Evidence: "CrashLoopBackOff"}
	l.plan.Roll = &noderoll.Decision{Phase: noderoll.Halted, Changed: 3, Passed: 1, Total: 4, InFlight: []string{"n2"}, Halt: &h, Failed: []noderoll.Halt{h}}
	l.in.Record.Revisions = []plan.Revision{{Number: 1, Version: "0.26.2", Status: plan.Deployed}, {Number: 2, Version: "0.27.3", Status: plan.PendingUpgrade}}
	return reconcile.Outcome{End: reconcile.Halted, Plan: l.plan, Input: l.in}
}

// It would catch a node put back that had passed, or one left behind that had not.
func TestWhatIsPutBackOfAHaltedRoll(t *testing.T) {
	t.Parallel()
	broken := halted("agent-ready", "n3")
	broken.Plan.Roll.Skipped = []noderoll.Waiting{{Node: "n1", State: noderoll.Failing}, {Node: "n4", State: noderoll.Outdated}}
	away := halted("agent-ready", "n3")
	away.Input.Nodes[2].Pod = nil
	alone := halted("unchanged-nodes", "n4")
	alone.Plan.Roll.InFlight = []string{"n4"}
	none := halted("agent-ready", "n3")
	none.Plan.Roll = nil
	for name, c := range map[string]struct {
		policy plan.OnFailure
		out    reconcile.Outcome
		want   []string
		why    string
	}{
		"the node that failed, and those that have not passed":  {plan.RevertNode, halted("agent-ready", "n3"), []string{"n2", "n3"}, ""},
		"one that was broken before and took the release":       {plan.RevertNode, broken, []string{"n1", "n2", "n3"}, ""},
		"one whose pod is gone":                                 {plan.RevertNode, away, []string{"n2", "n3"}, ""},
		"never one of the old release":                          {plan.RevertNode, halted("unchanged-nodes", "n4"), []string{"n2"}, ""},
		"nothing, where only an untouched node is in trouble":   {plan.RevertNode, alone, nil, "no node that took 0.27.3 is in trouble"},
		"nothing, where nodes were not changed one by one":      {plan.RevertNode, none, nil, "revert-node puts back nodes that were changed one after the other (--nodes roll or rolling-update), and these were not"},
		"all of them, which a way back names by naming no node": {plan.RevertAll, halted("agent-ready", "n3"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, why := drive.NodesBack(c.policy, c.out)
			if diff := cmp.Diff(c.want, got); diff != "" || why != c.why {
				t.Errorf("why %q, nodes (-want +got):\n%s", why, diff)
			}
		})
	}
}

// One row per row of rested's table, and the ends of a paused and an unfinished roll.
func TestTheEndOfARollSaysWhatToDoNext(t *testing.T) {
	t.Parallel()
	const again = "addonctl update --version=0.27.3 --nodes=roll --yes"
	left := halted("agent-ready", "n3")
	left.End = reconcile.Left
	left.Plan.Roll = &noderoll.Decision{
		Phase: noderoll.Left, Passed: 3, Changed: 3, Total: 4, Why: "the nodes that are left cannot be changed now",
		Skipped: []noderoll.Waiting{{Node: "n4", State: noderoll.Outdated, Why: "the node is cordoned"}},
	}
	held := halted("agent-ready", "n3")
	held.End, held.Plan.Roll, held.Plan.Nodes = reconcile.Held, nil, noderoll.Truth{Total: 4}
	late := halted("agent-ready", "n3")
	late.End, late.Plan.Roll = reconcile.TimedOut, &noderoll.Decision{Phase: noderoll.Batch, Stage: "pool a", Passed: 1, Changed: 1, Total: 4}
	watched := late
	watched.Plan.Roll = &noderoll.Decision{Phase: noderoll.Watching, Watched: true, Passed: 1, Changed: 1, Total: 4}
	watched.Plan.Nodes = noderoll.Truth{Total: 4, Ready: 1, Waiting: []noderoll.Waiting{{Node: "n2", Why: "still runs 0.26.2"}}}
	cutWatched := watched
	cutWatched.End, cutWatched.Plan.Steps = reconcile.Interrupted, []plan.Step{{Kind: plan.AwaitNodes}}
	paused := late
	paused.Plan.Roll = &noderoll.Decision{Phase: noderoll.Paused, Passed: 1, Changed: 1, Total: 4}
	cut := late
	cut.End = reconcile.Interrupted
	recalled := func(end reconcile.End, watched bool, next plan.StepKind) reconcile.Outcome {
		out := late
		out.End, out.Plan.Recalled, out.Plan.Steps = end, "Flannel 0.27.3 has been recalled: x", []plan.Step{{Kind: next}}
		out.Plan.Roll = &noderoll.Decision{Phase: noderoll.Paused, Watched: watched, Passed: 1, Changed: 1, Total: 4}
		out.Plan.Nodes = noderoll.Truth{Total: 4, Ready: 1, Versions: []noderoll.VersionCount{{Version: "0.26.2", Nodes: 3}, {Version: "0.27.3", Nodes: 1}}}
		return out
	}
	const out = "; the template stays Flannel 0.27.3, so a pod that is made anew, on whichever node, takes it; all nodes leave it with: addonctl update; " +
		"the way back, to 0.26.2, is: addonctl rollback"
	for name, c := range map[string]struct {
		out       reconcile.Outcome
		code      int
		err, hint string
	}{
		"halted": {
			halted("agent-ready", "n3"), 4, "halted at n3: gate agent-ready: CrashLoopBackOff",
			"no further pod is deleted; the template stays Flannel 0.27.3, so a pod that is made anew, on whichever node, takes it; addonctl nodes shows every node; " +
				"when n3 is mended, go on with: " + again + "; the way back, to 0.26.2, is: addonctl rollback",
		},
		"the controller goes on": {
			watched, 5, "not finished within 15m0s: Flannel 0.27.3 is Ready on 1 of 4 nodes; waiting for n2 (still runs 0.26.2)",
			"nobody stops the DaemonSet controller at a bad node or a recall now; go on waiting with: " + again,
		},
		"interrupted, and the controller goes on": {
			cutWatched, 130, "interrupted: Flannel 0.27.3 is Ready on 1 of 4 nodes, and the cluster goes on taking it by itself; nobody stops it at a bad node or a recall now",
			"stopped; resume with: " + again,
		},
		"left": {
			left, 5, "not finished: Flannel 0.27.3 is on 3 of 4 nodes; the nodes that are left cannot be changed now: n4 (the node is cordoned)",
			"mend, uncordon or remove these nodes; then go on with: " + again,
		},
		"held": {
			held, 5, "the template is Flannel 0.27.3, and no node was touched: it is on 0 of 4 nodes",
			"a pod that is made anew takes it; change the nodes one by one, with gates, with: addonctl update --version=0.27.3 --yes --nodes=roll; " +
				"or let new nodes take their place: addonctl update --version=0.27.3 --yes --nodes=replace",
		},
		"out of time": {
			late, 5, "not finished within 15m0s: Flannel 0.27.3: Batch (pool a), 1 of 4 nodes passed", "no further node is changed; go on with: " + again,
		},
		"out of time and paused": {
			paused, 5, "not finished within 15m0s: Flannel 0.27.3: Paused, 1 of 4 nodes passed", "it is paused: addonctl resume; then go on with: " + again,
		},
		"recalled": {
			recalled(reconcile.Recalled, false, plan.AwaitNodes), 3,
			"stopped at the node: Flannel 0.27.3 has been recalled: x; Paused, 1 of 4 nodes passed; the nodes run 0.26.2 on 3 nodes, 0.27.3 on 1 node",
			"no further node is changed" + out,
		},
		"recalled, and the controller is stopped": {
			recalled(reconcile.Recalled, true, plan.AwaitNodes), 3,
			"the DaemonSet controller is stopped: Flannel 0.27.3 has been recalled: x; Paused, 1 of 4 nodes passed; the nodes run 0.26.2 on 3 nodes, 0.27.3 on 1 node",
			"it changes no further node until the next move" + out,
		},
		"recalled, and a node is on its way for too long": {
			recalled(reconcile.TimedOut, true, plan.AwaitNodes), 5, "not finished within 15m0s: Flannel 0.27.3: Paused, 1 of 4 nodes passed",
			"Flannel 0.27.3 has been recalled: x; no further node is changed; all nodes leave it with: addonctl update",
		},
		"recalled, and interrupted": {
			recalled(reconcile.Interrupted, true, plan.AwaitNodes), 130, "interrupted: Flannel 0.27.3: Paused, 1 of 4 nodes passed; no further node is changed",
			"stopped; resume with: " + again,
		},
		"recalled, and interrupted before the controller was stopped": {
			recalled(reconcile.Interrupted, true, plan.Halt), 130, "interrupted: the DaemonSet controller was not stopped, and goes on changing nodes", "stopped; resume with: " + again,
		},
		"interrupted": {
			cut, 130, "interrupted: Flannel 0.27.3: Batch (pool a), 1 of 4 nodes passed; no further node is changed", "stopped; resume with: " + again,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ended(c.out, actFlags{timeout: 15 * time.Minute}, again)
			code, hint := codeOf(err)
			if diff := cmp.Diff([]string{c.err, c.hint}, []string{fmt.Sprint(err), hint}); diff != "" || code != c.code {
				t.Errorf("exit %d, want %d (-want +got):\n%s", code, c.code, diff)
			}
		})
	}
}

// command is `addonctl update`, given a few flags.
func command(t *testing.T, args ...string) *cobra.Command {
	t.Helper()
	root := (&app{}).root()
	c, rest, err := root.Find(append([]string{"update"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAHaltedRollWhoseNodesWereReturnedSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	b := plan.Back{Revision: 1, Leaves: "0.27.3", Reason: "halted at n3: gate agent-ready: CrashLoopBackOff", Nodes: []string{"n2", "n3"}}
	back := func(keep int) reconcile.Outcome {
		out := halted("agent-ready", "n3")
		out.Plan.Hop, out.Input.Installed.Newest, out.Plan.State = "0.26.2", "old", plan.HaltedState
		for i := range out.Input.Nodes {
			out.Input.Nodes[i].Pod = pod("old", "0.26.2")
			if i < keep {
				out.Input.Nodes[i].Pod = pod("new", "0.27.3")
			}
		}
		return out
	}
	const retry = "when what failed is mended, go on with: addonctl retry --version=0.27.3 --yes, then: addonctl update --nodes=roll --yes --version=0.27.3"
	for name, c := range map[string]struct {
		keep      int
		args      []string
		err, hint string
	}{
		"others keep the new release": {
			1,
			[]string{"--nodes=roll", "--yes"},
			b.Reason + "; n2, n3 run Flannel 0.26.2 again; 1 node keeps 0.27.3", retry + "; or put all nodes back with: addonctl rollback",
		},
		"none had passed": {0, []string{"--nodes=roll", "--yes"}, b.Reason + "; n2, n3 run Flannel 0.26.2 again; no node keeps 0.27.3", retry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := returned(command(t, c.args...), b, back(c.keep))
			code, hint := codeOf(err)
			if diff := cmp.Diff([]string{c.err, c.hint}, []string{fmt.Sprint(err), hint}); diff != "" || code != exitGate || r.Outcome != reconcile.Halted {
				t.Errorf("exit %d, outcome %s (-want +got):\n%s", code, r.Outcome, diff)
			}
		})
	}
	all := b
	all.Nodes = nil
	if _, err := returned(command(t), all, back(0)); exitCode(err) != exitRolledBack {
		t.Errorf("all put back: exit %d", exitCode(err))
	}
}

func exitCode(err error) int {
	code, _ := codeOf(err)
	return code
}

// A roll that halts puts its nodes back without being told; what merely gives out is held, and a slow roll is no failure.
func TestWhatAFailureLeadsTo(t *testing.T) {
	t.Parallel()
	slow := halted("agent-ready", "n3")
	slow.End, slow.Plan.Roll.Phase = reconcile.TimedOut, noderoll.Batch
	slow.Input.Nodes[1].Pod.Available = false // hangs, which the node's own time limit judges
	slow.Input.Now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	slow.Input.Nodes[1].Pod.Created = slow.Input.Now.Add(-time.Hour)
	bad := slow
	bad.End = reconcile.NodesFailed
	watched := slow
	watched.Plan.Roll = &noderoll.Decision{Phase: noderoll.Watching, Watched: true}
	for name, c := range map[string]struct {
		recorded plan.OnFailure
		out      reconcile.Outcome
		broke    bool
		want     plan.OnFailure
	}{
		"a halt":                             {"", halted("agent-ready", "n3"), true, plan.RevertNode},
		"the controller's, out of time":      {"", watched, true, plan.Hold},
		"a halt that is to be held":          {plan.Hold, halted("agent-ready", "n3"), true, plan.Hold},
		"a halt after which all go back":     {plan.RevertAll, halted("agent-ready", "n3"), true, plan.RevertAll},
		"a roll that is slow":                {plan.RevertAll, slow, false, plan.RevertAll},
		"a roll that is out of time, broken": {"", bad, true, plan.Hold},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := undertaking{}
			u.w.Desired.OnFailure = c.recorded
			if got := drive.OnFailure(u.w.Desired, c.out); got != c.want || drive.Failed(c.out, time.Minute) != c.broke {
				t.Errorf("failed %t, then %s", drive.Failed(c.out, time.Minute), got)
			}
		})
	}
}

func TestFlagsOfARollThatIsNoneAreTold(t *testing.T) {
	t.Parallel()
	for u, want := range map[plan.NodeUpdate]string{
		plan.RollNodes:     "",
		plan.RollingUpdate: "note: --canaries, --soak: recorded, and of use with --nodes roll or replace; here nodes follow by rolling-update",
	} {
		if got := idle(command(t, "--canaries=2", "--soak=1m"), u); got != want {
			t.Errorf("%s: %q, want %q", u, got, want)
		}
	}
	if got := idle(command(t), plan.RollingUpdate); got != "" {
		t.Errorf("without such a flag: %q", got)
	}
}

// The request holds what was given and nothing else, so that the rest stays as it is recorded.
func TestTheFlagsOfARollBecomeARequest(t *testing.T) {
	t.Parallel()
	second, none := time.Second, int32(0)
	for name, c := range map[string]struct {
		args []string
		want plan.Request
	}{
		"nothing": {nil, plan.Request{}},
		"everything": {
			[]string{"--nodes=roll", "--canary-selector=a=b", "--max-unavailable=10%", "--soak=1s", "--ready-for=1s", "--node-timeout=1s", "--max-restarts=0"},
			plan.Request{NodeUpdate: plan.RollNodes, Roll: noderoll.Policy{
				CanarySelector: "a=b", MaxUnavailable: "10%", Soak: &second, ReadyFor: &second, NodeTimeout: &second, MaxRestarts: &none,
			}},
		},
		"a number of canaries": {[]string{"--nodes=replace", "--canaries=3"}, plan.Request{NodeUpdate: plan.ReplaceNodes, Roll: noderoll.Policy{Canaries: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f rollFlags
			cmd := &cobra.Command{Use: "update"}
			f.add(cmd)
			if err := cmd.ParseFlags(c.args); err != nil {
				t.Fatal(err)
			}
			var got plan.Request
			if err := f.read(cmd, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What is asked for is judged with what is recorded.
func TestTimesThatNoNodeCanKeepAreRefused(t *testing.T) {
	t.Parallel()
	minute, two := time.Minute, 2*time.Minute
	asked, recorded := noderoll.Policy{ReadyFor: &two}, noderoll.Policy{NodeTimeout: &minute}
	if err := checkRoll(asked, recorded.With(asked)); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "nodeTimeout: 1m0s is not longer than readyFor, which is 2m0s") {
		t.Errorf("refused with %v", err)
	}
	if err := checkRoll(asked, asked); err != nil {
		t.Errorf("alone: %v", err)
	}
	if err := checkRoll(noderoll.Policy{}, recorded.With(asked)); err != nil {
		t.Errorf("asked for nothing: %v", err)
	}
}

// A watch draws on a terminal and prints elsewhere, there only what is new.
func TestAWatchOfNodesPrintsWhatChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		screen bool
		want   int
	}{"a file": {false, 2}, "a terminal": {true, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(1, "wide")
			var out bytes.Buffer
			l.session.Out, l.session.screen = &out, c.screen
			var last *nodesReport
			for i, version := range []string{"0.26.2", "0.26.2", "0.27.3"} {
				l.in.Now = l.now.Add(time.Duration(i) * time.Hour) // an age is no change
				l.in.Nodes[0].Pod = &noderoll.Pod{Version: version, Created: l.now.Add(-90 * time.Second)}
				r := nodesOf(l.in, l.plan)
				if err := l.session.redraw(r, last); err != nil {
					t.Fatal(err)
				}
				last = &r
			}
			if n := strings.Count(out.String(), "NODE "); n != c.want || strings.Contains(out.String(), "\x1b[2J") != c.screen {
				t.Errorf("%d tables, want %d:\n%s", n, c.want, out.String())
			}
		})
	}
}

func TestNodesTellHowLongTheyHaveTheirRevision(t *testing.T) {
	t.Parallel()
	l := newLab(2, "wide")
	l.in.Now, l.in.Nodes[0].Pod.Created, l.in.Nodes[0].Cordoned, l.in.Nodes[0].Zone = l.now, l.now.Add(-90*time.Minute), true, "AD-1"
	l.in.Nodes[0].CordonedByUs, l.in.Nodes[0].Helpers = true, []noderoll.Helper{{Purpose: noderoll.Fresh}}
	l.in.Nodes[1].Pod, l.in.Nodes[1].Cordoned = nil, true
	var out strings.Builder
	nodesOf(l.in, l.plan).table(&out, true)
	const want = `NODE   STATE      VERSION   READY   RESTARTS   AGE   POOL   ZONE   CORDONED      KUBELET   POD   REVISION   FRESH   WHY
n1     Outdated   0.26.2    yes     0          90m   -      AD-1   by the roll   -         p     old        tried
n2     Missing    -         no      0          -     -      -      yes           -         -     -          -
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A lifted guard is red where colours are shown, and said everywhere.
func TestStatusShowsTheRollAndALiftedGuard(t *testing.T) {
	t.Parallel()
	out := halted("agent-ready", "n3")
	r := statusReport{
		Cluster: "in-cluster", AddOn: "Flannel", Installed: "0.27.3", Paused: true, Roll: out.Plan.Roll, GuardLifted: true, NodeUpdate: plan.RollNodes,
	}
	for red, mark := range map[bool]string{false: "\nTHE GUARD", true: "\n\x1b[1;31mTHE GUARD"} {
		var text strings.Builder
		r.red = red
		r.table(&text, true)
		for _, want := range []string{
			mark, "Roll:           Halted, 1 of 4 nodes passed, 3 changed", "In flight:      n2", "Halted at:      n3: gate agent-ready: CrashLoopBackOff",
			"Paused:         no node is changed until addonctl resume", "Nodes follow:   roll",
		} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("no %q in:\n%s", want, text.String())
			}
		}
	}
}

func TestStatusNamesTheNodesThatWerePutBack(t *testing.T) {
	t.Parallel()
	r := statusReport{Installed: "0.26.2", PutBack: []string{"n2", "n3"}, Roll: &noderoll.Decision{Phase: noderoll.Finished}}
	var text strings.Builder
	r.table(&text, false)
	if got := text.String(); !strings.Contains(got, "Put back:       n2, n3; the others keep what they have until somebody decides") || strings.Contains(got, "Finished") {
		t.Errorf("status says:\n%s", got)
	}
}

func TestStatusSaysTheNextCommand(t *testing.T) {
	t.Parallel()
	moving := plan.Input{Desired: plan.Desired{AddOn: "Flannel", MoveTo: "0.27.3"}}
	back := plan.Input{Desired: plan.Desired{AddOn: "Flannel", MoveTo: "0.26.2", Back: plan.Back{Revision: 1, Leaves: "0.27.3", Nodes: []string{"n1"}}}}
	step := []plan.Step{{Kind: plan.AwaitNodes}}
	for want, c := range map[string]struct {
		in plan.Input
		p  plan.Plan
	}{
		"":                                 {plan.Input{}, plan.Plan{State: plan.UpToDate}},
		"addonctl update":                  {plan.Input{}, plan.Plan{State: plan.Rolling, Steps: step}},
		"addonctl update --version 0.27.3": {moving, plan.Plan{State: plan.Rolling, Steps: step}},
		"addonctl resume":                  {moving, plan.Plan{State: plan.Rolling, Steps: step, Roll: &noderoll.Decision{Phase: noderoll.Paused}}},
		"addonctl update --version 0.27.3 --nodes roll":                          {moving, plan.Plan{State: plan.Rolling, Steps: step, Held: true}},
		"addonctl rollback":                                                      {moving, plan.Plan{State: plan.HaltedState}},
		"addonctl retry --version 0.27.3, then addonctl update --version 0.27.3": {back, plan.Plan{State: plan.HaltedState}},
	} {
		if got := nextOf(c.in, c.p); got != want {
			t.Errorf("next is %q, want %q", got, want)
		}
	}
}

// Who is out of time while old nodes are still there says which ones somebody has to replace, and how.
func TestWhoHasToReplaceNodesIsToldWhich(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		roll noderoll.Decision
		err  string
		hint string
	}{
		"cordoned": {
			noderoll.Decision{Replace: []string{"n1", "n2"}, Stage: "pool a", Why: "cordoned"},
			"not finished within 1m0s: Flannel 0.27.3: Replacing (pool a), 3 of 5 nodes passed; nodes to replace: n1, n2", "kubectl delete node",
		},
		"none": {
			noderoll.Decision{Why: "2 nodes take pods"}, "not finished within 1m0s: Flannel 0.27.3: Replacing, 3 of 5 nodes passed; 2 nodes take pods", "no further node is cordoned",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.roll.Phase, c.roll.Passed, c.roll.Total = noderoll.Replacing, 3, 5
			err := timedOut(plan.Plan{AddOn: "Flannel", Hop: "0.27.3", State: plan.Rolling, Roll: &c.roll}, actFlags{timeout: time.Minute}, "addonctl update")
			var e *exit
			if !errors.As(err, &e) || e.code != exitUnfinished || e.Error() != c.err || !strings.Contains(e.hint, c.hint) || !strings.HasSuffix(e.hint, "addonctl update") {
				t.Errorf("ends with %v, hint %q", err, e.hint)
			}
		})
	}
}
