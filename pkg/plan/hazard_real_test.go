package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// flannelChanges are the checks that speak of a move between two releases of flannel, and of no others: what the manifests
// change at these versions (facts: CNI A1.2, A1.3, A1.5).
func flannelChanges(from, to version.Version) []string {
	since := func(v version.Version, s string) bool { return v.CompareCore(version.MustParse(s)) >= 0 }
	readsClusterCIDRs := func(v version.Version) bool { return since(v, "0.21.0") && !since(v, "0.25.0") }
	registry := func(v version.Version) int {
		switch {
		case since(v, "0.26.4"):
			return 2 // ghcr.io/flannel-io
		case since(v, "0.21.0"):
			return 1 // docker.io/flannel
		default:
			return 0 // docker.io/rancher
		}
	}
	var out []string
	if readsClusterCIDRs(from) && !readsClusterCIDRs(to) {
		out = append(out, "grants-kept")
	}
	switch a, b := registry(from), registry(to); {
	case a == 2 != (b == 2):
		out = append(out, "registry-kept")
	case a != b:
		out = append(out, "repositories-kept")
	}
	switch a, b := since(from, "0.28.9"), since(to, "0.28.9"); {
	case b && !a:
		out = append(out, "host-ports-new", "readiness-new")
	case a && !b:
		out = append(out, "readiness-kept")
	}
	return out
}

// Our own charts, all moves there are and every installation: what the checks say is what the manifests change, and nothing
// of it blocks.
func TestMovesBetweenShippedReleasesOfFlannelFindWhatTheyChange(t *testing.T) {
	t.Parallel()
	addOn, _ := shippedCatalog(t).AddOn("Flannel")
	prints := map[string]*catalog.Footprint{}
	for _, r := range addOn.Releases {
		out, err := render.Release(charts.FS, addOn, r, render.Settings{
			Kubernetes: version.MustParse("v1.34.2"),
			PodCIDRs:   []string{"10.244.0.0/16"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if prints[r.Version.String()], err = render.Footprint(out.Objects); err != nil {
			t.Fatal(err)
		}
	}
	judge := func(from, to string) []string {
		m := flannelMove()
		m.in.Installed.Version, m.in.Installed.Digest, m.in.Change.Version, m.in.Change.Digest = from, "of "+from, to, "of "+to
		m.addOn, m.to, m.before, m.after = addOn, to, prints[from], prints[to]
		if from == "" {
			m = m.installing()
		}
		var names []string
		for _, f := range m.find("known-hazards") {
			names = append(names, f.Check)
			if f.Blocking {
				t.Errorf("%s to %s: %+v", from, to, f)
			}
		}
		slices.Sort(names)
		return names
	}
	for _, to := range addOn.Releases {
		var fresh []string
		if to.Version.CompareCore(version.MustParse("0.28.9")) >= 0 {
			fresh = []string{"host-ports-new"}
		}
		if diff := cmp.Diff(fresh, judge("", to.Version.String())); diff != "" {
			t.Errorf("installing %s (-want +got):\n%s", to.Version, diff)
		}
		for _, from := range addOn.Releases {
			if from.Version.Equal(to.Version) {
				continue
			}
			want := flannelChanges(from.Version, to.Version)
			slices.Sort(want)
			if diff := cmp.Diff(want, judge(from.Version.String(), to.Version.String())); diff != "" {
				t.Errorf("%s to %s (-want +got):\n%s", from.Version, to.Version, diff)
			}
		}
	}
}

// A hundred moves must not take long with a thousand nodes.
func BenchmarkHazardsForAClusterOf1000Nodes(b *testing.B) {
	m := flannelMove()
	addOn, _ := shippedCatalog(b).AddOn("Flannel")
	m.addOn = addOn
	for range 997 {
		m.in.Nodes = append(m.in.Nodes, m.in.Nodes[0])
	}
	var out []plan.Finding
	for b.Loop() {
		out = m.find("")
	}
	_ = out
}
