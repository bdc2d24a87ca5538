package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// The defaults of Oracle's tools (facts: OKE 1.3). It would catch a default that is taken for another tool's, or for another time's.
func TestDefaultsOfTheNetworkType(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct {
		rule, kubernetes, created string
		want                      catalog.NetworkType
		says                      string
	}{
		{"oke-console", "1.34.1", "2026-11-23", catalog.OCIVCNIPNative, "created on 2026-11-23, Kubernetes 1.34.1"},
		{"oke-console", "1.22.0", "2022-07-12", catalog.OCIVCNIPNative, "Kubernetes 1.22.0"},
		{"oke-console", "1.21.5", "2022-08-01", catalog.FlannelOverlay, "it runs Kubernetes 1.21.5"},
		{"oke-console", "1.34.1", "2022-07-11", catalog.FlannelOverlay, "created on 2022-07-11"},
		{"oke-api", "1.34.1", "2026-11-23", catalog.FlannelOverlay, "OKE's API"},
		{"terraform-module", "1.34.1", "2026-11-23", catalog.FlannelOverlay, "Terraform"},
		{"capoci", "1.34.1", "2026-11-23", catalog.OCIVCNIPNative, "Cluster API"},
		{"date", "1.34.1", "2022-07-11", catalog.FlannelOverlay, "created on 2022-07-11"},
		{"date", "1.34.1", "2022-07-12", "", "its date does not tell"},
	} {
		r, ok := plan.FindTypeRule(c.rule)
		if !ok {
			t.Fatalf("there is no rule %s", c.rule)
		}
		got, says, decided := r.Choose(plan.TypeFacts{Kubernetes: version.MustParse(c.kubernetes), Created: day(c.created)})
		if got != c.want || decided != (c.want != "") || !strings.HasPrefix(says, "rule "+c.rule+" (") || !strings.Contains(says, c.says) {
			t.Errorf("%+v: %q, %t: %s", c, got, decided, says)
		}
	}
	if !slices.IsSortedFunc(plan.TypeRules, func(a, b plan.TypeRule) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the rules are not in order")
	}
	if r, ok := plan.FindTypeRule("console"); ok {
		t.Errorf("found %+v by half a name", r)
	}
}

// Once the type is recorded the record says what chose it.
func TestTheRuleIsSaidUntilTheTypeIsRecorded(t *testing.T) {
	t.Parallel()
	in := plan.Input{
		Cluster: plan.Cluster{Name: "c", NetworkType: catalog.FlannelOverlay},
		Request: plan.Request{Verb: plan.Install, NetworkType: catalog.FlannelOverlay, TypeRule: "rule oke-api (OKE's API)"},
	}
	if slices.ContainsFunc(plan.Make(in).Findings, func(f plan.Finding) bool { return f.Reason == plan.NetworkTypeByRule }) {
		t.Error("said of a type that is recorded")
	}
}
