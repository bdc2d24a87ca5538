package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/version"
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
	// Releases in their order. Which rollouts are opened for them, and which of those goes on, is what Wish.Target and Active say.
	Releases []SimRelease `json:"releases"`
	// Recalled are the versions that are when the time begins.
	Recalled []string `json:"recalled,omitempty"`
	// People act when they are asked.
	People People `json:"people,omitzero"`
}

// SimCluster is a cluster of a scenario.
type SimCluster struct {
	Name   string
	Region string
	// Wave that the policy puts it into; -1 for none.
	Wave int
	// Version that it runs at first, and Fits the newest one that fits it before any release comes; empty stands for Version. It goes there
	// to leave a recalled release, and for nothing else.
	Version string
	Fits    string
	// Unfit says why it moves to no release, such as "is pinned"; empty when it does. Until is when that ends; zero stands for never.
	Unfit string
	Until time.Time
	// Refuses are releases that it does not take, with the reason.
	Refuses map[string]string
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
	At time.Time `json:"at"`
	// Release is the version that a rollout is of, or "TO from RECALLED"; see Target.String.
	Release string `json:"release"`
	Cluster string `json:"cluster,omitempty"`
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
	Version string `json:"version"`
	// Leaves is the recalled release that it leads away from; empty for another rollout.
	Leaves string    `json:"leaves,omitempty"`
	Opened time.Time `json:"opened"`
	// Ended is when nothing was left to do but for clusters out of reach; zero when that did not come.
	Ended time.Time `json:"ended,omitzero"`
	Phase Phase     `json:"phase"`
	Why   string    `json:"why"`
	// Who has to act for it to go on; empty when nobody has.
	Who string `json:"who,omitempty"`
	// Record at the end, and clusters that are not in it, with the reason: those that would have to be moved for all to run the release.
	Record  Record    `json:"record"`
	Outside []Outside `json:"outside,omitempty"`
	// Stays are how long it waited, longest first.
	Stays []Stay `json:"stays"`
	// Worst is the largest number of clusters under way at a moment, by region; the key "" is all of them.
	Worst map[string]int `json:"worst"`
}

// Outside is a cluster that is no member of a rollout.
type Outside struct {
	Cluster string `json:"cluster"`
	Why     string `json:"why"`
}

// Target is what it is about.
func (s Simulated) Target() Target { return Target{s.Version, s.Leaves} }

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
	return s.comparable()
}

// comparable tells which version of a cluster that may move is none; nil where none is.
func (s Scenario) comparable() error {
	for i, c := range s.Clusters {
		if _, err := version.Parse(c.Version); err != nil && c.Unfit == "" {
			return FieldError{fmt.Sprintf("clusters[%d].version", i), c.Version, "want a version such as 0.26.2"}
		}
	}
	return nil
}

// check tells what is wrong with a release that has to come after a time.
func (r SimRelease) check(at string, after time.Time) error {
	_, err := version.Parse(r.Version)
	switch {
	case err != nil:
		return FieldError{at + "version", r.Version, "want a version such as 0.27.3"}
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
