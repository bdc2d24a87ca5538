package rollout_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/rollout"
)

// fleetOf is a scenario of so many clusters over so many days, with a release a week, outages and failures.
func fleetOf(clusters, days int) rollout.Scenario {
	soak, approve := 24*time.Hour, 4*time.Hour
	s := rollout.Scenario{
		AddOn: "Flannel", Start: noon, For: time.Duration(days) * 24 * time.Hour,
		Policy: rollout.Policy{
			MaxConcurrent: "5%", FailureBudget: "10%", Soak: &soak,
			Waves:   []rollout.Wave{{Name: "canary", Selector: "x", MaxConcurrent: "1"}, {Name: "test", Selector: "x"}, {Name: "prod", Approval: true}},
			Windows: rollout.Windows{Allow: []rollout.Window{{Cron: "0 20 * * 1-4", Duration: 8 * time.Hour, Zone: "Europe/Berlin"}}},
		},
		People: rollout.People{Approve: &approve, OnHalt: "resume"},
	}
	for i := range clusters {
		s.Clusters = append(s.Clusters, rollout.SimCluster{
			Name: fmt.Sprintf("c%05d", i), Region: fmt.Sprintf("r%d", i%3), Wave: min(2, i*20/clusters), Version: "0.1",
			Takes: rollout.Spread{P50: 20 * time.Minute, P95: time.Hour}, Fails: 0.002,
			Away: 0.01, AwayFor: rollout.Spread{P50: 30 * time.Minute, P95: 8 * time.Hour},
		})
	}
	for i := range (days + 6) / 7 {
		s.Releases = append(s.Releases, rollout.SimRelease{Version: fmt.Sprintf("1.%d", i), At: noon.Add(time.Duration(i) * 7 * 24 * time.Hour)})
	}
	return s
}

// chances of a seed, one for each cluster.
func chances(seed uint64) func(string) rollout.Chance {
	return func(cluster string) rollout.Chance {
		h := fnv.New64a()
		_, _ = h.Write([]byte(cluster))
		return rand.New(rand.NewPCG(seed, h.Sum64()))
	}
}

// A fleet of 1,000 clusters over 90 days.
func BenchmarkSimulate(b *testing.B) {
	s := fleetOf(1000, 90)
	for i := range b.N {
		if _, err := rollout.Simulate(s, chances(uint64(i))); err != nil {
			b.Fatal(err)
		}
	}
}
