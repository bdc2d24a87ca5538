package graph

import (
	"fmt"
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// ofData are the properties that are proved once for an add-on.
var ofData = []func(*prover){
	// Every Kubernetes minor of the domain has an ACTIVE release of the CNI.
	somethingToInstall,
	// No block and no stop is dead.
	dataLives,
}

// ofStates are the properties that are proved in every situation, for every release that has a state there.
var ofStates = []func(*situation){
	// A supported release can be reached.
	wayToSupported,
	// So can the newest.
	wayToNewest,
	// Automatic mode takes what it may take.
	automaticFits,
	// A move that promises a way back has one.
	wayBack,
	// The control plane can go up by one minor.
	upgradeKeepsCNI,
}

// somethingToInstall : a new cluster gets a CNI.
func somethingToInstall(p *prover) {
	if p.addOn.NetworkType == "" {
		return
	}
	for _, k := range p.points {
		fits := slices.ContainsFunc(p.points, func(other point) bool {
			return other.minor == k.minor && slices.ContainsFunc(p.addOn.Releases, other.supports)
		})
		if !fits {
			on := k.minorText()
			p.violate(NothingToInstall, on, fmt.Sprintf("%s on %s", p.addOn.Name, on), "no ACTIVE release admits "+on)
		}
	}
}

// dataLives : each block closes some move, each stop lets somebody stop.
func dataLives(p *prover) {
	for n, b := range p.addOn.Blocks {
		if from, to := p.audit.from[n], p.audit.to[n]; !concernsAny(b, from, to) {
			p.violate(DeadData, "block "+b.Name, p.addOn.Name, fmt.Sprintf("block %s speaks of no move between releases of the catalog", b.Name))
		}
	}
	for _, s := range p.addOn.Rules.Stops {
		if !slices.ContainsFunc(p.addOn.Releases, func(r catalog.Release) bool { return s.At.Contains(r.Version) }) {
			p.violate(DeadData, "stop "+s.Reason, p.addOn.Name, fmt.Sprintf("no release lies in the required stop %s (%s)", s.Reason, s.At))
		}
	}
}

// concernsAny tells whether a block speaks of some move between releases, or of installing one.
func concernsAny(b catalog.Block, from, to set) bool {
	if b.From.IsZero() {
		return to.count() > 0
	}
	itself := from.count() == 1 && slices.Equal(from, to)
	return from.count() > 0 && to.count() > 0 && !itself
}

// wayToSupported : every release is an ACTIVE one that admits the Kubernetes version, or leads to one, in either direction.
func wayToSupported(s *situation) {
	copy(s.goals, s.admits[s.k])
	s.goals.keep(s.active)
	for i := s.living.first(); i >= 0; i = s.living.next(i + 1) {
		if s.goals.has(i) || s.leadsTo(i, s.goals) || s.known(NoWayToSupported, s.name(i)) {
			continue
		}
		goal, on := s.goals.nearest(i), s.points[s.k]
		if goal < 0 {
			s.violate(NoWayToSupported, i, fmt.Sprintf("no ACTIVE release admits %s", on), i)
			continue
		}
		s.violate(NoWayToSupported, i, fmt.Sprintf("no path leads to an ACTIVE release that admits %s, not to %s either: %s",
			on, s.name(goal), s.why(i, goal, false)), i, goal)
	}
}

// wayToNewest : every release that is not recalled leads to the newest ACTIVE one that fits.
func wayToNewest(s *situation) {
	for i := s.living.first(); i >= 0; i = s.living.next(i + 1) {
		copy(s.goals, s.enter)
		s.goals.keep(s.active)
		s.goals.drop(s.conditional.row(i))
		newest := s.goals.first()
		if newest < 0 || newest >= i || s.reach.row(i).has(newest) || s.recalled.has(i) || s.known(DeadEnd, s.name(i)) {
			continue
		}
		s.violate(DeadEnd, i, fmt.Sprintf("no path leads to %s, the newest ACTIVE release that fits: %s", s.name(newest), s.why(i, newest, false)),
			i, newest)
	}
}

// automaticFits reads the data plainly: what automatic mode takes or passes is ACTIVE, admits the Kubernetes version, and is
// newer than what it leaves.
func automaticFits(s *situation) {
	for i := s.living.first(); i >= 0; i = s.living.next(i + 1) {
		copy(s.goals, s.auto.row(i))
		s.goals.drop(s.audit.supported[s.k])
		if bad := s.goals.first(); bad >= 0 {
			r := s.addOn.Releases[bad]
			s.violate(AutomaticTakesUnfit, i, fmt.Sprintf("automatic mode takes %s, which is %s and made for Kubernetes %s",
				r.Version, r.Status, r.Kubernetes), i, bad)
		}
	}
}

// wayBack : where a move that is open promises a way back, a path leads back, unless what was left does not fit the cluster
// any more: nobody could enter it.
func wayBack(s *situation) {
	s.wayBackWhen(settled, s.back)
	if s.settles {
		s.wayBackWhen(during, s.backUnsettled)
	}
}

func (s *situation) wayBackWhen(when int, back matrix) {
	for j := s.enter.last(); j >= 0; j-- {
		if !s.enter.has(j) {
			continue
		}
		lost := s.goals
		clear(lost)
		lost.fill(j+1, s.oldest[j]+1)
		lost.drop(s.blockedFrom.row(j))
		lost.keep(s.enter)
		lost.drop(s.shut)
		lost.keep(s.ways[when].row(j))
		lost.drop(back.row(j))
		for i := lost.first(); i >= 0; i = lost.next(i + 1) {
			s.noWayBack(i, j, when)
		}
	}
}

func (s *situation) noWayBack(i, j, when int) {
	if s.known(NoWayBack, s.name(i)) {
		return
	}
	class, until, _ := classOf(s.g.addOn.Rules.Back, s.at[i], s.at[j])
	promise := fmt.Sprintf("%s -> %s is %s", s.name(i), s.name(j), class)
	if when == during {
		promise = fmt.Sprintf("%s -> %s is %s until the nodes have taken it", s.name(i), s.name(j), until)
	}
	s.violate(NoWayBack, i, fmt.Sprintf("%s, and no path leads back: %s", promise, s.why(j, i, when == during)), i, j, i)
}

// upgradeKeepsCNI : before the control plane goes up by a minor, the cluster can go to a release that admits both.
func upgradeKeepsCNI(s *situation) {
	next := s.admitsNext[s.k]
	if next == nil {
		return
	}
	copy(s.goals, s.admits[s.k])
	s.goals.drop(next)
	for i := s.goals.first(); i >= 0; i = s.goals.next(i + 1) {
		if !s.leadsTo(i, next) {
			s.violate(UpgradeWithoutCNI, i, fmt.Sprintf("it does not admit Kubernetes %s, and no path leads to a release that admits both",
				s.points[s.k].minor.Next()), i)
		}
	}
}

// leadsTo tells whether a path leads from a release to one of the goals.
func (s *situation) leadsTo(i int, goals set) bool {
	return s.reach.row(i).meets(goals) || s.back.row(i).meets(goals)
}
