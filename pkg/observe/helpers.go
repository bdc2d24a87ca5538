package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// helpers reads the pods of ours that stand by the agents of a release, by node. There are few or none, also where there are thousands of
// agents; without a workload of ours nobody started any.
func (o *Observer) helpers(ctx context.Context, d *appsv1.DaemonSet, addOn catalog.AddOn) (map[string][]noderoll.Helper, error) {
	if d == nil || !kube.Ours(d, addOn.Name, addOn.Release, addOn.Workload.Namespace) {
		return nil, nil
	}
	list, err := o.Target.Typed.CoreV1().Pods(d.Namespace).List(ctx, metav1.ListOptions{LabelSelector: helpersOf(addOn).String()})
	if err != nil {
		return nil, fmt.Errorf("listing helper pods: %w", err)
	}
	return byNode(list.Items), nil
}

// helpersOf selects the helper pods of an add-on.
func helpersOf(addOn catalog.AddOn) labels.Selector {
	s := labels.SelectorFromSet(labels.Set{kube.LabelRelease: addOn.Release})
	is, err := labels.Parse(kube.LabelHelper)
	if err != nil {
		return labels.Nothing() // a constant is a label
	}
	more, _ := is.Requirements()
	return s.Add(more...)
}

// byNode are helper pods by the names of their nodes, in order of their own.
func byNode(pods []corev1.Pod) map[string][]noderoll.Helper {
	out := map[string][]noderoll.Helper{}
	for i := range pods {
		out[pods[i].Spec.NodeName] = append(out[pods[i].Spec.NodeName], helper(&pods[i]))
	}
	for _, hs := range out {
		slices.SortFunc(hs, func(a, b noderoll.Helper) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
}

func helper(p *corev1.Pod) noderoll.Helper {
	h := noderoll.Helper{
		Purpose: noderoll.Purpose(p.Labels[kube.LabelHelper]), Name: p.Name, UID: string(p.UID), By: p.Annotations[kube.AnnotationBy],
		Address: p.Status.PodIP, Created: p.CreationTimestamp.Time, Terminating: p.DeletionTimestamp != nil,
	}
	if h.Purpose == noderoll.Pull {
		h.Address = "" // it is its node's
		pulled(p, &h)
		return h
	}
	fresh(p, &h)
	return h
}

// unpulled are the waiting reasons of a container whose image cannot be pulled.
var unpulled = []string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"}

// afterPull are those that only come when the image is there.
var afterPull = []string{"CrashLoopBackOff", "CreateContainerError", "CreateContainerConfigError", "RunContainerError"}

// pulled reads whether every image of a pod is on its node:
//
//	| its container                                     | the image           |
//	|---------------------------------------------------|---------------------|
//	| runs, ran, or has the ID of its image             | is there            |
//	| waits for a reason that comes after pulling       | is there            |
//	| waits since the image cannot be pulled            | is not, and is bad  |
//	| has not been heard of, or waits for anything else | is not there yet    |
func pulled(p *corev1.Pod, h *noderoll.Helper) {
	there := 0
	for _, c := range p.Status.ContainerStatuses {
		waits := ""
		if c.State.Waiting != nil {
			waits = c.State.Waiting.Reason
		}
		switch {
		case slices.Contains(unpulled, waits):
			h.Trouble, h.Bad = fmt.Sprintf("%s: %s", c.Image, waits), true
		case c.State.Running != nil, c.ImageID != "", slices.Contains(afterPull, waits), c.State.Terminated != nil && c.State.Terminated.ContainerID != "":
			there++
		case h.Trouble == "":
			h.Trouble = c.Image + " is not there yet"
		}
	}
	h.Done = there == len(p.Spec.Containers)
	if !h.Done && !h.Bad {
		ended(p, h)
	}
}

// fresh reads whether a pod has an address of its own and is Ready.
func fresh(p *corev1.Pod, h *noderoll.Helper) {
	h.Done = h.Address != "" && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	if h.Done {
		return
	}
	h.Trouble = "it has no address"
	if h.Address != "" {
		h.Trouble = "it has the address " + h.Address + " and is not Ready"
	}
	for _, c := range p.Status.ContainerStatuses {
		if text, bad := containerTrouble(c); text != "" {
			h.Trouble, h.Bad = fmt.Sprintf("%s: %s: %s", h.Trouble, c.Image, text), bad
			break
		}
	}
	ended(p, h)
}

// ended adds that a helper pod has come to its end, which helps nobody.
func ended(p *corev1.Pod, h *noderoll.Helper) {
	if p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded {
		return
	}
	text := fmt.Sprintf("Pod %s is %s", p.Name, p.Status.Phase)
	if p.Status.Reason != "" {
		text += ": " + p.Status.Reason
	}
	h.Trouble, h.Bad = strings.TrimPrefix(h.Trouble+"; "+text, "; "), true
}
