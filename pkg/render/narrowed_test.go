package render_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/render"
)

// defined is a definition whose one version has a schema.
func defined(t *testing.T, version, schema string) *unstructured.Unstructured {
	t.Helper()
	objects, err := render.Parse(fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wheels.example.org}
spec:
  group: example.org
  names: {kind: Wheel, plural: wheels}
  scope: Namespaced
  versions:
  - {name: %s, served: true, storage: true, schema: {openAPIV3Schema: %s}}
  - {name: v0, served: false, storage: false, schema: {openAPIV3Schema: {type: object}}}
`, version, schema))
	if err != nil {
		t.Fatal(err)
	}
	return objects[0]
}

// A definition may be written without complaint, and from then on the API server drops what it does not know any more.
func TestWhatADefinitionTakesNoMoreIsNamed(t *testing.T) {
	t.Parallel()
	object := func(properties string) string { return "{type: object, properties: {" + properties + "}}" }
	tests := map[string]struct {
		before, after string
		want          []string
	}{
		"the same":                         {object("a: {type: string}"), object("a: {type: string}"), nil},
		"a field more":                     {object("a: {type: string}"), object("a: {type: string}, b: {type: string}"), nil},
		"a field less":                     {object("a: {type: string}, b: {type: string}"), object("a: {type: string}"), []string{"b"}},
		"a field less, deep":               {object("a: " + object("b: {type: array, items: "+object("c: {type: string}")+"}")), object("a: " + object("b: {type: array, items: "+object("d: {type: string}")+"}")), []string{"a.b[].c"}},
		"a field less in a map":            {object("a: {type: object, additionalProperties: " + object("b: {type: string}") + "}"), object("a: {type: object, additionalProperties: " + object("") + "}"), []string{"a.*.b"}},
		"a field that is kept":             {object("a: {type: string}"), "{type: object, x-kubernetes-preserve-unknown-fields: true}", nil},
		"a field among others":             {object("a: {type: string}"), "{type: object, additionalProperties: {type: string}}", nil},
		"fields of any kind":               {object("a: {type: string}"), "{type: object, additionalProperties: true}", nil},
		"another type":                     {object("a: {type: string}"), object("a: {type: integer}"), []string{"a (string, then integer)"}},
		"a wider type":                     {object("a: {type: integer}"), object("a: {type: number}"), nil},
		"a number that was either":         {object("a: {x-kubernetes-int-or-string: true}"), object("a: {type: integer}"), []string{"a (integer or string, then integer)"}},
		"either, for a string":             {object("a: {type: string}"), object("a: {x-kubernetes-int-or-string: true}"), nil},
		"anything":                         {object("a: {type: string}"), object("a: {x-kubernetes-preserve-unknown-fields: true}"), nil},
		"a value less":                     {object("a: {type: string, enum: [x, y]}"), object("a: {type: string, enum: [y, z]}"), []string{`a (not "x")`}},
		"values":                           {object("a: {type: string}"), object("a: {type: string, enum: [y]}"), []string{"a (only certain values)"}},
		"a value more":                     {object("a: {type: string, enum: [x]}"), object("a: {type: string, enum: [x, y]}"), nil},
		"a field that is required":         {object("a: {type: string}"), "{type: object, required: [a], properties: {a: {type: string}}}", []string{"a (required)"}},
		"unknown fields no more":           {"{type: object, x-kubernetes-preserve-unknown-fields: true}", object(""), []string{"the object (fields that it does not name)"}},
		"unknown fields no more, deep":     {object("a: {type: object, x-kubernetes-preserve-unknown-fields: true}"), object("a: " + object("b: {type: string}")), []string{"a (fields that it does not name)"}},
		"unknown fields of one kind":       {"{type: object, x-kubernetes-preserve-unknown-fields: true}", "{type: object, additionalProperties: {type: string}}", []string{"the object (fields that it does not name, then string)"}},
		"unknown fields still":             {"{type: object, x-kubernetes-preserve-unknown-fields: true}", "{type: object, x-kubernetes-preserve-unknown-fields: true}", nil},
		"unknown fields in another manner": {"{type: object, x-kubernetes-preserve-unknown-fields: true}", "{type: object, additionalProperties: true}", nil},
		"a map no more":                    {"{type: object, additionalProperties: {type: string}}", object("a: {type: string}"), []string{"the object (fields that it does not name)"}},
		"a map that takes anything":        {"{type: object, additionalProperties: {type: string}}", "{type: object, x-kubernetes-preserve-unknown-fields: true}", nil},
		"no object any more":               {object(""), "{type: array}", []string{"the object (object, then array)"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, w := range tt.want {
				want = append(want, "wheels.example.org v1: "+w)
			}
			got, err := render.Narrowed(defined(t, "v1", tt.before), defined(t, "v1", tt.after))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("narrowed (-want +got):\n%s", diff)
			}
			// A version that only one of them serves is compared with nothing.
			if got, err := render.Narrowed(defined(t, "v1", tt.before), defined(t, "v2", tt.after)); err != nil || got != nil {
				t.Errorf("with another version: %v %v", got, err)
			}
		})
	}
}

func TestAVersionThatIsNotServedIsInAFootprint(t *testing.T) {
	t.Parallel()
	f, err := render.Footprint([]*unstructured.Unstructured{defined(t, "v1", "{type: object}")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"v0"}, f.Definitions[0].Unserved); diff != "" {
		t.Errorf("unserved (-want +got):\n%s", diff)
	}
}
