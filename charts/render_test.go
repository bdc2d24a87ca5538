package charts_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
)

// rendered is what a chart gave, decoded strictly, so that a misspelt field fails every test.
type rendered struct {
	objects []runtime.Object
	// text of each template that gave any, by the file's base name.
	text map[string]string
}

// only is the object of a type that bears a name; there has to be exactly one.
func only[T runtime.Object](t *testing.T, r rendered, name string) T {
	t.Helper()
	var found []T
	for _, o := range all[T](r) {
		if meta(t, o).GetName() == name {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d %T of the name %s, want one; there is:\n%s", len(found), *new(T), name, strings.Join(names(t, r), "\n"))
	}
	return found[0]
}

// all are the objects of a type.
func all[T runtime.Object](r rendered) []T {
	var out []T
	for _, o := range r.objects {
		if o, ok := o.(T); ok {
			out = append(out, o)
		}
	}
	return out
}

func meta(t *testing.T, o runtime.Object) metav1.Object {
	t.Helper()
	m, ok := o.(metav1.Object)
	if !ok {
		t.Fatalf("a %T has no metadata", o)
	}
	return m
}

// names lists the objects as "Kind namespace/name", sorted.
func names(t *testing.T, r rendered) []string {
	t.Helper()
	var out []string
	for _, o := range r.objects {
		m := meta(t, o)
		name := m.GetName()
		if m.GetNamespace() != "" {
			name = m.GetNamespace() + "/" + name
		}
		out = append(out, o.GetObjectKind().GroupVersionKind().Kind+" "+name)
	}
	slices.Sort(out)
	return out
}

// strict decodes every type that a chart may use and refuses unknown and doubled fields.
var strict = func() runtime.Decoder {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(s, serializer.EnableStrict).UniversalDeserializer()
}()

// renderChart renders a chart of this folder as Helm release name with values and decodes what it gives.
func renderChart(t *testing.T, name, release string, values map[string]any) rendered {
	t.Helper()
	text, err := renderText(t, name, release, values)
	if err != nil {
		t.Fatal(err)
	}
	r := rendered{text: text}
	for _, file := range slices.Sorted(maps.Keys(text)) {
		for i, document := range strings.Split("\n"+text[file], "\n---") {
			if strings.TrimSpace(document) == "" {
				continue
			}
			o, _, err := strict.Decode([]byte(document), nil, nil)
			if err != nil {
				t.Fatalf("document %d of %s: %v\n%s", i, file, err, document)
			}
			r.objects = append(r.objects, o)
		}
	}
	return r
}

// renderText renders a chart and returns the text of each template that gives any.
func renderText(t *testing.T, name, release string, values map[string]any) (map[string]string, error) {
	t.Helper()
	options := chartutil.ReleaseOptions{Name: release, Namespace: "kube-system", Revision: 1, IsInstall: true}
	loaded := loadChart(t, name)
	given, err := chartutil.ToRenderValues(loaded, values, options, chartutil.DefaultCapabilities.Copy())
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.Render(loaded, given)
	if err != nil {
		return nil, err
	}
	text := map[string]string{}
	for file, body := range files {
		if strings.TrimSpace(body) != "" && path.Base(file) != "NOTES.txt" {
			text[path.Base(file)] = body
		}
	}
	return text, nil
}

func loadChart(t *testing.T, name string) *chart.Chart {
	t.Helper()
	sub := os.DirFS(name)
	var files []*loader.BufferedFile
	err := fs.WalkDir(sub, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sub, name)
		files = append(files, &loader.BufferedFile{Name: name, Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// addOn is an add-on of the shipped catalog.
func addOn(t *testing.T, name string) catalog.AddOn {
	t.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := c.AddOn(name)
	if !ok {
		t.Fatalf("the shipped catalog has no add-on %s", name)
	}
	return a
}

// valuesOf gives the values of a version that need not be shipped: each image is one of registry.example.
func valuesOf(version string, images []string, changes map[string]any) map[string]any {
	refs := map[string]any{}
	for _, image := range images {
		refs[image] = fmt.Sprintf("registry.example/%s:v%s", image, version)
	}
	values := map[string]any{"version": version, "images": refs}
	maps.Copy(values, changes)
	return values
}

// decodeJSON reads the JSON under a key of a ConfigMap.
func decodeJSON(t *testing.T, config *corev1.ConfigMap, key string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(config.Data[key]), &v); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return v
}
