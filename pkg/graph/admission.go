package graph

import (
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// admission asks the rules of entering for each release, at each point and in each realm.
func (p *prover) admission() {
	n := len(p.at)
	p.active, p.recalled, p.pass = newSet(n), newSet(n), newSet(n)
	where := make([]Where, len(p.points))
	for k, at := range p.points {
		where[k] = Where{Kubernetes: at.at, Assume: true}
		p.admits, p.states = append(p.admits, newSet(n)), append(p.states, newSet(n))
		p.enter, p.automatic = append(p.enter, newSet(n)), append(p.automatic, newSet(n))
	}
	for i, r := range p.g.addOn.Releases {
		if r.Status == catalog.Active {
			p.active.add(i)
		}
		if r.Status == catalog.Recalled {
			p.recalled.add(i)
		}
		if p.lets(i, Where{}, false, previewLast) {
			p.pass.add(i)
		}
		for k, w := range where {
			p.admissionAt(i, k, w)
		}
	}
	for _, a := range p.axes {
		if a.fact == catalog.FactRealm {
			p.realms(a)
		}
	}
	for _, k := range p.points {
		p.admitsNext = append(p.admitsNext, p.admitsMinor(k.minor.Next()))
	}
}

// admitsMinor are the releases that admit some patch of a minor; nil when the minor is not looked at.
func (p *prover) admitsMinor(m version.Minor) set {
	var out set
	for k, at := range p.points {
		if at.minor != m || at.at.IsZero() {
			continue
		}
		if out == nil {
			out = newSet(len(p.at))
		}
		out.join(p.admits[k])
	}
	return out
}

func (p *prover) admissionAt(i, k int, w Where) {
	if p.lets(i, w, true, kubernetesFits) {
		p.admits[k].add(i)
		p.states[k].add(i)
	}
	if k > 0 && p.states[k-1].has(i) {
		p.states[k].add(i)
	}
	if p.lets(i, w, true, entering...) {
		p.enter[k].add(i)
	}
	if w.Automatic = true; p.lets(i, w, true, entering...) {
		p.automatic[k].add(i)
	}
}

func (p *prover) realms(a axis) {
	for _, v := range a.values {
		in := newSet(len(p.at))
		for i := range p.at {
			if p.lets(i, Where{Facts: catalog.Facts{a.fact: {v.text}}}, true, inRealm) {
				in.add(i)
			}
		}
		p.inRealm = append(p.inRealm, in)
	}
}

// lets asks some rules of entering for the release at a place.
func (p *prover) lets(i int, w Where, last bool, rules ...rule) bool {
	r := &p.g.addOn.Releases[i]
	m := move{addOn: &p.g.addOn, to: r.Version, Where: w, release: r, last: last, mute: true}
	return m.passes(rules)
}
