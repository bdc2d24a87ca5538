package manager

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/metric"
)

// reader gives metrics the records that the controllers of this manager have in their cache: of clusters where it drives them, of rollouts
// where it decides on them. A kind that no controller watches is not asked for, or it would be watched from then on.
func (o *options) reader(cached client.Reader) func(context.Context) (metric.Records, error) {
	return func(ctx context.Context) (out metric.Records, err error) {
		var lists []client.ObjectList
		networks, addOns := &v1alpha1.ClusterNetworkList{}, &v1alpha1.AddonList{}
		rollouts, policies := &v1alpha1.AddonRolloutList{}, &v1alpha1.UpdatePolicyList{}
		if o.drives {
			lists = append(lists, networks, addOns)
		}
		if o.rollouts {
			lists = append(lists, rollouts, policies)
		}
		for _, list := range lists {
			if err := cached.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
				return out, err
			}
		}
		out = metric.Records{Networks: networks.Items, Addons: addOns.Items, Rollouts: rollouts.Items, Policies: policies.Items}
		c := &v1alpha1.AddonCatalog{}
		err = cached.Get(ctx, client.ObjectKey{Name: v1alpha1.CatalogName}, c)
		if err == nil {
			out.Catalog = c
		}
		return out, client.IgnoreNotFound(err)
	}
}

// leads tells whether a manager leads; one without an election does from its start on.
func leads(m ctrl.Manager) func() bool {
	return func() bool {
		select {
		case <-m.Elected():
			return true
		default:
			return false
		}
	}
}
