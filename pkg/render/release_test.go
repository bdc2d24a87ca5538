package render_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

func flannel(tb testing.TB) catalog.AddOn {
	tb.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		tb.Fatal(err)
	}
	a, ok := c.AddOn("Flannel")
	if !ok {
		tb.Fatal("the shipped catalog has no Flannel")
	}
	return a
}

func release(tb testing.TB, v string) (catalog.AddOn, catalog.Release) {
	tb.Helper()
	a := flannel(tb)
	r, ok := a.Find(version.MustParse(v))
	if !ok {
		tb.Fatalf("no release %s is shipped", v)
	}
	return a, r
}

// settings of a cluster that takes every shipped release.
func settings(podCIDRs ...string) render.Settings {
	return render.Settings{Kubernetes: version.MustParse("v1.36.3"), PodCIDRs: podCIDRs}
}

func shipped(tb testing.TB, v string, s render.Settings) *render.Render {
	tb.Helper()
	a, r := release(tb, v)
	out, err := render.Release(charts.FS, a, r, s)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestEveryShippedReleaseRendersTheSameBytesEachTime(t *testing.T) {
	t.Parallel()
	manifests := map[string]string{}
	for _, r := range flannel(t).Releases {
		v := r.Version.String()
		first := shipped(t, v, settings())
		for range 5 {
			if diff := cmp.Diff(first.Manifest, shipped(t, v, settings()).Manifest); diff != "" {
				t.Fatalf("%s: two renders differ:\n%s", v, diff)
			}
		}
		if other, ok := manifests[first.Manifest]; ok {
			t.Errorf("%s and %s render the same", v, other)
		}
		manifests[first.Manifest] = v
	}
	if n := len(flannel(t).Releases); n < 3 || len(manifests) != n {
		t.Errorf("%d renders of %d shipped releases", len(manifests), n)
	}
}

func TestARenderSaysWhatItIsOf(t *testing.T) {
	t.Parallel()
	for _, r := range flannel(t).Releases {
		got := shipped(t, r.Version.String(), settings("10.0.0.0/12"))
		want := fmt.Sprintf("Flannel %s, chart flannel of %s", r.Version, r.Version)
		if says := fmt.Sprintf("%s %s, chart %s of %s", got.AddOn, got.Version, got.Chart.Name(), got.Chart.AppVersion()); says != want {
			t.Errorf("%q, want %q", says, want)
		}
		if got.Values["version"] != r.Version.Core() {
			t.Errorf("%s: values %v", r.Version, got.Values)
		}
		parsed, err := render.Parse(got.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parsed, got.Objects); diff != "" {
			t.Errorf("%s: the manifest is not that of the objects (-manifest +objects):\n%s", r.Version, diff)
		}
	}
}

// The catalog's values and the cluster's settings belong to the caller.
func TestRenderingKeepsTheRelease(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	r.Values = map[string]any{"minReadySeconds": 7}
	if _, err := render.Release(charts.FS, a, r, settings("10.0.0.0/12")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"minReadySeconds": 7}, r.Values); diff != "" {
		t.Errorf("the release's values were changed (-want +got):\n%s", diff)
	}
	if after, _ := release(t, "0.27.3"); after.Name != a.Name {
		t.Error("the add-on was changed")
	}
}

func TestEveryObjectCarriesTheMarksOfItsRelease(t *testing.T) {
	t.Parallel()
	wantAnnotations := map[string]string{
		"meta.helm.sh/release-name": "flannel", "meta.helm.sh/release-namespace": "kube-system", "helm.sh/resource-policy": "keep",
	}
	for _, r := range flannel(t).Releases {
		for _, o := range shipped(t, r.Version.String(), settings()).Objects {
			if diff := cmp.Diff(wantAnnotations, o.GetAnnotations()); diff != "" {
				t.Errorf("%s %s: annotations (-want +got):\n%s", r.Version, o.GetKind(), diff)
			}
			l := o.GetLabels()
			if l["app.kubernetes.io/managed-by"] != "Helm" || l["addonctl.io/addon"] != "Flannel" {
				t.Errorf("%s %s: labels %v", r.Version, o.GetKind(), l)
			}
			if l["k8s-app"] != "flannel" {
				t.Errorf("%s %s: the chart's own labels are gone: %v", r.Version, o.GetKind(), l)
			}
			// A mark on the pods would make every pod change with it.
			if _, ok, _ := unstructured.NestedString(o.Object, "spec", "template", "metadata", "labels", "addonctl.io/addon"); ok {
				t.Errorf("%s %s: the pod template is marked", r.Version, o.GetKind())
			}
		}
	}
}

func TestAShippedReleaseIsWrittenWithItsDaemonSetLast(t *testing.T) {
	t.Parallel()
	want := []string{"ServiceAccount flannel", "ClusterRole flannel", "ClusterRoleBinding flannel", "ConfigMap", "DaemonSet kube-flannel-ds"}
	for _, r := range flannel(t).Releases {
		var got []string
		for _, o := range shipped(t, r.Version.String(), settings()).Objects {
			name := o.GetKind() + " " + o.GetName()
			if o.GetKind() == "ConfigMap" { // named after its content
				name = o.GetKind()
			}
			got = append(got, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.Version, diff)
		}
	}
}

func TestEveryKindHasItsPhase(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]render.Phase{
		"Namespace": render.Definitions, "CustomResourceDefinition": render.Definitions,
		"ServiceAccount": render.Identity, "ClusterRole": render.Identity, "ClusterRoleBinding": render.Identity,
		"Role": render.Identity, "RoleBinding": render.Identity,
		"ConfigMap": render.Configuration, "Secret": render.Configuration, "Service": render.Configuration,
		"a kind that is not known":  render.Configuration,
		"ValidatingAdmissionPolicy": render.Guards, "ValidatingAdmissionPolicyBinding": render.Guards,
		"DaemonSet": render.Workloads, "Deployment": render.Workloads, "StatefulSet": render.Workloads, "Job": render.Workloads, "Pod": render.Workloads,
	} {
		o := &unstructured.Unstructured{Object: map[string]any{"kind": kind}}
		if got := render.PhaseOf(o); got != want {
			t.Errorf("%s: phase %d, want %d", kind, got, want)
		}
	}
	if render.Definitions >= render.Identity || render.Identity >= render.Configuration ||
		render.Configuration >= render.Guards || render.Guards >= render.Workloads {
		t.Error("the phases are in another order")
	}
}

// The shipped chart says "keep" itself; another one need not, and what it says otherwise is overruled.
func TestAChartNeedNotKnowTheMarks(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	got, err := render.Release(chartOf(map[string]string{
		"bare.yaml":    document("ConfigMap", "bare"),
		"foreign.yaml": document("ConfigMap", "foreign", "  labels: {app.kubernetes.io/managed-by: kustomize, mine: x}", "  annotations: {meta.helm.sh/release-name: other, mine: x}"),
	}), a, r, settings())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range got.Objects {
		labels := map[string]string{"app.kubernetes.io/managed-by": "Helm", "addonctl.io/addon": "Flannel"}
		annotations := map[string]string{
			"meta.helm.sh/release-name": "flannel", "meta.helm.sh/release-namespace": "kube-system", "helm.sh/resource-policy": "keep",
		}
		if o.GetName() == "foreign" {
			labels["mine"], annotations["mine"] = "x", "x"
		}
		if diff := cmp.Diff([]map[string]string{labels, annotations}, []map[string]string{o.GetLabels(), o.GetAnnotations()}); diff != "" {
			t.Errorf("%s: labels and annotations (-want +got):\n%s", o.GetName(), diff)
		}
	}
}

// chartOf is a chart of one's own, by file name below templates.
func chartOf(templates map[string]string) fs.FS {
	out := fstest.MapFS{
		"flannel/Chart.yaml":  {Data: []byte("apiVersion: v2\nname: flannel\nversion: 0.1.0\n")},
		"flannel/values.yaml": {Data: []byte("version: \"\"\nimages: {}\nknown: 1\npodCIDRs: []\n")},
	}
	for name, text := range templates {
		out["flannel/templates/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// document is an object that a chart may hold.
func document(kind, name string, more ...string) string {
	versions := map[string]string{"DaemonSet": "apps/v1", "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1"}
	v, ok := versions[kind]
	if !ok {
		v = "v1"
	}
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n%s\n", v, kind, name, strings.Join(more, "\n"))
}

func TestObjectsAreWrittenByPhaseWhateverTheirFilesAreCalled(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	got, err := render.Release(chartOf(map[string]string{
		"a.yaml": document("DaemonSet", "agent"), "b.yaml": document("ValidatingAdmissionPolicy", "guard"),
		"c.yaml": document("ConfigMap", "two") + "---\n" + document("ConfigMap", "one"), "d.yaml": document("ServiceAccount", "agent"),
		"e.yaml": document("Namespace", "cni"), "empty.yaml": "{{ if false }}x{{ end }}\n", "NOTES.txt": "it is done: {{ .Release.Name }}",
		"_helpers.tpl": "{{ define \"x\" }}y{{ end }}",
	}), a, r, settings())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range got.Objects {
		names = append(names, o.GetKind()+" "+o.GetName())
	}
	want := []string{"Namespace cni", "ServiceAccount agent", "ConfigMap two", "ConfigMap one", "ValidatingAdmissionPolicy guard", "DaemonSet agent"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestAChartThatCannotBeRenderedWholeIsAnError(t *testing.T) {
	t.Parallel()
	fine := document("ConfigMap", "x")
	for name, c := range map[string]struct {
		templates map[string]string
		chart     string
		settings  render.Settings
		want      string
	}{
		"a hook":                    {map[string]string{"x.yaml": fine + "  annotations: {helm.sh/hook: pre-upgrade}"}, "", settings(), "hook"},
		"a hook that is a test":     {map[string]string{"x.yaml": fine + "  annotations: {helm.sh/hook: test}"}, "", settings(), "hook"},
		"a value that is not there": {map[string]string{"x.yaml": fine + "data: {k: '{{ .Values.unknown }}'}"}, "", settings(), "unknown"},
		"a template that is broken": {map[string]string{"x.yaml": "{{ if }}"}, "", settings(), "x.yaml"},
		"a chart that refuses":      {map[string]string{"x.yaml": `{{ fail "not like this" }}`}, "", settings(), "not like this"},
		"a document without a name": {map[string]string{"x.yaml": "apiVersion: v1\nkind: ConfigMap\n"}, "", settings(), "no kind, apiVersion or name"},
		"text that is no YAML":      {map[string]string{"x.yaml": "a: [b"}, "", settings(), "x.yaml"},
		"no chart of that name":     {nil, "nowhere", settings(), `this build has no chart "nowhere"`},
		"a chart that is a file":    {map[string]string{"x.yaml": fine}, "flannel/Chart.yaml", settings(), `loading chart "flannel/Chart.yaml"`},
		"a pod CIDR that is none":   {map[string]string{"x.yaml": fine}, "", settings("10.244.0.0"), `pod CIDR "10.244.0.0"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, r := release(t, "0.27.3")
			if c.chart != "" {
				r.Chart = c.chart
			}
			got, err := render.Release(chartOf(c.templates), a, r, c.settings)
			if err == nil || got != nil {
				t.Fatalf("it was rendered: %v", got)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to hold %q", err, c.want)
			}
			if _, missing := errors.AsType[*render.NoChartError](err); missing != (r.Chart == "nowhere") {
				t.Errorf("%v is taken for a chart that is missing", err)
			}
		})
	}
	a, r := release(t, "0.27.3")
	if _, err := render.Release(chartOf(map[string]string{"x.yaml": fine}), a, r, settings()); err != nil {
		t.Errorf("a chart without any of these: %v", err)
	}
}

func TestAValueThatTheShippedChartDoesNotKnowIsAnError(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	r.Values = map[string]any{"maxUnavailable": "10%"}
	if _, err := render.Release(charts.FS, a, r, settings()); err == nil || !strings.Contains(err.Error(), "maxUnavailable") {
		t.Errorf("got %v", err)
	}
}

func TestATemplateSeesTheClustersKubernetesAndNothingElseOfIt(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	text := document("ConfigMap", "x") + "data:\n  v: '{{ .Capabilities.KubeVersion.Version }}'\n  " +
		"install: '{{ .Release.IsInstall }} {{ .Release.Revision }} {{ .Release.Name }} {{ .Release.Namespace }}'\n"
	got, err := render.Release(chartOf(map[string]string{"x.yaml": text}), a, r,
		render.Settings{Kubernetes: version.MustParse("v1.33.1-oke.5")})
	if err != nil {
		t.Fatal(err)
	}
	data, _, err := unstructured.NestedStringMap(got.Objects[0].Object, "data")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"v": "v1.33.1", "install": "true 1 flannel kube-system"}, data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

// The values that Helm's storage keeps are those that the objects came from.
func TestTheKeptValuesHoldTheClustersSettings(t *testing.T) {
	t.Parallel()
	got := maps.Clone(shipped(t, "0.27.3", settings("10.0.0.0/12", "fd00:10:244::/56")).Values)
	if diff := cmp.Diff([]any{"10.0.0.0/12", "fd00:10:244::/56"}, got["podCIDRs"]); diff != "" {
		t.Errorf("podCIDRs (-want +got):\n%s", diff)
	}
}

func BenchmarkARelease(b *testing.B) {
	a, r := release(b, "0.27.3")
	s := settings("10.0.0.0/12")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := render.Release(charts.FS, a, r, s); err != nil {
			b.Fatal(err)
		}
	}
}
