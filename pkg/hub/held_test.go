package hub_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// A way back is recorded, holds the release that it leaves, and is taken off the record when it was made; the release stays held until
// somebody says retry. It would catch a release that automatic mode chooses again, and a way back that never ends.
func TestAWayBackHoldsTheReleaseThatItLeaves(t *testing.T) {
	t.Parallel()
	k := client(t, testkube.Start(t, testkube.Options{}))
	h := hub.New(k)
	back := plan.Back{Revision: 1, Leaves: "0.27.3", Reason: "pods lost DNS"}
	w := hub.Wish{
		Cluster: "in-cluster", NetworkType: v1alpha1.FlannelOverlay, UID: "uid",
		Desired: plan.Desired{AddOn: "Flannel", MoveTo: "0.26.2", Back: back},
	}
	if err := h.Save(t.Context(), k, w); err != nil {
		t.Fatal(err)
	}
	addon := func() *v1alpha1.Addon {
		t.Helper()
		a, err := h.Addon(t.Context(), "in-cluster", "Flannel")
		if err != nil || a == nil {
			t.Fatalf("reading the record: %v, %v", a, err)
		}
		return a
	}
	wish := func() plan.Desired {
		t.Helper()
		d, err := hub.Desired(addon().Spec)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	held := func() []string {
		t.Helper()
		var out []string
		for _, r := range hub.Held(addon().Status) {
			out = append(out, r.Version+" "+r.Reason)
		}
		return out
	}
	recorder := &hub.Recorder{Hub: h, By: "test"}
	record := func(d plan.Desired, s plan.State) {
		t.Helper()
		in := plan.Input{Desired: d, Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
		if err := recorder.Record(t.Context(), in, plan.Plan{Cluster: "in-cluster", AddOn: "Flannel", State: s}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(w.Desired, wish()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	record(w.Desired, plan.Rolling)
	if diff := cmp.Diff([]string{"0.27.3 pods lost DNS"}, held()); diff != "" || !wish().Back.Equal(back) {
		t.Errorf("under way, recorded %+v, held (-want +got):\n%s", wish(), diff)
	}
	// The negative control: what was made for another wish takes nothing off the record.
	record(plan.Desired{AddOn: "Flannel", MoveTo: "0.24.4"}, plan.UpToDate)
	if !wish().Back.Equal(back) {
		t.Errorf("the end of another move: recorded %+v", wish())
	}
	if err := h.Unhold(t.Context(), "in-cluster", "Flannel", ""); err != nil {
		t.Fatal(err)
	}
	record(wish(), plan.Rolling)
	if got := wish().Back; len(held()) > 0 || !got.Equal(plan.Back{Revision: 1, Reason: "pods lost DNS"}) {
		t.Errorf("retry on the way back: held %v, recorded %+v", held(), got)
	}
	w.Seen = wish()
	if err := h.Save(t.Context(), k, w); err != nil {
		t.Fatal(err)
	}
	record(w.Desired, plan.UpToDate) // killed before anything was held, and made
	if diff := cmp.Diff([]string{"0.27.3 pods lost DNS"}, held()); diff != "" || wish().Back.Revision != 0 || wish().MoveTo != "" {
		t.Errorf("made, recorded %+v, held (-want +got):\n%s", wish(), diff)
	}
	for _, c := range []struct {
		version string
		left    int
	}{{"0.26.2", 1}, {"0.27.3", 0}, {"", 0}} {
		if err := h.Unhold(t.Context(), "in-cluster", "Flannel", c.version); err != nil || len(held()) != c.left {
			t.Errorf("retry of %q: %v, held %v", c.version, err, held())
		}
	}
	// A status that was made for another wish than the recorded one does not say that it speaks of that.
	old := wish()
	w.Seen, w.Desired = old, plan.Desired{AddOn: "Flannel", MoveTo: "0.27.3"}
	if err := h.Save(t.Context(), k, w); err != nil {
		t.Fatal(err)
	}
	record(old, plan.Rolling)
	if a := addon(); a.Status.ObservedGeneration >= a.Generation {
		t.Errorf("made for the wish before, it speaks of generation %d of %d", a.Status.ObservedGeneration, a.Generation)
	}
	paused := w.Desired // a manager that is told to hold pauses the roll in what it sees
	paused.Roll.Paused = true
	for _, d := range []plan.Desired{w.Desired, paused} {
		record(d, plan.Rolling)
		if a := addon(); a.Status.ObservedGeneration != a.Generation {
			t.Errorf("made for the recorded wish, it speaks of generation %d of %d", a.Status.ObservedGeneration, a.Generation)
		}
	}
	record(w.Desired, plan.UpToDate)
	if a := addon(); a.Status.ObservedGeneration != a.Generation || a.Spec.MoveTo != "" {
		t.Errorf("made, it speaks of generation %d of %d: %+v", a.Status.ObservedGeneration, a.Generation, a.Spec)
	}
}

// A way back from a pin leaves the pin as its operator wrote it, through every write and whenever whoever writes is killed: the wish is one write,
// the release is held before the way back is taken off the record, and retry takes off the way back first. It would catch a pin that is moved or
// signed by us, one that is forgotten to have failed, and one that is held again by somebody who had looked before retry was said.
func TestAWayBackFromAPinLeavesThePin(t *testing.T) {
	t.Parallel()
	k := client(t, testkube.Start(t, testkube.Options{}))
	h := hub.New(k)
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	f := fromPin{t, h, &hub.Recorder{Hub: h, By: "test"}}
	w := hub.Wish{Cluster: "in-cluster", NetworkType: v1alpha1.FlannelOverlay, UID: "uid"}
	for _, pin := range []plan.Pin{{Reason: "kernel", By: "ana", At: at, Ticket: "NET-1"}, {}} {
		w.Desired = plan.Desired{AddOn: "Flannel", Version: "0.27.3", Pin: pin, OnFailure: plan.RevertAll}
		if err := errors.Join(h.Save(t.Context(), k, w), h.Unhold(t.Context(), "in-cluster", "Flannel", "")); err != nil {
			t.Fatal(err)
		}
		pinned, asWritten := f.wish(), f.addon().Spec
		back := pinned
		back.Back = plan.Back{Revision: 1, Leaves: "0.27.3", To: "0.26.2", Reason: "pods lost DNS"}
		save := func() {
			t.Helper()
			w.Seen, w.Desired = f.wish(), back
			if err := h.Save(t.Context(), k, w); err != nil {
				t.Fatal(err)
			}
			f.stays(asWritten, &v1alpha1.Rollback{Revision: 1, Leaves: "0.27.3", To: "0.26.2", Reason: "pods lost DNS"}, "recorded")
		}
		save() // killed right after it: the next look
		f.record(back, plan.Rolling)
		f.held(1, asWritten.Pin)
		f.record(back, plan.UpToDate) // made
		f.stays(asWritten, nil, "made")
		f.held(1, asWritten.Pin)

		if err := h.Unhold(t.Context(), "in-cluster", "Flannel", "0.27.3"); err != nil {
			t.Fatal(err)
		}
		f.held(0, nil)
		save()
		f.record(back, plan.UpToDate) // killed before anybody had looked, and made
		f.stays(asWritten, nil, "made at the first look")
		f.held(1, asWritten.Pin)

		// Retry on the way back: it is given up. Whoever had looked before holds the release no more, and the negative control, who looks again while
		// the way back stands, does.
		save()
		f.record(back, plan.Rolling)
		f.held(1, asWritten.Pin)
		if err := h.Unhold(t.Context(), "in-cluster", "Flannel", ""); err != nil {
			t.Fatal(err)
		}
		f.stays(asWritten, nil, "retry")
		f.record(back, plan.Rolling)
		f.held(0, nil)
		save()
		f.record(back, plan.Rolling)
		f.held(1, asWritten.Pin)
		w.Seen = f.wish()
	}
}

// fromPin is the record of a cluster that goes back from its pin.
type fromPin struct {
	*testing.T
	h        *hub.Hub
	recorder *hub.Recorder
}

func (f fromPin) addon() *v1alpha1.Addon {
	f.Helper()
	a, err := f.h.Addon(f.Context(), "in-cluster", "Flannel")
	if err != nil || a == nil {
		f.Fatalf("reading the record: %v, %v", a, err)
	}
	return a
}

func (f fromPin) wish() plan.Desired {
	f.Helper()
	d, err := hub.Desired(f.addon().Spec)
	if err != nil {
		f.Fatal(err)
	}
	return d
}

func (f fromPin) record(d plan.Desired, s plan.State) {
	f.Helper()
	in := plan.Input{Desired: d, Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	if err := f.recorder.Record(f.Context(), in, plan.Plan{Cluster: "in-cluster", AddOn: "Flannel", State: s}); err != nil {
		f.Fatal(err)
	}
}

// stays fails unless a record is as its operator wrote it, but for the way back.
func (f fromPin) stays(written v1alpha1.AddonSpec, back *v1alpha1.Rollback, when string) {
	f.Helper()
	written.Rollback = back
	if diff := cmp.Diff(written, f.addon().Spec); diff != "" {
		f.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// held fails unless that many releases are held, the first for a pin.
func (f fromPin) held(n int, pin *v1alpha1.Pin) {
	f.Helper()
	got := f.addon().Status.Held
	if len(got) != n || n > 0 && (got[0].Version != "0.27.3" || !got[0].Pinned || cmp.Diff(pin, got[0].Pin) != "") {
		f.Errorf("held is %+v, want %d for %+v", got, n, pin)
	}
}

// What stands beside a way back and a held release is refused where it makes no sense.
func TestTheServerRefusesAWayBackFromNoPin(t *testing.T) {
	t.Parallel()
	k := client(t, testkube.Start(t, testkube.Options{}))
	h := hub.New(k)
	w := hub.Wish{
		Cluster: "in-cluster", NetworkType: v1alpha1.FlannelOverlay, UID: "uid",
		Desired: plan.Desired{AddOn: "Flannel", Version: "0.27.3", Back: plan.Back{Revision: 1, To: "0.26.2"}},
	}
	if err := h.Save(t.Context(), k, w); err == nil || !strings.Contains(err.Error(), "leaves has to name the pinned release") {
		t.Errorf("a way back that leaves nothing: %v", err)
	}
	w.Desired.Back.Leaves = "0.27.3"
	if err := h.Save(t.Context(), k, w); err != nil {
		t.Fatal(err)
	}
	for pinned, says := range map[bool]string{false: "set pinned, or remove pin", true: ""} {
		a, err := h.Addon(t.Context(), "in-cluster", "Flannel")
		if err != nil {
			t.Fatal(err)
		}
		a.Status.Held = []v1alpha1.HeldRelease{{Version: "0.27.3", Pinned: pinned, Pin: &v1alpha1.Pin{Reason: "kernel"}}}
		if err := h.SaveAddonStatus(t.Context(), a); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("a pin with pinned %v: %v", pinned, err)
		}
	}
}
