package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Difference is one thing that two sets of objects say differently.
type Difference struct {
	// Object as "Kind namespace/name". A ConfigMap whose name ends in the hash of its content is named without it.
	Object string `json:"object"`
	// Kind says whether the object is on one side only, or which field of it differs.
	Kind DifferenceKind `json:"kind"`
	// Field is the path to what differs, such as "spec.template.spec.containers[kube-flannel].image"; empty where the object
	// is on one side only.
	Field string `json:"field,omitempty"`
	// From and To are the values as JSON has them, an API server's defaults filled in; nil where there is none.
	From any `json:"from,omitempty"`
	To   any `json:"to,omitempty"`
}

// DifferenceKind is what became of an object.
type DifferenceKind string

// The kinds of differences.
const (
	Added   DifferenceKind = "Added"
	Removed DifferenceKind = "Removed"
	Changed DifferenceKind = "Changed"
)

// Compare tells what two sets of objects say differently, by meaning: what an API server fills in or owns, the marks of
// ownership, and an order that nobody reads do not count (facts: CNI A1.8, C4). Rights are compared as single rights, JSON in
// a ConfigMap as what it says. It depends on nothing but the objects, whatever their order, and changes none of them. The
// differences are in the order of writing, then by name and field.
func Compare(from, to []*unstructured.Unstructured) []Difference {
	x, y := identified(from), identified(to)
	all := maps.Clone(x)
	maps.Copy(all, y)
	var out []Difference
	for _, id := range slices.SortedFunc(maps.Keys(all), objectID.compare) {
		a, b := x[id], y[id]
		switch {
		case b == nil:
			out = append(out, Difference{Object: full(a), Kind: Removed})
		case a == nil:
			out = append(out, Difference{Object: full(b), Kind: Added})
		default:
			out = append(out, compareTwo(a, b)...)
		}
	}
	return out
}

// objectID is what makes two objects one and the same: versions of an API are ways to write it.
type objectID struct {
	phase                        Phase
	group, kind, namespace, name string
}

func (i objectID) compare(j objectID) int {
	return cmp.Or(cmp.Compare(i.phase, j.phase), cmp.Compare(i.kind, j.kind), cmp.Compare(i.group, j.group),
		cmp.Compare(i.namespace, j.namespace), cmp.Compare(i.name, j.name))
}

// identified are copies of the objects by identity, with plain names in place of those that end in a hash.
func identified(objects []*unstructured.Unstructured) map[objectID]*unstructured.Unstructured {
	names := plainNames(objects)
	out := map[objectID]*unstructured.Unstructured{}
	for _, o := range objects {
		o = o.DeepCopy()
		renamed(o.Object, names)
		gk := o.GroupVersionKind().GroupKind()
		out[objectID{PhaseOf(o), gk.Group, gk.Kind, o.GetNamespace(), o.GetName()}] = o
	}
	return out
}

// compareTwo tells the differences of two objects of one identity; both are changed.
func compareTwo(a, b *unstructured.Unstructured) []Difference {
	x, y := inMeaning(a, b)
	var out []Difference
	for _, d := range differ(nil, x, y) {
		d.Object, d.Kind = full(a), Changed
		out = append(out, d)
	}
	return out
}

// inMeaning writes two objects of one identity as trees that differ where the objects do in meaning; both are changed.
func inMeaning(a, b *unstructured.Unstructured) (x, y any) {
	of, to := inOneForm(a, b)
	simplify(a.GetKind(), of)
	simplify(b.GetKind(), to)
	forgive(a.GetKind(), of, to)
	rules := lists
	if !builtIn(a) || !builtIn(b) {
		rules = nil // what the lists of other kinds mean is not known
	}
	return tree(of, "", rules), tree(to, "", rules)
}

func (d Difference) String() string {
	if d.Kind != Changed {
		return fmt.Sprintf("%s: %s", d.Object, d.Kind)
	}
	return fmt.Sprintf("%s: %s: %v -> %v", d.Object, d.Field, d.From, d.To)
}
