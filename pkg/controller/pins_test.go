package controller

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// pinnedUntil is an add-on that is pinned to what it runs, and would take the newer release.
func pinnedUntil(at time.Time) func(*status.Sight) {
	return func(s *status.Sight) {
		until := metav1.NewTime(at)
		s.Addon.Spec.Version = older
		s.Addon.Spec.Pin = &v1alpha1.Pin{Reason: "a bug", By: "ana", Ticket: "NET-42", Until: &until}
	}
}

// One row per cell of policy.pins.
func TestAPinThatHasEndedCountsAsThePolicySays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		onPinEnd string
		sight    status.Sight
		member   *rollout.Member
		want     string
	}{
		"none":                              {"automatic", resting(), nil, ""},
		"without an end":                    {"automatic", but(resting(), func(s *status.Sight) { s.Addon.Spec.Version = older }), nil, "is pinned to 0.26.2"},
		"its end is ahead":                  {"automatic", but(resting(), pinnedUntil(noon.Add(time.Second))), nil, "is pinned to 0.26.2"},
		"has ended, and the policy is old":  {"", but(resting(), pinnedUntil(noon)), nil, "is pinned to 0.26.2"},
		"has ended, and somebody is warned": {"warn", but(resting(), pinnedUntil(noon)), nil, "is pinned to 0.26.2"},
		"has ended, and is held":            {"hold", but(resting(), pinnedUntil(noon)), nil, "is pinned to 0.26.2"},
		"has ended":                         {"automatic", but(resting(), pinnedUntil(noon)), nil, ""},
		"has ended, on the way back":        {"automatic", but(resting(), pinnedUntil(noon)), goingBack(), "is pinned to 0.26.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := trip()
			j.Now = noon
			j.Policy.Spec.OnPinEnd = c.onPinEnd
			if got := j.Report(c.member, c.sight, noon).Unfit; got != c.want {
				t.Errorf("unfit: %q, want %q", got, c.want)
			}
			r := records{now: noon}
			if got := r.automatic().Wants(j.Policy, c.sight.Addon, c.sight.Network); c.member == nil && (got.Version != "") != (c.want == "") {
				t.Errorf("it would go to %q", got.Version)
			}
		})
	}
}

// A rollout takes a pin off in the write that tells the add-on to move, and says what it was. Where it is not allowed to, it leaves it alone.
func TestAPinThatHasEndedIsTakenOffAndRemembered(t *testing.T) {
	t.Parallel()
	j := trip()
	j.Now, j.Policy.Spec.OnPinEnd = noon, v1alpha1.OnPinEndAutomatic
	a := but(resting(), pinnedUntil(noon)).Addon
	spec, other := j.Tell(running(), a, "")
	if !other || spec.Version != "" || spec.Pin != nil || wishes(spec) != "to 0.27.3, by prod-flannel-0.27.3" {
		t.Fatalf("told %q, pinned to %q", wishes(spec), spec.Version)
	}
	after := a.DeepCopy()
	after.Spec = spec
	const want = "pinned to 0.26.2 by ana until 2026-11-23T12:00:00Z (a bug, NET-42); taken off by the rollout prod-flannel-0.27.3 at 2026-11-23T12:00:00Z, as policy prod says (onPinEnd)"
	if got := j.EndPin(a, after); got != want || after.Annotations[v1alpha1.AnnotationEndedPin] != want {
		t.Errorf("remembered %q, and annotated %q", got, after.Annotations)
	}
	if got := j.EndPin(after, after); got != "" {
		t.Errorf("nothing was taken off, and it says %q", got)
	}
	// The negative control: the same add-on under a policy that only warns.
	j.Policy.Spec.OnPinEnd = v1alpha1.OnPinEndWarn
	if spec, other := j.Tell(running(), a, ""); other {
		t.Errorf("a pin that only warns was changed: %q, pinned to %q", wishes(spec), spec.Version)
	}
}

func TestAPolicyThatHoldsNamesThePinsThatHaveEnded(t *testing.T) {
	t.Parallel()
	r := hubOf(false, []string{"prod="}, []string{"c1!", "c2!", "c3"})
	pin := func(i int, until time.Time) {
		at := metav1.NewTime(until)
		r.addons[i].Spec.Pin = &v1alpha1.Pin{Reason: "r", Until: &at}
	}
	pin(0, noon)
	pin(1, noon.Add(time.Hour))
	r.now = noon
	message := func(onPinEnd string) string {
		r.policies[0].Spec.OnPinEnd = onPinEnd
		return r.policyStatus(r.policies[0], nil, v1alpha1.UpdatePolicy{}).Conditions[0].Message
	}
	if got := message("hold"); !strings.Contains(got, "pins that have ended wait for somebody (addonctl pin, unpin): c1 (Flannel 0.26.2)") {
		t.Errorf("it says %q", got)
	}
	if got := r.pinEnds(); !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("the next pin ends at %s", got)
	}
	if got := message("warn"); got != "it is followed" {
		t.Errorf("it says %q", got)
	}
	if got := r.pinEnds(); !got.IsZero() {
		t.Errorf("a policy that only warns waits for %s", got)
	}
}

func TestAClusterIsLookedAtWhenItsPinSpeaksUp(t *testing.T) {
	t.Parallel()
	plain := *resting().Addon
	pinned := *but(resting(), pinnedUntil(noon.Add(time.Minute))).Addon
	if got := untilPin(5*time.Minute, []v1alpha1.Addon{plain, pinned}, noon); got != time.Minute {
		t.Errorf("it is looked at after %s", got)
	}
	for _, all := range [][]v1alpha1.Addon{{plain}, nil} {
		if got := untilPin(5*time.Minute, all, noon); got != 5*time.Minute {
			t.Errorf("it is looked at after %s", got)
		}
	}
	if got := untilPin(5*time.Minute, []v1alpha1.Addon{pinned}, noon.Add(time.Minute)); got != 5*time.Minute {
		t.Errorf("after its end it is looked at after %s", got)
	}
}
