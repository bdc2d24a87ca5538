package rollout

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/version"
)

// world is a fleet on virtual time. It goes on in moments: what is due happens, one look is taken at every rollout as a manager takes it, and
// time passes until the next moment.
type world struct {
	Scenario
	rules    Rules
	now, end time.Time
	clusters []*simulated
	byName   map[string]*simulated
	reports  []Report
	// next release to come; gone are the versions that are recalled.
	next int
	gone map[string]bool
	// courses are the rollouts in the order in which they were opened; current is the one that goes on, or did last, nil before the first.
	courses []*course
	current *course
	// stirred is true once a look has changed what may go on.
	stirred bool
	// asked is when people were asked for something, and for what.
	asked   time.Time
	askedOf string
	out     Simulation
}

// course is a rollout on virtual time.
type course struct {
	Simulated
	// number of it among the courses.
	number int
	// overspent is true where more failed than may.
	overspent bool
	// rest is set while another one goes on in its place.
	rest *rest
	// hold are those under way that change no further node.
	hold  map[string]bool
	stays map[Stay]time.Duration
}

// simulated is a cluster on virtual time.
type simulated struct {
	SimCluster
	chance Chance
	// first is what it ran at first, whole what every node ran last. Version is that of the template.
	first, whole string
	// moving is where it moves to, by whom; left how long that still takes, bad whether it will fail; held while it does not go on.
	moving string
	by     *course
	left   time.Duration
	bad    bool
	held   bool
	// failed says why its last move did, and putBack are the releases that it was put back from. A move away from a recalled release that failed is
	// not turned round: its nodes are stuck between both.
	failed  string
	putBack []string
	stuck   bool
	moved   time.Time
	// away until then, or reachable until then.
	away bool
	flip time.Time
	// newest release that fits it, takes in words, and where it goes by itself; stale when these are to be found anew.
	newest string
	takes  string
	wish   Target
	stale  bool
	// freed is true once what kept it has ended.
	freed bool
	// parts that it has in rollouts, by their numbers.
	parts []part
}

// part of a cluster in a rollout; without a state it is no member.
type part struct {
	state State
	tries int
}

func (x *simulated) part(c *course) part {
	if c.number >= len(x.parts) {
		return part{}
	}
	return x.parts[c.number]
}

func (x *simulated) takePart(c *course, m Member) {
	for c.number >= len(x.parts) {
		x.parts = append(x.parts, part{})
	}
	x.parts[c.number] = part{m.State, m.Tries}
}

func (w *world) populate(chance func(cluster string) Chance) {
	w.byName, w.gone = map[string]*simulated{}, map[string]bool{}
	name := spelling()
	w.Releases = slices.Clone(w.Releases)
	for i := range w.Releases {
		w.Releases[i].Version = name(w.Releases[i].Version)
	}
	for _, v := range w.Recalled {
		w.gone[name(v)] = true
	}
	for _, c := range w.Clusters {
		c.Version, c.Fits = name(c.Version), name(c.Fits)
		x := &simulated{SimCluster: c, chance: chance(c.Name), first: c.Version, whole: c.Version, stale: true}
		x.Refuses = map[string]string{}
		for v, why := range c.Refuses {
			x.Refuses[name(v)] = why
		}
		x.flip = x.reachableUntil(w.now)
		w.clusters = append(w.clusters, x)
		w.byName[c.Name] = x
	}
	slices.SortFunc(w.clusters, func(a, b *simulated) int { return cmp.Compare(a.Name, b.Name) })
}

// spelling writes each version as it was written first, so that two that are one are equal.
func spelling() func(string) string {
	var known []string
	spelt := map[string]string{}
	return func(v string) string {
		if s, ok := spelt[v]; ok {
			return s
		}
		if i := slices.IndexFunc(known, func(k string) bool { return version.Same(k, v) }); i >= 0 {
			spelt[v] = known[i]
		} else {
			spelt[v], known = v, append(known, v)
		}
		return spelt[v]
	}
}

// sample draws a time.
func (s Spread) sample(r Chance) time.Duration {
	if s.P50 <= 0 {
		return 0
	}
	sigma := 0.0
	if s.P95 > s.P50 {
		const z95 = 1.6448536269514722
		sigma = math.Log(float64(s.P95)/float64(s.P50)) / z95
	}
	return time.Duration(math.Min(float64(s.P50)*math.Exp(sigma*r.NormFloat64()), float64(longest))).Round(time.Second)
}

// reachableUntil draws when a cluster is next out of reach by chance; zero when it never is.
func (x *simulated) reachableUntil(now time.Time) time.Time {
	if x.Away <= 0 || x.AwayFor.P50 <= 0 {
		return time.Time{}
	}
	mean := float64(x.AwayFor.P50) * (1 - x.Away) / x.Away
	return now.Add(time.Duration(mean * x.chance.ExpFloat64()).Round(time.Second)).Add(time.Second)
}

// reachable tells whether a cluster answers, and until when that holds; zero when it always does.
func (x *simulated) reachable(now time.Time) (bool, time.Time) {
	ok, until := !x.away, x.flip
	for _, o := range x.Outages {
		if end := o.From.Add(o.For); now.Before(o.From) {
			until = Earlier(until, o.From)
		} else if now.Before(end) {
			ok, until = false, Earlier(until, end)
		}
	}
	return ok, until
}

// kept says why a cluster moves to no release now; empty when it does.
func (x *simulated) kept() string {
	if x.freed {
		return ""
	}
	return x.Unfit
}

// settled tells whether nothing is under way, and every node runs the template's version.
func (x *simulated) settled() bool { return x.moving == "" && !x.stuck }

// run goes from moment to moment.
func (w *world) run() {
	for !w.now.After(w.end) {
		w.happen()
		next := Earlier(w.look(), w.due())
		if next.IsZero() || next.After(w.end) {
			w.pass(w.end)
			break
		}
		if !next.After(w.now) {
			next = w.now.Add(time.Second) // nothing in a fleet is faster
		}
		w.pass(next)
	}
	w.close()
}

// pass lets time pass.
func (w *world) pass(until time.Time) {
	took := until.Sub(w.now)
	if took <= 0 {
		return
	}
	if w.current != nil {
		w.current.stays[Stay{Phase: w.current.Phase, Wave: w.current.wave(), Who: w.current.Who}] += took
	}
	for _, x := range w.clusters {
		if ok, _ := x.reachable(w.now); ok && x.moving != "" && !x.held {
			x.left -= took
			x.moved = until
		}
	}
	w.now = until
}

func (c *course) wave() string {
	for i, r := range c.Record.Waves {
		if r.Ended.IsZero() && slices.ContainsFunc(c.Record.Members, func(m Member) bool { return m.Wave == i }) {
			return r.Name
		}
	}
	return ""
}

// happen lets happen what is due: releases come and are recalled, pins end, clusters go and come back, moves end.
func (w *world) happen() {
	news := w.come()
	for _, x := range w.clusters {
		if !x.freed && !x.Until.IsZero() && !w.now.Before(x.Until) {
			x.freed, x.stale = true, true
		}
		x.stale = x.stale || news
		if !x.flip.IsZero() && !x.flip.After(w.now) {
			x.turn(w.now)
		}
		if x.moving != "" && x.left <= 0 {
			x.arrive(w.now)
		}
	}
}

// come lets releases come, and be recalled; news tells whether any did.
func (w *world) come() (news bool) {
	for w.next < len(w.Releases) && !w.Releases[w.next].At.After(w.now) {
		w.next++
		news = true
	}
	for _, r := range w.Releases[:w.next] {
		if !r.Recalled.IsZero() && !w.now.Before(r.Recalled) && !w.gone[r.Version] {
			w.gone[r.Version], news = true, true
		}
	}
	return news
}

// turn lets a cluster go out of reach by chance, or come back.
func (x *simulated) turn(now time.Time) {
	if x.away = !x.away; x.away {
		x.flip = now.Add(x.AwayFor.sample(x.chance)).Add(time.Second)
	} else {
		x.flip = x.reachableUntil(now)
	}
}

// arrive ends a move, well or badly.
func (x *simulated) arrive(now time.Time) {
	switch {
	case !x.bad:
		if x.moving != x.by.Version { // it went back
			x.putBack = append(x.putBack, x.by.Version)
		}
		x.whole = x.moving
	case x.by.Leaves != "":
		x.failed, x.stuck, x.moved = "its move to "+x.moving+" failed", true, now
	default:
		x.failed, x.moved = "its move to "+x.moving+" failed, and was put back", now
		x.putBack = append(x.putBack, x.moving)
		x.Version = x.whole
	}
	x.moving, x.stale = "", true
}

// refresh finds anew what fits a cluster, and where it goes by itself. Releases that the scenario has not are gone to only to leave a recalled
// one: whoever describes a fleet describes the releases that it is about.
func (w *world) refresh(x *simulated) {
	x.stale, x.newest, x.takes = false, w.fits(x), "no release fits"
	if x.newest != "" {
		x.takes = x.newest + " is the newest that fits"
	}
	wish := Wish{Runs: x.Version, Newest: x.newest, Kept: x.kept() != "" || x.Wave < 0, To: x.moving, Told: x.moving != ""}
	if wish.Told {
		wish.Leaves = x.by.Leaves
	}
	x.wish = wish.Target(w.recalled)
	if _, came := w.release(x.wish.Version); !came && x.wish.Leaves == "" {
		x.wish = Target{}
	}
}

// fits is the newest release that fits a cluster; empty when none does.
func (w *world) fits(x *simulated) string {
	newest := ""
	take := func(v string) {
		if v != "" && !w.gone[v] && !slices.Contains(x.putBack, v) && (newest == "" || version.Newer(v, newest)) {
			newest = v
		}
	}
	take(x.first)
	take(x.Fits)
	for _, r := range w.Releases[:w.next] {
		if x.Refuses[r.Version] == "" {
			take(r.Version)
		}
	}
	return newest
}

func (w *world) recalled(v string) bool { return w.gone[v] }

// release of a version that has come.
func (w *world) release(v string) (SimRelease, bool) {
	i := slices.IndexFunc(w.Releases[:w.next], func(r SimRelease) bool { return r.Version == v })
	if i < 0 {
		return SimRelease{}, false
	}
	return w.Releases[i], true
}

// active is the target that goes on.
func (w *world) active() Target {
	var candidates []Target
	var last Target
	for _, x := range w.clusters {
		if x.stale {
			w.refresh(x)
		}
		if x.wish.Version != "" && x.wish != last && !slices.Contains(candidates, x.wish) {
			last = x.wish
			candidates = append(candidates, x.wish)
		}
	}
	var all []Standing
	for _, c := range w.courses {
		if c.Leaves == "" || w.gone[c.Leaves] {
			all = append(all, c.standing())
		}
	}
	return Active(all, candidates, w.recalled)
}

func (c *course) standing() Standing {
	return Standing{
		Target: c.Target(), Phase: c.Phase, Aborted: c.Record.Aborted != "", Undone: c.Record.Undone != "", Overspent: c.overspent,
		Left: c.Phase == Undoing && slices.ContainsFunc(c.Record.Members, func(m Member) bool { return in(Pending, Running)(&m) }),
	}
}

// count keeps the largest number of clusters under way.
func (w *world) count() {
	now := map[string]int{}
	for _, x := range w.clusters {
		if x.moving == "" || x.by != w.current {
			continue
		}
		now[""]++
		if x.Region != "" {
			now[x.Region]++
		}
	}
	for region, n := range now {
		w.current.Worst[region] = max(w.current.Worst[region], n)
	}
}

// due is when something happens next that no decision knows of.
func (w *world) due() time.Time {
	var at time.Time
	ahead := func(t time.Time) {
		if t.After(w.now) {
			at = Earlier(at, t)
		}
	}
	for i, r := range w.Releases {
		ahead(r.At)
		if i < w.next {
			ahead(r.Recalled)
		}
	}
	for _, x := range w.clusters {
		ok, flip := x.reachable(w.now)
		if ok && x.moving != "" && !x.held {
			at = Earlier(at, w.now.Add(max(0, x.left)))
		}
		ahead(flip)
		ahead(x.Until)
	}
	return at
}

// outside are the clusters that are no members of a rollout, and run what it is to replace, or are kept from it.
func (w *world) outside(c *course) []Outside {
	var out []Outside
	for _, x := range w.clusters {
		concerned := x.kept() != "" || x.Wave < 0 || version.Newer(c.Version, x.Version)
		if c.Leaves != "" {
			concerned = x.Version == c.Leaves
		}
		if why := w.obstacle(x, c); concerned && why != "" && x.part(c).state == "" {
			out = append(out, Outside{x.Name, why})
		}
	}
	return out
}

// close writes down how the rollouts ended. A release that came and opened none is named too.
func (w *world) close() {
	for _, r := range w.Releases[:w.next] {
		if slices.ContainsFunc(w.courses, func(c *course) bool { return c.Version == r.Version }) {
			continue
		}
		c := &course{Simulated: Simulated{Version: r.Version, Opened: r.At, Phase: Finished, Why: "no cluster would take it by itself", Worst: map[string]int{}}}
		c.number, c.Record = len(w.courses), Open(w.rules, w.AddOn, r.Version, r.At, nil, r.At)
		if slices.ContainsFunc(w.clusters, func(x *simulated) bool { return x.wish.Version == r.Version }) {
			c.Phase, c.Why = Waiting, fmt.Sprintf("the rollout of %s goes first", w.current.Target())
		}
		w.courses = append(w.courses, c)
	}
	slices.SortStableFunc(w.courses, func(a, b *course) int { return a.Opened.Compare(b.Opened) })
	for _, c := range w.courses {
		c.Outside = w.outside(c)
		for stay, took := range c.stays {
			stay.For = took
			c.Stays = append(c.Stays, stay)
		}
		slices.SortFunc(c.Stays, func(a, b Stay) int {
			return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Wave, b.Wave), cmp.Compare(a.Who, b.Who))
		})
		w.out.Rollouts = append(w.out.Rollouts, c.Simulated)
	}
}
