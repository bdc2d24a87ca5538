package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// fieldManager of what is written to the hub.
const fieldManager = "addonctl"

// fleet works on the records of a hub, and on nothing else.
type fleet struct {
	name     string
	client   client.Client
	events   events.EventRecorder
	builtIn  bool
	catalogs *Catalogs
	now      func() time.Time
	gather   time.Duration
	memory   memory
	watcher  watcher
	choices  choices
	halts    haltTimes
}

// clock is the time in microseconds, which is what a record keeps.
func (f *fleet) clock() time.Time { return f.now().UTC().Truncate(time.Microsecond) }

// records reads what the hub holds.
func (f *fleet) records(ctx context.Context) (records, error) {
	var policies v1alpha1.UpdatePolicyList
	var networks v1alpha1.ClusterNetworkList
	var addons v1alpha1.AddonList
	var rollouts v1alpha1.AddonRolloutList
	for _, list := range []client.ObjectList{&policies, &networks, &addons, &rollouts} {
		if err := f.client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return records{}, fmt.Errorf("listing %T: %w", list, err)
		}
	}
	var c v1alpha1.AddonCatalog
	if err := f.client.Get(ctx, client.ObjectKey{Name: v1alpha1.CatalogName}, &c); client.IgnoreNotFound(err) != nil {
		return records{}, fmt.Errorf("reading AddonCatalog %s: %w", v1alpha1.CatalogName, err)
	}
	r := f.assemble(policies.Items, networks.Items, addons.Items, rollouts.Items, c.Spec.Recalls)
	r.now, r.releases = f.clock(), f.catalogs.listed()
	return r, nil
}

// assemble puts together what was listed, in the editions that were written last.
func (f *fleet) assemble(policies []v1alpha1.UpdatePolicy, networks []v1alpha1.ClusterNetwork, addons []v1alpha1.Addon, rollouts []v1alpha1.AddonRollout,
	recalls []v1alpha1.Recall,
) records {
	r := newRecords(policies, networks, addons, rollouts, recalls, f.builtIn, &f.choices)
	for i := range r.addons {
		r.addons[i] = latest(&f.memory, r.addons[i])
	}
	for i := range r.rollouts {
		r.rollouts[i] = latest(&f.memory, r.rollouts[i])
	}
	return r
}

// rolloutReconciler takes one AddonRollout a step further: it reads the records, obeys orders, asks rollout.Decide, writes the record, and
// only then tells clusters. Whatever it is killed between, the next look repairs.
type rolloutReconciler struct{ *fleet }

// soonest is how soon a rollout is looked at again at the earliest: nothing in a fleet is faster.
const soonest = time.Second

// Reconcile implements reconcile.Reconciler.
func (c rolloutReconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	if !c.catalogs.Followed() {
		return reconcile.Result{RequeueAfter: soon}, nil
	}
	r, err := c.records(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	i := slices.IndexFunc(r.rollouts, func(x *v1alpha1.AddonRollout) bool { return x.Name == request.Name })
	if i < 0 || !r.rollouts[i].DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	now := c.clock()
	next, err := c.step(ctx, r, r.rollouts[i], now)
	switch {
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: soonest / 10}, nil // somebody else wrote: look again
	case err != nil:
		return reconcile.Result{}, err
	}
	switch next = rollout.Earlier(next, r.pinEnds()); {
	case next.IsZero():
		return reconcile.Result{}, nil
	default:
		return reconcile.Result{RequeueAfter: max(soonest, next.Sub(now))}, nil
	}
}

// step takes a rollout a step further, and says when the next is due; zero when only something that is seen can change anything.
func (c rolloutReconciler) step(ctx context.Context, r records, x *v1alpha1.AddonRollout, now time.Time) (time.Time, error) {
	w := workOn(r, x)
	if x.Status.Opened == nil {
		if w.stands.why != "" {
			return time.Time{}, nil
		}
		if at := x.CreationTimestamp.Add(c.gather); c.gather > 0 && now.Before(at) {
			return at, nil // clusters tell one after the other that they would take it
		}
		before, known := notBefore(w.Policy, x.Spec.Addon, status.TargetOf(x), c.catalogs.Current())
		if !known {
			return time.Time{}, nil
		}
		reports := w.reports(nil, c.watcher.moved, now)
		w.record = rollout.Open(w.rules, x.Spec.Addon, x.Spec.Version, before, reports, now)
		w.record.Leaves = x.Spec.Leaves
	}
	if err := c.release(ctx, &w); err != nil {
		return time.Time{}, err
	}
	d, after := w.decide(c.watcher.moved, now)
	after = calm(x.Status, after, w.calmFor())
	after.Manager = c.name
	if !equality.Semantic.DeepEqual(x.Status, after) {
		written := x.DeepCopy()
		written.Status = after
		if err := c.client.Status().Update(ctx, written, client.FieldOwner(fieldManager)); err != nil {
			return time.Time{}, fmt.Errorf("writing AddonRollout %s: %w", x.Name, err)
		}
		c.memory.wrote(x.ResourceVersion, written)
		c.say(written, x.Status, after)
		c.halts.begin(x.Name, w.halt(x.Status, after))
	}
	if err := c.tellAll(ctx, &w, d); err != nil {
		return time.Time{}, err
	}
	c.halts.end(x.Name, c.clock())
	return d.Next, nil
}

// work is one rollout with all that is looked at for it.
type work struct {
	status.Journey
	rollout *v1alpha1.AddonRollout
	rules   rollout.Rules
	record  rollout.Record
	// stands says why it stands still though nobody ordered it.
	stands standstill
	// recalled says why the release was; empty when it was not.
	recalled string
	records  records
}

// standstill is why a rollout stands still though nobody ordered it, and who can change that. It is worked out anew at each look, and not
// recorded: when its cause is gone the rollout goes on.
type standstill struct {
	why, who string
	// newer is true when the rollout of a newer release took its place: then nobody has to act.
	newer bool
}

// workOn gathers what a rollout needs.
func workOn(r records, x *v1alpha1.AddonRollout) work {
	w := work{
		rollout: x, records: r, record: status.RolloutRecord(x.Spec, x.Status), recalled: r.automatic().Recalled(x.Spec.Addon, x.Spec.Version),
		Journey: status.Journey{Name: x.Name, Version: x.Spec.Version, Leaves: x.Spec.Leaves, Now: r.now},
	}
	p, there := r.policy(x.Spec.Policy)
	w.Policy = p
	for _, s := range r.rollouts {
		if s.Name != x.Name && of(s, x.Spec.Policy, x.Spec.Addon) {
			w.Siblings = append(w.Siblings, s.Name)
		}
	}
	w.follow(there)
	w.Waves = w.record.Waves
	if x.Status.Opened == nil {
		w.Waves = p.Waves()
	}
	return w
}

// follow finds the rules of a rollout, or why it stands still.
func (w *work) follow(there bool) {
	x, p := w.rollout, w.Policy
	keeper := "whoever keeps policy " + x.Spec.Policy
	if !there {
		w.stands = standstill{why: fmt.Sprintf("policy %s is gone", x.Spec.Policy), who: keeper}
	} else if faults := w.records.faults(p); len(faults) > 0 {
		w.stands = standstill{why: fmt.Sprintf("policy %s cannot be followed: %v", p.Name, faults[0]), who: keeper}
	} else {
		var err error
		if w.rules, err = rollout.NewRules(status.RolloutPolicy(p.Name, p.Spec)); err != nil {
			w.stands = standstill{why: fmt.Sprintf("policy %s cannot be followed: %v", p.Name, err), who: keeper}
		} else if why, ok := w.rules.Fits(w.record); !ok && x.Status.Opened != nil {
			w.stands = standstill{why: why, who: keeper + ", by putting its waves back; or addonctl rollout abort"}
		}
	}
	if name := w.records.activeName(p, x.Spec.Policy, x.Spec.Addon); w.stands.why == "" && name != "" && name != x.Name {
		w.stands = standstill{why: "the rollout " + name, newer: true}
	}
	if w.stands.why != "" && !w.stands.newer {
		w.rules = standingRules(w.record)
	}
}

// standingRules are those of a rollout whose policy cannot be followed. Nothing begins by them but the way back of one that is undone.
func standingRules(r rollout.Record) rollout.Rules {
	p := rollout.Policy{}
	for _, wave := range r.Waves {
		p.Waves = append(p.Waves, rollout.Wave{Name: wave.Name, Selector: "-"})
	}
	rules, _ := rollout.NewRules(p) // there is nothing to be wrong about
	return rules
}

// activeName is the name of the rollout that goes on, of those of a policy and an add-on; empty when none of them does.
func (r records) activeName(p status.Policy, name, addOn string) string {
	rule := r.automatic()
	t := rule.Active(name, addOn, r.candidates(p)[addOn])
	if t.Version == "" {
		return ""
	}
	out := ""
	for _, x := range r.rollouts {
		if of(x, name, addOn) && status.TargetOf(x).Same(t) && rule.Counts(x) && (out == "" || x.Name == rolloutName(name, addOn, x.Spec.Version)) {
			out = x.Name
		}
	}
	return out
}

// reports are what the records say of the clusters that a policy takes, and of the members of the rollout.
func (w *work) reports(members []rollout.Member, moved func(addon, movement string, now time.Time) time.Time, now time.Time) []rollout.Report {
	byCluster := map[string]*rollout.Member{}
	for i := range members {
		byCluster[members[i].Cluster] = &members[i]
	}
	full := len(members) >= v1alpha1.MaxRolloutMembers
	var out []rollout.Report
	for _, a := range w.records.addons {
		n := w.records.networks[a.Spec.Cluster]
		if a.Spec.Addon != w.rollout.Spec.Addon || n == nil {
			continue
		}
		m := byCluster[a.Spec.Cluster]
		s := status.Sight{Addon: a, Network: n, Takers: w.records.takers(a)}
		if m == nil && (full || !slices.Contains(s.Takers, w.rollout.Spec.Policy)) {
			continue
		}
		s.Progress = moved(a.Name, movement(a), now)
		out = append(out, w.Report(m, s, now))
	}
	return out
}

// decide obeys orders, and asks what follows.
func (w *work) decide(moved func(addon, movement string, now time.Time) time.Time, now time.Time) (rollout.Decision, v1alpha1.AddonRolloutStatus) {
	x := w.rollout
	before := *x.Status.DeepCopy()
	record, number, refused := status.Obey(w.record, x.Spec.Orders, before.Obeyed, now)
	if number != before.Obeyed {
		before.Obeyed, before.Refused = number, refused
	}
	w.record, w.Waves = record, record.Waves
	w.Over = record.Undone == "" && (w.recalled != "" || record.Aborted != "")
	if w.stands.newer && number == x.Status.Obeyed && rollout.Phase(x.Status.Phase) == rollout.Finished {
		return rollout.Decision{Phase: rollout.Finished, Record: record}, *x.Status.DeepCopy() // its clusters go on to the newer release
	}
	asked := record
	switch {
	case w.stands.newer:
		asked.Aborted = w.stands.why
	case w.stands.why != "":
		asked.Paused = w.stands.why
	}
	d := rollout.Decide(w.rules, asked, w.reports(record.Members, moved, now), w.recalled, now)
	if d.Phase == rollout.Paused && w.stands.why != "" {
		d.Why, d.Who = w.stands.why, w.stands.who
	}
	d.Record.Paused, d.Record.Aborted = record.Paused, record.Aborted
	return d, status.Rollout(before, x.Generation, d.Record, d, w.recalled)
}

// calmFor is how long signs of progress may be older in the record than they are.
func (w *work) calmFor() time.Duration {
	hung := rollout.DefaultHungAfter
	if h := w.Policy.Spec.HungAfter; h != nil {
		hung = h.Duration
	}
	return min(30*time.Second, hung/4)
}

// calm is after, but for signs of progress that are hardly newer than those of before: a fleet on its way must not write its record at
// each of them.
func calm(before, after v1alpha1.AddonRolloutStatus, within time.Duration) v1alpha1.AddonRolloutStatus {
	if len(before.Members) != len(after.Members) {
		return after
	}
	out := after
	out.Members = slices.Clone(after.Members)
	for i := range out.Members {
		b, m := before.Members[i], &out.Members[i]
		if b.Cluster == m.Cluster && b.State == m.State && b.Moved != nil && m.Moved != nil && m.Moved.Sub(b.Moved.Time) < within {
			m.Moved = b.Moved
		}
	}
	same := before
	same.Next = out.Next
	if equality.Semantic.DeepEqual(same, out) {
		return before
	}
	return out
}

// release takes the release off hold on the clusters that somebody wants to be tried again, before the order is carried out: while it is
// held, nothing tells them to move.
func (c rolloutReconciler) release(ctx context.Context, w *work) error {
	again := retried(w.rollout, w.record)
	for i, a := range w.records.addons {
		if a.Spec.Addon != w.rollout.Spec.Addon || !again[a.Spec.Cluster] {
			continue
		}
		after, err := c.unhold(ctx, a, w.Version)
		if err != nil {
			return err
		}
		w.records.addons[i] = after
	}
	return nil
}

// retried are the failed members that orders which were not carried out yet want to be tried again.
func retried(x *v1alpha1.AddonRollout, r rollout.Record) map[string]bool {
	out := map[string]bool{}
	if status.TooLate(r, status.Retry) != "" || r.Undone != "" {
		return out
	}
	for _, o := range x.Spec.Orders {
		if o.Number <= x.Status.Obeyed || o.Verb != status.Retry {
			continue
		}
		for _, m := range r.Members {
			if m.State == rollout.Failed && (len(o.Clusters) == 0 || slices.Contains(o.Clusters, m.Cluster)) {
				out[m.Cluster] = true
			}
		}
	}
	return out
}

// unhold takes a release off the list of those that a cluster was put back from, as `addonctl retry` does.
func (c rolloutReconciler) unhold(ctx context.Context, a *v1alpha1.Addon, version string) (*v1alpha1.Addon, error) {
	if b := a.Spec.Rollback; b != nil && b.Leaves != "" && status.SameVersion(b.Leaves, version) {
		next := a.DeepCopy()
		next.Spec.Rollback = status.Unheld(*b)
		if err := c.client.Update(ctx, next, client.FieldOwner(fieldManager)); err != nil {
			return nil, fmt.Errorf("writing Addon %s: %w", a.Name, err)
		}
		c.memory.wrote(a.ResourceVersion, next)
		a = next
	}
	if status.Held(a, version) == nil {
		return a, nil
	}
	next := a.DeepCopy()
	next.Status.Held = slices.DeleteFunc(next.Status.Held, func(h v1alpha1.HeldRelease) bool { return status.SameVersion(h.Version, version) })
	if err := c.client.Status().Update(ctx, next, client.FieldOwner(fieldManager)); err != nil {
		return nil, fmt.Errorf("writing the status of Addon %s: %w", a.Name, err)
	}
	c.memory.wrote(a.ResourceVersion, next)
	return next, nil
}

// tellAll tells clusters what was decided. One that cannot be told does not keep the others from it.
func (c rolloutReconciler) tellAll(ctx context.Context, w *work, d rollout.Decision) error {
	hold := v1alpha1.HoldFinishNode
	if d.AtOnce {
		hold = v1alpha1.HoldStop
	}
	members := map[string]*rollout.Member{}
	for i := range d.Record.Members {
		members[d.Record.Members[i].Cluster] = &d.Record.Members[i]
	}
	held := map[string]bool{}
	for _, name := range d.Hold {
		held[name] = true
	}
	var failed []error
	for _, a := range w.records.addons {
		m := members[a.Spec.Cluster]
		if a.Spec.Addon != w.rollout.Spec.Addon || m == nil && !w.Marked(a) || !a.DeletionTimestamp.IsZero() {
			continue
		}
		wish := ""
		if held[a.Spec.Cluster] {
			wish = hold
		}
		spec, other := w.Tell(m, a, wish)
		if !other {
			continue
		}
		if err := c.told(ctx, w, a, spec); err != nil {
			failed = append(failed, fmt.Errorf("telling Addon %s: %w", a.Name, err))
		}
	}
	return worst(failed)
}

// told writes what an add-on is told.
func (c rolloutReconciler) told(ctx context.Context, w *work, a *v1alpha1.Addon, spec v1alpha1.AddonSpec) error {
	next := a.DeepCopy()
	next.Spec = spec
	ended := w.EndPin(a, next)
	if err := c.client.Update(ctx, next, client.FieldOwner(fieldManager)); err != nil {
		return err
	}
	c.memory.wrote(a.ResourceVersion, next)
	if ended != "" {
		c.event(next, corev1.EventTypeNormal, "PinEnded", ended)
	}
	return nil
}

// worst is what to do about writes that failed: nil, an error that looking again mends, or all others.
func worst(all []error) error {
	others := slices.DeleteFunc(slices.Clone(all), apierrors.IsConflict)
	switch {
	case len(others) > 0:
		return errors.Join(others...)
	case len(all) > 0:
		return all[0]
	default:
		return nil
	}
}

// say tells what changed, in events: each once, because it is told after it was recorded.
func (c rolloutReconciler) say(x *v1alpha1.AddonRollout, before, after v1alpha1.AddonRolloutStatus) {
	if before.Opened == nil {
		c.event(x, corev1.EventTypeNormal, "RolloutOpened", fmt.Sprintf("%s %s goes to %d clusters", x.Spec.Addon, x.Spec.Version, after.Clusters))
	}
	if before.Phase != after.Phase {
		kind := corev1.EventTypeNormal
		if p := rollout.Phase(after.Phase); p == rollout.Halted || p == rollout.Recalled {
			kind = corev1.EventTypeWarning
		}
		c.event(x, kind, "Rollout"+after.Phase, after.Why)
	}
	if after.Refused != "" && after.Obeyed != before.Obeyed {
		c.event(x, corev1.EventTypeWarning, "OrderRefused", after.Refused)
	}
	was := map[string]string{}
	for _, m := range before.Members {
		was[m.Cluster] = m.State
	}
	for _, m := range after.Members {
		if m.State == string(rollout.Failed) && was[m.Cluster] != m.State {
			leave(c.events, x, bad("ClusterFailed", m.Cluster, "%s: %s", m.Cluster, m.Reason))
		}
	}
}

// event leaves an event about an object.
func (f *fleet) event(about runtime.Object, kind, reason, note string) {
	leave(f.events, about, news{kind, reason, note, ""})
}
