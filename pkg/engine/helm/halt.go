package helm

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apply "k8s.io/client-go/applyconfigurations/apps/v1"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// halt stops the DaemonSet controller from changing further nodes. It needs no render, so that nothing but the server can be in its way.
func (e *Engine) halt(ctx context.Context, in plan.Input, s plan.Step) (plan.Result, error) {
	result := plan.Result{Step: s}
	addOn, _, _ := plan.Target(in)
	j := &job{Engine: e, addOn: addOn}
	c, err := j.stop(ctx, s)
	if err != nil {
		return result, fmt.Errorf("carrying out %s of %s: %w", s.Kind, s.AddOn, err)
	}
	result.Objects = []plan.ObjectChange{c}
	return result, nil
}

// stop writes the strategy of the live workload and nothing else of it, whoever owns the strategy. It does so as the owner of the release's
// fields, each of them as it is: so the next write of the release finds no other owner.
func (j *job) stop(ctx context.Context, s plan.Step) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: "DaemonSet " + j.addOn.Workload.Name, Action: plan.Configure}
	for tried := 1; ; tried++ {
		d, err := j.workload(ctx)
		switch {
		case err != nil:
			return c, err
		case d.Annotations[kube.AnnotationDigest] != s.Digest:
			return c, fmt.Errorf("what the controller is to be stopped at is not the live release any more: %w", ErrStale)
		case d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType:
			c.Action = plan.Unchanged
			return c, nil
		}
		ours, err := apply.ExtractDaemonSet(d, kube.FieldManager)
		if err != nil {
			return c, fmt.Errorf("reading what is ours of %s: %w", c.Object, err)
		}
		if ours.Spec == nil {
			ours.Spec = apply.DaemonSetSpec()
		}
		ours.WithUID(d.UID).WithResourceVersion(d.ResourceVersion)
		ours.Spec.UpdateStrategy = apply.DaemonSetUpdateStrategy().WithType(appsv1.OnDeleteDaemonSetStrategyType)
		_, err = j.Target.Typed.AppsV1().DaemonSets(d.Namespace).Apply(ctx, ours, metav1.ApplyOptions{FieldManager: kube.FieldManager, Force: true})
		switch {
		case err == nil:
			return c, nil
		case !apierrors.IsConflict(err) || tried == markings:
			return c, fmt.Errorf("stopping the controller of %s: %w", c.Object, err)
		}
	}
}
