package helm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// ErrRollTooLarge says that what a roll would have to remember does not fit onto its workload.
var ErrRollTooLarge = errors.New("the roll has too much to remember")

const (
	// mostRemembered is how many bytes a roll may put onto its workload; all annotations together may have 256 KiB.
	mostRemembered = 100 << 10
	// markings is how often a mark on the workload is tried again, whose status its controller writes all the time.
	markings = 10
)

// changeNodes deletes the pods of a step's targets, one after the other, so that their nodes take the newest revision. What the roll
// remembers stands on the workload before the first of them goes. Nothing but these pods is deleted, and of them only what is
// still as it was seen: what is not is left to the next look. The release's own guard is lifted for as long as it takes, and restored
// whatever happens. nodes are those of the look that the step was planned by.
func (j *job) changeNodes(ctx context.Context, nodes []noderoll.Node, s plan.Step) ([]plan.ObjectChange, error) {
	d, err := j.intend(ctx, s)
	if err != nil {
		return nil, err
	}
	if !j.hasGuard() {
		return j.deleteAll(ctx, d, editions(nodes, s.Roll.Revision), s)
	}
	first, err := j.first(ctx, d, s)
	if err != nil || first == nil {
		return nil, err
	}
	lifted, err := j.letGo(ctx, first)
	var out []plan.ObjectChange
	if err == nil {
		out, err = j.deleteAll(ctx, nil, editions(nodes, s.Roll.Revision), s) // lifting took its time
	}
	if lifted {
		err = errors.Join(err, j.lockAgain(ctx, d))
	}
	return out, err
}

// intend writes what the roll remembers onto the workload, and returns the workload.
func (j *job) intend(ctx context.Context, s plan.Step) (*appsv1.DaemonSet, error) {
	text, err := remembered(s.Roll)
	if err != nil {
		return nil, err
	}
	return j.remember(ctx, &text, func(ctx context.Context) (*appsv1.DaemonSet, error) { return j.rolling(ctx, s) })
}

// noteBefore writes onto the workload what is to be remembered before its template changes, where the controller will change the nodes.
func (j *job) noteBefore(ctx context.Context, s plan.Step) error {
	if s.Roll.Revision == "" {
		return nil
	}
	text, err := remembered(s.Roll)
	if err != nil {
		return err
	}
	_, err = j.remember(ctx, &text, j.workload)
	return err
}

// remembered is a record as it is kept.
func remembered(r noderoll.Record) (string, error) {
	if r.Revision == "" {
		return "", fmt.Errorf("the step names no revision: %w", ErrStale)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encoding what the roll remembers: %w", err)
	}
	if len(text) > mostRemembered {
		return "", fmt.Errorf("%w: %d bytes, with %d nodes that were broken before and %d that are changed now; there is room for %d: mend nodes, or lower maxUnavailable",
			ErrRollTooLarge, len(text), len(r.Broken), len(r.Intent), mostRemembered)
	}
	return string(text), nil
}

// remember writes the mark of a roll onto the workload that read returns, or takes it away; what is so already is not written.
func (j *job) remember(ctx context.Context, text *string, read func(context.Context) (*appsv1.DaemonSet, error)) (*appsv1.DaemonSet, error) {
	for tried := 1; ; tried++ {
		d, err := read(ctx)
		if err != nil {
			return nil, err
		}
		if was, ok := d.Annotations[kube.AnnotationRoll]; ok == (text != nil) && (!ok || was == *text) {
			return d, nil
		}
		body, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"uid": d.UID, "resourceVersion": d.ResourceVersion, "annotations": map[string]any{kube.AnnotationRoll: text},
		}})
		if err != nil {
			return nil, fmt.Errorf("encoding the roll of DaemonSet %s: %w", d.Name, err)
		}
		d, err = j.Target.Typed.AppsV1().DaemonSets(d.Namespace).Patch(ctx, d.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: kube.RollManager})
		switch {
		case err == nil:
			return d, nil
		case !apierrors.IsConflict(err) || tried == markings:
			return nil, fmt.Errorf("noting the roll on DaemonSet %s: %w", j.addOn.Workload.Name, err)
		}
	}
}

// forget takes the mark of the roll away.
func (j *job) forget(ctx context.Context) ([]plan.ObjectChange, error) {
	_, err := j.remember(ctx, nil, j.workload)
	return nil, err
}

// rolling reads the live workload; ErrStale where it is not the one that the step was planned for, has not been acted on by its
// controller, or where the controller replaces pods by itself.
func (j *job) rolling(ctx context.Context, s plan.Step) (*appsv1.DaemonSet, error) {
	d, err := j.workload(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case !j.isOf(d, s):
		return nil, fmt.Errorf("revision %d is not the live one any more: %w", s.Revision, ErrStale)
	case d.Status.ObservedGeneration != d.Generation:
		return nil, fmt.Errorf("DaemonSet %s has changed, and its controller has not seen it: %w", d.Name, ErrStale)
	case d.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType:
		return nil, fmt.Errorf("the controller of DaemonSet %s replaces pods by itself: %w", d.Name, ErrStale)
	}
	return d, nil
}

// first is the pod of the first target that can be deleted; nil when there is none.
func (j *job) first(ctx context.Context, d *appsv1.DaemonSet, s plan.Step) (*corev1.Pod, error) {
	for _, t := range s.Targets {
		p, why, err := j.target(ctx, d, t, s.Roll.Revision)
		if err != nil {
			return nil, err
		}
		if why == "" {
			return p, nil
		}
	}
	return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
}

// deleteAll deletes the pods of the targets. Before each it looks whether the workload still is the step's, and this actor the one that
// may write; d is the workload where it was read just now, seen are the editions of pods.
func (j *job) deleteAll(ctx context.Context, d *appsv1.DaemonSet, seen map[noderoll.Target]string, s plan.Step) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	for _, t := range s.Targets {
		if d == nil {
			var err error
			if d, err = j.rolling(ctx, s); err != nil {
				return out, err
			}
		}
		c, err := j.deletePod(ctx, d, t, seen[t], s.Roll.Revision)
		if err != nil {
			return out, err
		}
		out, d = append(out, c), nil
	}
	return out, nil
}

// editions are the resourceVersions at which a look saw pods of older revisions, by what they are as targets.
func editions(nodes []noderoll.Node, newest string) map[noderoll.Target]string {
	out := make(map[noderoll.Target]string, len(nodes))
	for _, n := range nodes {
		if p := n.Pod; p != nil && !p.Terminating && p.Revision != "" && p.Revision != newest {
			out[noderoll.Target{Node: n.Name, Pod: p.Name, UID: p.UID}] = p.Seen
		}
	}
	return out
}

// deletePod deletes the pod of a target as it was seen. What was not seen to be an older pod of the workload on that node, or has changed
// since, is read before.
func (j *job) deletePod(ctx context.Context, d *appsv1.DaemonSet, t noderoll.Target, seen, newest string) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: fmt.Sprintf("Pod %s on %s", t.Pod, t.Node), Action: plan.Unchanged}
	var err error
	if seen != "" {
		err = j.deleteAs(ctx, d.Namespace, t, seen)
	}
	if seen == "" || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		var p *corev1.Pod
		if p, c.Message, err = j.target(ctx, d, t, newest); err != nil || c.Message != "" {
			return c, err
		}
		err = j.deleteAs(ctx, d.Namespace, t, p.ResourceVersion)
	}
	switch {
	case err == nil:
		c.Action = Deleted
		return c, nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		c.Message = "it changed meanwhile"
		return c, nil
	case denied(err):
		return c, fmt.Errorf("deleting %s: %w: %w", c.Object, plan.ErrNotYet, err)
	default:
		return c, fmt.Errorf("deleting %s: %w", c.Object, err)
	}
}

// deleteAs deletes the pod of a target at one resourceVersion, and at no other.
func (j *job) deleteAs(ctx context.Context, namespace string, t noderoll.Target, version string) error {
	uid := types.UID(t.UID)
	return j.Target.Typed.CoreV1().Pods(namespace).Delete(ctx, t.Pod, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	})
}

// target reads the pod of a target; why says what it has instead of being an older pod of the workload on that node.
func (j *job) target(ctx context.Context, d *appsv1.DaemonSet, t noderoll.Target, newest string) (p *corev1.Pod, why string, err error) {
	p, err = j.Target.Typed.CoreV1().Pods(d.Namespace).Get(ctx, t.Pod, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, "it is gone", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading Pod %s/%s: %w", d.Namespace, t.Pod, err)
	}
	return p, spared(p, d, t, newest), nil
}

// spared says why a pod is not deleted; empty for one that is.
func spared(p *corev1.Pod, d *appsv1.DaemonSet, t noderoll.Target, newest string) string {
	var why []string
	for _, is := range []struct {
		so   bool
		text string
	}{
		{string(p.UID) != t.UID, "it is another pod of that name"},
		{p.Spec.NodeName != t.Node, "it is on another node"},
		{!metav1.IsControlledBy(p, d), "it is not the DaemonSet's"},
		{p.DeletionTimestamp != nil, "it is being deleted"},
		{p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == "", "it says no revision"},
		{p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == newest, "it is of the newest revision"},
	} {
		if is.so {
			why = append(why, is.text)
		}
	}
	return strings.Join(why, ", ")
}

// rollRights are the rights that changing nodes needs.
func (j *job) rollRights() []kube.Right {
	ns := j.addOn.Workload.Namespace
	out := []kube.Right{{Verb: "get", Resource: "pods", Namespace: ns}, {Verb: "delete", Resource: "pods", Namespace: ns}}
	if j.hasGuard() {
		for _, verb := range []string{"get", "patch"} {
			out = append(out, kube.Right{Verb: verb, Group: "admissionregistration.k8s.io", Resource: "validatingadmissionpolicybindings", Name: kube.PodGuardBinding})
		}
	}
	return append(out, j.tendRights()...)
}
