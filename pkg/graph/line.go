package graph

import (
	"slices"
	"sort"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// line is a row of versions, newest first, with the rules that speak of two of them turned into spans of places. A rule of
// versions is monotonic in their order, so what it allows from one place is a span too; that is what makes a search fast.
type line struct {
	at []version.Version
	// newest[i] and oldest[i] are the ends of what one step from i may reach by the rules of stepping.
	newest, oldest []int
	// minorEnd[i] is the place after the last version of the minor of i.
	minorEnd []int
	// back are the rules of the way back, as places.
	back []backPlaces
}

// backPlaces is a rule of the way back.
type backPlaces struct {
	catalog.BackRule
	// below is the first place of a version before the one that is crossed.
	below int
}

// newLine lays out the versions under the rules of stepping, in time that grows with their number.
func newLine(at []version.Version, rules catalog.Rules) line {
	l := line{at: at, newest: make([]int, len(at)), oldest: make([]int, len(at)), minorEnd: make([]int, len(at))}
	if rules.MaxMinorStep > 0 {
		l.limitMinors(uint64(rules.MaxMinorStep))
	}
	for _, s := range rules.Stops {
		stop := l.span(s.At)
		for i := stop.hi; i < len(at); i++ {
			l.newest[i] = max(l.newest[i], stop.lo)
		}
	}
	// A step is legal both ways or not at all. newest never falls from one place to the next, so oldest follows it.
	for i, j := 0, 0; i < len(at); i++ {
		for j+1 < len(at) && l.newest[j+1] <= i {
			j++
		}
		l.oldest[i] = max(i, j)
	}
	l.layBack(rules.Back)
	return l
}

func (l *line) layBack(rules []catalog.BackRule) {
	for i := range slices.Backward(l.at) {
		l.minorEnd[i] = i + 1
		if i+1 < len(l.at) && l.at[i].Minor() == l.at[i+1].Minor() {
			l.minorEnd[i] = l.minorEnd[i+1]
		}
	}
	for _, r := range rules {
		p := backPlaces{BackRule: r}
		if !r.Crossing.IsZero() {
			p.below = sort.Search(len(l.at), func(i int) bool { return l.at[i].CompareCore(r.Crossing) < 0 })
		}
		l.back = append(l.back, p)
	}
}

// limitMinors : the newest place that a step may reach lies in the same major, at most that many minors on.
func (l *line) limitMinors(most uint64) {
	newest := 0
	for i, v := range l.at {
		for to := l.at[newest].Minor(); to.Major != v.Minor().Major || to.Minor-v.Minor().Minor > most; to = l.at[newest].Minor() {
			newest++
		}
		l.newest[i] = newest
	}
}

// span returns the places of the versions in a range; all of them for the open range.
func (l *line) span(r version.Range) interval {
	lo := sort.Search(len(l.at), func(i int) bool { return !r.Above(l.at[i]) })
	hi := sort.Search(len(l.at), func(i int) bool { return r.Below(l.at[i]) })
	return interval{lo, max(lo, hi)}
}

// place of a version, or where it would be.
func (l *line) place(v version.Version) (int, bool) {
	return sort.Find(len(l.at), func(i int) int { return l.at[i].Compare(v) })
}

// with returns the versions with one more in its place; the same ones when it is there already.
func with(at []version.Version, v version.Version) []version.Version {
	i, found := sort.Find(len(at), func(i int) int { return at[i].Compare(v) })
	if found {
		return at
	}
	return slices.Insert(at, i, v)
}

// rect is a block that closes: every step from a place in one span to a place in the other.
type rect struct{ from, to interval }

// interval is the places [lo, hi).
type interval struct{ lo, hi int }

func (i interval) has(n int) bool { return i.lo <= n && n < i.hi }

// rect gives the places that a block speaks of.
func (l *line) rect(b catalog.Block) rect {
	return rect{from: l.span(b.From), to: l.span(b.To)}
}

// older gives the places of older versions that a rule matches together with the one at i.
func (l *line) older(r backPlaces, i int) interval {
	out := interval{i + 1, len(l.at)}
	if r.WithinMinor {
		out.hi = l.minorEnd[i]
	}
	if !r.Crossing.IsZero() {
		out.lo = max(out.lo, r.below)
		if i >= r.below {
			return interval{}
		}
	}
	return out
}

// waysBack puts into the set the places older than i that there is a way back to from i. The first rule that matches a place
// speaks, so the last one is laid down first.
func (l *line) waysBack(into set, i int, unsettled bool) {
	for _, r := range slices.Backward(l.back) {
		class, places := r.Class, l.older(r, i)
		if unsettled {
			class = r.During()
		}
		if class == catalog.OneWay {
			into.cut(places.lo, places.hi)
		} else {
			into.fill(places.lo, places.hi)
		}
	}
}
