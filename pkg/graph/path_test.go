package graph_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/google/go-cmp/cmp"
)

func TestThePathIsTheBestWay(t *testing.T) {
	t.Parallel()
	steps := func(releases ...string) catalog.AddOn {
		return but(flannel(releases...), func(a *catalog.AddOn) { a.Rules.MaxMinorStep = 2 })
	}
	unsettled := but(flannel("2.2.3", "2.3.0", "3.0.0"), func(a *catalog.AddOn) {
		a.Rules.Stops = []catalog.Stop{{At: span("2.3.0..2.3"), Reason: "MechanismChange"}}
		a.Rules.Back = []catalog.BackRule{{Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss}}
	})
	tests := map[string]struct {
		addOn    catalog.AddOn
		from, to string
		where    graph.Where
		want     []string
	}{
		"one step where one will do":           {flannel("0.20.2", "0.24.4", "0.26.2", "0.27.3"), "0.20.2", "0.27.3", on("1.33"), []string{"0.20.2", "0.27.3"}},
		"one step to install":                  {steps("3.20.0", "3.30.0"), "", "3.30.0", on("1.33"), []string{"", "3.30.0"}},
		"the fewest steps":                     {steps("3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0"), "3.0.0", "3.4.0", on("1.33"), []string{"3.0.0", "3.2.0", "3.4.0"}},
		"the fewest steps back":                {steps("3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0"), "3.4.0", "3.0.0", on("1.33"), []string{"3.4.0", "3.2.0", "3.0.0"}},
		"the newest release that is passed":    {steps("3.0.0", "3.1.0", "3.2.0", "3.2.5", "3.4.0"), "3.0.0", "3.4.0", on("1.33"), []string{"3.0.0", "3.2.5", "3.4.0"}},
		"the newest on the way back too":       {steps("3.0.0", "3.2.0", "3.2.5", "3.4.0"), "3.4.0", "3.0.0", on("1.33"), []string{"3.4.0", "3.2.5", "3.0.0"}},
		"the newest first step comes first":    {steps("3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0"), "3.0.0", "3.5.0", on("1.33"), []string{"3.0.0", "3.2.0", "3.4.0", "3.5.0"}},
		"an ACTIVE release before a newer":     {steps("3.0.0", "3.2.0", "3.2.5 DEPRECATED", "3.4.0"), "3.0.0", "3.4.0", on("1.33"), []string{"3.0.0", "3.2.0", "3.4.0"}},
		"fewer steps before ACTIVE releases":   {steps("3.0.0", "3.1.0", "3.2.0 DEPRECATED", "3.3.0", "3.4.0"), "3.0.0", "3.4.0", on("1.33"), []string{"3.0.0", "3.2.0", "3.4.0"}},
		"one DEPRECATED release before two":    {steps("3.0.0", "3.2.0 DEPRECATED", "3.3.0", "3.4.0 DEPRECATED", "3.5.0"), "3.0.0", "3.5.0", on("1.33"), []string{"3.0.0", "3.2.0", "3.3.0", "3.5.0"}},
		"no PREVIEW release on the way":        {steps("3.0.0", "3.1.0", "3.2.0 PREVIEW", "3.3.0"), "3.0.0", "3.3.0", on("1.33"), []string{"3.0.0", "3.1.0", "3.3.0"}},
		"a PREVIEW release at the end":         {steps("3.0.0", "3.2.0", "3.3.0 PREVIEW"), "3.0.0", "3.3.0", on("1.33"), []string{"3.0.0", "3.2.0", "3.3.0"}},
		"no recalled release on the way":       {steps("3.0.0", "3.1.0", "3.2.0 RECALLED", "3.3.0"), "3.0.0", "3.3.0", on("1.33"), []string{"3.0.0", "3.1.0", "3.3.0"}},
		"away from a recalled release":         {steps("3.0.0 RECALLED", "3.2.0", "3.3.0"), "3.0.0", "3.3.0", on("1.33"), []string{"3.0.0", "3.2.0", "3.3.0"}},
		"no release that Kubernetes rules out": {steps("3.0.0", "3.1.0", "3.2.0 for 1.34..", "3.3.0"), "3.0.0", "3.3.0", on("1.33"), []string{"3.0.0", "3.1.0", "3.3.0"}},
		"from a version that is no release":    {steps("3.0.0", "3.2.0", "3.4.0"), "3.1.7", "3.4.0", on("1.33"), []string{"3.1.7", "3.2.0", "3.4.0"}},
		"no DEPRECATED release for automatic mode": {
			steps("3.0.0", "3.1.0", "3.2.0 DEPRECATED", "3.3.0"), "3.0.0", "3.3.0", graph.Where{Automatic: true}, []string{"3.0.0", "3.1.0", "3.3.0"},
		},
		"around a block": {
			but(flannel("0.24.4", "0.26.2", "0.27.3"), func(a *catalog.AddOn) { a.Blocks = []catalog.Block{block("Known: 0.24.4 -> 0.27..")} }),
			"0.24.4", "0.27.3", on("1.33"),
			[]string{"0.24.4", "0.26.2", "0.27.3"},
		},
		"over a stop": {
			but(flannel("2.2.3", "2.3.0", "2.3.1", "3.0.0"), func(a *catalog.AddOn) {
				a.Rules.Stops = []catalog.Stop{{At: span("2.3.0..2.3"), Reason: "MechanismChange"}}
			}),
			"2.2.3", "3.0.0", on("1.33"),
			[]string{"2.2.3", "2.3.1", "3.0.0"},
		},
		"an unsettled way back of one step": {
			unsettled, "2.3.0", "2.2.3", graph.Where{Unsettled: true}, []string{"2.3.0", "2.2.3"},
		},
		"no unsettled way back behind a settled release": {
			unsettled, "3.0.0", "2.2.3", graph.Where{Unsettled: true}, nil,
		},
		"never forwards to go back": {
			but(flannel("0.24.4", "0.26.2", "0.27.3"), func(a *catalog.AddOn) { a.Blocks = []catalog.Block{block("Known: 0.26.2 -> 0.24.4")} }),
			"0.26.2", "0.24.4", on("1.33"), nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := graph.New(tt.addOn).Path(v(tt.from), v(tt.to), tt.where)
			if diff := cmp.Diff(tt.want, route(p)); diff != "" {
				t.Errorf("route (-want +got):\n%s", diff)
			}
			if p.Open() != (tt.want != nil) || p.Open() == (len(p.Why) > 0) {
				t.Errorf("Open() = %t, why %v", p.Open(), p.Why)
			}
		})
	}
}

func TestAPathThatIsNotThereSaysWhy(t *testing.T) {
	t.Parallel()
	stop := func(releases ...string) catalog.AddOn {
		return but(flannel(releases...), func(a *catalog.AddOn) {
			a.Rules.Stops = []catalog.Stop{{At: span("0.26.0..0.26"), Reason: "Renamed", Message: "The chains are renamed."}}
		})
	}
	renamed := say("Renamed", "The chains are renamed.")
	tests := map[string]struct {
		addOn    catalog.AddOn
		from, to string
		want     []graph.Closing
	}{
		"there is nothing to do":   {flannel("0.26.2"), "0.26.2", "0.26.2", []graph.Closing{say(graph.SameRelease, "Flannel 0.26.2 is where the move starts")}},
		"there is no such release": {flannel("0.26.2"), "0.26.2", "0.27.3", []graph.Closing{say(graph.UnknownRelease, "the catalog has no Flannel 0.27.3")}},
		"nothing can be installed": {flannel("0.27.3 RECALLED"), "", "0.27.3", []graph.Closing{say(graph.Recalled, "Flannel 0.27.3 has been recalled")}},
		"the direct step is closed": {flannel("0.24.4", "0.27.3 RECALLED"), "0.24.4", "0.27.3", []graph.Closing{
			say(graph.Recalled, "Flannel 0.27.3 has been recalled"),
		}},
		"the direct step is too far and closed": {stop("0.24.4", "0.26.2 RECALLED", "0.27.3 RECALLED"), "0.24.4", "0.27.3", []graph.Closing{
			say(graph.Recalled, "Flannel 0.27.3 has been recalled"), renamed,
		}},
		"the direct step is too far, and the stop is closed": {stop("0.24.4", "0.26.2 for 1.34..", "0.27.3"), "0.24.4", "0.27.3", []graph.Closing{
			say(graph.KubernetesOutOfRange, "Flannel 0.26.2 needs Kubernetes 1.34 or later, the cluster runs 1.33"),
		}},
		"the stop is only a PREVIEW release": {stop("0.24.4", "0.26.2 PREVIEW", "0.27.3"), "0.24.4", "0.27.3", []graph.Closing{
			say(graph.PreviewPassed, "Flannel 0.26.2 is PREVIEW, and no path passes it"),
		}},
		"the catalog has no release to stop at": {stop("0.24.4", "0.27.3"), "0.24.4", "0.27.3", []graph.Closing{renamed}},
		"the nearest way is the one with the fewest closed steps": {
			but(stop("0.24.4", "0.26.1", "0.26.2 for 1.34..", "0.27.3"), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Early: 0.26.1 -> 0.27.3"), block("Late: 0.26.2 -> 0.27.3")}
			}),
			"0.24.4", "0.27.3",
			[]graph.Closing{{Reason: "Early", Message: "It breaks Early.", URL: "https://example.com/Early"}},
		},
		"what closes two steps of the nearest way is told once": {
			but(flannel("0.24.4", "0.26.2", "0.27.3", "0.28.0"), func(a *catalog.AddOn) {
				a.Rules.MaxMinorStep = 2
				a.Blocks = []catalog.Block{block("Known: -> 0.26.2.."), block("Other: -> 0.28.0")}
			}),
			"0.24.4", "0.28.0",
			[]graph.Closing{
				say(graph.MinorStep, "Flannel 0.24.4 to 0.28.0 crosses 4 minors, and a step crosses at most 2 minors"),
				{Reason: "Known", Message: "It breaks Known.", URL: "https://example.com/Known"},
				{Reason: "Other", Message: "It breaks Other.", URL: "https://example.com/Other"},
			},
		},
		"one reason for two steps": {
			but(stop("0.24.4", "0.26.2", "0.27.3"), func(a *catalog.AddOn) {
				a.Blocks = []catalog.Block{block("Known: 0.24.4 -> 0.26.."), block("Other: 0.26.2 -> 0.27.3")}
				a.Blocks[0].To = span("0.26.2")
				a.Blocks[1].Name, a.Blocks[1].Message = "Known", "It breaks Known."
			}),
			"0.24.4", "0.27.3",
			[]graph.Closing{{Reason: "Known", Message: "It breaks Known.", URL: "https://example.com/Known"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := graph.New(tt.addOn).Path(v(tt.from), v(tt.to), on("1.33"))
			if diff := cmp.Diff(tt.want, p.Why); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
			if p.Edges != nil {
				t.Errorf("edges: %v", p.Edges)
			}
		})
	}
}

func TestTheTargetsAreNewestFirst(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	var order []string
	for _, target := range graph.New(flannel("0.24.4", "0.25.0 RECALLED", "0.26.2", "0.27.3 for 1.34..")).Targets(v("0.26.2"), on("1.33")) {
		order = append(order, target.Release.Version.String())
		got[target.Release.Version.String()] = append(route(target.Path), reasons(target.Path.Why)...)
	}
	if diff := cmp.Diff([]string{"0.27.3", "0.25.0", "0.24.4"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	want := map[string][]string{"0.27.3": {"KubernetesOutOfRange"}, "0.25.0": {"Recalled"}, "0.24.4": {"0.26.2", "0.24.4"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}
