package kube

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// LeaseName names the Lease in kube-system that elects the one actor on a cluster.
const LeaseName = "addonctl"

const (
	// leaseFor is how long a Lease is good without being renewed, which Keep does every renewEvery.
	leaseFor   = 15 * time.Second
	renewEvery = 5 * time.Second
	// doubt is how far the clocks of two API servers may be apart.
	doubt = 5 * time.Second
	// lookEvery is how often a Lease is looked at that may have run out.
	lookEvery = time.Second
	// attempts of a write that somebody was faster with, or that was not answered.
	attempts = 5
)

// HeldError says that another actor is at work on the cluster.
type HeldError struct {
	// Holder in words, and since when it holds the Lease; Until when the Lease ends unless it is renewed. Both times are the
	// holder's own.
	Holder       string
	Since, Until time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is at work on this cluster since %s", e.Holder, e.Since.UTC().Format(time.DateTime))
}

// Tenure is the time of one actor on a cluster. The Lease only elects: an actor that sleeps through the end of its tenure finds
// out by the resourceVersions and epochs of what it writes (Client.Epoch, MarkEpoch).
type Tenure struct {
	// Epoch is higher than that of every tenure before.
	Epoch int64
	// Taken is true when the actor before had not left, or nobody knows: its late writes have to be fenced off.
	Taken bool

	leases typed.LeaseInterface
	clock  *clock
	now    func() time.Time
	holder string

	mu    sync.Mutex
	lease *coordinationv1.Lease // as we wrote or read it last
	over  bool
}

// Take begins a tenure, by compare-and-swap on the Lease. It answers at once when the Lease is free, when it ran out, and when its
// holder was a process of this machine that has ended. Else it looks at the Lease until the holder renews it, which is a
// *HeldError and the caller's to wait for, or until it has run out. A Lease has run out when the API server's clock says so, or
// when it did not change for its duration by our own; the holder's clock does not count. now stamps the Lease.
//
// The epoch goes up by one. A Lease that was deleted took its epoch along: counting begins at the API server's time in seconds
// then, which is above whatever was counted from an earlier one, on every object of every add-on.
func Take(ctx context.Context, c *Client, now func() time.Time) (*Tenure, error) {
	me, err := self()
	if err != nil {
		return nil, err
	}
	t := &Tenure{leases: c.Typed.CoordinationV1().Leases(metav1.NamespaceSystem), clock: c.clock, now: now, holder: me.String()}
	var w watch
	for tried := 1; ; tried++ {
		err := t.try(ctx, &w)
		if err == nil {
			return t, nil
		}
		faster := apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
		if tried == attempts || !faster && !Unreachable(err) {
			return nil, fmt.Errorf("taking Lease %s: %w", LeaseName, err)
		}
		if faster {
			continue
		}
		if err := pause(ctx, lookEvery); err != nil {
			return nil, err
		}
	}
}

// try waits until the Lease may be taken, and writes it.
func (t *Tenure) try(ctx context.Context, w *watch) error {
	for {
		lease, err := t.read(ctx)
		if err != nil {
			return err
		}
		held, lives := w.holds(lease, t)
		switch {
		case lives:
			return held
		case held == nil:
			return t.begin(ctx, lease)
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// read reads the Lease; nil when there is none.
func (t *Tenure) read(ctx context.Context) (*coordinationv1.Lease, error) {
	lease, err := t.leases.Get(ctx, LeaseName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	return lease, err
}

// watch looks at a Lease that somebody else holds.
type watch struct {
	first string // who held it, renewed when, as it was first seen
	since time.Time
}

// holds is who holds the Lease, nil when it may be taken; lives is true when it was renewed while we looked.
func (w *watch) holds(lease *coordinationv1.Lease, t *Tenure) (held *HeldError, lives bool) {
	holder := holderOf(lease)
	if holder == "" || holder == t.holder { // our own write, whose answer was lost
		return nil, false
	}
	if h, ok := parseHolder(holder); ok && h.gone() {
		return nil, false
	}
	good := leaseFor
	if s := lease.Spec.LeaseDurationSeconds; s != nil {
		good = time.Duration(*s) * time.Second
	}
	renewed := renewedAt(lease)
	held = &HeldError{Holder: named(holder), Until: renewed.Add(good)}
	if at := lease.Spec.AcquireTime; at != nil {
		held.Since = at.Time
	}
	if t.clock.now(t.now).Sub(writtenAt(lease)) > good+doubt {
		return nil, false
	}
	seen := holder + " " + renewed.String()
	switch {
	case w.first == "":
		w.first, w.since = seen, time.Now()
		return held, false
	case w.first != seen:
		return held, true
	case time.Since(w.since) > good:
		return nil, false
	default:
		return held, false
	}
}

func holderOf(lease *coordinationv1.Lease) string {
	if lease == nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func renewedAt(lease *coordinationv1.Lease) time.Time {
	if lease.Spec.RenewTime == nil {
		return time.Time{}
	}
	return lease.Spec.RenewTime.Time
}

// writtenAt is when an actor wrote the Lease last, by the API server's clock; by the actor's own when the server kept no note.
func writtenAt(lease *coordinationv1.Lease) time.Time {
	for _, f := range lease.ManagedFields {
		if f.Manager == FieldManager && f.Time != nil {
			return f.Time.Time
		}
	}
	return renewedAt(lease)
}

// begin writes the Lease for us, over the one that was read; nil stands for none.
func (t *Tenure) begin(ctx context.Context, was *coordinationv1.Lease) error {
	next := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: LeaseName, Namespace: metav1.NamespaceSystem}}
	t.Epoch = 0
	if was != nil {
		next = was.DeepCopy()
		t.Epoch = EpochOf(was)
	}
	t.Taken = holderOf(was) != "" || t.Epoch == 0
	if t.Epoch == 0 {
		t.Epoch = t.clock.now(t.now).Unix()
	}
	t.Epoch++
	t.fill(next, t.holder)
	at := metav1.NewMicroTime(t.now())
	next.Spec.AcquireTime = &at
	turns := int32(1)
	if next.Spec.LeaseTransitions != nil {
		turns += *next.Spec.LeaseTransitions
	}
	next.Spec.LeaseTransitions = &turns
	written, err := t.write(ctx, next)
	if err == nil {
		t.lease = written
	}
	return err
}

// fill makes a Lease that of a holder, renewed now.
func (t *Tenure) fill(lease *coordinationv1.Lease, holder string) {
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	lease.Annotations[AnnotationEpoch] = strconv.FormatInt(t.Epoch, 10)
	at, good := metav1.NewMicroTime(t.now()), int32(leaseFor/time.Second)
	lease.Spec.HolderIdentity, lease.Spec.RenewTime, lease.Spec.LeaseDurationSeconds = &holder, &at, &good
}

func (t *Tenure) write(ctx context.Context, next *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	if next.ResourceVersion == "" {
		return t.leases.Create(ctx, next, metav1.CreateOptions{FieldManager: FieldManager})
	}
	return t.leases.Update(ctx, next, metav1.UpdateOptions{FieldManager: FieldManager})
}

// Check tells, by ErrFenced, that the tenure is over: the Lease is of another holder or epoch. One that was deleted is made
// again, for nobody else has taken it.
func (t *Tenure) Check(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.look(ctx)
}

// look reads the Lease again.
func (t *Tenure) look(ctx context.Context) error {
	lease, err := t.read(ctx)
	if err == nil && lease == nil && !t.over {
		again := t.lease.DeepCopy()
		again.ResourceVersion, again.UID, again.ManagedFields = "", "", nil
		t.fill(again, t.holder)
		if lease, err = t.write(ctx, again); apierrors.IsAlreadyExists(err) {
			lease, err = t.read(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("looking at Lease %s: %w", LeaseName, err)
	}
	switch holder := holderOf(lease); {
	case lease == nil:
		return fmt.Errorf("the Lease %s is gone: %w", LeaseName, ErrFenced)
	case holder == "":
		return fmt.Errorf("the Lease %s is nobody's any more: %w", LeaseName, ErrFenced)
	case holder != t.holder || EpochOf(lease) != t.Epoch:
		return fmt.Errorf("%s holds the Lease %s with epoch %d, and ours is %d: %w", named(holder), LeaseName, EpochOf(lease), t.Epoch, ErrFenced)
	}
	t.lease = lease
	return nil
}

// Keep renews the Lease every 5 s until the context ends, which is nil, or until somebody else holds it: ErrFenced. It survives
// every other error and goes on trying, also when the Lease has run out by then: nothing that is written depends on it.
func (t *Tenure) Keep(ctx context.Context) error {
	for ctx.Err() == nil {
		_ = pause(ctx, renewEvery) // it fails with the context only
		within, cancel := context.WithTimeout(ctx, renewEvery)
		err := t.hand(within, t.holder)
		cancel()
		if errors.Is(err, ErrFenced) {
			return err
		}
	}
	return nil
}

// hand writes the Lease for a holder: us, to renew it, or nobody.
func (t *Tenure) hand(ctx context.Context, holder string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for tried := 1; !t.over; tried++ {
		next := t.lease.DeepCopy()
		t.fill(next, holder)
		written, err := t.write(ctx, next)
		if err == nil {
			t.lease, t.over = written, holder == ""
			return nil
		}
		if tried == attempts || !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return fmt.Errorf("renewing Lease %s: %w", LeaseName, err)
		}
		if err := t.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Leave ends the tenure: the next actor has nobody to fence off. The caller has ended Keep, and every write, before. ErrFenced
// when it was over already.
func (t *Tenure) Leave(ctx context.Context) error { return t.hand(ctx, "") }

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
