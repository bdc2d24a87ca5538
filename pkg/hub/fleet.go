package hub

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// Clusters are the ClusterNetworks that a label selector takes, in order of names; empty takes all.
func (h *Hub) Clusters(ctx context.Context, selector string) ([]v1alpha1.ClusterNetwork, error) {
	return list[v1alpha1.ClusterNetwork](ctx, h, v1alpha1.ClusterNetworks, selector, manyAtOnce)
}

// AllAddons are the Addons of every cluster, in order of names.
func (h *Hub) AllAddons(ctx context.Context) ([]v1alpha1.Addon, error) {
	return list[v1alpha1.Addon](ctx, h, v1alpha1.Addons, "", manyAtOnce)
}

// Rollouts are all of them, in order of names.
func (h *Hub) Rollouts(ctx context.Context) ([]v1alpha1.AddonRollout, error) {
	return list[v1alpha1.AddonRollout](ctx, h, v1alpha1.AddonRollouts, "", fewAtOnce)
}

// Rollout reads an AddonRollout; nil when there is none.
func (h *Hub) Rollout(ctx context.Context, name string) (*v1alpha1.AddonRollout, error) {
	return read[v1alpha1.AddonRollout](ctx, h, v1alpha1.AddonRollouts, name)
}

// Policies are all of them, in order of names.
func (h *Hub) Policies(ctx context.Context) ([]v1alpha1.UpdatePolicy, error) {
	return list[v1alpha1.UpdatePolicy](ctx, h, v1alpha1.UpdatePolicies, "", manyAtOnce)
}

// Fleet reads the records of the hub, the clusters first: with an error, what was read before it is there.
func (h *Hub) Fleet(ctx context.Context) (f status.Fleet, err error) {
	if f.Networks, err = h.Clusters(ctx, ""); err != nil {
		return f, err
	}
	if f.Policies, err = h.Policies(ctx); err != nil {
		return f, err
	}
	if f.Addons, err = h.AllAddons(ctx); err != nil {
		return f, err
	}
	if f.Rollouts, err = h.Rollouts(ctx); err != nil {
		return f, err
	}
	f.Catalog, err = h.Catalog(ctx)
	return f, err
}

// Policy reads an UpdatePolicy; nil when there is none.
func (h *Hub) Policy(ctx context.Context, name string) (*v1alpha1.UpdatePolicy, error) {
	return read[v1alpha1.UpdatePolicy](ctx, h, v1alpha1.UpdatePolicies, name)
}

// How many records are asked for at once: a rollout of thousands of clusters has a megabyte.
const (
	manyAtOnce = 500
	fewAtOnce  = 20
)

// list reads records in pages; none where our definitions are not installed.
func list[T any](ctx context.Context, h *Hub, r schema.GroupVersionResource, selector string, atOnce int64) ([]T, error) {
	var out []T
	for page := ""; ; {
		l, err := h.client.Dynamic.Resource(r).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: atOnce, Continue: page})
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", r.Resource, err)
		}
		for i := range l.Items {
			var one T
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(l.Items[i].Object, &one); err != nil {
				return nil, fmt.Errorf("reading %s %s: %w", r.Resource, l.Items[i].GetName(), err)
			}
			out = append(out, one)
		}
		if page = l.GetContinue(); page == "" {
			return out, nil
		}
	}
}

// Order gives a rollout the order that decide wants of what is recorded, under the next number; nil gives none. decide is asked anew when
// somebody was faster, and its error ends it. ErrNotRecorded says that there is no rollout of that name.
func (h *Hub) Order(ctx context.Context, name string, decide func(v1alpha1.AddonRollout) (*v1alpha1.Order, error)) (*v1alpha1.Order, error) {
	var given *v1alpha1.Order
	err := insist(ctx, func() error {
		r, err := h.Rollout(ctx, name)
		if err != nil {
			return err
		}
		if r == nil {
			return fmt.Errorf("ordering rollout %s: %w", name, ErrNotRecorded)
		}
		if given, err = decide(*r); err != nil || given == nil {
			return err
		}
		given.Number = r.Status.Obeyed
		for _, o := range r.Spec.Orders {
			given.Number = max(given.Number, o.Number)
		}
		given.Number++
		r.Spec.Orders = append(r.Spec.Orders, *given)
		r.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "AddonRollout"}
		return h.save(ctx, v1alpha1.AddonRollouts, r)
	})
	if err != nil {
		return nil, err
	}
	return given, nil
}

// Catalog reads the hub's AddonCatalog; nil when there is none.
func (h *Hub) Catalog(ctx context.Context) (*v1alpha1.AddonCatalog, error) {
	return read[v1alpha1.AddonCatalog](ctx, h, v1alpha1.AddonCatalogs, v1alpha1.CatalogName)
}

// ChangeRecalls writes what change makes of the recalls of the hub's catalog, which is the built-in one where there is none yet; ok is false
// when nothing is to be changed. change is asked anew when somebody was faster, and may not write to what it is given.
func (h *Hub) ChangeRecalls(ctx context.Context, change func([]v1alpha1.Recall) (out []v1alpha1.Recall, ok bool)) error {
	return insist(ctx, func() error {
		c, err := h.Catalog(ctx)
		if err != nil {
			return err
		}
		if c == nil {
			c = &v1alpha1.AddonCatalog{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CatalogName}, Spec: v1alpha1.AddonCatalogSpec{BuiltIn: true}}
		}
		recalls, ok := change(c.Spec.Recalls)
		if !ok {
			return nil
		}
		c.Spec.Recalls = recalls
		c.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "AddonCatalog"}
		return h.save(ctx, v1alpha1.AddonCatalogs, c)
	})
}
