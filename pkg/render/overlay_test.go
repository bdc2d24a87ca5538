package render_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// overlay is one of a kustomization and further files, as path and text in turn.
func overlay(kustomization string, more ...string) map[string][]byte {
	out := map[string][]byte{"kustomization.yaml": []byte(kustomization)}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = []byte(more[i+1])
	}
	return out
}

// shippedCatalog is read once: these tests make hundreds of renders.
var shippedCatalog = sync.OnceValues(func() (*catalog.Catalog, error) { return catalog.Load(addons.FS) })

func flannelOnce(tb testing.TB) catalog.AddOn {
	tb.Helper()
	c, err := shippedCatalog()
	if err != nil {
		tb.Fatal(err)
	}
	a, ok := c.AddOn("Flannel")
	if !ok {
		tb.Fatal("the shipped catalog has no Flannel")
	}
	return a
}

// laid is a release of flannel with an overlay that need not be sound.
func laid(tb testing.TB, folder fs.FS, v string, files map[string][]byte) (*render.Render, error) {
	tb.Helper()
	a := flannelOnce(tb)
	r, ok := a.Find(version.MustParse(v))
	if !ok {
		tb.Fatalf("no release %s is shipped", v)
	}
	s := settings("10.244.0.0/16")
	s.Overlay = files
	return render.Release(folder, a, r, s)
}

// overlaid is a shipped release of flannel with an overlay.
func overlaid(tb testing.TB, v string, files map[string][]byte) *render.Render {
	tb.Helper()
	out, err := laid(tb, charts.FS, v, files)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// only is the one object of a kind.
func only(tb testing.TB, objects []*unstructured.Unstructured, kind string) *unstructured.Unstructured {
	tb.Helper()
	var found *unstructured.Unstructured
	for _, o := range objects {
		if o.GetKind() == kind {
			if found != nil {
				tb.Fatalf("there are several of kind %s", kind)
			}
			found = o
		}
	}
	if found == nil {
		tb.Fatalf("there is no %s", kind)
	}
	return found
}

func podSpec(tb testing.TB, r *render.Render) corev1.PodSpec {
	tb.Helper()
	var d struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(only(tb, r.Objects, "DaemonSet").Object, &d); err != nil {
		tb.Fatal(err)
	}
	return d.Spec.Template.Spec
}

func imagesOf(p corev1.PodSpec) []string {
	var out []string
	for _, c := range append(p.InitContainers, p.Containers...) {
		out = append(out, c.Image)
	}
	return out
}

// example is an overlay of the documentation.
func example(tb testing.TB, name string) map[string][]byte {
	tb.Helper()
	files, err := render.ReadOverlay(os.DirFS("../../docs/examples/overlays/" + name))
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

// everyRelease calls back for each release of the catalog that this build has a chart for, with its render and its settings.
func everyRelease(t *testing.T, f func(t *testing.T, plain *render.Render, with func(map[string][]byte) *render.Render)) {
	t.Helper()
	c, err := shippedCatalog()
	if err != nil {
		t.Fatal(err)
	}
	folder := os.DirFS("../../charts")
	for _, a := range c.AddOns {
		for _, r := range a.Releases {
			t.Run(path.Join(a.Name, r.Version.String()), func(t *testing.T) {
				t.Parallel()
				s := settings()
				s.NetworkType, s.Region, s.Realm = a.OnNetworkTypes()[0], "eu-frankfurt-1", "OC1"
				with := func(files map[string][]byte) *render.Render {
					s.Overlay = files
					out, err := render.Release(folder, a, r, s)
					if _, none := errors.AsType[*render.NoChartError](err); none {
						t.Skip(err)
					}
					if err != nil {
						t.Fatal(err)
					}
					return out
				}
				f(t, with(nil), with)
			})
		}
	}
}

func TestAnOverlayThatDoesNothingChangesNoByteOfAnyRelease(t *testing.T) {
	t.Parallel()
	everyRelease(t, func(t *testing.T, plain *render.Render, with func(map[string][]byte) *render.Render) {
		t.Helper()
		got := with(overlay("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"))
		if diff := cmp.Diff(plain.Manifest, got.Manifest); diff != "" {
			t.Errorf("-without +with:\n%s", diff)
		}
		if diff := cmp.Diff(plain.Findings, got.Findings); diff != "" {
			t.Errorf("findings (-without +with):\n%s", diff)
		}
	})
	plain := overlaid(t, "0.27.3", nil)
	for name, files := range map[string]map[string][]byte{
		"no files":         {},
		"a Component":      overlay("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"),
		"an empty file":    overlay(""),
		"another name":     {"Kustomization": []byte("resources: []\n")},
		"an unused folder": overlay("resources: []\n", "components/x/kustomization.yaml", "kind: Component\nnamePrefix: x-\n"),
		"another order":    overlay("sortOptions: {order: legacy}"),
	} {
		got := overlaid(t, "0.27.3", files)
		if diff := cmp.Diff(plain.Manifest, got.Manifest); diff != "" || len(got.Findings) > 0 {
			t.Errorf("%s changes the render (-without +with):\n%s\n%v", name, diff, got.Findings)
		}
	}
}

// One overlay goes with a cluster through many releases, so nothing in it may depend on one of them. A label makes kustomize
// write every object anew.
func TestALabelIsAllThatALabelChangesInAnyRelease(t *testing.T) {
	t.Parallel()
	everyRelease(t, func(t *testing.T, plain *render.Render, with func(map[string][]byte) *render.Render) {
		t.Helper()
		got := with(overlay("labels: [{pairs: {example.com/team: network}}]"))
		for _, o := range plain.Objects {
			labels := o.GetLabels()
			labels["example.com/team"] = "network"
			o.SetLabels(labels)
		}
		if diff := cmp.Diff(plain.Objects, got.Objects); diff != "" {
			t.Errorf("-wanted +got:\n%s", diff)
		}
		if diff := cmp.Diff(plain.Findings, got.Findings); diff != "" {
			t.Errorf("findings (-without +with):\n%s", diff)
		}
	})
}

func TestAMirrorServesEveryImageOfEveryReleaseOfFlannel(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string][]byte{
		"by the names of images": example(t, "mirror"),
		"by the name of the registry": overlay(`
replacements:
  - sourceValue: registry.example.com
    targets:
      - select: {kind: DaemonSet}
        fieldPaths: [spec.template.spec.containers.*.image, spec.template.spec.initContainers.*.image]
        options: {delimiter: /, index: 0}
`),
	} {
		for _, r := range flannelOnce(t).Releases {
			v := r.Version.String()
			before, got := imagesOf(podSpec(t, overlaid(t, v, nil))), overlaid(t, v, files)
			after := imagesOf(podSpec(t, got))
			if len(after) != 3 || len(got.Findings) != 0 {
				t.Errorf("%s, %s: images %v, findings %v", name, v, after, got.Findings)
			}
			for i, image := range after {
				_, tag, _ := strings.Cut(before[i], ":")
				if !strings.HasPrefix(image, "registry.example.com/") || !strings.HasSuffix(image, ":"+tag) {
					t.Errorf("%s, %s: %s became %s", name, v, before[i], image)
				}
			}
		}
	}
}

// flannelOf is a patch of flannel's DaemonSet.
func flannelOf(podSpec string) string {
	return "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: kube-flannel-ds, namespace: kube-system}\n" +
		"spec: {template: {spec: " + podSpec + "}}\n"
}

// The names of ConfigMaps differ from release to release, and so may everything else that an overlay does not name.
func TestTheSameOverlayWorksOnTwoReleases(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string][]byte
		want  func(t *testing.T, before, after *render.Render)
	}{
		"a pull secret, by the example": {example(t, "mirror"), func(t *testing.T, _, after *render.Render) {
			t.Helper()
			if diff := cmp.Diff([]corev1.LocalObjectReference{{Name: "registry-example-com"}}, podSpec(t, after).ImagePullSecrets); diff != "" {
				t.Errorf("pull secrets (-want +got):\n%s", diff)
			}
		}},
		"a toleration more, by the example": {example(t, "tolerations"), func(t *testing.T, before, after *render.Render) {
			t.Helper()
			want := append(slices.Clone(podSpec(t, before).Tolerations), corev1.Toleration{Key: "CriticalAddonsOnly", Operator: "Exists"})
			if diff := cmp.Diff(want, podSpec(t, after).Tolerations); diff != "" {
				t.Errorf("tolerations (-want +got):\n%s", diff)
			}
			for _, o := range after.Objects {
				if o.GetLabels()["example.com/team"] != "network" {
					t.Errorf("%s %s is not labelled", o.GetKind(), o.GetName())
				}
			}
		}},
		"resources, by the example": {example(t, "resources"), func(t *testing.T, _, after *render.Render) {
			t.Helper()
			r := podSpec(t, after).Containers[0].Resources
			if r.Requests.Cpu().String() != "100m" || r.Requests.Memory().String() != "100Mi" || r.Limits.Memory().String() != "200Mi" {
				t.Errorf("resources %v", r)
			}
		}},
		"a label on the ConfigMap, whatever its name": {overlay(`
patches:
  - target: {kind: ConfigMap, name: "kube-flannel-cfg-[0-9a-f]*"}
    patch: '[{"op": "add", "path": "/metadata/labels/example.com~1of", "value": "overlay"}]'
`), func(t *testing.T, before, after *render.Render) {
			t.Helper()
			was, is := only(t, before.Objects, "ConfigMap"), only(t, after.Objects, "ConfigMap")
			if is.GetLabels()["example.com/of"] != "overlay" || is.GetName() != was.GetName() {
				t.Errorf("%s has the labels %v", is.GetName(), is.GetLabels())
			}
		}},
		"a patch as JSON in a file": {overlay("patches: [{path: p.json, target: {group: apps, version: v1, kind: DaemonSet}}]", "p.json",
			`[{"op": "add", "path": "/spec/template/spec/containers/0/resources/limits", "value": {"memory": "1Gi"}}]`), func(t *testing.T, _, after *render.Render) {
			t.Helper()
			if r := podSpec(t, after).Containers[0].Resources; r.Limits.Memory().String() != "1Gi" {
				t.Errorf("resources %v", r)
			}
		}},
		"labels of pods, and annotations": {
			overlay("labels: [{pairs: {a: b}, includeTemplates: true}]\ncommonAnnotations: {c: d}"),
			func(t *testing.T, _, after *render.Render) {
				t.Helper()
				d := only(t, after.Objects, "DaemonSet")
				labels, _, _ := unstructured.NestedStringMap(d.Object, "spec", "template", "metadata", "labels")
				selector, _, _ := unstructured.NestedStringMap(d.Object, "spec", "selector", "matchLabels")
				if labels["a"] != "b" || labels["app"] != "flannel" || selector["a"] != "" || d.GetAnnotations()["c"] != "d" {
					t.Errorf("labels %v, selector %v, annotations %v", labels, selector, d.GetAnnotations())
				}
			},
		},
		"a digest in place of a tag": {
			overlay("images: [{name: '.*/flannel-cni-plugin', digest: 'sha256:" + strings.Repeat("a", 64) + "'}]"),
			func(t *testing.T, _, after *render.Render) {
				t.Helper()
				if image := podSpec(t, after).InitContainers[0].Image; !strings.HasSuffix(image, "/flannel-cni-plugin@sha256:"+strings.Repeat("a", 64)) {
					t.Errorf("image %s", image)
				}
			},
		},
		"a patch in a folder of a component of a component": {
			overlay("components: [a]", "a/kustomization.yaml", "kind: Component\ncomponents: [../b/c]",
				"b/c/Kustomization", "kind: Component\npatches: [{path: p/p.yaml}]", "b/c/p/p.yaml", flannelOf("{nodeSelector: {a: b}}")),
			func(t *testing.T, _, after *render.Render) {
				t.Helper()
				if n := podSpec(t, after).NodeSelector; n["a"] != "b" {
					t.Errorf("nodeSelector %v", n)
				}
			},
		},
		"fields that kustomize does not know to hold labels": {overlay("configurations: [c.yaml]\nlabels: [{pairs: {a: b}}]", "c.yaml",
			"labels: [{path: spec/template/spec/nodeSelector, create: true, kind: DaemonSet}]"), func(t *testing.T, _, after *render.Render) {
			t.Helper()
			if n := podSpec(t, after).NodeSelector; n["a"] != "b" {
				t.Errorf("nodeSelector %v", n)
			}
		}},
	} {
		for _, v := range []string{"0.24.4", "0.28.9"} {
			t.Run(name+", "+v, func(t *testing.T) {
				t.Parallel()
				before, after := overlaid(t, v, nil), overlaid(t, v, c.files)
				if len(after.Findings) != 0 {
					t.Errorf("findings %v", after.Findings)
				}
				if len(before.Objects) != len(after.Objects) || before.Manifest == after.Manifest {
					t.Errorf("nothing was changed, or %d objects became %d", len(before.Objects), len(after.Objects))
				}
				c.want(t, before, after)
			})
		}
	}
	if a, b := overlaid(t, "0.24.4", nil), overlaid(t, "0.28.9", nil); only(t, a.Objects, "ConfigMap").GetName() == only(t, b.Objects, "ConfigMap").GetName() {
		t.Error("both releases call their ConfigMap the same: nothing was shown of another name")
	}
}

// Helm keeps what has the annotation, so a `helm uninstall` by hand leaves the CNI alive whatever an overlay says.
func TestAnOverlayDoesNotTakeTheMarksOff(t *testing.T) {
	t.Parallel()
	got := overlaid(t, "0.27.3", overlay(`
patches:
  - target: {kind: DaemonSet}
    patch: '[{"op": "remove", "path": "/metadata/annotations"}, {"op": "remove", "path": "/metadata/labels"}]'
commonAnnotations: {helm.sh/resource-policy: delete, meta.helm.sh/release-name: other}
labels: [{pairs: {app.kubernetes.io/managed-by: kustomize, addonctl.io/addon: Other}}]
`))
	for _, o := range got.Objects {
		a, l := o.GetAnnotations(), o.GetLabels()
		if a["helm.sh/resource-policy"] != "keep" || a["meta.helm.sh/release-name"] != "flannel" ||
			l["app.kubernetes.io/managed-by"] != "Helm" || l["addonctl.io/addon"] != "Flannel" {
			t.Errorf("%s %s: annotations %v, labels %v", o.GetKind(), o.GetName(), a, l)
		}
	}
}

func TestObjectsOfAnOverlayComeLastInTheirPhase(t *testing.T) {
	t.Parallel()
	var want []string
	for _, o := range overlaid(t, "0.27.3", nil).Objects {
		want = append(want, o.GetKind()+" "+o.GetName())
	}
	want = []string{
		"Namespace z", want[0], want[1], want[2], "ServiceAccount a", want[3], "ConfigMap a", "ConfigMap b", "ConfigMap b",
		"PriorityClass a", "ValidatingAdmissionPolicy a", want[4],
	}
	in := func(kind, namespace, name string) string {
		return document(kind, name, "  namespace: "+namespace) + "---\n"
	}
	files := overlay("resources: [z.yaml, more]\nsortOptions: {order: legacy}",
		"z.yaml", document("ValidatingAdmissionPolicy", "a")+"---\n"+in("ConfigMap", "b", "b")+in("ConfigMap", "b", "a"),
		"more/kustomization.yaml", "resources: [x.yaml]", "more/x.yaml", in("ServiceAccount", "b", "a")+in("ConfigMap", "a", "b")+
			"apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: a}\nvalue: 5\n---\n"+document("Namespace", "z"))
	first := overlaid(t, "0.27.3", files)
	var got []string
	for _, o := range first.Objects {
		got = append(got, o.GetKind()+" "+o.GetName())
	}
	// ConfigMaps by namespace, then by name: a/b, b/a, b/b.
	want[6], want[7], want[8] = "ConfigMap b", "ConfigMap a", "ConfigMap b"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	for range 20 {
		again := overlaid(t, "0.27.3", files)
		if diff := cmp.Diff([]any{first.Manifest, first.Findings}, []any{again.Manifest, again.Findings}); diff != "" {
			t.Fatalf("two renders differ:\n%s", diff)
		}
	}
}

// Text that YAML would take for something else, and numbers at the edges, also where kustomize has written the object anew.
func TestEveryKindOfValueComesThroughAsItWas(t *testing.T) {
	t.Parallel()
	const data = `spec:
  text: ["yes", "on", "null", "~", "0x1f", "0777", "1e3", "1_000", "1:30", "2026-11-22", "", " a ", "a: b", "# no", "- x", "*x", "&x", "!x", "%", "@"]
  lines: "a\nb\n\n  c\t\n"
  block: |
    {"a": 1,
      "b": "<&>"}
  signs: "ä€😀\u2028\u0007\u00a0\\ \" '"
  numbers: [0, -1, 1.5, 1e-7, 10000000, 2147483648, 9007199254740991, -9007199254740991, 0.1]
  others: [true, false, {}, [], {a: {}, b: [[], [1]], c: null}]
  "a key: with {signs}": x
  123: number
`
	folder := chartOf(map[string]string{"x.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: x}\n" + data})
	plain, err := laid(t, folder, "0.27.3", nil)
	if err != nil {
		t.Fatal(err)
	}
	files := overlay("labels: [{pairs: {a: b}}]\npatches: [{target: {kind: Thing}, patch: '{apiVersion: example.com/v1, kind: Thing, metadata: {name: x}, spec: {added: 1}}'}]")
	got, err := laid(t, folder, "0.27.3", files)
	if err != nil {
		t.Fatal(err)
	}
	spec := got.Objects[0].Object["spec"].(map[string]any)
	if text, err := json.Marshal(spec["added"]); err != nil || string(text) != "1" {
		t.Errorf("the patch added %s, %v", text, err)
	}
	delete(spec, "added")
	if diff := cmp.Diff(plain.Objects[0].Object["spec"], any(spec)); diff != "" {
		t.Errorf("values (-before +after):\n%s", diff)
	}
}

// The manager renders many clusters at once, and kustomize has a schema that all its runs share.
func TestOverlaysAreLaidAtTheSameTime(t *testing.T) {
	t.Parallel()
	want := overlaid(t, "0.27.3", example(t, "mirror")).Manifest
	files := example(t, "mirror")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := laid(t, charts.FS, "0.27.3", files); err != nil || got.Manifest != want {
				t.Errorf("another render: %v", err)
			}
		})
	}
	all.Wait()
}

func BenchmarkOverlay(b *testing.B) {
	a, r := release(b, "0.27.3")
	for name, files := range map[string]map[string][]byte{
		"none": nil, "nothing": overlay("resources: []"), "mirror": example(b, "mirror"), "tolerations": example(b, "tolerations"), "resources": example(b, "resources"),
	} {
		b.Run(name, func(b *testing.B) {
			s := settings("10.244.0.0/16")
			s.Overlay = files
			b.ReportAllocs()
			for b.Loop() {
				if _, err := render.Release(charts.FS, a, r, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
