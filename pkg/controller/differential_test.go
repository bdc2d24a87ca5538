package controller

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// twin is a scenario that is played twice: by rollout.Simulate, and by the controllers on the records of a real hub, at the same moments of
// virtual time. What a cluster does is fixed: its move takes so long, fails or does not, and it is away at known times.
type twin struct {
	scenario rollout.Scenario
	spec     v1alpha1.UpdatePolicySpec
	// says are what has to be decided, beside that both decide the same: without it two that do nothing are the same too.
	says []string
}

// certain is a chance without chance.
type certain struct{}

func (certain) Float64() float64     { return 0.5 }
func (certain) NormFloat64() float64 { return 0 }
func (certain) ExpFloat64() float64  { return 1 }

func hours(h float64) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(h * float64(time.Hour))}
}

// cluster of a scenario: its wave, how long a move takes, and what else is so.
func cluster(name string, wave int, takes time.Duration, how ...func(*rollout.SimCluster)) rollout.SimCluster {
	c := rollout.SimCluster{Name: name, Wave: wave, Version: older, Takes: rollout.Spread{P50: takes}}
	for _, f := range how {
		f(&c)
	}
	return c
}

func fails(c *rollout.SimCluster)      { c.Fails = 1 }
func isPinnedIn(c *rollout.SimCluster) { c.Unfit = "is pinned" }

func isPinnedFor(after time.Duration) func(*rollout.SimCluster) {
	return func(c *rollout.SimCluster) { c.Unfit, c.Until = "is pinned", monday.Add(after) }
}

// runsNewer is a cluster that has the newer release from the first, and could take the older one.
func runsNewer(c *rollout.SimCluster) { c.Version, c.Fits = newer, older }

func awayFrom(after, lasting time.Duration) func(*rollout.SimCluster) {
	return func(c *rollout.SimCluster) {
		c.Outages = append(c.Outages, rollout.Outage{From: monday.Add(after), For: lasting})
	}
}

// monday is when the scenarios begin.
var monday = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

func twins() map[string]twin {
	waves := []v1alpha1.PolicyWave{{Name: "canary", Selector: "wave=w0"}, {Name: "early", Selector: "wave=w1"}, {Name: "rest", Selector: "wave=w2"}}
	day := 24 * time.Hour
	soon := time.Hour
	first := rollout.SimRelease{Version: newer, At: monday.Add(soon)}
	return map[string]twin{
		"waves, soak, a window, and clusters that come and go": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{first},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, 20*time.Minute), cluster("c2", 1, 3*time.Hour), cluster("c3", 1, 40*time.Minute, awayFrom(20*time.Hour, 12*time.Hour)),
					cluster("c4", 1, time.Hour, isPinnedIn), cluster("c5", 2, 2*time.Hour, awayFrom(0, 5*day)), cluster("c6", 2, 90*time.Minute),
					cluster("c7", 2, 10*time.Minute, awayFrom(60*time.Hour, 30*time.Minute)),
				},
			},
			v1alpha1.UpdatePolicySpec{
				Waves: waves, MaxConcurrent: count(2), Soak: hours(6), HungAfter: hours(48),
				Windows: &v1alpha1.PolicyWindows{Allow: []v1alpha1.PolicyWindow{{Cron: "0 1 * * *", Duration: *hours(5), Zone: "Europe/Berlin"}}},
			},
			nil,
		},
		"a failure halts, people resume, and the budget is spent again": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{first}, People: rollout.People{OnHalt: "resume", After: 2 * time.Hour},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, time.Hour), cluster("c2", 1, time.Hour, fails), cluster("c3", 1, 2*time.Hour), cluster("c4", 2, time.Hour, fails),
					cluster("c5", 2, 30*time.Minute), cluster("c6", 2, 5*time.Hour),
				},
			},
			v1alpha1.UpdatePolicySpec{Waves: waves, MaxConcurrent: count(2), Soak: hours(1)},
			nil,
		},
		"a failure halts, and people take it back": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{first}, People: rollout.People{OnHalt: "undo", After: time.Hour},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, time.Hour), cluster("c2", 1, time.Hour), cluster("c3", 1, 2*time.Hour), cluster("c4", 2, time.Hour, fails),
					cluster("c5", 2, 3*time.Hour),
				},
			},
			v1alpha1.UpdatePolicySpec{Waves: waves, MaxConcurrent: count(2), Soak: hours(1)},
			nil,
		},
		"a newer release ends the older one, and a recall ends it too": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{
					first, {Version: newestOf, At: monday.Add(30 * time.Hour), Recalled: monday.Add(35 * time.Hour)},
				},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, time.Hour), cluster("c2", 1, time.Hour), cluster("c3", 1, 2*time.Hour), cluster("c4", 2, 40*time.Hour),
					cluster("c5", 2, 3*time.Hour),
				},
			},
			v1alpha1.UpdatePolicySpec{Waves: waves, MaxConcurrent: count(2), Soak: hours(1), HungAfter: hours(72)},
			[]string{"0.27.3 from 0.28.0 c1 done", "0.27.3 c5 done"},
		},
		"a recall moves clusters back to what they had, and who is pinned stays": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{{Version: newer, At: monday.Add(soon), Recalled: monday.Add(9 * time.Hour)}},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, time.Hour), cluster("c2", 1, time.Hour), cluster("c3", 1, 20*time.Hour), cluster("c4", 2, time.Hour),
					cluster("c5", 2, time.Hour, runsNewer), cluster("c6", 2, time.Hour, runsNewer, isPinnedIn),
				},
			},
			v1alpha1.UpdatePolicySpec{Waves: waves, MaxConcurrent: count(2), Soak: hours(2), HungAfter: hours(72)},
			[]string{"0.27.3  Recalled", "0.26.2 from 0.27.3 c1 started", "0.26.2 from 0.27.3 c3 done", "0.26.2 from 0.27.3 c5 done", "0.26.2 from 0.27.3  Finished"},
		},
		"a recall, and a newer release waits until all have left": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{
					{Version: newer, At: monday.Add(soon), Recalled: monday.Add(9 * time.Hour)}, {Version: newestOf, At: monday.Add(10 * time.Hour)},
				},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, 4*time.Hour), cluster("c2", 1, time.Hour), cluster("c3", 1, 2*time.Hour), cluster("c4", 2, time.Hour),
				},
			},
			v1alpha1.UpdatePolicySpec{Waves: waves, MaxConcurrent: count(1), Soak: hours(2), HungAfter: hours(72)},
			[]string{"0.28.0 from 0.27.3  Finished", "0.28.0 c4 done"},
		},
		// It would catch a record that forgets a halt while another rollout goes first: c3 and c4 would leave for the release that c2 failed with.
		"a recall, and the newer release had failed before": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{
					{Version: newer, At: monday.Add(soon), Recalled: monday.Add(40 * time.Hour)}, {Version: newestOf, At: monday.Add(30 * time.Hour)},
				},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, time.Hour, runsNewer), cluster("c2", 1, time.Hour, runsNewer, fails), cluster("c3", 1, time.Hour, runsNewer),
					cluster("c4", 2, time.Hour, runsNewer),
				},
			},
			v1alpha1.UpdatePolicySpec{Waves: waves, MaxConcurrent: count(1), Soak: hours(1)},
			[]string{"0.28.0  Aborted", "0.26.2 from 0.27.3 c2 failed"},
		},
		"pins end, before a release, while it goes, and when it is through": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{first},
				Clusters: []rollout.SimCluster{
					cluster("c1", 0, time.Hour), cluster("c2", 1, time.Hour, isPinnedFor(30*time.Minute)), cluster("c3", 1, 2*time.Hour),
					cluster("c4", 0, time.Hour, isPinnedFor(8*time.Hour)), cluster("c5", 2, 2*time.Hour, isPinnedFor(5*day)),
					cluster("c6", 2, time.Hour), cluster("c7", 2, time.Hour, isPinnedIn),
				},
			},
			v1alpha1.UpdatePolicySpec{Waves: waves, MaxConcurrent: count(1), Soak: hours(3), OnPinEnd: v1alpha1.OnPinEndAutomatic},
			[]string{"0.27.3 c2 done", "0.27.3 c4 done", "28T08:00:00 0.27.3 c5 done"},
		},
		"people approve": {
			rollout.Scenario{
				For: 10 * day, Releases: []rollout.SimRelease{first}, People: rollout.People{Approve: &soon},
				Clusters: []rollout.SimCluster{cluster("c1", 0, time.Hour), cluster("c2", 1, time.Hour), cluster("c3", 2, time.Hour)},
			},
			v1alpha1.UpdatePolicySpec{
				Waves: []v1alpha1.PolicyWave{waves[0], {Name: "early", Selector: "wave=w1", Approval: true}, {Name: "rest", Selector: "wave=w2", Approval: true}},
				Soak:  hours(1),
			},
			nil,
		},
	}
}

// TestRealityDecidesAsTheSimulationDid plays scenarios twice, and compares what was decided, when, and in which order. It would catch a
// controller that decides on other reports than the simulation, at other moments, or that forgets something between two looks; and a second
// rule of what clusters take by themselves, on either side, which does not know recalled releases or pins that have ended.
func TestRealityDecidesAsTheSimulationDid(t *testing.T) {
	h := startHub(t)
	for name, c := range twins() {
		t.Run(name, func(t *testing.T) {
			h.clear(t)
			s := c.scenario
			s.AddOn, s.Start, s.Policy = "Flannel", monday, status.RolloutPolicy("prod", c.spec)
			simulated, err := rollout.Simulate(s, func(string) rollout.Chance { return certain{} })
			must(t, err)
			want, got := logOf(simulated), newReality(t, h, s, c.spec).run()
			if len(want) < 10 {
				t.Fatalf("the simulation decides almost nothing: %v", want)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("decided (-simulation +reality):\n%s", diff)
			}
			for _, line := range c.says {
				if !slices.ContainsFunc(got, func(l string) bool { return strings.HasSuffix(l, line) }) {
					t.Errorf("%q is not decided: %s", line, strings.Join(got, "\n"))
				}
			}
		})
	}
	differs(t, h)
}

// The negative control: a controller that goes by another policy does not take the same decisions.
func differs(t *testing.T, h *hubUnderTest) {
	t.Helper()
	h.clear(t)
	c := twins()["people approve"]
	s := c.scenario
	s.AddOn, s.Start, s.Policy = "Flannel", monday, status.RolloutPolicy("prod", c.spec)
	simulated, err := rollout.Simulate(s, func(string) rollout.Chance { return certain{} })
	must(t, err)
	c.spec.Soak = hours(2)
	if want, got := logOf(simulated), newReality(t, h, s, c.spec).run(); slices.Equal(want, got) {
		t.Errorf("a longer soak changes nothing: %v", got)
	}
}

// logOf is what a simulation decided: the last state of each cluster at each moment, and phases.
func logOf(s rollout.Simulation) []string {
	last := map[decided]string{}
	for _, e := range s.Log {
		switch {
		case e.What == "phase":
			phase, _, _ := strings.Cut(e.Why, ":")
			last[decided{e.At, e.Release, ""}] = phase
		case e.Cluster != "" && e.What != "pending": // an order puts clusters back into the line without a word
			last[decided{e.At, e.Release, e.Cluster}] = e.What
		}
	}
	return inOrder(last)
}

// decided is when something was, of which rollout, and of which cluster; without one it is its phase.
type decided struct {
	at            time.Time
	release, name string
}

func inOrder(what map[decided]string) []string {
	keys := slices.SortedFunc(maps.Keys(what), func(a, b decided) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.release, b.release), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, k := range keys {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", k.at.UTC().Format("02T15:04:05"), k.release, k.name, what[k])))
	}
	return out
}

// reality is a scenario on the records of a hub, on virtual time.
type reality struct {
	*testing.T
	hub      *hubUnderTest
	scenario rollout.Scenario
	fleet    *fleet
	now      time.Time
	left     map[string]time.Duration
	bad      map[string]bool
	whole    map[string]string
	next     int
	asked    time.Time
	askedOf  string
	log      map[decided]string
}

func newReality(t *testing.T, h *hubUnderTest, s rollout.Scenario, spec v1alpha1.UpdatePolicySpec) *reality {
	t.Helper()
	w := &reality{T: t, hub: h, scenario: s, now: s.Start, left: map[string]time.Duration{}, bad: map[string]bool{}, whole: map[string]string{}, log: map[decided]string{}}
	w.fleet = &fleet{client: h.Client, builtIn: true, catalogs: catalogs(t), now: func() time.Time { return w.now }}
	must(t, h.Create(t.Context(), &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "prod"}, Spec: spec}))
	for _, c := range s.Clusters {
		h.register(t, fmt.Sprintf("%s wave=w%d", c.Name, c.Wave))
		w.whole[c.Name] = c.Version
		if c.Version != older {
			a := h.addon(t, c.Name)
			a.Status.CurrentInstalledVersion, a.Status.History = c.Version, nil
			tell(a, c.Version)
			must(t, h.Status().Update(t.Context(), a))
		}
		if c.Unfit != "" {
			change(t, h, &v1alpha1.Addon{}, c.Name+".flannel", func(a *v1alpha1.Addon) {
				a.Spec.Version, a.Spec.Pin = c.Version, &v1alpha1.Pin{Reason: "test"}
				if !c.Until.IsZero() {
					a.Spec.Pin.Until = &metav1.Time{Time: c.Until}
				}
			})
		}
	}
	return w
}

// run goes from moment to moment, as the simulation does: what is due happens, one look is taken, and time passes until the next.
func (w *reality) run() []string {
	end := w.scenario.Start.Add(w.scenario.For)
	for !w.now.After(end) {
		w.happen()
		next := earliest(w.decide(), w.due())
		if next.IsZero() || next.After(end) {
			break
		}
		if !next.After(w.now) {
			next = w.now.Add(time.Second)
		}
		for _, c := range w.scenario.Clusters {
			if a := w.hub.addon(w.T, c.Name); w.goesOn(c, a) {
				w.left[c.Name] -= next.Sub(w.now)
			}
		}
		w.now = next
	}
	return inOrder(w.log)
}

func earliest(times ...time.Time) time.Time {
	var out time.Time
	for _, at := range times {
		if out.IsZero() || !at.IsZero() && at.Before(out) {
			out = at
		}
	}
	return out
}

// away tells whether a cluster is out of reach, and until when that holds.
func (w *reality) away(c rollout.SimCluster) (away bool, until time.Time) {
	for _, o := range c.Outages {
		switch end := o.From.Add(o.For); {
		case w.now.Before(o.From):
			until = earliest(until, o.From)
		case w.now.Before(end):
			away, until = true, end
		}
	}
	return away, until
}

// goesOn tells whether a move is under way, and nothing keeps it from going on.
func (w *reality) goesOn(c rollout.SimCluster, a *v1alpha1.Addon) bool {
	away, _ := w.away(c)
	return !away && a.Spec.MoveTo != "" && (a.Spec.Rollout == nil || a.Spec.Rollout.Hold == "")
}

// happen lets happen what is due: releases come and are recalled, clusters go and come back, and their moves end.
func (w *reality) happen() {
	w.Helper()
	for w.next < len(w.scenario.Releases) && !w.scenario.Releases[w.next].At.After(w.now) {
		w.next++
	}
	var recalls []v1alpha1.Recall
	for _, r := range w.scenario.Releases[:w.next] {
		if !r.Recalled.IsZero() && !w.now.Before(r.Recalled) {
			recalls = append(recalls, v1alpha1.Recall{Addon: "Flannel", Version: r.Version, Reason: "test"})
		}
	}
	if len(recalls) > 0 {
		all := &v1alpha1.AddonCatalog{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1alpha1.AddonCatalogSpec{BuiltIn: true}}
		must(w.T, client.IgnoreAlreadyExists(w.hub.Create(w.Context(), all)))
		change(w.T, w.hub, &v1alpha1.AddonCatalog{}, "default", func(c *v1alpha1.AddonCatalog) { c.Spec.Recalls = recalls })
	}
	for _, c := range w.scenario.Clusters {
		w.play(c, recalls)
	}
}

// fits is the newest release that fits a cluster: what it ran at first, and what has come, but for what was recalled, or it was put back from.
func (w *reality) fits(c rollout.SimCluster, a *v1alpha1.Addon, recalls []v1alpha1.Recall) string {
	all, newest := []string{c.Version, cmp.Or(c.Fits, c.Version)}, ""
	for _, r := range w.scenario.Releases[:w.next] {
		all = append(all, r.Version)
	}
	for _, v := range all {
		if status.RecallOf(recalls, "Flannel", v) == nil && status.Held(a, v) == nil && (newest == "" || status.NewerVersion(v, newest)) {
			newest = v
		}
	}
	return newest
}

// play lets a cluster do what is due.
func (w *reality) play(c rollout.SimCluster, recalls []v1alpha1.Recall) {
	w.Helper()
	away, _ := w.away(c)
	w.hub.reach(w.T, c.Name, !away)
	a := w.hub.addon(w.T, c.Name)
	to, halfway := a.Spec.MoveTo, false
	switch {
	case to == "" || away:
	case w.left[c.Name] > 0: // the template is written first, then nodes take it
		a.Status.CurrentInstalledVersion, halfway = to, true
	default:
		st := a.Status
		st.CurrentInstalledVersion = to
		if w.bad[c.Name] {
			st.Held = append(st.Held, v1alpha1.HeldRelease{Version: to})
			st.CurrentInstalledVersion = w.whole[c.Name]
		}
		w.whole[c.Name] = st.CurrentInstalledVersion
		if b := a.Spec.Rollback; b != nil && b.Leaves != "" {
			st.Held = append(st.Held, v1alpha1.HeldRelease{Version: b.Leaves})
		}
		a.Spec.MoveTo, a.Spec.Rollback = "", nil
		must(w.T, w.hub.Update(w.Context(), a))
		a.Status = st
	}
	tell(a, older)
	a.Status.NewestFit = w.fits(c, a, recalls)
	if halfway {
		a.Status.NodeVersions = append(a.Status.NodeVersions, v1alpha1.NodeVersion{Version: "0.1.0", Nodes: 1})
		if w.goesOn(c, a) {
			a.Status.Roll = &v1alpha1.RollStatus{Phase: "Batch", Changed: int32(w.now.Sub(monday) / time.Second)} // a sign of progress at each moment
		}
	}
	must(w.T, w.hub.Status().Update(w.Context(), a))
}

// decide lets the controllers take one look, notes what changed, lets clusters begin what they were told, and people act.
func (w *reality) decide() time.Time {
	w.Helper()
	_, err := policyReconciler{w.fleet}.Reconcile(w.Context(), allPolicies)
	must(w.T, err)
	var next time.Time
	active := w.active()
	all := w.rollouts()
	for i := range all {
		name, release := all[i].Name, status.TargetOf(&all[i]).String()
		before := w.rollout(name)
		result, err := rolloutReconciler{w.fleet}.Reconcile(w.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: name}})
		must(w.T, err)
		if result.RequeueAfter > 0 {
			next = earliest(next, w.now.Add(result.RequeueAfter))
		}
		after := w.rollout(name)
		w.note(release, before, after)
		w.begin(all[i].Spec.Version, before, after)
		if name == active || active == "" && i == len(all)-1 {
			next = earliest(next, w.act(name, after))
		}
	}
	if w.active() != active {
		next = earliest(next, w.now.Add(time.Second)) // the manager is told of it by a watch
	}
	return next
}

// active is the rollout that goes on.
func (w *reality) active() string {
	w.Helper()
	r, err := w.fleet.records(w.Context())
	must(w.T, err)
	p, _ := r.policy("prod")
	if t := r.automatic().Active("prod", "Flannel", r.candidates(p)["Flannel"]); t.Version != "" {
		return cmp.Or(r.activeName(p, "prod", "Flannel"), t.String())
	}
	return ""
}

// rollouts are those of the hub, in the order in which they were opened.
func (w *reality) rollouts() []v1alpha1.AddonRollout {
	w.Helper()
	var list v1alpha1.AddonRolloutList
	must(w.T, w.hub.List(w.Context(), &list))
	slices.SortFunc(list.Items, func(a, b v1alpha1.AddonRollout) int {
		at := func(x v1alpha1.AddonRollout) time.Time {
			if x.Status.Opened == nil {
				return w.now.Add(1)
			}
			return x.Status.Opened.Time
		}
		return cmp.Or(at(a).Compare(at(b)), cmp.Compare(a.Name, b.Name))
	})
	return list.Items
}

func (w *reality) rollout(name string) v1alpha1.AddonRolloutStatus {
	w.Helper()
	var x v1alpha1.AddonRollout
	must(w.T, w.hub.Get(w.Context(), client.ObjectKey{Name: name}, &x))
	return x.Status
}

// note writes down what changed.
func (w *reality) note(release string, before, after v1alpha1.AddonRolloutStatus) {
	if before.Phase != after.Phase {
		w.log[decided{w.now, release, ""}] = after.Phase
	}
	words := map[string]string{"Running": "started", "Done": "done", "Failed": "failed", "Unreachable": "unreachable", "Skipped": "skipped"}
	was := map[string]string{}
	for _, m := range before.Members {
		was[m.Cluster] = fmt.Sprint(m.State, m.Back)
	}
	for _, m := range after.Members {
		if was[m.Cluster] != fmt.Sprint(m.State, m.Back) && m.State != "Pending" {
			what := words[m.State]
			if m.State == "Running" && m.Back {
				what = "back"
			}
			w.log[decided{w.now, release, m.Cluster}] = what
		}
	}
}

// begin draws how long the moves that were told now take, and whether they fail.
func (w *reality) begin(version string, before, after v1alpha1.AddonRolloutStatus) {
	tries := map[string]int32{}
	for _, m := range before.Members {
		tries[m.Cluster] = m.Tries
	}
	for _, m := range after.Members {
		if m.Tries == tries[m.Cluster] {
			continue
		}
		i := slices.IndexFunc(w.scenario.Clusters, func(c rollout.SimCluster) bool { return c.Name == m.Cluster })
		c := w.scenario.Clusters[i]
		w.left[c.Name] = c.Takes.P50
		bad := slices.ContainsFunc(w.scenario.Releases, func(r rollout.SimRelease) bool { return r.Version == version && r.Bad > 0 })
		w.bad[c.Name] = !m.Back && (c.Fails > 0 || bad)
	}
}

// act lets people do what the scenario says, or tells when they will.
func (w *reality) act(name string, s v1alpha1.AddonRolloutStatus) time.Time {
	w.Helper()
	of, wait, how := "", time.Duration(0), v1alpha1.Order{By: "people"}
	wave, approve := strings.CutPrefix(s.Who, "addonctl rollout approve --wave ")
	switch people := w.scenario.People; {
	case approve && people.Approve != nil:
		of, wait, how.Verb, how.Wave = "approve "+wave, *people.Approve, "approve", wave
	case s.Phase == string(rollout.Halted) && people.OnHalt != "":
		of, wait, how.Verb = people.OnHalt, people.After, people.OnHalt
	}
	if of != w.askedOf {
		w.asked, w.askedOf = w.now, of
	}
	if of == "" {
		return time.Time{}
	}
	if due := w.asked.Add(wait); w.now.Before(due) {
		return due
	}
	w.askedOf = ""
	change(w.T, w.hub, &v1alpha1.AddonRollout{}, name, func(x *v1alpha1.AddonRollout) {
		how.Number = int32(len(x.Spec.Orders) + 1)
		x.Spec.Orders = append(x.Spec.Orders, how)
	})
	return w.now.Add(time.Second)
}

// due is when something happens next that no decision knows of.
func (w *reality) due() time.Time {
	w.Helper()
	var at time.Time
	if w.next < len(w.scenario.Releases) {
		at = w.scenario.Releases[w.next].At
	}
	for _, r := range w.scenario.Releases[:w.next] {
		if r.Recalled.After(w.now) {
			at = earliest(at, r.Recalled)
		}
	}
	for _, c := range w.scenario.Clusters {
		if c.Until.After(w.now) {
			at = earliest(at, c.Until)
		}
		if a := w.hub.addon(w.T, c.Name); w.goesOn(c, a) {
			at = earliest(at, w.now.Add(max(0, w.left[c.Name])))
		}
		if _, until := w.away(c); until.After(w.now) {
			at = earliest(at, until)
		}
	}
	return at
}
