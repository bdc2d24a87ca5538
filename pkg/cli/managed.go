package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// managing is the manager that drives the cluster, by the name of its Lease in the hub, which somebody holds and renews; empty when none
// does. Where that cannot be seen, there is none: the Lease of the cluster itself keeps two actors apart in any case.
func (s *session) managing(ctx context.Context, now time.Time) string {
	c, err := s.hub.Cluster(ctx, s.cluster)
	if err != nil || c == nil || !s.live(ctx, c.Status.Manager, now) {
		return ""
	}
	return c.Status.Manager
}

// live tells whether a manager is at work, by the name of its Lease in the hub as "namespace/name".
func (s *session) live(ctx context.Context, manager string, now time.Time) bool {
	l, err := s.lease(ctx, manager)
	return err == nil && lives(l, now)
}

// lease reads the Lease of a manager.
func (s *session) lease(ctx context.Context, manager string) (*coordinationv1.Lease, error) {
	namespace, name, ok := strings.Cut(manager, "/")
	if !ok {
		return nil, fmt.Errorf("%q is no Lease as namespace/name", manager)
	}
	return s.home.Typed.CoordinationV1().Leases(namespace).Get(ctx, name, metav1.GetOptions{}) //nolint:wrapcheck // whoever asks looks at it
}

// doubt is how far the clocks of a manager and of an API server may be apart.
const doubt = 5 * time.Second

// lives tells whether somebody holds a Lease and has renewed it.
func lives(l *coordinationv1.Lease, now time.Time) bool {
	s := l.Spec
	if s.HolderIdentity == nil || *s.HolderIdentity == "" || s.RenewTime == nil || s.LeaseDurationSeconds == nil {
		return false
	}
	return now.Sub(s.RenewTime.Time) <= time.Duration(*s.LeaseDurationSeconds)*time.Second+doubt
}

// leaveTo records the wish for a manager to carry out, and watches how it fares.
func (s *session) leaveTo(c *cobra.Command, by string, in plan.Input, p plan.Plan, w hub.Wish, f actFlags) (*actReport, error) {
	if err := s.seat.Save(c.Context(), in.Request, w); err != nil {
		return nil, err
	}
	s.note(fmt.Sprintf("recorded; the manager %s carries it out", by))
	if !f.wait {
		return report(in, p, outcomeRecorded), nil
	}
	s.by = by
	s.loop.Engine, s.loop.Recorder, s.loop.Tenure = watched{s.engine, by}, unrecorded{}, nil
	s.loop.Trouble = func(err error) {
		if !errors.Is(err, errByManager) {
			s.trouble(err)
		}
	}
	s.loop.Wish = &w.Desired
	r, err := s.drive(c, undertaking{in, w}, p, f)
	return r, s.goesOn(err, p)
}

// goesOn says of a command that stopped to watch that the manager does not stop.
func (s *session) goesOn(err error, p plan.Plan) error {
	e, ok := errors.AsType[*exit](err)
	if !ok || e.code != exitUnfinished && e.code != exitInterrupted {
		return err
	}
	out := &exit{code: e.code, err: e.err, hint: fmt.Sprintf("the manager %s goes on; addonctl status%s shows how far it is", s.by, forAddOn(p))}
	if e.code == exitInterrupted {
		out.err = errors.New("interrupted: this command only watched")
	}
	return out
}

// errByManager is what a step ends with that a manager carries out.
var errByManager = errors.New("a manager carries it out")

// watched carries nothing out.
type watched struct {
	reconcile.Engine
	by string
}

func (w watched) Do(_ context.Context, _ plan.Input, step plan.Step) (plan.Result, error) {
	return plan.Result{Step: step}, fmt.Errorf("waiting for the manager %s to %s: %w (%w)", w.by, step.Text, errByManager, plan.ErrNotYet)
}

// unrecorded keeps no status: the manager does.
type unrecorded struct{}

func (unrecorded) Record(context.Context, plan.Input, plan.Plan) error { return nil }

// returning is how long a manager may take to record the way back of a move that failed.
const returning = time.Minute

// watchReturn waits until a manager has put back a move that failed, or has not.
func (s *session) watchReturn(c *cobra.Command, failed reconcile.Outcome, f actFlags) (*actReport, error) {
	ctx, cancel := context.WithTimeout(c.Context(), returning)
	defer cancel()
	for in := failed.Input; ; {
		if in.Desired.Back.Revision > 0 {
			return s.goBack(c, hub.Wish{Desired: in.Desired}, failed, f)
		}
		if pause(ctx, s.loop.Pause) != nil {
			return stays(c, failed, f, "the manager "+s.by+" records no way back")
		}
		seen, _, err := s.loop.Look(ctx)
		switch {
		case err == nil:
			in = seen
		case !drive.Transient(err):
			return stays(c, failed, f, err.Error())
		}
	}
}

// putBack is the hold of a release that a manager put the cluster back from while a command was watching a move to it; false when it did not.
func (u undertaking) putBack(out reconcile.Outcome) (plan.Held, bool) {
	to := u.w.Desired.Version
	if to == "" {
		to = u.w.Desired.MoveTo
	}
	i := slices.IndexFunc(out.Input.Held, func(h plan.Held) bool { return sameVersion(h.Version, to) })
	if i < 0 || sameVersion(out.Input.Installed.Version, to) {
		return plan.Held{}, false
	}
	return out.Input.Held[i], true
}

// endManaged reports how a run ended that a manager carried out.
func (u undertaking) endManaged(s *session, c *cobra.Command, out reconcile.Outcome, f actFlags) (*actReport, error) {
	back := u.w.Desired.Back.Revision > 0
	held, put := u.putBack(out)
	switch {
	case !back && out.End == reconcile.Superseded && out.Input.Desired.Back.Revision > 0,
		!back && drive.Failed(out, f.timeout) && drive.ByManager(u.w.Desired, out) != plan.Hold:
		return s.watchReturn(c, out, f)
	case !back && out.End == reconcile.Done && put:
		return returned(c, plan.Back{Leaves: held.Version, Reason: held.Reason}, out)
	case back && out.End == reconcile.Done && u.in.Request.Verb != plan.Rollback:
		return returned(c, u.w.Desired.Back, out)
	default:
		return report(out.Input, out.Plan, out.End), ended(out, f, resume(c))
	}
}
