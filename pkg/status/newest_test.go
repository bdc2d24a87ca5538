package status_test

import (
	"testing"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
	"github.com/addonctl/addonctl/pkg/version"
)

// The status carries what automatic mode would take, and not what was recalled, or was put back from.
func TestTheStatusTellsWhatAutomaticUpdatesWouldTake(t *testing.T) {
	t.Parallel()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	at := plan.Input{
		Now: now, Catalog: shipped,
		Cluster:   plan.Cluster{Name: "c1", Kubernetes: version.MustParse("v1.34.2"), NetworkType: catalog.FlannelOverlay},
		Desired:   plan.Desired{AddOn: "Flannel"},
		Installed: plan.Installed{Present: true, Ours: true, Version: "0.26.2"},
	}
	with := func(change func(*plan.Input)) plan.Input {
		in := at
		change(&in)
		return in
	}
	newest := plan.Newest(at)
	if newest == "" || newest == "0.26.2" {
		t.Fatalf("the shipped catalog offers %q to 0.26.2", newest)
	}
	recalled := func(addOn, v string) (string, bool) { return "", addOn == "Flannel" && v == newest }
	for name, c := range map[string]struct {
		in   plan.Input
		want func(string) bool
	}{
		"the newest that fits":              {at, func(v string) bool { return v == newest }},
		"the one that is installed already": {with(func(in *plan.Input) { in.Installed.Version = newest }), func(v string) bool { return v == newest }},
		"while a move is asked for":         {with(func(in *plan.Input) { in.Desired.MoveTo = "0.26.2" }), func(v string) bool { return v == newest }},
		"not one that is recalled": {
			with(func(in *plan.Input) { in.Catalog = shipped.Recalled(recalled) }), func(v string) bool { return v != newest && v != "" },
		},
		"not one that is held": {
			with(func(in *plan.Input) { in.Held = []plan.Held{{Version: newest}} }), func(v string) bool { return v != newest && v != "" },
		},
		"none without a catalog": {with(func(in *plan.Input) { in.Catalog = nil }), func(v string) bool { return v == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := status.Addon(v1alpha1.AddonStatus{}, 1, c.in, upToDate(), "test").NewestFit; !c.want(got) {
				t.Errorf("newest that fits: %q", got)
			}
		})
	}
	if a, _ := shipped.AddOn("Flannel"); len(a.Releases) == 0 || a.Releases[0].Status == catalog.Recalled {
		t.Error("recalling changed the catalog that was given")
	}
}
