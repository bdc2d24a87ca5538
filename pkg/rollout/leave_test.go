package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/rollout"
)

// leaving is a fleet of a few clusters that is through with a release when that is recalled.
func leaving(change func(*rollout.Scenario)) rollout.Scenario {
	soak := time.Duration(0)
	s := rollout.Scenario{
		AddOn: "Flannel", Start: noon, For: 20 * 24 * time.Hour,
		Policy:   rollout.Policy{Name: "p", Soak: &soak, MaxConcurrent: "1"},
		Releases: []rollout.SimRelease{{Version: "2.0.0", At: noon, Recalled: noon.Add(10 * time.Hour)}},
	}
	for _, name := range []string{"c1", "c2", "c3"} {
		s.Clusters = append(s.Clusters, rollout.SimCluster{Name: name, Version: "1.0.0", Takes: rollout.Spread{P50: time.Hour}})
	}
	change(&s)
	return s
}

// Each row is what the rollouts of a scenario come to: a simulation that stays on a recalled release, that turns a move away
// round, or that forgets the end of a pin, fails one of them.
func TestASimulatedFleetGoesWhereItWouldGoByItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rollout.Scenario)
		want   string
	}{
		"back to what it ran": {func(*rollout.Scenario) {}, "2.0.0 Recalled; 1.0.0 from 2.0.0 Finished c1 c2 c3"},
		"who is kept stays": {
			func(s *rollout.Scenario) {
				s.Clusters[0].Version, s.Clusters[0].Fits, s.Clusters[0].Unfit = "2.0.0", "1.0.0", "is pinned"
			},
			"2.0.0 Recalled; 1.0.0 from 2.0.0 Finished c2 c3, c1 is pinned",
		},
		"nothing else fits": {
			func(s *rollout.Scenario) { s.Clusters[0].Version = "v2.0.0" },
			"2.0.0 Recalled; 1.0.0 from 2.0.0 Finished c2 c3, c1 no release fits",
		},
		"it was recalled before the time begins": {
			func(s *rollout.Scenario) {
				s.Recalled = []string{"0.9.0"}
				s.Clusters[1].Version, s.Releases[0].Recalled = "0.9.0", time.Time{}
			},
			"2.0.0 from 0.9.0 Finished c2; 2.0.0 Finished c1 c3",
		},
		"a newer release comes, and fails": {
			func(s *rollout.Scenario) {
				s.Releases = append(s.Releases, rollout.SimRelease{Version: "3.0.0", At: noon.Add(10 * time.Hour), Bad: 1})
			},
			"2.0.0 Finished c1 c2 c3; 3.0.0 from 2.0.0 Halted, c1 Failed c2 Pending c3 Pending",
		},
		// It would catch a halt that is forgotten because another rollout goes first.
		"the newer release had failed before": {
			func(s *rollout.Scenario) {
				s.Releases = append(s.Releases, rollout.SimRelease{Version: "3.0.0", At: noon.Add(5 * time.Hour), Bad: 1})
			},
			"2.0.0 Finished c1 c2 c3; 3.0.0 Halted, c1 Failed c2 Pending c3 Pending; " +
				"1.0.0 from 2.0.0 Finished c1, c2 3.0.0 is the newest that fits c3 3.0.0 is the newest that fits",
		},
		"what was left under way goes on when the newer one is recalled": {
			func(s *rollout.Scenario) {
				s.Releases[0].Recalled = time.Time{}
				s.Releases = append(s.Releases, rollout.SimRelease{Version: "3.0.0", At: noon.Add(90 * time.Minute), Recalled: noon.Add(2 * time.Hour)})
			},
			"2.0.0 Finished c1 c2 c3; 3.0.0 Recalled; 2.0.0 from 3.0.0 Finished c1",
		},
		"a pin ends": {
			func(s *rollout.Scenario) {
				s.Releases[0].Recalled = time.Time{}
				s.Clusters[0].Unfit, s.Clusters[0].Until = "is pinned", noon.Add(5*24*time.Hour)
				s.Clusters[1].Unfit = "is pinned"
			},
			"2.0.0 Finished c1 c3, c2 is pinned",
		},
		"a pin ends, and it leaves a recalled release": {
			func(s *rollout.Scenario) {
				x := &s.Clusters[0]
				x.Version, x.Fits, x.Unfit, x.Until = "2.0.0", "1.0.0", "is pinned", noon.Add(5*24*time.Hour)
			},
			"2.0.0 Recalled; 1.0.0 from 2.0.0 Finished c1 c2 c3",
		},
		"nobody would take it": {
			func(s *rollout.Scenario) {
				for i := range s.Clusters {
					s.Clusters[i].Refuses = map[string]string{"2.0.0": "is not made for it"}
				}
			},
			"2.0.0 Finished, c1 is not made for it c2 is not made for it c3 is not made for it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, x := range simulate(t, leaving(c.change), 1).Rollouts {
				got = append(got, told(x))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("it came to (-want +got):\n%s", diff)
			}
		})
	}
}

// told is what a rollout came to: its phase, who is done, and of the others of a rollout that goes on why not.
func told(x rollout.Simulated) string {
	out, rest := x.Target().String()+" "+string(x.Phase), ""
	for _, m := range x.Record.Members {
		switch {
		case m.State == rollout.Done:
			out += " " + m.Cluster
		case m.State != rollout.Skipped:
			rest += " " + m.Cluster + " " + string(m.State)
		}
	}
	for _, o := range x.Outside {
		rest += " " + o.Cluster + " " + o.Why
	}
	if x.Phase == rollout.Recalled {
		return x.Target().String() + " " + string(x.Phase)
	}
	if rest != "" {
		out += "," + rest
	}
	return out
}
