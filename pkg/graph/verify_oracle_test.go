package graph_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// brute looks at every state by asking for paths, with more patches and values than Verify takes to stand for the rest.
type brute struct {
	catalog.AddOn
	g     *graph.Graph
	found map[string]bool
}

func (b brute) find(property string, about any) { b.found[fmt.Sprint(property, " ", about)] = true }

func (b brute) minors() []version.Minor {
	named := map[uint64]bool{}
	for _, r := range b.Releases {
		for _, m := range r.ListedFor {
			named[m.Minor] = true
		}
		for _, x := range append([]version.Version{r.Kubernetes.Minimal, r.Kubernetes.Maximum}, r.Kubernetes.Exact...) {
			if !x.IsZero() {
				named[x.Minor().Minor] = true
			}
		}
	}
	var out []version.Minor
	for n := range uint64(100) {
		below, above := false, false
		for k := range named {
			below, above = below || k <= n, above || k >= n
		}
		if below && above {
			out = append(out, version.Minor{Major: 1, Minor: n})
		}
	}
	return out
}

// patches of a minor; the generators name 0 to 4.
func patches(m version.Minor) []version.Version {
	var out []version.Version
	for p := range 6 {
		out = append(out, v(fmt.Sprintf("%s.%d", m, p)))
	}
	return out
}

// facts gives every combination of values that the add-on could tell apart, on a Kubernetes version, and none.
func (b brute) facts(k version.Version) []catalog.Facts {
	out := []catalog.Facts{{}}
	if !k.IsZero() {
		out[0][catalog.FactKubernetes] = []string{k.String()}
	}
	for f, all := range values {
		named := f == catalog.FactRealm && slices.ContainsFunc(b.Releases, func(r catalog.Release) bool { return len(r.Realms) > 0 })
		for _, block := range b.Blocks {
			named = named || slices.ContainsFunc(block.When, func(c catalog.Condition) bool { return c.Fact == f })
		}
		if !named {
			continue
		}
		var next []catalog.Facts
		for _, known := range out {
			for _, value := range append(slices.Clip(all), "another") {
				more := catalog.Facts{f: {value}}
				maps.Copy(more, known)
				next = append(next, more)
			}
		}
		out = next
	}
	return append(out, nil)
}

func (b brute) run() {
	points, minors := []version.Version{{}}, b.minors()
	if len(minors) > 0 {
		points = nil
	}
	for _, m := range minors {
		points = append(points, patches(m)...)
	}
	for i, k := range points {
		for _, facts := range b.facts(k) {
			w := graph.Where{Kubernetes: k, Facts: facts, Assume: true}
			for _, r := range b.Releases {
				if slices.ContainsFunc(points[:i+1], func(k version.Version) bool { return admits(r, k) }) {
					b.state(r, w, minors)
				}
			}
		}
	}
	b.data(points, minors)
}

func admits(r catalog.Release, k version.Version) bool {
	_, ok := r.Kubernetes.Admit(k)
	return ok
}

// some tells whether a path leads from a release to another one that is wanted.
func (b brute) some(r catalog.Release, w graph.Where, want func(catalog.Release) bool) bool {
	return slices.ContainsFunc(b.Releases, func(x catalog.Release) bool {
		return want(x) && b.g.Path(r.Version, x.Version, w).Open()
	})
}

func (b brute) state(r catalog.Release, w graph.Where, minors []version.Minor) {
	supported := func(x catalog.Release) bool { return x.Status == catalog.Active && admits(x, w.Kubernetes) }
	if !supported(r) && !b.some(r, w, supported) {
		b.find("NoWayToSupported", r.Version)
	}
	if newest, ok := b.newestFor(r, w); ok && r.Status != catalog.Recalled && !b.g.Path(r.Version, newest, w).Open() {
		b.find("DeadEnd", r.Version)
	}
	b.wayBack(r, w)
	next := w.Kubernetes.Minor().Next()
	if !admits(r, w.Kubernetes) || !slices.Contains(minors, next) {
		return
	}
	admitsNext := func(x catalog.Release) bool {
		return slices.ContainsFunc(patches(next), func(k version.Version) bool { return admits(x, k) })
	}
	if !admitsNext(r) && !b.some(r, w, admitsNext) {
		b.find("UpgradeWithoutCNI", r.Version)
	}
}

func (b brute) newestFor(r catalog.Release, w graph.Where) (version.Version, bool) {
	for _, x := range b.Releases {
		elsewhere := len(x.Realms) > 0 && w.Facts["realm"] != nil && !slices.Contains(x.Realms, w.Facts["realm"][0])
		if !r.Version.Less(x.Version) || x.Status != catalog.Active || !admits(x, w.Kubernetes) || elsewhere {
			continue
		}
		if !slices.ContainsFunc(b.Blocks, func(block catalog.Block) bool {
			answer, _ := block.When.Hold(w.Facts)
			return len(block.When) > 0 && answer == catalog.Yes && block.Concerns(r.Version, x.Version)
		}) {
			return x.Version, true
		}
	}
	return version.Version{}, false
}

func (b brute) wayBack(r catalog.Release, w graph.Where) {
	if !b.g.Edge(version.Version{}, r.Version, w).Open() {
		return
	}
	for _, x := range b.Releases {
		e := b.g.Edge(r.Version, x.Version, w)
		if !e.Open() || !e.Forward {
			continue
		}
		unsettled := w
		unsettled.Unsettled = true
		if e.Back != catalog.OneWay && !b.g.Path(x.Version, r.Version, w).Open() ||
			e.During != catalog.OneWay && !b.g.Path(x.Version, r.Version, unsettled).Open() {
			b.find("NoWayBack", r.Version)
		}
	}
}

func (b brute) data(points []version.Version, minors []version.Minor) {
	if len(minors) == 0 {
		minors = []version.Minor{{}}
	}
	for _, m := range minors {
		on := ""
		if m.Major > 0 {
			on = m.String()
		}
		if !slices.ContainsFunc(points, func(k version.Version) bool {
			return k.Minor() == m && slices.ContainsFunc(b.Releases, func(r catalog.Release) bool { return r.Status == catalog.Active && admits(r, k) })
		}) {
			b.find("NothingToInstall", on)
		}
	}
	for _, block := range b.Blocks {
		lives := false
		for _, to := range b.Releases {
			lives = lives || block.Concerns(version.Version{}, to.Version)
			for _, from := range b.Releases {
				lives = lives || !from.Version.Equal(to.Version) && block.Concerns(from.Version, to.Version)
			}
		}
		if !lives {
			b.find("DeadData", block.Name)
		}
	}
	for _, s := range b.Rules.Stops {
		if !slices.ContainsFunc(b.Releases, func(r catalog.Release) bool { return s.At.Contains(r.Version) }) {
			b.find("DeadData", s.Reason)
		}
	}
}

// anySmallAddOn asks in its conditions for what brute goes through.
func anySmallAddOn(t *rapid.T) catalog.AddOn {
	a := anyAddOn(t, 5)
	a.NetworkType = catalog.FlannelOverlay
	for i := range a.Releases {
		if sometimes(t, 6, "listed") {
			a.Releases[i].ListedFor = []version.Minor{{Major: 1, Minor: uint64(29 + upTo(t, 6, "listed for"))}}
		}
	}
	for i, b := range a.Blocks {
		for k, c := range b.When {
			if c.Fact != catalog.FactKernel && c.Fact != catalog.FactTypha {
				continue
			}
			asked := catalog.Condition{Fact: catalog.FactKubernetes, AtLeast: v(oneOf(t, "at least", kubernetes[1:]...))}
			if sometimes(t, 2, "or below") {
				asked.Below, asked.AtLeast = asked.AtLeast, version.Version{}
			}
			a.Blocks[i].When[k] = asked
		}
	}
	return a
}

func TestVerifyFindsWhatLookingAtEveryStateFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if !sometimes(t, 20, "looked at") {
			return
		}
		a := anySmallAddOn(t)
		b := brute{AddOn: a, g: graph.New(a), found: map[string]bool{}}
		b.run()
		if diff := cmp.Diff(b.found, foundBy(verify(a))); diff != "" {
			t.Fatalf("broken properties (-brute +Verify):\n%s", diff)
		}
	})
}

// foundBy names the violations as brute does.
func foundBy(r graph.Report) map[string]bool {
	out := map[string]bool{}
	for _, found := range r.Violations {
		about := ""
		switch {
		case found.Path != nil:
			about = found.Path[0]
		case found.Property == graph.NothingToInstall:
			_, about, _ = strings.Cut(found.State, "Flannel on Kubernetes ")
		default:
			about = deadName.FindString(found.Text)
		}
		out[found.Property+" "+about] = true
	}
	return out
}

var deadName = regexp.MustCompile(`(Block|Stop)[0-9]+`)
