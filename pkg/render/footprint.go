package render

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Footprint reads out of a render what hazards are judged by. It depends on nothing but the objects, whatever their order.
// An object whose fields have other types than Kubernetes gives them, and a network configuration that nobody could read,
// are errors that name the object. What names nothing of the render, such as a role that is already on the cluster, is
// not expanded.
func Footprint(objects []*unstructured.Unstructured) (*catalog.Footprint, error) {
	text, err := Print(objects)
	if err != nil {
		return nil, err
	}
	r := reading{rules: map[string][]rule{}}
	r.Bytes = len(text)
	for _, o := range objects {
		if err := r.object(o); err != nil {
			return nil, fmt.Errorf("reading %s: %w", full(o), err)
		}
	}
	r.grant()
	if err := r.network(); err != nil {
		return nil, err
	}
	r.Objects, r.APIs, r.Grants = set(r.Objects), set(r.APIs), set(r.Grants)
	r.Workloads = tidy(r.Workloads, func(w catalog.WorkloadFootprint) string { return w.Kind + " " + w.Namespace + "/" + w.Name })
	r.Bindings = tidy(r.Bindings, func(b catalog.Binding) string { return b.Name })
	r.Definitions = tidy(r.Definitions, func(d catalog.Definition) string { return d.Name })
	return &r.Footprint, nil
}

// reading is a footprint while it is read: what depends on several objects waits until all have been seen.
type reading struct {
	catalog.Footprint
	rules   map[string][]rule // by role
	bound   []bound
	pods    []podTemplate
	configs []configMap
}

// object takes in one object.
func (r *reading) object(o *unstructured.Unstructured) error {
	r.Objects = append(r.Objects, full(o))
	r.APIs = append(r.APIs, o.GetAPIVersion()+" "+o.GetKind())
	switch gk := o.GroupVersionKind().GroupKind(); gk {
	case schema.GroupKind{Group: "apps", Kind: "DaemonSet"}, schema.GroupKind{Group: "extensions", Kind: "DaemonSet"}:
		return r.daemonSet(o)
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}, schema.GroupKind{Group: "extensions", Kind: "Deployment"}:
		return r.deployment(o)
	case schema.GroupKind{Group: rbac, Kind: "ClusterRole"}, schema.GroupKind{Group: rbac, Kind: "Role"}:
		return r.role(o)
	case schema.GroupKind{Group: rbac, Kind: "ClusterRoleBinding"}, schema.GroupKind{Group: rbac, Kind: "RoleBinding"}:
		return r.binding(o)
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return r.definition(o)
	case schema.GroupKind{Kind: "ConfigMap"}:
		return r.configMap(o)
	default:
		return nil
	}
}

// definition reads a CustomResourceDefinition; the versions that objects are stored in are known of a live one only.
func (r *reading) definition(o *unstructured.Unstructured) error {
	var d struct {
		Spec struct {
			Scope    string `json:"scope"`
			Versions []struct {
				Name    string `json:"name"`
				Served  bool   `json:"served"`
				Storage bool   `json:"storage"`
			} `json:"versions"`
		} `json:"spec"`
		Status struct {
			StoredVersions []string `json:"storedVersions"`
		} `json:"status"`
	}
	if err := typed(o, &d); err != nil {
		return err
	}
	out := catalog.Definition{Name: o.GetName(), Scope: d.Spec.Scope, Stored: set(d.Status.StoredVersions)}
	for _, v := range d.Spec.Versions {
		if v.Served {
			out.Served = append(out.Served, v.Name)
		} else {
			out.Unserved = append(out.Unserved, v.Name)
		}
		if v.Storage {
			out.Storage = v.Name
		}
	}
	out.Served, out.Unserved = set(out.Served), set(out.Unserved)
	r.Definitions = append(r.Definitions, out)
	return nil
}

// full names an object as footprints do: "Kind namespace/name", or "Kind name".
func full(o *unstructured.Unstructured) string {
	return reference(o.GetKind(), o.GetNamespace(), o.GetName())
}

func reference(kind, namespace, name string) string {
	if namespace != "" {
		name = namespace + "/" + name
	}
	return kind + " " + name
}

// typed reads an object into a type of Kubernetes. Fields that the type does not have are left out.
func typed(o *unstructured.Unstructured, into any) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into)
}

// set sorts words and leaves each in once; nil when there are none.
func set(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

// tidy sorts items by name, and namesakes by their content, and leaves equal ones in once.
func tidy[T any](items []T, name func(T) string) []T {
	if len(items) == 0 {
		return nil
	}
	byKey := map[string]T{}
	keys := make([]string, 0, len(items))
	for _, i := range items {
		key := fmt.Sprintf("%s\x00%+v", name(i), i)
		byKey[key] = i
		keys = append(keys, key)
	}
	out := make([]T, 0, len(items))
	for _, k := range set(keys) {
		out = append(out, byKey[k])
	}
	return out
}
