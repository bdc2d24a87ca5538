package hub_test

import (
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
