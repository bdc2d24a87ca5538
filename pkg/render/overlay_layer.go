package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// layer is what an overlay makes of a release's objects.
type layer struct {
	overlay *overlay
	// kept are the release's objects that are still there, in their order; both are the same where nothing was changed.
	kept []change
	// renamed are those that have another name or namespace.
	renamed []change
	// gone are those that are no more.
	gone []*unstructured.Unstructured
	// added are others, by kind, namespace and name.
	added []*unstructured.Unstructured
	// pods are the kept objects that run pods, grants the roles and bindings that are kept or added.
	pods   []podsChange
	grants []grantChange
}

type change struct{ before, after *unstructured.Unstructured }

// identity of an object for the API server.
type identity struct{ version, kind, namespace, name string }

func identityOf(o *unstructured.Unstructured) identity {
	return identity{o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()}
}

func byIdentity(a, b *unstructured.Unstructured) int {
	return cmp.Or(
		cmp.Compare(a.GetKind(), b.GetKind()), cmp.Compare(a.GetNamespace(), b.GetNamespace()),
		cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetAPIVersion(), b.GetAPIVersion()),
	)
}

// layerOf tells what was made of the release's objects, of which kustomize has let each name be there once. A hook is an
// error, as it is in a chart.
func layerOf(objects, built []*unstructured.Unstructured, o *overlay) (*layer, error) {
	by := map[identity]*unstructured.Unstructured{}
	for _, o := range built {
		if _, ok := o.GetAnnotations()[annotationHook]; ok {
			return nil, fmt.Errorf("the overlay makes a hook of %s: hooks are not run", full(o))
		}
		by[identityOf(o)] = o
	}
	l := &layer{overlay: o}
	for _, o := range objects {
		id := identityOf(o)
		if by[id] == nil {
			l.gone = append(l.gone, o)
			continue
		}
		kept, err := changed(o, by[id])
		if err != nil {
			return nil, err
		}
		l.kept = append(l.kept, kept)
		delete(by, id)
	}
	for _, o := range built {
		if by[identityOf(o)] != nil {
			l.added = append(l.added, o)
		}
	}
	l.pair()
	slices.SortStableFunc(l.added, byIdentity)
	if err := l.read(); err != nil {
		return nil, fmt.Errorf("reading what the overlay made: %w", err)
	}
	return l, nil
}

// read reads the objects whose fields are judged one by one. One with fields of other types than Kubernetes gives them is an
// error.
func (l *layer) read() error {
	for _, c := range l.kept {
		switch {
		case PhaseOf(c.before) == Workloads:
			p, err := c.podsOf()
			if err != nil {
				return err
			}
			l.pods = append(l.pods, p)
		case isRole(c.before) || isBinding(c.before):
			g := grantChange{name: full(c.before)}
			if err := c.typed(&g.before, &g.after); err != nil {
				return err
			}
			l.grants = append(l.grants, g)
		}
	}
	for _, o := range l.added {
		if isRole(o) || isBinding(o) {
			g := grantChange{name: full(o), fresh: true}
			if err := typed(o, &g.after); err != nil {
				return fmt.Errorf("reading %s: %w", full(o), err)
			}
			l.grants = append(l.grants, g)
		}
	}
	return nil
}

// typed reads both sides into types of Kubernetes.
func (c change) typed(before, after any) error {
	if err := typed(c.before, before); err != nil {
		return fmt.Errorf("reading %s: %w", full(c.before), err)
	}
	if err := typed(c.after, after); err != nil {
		return fmt.Errorf("reading %s: %w", full(c.after), err)
	}
	return nil
}

// changed is an object with what was made of it; the very same where nothing was.
func changed(before, after *unstructured.Unstructured) (change, error) {
	a, err := json.Marshal(before.Object)
	if err != nil {
		return change{}, fmt.Errorf("comparing %s: %w", full(before), err)
	}
	b, err := json.Marshal(after.Object)
	if err != nil {
		return change{}, fmt.Errorf("comparing %s: %w", full(after), err)
	}
	if bytes.Equal(a, b) {
		after = before
	}
	return change{before, after}, nil
}

// pair takes an object that is gone for the first new one of its kind, as kustomize keeps their order.
func (l *layer) pair() {
	gone := l.gone
	l.gone = nil
	for _, o := range gone {
		i := slices.IndexFunc(l.added, func(n *unstructured.Unstructured) bool { return n.GroupVersionKind() == o.GroupVersionKind() })
		if i < 0 {
			l.gone = append(l.gone, o)
			continue
		}
		l.renamed = append(l.renamed, change{o, l.added[i]})
		l.added = slices.Delete(l.added, i, i+1)
	}
}

// objects in the order of writing: the release's own as they were, then what is new, phase by phase.
func (l *layer) objects() []*unstructured.Unstructured {
	fresh := slices.Clone(l.added)
	for _, c := range l.renamed {
		fresh = append(fresh, c.after)
	}
	slices.SortStableFunc(fresh, byIdentity)
	out := make([]*unstructured.Unstructured, 0, len(l.kept)+len(fresh))
	for _, c := range l.kept {
		out = append(out, c.after)
	}
	out = append(out, fresh...)
	slices.SortStableFunc(out, func(a, b *unstructured.Unstructured) int { return cmp.Compare(PhaseOf(a), PhaseOf(b)) })
	return out
}

// changes are the kept objects that are not as they were.
func (l *layer) changes() []change {
	var out []change
	for _, c := range l.kept {
		if c.before != c.after {
			out = append(out, c)
		}
	}
	return out
}
