package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/plan"
)

// monday is when the pin was set that fails.
var monday = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// pinnedAt is a pin to 0.27.3 of a time.
func pinnedAt(at time.Time) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Desired.Version, in.Desired.Pin = "0.27.3", plan.Pin{Reason: "kernel", By: "ana", At: at, Ticket: "NET-1"}
	}
}

// backFromPin is the way back from that pin, which stays.
func backFromPin(in *plan.Input) {
	in.Desired.Back = plan.Back{Revision: 2, Leaves: "0.27.3", To: "0.26.2", Reason: "pods lost DNS"}
}

// pinHeld is what is left of the pin of a time when the way back was made.
func pinHeld(at time.Time) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Held = []plan.Held{{Version: "0.27.3", Reason: "pods lost DNS", At: now, Pinned: true, Pin: plan.Pin{Reason: "kernel", At: at}}}
	}
}

// putBack went from 0.26.2 to 0.27.3 and back.
func putBack(tb testing.TB) plan.Input {
	tb.Helper()
	return story(tb,
		plan.Revision{Number: 1, Version: "0.26.2", Status: plan.Superseded, Digest: "render-0.26.2"},
		plan.Revision{Number: 2, Version: "0.27.3", Status: plan.Failed, Digest: "render-0.27.3"},
		plan.Revision{Number: 3, Version: "0.26.2", Status: plan.Deployed, Digest: "render-0.26.2"},
	)
}

// failedPin is a cluster that was put back from its pin.
func failedPin(tb testing.TB) plan.Input {
	tb.Helper()
	return with(putBack(tb), pinnedAt(monday), pinHeld(monday))
}

// The rows of pinFailed's table: where the plan leads, and whether the pin counts as failed. It would catch a pin that is tried for ever, one that
// is never tried again, and one that a way back moved.
func TestAPinThatFailedIsNotTriedAgainByItself(t *testing.T) {
	t.Parallel()
	tuesday := monday.AddDate(0, 0, 1)
	revision := func(to string, n int) func(*plan.Input) {
		return func(in *plan.Input) { in.Desired.Back = plan.Back{Revision: n, To: to} }
	}
	words := func(in *plan.Input) { in.Desired.Pin.Reason, in.Desired.Pin.Until = "longer", now.AddDate(0, 1, 0) }
	for name, c := range map[string]struct {
		in     plan.Input
		to     string
		failed bool
	}{
		"the way back from it is under way":                    {with(moved(t), pinnedAt(monday), backFromPin), "0.26.2", true},
		"another release was pinned on the way back":           {with(moved(t), pinnedTo("0.24.4"), backFromPin), "0.24.4", false},
		"somebody goes back to the pinned release":             {with(putBack(t), pinnedAt(monday), pinHeld(monday), revision("", 2)), "0.27.3", false},
		"the way back is made":                                 {failedPin(t), "0.26.2", true},
		"the pin was set again":                                {with(putBack(t), pinnedAt(tuesday), pinHeld(monday)), "0.27.3", false},
		"its words and its end were changed":                   {with(failedPin(t), words), "0.26.2", true},
		"it has no time, and nor had the one that failed":      {with(putBack(t), pinnedAt(time.Time{}), pinHeld(time.Time{})), "0.26.2", true},
		"another one was set":                                  {with(putBack(t), pinnedTo("0.24.4"), pinHeld(monday)), "0.24.4", false},
		"retry was said":                                       {with(putBack(t), pinnedAt(monday)), "0.27.3", false},
		"it is held, and no pin asked for it":                  {with(failedPin(t), func(in *plan.Input) { in.Held[0].Pinned = false }), "0.27.3", false},
		"somebody brought it on since":                         {with(moved(t), pinnedAt(monday), pinHeld(monday)), "0.27.3", false},
		"it is asked for now":                                  {with(failedPin(t), request(plan.SetPin, "0.27.3")), "0.27.3", false},
		"it is asked for on the way back, which is made first": {with(moved(t), pinnedAt(monday), backFromPin, request(plan.SetPin, "0.27.3")), "0.26.2", true},
		"an update finishes the way back":                      {with(moved(t), pinnedAt(monday), backFromPin, request(plan.Update, "")), "0.26.2", true},
		"other settings are for what runs": {with(failedPin(t), func(in *plan.Input) {
			in.Request = plan.Request{Verb: plan.Update, Settings: plan.SettingsChange{Values: map[string]any{"mtu": "1400"}}}
		}), "0.26.2", true},
		"the CNI was deleted, and comes back as it was": {with(failedPin(t), func(in *plan.Input) { in.Installed = plan.Installed{} }), "0.26.2", true},
		"nothing is pinned any more":                    {with(failedPin(t), request(plan.Unpin, "")), "0.26.2", false},
		"updates are automatic, which take no held one": {with(putBack(t), pinHeld(monday), request(plan.Update, "")), "0.26.2", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan.Make(rendered(c.in))
			if p.To != c.to || (p.PinFailed != "") != c.failed {
				t.Errorf("leads to %q, failed %q; want %q, %v", p.To, p.PinFailed, c.to, c.failed)
			}
			if c.failed && !strings.Contains(plan.Explain(rendered(c.in)).Chosen, "which failed (pods lost DNS)") {
				t.Errorf("chosen: %s", plan.Explain(rendered(c.in)).Chosen)
			}
		})
	}
}

// Where only the node that failed is put back, the others keep the pin until somebody decides: then it is tried again.
func TestAPinThatFailedStandsHalfWayUntilRetry(t *testing.T) {
	t.Parallel()
	in := with(rolled(t, 1), backTo("node-2"), pinnedAt(monday), func(in *plan.Input) { in.Desired.MoveTo, in.Desired.Back.To = "", "0.26.2" })
	if p := plan.Make(rendered(in)); p.State != plan.HaltedState || p.To != "0.26.2" || p.PinFailed == "" || len(p.Steps) > 0 {
		t.Errorf("half way it is %s at %s, failed %q, steps %+v", p.State, p.To, p.PinFailed, p.Steps)
	}
	in.Desired.Back = plan.Back{} // which retry gives up
	if p := plan.Make(rendered(in)); p.State != plan.Applying || p.To != "0.27.3" || p.PinFailed != "" {
		t.Errorf("after retry it is %s at %s, failed %q", p.State, p.To, p.PinFailed)
	}
}

// What people ask for while a way back from a pin is under way.
func TestAWayBackFromAPinLeavesThePin(t *testing.T) {
	t.Parallel()
	back := plan.Back{Revision: 2, Leaves: "0.27.3", To: "0.26.2", Reason: "pods lost DNS"}
	named := back
	named.To = ""
	pin := plan.Pin{Reason: "kernel", By: "ana", At: monday, Ticket: "NET-1"}
	for name, c := range map[string]struct {
		ask  func(*plan.Input)
		want plan.Desired
	}{
		"nothing":                       {func(*plan.Input) {}, plan.Desired{Version: "0.27.3", Pin: pin, Back: back}},
		"an update":                     {request(plan.Update, ""), plan.Desired{Version: "0.27.3", Pin: pin, Back: back}},
		"an update to it":               {request(plan.Update, "0.27.3"), plan.Desired{Version: "0.27.3", Pin: pin, Back: back}},
		"the pin again":                 {request(plan.SetPin, "0.27.3"), plan.Desired{Version: "0.27.3", Pin: pin, Back: back}},
		"a pin to where it leads":       {request(plan.SetPin, "0.26.2"), plan.Desired{Version: "0.26.2", Pin: plan.Pin{Reason: "test"}, Back: named}},
		"a pin elsewhere":               {request(plan.SetPin, "0.24.4"), plan.Desired{Version: "0.24.4", Pin: plan.Pin{Reason: "test"}}},
		"no pin":                        {request(plan.Unpin, ""), plan.Desired{MoveTo: "0.26.2", Back: named}},
		"a rollback, which moves a pin": {rollbackTo(0), plan.Desired{Version: "0.26.2", Pin: plan.Pin{Reason: "rollback to revision 2"}, Back: named}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.AddOn = "Flannel"
			if diff := cmp.Diff(c.want, plan.Make(rendered(with(moved(t), pinnedAt(monday), backFromPin, c.ask))).Desired); diff != "" {
				t.Errorf("the wish (-want +got):\n%s", diff)
			}
		})
	}
}

// The wish for the way back of a move that failed: the negative control is the rollback that it is made of, which moves the pin.
func TestAWayBackByItselfChangesNoPin(t *testing.T) {
	t.Parallel()
	older := func(in *plan.Input) { pinnedAt(monday)(in); in.Desired.Version = "0.26.2" }
	accepted := func(in *plan.Input) { in.Desired.Accept = plan.Accept{Version: "0.27.3", Reason: "known"} }
	for name, c := range map[string]struct {
		in   plan.Input
		want plan.Desired
	}{
		"of a pin": {
			with(moved(t), pinnedAt(monday), accepted, rollbackTo(2)),
			plan.Desired{
				Version: "0.27.3", Pin: plan.Pin{Reason: "kernel", By: "ana", At: monday, Ticket: "NET-1"}, Accept: plan.Accept{Version: "0.27.3", Reason: "known"},
				Back: plan.Back{Revision: 2, Leaves: "0.27.3", To: "0.26.2", Reason: "rollback to revision 2"},
			},
		},
		"of a pin to an older release": {
			with(story(t,
				plan.Revision{Number: 1, Version: "0.27.3", Status: plan.Deployed, Digest: "render-0.27.3"},
				plan.Revision{Number: 2, Version: "0.26.2", Status: plan.PendingUpgrade, Digest: "render-0.26.2"}), older, rollbackTo(1)),
			plan.Desired{
				Version: "0.26.2", Pin: plan.Pin{Reason: "kernel", By: "ana", At: monday, Ticket: "NET-1"},
				Back: plan.Back{Revision: 1, Leaves: "0.26.2", To: "0.27.3", Reason: "rollback to revision 1"},
			},
		},
		"of an automatic one": {
			with(moved(t), rollbackTo(2)), plan.Desired{MoveTo: "0.26.2", Back: plan.Back{Revision: 2, Leaves: "0.27.3", Reason: "rollback to revision 2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.AddOn = "Flannel"
			byHand := plan.Make(rendered(c.in)).Desired
			if diff := cmp.Diff(c.want, byHand.KeepPin(c.in.Desired)); diff != "" {
				t.Errorf("the wish (-want +got):\n%s", diff)
			}
			if moves := byHand.Version != c.in.Desired.Version; moves != (c.in.Desired.Version != "") {
				t.Errorf("a rollback by hand: %+v", byHand)
			}
		})
	}
}

func rowsOfFailedPins(tb testing.TB) map[string]row {
	tb.Helper()
	return map[string]row{
		"a pin that failed": {
			"pin-failed", failedPin(tb), plan.PinFailed, false,
			"Flannel is pinned to 0.27.3, which failed (pods lost DNS); the cluster keeps to 0.26.2, and the pin stays as it is",
		},
		"a pin that is gone back from": {"pin-failed", with(moved(tb), pinnedAt(monday), backFromPin), plan.PinFailed, false, "the cluster keeps to 0.26.2"},
		"an update of a pin that failed": {
			"pin-failed", with(failedPin(tb), request(plan.Update, "")), plan.PinFailed, true, "it is not tried again by itself",
		},
		"an update to a pin that failed": {
			"pin-failed", with(failedPin(tb), request(plan.Update, "0.27.3")), plan.PinFailed, true, "it is not tried again by itself",
		},
		"installing a pin that failed": {"pin-failed", with(failedPin(tb), install("0.27.3")), plan.PinFailed, true, "it is not tried again by itself"},
		"an update elsewhere than to a pin that failed": {
			"pin-kept", with(failedPin(tb), request(plan.Update, "0.24.4")), plan.Pinned, true, "pinned to 0.27.3",
		},
		"a pin that failed, and what runs does not fit": {
			"kubernetes-range", with(story(tb,
				plan.Revision{Number: 1, Version: "0.27.3", Status: plan.Superseded, Digest: "render-0.27.3"},
				plan.Revision{Number: 2, Version: "0.26.2", Status: plan.Failed, Digest: "render-0.26.2"},
				plan.Revision{Number: 3, Version: "0.27.3", Status: plan.Deployed, Digest: "render-0.27.3"},
			), kubernetes("v1.33.2"), pinnedTo("0.26.2"), func(in *plan.Input) { in.Held = []plan.Held{{Version: "0.26.2", Pinned: true}} }),
			plan.KubernetesOutOfRange, false, "Flannel 0.27.3 needs Kubernetes 1.34",
		},
		"a pin that failed, and what runs was recalled": {
			"recalled-installed", with(failedPin(tb), func(in *plan.Input) {
				in.Catalog = in.Catalog.Recalled(func(addOn, v string) (string, bool) { return "", addOn == "Flannel" && v == "0.26.2" })
			}), plan.PinRecalled, false, "the pin, which failed, does not lead away from it",
		},
	}
}
