package graph_test

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// oracle answers what the package answers, naively: it writes out every way there is, one step longer at a time, and asks of
// every step each rule in the words of the documentation.
type oracle struct {
	a catalog.AddOn
	w graph.Where
	// start of all ways: nodes may still be taking it, and nothing else that a way leaves.
	start version.Version
	// judged remembers what closes a step.
	judged map[judgedStep][]string
}

type judgedStep struct {
	from, to string
	last     bool
}

func newOracle(a catalog.AddOn, start version.Version, w graph.Where) oracle {
	return oracle{a, w, start, map[judgedStep][]string{}}
}

func (o oracle) closed(from version.Version, r catalog.Release, last bool) []string {
	key := judgedStep{from.String(), r.Version.String(), last}
	closed, ok := o.judged[key]
	if !ok {
		closed, _ = o.step(from, r, last)
		o.judged[key] = closed
	}
	return closed
}

// core numbers of a version.
func core(v version.Version) [3]int {
	var n [3]int
	if v.IsZero() {
		return n
	}
	for i, number := range strings.Split(v.Core(), ".") {
		n[i], _ = strconv.Atoi(number)
	}
	return n
}

func below(v version.Version, r version.Range) bool {
	lo, n := core(r.Minimal), core(v)
	return !r.Minimal.IsZero() && slices.Compare(n[:], lo[:]) < 0
}

func above(v version.Version, r version.Range) bool {
	hi, n := core(r.Maximum), core(v)
	length := 3
	if !r.Maximum.HasPatch() {
		length = 2
	}
	return !r.Maximum.IsZero() && slices.Compare(n[:length], hi[:length]) > 0
}

func within(v version.Version, r version.Range) bool {
	return !v.IsZero() && !below(v, r) && !above(v, r)
}

// enter tells why a release may not be entered.
func (o oracle) enter(r catalog.Release, last bool) (closed, assumed []string) {
	if r.Status == catalog.Recalled {
		closed = append(closed, "Recalled")
	}
	if o.w.Automatic && r.Status != catalog.Active {
		closed = append(closed, "NotActive")
	}
	if r.Status == catalog.Preview && !last {
		closed = append(closed, "PreviewPassed")
	}
	if _, ok := r.Kubernetes.Admit(o.w.Kubernetes); !ok {
		closed = append(closed, "KubernetesOutOfRange")
	}
	for _, k := range o.w.Kubelets {
		if _, ok := r.Kubernetes.Admit(k); !ok {
			closed = append(closed, "KubeletOutOfRange")
			break
		}
	}
	if len(r.Realms) == 0 {
		return closed, assumed
	}
	elsewhere, unsure := false, len(o.w.Facts["realm"]) == 0
	for _, realm := range o.w.Facts["realm"] {
		unsure = unsure || realm == ""
		elsewhere = elsewhere || realm != "" && !slices.Contains(r.Realms, realm)
	}
	switch {
	case elsewhere, unsure && !o.w.Assume:
		closed = append(closed, "NotInRealm")
	case unsure:
		assumed = append(assumed, "NotInRealm")
	}
	return closed, assumed
}

// far tells why a step is too far.
func (o oracle) far(from, to version.Version) (closed []string) {
	if from.IsZero() {
		return nil
	}
	if n := o.a.Rules.MaxMinorStep; n > 0 {
		a, b := core(from), core(to)
		if d := a[1] - b[1]; a[0] != b[0] || d > n || -d > n {
			closed = append(closed, "MinorStep")
		}
	}
	for _, s := range o.a.Rules.Stops {
		if below(from, s.At) && above(to, s.At) || below(to, s.At) && above(from, s.At) {
			closed = append(closed, s.Reason)
		}
	}
	return closed
}

func (o oracle) blocked(from, to version.Version) (closed, assumed []string) {
	for _, b := range o.a.Blocks {
		if !within(to, b.To) || b.From != (version.Range{}) && !within(from, b.From) {
			continue
		}
		switch answer, _ := b.When.Hold(o.w.Facts); {
		case answer == catalog.No:
		case answer == catalog.Unknown && o.w.Assume:
			assumed = append(assumed, b.Name)
		default:
			closed = append(closed, b.Name)
		}
	}
	slices.Sort(closed)
	slices.Sort(assumed)
	return closed, assumed
}

// back is the class of the way back of a forward move.
func (o oracle) back(older, newer version.Version) (class, during catalog.Class) {
	if older.IsZero() {
		return catalog.OneWay, catalog.OneWay
	}
	a, b := core(older), core(newer)
	for _, r := range o.a.Rules.Back {
		x := core(r.Crossing)
		crosses := r.Crossing.IsZero() || slices.Compare(a[:], x[:]) < 0 && slices.Compare(b[:], x[:]) >= 0
		if crosses && (!r.WithinMinor || a[0] == b[0] && a[1] == b[1]) {
			return r.Class, cmp.Or(r.UntilSettled, r.Class)
		}
	}
	return catalog.OneWay, catalog.OneWay
}

// step tells why a step to a release is closed.
func (o oracle) step(from version.Version, r catalog.Release, last bool) (closed, assumed []string) {
	closed, assumed = o.enter(r, last)
	closed = append(closed, o.far(from, r.Version)...)
	c, s := o.blocked(from, r.Version)
	closed, assumed = append(closed, c...), append(assumed, s...)
	if r.Version.Less(from) {
		class, during := o.back(r.Version, from)
		if o.w.Unsettled && from.Equal(o.start) {
			class = during
		}
		if class == catalog.OneWay {
			closed = append(closed, "NoWayBack")
		}
		if o.w.Automatic {
			closed = append(closed, "Backwards")
		}
	}
	return closed, assumed
}

// way is a way that is being written out.
type way struct {
	stops          []catalog.Release
	closed         []string
	bad, notActive int
}

// ways writes out all ways of as many steps between two versions whose steps may be taken, from the shortest to the longest
// there can be; yield ends it by returning false.
func (o oracle) ways(from version.Version, to catalog.Release, may func(from version.Version, r catalog.Release, last bool) bool, yield func([]way) bool) {
	partial := []way{{}}
	for len(partial) > 0 {
		var longer, whole []way
		for _, w := range partial {
			at := from
			if n := len(w.stops); n > 0 {
				at = w.stops[n-1].Version
			}
			for _, r := range o.a.Releases {
				last := r.Version.Equal(to.Version)
				between := at.Less(r.Version) && r.Version.Less(to.Version) || to.Version.Less(r.Version) && r.Version.Less(at)
				if !last && !between || !may(at, r, last) {
					continue
				}
				next := way{stops: append(slices.Clip(w.stops), r), closed: slices.Clip(w.closed), bad: w.bad, notActive: w.notActive}
				if closed := o.closed(at, r, last); len(closed) > 0 {
					next.closed, next.bad = append(next.closed, closed...), next.bad+1
				}
				if last {
					whole = append(whole, next)
				} else {
					if r.Status != catalog.Active {
						next.notActive++
					}
					longer = append(longer, next)
				}
			}
		}
		if !yield(whole) {
			return
		}
		partial = longer
	}
}

// prefer orders ways by closed steps, steps, passed releases that are not ACTIVE, and then the newest passed ones.
func prefer(a, b way) int {
	return cmp.Or(cmp.Compare(a.bad, b.bad), cmp.Compare(len(a.stops), len(b.stops)), cmp.Compare(a.notActive, b.notActive),
		slices.CompareFunc(a.stops, b.stops, func(x, y catalog.Release) int { return y.Version.Compare(x.Version) }))
}

// path gives the versions of the best way, or why there is none.
func (o oracle) path(from, to version.Version) (versions, why []string) {
	if !from.IsZero() && from.Equal(to) {
		return nil, []string{"SameRelease"}
	}
	goal, ok := o.a.Find(to)
	if !ok {
		return nil, []string{"UnknownRelease"}
	}
	direct, _ := o.step(from, goal, true)
	if from.IsZero() {
		if len(direct) > 0 {
			return nil, direct
		}
		return []string{"", goal.Version.String()}, nil
	}
	open := func(at version.Version, r catalog.Release, last bool) bool {
		return len(o.closed(at, r, last)) == 0
	}
	var best []way
	o.ways(from, goal, open, func(whole []way) bool { best = whole; return len(whole) == 0 })
	if len(best) > 0 {
		versions = []string{from.String()}
		for _, r := range slices.MinFunc(best, prefer).stops {
			versions = append(versions, r.Version.String())
		}
		return versions, nil
	}
	if len(o.far(from, goal.Version)) < len(direct) {
		return nil, direct
	}
	var near []way
	short := func(at version.Version, r catalog.Release, _ bool) bool { return len(o.far(at, r.Version)) == 0 }
	o.ways(from, goal, short, func(whole []way) bool { near = append(near, whole...); return true })
	if len(near) == 0 {
		return nil, direct
	}
	return nil, slices.MinFunc(near, prefer).closed
}

// The generators draw from few values, so that rules meet, and close little, so that there are ways to find.

// upTo draws a number less than n. Rapid's own ranges prefer small numbers so much that large add-ons would be rare.
func upTo(t *rapid.T, n int, name string) int {
	return int(rapid.Uint64().Draw(t, name) % uint64(n))
}

func oneOf[T any](t *rapid.T, name string, all ...T) T { return all[upTo(t, len(all), name)] }

// sometimes is true once in n.
func sometimes(t *rapid.T, n int, name string) bool { return upTo(t, n, name) == n-1 }

func anyVersion(t *rapid.T, name string) version.Version {
	build := oneOf(t, name+" build", "", "", "", "", "-1", "-2", "-multiarch-9", "-multiarch-12")
	major := 0
	if sometimes(t, 6, name+" major") {
		major = 1
	}
	return v(fmt.Sprintf("%d.%d.%d%s", major, upTo(t, 6, name+" minor"), upTo(t, 3, name+" patch"), build))
}

// anyEnd is an end of a range: open, a minor or a patch.
func anyEnd(t *rapid.T, name string) version.Version {
	switch w := anyVersion(t, name); upTo(t, 5, name+" form") {
	case 0:
		return version.Version{}
	case 1, 2:
		return v(w.Minor().String())
	default:
		return v(w.Core())
	}
}

func anyRange(t *rapid.T, name string) version.Range {
	r := version.Range{Minimal: anyEnd(t, name+" from"), Maximum: anyEnd(t, name+" to")}
	if r.Validate() != nil {
		r.Minimal, r.Maximum = r.Maximum, r.Minimal
	}
	return r
}

// narrow is a range of a minor, or of a patch.
func narrow(t *rapid.T, name string) version.Range {
	w := anyVersion(t, name)
	if sometimes(t, 3, name+" is a patch") {
		return span(w.Core())
	}
	return span(w.Minor().String() + ".0.." + w.Minor().String())
}

var kubernetes = []string{"", "1.30", "1.31", "1.31.4", "1.32", "1.33.2"}

func anyFilters(t *rapid.T, name string) version.Filters {
	if !sometimes(t, 4, name+" is for some Kubernetes") {
		return version.Filters{}
	}
	f := version.Filters{Minimal: v(oneOf(t, name+" minimal", kubernetes...)), Maximum: v(oneOf(t, name+" maximum", kubernetes...))}
	if f.Validate() != nil {
		f.Minimal, f.Maximum = f.Maximum, f.Minimal
	}
	if sometimes(t, 8, name+" exact") {
		f.Exact = vs("1.31", "1.33.2")
	}
	return f
}

var values = map[catalog.Fact][]string{
	"os": {"OL7", "OL8", "Ubuntu"}, "realm": {"OC1", "OC2", "OC3"}, "kernel": {"4.1", "5.4.17", "5.15"}, "typha": {"true", "false"},
}

func anyCondition(t *rapid.T, name string) catalog.Condition {
	f := oneOf(t, name, slices.Sorted(maps.Keys(values))...)
	x := oneOf(t, name+" value", values[f]...)
	c := catalog.Condition{Fact: f}
	kind := upTo(t, 2, name+" kind")
	switch {
	case f == catalog.FactKernel && kind == 0:
		c.Below = v(x)
	case f == catalog.FactKernel:
		c.AtLeast = v(x)
	case kind == 0:
		c.In = []string{x}
	default:
		c.NotIn = []string{x}
	}
	return c
}

func anyRelease(t *rapid.T, at version.Version) catalog.Release {
	name := at.String()
	r := catalog.Release{AddOn: "Flannel", Version: at, Status: catalog.Active, Mechanism: catalog.RollingUpdate}
	if sometimes(t, 3, name+" is not ACTIVE") {
		r.Status = oneOf(t, name+" status", catalog.Deprecated, catalog.Preview, catalog.Recalled)
	}
	r.Kubernetes = anyFilters(t, name)
	if sometimes(t, 10, name+" in some realms") {
		r.Realms = values["realm"][:1+upTo(t, 2, name+" realms")]
	}
	return r
}

func anyRules(t *rapid.T) catalog.Rules {
	rules := catalog.Rules{MaxMinorStep: oneOf(t, "max minor step", 0, 1, 2, 2, 3)}
	for i := range upTo(t, 3, "stops") {
		at := narrow(t, fmt.Sprint("stop ", i))
		if sometimes(t, 4, "stop is wide") {
			at = anyRange(t, fmt.Sprint("stop ", i))
		}
		rules.Stops = append(rules.Stops, catalog.Stop{At: at, Reason: fmt.Sprint("Stop", i), Message: fmt.Sprint("It stops at ", i, ".")})
	}
	for i := range upTo(t, 4, "back rules") {
		rules.Back = append(rules.Back, anyBackRule(t, fmt.Sprint("back ", i)))
	}
	if !sometimes(t, 10, "no back rule for the rest") {
		rules.Back = append(rules.Back, catalog.BackRule{Class: catalog.Reversible, Message: "the rest"})
	}
	return rules
}

func anyBackRule(t *rapid.T, name string) catalog.BackRule {
	r := catalog.BackRule{Class: oneOf(t, name, catalog.Reversible, catalog.ReversibleWithLoss, catalog.OneWay), Message: name}
	if !sometimes(t, 3, name+" crosses nothing") {
		r.Crossing = v(anyVersion(t, name+" crossing").Core())
	}
	r.WithinMinor = sometimes(t, 4, name+" within a minor")
	if r.Class == catalog.OneWay && sometimes(t, 2, name+" settles") {
		r.UntilSettled = catalog.ReversibleWithLoss
	}
	return r
}

func anyBlock(t *rapid.T, i int) catalog.Block {
	name := fmt.Sprint("Block", i)
	b := catalog.Block{Name: name, To: narrow(t, name+" to"), Message: "It breaks " + name + "."}
	if sometimes(t, 3, name+" is wide") {
		b.To = anyRange(t, name+" to")
	}
	if !sometimes(t, 6, name+" has no from") {
		b.From = narrow(t, name+" from")
		if sometimes(t, 2, name+" is wide") {
			b.From = anyRange(t, name+" from")
		}
	}
	for c := range upTo(t, 3, name+" conditions") {
		b.When = append(b.When, anyCondition(t, fmt.Sprint(name, " condition ", c)))
	}
	return b
}

func anyAddOn(t *rapid.T, most int) catalog.AddOn {
	a := catalog.AddOn{Name: "Flannel", Rules: anyRules(t)}
	for range 1 + upTo(t, most, "releases") {
		at := anyVersion(t, "release")
		if _, known := a.Find(at); !known {
			a.Releases = append(a.Releases, anyRelease(t, at))
		}
	}
	slices.SortFunc(a.Releases, func(x, y catalog.Release) int { return y.Version.Compare(x.Version) })
	for i := range upTo(t, 6, "blocks") {
		a.Blocks = append(a.Blocks, anyBlock(t, i))
	}
	return a
}

func anyWhere(t *rapid.T) graph.Where {
	w := graph.Where{
		Kubernetes: v(oneOf(t, "kubernetes", "v1.33.2+oke", "1.32.0", "1.31.4", "v1.31.2", "1.30.1", "")),
		Assume:     sometimes(t, 2, "assume"), Automatic: sometimes(t, 4, "automatic"), Unsettled: sometimes(t, 2, "unsettled"),
		Facts: catalog.Facts{},
	}
	if sometimes(t, 4, "kubelets") {
		w.Kubelets = vs(oneOf(t, "kubelet", kubernetes...), oneOf(t, "other kubelet", kubernetes...))
	}
	for _, f := range slices.Sorted(maps.Keys(values)) {
		if sometimes(t, 3, string(f)+" unknown") {
			continue
		}
		w.Facts[f] = append(w.Facts[f], oneOf(t, string(f), values[f]...))
		if sometimes(t, 4, string(f)+" differs") {
			w.Facts[f] = append(w.Facts[f], oneOf(t, string(f), append([]string{""}, values[f]...)...))
		}
	}
	return w
}

// anyFrom is a release, a version that is none, or nothing.
func anyFrom(t *rapid.T, a catalog.AddOn) version.Version {
	switch upTo(t, 10, "from") {
	case 9:
		return version.Version{}
	case 8:
		return anyVersion(t, "from")
	default:
		return anyOf(t, "from", a).Version
	}
}

func anyOf(t *rapid.T, name string, a catalog.AddOn) catalog.Release {
	return oneOf(t, name, a.Releases...)
}

func TestASearchFindsWhatWritingOutEveryWayFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, w := anyAddOn(t, 12), anyWhere(t)
		reordered := a
		reordered.Blocks = rapid.Permutation(a.Blocks).Draw(t, "other order")
		newest, oldest := a.Releases[0].Version, a.Releases[len(a.Releases)-1].Version
		for _, ends := range [][2]version.Version{{anyFrom(t, a), anyOf(t, "to", a).Version}, {oldest, newest}, {newest, oldest}} {
			got := graph.New(a).Path(ends[0], ends[1], w)
			compareWays(t, newOracle(a, ends[0], w), ends[0], ends[1], got)
			if again := graph.New(reordered).Path(ends[0], ends[1], w); !reflect.DeepEqual(got, again) {
				t.Fatalf("with blocks in another order:\n%v, not\n%v", again, got)
			}
		}
	})
}

func compareWays(t *rapid.T, o oracle, from, to version.Version, got graph.Path) {
	versions, why := o.path(from, to)
	if !slices.Equal(versions, route(got)) {
		t.Fatalf("path from %s to %s: oracle %v, search %v", from, to, versions, route(got))
	}
	if diff := gocmp.Diff(distinct(why), distinct(reasons(got.Why))); diff != "" {
		t.Fatalf("why there is no path from %s to %s (-oracle +search):\n%s", from, to, diff)
	}
	at := from
	for i, e := range got.Edges {
		r, _ := o.a.Find(e.To)
		closed, _ := o.step(at, r, i == len(got.Edges)-1)
		if !e.Open() || len(closed) > 0 || !e.From.Equal(at) || e.Forward != from.Less(to) {
			t.Fatalf("the path from %s to %s has the step %v, closed by %v", from, to, e, closed)
		}
		at = e.To
	}
}

func TestEveryStepIsJudgedAsTheRulesSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, w := anyAddOn(t, 4), anyWhere(t)
		from, r := anyFrom(t, a), anyOf(t, "to", a)
		if from.Equal(r.Version) {
			return
		}
		a.Blocks = rapid.Permutation(a.Blocks).Draw(t, "blocks in any order")
		e := graph.New(a).Edge(from, r.Version, w)
		o := newOracle(a, from, w)
		closed, assumed := o.step(from, r, true)
		older, newer := from, r.Version
		if newer.Less(older) {
			older, newer = newer, older
		}
		class, during := o.back(older, newer)
		want := []string{fmt.Sprint(closed), fmt.Sprint(assumed), string(class), string(during), fmt.Sprint(from.Less(r.Version))}
		got := []string{fmt.Sprint(reasons(e.Closed)), fmt.Sprint(reasons(e.Assumed)), string(e.Back), string(e.During), fmt.Sprint(e.Forward)}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("%s to %s: closed, assumed, back, during, forward (-oracle +edge):\n%s", from, r.Version, diff)
		}
		for _, c := range slices.Concat(e.Closed, e.Assumed) {
			if c.Message == "" || strings.Contains(c.Message, "%!") {
				t.Fatalf("%s has the message %q", c.Reason, c.Message)
			}
		}
	})
}

// distinct keeps the first of equal strings.
func distinct(all []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func TestTheTargetsAreThePathsToEveryOtherRelease(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, w := anyAddOn(t, 6), anyWhere(t)
		from, g := anyFrom(t, a), graph.New(a)
		var want []graph.Target
		for _, r := range a.Releases {
			if !r.Version.Equal(from) {
				want = append(want, graph.Target{Release: r, Path: g.Path(from, r.Version, w)})
			}
		}
		if got := g.Targets(from, w); !reflect.DeepEqual(want, got) {
			t.Fatalf("targets of %s:\n%v, not\n%v", from, got, want)
		}
	})
}
