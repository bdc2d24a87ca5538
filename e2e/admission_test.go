package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
	"github.com/addonctl/addonctl/pkg/version"
)

// A golden render says what an object is, but only a server says whether it takes it: here every object that the shipped
// catalog can give meets an API server of every minor that can be built, and neither an error nor a warning is allowed.
func TestEveryObjectOfEveryReleasePassesStrictDryRun(t *testing.T) {
	t.Parallel()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, minor := range sandbox.Minors() {
		t.Run(minor, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, minor)
			t.Run("the gate tells good from bad", g.tellsGoodFromBad)
			for _, a := range shipped.AddOns {
				g.passAddOn(t, a)
			}
			if g.renders == 0 {
				t.Error("not one release was rendered")
			}
		})
	}
}

// gate is an API server that objects are shown to one after the other.
type gate struct {
	objects    dynamic.Interface
	mapper     *restmapper.DeferredDiscoveryRESTMapper
	said       *warnings
	kubernetes version.Version
	// definitions are the texts of those that were really written, by name.
	definitions map[string]string
	// renders counts what there was to show.
	renders int
}

func newGate(t *testing.T, minor string) *gate {
	t.Helper()
	c := testkube.Start(t, testkube.Options{Kubernetes: minor})
	kubernetes, err := version.Parse(c.Version())
	if err != nil {
		t.Fatal(err)
	}
	if got := kubernetes.Minor().String(); got != minor {
		t.Fatalf("the control plane of %s is one of %s", minor, got)
	}
	asks, err := discovery.NewDiscoveryClientForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{said: &warnings{}, kubernetes: kubernetes, definitions: map[string]string{}}
	g.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(asks))
	config := c.Config()
	config.WarningHandler = g.said
	if g.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return g
}

// passAddOn shows all releases of an add-on, each on every network type that it may be put on. Releases whose chart this
// build does not have are passed over, but not where the add-on's chart is there: then a name is wrong.
func (g *gate) passAddOn(t *testing.T, a catalog.AddOn) {
	t.Helper()
	var skipped []string
	for _, r := range a.Releases {
		for _, n := range a.OnNetworkTypes() {
			rendered, err := g.render(a, r, n)
			if _, ok := errors.AsType[*render.NoChartError](err); ok {
				skipped = append(skipped, fmt.Sprintf("%s on %s: %v", r.Version, n, err))
				continue
			}
			g.renders++
			t.Run(fmt.Sprintf("%s %s on %s", a.Name, r.Version, n), func(t *testing.T) {
				if err != nil {
					t.Fatal(err)
				}
				g.pass(t, rendered)
			})
		}
	}
	if len(skipped) == 0 {
		return
	}
	t.Logf("%s, renders skipped: %d\n%s", a.Name, len(skipped), strings.Join(skipped, "\n"))
	if _, err := fs.Stat(charts.FS, a.Chart); err == nil {
		t.Errorf("the chart of %s is in this build, and yet not all of its releases have one", a.Name)
	}
}

// render gives what a cluster of the server's minor would get. A release that is not made for that minor is rendered for
// the newest that it is listed for, since it may still run when the cluster's control plane moves on.
func (g *gate) render(a catalog.AddOn, r catalog.Release, n catalog.NetworkType) (*render.Render, error) {
	s := render.Settings{Kubernetes: g.kubernetes, NetworkType: n, Region: "us-ashburn-1", Realm: "OC1"}
	if _, ok := r.Kubernetes.Admit(g.kubernetes); !ok && len(r.ListedFor) > 0 {
		newest := slices.MaxFunc(r.ListedFor, version.Minor.Compare)
		s.Kubernetes = version.MustParse(newest.String() + ".0")
	}
	return render.Release(charts.FS, a, r, s)
}

// pass fails the test for everything that the server has to say about a render.
func (g *gate) pass(t *testing.T, r *render.Render) {
	t.Helper()
	if len(r.Objects) == 0 {
		t.Errorf("%s %s has no objects", r.AddOn, r.Version)
	}
	complain := func(o *unstructured.Unstructured, said []string) {
		for _, text := range said {
			t.Errorf("%s %s on Kubernetes %s: %s: %s", r.AddOn, r.Version, g.kubernetes, kube.Ref(o), text)
		}
	}
	g.withdraw(t, r.Objects)
	var rest []*unstructured.Unstructured
	for _, o := range r.Objects {
		if render.PhaseOf(o) != render.Definitions {
			rest = append(rest, o)
			continue
		}
		complain(o, g.define(t, o))
	}
	g.awaitDefinitions(t)
	for _, o := range rest {
		complain(o, g.show(t.Context(), o, metav1.DryRunAll))
	}
}

// show applies an object and returns everything that the server has against it, its error and its warnings.
func (g *gate) show(ctx context.Context, o *unstructured.Unstructured, dryRun ...string) []string {
	g.said.take()
	err := g.apply(ctx, o, dryRun)
	said := g.said.take()
	if err != nil {
		said = append(said, "error: "+err.Error())
	}
	return said
}

func (g *gate) apply(ctx context.Context, o *unstructured.Unstructured, dryRun []string) error {
	m, err := g.mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
	if err != nil {
		return err
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	r := dynamic.ResourceInterface(g.objects.Resource(m.Resource))
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		r = g.objects.Resource(m.Resource).Namespace(o.GetNamespace())
	}
	_, err = r.Patch(ctx, o.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{
		FieldManager: kube.FieldManager, FieldValidation: metav1.FieldValidationStrict, DryRun: dryRun,
	})
	return err
}

// warnings collects what a server warns of.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeader is called once per warning, whatever its code.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, "warning: "+text)
}

// take returns what was said since it was called last.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := w.texts
	w.texts = nil
	return texts
}

var definitionResource = apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")

// define really writes what other objects need to be there before a dry run of them can succeed.
func (g *gate) define(t *testing.T, o *unstructured.Unstructured) []string {
	t.Helper()
	text := textOf(t, o)
	if g.definitions[o.GetName()] == text {
		return nil
	}
	said := g.show(t.Context(), o)
	if o.GetKind() == "CustomResourceDefinition" && !slices.ContainsFunc(said, isError) {
		g.definitions[o.GetName()] = text
	}
	return said
}

func isError(said string) bool { return strings.HasPrefix(said, "error: ") }

func textOf(t *testing.T, o *unstructured.Unstructured) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withdraw removes the definitions of earlier renders that this one does not have, or has differently. Changed in place
// they could be refused for what the server has stored, and the server would go on judging by the older schema for a
// moment; left behind they would let objects pass that this render does not define.
func (g *gate) withdraw(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	wanted := map[string]string{}
	for _, o := range objects {
		wanted[o.GetName()] = textOf(t, o)
	}
	definitions := g.objects.Resource(definitionResource)
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(g.definitions)) {
		if g.definitions[name] == wanted[name] {
			continue
		}
		if err := definitions.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		delete(g.definitions, name)
		gone = append(gone, name)
	}
	for _, name := range gone {
		testkube.Eventually(t, soon, func(ctx context.Context) error {
			_, err := definitions.Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return errors.Join(fmt.Errorf("%s is still there", name), err)
		})
	}
}

// awaitDefinitions waits until the server serves everything that is defined, and discovery tells of it.
func (g *gate) awaitDefinitions(t *testing.T) {
	t.Helper()
	var kinds []schema.GroupVersionKind
	for name := range g.definitions {
		testkube.Eventually(t, soon, func(ctx context.Context) error {
			served, err := g.served(ctx, name)
			kinds = append(kinds, served...)
			return err
		})
	}
	testkube.Eventually(t, soon, func(context.Context) error {
		g.mapper.Reset()
		for _, k := range kinds {
			if _, err := g.mapper.RESTMapping(k.GroupKind(), k.Version); err != nil {
				return err
			}
		}
		return nil
	})
}

// served are the kinds of a definition once it is established and the server answers for all of them.
func (g *gate) served(ctx context.Context, name string) ([]schema.GroupVersionKind, error) {
	live, err := g.objects.Resource(definitionResource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	var d apiextensionsv1.CustomResourceDefinition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &d); err != nil {
		return nil, err
	}
	if !established(d) {
		return nil, fmt.Errorf("%s is not established: %v", name, d.Status.Conditions)
	}
	var kinds []schema.GroupVersionKind
	for _, v := range d.Spec.Versions {
		if !v.Served {
			continue
		}
		gv := schema.GroupVersion{Group: d.Spec.Group, Version: v.Name}
		kinds = append(kinds, gv.WithKind(d.Spec.Names.Kind))
		if _, err := g.objects.Resource(gv.WithResource(d.Spec.Names.Plural)).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			return nil, err
		}
	}
	return kinds, nil
}

func established(d apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(d.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}

// agent is a DaemonSet that nobody has anything against.
const agent = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, image: example.org/agent:v1}]
`

// sprocket is a definition of a kind with a closed schema, and one version that is on its way out.
const sprocket = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sprockets.gate.addonctl.io}
spec:
  group: gate.addonctl.io
  scope: Cluster
  names: {kind: Sprocket, plural: sprockets}
  versions:
  - {name: v1, served: true, storage: true, schema: &schema {openAPIV3Schema: {type: object, properties: {teeth: {type: integer}}}}}
  - {name: v1beta1, served: true, storage: false, deprecated: true, schema: *schema}
`

// tellsGoodFromBad shows the gate what it must not let pass, so that its silence about releases means something.
func (g *gate) tellsGoodFromBad(t *testing.T) {
	tests := map[string]struct {
		object string
		want   string // part of the only thing that is said; empty when nothing may be
	}{
		"a good object passes": {object: agent},
		"a field that does not exist is an error": {
			object: agent + "      hostNetworks: true\n", want: ".spec.template.spec.hostNetworks: field not declared in schema",
		},
		"a deprecated field is a warning": {
			object: agent + "      nodeSelector: {beta.kubernetes.io/arch: amd64}\n",
			want:   "warning: spec.template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated",
		},
		"a deprecated annotation is a warning": {
			object: strings.Replace(agent, "{labels:", "{annotations: {container.apparmor.security.beta.kubernetes.io/agent: unconfined}, labels:", 1),
			want:   "warning: spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/agent]: deprecated",
		},
		"a definition is served once it is written": {object: customResource("v1", "teeth: 7")},
		"a field that its definition does not know is an error": {
			object: customResource("v1", "cogs: 7"), want: ".cogs: field not declared in schema",
		},
		"a deprecated version of a definition is a warning": {
			object: customResource("v1beta1", "teeth: 7"), want: "warning: gate.addonctl.io/v1beta1 Sprocket is deprecated",
		},
	}
	if said := g.define(t, objectOf(t, sprocket)); len(said) > 0 {
		t.Fatalf("defining sprockets: %q", said)
	}
	g.awaitDefinitions(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			said := g.show(t.Context(), objectOf(t, test.object), metav1.DryRunAll)
			if test.want == "" && len(said) == 0 {
				return
			}
			if test.want == "" || len(said) != 1 || !strings.Contains(said[0], test.want) {
				t.Errorf("want %q alone, got %q", test.want, said)
			}
		})
	}
}

func customResource(version, field string) string {
	return fmt.Sprintf("apiVersion: gate.addonctl.io/%s\nkind: Sprocket\nmetadata: {name: one}\n%s\n", version, field)
}

// objectOf reads the one object of a text.
func objectOf(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	objects, err := render.Parse(text)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	return objects[0]
}
