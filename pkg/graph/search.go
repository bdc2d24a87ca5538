package graph

import (
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// search finds paths from one version for one cluster. What every step of it shares is computed once.
type search struct {
	line
	g    *Graph
	w    Where
	from int
	// enter holds the places that a path may end in, pass those that it may go through.
	enter, pass set
	// active holds the ACTIVE releases: paths through them are preferred.
	active set
	blocks []rect
	// row and ways are scratch space of open.
	row, ways set
}

// search lays out the releases, and from among them where it is none. The kubelets are sorted, each once.
func (g *Graph) search(from version.Version, w Where) *search {
	releases := g.addOn.Releases
	at := make([]version.Version, len(releases), len(releases)+1)
	for i, r := range releases {
		at[i] = r.Version
	}
	s := &search{g: g, w: w, line: newLine(with(at, from), g.addOn.Rules)}
	s.from, _ = s.place(from)
	s.at[s.from] = from // as the caller writes it
	n := len(s.at)
	s.enter, s.pass, s.active, s.row, s.ways = newSet(n), newSet(n), newSet(n), newSet(n), newSet(n)
	m := move{addOn: &g.addOn, Where: w, mute: true}
	for i := range releases {
		s.admit(&m, i)
	}
	for _, b := range g.addOn.Blocks {
		if answer, _ := b.When.Hold(w.Facts); answer == catalog.Yes || answer == catalog.Unknown && !w.Assume {
			s.blocks = append(s.blocks, s.rect(b))
		}
	}
	return s
}

// admit asks the rules of entering for one release, as the end of a path and on the way.
func (s *search) admit(m *move, i int) {
	m.release = &m.addOn.Releases[i]
	m.to = m.release.Version
	place := i
	if s.from <= i && !s.at[i].Equal(m.to) {
		place = i + 1 // from is no release and stands before it
	}
	if m.release.Status == catalog.Active {
		s.active.add(place)
	}
	if m.last = true; !m.passes(entering) {
		return
	}
	s.enter.add(place)
	if m.last = false; m.passes(entering) {
		s.pass.add(place)
	}
}

// cost of a way in one number, in the order of weight: closed steps (only a search for what closes the way takes any), then
// steps, then passed releases that are not ACTIVE. Each has room for two million.
type cost uint64

const (
	notActive cost = 1
	oneStep   cost = 1 << 21
	oneClosed cost = 1 << 42
	noWay     cost = 1<<64 - 1
)

// label is the best way from a place to the goal, and its first step.
type label struct {
	cost cost
	next int
}

// path returns the places of the best path from the start to the goal, both included; nil when there is none. With closed,
// it may take steps that other rules than those of stepping close, as few as it can.
func (s *search) path(goal int, closed bool) []int {
	best := make([]label, len(s.at))
	step := 1
	if s.from < goal {
		step = -1
	}
	for i := goal + step; i != s.from+step; i += step {
		best[i] = s.best(best, i, goal, closed)
	}
	if best[s.from].cost == noWay {
		return nil
	}
	out := []int{s.from}
	for i := s.from; i != goal; i = best[i].next {
		out = append(out, best[i].next)
	}
	return out
}

// best is the best way from a place to the goal when all places between have their labels. Newer next steps are looked at
// first, so that they win where nothing else decides.
func (s *search) best(best []label, i, goal int, closed bool) label {
	lo, hi := s.open(i, goal)
	out := label{cost: noWay}
	for j := s.next(lo, closed); j >= 0 && j < hi; j = s.next(j+1, closed) {
		c := best[j].cost
		if c == noWay {
			continue
		}
		c += oneStep
		if !s.active.has(j) { // the goal counts for every way, so it decides nothing
			c += notActive
		}
		if closed && !s.row.has(j) {
			c += oneClosed
		}
		if c < out.cost {
			out = label{cost: c, next: j}
		}
	}
	return out
}

// next place from j on: any, or one that an open step reaches.
func (s *search) next(j int, closed bool) int {
	if closed {
		return j
	}
	return s.row.next(j)
}

// open puts into row the places that one open step from i may reach on a path to the goal, and returns the span [lo, hi) that
// the rules of stepping allow between i and the goal.
func (s *search) open(i, goal int) (lo, hi int) {
	lo, hi = max(goal, s.newest[i]), i
	if goal > i {
		lo, hi = i+1, min(goal, s.oldest[i])+1
	}
	hi = max(lo, hi)
	clear(s.row)
	s.row.fill(lo, hi)
	s.row.keep(s.pass)
	if lo <= goal && goal < hi && s.enter.has(goal) {
		s.row.add(goal)
	}
	for _, b := range s.blocks {
		if b.from.has(i) {
			s.row.cut(b.to.lo, b.to.hi)
		}
	}
	if goal > i {
		s.keepWaysBack(i)
	}
	return lo, hi
}

// keepWaysBack takes out of row what there is no way back to from i.
func (s *search) keepWaysBack(i int) {
	clear(s.ways)
	if !s.w.Automatic {
		s.waysBack(s.ways, i, s.w.Unsettled && i == s.from)
	}
	s.row.keep(s.ways)
}
