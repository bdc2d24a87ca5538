package hub

import (
	"context"
	"errors"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/kube"
)

// ErrRecorded says that something is recorded of a cluster that nobody was to know yet.
var ErrRecorded = errors.New("somebody else has recorded Addons of it")

// PickUp records a cluster that nothing is recorded of, as Enrol does: its Addons, the stamp, and the ClusterNetwork last. The Secret with its
// kubeconfig is somebody else's and is not touched. mine tells whether an Addon that is there was made by an earlier try; others end it with
// ErrRecorded.
func (h *Hub) PickUp(ctx context.Context, target *kube.Client, e Enrolment, mine func(*v1alpha1.Addon) bool) error {
	all, err := h.AllAddons(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if a := &all[i]; a.Spec.Cluster == e.Network.Name && !mine(a) {
			return ErrRecorded
		}
	}
	if _, err := h.enrolAddons(ctx, e); err != nil {
		return err
	}
	if _, err := stampOnce(ctx, target, e.Stamp); err != nil {
		return err
	}
	return h.SaveCluster(ctx, e.Network.DeepCopy())
}

// Inherit takes over what the cluster's own records want: pins, settings, how nodes are changed, and the addresses of its pods. An add-on that is
// recorded nowhere is automatic. cni is the add-on of its network type; empty where there is none. recorded tells whether its own records know it.
func (e *Enrolment) Inherit(ctx context.Context, own *Hub, cni string) (recorded bool, err error) {
	n, err := own.Cluster(ctx, e.Network.Name)
	if err != nil {
		return false, err
	}
	if n != nil {
		if len(n.Spec.IPFamilies) > 0 {
			e.Network.Spec.IPFamilies = n.Spec.IPFamilies
		}
		if len(e.Network.Spec.PodCIDRs) == 0 {
			e.Network.Spec.PodCIDRs = n.Spec.PodCIDRs
		}
	}
	all, err := own.AllAddons(ctx)
	if err != nil {
		return false, err
	}
	for _, a := range all {
		if a.Spec.Cluster == e.Network.Name {
			a.Spec.Rollout = nil // which is another hub's
			e.Addons = append(e.Addons, a.Spec)
			recorded = recorded || a.Spec.Addon == cni
		}
	}
	if !recorded && cni != "" {
		e.Addons = append(e.Addons, v1alpha1.AddonSpec{Cluster: e.Network.Name, Addon: cni, Driver: v1alpha1.DriverHelm})
	}
	return recorded, nil
}
