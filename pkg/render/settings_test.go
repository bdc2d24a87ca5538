package render_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// echo is a chart that shows the values it was given, and declares those that values says.
func echo(values string) fstest.MapFS {
	return fstest.MapFS{
		"flannel/Chart.yaml":  {Data: []byte("apiVersion: v2\nname: flannel\nversion: 1.0.0\n")},
		"flannel/values.yaml": {Data: []byte(values)},
		"flannel/templates/all.yaml": {Data: []byte(`apiVersion: v1
kind: ConfigMap
metadata:
  name: values
data:
  values: {{ toJson .Values | quote }}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.org
spec:
  group: example.org
`)},
	}
}

// echoed are the values that the chart saw, as JSON, without version and images.
func echoed(t *testing.T, declared string, s render.Settings) (string, error) {
	t.Helper()
	a, r := release(t, "0.27.3")
	r.Images, r.Values = nil, map[string]any{"mtu": int64(1500), "nested": map[string]any{"a": "one", "b": "two"}}
	out, err := render.Release(echo(declared), a, r, s)
	if err != nil {
		return "", err
	}
	for _, o := range out.Objects {
		if o.GetKind() == "ConfigMap" {
			text, _, err := unstructured.NestedString(o.Object, "data", "values")
			if err != nil {
				t.Fatal(err)
			}
			return text, nil
		}
	}
	t.Fatal("no ConfigMap was rendered")
	return "", nil
}

func TestAChartGetsWhatItDeclares(t *testing.T) {
	t.Parallel()
	all := render.Settings{
		NetworkType: catalog.FlannelOverlay, PodCIDRs: []string{"10.0.0.0/8"}, IPFamilies: []string{"IPv4", "IPv6"},
		NodeKinds: []catalog.NodeKind{catalog.Managed}, Nodes: 60, Region: "us-ashburn-1", Realm: "OC1",
	}
	const rest = `"images":{},"mtu":1500,"nested":{"a":"one","b":"two"}`
	for name, tt := range map[string]struct {
		declared string
		settings render.Settings
		want     string
	}{
		"nothing": {"{}", all, `{` + rest + `,"version":"0.27.3"}`},
		"the network type": {
			"networkType: OCI_VCN_IP_NATIVE", all,
			`{` + rest + `,"networkType":"FLANNEL_OVERLAY","version":"0.27.3"}`,
		},
		"all of it": {
			"{networkType: '', podCIDRs: [], ipFamilies: [], nodeKinds: [], nodes: 0, region: '', realm: ''}", all,
			`{"images":{},"ipFamilies":["IPv4","IPv6"],"mtu":1500,"nested":{"a":"one","b":"two"},"networkType":"FLANNEL_OVERLAY","nodeKinds":["Managed"],` +
				`"nodes":60,"podCIDRs":["10.0.0.0/8"],"realm":"OC1","region":"us-ashburn-1","version":"0.27.3"}`,
		},
		"its own default for what nobody knows": {
			"nodes: 3", render.Settings{}, `{` + rest + `,"nodes":3,"version":"0.27.3"}`,
		},
		"the operator's values over the release's, key by key, whole numbers whole": {
			"{}",
			render.Settings{Values: map[string]any{"mtu": 16777215, "nested": map[string]any{"b": "2"}}},
			`{"images":{},"mtu":16777215,"nested":{"a":"one","b":"2"},"version":"0.27.3"}`,
		},
		"no value that the operator takes out": {
			"{}",
			render.Settings{Values: map[string]any{"nested": map[string]any{"b": nil}}},
			`{"images":{},"mtu":1500,"nested":{"a":"one"},"version":"0.27.3"}`,
		},
		"configurations decoded, plain and in Base64": {
			"configurations: {}",
			render.Settings{Configurations: map[string]string{
				"nodeSelectors": `{"a":"b"}`,
				"tolerations":   base64.StdEncoding.EncodeToString([]byte(`[{"operator":"Exists"}]`)),
			}},
			`{"configurations":{"nodeSelectors":{"a":"b"},"tolerations":[{"operator":"Exists"}]},` + rest + `,"version":"0.27.3"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := echoed(t, tt.declared, tt.settings)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings render.Settings
		want     []string
	}{
		"a pod CIDR that is none":            {render.Settings{PodCIDRs: []string{"10.0.0.0"}}, []string{`reading pod CIDR "10.0.0.0"`}},
		"the version as an operator's value": {render.Settings{Values: map[string]any{"version": "1.0.0"}}, []string{`value "version" is not an operator's to set`}},
		"the images as an operator's value":  {render.Settings{Values: map[string]any{"images": map[string]any{}}}, []string{`value "images" is not an operator's to set`}},
		"a value that is no JSON":            {render.Settings{Values: map[string]any{"mtu": func() {}}}, []string{"reading values"}},
		"a misspelt configuration": {
			render.Settings{Configurations: map[string]string{"nodeSelector": `{}`}},
			[]string{`configuration "nodeSelector" is none of the release's; did you mean "nodeSelectors"?`},
		},
		"a configuration like no other": {
			render.Settings{Configurations: map[string]string{"mtu": `1500`}}, []string{`configuration "mtu" is none of the release's`},
		},
		"every fault at once": {
			render.Settings{Configurations: map[string]string{"toleration": `[]`, "tolerations": `{}`, "nodeSelectors": "=="}},
			[]string{`did you mean "tolerations"?`, `decoding configuration "tolerations" with value "{}"`, `decoding configuration "nodeSelectors"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := echoed(t, "configurations: {}", tt.settings)
			if err == nil {
				t.Fatal("the settings were taken")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is\n%v\nwant it to hold %q", err, want)
				}
			}
			if c, ok := errors.AsType[*render.ConfigurationError](err); (len(tt.settings.Configurations) > 0) != ok {
				t.Errorf("the error holds a ConfigurationError: %t (%v)", ok, c)
			}
		})
	}
}

// What was given and means nothing is told: nothing is lost silently.
func TestConfigurationsWithoutEffectAreTold(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	for value, want := range map[string]string{
		`numOfReplicas=2`:                           "configuration numOfReplicas has no effect on Flannel: it has one pod on each node",
		`rollingUpdate={"maxSurge":1}`:              "configuration rollingUpdate.maxSurge has no effect on Flannel: two agents are never run on one node",
		`rollingUpdate={"maxSurge":"0%"}`:           "",
		`rollingUpdate={"maxUnavailable":"0%"}`:     "configuration rollingUpdate.maxUnavailable has no effect on Flannel: no node would ever take an update, so the chart's own stays",
		`rollingUpdate={"maxUnavailable":1}`:        "",
		`topologySpreadConstraints=[]`:              "configuration topologySpreadConstraints has no effect on Flannel: it has one pod on each node, and a constraint could only keep one away",
		`nodeSelectors={"numOfReplicas":"of-node"}`: "",
	} {
		key, value, _ := strings.Cut(value, "=")
		out, err := render.Release(echo("configurations: {}"), a, r, render.Settings{Configurations: map[string]string{key: value}})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range out.Findings {
			if f.Blocking || f.Reason != "ConfigurationUnused" {
				t.Errorf("%s %s: %+v", key, value, f)
			}
			got += f.Message
		}
		if got != want {
			t.Errorf("%s %s: told %q, want %q", key, value, got, want)
		}
	}
}

// A chart that knows no configurations must not swallow them.
func TestAChartWithoutConfigurationsRefusesThem(t *testing.T) {
	t.Parallel()
	_, err := echoed(t, "{}", render.Settings{Configurations: map[string]string{"nodeSelectors": `{}`}})
	if err == nil || !strings.Contains(err.Error(), "the chart takes no configurations") {
		t.Errorf("got %v", err)
	}
}

func TestSuppliedDefinitionsTakeThePlaceOfTheCharts(t *testing.T) {
	t.Parallel()
	definition := func(name, group string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": name}, "spec": map[string]any{"group": group},
		}}
	}
	supplied := []*unstructured.Unstructured{definition("things.example.org", "upstream"), definition("others.example.org", "upstream")}
	a, r := release(t, "0.27.3")
	out, err := render.Release(echo("{}"), a, r, render.Settings{Definitions: supplied})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range out.Objects {
		group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
		got = append(got, o.GetKind()+" "+o.GetName()+" "+group)
	}
	if diff := cmp.Diff([]string{"CustomResourceDefinition things.example.org upstream", "ConfigMap values "}, got); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if len(supplied[0].GetAnnotations()) > 0 {
		t.Error("the caller's definition was changed")
	}
}

// What a schema or a template refers to is not fetched: a render depends on what is in hand.
func TestAChartThatLeadsOutOfItselfIsRefused(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	for name, tt := range map[string]struct{ file, text, want string }{
		"a schema from the network": {
			"flannel/values.schema.json", `{"$ref": "https://example.org/schema.json"}`, "reading values.schema.json",
		},
		"a schema from a file": {"flannel/values.schema.json", `{"$ref": "file:///etc/hostname"}`, "reading values.schema.json"},
		"a chart in a chart":   {"flannel/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n", "it has 1 dependencies"},
		"definitions in crds/": {"flannel/crds/a.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: x}\n", "it has 1 files in crds/"},
		"a hook": {
			"flannel/templates/hook.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, annotations: {helm.sh/hook: pre-install}}\n",
			"has a hook: hooks are not run",
		},
		"values that the schema does not take": {
			"flannel/values.schema.json", `{"properties": {"version": {"type": "integer"}}}`, "at '/version': got string, want integer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := echo("{}")
			folder[tt.file] = &fstest.MapFile{Data: []byte(tt.text)}
			_, err := render.Release(folder, a, r, render.Settings{Kubernetes: version.MustParse("1.36.0")})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to hold %q", err, tt.want)
			}
		})
	}
}

// The shared chart of a build is not changed by a render.
func TestRendersOfOneChartDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	older, newer := shipped(t, "0.24.4", settings()), shipped(t, "0.27.3", settings())
	if older.Chart.Metadata.AppVersion != "0.24.4" || newer.Chart.Metadata.AppVersion != "0.27.3" {
		t.Errorf("the charts say %s and %s", older.Chart.Metadata.AppVersion, newer.Chart.Metadata.AppVersion)
	}
	older.Objects[0].SetName("changed")
	if again := shipped(t, "0.24.4", settings()); again.Objects[0].GetName() == "changed" {
		t.Error("two renders share an object")
	}
}

// FuzzConfigurations: whatever an operator writes is an error or a whole render, and never a panic.
func FuzzConfigurations(f *testing.F) {
	f.Add("tolerations", `[{"operator":"Exists"}]`)
	f.Add("affinity", `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{}]}}}`)
	f.Add("kube-flannel.ContainerResources", `{"limits":{"cpu":"500m"}}`)
	f.Add("rollingUpdate", `{"maxUnavailable":"100%"}`)
	f.Add("nodeSelectors", `{"{{ .Values }}":"}}"}`)
	f.Add("nodeSelectors", "eyJhIjoiYiJ9")
	a, r := release(f, "0.27.3")
	plainRender := shipped(f, "0.27.3", settings())
	f.Fuzz(func(t *testing.T, key, value string) {
		s := settings()
		s.Configurations = map[string]string{key: value}
		out, err := render.Release(charts.FS, a, r, s)
		switch {
		case err != nil && out != nil:
			t.Fatalf("a render beside the error %v", err)
		case err == nil && len(out.Objects) != len(plainRender.Objects):
			t.Fatalf("%s=%q: %d objects, want %d", key, value, len(out.Objects), len(plainRender.Objects))
		}
	})
}

// A DaemonSet's pod has nowhere else to go: what keeps it off its node takes the node's pod network away.
func TestARequiredPodAffinityOfAnAgentIsRefused(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	for affinity, want := range map[string]int{
		`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone"}]}}`:                          1,
		`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone"}]}}`:                              1,
		`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[]}}`:                                                0,
		`{"podAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"podAffinityTerm":{"topologyKey":"a"}}]}}`: 0,
		`{}`: 0,
	} {
		out, err := render.Release(charts.FS, a, r, render.Settings{Configurations: map[string]string{"affinity": affinity}})
		if err != nil {
			t.Fatal(err)
		}
		blocking := 0
		for _, f := range out.Findings {
			if f.Reason == "AgentKeptOff" && f.Blocking {
				blocking++
			}
		}
		if blocking != want {
			t.Errorf("%s: %d refusals, want %d: %+v", affinity, blocking, want, out.Findings)
		}
	}
}

// Only a chart that could name the cluster's own registry misses the region, and only until somebody names one.
func TestAnUnknownRegionIsTold(t *testing.T) {
	t.Parallel()
	a, r := release(t, "0.27.3")
	told := func(declared string, s render.Settings) bool {
		out, err := render.Release(echo(declared), a, r, s)
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Findings) == 1 && out.Findings[0].Reason == "RegionUnknown" && !out.Findings[0].Blocking
	}
	for name, tt := range map[string]struct {
		declared string
		settings render.Settings
		want     bool
	}{
		"a chart that knows no regions": {"{}", render.Settings{}, false},
		"nothing known":                 {"{region: '', registry: {}}", render.Settings{}, true},
		"a region":                      {"{region: '', registry: {}}", render.Settings{Region: "fra"}, false},
		"a registry of the operator's":  {"{region: '', registry: {}}", render.Settings{Values: map[string]any{"registry": map[string]any{"host": "r.example"}}}, false},
	} {
		if got := told(tt.declared, tt.settings); got != tt.want {
			t.Errorf("%s: told %t, want %t", name, got, tt.want)
		}
	}
}
