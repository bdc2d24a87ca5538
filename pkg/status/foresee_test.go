package status_test

import (
	gocmp "cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// inHub is a cluster as the records of a hub tell it: automatic, on 0.26.2, within reach, of tier prod; nobody knows a newer release yet.
func inHub(name string, change func(*v1alpha1.ClusterNetwork, *v1alpha1.Addon)) status.Fleet {
	n := v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"tier": "prod", "region": "eu"}}}
	n.Status.KubernetesVersion = "v1.34.1"
	n.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue}}
	a := v1alpha1.Addon{
		ObjectMeta: metav1.ObjectMeta{Name: name + ".flannel"},
		Spec:       v1alpha1.AddonSpec{Cluster: name, Addon: "Flannel"},
		Status: v1alpha1.AddonStatus{
			CurrentInstalledVersion: "0.26.2", NewestFit: "0.26.2", NodeVersions: []v1alpha1.NodeVersion{{Version: "0.26.2", Nodes: 3}},
		},
	}
	change(&n, &a)
	return status.Fleet{Networks: []v1alpha1.ClusterNetwork{n}, Addons: []v1alpha1.Addon{a}}
}

func as(*v1alpha1.ClusterNetwork, *v1alpha1.Addon) {}

// Each cluster takes part in what would happen as its record stands.
func TestWhatWouldHappenIsForeseenFromTheRecords(t *testing.T) {
	t.Parallel()
	prod := v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "prod"}, Spec: v1alpha1.UpdatePolicySpec{
		Selector: "tier", Waves: []v1alpha1.PolicyWave{{Name: "canary", Selector: "tier=canary"}, {Name: "rest", Selector: "tier=prod"}},
	}}
	other := func(selector string) []v1alpha1.UpdatePolicy {
		return []v1alpha1.UpdatePolicy{
			{ObjectMeta: metav1.ObjectMeta{Name: "prod"}, Spec: v1alpha1.UpdatePolicySpec{Selector: "x=y"}}, // FILE takes its place
			{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: v1alpha1.UpdatePolicySpec{Selector: selector}},
		}
	}
	for name, c := range map[string]struct {
		change   func(*v1alpha1.ClusterNetwork, *v1alpha1.Addon)
		policies []v1alpha1.UpdatePolicy
		want     string
	}{
		"it takes the release":  {as, nil, "moves in wave 1 from 0.26.2"},
		"of the first wave":     {func(n *v1alpha1.ClusterNetwork, _ *v1alpha1.Addon) { n.Labels["tier"] = "canary" }, nil, "moves in wave 0 from 0.26.2"},
		"of no wave":            {func(n *v1alpha1.ClusterNetwork, _ *v1alpha1.Addon) { n.Labels["tier"] = "lab" }, nil, "no wave takes it"},
		"of no policy":          {func(n *v1alpha1.ClusterNetwork, _ *v1alpha1.Addon) { delete(n.Labels, "tier") }, nil, "not taken"},
		"of another policy too": {as, other("region=eu"), "it is taken by the policies other, prod"},
		"of this policy alone":  {as, other("region=us"), "moves in wave 1 from 0.26.2"},
		"pinned":                {func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) { a.Spec.Version = "0.26.2" }, nil, "is pinned to 0.26.2"},
		"paused":                {func(n *v1alpha1.ClusterNetwork, _ *v1alpha1.Addon) { n.Spec.Paused = true }, nil, "is paused"},
		"put back from it": {func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) {
			a.Status.Held = []v1alpha1.HeldRelease{{Version: "0.27.3", Reason: "DNS"}}
		}, nil, "was put back from it: DNS"},
		"out of reach":                       {func(n *v1alpha1.ClusterNetwork, _ *v1alpha1.Addon) { n.Status.Conditions = nil }, nil, "moves in wave 1 from 0.26.2, away"},
		"of a Kubernetes that it is not for": {func(n *v1alpha1.ClusterNetwork, _ *v1alpha1.Addon) { n.Status.KubernetesVersion = "v1.20.0" }, nil, "is not made for v1.20.0"},
		"known there, and an older one fits": {func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) { a.Status.NewestFit = "0.28.0" }, nil, "0.28.0 is the newest that fits"},
		"moved by somebody":                  {func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) { a.Spec.MoveTo = "0.24.4" }, nil, "moves to 0.24.4 for somebody"},
		"it has it": {func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) {
			a.Status.CurrentInstalledVersion, a.Status.NodeVersions = "v0.27.3", nil
		}, nil, "has it already"},
		"of another add-on":                    {func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) { a.Spec.Addon = "Calico" }, nil, "not taken"},
		"not installed":                        {func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) { a.Status.CurrentInstalledVersion = "" }, nil, "it is not installed"},
		"a policy of all that nobody can read": {as, other("env in ("), "moves in wave 1 from 0.26.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := inHub("c1", c.change)
			f.Policies = c.policies
			s := status.Foresee(f, prod, status.Coming{
				AddOn: "Flannel", Version: "0.27.3", At: now, For: time.Hour,
				Unfit: func(n *v1alpha1.ClusterNetwork) string {
					if n.Status.KubernetesVersion == "v1.20.0" {
						return "is not made for v1.20.0"
					}
					return ""
				},
			})
			got := "not taken"
			for _, x := range s.Clusters {
				if got = gocmp.Or(x.Unfit, x.Refuses["0.27.3"]); got == "" {
					got = fmt.Sprintf("moves in wave %d from %s", x.Wave, x.Version)
				}
				if len(x.Outages) > 0 {
					got += ", away"
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("foreseen (-want +got):\n%s", diff)
			}
		})
	}
}

// Where managers know a release, the record of each cluster tells whether it would take it, and nothing is assumed.
func TestAReleaseThatIsKnownIsNotAssumedToFit(t *testing.T) {
	t.Parallel()
	f := inHub("c1", as)
	g := inHub("c2", func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) { a.Status.NewestFit = "0.27.3" })
	f.Networks, f.Addons = append(f.Networks, g.Networks...), append(f.Addons, g.Addons...)
	p := v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "prod"}}
	s := status.Foresee(f, p, status.Coming{AddOn: "Flannel", Version: "0.27.3", At: now, For: time.Hour})
	var got []string
	for _, c := range s.Clusters {
		got = append(got, c.Name+": "+c.Unfit+c.Refuses["0.27.3"])
	}
	if diff := cmp.Diff([]string{"c1: 0.26.2 is the newest that fits", "c2: "}, got); diff != "" {
		t.Errorf("foreseen (-want +got):\n%s", diff)
	}
	if v := f.With(p).Next("prod", "Flannel", now).Version; v != "0.27.3" {
		t.Errorf("the newest that a cluster would take is %q", v)
	}
	if v := f.Next("prod", "Flannel", now).Version; v != "" {
		t.Errorf("a policy that is not there would bring %q", v)
	}
}

// How long moves take is told by waves of one cluster that came through at once, and by no others.
func TestHowLongMovesTakeIsToldByRollouts(t *testing.T) {
	t.Parallel()
	at := func(minute int) *metav1.MicroTime {
		m := metav1.NewMicroTime(now.Add(time.Duration(minute) * time.Minute))
		return &m
	}
	wave := func(minutes int, change func(*v1alpha1.RolloutMember)) v1alpha1.AddonRollout {
		m := v1alpha1.RolloutMember{Cluster: "c1", State: "Done", Tries: 1, Since: at(minutes)}
		change(&m)
		return v1alpha1.AddonRollout{
			Spec:   v1alpha1.AddonRolloutSpec{Addon: "Flannel"},
			Status: v1alpha1.AddonRolloutStatus{Waves: []v1alpha1.RolloutWave{{Name: "canary", Started: at(0)}, {Name: "rest"}}, Members: []v1alpha1.RolloutMember{m}},
		}
	}
	well := func(*v1alpha1.RolloutMember) {}
	two := wave(50, well)
	two.Status.Members = append(two.Status.Members, v1alpha1.RolloutMember{Cluster: "c2", State: "Done", Tries: 1, Since: at(60)})
	calico := wave(70, well)
	calico.Spec.Addon = "Calico"
	took, n := status.Took([]v1alpha1.AddonRollout{
		wave(10, well), wave(30, well), wave(20, well), two, calico,
		wave(80, func(m *v1alpha1.RolloutMember) { m.Tries = 2 }), wave(90, func(m *v1alpha1.RolloutMember) { m.State = "Failed" }),
		wave(95, func(m *v1alpha1.RolloutMember) { m.Late = true }),
	}, "Flannel")
	if want := (rollout.Spread{P50: 20 * time.Minute, P95: 30 * time.Minute}); n != 3 || took != want {
		t.Errorf("%d waves tell %v, want 3 that tell %v", n, took, want)
	}
}

// A release whose day is known waits for its age from that day on, and a simulation of what was foreseen says until when.
func TestAYoungReleaseIsForeseenToWait(t *testing.T) {
	t.Parallel()
	p := v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "prod"}, Spec: v1alpha1.UpdatePolicySpec{MinimumAge: &metav1.Duration{Duration: 72 * time.Hour}}}
	s := status.Foresee(inHub("c1", as), p, status.Coming{
		AddOn: "Flannel", Version: "0.27.3", At: now, Day: now.Add(-24 * time.Hour), For: 24 * time.Hour, Takes: rollout.Spread{P50: time.Hour},
	})
	r, err := rollout.Simulate(s, func(string) rollout.Chance { return nil })
	if err != nil {
		t.Fatal(err)
	}
	x := r.Rollouts[0]
	if want := now.Add(48 * time.Hour).UTC().Format(time.DateOnly); x.Phase != rollout.Waiting || !strings.Contains(x.Why, want) {
		t.Errorf("%s: %s, want it to wait until %s", x.Phase, x.Why, want)
	}
}

// Who runs a recalled release leaves it in what is foreseen, for what the record has as the newest that fits; and a pin that ends in that time counts as
// the policy says. A foresight by a rule of its own, which asks only whether something newer fits, plays neither.
func TestRecallsAndEndsOfPinsAreForeseen(t *testing.T) {
	t.Parallel()
	sits := func(_ *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) {
		a.Status.CurrentInstalledVersion, a.Status.NewestFit = "0.27.3", "0.26.2"
		a.Status.NodeVersions[0].Version = "0.27.3"
	}
	pinned := func(until time.Time) func(*v1alpha1.ClusterNetwork, *v1alpha1.Addon) {
		return func(n *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) {
			sits(n, a)
			a.Spec.Version, a.Spec.Pin = "0.27.3", &v1alpha1.Pin{Reason: "r", Until: &metav1.Time{Time: until}}
		}
	}
	for name, c := range map[string]struct {
		change   func(*v1alpha1.ClusterNetwork, *v1alpha1.Addon)
		onPinEnd string
		catalog  bool
		want     string
	}{
		"it leaves":                            {sits, "", false, "0.26.2 from 0.27.3: 0.26.2 from 0.27.3 Finished Done"},
		"it leaves what the catalog has so":    {sits, "", true, "0.26.2 from 0.27.3: 0.26.2 from 0.27.3 Finished Done"},
		"it is pinned until later":             {pinned(now.Add(time.Hour)), v1alpha1.OnPinEndAutomatic, false, "0.26.2 from 0.27.3: 0.26.2 from 0.27.3 Finished Done"},
		"it is pinned, and the policy warns":   {pinned(now.Add(time.Hour)), v1alpha1.OnPinEndWarn, false, ": 0.26.2 Finished"},
		"its pin has ended":                    {pinned(now.Add(-time.Hour)), v1alpha1.OnPinEndAutomatic, false, "0.26.2 from 0.27.3: 0.26.2 from 0.27.3 Finished Done"},
		"its pin ends after what is looked at": {pinned(now.Add(96 * time.Hour)), v1alpha1.OnPinEndAutomatic, false, ": 0.26.2 Finished"},
		"its pin ends, and the cluster is paused": {func(n *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) {
			pinned(now.Add(time.Hour))(n, a)
			n.Spec.Paused = true
		}, v1alpha1.OnPinEndAutomatic, false, ": 0.26.2 Finished"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := inHub("c1", c.change)
			if c.catalog {
				f.Withdrawn = func(_, v string) bool { return v == "0.27.3" }
			} else {
				f.Catalog = &v1alpha1.AddonCatalog{Spec: v1alpha1.AddonCatalogSpec{Recalls: []v1alpha1.Recall{{Addon: "Flannel", Version: "0.27.3"}}}}
			}
			p := v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "prod"}, Spec: v1alpha1.UpdatePolicySpec{OnPinEnd: c.onPinEnd}}
			got := f.With(p).Next("prod", "Flannel", now.Add(2*time.Hour)).String() + ":"
			r, err := rollout.Simulate(status.Foresee(f, p, status.Coming{
				AddOn: "Flannel", Version: "0.26.2", At: now, For: 72 * time.Hour, Takes: rollout.Spread{P50: time.Hour},
			}), func(string) rollout.Chance { return sure{} })
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range r.Rollouts {
				got += fmt.Sprintf(" %s %s", x.Target(), x.Phase)
				for _, m := range x.Record.Members {
					got += " " + string(m.State)
				}
			}
			if got != c.want {
				t.Errorf("foreseen %q, want %q", got, c.want)
			}
		})
	}
}

// sure is a chance without chance.
type sure struct{}

func (sure) Float64() float64     { return 0.5 }
func (sure) NormFloat64() float64 { return 0 }
func (sure) ExpFloat64() float64  { return 1 }
