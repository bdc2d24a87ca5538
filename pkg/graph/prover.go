package graph

import (
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// prover looks at every state of one add-on. Releases are their places, newest first; sets and matrices of them make the
// states cheap enough to look at all of them.
type prover struct {
	line
	addOn catalog.AddOn
	g     *Graph
	audit *audit

	minors  []version.Minor
	points  []point
	axes    []axis
	classes []class
	partial bool

	// Of each point: the releases whose filters admit it, those that have a state there, and those that the rules of entering
	// let in as far as they need no facts, for an operator and for automatic mode.
	admits, states, enter, automatic []set
	// inRealm holds, for each value of the realm's axis, the releases that are published there.
	inRealm []set
	// admitsNext are, for each point, the releases that admit some patch of the next minor; nil for the last.
	admitsNext []set
	// active and recalled releases, and those that a path may pass.
	active, recalled, pass set

	compiled

	found []Violation
	seen  map[[2]string]bool
}

// newProver prepares a proof of an add-on. The search reads searched, which is the add-on itself: only a test gives it
// something else, to see that the audit finds it.
func newProver(a, searched catalog.AddOn) *prover {
	p := &prover{addOn: a, g: New(searched), seen: map[[2]string]bool{}}
	at := make([]version.Version, len(a.Releases))
	for i, r := range a.Releases {
		at[i] = r.Version
	}
	p.line = newLine(at, searched.Rules)
	p.minors = minorsOf(a)
	p.points = pointsOf(a, p.minors)
	p.axes = axesOf(a)
	kubernetes := asksKubernetes(a.Blocks)
	p.classes, p.partial = classesOf(p.axes, kubernetes)
	p.admission()
	p.compiled = p.compile(kubernetes)
	p.audit = newAudit(a, p.points)
	return p
}

// prove looks at everything.
func (p *prover) prove() Proof {
	out := Proof{
		Name: p.addOn.Name, Releases: len(p.addOn.Releases), Minors: p.minors, Classes: len(p.classes), Partial: p.partial,
	}
	for _, property := range ofData {
		property(p)
	}
	p.audit.data(p)
	s := newSituation(p)
	for _, c := range p.classes {
		for k := range p.points {
			if k == 0 || p.kubernetes {
				p.lay(c, k)
			}
			s.open(c, k)
			for _, property := range ofStates {
				property(s)
			}
			out.States += s.living.count()
			out.Moves += s.moves()
		}
	}
	return out
}

// violate keeps the first counter-example of a property for a release.
func (p *prover) violate(property, about, state, text string, path ...string) {
	if p.known(property, about) {
		return
	}
	p.seen[[2]string{property, about}] = true
	p.found = append(p.found, Violation{Property: property, AddOn: p.addOn.Name, State: state, Text: text, Path: path})
}

// known tells whether a counter-example was found before.
func (p *prover) known(property, about string) bool { return p.seen[[2]string{property, about}] }

func (p *prover) name(i int) string { return p.at[i].String() }
