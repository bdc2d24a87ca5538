package noderoll

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy is how nodes are changed, as an operator asks for it. What is not set takes its default; see Rules.
type Policy struct {
	// Canaries is how many nodes go first, one at a time; 0 chooses one of each kind of node there is (pool, image, kernel,
	// kubelet, architecture), and at most a tenth of the nodes.
	Canaries int `json:"canaries,omitempty"`
	// CanarySelector is a label selector of the nodes that go first, instead of a number. While none of the nodes that it matches
	// can be changed, the number holds.
	CanarySelector string `json:"canarySelector,omitempty"`
	// MaxUnavailable nodes at any moment, those that are broken already among them: a count, or a percentage that is rounded down
	// and is 1 at least. Empty takes the release's own, which is OKE's key rollingUpdate.
	MaxUnavailable string `json:"maxUnavailable,omitempty"`
	// Soak is how long each canary node, and then each pool and zone, must run after its gates before the next nodes follow.
	Soak *time.Duration `json:"soak,omitempty"`
	// ReadyFor is how long an agent must have been Ready.
	ReadyFor *time.Duration `json:"readyFor,omitempty"`
	// NodeTimeout is how long a node may take to pass every gate; longer than ReadyFor.
	NodeTimeout *time.Duration `json:"nodeTimeout,omitempty"`
	// MaxRestarts of an agent's container; 0 allows none.
	MaxRestarts *int32 `json:"maxRestarts,omitempty"`
	// PrePull brings the images to a node before its agent goes; empty means no.
	PrePull *bool `json:"prePull,omitempty"`
	// Cordon marks a node before its agent goes, until it has passed; empty means no.
	Cordon *bool `json:"cordon,omitempty"`
	// Drain evicts a node's pods before its agent goes, and cordons it; empty means no.
	Drain *bool `json:"drain,omitempty"`
	// FreshPod is the image of a fresh pod that has to get an address on each changed node; empty text means that none is tried.
	FreshPod *string `json:"freshPod,omitempty"`
	// Gates are conditions of the agent's pod that have to be True on each changed node beside the gates there are: whoever probes
	// the data plane sets them. In order of names; an empty list, not nil, asks for none.
	Gates []string `json:"gates,omitempty"`
	// Paused rolls change no further node.
	Paused bool `json:"paused,omitempty"`
}

// Check tells everything that is wrong with a policy at once, each with its field and value, in order of the fields' names; nil when
// nothing is. Whether CanarySelector is a label selector it cannot tell.
func (p Policy) Check() error {
	ready, timeout := or(p.ReadyFor, DefaultReadyFor), or(p.NodeTimeout, DefaultNodeTimeout)
	var wrong []error
	unless := func(fine bool, format string, values ...any) {
		if !fine {
			wrong = append(wrong, fmt.Errorf(format, values...))
		}
	}
	unless(p.Canaries >= 0, "canaries: %d is less than 0", p.Canaries)
	unless(or(p.MaxRestarts, 0) >= 0, "maxRestarts: %d is less than 0", or(p.MaxRestarts, 0))
	if p.MaxUnavailable != "" {
		n, _, err := amount(p.MaxUnavailable)
		unless(err == nil, "maxUnavailable: %w", err)
		unless(err != nil || n > 0, "maxUnavailable: %q would let no node change", p.MaxUnavailable)
	}
	unless(timeout > ready, "nodeTimeout: %s is not longer than readyFor, which is %s", timeout, ready)
	unless(ready >= 0, "readyFor: %s is less than 0", ready)
	unless(or(p.Soak, 0) >= 0, "soak: %s is less than 0", or(p.Soak, 0))
	unless(!or(p.Drain, false) || or(p.Cordon, true), "cordon: a node that is drained is cordoned too")
	return errors.Join(wrong...)
}

// Equal tells whether two policies ask for the same.
func (p Policy) Equal(q Policy) bool { return reflect.DeepEqual(p, q) }

// With is the policy with what another one sets; a selector takes the place of a number of canary nodes, and the other way round.
func (p Policy) With(q Policy) Policy {
	if q.Canaries != 0 || q.CanarySelector != "" {
		p.Canaries, p.CanarySelector = q.Canaries, q.CanarySelector
	}
	p.MaxUnavailable = cmp.Or(q.MaxUnavailable, p.MaxUnavailable)
	p.Soak, p.ReadyFor = cmp.Or(q.Soak, p.Soak), cmp.Or(q.ReadyFor, p.ReadyFor)
	p.NodeTimeout, p.MaxRestarts = cmp.Or(q.NodeTimeout, p.NodeTimeout), cmp.Or(q.MaxRestarts, p.MaxRestarts)
	p.PrePull, p.Cordon, p.Drain = cmp.Or(q.PrePull, p.PrePull), cmp.Or(q.Cordon, p.Cordon), cmp.Or(q.Drain, p.Drain)
	p.FreshPod = cmp.Or(q.FreshPod, p.FreshPod)
	if q.Gates != nil {
		p.Gates = q.Gates
	}
	if len(p.Gates) == 0 {
		p.Gates = nil // nothing has to be kept
	}
	p.Paused = p.Paused || q.Paused
	return p
}

// Rules are a policy with every default filled in, for so many nodes.
type Rules struct {
	// Canaries is how many nodes go first; 0 chooses one of each kind of node, and at most a tenth of the nodes.
	Canaries int
	// Max is how many nodes may be unavailable at any moment; at least 1. With 0 nothing is changed.
	Max int
	// Soak, ReadyFor and NodeTimeout are as in Policy.
	Soak, ReadyFor, NodeTimeout time.Duration
	// MaxRestarts of an agent's container.
	MaxRestarts int32
	// PrePull, Cordon and Drain are done on a node before its agent goes; a node that is drained is cordoned too.
	PrePull, Cordon, Drain bool
	// FreshPod is true when a fresh pod has to get an address on each changed node.
	FreshPod bool
	// NPN is true when each node has to have a NativePodNetwork in success, as VCN-native's have.
	NPN bool
	// Gates are conditions of an agent's pod that have to be True as well.
	Gates []string
	// Paused rolls change no further node.
	Paused bool
	// Only these nodes are changed; nil means all of them.
	Only []string
	// Back is a way back: nodes whose agent does not work first, then those that were changed last, without canaries and soak. Nodes
	// that are not Ready or cordoned are put back too: the release that is taken back may be why.
	Back bool
}

// Defaults of a policy.
const (
	DefaultSoak        = 30 * time.Second
	DefaultReadyFor    = 10 * time.Second
	DefaultNodeTimeout = 5 * time.Minute
	DefaultMaxRestarts = 1
	DefaultMax         = "10%"
)

// Rules fills in the defaults for a cluster of total nodes. own is what the release itself says of unavailable nodes, a count or a
// percentage; empty when it says nothing. An error is that of Check, or says what is wrong with own; the rules beside it change nothing.
func (p Policy) Rules(total int, own string) (Rules, error) {
	if err := p.Check(); err != nil {
		return Rules{}, err
	}
	most := cmp.Or(p.MaxUnavailable, own, DefaultMax)
	limit, err := Scale(most, total)
	if err != nil {
		return Rules{}, err
	}
	return Rules{
		Canaries: p.Canaries, Max: limit, Soak: or(p.Soak, DefaultSoak), ReadyFor: or(p.ReadyFor, DefaultReadyFor),
		NodeTimeout: or(p.NodeTimeout, DefaultNodeTimeout), MaxRestarts: or(p.MaxRestarts, DefaultMaxRestarts), Paused: p.Paused,
		PrePull: or(p.PrePull, false), Cordon: or(p.Cordon, false) || or(p.Drain, false), Drain: or(p.Drain, false),
		FreshPod: or(p.FreshPod, "") != "", Gates: slices.Clone(p.Gates),
	}, nil
}

func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

// Scale is a count of nodes, or a percentage of total that is rounded down; at least 1. An error says what it wants.
func Scale(text string, total int) (int, error) {
	n, percent, err := amount(text)
	if err != nil {
		return 0, err
	}
	if percent {
		n = total * n / 100
	}
	return max(1, n), nil
}

// amount reads a count or a percentage, in digits and without a sign.
func amount(text string) (n int, percent bool, err error) {
	number, percent := strings.CutSuffix(text, "%")
	count, err := strconv.ParseUint(number, 10, 31)
	if err != nil || percent && count > 100 {
		return 0, percent, fmt.Errorf("%q is neither a count of nodes nor a percentage such as 10%%", text)
	}
	return int(count), percent, nil
}
