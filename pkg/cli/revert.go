package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// outcomeRolledBack : a move failed, and what was there before is back.
const outcomeRolledBack reconcile.End = "RolledBack"

// onFailureValue is the flag --on-failure.
type onFailureValue struct{ to *plan.OnFailure }

// onFailureNames are the values as they are typed.
var onFailureNames = map[plan.OnFailure]string{"": "", plan.Hold: "hold", plan.RevertAll: "revert-all", plan.RevertNode: "revert-node"}

func (v onFailureValue) String() string {
	if v.to == nil {
		return ""
	}
	return onFailureNames[*v.to]
}

func (v onFailureValue) Type() string { return "policy" }

func (v onFailureValue) Set(s string) error {
	for value, name := range onFailureNames {
		if s == name && s != "" {
			*v.to = value
			return nil
		}
	}
	return errors.New("want revert-node, revert-all or hold")
}

// onFailureFlag says what is done when nodes do not get a release Ready in time, or a roll halts.
func onFailureFlag(c *cobra.Command, to *plan.OnFailure) {
	c.Flags().Var(onFailureValue{to}, "on-failure", "what to do when a roll halts, or nodes are in trouble, or an agent hangs, at the end of --timeout: hold leaves everything for you to look at, "+
		"revert-node puts back the nodes that have not passed their gates, revert-all goes back to what was there before on every node; recorded; where nothing is recorded, "+
		"revert-node for a roll that halts, else hold")
	_ = c.RegisterFlagCompletionFunc("on-failure", fixed("revert-node", "revert-all", "hold"))
}

// undertaking is what a run was started for, and from where.
type undertaking struct {
	in plan.Input
	w  hub.Wish
}

// end reports how a run ended. A failed one is gone back from where the wish says so.
func (u undertaking) end(s *session, c *cobra.Command, out reconcile.Outcome, f actFlags) (*actReport, error) {
	back := u.w.Desired.Back.Revision > 0
	switch {
	case drive.Failed(out, f.timeout) && drive.OnFailure(u.w.Desired, out) != plan.Hold && !back:
		return s.revert(c, u, out, f)
	case out.End == reconcile.Done && back && u.in.Request.Verb != plan.Rollback:
		return returned(c, u.w.Desired.Back, out)
	default:
		return report(out.Input, out.Plan, out.End), ended(out, f, resume(c))
	}
}

// returned reports a way back that was made: of every node, or of those that had not passed.
func returned(c *cobra.Command, b plan.Back, out reconcile.Outcome) (*actReport, error) {
	if len(b.Nodes) > 0 {
		return report(out.Input, out.Plan, reconcile.Halted), revertedNodes(c, b, out)
	}
	return report(out.Input, out.Plan, outcomeRolledBack), rolledBack(b, out.Plan)
}

// rolledBack is the exit of a run that put back what was there before.
func rolledBack(b plan.Back, p plan.Plan) error {
	e := &exit{
		code: exitRolledBack, err: fmt.Errorf("rolled back: %s; %s %s is Ready again on %s", b.Reason, p.AddOn, p.Hop, plural(p.Nodes.Ready, "node", "nodes")),
		hint: "the settings from before are back",
	}
	switch {
	case p.PinFailed != "":
		e.hint = fmt.Sprintf("the pin to %s stays as it is, and is not tried again by itself: addonctl retry%s --version %s allows it again, "+
			"addonctl pin%s --version %s keeps what runs", p.Desired.Version, forAddOn(p), p.Desired.Version, forAddOn(p), p.To)
	case b.Leaves != "":
		e.hint = fmt.Sprintf("%s is held: automatic updates wait for a newer release; addonctl retry%s allows it again", b.Leaves, forAddOn(p))
	}
	return e
}

// revert goes back to what was deployed when a failed run was started: the wish that stood then is recorded first, so that whoever
// goes on after a crash goes on going back.
func (s *session) revert(c *cobra.Command, u undertaking, failed reconcile.Outcome, f actFlags) (*actReport, error) {
	ctx := c.Context()
	why := drive.Why(failed, f.timeout)
	r, err := s.seat.Back(ctx, failed, u.in.Record.Deployed(), u.w.Seen, drive.OnFailure(u.w.Desired, failed), why)
	if err != nil {
		return stays(c, failed, f, err.Error())
	}
	s.note(fmt.Sprintf("%s; %s to %s %s, revision %d", why, goingBack(r.Nodes), r.Plan.AddOn, r.To.Version, r.To.Number))
	s.tell(r.Plan)
	// Ctrl-C does not cut the wish in two: the loop sees it right after.
	if err := s.seat.Save(context.WithoutCancel(ctx), r.Request, r.Wish); err != nil {
		return stays(c, failed, f, err.Error())
	}
	return s.goBack(c, r.Wish, failed, f)
}

func goingBack(nodes []string) string {
	if len(nodes) == 0 {
		return "going back"
	}
	return "putting back " + someOf(nodes)
}

// goBack runs the loop once more, with a time of its own.
func (s *session) goBack(c *cobra.Command, w hub.Wish, failed reconcile.Outcome, f actFlags) (*actReport, error) {
	s.loop.Wish, s.loop.Wait = &w.Desired, true
	bar := &progress{session: s}
	s.loop.Progress = bar.show
	out, err := s.loop.Run(c.Context())
	bar.end()
	if out.Plan.State == "" {
		out.Plan, out.Input = failed.Plan, failed.Input
	}
	if err != nil {
		code, hint := codeOf(err)
		return report(out.Input, out.Plan, outcomeFailed), &exit{
			code: code, err: fmt.Errorf("%s; on the way back: %w", w.Desired.Back.Reason, err),
			hint: strings.TrimPrefix(hint+"; go on going back with: "+resume(c), "; "),
		}
	}
	switch out.End {
	case reconcile.Done:
		return returned(c, w.Desired.Back, out)
	case reconcile.Interrupted:
		return report(out.Input, out.Plan, out.End), &exit{
			code: exitInterrupted, err: fmt.Errorf("%s; interrupted on the way back to %s", w.Desired.Back.Reason, cmp.Or(w.Desired.Back.To, w.Desired.Version, w.Desired.MoveTo)),
			hint: "stopped; go on going back with: " + resume(c),
		}
	case reconcile.Superseded:
		return report(out.Input, out.Plan, out.End), ended(out, f, resume(c))
	default:
		return report(out.Input, out.Plan, out.End), &exit{
			code: exitGate, err: fmt.Errorf("%s; the way back failed too: %s", w.Desired.Back.Reason, unreturned(out)),
			hint: "addonctl nodes" + forAddOn(out.Plan) + " shows every node; go on going back with: " + resume(c),
		}
	}
}

// unreturned says what could not be put back.
func unreturned(out reconcile.Outcome) string {
	p := out.Plan
	switch {
	case out.End == reconcile.Refused:
		return refusal(p).Error()
	case out.End == reconcile.Halted:
		return drive.Halt(p)
	case out.End == reconcile.Left:
		return p.Roll.Why + ": " + drive.Nodes(leftOf(p))
	case !drive.Begun(p):
		return fmt.Sprintf("%s %s is not, or not wholly, written", p.AddOn, p.Hop)
	default:
		return fmt.Sprintf("%s %s is not Ready again on %s", p.AddOn, p.Hop, drive.Nodes(p.Nodes.Waiting))
	}
}

// stays is the end of a failed run that is not gone back from.
func stays(c *cobra.Command, failed reconcile.Outcome, f actFlags, why string) (*actReport, error) {
	err := ended(failed, f, resume(c))
	code, hint := codeOf(err)
	return report(failed.Input, failed.Plan, failed.End), &exit{code: code, err: err, hint: "not put back by itself: " + why + "; " + hint}
}
