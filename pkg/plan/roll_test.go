package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// byNode lets nodes follow one by one, without soaking.
func byNode(in *plan.Input) {
	none := time.Duration(0)
	in.Desired.NodeUpdate, in.Desired.Roll = plan.RollNodes, noderoll.Policy{Canaries: 1, Soak: &none}
	in.Installed.OnDelete = true
}

// node gives one node a pod of a version that was made, and Ready or not, a while ago.
func ran(node int, v string, ready bool, ago time.Duration) func(*plan.Input) {
	return func(in *plan.Input) {
		runs(node, v)(in)
		p := in.Nodes[node].Pod
		p.Name, p.UID = "pod-of-"+v, in.Nodes[node].Name+"-"+v
		p.Ready, p.Available, p.Created, p.ReadySince = ready, ready, in.Now.Add(-ago), in.Now.Add(-ago)
	}
}

// rolled is a roll from 0.26.2 to 0.27.3 with so many nodes changed, long ago.
func rolled(tb testing.TB, changed int) plan.Input {
	tb.Helper()
	in := with(settled(tb, "0.26.2"), rolling("0.26.2", "0.27.3"), byNode)
	in.Desired.MoveTo = "0.27.3"
	for i := range in.Nodes {
		v := "0.26.2"
		if i < changed {
			v = "0.27.3"
		}
		ran(i, v, true, time.Hour)(&in)
	}
	if changed > 0 {
		in.Roll = noderoll.Record{
			Revision: "hash-0.27.3", Started: in.Now.Add(-2 * time.Hour), At: in.Now.Add(-time.Hour), Canaries: []string{"node-1"},
			Intent: []noderoll.Target{{Node: "node-1", Pod: "pod-of-0.26.2", UID: "node-1-0.26.2"}},
		}
	}
	return in
}

// crashing puts a node into a crash loop of the new release.
func crashing(node int) func(*plan.Input) {
	return func(in *plan.Input) {
		ran(node, "0.27.3", false, time.Minute)(in)
		p := in.Nodes[node].Pod
		p.Restarts, p.Bad, p.Trouble = 3, true, "kube-flannel: CrashLoopBackOff"
	}
}

// backTo is the wish for the way back to revision 1, of so many nodes, whose objects are written.
func backTo(nodes ...string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Desired.MoveTo = "0.26.2"
		in.Desired.Back = plan.Back{Revision: 1, Leaves: "0.27.3", Reason: "node-1 crashes", Nodes: nodes}
		in.Installed.Version, in.Installed.Digest, in.Installed.Newest = "0.26.2", "render-0.26.2", "hash-0.26.2"
		in.Record.Revisions = append(in.Record.Revisions, plan.Revision{Number: 3, Version: "0.26.2", Status: plan.PendingUpgrade, Digest: "render-0.26.2"})
	}
}

func rowsOfRolls(tb testing.TB) map[string]row {
	tb.Helper()
	return map[string]row{
		"the controller's own update of what it must not update": {
			"roll-policy", with(native(tb, "2.3.0"), request(plan.Update, "3.3.0"), func(in *plan.Input) { in.Request.NodeUpdate = plan.RollingUpdate }),
			plan.RollPolicyInvalid, true, "never rolled out by the DaemonSet controller",
		},
		"a number of nodes that is none": {
			"roll-policy", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), func(in *plan.Input) {
				in.Request.NodeUpdate, in.Request.Roll.MaxUnavailable = plan.RollNodes, "a few"
			}), plan.RollPolicyInvalid, true, `"a few"`,
		},
		"a roll that halted": {
			"roll-stands", with(rolled(tb, 0), crashing(0)), plan.RollHalted, false, "halted at node-1: gate agent-restarts: kube-flannel: CrashLoopBackOff",
		},
		"a roll whose release was recalled": {
			"roll-stands", with(rolled(tb, 1), recall("0.27.3")), plan.RollRecalled, false,
			"Flannel 0.27.3 has been recalled: it loses packets; no further node is changed; the nodes run 0.26.2 on 2 nodes, 0.27.3 on 1 node",
		},
		"one by the DaemonSet controller, which is stopped": {
			"roll-stands", with(rolled(tb, 1), recall("0.27.3"), controlled, stopped), plan.RollRecalled, false,
			"the DaemonSet controller is stopped and changes no further node; the nodes run 0.26.2 on 2 nodes, 0.27.3 on 1 node",
		},
		"one by the DaemonSet controller, which is to be stopped": {
			"roll-stands", with(rolled(tb, 1), recall("0.27.3"), controlled), plan.RollRecalled, false, "changes nodes until the next step stops it",
		},
		"a roll whose last nodes cannot be changed": {
			"roll-stands", with(rolled(tb, 2), func(in *plan.Input) { in.Nodes[2].Cordoned = true }), plan.NodesLeft, false, "node-3 (the node is cordoned)",
		},
		"nodes that are held although the controller could update them": {
			"nodes-follow", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), func(in *plan.Input) { in.Request.NodeUpdate = plan.HoldNodes }),
			plan.NodesHold, false, "nodes keep what they run",
		},
	}
}

// next is what the next step does, in a few words.
func next(in plan.Input) string {
	p := plan.Make(rendered(in))
	s, ok := p.Next()
	if !ok {
		return string(p.State)
	}
	out := string(s.Kind)
	for _, t := range s.Targets {
		out += " " + t.Node + "/" + t.UID
	}
	if p.Held {
		out += ", held"
	}
	if p.Roll != nil {
		out += ", " + string(p.Roll.Phase)
	}
	return out
}

// Where nodes follow one by one, the objects are written first, then nodes are changed while their gates say yes, and nothing is
// settled before the last of them has passed. It would catch a plan that settles, or changes a node, too early.
func TestNodesFollowOneByOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   plan.Input
		want string
	}{
		"before": {
			with(settled(t, "0.26.2"), byNode, request(plan.Update, "0.27.3")), "Apply",
		},
		"the strategy alone is to be written": {
			with(settled(t, "0.26.2"), byNode, func(in *plan.Input) { in.Installed.OnDelete = false }), "Apply",
		},
		"the controller's strategy stays where nobody asked for another": {settled(t, "0.26.2"), "UpToDate"},
		"and it comes with the next change":                              {with(settled(t, "0.26.2"), request(plan.Update, "0.27.3")), "Apply"},
		"the controller is in the middle of it, and is stopped": {
			with(settled(t, "0.26.2"), rolling("0.26.2", "0.27.3"), runs(0, "0.27.3"), moveTo("0.27.3")), "Apply",
		},
		"the controller has gone over all nodes": {
			with(settled(t, "0.26.2"), rolling("0.26.2", "0.27.3"), runs(0, "0.27.3"), runs(1, "0.27.3"), runs(2, "0.27.3"), moveTo("0.27.3")), "Settle, Finished",
		},
		"at rest, whatever restarted in a year": {
			with(settled(t, "0.26.2"), byNode, func(in *plan.Input) { in.Nodes[0].Pod.Restarts = 9 }), "UpToDate",
		},
		"at rest, and somebody changed the template":      {with(settled(t, "0.26.2"), byNode, touched(0)), "ChangeNodes node-1/uid, Canary"},
		"... and it is held":                              {with(settled(t, "0.26.2"), byNode, touched(0), hold), "AwaitNodes, held"},
		"... and the controller replaces pods":            {with(settled(t, "0.26.2"), touched(0)), "AwaitNodes"},
		"... and the last node that took it is coming up": {with(settled(t, "0.26.2"), byNode, touched(3), unready(2)), "AwaitNodes, Batch"},
		"... and all have passed":                         {with(settled(t, "0.26.2"), byNode, touched(3)), "Settle, Finished"},
		"the first node":                                  {rolled(t, 0), "ChangeNodes node-1/node-1-0.26.2, Canary"},
		"the controller has not seen the template": {
			with(rolled(t, 0), func(in *plan.Input) { in.Installed.Observed = false }), "AwaitNodes",
		},
		"the first node is coming up": {with(rolled(t, 1), ran(0, "0.27.3", false, time.Second)), "AwaitNodes, Canary"},
		"the first node crashes":      {with(rolled(t, 1), crashing(0)), "AwaitNodes, Halted"},
		"the second node":             {rolled(t, 1), "ChangeNodes node-2/node-2-0.26.2, Batch"},
		"the last node passes":        {with(rolled(t, 3), ran(2, "0.27.3", true, 5*time.Second)), "AwaitNodes, Batch"},
		"every node passed":           {rolled(t, 3), "Settle, Finished"},
		"paused":                      {with(rolled(t, 1), func(in *plan.Input) { in.Desired.Roll.Paused = true }), "AwaitNodes, Paused"},
		"a guard that was left lifted comes first": {
			with(rolled(t, 1), func(in *plan.Input) { in.Installed.Lifted = true }), "Relock, Batch",
		},
		"an intent that was not carried out": {
			with(rolled(t, 1), func(in *plan.Input) {
				in.Roll = noderoll.Record{
					Revision: "hash-0.27.3", Started: in.Now.Add(-time.Minute), At: in.Now.Add(-time.Second),
					Intent: []noderoll.Target{{Node: "node-3", Pod: "pod-of-0.26.2", UID: "node-3-0.26.2"}},
				}
			}), "ChangeNodes node-3/node-3-0.26.2, Batch",
		},
		"the way back of all":          {with(rolled(t, 2), crashing(1), backTo()), "ChangeNodes node-2/node-2-0.27.3, PutBack"},
		"the way back of one":          {with(rolled(t, 2), crashing(1), backTo("node-2")), "ChangeNodes node-2/node-2-0.27.3, PutBack"},
		"that one is back":             {with(rolled(t, 1), backTo("node-2")), "Halted"},
		"all are back":                 {with(rolled(t, 0), backTo()), "Settle, Finished"},
		"installing is no roll":        {with(rolled(t, 2), ran(2, "0.27.3", false, time.Second), installing), "AwaitNodes"},
		"to be replaced":               {with(rolled(t, 0), replaces), "TendNodes, Replacing"},
		"waiting for somebody":         {with(rolled(t, 0), replaces, byUs(0)), "AwaitNodes, Replacing"},
		"replaced, all of them":        {with(rolled(t, 3), replaces), "Settle, Finished"},
		"booted in place":              {with(rolled(t, 3), replaces, byUs(0)), "TendNodes, Finished"},
		"a new node fails":             {with(rolled(t, 2), replaces, crashing(1)), "AwaitNodes, Halted"},
		"replaced, and back":           {with(rolled(t, 2), crashing(1), backTo(), replaces, byUs(0)), "TendNodes, held"},
		"replaced no more":             {with(rolled(t, 0), hold, byUs(0)), "TendNodes, held"},
		"held":                         {with(rolled(t, 0), func(in *plan.Input) { in.Desired.NodeUpdate = plan.HoldNodes }), "AwaitNodes, held"},
		"held, and a node has joined":  {with(rolled(t, 0), hold, ran(2, "0.27.3", false, time.Second)), "AwaitNodes"},
		"held by default":              {with(native(t, "2.3.0"), rolling("2.3.0", "3.3.0"), func(in *plan.Input) { in.Installed.OnDelete = true }), "AwaitNodes, held"},
		"left to the controller again": {with(rolled(t, 1), func(in *plan.Input) { in.Desired.NodeUpdate = plan.RollingUpdate }), "Apply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := next(c.in); got != c.want {
				t.Errorf("next is %q, want %q", got, c.want)
			}
		})
	}
}

// touched is a template that somebody changed after every node had taken the release; so many nodes have taken the change, long ago.
func touched(taken int) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Installed.Newest = "hash-touched"
		if taken > 0 {
			in.Roll = noderoll.Record{Revision: "hash-touched", Started: in.Now.Add(-2 * time.Hour), At: in.Now.Add(-time.Hour), Canaries: []string{"node-1"}}
		}
		for i := range in.Nodes {
			p := in.Nodes[i].Pod
			p.Name, p.UID, p.Ready, p.Available, p.Created, p.ReadySince = "pod", "uid", true, true, in.Now.Add(-time.Hour), in.Now.Add(-time.Hour)
			if i < taken {
				p.Revision = "hash-touched"
			}
		}
	}
}

// unready is a node whose agent has just begun.
func unready(node int) func(*plan.Input) {
	return func(in *plan.Input) {
		p := in.Nodes[node].Pod
		p.Ready, p.Available, p.Created, p.ReadySince = false, false, in.Now.Add(-time.Second), time.Time{}
	}
}

// leftToTheController has somebody ask for the DaemonSet controller's own rolling update.
func leftToTheController(in *plan.Input) { in.Desired.NodeUpdate = plan.RollingUpdate }

func moveTo(v string) func(*plan.Input) {
	return func(in *plan.Input) { in.Desired.MoveTo = v }
}

// controlled leaves the nodes to the DaemonSet controller.
func controlled(in *plan.Input) {
	in.Desired.NodeUpdate, in.Installed.OnDelete = plan.RollingUpdate, false
}

// stopped is the controller's strategy after a halt.
func stopped(in *plan.Input) { in.Installed.OnDelete = true }

// Where the DaemonSet controller changes the nodes it is stopped at the first that fails a gate, and stays so while that, or any other that
// was changed, does not pass; nobody remembers that it was. Each row would catch one that goes on, or is let go, too early, or that is
// never let go.
func TestTheControllerIsStoppedAtTheFirstBadNode(t *testing.T) {
	t.Parallel()
	unready := func(in *plan.Input) { ran(0, "0.27.3", false, time.Second)(in) }
	for name, c := range map[string]struct {
		in   plan.Input
		want string
	}{
		"before":             {with(settled(t, "0.26.2"), controlled, request(plan.Update, "0.27.3")), "Apply"},
		"it changes nodes":   {with(rolled(t, 1), controlled), "AwaitNodes, Watching"},
		"every node passed":  {with(rolled(t, 3), controlled), "Settle, Finished"},
		"the first crashes":  {with(rolled(t, 1), crashing(0), controlled), "Halt, Halted"},
		"it is stopped":      {with(rolled(t, 1), crashing(0), controlled, stopped), "AwaitNodes, Halted"},
		"nobody has seen it": {with(rolled(t, 1), crashing(0), controlled, stopped, func(in *plan.Input) { in.Installed.Observed = false }), "AwaitNodes"},
		"the bad node runs for a moment": {
			with(rolled(t, 1), unready, controlled, stopped), "AwaitNodes, Watching",
		},
		"the bad node is mended":         {with(rolled(t, 1), controlled, stopped), "Apply"},
		"stopped after every node":       {with(rolled(t, 3), controlled, stopped), "Apply"},
		"another release is asked for":   {with(rolled(t, 1), crashing(0), controlled, stopped, request(plan.Update, "0.26.2")), "Apply"},
		"the guard is missing":           {with(rolled(t, 1), crashing(0), controlled, func(in *plan.Input) { in.Cluster.Guard.Wrong = []string{"it"} }), "Halt, Halted"},
		"an installation is not stopped": {with(rolled(t, 3), crashing(0), controlled, installing), "AwaitNodes"},
		"it was broken before": {
			with(rolled(t, 1), crashing(0), controlled, func(in *plan.Input) { in.Roll.Broken = []string{"node-1"} }), "AwaitNodes, Watching",
		},
		"the way back is to be written": {
			with(rolled(t, 2), crashing(1), controlled, stopped, func(in *plan.Input) { in.Request = plan.Request{Verb: plan.Rollback} }), "Apply",
		},
		"the way back of all is our roll": {with(rolled(t, 2), crashing(1), backTo(), controlled, stopped), "ChangeNodes node-2/node-2-0.27.3, PutBack"},
		"the way back of one is our roll": {with(rolled(t, 2), crashing(1), backTo("node-2"), controlled, stopped), "ChangeNodes node-2/node-2-0.27.3, PutBack"},
		"that one is back":                {with(rolled(t, 1), backTo("node-2"), controlled, stopped), "Halted"},
		"all are back, let go":            {with(rolled(t, 0), backTo(), controlled, stopped), "Apply"},
		"all are back, and it is let go":  {with(rolled(t, 0), backTo(), controlled), "Settle"},
		"a way back of one, not stopped":  {with(rolled(t, 2), crashing(1), backTo("node-2"), controlled), "Apply"},
		"a way back by the controller":    {with(rolled(t, 2), crashing(1), backTo(), controlled), "AwaitNodes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := next(c.in); got != c.want {
				t.Errorf("next is %q, want %q", got, c.want)
			}
		})
	}
}

// How the workload is written in the middle of all this.
func TestTheStrategyFollowsFromWhatIsSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   plan.Input
		want bool
	}{
		"a new release": {with(settled(t, "0.26.2"), controlled, request(plan.Update, "0.27.3")), false},
		"a new release, over one that was rolled":   {with(settled(t, "0.26.2"), controlled, stopped, request(plan.Update, "0.27.3")), false},
		"a halt that is not carried out yet":        {with(rolled(t, 1), crashing(0), controlled), false},
		"a halt":                                    {with(rolled(t, 1), crashing(0), controlled, stopped), true},
		"a mended node":                             {with(rolled(t, 1), controlled, stopped), false},
		"a halt, then another release":              {with(rolled(t, 1), crashing(0), controlled, stopped, request(plan.Update, "0.26.2")), false},
		"a halt, then the same with other values":   {with(rolled(t, 1), crashing(0), controlled, stopped, func(in *plan.Input) { in.Change.Digest = "other" }), false},
		"the way back from a halt":                  {with(rolled(t, 1), crashing(0), controlled, stopped, func(in *plan.Input) { in.Request = plan.Request{Verb: plan.Rollback} }), true},
		"the way back, as long as it lasts":         {with(rolled(t, 2), crashing(1), backTo(), controlled, stopped), true},
		"the way back, at its end":                  {with(rolled(t, 0), backTo(), controlled, stopped), false},
		"nodes that were put back":                  {with(rolled(t, 1), backTo("node-2"), controlled, stopped), true},
		"a way back of one where it is not stopped": {with(rolled(t, 2), backTo("node-2"), controlled), true},
		"a way back where it is not stopped":        {with(rolled(t, 2), backTo(), controlled), false},
		"a recall that is not carried out yet":      {with(rolled(t, 1), recall("0.27.3"), controlled), false},
		"a recall":                                  {with(rolled(t, 1), recall("0.27.3"), controlled, stopped), true},
		"a recall that is taken off":                {with(rolled(t, 1), controlled, stopped), false},
		"a recall, then other values":               {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, func(in *plan.Input) { in.Change.Digest = "other" }), true},
		"other values of what was recalled":         {with(rolled(t, 1), recall("0.27.3"), controlled, func(in *plan.Input) { in.Change.Digest = "other" }), true},
		"other values where every node has it":      {with(rolled(t, 3), recall("0.27.3"), controlled, func(in *plan.Input) { in.Change.Digest = "other" }), false},
		"a recall, then another release":            {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, request(plan.Update, "0.26.2")), false},
		"the way back from a recall":                {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, func(in *plan.Input) { in.Request = plan.Request{Verb: plan.Rollback} }), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := plan.OnDelete(c.in); got != c.want {
				t.Errorf("OnDelete is %t, want %t", got, c.want)
			}
		})
	}
}

// What was broken is noted with the step that writes the template, and with no other.
func TestWhatWasBrokenIsNotedWithTheTemplate(t *testing.T) {
	t.Parallel()
	bad := func(in *plan.Input) { in.Nodes[1].Pod.Available, in.Nodes[1].Pod.Bad = false, true }
	for name, c := range map[string]struct {
		in   plan.Input
		want noderoll.Record
	}{
		"by the controller": {
			with(settled(t, "0.26.2"), controlled, bad, request(plan.Update, "0.27.3")),
			noderoll.Record{Revision: "hash-0.26.2", Started: now, At: now, Broken: []string{"node-2"}},
		},
		"by our roll":            {with(settled(t, "0.26.2"), byNode, bad, request(plan.Update, "0.27.3")), noderoll.Record{}},
		"the strategy alone":     {with(rolled(t, 1), controlled, stopped), noderoll.Record{}},
		"the way back of a halt": {with(rolled(t, 2), crashing(1), controlled, stopped, func(in *plan.Input) { in.Request = plan.Request{Verb: plan.Rollback} }), noderoll.Record{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := plan.Make(rendered(c.in)).Next()
			if diff := cmp.Diff(c.want, s.Roll); s.Kind != plan.Apply || diff != "" {
				t.Errorf("next is %s; noted (-want +got):\n%s", s.Kind, diff)
			}
		})
	}
}

func replaces(in *plan.Input) { in.Desired.NodeUpdate = plan.ReplaceNodes }

// byUs cordons a node as we do.
func byUs(node int) func(*plan.Input) {
	return func(in *plan.Input) {
		n := &in.Nodes[node]
		n.Cordoned, n.CordonedByUs, n.CordonedSince = true, true, in.Now.Add(-time.Minute)
	}
}

// What is remembered goes with the step that cordons, and the plan says who has to act.
func TestNodesAreCordonedToBeReplaced(t *testing.T) {
	t.Parallel()
	p := plan.Make(rendered(with(rolled(t, 0), replaces)))
	s, _ := p.Next()
	if s.Roll.Revision != "hash-0.27.3" || s.Roll.Capacity == nil || *s.Roll.Capacity != 3 || len(s.Errands) != 1 || s.Errands[0].String() != "cordon node-1" {
		t.Errorf("the step is %+v with the record %+v", s, s.Roll)
	}
	p = plan.Make(rendered(with(rolled(t, 0), replaces, byUs(1))))
	if s, _ := p.Next(); s.Text != "cordoned, and to be replaced by somebody: node-2" || !slices.Equal(p.Roll.Replace, []string{"node-2"}) {
		t.Errorf("the step is %+v, the roll %+v", s, p.Roll)
	}
	before := plan.Make(rendered(with(settled(t, "0.26.2"), replaces, request(plan.Update, "0.27.3"))))
	i := slices.IndexFunc(before.Steps, func(s plan.Step) bool { return s.Kind == plan.TendNodes })
	if i < 0 || !strings.Contains(before.Steps[i].Text, "cordon at most 1 old node at a time") {
		t.Errorf("steps %+v", before.Steps)
	}
}

func hold(in *plan.Input) { in.Desired.NodeUpdate = plan.HoldNodes }

// installing forgets that anything was there before.
func installing(in *plan.Input) {
	in.Record.Revisions = []plan.Revision{{Number: 1, Version: "0.27.3", Status: plan.PendingInstall, Digest: "render-0.27.3"}}
}

// A rollback after nodes were put back takes the others back too, and what is asked for of some nodes is recorded with the wish.
func TestARollbackOfSomeNodesBecomesOneOfAll(t *testing.T) {
	t.Parallel()
	some := with(rolled(t, 2), func(in *plan.Input) {
		in.Request = plan.Request{Verb: plan.Rollback, Nodes: []string{"node-2"}}
	})
	if got := plan.Make(rendered(some)).Desired.Back; !slices.Equal(got.Nodes, []string{"node-2"}) || got.Revision != 1 {
		t.Fatalf("the way back is %+v", got)
	}
	all := with(rolled(t, 1), backTo("node-2"), func(in *plan.Input) { in.Request = plan.Request{Verb: plan.Rollback} })
	p := plan.Make(rendered(all))
	if got := p.Desired.Back; len(got.Nodes) > 0 || got.Revision != 1 {
		t.Errorf("the way back is %+v", got)
	}
	if s, _ := p.Next(); s.Kind != plan.ChangeNodes || s.Targets[0].Node != "node-1" {
		t.Errorf("next is %+v", s)
	}
}

// The number of nodes at a time is the operator's, else OKE's key, else the release's own.
func TestTheBatchIsAsLargeAsSomebodySaid(t *testing.T) {
	t.Parallel()
	own := func(in *plan.Input) {
		in.Desired.AddOn = "Flannel"
		in.Desired.NodeUpdate = plan.RollNodes
	}
	for name, c := range map[string]struct {
		set  func(*plan.Input)
		want string
	}{
		"nobody":       {func(*plan.Input) {}, "at most 1 node unavailable"},
		"the operator": {func(in *plan.Input) { in.Desired.Roll.MaxUnavailable = "2" }, "at most 2 nodes unavailable"},
		"OKE's key": {func(in *plan.Input) {
			in.Desired.Settings.Configurations = map[string]string{"rollingUpdate": `{"maxUnavailable":"70%"}`}
		}, "at most 2 nodes unavailable"},
		"OKE's key in Base64": {func(in *plan.Input) {
			in.Desired.Settings.Configurations = map[string]string{"rollingUpdate": "eyJtYXhVbmF2YWlsYWJsZSI6M30="}
		}, "at most 3 nodes unavailable"},
		"the operator before OKE's key": {func(in *plan.Input) {
			in.Desired.Roll.MaxUnavailable = "1"
			in.Desired.Settings.Configurations = map[string]string{"rollingUpdate": `{"maxUnavailable":"100%"}`}
		}, "at most 1 node unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := with(settled(t, "0.26.2"), own, request(plan.Update, "0.27.3"), c.set)
			in.Catalog = shipped(t)
			p := plan.Make(rendered(in))
			i := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Kind == plan.ChangeNodes })
			if i < 0 || !strings.Contains(p.Steps[i].Text, c.want) {
				t.Errorf("steps %+v, want %q; %+v", p.Steps, c.want, p.Blocking())
			}
		})
	}
}

// A policy is merged field by field.
func TestWhatIsNotAskedForOfARollIsKept(t *testing.T) {
	t.Parallel()
	soak, ready, restarts := time.Minute, time.Second, int32(3)
	have := noderoll.Policy{Canaries: 2, MaxUnavailable: "5", Soak: &soak, MaxRestarts: &restarts}
	got := have.With(noderoll.Policy{CanarySelector: "canary=yes", ReadyFor: &ready})
	want := noderoll.Policy{CanarySelector: "canary=yes", MaxUnavailable: "5", Soak: &soak, MaxRestarts: &restarts, ReadyFor: &ready}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !have.Equal(have.With(noderoll.Policy{})) || have.Equal(got) {
		t.Error("Equal does not tell them apart")
	}
}

// Where a release is taken at a reboot, nothing is settled before the last node was booted: its agent being Ready says nothing of that.
func TestReleasesThatAreTakenAtARebootWaitForIt(t *testing.T) {
	t.Parallel()
	moved := func(in *plan.Input) {
		rolling("2.1.0", "2.2.3")(in)
		leftToTheController(in)
		for i := range in.Nodes {
			runs(i, "2.2.3")(in)
		}
	}
	awaits := func(in *plan.Input) { in.Nodes[1].AwaitsReboot = true }
	for name, c := range map[string]struct {
		in      plan.Input
		want    string
		reboots []string
	}{
		"a node was not booted":    {with(native(t, "2.1.0"), moved, awaits), "AwaitNodes, Finished", []string{"node-2"}},
		"all of them were":         {with(native(t, "2.1.0"), moved), "Settle, Finished", nil},
		"its agent is not changed": {with(native(t, "2.1.0"), moved, awaits, runs(1, "2.1.0")), "AwaitNodes, Watching", nil},
		"by a roll":                {with(native(t, "2.1.0"), moved, awaits, byNode), "AwaitNodes, Finished", []string{"node-2"}},
		"by a roll, all were":      {with(native(t, "2.1.0"), moved, byNode), "Settle, Finished", nil},
		"it was deployed":          {with(native(t, "2.2.3"), awaits), "UpToDate", nil},
		"another mechanism":        {with(rolled(t, 3), awaits), "Settle, Finished", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := next(c.in); got != c.want {
				t.Errorf("next is %q, want %q", got, c.want)
			}
			if got := plan.Make(rendered(c.in)).Reboots; !slices.Equal(got, c.reboots) {
				t.Errorf("to be rebooted: %v, want %v", got, c.reboots)
			}
		})
	}
}
