package noderoll_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

func TestAPolicyIsCheckedFieldByField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy noderoll.Policy
		want   string // lines
	}{
		"nothing set":    {noderoll.Policy{}, ""},
		"everything set": {noderoll.Policy{Canaries: 3, MaxUnavailable: "25%", Soak: new(time.Hour), ReadyFor: new(time.Minute), NodeTimeout: new(time.Hour), MaxRestarts: new(int32(0))}, ""},
		"no waiting":     {noderoll.Policy{Soak: new(time.Duration(0)), ReadyFor: new(time.Duration(0))}, ""},
		"a count of nodes that is negative": {
			noderoll.Policy{Canaries: -1}, "canaries: -1 is less than 0",
		},
		"restarts that are negative": {noderoll.Policy{MaxRestarts: new(int32(-2))}, "maxRestarts: -2 is less than 0"},
		"a word for a number":        {noderoll.Policy{MaxUnavailable: "few"}, `maxUnavailable: "few" is neither a count of nodes nor a percentage such as 10%`},
		"more than all":              {noderoll.Policy{MaxUnavailable: "101%"}, `maxUnavailable: "101%" is neither a count of nodes nor a percentage such as 10%`},
		"a negative number of nodes": {noderoll.Policy{MaxUnavailable: "-1"}, `maxUnavailable: "-1" is neither a count of nodes nor a percentage such as 10%`},
		"a number with a sign":       {noderoll.Policy{MaxUnavailable: "+1"}, `maxUnavailable: "+1" is neither a count of nodes nor a percentage such as 10%`},
		"a percentage of percents":   {noderoll.Policy{MaxUnavailable: "1%%"}, `maxUnavailable: "1%%" is neither a count of nodes nor a percentage such as 10%`},
		"no node at all":             {noderoll.Policy{MaxUnavailable: "0"}, `maxUnavailable: "0" would let no node change`},
		"no part of the nodes":       {noderoll.Policy{MaxUnavailable: "0%"}, `maxUnavailable: "0%" would let no node change`},
		"a time limit as long as the time it limits": {
			noderoll.Policy{ReadyFor: new(time.Minute), NodeTimeout: new(time.Minute)}, "nodeTimeout: 1m0s is not longer than readyFor, which is 1m0s",
		},
		"a time limit shorter than the default":       {noderoll.Policy{NodeTimeout: new(5 * time.Second)}, "nodeTimeout: 5s is not longer than readyFor, which is 10s"},
		"a time longer than the time limit's default": {noderoll.Policy{ReadyFor: new(time.Hour)}, "nodeTimeout: 5m0s is not longer than readyFor, which is 1h0m0s"},
		"negative times, and a negative count": {
			noderoll.Policy{Canaries: -1, Soak: new(-time.Second), ReadyFor: new(-time.Second), NodeTimeout: new(-time.Minute)},
			"canaries: -1 is less than 0\nnodeTimeout: -1m0s is not longer than readyFor, which is -1s\nreadyFor: -1s is less than 0\nsoak: -1s is less than 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := c.policy.Check(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Check (-want +got):\n%s", diff)
			}
			rules, err := c.policy.Rules(100, "")
			if (err == nil) != (c.want == "") || err != nil && (err.Error() != c.want || rules.Max != 0) {
				t.Errorf("Rules = %+v, %v", rules, err)
			}
		})
	}
}

func TestRulesFillInWhatIsNotSet(t *testing.T) {
	t.Parallel()
	got, err := noderoll.Policy{}.Rules(50, "")
	want := noderoll.Rules{Max: 5, Soak: 30 * time.Second, ReadyFor: 10 * time.Second, NodeTimeout: 5 * time.Minute, MaxRestarts: 1}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Rules (-want +got):\n%s%v", diff, err)
	}
	set := noderoll.Policy{
		Canaries: 2, MaxUnavailable: "3", Soak: new(time.Second), ReadyFor: new(time.Second), NodeTimeout: new(time.Minute), MaxRestarts: new(int32(0)), Paused: true,
	}
	got, err = set.Rules(50, "70%")
	want = noderoll.Rules{Canaries: 2, Max: 3, Soak: time.Second, ReadyFor: time.Second, NodeTimeout: time.Minute, Paused: true}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Rules (-want +got):\n%s%v", diff, err)
	}
	if got, err := (noderoll.Policy{}).Rules(50, "70%"); got.Max != 35 || err != nil {
		t.Errorf("the release's own 70%% of 50 nodes is %d, %v", got.Max, err)
	}
	if _, err := (noderoll.Policy{}).Rules(50, "x"); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("the release's own x: %v", err)
	}
}

func TestAPercentageIsRoundedDownAndNeverNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"1": 1, "7": 7, "0": 1, "0%": 1, "10%": 1, "19%": 3, "100%": 19} {
		if got, err := noderoll.Scale(text, 19); got != want || err != nil {
			t.Errorf("%s of 19 nodes = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "-1", "1.5", "9999999999"} {
		if got, err := noderoll.Scale(text, 19); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestPoliciesAreComparedByWhatTheyMean(t *testing.T) {
	t.Parallel()
	p := noderoll.Policy{Canaries: 1, Soak: new(time.Second), MaxRestarts: new(int32(2))}
	same := noderoll.Policy{Canaries: 1, Soak: new(time.Second), MaxRestarts: new(int32(2))}
	if !p.Equal(same) || p.Equal(noderoll.Policy{Canaries: 1}) || p.Equal(p.With(noderoll.Policy{Soak: new(time.Minute)})) {
		t.Error("Equal does not tell policies apart")
	}
}
