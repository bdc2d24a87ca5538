package helm

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// ThreeWay is one thing that is live, that our render of the same release says differently, or that the former owner wrote
// differently. The first update of ours is made of what ours says.
type ThreeWay struct {
	// Object and Field as render.Difference has them; Kind is Added for an object that only we have, Removed for one that only
	// is live.
	Object string                `json:"object"`
	Kind   render.DifferenceKind `json:"kind"`
	Field  string                `json:"field,omitempty"`
	Live   any                   `json:"live,omitempty"`
	Ours   any                   `json:"ours,omitempty"`
	// Former is what the former owner wrote last; it counts where FormerKnown is true.
	Former      any  `json:"former,omitempty"`
	FormerKnown bool `json:"formerKnown"`
}

// compare fills in the three-way difference.
func (l *looker) compare(ctx context.Context) error {
	formers, err := l.formerly(ctx)
	if err != nil {
		return err
	}
	l.Differences = threeWay(l.live.Objects, l.ours.Objects, formers)
	return nil
}

// threeWay joins what differs between live and ours with what differs between live and what was written formerly.
func threeWay(live, ours, formers []*unstructured.Unstructured) []ThreeWay {
	var known []*unstructured.Unstructured
	for _, o := range live {
		if slices.ContainsFunc(formers, func(f *unstructured.Unstructured) bool { return sameObject(f, o) }) {
			known = append(known, o)
		}
	}
	// An object is known by the name that Compare gives it.
	names := map[string]bool{}
	for _, d := range render.Compare(known, nil) {
		names[d.Object] = true
	}
	type place struct{ object, field string }
	edited := map[place]render.Difference{}
	for _, d := range render.Compare(known, formers) {
		edited[place{d.Object, d.Field}] = d
	}
	var out []ThreeWay
	for _, d := range render.Compare(live, ours) {
		row := ThreeWay{Object: d.Object, Kind: d.Kind, Field: d.Field, Live: d.From, Ours: d.To, Former: d.From, FormerKnown: names[d.Object]}
		at := place{d.Object, d.Field}
		if e, ok := edited[at]; ok {
			row.Former = e.To
			delete(edited, at)
		}
		if !row.FormerKnown {
			row.Former = nil
		}
		out = append(out, row)
	}
	for at, e := range edited {
		if e.Kind != render.Changed {
			continue
		}
		out = append(out, ThreeWay{Object: at.object, Kind: e.Kind, Field: at.field, Live: e.From, Ours: e.From, Former: e.To, FormerKnown: true})
	}
	slices.SortStableFunc(out, func(a, b ThreeWay) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Field, b.Field))
	})
	return out
}

// formerly are the objects as their former owners wrote them last, where that is known: kubectl keeps it on the object, Helm in
// its release.
func (l *looker) formerly(ctx context.Context) ([]*unstructured.Unstructured, error) {
	released, err := l.releaseOfOthers(ctx)
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for _, o := range l.found {
		f := &unstructured.Unstructured{}
		text := o.GetAnnotations()[corev1.LastAppliedConfigAnnotation]
		if text != "" && json.Unmarshal([]byte(text), &f.Object) == nil && sameObject(f, o) {
			out = append(out, f)
			continue
		}
		for _, r := range released {
			if sameObject(r, o) {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// releaseOfOthers are the objects of the Helm release that the DaemonSet belongs to, as it was deployed last; none when that is
// not known.
func (l *looker) releaseOfOthers(ctx context.Context) ([]*unstructured.Unstructured, error) {
	name, ns := helmRelease(l.set)
	if name == "" || ns == "" {
		return nil, nil
	}
	stored, err := record.Open(l.Target, ns, name, l.Now).Revisions(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(stored) {
		if r.Status != string(plan.Deployed) || isLiteral(r.Chart) {
			continue
		}
		objects, err := render.Parse(r.Manifest)
		if err == nil {
			l.placed(objects, ns)
			return objects, nil
		}
	}
	return nil, nil
}

// placed gives objects that a manifest leaves to Helm's namespace the namespace where they are live.
func (l *looker) placed(objects []*unstructured.Unstructured, namespace string) {
	for _, o := range objects {
		live := func(f *unstructured.Unstructured) bool {
			return f.GetNamespace() == namespace && f.GetKind() == o.GetKind() && f.GetName() == o.GetName()
		}
		if o.GetNamespace() == "" && slices.ContainsFunc(l.found, live) {
			o.SetNamespace(namespace)
		}
	}
}
