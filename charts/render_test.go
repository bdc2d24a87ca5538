package charts_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// objects are flannel's objects, decoded strictly, so that a misspelt field
// fails every test.
type objects struct {
	account   corev1.ServiceAccount
	role      rbacv1.ClusterRole
	binding   rbacv1.ClusterRoleBinding
	config    corev1.ConfigMap
	daemonSet appsv1.DaemonSet
	text      map[string]string
}

func (o objects) agent() corev1.Container { return o.daemonSet.Spec.Template.Spec.Containers[0] }

// render renders and decodes the chart with a release's values and changes.
func render(t *testing.T, values map[string]any) objects {
	t.Helper()
	text, err := renderText(t, values)
	if err != nil {
		t.Fatal(err)
	}
	o := objects{text: text}
	into := map[string]any{
		"serviceaccount.yaml": &o.account, "clusterrole.yaml": &o.role, "clusterrolebinding.yaml": &o.binding,
		"configmap.yaml": &o.config, "daemonset.yaml": &o.daemonSet,
	}
	for name, body := range text {
		if into[name] == nil {
			t.Fatalf("a template of an unknown name: %s", name)
		}
		if err := yaml.UnmarshalStrict([]byte(body), into[name]); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, body)
		}
	}
	if len(text) != len(into) {
		t.Fatalf("rendered %d objects, want %d", len(text), len(into))
	}
	return o
}

// renderText renders the embedded chart and returns the text of each template.
func renderText(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	options := chartutil.ReleaseOptions{Name: "flannel", Namespace: "kube-system", Revision: 1, IsInstall: true}
	loaded := loadFlannel(t)
	all, err := chartutil.ToRenderValues(loaded, values, options, chartutil.DefaultCapabilities.Copy())
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Engine{Strict: true}.Render(loaded, all)
	if err != nil {
		return nil, err
	}
	text := map[string]string{}
	for name, body := range rendered {
		if strings.TrimSpace(body) != "" {
			text[path.Base(name)] = body
		}
	}
	return text, nil
}

func loadFlannel(t *testing.T) *chart.Chart {
	t.Helper()
	sub, err := fs.Sub(charts.FS, "flannel")
	if err != nil {
		t.Fatal(err)
	}
	var files []*loader.BufferedFile
	err = fs.WalkDir(sub, ".", func(name string, d fs.DirEntry, err error) error {
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

// releases returns the shipped releases of flannel.
func releases(t *testing.T) []catalog.Release {
	t.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := c.AddOn("Flannel")
	if !ok {
		t.Fatal("no add-on Flannel")
	}
	return a.Releases
}

// valuesOf gives the values of a flannel version that need not be shipped.
func valuesOf(version string, changes map[string]any) map[string]any {
	values := map[string]any{
		"version": version,
		"images": map[string]any{
			"flannel":            "registry.example/flannel:v" + version,
			"flannel-cni-plugin": "registry.example/flannel-cni-plugin:v1",
		},
	}
	maps.Copy(values, changes)
	return values
}

// decodeJSON reads the JSON under a key of the ConfigMap.
func decodeJSON(t *testing.T, config corev1.ConfigMap, key string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(config.Data[key]), &v); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return v
}
