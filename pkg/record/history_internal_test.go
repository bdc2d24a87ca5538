package record

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/release"
)

// What is beyond the bound, oldest first: never what is deployed, which Finish itself never meets, and never what is kept.
func TestTheSurplusIsTheOldestThatNobodyNeeds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statuses []release.Status
		history  int
		kept     []int
		want     []int
	}{
		"as many as may be":     {[]release.Status{"superseded", "deployed"}, 2, nil, nil},
		"one more":              {[]release.Status{"superseded", "failed", "deployed"}, 2, nil, []int{1}},
		"the oldest is kept":    {[]release.Status{"superseded", "failed", "deployed"}, 2, []int{1}, []int{2}},
		"the oldest deployed":   {[]release.Status{"deployed", "failed", "pending-upgrade"}, 2, nil, []int{2}},
		"nothing can be spared": {[]release.Status{"deployed", "failed", "deployed"}, 1, []int{2, 3}, nil},
		"no bound":              {[]release.Status{"superseded", "failed", "deployed"}, 0, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rs []stored
			for i, s := range c.statuses {
				rs = append(rs, stored{Release: &release.Release{Version: i + 1, Info: &release.Info{Status: s}}})
			}
			var got []int
			for _, r := range surplus(rs, c.history, c.kept) {
				got = append(got, r.Version)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("surplus (-want +got):\n%s", diff)
			}
		})
	}
}
