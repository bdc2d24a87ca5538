package helm

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
)

// Deleted is the action of an object that was taken back.
const Deleted plan.Action = "delete"

// settle takes back, after the last node, the rules and the configuration that only older releases needed, then records
// the revision as deployed. Workloads, definitions and identities are never deleted here. Before each part it looks
// whether the step's revision still is the one that is live: taking back belongs to whoever wrote last.
func (j *job) settle(ctx context.Context, s plan.Step) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	for _, part := range []func(context.Context) ([]plan.ObjectChange, error){j.narrow, j.prune} {
		if err := j.current(ctx, s); err != nil {
			return out, err
		}
		done, err := part(ctx)
		out = append(out, done...)
		if err != nil {
			return out, err
		}
	}
	if err := j.current(ctx, s); err != nil {
		return out, err
	}
	return out, j.store.Finish(ctx, s.Revision, fmt.Sprintf("%s %s is Ready on every node", s.AddOn, s.Version))
}

// current tells, by ErrStale, that the live workload is not of the step's revision any more.
func (j *job) current(ctx context.Context, s plan.Step) error {
	w := j.addOn.Workload
	d, err := j.Target.Typed.AppsV1().DaemonSets(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading DaemonSet %s/%s: %w", w.Namespace, w.Name, err)
	}
	if d.Annotations[kube.AnnotationDigest] != j.digest || d.Annotations[kube.AnnotationRevision] != strconv.Itoa(s.Revision) {
		return fmt.Errorf("revision %d is not the live one any more: %w", s.Revision, ErrStale)
	}
	return nil
}

// narrow writes rules as the release has them, without those of older releases.
func (j *job) narrow(ctx context.Context) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	for _, o := range j.render.Objects {
		if render.PhaseOf(o) != render.Identity {
			continue
		}
		c, err := j.write(ctx, o, narrowing)
		if err != nil {
			return out, err
		}
		out = append(out, c)
		if c.Message != "" {
			return out, fmt.Errorf("writing %s: %w: %s", c.Object, ErrRefused, c.Message)
		}
	}
	return out, nil
}

// prune deletes the ConfigMaps of older releases that no pod reads any more.
func (j *job) prune(ctx context.Context) ([]plan.ObjectChange, error) {
	ns := j.addOn.Workload.Namespace
	maps := j.Target.Typed.CoreV1().ConfigMaps(ns)
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: kube.LabelAddOn + "=" + j.addOn.Name})
	if err != nil {
		return nil, fmt.Errorf("listing old configuration: %w", err)
	}
	read, err := j.readByPods(ctx, ns)
	if err != nil {
		return nil, err
	}
	if err := j.readByTemplate(ctx, read); err != nil {
		return nil, err
	}
	var out []plan.ObjectChange
	for i := range list.Items {
		m := &list.Items[i]
		if j.renders("ConfigMap", m.Name) || read[m.Name] || !kube.Ours(m, j.addOn.Name, j.addOn.Release, ns) {
			continue
		}
		err := maps.Delete(ctx, m.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &m.UID, ResourceVersion: &m.ResourceVersion}})
		if err != nil && !apierrors.IsNotFound(err) {
			return out, fmt.Errorf("deleting old ConfigMap %s: %w", m.Name, err)
		}
		out = append(out, plan.ObjectChange{Object: "ConfigMap " + m.Name, Action: Deleted})
	}
	return out, nil
}

func (j *job) renders(kind, name string) bool {
	for _, o := range j.render.Objects {
		if o.GetKind() == kind && o.GetName() == name {
			return true
		}
	}
	return false
}

// readByPods are the ConfigMaps that the add-on's pods mount, whatever release they run.
func (j *job) readByPods(ctx context.Context, ns string) (map[string]bool, error) {
	selector, err := j.selector()
	if err != nil {
		return nil, err
	}
	pods, err := j.Target.Typed.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("listing the add-on's pods: %w", err)
	}
	out := map[string]bool{}
	for i := range pods.Items {
		for _, name := range configMaps(&pods.Items[i].Spec) {
			out[name] = true
		}
	}
	return out, nil
}

// readByTemplate adds the ConfigMaps that the next pod of the live template will mount.
func (j *job) readByTemplate(ctx context.Context, read map[string]bool) error {
	w := j.addOn.Workload
	d, err := j.Target.Typed.AppsV1().DaemonSets(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading DaemonSet %s/%s: %w", w.Namespace, w.Name, err)
	}
	for _, name := range configMaps(&d.Spec.Template.Spec) {
		read[name] = true
	}
	return nil
}

func configMaps(p *corev1.PodSpec) []string {
	var out []string
	for _, v := range p.Volumes {
		if v.ConfigMap != nil {
			out = append(out, v.ConfigMap.Name)
		}
	}
	return out
}

// selector is the label selector of the render's DaemonSet.
func (j *job) selector() (string, error) {
	for _, o := range j.render.Objects {
		if o.GetKind() == j.addOn.Workload.Kind && o.GetName() == j.addOn.Workload.Name {
			labels, ok, err := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
			if err != nil || !ok {
				return "", fmt.Errorf("reading the selector of %s: it has no matchLabels", kube.Ref(o))
			}
			return metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels}), nil
		}
	}
	return "", fmt.Errorf("the render has no %s %s", j.addOn.Workload.Kind, j.addOn.Workload.Name)
}
