package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// largeAddOn has so many releases that their sets take several words.
func largeAddOn(t *rapid.T) catalog.AddOn {
	a := anyAddOn(t, 1)
	a.Releases = nil
	for n := range 66 + upTo(t, 10, "releases") {
		r := anyRelease(t, v(fmt.Sprintf("0.%d.%d", n/10, n%10)))
		r.Kubernetes = version.Filters{}
		a.Releases = append(a.Releases, r)
	}
	slices.Reverse(a.Releases)
	for i := range 12 {
		a.Blocks = append(a.Blocks, anyBlock(t, 10+i))
	}
	for i := range a.Blocks {
		a.Blocks[i].When = a.Blocks[i].When[:0]
	}
	return a
}

// steps counts the steps of the shortest way by going from every release that was reached to every one that a step leads to;
// -1 when there is none.
func steps(a catalog.AddOn, from, to version.Version, w graph.Where) int {
	g, reached, left := graph.New(a), []version.Version{from}, slices.Clone(a.Releases)
	for n := 1; len(reached) > 0; n++ {
		var next []version.Version
		left = slices.DeleteFunc(left, func(r catalog.Release) bool {
			between := from.Less(r.Version) && r.Version.Less(to) || to.Less(r.Version) && r.Version.Less(from)
			last := r.Version.Equal(to)
			if !last && (!between || r.Status == catalog.Preview) {
				return true
			}
			open := slices.ContainsFunc(reached, func(at version.Version) bool {
				return at.Less(r.Version) == from.Less(to) && g.Edge(at, r.Version, w).Open()
			})
			if open {
				next = append(next, r.Version)
			}
			return open
		})
		if slices.ContainsFunc(next, to.Equal) {
			return n
		}
		reached = next
	}
	return -1
}

func TestALargeAddOnIsSearchedLikeASmallOne(t *testing.T) {
	t.Parallel()
	add := rapid.Custom(largeAddOn)
	where := rapid.Custom(anyWhere)
	found := 0
	for seed := range 40 {
		a, w := add.Example(seed), where.Example(seed)
		newest, oldest := a.Releases[0].Version, a.Releases[len(a.Releases)-1].Version
		for _, ends := range [][2]version.Version{{oldest, newest}, {newest, oldest}, {a.Releases[65].Version, a.Releases[60].Version}} {
			want, p := steps(a, ends[0], ends[1], w), graph.New(a).Path(ends[0], ends[1], w)
			if want == -1 && p.Open() || want != -1 && len(p.Edges) != want {
				t.Errorf("seed %d, %s to %s: %d steps, want %d", seed, ends[0], ends[1], len(p.Edges), want)
			}
			found = max(found, want)
		}
	}
	if found < 3 {
		t.Errorf("the longest way that was found has %d steps: the add-ons are too easy", found)
	}
}

func TestALargeAddOnIsProvenLikeASmallOne(t *testing.T) {
	t.Parallel()
	add := rapid.Custom(largeAddOn)
	for seed := range 2 {
		a := add.Example(seed)
		a.NetworkType = catalog.FlannelOverlay
		b := brute{AddOn: a, g: graph.New(a), found: map[string]bool{}}
		b.run()
		if diff := cmp.Diff(b.found, foundBy(verify(a))); diff != "" {
			t.Errorf("seed %d: broken properties (-brute +Verify):\n%s", seed, diff)
		}
	}
}
