package drive_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/version"
)

// sight is a cluster that is seen as it was described, whose releases are rendered by nobody.
type sight struct{ in plan.Input }

func (s sight) Observe(context.Context) (plan.Input, error) { return s.in, nil }

func (s sight) Change(_ context.Context, in plan.Input) (plan.Change, error) {
	_, r, _ := plan.Target(in)
	return plan.Change{Version: r.Version.String(), Digest: "render-" + r.Version.String(), Network: plan.PodCIDRs(in)}, nil
}

func (s sight) Do(context.Context, plan.Input, plan.Step) (plan.Result, error) {
	panic("looking for a way back writes nothing")
}

// The way back of a pin that failed leaves the pin as it was, whoever wrote it; the settings of before come back. Where somebody pinned otherwise
// while the move failed, what he wants is not called failed.
func TestTheWayBackOfAPinLeavesThePin(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	older := &plan.Settings{Values: map[string]any{"mtu": "1400"}}
	was := plan.Revision{Number: 1, Version: "0.26.2", Status: plan.Deployed, Digest: "render-0.26.2", Settings: older}
	in := plan.Input{
		Now: at.Add(time.Hour), Catalog: c, AddOn: "Flannel",
		Cluster: plan.Cluster{
			Name: "c1", UID: "uid", NetworkType: catalog.FlannelOverlay, Kubernetes: version.MustParse("v1.34.1"),
			Stamp: &plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: "uid", Cluster: "c1"},
		},
		Installed: plan.Installed{Present: true, Ours: true, Version: "0.27.3", Digest: "render-0.27.3", Observed: true, Newest: "hash"},
		Record:    plan.Record{Revisions: []plan.Revision{was, {Number: 2, Version: "0.27.3", Status: plan.PendingUpgrade, Digest: "render-0.27.3"}}},
		Desired: plan.Desired{
			AddOn: "Flannel", Version: "0.27.3", Pin: plan.Pin{Reason: "kernel", By: "ana", At: at}, OnFailure: plan.RevertAll,
			Settings: plan.Settings{Values: map[string]any{"mtu": "9000"}},
		},
	}
	failed := reconcile.Outcome{End: reconcile.Halted, Input: in, Plan: plan.Make(in)}
	for name, c := range map[string]struct {
		change func(*plan.Desired)
		why    string
	}{
		"nothing changed":                 {func(*plan.Desired) {}, ""},
		"another release is pinned":       {func(d *plan.Desired) { d.Version = "0.24.4" }, "somebody pinned it otherwise meanwhile"},
		"the same release is pinned anew": {func(d *plan.Desired) { d.Pin.At = at.Add(time.Minute) }, "somebody pinned it otherwise meanwhile"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := in
			c.change(&now.Desired)
			s := &drive.Seat{Loop: &reconcile.Loop{Observer: sight{now}, Engine: sight{now}}}
			r, err := s.Back(t.Context(), failed, was, in.Desired, plan.RevertAll, "halted at n1")
			if c.why != "" {
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%v, want %q", err, c.why)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := in.Desired
			want.Settings = *older
			want.Back = plan.Back{Revision: 1, Leaves: "0.27.3", To: "0.26.2", Reason: "halted at n1"}
			if diff := cmp.Diff(want, r.Wish.Desired); diff != "" {
				t.Errorf("the wish (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(in.Desired, r.Wish.Seen); diff != "" {
				t.Errorf("seen (-want +got):\n%s", diff)
			}
		})
	}
}
