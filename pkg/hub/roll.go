package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// policy is how nodes are changed, as a recorded spec says; zero where it says nothing.
func policy(r *v1alpha1.Roll) noderoll.Policy {
	if r == nil {
		return noderoll.Policy{}
	}
	p := noderoll.Policy{
		Canaries: int(r.Canaries), CanarySelector: r.CanarySelector, MaxRestarts: r.MaxRestarts, Paused: r.Paused,
		Soak: lasting(r.Soak), ReadyFor: lasting(r.ReadyFor), NodeTimeout: lasting(r.NodeTimeout),
		PrePull: r.PrePull, Cordon: r.Cordon, Drain: r.Drain, FreshPod: r.FreshPod,
	}
	if len(r.Gates) > 0 {
		p.Gates = slices.Sorted(slices.Values(r.Gates))
	}
	if r.MaxUnavailable != nil {
		p.MaxUnavailable = r.MaxUnavailable.String()
	}
	return p
}

func lasting(d *metav1.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	return &d.Duration
}

// wantRoll writes a policy into a spec. What means the same already stays as somebody wrote it.
func wantRoll(s *v1alpha1.AddonSpec, want noderoll.Policy) {
	if policy(s.Roll).Equal(want) {
		return
	}
	if want.Equal(noderoll.Policy{}) {
		s.Roll = nil
		return
	}
	s.Roll = &v1alpha1.Roll{
		Canaries:       int32(want.Canaries), //nolint:gosec // the API server takes 5000 at most
		CanarySelector: want.CanarySelector, MaxRestarts: want.MaxRestarts, Paused: want.Paused,
		Soak: recorded(want.Soak), ReadyFor: recorded(want.ReadyFor), NodeTimeout: recorded(want.NodeTimeout),
		PrePull: want.PrePull, Cordon: want.Cordon, Drain: want.Drain, FreshPod: want.FreshPod, Gates: want.Gates,
	}
	if want.MaxUnavailable != "" {
		most := intstr.Parse(want.MaxUnavailable)
		s.Roll.MaxUnavailable = &most
	}
}

func recorded(d *time.Duration) *metav1.Duration {
	if d == nil {
		return nil
	}
	return &metav1.Duration{Duration: *d}
}

// ErrNotRecorded says that nothing is recorded of the add-on.
var ErrNotRecorded = errors.New("nothing is recorded of it")

// Pause records that the roll of an add-on's nodes is paused, or is not any more; changed is false where that is recorded already. It
// changes nothing else of the wish, so whoever is at work on that goes on with it. It may be repeated.
func (h *Hub) Pause(ctx context.Context, cluster, addOn string, paused bool) (changed bool, err error) {
	err = insist(ctx, func() error {
		a, err := h.Addon(ctx, cluster, addOn)
		if err != nil {
			return err
		}
		if a == nil {
			return fmt.Errorf("pausing the roll of %s: %w", addOn, ErrNotRecorded)
		}
		want := policy(a.Spec.Roll)
		if want.Paused == paused {
			return nil
		}
		want.Paused = paused
		wantRoll(&a.Spec, want)
		err = h.SaveAddon(ctx, a)
		changed = err == nil
		return err
	})
	return changed, err
}

const (
	// tries is how often a record is read and written anew that somebody else's write came before: whoever is at work keeps the status, which
	// is the same object.
	tries = 40
	// mostBetween two of them; the first come at once.
	mostBetween = 100 * time.Millisecond
)

// insist does something again that somebody was faster with; the last error is ErrChanged where somebody always was.
func insist(ctx context.Context, do func() error) (err error) {
	for i := range tries {
		if err = do(); !errors.Is(err, ErrChanged) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(mostBetween, time.Duration(i)*5*time.Millisecond)):
		}
	}
	return err
}
