package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
)

// mutant is the shipped catalog with one fact of one add-on told otherwise.
type mutant struct {
	name   string
	addOn  string
	change func(*catalog.AddOn)
}

// Every fact of the shipped catalog that decides something is pinned: whoever changes one is told by a scenario, a line of
// testdata/tables, or catalog verify. Mutants that say the same as the catalog of every release and every move are not made.
func TestNoMutantOfTheShippedCatalogSurvives(t *testing.T) {
	t.Parallel()
	c := shipped(t)
	if r := graph.Verify(c); !r.OK() {
		t.Fatalf("the shipped catalog is not proved: %+v", r.Violations)
	}
	pinned := pinnedOf(t, c)
	all := mutants(c)
	if len(all) < 500 {
		t.Errorf("only %d mutants", len(all))
	}
	seen := map[string]bool{}
	for _, m := range all {
		if seen[m.name] {
			t.Errorf("two mutants are called %q", m.name)
		}
		seen[m.name] = true
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if killer := pinned[m.addOn].kill(m.mutate(c)); killer == "" {
				t.Error("nobody notices")
			} else {
				t.Log("noticed by", killer)
			}
		})
	}
}

// mutate makes the mutant's catalog.
func (m mutant) mutate(c *catalog.Catalog) *catalog.Catalog {
	out := clone(c)
	for i := range out.AddOns {
		if out.AddOns[i].Name == m.addOn {
			m.change(&out.AddOns[i])
		}
	}
	return out
}

// pinned is what is written down about an add-on.
type pinned struct {
	addOn     string
	scenarios []scenario
	// versions and moves are the lines of the tables.
	versions, moves []string
}

func pinnedOf(t *testing.T, c *catalog.Catalog) map[string]pinned {
	t.Helper()
	out := map[string]pinned{}
	for _, a := range c.AddOns {
		p := pinned{addOn: a.Name, versions: table(t, "versions.txt", a.Name), moves: table(t, "moves.txt", a.Name)}
		for _, file := range scenarioFiles(t) {
			for _, s := range file.list {
				if !s.own && strings.Contains(s.want, a.Name+" ") {
					p.scenarios = append(p.scenarios, s)
				}
			}
		}
		out[a.Name] = p
	}
	return out
}

// table reads the lines of an add-on, its name first, out of a table.
func table(t *testing.T, name, addOn string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "tables", name))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "\n"+addOn+"\n")
	if !found {
		t.Fatalf("%s has no %s", name, addOn)
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	return append([]string{addOn}, strings.Split(strings.TrimSuffix(rest, "\n"), "\n")...)
}

// kill names what notices that the catalog is another; empty when nothing does. The cheap ones are asked first.
func (p pinned) kill(c *catalog.Catalog) string {
	a, _ := c.AddOn(p.addOn)
	for i, line := range versionsOfAddOn(c, a) {
		if i >= len(p.versions) || p.versions[i] != line {
			return "versions: " + line
		}
	}
	for _, s := range p.scenarios {
		if play(s, c) != s.want {
			return "scenario " + s.String()
		}
	}
	i := 0
	for line := range movesOfAddOn(c, a) {
		if i++; i >= len(p.moves) || p.moves[i] != line {
			return "moves: " + line
		}
	}
	if r := graph.Verify(c); !r.OK() {
		return "verify: " + r.Violations[0].Property
	}
	return ""
}

func mutants(c *catalog.Catalog) []mutant {
	var out []mutant
	for _, a := range c.AddOns {
		for _, more := range [][]mutant{ofReleases(a), ofStepping(a), ofWaysBack(a), ofBlocks(a), ofHazards(a), ofEdges(a)} {
			for _, m := range more {
				m.name, m.addOn = a.Name+": "+m.name, a.Name
				out = append(out, m)
			}
		}
	}
	return out
}

// ofReleases flips statuses and mechanisms, moves the ends of filters by a minor, and takes releases and their needs away.
func ofReleases(a catalog.AddOn) []mutant {
	var out []mutant
	for i, r := range a.Releases {
		add := func(change func(*catalog.Release), format string, args ...any) {
			out = append(out, mutant{
				name:   fmt.Sprintf("release %s ", r.Version) + fmt.Sprintf(format, args...),
				change: func(a *catalog.AddOn) { change(&a.Releases[i]) },
			})
		}
		for _, s := range []catalog.Status{catalog.Active, catalog.Deprecated, catalog.Preview, catalog.Recalled} {
			if s != r.Status {
				add(func(r *catalog.Release) { r.Status = s }, "is %s", s)
			}
		}
		for _, m := range []catalog.Mechanism{catalog.RollingUpdate, catalog.OnDelete, catalog.OnReboot} {
			if m != r.Mechanism {
				add(func(r *catalog.Release) { r.Mechanism = m }, "is taken by %s", m)
			}
		}
		for _, by := range []int{-1, 1} {
			if !r.Kubernetes.Minimal.IsZero() {
				add(func(r *catalog.Release) { r.Kubernetes.Minimal = shifted(r.Kubernetes.Minimal, by) }, "is made for Kubernetes from %s on", shifted(r.Kubernetes.Minimal, by))
			}
			if !r.Kubernetes.Maximum.IsZero() {
				add(func(r *catalog.Release) { r.Kubernetes.Maximum = shifted(r.Kubernetes.Maximum, by) }, "is made for Kubernetes to %s", shifted(r.Kubernetes.Maximum, by))
			}
		}
		if !r.Kubernetes.IsZero() {
			add(func(r *catalog.Release) { r.Kubernetes = version.Filters{} }, "is made for every Kubernetes")
		}
		if len(r.Realms) > 0 {
			add(func(r *catalog.Release) { r.Realms = nil }, "is published everywhere")
		}
		for k := range r.Realms {
			add(func(r *catalog.Release) { r.Realms = slices.Delete(slices.Clone(r.Realms), k, k+1) }, "is not published in %s", r.Realms[k])
		}
		for need, take := range map[string]func(*catalog.NodeNeeds){
			"operating system": func(n *catalog.NodeNeeds) { n.OS = nil }, "architecture": func(n *catalog.NodeNeeds) { n.Architectures = nil },
			"kernel": func(n *catalog.NodeNeeds) { n.Kernel = version.Version{} }, "module": func(n *catalog.NodeNeeds) { n.Modules = nil },
		} {
			if less := r.Nodes; !sameNeeds(less, take) {
				add(func(r *catalog.Release) { take(&r.Nodes) }, "needs no %s", need)
			}
		}
		out = append(out, mutant{name: fmt.Sprintf("release %s is gone", r.Version), change: func(a *catalog.AddOn) { a.Releases = slices.Delete(a.Releases, i, i+1) }})
	}
	return out
}

func sameNeeds(n catalog.NodeNeeds, take func(*catalog.NodeNeeds)) bool {
	before := fmt.Sprint(n)
	take(&n)
	return fmt.Sprint(n) == before
}

// shifted moves a version by minors.
func shifted(v version.Version, by int) version.Version {
	m := v.Minor()
	return version.MustParse(fmt.Sprintf("%d.%d", m.Major, int(m.Minor)+by)) //nolint:gosec // minors are small
}

// ofStepping drops and narrows stops, and changes how many minors a step may cross.
func ofStepping(a catalog.AddOn) []mutant {
	var out []mutant
	for i, s := range a.Rules.Stops {
		out = append(out, mutant{name: "no stop " + s.Reason, change: func(a *catalog.AddOn) { a.Rules.Stops = slices.Delete(a.Rules.Stops, i, i+1) }})
		for name, at := range around(a, s.At) {
			same := true
			for _, m := range moves(a) {
				other := s
				other.At = at
				same = same && s.Jumped(m[0], m[1]) == other.Jumped(m[0], m[1])
			}
			if !same {
				out = append(out, mutant{name: "stop " + s.Reason + " " + name, change: func(a *catalog.AddOn) { a.Rules.Stops[i].At = at }})
			}
		}
	}
	for _, by := range []int{-1, 1} {
		most := a.Rules.MaxMinorStep + by
		if a.Rules.MaxMinorStep == 0 && by < 0 {
			continue
		}
		out = append(out, mutant{name: fmt.Sprintf("a step crosses %d minors at most", most), change: func(a *catalog.AddOn) { a.Rules.MaxMinorStep = most }})
	}
	if a.Rules.MaxMinorStep > 0 {
		out = append(out, mutant{name: "a step crosses any number of minors", change: func(a *catalog.AddOn) { a.Rules.MaxMinorStep = 0 }})
	}
	return out
}

// ofWaysBack flips the classes of the rules of the way back, and drops rules.
func ofWaysBack(a catalog.AddOn) []mutant {
	var out []mutant
	for i, r := range a.Rules.Back {
		name := fmt.Sprintf("rule %d of the way back ", i+1)
		if !speaks(a, i) {
			out = append(out, mutant{name: name + "says nothing", change: func(*catalog.AddOn) {}}) // dead data, and nobody would notice
			continue
		}
		for _, class := range []catalog.Class{catalog.Reversible, catalog.ReversibleWithLoss, catalog.OneWay} {
			if class != r.Class {
				out = append(out, mutant{name: name + "is " + string(class), change: func(a *catalog.AddOn) { a.Rules.Back[i].Class = class }})
			}
			if class != r.During() {
				out = append(out, mutant{name: name + "is " + string(class) + " until settled", change: func(a *catalog.AddOn) { a.Rules.Back[i].UntilSettled = class }})
			}
		}
		if changes(a, func(a *catalog.AddOn) { a.Rules.Back = slices.Delete(a.Rules.Back, i, i+1) }, backs) {
			out = append(out, mutant{name: name + "is gone", change: func(a *catalog.AddOn) { a.Rules.Back = slices.Delete(a.Rules.Back, i, i+1) }})
		}
		if !r.Crossing.IsZero() {
			for _, other := range a.Releases {
				change := func(a *catalog.AddOn) { a.Rules.Back[i].Crossing = other.Version }
				if neighbours(a, r.Crossing, other.Version) && changes(a, change, backs) {
					out = append(out, mutant{name: name + "is about crossing " + other.Version.String(), change: change})
				}
			}
		}
	}
	return out
}

// speaks tells whether a rule of the way back is the first that matches some move.
func speaks(a catalog.AddOn, rule int) bool {
	return slices.ContainsFunc(moves(a), func(m [2]version.Version) bool {
		return m[0].Less(m[1]) && slices.IndexFunc(a.Rules.Back, func(r catalog.BackRule) bool { return r.Matches(m[0], m[1]) }) == rule
	})
}

// backs is what the rules of the way back say of every move forwards, in one text.
func backs(a catalog.AddOn) string {
	out := ""
	for _, m := range moves(a) {
		i := slices.IndexFunc(a.Rules.Back, func(r catalog.BackRule) bool { return r.Matches(m[0], m[1]) })
		if m[0].Less(m[1]) && i >= 0 {
			out += string(a.Rules.Back[i].Class+a.Rules.Back[i].During()) + ";"
		} else if m[0].Less(m[1]) {
			out += "none;"
		}
	}
	return out
}

// changes tells whether a change is seen in what a function says of the add-on.
func changes(a catalog.AddOn, change func(*catalog.AddOn), says func(catalog.AddOn) string) bool {
	before := says(a)
	a.Rules.Back = slices.Clone(a.Rules.Back)
	change(&a)
	return says(a) != before
}

// ofBlocks drops blocks and their conditions, and moves their ends by a release.
func ofBlocks(a catalog.AddOn) []mutant {
	var out []mutant
	for i, b := range a.Blocks {
		out = append(out, mutant{name: "no block " + b.Name, change: func(a *catalog.AddOn) { a.Blocks = slices.Delete(a.Blocks, i, i+1) }})
		for k := range b.When {
			out = append(out, mutant{name: fmt.Sprintf("block %s whatever %s is", b.Name, b.When[k].Fact), change: func(a *catalog.AddOn) { a.Blocks[i].When = slices.Delete(a.Blocks[i].When, k, k+1) }})
		}
		for name, at := range around(a, b.From) {
			if other := b; !sameSteps(a, func(m [2]version.Version) bool { return b.Concerns(m[0], m[1]) }, func(m [2]version.Version) bool { other.From = at; return other.Concerns(m[0], m[1]) }) {
				out = append(out, mutant{name: "block " + b.Name + " from " + name, change: func(a *catalog.AddOn) { a.Blocks[i].From = at }})
			}
		}
		for name, at := range around(a, b.To) {
			if other := b; !sameSteps(a, func(m [2]version.Version) bool { return b.Concerns(m[0], m[1]) }, func(m [2]version.Version) bool { other.To = at; return other.Concerns(m[0], m[1]) }) {
				out = append(out, mutant{name: "block " + b.Name + " to " + name, change: func(a *catalog.AddOn) { a.Blocks[i].To = at }})
			}
		}
	}
	return out
}

// ofHazards drops hazards and their conditions, moves their ends by a release, and flips what they stop.
func ofHazards(a catalog.AddOn) []mutant {
	var out []mutant
	for i, h := range a.Hazards {
		add := func(change func(*catalog.Hazard), format string, args ...any) {
			out = append(out, mutant{name: "hazard " + h.Name + " " + fmt.Sprintf(format, args...), change: func(a *catalog.AddOn) { change(&a.Hazards[i]) }})
		}
		out = append(out, mutant{name: "no hazard " + h.Name, change: func(a *catalog.AddOn) { a.Hazards = slices.Delete(a.Hazards, i, i+1) }})
		add(func(h *catalog.Hazard) { h.Blocking = !h.Blocking }, "stops: %v", !h.Blocking)
		add(func(h *catalog.Hazard) { h.Minor = !h.Minor }, "is minor: %v", !h.Minor)
		for k := range h.When {
			add(func(h *catalog.Hazard) { h.When = slices.Delete(h.When, k, k+1) }, "whatever %s is", h.When[k].Fact)
		}
		concerns := func(h catalog.Hazard) func([2]version.Version) bool {
			return func(m [2]version.Version) bool { return h.Concerns(m[0], m[1]) }
		}
		ranges := func(change func(*catalog.Hazard), name string) {
			other := h
			if change(&other); !sameSteps(a, concerns(h), concerns(other)) {
				add(change, "%s", name)
			}
		}
		for name, at := range around(a, h.From) {
			ranges(func(h *catalog.Hazard) { h.From = at }, "from "+name)
		}
		for name, at := range around(a, h.To) {
			ranges(func(h *catalog.Hazard) { h.To = at }, "to "+name)
		}
		ranges(func(h *catalog.Hazard) { h.OnInstall = !h.OnInstall }, fmt.Sprintf("on installing: %v", !h.OnInstall))
	}
	return out
}

// ofEdges closes each step that is open on the newest Kubernetes.
func ofEdges(a catalog.AddOn) []mutant {
	var out []mutant
	g := graph.New(a)
	well := installation(&catalog.Catalog{AddOns: []catalog.AddOn{a}}, a, version.MustParse("1.36.1"))
	for _, m := range moves(a) {
		if m[0].IsZero() || !g.Edge(m[0], m[1], graph.Where{Kubernetes: well.Cluster.Kubernetes, Facts: well.Cluster.Facts}).Open() {
			continue
		}
		closed := catalog.Block{Name: "Mutant", From: version.Range{Minimal: m[0], Maximum: m[0]}, To: version.Range{Minimal: m[1], Maximum: m[1]}}
		out = append(out, mutant{name: fmt.Sprintf("no step from %s to %s", m[0], m[1]), change: func(a *catalog.AddOn) { a.Blocks = append(a.Blocks, closed) }})
	}
	return out
}

// moves are all pairs of releases, and the installations.
func moves(a catalog.AddOn) [][2]version.Version {
	out := make([][2]version.Version, 0, len(a.Releases)*(len(a.Releases)+1))
	for _, to := range a.Releases {
		out = append(out, [2]version.Version{{}, to.Version})
		for _, from := range a.Releases {
			if !from.Version.Equal(to.Version) {
				out = append(out, [2]version.Version{from.Version, to.Version})
			}
		}
	}
	return out
}

// sameSteps tells whether two things are said of the same steps: moves that are no single step are never judged.
func sameSteps(a catalog.AddOn, p, q func([2]version.Version) bool) bool {
	most := uint64(a.Rules.MaxMinorStep) //nolint:gosec // a step limit is small
	return !slices.ContainsFunc(moves(a), func(m [2]version.Version) bool {
		low, high := min(m[0].Minor().Minor, m[1].Minor().Minor), max(m[0].Minor().Minor, m[1].Minor().Minor)
		tooFar := most > 0 && !m[0].IsZero() && (m[0].Minor().Major != m[1].Minor().Major || high-low > most)
		jumps := slices.ContainsFunc(a.Rules.Stops, func(s catalog.Stop) bool { return s.Jumped(m[0], m[1]) })
		return !tooFar && !jumps && p(m) != q(m)
	})
}

// around are a range with either end moved so far that one more or one fewer release lies in it, by what is done.
func around(a catalog.AddOn, r version.Range) map[string]version.Range {
	out := map[string]version.Range{}
	var in, below, above []version.Version // oldest first
	for _, release := range slices.Backward(a.Releases) {
		switch v := release.Version; {
		case r.IsZero() || r.Contains(v):
			in = append(in, v)
		case r.Below(v):
			below = append(below, v)
		default:
			above = append(above, v)
		}
	}
	add := func(name string, minimal, maximum version.Version) {
		out[name] = version.Range{Minimal: minimal, Maximum: maximum}
	}
	if len(below) > 0 {
		add("one more below", below[len(below)-1], r.Maximum)
	}
	if len(above) > 0 {
		add("one more above", r.Minimal, above[0])
	}
	if len(in) > 1 {
		add("one fewer below", in[1], r.Maximum)
		add("one fewer above", r.Minimal, in[len(in)-2])
	}
	return out
}

// neighbours tells whether no release lies between two versions.
func neighbours(a catalog.AddOn, v, w version.Version) bool {
	return !v.Equal(w) && !slices.ContainsFunc(a.Releases, func(r catalog.Release) bool {
		return v.Less(r.Version) && r.Version.Less(w) || w.Less(r.Version) && r.Version.Less(v)
	})
}
