package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/version"
)

// hop is the way from one release to the next.
type hop struct {
	wayBackOf

	from version.Version
	to   catalog.Release
}

// ways are what is left of the way to the goal, the step under way first.
func (d decision) ways() []hop {
	if d.target.Version.IsZero() {
		return nil
	}
	var out []hop
	if edges := d.path.Edges; len(edges) == 0 || !d.target.Version.Equal(edges[0].To) {
		from := d.from
		if len(d.Record.Revisions) > 0 && d.target.Version.Equal(d.from) {
			from = d.deployed // what is live is on its way from there
		}
		out = append(out, d.hop(d.graph.Edge(from, d.target.Version, d.where())))
	}
	for _, e := range d.path.Edges {
		out = append(out, d.hop(e))
	}
	return out
}

func (d decision) hop(e graph.Edge) hop {
	to, _ := d.addOn.Find(e.To)
	return hop{wayBackOf: d.back(e), from: e.From, to: to}
}

// steps orders what is left to do. Each is skipped when observation shows that it has been done, so that a plan made
// after a crash at any point is the rest of the plan made before it. Steps of later hops carry no digest: they are planned
// again, with what is seen then, before any of them is carried out.
func steps(d decision, truth noderoll.Truth) []Step {
	out := moves(d, truth)
	if left := d.leftovers(); len(left) > 0 && (d.Installed.Ours || len(out) > 0) {
		b := builder{d: d, revision: d.Installed.Revision}
		b.tend(left, noderoll.Record{})
		b.out[0].Version, b.out[0].From, b.out[0].Class = d.Installed.Version, "", catalog.Reversible
		out = append(b.out, out...)
	}
	if d.Installed.Lifted {
		out = slices.Insert(out, 0, Step{
			Kind: Relock, AddOn: d.addOn.Name, Version: d.Installed.Version, Class: catalog.Reversible,
			Text: "restore the guard of the agents' pods, which was left lifted",
		})
	}
	if len(d.Cluster.Guard.Wrong) > 0 && (d.Installed.Ours || len(out) > 0) {
		text := "put the guard of the CNI in place"
		if d.Installed.Ours {
			text += ": " + few(d.Cluster.Guard.Wrong)
		}
		out = slices.Insert(out, 0, Step{Kind: Protect, AddOn: d.addOn.Name, Version: d.Installed.Version, Text: text, Class: catalog.Reversible})
	}
	if d.halts() {
		out = slices.Insert(out, 0, Step{
			Kind: Halt, AddOn: d.addOn.Name, Version: d.Installed.Version, Revision: d.Record.Last().Number, Digest: d.Change.Digest, Class: catalog.Reversible,
			Text: cmp.Or(d.stopped(), d.rolling.Why) + "; stop the DaemonSet controller from changing further nodes",
		})
	}
	return out
}

// moves are the steps of the way to the goal.
func moves(d decision, truth noderoll.Truth) []Step {
	if d.target.Version.IsZero() || d.Change.Version == "" {
		return nil
	}
	b := builder{d: d, hop: d.hops[0], revision: nextRevision(d), digest: d.Change.Digest}
	if isApplied(d) {
		if d.putBack(truth) {
			b.tend(d.rolling.Errands, noderoll.Record{})
			return b.out
		}
		b.finish(truth)
	} else {
		b.whole(applyText(d))
		b.out[0].Roll = d.before()
	}
	for _, h := range d.hops[1:] {
		b.hop, b.digest, b.revision = h, "", b.revision+1
		b.whole(fmt.Sprintf("write the objects of %s %s over %s, its %s last", d.addOn.Name, h.to.Version, h.from, d.addOn.Workload.Kind))
	}
	return b.out
}

// builder puts steps together.
type builder struct {
	d        decision
	hop      hop
	revision int
	digest   string
	out      []Step
}

// whole adds the steps of a hop that is not begun.
func (b *builder) whole(apply string) {
	b.add(Apply, apply)
	b.foresee()
	b.add(Settle, b.settleText())
}

// finish adds what is left of a hop whose objects are written.
func (b *builder) finish(truth noderoll.Truth) {
	if b.d.rolling != nil || !b.d.Installed.Observed || !truth.Done() || len(b.d.reboots()) > 0 {
		b.nodes(truth)
	}
	if b.d.Record.Last().Status != Deployed || b.d.Roll.Revision != "" {
		b.add(Settle, b.settleText())
	}
}

func (b *builder) add(kind StepKind, text string) {
	s := Step{
		Kind: kind, AddOn: b.d.addOn.Name, From: b.hop.from.String(), Version: b.hop.to.Version.String(),
		Revision: b.revision, Digest: b.digest, Text: text, Class: b.hop.during, Why: b.hop.why,
	}
	if kind == Settle {
		s.Class = b.hop.class
	}
	b.out = append(b.out, s)
}

func (b *builder) awaitText() string {
	text := fmt.Sprintf("wait until %s runs, Ready, on every node that should run it", b.hop.to.Version)
	if b.hop.to.Mechanism != catalog.RollingUpdate {
		text += ": " + mechanismText[b.hop.to.Mechanism]
	}
	return text
}

func (b *builder) settleText() string {
	return fmt.Sprintf("take back what only the old release needed, record revision %d as deployed", b.revision)
}

// isApplied tells whether every object of the target has been written: the workload comes last and carries the digest
// of the render that it was written from, and the newest recorded revision is ours and of the same render. A revision of
// somebody else's is followed by one of ours, which is no more than a record where the objects are the same. One that was begun
// for the render that is live already is not written before the workload carries its number.
func isApplied(d decision) bool {
	last := d.Record.Last()
	if last.pending() && d.Installed.Revision != 0 && d.Installed.Revision != last.Number {
		return false
	}
	return d.Installed.Ours && d.Installed.Digest == d.Change.Digest && d.strategyFits() &&
		d.Record.Last().Digest == d.Change.Digest && d.Record.Last().Status != Failed && d.Record.Last().By == "" &&
		len(d.Change.Missing) == 0 && same(d.Installed.Version, d.target.Version.String())
}

// nextRevision resumes a pending revision of the same render, and otherwise starts a new one.
func nextRevision(d decision) int {
	last := d.Record.Last()
	pending := last.pending() && last.By == ""
	if last.Digest == d.Change.Digest && (pending || isApplied(d)) {
		return last.Number
	}
	return last.Number + 1
}

func applyText(d decision) string {
	to := d.target.Version.String()
	switch {
	case !d.Installed.Present:
		return fmt.Sprintf("write the objects of %s %s, its DaemonSet last", d.addOn.Name, to)
	case d.from.Equal(d.target.Version):
		if d.Installed.Digest == d.Change.Digest && !d.strategyFits() {
			follow := d.wishedUpdate()
			if d.onDelete() {
				follow = d.nodeUpdate()
			}
			return fmt.Sprintf("write %s %s so that nodes follow by %s", d.addOn.Name, to, follow)
		}
		return fmt.Sprintf("write the objects of %s %s again: they are not complete, or differ from the release", d.addOn.Name, to)
	default:
		return fmt.Sprintf("write the objects of %s %s over %s, its DaemonSet last", d.addOn.Name, to, d.Installed.Version)
	}
}
