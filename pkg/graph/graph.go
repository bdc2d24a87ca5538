package graph

import (
	"slices"
	"sort"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// Graph is the releases of one add-on and the moves between them. It is made for one plan and thrown away.
type Graph struct{ addOn catalog.AddOn }

// New makes the graph of an add-on whose releases are sorted, newest first, as catalog.Load sorts them. It costs nothing;
// what a search needs is computed by the search.
func New(a catalog.AddOn) *Graph { return &Graph{addOn: a} }

// Where is the cluster that moves are judged for.
type Where struct {
	// Kubernetes is the API server's version. The zero version is admitted only by a release without filters.
	Kubernetes version.Version
	// Kubelets of the nodes that should run the add-on. Every release that is entered must admit each of them.
	Kubelets []version.Version
	// Facts decide the conditions of blocks and the realm. A condition on a fact that is not known counts as holding.
	Facts catalog.Facts
	// Assume takes conditions on unknown facts not to hold; Edge.Assumed then says what was assumed.
	Assume bool
	// Automatic mode goes forwards only, through and to ACTIVE releases only.
	Automatic bool
	// Unsettled : nodes are still taking the release that is left, so the way back from it is judged by BackRule.During. A path
	// leaves other releases after it, which have long settled: those steps are judged by Class.
	Unsettled bool
}

// Closing is one reason why a move is closed.
type Closing struct {
	// Reason is a constant of this package, a stop's Reason, or a block's Name.
	Reason string `json:"reason"`
	// Message is a sentence with names and versions.
	Message string `json:"message"`
	URL     string `json:"url,omitempty"`
	// Unknown are the facts that would have to be known for it not to count; each once, in the order of the conditions.
	Unknown []catalog.Fact `json:"unknown,omitempty"`
}

// Edge is one step between two versions, judged.
type Edge struct {
	From, To version.Version
	// Forward : To is newer than From. An installation, where From is zero, is forward.
	Forward bool
	// Back is the class of the way back once the nodes have taken the step; for a step backwards, that of the forward step
	// that it takes back. Empty where the step is closed as SameRelease or UnknownRelease.
	Back catalog.Class
	// During is the class until they have.
	During catalog.Class
	// BackWhy is the message of the rule that gave the classes.
	BackWhy string
	// Closed is empty when the step is open. In the order of the rules, blocks by name.
	Closed []Closing
	// Assumed would have closed the step if Where.Assume had not taken it not to hold; in the same order.
	Assumed []Closing
}

// Open tells whether the step may be taken.
func (e Edge) Open() bool { return len(e.Closed) == 0 }

// Edge judges the step from one version to another. From need not be a release of the catalog, and is zero for an
// installation; to must be one, else the step is closed as UnknownRelease.
func (g *Graph) Edge(from, to version.Version, w Where) Edge {
	w.Kubelets = distinct(w.Kubelets)
	e, _ := g.judge(from, to, w, true)
	return e
}

// judge is Edge for a step that is the last of its path, or is not. It is no step between two versions where ok is false. The
// kubelets are sorted, each once.
func (g *Graph) judge(from, to version.Version, w Where, last bool) (e Edge, ok bool) {
	e = Edge{From: from, To: to, Forward: from.Less(to)}
	m := move{addOn: &g.addOn, from: from, to: to, Where: w, last: last}
	if !m.known(g) {
		e.Closed = m.closed
		return e, false
	}
	e.To = m.release.Version
	e.Back, e.During, e.BackWhy = m.wayBack()
	for _, rule := range rules {
		rule(&m)
	}
	e.Closed, e.Assumed = m.closed, m.assumed
	return e, true
}

// find returns the place of a version in the releases.
func (g *Graph) find(v version.Version) (int, bool) {
	return sort.Find(len(g.addOn.Releases), func(i int) int { return g.addOn.Releases[i].Version.Compare(v) })
}

// distinct sorts versions and keeps each once.
func distinct(versions []version.Version) []version.Version {
	if len(versions) < 2 {
		return versions
	}
	out := slices.SortedFunc(slices.Values(versions), version.Compare)
	return slices.CompactFunc(out, version.Version.Equal)
}
