package rollout_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/rollout"
)

// It would catch a policy that lost a wave under way, on which nobody could decide any more.
func TestARecordFitsTheWavesOfItsPolicy(t *testing.T) {
	t.Parallel()
	waves := func(names ...string) rollout.Policy {
		p := rollout.Policy{}
		for _, n := range names {
			p.Waves = append(p.Waves, rollout.Wave{Name: n, Selector: "wave=" + n})
		}
		return p
	}
	for name, c := range map[string]struct {
		then, now rollout.Policy
		want      string
	}{
		"the same":    {waves("a", "b"), waves("a", "b"), ""},
		"none named":  {waves(), waves(), ""},
		"one less":    {waves("a", "b"), waves("a"), "the policy has the waves a, and the rollout was opened with a, b"},
		"one more":    {waves("a"), waves("a", "b"), "the policy has the waves a, b, and the rollout was opened with a"},
		"turned":      {waves("a", "b"), waves("b", "a"), "the policy has the waves b, a, and the rollout was opened with a, b"},
		"named since": {waves(), waves("a"), "the policy has the waves a, and the rollout was opened with all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := func(p rollout.Policy) rollout.Rules {
				r, err := rollout.NewRules(p)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			reason, ok := rules(c.now).Fits(rollout.Open(rules(c.then), "Flannel", "2.0.0", noon, nil, noon))
			if reason != c.want || ok != (c.want == "") {
				t.Errorf("%t: %q, want %q", ok, reason, c.want)
			}
		})
	}
}
