package addons_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

func shipped(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatalf("the shipped catalog has faults:\n%v", err)
	}
	return c
}

func addOn(t *testing.T, name string) catalog.AddOn {
	t.Helper()
	a, ok := shipped(t).AddOn(name)
	if !ok {
		t.Fatalf("no add-on %s", name)
	}
	return a
}

func TestEveryAddOnIsShipped(t *testing.T) {
	t.Parallel()
	type facts struct {
		NetworkType  catalog.NetworkType
		Beside       []catalog.NetworkType
		Workload     catalog.Workload
		NodeKinds    []catalog.NodeKind
		MaxMinorStep int
		Stops        []string
		Releases     int
	}
	ours := []catalog.NodeKind{catalog.Managed, catalog.SelfManaged}
	want := map[string]facts{
		"Calico": {
			Beside:       []catalog.NetworkType{catalog.OCIVCNIPNative},
			Workload:     catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "calico-node", Container: "calico-node"},
			NodeKinds:    ours,
			MaxMinorStep: 2,
			Releases:     9,
		},
		"Flannel": {
			NetworkType: catalog.FlannelOverlay,
			Workload:    catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "kube-flannel-ds", Container: "kube-flannel"},
			NodeKinds:   ours,
			Releases:    14,
		},
		"OciVcnIpNative": {
			NetworkType: catalog.OCIVCNIPNative,
			Workload:    catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "vcn-native-ip-cni", Container: "install-cni-ips"},
			NodeKinds:   append(slices.Clone(ours), catalog.Virtual),
			Stops:       []string{"MechanismChange at 2.3.0 to 2.3"},
			Releases:    9,
		},
	}
	got := map[string]facts{}
	for _, a := range shipped(t).AddOns {
		f := facts{
			NetworkType: a.NetworkType, Beside: a.Beside, Workload: a.Workload, NodeKinds: a.NodeKinds,
			MaxMinorStep: a.Rules.MaxMinorStep, Releases: len(a.Releases),
		}
		for _, s := range a.Rules.Stops {
			f.Stops = append(f.Stops, fmt.Sprintf("%s at %s to %s", s.Reason, s.At.Minimal.Core(), s.At.Maximum.Core()))
		}
		got[a.Name] = f
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("add-ons (-want +got):\n%s", diff)
	}
}

// listings are Oracle's tables of versions per Kubernetes minor, as read at three times (facts: OKE 1.8, 2.8), and for Calico
// also the minors that it is tested with (facts: CNI A3.6).
var listings = map[string]map[string][]string{
	"Flannel": {
		"1.28": {"0.20.2"}, "1.29": {"0.20.2"}, "1.30": {"0.20.2"},
		"1.31": {"0.24.4", "0.26.2"}, "1.32": {"0.26.2"}, "1.33": {"0.26.2"},
		"1.34": {"0.27.3"}, "1.35": {"0.27.3"}, "1.36": {"0.27.3"},
	},
	"OciVcnIpNative": {
		"1.28": {"2.0.1"}, "1.29": {"2.0.1"}, "1.30": {"2.1.0"},
		"1.31": {"2.2.3", "2.3.0"}, "1.32": {"2.3.0"}, "1.33": {"2.3.0"},
		"1.34": {"3.0.0", "3.3.0"}, "1.35": {"3.3.0"}, "1.36": {"3.3.0"},
	},
	"Calico": {
		// Oracle: one version per minor.
		"1.28": {"3.26.4"}, "1.29": {"3.27.2"}, "1.30": {"3.28.0"}, "1.31": {"3.28.2"}, "1.32": {"3.29.2"},
		"1.33": {"3.30.0"}, "1.34": {"3.30.3"}, "1.35": {"3.31.5"}, "1.36": {"3.32.0"},
	},
}

// tested are the Kubernetes minors that a minor of Calico is tested with.
var tested = map[string][]string{
	"3.29": {"1.29", "1.30", "1.31", "1.32"},
	"3.30": {"1.31", "1.32", "1.33", "1.34", "1.35"},
	"3.31": {"1.32", "1.33", "1.34", "1.35"},
	"3.32": {"1.34", "1.35", "1.36"},
}

func TestReleasesAreListedForWhatTheTablesSay(t *testing.T) {
	t.Parallel()
	for name, table := range listings {
		want, got := map[string][]string{}, map[string][]string{}
		for minor, versions := range table {
			for _, v := range versions {
				want[v] = append(want[v], minor)
			}
		}
		for _, r := range addOn(t, name).Releases {
			v := r.Version.String()
			if name == "Calico" {
				want[v] = append(want[v], tested[r.Version.Minor().String()]...)
			}
			for _, m := range r.ListedFor {
				got[v] = append(got[v], m.String())
			}
		}
		for v := range want {
			slices.Sort(want[v])
			want[v] = slices.Compact(want[v])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: minors that a release is listed for (-want +got):\n%s", name, diff)
		}
	}
}

// The rule for releases in no table is ours; it errs towards refusing.
func TestMinimalIsTheEarliestListedMinorOrThatOfTheNextLowerListedRelease(t *testing.T) {
	t.Parallel()
	for _, a := range shipped(t).AddOns {
		var lower version.Minor // of the next lower listed release
		for _, r := range slices.Backward(a.Releases) {
			want := lower
			if len(r.ListedFor) > 0 {
				want, lower = r.ListedFor[0], r.ListedFor[0]
			} else if r.Confidence != catalog.Inferred {
				t.Errorf("%s %s: confidence %s, but no table lists it", a.Name, r.Version, r.Confidence)
			}
			if got := r.Kubernetes.String(); got != want.String()+" or later" {
				t.Errorf("%s %s: made for %s, want %s or later: a tested range is no maximum", a.Name, r.Version, got, want)
			}
		}
	}
}

// Unlisted is not deprecated. Only flannel's own releases, which no table of Oracle's has, are for those who ask.
func TestOnlyUnlistedFlannelReleasesArePreviews(t *testing.T) {
	t.Parallel()
	for _, a := range shipped(t).AddOns {
		for _, r := range a.Releases {
			want := catalog.Active
			if a.Name == "Flannel" && len(r.ListedFor) == 0 {
				want = catalog.Preview
			}
			if r.Status != want {
				t.Errorf("%s %s is %s, want %s", a.Name, r.Version, r.Status, want)
			}
		}
	}
}

func TestConfidenceIsThatOfTheWeakestFact(t *testing.T) {
	t.Parallel()
	inferred := []string{"3.29.2", "3.30.0"} // their columns of Oracle's table are gone (facts: OKE 1.8)
	for _, a := range shipped(t).AddOns {
		for _, r := range a.Releases {
			want := catalog.Documented
			switch {
			case a.Name == "OciVcnIpNative", len(r.ListedFor) == 0, a.Name == "Calico" && slices.Contains(inferred, r.Version.String()):
				want = catalog.Inferred // no source gives VCN-native's image reference (facts: OKE 3.1)
			}
			if r.Confidence != want {
				t.Errorf("%s %s: confidence %s, want %s", a.Name, r.Version, r.Confidence, want)
			}
		}
	}
}

func TestEveryFactOfAReleaseHasItsSource(t *testing.T) {
	t.Parallel()
	for _, a := range shipped(t).AddOns {
		for _, r := range a.Releases {
			for fact, given := range map[string]bool{
				"kubernetes.minimal":     true,
				"status":                 true,
				"mechanism":              true,
				"images":                 true,
				"nodes":                  len(r.Nodes.OS) > 0,
				"listedFor":              len(r.ListedFor) > 0,
				"released":               r.Released != "",
				"realms":                 len(r.Realms) > 0,
				"nodes.kernel":           !r.Nodes.Kernel.IsZero(),
				"nodes.architectures":    len(r.Nodes.Architectures) > 0,
				"nodes.modules":          len(r.Nodes.Modules) > 0,
				"values.resources":       len(r.Values) > 0,
				"confidence":             a.Name == "OciVcnIpNative",
				"listedFor 1.29 to 1.32": r.Version.Minor().String() == "3.29",
			} {
				if given && !slices.ContainsFunc(r.Sources, speaksOf(fact)) {
					t.Errorf("%s %s: no source speaks of %s", a.Name, r.Version, fact)
				}
			}
		}
	}
}

// speaksOf tells whether a source begins with a fact's name: "nodes.kernel: ...", "nodes.architectures, nodes.kernel: ...".
func speaksOf(fact string) func(string) bool {
	return func(source string) bool {
		names, _, _ := strings.Cut(source, ":")
		for name := range strings.SplitSeq(names, ", ") {
			if name == fact || strings.HasPrefix(name, fact+" ") || strings.HasPrefix(name, fact+".") {
				return true
			}
		}
		return false
	}
}

func TestDaysAndRealmsAreThoseOfTheReleaseNotes(t *testing.T) {
	t.Parallel()
	type facts struct {
		Released string
		Realms   []string
	}
	want := map[string]facts{ // facts: OKE 2.8
		"OciVcnIpNative 2.2.0": {"2024-09-03", []string{"OC1"}},
		"OciVcnIpNative 2.2.2": {"2024-10-04", []string{"OC1", "OC2", "OC3"}},
		"OciVcnIpNative 2.3.0": {Released: "2025-08-08"},
		"OciVcnIpNative 3.3.0": {Released: "2026-05-13"},
	}
	got := map[string]facts{}
	for _, a := range shipped(t).AddOns {
		for _, r := range a.Releases {
			if r.Released != "" || len(r.Realms) > 0 {
				got[a.Name+" "+r.Version.String()] = facts{r.Released, r.Realms}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("days and realms (-want +got):\n%s", diff)
	}
}

func TestMechanismsAreThoseOfTheirVersions(t *testing.T) {
	t.Parallel()
	for _, a := range shipped(t).AddOns {
		for _, r := range a.Releases {
			want := catalog.RollingUpdate
			if a.Name == "OciVcnIpNative" {
				if want = catalog.OnReboot; !r.Version.Less(version.MustParse("2.3.0")) {
					want = catalog.OnDelete
				}
			}
			if r.Mechanism != want {
				t.Errorf("%s %s: %s, want %s", a.Name, r.Version, r.Mechanism, want)
			}
		}
	}
}

// Each flannel goes with one build of its plugin, in the registry of its time (facts: CNI A1.5). A row holds from its version
// up to the next.
func TestFlannelGoesWithItsPluginAndRegistry(t *testing.T) {
	t.Parallel()
	pairs := []struct{ from, registry, plugin string }{
		{"0.20.2", "docker.io/rancher/mirrored-flannelcni-", "v1.1.0"},
		{"0.21.0", "docker.io/flannel/", "v1.1.2"},
		{"0.22.1", "docker.io/flannel/", "v1.2.0"},
		{"0.24.2", "docker.io/flannel/", "v1.4.0-flannel1"},
		{"0.25.2", "docker.io/flannel/", "v1.4.1-flannel1"},
		{"0.25.5", "docker.io/flannel/", "v1.5.1-flannel1"},
		{"0.25.6", "docker.io/flannel/", "v1.5.1-flannel2"},
		{"0.26.2", "docker.io/flannel/", "v1.6.0-flannel1"},
		{"0.26.4", "ghcr.io/flannel-io/", "v1.6.2-flannel1"},
		{"0.27.0", "ghcr.io/flannel-io/", "v1.7.1-flannel1"},
		{"0.27.4", "ghcr.io/flannel-io/", "v1.8.0-flannel1"},
		{"0.28.1", "ghcr.io/flannel-io/", "v1.9.0-flannel1"},
		{"0.28.3", "ghcr.io/flannel-io/", "v1.9.1-flannel1"},
		{"0.28.6", "ghcr.io/flannel-io/", "v1.9.1-flannel2"},
		{"0.28.9", "ghcr.io/flannel-io/", "v1.9.1-flannel3"},
	}
	for _, r := range addOn(t, "Flannel").Releases {
		pair := pairs[0]
		for _, p := range pairs {
			if !r.Version.Less(version.MustParse(p.from)) {
				pair = p
			}
		}
		want := []catalog.Image{
			{Name: "flannel", Ref: pair.registry + "flannel:v" + r.Version.String()},
			{Name: "flannel-cni-plugin", Ref: pair.registry + "flannel-cni-plugin:" + pair.plugin},
		}
		if diff := cmp.Diff(want, r.Images); diff != "" {
			t.Errorf("%s: images (-want +got):\n%s", r.Version, diff)
		}
	}
}

func TestOtherImagesAreNamedByVersion(t *testing.T) {
	t.Parallel()
	for _, r := range addOn(t, "Calico").Releases {
		registry := "docker.io/calico/"
		if !r.Version.Less(version.MustParse("3.31.0")) {
			registry = "quay.io/calico/"
		}
		var want []catalog.Image
		for _, name := range []string{"node", "cni", "kube-controllers", "typha"} {
			want = append(want, catalog.Image{Name: name, Ref: registry + name + ":v" + r.Version.String()})
		}
		if diff := cmp.Diff(want, r.Images); diff != "" {
			t.Errorf("Calico %s: images (-want +got):\n%s", r.Version, diff)
		}
	}
	for _, r := range addOn(t, "OciVcnIpNative").Releases {
		ref, _ := r.Image("vcn-native-ip-cni")
		if !strings.HasSuffix(ref, "/oke-public-vcn-native-ip-cni-plugin:v"+r.Version.String()) || len(r.Images) != 1 {
			t.Errorf("OciVcnIpNative %s: images %v", r.Version, r.Images)
		}
	}
}

func TestNodeNeedsBeginWhereTheSourcesSaySo(t *testing.T) {
	t.Parallel()
	type needs struct{ BrNetfilter, Kernel bool }
	for _, a := range shipped(t).AddOns {
		for _, r := range a.Releases {
			from := func(v string) bool { return !r.Version.Less(version.MustParse(v)) }
			want := needs{
				BrNetfilter: a.Name == "Flannel" && from("0.26.0"),
				Kernel:      a.Name == "Calico" && from("3.29.0"),
			}
			got := needs{slices.Contains(r.Nodes.Modules, "br_netfilter"), r.Nodes.Kernel.Equal(version.MustParse("5.10"))}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s: needs of nodes (-want +got):\n%s", a.Name, r.Version, diff)
			}
			if !slices.Equal(r.Nodes.OS, []string{"linux"}) || r.Nodes.Kernel.IsZero() == want.Kernel {
				t.Errorf("%s %s: os %v, kernel %q", a.Name, r.Version, r.Nodes.OS, r.Nodes.Kernel)
			}
			for _, arch := range []string{"amd64", "arm64"} { // what OKE has
				if len(r.Nodes.Architectures) > 0 && !slices.Contains(r.Nodes.Architectures, arch) {
					t.Errorf("%s %s: does not run on %s", a.Name, r.Version, arch)
				}
			}
		}
	}
}
