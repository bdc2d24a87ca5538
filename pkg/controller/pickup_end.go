package controller

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// unregister takes the records of a Cluster away that is gone, as addonctl cluster unregister does: no call goes to the cluster, and its CNI
// runs on as it does. The record of the cluster is paused first and goes last, so that whatever is cut off here is gone on with: as long as it is
// there, it says whose records these are. It returns when to look again.
func (p *PickUp) unregister(ctx context.Context, f *following, key types.NamespacedName, uid string) (again time.Duration, err error) {
	if gone, err := p.gone(ctx, f, key, uid); err != nil || !gone {
		return soon, err
	}
	all, err := p.records(ctx, p.live) // not from memory: nothing is to be left
	if err != nil {
		return 0, err
	}
	var networks, addOns []client.Object
	for of, o := range all.of(key) {
		n, network := o.(*v1alpha1.ClusterNetwork)
		switch {
		case of != uid:
		case !network:
			addOns = append(addOns, o)
		case n.Spec.Paused:
			networks = append(networks, n)
		default:
			n.Spec.Paused = true
			if err := p.client.Update(ctx, n); err != nil {
				return 0, err
			}
			networks = append(networks, n)
		}
	}
	for _, o := range slices.Concat(addOns, networks) {
		if err := p.remove(ctx, o); err != nil {
			return 0, err
		}
	}
	for _, n := range networks {
		leave(p.events, n, good(Unregistered, "", "its Cluster %s is gone, and its records with it; the cluster was not touched", key))
	}
	return soon, nil
}

// remove deletes just this record, and none that somebody has made of its name since.
func (p *PickUp) remove(ctx context.Context, o client.Object) error {
	uid := o.GetUID()
	return client.IgnoreNotFound(p.client.Delete(ctx, o, client.Preconditions(metav1.Preconditions{UID: &uid})))
}
