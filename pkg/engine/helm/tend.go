package helm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// tend does a step's errands on nodes, one after the other. Each may be repeated. Before each it looks whether the workload still is
// the step's, and this actor the one that may write. What has to wait does not keep the others from being done: plan.ErrNotYet says
// afterwards what waits.
func (j *job) tend(ctx context.Context, in plan.Input, s plan.Step) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	var waits []error
	for _, e := range s.Errands {
		d, err := j.rolling(ctx, s)
		if err != nil {
			return out, err
		}
		c, err := j.errand(ctx, in, d, e)
		switch {
		case errors.Is(err, plan.ErrNotYet):
			waits = append(waits, err)
		case err != nil:
			return out, err
		default:
			out = append(out, c)
		}
	}
	return out, errors.Join(waits...)
}

// tidy does the errands by which what an earlier roll left on nodes goes. It needs no render, and no workload either.
func (e *Engine) tidy(ctx context.Context, in plan.Input, s plan.Step) (plan.Result, error) {
	result := plan.Result{Step: s}
	addOn, _, _ := plan.Target(in)
	j := &job{Engine: e, addOn: addOn}
	for _, errand := range s.Errands {
		_, err := j.workload(ctx)
		if err != nil && !apierrors.IsNotFound(err) {
			return result, fmt.Errorf("carrying out %s of %s: %w", s.Kind, s.AddOn, err)
		}
		c, err := j.removal(ctx, errand)
		if err != nil {
			return result, fmt.Errorf("carrying out %s of %s: %w", s.Kind, s.AddOn, err)
		}
		result.Objects = append(result.Objects, c)
	}
	return result, nil
}

// errand carries out one of them.
func (j *job) errand(ctx context.Context, in plan.Input, d *appsv1.DaemonSet, e noderoll.Errand) (plan.ObjectChange, error) {
	switch e.Kind {
	case noderoll.StartPull, noderoll.StartFresh:
		return j.startHelper(ctx, in, d, e)
	case noderoll.NoteFresh:
		return j.noteFresh(ctx, in.Now, e)
	case noderoll.Cordon:
		return j.cordon(ctx, in.Now, e.Node)
	case noderoll.Drain:
		return j.drain(ctx, e.Node)
	default:
		return j.removal(ctx, e)
	}
}

// removal carries out an errand that takes something back.
func (j *job) removal(ctx context.Context, e noderoll.Errand) (plan.ObjectChange, error) {
	switch e.Kind {
	case noderoll.RemoveHelper:
		return j.removeHelper(ctx, e)
	case noderoll.Uncordon:
		return j.uncordon(ctx, e.Node)
	default:
		return plan.ObjectChange{}, fmt.Errorf("there is no errand %q", e.Kind)
	}
}

// noteFresh notes on an agent that a fresh pod got an address beside it, and deletes that pod. An agent that is another one by now has
// to show it anew.
func (j *job) noteFresh(ctx context.Context, now time.Time, e noderoll.Errand) (plan.ObjectChange, error) {
	ns := j.addOn.Workload.Namespace
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": e.UID, "annotations": map[string]any{kube.AnnotationFresh: e.Address + " " + now.UTC().Format(time.RFC3339)},
	}})
	if err != nil {
		return plan.ObjectChange{}, fmt.Errorf("encoding the note on Pod %s: %w", e.Pod, err)
	}
	_, err = j.Target.Typed.CoreV1().Pods(ns).Patch(ctx, e.Pod, types.MergePatchType, body, metav1.PatchOptions{FieldManager: kube.RollManager})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return plan.ObjectChange{}, fmt.Errorf("noting on Pod %s/%s that a fresh pod got an address: %w", ns, e.Pod, err)
	}
	return j.removeHelper(ctx, e)
}

// removeHelper deletes a helper pod, and no other of its name.
func (j *job) removeHelper(ctx context.Context, e noderoll.Errand) (plan.ObjectChange, error) {
	ns, uid := j.addOn.Workload.Namespace, types.UID(e.HelperUID)
	c := plan.ObjectChange{Object: fmt.Sprintf("Pod %s on %s", e.Helper, e.Node), Action: Deleted}
	err := j.Target.Typed.CoreV1().Pods(ns).Delete(ctx, e.Helper, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		c.Action, c.Message = plan.Unchanged, "it is gone"
	case err != nil:
		return c, fmt.Errorf("deleting %s: %w", c.Object, err)
	}
	return c, nil
}

// cordon marks a node so that no new pods come to it, and that it was us. One that somebody else cordoned is theirs, and one that we
// cordoned and somebody uncordoned stays as they want it.
func (j *job) cordon(ctx context.Context, now time.Time, node string) (plan.ObjectChange, error) {
	return j.patchNode(ctx, node, func(n *corev1.Node) (why string, mark, cordoned any) {
		switch {
		case n.Annotations[kube.AnnotationCordoned] != "":
			return "it has our mark", nil, nil
		case n.Spec.Unschedulable:
			return "somebody else has cordoned it", nil, nil
		}
		return "", now.UTC().Format(time.RFC3339) + " " + j.addOn.Release, true
	})
}

// uncordon takes our mark from a node, and lets pods come to it again. What others cordoned has none.
func (j *job) uncordon(ctx context.Context, node string) (plan.ObjectChange, error) {
	return j.patchNode(ctx, node, func(n *corev1.Node) (why string, mark, cordoned any) {
		if _, ours := kube.Cordoned(n, j.addOn.Release); !ours {
			return "it has no mark of ours", nil, nil
		}
		return "", nil, nil
	})
}

// patchNode writes a node's cordon together with our mark on it; nil takes either away. change says why nothing is to be written, as the
// node was read. Kubelets write their nodes all the time, so a conflict is met by reading again.
func (j *job) patchNode(ctx context.Context, node string, change func(*corev1.Node) (why string, mark, cordoned any)) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: "Node " + node, Action: plan.Configure}
	nodes := j.Target.Typed.CoreV1().Nodes()
	for tried := 1; ; tried++ {
		n, err := nodes.Get(ctx, node, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			c.Action, c.Message = plan.Unchanged, "it is gone"
			return c, nil
		}
		if err != nil {
			return c, fmt.Errorf("reading %s: %w", c.Object, err)
		}
		why, mark, cordoned := change(n)
		if why != "" {
			c.Action, c.Message = plan.Unchanged, why
			return c, nil
		}
		body, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"uid": n.UID, "resourceVersion": n.ResourceVersion, "annotations": map[string]any{kube.AnnotationCordoned: mark}},
			"spec":     map[string]any{"unschedulable": cordoned},
		})
		if err != nil {
			return c, fmt.Errorf("encoding the cordon of %s: %w", c.Object, err)
		}
		_, err = nodes.Patch(ctx, node, types.MergePatchType, body, metav1.PatchOptions{FieldManager: kube.RollManager})
		switch {
		case err == nil:
			return c, nil
		case !apierrors.IsConflict(err) || tried == markings:
			return c, fmt.Errorf("cordoning or uncordoning %s: %w", c.Object, err)
		}
	}
}

// drain evicts what may leave a node, once. Pods that nothing would make anew leave nothing evicted; a disruption budget that allows no
// eviction now is plan.ErrNotYet with its name.
func (j *job) drain(ctx context.Context, node string) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: "Node " + node, Action: plan.Configure}
	leaving, stranded, err := j.Target.Leaving(ctx, node)
	if err != nil {
		return c, err
	}
	if len(stranded) > 0 {
		return c, fmt.Errorf("draining %s: Pod %s/%s has no controller that would make it anew: %w", node, stranded[0].Namespace, stranded[0].Name, plan.ErrNotYet)
	}
	var kept []string
	for i := range leaving {
		if leaving[i].DeletionTimestamp != nil {
			continue
		}
		why, err := j.evict(ctx, &leaving[i])
		if err != nil {
			return c, fmt.Errorf("draining %s: %w", node, err)
		}
		if why != "" {
			kept = append(kept, why)
		}
	}
	if len(kept) > 0 {
		return c, fmt.Errorf("draining %s: %s: %w", node, strings.Join(kept, "; "), plan.ErrNotYet)
	}
	return c, nil
}

// evict asks for a pod's eviction; why says what keeps it now.
func (j *job) evict(ctx context.Context, p *corev1.Pod) (why string, err error) {
	err = j.Target.Typed.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &p.UID}},
	})
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return "", nil
	case apierrors.IsTooManyRequests(err):
		return fmt.Sprintf("Pod %s/%s is not let go: %s", p.Namespace, p.Name, budget(err)), nil
	default:
		return "", fmt.Errorf("evicting Pod %s/%s: %w", p.Namespace, p.Name, err)
	}
}

// budget is what the API server says of the disruption budget that keeps a pod, else all that it says.
func budget(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			if cause.Type == policyv1.DisruptionBudgetCause {
				return cause.Message
			}
		}
	}
	return err.Error()
}

// tendRights are the rights that errands need which a policy asks for.
func (j *job) tendRights() []kube.Right {
	ns := j.addOn.Workload.Namespace
	isOn := func(p *bool) bool { return p != nil && *p }
	fresh := j.roll.FreshPod != nil && *j.roll.FreshPod != ""
	var out []kube.Right
	if fresh || isOn(j.roll.PrePull) {
		out = append(out, kube.Right{Verb: "create", Resource: "pods", Namespace: ns})
	}
	if fresh {
		out = append(out, kube.Right{Verb: "patch", Resource: "pods", Namespace: ns})
	}
	if isOn(j.roll.Cordon) || isOn(j.roll.Drain) {
		out = append(out, kube.Right{Verb: "get", Resource: "nodes"}, kube.Right{Verb: "patch", Resource: "nodes"})
	}
	if isOn(j.roll.Drain) {
		out = append(out, kube.Right{Verb: "list", Resource: "pods"}, kube.Right{Verb: "create", Resource: "pods/eviction"})
	}
	return out
}
