package helm_test

import (
	"testing"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

// moves takes a bench to a version, to the end.
func (b *bench) moves(t *testing.T, v string) {
	t.Helper()
	b.do(t, v, plan.Apply)
	waitObserved(t, b, v)
	b.do(t, v, plan.Settle)
}

// step of a kind; zero when the plan has none.
func step(p plan.Plan, kind plan.StepKind) plan.Step {
	for _, s := range p.Steps {
		if s.Kind == kind {
			return s
		}
	}
	return plan.Step{}
}

// lookBack is what a rollback to a revision would see and plan.
func (b *bench) lookBack(t *testing.T, revision int) (plan.Input, plan.Plan) {
	t.Helper()
	in, err := b.observer.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Request = plan.Request{Verb: plan.Rollback, NetworkType: catalog.FlannelOverlay, Revision: revision}
	if in.Change, err = b.Change(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return in, plan.Make(in)
}

// Another build's charts bring back what was there byte for byte: by the version of an older release, and by the number of a
// revision, also one of the version that is live or of a newer one. It would catch a way back that is a third release, which nobody
// has ever run.
func TestAWayBackHasTheChartThatWasThere(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.Charts = earlier(t)
	b.moves(t, "0.26.2")
	b.Charts, b.NewCharts = charts.FS, true
	b.moves(t, "0.26.2") // the same release with the newer chart
	b.NewCharts = false
	b.moves(t, "0.27.3")
	in, _ := b.look(t, "0.27.3")
	digests := map[int]string{}
	for _, r := range in.Record.Revisions {
		digests[r.Number] = r.Digest
		if r.Settings == nil || !r.Settings.IsZero() {
			t.Errorf("revision %d tells the settings %+v, want that there were none", r.Number, r.Settings)
		}
	}
	if len(digests) != 3 || digests[1] == digests[2] {
		t.Fatalf("revisions: %+v", in.Record.Revisions)
	}
	b.Charts = earlier(t) // another build
	for _, c := range []struct {
		revision  int
		newCharts bool
		want      bool
	}{
		{1, false, true},
		{2, false, true},
		// The negative control: with the charts of this build revision 2 does not come back.
		{2, true, false},
	} {
		b.NewCharts = c.newCharts
		in, p := b.lookBack(t, c.revision)
		if got := in.Change.Digest == digests[c.revision]; got != c.want || step(p, plan.Apply).Version != "0.26.2" {
			t.Errorf("revision %d, new charts %v: brought back %v, want %v; steps %+v, findings %+v", c.revision, c.newCharts, got, c.want, p.Steps, p.Findings)
		}
	}
	b.NewCharts = false
	if in, _ := b.look(t, "0.26.2"); in.Change.Digest != digests[2] {
		t.Error("an older release that is named is not that of its newest revision")
	}
	b.Charts = charts.FS

	// A way back that was begun goes on with the same render, and so does the way forwards again by the revision's number.
	back, p := b.lookBack(t, 1)
	if _, err := b.Do(t.Context(), back, step(p, plan.Apply)); err != nil {
		t.Fatal(err)
	}
	in, p = b.lookBack(t, 1)
	if again := step(p, plan.Apply); again.Kind != "" || in.Change.Digest != digests[1] || in.Installed.Digest != digests[1] {
		t.Errorf("goes on with %+v", again)
	}
	if last := in.Record.Last(); last.Digest != digests[1] || last.Number != 4 {
		t.Errorf("recorded is %+v", last)
	}
	b.Charts = earlier(t)
	if in, _ := b.lookBack(t, 3); in.Change.Digest != digests[3] {
		t.Error("a newer release that a rollback names is not that of its revision")
	}
}
