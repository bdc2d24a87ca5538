package graph

import (
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// compiled are the add-on's blocks and ways back as sets of places.
type compiled struct {
	rects []rect
	// holds[axis][value+1] are the blocks that the value does not lift; at 0, where the fact is unknown, those that do not ask
	// for it. onPoint is the same for Kubernetes.
	holds   [][]set
	onPoint []set
	// unconditional blocks, and all that hold in the class that was laid out last.
	unconditional, holding set
	// kubernetes : some condition asks for it, so that a class is laid out anew on every point.
	kubernetes bool

	// blocked[i] are the places that blocks close from i, blockedFrom[i] those from which they close i. The unconditional
	// ones hold always; conditional[i] are closed from i by the others.
	always, alwaysFrom, conditional, blocked, blockedFrom matrix
	// shut are the places that a block closes from everywhere, for an installation too.
	shut set
	// ways are, for each place, the older places that there is a way back to: settled, and during.
	ways [2]matrix
	// settles : the two differ somewhere.
	settles bool
}

// When a way back is asked for: once the nodes have taken the move, and until they have.
const (
	settled = iota
	during
)

func (p *prover) compile(kubernetes bool) compiled {
	n, blocks := len(p.at), p.g.addOn.Blocks
	c := compiled{
		kubernetes: kubernetes, unconditional: newSet(len(blocks)), holding: newSet(len(blocks)),
		always: newMatrix(n, n), alwaysFrom: newMatrix(n, n), conditional: newMatrix(n, n),
		blocked: newMatrix(n, n), blockedFrom: newMatrix(n, n), shut: newSet(n), ways: [2]matrix{newMatrix(n, n), newMatrix(n, n)},
	}
	for b, block := range blocks {
		c.rects = append(c.rects, p.rect(block))
		if len(block.When) == 0 {
			c.unconditional.add(b)
			c.rects[b].paint(c.always, c.alwaysFrom)
		}
	}
	for _, a := range p.axes {
		c.holds = append(c.holds, holdsOf(blocks, a))
	}
	onPoint := axis{fact: catalog.FactKubernetes}
	for _, k := range p.points {
		onPoint.values = append(onPoint.values, value{text: k.at.String()})
	}
	c.onPoint = holdsOf(blocks, onPoint)
	for i := range n {
		p.waysBack(c.ways[settled].row(i), i, false)
		p.waysBack(c.ways[during].row(i), i, true)
	}
	c.settles = !slices.Equal(c.ways[settled].bits, c.ways[during].bits)
	return c
}

// paint closes every step of the block.
func (r rect) paint(blocked, blockedFrom matrix) {
	for i := r.from.lo; i < r.from.hi; i++ {
		blocked.row(i).fill(r.to.lo, r.to.hi)
	}
	for i := r.to.lo; i < r.to.hi; i++ {
		blockedFrom.row(i).fill(r.from.lo, r.from.hi)
	}
}

// holdsOf gives for unknown, and for each value of an axis, the blocks whose conditions on it hold.
func holdsOf(blocks []catalog.Block, a axis) []set {
	facts := []catalog.Facts{nil}
	for _, v := range a.values {
		facts = append(facts, catalog.Facts{a.fact: {v.text}})
	}
	out := make([]set, len(facts))
	for i, f := range facts {
		out[i] = newSet(len(blocks))
		for b, block := range blocks {
			if !slices.ContainsFunc(block.When, func(c catalog.Condition) bool { return c.Fact == a.fact && c.Holds(f) != catalog.Yes }) {
				out[i].add(b)
			}
		}
	}
	return out
}

// lay finds the blocks that hold for a class at a point, and what they close.
func (p *prover) lay(c class, k int) {
	p.holding.fill(0, len(p.rects))
	for a, v := range c.values {
		p.holding.keep(p.holds[a][v+1])
	}
	if c.kubernetes {
		p.holding.keep(p.onPoint[k+1])
	} else {
		p.holding.keep(p.onPoint[0])
	}
	clear(p.conditional.bits)
	copy(p.blockedFrom.bits, p.alwaysFrom.bits)
	for b := p.holding.next(0); b >= 0; b = p.holding.next(b + 1) {
		if !p.unconditional.has(b) {
			p.rects[b].paint(p.conditional, p.blockedFrom)
		}
	}
	p.closeOff()
	copy(p.blocked.bits, p.always.bits)
	p.blocked.bits.join(p.conditional.bits)
	p.audit.blocks(p, c, p.points[k])
}

// closeOff finds what the blocks that hold close from everywhere.
func (p *prover) closeOff() {
	clear(p.shut)
	for b := p.holding.first(); b >= 0; b = p.holding.next(b + 1) {
		if p.g.addOn.Blocks[b].From.IsZero() {
			p.shut.fill(p.rects[b].to.lo, p.rects[b].to.hi)
		}
	}
}

func asksKubernetes(blocks []catalog.Block) bool {
	return slices.ContainsFunc(blocks, func(b catalog.Block) bool {
		return slices.ContainsFunc(b.When, func(c catalog.Condition) bool { return c.Fact == catalog.FactKubernetes })
	})
}
