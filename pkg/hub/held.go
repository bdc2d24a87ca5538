package hub

import (
	"context"
	"slices"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// Unhold takes a release off the list of those that the cluster was put back from; an empty version takes all. A way back that is
// under way is finished, and does not hold the release again; one from a pin is given up, and the pin is tried again. It may be repeated;
// ErrChanged says that somebody else wrote the record in between.
func (h *Hub) Unhold(ctx context.Context, cluster, addOn, version string) error {
	a, err := h.Addon(ctx, cluster, addOn)
	if err != nil || a == nil {
		return err
	}
	if r := a.Spec.Rollback; r != nil && r.Leaves != "" && (version == "" || r.Leaves == version) {
		a.Spec.Rollback = status.Unheld(*r)
		if err := h.SaveAddon(ctx, a); err != nil {
			return err
		}
		if a, err = h.Addon(ctx, cluster, addOn); err != nil || a == nil {
			return err
		}
	}
	kept := slices.DeleteFunc(slices.Clone(a.Status.Held), func(r v1alpha1.HeldRelease) bool { return version == "" || r.Version == version })
	if len(kept) == len(a.Status.Held) {
		return nil
	}
	a.Status.Held = kept
	return h.SaveAddonStatus(ctx, a)
}
