package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// policyReconciler judges all policies together, because they may overlap, opens rollouts, and forgets old ones. It decides on no cluster.
type policyReconciler struct{ *fleet }

// allPolicies is the only thing that a policyReconciler works on.
var allPolicies = reconcile.Request{NamespacedName: client.ObjectKey{Name: "all"}}

// Reconcile implements reconcile.Reconciler.
func (c policyReconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	if !c.catalogs.Followed() {
		return reconcile.Result{RequeueAfter: soon}, nil
	}
	r, err := c.records(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	there := map[string]bool{}
	for _, a := range r.addons {
		there[a.Name] = true
	}
	c.watcher.forget(there)
	var failed []error
	for _, p := range r.policies {
		failed = append(failed, c.one(ctx, r, p))
	}
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	if err := worst(failed); apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: soonest / 10}, nil // somebody else wrote: look again
	} else if err != nil {
		return reconcile.Result{}, err
	}
	if next := r.pinEnds(); !next.IsZero() {
		return reconcile.Result{RequeueAfter: max(soonest, next.Sub(r.now))}, nil
	}
	return reconcile.Result{}, nil
}

// one judges one policy, and opens its rollouts.
func (c policyReconciler) one(ctx context.Context, r records, p status.Policy) error {
	open, waits := r.openings(p, c.catalogs.Current())
	var failed []error
	for _, o := range open {
		failed = append(failed, c.open(ctx, p, o))
	}
	for _, x := range r.surplus(p.Name) {
		uid := x.UID
		err := c.client.Delete(ctx, x, client.Preconditions{UID: &uid, ResourceVersion: &x.ResourceVersion})
		if client.IgnoreNotFound(err) != nil {
			failed = append(failed, fmt.Errorf("deleting AddonRollout %s: %w", x.Name, err))
		}
	}
	if !p.BuiltIn {
		failed = append(failed, c.judge(ctx, r, p, waits))
	}
	return worst(slices.DeleteFunc(failed, func(err error) bool { return err == nil }))
}

// open begins a rollout. Its members are chosen by whoever takes it further, so that this may be repeated.
func (c policyReconciler) open(ctx context.Context, p status.Policy, o opening) error {
	x := &v1alpha1.AddonRollout{
		ObjectMeta: metav1.ObjectMeta{Name: o.name},
		Spec:       v1alpha1.AddonRolloutSpec{Policy: p.Name, Addon: o.addOn, Version: o.Version, Leaves: o.Leaves},
	}
	err := c.client.Create(ctx, x, client.FieldOwner(fieldManager))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("opening AddonRollout %s: %w", o.name, err)
	}
	return nil
}

// judge writes the status of a policy, when it is another.
func (c policyReconciler) judge(ctx context.Context, r records, p status.Policy, waits []string) error {
	var live v1alpha1.UpdatePolicy
	if err := c.client.Get(ctx, client.ObjectKey{Name: p.Name}, &live); err != nil {
		return client.IgnoreNotFound(err)
	}
	after := r.policyStatus(p, waits, live)
	after.Conditions[0].LastTransitionTime = metav1.NewTime(c.clock())
	before := meta.FindStatusCondition(live.Status.Conditions, v1alpha1.ConditionReady)
	if before != nil && before.Status == after.Conditions[0].Status {
		after.Conditions[0].LastTransitionTime = before.LastTransitionTime
	}
	if equality.Semantic.DeepEqual(live.Status, after) {
		return nil
	}
	live.Status = after
	if err := c.client.Status().Update(ctx, &live, client.FieldOwner(fieldManager)); err != nil {
		return fmt.Errorf("writing UpdatePolicy %s: %w", p.Name, err)
	}
	if now := after.Conditions[0]; before == nil || before.Reason != now.Reason || before.Message != now.Message {
		kind := corev1.EventTypeWarning
		if now.Status == metav1.ConditionTrue {
			kind = corev1.EventTypeNormal
		}
		c.event(&live, kind, now.Reason, now.Message)
	}
	return nil
}

// shownRollouts is how many open rollouts a policy's status names.
const shownRollouts = 20

// policyStatus is what is seen of a policy. The time of its condition is not set.
func (r records) policyStatus(p status.Policy, waits []string, live v1alpha1.UpdatePolicy) v1alpha1.UpdatePolicyStatus {
	addons, overlaps := r.taken(p.Name)
	clusters := map[string]bool{}
	for _, a := range addons {
		clusters[a.Spec.Cluster] = true
	}
	out := v1alpha1.UpdatePolicyStatus{ObservedGeneration: live.Generation, Clusters: int32(len(clusters))} //nolint:gosec // a fleet is small
	for _, x := range r.rollouts {
		if x.Spec.Policy == p.Name && !status.StandingOf(x).Ended() && len(out.Rollouts) < shownRollouts {
			out.Rollouts = append(out.Rollouts, x.Name)
		}
	}
	c := metav1.Condition{Type: v1alpha1.ConditionReady, ObservedGeneration: live.Generation, Status: metav1.ConditionFalse}
	switch faults := r.faults(p); {
	case len(faults) > 0:
		c.Reason, c.Message = v1alpha1.ReasonInvalid, strings.ReplaceAll(errors.Join(faults...).Error(), "\n", "; ")
	case len(overlaps) > 0:
		c.Reason, c.Message = v1alpha1.ReasonOverlaps, overlapText(overlaps)+": nothing is begun there"
	default:
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonAccepted
		c.Message = strings.Join(slices.Concat([]string{"it is followed"}, waits, r.undecided(p, addons)), "; ")
	}
	const most = 32768 // what a condition takes
	c.Message = c.Message[:min(len(c.Message), most)]
	out.Conditions = []metav1.Condition{c}
	return out
}
