package controller

import (
	"context"
	"errors"
	"iter"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// madeFor is the Cluster that a record was made for; false for a record that somebody else made.
func madeFor(o client.Object) (types.NamespacedName, bool) {
	return splitKey(o.GetAnnotations()[v1alpha1.AnnotationClusterAPI])
}

// madeForUID is the UID of the Cluster of that name which a record was made for; empty for records of other Clusters, and of nobody's.
func madeForUID(o client.Object, key types.NamespacedName) string {
	if of, ok := madeFor(o); !ok || of != key {
		return ""
	}
	return o.GetAnnotations()[v1alpha1.AnnotationClusterAPIUID]
}

// capiRecords are all that a hub has of clusters. They are not to be changed.
type capiRecords struct {
	networks v1alpha1.ClusterNetworkList
	addOns   v1alpha1.AddonList
}

func (p *PickUp) records(ctx context.Context, from client.Reader) (r capiRecords, err error) {
	err = errors.Join(from.List(ctx, &r.networks, client.UnsafeDisableDeepCopy), from.List(ctx, &r.addOns, client.UnsafeDisableDeepCopy))
	return r, err
}

// of are the records that were made for a Cluster, by its UID: its ClusterNetwork, all Addons of that one, whoever made them, and Addons that are
// left of a pick-up which was cut off. Addons of a ClusterNetwork that somebody else made are that one's.
func (r *capiRecords) of(key types.NamespacedName) iter.Seq2[string, client.Object] {
	return func(yield func(string, client.Object) bool) {
		uids := map[string]string{} // by the name of the ClusterNetwork; empty for those of others
		for i := range r.networks.Items {
			n := &r.networks.Items[i]
			uids[n.Name] = madeForUID(n, key)
			if uids[n.Name] != "" && !yield(uids[n.Name], n) {
				return
			}
		}
		for i := range r.addOns.Items {
			a := &r.addOns.Items[i]
			uid, recorded := uids[a.Spec.Cluster]
			if !recorded {
				uid = madeForUID(a, key)
			}
			if uid != "" && !yield(uid, a) {
				return
			}
		}
	}
}
