package helm

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
)

// workload is one of the render, with a pod as its controller would make it.
type workload struct {
	*unstructured.Unstructured
	pod *corev1.Pod
	// missing is true when the workload is not on the cluster yet.
	missing bool
}

// workloads are those of the render that make pods. missing names the objects that are not on the cluster yet: a ServiceAccount of
// them is left out of the pods, because they are asked about before it is written.
func (j *job) workloads(_ context.Context, missing []string) ([]workload, error) {
	var out []workload
	for _, o := range j.render.Objects {
		if render.PhaseOf(o) != render.Workloads {
			continue
		}
		pod, err := podOf(o)
		if err != nil {
			return nil, err
		}
		if pod == nil {
			continue
		}
		if slices.Contains(missing, kube.Ref(account(pod))) {
			pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = "", ""
		}
		out = append(out, workload{o, pod, slices.Contains(missing, kube.Ref(o))})
	}
	return out, nil
}

// account is the ServiceAccount of a pod, by kind and name alone.
func account(pod *corev1.Pod) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetKind("ServiceAccount")
	o.SetNamespace(pod.Namespace)
	o.SetName(pod.Spec.ServiceAccountName)
	return o
}

// podOf is a pod of a workload's template; nil for a workload without one.
func podOf(o *unstructured.Unstructured) (*corev1.Pod, error) {
	raw, ok, err := unstructured.NestedMap(o.Object, "spec", "template")
	if err != nil || !ok {
		return nil, err
	}
	var t corev1.PodTemplateSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &t); err != nil {
		return nil, fmt.Errorf("reading the pod template of %s: %w", kube.Ref(o), err)
	}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		GenerateName: o.GetName() + "-", Namespace: o.GetNamespace(), Labels: t.Labels, Annotations: t.Annotations,
	}, Spec: t.Spec}, nil
}

// podsRefused asks the API server to create one pod of each workload, in a dry run. A dry run of the workload alone tells nothing: its
// controller would make no pod, and nobody would hear of it but in Events.
func (j *job) podsRefused(ctx context.Context, workloads []workload) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	for _, w := range workloads {
		c := plan.ObjectChange{Object: kube.Ref(w.Unstructured), Action: plan.Refused}
		err := j.createPod(ctx, w.pod)
		switch {
		case err == nil, apierrors.IsNotFound(err): // without a namespace there is nothing in it that refuses pods
			continue
		case !answered(err):
			return nil, fmt.Errorf("asking whether a pod of %s is admitted: %w", c.Object, err)
		}
		makesRoom, err2 := j.makesRoom(ctx, w, err)
		if err2 != nil {
			return nil, err2
		}
		if makesRoom {
			continue
		}
		c.Message = err.Error()
		if c.Action, err2 = j.verdict(ctx, w.pod, &c.Message); err2 != nil {
			return nil, err2
		}
		out = append(out, c)
	}
	return out, nil
}

func (j *job) createPod(ctx context.Context, pod *corev1.Pod) error {
	_, err := j.Target.Typed.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: kube.FieldManager,
	})
	return err
}

// answered tells whether an error is the server's own verdict: of itself, or of a webhook that it could not reach.
func answered(err error) bool {
	return refuses(err) || apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook") ||
		apierrors.ReasonForError(err) != metav1.StatusReasonUnknown && !kube.Unreachable(err) && !apierrors.IsInternalError(err)
}

// verdict tells a refusal of the pod from one of the question: our user may lack the right to ask, the namespace's own account may not
// have been made yet, and a webhook with side effects is not asked in a dry run.
func (j *job) verdict(ctx context.Context, pod *corev1.Pod, message *string) (plan.Action, error) {
	switch {
	case strings.Contains(*message, "does not support dry run"),
		pod.Spec.ServiceAccountName == "" && strings.Contains(*message, "error looking up service account"):
		return plan.Unchecked, nil
	case !strings.Contains(*message, "cannot create resource"):
		return plan.Refused, nil
	}
	missing, err := j.Target.Missing(ctx, []kube.Right{{Verb: "create", Resource: "pods", Namespace: pod.Namespace}})
	if err != nil || len(missing) == 0 {
		return plan.Refused, err
	}
	*message = "your user may not " + missing[0]
	return plan.Unchecked, nil
}

// makesRoom tells whether a pod is refused only because a quota is used up by pods that make room for it: a DaemonSet without surge
// deletes the old pod of a node before it makes the new one. It does when the quota is not overdrawn, and the new pod wants no more of it
// than a pod of the live template.
func (j *job) makesRoom(ctx context.Context, w workload, refusal error) (bool, error) {
	want, ok := overQuota(refusal.Error())
	if !ok || w.missing || w.GetKind() != "DaemonSet" || surges(w.Unstructured) {
		return false, nil
	}
	live, err := j.Target.Get(ctx, w.Unstructured)
	if err != nil || live == nil {
		return false, err
	}
	pod, err := podOf(live)
	if err != nil || pod == nil {
		return false, err
	}
	old := j.createPod(ctx, pod)
	if old == nil {
		return false, nil
	}
	if !answered(old) {
		return false, fmt.Errorf("asking about a pod of the live %s: %w", kube.Ref(live), old)
	}
	had, ok := overQuota(old.Error())
	return ok && want.fits(had), nil
}

func surges(o *unstructured.Unstructured) bool {
	v, ok, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "updateStrategy", "rollingUpdate", "maxSurge")
	return ok && fmt.Sprint(v) != "0" && fmt.Sprint(v) != "0%"
}

// quota is what the API server says of an exceeded one.
type quota struct {
	name                     string
	requested, used, limited map[string]resource.Quantity
}

// exceeded is the API server's sentence (pkg/quota, admission plugin ResourceQuota).
var exceeded = regexp.MustCompile(`exceeded quota: ([^,]+), requested: (.+), used: (.+), limited: ([^;]+)$`)

// overQuota reads a refusal by one quota; false for every other, and for what cannot be read.
func overQuota(message string) (quota, bool) {
	m := exceeded.FindStringSubmatch(message)
	if m == nil {
		return quota{}, false
	}
	q := quota{name: m[1]}
	for i, into := range []*map[string]resource.Quantity{&q.requested, &q.used, &q.limited} {
		*into = map[string]resource.Quantity{}
		for pair := range strings.SplitSeq(m[i+2], ",") {
			name, value, _ := strings.Cut(pair, "=")
			n, err := resource.ParseQuantity(value)
			if err != nil {
				return quota{}, false
			}
			(*into)[name] = n
		}
	}
	return q, true
}

// fits tells whether a pod finds room once another one has gone that wanted what the other quota says.
func (q quota) fits(had quota) bool {
	if q.name != had.name {
		return false
	}
	for name, want := range q.requested {
		old, limit, used := had.requested[name], q.limited[name], q.used[name]
		if used.Cmp(limit) > 0 || want.Cmp(old) > 0 {
			return false
		}
	}
	return true
}
