package controller

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	older    = "0.26.2"
	newer    = "0.27.3"
	newestOf = "0.28.0"
)

// trip is the rollout that the tables below judge for.
func trip() status.Journey {
	return status.Journey{
		Name: "prod-flannel-0.27.3", Version: newer, Policy: status.ReadPolicy("prod", v1alpha1.UpdatePolicySpec{}),
		Waves: []rollout.WaveRecord{{Name: "all"}}, Siblings: []string{"prod-flannel-0.26.9"},
	}
}

// resting is an automatic add-on that runs the older release on every node, and would take the newer one.
func resting() status.Sight {
	return status.Sight{
		Takers: []string{"prod"}, Progress: noon.Add(-time.Hour),
		Network: &v1alpha1.ClusterNetwork{
			ObjectMeta: metav1.ObjectMeta{Name: "c1", Labels: map[string]string{"region": "eu"}},
			Status:     v1alpha1.ClusterNetworkStatus{Conditions: []metav1.Condition{{Type: "Reachable", Status: "True"}}},
		},
		Addon: &v1alpha1.Addon{
			ObjectMeta: metav1.ObjectMeta{Name: "c1.flannel", Generation: 4},
			Spec:       v1alpha1.AddonSpec{Cluster: "c1", Addon: "Flannel"},
			Status: v1alpha1.AddonStatus{
				ObservedGeneration: 4, CurrentInstalledVersion: older, NewestFit: newer, Nodes: &v1alpha1.NodeCounts{Total: 3, Updated: 3, Ready: 3},
				NodeVersions: []v1alpha1.NodeVersion{{Version: older, Nodes: 3}}, Conditions: []metav1.Condition{{Type: "Ready", Status: "True"}},
				History: []v1alpha1.HistoryEntry{{Revision: 3, Version: older, Status: "deployed"}, {Revision: 2, Version: older, Status: "superseded"}},
			},
		},
	}
}

// moving is resting after it was told, half way.
func moving() status.Sight {
	s := resting()
	s.Addon.Spec.MoveTo, s.Addon.Spec.Rollout = newer, &v1alpha1.AddonInRollout{Name: "prod-flannel-0.27.3"}
	s.Addon.Status.CurrentInstalledVersion, s.Addon.Status.NodeVersions = newer, []v1alpha1.NodeVersion{{Version: older, Nodes: 2}, {Version: newer, Nodes: 1}}
	return s
}

// arrived is moving after the move was made.
func arrived() status.Sight {
	s := moving()
	s.Addon.Spec.MoveTo, s.Addon.Status.NodeVersions = "", []v1alpha1.NodeVersion{{Version: newer, Nodes: 3}}
	return s
}

func running() *rollout.Member {
	return &rollout.Member{Cluster: "c1", State: rollout.Running, From: older, Tries: 1, Since: noon.Add(-time.Hour), Moved: noon.Add(-time.Hour)}
}

func pending() *rollout.Member { return &rollout.Member{Cluster: "c1", State: rollout.Pending} }

// goingBack is a member that is told to go back.
func goingBack() *rollout.Member {
	m := running()
	m.Back = true
	return m
}

// setOut is moving that goes back by the rollout.
func setOut() status.Sight {
	s := moving()
	s.Addon.Spec.MoveTo, s.Addon.Spec.Rollback = older, &v1alpha1.Rollback{Revision: 3, Leaves: newer}
	s.Addon.Status.Held = []v1alpha1.HeldRelease{{Version: newer}}
	return s
}

func but(s status.Sight, change func(*status.Sight)) status.Sight {
	change(&s)
	return s
}

func stall(s *status.Sight) {
	s.Addon.Status.Conditions = []metav1.Condition{{Type: "Stalled", Status: "True", Reason: "RollHalted", Message: "node-1 is not Ready"}}
}

// halfBack is moving that halted: the nodes that failed were put back, and the others wait for somebody.
func halfBack() status.Sight {
	s := setOut()
	s.Addon.Spec.Rollout, s.Addon.Status.CurrentInstalledVersion = nil, older
	s.Addon.Spec.Rollback.Nodes = []string{"node-1"}
	s.Addon.Status.Conditions = []metav1.Condition{{Type: "Stalled", Status: "True", Reason: "RollHalted"}}
	return s
}

// released is an add-on that holds nothing any more, because somebody wants it to be tried again.
func released(s *status.Sight) { s.Addon.Status.Held, s.Addon.Spec.Rollback.Leaves = nil, "" }

// retriedIn is a member that failed, and is tried again.
func retriedIn(s rollout.State) *rollout.Member {
	return &rollout.Member{Cluster: "c1", State: s, Tries: 1, From: older}
}

func TestRecordsAreReportedAsARolloutNeedsThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		member *rollout.Member
		sight  status.Sight
		// want is "fit" or why not; then "settled", "away", "failed: why", "moved" for a sign of progress now, and the version where it is not older.
		want string
	}{
		"a cluster that would take it":             {nil, resting(), "fit, settled"},
		"one that waits for its turn":              {pending(), resting(), "fit, settled"},
		"one that has it and is no member":         {nil, but(arrived(), func(s *status.Sight) { s.Addon.Spec.Rollout = nil }), "has it already, settled, 0.27.3"},
		"one that got it before its turn":          {pending(), but(arrived(), func(s *status.Sight) { s.Addon.Spec.Rollout = nil }), "fit, settled, 0.27.3"},
		"a version that is written in another way": {pending(), but(arrived(), func(s *status.Sight) { s.Addon.Status.CurrentInstalledVersion = "v0.27.3" }), "fit, settled, 0.27.3"},
		"pinned":                               {nil, but(resting(), func(s *status.Sight) { s.Addon.Spec.Version = older }), "is pinned to 0.26.2, settled"},
		"pinned while under way":               {running(), but(moving(), func(s *status.Sight) { s.Addon.Spec.Version, s.Addon.Spec.MoveTo = older, "" }), "is pinned to 0.26.2, 0.27.3"},
		"paused":                               {running(), but(moving(), func(s *status.Sight) { s.Network.Spec.Paused = true }), "is paused, 0.27.3"},
		"moved by somebody to another release": {nil, but(resting(), func(s *status.Sight) { s.Addon.Spec.MoveTo = newestOf }), "moves to 0.28.0 for somebody"},
		"moved by somebody to this one":        {pending(), but(resting(), func(s *status.Sight) { s.Addon.Spec.MoveTo = newer }), "fit"},
		"moved by the rollout of an older release": {pending(), but(moving(), func(s *status.Sight) {
			s.Addon.Spec.MoveTo, s.Addon.Spec.Rollout.Name = "0.26.9", "prod-flannel-0.26.9"
		}), "fit, 0.27.3"},
		"moved by another policy's rollout": {pending(), but(moving(), func(s *status.Sight) { s.Addon.Spec.Rollout.Name = "dev-flannel-0.27.3" }), "is moved by the rollout dev-flannel-0.27.3, 0.27.3"},
		"left behind by another policy's rollout": {pending(), but(moving(), func(s *status.Sight) {
			s.Addon.Spec.Rollout = &v1alpha1.AddonInRollout{Name: "dev-flannel-0.27.3", Hold: "FinishNode"}
		}), "fit, 0.27.3"},
		"on a way back":                                {nil, but(resting(), func(s *status.Sight) { s.Addon.Spec.Rollback = &v1alpha1.Rollback{Revision: 3} }), "goes back to revision 3"},
		"taken by another policy":                      {pending(), but(resting(), func(s *status.Sight) { s.Takers = []string{"dev"} }), "policy prod does not take it, settled"},
		"taken by two policies":                        {running(), but(moving(), func(s *status.Sight) { s.Takers = []string{"dev", "prod"} }), "it is taken by the policies dev, prod, 0.27.3"},
		"not installed":                                {nil, but(resting(), func(s *status.Sight) { s.Addon.Status.CurrentInstalledVersion, s.Addon.Status.NodeVersions = "", nil }), "it is not installed, settled, "},
		"held":                                         {pending(), but(resting(), func(s *status.Sight) { s.Addon.Status.Held = []v1alpha1.HeldRelease{{Version: newer, Reason: "DNS"}} }), "was put back from it: DNS, settled"},
		"another release fits better":                  {pending(), but(resting(), func(s *status.Sight) { s.Addon.Status.NewestFit = newestOf }), "0.28.0 is the newest that fits, settled"},
		"no release fits":                              {pending(), but(resting(), func(s *status.Sight) { s.Addon.Status.NewestFit = "" }), "no release fits, settled"},
		"tried again, before its status tells":         {&rollout.Member{State: rollout.Pending, Tries: 1}, but(resting(), func(s *status.Sight) { s.Addon.Status.NewestFit = older }), "fit, settled"},
		"half way back":                                {nil, halfBack(), "goes back to revision 3"},
		"half way back, and tried again":               {retriedIn(rollout.Pending), but(halfBack(), released), "fit"},
		"half way back, tried again, on its way still": {retriedIn(rollout.Pending), but(halfBack(), func(s *status.Sight) { released(s); s.Addon.Status.Conditions = nil }), "goes back to revision 3"},
		"under way":                                    {running(), moving(), "fit, 0.27.3"},
		"under way, and its status tells another":      {running(), but(moving(), func(s *status.Sight) { s.Addon.Status.NewestFit = "" }), "fit, 0.27.3"},
		"to be under way, never told, and unfit since": {running(), but(resting(), func(s *status.Sight) { s.Addon.Status.NewestFit = "" }), "no release fits, settled"},
		"held by the rollout":                          {running(), but(moving(), func(s *status.Sight) { s.Addon.Spec.Rollout.Hold = "FinishNode" }), "fit, moved, 0.27.3"},
		"arrived":                                      {running(), arrived(), "fit, settled, 0.27.3"},
		"arrived, and its status lags behind":          {running(), but(arrived(), func(s *status.Sight) { s.Addon.Generation++ }), "fit, 0.27.3"},
		"the move is gone, a node has not followed":    {running(), but(arrived(), func(s *status.Sight) { s.Addon.Status.NodeVersions = moving().Addon.Status.NodeVersions }), "fit, 0.27.3"},
		"written, and the nodes are held for somebody": {running(), but(moving(), func(s *status.Sight) {
			s.Addon.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", Reason: "NodesHeld"}}
		}), "fit, settled, 0.27.3"},
		"put back":                   {running(), but(moving(), func(s *status.Sight) { s.Addon.Status.Held = []v1alpha1.HeldRelease{{Version: newer, Reason: "DNS"}} }), "fit, failed: was put back: DNS, 0.27.3"},
		"on its way back, by itself": {running(), but(setOut(), func(s *status.Sight) { s.Addon.Status.Held = nil }), "goes back to revision 3, failed: is put back, 0.27.3"},
		"held before it was told":    {running(), but(resting(), func(s *status.Sight) { s.Addon.Status.Held = []v1alpha1.HeldRelease{{Version: newer}} }), "was put back from it, settled"},
		"stalled":                    {running(), but(moving(), stall), "fit, failed: RollHalted: node-1 is not Ready, 0.27.3"},
		"nodes are left that cannot be changed": {running(), but(moving(), func(s *status.Sight) {
			s.Addon.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", Reason: "NodesLeft", Message: "node-1 is cordoned"}}
		}), "fit, failed: NodesLeft: node-1 is cordoned, 0.27.3"},
		"stalled before it was told":                    {running(), but(resting(), stall), "fit, settled"},
		"stalled, in a status that lags behind":         {running(), but(moving(), func(s *status.Sight) { stall(s); s.Addon.Generation++ }), "fit, 0.27.3"},
		"stalled with another move":                     {pending(), but(resting(), func(s *status.Sight) { stall(s); s.Addon.Spec.MoveTo = newestOf }), "moves to 0.28.0 for somebody"},
		"out of reach":                                  {running(), but(moving(), func(s *status.Sight) { s.Network.Status.Conditions[0].Status = "False" }), "fit, away, 0.27.3"},
		"nobody knows whether it is in reach":           {pending(), but(resting(), func(s *status.Sight) { s.Network.Status.Conditions = nil }), "fit, settled, away"},
		"going back":                                    {goingBack(), setOut(), "fit, 0.27.3"},
		"going back, and pinned":                        {goingBack(), but(setOut(), func(s *status.Sight) { s.Addon.Spec.Version = newer }), "is pinned to 0.27.3, failed: is pinned to 0.27.3, 0.27.3"},
		"going back, and stalled":                       {goingBack(), but(setOut(), stall), "fit, failed: RollHalted: node-1 is not Ready, 0.27.3"},
		"to go back, and on its way there by itself":    {goingBack(), but(setOut(), func(s *status.Sight) { s.Addon.Spec.Rollout = nil }), "fit, 0.27.3"},
		"to go back, and no policy of its own any more": {goingBack(), but(setOut(), func(s *status.Sight) { s.Takers = nil }), "fit, 0.27.3"},
		"back": {goingBack(), but(resting(), func(s *status.Sight) { s.Addon.Spec.Rollout = &v1alpha1.AddonInRollout{Name: "prod-flannel-0.27.3"} }), "fit, settled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := trip().Report(c.member, c.sight, noon)
			words := []string{"fit"}
			if !r.Fit {
				words[0] = r.Unfit
			}
			if r.Settled {
				words = append(words, "settled")
			}
			if !r.Reachable {
				words = append(words, "away")
			}
			if r.Failed != "" {
				words = append(words, "failed: "+r.Failed)
			}
			if r.Progress.Equal(noon) {
				words = append(words, "moved")
			}
			if r.Version != older {
				words = append(words, r.Version)
			}
			if diff := cmp.Diff(c.want, strings.Join(words, ", ")); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if r.Cluster != "c1" || r.Region != "eu" || r.Wave != 0 {
				t.Errorf("report is of %q, region %q, wave %d", r.Cluster, r.Region, r.Wave)
			}
		})
	}
}

// What counts as a sign of progress: numbers of nodes that change, and not words, nor that somebody looked again.
func TestProgressIsNodesThatChange(t *testing.T) {
	t.Parallel()
	var w watcher
	at := func(minute int, change func(*v1alpha1.AddonStatus)) int {
		s := moving()
		s.Addon.Status.Roll = &v1alpha1.RollStatus{Phase: "Batch", Changed: 1, Passed: 1, Total: 3}
		change(&s.Addon.Status)
		moved := w.moved("c1.flannel", movement(s.Addon), noon.Add(time.Duration(minute)*time.Minute))
		return int(moved.Sub(noon) / time.Minute)
	}
	same := func(*v1alpha1.AddonStatus) {}
	for i, c := range []struct {
		change func(*v1alpha1.AddonStatus)
		want   int
	}{
		{same, 0}, // seen for the first time
		{same, 0},
		{func(s *v1alpha1.AddonStatus) { s.Roll.Stage, s.Findings = "pool a", []v1alpha1.Finding{{Reason: "X"}} }, 0},
		{func(s *v1alpha1.AddonStatus) { s.Nodes.Ready = 1 }, 0}, // an agent that comes and goes gets nowhere
		{func(s *v1alpha1.AddonStatus) { s.Roll.Changed = 2 }, 4},
		{func(s *v1alpha1.AddonStatus) { s.Roll.Changed = 2 }, 4},
		{func(s *v1alpha1.AddonStatus) { s.Roll.Changed, s.Roll.Passed = 2, 2 }, 6},
	} {
		if got := at(i, c.change); got != c.want {
			t.Errorf("look %d: it moved last at minute %d, want %d", i, got, c.want)
		}
	}
	w.forget(nil)
	if got := at(9, same); got != 9 {
		t.Errorf("what is not there any more is remembered: minute %d", got)
	}
}
