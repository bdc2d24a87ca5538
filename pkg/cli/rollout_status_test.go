package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

var fleetNoon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func minute(n int) *metav1.MicroTime {
	return &metav1.MicroTime{Time: fleetNoon.Add(time.Duration(n) * time.Minute)}
}

// underWay is a rollout of which a wave of ten began at noon: some are done, one every ten minutes.
func underWay(done int) v1alpha1.AddonRollout {
	r := v1alpha1.AddonRollout{
		ObjectMeta: metav1.ObjectMeta{Name: "fleet-flannel-0.27.3"},
		Spec:       v1alpha1.AddonRolloutSpec{Policy: "fleet", Addon: "Flannel", Version: "0.27.3"},
		Status: v1alpha1.AddonRolloutStatus{
			Phase: "Rolling", Wave: "prod", Why: "wave prod", Opened: minute(-60), Clusters: 11, Running: 1, Done: int32(done + 1),
			Waves: []v1alpha1.RolloutWave{
				{Name: "canary", Started: minute(-60), Ended: minute(-40), Approved: "jane", Clusters: 1, Done: 1}, {Name: "prod", Started: minute(0), Clusters: 10, Done: int32(done)},
			},
			Members: []v1alpha1.RolloutMember{{Cluster: "canary", State: "Done", Since: minute(-40), Tries: 1, From: "0.26.2"}},
		},
	}
	for i := range 10 {
		m := v1alpha1.RolloutMember{Cluster: fmt.Sprintf("prod-%02d", i+1), Wave: 1, State: "Pending", Since: minute(-60)}
		switch {
		case i < done:
			m.State, m.Since, m.Tries, m.From = "Done", minute(10*(i+1)), 1, "0.26.2"
		case i == done:
			m.State, m.Since, m.Tries, m.From = "Running", minute(10*done), 1, "0.26.2"
		}
		r.Status.Members = append(r.Status.Members, m)
	}
	return r
}

// It would catch an end that is told where nobody can know it.
func TestTheEndOfAWaveIsToldWhereThatIsHonest(t *testing.T) {
	t.Parallel()
	change := func(f func(*v1alpha1.AddonRolloutStatus)) v1alpha1.AddonRolloutStatus {
		r := underWay(4)
		f(&r.Status)
		return r.Status
	}
	for name, c := range map[string]struct {
		status v1alpha1.AddonRolloutStatus
		after  int
		want   *waveETA
	}{
		"four in forty minutes, six to come": {underWay(4).Status, 45, &waveETA{Wave: "prod", At: minute(100).Time, Of: 4, Left: 6}},
		"one is no pace":                     {underWay(1).Status, 15, nil},
		"slower than before":                 {underWay(4).Status, 101, nil},
		"none is left":                       {underWay(10).Status, 100, nil},
		"not under way":                      {change(func(s *v1alpha1.AddonRolloutStatus) { s.Phase = "Soaking" }), 45, nil},
		"not begun":                          {change(func(s *v1alpha1.AddonRolloutStatus) { s.Waves[1].Started = nil }), 45, nil},
		"no wave":                            {change(func(s *v1alpha1.AddonRolloutStatus) { s.Wave = "" }), 45, nil},
		"who had it already is no pace": {change(func(s *v1alpha1.AddonRolloutStatus) {
			for i := range s.Members {
				s.Members[i].Tries = 0
			}
		}), 45, nil},
		"who catches up does not count": {
			change(func(s *v1alpha1.AddonRolloutStatus) { s.Members[10].Late, s.Members[4].CatchesUp = true, true }), 45,
			&waveETA{Wave: "prod", At: minute(80).Time, Of: 3, Left: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, etaOf(c.status, minute(c.after).Time)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestARolloutIsShown(t *testing.T) {
	t.Parallel()
	r := underWay(4)
	r.Spec.Orders = []v1alpha1.Order{{Number: 1, Verb: "approve", Wave: "canary", By: "jane"}, {Number: 2, Verb: "retry", Clusters: []string{"prod-09"}, By: "joe", Reason: "mended"}}
	r.Status.Obeyed, r.Status.Refused = 1, "order 1, dance by jane: nobody knows it"
	r.Status.Members[9].State, r.Status.Members[9].Reason, r.Status.Members[9].Since = "Failed", "the agents crash", minute(30)
	r.Status.Failed = 1
	spec := v1alpha1.UpdatePolicySpec{Waves: []v1alpha1.PolicyWave{{Name: "canary"}, {Name: "prod", Approval: true}}}
	var text strings.Builder
	rolloutOf(r, spec, nil, minute(45).Time).table(&text, false)
	const want = `Flannel 0.27.3 by policy fleet: Rolling: wave prod; 5 of 11 clusters done, 1 under way, 1 failed
Wave prod is through about 2026-11-23 13:30, in 45m, at the pace of the 4 that are
Next: further clusters move as there is room
Not carried out yet: order 2, retry prod-09, by joe: mended
Refused: order 1, dance by jane: nobody knows it

WAVE     CLUSTERS   WAITING   UNDER WAY   DONE   FAILED   UNREACHABLE   SKIPPED   STARTED            ENDED              APPROVAL
canary   1          0         0           1      0        0             0         2026-11-23 11:00   2026-11-23 11:20   jane
prod     10         4         1           4      1        0             0         2026-11-23 12:00   -                  needed

CLUSTER   WAVE   STATE     SINCE   FROM   REASON
prod-09   prod   Failed    15m     -      the agents crash
prod-05   prod   Running   5m      0.26.2
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A rollout goes on as long as one of those is at work who may decide on it, or nobody can tell. What has ended needs nobody.
func TestARolloutThatNobodyDecidesOnGoesNowhere(t *testing.T) {
	t.Parallel()
	live, unseen := managerReport{Name: "ns/a"}, managerReport{Name: "ns/b", Silent: "has no Lease: it does not run, or runs without leader election"}
	silent := managerReport{Name: "ns/c", Silent: "has not renewed its Lease since 2026-11-23 12:00, 1h ago", Since: minute(0).Time}
	for name, c := range map[string]struct {
		managers []managerReport
		phase    string
		want     bool
	}{
		"nobody is known":              {nil, "Rolling", false},
		"one is at work":               {[]managerReport{live}, "Rolling", false},
		"one of two is at work":        {[]managerReport{silent, live}, "Rolling", false},
		"one is silent":                {[]managerReport{silent}, "Rolling", true},
		"one may run without a Lease":  {[]managerReport{unseen}, "Rolling", false},
		"one is silent, and it halted": {[]managerReport{silent}, "Halted", true},
		"one is silent, and it ended":  {[]managerReport{silent}, "Finished", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := underWay(4)
			r.Status.Phase = c.phase
			next := rolloutOf(r, v1alpha1.UpdatePolicySpec{}, c.managers, minute(60).Time).Next
			if got := strings.HasPrefix(next.What, "nothing, for nobody decides: the manager ns/c"); got != c.want || got != strings.Contains(next.Who, "get pods -n ns") {
				t.Errorf("%+v", next)
			}
		})
	}
}

// Thousands of clusters out of reach are no reason to print thousands of lines.
func TestManyClustersAreNotAllShown(t *testing.T) {
	t.Parallel()
	r := underWay(0)
	for i := range 200 {
		r.Status.Members = append(r.Status.Members, v1alpha1.RolloutMember{Cluster: fmt.Sprintf("x-%03d", i), Wave: 1, State: "Unreachable"})
	}
	for wide, want := range map[bool]int{false: 21, true: 211} {
		var text strings.Builder
		rolloutOf(r, v1alpha1.UpdatePolicySpec{}, nil, minute(1).Time).table(&text, wide)
		if got := strings.Count(text.String(), "Unreachable") + strings.Count(text.String(), "prod-") + strings.Count(text.String(), "canary    "); got > want {
			t.Errorf("wide %t: %d clusters, at most %d", wide, got, want)
		}
		if more := strings.Contains(text.String(), "and 181 more (-o wide)"); more == wide {
			t.Errorf("wide %t: and so many more: %t", wide, more)
		}
	}
}

// What comes next is told for every phase, with the name of the rollout in every command.
func TestWhatComesNextInARollout(t *testing.T) {
	t.Parallel()
	for phase, c := range map[string]struct{ who, want string }{
		"":           {"", "the manager decides who moves first"},
		"Rolling":    {"", "further clusters move as there is room"},
		"Waiting":    {"", "it goes on by itself at 2026-11-23 12:30, in 15m"},
		"Soaking":    {"addonctl rollout approve --wave prod", "it goes on by itself at 2026-11-23 12:30, in 15m: addonctl rollout approve r --wave prod"},
		"Approval":   {"addonctl rollout approve --wave prod", "it waits for somebody: addonctl rollout approve r --wave prod"},
		"Paused":     {"addonctl rollout resume", "it waits for somebody: addonctl rollout resume r"},
		"Halted":     {"somebody has to look: addonctl rollout retry, resume, undo or abort", "it is halted: somebody has to look: addonctl rollout retry r, resume, undo or abort"},
		"CatchingUp": {"whoever can", "those that are out of reach move when they are back: whoever can"},
		"Undoing":    {"", "clusters go back as there is room"},
		"Undone":     {"addonctl rollout retry, or somebody mends them", "clusters are left: addonctl rollout retry r, or somebody mends them"},
		"Finished":   {"", "nothing: it has ended"},
		"Aborted":    {"", "nothing: it has ended"},
		"Recalled":   {"", "nothing while the recall stands: clusters that run the release leave it by a rollout of its own, pinned ones wait for their operator"},
	} {
		r := v1alpha1.AddonRollout{ObjectMeta: metav1.ObjectMeta{Name: "r"}, Status: v1alpha1.AddonRolloutStatus{Phase: phase, Who: c.who, Next: minute(30)}}
		if got := nextStepOf(r).text(minute(15).Time); got != c.want {
			t.Errorf("%s: %q, want %q", phase, got, c.want)
		}
	}
}
