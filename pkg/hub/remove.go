package hub

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// RemoveAddon deletes the record of an add-on that was taken off its cluster. That there is none is fine. The record of the cluster
// stays: its network type is for life.
func (h *Hub) RemoveAddon(ctx context.Context, cluster, addon string) error {
	name := AddonName(cluster, addon)
	err := h.client.Dynamic.Resource(v1alpha1.Addons).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the record %s: %w", name, err)
	}
	return nil
}
