package rollout

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Scenario is a fleet, and what happens to it, on virtual time.
type Scenario struct {
	// AddOn and Start of the time.
	AddOn string    `json:"addon"`
	Start time.Time `json:"start"`
	// For is how long to look.
	For time.Duration `json:"for"`
	// Policy of the fleet.
	Policy Policy `json:"policy"`
	// Clusters of the fleet; a Fleet's selectors were matched with their labels.
	Clusters []SimCluster `json:"clusters"`
	// Releases in their order; each opens a rollout when it comes, and ends the one before.
	Releases []SimRelease `json:"releases"`
	// People act when they are asked.
	People People `json:"people,omitzero"`
}

// SimCluster is a cluster of a scenario.
type SimCluster struct {
	Name   string
	Region string
	// Wave that the policy puts it into; -1 for none.
	Wave int
	// Version that it runs at first.
	Version string
	// Unfit says why it moves to no release, such as "is pinned"; empty when it does.
	Unfit string
	// Takes is how long a move takes: half of them at most P50, 95 of 100 at most P95.
	Takes Spread
	// Fails is the share of moves that fail, 0 to 1.
	Fails float64
	// Away is the share of time in which nobody reaches it, 0 to below 1, for AwayFor at a time.
	Away    float64
	AwayFor Spread
	// Outages that are known, beside.
	Outages []Outage
}

// Outage is a time in which a cluster is out of reach.
type Outage struct {
	From time.Time     `json:"from"`
	For  time.Duration `json:"for"`
}

// Spread is a distribution of times, the logarithm of which is normal.
type Spread struct {
	P50 time.Duration `json:"p50"`
	P95 time.Duration `json:"p95"`
}

// SimRelease is a release that comes.
type SimRelease struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Day that its age counts from; zero stands for At.
	Day time.Time `json:"day,omitzero"`
	// Bad is the share of moves to it that fail, beside those that fail anyway.
	Bad float64 `json:"bad,omitempty"`
	// Recalled is when it is; zero when it is not.
	Recalled time.Time `json:"recalled,omitzero"`
}

// People are how long somebody takes to act.
type People struct {
	// Approve a wave; nil means never.
	Approve *time.Duration `json:"approve,omitempty"`
	// OnHalt is what they do about a rollout that halted: resume, retry, undo or abort; empty means nothing. After is when.
	OnHalt string        `json:"onHalt,omitempty"`
	After  time.Duration `json:"after,omitempty"`
}

// Happening is one thing that happened in a simulation.
type Happening struct {
	At      time.Time `json:"at"`
	Release string    `json:"release"`
	Cluster string    `json:"cluster,omitempty"`
	// What is one of opened, started, back, done, failed, unreachable, skipped, pending, phase, approved, and what people do.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
}

// Stay is how long a rollout was in a phase for a reason.
type Stay struct {
	Phase Phase         `json:"phase"`
	Wave  string        `json:"wave,omitempty"`
	Who   string        `json:"who,omitempty"`
	For   time.Duration `json:"for"`
}

// Simulated is how one rollout went.
type Simulated struct {
	Version string    `json:"version"`
	Opened  time.Time `json:"opened"`
	// Ended is when nothing was left to do but for clusters out of reach; zero when that did not come.
	Ended time.Time `json:"ended,omitzero"`
	Phase Phase     `json:"phase"`
	Why   string    `json:"why"`
	// Who has to act for it to go on; empty when nobody has.
	Who string `json:"who,omitempty"`
	// Record at the end.
	Record Record `json:"record"`
	// Stays are how long it waited, longest first.
	Stays []Stay `json:"stays"`
	// Worst is the largest number of clusters under way at a moment, by region; the key "" is all of them.
	Worst map[string]int `json:"worst"`
}

// Chance is where a simulation takes its numbers from, such as a *rand.Rand.
type Chance interface {
	// Float64 is from 0 to below 1, each as likely as the others.
	Float64() float64
	// NormFloat64 and ExpFloat64 are of the normal and the exponential distribution.
	NormFloat64() float64
	ExpFloat64() float64
}

// Simulation is how a scenario went.
type Simulation struct {
	Rollouts []Simulated `json:"rollouts"`
	// Log of what happened, in order.
	Log []Happening `json:"log,omitempty"`
}

// Check tells what is wrong with a scenario; nil when nothing is.
func (s Scenario) Check() error {
	if err := s.Policy.Check(); err != nil {
		return err
	}
	switch {
	case s.For <= 0 || s.For > 10*longest:
		return FieldError{"for", s.For.String(), "want how long to look, such as 2160h, at most ten years"}
	case len(s.Clusters) == 0 || len(s.Clusters) > mostClusters:
		return FieldError{"clusters", fmt.Sprint(len(s.Clusters)), fmt.Sprintf("want 1 to %d", mostClusters)}
	case len(s.Releases) == 0:
		return FieldError{"releases", "", "want one at least"}
	case !slices.Contains([]string{"", "resume", "retry", "undo", "abort"}, s.People.OnHalt):
		return FieldError{"people.onHalt", s.People.OnHalt, "want resume, retry, undo or abort"}
	}
	before := s.Start.Add(-1)
	for i, r := range s.Releases {
		if err := r.check(fmt.Sprintf("releases[%d].", i), before); err != nil {
			return err
		}
		before = r.At
	}
	return nil
}

// check tells what is wrong with a release that has to come after a time.
func (r SimRelease) check(at string, after time.Time) error {
	switch {
	case r.Version == "":
		return FieldError{at + "version", "", "want a version"}
	case !r.At.After(after):
		return FieldError{at + "at", r.At.Format(time.RFC3339), "want a time after the start, and after the release before it"}
	case r.Bad < 0 || r.Bad > 1:
		return FieldError{at + "bad", fmt.Sprint(r.Bad), "want a share from 0 to 1"}
	default:
		return nil
	}
}

// mostClusters of a scenario.
const mostClusters = 100_000

// Simulate lets a scenario happen. It decides as Decide does, at every moment at which a manager would. Each cluster has a chance of its own,
// by its name, so that what happens to one does not change what happens to another; the same chances give the same run. An error is that
// of Check.
func Simulate(s Scenario, chance func(cluster string) Chance) (Simulation, error) {
	rules, err := NewRules(s.Policy)
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return Simulation{}, err
	}
	w := &world{Scenario: s, rules: rules, now: s.Start, end: s.Start.Add(s.For)}
	w.populate(chance)
	w.run()
	return w.out, nil
}

// world is a fleet on virtual time.
type world struct {
	Scenario
	rules    Rules
	now, end time.Time
	clusters []*simulated
	byName   map[string]*simulated
	reports  []Report
	// next release to come; current is the rollout under way, nil before the first.
	next    int
	current *Simulated
	stays   map[Stay]time.Duration
	// asked is when people were asked for something, and for what.
	asked   time.Time
	askedOf string
	out     Simulation
}

// simulated is a cluster on virtual time.
type simulated struct {
	SimCluster
	chance Chance
	// moving is where it moves to, left how long that still takes, bad whether it will fail; held while it does not go on.
	moving string
	left   time.Duration
	bad    bool
	held   bool
	failed string
	moved  time.Time
	// away until then, or reachable until then.
	away bool
	flip time.Time
}

func (w *world) populate(chance func(cluster string) Chance) {
	w.byName = map[string]*simulated{}
	for _, c := range w.Clusters {
		x := &simulated{SimCluster: c, chance: chance(c.Name)}
		x.flip = x.reachableUntil(w.now)
		w.clusters = append(w.clusters, x)
		w.byName[c.Name] = x
	}
	slices.SortFunc(w.clusters, func(a, b *simulated) int { return cmp.Compare(a.Name, b.Name) })
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

// run goes from moment to moment.
func (w *world) run() {
	for !w.now.After(w.end) {
		w.happen()
		next := w.decide()
		next = Earlier(next, w.due())
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
		w.stays[Stay{Phase: w.current.Phase, Wave: w.wave(), Who: w.current.Who}] += took
	}
	for _, x := range w.clusters {
		if ok, _ := x.reachable(w.now); ok && x.moving != "" && !x.held {
			x.left -= took
			x.moved = until
		}
	}
	w.now = until
}

func (w *world) wave() string {
	for i, r := range w.current.Record.Waves {
		if r.Ended.IsZero() && slices.ContainsFunc(w.current.Record.Members, func(m Member) bool { return m.Wave == i }) {
			return r.Name
		}
	}
	return ""
}

// happen lets happen what is due: releases come, clusters go and come back, moves end.
func (w *world) happen() {
	for w.next < len(w.Releases) && !w.Releases[w.next].At.After(w.now) {
		w.close()
		w.open(w.Releases[w.next])
		w.next++
	}
	for _, x := range w.clusters {
		if !x.flip.IsZero() && !x.flip.After(w.now) {
			if x.away = !x.away; x.away {
				x.flip = w.now.Add(x.AwayFor.sample(x.chance)).Add(time.Second)
			} else {
				x.flip = x.reachableUntil(w.now)
			}
		}
		if x.moving != "" && x.left <= 0 {
			if x.bad {
				x.failed, x.moved = "its move to "+x.moving+" failed, and was put back", w.now
			} else {
				x.Version = x.moving
			}
			x.moving = ""
		}
	}
}

// open begins the rollout of a release.
func (w *world) open(r SimRelease) {
	w.current = &Simulated{Version: r.Version, Opened: w.now, Worst: map[string]int{}}
	w.stays = map[Stay]time.Duration{}
	for _, x := range w.clusters {
		x.moving, x.failed = "", "" // what the release before left under way is taken up by this one
	}
	day := r.Day
	if day.IsZero() {
		day = r.At
	}
	w.current.Record = Open(w.rules, w.AddOn, r.Version, day.Add(w.Policy.MinimumAge), w.see(), w.now)
	w.say("", "opened", fmt.Sprintf("%d clusters", len(w.current.Record.Members)))
}

// close writes down how the rollout under way ended.
func (w *world) close() {
	if w.current == nil {
		return
	}
	for stay, took := range w.stays {
		stay.For = took
		w.current.Stays = append(w.current.Stays, stay)
	}
	slices.SortFunc(w.current.Stays, func(a, b Stay) int {
		return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Wave, b.Wave), cmp.Compare(a.Who, b.Who))
	})
	w.out.Rollouts = append(w.out.Rollouts, *w.current)
	w.current = nil
}

// see is what a manager would see.
func (w *world) see() []Report {
	w.reports = w.reports[:0]
	for _, x := range w.clusters {
		ok, _ := x.reachable(w.now)
		c := Report{
			Cluster: x.Name, Wave: x.Wave, Region: x.Region, Reachable: ok, Version: x.Version, Settled: x.moving == "",
			Fit: x.Unfit == "", Unfit: x.Unfit, Failed: x.failed, Progress: x.moved,
		}
		if x.held {
			c.Progress = w.now
		}
		w.reports = append(w.reports, c)
	}
	return w.reports
}

// decide asks for what follows, does it, and says when to ask again.
func (w *world) decide() time.Time {
	if w.current == nil {
		return time.Time{}
	}
	asked := decider{Rules: w.rules, now: w.now, out: Decision{Record: w.current.Record}, owned: true, seen: w.changed}
	d := asked.decide(w.see(), w.recalled())
	if w.current.Phase != d.Phase {
		w.say("", "phase", fmt.Sprintf("%s: %s", d.Phase, d.Why))
	}
	w.current.Record, w.current.Phase, w.current.Why, w.current.Who = d.Record, d.Phase, d.Why, d.Who
	for _, x := range w.clusters {
		x.held = false
	}
	for _, name := range d.Hold {
		w.byName[name].held = true
	}
	for _, s := range d.Start {
		w.start(w.byName[s.Cluster], s.Back)
	}
	w.count()
	if ended := d.Phase == Finished || d.Phase == Undone || d.Phase == CatchingUp; ended != !w.current.Ended.IsZero() {
		w.current.Ended = time.Time{}
		if ended {
			w.current.Ended = w.now
		}
	}
	return Earlier(d.Next, w.act(d))
}

func (w *world) recalled() string {
	if r := w.Releases[w.next-1]; !r.Recalled.IsZero() && !w.now.Before(r.Recalled) {
		return "by the scenario"
	}
	return ""
}

// start lets a cluster move.
func (w *world) start(x *simulated, back bool) {
	r := w.Releases[w.next-1]
	x.moving, x.failed, x.moved = r.Version, "", w.now
	x.left = max(time.Second, x.Takes.sample(x.chance))
	x.bad = x.chance.Float64() < x.Fails || x.chance.Float64() < r.Bad
	if back {
		x.bad = false
		i := slices.IndexFunc(w.current.Record.Members, func(m Member) bool { return m.Cluster == x.Name })
		x.moving = w.current.Record.Members[i].From
	}
}

// count keeps the largest number of clusters under way.
func (w *world) count() {
	now := map[string]int{}
	for _, x := range w.clusters {
		if x.moving == "" {
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

// act lets people do what they are asked for, or says when they will.
func (w *world) act(d Decision) time.Time {
	of, wait := w.request(d)
	if of != w.askedOf {
		w.asked, w.askedOf = w.now, of
	}
	if of == "" {
		return time.Time{}
	}
	if due := w.asked.Add(wait); w.now.Before(due) {
		return due
	}
	w.askedOf = ""
	w.obey(d, of)
	w.say("", of, "by people")
	return w.now.Add(time.Second)
}

// request is what people are asked for, and how long they take; empty when they are asked for nothing that they would do.
func (w *world) request(d Decision) (string, time.Duration) {
	switch {
	case d.Approve != "" && w.People.Approve != nil:
		return "approve " + d.Approve, *w.People.Approve
	case d.Phase == Halted:
		return w.People.OnHalt, w.People.After
	default:
		return "", 0
	}
}

// obey does what people want. What there is nothing to be wrong about gives no error.
func (w *world) obey(d Decision, want string) {
	r := &w.current.Record
	switch {
	case d.Approve != "":
		*r, _ = r.Approve(d.Approve, "people")
	case want == "resume":
		*r = r.Resume()
	case want == "retry":
		*r, _ = r.Retry(w.now)
	case want == "undo":
		*r = r.Undo("people", w.now)
	default:
		*r = r.Abort("people")
	}
}

// due is when something happens next that no decision knows of.
func (w *world) due() time.Time {
	var at time.Time
	if w.next < len(w.Releases) {
		at = w.Releases[w.next].At
	}
	if w.current != nil {
		if r := w.Releases[w.next-1].Recalled; r.After(w.now) {
			at = Earlier(at, r)
		}
	}
	for _, x := range w.clusters {
		ok, flip := x.reachable(w.now)
		if ok && x.moving != "" && !x.held {
			at = Earlier(at, w.now.Add(max(0, x.left)))
		}
		if flip.After(w.now) {
			at = Earlier(at, flip)
		}
	}
	return at
}

func (w *world) say(cluster, what, why string) {
	w.out.Log = append(w.out.Log, Happening{At: w.now, Release: w.current.Version, Cluster: cluster, What: what, Why: why})
}

// whats are what is said of states.
var whats = map[State]string{
	Pending: "pending", Running: "started", Done: "done", Failed: "failed", Unreachable: "unreachable", Skipped: "skipped",
}

// changed writes down that a member has another state.
func (w *world) changed(m Member) {
	what := whats[m.State]
	if m.State == Running && m.Back {
		what = "back"
	}
	w.say(m.Cluster, what, m.Reason)
}
