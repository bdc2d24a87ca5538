package catalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
)

func shipped(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatalf("the shipped catalog has faults:\n%v", err)
	}
	return c
}

func flannel(t *testing.T) catalog.AddOn {
	t.Helper()
	a, ok := shipped(t).AddOn("Flannel")
	if !ok {
		t.Fatal("the shipped catalog has no Flannel")
	}
	return a
}

// pairs of flannel and flannel-cni-plugin images as the manifest of each
// flannel tag names them, with the registry of that time.
func TestShippedFlannelReleasesHoldTheKnownFacts(t *testing.T) {
	t.Parallel()
	type facts struct {
		Kubernetes string
		ListedFor  string
		Images     []catalog.Image
	}
	want := map[string]facts{
		"0.24.4": {"1.31 or later", "[1.31]", []catalog.Image{
			{Name: "flannel", Ref: "docker.io/flannel/flannel:v0.24.4"},
			{Name: "flannel-cni-plugin", Ref: "docker.io/flannel/flannel-cni-plugin:v1.4.0-flannel1"},
		}},
		"0.26.2": {"1.31 or later", "[1.31 1.32 1.33]", []catalog.Image{
			{Name: "flannel", Ref: "docker.io/flannel/flannel:v0.26.2"},
			{Name: "flannel-cni-plugin", Ref: "docker.io/flannel/flannel-cni-plugin:v1.6.0-flannel1"},
		}},
		"0.27.3": {"1.34 or later", "[1.34 1.35 1.36]", []catalog.Image{
			{Name: "flannel", Ref: "ghcr.io/flannel-io/flannel:v0.27.3"},
			{Name: "flannel-cni-plugin", Ref: "ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1"},
		}},
	}
	got := map[string]facts{}
	for _, r := range flannel(t).Releases {
		if _, known := want[r.Version.String()]; !known {
			continue
		}
		got[r.Version.String()] = facts{r.Kubernetes.String(), sprint(r.ListedFor), r.Images}
		if r.Status != catalog.Active || r.Mechanism != catalog.RollingUpdate || r.Chart != "flannel" || r.AddOn != "Flannel" {
			t.Errorf("%s: status %s, mechanism %s, chart %s, add-on %s", r.Version, r.Status, r.Mechanism, r.Chart, r.AddOn)
		}
		if _, known := r.ReleasedOn(); known {
			t.Errorf("%s: has a release day, but no source gives one", r.Version)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
}

func TestShippedFlannelNamesItsWorkload(t *testing.T) {
	t.Parallel()
	got := flannel(t)
	if got.Name != "Flannel" || got.NetworkType != catalog.FlannelOverlay || got.Chart != "flannel" || got.Release != "flannel" {
		t.Errorf("%s is the CNI of %s, with chart %s and release %s", got.Name, got.NetworkType, got.Chart, got.Release)
	}
	want := catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "kube-flannel-ds", Container: "kube-flannel"}
	if diff := cmp.Diff(want, got.Workload); diff != "" {
		t.Errorf("workload (-want +got):\n%s", diff)
	}
	if !got.RunsOn(catalog.Managed) || got.RunsOn(catalog.Virtual) {
		t.Error("flannel runs on managed nodes and never on virtual ones")
	}
}

func TestReleasesAreSortedNewestFirst(t *testing.T) {
	t.Parallel()
	releases := flannel(t).Releases
	for i := 1; i < len(releases); i++ {
		if !releases[i].Version.Less(releases[i-1].Version) {
			t.Errorf("%s stands before %s", releases[i-1].Version, releases[i].Version)
		}
	}
}

func TestLookupsFindWhatIsThere(t *testing.T) {
	t.Parallel()
	c, a := shipped(t), flannel(t)
	if got, ok := c.ForNetworkType(catalog.FlannelOverlay); !ok || got.Name != "Flannel" {
		t.Errorf("FLANNEL_OVERLAY gives %q, %t", got.Name, ok)
	}
	if got, ok := c.ForNetworkType(""); ok {
		t.Errorf("no network type gives %q", got.Name)
	}
	if got, ok := c.AddOn("flannel"); ok {
		t.Errorf("a name in another case gives %q", got.Name)
	}
	r, ok := a.Find(version.MustParse("v0.26.2"))
	if !ok || r.Version.String() != "0.26.2" {
		t.Errorf("v0.26.2 finds %s, %t", r.Version, ok)
	}
	if r, ok := a.Find(version.MustParse("0.26.2-1")); ok {
		t.Errorf("another build finds %s", r.Version)
	}
	if ref, ok := r.Image("flannel"); !ok || ref != "docker.io/flannel/flannel:v0.26.2" {
		t.Errorf("image flannel is %q, %t", ref, ok)
	}
	if ref, ok := r.Image("calico"); ok {
		t.Errorf("image calico is %q", ref)
	}
}

func TestChartValuesAddVersionAndImagesToACopy(t *testing.T) {
	t.Parallel()
	r := catalog.Release{
		Version: version.MustParse("v0.27.3-2"),
		Images:  []catalog.Image{{Name: "flannel", Ref: "ghcr.io/flannel-io/flannel:v0.27.3"}},
		Values:  map[string]any{"list": []any{map[string]any{"a": int64(1)}}},
	}
	want := map[string]any{
		"version": "0.27.3",
		"images":  map[string]any{"flannel": "ghcr.io/flannel-io/flannel:v0.27.3"},
		"list":    []any{map[string]any{"a": int64(1)}},
	}
	got := r.ChartValues()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	got["list"].([]any)[0].(map[string]any)["a"] = int64(2)
	if diff := cmp.Diff(want, r.ChartValues()); diff != "" {
		t.Errorf("a change of the copy reached the release (-want +got):\n%s", diff)
	}
}

func TestReleaseDayIsKnownOnlyWhenGiven(t *testing.T) {
	t.Parallel()
	day, ok := catalog.Release{Released: "2025-08-08"}.ReleasedOn()
	if want := time.Date(2025, 8, 8, 0, 0, 0, 0, time.UTC); !ok || !day.Equal(want) {
		t.Errorf("got %s, %t, want %s", day, ok, want)
	}
	if day, ok := (catalog.Release{}).ReleasedOn(); ok {
		t.Errorf("an unknown day is %s", day)
	}
}

func TestAddOnsAreSortedByName(t *testing.T) {
	t.Parallel()
	fsys := complete(t)
	for folder, name := range map[string]string{"z": "Z", "a": "A", "oci-vcn-ip-native": "OciVcnIpNative"} {
		fsys[folder+"/addon.yaml"] = renamed(fsys["calico/addon.yaml"], "name: Calico", "name: "+name)
		fsys[folder+"/releases/v1.0.0-2.yaml"] = renamed(fsys["calico/releases/3.32.0.yaml"], `version: "3.32.0"`, "version: v1.0.0-2")
	}
	c, err := catalog.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(c.AddOns))
	for _, a := range c.AddOns {
		got = append(got, a.Name+" "+a.Releases[0].Version.String())
	}
	want := []string{"A v1.0.0-2", "Calico 3.32.0", "Flannel 0.27.3", "OciVcnIpNative v1.0.0-2", "Z v1.0.0-2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("add-ons (-want +got):\n%s", diff)
	}
}

// Every field of every kind of file, as it arrives.
func TestLoadReadsEveryFieldOfEveryKindOfFile(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(complete(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantComplete(), c); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}

func wantComplete() *catalog.Catalog {
	v := version.MustParse
	loss := catalog.ReversibleWithLoss
	return &catalog.Catalog{AddOns: []catalog.AddOn{
		{
			Name: "Calico", Chart: "calico", Release: "calico",
			Workload:  catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "calico-node", Container: "calico-node"},
			NodeKinds: []catalog.NodeKind{catalog.Managed},
			Beside:    []catalog.NetworkType{catalog.FlannelOverlay, catalog.OCIVCNIPNative},
			Rules:     catalog.Rules{Back: []catalog.BackRule{{Class: catalog.Reversible, Message: "Nothing is lost."}}},
			Releases: []catalog.Release{{
				AddOn: "Calico", Version: v("3.32.0"), Status: catalog.Preview, Chart: "calico", Mechanism: catalog.RollingUpdate,
				Images:     []catalog.Image{{Name: "calico-node", Ref: "quay.io/calico/node:v3.32.0"}},
				Confidence: catalog.Documented, Sources: []string{"a test"},
			}},
		},
		{
			Name: "Flannel", NetworkType: catalog.FlannelOverlay, Chart: "flannel", Release: "flannel",
			Workload:  catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "kube-flannel-ds", Container: "kube-flannel"},
			NodeKinds: []catalog.NodeKind{catalog.Managed, catalog.SelfManaged},
			Rules: catalog.Rules{
				MaxMinorStep: 2,
				Stops: []catalog.Stop{
					{At: span("0.25.0", "0.25"), Reason: "MechanismChange", Message: "The rules are written in another way."},
					{
						At: span("0.26.2", "0.26.7"), Reason: "DeviceChange", Message: "The device gets another name.",
						URL: "https://example.org/device",
					},
				},
				Back: []catalog.BackRule{
					{Crossing: v("0.26.0"), Class: loss, Message: "The rules of the old backend stay behind."},
					{WithinMinor: true, Class: catalog.Reversible, Message: "Nothing is lost."},
					{Class: catalog.OneWay, UntilSettled: loss, Message: "The old one does not read what the new one has written."},
				},
			},
			Releases: wantFlannelReleases(),
			Blocks: []catalog.Block{{
				Name: "VXLANPortLost", From: span("", "0.25"), To: span("0.26.0", "0.26.1"),
				When: catalog.Conditions{
					{Fact: catalog.FactIptables, NotIn: []string{"nft"}},
					{Fact: catalog.FactKernel, Below: v("5.10")},
				},
				Message: "Nodes stop hearing each other.", URL: "https://example.org/issues/1", Reviewed: "2026-11-22",
			}},
			Hazards: []catalog.Hazard{
				{
					Name: "AddressesLeak", To: span("", "0.27"),
					Effect: "Addresses of pods that are gone stay taken.", Mitigation: "Empty the folder by hand.",
					Catalogue: []string{"B3"}, Sources: []string{"a test"},
				},
				{
					Name: "EgressGapOnStop", From: span("0.25.0", "0.26.7"), OnInstall: true, To: span("0.26.0", ""),
					When: catalog.Conditions{
						{Fact: catalog.FactNetworkPolicies, In: []string{"0", "1"}},
						{Fact: catalog.FactKubernetes, AtLeast: v("1.31")},
					},
					Blocking: true,
					Effect:   "Pods on the node that changes lose packets for a second.", Mitigation: "Change one node at a time.",
					URL: "https://example.org/issues/2", Catalogue: []string{"B16", "B2"}, Sources: []string{"a test"},
				},
			},
		},
	}}
}

// wantFlannelReleases have the keys that since and until leave them, sorted.
func wantFlannelReleases() []catalog.Release {
	v := version.MustParse
	tolerations := catalog.Configuration{
		Key: "tolerations", Required: true, DisplayName: "Tolerations", Description: "What the pods tolerate.",
		Schema: map[string]any{"type": "array", "items": map[string]any{"type": "object"}},
	}
	resources := catalog.Configuration{Key: "kube-flannel.ContainerResources", Schema: map[string]any{"type": "object"}}
	rolling := catalog.Configuration{Key: "rollingUpdate", Schema: map[string]any{
		"type": "object", "properties": map[string]any{"maxSurge": map[string]any{"type": []any{"integer", "string"}}},
	}}
	return []catalog.Release{
		{
			AddOn: "Flannel", Version: v("0.27.3"), Status: catalog.Active, Chart: "flannel", Mechanism: catalog.RollingUpdate,
			Kubernetes: version.Filters{Minimal: v("1.34")},
			ListedFor:  []version.Minor{{Major: 1, Minor: 34}, {Major: 1, Minor: 35}, {Major: 1, Minor: 36}},
			Images: []catalog.Image{
				{Name: "flannel", Ref: "ghcr.io/flannel-io/flannel:v0.27.3"},
				{Name: "flannel-cni-plugin", Ref: "ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1"},
			},
			Nodes: catalog.NodeNeeds{
				OS: []string{"linux"}, Architectures: []string{"amd64", "arm64"}, Kernel: v("5.10"),
				Modules: []string{"br_netfilter"}, Iptables: []string{"nft", "legacy"},
			},
			Realms: []string{"OC1", "OC2"}, Configurations: []catalog.Configuration{resources, tolerations},
			Renders:    []catalog.Frozen{{Chart: "1.0.0", Digest: "sha256:" + strings.Repeat("0", 64)}},
			Confidence: catalog.Documented, Sources: []string{"a test", "another"},
		},
		{
			AddOn: "Flannel", Version: v("0.26.2"), Status: catalog.Active, Chart: "flannel", Mechanism: catalog.RollingUpdate,
			Kubernetes:     version.Filters{Minimal: v("1.31"), Maximum: v("1.33"), Exact: []version.Version{v("1.31"), v("1.33")}},
			Images:         []catalog.Image{{Name: "flannel", Ref: "docker.io/flannel/flannel:v0.26.2"}},
			Configurations: []catalog.Configuration{resources, rolling, tolerations},
			Values:         map[string]any{"backend": map[string]any{"port": int64(14789)}},
			Confidence:     catalog.Inferred, Sources: []string{"a test"},
		},
		{
			AddOn: "Flannel", Version: v("0.24.4"), Status: catalog.Deprecated, Released: "2025-01-20", Chart: "flannel-old",
			Mechanism:      catalog.OnDelete,
			Images:         []catalog.Image{{Name: "flannel", Ref: "docker.io/flannel/flannel:v0.24.4"}},
			Configurations: []catalog.Configuration{rolling, tolerations},
			Confidence:     catalog.Observed, Sources: []string{"a test"},
		},
	}
}

// span is a range; "" leaves an end open.
func span(minimal, maximum string) version.Range {
	var r version.Range
	if minimal != "" {
		r.Minimal = version.MustParse(minimal)
	}
	if maximum != "" {
		r.Maximum = version.MustParse(maximum)
	}
	return r
}
