package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Webhook is an admission webhook that runs as pods behind a Service and fails closed: without its answer the API server refuses
// what it is asked about.
type Webhook struct {
	// Name as "Kind configuration/webhook".
	Name string
	// Namespace and Service that answer for it.
	Namespace, Service string
	// Timeout in seconds.
	Timeout int
	// Conditional is true when it has match conditions, which are not evaluated here.
	Conditional bool

	rules             []admissionv1.RuleWithOperations
	namespace, object labels.Selector
}

// Question is what an admission webhook may be asked about.
type Question struct {
	Operation admissionv1.OperationType
	Resource  schema.GroupVersionResource
	// Namespace holds the labels of the object's namespace, Object those of the object.
	Namespace, Object map[string]string
}

// Webhooks lists the admission webhooks that fail closed and have a Service, validating ones last, by name. Others are left out: one
// that fails open refuses nothing, and one with a URL is no business of the cluster's network.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	api := c.Typed.AdmissionregistrationV1()
	mutating, err := api.MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing MutatingWebhookConfigurations: %w", err)
	}
	validating, err := api.ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing ValidatingWebhookConfigurations: %w", err)
	}
	var out []Webhook
	var errs []error
	add := func(kind, configuration string, w admissionv1.ValidatingWebhook) {
		if w.ClientConfig.Service == nil || w.FailurePolicy != nil && *w.FailurePolicy == admissionv1.Ignore {
			return
		}
		made, err := webhook(kind, configuration, w)
		out, errs = append(out, made), append(errs, err)
	}
	for _, m := range mutating.Items {
		for _, w := range m.Webhooks {
			add("MutatingWebhookConfiguration", m.Name, admissionv1.ValidatingWebhook{
				Name: w.Name, ClientConfig: w.ClientConfig, Rules: w.Rules, FailurePolicy: w.FailurePolicy,
				NamespaceSelector: w.NamespaceSelector, ObjectSelector: w.ObjectSelector, TimeoutSeconds: w.TimeoutSeconds,
				MatchConditions: w.MatchConditions,
			})
		}
	}
	for _, v := range validating.Items {
		for _, w := range v.Webhooks {
			add("ValidatingWebhookConfiguration", v.Name, w)
		}
	}
	return out, errors.Join(errs...)
}

func webhook(kind, configuration string, w admissionv1.ValidatingWebhook) (Webhook, error) {
	out := Webhook{
		Name:      fmt.Sprintf("%s %s/%s", kind, configuration, w.Name),
		Namespace: w.ClientConfig.Service.Namespace, Service: w.ClientConfig.Service.Name,
		Conditional: len(w.MatchConditions) > 0, rules: w.Rules,
	}
	if w.TimeoutSeconds != nil {
		out.Timeout = int(*w.TimeoutSeconds)
	}
	var err, other error
	out.namespace, err = selecting(w.NamespaceSelector)
	out.object, other = selecting(w.ObjectSelector)
	if err := errors.Join(err, other); err != nil {
		return out, fmt.Errorf("reading the selectors of %s: %w", out.Name, err)
	}
	return out, nil
}

// selecting is a selector of a webhook, where none stands for everything.
func selecting(s *metav1.LabelSelector) (labels.Selector, error) {
	if s == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(s)
}

// Asked tells whether the API server would ask the webhook; a Conditional one it only may ask.
func (w Webhook) Asked(q Question) bool {
	return w.namespace.Matches(labels.Set(q.Namespace)) && w.object.Matches(labels.Set(q.Object)) &&
		slices.ContainsFunc(w.rules, func(r admissionv1.RuleWithOperations) bool { return covers(r, q) })
}

// covers tells whether a rule is about what is asked. Whether a webhook wants exact matches has no part in it: what makes pods is served
// in one version alone since Kubernetes 1.16.
func covers(r admissionv1.RuleWithOperations, q Question) bool {
	if r.Scope != nil && *r.Scope == admissionv1.ClusterScope {
		return false // what is asked about lies in a namespace
	}
	return slices.ContainsFunc(r.Operations, func(o admissionv1.OperationType) bool {
		return o == admissionv1.OperationAll || o == q.Operation
	}) && names(r.APIGroups, q.Resource.Group) && names(r.APIVersions, q.Resource.Version) &&
		names(r.Resources, q.Resource.Resource, q.Resource.Resource+"/*", "*/*")
}

// names tells whether a list of a rule holds one of some words, or the star that stands for all.
func names(list []string, words ...string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return s == "*" || slices.Contains(words, s) })
}

// ErrElsewhere says that a Service is a name for something outside of the cluster, whose endpoints nobody here knows.
var ErrElsewhere = errors.New("the service is a name for something outside of the cluster")

// Ready counts the endpoints of a Service that are ready; a Service that does not exist has none.
func (c *Client) Ready(ctx context.Context, namespace, service string) (int, error) {
	list, err := c.Typed.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service,
	})
	if err != nil {
		return 0, fmt.Errorf("listing the endpoints of Service %s/%s: %w", namespace, service, err)
	}
	n := 0
	for _, slice := range list.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				n += len(e.Addresses)
			}
		}
	}
	if len(list.Items) > 0 {
		return n, nil
	}
	s, err := c.Typed.CoreV1().Services(namespace).Get(ctx, service, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("reading Service %s/%s: %w", namespace, service, err)
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		return 0, ErrElsewhere
	}
	return 0, nil
}
