package render

import (
	"regexp"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
)

// kinds are those that Kubernetes itself gives a type.
var kinds = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	_ = scheme.AddToScheme(s) // neither ever fails; a kind that is not known is compared as written
	_ = apiextensionsv1.AddToScheme(s)
	return s
})

func builtIn(o *unstructured.Unstructured) bool { return kinds().Recognizes(o.GroupVersionKind()) }

// inOneForm writes two objects as their types do: quantities in their canonical form, and neither nulls nor what is empty and
// means nothing. Where an object has a field that its type does not, a newer one or a misspelt one, both stay as they are, so
// that it is compared too.
func inOneForm(a, b *unstructured.Unstructured) (x, y map[string]any) {
	x, okX := asTyped(a)
	y, okY := asTyped(b)
	if !okX || !okY {
		return a.Object, b.Object
	}
	return x, y
}

func asTyped(o *unstructured.Unstructured) (map[string]any, bool) {
	into, err := kinds().New(o.GroupVersionKind())
	if err != nil {
		return nil, false
	}
	const strict = true
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, into, strict); err != nil {
		return nil, false
	}
	if d, ok := into.(*apiextensionsv1.CustomResourceDefinition); ok {
		apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&d.Spec)
	}
	out, err := runtime.DefaultUnstructuredConverter.ToUnstructured(into)
	return out, err == nil
}

// hashed is the name of a ConfigMap that is versioned with its content: <base>-<ten digits of its hash>.
var hashed = regexp.MustCompile(`^(.+)-[0-9a-f]{10}$`)

// plainNames are the names that end in the hash of a ConfigMap's content, and what they are without it. Where the short name
// would mean two ConfigMaps, as in the middle of a roll, the full ones stay.
func plainNames(objects []*unstructured.Unstructured) map[string]string {
	out, taken := map[string]string{}, map[string]int{}
	for _, o := range objects {
		if o.GetKind() != "ConfigMap" {
			continue
		}
		base := o.GetName()
		if m := hashed.FindStringSubmatch(base); m != nil && o.Object["immutable"] == true {
			base = m[1]
			out[o.GetName()] = base
		}
		taken[base]++
	}
	for name, base := range out {
		if taken[base] > 1 {
			delete(out, name)
		}
	}
	return out
}

// renamed puts plain names wherever one stands that ends in a hash: in the ConfigMap, and where a pod refers to it.
func renamed(v any, names map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if name, ok := value.(string); ok && names[name] != "" {
				v[key] = names[name]
			}
			renamed(value, names)
		}
	case []any:
		for i, value := range v {
			if name, ok := value.(string); ok && names[name] != "" {
				v[i] = names[name]
			}
			renamed(value, names)
		}
	}
}

// document is text that was read as JSON. What its lists mean is not known here.
type document struct{ value any }

// jsonKeys are the keys of a ConfigMap whose text is JSON (facts: CNI A1.4, A3.4).
var jsonKeys = regexp.MustCompile(`\.(json|conflist)$|^cni_network_config$`)

// unquoted is what Calico's installer puts a number for: without quotes around it the text is no JSON before. A table stands
// in its place, which no text in quotes is the same as.
var unquoted = regexp.MustCompile(`(:\s*)(__[A-Z0-9_]+__)`)

const asTable = `$1{"without quotes": "$2"}`

// netConfPresets are flannel's own (facts: CNI A1.4, A1.8).
var netConfPresets = []preset{{"EnableIPv4", true}, {"EnableIPv6", false}, {"EnableNFTables", false}}

// readDocuments reads what is JSON in a ConfigMap; text that is not is left as it is.
func readDocuments(data map[string]any) {
	for key, value := range data {
		text, _ := value.(string)
		if !jsonKeys.MatchString(key) {
			continue
		}
		var v map[string]any
		if err := kjson.UnmarshalCaseSensitivePreserveInts([]byte(unquoted.ReplaceAllString(text, asTable)), &v); err != nil {
			continue
		}
		if key == "net-conf.json" {
			fillAll(v, netConfPresets)
		}
		data[key] = document{v}
	}
}
