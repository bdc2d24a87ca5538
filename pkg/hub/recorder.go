package hub

import (
	"context"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
)

// Recorder keeps the status of one cluster's add-on, and removes a single move from the record when it has been made.
type Recorder struct {
	Hub *Hub
	// By says who drives the loop.
	By string
}

// Record writes the status that follows from a plan, when it differs from the one that stands there.
func (r *Recorder) Record(ctx context.Context, in plan.Input, p plan.Plan) error {
	if p.AddOn == "" {
		return nil
	}
	a, err := r.Hub.Addon(ctx, p.Cluster, p.AddOn)
	if err != nil || a == nil {
		return err
	}
	wish := in.Desired
	if p.State == plan.UpToDate {
		generation := a.Generation
		if a, err = r.made(ctx, a, in, p); err != nil || a == nil {
			return err
		}
		if a.Generation != generation {
			wish.MoveTo, wish.Back = "", plan.Back{}
		}
	}
	next := r.status(a, spokenOf(a, wish), in, p)
	if reflect.DeepEqual(normal(a.Status), normal(next)) {
		return nil
	}
	a.Status = next
	return r.Hub.SaveAddonStatus(ctx, a)
}

// spokenOf is the generation that a status speaks of which was made for a wish: that of the record, or of the status before where somebody
// has changed the wish since it was looked at. Whether a manager pauses the roll for now is no part of it.
func spokenOf(a *v1alpha1.Addon, wish plan.Desired) int64 {
	recorded, err := Desired(a.Spec)
	recorded.Roll.Paused = wish.Roll.Paused
	if err != nil || !recorded.Equal(wish) {
		return a.Status.ObservedGeneration
	}
	return a.Generation
}

// made removes from the record a single move or a way back that every node has made. The release that the way back left is held
// before nothing else says so any more.
func (r *Recorder) made(ctx context.Context, a *v1alpha1.Addon, in plan.Input, p plan.Plan) (*v1alpha1.Addon, error) {
	moved := a.Spec.MoveTo != "" && a.Spec.MoveTo == in.Desired.MoveTo
	back := a.Spec.Rollback != nil && backOf(a.Spec.Rollback).Equal(in.Desired.Back)
	if !moved && !back {
		return a, nil
	}
	generation := a.Generation
	a, err := r.hold(ctx, a, in, p)
	if err != nil || a == nil || a.Generation != generation {
		return a, err // another wish: nothing of it was made
	}
	if moved {
		a.Spec.MoveTo = ""
	}
	if back {
		a.Spec.Rollback = nil
	}
	if err := r.Hub.SaveAddon(ctx, a); err != nil {
		return nil, err
	}
	return r.Hub.Addon(ctx, p.Cluster, p.AddOn)
}

// hold writes the release that a way back leaves into the status, unless it stands there.
func (r *Recorder) hold(ctx context.Context, a *v1alpha1.Addon, in plan.Input, p plan.Plan) (*v1alpha1.Addon, error) {
	next := r.status(a, a.Generation, in, p)
	if reflect.DeepEqual(next.Held, a.Status.Held) {
		return a, nil
	}
	a.Status = next
	if err := r.Hub.SaveAddonStatus(ctx, a); err != nil {
		return nil, err
	}
	return r.Hub.Addon(ctx, p.Cluster, p.AddOn)
}

// status is the one that a record gets. A release is held for a way back only as long as the record has that: who says retry while somebody looks
// is not overruled by what was seen before.
func (r *Recorder) status(a *v1alpha1.Addon, generation int64, in plan.Input, p plan.Plan) v1alpha1.AddonStatus {
	if b := a.Spec.Rollback; b == nil || b.Leaves != in.Desired.Back.Leaves {
		in.Desired.Back.Leaves = ""
	}
	return status.Addon(a.Status, generation, in, p, r.By)
}

// normal drops what two equal statuses may differ in: times below the second, which the API server does not keep.
func normal(s v1alpha1.AddonStatus) v1alpha1.AddonStatus {
	out := *s.DeepCopy()
	for i := range out.Conditions {
		out.Conditions[i].LastTransitionTime = metav1.Time{}
	}
	for i := range out.History {
		out.History[i].At = nil
	}
	return out
}

// Wish is what is to be recorded of a cluster and its add-on.
type Wish struct {
	Cluster     string
	NetworkType v1alpha1.NetworkType
	// TypeRule says which rule chose the type, where none was given outright.
	TypeRule string
	PodCIDRs []string
	// UID of the target's kube-system.
	UID string
	// Desired add-on; an empty AddOn records the cluster alone.
	Desired plan.Desired
	// Seen is the wish that was recorded when this one was decided on. Save does not write over another one.
	Seen plan.Desired
	// Own is true for the wish of a person: what a rollout wanted of the add-on is over then, also that it holds still.
	Own bool
	// Fresh is true when the add-on is not on the cluster yet: only then is an open choice of pod CIDRs filled in.
	Fresh bool
}

// Save records a wish: our definitions, the Addon, the stamp on the target, the ClusterNetwork, in this order, so that a
// crash in between loses no pin, and leaves a cluster whose type is stamped and never one whose type is recorded and unproven.
// What is there already is kept; only the add-on's wish is changed. It may be repeated.
func (h *Hub) Save(ctx context.Context, target *kube.Client, w Wish) error {
	if err := h.Install(ctx); err != nil {
		return err
	}
	if err := h.wish(ctx, w); err != nil {
		return err
	}
	return h.register(ctx, target, w)
}

// wish records what is wanted of the add-on, if anything is.
func (h *Hub) wish(ctx context.Context, w Wish) error {
	if w.Desired.AddOn == "" {
		return nil
	}
	a, err := h.Addon(ctx, w.Cluster, w.Desired.AddOn)
	if err != nil {
		return err
	}
	now, err := Desired(specOf(a))
	if err != nil {
		return err
	}
	if !now.Equal(w.Seen) && !now.Equal(w.Desired) {
		return fmt.Errorf("recording the wish for %s: %w", w.Desired.AddOn, ErrChanged)
	}
	if a == nil {
		a = &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: AddonName(w.Cluster, w.Desired.AddOn)}}
	}
	spec := *a.Spec.DeepCopy()
	if err := want(&spec, w); err != nil {
		return err
	}
	if reflect.DeepEqual(spec, a.Spec) {
		return nil
	}
	a.Spec = spec
	return h.SaveAddon(ctx, a)
}

func specOf(a *v1alpha1.Addon) v1alpha1.AddonSpec {
	if a == nil {
		return v1alpha1.AddonSpec{}
	}
	return a.Spec
}

// Desired is the wish that a recorded spec stands for; zero for an empty one.
func Desired(s v1alpha1.AddonSpec) (d plan.Desired, err error) {
	d = plan.Desired{
		AddOn: s.Addon, Version: s.Version, MoveTo: s.MoveTo,
		Conflicts: plan.ConflictPolicy(s.ConflictPolicy), OnFailure: plan.OnFailure(s.OnFailure), Namespace: s.Namespace,
		NodeUpdate: plan.NodeUpdate(s.NodeUpdate), Roll: policy(s.Roll),
	}
	d.Pin = pinIn(s.Pin)
	if s.Accept != nil {
		d.Accept = plan.Accept{Version: s.Accept.Version, Reason: s.Accept.Reason}
	}
	if s.Rollback != nil {
		d.Back = backOf(s.Rollback)
	}
	if d.Settings, err = settings(s); err != nil {
		return d, fmt.Errorf("reading what is recorded of %s: %w", s.Addon, err)
	}
	return d, nil
}

// pinIn is a recorded pin; zero where there is none.
func pinIn(p *v1alpha1.Pin) (out plan.Pin) {
	if p == nil {
		return out
	}
	out = plan.Pin{Reason: p.Reason, By: p.By, Ticket: p.Ticket}
	if p.At != nil {
		out.At = p.At.Time
	}
	if p.Until != nil {
		out.Until = p.Until.Time
	}
	return out
}

// Held are the releases that a recorded status holds.
func Held(s v1alpha1.AddonStatus) []plan.Held {
	var out []plan.Held
	for _, h := range s.Held {
		held := plan.Held{Version: h.Version, Reason: h.Reason, Pinned: h.Pinned, Pin: pinIn(h.Pin)}
		if h.At != nil {
			held.At = h.At.Time
		}
		out = append(out, held)
	}
	return out
}

func (h *Hub) register(ctx context.Context, target *kube.Client, w Wish) error {
	stamp, err := ReadStamp(ctx, target)
	if err != nil {
		return err
	}
	cluster, err := h.Cluster(ctx, w.Cluster)
	if err != nil {
		return err
	}
	if stamp == nil && cluster != nil {
		return fmt.Errorf("recording cluster %s: it is registered and carries no stamp; addonctl cluster register --restamp", w.Cluster)
	}
	mine := Stamp{NetworkType: w.NetworkType, UID: w.UID, Cluster: w.Cluster}
	switch {
	case stamp == nil:
		if err := WriteStamp(ctx, target, mine); err != nil {
			return err
		}
	case *stamp != mine:
		return fmt.Errorf("recording cluster %s as %s, which is stamped %s: %w", w.Cluster, w.NetworkType, stamp.NetworkType, ErrChanged)
	}
	if cluster != nil {
		return h.choosePodCIDRs(ctx, cluster, w)
	}
	return h.SaveCluster(ctx, &v1alpha1.ClusterNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: w.Cluster, Annotations: RuleOf(w.TypeRule)},
		Spec:       v1alpha1.ClusterNetworkSpec{NetworkType: w.NetworkType, PodCIDRs: w.PodCIDRs},
	})
}

// RuleOf is the annotation of a ClusterNetwork whose type a rule chose; nil for none.
func RuleOf(rule string) map[string]string {
	if rule == "" {
		return nil
	}
	return map[string]string{v1alpha1.AnnotationNetworkTypeRule: rule}
}

// choosePodCIDRs fills in what was left open at registration, as long as nothing is installed with the default.
func (h *Hub) choosePodCIDRs(ctx context.Context, c *v1alpha1.ClusterNetwork, w Wish) error {
	if len(c.Spec.PodCIDRs) > 0 || len(w.PodCIDRs) == 0 || !w.Fresh {
		return nil
	}
	c.Spec.PodCIDRs = w.PodCIDRs
	return h.SaveCluster(ctx, c)
}

func want(s *v1alpha1.AddonSpec, w Wish) error {
	d := w.Desired
	s.Cluster, s.Addon, s.Driver = w.Cluster, d.AddOn, v1alpha1.DriverHelm
	s.Version, s.MoveTo, s.Pin, s.Accept = d.Version, d.MoveTo, nil, nil
	s.ConflictPolicy, s.OnFailure, s.Namespace = string(d.Conflicts), string(d.OnFailure), d.Namespace
	s.NodeUpdate = string(d.NodeUpdate)
	wantRoll(s, d.Roll)
	if d.Accept.Version != "" {
		s.Accept = &v1alpha1.Accept{Version: d.Accept.Version, Reason: d.Accept.Reason}
	}
	s.Rollback = nil
	if b := d.Back; b.Revision > 0 {
		s.Rollback = &v1alpha1.Rollback{Revision: int32(b.Revision), Leaves: b.Leaves, To: b.To, Reason: b.Reason, Nodes: b.Nodes} //nolint:gosec // revisions are small
	}
	if d.Version != "" && d.Pin != (plan.Pin{}) {
		s.Pin = status.PinOf(d.Pin)
	}
	if w.Own {
		s.Rollout = nil
	}
	return wantSettings(s, d.Settings)
}

func backOf(r *v1alpha1.Rollback) plan.Back {
	return plan.Back{Revision: int(r.Revision), Leaves: r.Leaves, To: r.To, Reason: r.Reason, Nodes: r.Nodes}
}
