package graph_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
)

// TestMain gives each property its checks unless the command line or RAPID_CHECKS says another number.
func TestMain(m *testing.M) {
	flag.Parse()
	given := os.Getenv("RAPID_CHECKS") != ""
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", checks); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func v(s string) version.Version {
	if s == "" {
		return version.Version{}
	}
	return version.MustParse(s)
}

func vs(all ...string) []version.Version {
	var out []version.Version
	for _, s := range all {
		out = append(out, v(s))
	}
	return out
}

// span reads "2.3.0..2.3", "..2.2", "2.3.0.." and "2.3.0"; "" is the open range.
func span(s string) version.Range {
	low, high, ranged := strings.Cut(s, "..")
	if !ranged {
		high = low
	}
	return version.Range{Minimal: v(low), Maximum: v(high)}
}

func filters(s string) version.Filters {
	r := span(s)
	return version.Filters{Minimal: r.Minimal, Maximum: r.Maximum}
}

// release reads "0.26.2 DEPRECATED for 1.31..1.33 in OC1,OC2"; the status may be left out, and so may the rest.
func release(s string) catalog.Release {
	words := strings.Fields(s)
	r := catalog.Release{AddOn: "Flannel", Version: v(words[0]), Status: catalog.Active, Mechanism: catalog.RollingUpdate}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "for":
			i++
			r.Kubernetes = filters(words[i])
		case "listed":
			i++
			m, err := version.ParseMinor(words[i])
			if err != nil {
				panic(err)
			}
			r.ListedFor = append(r.ListedFor, m)
		case "in":
			i++
			r.Realms = strings.Split(words[i], ",")
		case "by":
			i++
			r.Mechanism = catalog.Mechanism(words[i])
		default:
			r.Status = catalog.Status(words[i])
		}
	}
	return r
}

// flannel is an add-on of these releases, in any order, on which every move can be taken back.
func flannel(releases ...string) catalog.AddOn {
	a := catalog.AddOn{Name: "Flannel", Rules: catalog.Rules{Back: []catalog.BackRule{{Class: catalog.Reversible}}}}
	for _, s := range releases {
		a.Releases = append(a.Releases, release(s))
	}
	slices.SortFunc(a.Releases, func(x, y catalog.Release) int { return y.Version.Compare(x.Version) })
	return a
}

// but changes an add-on.
func but(a catalog.AddOn, change func(*catalog.AddOn)) catalog.AddOn {
	a.Releases = slices.Clone(a.Releases)
	a.Rules.Back = slices.Clone(a.Rules.Back)
	change(&a)
	return a
}

// block reads "Name: 0.24.. -> 0.26.2"; the left side may be missing.
func block(s string, when ...catalog.Condition) catalog.Block {
	name, moves, _ := strings.Cut(s, ": ")
	from, to, _ := strings.Cut(moves, "->")
	return catalog.Block{
		Name: name, From: span(strings.TrimSpace(from)), To: span(strings.TrimSpace(to)), When: when,
		Message: "It breaks " + name + ".", URL: "https://example.com/" + name,
	}
}

func is(f catalog.Fact, values ...string) catalog.Condition {
	return catalog.Condition{Fact: f, In: values}
}

// reasons of closings, in order.
func reasons(closings []graph.Closing) []string {
	var out []string
	for _, c := range closings {
		out = append(out, c.Reason)
	}
	return out
}

// route of a path as versions.
func route(p graph.Path) []string {
	if !p.Open() {
		return nil
	}
	out := []string{p.Edges[0].From.String()}
	for _, e := range p.Edges {
		out = append(out, e.To.String())
	}
	return out
}
