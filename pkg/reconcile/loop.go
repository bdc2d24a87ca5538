package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// Observer looks at the cluster and its record.
type Observer interface {
	Observe(ctx context.Context) (plan.Input, error)
}

// Engine knows what a release would change on the cluster, and carries out one step.
type Engine interface {
	// Change renders the target of the input and compares it with the cluster; it writes nothing.
	Change(ctx context.Context, in plan.Input) (plan.Change, error)
	// Do carries out a step of any kind but AwaitNodes. It may be repeated.
	Do(ctx context.Context, in plan.Input, s plan.Step) (plan.Result, error)
}

// Recorder keeps what was seen where others can read it.
type Recorder interface {
	Record(ctx context.Context, in plan.Input, p plan.Plan) error
}

// End says how a run ended.
type End string

// How a run can end, when it did not end with an error.
const (
	// Done : nothing is left to do.
	Done End = "Done"
	// Refused : a blocking finding stops every write.
	Refused End = "Refused"
	// Applied : the objects are written; the caller did not want to wait for the nodes.
	Applied End = "Applied"
	// NodesFailed : the time is up, and nodes are in trouble that waiting does not mend.
	NodesFailed End = "NodesFailed"
	// TimedOut : the time is up, and nodes are still on their way.
	TimedOut End = "TimedOut"
	// Interrupted : the caller's context was cancelled.
	Interrupted End = "Interrupted"
	// Halted : a gate said no on a changed node; no further node was changed.
	Halted End = "Halted"
	// Left : the roll has come as far as it can, and nodes are left that cannot be changed now.
	Left End = "Left"
	// Held : the objects are written, and nodes keep what they run until somebody acts on them.
	Held End = "Held"
	// WaitingForReboot : every node runs the release's agent, and some take the rest at their next boot.
	WaitingForReboot End = "WaitingForReboot"
	// Recalled : the release was, while nodes were to take it; no further node was changed.
	Recalled End = "Recalled"
	// Superseded : the record was changed meanwhile and asks for something else than this run was started for.
	Superseded End = "Superseded"
)

// Outcome is how a run ended and what the last plan saw.
type Outcome struct {
	End  End
	Plan plan.Plan
	// Input that the last plan was made from.
	Input plan.Input
	// Results of the steps that were carried out.
	Results []plan.Result
}

// Loop drives one add-on of one cluster to its desired state.
type Loop struct {
	Observer Observer
	Engine   Engine
	Recorder Recorder
	// Wish is what the run was started for; nil follows whatever the record says. A run never carries out a wish that was
	// recorded by somebody else while it was under way.
	Wish *plan.Desired
	// Wait for the nodes; without it a run ends when the objects are written.
	Wait bool
	// Timeout of a run; 0 means none.
	Timeout time.Duration
	// Pause between two looks while nodes take a release.
	Pause time.Duration
	// Transient tells errors after which looking again is the right thing.
	Transient func(error) bool
	// Passing tells errors of keeping the last status after which it is tried again; nil takes Transient.
	Passing func(error) bool
	// Tenure is asked before each step whether this actor still may write; nil is fine.
	Tenure func(context.Context) error
	// Progress is called after each look; nil is fine.
	Progress func(plan.Input, plan.Plan)
	// Trouble is called with errors that the run survives; nil is fine.
	Trouble func(error)
	// Watcher tells what changes while nodes take a release; without it everything is looked at after each pause.
	Watcher Watcher
}

const (
	// attempts is how often in a row a round may end with a transient error before anything was written, and how often the
	// same step may be carried out.
	attempts = 5
	// confirmations is how often a refusal that comes in the middle of a run is looked at again, and how often an end whose status could
	// not be kept.
	confirmations = 3
)

var errTimeout = errors.New("the time is up")

// Look is one round without writing: what a run would do next.
func (l *Loop) Look(ctx context.Context) (plan.Input, plan.Plan, error) {
	return l.LookWith(ctx, plan.Request{})
}

// LookWith is Look for a request that is not recorded yet.
func (l *Loop) LookWith(ctx context.Context, r plan.Request) (plan.Input, plan.Plan, error) {
	in, err := l.Observer.Observe(ctx)
	if err != nil {
		return in, plan.Plan{}, err
	}
	in.Request = r
	if r.Verb == plan.Register { // nothing of a release is written
		return in, plan.Make(in), nil
	}
	if in.Change, err = l.Engine.Change(ctx, in); err != nil {
		return in, plan.Plan{}, err
	}
	return in, plan.Make(in), nil
}

// Run goes round until nothing is left to do, a finding blocks, the time is up or the context is cancelled. An error
// says that something broke; the outcome then holds the last plan that could be made.
func (l *Loop) Run(ctx context.Context) (Outcome, error) {
	timed := ctx
	if l.Timeout > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeoutCause(ctx, l.Timeout, errTimeout)
		defer cancel()
	}
	r := l.Begin(ctx)
	defer r.Close()
	for failed := 0; ; {
		next, err := r.Step(timed)
		if err == nil {
			r.Rest(timed, next)
		}
		switch {
		case err == nil && r.out.End != "":
			return r.out, nil
		case err != nil && !l.passes(err):
			return r.out, err
		case timed.Err() != nil:
			return r.stopped(ctx, err)
		case err == nil:
			failed, r.failing = 0, nil
		case failed >= attempts && !r.begun():
			return r.out, err
		default:
			failed, r.failing = failed+1, err
			l.trouble(err)
			r.sleep(timed)
		}
	}
}

// Next says what follows a step of a course.
type Next string

const (
	// Ended : the course has, as its Outcome says.
	Ended Next = "Ended"
	// AtOnce : the next step is due.
	AtOnce Next = "AtOnce"
	// AfterPause : the next step is due after Loop.Pause.
	AfterPause Next = "AfterPause"
	// OnChange : nodes are waited for.
	OnChange Next = "OnChange"
)

// Course is a run that is gone step by step, by whoever has more to do than this one. One goroutine may use it at a time. It
// remembers only what a run does between its rounds: another Course goes on where one was left.
type Course struct {
	*Loop
	// life is the context without the time limit.
	life context.Context //nolint:containedctx // a course is one undertaking
	out  Outcome
	// failing is the error of the last round; nil when it had none.
	failing error
	// wrote is true when a step was carried out whole.
	wrote bool
	// waits is true when the step that was tried last has to wait.
	waits bool
	// last is the step that was carried out last, times how often in a row.
	last  plan.Step
	times int
	// refusals in a row, after a look that had none.
	refusals int
	// ending is how the course would have ended, had the status been kept that says so; untold counts the rounds since.
	ending End
	untold int

	glance
}

// Begin begins a course. What it carries out, and its watch, end with the context. The caller closes it.
func (l *Loop) Begin(ctx context.Context) *Course { return &Course{Loop: l, life: ctx} }

// Close ends the watch of a course.
func (r *Course) Close() { r.unfollow() }

// Outcome is what was seen and done so far, and how it ended.
func (r *Course) Outcome() Outcome { return r.out }

// Step is one round: a look, the status, at most one step. It waits for no node. After an error that is transient, the next step is due
// after a while; any other ends the course. An end whose status could not be kept is looked at again a few times: nobody may look for long, and
// the record would say that it goes on.
func (r *Course) Step(ctx context.Context) (Next, error) {
	next, err := r.round(ctx)
	if r.ending == "" || r.out.End != "" {
		return next, err
	}
	if r.untold++; r.untold <= confirmations && (err == nil || r.passes(err)) {
		return AfterPause, err
	}
	if err != nil {
		r.trouble(err)
	}
	r.out.End = r.ending
	return Ended, nil
}

func (r *Course) round(ctx context.Context) (Next, error) {
	began := time.Now()
	in, p, err := r.Look(ctx)
	if err != nil {
		return AfterPause, err
	}
	r.took = time.Since(began)
	r.out.Input, r.out.Plan = in, p
	untold := r.Recorder.Record(ctx, in, p)
	if untold != nil {
		r.trouble(fmt.Errorf("keeping the status: %w", untold))
	}
	if r.Progress != nil {
		r.Progress(in, p)
	}
	if mayPass(p.Blocking()) && r.wrote && r.refusals < confirmations {
		// A server that has just come back refuses what it allows a moment later: look again before believing it.
		r.refusals++
		return AfterPause, nil
	}
	r.refusals = 0
	next, _ := p.Next()
	end := r.end(in, p, next)
	if r.ending = ""; end != "" {
		if untold != nil && r.retold(untold) {
			r.ending = end
			return AfterPause, nil
		}
		r.out.End = end
		return Ended, nil
	}
	if next.Kind == plan.AwaitNodes {
		return OnChange, nil
	}
	return r.step(ctx, in, next)
}

// Rest returns when the next step of a course is due.
func (r *Course) Rest(ctx context.Context, next Next) {
	switch next {
	case AfterPause:
		r.sleep(ctx)
	case OnChange:
		r.await(ctx, r.out.Input)
	case AtOnce, Ended:
	}
}

// step carries out a step that is due.
func (r *Course) step(ctx context.Context, in plan.Input, next plan.Step) (Next, error) {
	r.called = false
	if err := r.repeats(ctx, next); err != nil {
		return Ended, err
	}
	err := r.do(ctx, in, next)
	if err == nil && concludes(r.out.Plan, next) {
		r.out.End = Halted
		return Ended, nil
	}
	if err == nil && next.Kind == plan.ChangeNodes && r.follow() {
		return OnChange, nil // what was just done can only be waited for
	}
	return AtOnce, err
}

// concludes tells whether a step is the last of a run that halted: nodes that could not be made ready for their change are given back, and
// the next look, which sees them as they were before, would begin anew.
func concludes(p plan.Plan, s plan.Step) bool {
	return s.Kind == plan.TendNodes && p.Roll != nil && p.Roll.Phase == noderoll.Halted
}

// do carries out a step, if this actor still may.
func (r *Course) do(ctx context.Context, in plan.Input, next plan.Step) error {
	if r.Tenure != nil {
		if err := r.Tenure(ctx); err != nil {
			r.last = plan.Step{} // it was not carried out
			return err
		}
	}
	// The time limit is for waiting: objects are not left half written because of it.
	result, err := r.Engine.Do(r.life, in, next)
	r.out.Results = append(r.out.Results, result)
	r.wrote = r.wrote || err == nil
	if r.waits = errors.Is(err, plan.ErrNotYet); r.waits {
		r.last = plan.Step{} // it was not carried out, so the next time is no repetition
	}
	return err
}

// end says how a run ends after a look; empty when it goes on.
func (r *Course) end(in plan.Input, p plan.Plan, next plan.Step) End {
	switch {
	case r.superseded(in.Desired, p):
		return Superseded
	case len(p.Blocking()) > 0:
		return Refused
	case next.Kind == "":
		return Done
	case next.Kind == plan.AwaitNodes || next.Kind == plan.ChangeNodes:
		return r.resting(p)
	default:
		return ""
	}
}

// resting says how a run ends whose objects are written; empty when there are nodes to change or to wait for.
func (r *Course) resting(p plan.Plan) End {
	switch {
	case p.Roll != nil && p.Roll.Phase == noderoll.Halted:
		return Halted
	case stoppedByRecall(p):
		return Recalled
	case p.Roll != nil && p.Roll.Phase == noderoll.Left:
		return Left
	case !r.Wait && byOthers(p) && r.last.Kind != plan.Halt: // what comes of that is seen when the controller has seen it
		return Applied
	case p.Held:
		return Held
	case onlyReboots(p):
		return WaitingForReboot
	default:
		return ""
	}
}

// stoppedByRecall tells whether a recall has stopped the roll, and no node is being changed any more.
func stoppedByRecall(p plan.Plan) bool { return p.Recalled != "" && len(p.Roll.InFlight) == 0 }

// onlyReboots tells whether nothing but reboots of nodes is waited for.
func onlyReboots(p plan.Plan) bool {
	return p.Nodes.Done() && len(p.Reboots) > 0 && (p.Roll == nil || p.Roll.Phase == noderoll.Finished)
}

// byOthers tells whether nodes take the release, or not, without anything of ours, or somebody else replaces them.
func byOthers(p plan.Plan) bool {
	return p.Roll == nil || p.Roll.Watched && p.Recalled == "" || p.Roll.Phase == noderoll.Replacing
}

// mayPass tells whether all that blocks is the server's own refusal, and not a rule.
func mayPass(blocking []plan.Finding) bool {
	return len(blocking) > 0 && !slices.ContainsFunc(blocking, func(f plan.Finding) bool {
		return f.Reason != plan.MissingRight && f.Reason != plan.ObjectRefused
	})
}

// repeats counts a step that is due again right after it was carried out: something takes back what is written. It is tried
// again with a pause, and not for ever.
func (r *Course) repeats(ctx context.Context, next plan.Step) error {
	if r.last.Kind != next.Kind || r.last.Revision != next.Revision || r.last.Digest != next.Digest || !slices.Equal(r.last.Targets, next.Targets) ||
		!slices.Equal(r.last.Errands, next.Errands) {
		r.last, r.times = next, 1
		return nil
	}
	if r.times++; r.times > attempts {
		return fmt.Errorf("%s of %s %s was carried out %d times and does not show: somebody takes it back", next.Kind, next.AddOn, next.Version, attempts)
	}
	r.sleep(ctx)
	return nil
}

// superseded tells whether the record asks for something else than the run was started for. A single move that is gone
// was made: by this run, or by another that was started for the same. A way back from a pin changes nothing of the pin: it is another wish
// while it stands, and is over when the pin is to be tried again.
func (r *Course) superseded(now plan.Desired, p plan.Plan) bool {
	w := r.Wish
	if w == nil {
		return false
	}
	if w.Back.To == "" && now.Back.To != "" || w.Back.To != "" && p.PinFailed == "" {
		return true
	}
	return now.AddOn != w.AddOn || now.Version != w.Version || now.MoveTo != "" && now.MoveTo != w.MoveTo || !now.Settings.Equal(w.Settings)
}

// begun tells whether the run has written something or come as far as waiting for nodes: then a server that is away for a
// while is waited for until the time is up.
func (r *Course) begun() bool {
	next, ok := r.out.Plan.Next()
	return ok && (next.Kind == plan.AwaitNodes || next.Kind == plan.ChangeNodes || next.Kind == plan.TendNodes) || r.wrote || r.waits
}

// passes tells whether a round that ended with this error may be followed by another one, or ended because the time was up.
func (l *Loop) passes(err error) bool {
	return l.Transient(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// retold tells whether a status that was not kept for this error is worth another try.
func (l *Loop) retold(err error) bool {
	return l.passes(err) || l.Passing != nil && l.Passing(err)
}

// stopped says how a run ended whose time was up or whose caller went away. When the rounds before had failed, the time
// ran out over their error, and that is the answer: the last plan is from before it.
func (r *Course) stopped(ctx context.Context, err error) (Outcome, error) {
	if r.out.Plan.State == "" && r.failing == nil {
		r.failing = err // not even the first look came back
	}
	interrupted := ctx.Err() != nil
	switch {
	case r.ending != "":
		r.out.End, r.failing = r.ending, nil
	case interrupted:
		r.out.End = Interrupted
		r.failing = nil // whoever interrupts does not ask for errors
	case len(r.out.Plan.Nodes.Bad()) > 0:
		r.out.End = NodesFailed
	default:
		r.out.End = TimedOut
	}
	return r.out, r.failing
}

func (r *Course) sleep(ctx context.Context) { pause(ctx, r.Pause) }

func (l *Loop) trouble(err error) {
	if l.Trouble != nil {
		l.Trouble(err)
	}
}
