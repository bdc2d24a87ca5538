package graph

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// point is a Kubernetes version that stands for all that the releases cannot tell from it.
type point struct {
	minor version.Minor
	at    version.Version
}

func (p point) String() string {
	if p.at.IsZero() {
		return "any Kubernetes"
	}
	return "Kubernetes " + p.at.Core()
}

// minorText names the minor alone.
func (p point) minorText() string {
	if p.at.IsZero() {
		return p.String()
	}
	return "Kubernetes " + p.minor.String()
}

// supports tells whether a release is an ACTIVE one for the point, read plainly.
func (p point) supports(r catalog.Release) bool {
	_, ok := r.Kubernetes.Admit(p.at)
	return ok && r.Status == catalog.Active
}

// maxMinors bounds what a catalog with absurd filters costs; beyond it only minors are looked at that are named.
const maxMinors = 256

// minorsOf lists the minors from the lowest to the highest that the releases name, within each major.
func minorsOf(a catalog.AddOn) []version.Minor {
	var named []version.Minor
	for _, r := range a.Releases {
		named = append(named, r.ListedFor...)
		for _, v := range append([]version.Version{r.Kubernetes.Minimal, r.Kubernetes.Maximum}, r.Kubernetes.Exact...) {
			if !v.IsZero() {
				named = append(named, v.Minor())
			}
		}
	}
	slices.SortFunc(named, version.Minor.Compare)
	named = slices.Compact(named)
	var out []version.Minor
	for i, m := range named {
		if i > 0 && named[i-1].Major == m.Major && m.Minor-named[i-1].Minor < maxMinors {
			for between := named[i-1].Next(); between != m; between = between.Next() {
				out = append(out, between)
			}
		}
		out = append(out, m)
	}
	return out
}

// pointsOf gives each minor as many points as filters and conditions tell its patches apart: one, unless they name patches.
func pointsOf(a catalog.AddOn, minors []version.Minor) []point {
	if len(minors) == 0 {
		return []point{{}}
	}
	patches := map[version.Minor][]version.Version{}
	for _, v := range patchesOf(a) {
		patches[v.Minor()] = append(patches[v.Minor()], v)
	}
	var out []point
	for _, m := range minors {
		if len(patches[m]) == 0 {
			out = append(out, point{m, version.MustParse(m.String())})
			continue
		}
		at := slices.Concat(patches[m], []version.Version{version.MustParse(m.String() + ".0")})
		slices.SortFunc(at, version.Compare)
		for _, v := range slices.CompactFunc(at, version.Version.Equal) {
			out = append(out, point{m, v})
		}
	}
	return out
}

// patchesOf lists the patches at which some filter or condition changes its answer.
func patchesOf(a catalog.AddOn) []version.Version {
	var out []version.Version
	from := func(v version.Version) {
		if v.HasPatch() {
			out = append(out, version.MustParse(v.Core()))
		}
	}
	after := func(v version.Version) {
		if v.HasPatch() {
			out = append(out, nextPatch(v))
		}
	}
	for _, r := range a.Releases {
		from(r.Kubernetes.Minimal)
		after(r.Kubernetes.Maximum)
		for _, v := range r.Kubernetes.Exact {
			from(v)
			after(v)
		}
	}
	for _, b := range a.Blocks {
		for _, c := range b.When {
			if c.Fact == catalog.FactKubernetes {
				from(c.Below)
				from(c.AtLeast)
			}
		}
	}
	return out
}

// nextPatch of 1.33.4 is 1.33.5.
func nextPatch(v version.Version) version.Version {
	core := v.Core()
	dot := strings.LastIndexByte(core, '.')
	patch, _ := strconv.ParseUint(core[dot+1:], 10, 64) // Core writes a number there
	return version.MustParse(fmt.Sprintf("%s.%d", core[:dot], patch+1))
}

// axis is a fact with values that stand for all of its values, as far as the catalog can tell them apart.
type axis struct {
	fact   catalog.Fact
	values []value
}

// value of a fact, and how a person calls it.
type value struct{ text, name string }

// axesOf lists the facts that the blocks' conditions and the realms name, sorted; Kubernetes is told by the points.
func axesOf(a catalog.AddOn) []axis {
	names := map[catalog.Fact][]string{}
	bounds := map[catalog.Fact][]version.Version{}
	for _, r := range a.Releases {
		if len(r.Realms) > 0 {
			names[catalog.FactRealm] = append(names[catalog.FactRealm], r.Realms...)
		}
	}
	for _, b := range a.Blocks {
		for _, c := range b.When {
			names[c.Fact] = append(append(names[c.Fact], c.In...), c.NotIn...)
			for _, v := range []version.Version{c.Below, c.AtLeast} {
				if !v.IsZero() {
					bounds[c.Fact] = append(bounds[c.Fact], v)
				}
			}
		}
	}
	delete(names, catalog.FactKubernetes)
	out := make([]axis, 0, len(names))
	for _, f := range slices.Sorted(maps.Keys(names)) {
		out = append(out, axis{f, valuesOf(f, names[f], bounds[f])})
	}
	return out
}

// valuesOf are the names, sorted, and one that is not among them; for a fact that is compared as a version, each bound and one
// version before them.
func valuesOf(f catalog.Fact, names []string, bounds []version.Version) []value {
	var out []value
	slices.Sort(names)
	names = slices.Compact(names)
	for _, n := range names {
		out = append(out, value{n, fmt.Sprintf("%s=%s", f, n)})
	}
	if len(bounds) == 0 {
		other := "other"
		for slices.Contains(names, other) {
			other += "-other"
		}
		return append(out, value{other, fmt.Sprintf("%s=%s", f, other)})
	}
	slices.SortFunc(bounds, version.Version.CompareCore)
	bounds = slices.CompactFunc(bounds, func(a, b version.Version) bool { return a.CompareCore(b) == 0 })
	if least := version.MustParse("0.0"); bounds[0].CompareCore(least) > 0 {
		out = append(out, value{least.Core(), fmt.Sprintf("%s before %s", f, bounds[0].Core())})
	}
	for _, v := range bounds {
		if !slices.Contains(names, v.Core()) {
			out = append(out, value{v.Core(), fmt.Sprintf("%s=%s", f, v.Core())})
		}
	}
	return out
}

// class of clusters, by what is known of them.
type class struct {
	// values of the axes, or unknown.
	values []int
	// kubernetes : conditions may ask for the API server's version.
	kubernetes bool
}

const unknown = -1

// maxClasses is how many combinations of facts are looked at.
const maxClasses = 256

// classesOf combines the values of the axes. The first class is that of which nothing is known.
func classesOf(axes []axis, kubernetes bool) (out []class, partial bool) {
	nothing := slices.Repeat([]int{unknown}, len(axes))
	out = []class{{values: nothing}}
	if len(axes) == 0 && !kubernetes {
		return out, false
	}
	combinations := 1
	for _, a := range axes {
		if combinations *= len(a.values); combinations > maxClasses {
			return append(out, oneByOne(axes, nothing, kubernetes)...), true
		}
	}
	all := []class{{kubernetes: true}}
	for _, a := range axes {
		var next []class
		for _, c := range all {
			for v := range a.values {
				next = append(next, class{append(slices.Clip(c.values), v), true})
			}
		}
		all = next
	}
	return append(out, all...), false
}

// oneByOne gives each value of each axis a class of its own, in which at most Kubernetes is known besides.
func oneByOne(axes []axis, nothing []int, kubernetes bool) []class {
	var out []class
	if kubernetes {
		out = append(out, class{nothing, true})
	}
	for i, a := range axes {
		for v := range a.values {
			values := slices.Clone(nothing)
			values[i] = v
			out = append(out, class{values, true})
		}
	}
	return out
}

// facts of a class on a Kubernetes version.
func (c class) facts(axes []axis, k point) catalog.Facts {
	out := catalog.Facts{}
	if c.kubernetes && !k.at.IsZero() {
		out[catalog.FactKubernetes] = []string{k.at.String()}
	}
	for i, v := range c.values {
		if v != unknown {
			out[axes[i].fact] = []string{axes[i].values[v].text}
		}
	}
	return out
}

// text of a class behind other words: ", os=OL7".
func (c class) text(axes []axis) string {
	var b strings.Builder
	for i, v := range c.values {
		if v != unknown {
			b.WriteString(", " + axes[i].values[v].name)
		}
	}
	return b.String()
}
