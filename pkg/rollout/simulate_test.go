package rollout_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/rollout"
)

func simulate(t *testing.T, s rollout.Scenario, seed uint64) rollout.Simulation {
	t.Helper()
	out, err := rollout.Simulate(s, chances(seed))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A simulation can be repeated; another seed is another run.
func TestTheSameSeedGivesTheSameRun(t *testing.T) {
	t.Parallel()
	s := fleetOf(60, 10)
	one := simulate(t, s, 7)
	if again := simulate(t, s, 7); !reflect.DeepEqual(one, again) {
		t.Error("the same seed gives another run")
	}
	if other := simulate(t, s, 8); reflect.DeepEqual(one.Log, other.Log) {
		t.Error("another seed gives the same run")
	}
}

// What a simulation decides is what Decide says: a run that is played back, looked at from outside at each moment at which something
// happened, has no cluster begin that Decide would not have let begin.
func TestNothingBeginsInASimulationThatMayNot(t *testing.T) {
	t.Parallel()
	s := fleetOf(40, 14)
	out := simulate(t, s, 3)
	under, most := map[string]bool{}, max(1, 40*5/100)
	for _, h := range out.Log {
		switch h.What {
		case "opened":
			clear(under)
		case "started", "back":
			under[h.Cluster] = true
			local := h.At.In(berlin(t))
			if night := local.Add(-20 * time.Hour); night.Hour() >= 8 || night.Weekday() < time.Monday || night.Weekday() > time.Thursday {
				t.Errorf("%s begins at %s, outside of the window", h.Cluster, local)
			}
		case "done", "failed", "unreachable", "skipped":
			delete(under, h.Cluster)
		}
		if len(under) > most {
			t.Fatalf("at %s %d are under way, %d may be", h.At, len(under), most)
		}
	}
	if !slices.ContainsFunc(out.Log, func(h rollout.Happening) bool { return h.What == "unreachable" }) || len(out.Rollouts) != 2 {
		t.Error("nothing happened that the test is about")
	}
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	l, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What stops a rollout stops a simulated one, and it says who has to act.
func TestASimulationStops(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rollout.Scenario)
		want   rollout.Phase
		who    bool
	}{
		"by the budget":                   {func(s *rollout.Scenario) { s.Policy.FailureBudget, s.People.OnHalt, s.Releases[0].Bad = "0", "", 1 }, rollout.Halted, true},
		"by want of a word":               {func(s *rollout.Scenario) { s.People.Approve, s.Policy.Windows = nil, rollout.Windows{} }, rollout.Approval, true},
		"by want of a word, out of hours": {func(s *rollout.Scenario) { s.People.Approve = nil }, rollout.Waiting, true},
		"by a recall":                     {func(s *rollout.Scenario) { s.Releases[0].Recalled = noon.Add(10 * time.Hour) }, rollout.Recalled, false},
		"by people, undone":               {func(s *rollout.Scenario) { s.Policy.FailureBudget, s.People.OnHalt, s.Releases[0].Bad = "0", "undo", 1 }, rollout.Undone, false},
		"by people, aborted": {func(s *rollout.Scenario) {
			s.Policy.FailureBudget, s.People.OnHalt, s.Releases[0].Bad = "0", "abort", 1
		}, rollout.Aborted, false},
		"by nothing": {func(*rollout.Scenario) {}, rollout.Finished, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fleetOf(40, 60)
			s.Releases = s.Releases[:1]
			for i := range s.Clusters {
				s.Clusters[i].Away, s.Clusters[i].Fails = 0, 0
			}
			c.change(&s)
			got := simulate(t, s, 1).Rollouts[0]
			if got.Phase != c.want || (got.Who != "") != c.who {
				t.Errorf("it ends %s: %s; for %q; want %s", got.Phase, got.Why, got.Who, c.want)
			}
		})
	}
}

// A cluster that is held back does not hang, however long nobody looks: here it moves for two hours a day, and nothing else happens in
// between.
func TestWhatIsHeldBackDoesNotHang(t *testing.T) {
	t.Parallel()
	soak := time.Duration(0)
	s := rollout.Scenario{
		AddOn: "Flannel", Start: noon, For: 10 * 24 * time.Hour, Releases: []rollout.SimRelease{{Version: goal, At: noon}},
		Clusters: []rollout.SimCluster{{Name: "c1", Version: "1.0.0", Takes: rollout.Spread{P50: 5 * time.Hour}}},
		Policy:   rollout.Policy{Name: "p", Soak: &soak, Windows: rollout.Windows{Allow: []rollout.Window{{Cron: "0 12 * * *", Duration: 2 * time.Hour}}}},
	}
	out := simulate(t, s, 1)
	if r := out.Rollouts[0]; r.Phase != rollout.Finished || r.Ended.Sub(noon) < 48*time.Hour {
		t.Errorf("it ended %s as %s: %s; %v", r.Ended, r.Phase, r.Why, out.Log)
	}
}
