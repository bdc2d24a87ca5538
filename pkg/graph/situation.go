package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// situation is a class of clusters on one Kubernetes version, with the steps that are open there. Its room is used again for
// the next one.
type situation struct {
	*prover
	class class
	k     int
	// living holds the releases that have a state, enter those that may be entered.
	living, enter set
	// forward and backward hold the open steps from each release, reach and back what paths of them lead to.
	forward, backward, reach, back matrix
	// unsettled and backUnsettled are backward and back while the nodes are still taking the release that is left.
	unsettled, backUnsettled matrix
	// auto holds the steps that are open for automatic mode, into the releases of autoEnter.
	auto      matrix
	autoEnter set
	// rest and goals are scratch space.
	rest, goals set
}

func newSituation(p *prover) *situation {
	n := len(p.at)
	m := func() matrix { return newMatrix(n, n) }
	return &situation{
		prover: p, enter: newSet(n), autoEnter: newSet(n), rest: newSet(n), goals: newSet(n),
		forward: m(), backward: m(), reach: m(), back: m(), unsettled: m(), backUnsettled: m(), auto: m(),
	}
}

// open finds the open steps from every release, and where they lead.
func (s *situation) open(c class, k int) {
	s.class, s.k, s.living = c, k, s.states[k]
	s.admitted(s.enter, s.prover.enter[k])
	s.admitted(s.autoEnter, s.automatic[k])
	for i := range s.at {
		s.ahead(s.forward.row(i), i, s.enter)
		s.ahead(s.auto.row(i), i, s.autoEnter)
		s.behind(s.backward.row(i), i, settled)
		follow(s.reach.row(i), s.forward.row(i), s.reach, s.pass, set.last, s.rest)
	}
	for i := range slices.Backward(s.at) {
		follow(s.back.row(i), s.backward.row(i), s.back, s.pass, set.first, s.rest)
	}
	if !s.settles {
		return
	}
	for i := range s.at {
		s.behind(s.unsettled.row(i), i, during)
		follow(s.backUnsettled.row(i), s.unsettled.row(i), s.back, s.pass, set.first, s.rest)
	}
}

// admitted takes the releases that may be entered at the point, without those that the cluster's realm does not have.
func (s *situation) admitted(into, enter set) {
	copy(into, enter)
	for a, v := range s.class.values {
		if s.axes[a].fact == catalog.FactRealm && v != unknown {
			into.keep(s.inRealm[v])
		}
	}
}

// ahead puts into row what an open step forwards from i leads to.
func (s *situation) ahead(row set, i int, enter set) {
	clear(row)
	row.fill(s.newest[i], i)
	row.keep(enter)
	row.drop(s.blocked.row(i))
}

// behind puts into row what an open step backwards from i leads to.
func (s *situation) behind(row set, i, when int) {
	clear(row)
	row.fill(i+1, s.oldest[i]+1)
	row.keep(s.enter)
	row.keep(s.ways[when].row(i))
	row.drop(s.blocked.row(i))
}

// follow puts into out what paths lead to that begin with one of these steps; reach tells it of every place that they lead to.
// The nearest come first: what they lead to mostly holds the rest.
func follow(out, steps set, reach matrix, pass set, nearest func(set) int, rest set) {
	copy(out, steps)
	copy(rest, steps)
	rest.keep(pass)
	for j := nearest(rest); j >= 0; j = nearest(rest) {
		out.join(reach.row(j))
		rest.drop(reach.row(j))
		rest.remove(j)
	}
}

// moves counts the open steps of an operator from releases that have a state.
func (s *situation) moves() int {
	n := 0
	for i := s.living.first(); i >= 0; i = s.living.next(i + 1) {
		n += s.forward.row(i).count() + s.backward.row(i).count()
	}
	return n
}

// violate tells of a violation in the state of a release.
func (s *situation) violate(property string, i int, text string, path ...int) {
	if s.known(property, s.name(i)) {
		return
	}
	versions := make([]string, len(path))
	for k, at := range path {
		versions[k] = s.name(at)
	}
	state := fmt.Sprintf("%s %s on %s%s", s.addOn.Name, s.name(i), s.points[s.k], s.class.text(s.axes))
	s.prover.violate(property, s.name(i), state, text, versions...)
}

// why says in words what closes the way, as the graph tells it.
func (s *situation) why(from, to int, unsettled bool) string {
	w := Where{Kubernetes: s.points[s.k].at, Facts: s.class.facts(s.axes, s.points[s.k]), Assume: true, Unsettled: unsettled}
	var out []string
	for _, c := range s.g.Path(s.at[from], s.at[to], w).Why {
		out = append(out, c.Message+" ("+c.Reason+")")
	}
	return strings.Join(out, "; ")
}
