package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// recall recalls releases of the catalog as a hub does.
func recall(versions ...string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Catalog = in.Catalog.Recalled(func(_, v string) (string, bool) {
			if slices.Contains(versions, v) {
				return "it loses packets", true
			}
			return "", false
		})
	}
}

// What was recalled changes no further node, whoever wanted it; who leaves it, or goes back, goes on, and so does who has it everywhere. The
// first rows would catch a roll that goes on over a recall, the last ones one that stops a way out of it.
func TestARecallChangesNoFurtherNode(t *testing.T) {
	t.Parallel()
	const why = "Flannel 0.27.3 has been recalled: it loses packets"
	pin := func(in *plan.Input) { in.Desired.Version, in.Desired.MoveTo = "v0.27.3", "" }
	followed := func(in *plan.Input) { in.Desired.MoveTo = "" }
	for name, c := range map[string]struct {
		in   plan.Input
		want string
	}{
		"a release that stands":              {rolled(t, 1), ""},
		"another one is recalled":            {with(rolled(t, 1), recall("0.28.9")), ""},
		"a move by somebody":                 {with(rolled(t, 1), recall("0.27.3")), why},
		"no node has it yet":                 {with(rolled(t, 0), recall("0.27.3")), why},
		"a pin":                              {with(rolled(t, 1), recall("0.27.3"), pin), why},
		"a record that is followed":          {with(rolled(t, 1), recall("0.27.3"), followed), why},
		"a command that goes on with it":     {with(rolled(t, 1), recall("0.27.3"), request(plan.Update, "0.27.3")), why},
		"away from it":                       {with(rolled(t, 1), recall("0.27.3"), func(in *plan.Input) { in.Desired.MoveTo = "0.26.2" }), ""},
		"a command that names no release":    {with(rolled(t, 1), recall("0.27.3"), request(plan.Update, "")), ""},
		"a command that only sets something": {with(rolled(t, 1), recall("0.27.3"), request(plan.Update, ""), setting("rollingUpdate", plainJSON)), why},
		"away from it, by a command":         {with(rolled(t, 1), recall("0.27.3"), request(plan.Update, "0.26.2")), ""},
		"back to what was recalled too":      {with(rolled(t, 1), recall("0.26.2"), backTo()), ""},
		"away from it, when what is live has to be finished first": {
			with(rolled(t, 1), recall("0.27.3"), func(in *plan.Input) { in.Desired.MoveTo = "0.24.4" }, closed("0.26.2", "0.24.4")), "",
		},
		"back from it":      {with(rolled(t, 1), recall("0.27.3"), backTo()), ""},
		"every node has it": {with(rolled(t, 3), recall("0.27.3")), ""},
		"every node has it, some with old settings": {with(rolled(t, 3), recall("0.27.3"), oldSettings(1)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan.Make(rendered(c.in))
			if p.Recalled != c.want {
				t.Errorf("it stops because %q, want %q", p.Recalled, c.want)
			}
			step, _ := p.Next()
			if stops := step.Kind == plan.AwaitNodes && p.Roll.Phase == noderoll.Paused; stops != (c.want != "") {
				t.Errorf("the next step is to %s %v (%s)", step.Kind, step.Targets, step.Text)
			}
			if c.want != "" && !strings.Contains(step.Text, why) {
				t.Errorf("the next step is %q", step.Text)
			}
			if p.Desired.Roll.Paused {
				t.Error("the pause would be recorded as an operator's")
			}
		})
	}
}

// Where the DaemonSet controller changes the nodes to what was recalled meanwhile it is stopped first, and stays so until somebody leaves the
// release or the recall is taken off; nobody remembers that it was. The rows with a Halt would catch a controller that goes on, those that await
// one that is let go, and the others one that is stopped, or kept, for nothing.
func TestARecallStopsTheController(t *testing.T) {
	t.Parallel()
	pin := func(in *plan.Input) { in.Desired.Version, in.Desired.MoveTo = "0.27.3", "" }
	unseen := func(in *plan.Input) { in.Installed.Observed = false }
	paused := func(in *plan.Input) { in.Desired.Roll.Paused = true }
	rolledBack := func(in *plan.Input) { in.Request = plan.Request{Verb: plan.Rollback} }
	toController := func(in *plan.Input) { in.Request.NodeUpdate = plan.RollingUpdate }
	for name, c := range map[string]struct {
		in   plan.Input
		want string
	}{
		"a release that stands":                     {with(rolled(t, 1), controlled), "AwaitNodes, Watching"},
		"a pause is none of the controller's":       {with(rolled(t, 1), controlled, paused), "AwaitNodes, Watching"},
		"another one is recalled":                   {with(rolled(t, 1), recall("0.28.9"), controlled), "AwaitNodes, Watching"},
		"a move by somebody":                        {with(rolled(t, 1), recall("0.27.3"), controlled), "Halt, Paused"},
		"no node has it yet":                        {with(rolled(t, 0), recall("0.27.3"), controlled), "Halt, Paused"},
		"a pin":                                     {with(rolled(t, 1), recall("0.27.3"), controlled, pin), "Halt, Paused"},
		"a record that is followed":                 {with(rolled(t, 1), recall("0.27.3"), controlled, moveTo("")), "Halt, Paused"},
		"a command that goes on with it":            {with(rolled(t, 1), recall("0.27.3"), controlled, request(plan.Update, "0.27.3")), "Halt, Paused"},
		"a command with the very flag":              {with(rolled(t, 1), recall("0.27.3"), controlled, request(plan.Update, "0.27.3"), toController), "Halt, Paused"},
		"a node has just begun":                     {with(rolled(t, 1), recall("0.27.3"), controlled, unready(0)), "Halt, Paused"},
		"a node has failed as well":                 {with(rolled(t, 1), recall("0.27.3"), controlled, crashing(0)), "Halt, Halted"},
		"the guard is missing as well":              {with(rolled(t, 1), recall("0.27.3"), controlled, func(in *plan.Input) { in.Cluster.Guard.Wrong = []string{"it"} }), "Halt, Paused"},
		"the template is not seen yet":              {with(rolled(t, 0), recall("0.27.3"), controlled, unseen), "AwaitNodes"},
		"it is stopped":                             {with(rolled(t, 1), recall("0.27.3"), controlled, stopped), "AwaitNodes, Paused"},
		"it is stopped, and a node is on its way":   {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, unready(0)), "AwaitNodes, Paused"},
		"it is stopped, and that is not seen yet":   {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, unseen), "AwaitNodes"},
		"it is stopped, and asked for again":        {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, request(plan.Update, "0.27.3"), toController), "AwaitNodes, Paused"},
		"it is stopped under a pin":                 {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, pin), "AwaitNodes, Paused"},
		"it is stopped, and the recall taken off":   {with(rolled(t, 1), controlled, stopped), "Apply"},
		"every node has it":                         {with(rolled(t, 3), recall("0.27.3"), controlled), "Settle, Finished"},
		"every node has it, some with old settings": {with(rolled(t, 3), recall("0.27.3"), controlled, oldSettings(1)), "AwaitNodes, Watching"},
		"away from it":                              {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, moveTo("0.26.2")), "Apply"},
		"away from it while it goes on":             {with(rolled(t, 1), recall("0.27.3"), controlled, moveTo("0.26.2")), "Apply"},
		"a command that names no release":           {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, request(plan.Update, "")), "Apply"},
		"back from it":                              {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, rolledBack), "Apply"},
		"back from it, by our roll":                 {with(rolled(t, 1), recall("0.27.3"), backTo(), controlled, stopped), "ChangeNodes node-1/node-1-0.27.3, PutBack"},
		"back from it, at the end":                  {with(rolled(t, 0), recall("0.27.3"), backTo(), controlled, stopped), "Apply"},
		"back to what was recalled too":             {with(rolled(t, 1), recall("0.26.2"), backTo(), controlled, stopped), "ChangeNodes node-1/node-1-0.27.3, PutBack"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := next(c.in); got != c.want {
				t.Errorf("next is %q, want %q", got, c.want)
			}
			p := plan.Make(rendered(c.in))
			if s, _ := p.Next(); s.Kind == plan.Halt && p.Recalled != "" && !strings.HasPrefix(s.Text, p.Recalled) {
				t.Errorf("the controller is stopped because %q", s.Text)
			}
			if p.Roll != nil && (p.Recalled != "") != (p.Roll.Phase == noderoll.Paused) {
				t.Errorf("recalled is %q in phase %s", p.Recalled, p.Roll.Phase)
			}
		})
	}
}

// Drift is told by what the live release would be written with, also where another one is wanted by now. It would catch a controller that is
// let go to what was recalled by whoever sets drift back.
func TestAControllerStoppedByARecallIsNoDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   plan.Input
		want bool
	}{
		"recalled":                         {with(rolled(t, 1), recall("0.27.3"), controlled, stopped), true},
		"recalled, and a move away wanted": {with(rolled(t, 1), recall("0.27.3"), controlled, stopped, moveTo("0.26.2")), true},
		"not recalled":                     {with(rolled(t, 1), controlled, stopped), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live, _ := c.in.Catalog.AddOn("Flannel")
			r, ok := live.Find(version.MustParse("0.27.3"))
			if got := plan.OnDeleteOf(c.in, r); !ok || got != c.want {
				t.Errorf("the live release is written with OnDelete: %t, want %t", got, c.want)
			}
		})
	}
}

// oldSettings gives a node a pod of the same release, made from an earlier template.
func oldSettings(node int) func(*plan.Input) {
	return func(in *plan.Input) { in.Nodes[node].Pod.Revision = "hash-of-other-settings" }
}

// closed closes the step from one release to another, which nodes still run: what is live has to be finished first.
func closed(from, to string) func(*plan.Input) {
	at := func(v string) version.Range {
		return version.Range{Minimal: version.MustParse(v), Maximum: version.MustParse(v)}
	}
	return func(in *plan.Input) {
		in.Catalog = in.Catalog.Recalled(func(string, string) (string, bool) { return "", false }) // a copy
		for i := range in.Catalog.AddOns {
			a := &in.Catalog.AddOns[i]
			a.Blocks = append(slices.Clone(a.Blocks), catalog.Block{Name: "Test", From: at(from), To: at(to)})
		}
	}
}
