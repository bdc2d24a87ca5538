package kube

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Field is a field of an object that is live with another value than the one that we write.
type Field struct {
	// Path as people write it: spec.template.spec.containers[kube-flannel].image.
	Path string
	// Owner are the other field managers that own it live, sorted; empty when none does.
	Owner string
	// Ours is true when we own it live, with the value that it has, alone or beside them.
	Ours bool
	// Live and After are the values as short JSON, live and after the write; empty where there is none. A Secret's are not shown.
	Live, After string

	path fieldpath.Path
}

// Conflicting are the fields that the API server's 409 to an apply says others own, by path; empty when the error is none
// of that kind. live is the object that was written to, want what was to be written.
func Conflicting(err error, want, live *unstructured.Unstructured) []Field {
	status, ok := err.(apierrors.APIStatus)
	if !ok || live == nil || !apierrors.IsConflict(err) || status.Status().Details == nil {
		return nil
	}
	paths := map[string]fieldpath.Path{}
	for _, s := range owners(live) {
		for p := range s.set.All() {
			paths[p.String()] = p.Copy()
		}
	}
	out := map[string]Field{}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		f := Field{Path: strings.TrimPrefix(cause.Field, "."), path: paths[cause.Field]}
		if f.path != nil {
			f = fieldOf(f.path, live, want)
		}
		if f.Owner == "" {
			f.Owner = strings.TrimPrefix(cause.Message, "conflict with ")
		}
		out[f.Path] = f
	}
	return sorted(out)
}

// Differing are the fields of ours in an object as a write would leave it whose live value is another one, by path. What
// others add to the live object is theirs, and none of them.
func Differing(live, after *unstructured.Unstructured) []Field {
	out := map[string]Field{}
	for p := range appliedBy(after).leaves() {
		n := reaches(live.Object, p)
		if n == len(p) && alike(at(live.Object, p), at(after.Object, p)) {
			continue
		}
		f := fieldOf(p[:min(n+1, len(p))].Copy(), live, after)
		out[f.Path] = f
	}
	return sorted(out)
}

// CoOwned counts, for each other field manager, the fields of ours in an object as a write would leave it that are live as we
// want them and that the manager owns too.
func CoOwned(live, after *unstructured.Unstructured) map[string]int {
	out := map[string]int{}
	for p := range appliedBy(after).leaves() {
		if reaches(live.Object, p) < len(p) {
			continue
		}
		for _, s := range owners(live) {
			if s.manager != FieldManager && s.set.Has(p) {
				out[s.manager]++
			}
		}
	}
	return out
}

// Without is an object to be applied without fields, which then stay as they are live: what somebody else owns is left out, what
// nobody else owns is written as it is live, or the API server would take it away.
func Without(want, live *unstructured.Unstructured, fields []Field) *unstructured.Unstructured {
	want = want.DeepCopy()
	for _, f := range fields {
		if f.path == nil {
			continue
		}
		if f.Owner == "" && reaches(live.Object, f.path) == len(f.path) {
			put(want.Object, f.path, at(live.Object, f.path))
			continue
		}
		cut(want.Object, f.path)
	}
	return want
}

func fieldOf(p fieldpath.Path, live, after *unstructured.Unstructured) Field {
	f := Field{Path: pathText(p), path: p}
	for _, s := range owners(live) {
		switch {
		case !s.set.Has(p):
		case s.manager == FieldManager:
			f.Ours = true
		default:
			f.Owner = strings.TrimPrefix(f.Owner+", "+s.manager, ", ")
		}
	}
	if live.GetKind() == "Secret" {
		return f
	}
	f.Live, f.After = short(live.Object, p), short(after.Object, p)
	return f
}

func sorted(fields map[string]Field) []Field {
	var out []Field
	for _, f := range fields {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Field) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// owner is a field manager with what it owns.
type owner struct {
	manager string
	set     *fieldpath.Set
}

// owners are the managers of an object's fields, sorted, each once. Of subresources only their controllers own something.
func owners(o *unstructured.Unstructured) []owner {
	by := map[string]*fieldpath.Set{}
	for _, f := range o.GetManagedFields() {
		s := &fieldpath.Set{}
		if f.Subresource != "" || f.FieldsV1 == nil || s.FromJSON(f.FieldsV1.GetRawReader()) != nil {
			continue
		}
		if by[f.Manager] != nil {
			s = s.Union(by[f.Manager])
		}
		by[f.Manager] = s
	}
	var out []owner
	for m, s := range by {
		out = append(out, owner{m, s})
	}
	slices.SortFunc(out, func(a, b owner) int { return strings.Compare(a.manager, b.manager) })
	return out
}

// owned is what we apply of an object.
type owned struct{ set *fieldpath.Set }

func appliedBy(o *unstructured.Unstructured) owned {
	for _, f := range o.GetManagedFields() {
		s := &fieldpath.Set{}
		if f.Manager == FieldManager && f.Operation == metav1.ManagedFieldsOperationApply && f.Subresource == "" &&
			f.FieldsV1 != nil && s.FromJSON(f.FieldsV1.GetRawReader()) == nil {
			return owned{s}
		}
	}
	return owned{&fieldpath.Set{}}
}

func (o owned) leaves() func(func(fieldpath.Path) bool) { return o.set.Leaves().All() }

// reaches is how many elements of a path lead to something.
func reaches(v any, p fieldpath.Path) int {
	for i, e := range p {
		next, ok := step(v, e)
		if !ok {
			return i
		}
		v = next
	}
	return len(p)
}

// at is what stands at a path; nil when nothing does.
func at(v any, p fieldpath.Path) any {
	for _, e := range p {
		next, ok := step(v, e)
		if !ok {
			return nil
		}
		v = next
	}
	return v
}

func step(v any, e fieldpath.PathElement) (any, bool) {
	if e.FieldName != nil {
		m, _ := v.(map[string]any)
		next, ok := m[*e.FieldName]
		return next, ok
	}
	list, _ := v.([]any)
	i := slices.IndexFunc(list, func(item any) bool { return is(item, e) })
	if e.Index != nil {
		i = *e.Index
	}
	if i < 0 || i >= len(list) {
		return nil, false
	}
	return list[i], true
}

// is tells whether an item of a list is the one that an element of a path names. A part of a key that an item leaves out is
// the API server's default there.
func is(item any, e fieldpath.PathElement) bool {
	if e.Value != nil {
		return same(item, (*e.Value).Unstructured())
	}
	m, _ := item.(map[string]any)
	if e.Key == nil || m == nil {
		return false
	}
	for _, k := range *e.Key {
		if v, ok := m[k.Name]; ok && !same(v, k.Value.Unstructured()) || !ok && len(*e.Key) == 1 {
			return false
		}
	}
	return true
}

// same compares plain values; numbers come as several types.
func same(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// alike tells whether a value of ours is live; an empty table of ours is there with whatever others put into it.
func alike(live, ours any) bool {
	if m, ok := ours.(map[string]any); ok && len(m) == 0 {
		_, ok := live.(map[string]any)
		return ok
	}
	return reflect.DeepEqual(live, ours)
}

func put(o map[string]any, p fieldpath.Path, value any) {
	last := p[len(p)-1]
	switch in := at(o, p[:len(p)-1]).(type) {
	case map[string]any:
		if last.FieldName != nil {
			in[*last.FieldName] = value
		}
	case []any:
		if i := slices.IndexFunc(in, func(item any) bool { return is(item, last) }); i >= 0 {
			in[i] = value
		}
	}
}

func cut(o map[string]any, p fieldpath.Path) {
	last := p[len(p)-1]
	switch in := at(o, p[:len(p)-1]).(type) {
	case map[string]any:
		if last.FieldName != nil {
			delete(in, *last.FieldName)
		}
	case []any:
		put(o, p[:len(p)-1], slices.DeleteFunc(slices.Clone(in), func(item any) bool { return is(item, last) }))
	}
}

// pathText writes a path as people do.
func pathText(p fieldpath.Path) string {
	var b strings.Builder
	for _, e := range p {
		switch {
		case e.FieldName != nil && !strings.ContainsAny(*e.FieldName, "./ "):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(*e.FieldName)
		case e.FieldName != nil:
			b.WriteString("[" + *e.FieldName + "]")
		case e.Key != nil:
			var parts []string
			for _, k := range *e.Key {
				parts = append(parts, fmt.Sprint(k.Value.Unstructured()))
			}
			b.WriteString("[" + strings.Join(parts, ",") + "]")
		case e.Value != nil:
			b.WriteString("[" + fmt.Sprint((*e.Value).Unstructured()) + "]")
		case e.Index != nil:
			fmt.Fprintf(&b, "[%d]", *e.Index)
		}
	}
	return b.String()
}

// short is a value as JSON on one line, cut where it is long.
func short(o map[string]any, p fieldpath.Path) string {
	const most = 80
	if reaches(o, p) < len(p) {
		return ""
	}
	text, err := json.Marshal(at(o, p))
	if err != nil {
		return ""
	}
	if r := []rune(string(text)); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return string(text)
}
