package helm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// wanting is an input whose target is flannel 0.27.3, with settings that are recorded.
func wanting(t *testing.T, own plan.Settings) plan.Input {
	t.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Input{
		Catalog: c, Desired: plan.Desired{AddOn: "Flannel", Version: "0.27.3", Settings: own},
		Cluster: plan.Cluster{
			Name: "c", UID: "u", Kubernetes: version.MustParse("v1.36.3"), NetworkType: catalog.FlannelOverlay,
			Pools: []plan.Pool{{Name: "b", Kind: catalog.SelfManaged}, {Name: "a", Kind: catalog.Managed}, {Name: "c", Kind: catalog.Managed}},
		},
	}
}

func rendered(t *testing.T, in plan.Input) *render.Render {
	t.Helper()
	a, r, ok := plan.Target(in)
	if !ok {
		t.Fatal("no target")
	}
	out, err := helm.Render(charts.FS, in, a, r, plan.MergedSettings(in))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// told is a chart that writes down what it is told of the cluster.
var told = fstest.MapFS{
	"flannel/Chart.yaml":  {Data: []byte("apiVersion: v2\nname: flannel\nversion: 0.1.0\n")},
	"flannel/values.yaml": {Data: []byte("{networkType: none, podCIDRs: [], ipFamilies: [], nodeKinds: [], nodes: -1, region: none, realm: none}\n")},
	"flannel/templates/daemonset.yaml": {Data: []byte(`apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: kube-flannel-ds
  namespace: {{ .Release.Namespace }}
  annotations: {told: {{ .Values | toJson | quote }}}
`)},
}

// A chart that asks for them is told all facts that last, and none that come and go: how many nodes there are is not among them.
func TestARenderIsToldWhatLasts(t *testing.T) {
	t.Parallel()
	in := wanting(t, plan.Settings{})
	in.Cluster.IPFamilies, in.Cluster.PodCIDRs = []string{"IPv6", "IPv4"}, []string{"10.0.0.0/8", "fd00::/48"}
	in.Cluster.Facts = catalog.Facts{catalog.FactRealm: {"OC2"}}
	for i := range 200 {
		in.Nodes = append(in.Nodes, noderoll.Node{Name: fmt.Sprint(i), Kind: "Virtual"})
	}
	a, r, _ := plan.Target(in)
	out, err := helm.Render(told, in, a, r, plan.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := json.Unmarshal([]byte(out.Objects[0].GetAnnotations()["told"]), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"networkType": "FLANNEL_OVERLAY", "podCIDRs": []any{"10.0.0.0/8", "fd00::/48"}, "ipFamilies": []any{"IPv6", "IPv4"},
		"nodeKinds": []any{"Managed", "SelfManaged"}, "nodes": -1.0, "region": "none", "realm": "none",
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("value %s (-want +got):\n%s", name, diff)
		}
	}
}

// A cluster that was installed before there were settings is not rolled because of them.
func TestWithoutSettingsARenderIsWhatItWas(t *testing.T) {
	t.Parallel()
	in := wanting(t, plan.Settings{})
	a, _ := in.Catalog.AddOn("Flannel")
	for _, r := range a.Releases {
		in.Desired.Version = r.Version.String()
		before, err := render.Release(charts.FS, a, r, render.Settings{Kubernetes: in.Cluster.Kubernetes, PodCIDRs: plan.PodCIDRs(in)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Manifest, rendered(t, in).Manifest); diff != "" {
			t.Errorf("%s with what is known of the cluster (-before +now):\n%s", r.Version, diff)
		}
	}
}

// What is asked for is rendered before it is recorded, and the same afterwards.
func TestSettingsAreRenderedBeforeAndAfterTheyAreRecorded(t *testing.T) {
	t.Parallel()
	own := plan.Settings{
		Configurations: map[string]string{"kube-flannel.ContainerResources": `{"limits":{"memory":"333Mi"}}`},
		Values:         map[string]any{"minReadySeconds": int64(17)},
		Overlay:        map[string]string{"kustomization.yaml": "commonAnnotations: {team: net}\n"},
	}
	asked := wanting(t, plan.Settings{})
	asked.Request = plan.Request{Verb: plan.Update, Settings: plan.SettingsChange(own)}
	text := rendered(t, asked).Manifest
	for _, want := range []string{"333Mi", "minReadySeconds: 17", "team: net"} {
		if !strings.Contains(text, want) {
			t.Errorf("the render has no %q", want)
		}
	}
	if diff := cmp.Diff(text, rendered(t, wanting(t, own)).Manifest); diff != "" {
		t.Errorf("recorded, they are rendered otherwise (-asked +recorded):\n%s", diff)
	}
}

// What an operator set is theirs to mend, so it is a finding that says which; what is broken without it is an error.
func TestAnEngineSaysWhichSettingsCannotBeRendered(t *testing.T) {
	t.Parallel()
	overlay := map[string]string{"kustomization.yaml": "patches: [{path: nowhere.yaml}]"}
	reserved := map[string]any{"podCIDRs": []any{"10.0.0.0/8"}}
	for name, c := range map[string]struct {
		own    plan.Settings
		reason plan.Reason
		says   string
	}{
		"an overlay":              {plan.Settings{Overlay: overlay, Values: map[string]any{"minReadySeconds": int64(7)}}, plan.BadSettings, "Flannel 0.27.3 cannot be rendered with the operator's overlay: "},
		"values":                  {plan.Settings{Values: reserved}, plan.BadSettings, `the operator's values: value "podCIDRs"`},
		"values without a schema": {plan.Settings{Values: map[string]any{"minReadySeconds": "soon"}}, plan.BadSettings, "the operator's values: "},
		"another namespace":       {plan.Settings{Values: map[string]any{"namespace": "kube-flannel"}}, plan.BadSettings, "DaemonSet kube-system/kube-flannel-ds, by which the add-on is known"},
		"an unknown key":          {plan.Settings{Configurations: map[string]string{"rollingUpdat": "{}"}}, plan.BadConfiguration, `did you mean "rollingUpdate"`},
		"two of them":             {plan.Settings{Overlay: overlay, Values: reserved}, plan.BadSettings, "the operator's settings: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &helm.Engine{Charts: charts.FS} // no cluster is asked
			in := wanting(t, c.own)
			in.Installed = plan.Installed{}
			got, err := engine.Change(t.Context(), in)
			if err != nil || len(got.Findings) != 1 {
				t.Fatalf("change %+v (%v), want one finding", got, err)
			}
			if f := got.Findings[0]; f.Reason != c.reason || !f.Blocking || !strings.Contains(f.Message, c.says) || strings.Contains(f.Message, "\n") {
				t.Errorf("finding %+v, want %s saying %q", f, c.reason, c.says)
			}
		})
	}
	broken := fstest.MapFS{
		"flannel/Chart.yaml": {Data: []byte("apiVersion: v2\nname: flannel\nversion: 0.1.0\n")}, "flannel/templates/x.yaml": {Data: []byte("{{")},
	}
	engine := &helm.Engine{Charts: broken}
	in := wanting(t, plan.Settings{Values: map[string]any{"a": "b"}})
	in.Installed = plan.Installed{}
	got, err := engine.Change(t.Context(), in)
	if err != nil || got.Unrenderable == "" || len(got.Findings) > 0 {
		t.Errorf("a broken chart: %+v (%v), want it to be unrenderable, whatever is set", got, err)
	}
}

// What a render has to say reaches the planner, whether anything is written or not.
func TestFindingsOfARenderReachThePlanner(t *testing.T) {
	t.Parallel()
	r := rendered(t, wanting(t, plan.Settings{Configurations: map[string]string{"numOfReplicas": "2"}}))
	want := []plan.Finding{{Reason: plan.ConfigurationUnused, Message: "configuration numOfReplicas has no effect on Flannel: it has one pod on each node", Fix: "leave it out"}}
	if diff := cmp.Diff(want, helm.Findings(r)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
