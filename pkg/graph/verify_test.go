package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
)

// proven is an add-on without a fault.
func proven() catalog.AddOn {
	a := flannel("0.24.4 DEPRECATED for 1.31..1.33", "0.25.0 RECALLED for 1.31..", "0.26.2 for 1.31..", "0.27.3 for 1.33..",
		"0.28.0 PREVIEW for 1.34.. listed 1.35")
	a.NetworkType = catalog.FlannelOverlay
	a.Blocks = []catalog.Block{block("KernelTooOld: ..0.26 -> 0.27..", catalog.Condition{Fact: catalog.FactKernel, Below: v("5.4")},
		catalog.Condition{Fact: catalog.FactOS, In: []string{"OL7"}}, catalog.Condition{Fact: catalog.FactKubernetes, Below: v("1.34")})}
	a.Rules.Stops = []catalog.Stop{{At: span("0.26.0..0.26"), Reason: "Renamed", Message: "The chains are renamed."}}
	return a
}

func verify(addOns ...catalog.AddOn) graph.Report {
	return graph.Verify(&catalog.Catalog{AddOns: addOns})
}

func TestACatalogWithoutAFaultIsProven(t *testing.T) {
	t.Parallel()
	got := verify(proven(), catalog.AddOn{Name: "Calico"})
	want := graph.Report{AddOns: []graph.Proof{
		{
			Name: "Flannel", Releases: 5, Classes: 5, States: 5 * (3 + 3 + 4 + 5 + 5),
			Moves:  5*(4+4+6+8+8) - 1, // the block closes one, in one class, on one minor
			Minors: []version.Minor{{Major: 1, Minor: 31}, {Major: 1, Minor: 32}, {Major: 1, Minor: 33}, {Major: 1, Minor: 34}, {Major: 1, Minor: 35}},
		},
		{Name: "Calico", Classes: 1},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if !got.OK() {
		t.Error("the report is not OK")
	}
}

func TestEachPropertyHasACatalogThatBreaksJustIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		addOn catalog.AddOn
		want  graph.Violation
	}{
		"a recalled release that cannot be left": {
			but(flannel("0.25.0 RECALLED for 1.31..", "0.26.2 for 1.31.."), func(a *catalog.AddOn) { a.Blocks = []catalog.Block{block("Stuck: 0.25.0 -> 0.26..")} }),
			graph.Violation{
				Property: graph.NoWayToSupported, State: "Flannel 0.25.0 on Kubernetes 1.31",
				Text: "no path leads to an ACTIVE release that admits Kubernetes 1.31, not to 0.26.2 either: It breaks Stuck. (Stuck)",
				Path: []string{"0.25.0", "0.26.2"},
			},
		},
		"a deprecated release that nodes of one kind cannot leave": {
			but(flannel("0.26.2 DEPRECATED for 1.33..", "0.27.3 for 1.33.."), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("OldKernel: 0.26.2 -> 0.27.3", is(catalog.FactOS, "OL7", "OL8"))}
			}),
			graph.Violation{
				Property: graph.NoWayToSupported, State: "Flannel 0.26.2 on Kubernetes 1.33, os=OL7",
				Text: "no path leads to an ACTIVE release that admits Kubernetes 1.33, not to 0.27.3 either: It breaks OldKernel. (OldKernel)",
				Path: []string{"0.26.2", "0.27.3"},
			},
		},
		"an ACTIVE release from which the newest cannot be reached": {
			but(flannel("0.24.4 for 1.31..", "0.26.2 for 1.31..", "0.27.3 for 1.31.."), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Known: 0.24.4 -> 0.26.."), block("Other: 0.24.4 -> 0.27.3")}
			}),
			graph.Violation{
				Property: graph.DeadEnd, State: "Flannel 0.24.4 on Kubernetes 1.31",
				Text: "no path leads to 0.27.3, the newest ACTIVE release that fits: It breaks Known. (Known); It breaks Other. (Other)",
				Path: []string{"0.24.4", "0.27.3"},
			},
		},
		"a required stop that the cluster's Kubernetes does not admit": {
			but(flannel("0.24.4 for 1.31..1.32", "0.26.2 for 1.31..1.32", "0.27.3 for 1.31.."), func(a *catalog.AddOn) {
				a.Rules.Stops = []catalog.Stop{{At: span("0.26.0..0.26"), Reason: "Renamed", Message: "The chains are renamed."}}
				a.Releases[0].ListedFor = []version.Minor{{Major: 1, Minor: 33}}
				a.Releases[2].Kubernetes = filters("1.31..")
			}),
			graph.Violation{
				Property: graph.DeadEnd, State: "Flannel 0.24.4 on Kubernetes 1.33",
				Text: "no path leads to 0.27.3, the newest ACTIVE release that fits: " +
					"Flannel 0.26.2 needs Kubernetes 1.32 or earlier, the cluster runs 1.33 (KubernetesOutOfRange)",
				Path: []string{"0.24.4", "0.27.3"},
			},
		},
		"a move that promises a way back that is blocked": {
			but(flannel("0.26.2 for 1.31..", "0.27.3 for 1.31.."), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Leftovers: 0.27.3 -> ..0.26")}
			}),
			graph.Violation{
				Property: graph.NoWayBack, State: "Flannel 0.26.2 on Kubernetes 1.31",
				Text: "0.26.2 -> 0.27.3 is Reversible, and no path leads back: It breaks Leftovers. (Leftovers)",
				Path: []string{"0.26.2", "0.27.3", "0.26.2"},
			},
		},
		"a move that promises a blocked way back until it is settled": {
			but(flannel("0.26.2 for 1.31..", "0.27.3 for 1.31.."), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Leftovers: 0.27.3 -> ..0.26")}
				a.Rules.Back = []catalog.BackRule{{Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss}}
			}),
			graph.Violation{
				Property: graph.NoWayBack, State: "Flannel 0.26.2 on Kubernetes 1.31",
				Text: "0.26.2 -> 0.27.3 is ReversibleWithLoss until the nodes have taken it, and no path leads back: It breaks Leftovers. (Leftovers)",
				Path: []string{"0.26.2", "0.27.3", "0.26.2"},
			},
		},
		"a way back of two steps, of which the second has long settled": {
			but(flannel("0.24.4 for 1.31..", "0.26.2 for 1.31..", "0.27.3 for 1.31.."), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Skip: 0.27.3 -> 0.24.4")}
				a.Rules.Back = []catalog.BackRule{{Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss}}
			}),
			graph.Violation{
				Property: graph.NoWayBack, State: "Flannel 0.24.4 on Kubernetes 1.31",
				Text: "0.24.4 -> 0.27.3 is ReversibleWithLoss until the nodes have taken it, and no path leads back: It breaks Skip. (Skip)",
				Path: []string{"0.24.4", "0.27.3", "0.24.4"},
			},
		},
		"a release that nodes of one kind could enter again, and is blocked for them": {
			but(flannel("0.26.2 for 1.31..", "0.27.3 for 1.31.."), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{
					block("Shut: -> 0.26.2", is(catalog.FactOS, "OL7")), block("Leftovers: 0.27.3 -> ..0.26", is(catalog.FactOS, "OL7", "OL8")),
				}
			}),
			graph.Violation{
				Property: graph.NoWayBack, State: "Flannel 0.26.2 on Kubernetes 1.31, os=OL8",
				Text: "0.26.2 -> 0.27.3 is Reversible, and no path leads back: It breaks Leftovers. (Leftovers)",
				Path: []string{"0.26.2", "0.27.3", "0.26.2"},
			},
		},
		"two releases for neighboring minors and none for both": {
			flannel("0.24.4 for 1.31..1.33", "0.26.2 for 1.34.."),
			graph.Violation{
				Property: graph.UpgradeWithoutCNI, State: "Flannel 0.24.4 on Kubernetes 1.33",
				Text: "it does not admit Kubernetes 1.34, and no path leads to a release that admits both", Path: []string{"0.24.4"},
			},
		},
		"a minor that is listed and not admitted": {
			but(flannel("0.26.2 for 1.32.. listed 1.31"), func(a *catalog.AddOn) { a.NetworkType = catalog.FlannelOverlay }),
			graph.Violation{
				Property: graph.NothingToInstall, State: "Flannel on Kubernetes 1.31", Text: "no ACTIVE release admits Kubernetes 1.31",
			},
		},
		"no release at all": {
			but(flannel(), func(a *catalog.AddOn) { a.NetworkType = catalog.FlannelOverlay }),
			graph.Violation{Property: graph.NothingToInstall, State: "Flannel on any Kubernetes", Text: "no ACTIVE release admits any Kubernetes"},
		},
		"a block that enters no release": {
			but(flannel("0.26.2", "0.27.3"), func(a *catalog.AddOn) { a.Blocks = []catalog.Block{block("Dead: 0.26.2 -> 0.28..")} }),
			graph.Violation{Property: graph.DeadData, State: "Flannel", Text: "block Dead speaks of no move between releases of the catalog"},
		},
		"a block that leaves no release": {
			but(flannel("0.26.2", "0.27.3"), func(a *catalog.AddOn) { a.Blocks = []catalog.Block{block("Dead: 0.28.. -> 0.26.2")} }),
			graph.Violation{Property: graph.DeadData, State: "Flannel", Text: "block Dead speaks of no move between releases of the catalog"},
		},
		"a block from a release to itself": {
			but(flannel("0.26.2", "0.27.3"), func(a *catalog.AddOn) { a.Blocks = []catalog.Block{block("Dead: 0.26 -> 0.26")} }),
			graph.Violation{Property: graph.DeadData, State: "Flannel", Text: "block Dead speaks of no move between releases of the catalog"},
		},
		"a stop without a release": {
			but(flannel("0.26.2", "0.27.3"), func(a *catalog.AddOn) {
				a.Rules.Stops = []catalog.Stop{{At: span("0.28.0..0.28.9"), Reason: "Dead"}}
			}),
			graph.Violation{Property: graph.DeadData, State: "Flannel", Text: "no release lies in the required stop Dead (0.28.0 to 0.28.9)"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.want.AddOn = "Flannel"
			if diff := cmp.Diff([]graph.Violation{tt.want}, verify(tt.addOn).Violations); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// A right catalog is always searched by right rules, so the search is given another catalog than the one that holds.
func TestTheAuditFindsASearchThatDoesNotObeyARule(t *testing.T) {
	t.Parallel()
	truth := flannel("0.24.4 for 1.31..", "0.25.0 for 1.31..", "0.26.2 for 1.31..", "0.27.3 for 1.31..")
	lies := map[string]struct {
		truth func(*catalog.AddOn)
		want  graph.Violation
	}{
		"recalled releases": {
			func(a *catalog.AddOn) { a.Releases[2].Status = catalog.Recalled },
			graph.Violation{
				State: "Flannel 0.25.0 on Kubernetes 1.31", Text: "the search enters 0.25.0, and Recalled closes it", Path: []string{"0.25.0"},
			},
		},
		"PREVIEW releases on the way": {
			func(a *catalog.AddOn) { a.Releases[2].Status = catalog.Preview },
			graph.Violation{State: "Flannel 0.25.0", Text: "the search enters 0.25.0, and PreviewPassed closes it", Path: []string{"0.25.0"}},
		},
		"Kubernetes versions": {
			func(a *catalog.AddOn) { a.Releases[2].Kubernetes = filters("1.32..") },
			graph.Violation{
				State: "Flannel 0.25.0 on Kubernetes 1.31", Text: "the search enters 0.25.0, and KubernetesOutOfRange closes it", Path: []string{"0.25.0"},
			},
		},
		"realms": {
			func(a *catalog.AddOn) { a.Releases[2].Realms = []string{"OC1"} },
			graph.Violation{
				State: "Flannel 0.25.0 in realm=other", Text: "the search enters 0.25.0, and NotInRealm closes it", Path: []string{"0.25.0"},
			},
		},
		"the step limit": {
			func(a *catalog.AddOn) { a.Rules.MaxMinorStep = 2 },
			graph.Violation{
				State: "Flannel 0.27.3", Text: "the search goes 0.27.3 -> 0.24.4, and MinorStep closes it", Path: []string{"0.27.3", "0.24.4"},
			},
		},
		"required stops": {
			func(a *catalog.AddOn) {
				a.Rules.Stops = []catalog.Stop{{At: span("0.25.0..0.26"), Reason: "Renamed", Message: "The chains are renamed."}}
			},
			graph.Violation{
				State: "Flannel 0.27.3", Text: "the search goes 0.27.3 -> 0.24.4, and Renamed closes it", Path: []string{"0.27.3", "0.24.4"},
			},
		},
		"ways back": {
			func(a *catalog.AddOn) {
				a.Rules.Back = []catalog.BackRule{{Crossing: v("0.27.0"), Class: catalog.OneWay}, {Class: catalog.Reversible}}
			},
			graph.Violation{
				State: "Flannel 0.27.3", Text: "the search goes 0.27.3 -> 0.26.2, and NoWayBack closes it", Path: []string{"0.27.3", "0.26.2"},
			},
		},
		"that no rule is no way back": {
			func(a *catalog.AddOn) {
				a.Rules.Back = []catalog.BackRule{{WithinMinor: true, Class: catalog.Reversible}}
			},
			graph.Violation{
				State: "Flannel 0.27.3", Text: "the search goes 0.27.3 -> 0.26.2, and NoWayBack closes it", Path: []string{"0.27.3", "0.26.2"},
			},
		},
		"ways back that end when the nodes have taken the move": {
			func(a *catalog.AddOn) {
				a.Rules.Back = []catalog.BackRule{
					{Crossing: v("0.27.0"), Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss}, {Class: catalog.Reversible},
				}
			},
			graph.Violation{
				State: "Flannel 0.27.3", Text: "the search goes 0.27.3 -> 0.26.2, and NoWayBack closes it", Path: []string{"0.27.3", "0.26.2"},
			},
		},
		"ways back that are not there until the nodes have taken the move": {
			func(a *catalog.AddOn) {
				a.Rules.Back = []catalog.BackRule{
					{Crossing: v("0.27.0"), Class: catalog.ReversibleWithLoss, UntilSettled: catalog.OneWay}, {Class: catalog.Reversible},
				}
			},
			graph.Violation{
				State: "Flannel 0.27.3", Text: "the search goes 0.27.3 -> 0.26.2, and NoWayBack closes it", Path: []string{"0.27.3", "0.26.2"},
			},
		},
		"blocks": {
			func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Known: 0.26.. -> 0.25.."), block("Other: 0.27.3 -> 0.26.2", is(catalog.FactOS, "OL7", "OL8"))}
				a.Rules.Back = []catalog.BackRule{{Class: catalog.Reversible}}
			},
			graph.Violation{
				State: "Flannel 0.27.3 on Kubernetes 1.31", Text: "the search goes 0.27.3 -> 0.26.2, and Known closes it", Path: []string{"0.27.3", "0.26.2"},
			},
		},
	}
	for name, tt := range lies {
		t.Run("it does not know "+name, func(t *testing.T) {
			t.Parallel()
			told := but(truth, tt.truth)
			if clean := graph.ProveReading(told, told); name != "blocks" && len(clean) > 0 {
				t.Fatalf("the catalog itself has violations: %v", clean)
			}
			tt.want.Property, tt.want.AddOn = graph.RuleBroken, "Flannel"
			got := graph.ProveReading(told, truth)
			seen := map[string]bool{}
			for _, g := range got {
				if about := g.Property + g.Path[0]; seen[about] {
					t.Errorf("told twice: %v", g)
				} else {
					seen[about] = true
				}
				if g.Property != graph.RuleBroken && g.Property != graph.AutomaticTakesUnfit {
					t.Errorf("unexpected: %v", g)
				}
			}
			if diff := cmp.Diff([]graph.Violation{tt.want}, got[:1]); diff != "" {
				t.Errorf("first violation (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheAuditFindsAnAutomaticModeThatTakesWhatItMayNot(t *testing.T) {
	t.Parallel()
	told := flannel("0.26.2 for 1.31..", "0.27.3 DEPRECATED for 1.31..")
	got := graph.ProveReading(told, flannel("0.26.2 for 1.31..", "0.27.3 for 1.31.."))
	want := []graph.Violation{{
		Property: graph.AutomaticTakesUnfit, AddOn: "Flannel", State: "Flannel 0.26.2 on Kubernetes 1.31",
		Text: "automatic mode takes 0.27.3, which is DEPRECATED and made for Kubernetes 1.31 or later", Path: []string{"0.26.2", "0.27.3"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestTheDomainIsWhatTheCatalogNames(t *testing.T) {
	t.Parallel()
	asks := func(facts int) func(*catalog.AddOn) {
		return func(a *catalog.AddOn) {
			for _, f := range catalog.FactNames()[:facts] {
				a.Blocks = append(a.Blocks, block("On"+string(f)+": -> 0.26.2", catalog.Condition{Fact: f, NotIn: []string{"a", "b", "other"}}))
			}
		}
	}
	tests := map[string]struct {
		addOn  catalog.AddOn
		minors string
		want   graph.Proof
	}{
		"no minor at all":                      {flannel("0.26.2"), "", graph.Proof{States: 1, Classes: 1}},
		"from the lowest to the highest":       {flannel("0.24.4 for 1.31..", "0.26.2 for 1.31.. listed 1.34"), "1.31 1.32 1.33 1.34", graph.Proof{States: 8, Classes: 1}},
		"what is listed is not yet admitted":   {flannel("0.26.2 for 1.33.. listed 1.31"), "1.31 1.32 1.33", graph.Proof{States: 1, Classes: 1}},
		"a release stays when Kubernetes goes": {flannel("0.24.4 for ..1.31", "0.26.2 for 1.31..1.33"), "1.31 1.32 1.33", graph.Proof{States: 6, Classes: 1}},
		"patches that filters tell apart": {
			flannel("0.24.4 for 1.31..1.31.4", "0.26.2 for 1.31.2.."), "1.31", graph.Proof{States: 3 + 2, Classes: 1},
		},
		"exact patches": {
			but(flannel("0.26.2"), func(a *catalog.AddOn) { a.Releases[0].Kubernetes.Exact = vs("1.31.4", "1.32") }), "1.31 1.32",
			graph.Proof{States: 3, Classes: 1},
		},
		"two majors":           {flannel("0.26.2 for 1.35.. listed 1.36 listed 2.0 listed 2.2"), "1.35 1.36 2.0 2.1 2.2", graph.Proof{States: 5, Classes: 1}},
		"a minor out of reach": {flannel("0.26.2 for 1.35..1.9999999"), "1.35 1.9999999", graph.Proof{States: 2, Classes: 1}},
		"one fact":             {but(flannel("0.26.2"), asks(1)), "", graph.Proof{States: 5, Classes: 5}},
		"four facts":           {but(flannel("0.26.2"), asks(4)), "", graph.Proof{States: 257, Classes: 257}},
		"too many facts":       {but(flannel("0.26.2"), asks(5)), "", graph.Proof{States: 21, Classes: 21, Partial: true}},
		"too many facts and Kubernetes": {
			but(flannel("0.26.2"), func(a *catalog.AddOn) {
				asks(5)(a)
				a.Blocks[0].When = append(a.Blocks[0].When, catalog.Condition{Fact: catalog.FactKubernetes, Below: v("1.33")})
			}),
			"",
			graph.Proof{States: 22, Classes: 22, Partial: true},
		},
		"a version that is compared": {
			but(flannel("0.26.2"), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{
					block("Old: -> 0.26.2", catalog.Condition{Fact: catalog.FactKernel, Below: v("5.4")}),
					block("New: -> 0.26.2", catalog.Condition{Fact: catalog.FactKernel, AtLeast: v("6.1")}),
				}
			}),
			"",
			graph.Proof{States: 4, Classes: 4},
		},
		"a version from the first on": {
			but(flannel("0.26.2"), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("New: -> 0.26.2", catalog.Condition{Fact: catalog.FactKernel, AtLeast: v("0.0.0")})}
			}),
			"",
			graph.Proof{States: 2, Classes: 2},
		},
		"Kubernetes as a fact": {
			but(flannel("0.26.2 for 1.33..1.34"), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("New: -> 0.26.2", catalog.Condition{Fact: catalog.FactKubernetes, Below: v("1.33.4")})}
			}),
			"1.33 1.34",
			graph.Proof{States: 6, Classes: 2},
		},
		"realms": {flannel("0.26.2 in OC1,OC2", "0.26.3"), "", graph.Proof{States: 8, Classes: 4}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := verify(tt.addOn).AddOns[0]
			if diff := cmp.Diff(tt.minors, strings.Trim(fmt.Sprint(got.Minors), "[]")); diff != "" {
				t.Errorf("minors (-want +got):\n%s", diff)
			}
			tt.want.Name, tt.want.Releases, tt.want.Minors, tt.want.Moves = "Flannel", len(tt.addOn.Releases), got.Minors, got.Moves
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("proof (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAViolationNamesTheFirstStateOfItsKind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		addOn catalog.AddOn
		want  string
	}{
		"a patch": {
			flannel("0.24.4 DEPRECATED for 1.31..", "0.26.2 for 1.31.4.."), "NoWayToSupported: Flannel 0.24.4 on Kubernetes 1.31.0",
		},
		"a realm": {
			flannel("0.24.4 DEPRECATED for 1.31..", "0.26.2 for 1.31.. in OC1"), "NoWayToSupported: Flannel 0.24.4 on Kubernetes 1.31, realm=other",
		},
		"a version before the first bound": {
			but(flannel("0.24.4 DEPRECATED for 1.31..", "0.26.2 for 1.31.."), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Old: 0.24.4 -> 0.26.2", catalog.Condition{Fact: catalog.FactKernel, Below: v("5.4.17")})}
			}),
			"NoWayToSupported: Flannel 0.24.4 on Kubernetes 1.31, kernel before 5.4.17",
		},
		"a Kubernetes version that a condition asks for": {
			but(flannel("0.24.4 DEPRECATED for 1.31..", "0.26.2 for 1.31..1.33"), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("New: 0.24.4 -> 0.26.2", catalog.Condition{Fact: catalog.FactKubernetes, AtLeast: v("1.33")})}
			}),
			"NoWayToSupported: Flannel 0.24.4 on Kubernetes 1.33",
		},
		"one of too many facts": {
			but(flannel("0.24.4 DEPRECATED for 1.31..", "0.26.2 for 1.31.."), func(a *catalog.AddOn) {
				for _, f := range catalog.FactNames() {
					if f != catalog.FactKubernetes {
						a.Blocks = append(a.Blocks, block("On"+string(f)+": 0.26.2 -> 0.24.4", is(f, "a", "b", "c"), is(catalog.FactOS, "OL7")))
					}
				}
				a.Blocks = append(a.Blocks, block("Typha: 0.24.4 -> 0.26.2", is(catalog.FactTypha, "true")))
			}),
			"NoWayToSupported: Flannel 0.24.4 on Kubernetes 1.31, typha=true",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			for _, found := range verify(tt.addOn).Violations {
				got = strings.TrimPrefix(got+", "+found.Property+": "+found.State, ", ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestViolationsAreSorted(t *testing.T) {
	t.Parallel()
	a := but(flannel("0.24.4 DEPRECATED for 1.31..", "0.25.0 DEPRECATED for 1.31.."), func(a *catalog.AddOn) { a.NetworkType = catalog.FlannelOverlay })
	var got []string
	for _, found := range verify(but(a, func(a *catalog.AddOn) { a.Name = "Zulu" }), a).Violations {
		got = append(got, found.AddOn+" "+found.Property+" "+strings.Join(found.Path, " "))
	}
	want := []string{
		"Flannel NoWayToSupported 0.24.4", "Flannel NoWayToSupported 0.25.0", "Flannel NothingToInstall ",
		"Zulu NoWayToSupported 0.24.4", "Zulu NoWayToSupported 0.25.0", "Zulu NothingToInstall ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestTheAuditFindsReleasesThatAreNotSorted(t *testing.T) {
	t.Parallel()
	a := flannel("0.26.2", "0.27.3")
	a.Releases[0], a.Releases[1] = a.Releases[1], a.Releases[0]
	want := []graph.Violation{
		{
			Property: graph.RuleBroken, AddOn: "Flannel", State: "Flannel 0.26.2",
			Text: "the search goes 0.26.2 -> 0.27.3, and the order of versions closes it", Path: []string{"0.26.2", "0.27.3"},
		},
		{
			Property: graph.RuleBroken, AddOn: "Flannel", State: "Flannel 0.27.3",
			Text: "the search goes 0.27.3 -> 0.26.2, and the order of versions closes it", Path: []string{"0.27.3", "0.26.2"},
		},
	}
	if diff := cmp.Diff(want, verify(a).Violations); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}
