package controller

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/status"
)

// undertaking is an add-on that is being driven.
type undertaking struct {
	addOn string
	// record and generation are the cluster's record by which it was reached: one of its name that was made anew since is another one.
	record     types.UID
	generation int64
	// catalog that it is planned with.
	catalog *catalog.Catalog

	site Site
	seat Seat
	// life of the course; stop ends it.
	life context.Context //nolint:containedctx // an undertaking outlives a reconciliation
	stop context.CancelFunc

	// at is held by whoever works on it: a reconciliation, or the end of the process.
	at     sync.Mutex
	closed bool
	course *reconcile.Course
	// leave gives the cluster back; nil when it was not taken over.
	leave func()
	// rest ends the wait for nodes and returns when it has ended; nil when nobody waits.
	rest func()
	// gated are the nodes that were being changed at the last look, or right after it.
	gated []string
}

func newUndertaking(life context.Context, n *v1alpha1.ClusterNetwork, c *catalog.Catalog, addOn string, s Site) *undertaking {
	u := &undertaking{addOn: addOn, record: n.UID, generation: n.Generation, catalog: c, site: s, seat: s.Seat(addOn)}
	u.life, u.stop = context.WithCancel(life)
	u.course = u.seat.Course(u.life)
	return u
}

// stands tells whether the cluster is still the one that is worked on, reached as it is recorded and planned with this catalog.
func (u *undertaking) stands(n *v1alpha1.ClusterNetwork, c *catalog.Catalog) bool {
	return u.record == n.UID && u.generation == n.Generation && u.catalog == c
}

// stir ends the wait for nodes, if there is one.
func (u *undertaking) stir() {
	u.at.Lock()
	defer u.at.Unlock()
	u.unrest()
}

func (u *undertaking) unrest() {
	if u.rest != nil {
		u.rest()
		u.rest = nil
	}
}

// close ends it and leaves the cluster. What is being written is cut off: whoever comes next goes on from there.
func (u *undertaking) close() {
	u.stop()
	u.at.Lock()
	defer u.at.Unlock()
	u.unrest()
	u.course.Close()
	if u.leave != nil {
		u.leave()
		u.leave = nil
	}
	u.closed = true
}

// await waits for nodes without a worker, and wakes somebody when the next step is due.
func (u *undertaking) await(wake func(context.Context)) {
	ctx, cancel := context.WithCancel(u.life)
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.course.Rest(ctx, reconcile.OnChange)
		wake(ctx)
	}()
	u.rest = func() {
		cancel()
		<-done
	}
}

// step gives an add-on one step and returns when the next one is due. What has come to its end is given back.
func (r *Clusters) step(ctx context.Context, c *v1alpha1.ClusterNetwork, a *v1alpha1.Addon, u *undertaking) time.Duration {
	after, on := r.oneStep(ctx, c, a, u)
	if !on {
		r.drop(c.Name)
	}
	return after
}

// oneStep is step; on says whether the add-on stays under way.
func (r *Clusters) oneStep(ctx context.Context, c *v1alpha1.ClusterNetwork, a *v1alpha1.Addon, u *undertaking) (after time.Duration, on bool) {
	u.at.Lock()
	defer u.at.Unlock()
	if u.closed {
		return soon, false
	}
	hold := ""
	if a.Spec.Rollout != nil {
		hold = a.Spec.Rollout.Hold
	}
	u.seat.Hold(hold)
	next, err := u.course.Step(ctx)
	if err == nil {
		r.time(u)
	}
	if err == nil && c.Status.Away != nil { // it went away in the middle, and is back
		r.say(ctx, c, status.Visit{Kubernetes: u.site.Kubernetes(), UID: u.site.UID()})
	}
	switch out := u.course.Outcome(); {
	case errors.Is(err, ErrHeldBack):
		return r.idle(), false
	case errors.Is(err, ErrNotTaken):
		return r.take(ctx, c, u)
	case err != nil:
		return r.trouble(ctx, c, u, err)
	case next == reconcile.Ended:
		r.forgive(c.Name)
		r.tellPin(a, out)
		return r.ended(ctx, c, u, out)
	case next == reconcile.OnChange:
		r.forgive(c.Name)
		return r.waiting(ctx, c, u, out, hold)
	default:
		r.forgive(c.Name)
		return time.Millisecond, true
	}
}

// time tells how long the nodes took that have passed every gate since the last look.
func (r *Clusters) time(u *undertaking) {
	out := u.course.Outcome()
	took := passed(u.gated, out)
	u.gated = underGates(out.Plan.Roll)
	for _, t := range took {
		if r.Times != nil {
			r.Times.Gate(u.addOn, t)
		}
	}
}

// underGates are the nodes that a roll is changing, or is about to: by the next look they may be through.
func underGates(roll *noderoll.Decision) []string {
	if roll == nil {
		return nil
	}
	out := slices.Clone(roll.InFlight)
	for _, t := range roll.Delete {
		out = append(out, t.Node)
	}
	return out
}

// passed is how long those of the nodes took, from their new pod on, that were being changed and are through.
func passed(gated []string, out reconcile.Outcome) []time.Duration {
	roll := out.Plan.Roll
	if roll != nil && (roll.Watched || roll.Halt != nil) {
		return nil
	}
	var took []time.Duration
	for _, n := range out.Input.Nodes {
		under := roll != nil && slices.Contains(roll.InFlight, n.Name)
		if slices.Contains(gated, n.Name) && !under && noderoll.Classify(n, out.Input.Installed.Newest) == noderoll.Ready && !n.Pod.Created.IsZero() {
			took = append(took, max(0, out.Input.Now.Sub(n.Pod.Created)))
		}
	}
	return took
}

// tellPin leaves an Event of what became of a pin, or of the release that it keeps.
func (r *Clusters) tellPin(a *v1alpha1.Addon, out reconcile.Outcome) {
	if r.Events == nil {
		return
	}
	for _, c := range status.PinNews(a.Status.Conditions, out.Input, out.Plan) {
		r.Events.Eventf(a, nil, corev1.EventTypeWarning, c.Type, "Reconcile", "%s", c.Message)
	}
}

// taking is how long taking a cluster over may keep a worker: long enough for the Lease of an actor that is gone to run out.
const taking = time.Minute

// take takes a cluster over, so that the next step may write.
func (r *Clusters) take(ctx context.Context, c *v1alpha1.ClusterNetwork, u *undertaking) (time.Duration, bool) {
	limited, cancel := context.WithTimeout(ctx, taking)
	defer cancel()
	leave, err := u.seat.Take(limited)
	if err != nil {
		leave()
		return r.trouble(ctx, c, u, err)
	}
	u.leave = leave
	return time.Millisecond, true
}

// waiting judges an add-on whose nodes are on their way.
func (r *Clusters) waiting(ctx context.Context, c *v1alpha1.ClusterNetwork, u *undertaking, out reconcile.Outcome, hold string) (time.Duration, bool) {
	switch {
	case leftAlone(out, hold):
		return r.idle(), false // whoever holds it says when it goes on
	case u.leave == nil:
		return r.take(ctx, c, u)
	}
	if out.End = late(out, r.Timeout); out.End != "" && r.goesBack(ctx, u, out) {
		return time.Millisecond, true
	}
	u.await(func(ctx context.Context) { r.wake(ctx, c.Name) })
	return r.Resync, true
}

// leftAlone tells whether nodes that are on their way are not waited for: none is being changed, or a rollout holds even these.
func leftAlone(out reconcile.Outcome, hold string) bool {
	roll, n := out.Plan.Roll, len(out.Results)
	switch {
	case n > 0 && out.Results[n-1].Step.Kind == plan.Halt && !out.Input.Installed.Observed:
		return false // until the DaemonSet controller has seen that it was stopped the record says that it is to be
	case roll != nil && roll.Phase == noderoll.Paused && len(roll.InFlight) == 0:
		return true
	default:
		return hold == v1alpha1.HoldStop && out.Input.Desired.Back.Revision == 0
	}
}

// late is how a move has ended whose nodes had all the time there is; empty while there is some left. The time begins when the revision
// was recorded, so that a manager that was started anew does not begin to count again. A roll of ours has no such time: it halts.
func late(out reconcile.Outcome, timeout time.Duration) reconcile.End {
	last := out.Input.Record.Last()
	switch {
	case out.Plan.Roll != nil && !out.Plan.Roll.Watched, last.Number == 0 || out.Input.Now.Sub(last.Updated) < timeout:
		return ""
	case len(out.Plan.Nodes.Bad()) > 0:
		return reconcile.NodesFailed
	default:
		return reconcile.TimedOut
	}
}

// ended judges an add-on that has come to its end, for now.
func (r *Clusters) ended(ctx context.Context, c *v1alpha1.ClusterNetwork, u *undertaking, out reconcile.Outcome) (time.Duration, bool) {
	if out.End == reconcile.Halted {
		if u.leave == nil && out.Input.Desired.Back.Revision == 0 && r.Sites.MayGoBack(out, r.Timeout) {
			u.renew()
			return r.take(ctx, c, u) // who halted it may be about to put it back
		}
		if u.leave != nil && r.goesBack(ctx, u, out) {
			return time.Millisecond, true
		}
	}
	return r.idle(), false
}

// goesBack records the way back of a move that failed, if there is one, and begins another course for it.
func (r *Clusters) goesBack(ctx context.Context, u *undertaking, out reconcile.Outcome) bool {
	if out.Input.Desired.Back.Revision > 0 || !r.Sites.MayGoBack(out, r.Timeout) {
		return false
	}
	if err := u.seat.GoBack(ctx, out, r.Timeout); err != nil {
		log.FromContext(ctx).Info("A move failed and is not put back", "addon", u.addOn, "why", err.Error())
		return false
	}
	u.renew()
	return true
}

// renew begins another course in the place of one that has ended.
func (u *undertaking) renew() {
	u.course.Close()
	u.course = u.seat.Course(u.life)
}

// trouble says how it goes on after an error.
func (r *Clusters) trouble(ctx context.Context, c *v1alpha1.ClusterNetwork, u *undertaking, err error) (after time.Duration, on bool) {
	if ctx.Err() != nil || u.life.Err() != nil {
		return soon, true // the process ends, and leaves what is under way
	}
	switch r.Sites.Trouble(err) {
	case Unreachable:
		if _, e := r.Sites.Reach(ctx, c); e != nil {
			u.course.Close() // the next step watches anew
			return r.away(ctx, c, e), u.leave != nil
		}
		return r.backOff(c.Name, busy), true
	case Busy:
		return busy, false
	case Lost:
		log.FromContext(ctx).Info("Cluster was taken over by another actor", "addon", u.addOn, "why", err.Error())
		return busy, false
	case Passing:
		return r.backOff(c.Name, busy), true
	default:
		log.FromContext(ctx).Error(err, "Add-on cannot be driven", "addon", u.addOn)
		return r.backOff(c.Name, r.Resync), false
	}
}

// heldBack tells whether the next step would begin a move that a rollout holds back. A way back is never held.
func heldBack(out reconcile.Outcome, hold string) bool {
	next, _ := out.Plan.Next()
	last := out.Input.Record.Last().Status
	return hold != "" && next.Kind == plan.Apply && out.Input.Desired.Back.Revision == 0 && last != plan.PendingInstall && last != plan.PendingUpgrade
}

// Allowed is what a Seat asks before each step of a course, when it has looked: ErrHeldBack, ErrNotTaken, or what the tenure says. A nil
// tenure stands for a cluster that was not taken over.
func Allowed(ctx context.Context, out reconcile.Outcome, hold string, tenure func(context.Context) error) error {
	switch {
	case heldBack(out, hold):
		return ErrHeldBack
	case tenure == nil:
		return ErrNotTaken
	default:
		return tenure(ctx)
	}
}

// Held changes what was seen as a rollout wants it held: no further node.
func Held(in *plan.Input, hold string) {
	if hold != "" && in.Desired.Back.Revision == 0 {
		in.Desired.Roll.Paused = true
	}
}
