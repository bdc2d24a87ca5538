package helm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

const (
	// deadlines is how many node timeouts a helper pod may run, whatever becomes of us.
	deadlines = 3
	// nobody is the user that helper pods run as.
	nobody = 65532
	// longestName of a pod.
	longestName = 253
)

// startHelper makes a helper pod that stands by the agent of an errand, which owns it: whatever becomes of us, it goes with that agent, or
// when its time is up. It is pinned to its node, so that no cordon and no taint keeps it off.
func (j *job) startHelper(ctx context.Context, in plan.Input, d *appsv1.DaemonSet, e noderoll.Errand) (plan.ObjectChange, error) {
	pods := j.Target.Typed.CoreV1().Pods(d.Namespace)
	c := plan.ObjectChange{Object: fmt.Sprintf("Pod %s on %s", e.Pod, e.Node), Action: plan.Unchanged}
	agent, err := pods.Get(ctx, e.Pod, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		c.Message = "the agent is gone"
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("reading Pod %s/%s: %w", d.Namespace, e.Pod, err)
	}
	if string(agent.UID) != e.UID || agent.DeletionTimestamp != nil || !metav1.IsControlledBy(agent, d) {
		c.Message = "the agent is another one by now"
		return c, nil
	}
	helper, err := j.helper(d, agent, e)
	if err != nil {
		return c, err
	}
	helper.Spec.ActiveDeadlineSeconds = deadline(in)
	c.Object, c.Action = fmt.Sprintf("Pod %s on %s", helper.Name, e.Node), plan.Create
	_, err = pods.Create(ctx, helper, metav1.CreateOptions{FieldManager: kube.RollManager})
	if apierrors.IsAlreadyExists(err) {
		return j.already(ctx, helper, c)
	}
	if err != nil {
		return c, fmt.Errorf("starting %s: %w", c.Object, err)
	}
	return c, nil
}

// already judges a pod that has the name of a helper: it is that helper, or one that has to go first.
func (j *job) already(ctx context.Context, helper *corev1.Pod, c plan.ObjectChange) (plan.ObjectChange, error) {
	c.Action = plan.Unchanged
	live, err := j.Target.Typed.CoreV1().Pods(helper.Namespace).Get(ctx, helper.Name, metav1.GetOptions{})
	if err == nil && live.DeletionTimestamp == nil && live.Annotations[kube.AnnotationBy] == helper.Annotations[kube.AnnotationBy] {
		return c, nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return c, fmt.Errorf("reading %s: %w", c.Object, err)
	}
	return c, fmt.Errorf("starting %s: another one of that name has to go first: %w", c.Object, plan.ErrNotYet)
}

// deadline is after how many seconds a helper pod ends.
func deadline(in plan.Input) *int64 {
	timeout := noderoll.DefaultNodeTimeout
	if t := plan.RollOf(in).NodeTimeout; t != nil {
		timeout = *t
	}
	out := int64(max(time.Second, deadlines*timeout) / time.Second)
	return &out
}

// helper is the pod of an errand. It may do nothing on its node, and has no token. Its labels are none that the workload selects by.
func (j *job) helper(d *appsv1.DaemonSet, agent *corev1.Pod, e noderoll.Errand) (*corev1.Pod, error) {
	purpose, containers := noderoll.Pull, pulls(&d.Spec.Template.Spec)
	if e.Kind == noderoll.StartFresh {
		if j.roll.FreshPod == nil || *j.roll.FreshPod == "" {
			return nil, fmt.Errorf("there is no image for a fresh pod: %w", ErrStale)
		}
		purpose, containers = noderoll.Fresh, []corev1.Container{confined("fresh", *j.roll.FreshPod)}
	}
	no, yes, grace, suffix := false, true, int64(1), "-"+string(purpose)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: agent.Name[:min(len(agent.Name), longestName-len(suffix))] + suffix, Namespace: agent.Namespace,
			Labels: map[string]string{
				kube.LabelManagedBy: kube.FieldManager, kube.LabelHelper: string(purpose), kube.LabelRelease: j.addOn.Release,
			},
			Annotations: map[string]string{kube.AnnotationBy: string(agent.UID)},
			// A controller, so that whoever drains the node by hand is not told that nobody owns the pod.
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: agent.Name, UID: agent.UID, Controller: &yes}},
		},
		Spec: corev1.PodSpec{
			NodeName: agent.Spec.NodeName, HostNetwork: purpose == noderoll.Pull, RestartPolicy: corev1.RestartPolicyNever,
			Containers: containers, ImagePullSecrets: d.Spec.Template.Spec.ImagePullSecrets,
			Tolerations:                  []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			AutomountServiceAccountToken: &no, EnableServiceLinks: &no, TerminationGracePeriodSeconds: &grace,
		},
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("reading the selector of DaemonSet %s: %w", d.Name, err)
	}
	if selector.Matches(labels.Set(p.Labels)) {
		return nil, fmt.Errorf("the selector of DaemonSet %s would take helper pods for agents: leave out --pre-pull and --fresh-pod", d.Name)
	}
	return p, nil
}

// pulls are containers that have the images of a template, each once. They need not be able to run: once one could be started, or could
// not for another reason than its image, the image is there.
func pulls(t *corev1.PodSpec) []corev1.Container {
	var out []corev1.Container
	for _, c := range slices.Concat(t.InitContainers, t.Containers) {
		if slices.ContainsFunc(out, func(o corev1.Container) bool { return o.Image == c.Image }) {
			continue
		}
		p := confined(fmt.Sprintf("image-%d", len(out)+1), c.Image)
		p.ImagePullPolicy, p.Command = cmp.Or(c.ImagePullPolicy, p.ImagePullPolicy), []string{"true"}
		out = append(out, p)
	}
	return out
}

// confined is a container of an image that may do nothing on its node.
func confined(name, image string) corev1.Container {
	no, yes, user := false, true, int64(nobody)
	return corev1.Container{
		Name: name, Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("1m"), corev1.ResourceMemory: resource.MustParse("4Mi"),
		}},
		SecurityContext: &corev1.SecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}
}
