package status_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

var rolloutNoon = time.Date(2026, 3, 2, 12, 0, 0, 123456000, time.UTC)

// stored is a status as it comes back from an API server, changed by somebody on the way.
func stored(t interface{ Fatal(args ...any) }, st v1alpha1.AddonRolloutStatus, change func(map[string]any)) v1alpha1.AddonRolloutStatus {
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		change(doc)
		if text, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
	}
	var out v1alpha1.AddonRolloutStatus
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// cast is a cluster of the fleet below.
type cast struct {
	Away, Pinned, Gone, Bad, Hangs bool
	version, moving, failed        string
	left                           int
	moved                          time.Time
}

// pair is a rollout that is decided on twice: with the record in memory, and with what came back from the API server.
type pair struct {
	rules    rollout.Rules
	spec     v1alpha1.AddonRolloutSpec
	waves    int
	clusters map[string]*cast
	of       map[string]int
	now      time.Time
	recalled string
	memory   rollout.Record
	read     v1alpha1.AddonRolloutStatus
	change   func(map[string]any)
}

func drawPair(t *rapid.T, change func(map[string]any)) *pair {
	soak, hung, away := time.Duration(rapid.IntRange(0, 3).Draw(t, "soak"))*time.Minute, 9*time.Minute, 3*time.Minute
	p := rollout.Policy{
		MaxConcurrent: rapid.SampledFrom([]string{"1", "2", "50%"}).Draw(t, "max"), FailureBudget: rapid.SampledFrom([]string{"0", "1", "30%"}).Draw(t, "budget"),
		Soak: &soak, HungAfter: &hung, AwayAfter: &away,
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "waves") {
		p.Waves = append(p.Waves, rollout.Wave{Name: fmt.Sprintf("w%d", i), Selector: "x", Approval: rapid.Bool().Draw(t, "approval")})
	}
	rules, err := rollout.NewRules(p)
	if err != nil {
		t.Fatal(err)
	}
	f := &pair{
		rules: rules, waves: len(p.Waves), clusters: map[string]*cast{}, of: map[string]int{}, now: rolloutNoon, change: change,
		spec: v1alpha1.AddonRolloutSpec{Policy: "fleet", Addon: "Flannel", Version: "2.0.0"},
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "clusters") {
		f.join(t, fmt.Sprintf("c%d", i))
	}
	before := f.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "age")) * time.Minute)
	f.memory = rollout.Open(f.rules, f.spec.Addon, f.spec.Version, before, f.reports(), f.now)
	f.read = stored(t, status.Rollout(v1alpha1.AddonRolloutStatus{}, 1, f.memory, rollout.Decision{}, ""), change)
	return f
}

func (f *pair) join(t *rapid.T, name string) {
	if f.clusters[name] == nil {
		f.clusters[name], f.of[name] = &cast{version: "1.0.0"}, rapid.IntRange(0, f.waves-1).Draw(t, "wave")
	}
}

func (f *pair) reports() []rollout.Report {
	var out []rollout.Report
	for _, name := range slices.Sorted(maps.Keys(f.clusters)) {
		c := f.clusters[name]
		if c.Gone {
			continue
		}
		out = append(out, rollout.Report{
			Cluster: name, Wave: f.of[name], Region: "eu", Reachable: !c.Away, Version: c.version, Settled: c.moving == "",
			Fit: !c.Pinned && c.failed == "", Unfit: "is pinned or held", Failed: c.failed, Progress: c.moved,
		})
	}
	return out
}

// tick is a minute; it fails when the two decisions differ.
func (f *pair) tick(t *rapid.T, orders []v1alpha1.Order) error {
	f.now = f.now.Add(time.Minute)
	for _, c := range f.clusters {
		if c.moving == "" || c.Away || c.Hangs {
			continue
		}
		if c.moved, c.left = f.now, c.left-1; c.left > 0 {
			continue
		}
		if c.Bad {
			c.failed = "broke"
		} else {
			c.version = c.moving
		}
		c.moving = ""
	}
	a, number, refused := status.Obey(f.memory, orders, f.read.Obeyed, f.now)
	b, again, refusedAgain := status.Obey(status.RolloutRecord(f.spec, f.read), orders, f.read.Obeyed, f.now)
	if number != again || refused != refusedAgain {
		return fmt.Errorf("obeyed %d (%s), and from what was stored %d (%s)", number, refused, again, refusedAgain)
	}
	want := rollout.Decide(f.rules, a, f.reports(), f.recalled, f.now)
	got := rollout.Decide(f.rules, b, f.reports(), f.recalled, f.now)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("at %s (-in memory +stored):\n%s", f.now.Format(time.TimeOnly), diff)
	}
	for _, s := range want.Start {
		c := f.clusters[s.Cluster]
		c.moving, c.failed, c.moved, c.left = "2.0.0", "", f.now, 2
		if s.Back {
			c.moving, c.Bad = "1.0.0", false
		}
	}
	f.memory = want.Record
	st := status.Rollout(f.read, 1, want.Record, want, f.recalled)
	st.Obeyed = number
	f.read = stored(t, st, f.change)
	return nil
}

// live lets anything happen.
func (f *pair) live(t *rapid.T) error {
	var orders []v1alpha1.Order
	for range rapid.IntRange(10, 50).Draw(t, "minutes") {
		if err := f.tick(t, orders); err != nil {
			return err
		}
		name := fmt.Sprintf("c%d", rapid.IntRange(0, 7).Draw(t, "who"))
		order := v1alpha1.Order{Number: int32(len(orders) + 1), By: "somebody"}
		what := rapid.IntRange(0, 21).Draw(t, "what")
		if c := f.clusters[name]; c != nil && what < 6 {
			toggle := []*bool{&c.Away, &c.Pinned, &c.Bad, &c.Hangs, &c.Gone, &c.Away}[what]
			*toggle = !*toggle
			continue
		}
		switch what {
		case 6:
			f.join(t, name)
		case 7, 8, 9, 10:
			order.Verb, order.Wave = status.Approve, fmt.Sprintf("w%d", rapid.IntRange(0, 3).Draw(t, "which"))
		case 11:
			order.Verb = status.Pause
		case 12, 13:
			order.Verb = status.Resume
		case 14, 15:
			order.Verb = status.Retry
		case 16:
			order.Verb, order.Clusters = status.Retry, []string{name}
		case 17:
			order.Verb = rapid.SampledFrom([]string{"", "", status.Undo, status.Abort}).Draw(t, "hard")
		case 18:
			f.recalled = rapid.SampledFrom([]string{"", "", "", "it is bad"}).Draw(t, "recalled")
		}
		if order.Verb != "" {
			orders = append(orders, order)
		}
	}
	return nil
}

// It would catch a field of the record that the status forgets, or a time that it rounds: who takes over would decide something else.
func TestARecordThatWasStoredIsDecidedOnAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for range 5 {
			if err := drawPair(t, nil).live(t); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The negative control: without any one of its fields the status is noticed to be less.
func TestAStatusThatForgetsIsNoticed(t *testing.T) {
	t.Parallel()
	ofMembers := func(field string) func(map[string]any) {
		return func(st map[string]any) {
			for _, m := range all(st["members"]) {
				delete(m, field)
			}
		}
	}
	ofWaves := func(field string) func(map[string]any) {
		return func(st map[string]any) {
			for _, w := range all(st["waves"]) {
				delete(w, field)
			}
		}
	}
	forgetful := map[string]func(map[string]any){
		"times to the second": func(st map[string]any) {
			for _, m := range all(st["members"]) {
				if at, ok := m["since"].(string); ok {
					m["since"] = at[:len("2006-01-02T15:04:05")] + ".000000Z"
				}
			}
		},
		"who comes first": func(st map[string]any) {
			if list, ok := st["members"].([]any); ok {
				slices.Reverse(list)
			}
		},
	}
	for _, f := range []string{"since", "region", "from", "back", "tries", "late", "catchesUp", "moved", "away", "forgiven", "reason"} {
		forgetful["member "+f] = ofMembers(f)
	}
	for _, f := range []string{"approved", "started", "ended"} {
		forgetful["wave "+f] = ofWaves(f)
	}
	for _, f := range []string{"opened", "notBefore", "paused", "aborted", "undone", "members"} {
		forgetful[f] = func(st map[string]any) { delete(st, f) }
	}
	for name, change := range forgetful {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range 2000 {
				one := rapid.Custom(func(t *rapid.T) error { return drawPair(t, change).live(t) })
				if one.Example(seed) != nil {
					return
				}
			}
			t.Error("nothing was noticed")
		})
	}
}

func all(list any) []map[string]any {
	var out []map[string]any
	items, _ := list.([]any)
	for _, i := range items {
		out = append(out, i.(map[string]any))
	}
	return out
}

func TestAPolicyIsReadAsItIsMeant(t *testing.T) {
	t.Parallel()
	day, hour := metav1.Duration{Duration: 24 * time.Hour}, metav1.Duration{Duration: time.Hour}
	percent, three := intstr.FromString("5%"), intstr.FromInt32(3)
	spec := v1alpha1.UpdatePolicySpec{
		Selector: "env", Addons: []string{"Flannel"}, MaxConcurrent: &percent, Soak: &day, FailureBudget: &three, MinimumAge: &day, OnWindowEnd: "stop",
		HungAfter: &hour, AwayAfter: &hour,
		Waves: []v1alpha1.PolicyWave{{Name: "a", Selector: "env=dev", MaxConcurrent: &three, Soak: &hour, Approval: true}, {Name: "b"}},
		Windows: &v1alpha1.PolicyWindows{
			Allow: []v1alpha1.PolicyWindow{{Cron: "0 20 * * 1-4", Duration: hour, Zone: "Europe/Berlin"}}, Deny: []v1alpha1.PolicyWindow{{Cron: "0 0 24 12 *", Duration: day}},
		},
	}
	want := rollout.Policy{
		Name: "fleet", Selector: "env", MaxConcurrent: "5%", Soak: &day.Duration, FailureBudget: "3", MinimumAge: 24 * time.Hour, OnWindowEnd: rollout.StopAtOnce,
		HungAfter: &hour.Duration, AwayAfter: &hour.Duration,
		Waves: []rollout.Wave{{Name: "a", Selector: "env=dev", MaxConcurrent: "3", Soak: &hour.Duration, Approval: true}, {Name: "b"}},
		Windows: rollout.Windows{
			Allow: []rollout.Window{{Cron: "0 20 * * 1-4", Duration: time.Hour, Zone: "Europe/Berlin"}}, Deny: []rollout.Window{{Cron: "0 0 24 12 *", Duration: 24 * time.Hour}},
		},
	}
	if diff := cmp.Diff(want, status.RolloutPolicy("fleet", spec)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rollout.Policy{Name: "none"}, status.RolloutPolicy("none", v1alpha1.UpdatePolicySpec{})); diff != "" {
		t.Errorf("what is not set is set (-want +got):\n%s", diff)
	}
	if faults := status.PolicyFaults("fleet", spec); len(faults) > 0 {
		t.Errorf("a good one: %v", faults)
	}
}

func TestWhatOnlyAControllerSeesIsNamedWithItsField(t *testing.T) {
	t.Parallel()
	hour := metav1.Duration{Duration: time.Hour}
	window := func(cron, zone string) *v1alpha1.PolicyWindows {
		return &v1alpha1.PolicyWindows{Deny: []v1alpha1.PolicyWindow{{Cron: "0 2 * * 6", Duration: hour}, {Cron: cron, Duration: hour, Zone: zone}}}
	}
	two := func(first, second string) v1alpha1.UpdatePolicySpec {
		return v1alpha1.UpdatePolicySpec{Waves: []v1alpha1.PolicyWave{{Name: "a", Selector: first}, {Name: "b", Selector: second}}}
	}
	for name, c := range map[string]struct {
		spec v1alpha1.UpdatePolicySpec
		want []string
	}{
		"nothing":              {v1alpha1.UpdatePolicySpec{}, nil},
		"an unknown zone":      {v1alpha1.UpdatePolicySpec{Windows: window("0 2 * * 6", "Mars/Olympus")}, []string{"spec.windows.deny[1].zone"}},
		"the machine's zone":   {v1alpha1.UpdatePolicySpec{Windows: window("0 2 * * 6", "Local")}, []string{"spec.windows.deny[1].zone"}},
		"a day that is none":   {v1alpha1.UpdatePolicySpec{Windows: window("0 2 31 2 *", "")}, []string{"spec.windows.deny[1].cron"}},
		"an hour that is none": {v1alpha1.UpdatePolicySpec{Windows: window("0 25 * * *", "")}, []string{"spec.windows.deny[1].cron"}},
		"no selector":          {two("env=a", "env in (b"), []string{"spec.waves[1].selector"}},
		"no selector of all":   {v1alpha1.UpdatePolicySpec{Selector: "=="}, []string{"spec.selector"}},
		"all in the first":     {two("", "env=b"), []string{"spec.waves[0].selector"}},
		"all in the last":      {two("env=a", ""), nil},
		"everything at once": {
			v1alpha1.UpdatePolicySpec{Selector: "a=b=c", Waves: two("", "!!").Waves, Windows: window("0 2 30 2 *", "")},
			[]string{"spec.waves[0].selector", "spec.windows.deny[1].cron", "spec.selector", "spec.waves[1].selector"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, err := range status.PolicyFaults("fleet", c.spec) {
				field, _, _ := strings.Cut(err.Error(), ":")
				got = append(got, field)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// at a time a rollout stands somewhere: one row per row of the table of its conditions.
func TestTheConditionsOfARollout(t *testing.T) {
	t.Parallel()
	soon := rolloutNoon.Add(time.Hour)
	for name, c := range map[string]struct {
		decision rollout.Decision
		want     []string
	}{
		"through":                     {rollout.Decision{Phase: rollout.Finished}, []string{"Ready=True Finished"}},
		"under way":                   {rollout.Decision{Phase: rollout.Rolling}, []string{"Ready=False Rolling", "Reconciling=True Rolling"}},
		"soaking, and to be approved": {rollout.Decision{Phase: rollout.Soaking, Who: "x", Next: soon}, []string{"Ready=False Soaking", "Reconciling=True Soaking"}},
		"until a window opens":        {rollout.Decision{Phase: rollout.Waiting, Next: soon}, []string{"Ready=False Waiting", "Reconciling=True Waiting"}},
		"no window opens":             {rollout.Decision{Phase: rollout.Waiting, Who: "x"}, []string{"Ready=False Waiting", "Stalled=True Waiting"}},
		"to be approved":              {rollout.Decision{Phase: rollout.Approval, Who: "x"}, []string{"Ready=False Approval", "Stalled=True Approval"}},
		"paused":                      {rollout.Decision{Phase: rollout.Paused, Who: "x"}, []string{"Ready=False Paused", "Stalled=True Paused"}},
		"halted":                      {rollout.Decision{Phase: rollout.Halted, Who: "x"}, []string{"Ready=False Halted", "Stalled=True Halted"}},
		"some out of reach":           {rollout.Decision{Phase: rollout.CatchingUp, Who: "x"}, []string{"Ready=False CatchingUp", "Stalled=True CatchingUp"}},
		"on the way back":             {rollout.Decision{Phase: rollout.Undoing}, []string{"Ready=False Undoing", "Reconciling=True Undoing"}},
		"back, but for some":          {rollout.Decision{Phase: rollout.Undone, Who: "x"}, []string{"Ready=False Undone", "Stalled=True Undone"}},
		"back":                        {rollout.Decision{Phase: rollout.Undone}, []string{"Ready=False Undone"}},
		"aborted":                     {rollout.Decision{Phase: rollout.Aborted}, []string{"Ready=False Aborted"}},
		"recalled":                    {rollout.Decision{Phase: rollout.Recalled}, []string{"Ready=False Recalled"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.decision.At = rolloutNoon
			st := status.Rollout(v1alpha1.AddonRolloutStatus{}, 7, rollout.Record{}, c.decision, "")
			var got []string
			for _, o := range st.Conditions {
				got = append(got, fmt.Sprintf("%s=%s %s", o.Type, o.Status, o.Reason))
				if !o.LastTransitionTime.Time.Equal(rolloutNoon) || o.ObservedGeneration != 7 {
					t.Errorf("%s at %s of generation %d", o.Type, o.LastTransitionTime, o.ObservedGeneration)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			c.decision.At = soon
			again := status.Rollout(st, 7, rollout.Record{}, c.decision, "")
			if diff := cmp.Diff(st.Conditions, again.Conditions); diff != "" {
				t.Errorf("what did not change has another time (-before +after):\n%s", diff)
			}
		})
	}
}

// inMany is a record of as many clusters as there can be, every one of which says much.
func inMany() rollout.Record {
	r := rollout.Record{AddOn: "Flannel", Version: "0.27.3", Opened: rolloutNoon, Waves: []rollout.WaveRecord{{Name: "prod", Started: rolloutNoon}}}
	for i := range v1alpha1.MaxRolloutMembers {
		r.Members = append(r.Members, rollout.Member{
			Cluster: fmt.Sprintf("customer-%04d-prod-eu-frankfurt-1", i), Region: "eu-frankfurt-1", State: rollout.Unreachable, Since: rolloutNoon, From: "0.26.2",
			Tries: 1, Moved: rolloutNoon, Away: rolloutNoon, Reason: strings.Repeat("é", 600),
		})
	}
	return r
}

// It would catch a status that no API server takes: etcd's limit is 1.5 MiB.
func TestTheStatusOfARolloutHasAnEnd(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 2000) + "\xff"
	r := inMany()
	r.Paused = long
	st := status.Rollout(v1alpha1.AddonRolloutStatus{}, 1, r, rollout.Decision{Phase: rollout.Halted, Why: long, Who: long, At: rolloutNoon}, long)
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 1400<<10 {
		t.Errorf("%d KiB for %d clusters", len(text)>>10, st.Clusters)
	}
	for name, c := range map[string]struct {
		text string
		most int
	}{
		"why": {st.Why, 1024}, "who": {st.Who, 1024}, "recalled": {st.Recalled, 1024}, "paused": {st.Paused, 1280}, "reason": {st.Members[0].Reason, 65},
	} {
		if len(c.text) > c.most || len(c.text) < c.most-2 {
			t.Errorf("%s has %d bytes of %d", name, len(c.text), c.most)
		}
	}
	r.Members = r.Members[:1]
	if few := status.Rollout(v1alpha1.AddonRolloutStatus{}, 1, r, rollout.Decision{}, ""); len(few.Members[0].Reason) != 512 {
		t.Errorf("one cluster says %d bytes", len(few.Members[0].Reason))
	}
}

func TestAStatusCounts(t *testing.T) {
	t.Parallel()
	r := rollout.Record{Waves: []rollout.WaveRecord{{Name: "a"}, {Name: "b"}}}
	for i, s := range []rollout.State{rollout.Done, rollout.Done, rollout.Failed, rollout.Running, rollout.Pending, rollout.Unreachable, rollout.Skipped} {
		r.Members = append(r.Members, rollout.Member{Cluster: fmt.Sprint(i), Wave: i / 4, State: s})
	}
	before := v1alpha1.AddonRolloutStatus{Obeyed: 3, Refused: "no"}
	got := status.Rollout(before, 2, r, rollout.Decision{Phase: rollout.Rolling, Wave: "b"}, "")
	got.Members, got.Conditions = nil, nil
	want := v1alpha1.AddonRolloutStatus{
		ObservedGeneration: 2, Phase: "Rolling", Wave: "b", Clusters: 7, Running: 1, Done: 2, Failed: 1, Unreachable: 1, Obeyed: 3, Refused: "no",
		Waves: []v1alpha1.RolloutWave{{Name: "a", Clusters: 4, Done: 2, Failed: 1}, {Name: "b", Clusters: 3}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Somebody else's hand in the status is no reason to panic.
func TestAMemberOfNoWaveIsLeftOut(t *testing.T) {
	t.Parallel()
	r := status.RolloutRecord(v1alpha1.AddonRolloutSpec{}, v1alpha1.AddonRolloutStatus{
		Waves: []v1alpha1.RolloutWave{{Name: "a"}}, Members: []v1alpha1.RolloutMember{{Cluster: "x", Wave: 1}, {Cluster: "y", Wave: -1}, {Cluster: "z"}},
	})
	if len(r.Members) != 1 || r.Members[0].Cluster != "z" {
		t.Errorf("members: %+v", r.Members)
	}
}
