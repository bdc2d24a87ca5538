package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/rollout"
)

func (a *app) rolloutStatusCommand() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "status NAME",
		Short: "Show where a rollout stands, what comes next, and who has to act",
		Long: `Shows a rollout as its record says: a verdict, when the wave under way is through at the pace so far, the waves with their counts,
the clusters that are under way, failed or out of reach (-o wide: all of them), and what is decided next and by whom.

With --watch it looks again every two seconds, and ends with the rollout: exit 0 when every cluster is through, 7 when some failed, 6 when it
was taken back, 3 when it was aborted or its release recalled, and 4 when it halted, which somebody has to decide on.`,
		Example: `  addonctl rollout status fleet-flannel-0.27.3
  addonctl rollout status fleet-flannel-0.27.3 --watch`,
		Args: arguments(1, "NAME"), PreRunE: a.checkOutput, ValidArgsFunction: a.completeRollout,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.fleet(a.note)
			if err != nil {
				return err
			}
			managers, err := s.managers(c.Context())
			if err != nil {
				return err
			}
			if watch {
				return s.watchRollout(c.Context(), args[0], managers)
			}
			r, err := s.rolloutStatus(c.Context(), args[0], managers)
			if err != nil {
				return err
			}
			s.unattended(r.Managers, stale)
			return a.print(r)
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "look again every two seconds, until it has ended or halted")
	return c
}

// stale is what it means that nobody decides, for who looks at a rollout.
const stale = "nobody decides on it; what is shown is what was decided last"

func (s *session) rolloutStatus(ctx context.Context, name string, managers []string) (rolloutReport, error) {
	r, err := s.rollout(ctx, name)
	if err != nil {
		return rolloutReport{}, err
	}
	var spec v1alpha1.UpdatePolicySpec
	if p, err := s.hub.Policy(ctx, r.Spec.Policy); err == nil && p != nil { // who may not read it sees the rest
		spec = p.Spec
	}
	return rolloutOf(*r, spec, s.attendance(ctx, deciders(*r, managers)), s.clock()), nil
}

// watchRollout shows a rollout whenever it says something else, until it has ended or halted.
func (s *session) watchRollout(ctx context.Context, name string, managers []string) error {
	var last *rolloutReport
	for {
		r, err := s.rolloutStatus(ctx, name, managers)
		switch {
		case ctx.Err() != nil:
			return &exit{code: exitInterrupted, err: errors.New("interrupted; it only looked")}
		case err != nil && (last == nil || !kube.Unreachable(err)):
			return err
		case err != nil:
			s.trouble(err)
		default:
			if last == nil {
				s.unattended(r.Managers, stale)
			}
			if err := s.redrawRollout(r, last); err != nil {
				return err
			}
			if ended, err := r.ended(); ended {
				return err
			}
			last = &r
		}
		_ = pause(ctx, watchEvery)
	}
}

// redrawRollout prints a report anew: always on a terminal, else when it says something else.
func (s *session) redrawRollout(r rolloutReport, last *rolloutReport) error {
	const wipe = "\x1b[H\x1b[2J\x1b[3J"
	if s.screen {
		fmt.Fprint(s.Out, wipe)
		return s.print(r)
	}
	if last != nil {
		was := *last
		was.now, was.ETA, was.Next.At = r.now, r.ETA, r.Next.At // they change at every look
		var a, b bytes.Buffer
		r.table(&a, true)
		was.table(&b, true)
		if bytes.Equal(a.Bytes(), b.Bytes()) {
			return nil
		}
	}
	return s.print(r)
}

// ended tells whether a watch ends, and how.
func (r rolloutReport) ended() (bool, error) {
	end := func(code int) (bool, error) {
		return true, &exit{code: code, err: errors.New(r.Verdict), hint: r.Next.Who}
	}
	switch rollout.Phase(r.Phase) {
	case rollout.Finished:
		if r.Failed > 0 {
			return end(exitLeftBehind)
		}
		return true, nil
	case rollout.Undone:
		return end(exitRolledBack)
	case rollout.Aborted, rollout.Recalled:
		return end(exitRefused)
	case rollout.Halted:
		return end(exitGate)
	default:
		return false, nil
	}
}
