package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy is how releases go over a fleet, as an operator asks for it. What is not set takes its default.
type Policy struct {
	// Name of the policy; it names rollouts too.
	Name string `json:"name"`
	// Selector of the clusters that the policy is for, by their labels; empty takes all.
	Selector string `json:"selector,omitempty"`
	// Waves in their order; none stands for one wave of all clusters.
	Waves []Wave `json:"waves,omitempty"`
	// MaxConcurrent clusters under way at any moment, in all waves together: a count, or a percentage of the rollout's clusters that is
	// rounded down and is 1 at least. Empty means DefaultMaxConcurrent.
	MaxConcurrent string `json:"maxConcurrent,omitempty"`
	// Soak is how long the last cluster of a wave runs before the next wave may begin; nil means DefaultSoak.
	Soak *time.Duration `json:"soak,omitempty"`
	// FailureBudget is how many clusters may fail before everything stops: a count, or a percentage of the rollout's clusters that is
	// rounded down. Empty means DefaultFailureBudget.
	FailureBudget string `json:"failureBudget,omitempty"`
	// MinimumAge that a release must have, by its day.
	MinimumAge time.Duration `json:"minimumAge,omitempty"`
	// Windows in which clusters may be changed.
	Windows Windows `json:"windows,omitzero"`
	// OnWindowEnd says what becomes of clusters that are under way when the window closes; empty means FinishNode.
	OnWindowEnd OnWindowEnd `json:"onWindowEnd,omitempty"`
	// HungAfter is how long a cluster may be under way without a sign of progress before it counts as failed; nil means DefaultHungAfter.
	HungAfter *time.Duration `json:"hungAfter,omitempty"`
	// AwayAfter is how long a cluster that is under way may be out of reach before others take its place; nil means DefaultAwayAfter.
	AwayAfter *time.Duration `json:"awayAfter,omitempty"`
}

// Wave is an ordered group of clusters.
type Wave struct {
	// Name of the wave.
	Name string `json:"name"`
	// Selector of its clusters, by their labels; empty takes all. A cluster belongs to the first wave that takes it, and to none where no
	// wave does.
	Selector string `json:"selector,omitempty"`
	// MaxConcurrent clusters of the wave under way at any moment: a count, or a percentage of the wave's clusters that is rounded down and
	// is 1 at least. Empty means the policy's.
	MaxConcurrent string `json:"maxConcurrent,omitempty"`
	// Soak is the policy's where it is nil.
	Soak *time.Duration `json:"soak,omitempty"`
	// Approval is true when somebody has to approve the wave before it begins.
	Approval bool `json:"approval,omitempty"`
}

// OnWindowEnd says what becomes of clusters that are under way when a window closes.
type OnWindowEnd string

const (
	// FinishNode lets the nodes that are being changed end, and changes no further one until the window opens again.
	FinishNode OnWindowEnd = "finishNode"
	// FinishCluster lets the clusters that are under way end.
	FinishCluster OnWindowEnd = "finishCluster"
	// StopAtOnce waits for nothing: nodes that are being changed end without anybody looking.
	StopAtOnce OnWindowEnd = "stop"
)

// Defaults of a policy.
const (
	DefaultMaxConcurrent = "10%"
	DefaultFailureBudget = "0"
	DefaultSoak          = 24 * time.Hour
	DefaultHungAfter     = 2 * time.Hour
	DefaultAwayAfter     = 15 * time.Minute
)

// FieldError is one thing that is wrong with a policy.
type FieldError struct {
	// Field as in the policy's document, such as waves[1].maxConcurrent.
	Field string
	Value string
	Want  string
}

func (f FieldError) Error() string { return fmt.Sprintf("%s: %q: %s", f.Field, f.Value, f.Want) }

// Check tells everything that is wrong with a policy at once; nil when nothing is. Whether a selector is one is told by whoever reads
// labels.
func (p Policy) Check() error {
	var c checking
	c.share("maxConcurrent", p.MaxConcurrent, 1)
	c.duration("soak", p.Soak, 0)
	c.share("failureBudget", p.FailureBudget, 0)
	c.duration("minimumAge", &p.MinimumAge, 0)
	c.duration("hungAfter", p.HungAfter, time.Second)
	c.duration("awayAfter", p.AwayAfter, 0)
	if !slices.Contains([]OnWindowEnd{"", FinishNode, FinishCluster, StopAtOnce}, p.OnWindowEnd) {
		c.fault("onWindowEnd", string(p.OnWindowEnd), "want finishNode, finishCluster or stop")
	}
	for i, w := range p.Waves {
		at := fmt.Sprintf("waves[%d].", i)
		if w.Name == "" || slices.ContainsFunc(p.Waves[:i], func(o Wave) bool { return o.Name == w.Name }) {
			c.fault(at+"name", w.Name, "want a name that no other wave has")
		}
		c.share(at+"maxConcurrent", w.MaxConcurrent, 1)
		c.duration(at+"soak", w.Soak, 0)
		if w.Selector == "" && i < len(p.Waves)-1 {
			c.fault(at+"selector", "", "it takes every cluster, so that the waves after it stay empty: give it one, or put it last")
		}
	}
	return errors.Join(append(c.wrong, p.Windows.Check())...)
}

// checking gathers what is wrong.
type checking struct{ wrong []error }

func (c *checking) fault(field, value, want string) {
	c.wrong = append(c.wrong, FieldError{field, value, want})
}

func (c *checking) share(field, value string, least int) {
	if n, _, err := amount(value); value != "" && (err != nil || n < least) {
		c.fault(field, value, fmt.Sprintf("want a count from %d, or a percentage from %d%% to 100%%", least, least))
	}
}

func (c *checking) duration(field string, d *time.Duration, least time.Duration) {
	if d != nil && (*d < least || *d > longest) {
		c.fault(field, d.String(), fmt.Sprintf("want a duration from %s to %s", least, longest))
	}
}

// longest is the longest time that a policy may name.
const longest = 366 * 24 * time.Hour

// waves are those of a policy; one of all clusters where it names none.
func (p Policy) waves() []Wave {
	if len(p.Waves) == 0 {
		return []Wave{{Name: "all"}}
	}
	return p.Waves
}

// soak of a wave.
func (p Policy) soak(wave int) time.Duration {
	return or(cmp.Or(p.waves()[wave].Soak, p.Soak), DefaultSoak)
}

// room is how many of a wave's clusters may be under way at any moment, and how many of all.
func (p Policy) room(wave, members, all int) (ofWave, ofAll int) {
	ofAll = scale(cmp.Or(p.MaxConcurrent, DefaultMaxConcurrent), all, 1)
	if own := p.waves()[wave].MaxConcurrent; own != "" {
		return scale(own, members, 1), max(ofAll, scale(own, members, 1)*truth(p.MaxConcurrent == ""))
	}
	return ofAll, ofAll
}

// budget is how many clusters may fail.
func (p Policy) budget(all int) int {
	return scale(cmp.Or(p.FailureBudget, DefaultFailureBudget), all, 0)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

// scale is a count, or a percentage of all that is rounded down; not less than least. What cannot be read is least.
func scale(text string, all, least int) int {
	n, percent, err := amount(text)
	if err != nil {
		return least
	}
	if percent {
		n = all * n / 100
	}
	return max(least, n)
}

// amount reads a count or a percentage, in digits and without a sign.
func amount(text string) (n int, percent bool, err error) {
	number, percent := strings.CutSuffix(text, "%")
	count, err := strconv.ParseUint(number, 10, 31)
	if err != nil || percent && count > 100 {
		return 0, percent, fmt.Errorf("%q is neither a count nor a percentage", text)
	}
	return int(count), percent, nil
}
