package status_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
)

// What is held stays held, with the time and reason of the first look, and the list has an end.
func TestTheReleaseThatAWayBackLeavesIsHeld(t *testing.T) {
	t.Parallel()
	at := metav1.NewTime(now)
	earlier := metav1.NewTime(now.AddDate(0, 0, -1))
	one := func(v string) v1alpha1.HeldRelease {
		return v1alpha1.HeldRelease{Version: v, Reason: "pods lost DNS", At: &at}
	}
	var full []v1alpha1.HeldRelease
	for i := range 50 {
		full = append(full, one(fmt.Sprintf("0.1.%d", i)))
	}
	old := v1alpha1.HeldRelease{Version: "0.27.3", Reason: "earlier", At: &earlier}
	for name, c := range map[string]struct {
		before []v1alpha1.HeldRelease
		leaves string
		want   []v1alpha1.HeldRelease
	}{
		"nothing":                       {nil, "", nil},
		"what was held":                 {[]v1alpha1.HeldRelease{old}, "", []v1alpha1.HeldRelease{old}},
		"what is left":                  {nil, "0.27.3", []v1alpha1.HeldRelease{one("0.27.3")}},
		"what is left and held already": {[]v1alpha1.HeldRelease{old}, "0.27.3", []v1alpha1.HeldRelease{old}},
		"one more":                      {[]v1alpha1.HeldRelease{old}, "0.28.0", []v1alpha1.HeldRelease{old, one("0.28.0")}},
		"one more than a list may have": {full, "0.28.0", append(full[1:50:50], one("0.28.0"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := plan.Input{Now: now, Desired: plan.Desired{AddOn: "Flannel", Back: plan.Back{Revision: 1, Leaves: c.leaves, Reason: "pods lost DNS"}}}
			got := status.Addon(v1alpha1.AddonStatus{Held: c.before}, 1, in, rolling(1), "cli").Held
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

// A release that a pin asked for is held with that pin, once: the first reason stays, and another pin that fails takes its place. It would catch
// a second pin that fails and is tried for ever, because the first one stands in its place.
func TestAPinThatFailedIsHeldWithThePin(t *testing.T) {
	t.Parallel()
	at, earlier := metav1.NewTime(now), metav1.NewTime(now.AddDate(0, 0, -1))
	pin := plan.Pin{Reason: "kernel", By: "ana", At: now.AddDate(0, 0, -2), Ticket: "NET-1"}
	again, reworded := pin, pin
	again.At, reworded.Reason = now.AddDate(0, 0, -1), "longer"
	entry := func(p plan.Pin, at metav1.Time) v1alpha1.HeldRelease {
		return v1alpha1.HeldRelease{Version: "0.27.3", Reason: "pods lost DNS", At: &at, Pinned: true, Pin: status.PinOf(p)}
	}
	bare := v1alpha1.HeldRelease{Version: "0.27.3", Reason: "pods lost DNS", At: &at, Pinned: true}
	automatic := v1alpha1.HeldRelease{Version: "0.27.3", Reason: "earlier", At: &earlier}
	for name, c := range map[string]struct {
		before []v1alpha1.HeldRelease
		pin    plan.Pin
		want   v1alpha1.HeldRelease
	}{
		"nothing":                      {nil, pin, entry(pin, at)},
		"a pin without words":          {nil, plan.Pin{}, bare},
		"the same pin":                 {[]v1alpha1.HeldRelease{entry(pin, earlier)}, pin, entry(pin, earlier)},
		"the same pin in other words":  {[]v1alpha1.HeldRelease{entry(pin, earlier)}, reworded, entry(pin, earlier)},
		"the pin before it":            {[]v1alpha1.HeldRelease{entry(pin, earlier)}, again, entry(again, at)},
		"held for automatic updates":   {[]v1alpha1.HeldRelease{automatic}, pin, entry(pin, at)},
		"a pin without words is there": {[]v1alpha1.HeldRelease{bare}, pin, entry(pin, at)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := plan.Input{Now: now, Desired: plan.Desired{
				AddOn: "Flannel", Version: "0.27.3", Pin: c.pin, Back: plan.Back{Revision: 1, Leaves: "0.27.3", To: "0.26.2", Reason: "pods lost DNS"},
			}}
			got := status.Addon(v1alpha1.AddonStatus{Held: c.before}, 1, in, rolling(1), "cli").Held
			if diff := cmp.Diff([]v1alpha1.HeldRelease{c.want}, got); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

// A guard that was left lifted is told in the record, where metrics and alerts find it.
func TestALiftedGuardIsTold(t *testing.T) {
	t.Parallel()
	for kind, want := range map[plan.StepKind]string{plan.Relock: "GuardLifted", plan.Protect: "Rolling", plan.Apply: "Applying"} {
		p := plan.Plan{Steps: []plan.Step{{Kind: kind}}}
		s := status.Addon(v1alpha1.AddonStatus{}, 1, plan.Input{}, p, "cli")
		if c := meta.FindStatusCondition(s.Conditions, "Reconciling"); c == nil || c.Reason != want {
			t.Errorf("%s: %+v, want %s", kind, c, want)
		}
	}
}
