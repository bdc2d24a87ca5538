package catalog_test

import (
	"testing"
	"testing/fstest"
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
	got.Releases = nil
	want := catalog.AddOn{
		Name: "Flannel", NetworkType: catalog.FlannelOverlay, Chart: "flannel", Release: "flannel",
		Workload:  catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "kube-flannel-ds", Container: "kube-flannel"},
		NodeKinds: []catalog.NodeKind{catalog.Managed, catalog.SelfManaged},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("add-on (-want +got):\n%s", diff)
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
	fsys := fstest.MapFS{}
	for folder, name := range map[string]string{"b": "B", "a": "A", "oci-vcn-ip-native": "OciVcnIpNative"} {
		fsys[folder+"/addon.yaml"] = &fstest.MapFile{Data: []byte(`
apiVersion: catalog.addonctl.io/v1alpha1
kind: AddOn
name: ` + name + `
chart: x
release: x
workload: {namespace: kube-system, kind: DaemonSet, name: x, container: x}
nodeKinds: [SelfManaged, Managed]
`)}
		fsys[folder+"/releases/v1.0.0-2.yaml"] = &fstest.MapFile{Data: []byte(`
apiVersion: catalog.addonctl.io/v1alpha1
kind: Release
version: v1.0.0-2
status: PREVIEW
released: 2025-08-08
mechanism: OnReboot
chart: own
images: [{name: x, ref: "localhost:5000/x@sha256:0"}]
confidence: inferred
sources: [a test]
`)}
	}
	c, err := catalog.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(c.AddOns))
	for _, a := range c.AddOns {
		got = append(got, a.Name+" "+a.Releases[0].Version.String()+" "+a.Releases[0].Chart+" "+a.Releases[0].Released)
	}
	want := []string{"A v1.0.0-2 own 2025-08-08", "B v1.0.0-2 own 2025-08-08", "OciVcnIpNative v1.0.0-2 own 2025-08-08"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("add-ons (-want +got):\n%s", diff)
	}
}
