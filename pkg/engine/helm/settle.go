package helm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// Deleted is the action of an object that was taken back.
const Deleted plan.Action = "delete"

// settle takes back, after the last node and the last Deployment, the rules and the configuration that only older releases needed, then records
// the revision as deployed. Workloads, namespaces, definitions and identities are never deleted here. Before each part it looks
// whether the step's revision still is the one that is live: taking back belongs to whoever wrote last.
func (j *job) settle(ctx context.Context, s plan.Step) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	for _, part := range []func(context.Context) ([]plan.ObjectChange, error){j.followed, j.narrow, j.prune, j.unguard, j.forget} {
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
	if err := j.claim(ctx, j.addOn); err != nil { // of an adoption by an addonctl that did not
		return out, err
	}
	return out, j.store.Finish(ctx, s.Revision, fmt.Sprintf("%s %s is Ready on every node", s.AddOn, s.Version))
}

// current tells, by ErrStale, that the live workload is not of the step's revision any more.
func (j *job) current(ctx context.Context, s plan.Step) error {
	d, err := j.workload(ctx)
	if err != nil {
		return err
	}
	if !j.isOf(d, s) {
		return fmt.Errorf("revision %d is not the live one any more: %w", s.Revision, ErrStale)
	}
	return nil
}

// isOf tells whether a workload is of the step's render and revision.
func (j *job) isOf(d *appsv1.DaemonSet, s plan.Step) bool {
	return d.Annotations[kube.AnnotationDigest] == j.digest && d.Annotations[kube.AnnotationRevision] == strconv.Itoa(s.Revision)
}

// workload reads the live DaemonSet; kube.ErrFenced when another actor has marked it since.
func (j *job) workload(ctx context.Context) (*appsv1.DaemonSet, error) {
	w := j.addOn.Workload
	d, err := j.Target.Typed.AppsV1().DaemonSets(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading DaemonSet %s/%s: %w", w.Namespace, w.Name, err)
	}
	return d, kube.Fenced(d, j.Target.Epoch)
}

// followed tells, by plan.ErrNotYet, that a Deployment of the release still has pods of an older one, whose rules they need. Nodes are
// waited for before; Deployments follow at their own pace.
func (j *job) followed(ctx context.Context) ([]plan.ObjectChange, error) {
	for _, o := range j.render.Objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		d, err := j.Target.Typed.AppsV1().Deployments(o.GetNamespace()).Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", kube.Ref(o), err)
		}
		s, wanted := d.Status, int32(1)
		if d.Spec.Replicas != nil {
			wanted = *d.Spec.Replicas
		}
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas < wanted || s.Replicas != s.UpdatedReplicas {
			return nil, fmt.Errorf("%s has not followed, its older pods need their rules: %d pods wanted, %d there, %d of them of the new release: %w",
				kube.Ref(o), wanted, s.Replicas, s.UpdatedReplicas, plan.ErrNotYet)
		}
	}
	return nil, nil
}

// narrow writes rules as the release has them, without those of older releases. Where what was recorded is set back, whoever had
// changed them still owns them too, and they are taken.
func (j *job) narrow(ctx context.Context) ([]plan.ObjectChange, error) {
	stored, err := j.store.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	if j.conflicts != plan.Preserve && setsBack(stored, j.digest) {
		j.conflicts = plan.Overwrite
	}
	var out []plan.ObjectChange
	for _, o := range j.render.Objects {
		if render.PhaseOf(o) != render.Identity || covered(j.Excluded, kube.Ref(o), "rules") {
			continue
		}
		c, err := j.write(ctx, o, narrowing)
		if err != nil {
			return out, err
		}
		out = append(out, c)
		if stops(c) {
			return out, fmt.Errorf("writing %s: %w: %s", c.Object, ErrRefused, c.Message)
		}
	}
	return out, nil
}

// prune deletes the ConfigMaps of older releases that no pod and no template in the namespace reads any more, whoever's it is.
func (j *job) prune(ctx context.Context) ([]plan.ObjectChange, error) {
	ns := j.addOn.Workload.Namespace
	maps := j.Target.Typed.CoreV1().ConfigMaps(ns)
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: kube.LabelAddOn + "=" + j.addOn.Name})
	if err != nil {
		return nil, fmt.Errorf("listing old configuration: %w", err)
	}
	read, err := j.readers(ctx, ns, nil)
	if err != nil {
		return nil, err
	}
	var out []plan.ObjectChange
	for i := range list.Items {
		m := &list.Items[i]
		if m.Name == kube.PodGuardCopy || j.renders("ConfigMap", m.Name) || len(read[m.Name]) > 0 || !kube.Ours(m, j.addOn.Name, j.addOn.Release, ns) {
			continue
		}
		if err := kube.Fenced(m, j.Target.Epoch); err != nil {
			return out, err
		}
		err := maps.Delete(ctx, m.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &m.UID, ResourceVersion: &m.ResourceVersion}})
		if err != nil && !apierrors.IsNotFound(err) {
			return out, fmt.Errorf("deleting old ConfigMap %s: %w", m.Name, err)
		}
		out = append(out, plan.ObjectChange{Object: "ConfigMap " + m.Name, Action: Deleted})
	}
	return out, nil
}

// unguard takes back, last, the admission policies that a release brought and this one does not have: a policy that nobody knows
// any more denies for ever (facts: OKE, the guard of VCN-native from 2.3.0 on). A binding goes before the policy that it is for.
func (j *job) unguard(ctx context.Context) ([]plan.ObjectChange, error) {
	stored, err := j.store.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	var out []plan.ObjectChange
	for _, o := range j.lost(stored) {
		live, err := j.Target.Get(ctx, o)
		if err != nil {
			return out, fmt.Errorf("reading %s: %w", kube.Ref(o), err)
		}
		if live == nil || !kube.Ours(live, j.addOn.Name, j.addOn.Release, j.addOn.Workload.Namespace) {
			continue
		}
		if err := kube.Fenced(live, j.Target.Epoch); err != nil {
			return out, err
		}
		r, err := j.Target.Resource(o)
		if err != nil {
			return out, err
		}
		uid, version := live.GetUID(), live.GetResourceVersion()
		err = r.Delete(ctx, o.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
		if err != nil && !apierrors.IsNotFound(err) {
			return out, fmt.Errorf("deleting %s: %w", kube.Ref(o), err)
		}
		out = append(out, plan.ObjectChange{Object: kube.Ref(o), Action: Deleted})
	}
	return out, nil
}

// lost are the admission policies of recorded revisions of ours that the render does not have, each once, bindings first.
// A revision that cannot be read has none.
func (j *job) lost(stored []record.Revision) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, r := range stored {
		objects, err := render.Parse(r.Manifest)
		if err != nil || r.By != "" {
			continue
		}
		for _, o := range objects {
			if render.PhaseOf(o) == render.Guards && !has(j.render.Objects, o) && !has(out, o) {
				out = append(out, o)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *unstructured.Unstructured) int { return strings.Compare(b.GetKind(), a.GetKind()) })
	return out
}

// guardRights are the rights that taking those back needs.
func (j *job) guardRights(stored []record.Revision) []kube.Right {
	var out []kube.Right
	for _, o := range j.lost(stored) {
		for _, verb := range []string{"get", "delete"} {
			r := kube.Right{Verb: verb, Group: o.GroupVersionKind().Group, Resource: plural(o.GetKind()), Name: o.GetName()}
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

func plural(kind string) string {
	if stem, ok := strings.CutSuffix(kind, "y"); ok {
		return strings.ToLower(stem) + "ies"
	}
	return strings.ToLower(kind) + "s"
}

func (j *job) renders(kind, name string) bool {
	for _, o := range j.render.Objects {
		if o.GetKind() == kind && o.GetName() == name {
			return true
		}
	}
	return false
}

// readers are the pods and the templates of a namespace that read each ConfigMap, as "Kind name", by the ConfigMap's name. Not only
// the add-on's own: what was adopted may be read by others too. own tells which count as the add-on's and are left out; nil leaves
// out none.
func (e *Engine) readers(ctx context.Context, namespace string, own func(kind string, o metav1.Object) bool) (map[string][]string, error) {
	out := map[string][]string{}
	note := func(kind string, o metav1.Object, p *corev1.PodSpec) {
		if own != nil && own(kind, o) {
			return
		}
		read := map[string]bool{}
		readBy(p, read)
		for name := range read {
			out[name] = append(out[name], kind+" "+o.GetName())
		}
	}
	sets, err := e.Target.Typed.AppsV1().DaemonSets(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing DaemonSets that read configuration: %w", err)
	}
	for i := range sets.Items {
		note("DaemonSet", &sets.Items[i], &sets.Items[i].Spec.Template.Spec)
	}
	deployments, err := e.Target.Typed.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing Deployments that read configuration: %w", err)
	}
	for i := range deployments.Items {
		note("Deployment", &deployments.Items[i], &deployments.Items[i].Spec.Template.Spec)
	}
	for next := ""; ; {
		pods, err := e.Target.Typed.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: 500, Continue: next})
		if err != nil {
			return nil, fmt.Errorf("listing pods that read configuration: %w", err)
		}
		for i := range pods.Items {
			note("Pod", &pods.Items[i], &pods.Items[i].Spec)
		}
		if next = pods.Continue; next == "" {
			return out, nil
		}
	}
}

// readBy notes the ConfigMaps that a pod reads, from volumes or into variables.
func readBy(p *corev1.PodSpec, names map[string]bool) {
	for _, v := range p.Volumes {
		if v.ConfigMap != nil {
			names[v.ConfigMap.Name] = true
		}
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if s.ConfigMap != nil {
				names[s.ConfigMap.Name] = true
			}
		}
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
				names[e.ValueFrom.ConfigMapKeyRef.Name] = true
			}
		}
		for _, e := range c.EnvFrom {
			if e.ConfigMapRef != nil {
				names[e.ConfigMapRef.Name] = true
			}
		}
	}
}
