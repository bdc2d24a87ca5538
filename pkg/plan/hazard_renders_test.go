package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

const rendersProse = `What the checks that read renders say of our own charts.

One line per installation and per move between two releases, on three managed nodes with Kubernetes 1.34, for each network type that
the add-on may be put on. "!" stops the move, "~" passes by itself. Moves of which nothing is said are left out. Dangers that belong to
versions alone stand in moves.txt.
`

// Every chart and every edge: what is said of a move is reviewed, so a template that frightens operators, or one that stops a
// move, is noticed here.
func TestChecksOfRendersOfTheShippedCatalog(t *testing.T) {
	t.Parallel()
	golden(t, "renders.txt", rendersProse, func(c *catalog.Catalog) string {
		var b strings.Builder
		for _, a := range c.AddOns {
			for _, n := range a.OnNetworkTypes() {
				fmt.Fprintf(&b, "\n%s on %s\n", a.Name, n)
				rendersOf(t, &b, c, a, n)
			}
		}
		return b.String()
	})
}

func rendersOf(t *testing.T, b *strings.Builder, c *catalog.Catalog, a catalog.AddOn, n catalog.NetworkType) {
	t.Helper()
	prints := map[string]*catalog.Footprint{}
	for _, r := range a.Releases {
		out, err := render.Release(charts.FS, a, r, render.Settings{Kubernetes: version.MustParse("v1.34.2"), NetworkType: n})
		if missing, ok := errors.AsType[*render.NoChartError](err); ok {
			t.Errorf("%s: %v", a.Name, missing)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if prints[r.Version.String()], err = render.Footprint(out.Objects); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range a.Releases {
		for _, from := range append([]catalog.Release{{}}, a.Releases...) {
			if from.Version.Equal(to.Version) {
				continue
			}
			said := sayings(judged(c, a, n, prints, from.Version.String(), to.Version.String()))
			if said == "" {
				continue
			}
			what := "install"
			if !from.Version.IsZero() {
				what = from.Version.String() + " ->"
			}
			fmt.Fprintf(b, "  %s %s: %s\n", what, to.Version, said)
		}
	}
}

// judged are the findings about two renders.
func judged(c *catalog.Catalog, a catalog.AddOn, n catalog.NetworkType, prints map[string]*catalog.Footprint, from, to string) []plan.Finding {
	m := hazardMove{addOn: a, to: to, after: prints[to], before: prints[from]}
	m.in = moving(n, from, to)
	m.in.Catalog = c
	if base, ok := c.ForNetworkType(n); ok {
		m.in.Cluster.CNIs = []plan.CNI{{Plugin: base.Name, NetworkType: n, Workload: base.Workload.Namespace + "/" + base.Workload.Name, Ours: true}}
	}
	m.in.Cluster.Facts = catalog.Facts{
		catalog.FactNetworkPolicies: {"0"}, catalog.FactAdminNetworkPolicies: {"0"}, catalog.FactTypha: {"false"},
	}
	if from == "" {
		m = m.installing()
	}
	return m.find("known-hazards")
}

func sayings(findings []plan.Finding) string {
	var out []string
	for _, f := range findings {
		word := string(f.Reason)
		switch {
		case f.Blocking:
			word += "!"
		case f.Minor:
			word += "~"
		}
		if len(out) == 0 || out[len(out)-1] != word {
			out = append(out, word)
		}
	}
	return strings.Join(out, " ")
}
