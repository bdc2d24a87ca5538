package helm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// asked is a question that writing the release puts to admission webhooks, and what it is about.
type asked struct {
	about string
	kube.Question
}

// webhooks are those of the cluster that have to answer before the workloads are written and their pods are made. Who may not look at
// them does not know; the dry run of the pods then tells what it can.
func (j *job) webhooks(ctx context.Context, workloads []workload) ([]plan.Webhook, error) {
	all, err := j.Target.Webhooks(ctx)
	if apierrors.IsForbidden(err) || err == nil && len(all) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	questions, err := j.questions(ctx, workloads)
	if err != nil {
		return nil, err
	}
	var out []plan.Webhook
	for _, w := range all {
		p := plan.Webhook{
			Name: w.Name, Service: w.Namespace + "/" + w.Service, Timeout: w.Timeout, Conditional: w.Conditional,
		}
		for _, q := range questions {
			if w.Asked(q.Question) {
				p.About = append(p.About, q.about)
			}
		}
		if len(p.About) == 0 {
			continue
		}
		slices.Sort(p.About)
		if err := j.ready(ctx, w, &p); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// ready counts the endpoints of a webhook's Service.
func (j *job) ready(ctx context.Context, w kube.Webhook, p *plan.Webhook) (err error) {
	p.Ready, err = j.Target.Ready(ctx, w.Namespace, w.Service)
	switch {
	case errors.Is(err, kube.ErrElsewhere):
		p.Unchecked = kube.ErrElsewhere.Error()
	case apierrors.IsForbidden(err):
		p.Unchecked = fmt.Sprintf("your user may not list endpointslices.discovery.k8s.io and get services in %s", w.Namespace)
	default:
		return err
	}
	return nil
}

// questions are what webhooks would be asked about: each workload, and its pods.
func (j *job) questions(ctx context.Context, workloads []workload) ([]asked, error) {
	labels := map[string]map[string]string{}
	var out []asked
	for _, w := range workloads {
		ns := w.GetNamespace()
		if _, ok := labels[ns]; !ok {
			found, err := j.namespaceLabels(ctx, ns)
			if err != nil {
				return nil, err
			}
			labels[ns] = found
		}
		name, written := kube.Ref(w.Unstructured), admissionv1.Update
		if w.missing {
			written = admissionv1.Create
		}
		gvk := w.GroupVersionKind()
		out = append(out, asked{name, kube.Question{
			Operation: written, Resource: schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: plurals[gvk.Kind]},
			Namespace: labels[ns], Object: w.GetLabels(),
		}}, asked{"pods of " + name, kube.Question{
			Operation: admissionv1.Create, Resource: corev1.SchemeGroupVersion.WithResource("pods"),
			Namespace: labels[ns], Object: w.pod.Labels,
		}})
	}
	return out, nil
}

// plurals of the kinds that make pods.
var plurals = map[string]string{
	"DaemonSet": "daemonsets", "Deployment": "deployments", "StatefulSet": "statefulsets", "Job": "jobs",
}

// namespaceLabels are those of a namespace, live or of the render.
func (j *job) namespaceLabels(ctx context.Context, name string) (map[string]string, error) {
	ns, err := j.Target.Typed.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		return ns.Labels, nil
	}
	if !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading Namespace %s: %w", name, err)
	}
	out := map[string]string{corev1.LabelMetadataName: name}
	for _, o := range j.render.Objects {
		if o.GetKind() == "Namespace" && o.GetName() == name {
			maps.Copy(out, o.GetLabels())
		}
	}
	return out, nil
}
