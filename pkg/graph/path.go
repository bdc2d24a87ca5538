package graph

import (
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// Path is the way from one version to another: forwards all the way or backwards all the way, in the fewest steps. Among
// ways of as many steps it passes the fewest releases that are not ACTIVE, then, step by step, the newest.
type Path struct {
	// Edges in order; nil when there is no way.
	Edges []Edge
	// Why there is none: what closes the direct step. Where that is only how far a step may go (MinorStep, a stop), what
	// closes the nearest way: the one of steps short enough of which the fewest are closed, the same preferences after
	// that. Never empty when Edges is.
	Why []Closing
}

// Open tells whether there is a way.
func (p Path) Open() bool { return len(p.Edges) > 0 }

// Target is a release that a cluster could go to, and the way there.
type Target struct {
	Release catalog.Release
	Path    Path
}

// Path finds the best way from one version to another. From need not be a release of the catalog; where it is zero, nothing
// is installed, and the way is one step. There is no path from a version to itself.
func (g *Graph) Path(from, to version.Version, w Where) Path {
	w.Kubelets = distinct(w.Kubelets)
	direct, ok := g.judge(from, to, w, true)
	switch {
	case direct.Open():
		return Path{Edges: []Edge{direct}}
	case !ok, from.IsZero():
		return Path{Why: direct.Closed}
	default:
		return g.search(from, w).to(direct)
	}
}

// Targets gives every release but the one that is left, newest first.
func (g *Graph) Targets(from version.Version, w Where) []Target {
	w.Kubelets = distinct(w.Kubelets)
	var s *search
	var out []Target
	for _, r := range g.addOn.Releases {
		if r.Version.Equal(from) {
			continue
		}
		t := Target{Release: r}
		switch direct, _ := g.judge(from, r.Version, w, true); {
		case direct.Open():
			t.Path.Edges = []Edge{direct}
		case from.IsZero():
			t.Path.Why = direct.Closed
		default:
			if s == nil {
				s = g.search(from, w)
			}
			t.Path = s.to(direct)
		}
		out = append(out, t)
	}
	return out
}

// to finds the path to the end of a direct step that is closed.
func (s *search) to(direct Edge) Path {
	goal, _ := s.place(direct.To)
	if places := s.path(goal, false); places != nil {
		return Path{Edges: s.edges(places)}
	}
	return Path{Why: s.why(direct, goal)}
}

// edges judges the steps of a path. Nodes can still be taking the release that the first one leaves, and no other.
func (s *search) edges(places []int) []Edge {
	var out []Edge
	w := s.w
	for i := 1; i < len(places); i++ {
		e, _ := s.g.judge(s.at[places[i-1]], s.at[places[i]], w, i == len(places)-1)
		out = append(out, e)
		w.Unsettled = false
	}
	return out
}

// why tells what closes the way where there is none.
func (s *search) why(direct Edge, goal int) []Closing {
	if !s.tooFarOnly(direct) {
		return direct.Closed
	}
	var out []Closing
	for _, e := range s.edges(s.path(goal, true)) {
		for _, c := range e.Closed {
			if !slices.ContainsFunc(out, c.same) {
				out = append(out, c)
			}
		}
	}
	if len(out) == 0 {
		return direct.Closed // no release lies where a step would have to end
	}
	return out
}

// tooFarOnly tells whether nothing but the rules of stepping closes a step.
func (s *search) tooFarOnly(e Edge) bool {
	m := move{addOn: &s.g.addOn, from: e.From, to: e.To}
	for _, rule := range stepping {
		rule(&m)
	}
	return len(m.closed) == len(e.Closed)
}

func (c Closing) same(d Closing) bool {
	return c.Reason == d.Reason && c.Message == d.Message
}
