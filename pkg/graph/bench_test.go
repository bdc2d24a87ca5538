package graph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
)

// big is an add-on of n releases, 25 of each minor, with steps of two minors, a required stop every tenth minor, and blocks
// that mostly have conditions. A catalog of this kind is proven: releases are admitted over many minors.
func big(n, blocks int) catalog.AddOn {
	random := rand.New(rand.NewPCG(1, 2))
	a := catalog.AddOn{Name: "Big", NetworkType: catalog.FlannelOverlay}
	a.Rules.MaxMinorStep = 2
	for i := range n {
		r := release(fmt.Sprintf("0.%d.%d for 1.25..", i/25, i%25))
		if random.IntN(4) == 0 {
			r.Status = catalog.Deprecated
		}
		r.ListedFor = []version.Minor{{Major: 1, Minor: 36}}
		a.Releases = append(a.Releases, r)
	}
	slices.Reverse(a.Releases)
	for m := 10; m < n/25; m += 10 {
		a.Rules.Stops = append(a.Rules.Stops, catalog.Stop{
			At: span(fmt.Sprintf("0.%d.0..0.%d", m, m)), Reason: fmt.Sprint("Stop", m), Message: "Everything changes.",
		})
	}
	a.Rules.Back = []catalog.BackRule{
		{Crossing: v("0.10.0"), Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss, Message: "Data is written anew."},
		{WithinMinor: true, Class: catalog.Reversible, Message: "Nothing changes."},
		{Class: catalog.ReversibleWithLoss, Message: "Rules are filled again."},
	}
	for i := range blocks {
		a.Blocks = append(a.Blocks, bigBlock(random, i, n))
	}
	return a
}

// bigBlock closes the steps from up to ten releases to up to ten later ones, one in ten without a condition.
func bigBlock(random *rand.Rand, i, n int) catalog.Block {
	at := func(k int) string { return fmt.Sprintf("0.%d.%d", k/25, k%25) }
	from := random.IntN(max(1, n-39))
	to := from + 10 + random.IntN(20)
	b := block(fmt.Sprintf("Block%04d: %s..%s -> %s..%s", i, at(from), at(from+random.IntN(10)), at(to), at(to+random.IntN(10))))
	facts := []catalog.Fact{catalog.FactOS, catalog.FactIptables, catalog.FactKubeProxyMode}
	values := [][]string{{"OL7", "OL8", "OL9"}, {"nft", "legacy"}, {"iptables", "ipvs", "nftables"}}
	for k := range facts {
		if i%10 != 0 && random.IntN(2) == 0 {
			b.When = append(b.When, is(facts[k], values[k][random.IntN(len(values[k]))]))
		}
	}
	if len(b.When) == 0 && i%10 != 0 {
		b.When = catalog.Conditions{{Fact: catalog.FactKernel, Below: v("5.4")}}
	}
	return b
}

var somewhere = graph.Where{
	Kubernetes: v("v1.34.2"), Kubelets: vs("v1.34.2", "v1.33.4"),
	Facts: catalog.Facts{catalog.FactOS: {"OL8"}, catalog.FactIptables: {"nft"}, catalog.FactKubeProxyMode: {"ipvs"}, catalog.FactKernel: {"5.15"}},
}

func BenchmarkEdge(b *testing.B) {
	a := big(20, 20)
	g := graph.New(a)
	b.ReportAllocs()
	for b.Loop() {
		g.Edge(a.Releases[5].Version, a.Releases[0].Version, somewhere)
	}
}

func BenchmarkPathOver2000Releases(b *testing.B) {
	a := big(2000, 200)
	g, from, to := graph.New(a), a.Releases[1999].Version, a.Releases[0].Version
	p := g.Path(from, to, somewhere)
	b.Logf("%d steps", len(p.Edges))
	b.ReportAllocs()
	for b.Loop() {
		g.Path(from, to, somewhere)
	}
}

func BenchmarkPathBackOver2000Releases(b *testing.B) {
	a := big(2000, 200)
	g, from, to := graph.New(a), a.Releases[0].Version, a.Releases[1700].Version
	p := g.Path(from, to, somewhere)
	b.Logf("%d steps", len(p.Edges))
	b.ReportAllocs()
	for b.Loop() {
		g.Path(from, to, somewhere)
	}
}

func BenchmarkNoPathOver2000Releases(b *testing.B) {
	a := big(2000, 200)
	a.Blocks = append(a.Blocks, block("Wall: ..0.40 -> 0.41.."))
	g, from, to := graph.New(a), a.Releases[1999].Version, a.Releases[0].Version
	b.Log(reasons(g.Path(from, to, somewhere).Why))
	b.ReportAllocs()
	for b.Loop() {
		g.Path(from, to, somewhere)
	}
}

func BenchmarkTargetsOf20Releases(b *testing.B) {
	a := big(20, 20)
	g := graph.New(a)
	b.ReportAllocs()
	for b.Loop() {
		g.Targets(a.Releases[10].Version, somewhere)
	}
}

func BenchmarkVerify500Releases2000Blocks(b *testing.B) {
	c := &catalog.Catalog{AddOns: []catalog.AddOn{big(500, 2000)}}
	r := graph.Verify(c)
	b.Logf("%d violations, %d states, %d moves, %d classes", len(r.Violations), r.AddOns[0].States, r.AddOns[0].Moves, r.AddOns[0].Classes)
	if len(r.Violations) > 0 {
		b.Log(r.Violations[0])
	}
	b.ReportAllocs()
	for b.Loop() {
		graph.Verify(c)
	}
}
