package hub

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// OwnPins are the pins in the records of a cluster itself, own, that this hub has not taken into account, as the hub's Addons would be with them. They
// come of somebody who works on the cluster without its hub. A pin that the hub has is nobody's to replace.
func (h *Hub) OwnPins(ctx context.Context, own *Hub, cluster string) ([]*v1alpha1.Addon, error) {
	all, err := own.AllAddons(ctx)
	if apierrors.IsForbidden(err) {
		return nil, nil // what our account may not see was not pinned by addonctl there: that gives it the right
	}
	var out []*v1alpha1.Addon
	for _, there := range all {
		if there.Spec.Cluster != cluster || there.Spec.Version == "" {
			continue
		}
		here, err := h.Addon(ctx, cluster, there.Spec.Addon)
		if err != nil {
			return nil, err
		}
		if here == nil || here.Spec.Version != "" || here.Annotations[v1alpha1.AnnotationOwnPin] == ownPin(there.Spec) {
			continue
		}
		metav1.SetMetaDataAnnotation(&here.ObjectMeta, v1alpha1.AnnotationOwnPin, ownPin(there.Spec))
		here.Spec.Version, here.Spec.Pin, here.Spec.MoveTo, here.Spec.Rollout = there.Spec.Version, there.Spec.Pin.DeepCopy(), "", nil
		out = append(out, here)
	}
	return out, err
}

// FollowOwnPins records the OwnPins in the hub, so that a rollout of the hub passes the cluster over.
func (h *Hub) FollowOwnPins(ctx context.Context, own *Hub, cluster string) ([]*v1alpha1.Addon, error) {
	pins, err := h.OwnPins(ctx, own, cluster)
	for i, a := range pins {
		if err := h.SaveAddon(ctx, a); err != nil {
			return pins[:i], err
		}
	}
	return pins, err
}

// ownPin tells pins apart: the same release pinned anew is another one. Empty for an add-on that is not pinned.
func ownPin(s v1alpha1.AddonSpec) string {
	if s.Version == "" || s.Pin == nil || s.Pin.At == nil {
		return s.Version
	}
	return s.Version + " " + s.Pin.At.UTC().Format(time.RFC3339)
}
