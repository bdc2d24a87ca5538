package render

import (
	"fmt"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// props is the schema of a field.
type props = apiextensionsv1.JSONSchemaProps

// Narrowed names what a live CustomResourceDefinition takes and another one of its name does not, in the versions that both serve: fields
// that are gone, named or kept without a name, types that changed, values that are not allowed and fields that are required from then on. Each is
// "NAME VERSION: field what", sorted; nil when nothing is narrower. Schemas are compared by their fields alone: patterns, limits and rules
// in CEL are not.
func Narrowed(live, next *unstructured.Unstructured) ([]string, error) {
	before, err := schemas(live)
	if err != nil {
		return nil, err
	}
	after, err := schemas(next)
	if err != nil {
		return nil, err
	}
	var out []string
	for version, was := range before {
		if now, ok := after[version]; ok {
			n := narrowing{prefix: live.GetName() + " " + version + ": "}
			n.compare("", was, now)
			out = append(out, n.found...)
		}
	}
	return set(out), nil
}

// schemas are those of the versions that a definition serves.
func schemas(o *unstructured.Unstructured) (map[string]props, error) {
	var d apiextensionsv1.CustomResourceDefinition
	if err := typed(o, &d); err != nil {
		return nil, fmt.Errorf("reading %s: %w", full(o), err)
	}
	out := map[string]props{}
	for _, v := range d.Spec.Versions {
		if v.Served && v.Schema != nil && v.Schema.OpenAPIV3Schema != nil {
			out[v.Name] = *v.Schema.OpenAPIV3Schema
		}
	}
	return out, nil
}

// narrowing is one comparison of two schemas.
type narrowing struct {
	prefix string
	found  []string
}

func (n *narrowing) note(path, what string) {
	if path == "" {
		path = "the object"
	}
	n.found = append(n.found, n.prefix+path+what)
}

func (n *narrowing) compare(path string, before, now props) {
	if was, is := kindOf(before), kindOf(now); was != is && !takes(is, was) {
		n.note(path, fmt.Sprintf(" (%s, then %s)", was, is))
		return
	}
	n.values(path, before, now)
	n.fields(path, before, now)
	n.unnamed(path, before, now)
	if b, a := items(before), items(now); b != nil && a != nil {
		n.compare(path+"[]", *b, *a)
	}
	if b, a := others(before), others(now); b != nil && a != nil {
		n.compare(beneath(path, "*"), *b, *a)
	}
}

func (n *narrowing) fields(path string, before, now props) {
	for _, name := range slices.Sorted(maps.Keys(before.Properties)) {
		field, was := beneath(path, name), before.Properties[name]
		rest := others(now)
		switch next, ok := now.Properties[name]; {
		case ok:
			n.compare(field, was, next)
		case rest != nil:
			n.compare(field, was, *rest)
		case now.AdditionalProperties == nil && !keepsUnknown(now):
			n.note(field, "")
		}
	}
}

// unnamed compares what becomes of fields that the schema does not name: where they are not kept any more, stored objects lose them.
func (n *narrowing) unnamed(path string, before, now props) {
	rest := others(now)
	switch {
	case !takesUnnamed(before) || keepsUnknown(now):
	case !takesUnnamed(now):
		n.note(path, " (fields that it does not name)")
	case keepsUnknown(before) && rest != nil && kindOf(*rest) != anything:
		n.note(path, fmt.Sprintf(" (fields that it does not name, then %s)", kindOf(*rest)))
	}
}

// takesUnnamed tells whether there may be fields that the schema does not name.
func takesUnnamed(p props) bool {
	return keepsUnknown(p) || p.AdditionalProperties != nil && (p.AdditionalProperties.Allows || p.AdditionalProperties.Schema != nil)
}

// values compares what a field may hold and must hold.
func (n *narrowing) values(path string, before, now props) {
	for _, name := range now.Required {
		if !slices.Contains(before.Required, name) {
			n.note(beneath(path, name), " (required)")
		}
	}
	allowed := enum(now)
	if len(allowed) == 0 {
		return
	}
	if len(before.Enum) == 0 {
		n.note(path, " (only certain values)")
	}
	for _, v := range enum(before) {
		if !slices.Contains(allowed, v) {
			n.note(path, " (not "+v+")")
		}
	}
}

func enum(p props) []string {
	var out []string
	for _, v := range p.Enum {
		out = append(out, string(v.Raw))
	}
	return out
}

// items is the schema of a list's items; nil when it is none, or says nothing of them.
func items(p props) *props {
	if p.Items == nil {
		return nil
	}
	return p.Items.Schema
}

// others is the schema of fields that have no name; nil when it says nothing of them.
func others(p props) *props {
	if p.AdditionalProperties == nil {
		return nil
	}
	return p.AdditionalProperties.Schema
}

// keepsUnknown tells whether fields are kept that the schema does not know.
func keepsUnknown(p props) bool { return p.XPreserveUnknownFields != nil && *p.XPreserveUnknownFields }

const (
	anything    = "anything"
	intOrString = "integer or string"
)

// kindOf is the type of a field in words.
func kindOf(p props) string {
	switch {
	case p.XIntOrString:
		return intOrString
	case p.Type == "":
		return anything
	default:
		return p.Type
	}
}

// takes tells whether a kind of field takes whatever another one takes.
func takes(is, was string) bool {
	return is == anything || is == intOrString && (was == "integer" || was == "string") || is == "number" && was == "integer"
}

func beneath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
