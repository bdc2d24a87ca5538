package kube

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// page is how many pods are asked for at a time.
const page = 500

// Leaving are the pods that draining a node has to do with, by kubectl's rules: leaving are those that are to be evicted or have been and
// are not gone, stranded those that nothing would make anew, for which kubectl wants --force. Pods of DaemonSets and of the kubelet, helper
// pods and what has ended stay.
func (c *Client) Leaving(ctx context.Context, node string) (leaving, stranded []corev1.Pod, err error) {
	options := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String(), Limit: page}
	for {
		list, err := c.Typed.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return nil, nil, fmt.Errorf("listing the pods on %s: %w", node, err)
		}
		for _, p := range list.Items {
			switch {
			case stays(&p):
			case p.DeletionTimestamp == nil && metav1.GetControllerOf(&p) == nil:
				stranded = append(stranded, p)
			default:
				leaving = append(leaving, p)
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return leaving, stranded, nil
		}
	}
}

func stays(p *corev1.Pod) bool {
	_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
	c := metav1.GetControllerOf(p)
	return mirror || p.Labels[LabelHelper] != "" || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed ||
		c != nil && c.Kind == "DaemonSet" && c.APIVersion == appsv1.SchemeGroupVersion.String()
}

// Cordoned tells since when a node has our mark, for the roll of a release's agents; false where it has none, or that of another release.
// The zero time stands for a mark that nobody can read.
func Cordoned(n *corev1.Node, release string) (since time.Time, ours bool) {
	mark := strings.Fields(n.Annotations[AnnotationCordoned])
	if len(mark) == 0 || len(mark) > 1 && mark[1] != release {
		return time.Time{}, false
	}
	since, err := time.Parse(time.RFC3339, mark[0])
	if err != nil {
		return time.Time{}, true
	}
	return since, true
}
