package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// knownHazards judges the dangers that the catalog tells of the move from the live version to the next one:
//
//	| conditions on the cluster | conditions on a node | then, of that node                     |
//	|---------------------------|----------------------|----------------------------------------|
//	| do not hold               | any                  | nothing                                |
//	| any                       | do not hold          | nothing                                |
//	| hold                      | hold                 | it strikes; blocks where it is to block |
//	| else                      | else                 | it may strike: the facts are asked for |
func knownHazards(d decision) []Finding {
	if !d.changesVersion() {
		return nil
	}
	var out []Finding
	for _, h := range d.addOn.Hazards {
		out = append(out, d.judge(h)...)
	}
	return out
}

// changesVersion tells whether the plan installs, or goes from one version to another. Where the live version cannot be read,
// installed-known stops the move.
func (d decision) changesVersion() bool {
	if d.Installed.Present && d.from.IsZero() {
		return false
	}
	return !d.target.Version.IsZero() && !d.target.Version.Equal(d.from)
}

// judgement says which nodes a hazard strikes, which it may strike, and what would have to be known to tell.
type judgement struct {
	yes, maybe []string
	unknown    []catalog.Fact
}

func (d decision) judge(h catalog.Hazard) []Finding {
	if !h.Concerns(d.from, d.target.Version) {
		return nil
	}
	onCluster, ofNodes := split(h.When)
	holds, unknown := onCluster.Hold(d.facts)
	if holds == catalog.No {
		return nil
	}
	sure := holds == catalog.Yes
	if len(ofNodes) == 0 {
		if sure {
			return d.strikes(h, nil)
		}
		return d.mayStrike(h, judgement{unknown: unknown})
	}
	j := d.judgeNodes(ofNodes)
	j.unknown = append(unknown, j.unknown...)
	if !sure {
		j.yes, j.maybe = nil, slices.Sorted(slices.Values(append(j.yes, j.maybe...)))
	}
	return d.tell(h, j)
}

func (d decision) tell(h catalog.Hazard, j judgement) []Finding {
	var out []Finding
	if len(j.yes) > 0 {
		out = d.strikes(h, j.yes)
	}
	if len(j.maybe) > 0 || d.agents() == 0 {
		out = append(out, d.mayStrike(h, j)...)
	}
	return out
}

// split parts the conditions on the cluster from those on its nodes.
func split(cs catalog.Conditions) (cluster, nodes catalog.Conditions) {
	for _, c := range cs {
		if slices.Contains(NodeFacts, c.Fact) {
			nodes = append(nodes, c)
		} else {
			cluster = append(cluster, c)
		}
	}
	return cluster, nodes
}

// judgeNodes asks every node that should run the add-on.
func (d decision) judgeNodes(cs catalog.Conditions) judgement {
	var j judgement
	for _, n := range d.Nodes {
		if n.Exempt != "" {
			continue
		}
		holds, unknown := cs.Hold(told(n, cs))
		switch holds {
		case catalog.Yes:
			j.yes = append(j.yes, n.Name)
		case catalog.Unknown:
			j.maybe = append(j.maybe, n.Name)
			j.unknown = append(j.unknown, unknown...)
		case catalog.No:
		}
	}
	if d.agents() == 0 {
		_, j.unknown = cs.Hold(nil)
	}
	slices.Sort(j.yes)
	slices.Sort(j.maybe)
	return j
}

// told is what a node says to the conditions, and no more, because there may be thousands of nodes.
func told(n noderoll.Node, cs catalog.Conditions) catalog.Facts {
	facts := catalog.Facts{}
	for _, c := range cs {
		tell(facts, c.Fact, nodeFact(n, c.Fact))
	}
	return facts
}

func (d decision) strikes(h catalog.Hazard, nodes []string) []Finding {
	f := warn(Reason(h.Name), strings.Join(h.Catalogue, " "), sentence(h), h.Mitigation)
	if len(nodes) > 0 && len(nodes) < d.agents() {
		f[0].Message += "; here that is " + few(nodes)
	}
	f[0].Blocking, f[0].Minor = h.Blocking, h.Minor
	return withURL(d.onNodes(f, nodes), h.URL)
}

func (d decision) mayStrike(h catalog.Hazard, j judgement) []Finding {
	slices.Sort(j.unknown)
	j.unknown = slices.Compact(j.unknown)
	message := fmt.Sprintf("this may strike: %s; whether it does depends on %s, which nobody has told", sentence(h), factList(j.unknown))
	if len(j.maybe) > 0 {
		message += " of " + few(j.maybe)
	}
	f := warn(Reason(h.Name), strings.Join(h.Catalogue, " "), message, howToTell(j.unknown)+h.Mitigation)
	f[0].Unknown, f[0].Minor = j.unknown, h.Minor
	return withURL(d.onNodes(f, j.maybe), h.URL)
}

// sentence is the effect as the beginning of one.
func sentence(h catalog.Hazard) string { return strings.TrimSuffix(h.Effect, ".") }

func withURL(fs []Finding, url string) []Finding {
	if url != "" {
		fs[0].Fix += "; see " + url
	}
	return fs
}

// kubeletFacts are told by kubelets and by the node's labels; nobody tells them by hand.
var kubeletFacts = []catalog.Fact{
	catalog.FactKubelet, catalog.FactOS, catalog.FactArchitecture, catalog.FactKernel, catalog.FactNodeKind,
}

// howToTell says how facts are told, as the beginning of a fix.
func howToTell(facts []catalog.Fact) string {
	var out strings.Builder
	for _, f := range facts {
		switch {
		case slices.Contains(kubeletFacts, f):
			fmt.Fprintf(&out, "let the nodes report %s (kubectl describe node NAME); ", f)
		case slices.Contains(NodeFacts, f):
			fmt.Fprintf(&out, "tell it of each node (kubectl annotate node NAME facts.addonctl.io/%s=VALUE); ", f)
		default:
			fmt.Fprintf(&out, "tell it of the cluster (addonctl plan --fact %s=VALUE); ", f)
		}
	}
	return out.String()
}
