package helm

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
)

// removable is a kind of object that is taken away with an add-on.
type removable struct {
	group, resource string
	clusterWide     bool
}

// removables are the kinds in the order in which they are taken away: workloads, configuration, rights. Definitions and namespaces
// stay: what is in them is not ours.
var removables = []removable{
	{group: "apps", resource: "daemonsets"},
	{group: "apps", resource: "deployments"},
	{group: "policy", resource: "poddisruptionbudgets"},
	{resource: "services"},
	{resource: "configmaps"},
	{"admissionregistration.k8s.io", "validatingadmissionpolicybindings", true},
	{"admissionregistration.k8s.io", "validatingadmissionpolicies", true},
	{group: "rbac.authorization.k8s.io", resource: "rolebindings"},
	{"rbac.authorization.k8s.io", "clusterrolebindings", true},
	{group: "rbac.authorization.k8s.io", resource: "roles"},
	{"rbac.authorization.k8s.io", "clusterroles", true},
	{resource: "serviceaccounts"},
}

// Remove takes an add-on off the cluster: workloads first, then configuration and rights, and its revisions last. Whatever carries
// the add-on's marks goes, of any revision; definitions, namespaces, without our label, and the network type stay. breaker is a client that the guard
// lets through, by a break-glass: our own account may delete no workloads. Killed half-way it may be repeated.
//
// It is no way out of anything. Its one caller is the command uninstall, which a test sees to.
func (e *Engine) Remove(ctx context.Context, addOn catalog.AddOn, breaker *kube.Client) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	for _, kind := range removables {
		gone, err := e.removeKind(ctx, breaker, addOn, kind)
		out = append(out, gone...)
		if err != nil {
			return out, fmt.Errorf("removing %s: %w", addOn.Name, err)
		}
	}
	if err := release(ctx, breaker, addOn); err != nil {
		return out, fmt.Errorf("removing %s: %w", addOn.Name, err)
	}
	store := record.Open(e.Target, addOn.Workload.Namespace, addOn.Release, e.Now)
	if err := store.Erase(ctx); err != nil {
		return out, fmt.Errorf("removing %s: %w", addOn.Name, err)
	}
	return out, nil
}

func (e *Engine) removeKind(ctx context.Context, breaker *kube.Client, addOn catalog.AddOn, kind removable) ([]plan.ObjectChange, error) {
	var api dynamic.ResourceInterface = breaker.Dynamic.Resource(schema.GroupVersionResource{Group: kind.group, Version: "v1", Resource: kind.resource})
	if !kind.clusterWide {
		api = breaker.Dynamic.Resource(schema.GroupVersionResource{Group: kind.group, Version: "v1", Resource: kind.resource}).Namespace(addOn.Workload.Namespace)
	}
	list, err := api.List(ctx, metav1.ListOptions{LabelSelector: kube.LabelAddOn + "=" + addOn.Name})
	if apierrors.IsNotFound(err) {
		return nil, nil // an API server that does not know the kind has none of it
	}
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", kind.resource, err)
	}
	var out []plan.ObjectChange
	for i := range list.Items {
		c, err := e.removeOne(ctx, api, addOn, &list.Items[i])
		if err != nil {
			return out, err
		}
		out = append(out, c)
	}
	return out, nil
}

// removeOne deletes an object as it was read, in this tenure: what changed meanwhile is read again.
func (e *Engine) removeOne(ctx context.Context, api dynamic.ResourceInterface, addOn catalog.AddOn, o *unstructured.Unstructured) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: kube.Ref(o), Action: Deleted}
	background := metav1.DeletePropagationBackground
	for tried := 1; ; tried++ {
		if !kube.Ours(o, addOn.Name, addOn.Release, addOn.Workload.Namespace) {
			c.Action, c.Message = plan.NotOurs, "it does not carry our marks, and stays"
			return c, nil
		}
		if err := kube.Fenced(o, e.Target.Epoch); err != nil {
			return c, err
		}
		uid, seen := o.GetUID(), o.GetResourceVersion()
		err := api.Delete(ctx, o.GetName(), metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &seen}, PropagationPolicy: &background,
		})
		if apierrors.IsConflict(err) && tried < removals {
			o, err = api.Get(ctx, o.GetName(), metav1.GetOptions{})
			if err == nil {
				continue
			}
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return c, fmt.Errorf("deleting %s: %w", c.Object, err)
		}
		return c, nil
	}
}

// removals is how often the deletion of one object is tried that others change at the same time.
const removals = 10
