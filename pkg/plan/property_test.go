package plan_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// What holds of every plan, whatever is asked of whatever cluster by whatever catalog.
func TestEveryPlan(t *testing.T) {
	t.Parallel()
	base := shipped(t)
	checkOften(t, func(t *rapid.T) {
		in := anyInput(t, anyCatalog(t, base))
		before, err := json.Marshal(without(in))
		if err != nil {
			t.Fatal(err)
		}
		in = plan.Imagine(in)
		p := plan.Make(in)
		for _, holds := range []func(*rapid.T, plan.Input, plan.Plan){
			refusedHasNoSteps, automaticTakesWhatItMay, stepsAreLegal, stepsFollowPath, reverseFits, orderIsNoMatter, explanationFits,
		} {
			holds(t, in, p)
		}
		in.Change, in.Installed.OnDelete = plan.Change{}, false // which Imagine fills in
		if after, err := json.Marshal(without(in)); err != nil || string(before) != string(after) {
			t.Errorf("planning changed its input:\n%s\n%s (%v)", before, after, err)
		}
	})
}

// checkOften checks a property a few times as often as rapid is told to.
func checkOften(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	for i := range 8 {
		t.Run(fmt.Sprintf("part %d", i+1), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, property)
		})
	}
}

// without leaves the catalog out, which has no JSON.
func without(in plan.Input) plan.Input {
	in.Catalog = nil
	return in
}

func refusedHasNoSteps(t *rapid.T, in plan.Input, p plan.Plan) {
	blocked := len(p.Blocking()) > 0
	if blocked && len(p.Steps) > 0 || blocked != (p.State == plan.Blocked) {
		t.Errorf("state %s, %d steps, refusals %+v", p.State, len(p.Steps), p.Blocking())
	}
	moves := p.To != "" && !same(p.From, p.To)
	if !blocked && moves && len(p.Steps) == 0 {
		t.Errorf("%s -> %s is neither refused nor planned", p.From, p.To)
	}
	if moves && in.Installed.Present && !blocked && len(p.Path) < 2 {
		t.Errorf("%s -> %s goes ahead without a path", p.From, p.To)
	}
}

func automaticTakesWhatItMay(t *rapid.T, in plan.Input, p plan.Plan) {
	chosen := in.Request.Version == "" && in.Desired.Version == "" && in.Desired.MoveTo == "" &&
		(in.Request.Verb == plan.Update && in.Installed.Present || in.Request.Verb == plan.Install && len(in.Record.Revisions) == 0)
	if !chosen || same(p.From, p.To) || p.To == "" || len(p.Blocking()) > 0 {
		return
	}
	a, _ := in.Catalog.AddOn(p.AddOn)
	way := []string{p.To}
	if in.Installed.Present {
		way = p.Path[1:]
	}
	from, known := a.Find(readable(p.From))
	away := known && from.Status == catalog.Recalled // then it may go back, through what is merely deprecated, and asks for no age
	for i, v := range way {
		r, ok := a.Find(kubernetesOf(v))
		if away && r.Version.Less(from.Version) && i < len(way)-1 && r.Status == catalog.Deprecated {
			continue
		}
		held := slices.ContainsFunc(in.Held, func(h plan.Held) bool { return same(h.Version, v) })
		if !ok || r.Status != catalog.Active || held || r.Version.Less(readable(p.From)) && !away {
			t.Errorf("automatic mode takes %s (%s, held %v) from %s on the way %v", v, r.Status, held, p.From, p.Path)
		}
		for _, n := range in.Nodes {
			if _, ok := r.Kubernetes.Admit(readable(n.KubeletVersion)); !ok && n.Exempt == "" && n.Kind != "Virtual" && n.KubeletVersion != "" {
				t.Errorf("automatic mode takes %s, made for %s, on %s with kubelet %s", v, r.Kubernetes, n.Name, n.KubeletVersion)
			}
		}
	}
	goal, _ := a.Find(kubernetesOf(p.To))
	if day, known := goal.ReleasedOn(); in.MinimumAge > 0 && in.Installed.Present && !away && (!known || in.Now.Sub(day) < in.MinimumAge) {
		t.Errorf("automatic mode takes %s of %q, at least %s old is asked for", p.To, goal.Released, in.MinimumAge)
	}
}

// stepsAreLegal judges the next step from every version that a node runs, and reads the stops plainly.
func stepsAreLegal(t *rapid.T, in plan.Input, p plan.Plan) {
	next, ok := p.Next()
	if !ok || next.Kind != plan.Apply {
		return
	}
	a, _ := in.Catalog.AddOn(p.AddOn)
	to := kubernetesOf(next.Version)
	w := graph.Where{Kubernetes: in.Cluster.Kubernetes, Facts: plan.FactsOf(in), Unsettled: true}
	runs := []string{p.From}
	for _, n := range in.Nodes {
		if n.Pod != nil && n.Exempt == "" && n.Kind != "Virtual" {
			runs = append(runs, n.Pod.Version)
		}
	}
	again := same(p.From, next.Version) // the live release is written again; nodes take it already
	for _, text := range runs {
		v := readable(text)
		if v.IsZero() || v.Equal(to) || again {
			continue
		}
		if e := graph.New(a).Edge(v, to, w); !e.Open() {
			t.Errorf("the next step goes to %s while a node runs %s: %+v", to, v, e.Closed)
		}
		for _, s := range a.Rules.Stops {
			if s.Jumped(v, to) {
				t.Errorf("the next step goes to %s while a node runs %s: it jumps over %s", to, v, s.Reason)
			}
		}
	}
}

func stepsFollowPath(t *rapid.T, _ plan.Input, p plan.Plan) {
	var versions []string
	for i, s := range p.Steps {
		if len(versions) == 0 || versions[len(versions)-1] != s.Version {
			versions = append(versions, s.Version)
		}
		if first := p.Steps[0].Revision; s.Revision != first+len(versions)-1 {
			t.Errorf("step %d, of release %d on the way, is of revision %d: %+v", i+1, len(versions), s.Revision, p.Steps)
		}
	}
	switch {
	case len(versions) == 0:
		return
	case versions[0] != p.Hop:
		t.Errorf("the first step is of %s, the plan moves to %s now", versions[0], p.Hop)
	case versions[len(versions)-1] != p.To:
		t.Errorf("the last step is of %s, the goal is %s", versions[len(versions)-1], p.To)
	}
	if len(p.Path) == 0 {
		return
	}
	if !same(p.Path[0], p.From) {
		t.Errorf("the path %v does not begin with %s", p.Path, p.From)
	}
	want := p.Path[1:]
	if same(p.Hop, p.From) {
		want = append([]string{p.Hop}, want...)
	}
	if diff := cmp.Diff(want, versions); diff != "" {
		t.Errorf("versions of the steps and of the path %v:\n%s", p.Path, diff)
	}
}

func reverseFits(t *rapid.T, _ plan.Input, p plan.Plan) {
	r := p.Reverse()
	worst, want := catalog.Reversible, 0
	for i, s := range p.Steps {
		worst = worst.Worse(s.Class)
		if s.Kind != plan.Settle {
			continue
		}
		until := s.Class
		if i > 0 && p.Steps[i-1].Revision == s.Revision {
			until = p.Steps[i-1].Class
		}
		if want++; s.From != "" && (s.Class != catalog.OneWay || until != catalog.OneWay) {
			want += 2
		}
	}
	if r.Class != worst || len(r.Steps) != want {
		t.Errorf("way back of class %s with %d steps, want %s and %d: %+v of %+v", r.Class, len(r.Steps), worst, want, r.Steps, p.Steps)
	}
}

func orderIsNoMatter(t *rapid.T, in plan.Input, p plan.Plan) {
	in.Nodes = rapid.Permutation(in.Nodes).Draw(t, "order")
	if diff := cmp.Diff(p, plan.Make(in)); diff != "" {
		t.Errorf("the order of nodes changes the plan:\n%s", diff)
	}
}

func explanationFits(t *rapid.T, in plan.Input, p plan.Plan) {
	e := plan.Explain(in)
	if e.To != p.To || e.From != p.From || !slices.Equal(e.Path, p.Path) || e.Chosen == "" || len(e.Checks) != len(plan.Checks) {
		t.Errorf("explained %s -> %s by %v, planned %s -> %s by %v", e.From, e.To, e.Path, p.From, p.To, p.Path)
	}
	newest := ""
	for _, c := range plan.Choices(in) {
		if c.Newest {
			newest = c.Version
		}
	}
	taken := slices.IndexFunc(e.Releases, func(r plan.ReleaseVerdict) bool { return r.Taken })
	if taken >= 0 && e.Releases[taken].Version != newest || taken < 0 && newest != "" {
		t.Errorf("explained that automatic mode takes %+v, and %q is the newest choice", e.Releases, newest)
	}
}

// A cluster that follows its record, one step at a time, comes to the goal within a bounded number of looks, whatever happens on
// the way: actors that die after recording, nodes that take a release or lose their pod or are new, wishes that change. No
// node ever makes a move that the rules, read plainly, forbid.
func TestFollowingTheRecordArrivesByLegalMovesOnly(t *testing.T) {
	t.Parallel()
	base := shipped(t)
	checkOften(t, func(t *rapid.T) {
		c := anyCatalog(t, base)
		a := c.AddOns[rapid.IntRange(0, len(c.AddOns)-1).Draw(t, "add-on")]
		in := wholeCluster(t, c, a)
		w := newWorld(in)
		goal := ""
		for range rapid.IntRange(1, 3).Draw(t, "wishes") {
			r := anyWish(t, a)
			switch p := w.wish(r); {
			case len(p.Blocking()) > 0: // not recorded
			case r.Verb == plan.Unpin:
				goal = "" // nothing is asked for; what was begun is gone on with
			default:
				goal = p.To
			}
			for range rapid.IntRange(0, 8).Draw(t, "looks") {
				w.stumble(t)
			}
		}
		p := w.arrive()
		if goal != "" && (p.State != plan.UpToDate || !same(p.To, goal) || !same(w.in.Installed.Version, goal)) {
			t.Errorf("wanted %s, and after %d looks it is %s at %s (goal %s): %+v; record %+v",
				goal, rounds, p.State, w.in.Installed.Version, p.To, p.Blocking(), w.in.Record)
		}
		for _, m := range w.moves {
			if m[0] == "" || m[1] == in.Installed.Version && !w.wanted[m[1]] {
				continue // a new node takes what is live, whatever that is
			}
			if why := forbidden(a, w.in.Cluster.Kubernetes, m); why != "" {
				t.Errorf("a node went from %s to %s: %s", m[0], m[1], why)
			}
		}
	})
}

// stumble is one look with something that can go wrong.
func (w *world) stumble(t *rapid.T) {
	switch rapid.IntRange(0, 5).Draw(t, "what happens") {
	case 0: // a node takes what is live
		if len(w.in.Nodes) > 0 {
			w.take(rapid.IntRange(0, len(w.in.Nodes)-1).Draw(t, "node"))
		}
	case 1: // a node loses its pod
		if len(w.in.Nodes) > 0 {
			w.in.Nodes[rapid.IntRange(0, len(w.in.Nodes)-1).Draw(t, "node")].Pod = nil
		}
	case 2: // a node is new
		n := node(fmt.Sprintf("new-%d", len(w.in.Nodes)), w.in.Cluster.Kubernetes)
		w.in.Nodes = append(w.in.Nodes, n)
	default:
		p := w.look()
		if s, ok := p.Next(); ok && s.Kind != plan.AwaitNodes {
			w.do(s, rapid.Bool().Draw(t, "the actor dies"))
		}
	}
}

// arrive goes on without further trouble; nodes without a pod get one of what is live, as a DaemonSet gives it.
func (w *world) arrive() plan.Plan {
	for range rounds {
		for i := range w.in.Nodes {
			if w.in.Nodes[i].Pod == nil {
				w.take(i)
			}
		}
		p := w.look()
		s, ok := p.Next()
		if !ok {
			return p
		}
		w.do(s, false)
	}
	return w.look()
}

// forbidden reads the rules of a move plainly.
func forbidden(a catalog.AddOn, k version.Version, move [2]string) string {
	from, to := versionsOf(move)
	r, ok := a.Find(to)
	_, admitted := r.Kubernetes.Admit(k)
	switch {
	case !ok:
		return "there is no such release"
	case r.Status == catalog.Recalled:
		return "it has been recalled"
	case !admitted:
		return "it is not made for " + k.String()
	}
	for _, s := range a.Rules.Stops {
		if s.Jumped(from, to) {
			return "over " + s.Reason
		}
	}
	low, high := from.Minor(), to.Minor()
	if high.Compare(low) < 0 {
		low, high = high, low
	}
	if most := a.Rules.MaxMinorStep; most > 0 && (low.Major != high.Major || high.Minor-low.Minor > uint64(most)) {
		return "too many minors at once"
	}
	return ""
}

// anyCatalog is the shipped one with other statuses, ranges, stops and step limits.
func anyCatalog(t *rapid.T, base *catalog.Catalog) *catalog.Catalog {
	c := clone(base)
	status := rapid.SampledFrom([]catalog.Status{catalog.Active, catalog.Active, catalog.Active, catalog.Deprecated, catalog.Preview, catalog.Recalled})
	for i := range c.AddOns {
		a := &c.AddOns[i]
		for k := range a.Releases {
			r := &a.Releases[k]
			if rapid.Bool().Draw(t, "changed") {
				r.Status = status.Draw(t, "status")
				r.Kubernetes = anyFilters(t)
				r.Released = rapid.SampledFrom([]string{"", "2025-08-08", "2026-11-20"}).Draw(t, "day")
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "stepping") == 0 {
			a.Rules.MaxMinorStep = rapid.IntRange(0, 2).Draw(t, "minors")
		}
		for s := range rapid.IntRange(0, 2).Draw(t, "stops") {
			at := a.Releases[rapid.IntRange(0, len(a.Releases)-1).Draw(t, "stop")].Version
			a.Rules.Stops = append(a.Rules.Stops, catalog.Stop{
				At: version.Range{Minimal: at, Maximum: version.MustParse(at.Minor().String())}, Reason: fmt.Sprintf("Stop%d", s), Message: "a stop",
			})
		}
	}
	return c
}

func anyFilters(t *rapid.T) version.Filters {
	low := rapid.IntRange(27, 35).Draw(t, "minimal")
	f := version.Filters{Minimal: version.MustParse(fmt.Sprintf("1.%d", low))}
	if rapid.Bool().Draw(t, "bounded") {
		f.Maximum = version.MustParse(fmt.Sprintf("1.%d", low+rapid.IntRange(0, 6).Draw(t, "span")))
	}
	return f
}

// anyInput is a cluster of any kind in any state, and anything asked of it.
func anyInput(t *rapid.T, c *catalog.Catalog) plan.Input {
	a := c.AddOns[rapid.IntRange(0, len(c.AddOns)-1).Draw(t, "add-on")]
	v := anyVersion(a)
	in := plan.Input{
		Now: now, Catalog: c,
		Cluster: plan.Cluster{
			Name: "c", UID: "u", Kubernetes: kubernetesOf(rapid.SampledFrom([]string{"", "1.28.3", "1.31.0", "1.33.4", "1.34.2", "1.36.1", "1.37.0"}).Draw(t, "kubernetes")),
			NetworkType: a.NetworkType, Driver: rapid.SampledFrom([]plan.Driver{"", plan.DriverOKE}).Draw(t, "driver"),
			Facts: anyFacts(t),
		},
		MinimumAge: rapid.SampledFrom([]time.Duration{0, 0, 72 * time.Hour}).Draw(t, "age"),
		Request: plan.Request{
			Verb:    rapid.SampledFrom([]plan.Verb{plan.Follow, plan.Install, plan.Update, plan.Update, plan.SetPin, plan.Unpin, plan.Register}).Draw(t, "verb"),
			Version: rapid.SampledFrom([]string{"", "", v.Draw(t, "asked")}).Draw(t, "version"),
			Accept:  rapid.SampledFrom([]string{"", "because"}).Draw(t, "accept"),
		},
	}
	if a.NetworkType == "" {
		in.AddOn, in.Cluster.NetworkType = a.Name, catalog.OCIVCNIPNative
	}
	if rapid.IntRange(0, 5).Draw(t, "stamped") > 0 {
		in.Cluster.Stamp = &plan.Stamp{NetworkType: in.Cluster.NetworkType, UID: "u", Cluster: "c"}
	}
	if rapid.IntRange(0, 3).Draw(t, "installed") > 0 {
		live := v.Draw(t, "live")
		in.Installed = plan.Installed{
			Present: true, Ours: true, Version: live, Digest: "imagined:" + live, Newest: live, Observed: rapid.Bool().Draw(t, "observed"), MaxUnavailable: 1,
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "nodes") {
		n := node(fmt.Sprintf("node-%d", (7*i+3)%5), in.Cluster.Kubernetes) // in no order
		n.KubeletVersion = rapid.SampledFrom([]string{"v1.31.0", "v1.33.4", "v1.34.2", "", "latest"}).Draw(t, "kubelet")
		n.Kind = rapid.SampledFrom([]string{"", "Managed", "SelfManaged", "Virtual"}).Draw(t, "kind")
		n.Exempt = rapid.SampledFrom([]string{"", "", "", "taint"}).Draw(t, "exempt")
		n.Ready = rapid.Bool().Draw(t, "ready")
		if rapid.Bool().Draw(t, "has a pod") {
			runs := v.Draw(t, "runs")
			n.Pod = aged(in, runs)
			n.Pod.Ready, n.Pod.Available = rapid.Bool().Draw(t, "pod ready"), rapid.Bool().Draw(t, "available")
		}
		in.Nodes = append(in.Nodes, n)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "revisions") {
		rv := v.Draw(t, "recorded")
		in.Record.Revisions = append(in.Record.Revisions, plan.Revision{
			Number: i + 1, Version: rv, Digest: "imagined:" + rv,
			Status: rapid.SampledFrom([]plan.Status{plan.Deployed, plan.Superseded, plan.PendingUpgrade, plan.PendingInstall, plan.Failed}).Draw(t, "status"),
		})
	}
	wished := rapid.IntRange(0, 3).Draw(t, "wish")
	if wished > 0 {
		in.Desired = plan.Desired{AddOn: a.Name}
	}
	switch wished {
	case 2:
		in.Desired.Version = v.Draw(t, "pin")
	case 3:
		in.Desired.MoveTo = v.Draw(t, "move")
	}
	if rapid.Bool().Draw(t, "held") {
		in.Held = []plan.Held{{Version: v.Draw(t, "held release")}}
	}
	return in
}

// anyVersion is a release of the add-on, or something else.
func anyVersion(a catalog.AddOn) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(t, "known") == 0 {
			return rapid.SampledFrom([]string{"0.25.5", "v2.3.0", "3.31.9", "latest", "sha256:77f1", "99.0.0"}).Draw(t, "unknown")
		}
		return anyRelease(t, a)
	})
}

func anyRelease(t *rapid.T, a catalog.AddOn) string {
	versions := make([]string, len(a.Releases))
	for i, r := range a.Releases {
		versions[i] = r.Version.String()
	}
	return rapid.SampledFrom(versions).Draw(t, "release")
}

func anyFacts(t *rapid.T) catalog.Facts {
	facts := catalog.Facts{}
	for _, f := range []struct {
		fact   catalog.Fact
		values []string
	}{
		{catalog.FactAdminNetworkPolicies, []string{"0", "3"}},
		{catalog.FactTypha, []string{"true", "false"}},
		{catalog.FactRealm, []string{"OC1", "OC2"}},
		{catalog.FactIPsPerVNIC, []string{"16", "32"}},
		{catalog.FactNetworkPolicies, []string{"0", "7"}},
	} {
		if i := rapid.IntRange(-1, len(f.values)-1).Draw(t, string(f.fact)); i >= 0 {
			facts[f.fact] = f.values[i : i+1]
		}
	}
	return facts
}

func node(name string, k version.Version) noderoll.Node {
	return noderoll.Node{
		Name: name, Ready: true, KubeletVersion: k.String(), OS: "linux", Architecture: "amd64", Kind: "Managed",
		OSImage: "Oracle Linux Server 9.5", Kernel: "5.15.0-302.el9uek.x86_64", Facts: map[string]string{"brNetfilter": "loaded", "iptables": "nft"},
		NPN: &noderoll.NPN{State: noderoll.NPNSuccess},
	}
}

// wholeCluster runs one release on every node, settled, or none.
func wholeCluster(t *rapid.T, c *catalog.Catalog, a catalog.AddOn) plan.Input {
	k := kubernetesOf(rapid.SampledFrom([]string{"1.31.4", "1.33.2", "1.34.2", "1.36.1"}).Draw(t, "kubernetes"))
	in := plan.Input{Now: now, Catalog: c, Cluster: plan.Cluster{Name: "c", UID: "u", Kubernetes: k, NetworkType: a.NetworkType, Facts: anyFacts(t)}}
	if a.NetworkType == "" {
		in.AddOn, in.Cluster.NetworkType = a.Name, catalog.OCIVCNIPNative
	}
	in.Cluster.Stamp = &plan.Stamp{NetworkType: in.Cluster.NetworkType, UID: "u", Cluster: "c"}
	for i := range rapid.IntRange(0, 3).Draw(t, "nodes") {
		in.Nodes = append(in.Nodes, node(fmt.Sprintf("node-%d", i), k))
	}
	if rapid.IntRange(0, 4).Draw(t, "installed") == 0 {
		return in
	}
	v := anyRelease(t, a)
	in.Desired.AddOn = a.Name
	in.Installed = plan.Installed{Present: true, Ours: true, Version: v, Digest: "imagined:" + v, Observed: true, Newest: v, MaxUnavailable: 1}
	in.Record.Revisions = []plan.Revision{{Number: 1, Version: v, Status: plan.Deployed, Digest: in.Installed.Digest}}
	for i := range in.Nodes {
		in.Nodes[i].Pod = aged(in, v)
	}
	return in
}

// aged is a pod that has been Ready for a day.
func aged(in plan.Input, v string) *noderoll.Pod {
	long := in.Now.Add(-24 * time.Hour)
	return &noderoll.Pod{Revision: v, Version: v, Ready: true, Available: true, Created: long, ReadySince: long}
}

func anyWish(t *rapid.T, a catalog.AddOn) plan.Request {
	r := plan.Request{
		Verb:    rapid.SampledFrom([]plan.Verb{plan.Update, plan.Update, plan.SetPin, plan.Install, plan.Unpin}).Draw(t, "verb"),
		Version: anyRelease(t, a),
		Accept:  rapid.SampledFrom([]string{"", "because", "because"}).Draw(t, "accept"),
	}
	if r.Verb != plan.SetPin && rapid.IntRange(0, 3).Draw(t, "automatic") == 0 {
		r.Version = ""
	}
	if r.Verb != plan.Unpin && rapid.IntRange(0, 2).Draw(t, "settings") == 0 {
		r.Settings = anySettings(t)
	}
	return r
}

// anySettings set, change and take away what every add-on takes.
func anySettings(t *rapid.T) plan.SettingsChange {
	c := plan.SettingsChange{}
	value := rapid.SampledFrom([]string{"-", "", `{"maxUnavailable":1}`, "eyJtYXhVbmF2YWlsYWJsZSI6MX0=", `{"maxUnavailable":"25%"}`}).Draw(t, "rollingUpdate")
	if value != "-" {
		c.Configurations = map[string]string{"rollingUpdate": value}
	}
	c.Values = rapid.SampledFrom([]map[string]any{nil, {}, {"a": 1}, {"a": 1.0}}).Draw(t, "values")
	c.Overlay = rapid.SampledFrom([]map[string]string{nil, {}, {"kustomization.yaml": "namePrefix: x"}}).Draw(t, "overlay")
	return c
}

// same tells whether two texts name one version.
func same(a, b string) bool {
	return a == b || a != "" && b != "" && readable(a).Equal(readable(b)) && !readable(a).IsZero()
}

func readable(v string) version.Version {
	parsed, err := version.Parse(v)
	if err != nil {
		return version.Version{}
	}
	return parsed
}
