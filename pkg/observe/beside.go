package observe

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

// typha is the Deployment that stands between Calico's agents and the API server (facts: CNI A3).
const typha = "calico-typha"

// adminPolicies are the API's own policies that Calico reads up to 3.31. There never was another version of them.
var adminPolicies = []schema.GroupVersionResource{
	{Group: "policy.networking.k8s.io", Version: "v1alpha1", Resource: "adminnetworkpolicies"},
	{Group: "policy.networking.k8s.io", Version: "v1alpha1", Resource: "baselineadminnetworkpolicies"},
}

// besides reads what only the plan of an add-on beside the CNI depends on: where the CNI add-on stands, and Calico's facts.
func (o *Observer) besides(ctx context.Context, in *plan.Input) error {
	if a, ok := o.lookedAt(in); !ok || a.NetworkType != "" {
		return nil
	}
	for _, look := range []func(context.Context, *plan.Input) error{o.cni, o.typha, o.adminPolicies} {
		if err := look(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// cni reads where the CNI add-on stands. On a cluster of no known type there is none to stand beside.
func (o *Observer) cni(ctx context.Context, in *plan.Input) error {
	addOn, ok := o.Catalog.ForNetworkType(o.networkType(in))
	if !ok {
		return nil
	}
	in.Cluster.CNI = &plan.CNIAddOn{}
	if a, err := o.Hub.Addon(ctx, o.Cluster, addOn.Name); err != nil {
		return err
	} else if a != nil {
		addOn = addOn.In(a.Spec.Namespace) // where it was adopted
	}
	d, err := o.daemonSet(ctx, addOn.Workload)
	if err != nil || d == nil {
		return err
	}
	live := installed(d, addOn)
	if !live.Ours {
		return nil
	}
	record, err := o.revisions(ctx, addOn)
	if err != nil {
		return err
	}
	last := record.Last()
	*in.Cluster.CNI = plan.CNIAddOn{
		Installed: true, Version: live.Version,
		Settled: live.Observed && last.Status == plan.Deployed && last.Digest == live.Digest && last.Version == live.Version,
	}
	return nil
}

// typha tells whether one runs. Who may not look does not know.
func (o *Observer) typha(ctx context.Context, in *plan.Input) error {
	d, err := o.Target.Typed.AppsV1().Deployments(metav1.NamespaceSystem).Get(ctx, typha, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		fact(in, catalog.FactTypha, "false")
	case refused(err):
	case err != nil:
		return fmt.Errorf("reading Deployment %s/%s: %w", metav1.NamespaceSystem, typha, err)
	default:
		fact(in, catalog.FactTypha, strconv.FormatBool(d.Spec.Replicas == nil || *d.Spec.Replicas > 0))
	}
	return nil
}

// adminPolicies counts the objects of both kinds; a kind that is not served has none.
func (o *Observer) adminPolicies(ctx context.Context, in *plan.Input) error {
	var sum int64
	for _, r := range adminPolicies {
		list, err := o.Target.Dynamic.Resource(r).List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsNotFound(err) {
			continue
		}
		if refused(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("counting %s: %w", r.Resource, err)
		}
		n, known := total(list, len(list.Items))
		if !known {
			return nil
		}
		sum += n
	}
	fact(in, catalog.FactAdminNetworkPolicies, strconv.FormatInt(sum, 10))
	return nil
}

// refused tells whether an error is the server's own answer, and not that it did not answer.
func refused(err error) bool {
	answer := apierrors.APIStatus(nil)
	return errors.As(err, &answer)
}

// total is how many objects there are, by the first page of a list; false when the server does not say.
func total(page metav1.ListInterface, items int) (int64, bool) {
	switch more := page.GetRemainingItemCount(); {
	case more != nil:
		return int64(items) + *more, true
	default:
		return int64(items), page.GetContinue() == ""
	}
}

func fact(in *plan.Input, f catalog.Fact, value string) {
	if in.Cluster.Facts == nil {
		in.Cluster.Facts = catalog.Facts{}
	}
	in.Cluster.Facts[f] = []string{value}
}
