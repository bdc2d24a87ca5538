package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// picture is what is drawn of a graph: every release, oldest first; the open forward moves that are not made of smaller ones
// that are drawn, which leaves those that stops, step limits and blocks make necessary; and the closed ones between neighbors.
type picture struct {
	releases []catalog.Release
	moves    []drawn
}

// drawn is a move between two releases by their places in a picture.
type drawn struct {
	from, to int
	Edge
}

func (g *Graph) picture(w Where) picture {
	if w.Kubernetes.IsZero() {
		g = g.withoutFilters()
	}
	p := picture{releases: slices.Clone(g.addOn.Releases)}
	slices.Reverse(p.releases)
	n := len(p.releases)
	if n == 0 {
		return p
	}
	w.Kubelets = distinct(w.Kubelets)
	s := g.search(p.releases[0].Version, w)
	steps, reach := newMatrix(n, n), newMatrix(n, n)
	rest := newSet(n)
	for i := range n {
		s.ahead(steps.row(i), i)
		follow(reach.row(i), steps.row(i), reach, s.pass, set.last, rest)
	}
	draw := func(i, j int) {
		e, _ := g.judge(s.at[i], s.at[j], w, true)
		p.moves = append(p.moves, drawn{n - 1 - i, n - 1 - j, e})
	}
	for i := n - 1; i >= 0; i-- {
		if i > 0 && !steps.row(i).has(i-1) {
			draw(i, i-1)
		}
		for _, j := range whole(steps.row(i), reach, s.pass) {
			draw(i, j)
		}
	}
	return p
}

// withoutFilters is the graph on any Kubernetes.
func (g *Graph) withoutFilters() *Graph {
	out := New(g.addOn)
	out.addOn.Releases = slices.Clone(out.addOn.Releases)
	for i := range out.addOn.Releases {
		out.addOn.Releases[i].Kubernetes = version.Filters{}
	}
	return out
}

// ahead puts into row what an open step forwards from i leads to.
func (s *search) ahead(row set, i int) {
	row.fill(s.newest[i], i)
	row.keep(s.enter)
	for _, b := range s.blocks {
		if b.from.has(i) {
			row.cut(b.to.lo, b.to.hi)
		}
	}
}

// whole are the steps, nearest first, that are not made of smaller ones.
func whole(steps set, reach matrix, pass set) []int {
	left := slices.Clone(steps)
	for k := steps.first(); k >= 0; k = steps.next(k + 1) {
		if pass.has(k) {
			left.drop(reach.row(k))
		}
	}
	var out []int
	for j := left.last(); j >= 0; j = left.last() {
		out = append(out, j)
		left.remove(j)
	}
	return out
}

// label of a move: the class of the way back, and what was assumed not to hold; or what closes it.
func (d drawn) label() string {
	if !d.Open() {
		return names(d.Closed)
	}
	out := string(d.Back)
	if d.During != d.Back {
		out = fmt.Sprintf("%s, %s until settled", d.Back, d.During)
	}
	if len(d.Assumed) > 0 {
		out += ", unless " + names(d.Assumed)
	}
	return out
}

// names of the reasons, each once.
func names(closings []Closing) string {
	var out []string
	for _, c := range closings {
		if !slices.Contains(out, c.Reason) {
			out = append(out, c.Reason)
		}
	}
	return strings.Join(out, ", ")
}

// DOT draws the graph for a cluster in Graphviz's language, on any Kubernetes where its version is not known. A move without
// a way back is bold, a closed one dashed.
func (g *Graph) DOT(w Where) string {
	p := g.picture(w)
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n  rankdir=LR;\n  node [shape=box];\n", dotText(g.addOn.Name))
	for _, r := range p.releases {
		fmt.Fprintf(&b, "  %s [label=%s%s];\n", dotText(r.Version.String()),
			dotText(fmt.Sprintf("%s\n%s, %s", r.Version, r.Status, r.Mechanism)), dotNode[r.Status])
	}
	for _, m := range p.moves {
		style := ""
		switch {
		case !m.Open():
			style = ", style=dashed, color=gray"
		case m.Back == catalog.OneWay:
			style = ", style=bold, color=red"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s%s];\n", dotText(p.releases[m.from].Version.String()), dotText(p.releases[m.to].Version.String()),
			dotText(m.label()), style)
	}
	b.WriteString("}\n")
	return b.String()
}

var dotNode = map[catalog.Status]string{
	catalog.Deprecated: ", color=gray",
	catalog.Preview:    ", style=dashed",
	catalog.Recalled:   ", color=red",
}

// dotText quotes text for DOT, where a newline is written as in Go.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// Mermaid draws what DOT draws as a Mermaid flowchart. A move without a way back is thick, a closed one dotted.
func (g *Graph) Mermaid(w Where) string {
	p := g.picture(w)
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, r := range p.releases {
		fmt.Fprintf(&b, "  r%d[%s]\n", i, mermaidText(fmt.Sprintf("%s\n%s, %s", r.Version, r.Status, r.Mechanism)))
	}
	for _, m := range p.moves {
		arrow := "-->"
		switch {
		case !m.Open():
			arrow = "-.->"
		case m.Back == catalog.OneWay:
			arrow = "==>"
		}
		fmt.Fprintf(&b, "  r%d %s|%s| r%d\n", m.from, arrow, mermaidText(m.label()), m.to)
	}
	return b.String()
}

// mermaidText quotes text for Mermaid.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "\n", "<br/>").Replace(s) + `"`
}
