package catalog

import (
	"cmp"

	"github.com/addonctl/addonctl/pkg/version"
)

// Rules say which moves between an add-on's releases are allowed, before any block is looked at. A move is legal both
// ways; whether the way back may be taken is what Back says.
type Rules struct {
	// MaxMinorStep is how many minors one step may cross; 0 means any number.
	MaxMinorStep int
	// Stops are releases that a path may not jump over, in ascending order.
	Stops []Stop
	// Back gives each forward move the class of its way back: the first rule that matches. The last one matches every move.
	Back []BackRule
}

// Stop is a required stop: a step may not begin before the range and end after it, nor the other way round.
type Stop struct {
	At version.Range
	// Reason is a CamelCase name.
	Reason  string
	Message string
	URL     string
}

// Jumped tells whether a step from one version to another jumps over the stop.
func (s Stop) Jumped(from, to version.Version) bool {
	return s.At.Below(from) && s.At.Above(to) || s.At.Above(from) && s.At.Below(to)
}

// Class says how a step can be taken back.
type Class string

// The classes, best first.
const (
	// Reversible : the way back leaves nothing behind and loses nothing.
	Reversible Class = "Reversible"
	// ReversibleWithLoss : there is a way back, and it costs something that the reason names.
	ReversibleWithLoss Class = "ReversibleWithLoss"
	// OneWay : there is no way back.
	OneWay Class = "OneWay"
)

// classes in order.
var classes = []Class{Reversible, ReversibleWithLoss, OneWay}

// Worse returns the worse of two classes; the empty class is the best.
func (c Class) Worse(d Class) Class {
	if c.rank() >= d.rank() {
		return c
	}
	return d
}

func (c Class) rank() int {
	for i, x := range classes {
		if x == c {
			return i + 1
		}
	}
	return 0
}

// BackRule classes the way back of forward moves.
type BackRule struct {
	// Crossing matches moves from below this version to it or beyond; the zero version matches every move.
	Crossing version.Version
	// WithinMinor matches only moves that stay in one minor.
	WithinMinor bool
	Class       Class
	// UntilSettled is the class while the nodes are still taking the move; empty means Class.
	UntilSettled Class
	Message      string
}

// Matches tells whether the rule speaks of the move; from comes before to.
func (r BackRule) Matches(from, to version.Version) bool {
	if r.WithinMinor && from.Minor() != to.Minor() {
		return false
	}
	return r.Crossing.IsZero() || from.CompareCore(r.Crossing) < 0 && to.CompareCore(r.Crossing) >= 0
}

// During is the class of the way back before the move is settled.
func (r BackRule) During() Class { return cmp.Or(r.UntilSettled, r.Class) }

// Block closes moves: every one from a release in From to a release in To, where the conditions hold. A fact that is not
// known counts as holding (facts: CNI B53; the shape follows published update graphs).
type Block struct {
	// Name is a CamelCase reason.
	Name string
	From version.Range
	To   version.Range
	When Conditions
	// Message is a sentence that says what would happen.
	Message string
	URL     string
	// Reviewed is the day on which somebody last looked at it, as "2026-11-22".
	Reviewed string
}

// Concerns tells whether the block speaks of a move.
func (b Block) Concerns(from, to version.Version) bool {
	return (b.From.IsZero() || b.From.Contains(from)) && b.To.Contains(to)
}

// Hazard is a known danger of a move. It does not close the move; where it is known to strike and is Blocking, the planner
// refuses until it is mended.
type Hazard struct {
	// Name is a CamelCase reason.
	Name string
	// From holds the release that is left; without it any release, and none, is meant.
	From version.Range
	// OnInstall : it strikes also where nothing is installed, although From is given.
	OnInstall bool
	// To holds the release that is entered.
	To   version.Range
	When Conditions
	// Blocking hazards stop the move where the conditions are known to hold. Unknown ones are only told of.
	Blocking bool
	// Minor hazards pass by themselves within moments; they are told of, and not at length.
	Minor bool
	// Effect says in a sentence what happens, and on which nodes.
	Effect string
	// Mitigation says what to do.
	Mitigation string
	URL        string
	// Catalogue names the entries of the failure catalogue, such as B16.
	Catalogue []string
	Sources   []string
}

// Concerns tells whether the hazard speaks of a move; from is zero for an installation.
func (h Hazard) Concerns(from, to version.Version) bool {
	if !h.To.IsZero() && !h.To.Contains(to) {
		return false
	}
	switch {
	case from.IsZero():
		return h.From.IsZero() || h.OnInstall
	case h.From.IsZero():
		return true
	default:
		return h.From.Contains(from)
	}
}

// NodeNeeds are what a release needs of every node it runs on. An empty field needs nothing.
type NodeNeeds struct {
	// OS as Kubernetes writes it, such as linux.
	OS []string
	// Architectures as Kubernetes writes them.
	Architectures []string
	// Kernel is the earliest version that will do.
	Kernel version.Version
	// Modules that must be loaded. No kubelet reports them.
	Modules []string
	// Iptables backends that will do. No kubelet reports it.
	Iptables []string
}
