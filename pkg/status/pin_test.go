package status_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
	"github.com/addonctl/addonctl/pkg/version"
)

// until134 is the shipped catalog, where Flannel 0.26.2 is made for Kubernetes up to 1.34.
func until134(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	c = c.Recalled(func(string, string) (string, bool) { return "", false }) // a copy
	for i := range c.AddOns {
		for j, r := range c.AddOns[i].Releases {
			if c.AddOns[i].Name == "Flannel" && r.Version.String() == "0.26.2" {
				c.AddOns[i].Releases[j].Kubernetes.Maximum = version.MustParse("v1.34")
			}
		}
	}
	return c
}

func TestAPinSaysWhatBecomesOfIt(t *testing.T) {
	t.Parallel()
	c := until134(t)
	recalled := c.Recalled(func(_, v string) (string, bool) { return "", v == "0.26.2" })
	in := func(kubernetes, pin string, change func(*plan.Input)) plan.Input {
		in := plan.Input{
			Now: now, Catalog: c,
			Cluster:   plan.Cluster{Name: "c1", NetworkType: catalog.FlannelOverlay},
			Desired:   plan.Desired{AddOn: "Flannel", Version: pin},
			Installed: plan.Installed{Present: true, Ours: true, Observed: true, Version: "0.26.2"},
		}
		if kubernetes != "" {
			in.Cluster.Kubernetes = version.MustParse(kubernetes)
		}
		if change != nil {
			change(&in)
		}
		return in
	}
	ends := func(after time.Duration) func(*plan.Input) {
		return func(in *plan.Input) { in.Desired.Pin.Until = now.Add(after) }
	}
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		in   plan.Input
		want []string
	}{
		"a pin that fits Kubernetes and the next": {in("v1.33.1", "0.26.2", nil), []string{"Upgradeable=True NextKubernetesFits"}},
		"one that will not fit the next minor": {
			in("v1.34.2", "0.26.2", nil), []string{"PinIncompatible=True NextKubernetesOutOfRange", "Upgradeable=False NextKubernetesOutOfRange"},
		},
		"one that does not fit now": {
			in("v1.35.0", "0.26.2", nil), []string{"PinIncompatible=True KubernetesOutOfRange", "Upgradeable=False KubernetesOutOfRange"},
		},
		"no pin, and what runs will not fit": {in("v1.34.2", "", nil), []string{"Upgradeable=False NextKubernetesOutOfRange"}},
		"Kubernetes is not known":            {in("", "0.26.2", nil), nil},
		"a release that nobody knows":        {in("v1.33.1", "9.9.9", nil), nil},
		"one that was recalled": {
			in("v1.33.1", "0.26.2", func(in *plan.Input) { in.Catalog = recalled }), []string{"PinRecalled=True Recalled", "Upgradeable=True NextKubernetesFits"},
		},
		"no pin, and what runs was recalled": {
			in("v1.33.1", "", func(in *plan.Input) { in.Catalog = recalled }), []string{"Upgradeable=True NextKubernetesFits"},
		},
		"one that failed, and what runs will not fit the next minor": {
			in("v1.34.2", "0.27.3", func(in *plan.Input) {
				in.Record.Revisions = []plan.Revision{{Number: 3, Version: "0.26.2", Status: plan.Deployed}}
				in.Held = []plan.Held{{Version: "0.27.3", Pinned: true}}
			}), []string{"Upgradeable=False NextKubernetesOutOfRange"},
		},
		"its end is far":         {in("", "0.26.2", ends(14*day+time.Second)), nil},
		"its end is near":        {in("", "0.26.2", ends(14*day)), []string{"PinExpiring=True DateNear"}},
		"its end is now":         {in("", "0.26.2", ends(0)), []string{"PinExpiring=True DatePassed"}},
		"no pin with that end":   {in("", "", ends(0)), nil},
		"it moves to a bad goal": {in("v1.35.0", "0.26.2", func(in *plan.Input) { in.Installed.Version = "0.24.4" }), []string{"PinIncompatible=True KubernetesOutOfRange", "Upgradeable=False KubernetesOutOfRange"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan.Make(c.in)
			got := status.Addon(v1alpha1.AddonStatus{}, 1, c.in, p, "cli")
			about := slices.DeleteFunc(conditions(got), func(s string) bool {
				return !strings.HasPrefix(s, "Upgradeable") && (!strings.HasPrefix(s, "Pin") || strings.HasPrefix(s, "Pinned"))
			})
			if diff := cmp.Diff(c.want, about); diff != "" && len(c.want)+len(about) > 0 {
				t.Errorf("(-want +got)\n%s", diff)
			}
			// What stands there already is no news, and what says something else is.
			if news := status.PinNews(got.Conditions, c.in, p); len(news) > 0 {
				t.Errorf("told again: %v", news)
			}
			told := status.PinNews(nil, c.in, p)
			if want := slices.ContainsFunc(about, func(s string) bool { return strings.HasPrefix(s, "Pin") }); want != (len(told) > 0) {
				t.Errorf("told %v of %v", told, about)
			}
		})
	}
}

func TestAPinSpeaksAtItsTimes(t *testing.T) {
	t.Parallel()
	until := metav1.NewTime(now.Add(30 * 24 * time.Hour))
	spec := v1alpha1.AddonSpec{Version: "0.26.2", Pin: &v1alpha1.Pin{Reason: "r", Until: &until}}
	near := until.Add(-14 * 24 * time.Hour)
	for _, c := range []struct {
		at, next time.Time
		ended    bool
	}{
		{now, near, false},
		{near, until.Time, false},
		{until.Add(-time.Second), until.Time, false},
		{until.Time, time.Time{}, true},
	} {
		if got := status.PinSpeaks(spec, c.at); !got.Equal(c.next) {
			t.Errorf("at %s it speaks next at %s, want %s", c.at, got, c.next)
		}
		if got := status.PinEnded(spec, c.at); got != c.ended {
			t.Errorf("at %s it has ended: %v", c.at, got)
		}
	}
	spec.Version = ""
	if status.PinEnded(spec, until.Time) || !status.PinSpeaks(spec, now).IsZero() {
		t.Error("what is not pinned has an end")
	}
}
