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
