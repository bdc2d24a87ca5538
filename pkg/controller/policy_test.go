package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

func TestNamesOfRolloutsAreNamesAndNeverShared(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("p", 100)
	for name, c := range map[string]struct {
		policy, addOn, version, want string
	}{
		"as it is":                 {"prod", "Flannel", "0.27.3", "prod-flannel-0.27.3"},
		"two words":                {"prod", "OciVcnIpNative", "2.3.0", "prod-ocivcnipnative-2.3.0"},
		"what a name cannot have":  {"prod", "Flannel", "0.27.3+oke_1", "prod-flannel-0.27.3-oke-1-"},
		"dots beside other things": {"prod", "Flannel", "1.0.-a..b.", "prod-flannel-1.0-a.b-"},
		"too long":                 {long, strings.Repeat("A", 63), strings.Repeat("1", 128), long + "-" + strings.Repeat("a", 63) + "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := rolloutName(c.policy, c.addOn, c.version)
			if !strings.HasPrefix(got, c.want) || len(got) > 253 || strings.HasSuffix(c.want, "3") && got != c.want {
				t.Errorf("named %q, want %q", got, c.want)
			}
			if other := rolloutName(c.policy, c.addOn, c.version+"x"); other == got {
				t.Errorf("two releases share %q", got)
			}
		})
	}
	if a, b := rolloutName("p", "Flannel", "1.0.0+1"), rolloutName("p", "Flannel", "1.0.0_1"); a == b {
		t.Errorf("two releases share %q", a)
	}
}

// hubOf is a hub with policies, written as name=selector, and clusters that run the older release and would take the newer one, written as
// name=label; c3! is pinned.
func hubOf(builtIn bool, policies, clusters []string) records {
	var ps []v1alpha1.UpdatePolicy
	for _, p := range policies {
		name, selector, _ := strings.Cut(p, "=")
		ps = append(ps, v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UpdatePolicySpec{Selector: selector}})
	}
	var ns []v1alpha1.ClusterNetwork
	var as []v1alpha1.Addon
	for _, c := range clusters {
		name, label, _ := strings.Cut(c, "=")
		name, pinned := strings.CutSuffix(name, "!")
		s := resting()
		s.Network.Name, s.Network.Labels = name, map[string]string{"env": label}
		s.Addon.Name, s.Addon.Spec.Cluster = name+".flannel", name
		if pinned {
			s.Addon.Spec.Version = older
		}
		ns, as = append(ns, *s.Network), append(as, *s.Addon)
	}
	return newRecords(ps, ns, as, nil, nil, builtIn, &choices{})
}

func TestEveryClusterHasOnePolicyOrNone(t *testing.T) {
	t.Parallel()
	all := []string{"c1=dev", "c2=prod", "c3=lab"}
	for name, c := range map[string]struct {
		builtIn  bool
		policies []string
		want     string
	}{
		"no policy, and none built in":        {false, nil, "c1: c2: c3:"},
		"no policy":                           {true, nil, "c1: default c2: default c3: default"},
		"some":                                {true, []string{"a=env=dev", "b=env in (prod)"}, "c1: a c2: b c3: default"},
		"two that overlap":                    {true, []string{"a=env=dev", "b="}, "c1: a b c2: b c3: b"},
		"one that is named like the built-in": {true, []string{"default=env=dev"}, "c1: default c2: c3:"},
		"one that nobody can read: it may mean any cluster":    {true, []string{"a=env=dev", "b=env in (prod"}, "c1: a c2: c3:"},
		"one that cannot be followed still keeps its clusters": {true, []string{"a=env=dev"}, "c1: a c2: default c3: default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hubOf(c.builtIn, c.policies, all)
			var got []string
			for _, a := range r.addons {
				got = append(got, strings.TrimSpace(a.Spec.Cluster+": "+strings.Join(r.takers(a), " ")))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("taken (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPolicySaysWhatKeepsItFromBeingFollowed(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range v1alpha1.MaxRolloutMembers + 1 {
		many = append(many, fmt.Sprintf("m%d=dev", i))
	}
	for name, c := range map[string]struct {
		records records
		policy  v1alpha1.UpdatePolicySpec
		want    string
	}{
		"well": {hubOf(true, []string{"a=env=dev"}, []string{"c1=dev"}), v1alpha1.UpdatePolicySpec{Selector: "env=dev"}, "True Accepted: it is followed"},
		"an unknown zone": {
			hubOf(true, nil, nil),
			v1alpha1.UpdatePolicySpec{Windows: &v1alpha1.PolicyWindows{Deny: []v1alpha1.PolicyWindow{
				{Cron: "0 2 * * 6", Duration: metav1.Duration{Duration: time.Hour}, Zone: "Europe/Atlantis"},
			}}},
			"False Invalid: spec.windows.deny[0].zone: \"Europe/Atlantis\": want a zone of the IANA database",
		},
		"two faults": {
			hubOf(true, nil, nil),
			v1alpha1.UpdatePolicySpec{Selector: "env in (", Waves: []v1alpha1.PolicyWave{{Name: "a"}, {Name: "b", Selector: "x=y"}}},
			"False Invalid: spec.waves[0].selector: \"\": it takes every cluster",
		},
		"another one takes some of its clusters": {
			hubOf(true, []string{"a=env=dev", "b=env in (dev,prod)", "c=env=prod"}, []string{"c1=dev", "c2=prod", "c3=dev"}),
			v1alpha1.UpdatePolicySpec{Selector: "env=dev"},
			"False Overlaps: policy b takes Flannel of c1, c3 too: nothing is begun there",
		},
		"too many clusters": {
			hubOf(true, []string{"a=env=dev"}, many),
			v1alpha1.UpdatePolicySpec{Selector: "env=dev"},
			"False Invalid: spec.selector: \"env=dev\": want at most 4000 clusters, and it takes 4001 with Flannel",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.records.policyStatus(status.ReadPolicy("a", c.policy), nil, v1alpha1.UpdatePolicy{}).Conditions[0]
			if text := fmt.Sprintf("%s %s: %s", got.Status, got.Reason, got.Message); !strings.HasPrefix(text, c.want) {
				t.Errorf("it says  %s\nand not %s", text, c.want)
			}
		})
	}
}

// past is a rollout of policy a, written as "version phase"; closed ones say by whom.
func past(t *testing.T, text string, minute int) v1alpha1.AddonRollout {
	t.Helper()
	var v, phase, by string
	if n, _ := fmt.Sscan(text, &v, &phase, &by); n < 2 {
		t.Fatalf("rollout %q", text)
	}
	at := metav1.NewMicroTime(noon)
	v, leaves, _ := strings.Cut(v, "<")
	x := v1alpha1.AddonRollout{
		ObjectMeta: metav1.ObjectMeta{Name: rolloutName("a", "Flannel", v), CreationTimestamp: metav1.NewTime(noon.Add(time.Duration(minute) * time.Minute))},
		Spec:       v1alpha1.AddonRolloutSpec{Policy: "a", Addon: "Flannel", Version: v, Leaves: leaves},
		Status:     v1alpha1.AddonRolloutStatus{Phase: phase, Opened: &at},
	}
	switch phase {
	case "Aborted":
		x.Status.Aborted = by
	case "Undoing":
		x.Status.Undone, x.Status.Running = "somebody", 1
	case "Undone":
		x.Status.Undone = "somebody"
	}
	return x
}

func TestOneRolloutGoesOnAtATime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rollouts   string
		candidates string
		recalled   string
		want       string
	}{
		"nothing to do":                                         {"", "", "", ""},
		"a release comes":                                       {"", "0.27.3", "", "0.27.3"},
		"clusters would take different ones":                    {"", "0.27.3 0.28.0", "", "0.28.0"},
		"one is under way":                                      {"0.27.3 Rolling", "0.27.3", "", "0.27.3"},
		"all clusters of one are under way":                     {"0.27.3 Rolling", "", "", "0.27.3"},
		"a newer release ends it":                               {"0.27.3 Rolling", "0.28.0", "", "0.28.0"},
		"a newer release ends one that halted":                  {"0.27.3 Halted", "0.28.0", "", "0.28.0"},
		"a newer one has begun":                                 {"0.27.3 Aborted, 0.28.0 Waiting", "", "", "0.28.0"},
		"a newer one is through":                                {"0.27.3 Aborted, 0.28.0 Finished", "", "", ""},
		"it comes back for those that could not take the newer": {"0.27.3 Aborted, 0.28.0 Finished", "0.27.3", "", "0.27.3"},
		"the newer one waits for who cannot be reached":         {"0.27.3 Aborted, 0.28.0 CatchingUp", "0.27.3", "", "0.27.3"},
		"somebody joins late":                                   {"0.27.3 Finished", "0.27.3", "", "0.27.3"},
		"somebody ended it":                                     {"0.27.3 Aborted somebody", "0.27.3", "", ""},
		"somebody took it back":                                 {"0.27.3 Undone", "0.27.3", "", ""},
		"it is being taken back, and a newer one comes":         {"0.27.3 Undoing", "0.28.0", "", "0.27.3"},
		"recalled":                             {"0.27.3 Recalled", "0.27.3", "0.27.3", ""},
		"recalled, and an older one is wanted": {"0.26.9 Finished, 0.27.3 Recalled", "0.26.9", "0.27.3", "0.26.9"},
		"away from a recalled one":             {"0.27.3 Recalled", "0.26.2<0.27.3", "0.27.3", "0.26.2<0.27.3"},
		"away comes before a newer one":        {"0.28.0 Rolling", "0.28.0 0.26.2<0.27.3", "0.27.3", "0.26.2<0.27.3"},
		"away to two, the newer first":         {"", "0.26.2<0.27.3 0.28.0<0.27.3", "0.27.3", "0.28.0<0.27.3"},
		"away, and nobody wants any more":      {"0.26.2<0.27.3 Rolling", "", "0.27.3", "0.26.2<0.27.3"},
		"away, and through":                    {"0.26.2<0.27.3 Finished", "0.28.0", "0.27.3", "0.28.0"},
		"away, and somebody ended it":          {"0.26.2<0.27.3 Aborted ana", "0.28.0 0.26.2<0.27.3", "0.27.3", "0.28.0"},
		"away from what is not recalled now":   {"0.26.2<0.27.3 Rolling", "0.27.3", "", "0.27.3"},
		"away, to one that halted":             {"0.28.0 Halted", "0.28.0<0.27.3 0.26.2<0.27.3", "0.27.3", "0.26.2<0.27.3"},
		"away, to one that people ended":       {"0.28.0 Aborted ana", "0.28.0<0.27.3", "0.27.3", ""},
		"not recalled any more":                {"0.27.3 Recalled", "0.27.3", "", "0.27.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list []v1alpha1.AddonRollout
			for i, text := range strings.Split(c.rollouts, ", ") {
				if text != "" {
					list = append(list, past(t, text, i))
				}
			}
			var recalls []v1alpha1.Recall
			if c.recalled != "" {
				recalls = append(recalls, v1alpha1.Recall{Addon: "Flannel", Version: c.recalled, Reason: "x"})
			}
			r := newRecords(nil, nil, nil, list, recalls, false, &choices{})
			var candidates []rollout.Target
			for v := range strings.FieldsSeq(c.candidates) {
				to, from, _ := strings.Cut(v, "<")
				candidates = append(candidates, rollout.Target{Version: to, Leaves: from})
			}
			got := r.automatic().Active("a", "Flannel", candidates)
			if text := strings.TrimSuffix(got.Version+"<"+got.Leaves, "<"); text != c.want {
				t.Errorf("%q goes on, want %q", text, c.want)
			}
		})
	}
}

func TestRolloutsAreOpenedForThoseWhoWouldTakeARelease(t *testing.T) {
	t.Parallel()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	day := metav1.Duration{Duration: 24 * time.Hour}
	hub := func(change func(*records)) records {
		r := hubOf(true, []string{"a=env=dev", "b=env=both", "c=env in (both)"}, []string{"c1=dev", "c2!=dev", "c3=both", "c4=lab"})
		change(&r)
		return r
	}
	same := func(*records) {}
	for name, c := range map[string]struct {
		records records
		policy  string
		want    string
	}{
		"a cluster would take a newer one":     {hub(same), "a", "a-flannel-0.27.3"},
		"only clusters that two policies take": {hub(same), "b", ""},
		"clusters that nobody takes":           {hub(same), "default", "default-flannel-0.27.3"},
		"it is there":                          {hub(func(r *records) { x := past(t, "0.27.3 Rolling", 0); r.rollouts = append(r.rollouts, &x) }), "a", ""},
		"the policy is paused":                 {hub(func(r *records) { r.policies[0].Spec.Paused = true }), "a", ""},
		"the policy has a fault":               {hub(func(r *records) { r.policies[0].Faults = []error{fmt.Errorf("x")} }), "a", ""},
		"the release was recalled":             {hub(func(r *records) { r.recalls = []v1alpha1.Recall{{Addon: "Flannel", Version: newer}} }), "a", ""},
		"a cluster runs a recalled release": {hub(func(r *records) {
			r.recalls = []v1alpha1.Recall{{Addon: "Flannel", Version: newer}}
			r.policies[0].Spec.MinimumAge = &day // nobody knows the day, and nobody asks
			r.addons[0].Status.CurrentInstalledVersion, r.addons[0].Status.NewestFit = newer, older
		}), "a", "a-flannel-0.26.2-from-0.27.3"},
		"it would leave a recalled one for one that halted": {hub(func(r *records) {
			r.recalls = []v1alpha1.Recall{{Addon: "Flannel", Version: older}}
			x := past(t, "0.27.3 Halted", 0)
			r.rollouts = append(r.rollouts, &x)
		}), "a", "nothing leaves the recalled Flannel 0.26.2 for 0.27.3, whose rollout a-flannel-0.27.3 was halted or ended: pin a release, or update by hand"},
		"it would leave one that is recalled no more": {hub(func(r *records) {
			r.addons[0].Status.CurrentInstalledVersion, r.addons[0].Status.NewestFit = newer, older
		}), "a", ""},
		"it was recalled before, and is again": {hub(func(r *records) {
			x := past(t, "0.26.2<0.27.3 Finished", 0)
			x.Name = "a-flannel-0.26.2-from-0.27.3"
			r.rollouts = append(r.rollouts, &x)
			r.recalls = []v1alpha1.Recall{{Addon: "Flannel", Version: newer, At: &metav1.Time{Time: noon.Add(time.Hour)}}}
			r.addons[0].Status.CurrentInstalledVersion, r.addons[0].Status.NewestFit = newer, older
		}), "a", "a-flannel-0.26.2-from-0.27.3-2"},
		"the cluster is paused":        {hub(func(r *records) { r.networks["c1"].Spec.Paused = true }), "a", ""},
		"the cluster runs a newer one": {hub(func(r *records) { r.addons[0].Status.CurrentInstalledVersion = newestOf }), "a", ""},
		"somebody moves the cluster":   {hub(func(r *records) { r.addons[0].Spec.MoveTo = older }), "a", ""},
		"nobody knows the release's day": {hub(func(r *records) {
			r.policies[0].Spec.MinimumAge, r.addons[0].Status.NewestFit = &day, "0.99.0"
		}), "a", "Flannel 0.99.0 has no known day, and the policy wants releases that are at least 24h0m0s old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := c.records.policy(c.policy)
			open, waits := c.records.openings(p, shipped)
			for _, o := range open {
				waits = append(waits, o.name)
			}
			if diff := cmp.Diff(c.want, strings.Join(waits, ", ")); diff != "" {
				t.Errorf("opened (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRolloutsThatEndedAreForgotten(t *testing.T) {
	t.Parallel()
	var list []v1alpha1.AddonRollout
	for i := range keptRollouts + 3 {
		x := past(t, fmt.Sprintf("0.%d.0 Finished", i), i)
		switch i {
		case 0:
			x.Status.Phase = "CatchingUp"
			x.Status.Unreachable = 1
		case 1:
			x.Status.Phase = "Halted"
		}
		list = append(list, x)
	}
	list = append(list, past(t, "0.90.0 Rolling", 90))
	r := newRecords(nil, nil, nil, list, nil, false, &choices{})
	var got []string
	for _, x := range r.surplus("a") {
		got = append(got, x.Name)
	}
	if diff := cmp.Diff([]string{"a-flannel-0.2.0"}, got); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
}
