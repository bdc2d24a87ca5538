package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// entering runs a check on the render that the plan would write.
func entering(check func(decision, catalog.Footprint) []Finding) func(decision) []Finding {
	return func(d decision) []Finding {
		if d.Change.To == nil || !d.rewrites() {
			return nil
		}
		return check(d, *d.Change.To)
	}
}

// between runs a check on what is live and on what would be written over it; it says nothing where either is not known.
func between(check func(d decision, before, after catalog.Footprint) []Finding) func(decision) []Finding {
	return func(d decision) []Finding {
		if d.Change.From == nil || d.Change.To == nil || !d.rewrites() {
			return nil
		}
		return check(d, *d.Change.From, *d.Change.To)
	}
}

// adding is between, where an installation counts as a change from nothing.
func adding(check func(d decision, before, after catalog.Footprint) []Finding) func(decision) []Finding {
	return func(d decision) []Finding {
		if d.Change.From == nil && !d.Installed.Present {
			d.Change.From = &catalog.Footprint{}
		}
		return between(check)(d)
	}
}

// rewrites tells whether what was asked for would write another render than the live one. Taking a pin away and registering
// change the record alone.
func (d decision) rewrites() bool {
	if d.Request.Verb == Unpin || d.Request.Verb == Register {
		return false
	}
	return d.Change.Version != "" && (!d.Installed.Present || d.Installed.Digest != d.Change.Digest)
}

// footprintKnown speaks where something is live and nobody recorded what it is made of: the checks that compare are silent
// then, and silence is no consent.
func footprintKnown(d decision) []Finding {
	if !d.Installed.Present || d.Change.From != nil || d.Change.To == nil || !d.rewrites() {
		return nil
	}
	return warn(FootprintUnknown, "B52",
		fmt.Sprintf("what the live %s %s is made of was not recorded: what the move changes on its nodes cannot be compared",
			d.addOn.Name, d.Installed.Version), "read the objects of the plan against the live ones before going on (addonctl "+
			"plan shows what would be written)")
}

// warn is a note that comes from entries of the failure catalogue, forbid a finding that blocks.
func warn(r Reason, entries, message, fix string) []Finding {
	f := note(r, message, fix)
	f[0].Catalogue = strings.Fields(entries)
	return f
}

func forbid(r Reason, entries, message, fix string) []Finding {
	f := block(r, message, fix)
	f[0].Catalogue = strings.Fields(entries)
	return f
}

// unlessBack makes notes of what blocks where the plan leads back to a revision that was deployed on this very cluster: that it lacks
// what came later is no news, and a cluster that stands half way is worse off. It is for matters of judgement: what the API server
// refuses stays refused, and so do another network, a second agent and another add-on's role.
func (d decision) unlessBack(fs []Finding) []Finding {
	back := d.desired.Back.Revision
	for i := range fs {
		if back > 0 && fs[i].Blocking {
			fs[i].Blocking = false
			fs[i].Message += fmt.Sprintf("; it is the way back to revision %d, which was deployed here", back)
		}
	}
	return fs
}

// unlessAccepted leaves a matter of judgement to an operator: with a reason for the move, the findings no longer block. Nor do they
// on a way back.
func (d decision) unlessAccepted(fs []Finding) []Finding {
	for i := range d.unlessBack(fs) {
		switch {
		case !fs[i].Blocking:
		case d.accepted():
			fs[i].Blocking = false
			fs[i].Message += "; it was accepted"
		default:
			fs[i].Fix += "; if it shall be done all the same, say why: --accept REASON"
		}
	}
	return fs
}

// agent is the workload that carries the add-on on the nodes.
func (d decision) agent(f catalog.Footprint) (catalog.WorkloadFootprint, bool) {
	w := d.addOn.Workload
	return find(f, w.Kind, w.Namespace, w.Name)
}

func find(f catalog.Footprint, kind, namespace, name string) (catalog.WorkloadFootprint, bool) {
	i := slices.IndexFunc(f.Workloads, func(w catalog.WorkloadFootprint) bool {
		return w.Kind == kind && w.Namespace == namespace && w.Name == name
	})
	if i < 0 {
		return catalog.WorkloadFootprint{}, false
	}
	return f.Workloads[i], true
}

// pair is one workload before and after.
type pair struct{ before, after catalog.WorkloadFootprint }

// pairs are the workloads that both renders have, in the order of the new one.
func pairs(before, after catalog.Footprint) []pair {
	var out []pair
	for _, w := range after.Workloads {
		if old, ok := find(before, w.Kind, w.Namespace, w.Name); ok {
			out = append(out, pair{old, w})
		}
	}
	return out
}

const daemonSet = "DaemonSet"

// workloadName is how messages name a workload: "DaemonSet kube-system/kube-flannel-ds".
func workloadName(w catalog.WorkloadFootprint) string {
	return w.Kind + " " + w.Namespace + "/" + w.Name
}

// missing are the items of one list that the other does not have, in their order.
func missing(from, of []string) []string {
	var out []string
	for _, x := range of {
		if !slices.Contains(from, x) {
			out = append(out, x)
		}
	}
	return out
}

// agents counts the nodes that should run the add-on.
func (d decision) agents() int {
	n := 0
	for i := range d.Nodes {
		if d.Nodes[i].Exempt == "" {
			n++
		}
	}
	return n
}

// struck are the names of the nodes that a danger strikes, of those that should run the add-on; sorted.
func (d decision) struck(by func(noderoll.Node) bool) []string {
	var out []string
	for _, n := range d.Nodes {
		if n.Exempt == "" && by(n) {
			out = append(out, n.Name)
		}
	}
	slices.Sort(out)
	return out
}

// onNodes makes findings speak of nodes by name, unless all are meant.
func (d decision) onNodes(fs []Finding, nodes []string) []Finding {
	if len(nodes) == d.agents() {
		return fs
	}
	for i := range fs {
		fs[i].Nodes = nodes
	}
	return fs
}
