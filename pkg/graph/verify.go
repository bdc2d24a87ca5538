package graph

import (
	"cmp"
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// Properties that Verify proves of every state of every add-on, beside NoWayBack. A state is a release on a Kubernetes version
// with what is known of the cluster; a release has a state on every version from the first that it admits on, for a control
// plane goes up and never down (facts: OKE 2.8).
const (
	// NoWayToSupported : the release is not an ACTIVE one that admits the Kubernetes version, and no path leads to one.
	NoWayToSupported = "NoWayToSupported"
	// DeadEnd : no path leads from the release, which is not recalled, to the newest ACTIVE one that fits. A release fits when
	// it admits the Kubernetes version, is published in the realm, and no block whose conditions are known to hold speaks of
	// the move to it: such a block is the catalog's own word that it does not fit that cluster.
	DeadEnd = "DeadEnd"
	// RuleBroken : the search would take a step that a rule, read plainly, closes.
	RuleBroken = "RuleBroken"
	// AutomaticTakesUnfit : automatic mode would take or pass a release that is not ACTIVE, not admitted, or older.
	AutomaticTakesUnfit = "AutomaticTakesUnfit"
	// UpgradeWithoutCNI : the release admits a Kubernetes minor and not the next, and no path leads to one that admits both.
	UpgradeWithoutCNI = "UpgradeWithoutCNI"
	// NothingToInstall : a cluster of some Kubernetes minor finds no ACTIVE release of its CNI.
	NothingToInstall = "NothingToInstall"
	// DeadData : a block that speaks of no move, or a stop that no release satisfies.
	DeadData = "DeadData"
)

// Report is the outcome of Verify.
type Report struct {
	// AddOns says what was looked at, one per add-on, in the catalog's order.
	AddOns []Proof
	// Violations are sorted. Each property has at most one for a release: the first state in which it is broken.
	Violations []Violation
}

// OK tells whether every property holds.
func (r Report) OK() bool { return len(r.Violations) == 0 }

// Proof says how much was looked at for an add-on.
type Proof struct {
	Name     string
	Releases int
	// Moves that are open, forwards and backwards, in all states together.
	Moves int
	// Minors of Kubernetes, from the lowest to the highest that the releases name; none when they name none, and then one
	// Kubernetes of unknown version is looked at.
	Minors []version.Minor
	// Classes of clusters by what is known of them: nothing, and every combination of the values that blocks and realms name
	// with one other value of each fact. All nodes of such a cluster are alike.
	Classes int
	// Partial : the facts have too many combinations; each was looked at alone, the others unknown.
	Partial bool
	States  int
}

// Violation is a property that does not hold, with a counter-example.
type Violation struct {
	// Property is a constant of this package.
	Property string
	AddOn    string
	// State as "Flannel 0.26.2 on Kubernetes 1.33, os=OL7"; without facts when nothing has to be known.
	State string
	// Text says the counter-example in words.
	Text string
	// Path holds the versions along the counter-example.
	Path []string
}

// Verify proves the catalog. It is a function of the data alone: no cluster is looked at. Conditions on unknown facts are
// assumed not to hold, because then the operator is asked for the fact; kubelets are taken to be of the API server's version.
func Verify(c *catalog.Catalog) Report {
	var r Report
	for _, a := range c.AddOns {
		p := newProver(a, a)
		r.AddOns = append(r.AddOns, p.prove())
		r.Violations = append(r.Violations, p.found...)
	}
	slices.SortFunc(r.Violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.AddOn, b.AddOn), cmp.Compare(a.Property, b.Property),
			cmp.Compare(a.State, b.State), cmp.Compare(a.Text, b.Text))
	})
	return r
}
