package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// actFlags are the flags of every verb that changes something.
type actFlags struct {
	// addOn is the one that is acted on; empty means the CNI of the network type.
	addOn   string
	yes     bool
	wait    bool
	timeout time.Duration
	// accept is the reason for a move that has no way back; facts are told as NAME=VALUE.
	accept string
	facts  []string
}

func (f *actFlags) add(a *app, c *cobra.Command) {
	s := c.Flags()
	a.addOnFlag(c, &f.addOn)
	s.BoolVar(&f.yes, "yes", false, "act without asking")
	s.BoolVar(&f.wait, "wait", true, "wait until every node that should run the release runs it, Ready; a roll of the nodes is carried out all the same, since nobody else would go on with it")
	s.DurationVar(&f.timeout, "timeout", 15*time.Minute, "how long to wait for the nodes; 0 means without end")
	s.StringVar(&f.accept, "accept", "", "take a move that has no way back, or that cuts the cluster while it lasts, for this reason")
	factFlag(c, &f.facts)
	_ = c.RegisterFlagCompletionFunc("accept", cobra.NoFileCompletions)
}

// check reads the flags; told are the facts among them.
func (f *actFlags) check() (told catalog.Facts, err error) {
	if f.timeout < 0 {
		return nil, usage("give a duration such as 10m", "--timeout %s is negative", f.timeout)
	}
	if err := checkText("--accept", f.accept, 1024); err != nil {
		return nil, err
	}
	return toldFacts(f.facts)
}

// act carries a request through and prints how it ended.
func (s *session) act(c *cobra.Command, r plan.Request, f actFlags) error {
	result, err := s.carry(c, r, f)
	if result == nil {
		return err
	}
	if e := s.print(result); e != nil {
		return e
	}
	return err
}

// carry carries a request through: look, show, ask, record the wish, drive the loop, report. Without a report nothing came of it.
func (s *session) carry(c *cobra.Command, r plan.Request, f actFlags) (*actReport, error) {
	in, p, err := s.foreseeOne(c.Context(), r, f)
	if err != nil {
		return nil, err
	}
	if len(p.Blocking()) > 0 {
		s.catchUp(c.Context(), in, p)
		return s.refuse(in, p)
	}
	w := drive.Wish(in, p)
	w.Own = true
	if len(p.Steps) == 0 && !changes(in, w) {
		return s.unchanged(c, in, p)
	}
	s.idle(c, in)
	if err := s.mayRecord(c.Context()); err != nil {
		return nil, err
	}
	if err := s.ask(c.Context(), in, p, w, f.yes); err != nil {
		return nil, err
	}
	if r.Verb == plan.Unpin || r.Verb == plan.Register || len(p.Steps) == 0 {
		if err := s.seat.Save(c.Context(), r, w); err != nil {
			return nil, err
		}
		s.refresh(c.Context())
		return report(in, p, outcomeRecorded), stillHalted(c, in, p)
	}
	return s.carryOut(c, in, p, w, f)
}

// foreseeOne looks what a request would do.
func (s *session) foreseeOne(ctx context.Context, r plan.Request, f actFlags) (plan.Input, plan.Plan, error) {
	told, err := f.check()
	if err != nil {
		return plan.Input{}, plan.Plan{}, err
	}
	s.told = told
	r.Accept = strings.TrimSpace(f.accept)
	in, p, err := s.look(ctx, r)
	if err == nil {
		err = checkRoll(r.Roll, p.Desired.Roll)
	}
	return in, p, err
}

// unchanged reports that nothing is to do. The status is kept nevertheless: a command that did it may have been killed before it
// could say so.
func (s *session) unchanged(c *cobra.Command, in plan.Input, p plan.Plan) (*actReport, error) {
	s.tell(p)
	if err := s.loop.Recorder.Record(c.Context(), in, p); err != nil {
		s.refresh(c.Context())
	}
	return report(in, p, outcomeUnchanged), stillHalted(c, in, p)
}

// carryOut takes the cluster over, records the wish and drives the loop; where a manager drives the cluster, that is left to it.
func (s *session) carryOut(c *cobra.Command, in plan.Input, p plan.Plan, w hub.Wish, f actFlags) (*actReport, error) {
	ctx := c.Context()
	if by := s.managing(ctx, in.Now); by != "" {
		return s.leaveTo(c, by, in, p, w, f)
	}
	end, err := s.seat.Begin(ctx, func() error { return s.seat.Save(ctx, in.Request, w) })
	defer end()
	if err != nil {
		return nil, err
	}
	s.loop.Wish = &w.Desired
	return s.drive(c, undertaking{in, w}, p, f)
}

// refresh looks again and keeps the status, so that its conditions speak of the wish that was just recorded.
func (s *session) refresh(ctx context.Context) {
	const most = 3
	for tried := 1; ; tried++ {
		in, p, err := s.loop.Look(ctx)
		if err == nil {
			err = s.loop.Recorder.Record(ctx, in, p)
		}
		switch {
		case err == nil:
			return
		case tried == most || !drive.Passing(err) || ctx.Err() != nil:
			s.note("keeping the status: " + err.Error())
			return
		}
	}
}

// catchUp keeps the status where a rollback finds nothing to go back to: one that had come to its end, and was killed between taking its
// wish off the record and saying so, ends like that when it is asked for again.
func (s *session) catchUp(ctx context.Context, in plan.Input, p plan.Plan) {
	nothing := func(f plan.Finding) bool { return f.Reason == plan.NothingToGoBackTo }
	if in.Request.Verb == plan.Rollback && slices.ContainsFunc(p.Blocking(), nothing) {
		s.refresh(ctx)
	}
}

// refuse reports a plan with blocking findings.
func (s *session) refuse(in plan.Input, p plan.Plan) (*actReport, error) {
	s.tell(p)
	if in.Installed.Lifted {
		s.note(liftedText)
	}
	return report(in, p, reconcile.Refused), refusal(p)
}

// mayRecord refuses before the first write what our user may not record.
func (s *session) mayRecord(ctx context.Context) error {
	missing, err := s.home.Missing(ctx, hub.Rights())
	if err != nil || len(missing) == 0 {
		return err
	}
	return lacking("record what is wanted", missing)
}

// Outcomes of a verb that are none of a loop.
const (
	// outcomeUnchanged : nothing was to do.
	outcomeUnchanged reconcile.End = "Unchanged"
	// outcomeRecorded : the wish was recorded, and nothing was to do on the cluster.
	outcomeRecorded reconcile.End = "Recorded"
	// outcomeFailed : something broke.
	outcomeFailed reconcile.End = "Failed"
)

// changes tells whether recording the wish would change the record; who pinned, and when, is no change.
func changes(in plan.Input, w hub.Wish) bool {
	if in.Cluster.NetworkType == "" {
		return true
	}
	if in.Request.Verb == plan.Register {
		return false
	}
	want := w.Desired
	want.Pin.By, want.Pin.At = in.Desired.Pin.By, in.Desired.Pin.At
	return !want.Equal(in.Desired)
}

// tell writes the findings that have something to say, but for the first refusal, which the error says.
func (s *session) tell(p plan.Plan) {
	refused := 0
	var minor []string
	for _, f := range p.Findings {
		switch {
		case f.Minor:
			minor = append(minor, string(f.Reason))
		case !f.Blocking:
			s.note(fmt.Sprintf("note (%s): %s", f.Reason, f.Message))
		case refused > 0:
			s.note(fmt.Sprintf("refused too (%s): %s", f.Reason, f.Message))
		}
		if f.Blocking {
			refused++
		}
	}
	if len(minor) > 0 {
		s.note("minor, passing by itself: " + strings.Join(minor, ", "))
	}
}

// ask shows the plan and asks for a yes.
func (s *session) ask(ctx context.Context, in plan.Input, p plan.Plan, w hub.Wish, yes bool) error {
	s.note(headline(in, p, w))
	s.tell(p)
	if in.Request.Verb != plan.Unpin { // which moves nothing, whatever is under way
		for i, step := range p.Steps {
			s.note(fmt.Sprintf("  %d. %s", i+1, step.Text))
		}
	}
	return s.confirm(ctx, yes)
}

// confirm asks for a yes, after what would be done was shown.
func (s *session) confirm(ctx context.Context, yes bool) error {
	return s.agree(ctx, "cluster "+s.cluster, yes)
}

// agree is confirm for a change of something else than a cluster.
func (s *session) agree(ctx context.Context, what string, yes bool) error {
	if yes {
		return nil
	}
	if !s.terminal() {
		return usage("add --yes to act without being asked", "this would change %s, and there is no terminal to ask on", what)
	}
	return s.question(ctx, "Go on? [y/N] ", func(answer string) bool {
		answer = strings.ToLower(answer)
		return answer == "y" || answer == "yes"
	})
}

// question asks whoever sits at the terminal; every answer that is not the wanted one is no.
func (s *session) question(ctx context.Context, text string, yes func(answer string) bool) error {
	fmt.Fprint(s.Err, text)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.In).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Err)
		return &exit{code: exitInterrupted, err: errors.New("interrupted at the question; nothing was written")}
	case a := <-answer:
		if yes(a) {
			return nil
		}
		return &exit{code: exitFailure, err: errors.New("not confirmed; nothing was written")}
	}
}

func headline(in plan.Input, p plan.Plan, w hub.Wish) string {
	where := fmt.Sprintf("cluster %s (%s, Kubernetes %s, %s)", in.Cluster.Name, p.NetworkType, in.Cluster.Kubernetes.Core(),
		plural(p.Nodes.Total, "node", "nodes"))
	var what string
	switch {
	case in.Request.Verb == plan.Register:
		what = "register it for life"
	case in.Request.Verb == plan.Unpin:
		what = fmt.Sprintf("return %s to automatic updates", p.AddOn)
	case p.From == "":
		what = fmt.Sprintf("install %s %s", p.AddOn, p.To)
	case p.Desired.Back.Revision > 0 && p.From == p.To:
		what = fmt.Sprintf("put the nodes that are left back to revision %d of %s, %s", p.Desired.Back.Revision, p.AddOn, p.To)
	case p.Desired.Back.Revision > 0:
		what = fmt.Sprintf("go back to revision %d of %s, from %s to %s", p.Desired.Back.Revision, p.AddOn, p.From, p.To)
	case p.From != p.To:
		what = fmt.Sprintf("move %s from %s to %s", p.AddOn, p.From, p.To)
		if len(p.Path) > 2 {
			what = fmt.Sprintf("move %s in %d steps, %s", p.AddOn, len(p.Path)-1, strings.Join(p.Path, " -> "))
		}
	default:
		what = fmt.Sprintf("%s stays at %s", p.AddOn, p.To)
	}
	if w.Desired.AddOn != "" && in.Request.Verb != plan.Install && !w.Desired.Settings.Equal(w.Seen.Settings) {
		what += ", with other settings"
	}
	return where + ": " + what + updating(in.Request, w, p)
}

// updating says who moves the add-on from now on.
func updating(r plan.Request, w hub.Wish, p plan.Plan) string {
	switch {
	case p.PinFailed != "":
		return fmt.Sprintf(" (the pin to %s, which failed, stays as it is)", w.Desired.Version)
	case w.Desired.Version != "":
		return fmt.Sprintf(", pinned (%s)", w.Desired.Pin.Reason)
	case w.Desired.Back.Leaves != "":
		return fmt.Sprintf(" (updates are automatic, and do not choose %s again)", w.Desired.Back.Leaves)
	case w.Desired.Back.Revision > 0:
		return " (updates are automatic)"
	case w.Desired.AddOn == "" || r.Version != "" || r.Verb == plan.Unpin:
		return ""
	case r.Verb == plan.Update && !r.Settings.IsZero():
		return " (updates are automatic)"
	case p.From == p.To && len(p.Steps) > 0:
		return " (what was begun is finished first; updates are automatic)"
	default:
		return " (the newest that fits; updates are automatic)"
	}
}

// drive runs the loop and reports how it ended.
func (s *session) drive(c *cobra.Command, u undertaking, first plan.Plan, f actFlags) (*actReport, error) {
	s.loop.Wait, s.loop.Timeout = f.wait, f.timeout
	s.rolled = &rollWatch{}
	r, err := s.driven(c, u, first, f)
	if r != nil {
		r.Roll = s.rolled.report()
	}
	return r, err
}

func (s *session) driven(c *cobra.Command, u undertaking, first plan.Plan, f actFlags) (*actReport, error) {
	bar := &progress{session: s}
	s.loop.Progress = bar.show
	out, err := s.loop.Run(c.Context())
	bar.end()
	if err != nil {
		var result *actReport
		if out.Plan.State != "" {
			result = report(out.Input, out.Plan, outcomeFailed)
		}
		code, hint := codeOf(err)
		return result, &exit{code: code, err: err, hint: strings.TrimPrefix(hint+"; go on with: "+resume(c), "; ")}
	}
	if out.Plan.State == "" {
		out.Plan = first
	}
	switch {
	case out.End == reconcile.Applied && out.Plan.Held:
		s.note("the objects are written, and no node was touched: nodes follow with --nodes roll or --nodes replace")
	case out.End == reconcile.Applied:
		s.note("the nodes take it by themselves; when they have, finish with: " + strings.ReplaceAll(resume(c), " --wait=false", ""))
	}
	if s.by != "" {
		return u.endManaged(s, c, out, f)
	}
	return u.end(s, c, out, f)
}

// resume is the command line that goes on from here.
func resume(c *cobra.Command) string {
	words := []string{c.CommandPath()}
	c.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "timeout" || f.Name == "token":
		case f.Value.String() == "true":
			words = append(words, "--"+f.Name)
		default:
			for _, value := range valuesOf(f.Value) {
				words = append(words, fmt.Sprintf("--%s=%s", f.Name, quote(value)))
			}
		}
	})
	return strings.Join(words, " ")
}

// valuesOf are the values that a flag was given: a list that may be cut at commas is one, another is repeated.
func valuesOf(v pflag.Value) []string {
	s, ok := v.(pflag.SliceValue)
	switch {
	case !ok:
		return []string{v.String()}
	case v.Type() == "stringArray":
		return s.GetSlice()
	default:
		return []string{strings.Join(s.GetSlice(), ",")}
	}
}

// quote makes a word of a shell out of a value.
func quote(s string) string {
	plain := func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && r != '/' && r != ':' && r != ',' && r != '=' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	if s == "" || strings.ContainsFunc(s, plain) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// ended gives the end of a run its exit code and says what to do next.
func ended(out reconcile.Outcome, f actFlags, again string) error {
	p := out.Plan
	switch out.End {
	case reconcile.Halted, reconcile.Left, reconcile.Held, reconcile.WaitingForReboot:
		return rested(out, again)
	case reconcile.Refused:
		return refusal(p)
	case reconcile.Recalled:
		return stopped(out)
	case reconcile.NodesFailed:
		return &exit{
			code: exitGate, err: fmt.Errorf("gate failed: after %s %s %s is not Ready on %s", f.timeout, p.AddOn, p.Hop, drive.Nodes(p.Nodes.Bad())),
			hint: "addonctl nodes" + forAddOn(p) + " shows every node" + back(out, p),
		}
	case reconcile.Superseded:
		return &exit{
			code: exitConflict, err: errors.New("the record was changed meanwhile: this command writes nothing more"),
			hint: "addonctl status" + forAddOn(p) + " shows what is wanted now",
		}
	case reconcile.TimedOut:
		return timedOut(p, f, again)
	case reconcile.Interrupted:
		return &exit{
			code: exitInterrupted, err: fmt.Errorf("interrupted: %s", interrupted(p)),
			hint: "stopped; resume with: " + again,
		}
	default:
		return nil
	}
}

// timedOut is the exit of a run whose time was up while nodes were still to come.
func timedOut(p plan.Plan, f actFlags, again string) error {
	e := &exit{code: exitUnfinished}
	switch {
	case !drive.Begun(p):
		e.err = fmt.Errorf("not finished within %s: %s %s is not, or not wholly, written", f.timeout, p.AddOn, p.Hop)
		e.hint = "go on with: " + again
	case p.Roll != nil && p.Roll.Phase == noderoll.Replacing:
		return toReplace(p, f.timeout, again)
	case standsStill(p):
		e.err = fmt.Errorf("not finished within %s: %s %s: %s", f.timeout, p.AddOn, p.Hop, standing(p.Roll))
		e.hint = "no further node is changed; go on with: " + again
		switch {
		case p.Recalled != "":
			e.hint = p.Recalled + "; no further node is changed; all nodes leave it with: " + leave(p)
		case p.Roll.Phase == noderoll.Paused:
			e.hint = "it is paused: addonctl resume" + forAddOn(p) + "; then go on with: " + again
		}
	default:
		e.err = fmt.Errorf("not finished within %s: %s %s is Ready on %d of %d nodes; waiting for %s",
			f.timeout, p.AddOn, p.Hop, p.Nodes.Ready, p.Nodes.Total, drive.Nodes(p.Nodes.Waiting))
		e.hint = waitHint(p) + again
	}
	return e
}

// forAddOn names the add-on of a plan in a command line where the cluster's network type does not.
func forAddOn(p plan.Plan) string {
	if p.Beside {
		return " --addon " + p.AddOn
	}
	return ""
}

// waitHint says who must do something until the nodes have the target: the cluster, or somebody.
func waitHint(p plan.Plan) string {
	for _, f := range p.Findings {
		if f.Reason == plan.NodesHold || f.Reason == plan.RebootPending {
			return "no node moves by itself: " + f.Fix + "; then go on with: "
		}
	}
	if p.Roll != nil {
		return "nobody stops the DaemonSet controller at a bad node or a recall now; go on waiting with: "
	}
	return "the nodes go on by themselves; go on waiting with: "
}

func interrupted(p plan.Plan) string {
	if standsStill(p) {
		return fmt.Sprintf("%s %s: %s; no further node is changed", p.AddOn, p.Hop, standing(p.Roll))
	}
	switch next, _ := p.Next(); next.Kind { //nolint:exhaustive // all others write
	case plan.Halt:
		return "the DaemonSet controller was not stopped, and goes on changing nodes"
	case plan.AwaitNodes:
		text := fmt.Sprintf("%s %s is Ready on %d of %d nodes, and the cluster goes on taking it by itself", p.AddOn, p.Hop, p.Nodes.Ready, p.Nodes.Total)
		if p.Roll != nil {
			text += "; nobody stops it at a bad node or a recall now"
		}
		return text
	}
	return "nothing more is written"
}

// back names the way back to the release that was deployed before.
func back(out reconcile.Outcome, p plan.Plan) string {
	before := out.Input.Record.Deployed().Version
	if before == "" || before == p.Hop {
		return ""
	}
	return fmt.Sprintf("; the way back, to %s, is: addonctl rollback%s", before, forAddOn(p))
}
