package graph

import (
	"fmt"
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// audit reads each rule plainly, for one release, one pair or one block at a time, and compares what the search works with.
// It shares no code with the rules and the search, so that it finds an error in either.
type audit struct {
	addOn catalog.AddOn
	// supported holds, for each point, the ACTIVE releases that admit it.
	supported []set
	// from and to hold the releases that each block speaks of.
	from, to []set
}

func newAudit(a catalog.AddOn, points []point) *audit {
	out := &audit{addOn: a}
	for _, k := range points {
		out.supported = append(out.supported, out.releases(k.supports))
	}
	for _, b := range a.Blocks {
		out.from = append(out.from, out.releases(func(r catalog.Release) bool { return b.From.IsZero() || b.From.Contains(r.Version) }))
		out.to = append(out.to, out.releases(func(r catalog.Release) bool { return b.To.Contains(r.Version) }))
	}
	return out
}

func (a *audit) releases(that func(catalog.Release) bool) set {
	out := newSet(len(a.addOn.Releases))
	for i, r := range a.addOn.Releases {
		if that(r) {
			out.add(i)
		}
	}
	return out
}

func (a *audit) broken(p *prover, state, reason string, places ...int) {
	path := make([]string, len(places))
	for i, at := range places {
		path[i] = a.addOn.Releases[at].Version.String()
	}
	text := fmt.Sprintf("the search enters %s, and %s closes it", path[0], reason)
	if len(path) > 1 {
		text = fmt.Sprintf("the search goes %s -> %s, and %s closes it", path[0], path[1], reason)
	}
	p.violate(RuleBroken, path[0], fmt.Sprintf("%s %s%s", a.addOn.Name, path[0], state), text, path...)
}

// data compares what holds for every class: which steps are short enough, which may be taken back, which releases may be
// entered or passed.
func (a *audit) data(p *prover) {
	for i := range a.addOn.Releases {
		for j := p.newest[i]; j <= p.oldest[i]; j++ {
			if j == i {
				continue
			}
			if reason := a.closed(p, i, j); reason != "" {
				a.broken(p, "", reason, i, j)
			}
		}
		if p.pass.has(i) && a.addOn.Releases[i].Status == catalog.Preview {
			a.broken(p, "", PreviewPassed, i)
		}
	}
	for k, at := range p.points {
		for i := p.enter[k].first(); i >= 0; i = p.enter[k].next(i + 1) {
			if reason := unfit(a.addOn.Releases[i], at.at); reason != "" {
				a.broken(p, " on "+at.String(), reason, i)
			}
		}
	}
	a.realms(p)
}

// closed names the rule of two versions that closes a step of the search.
func (a *audit) closed(p *prover, i, j int) string {
	from, to := a.addOn.Releases[i].Version, a.addOn.Releases[j].Version
	forward := j < i
	switch {
	case forward != from.Less(to) || from.Equal(to):
		return "the order of versions"
	case a.tooManyMinors(from.Minor(), to.Minor()):
		return MinorStep
	}
	for _, s := range a.addOn.Rules.Stops {
		if s.Jumped(from, to) {
			return s.Reason
		}
	}
	if !forward && (p.ways[settled].row(i).has(j) && a.oneWay(to, from, false) || p.ways[during].row(i).has(j) && a.oneWay(to, from, true)) {
		return NoWayBack
	}
	return ""
}

func (a *audit) tooManyMinors(from, to version.Minor) bool {
	if a.addOn.Rules.MaxMinorStep <= 0 || from == to {
		return false
	}
	if from.Compare(to) > 0 {
		from, to = to, from
	}
	return from.Major != to.Major || to.Minor > from.Minor+uint64(a.addOn.Rules.MaxMinorStep)
}

func (a *audit) oneWay(older, newer version.Version, unsettled bool) bool {
	i := slices.IndexFunc(a.addOn.Rules.Back, func(r catalog.BackRule) bool { return r.Matches(older, newer) })
	if i < 0 {
		return true
	}
	r := a.addOn.Rules.Back[i]
	return !unsettled && r.Class == catalog.OneWay || unsettled && r.During() == catalog.OneWay
}

func unfit(r catalog.Release, k version.Version) string {
	if r.Status == catalog.Recalled {
		return Recalled
	}
	if _, ok := r.Kubernetes.Admit(k); !ok {
		return KubernetesOutOfRange
	}
	return ""
}

func (a *audit) realms(p *prover) {
	for _, axis := range p.axes {
		if axis.fact != catalog.FactRealm {
			continue
		}
		for v, in := range p.inRealm {
			for i := in.first(); i >= 0; i = in.next(i + 1) {
				if realms := a.addOn.Releases[i].Realms; len(realms) > 0 && !slices.Contains(realms, axis.values[v].text) {
					a.broken(p, " in "+axis.values[v].name, NotInRealm, i)
				}
			}
		}
	}
}

// blocks compares what the blocks close for a class of clusters at a point.
func (a *audit) blocks(p *prover, c class, k point) {
	facts := c.facts(p.axes, k)
	for n, b := range a.addOn.Blocks {
		if answer, _ := b.When.Hold(facts); answer != catalog.Yes {
			continue // does not hold, or is assumed not to
		}
		for i := a.from[n].first(); i >= 0; i = a.from[n].next(i + 1) {
			if j := a.to[n].without(p.blocked.row(i), i); j >= 0 {
				a.broken(p, fmt.Sprintf(" on %s%s", k, c.text(p.axes)), b.Name, i, j)
			}
		}
	}
}
