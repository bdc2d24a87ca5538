package graph_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/google/go-cmp/cmp"
)

// on is a cluster of that Kubernetes version.
func on(kubernetes string) graph.Where { return graph.Where{Kubernetes: v(kubernetes)} }

// known is a cluster of Kubernetes 1.33 with these facts.
func known(facts catalog.Facts) graph.Where {
	return graph.Where{Kubernetes: v("1.33.2"), Facts: facts}
}

// say is a closing without a URL.
func say(reason, message string, unknown ...catalog.Fact) graph.Closing {
	return graph.Closing{Reason: reason, Message: message, Unknown: unknown}
}

func TestARuleClosesAStep(t *testing.T) {
	t.Parallel()
	of := func(releases ...string) func() catalog.AddOn {
		return func() catalog.AddOn { return flannel(releases...) }
	}
	steps := func(most int, releases ...string) func() catalog.AddOn {
		return func() catalog.AddOn {
			a := flannel(releases...)
			a.Rules.MaxMinorStep = most
			return a
		}
	}
	stopped := func() catalog.AddOn {
		a := flannel("2.2.2", "2.2.3", "2.3.0", "2.3.1", "3.0.0", "3.3.0")
		a.Rules.Stops = []catalog.Stop{{At: span("2.3.0..2.3"), Reason: "MechanismChange", Message: "It changes.", URL: "https://example.com"}}
		return a
	}
	stop := graph.Closing{Reason: "MechanismChange", Message: "It changes.", URL: "https://example.com"}
	oneWay := func() catalog.AddOn {
		a := flannel("2.2.3", "2.3.0", "2.3.1", "3.0.0")
		a.Rules.Back = []catalog.BackRule{
			{Crossing: v("2.3.0"), Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss, Message: "the guard stays"},
			{WithinMinor: true, Class: catalog.Reversible},
			{Class: catalog.OneWay, Message: "the data is new"},
		}
		return a
	}
	blocked := func() catalog.AddOn {
		a := flannel("0.24.4", "0.26.2", "0.27.3")
		a.Blocks = []catalog.Block{
			block("Zulu: ..0.24 -> 0.27.."),
			block("Alpha: 0.24.4 -> 0.27.3", is(catalog.FactOS, "OL7"), is(catalog.FactIptables, "legacy")),
			block("Everywhere: -> 0.26.2", is(catalog.FactOS, "OL9"), is(catalog.FactOS, "OL7")),
			block("Downwards: 0.27.3 -> ..0.25", is(catalog.FactOS, "OL8")),
		}
		return a
	}
	breaks := func(name string, unknown ...catalog.Fact) graph.Closing {
		return graph.Closing{Reason: name, Message: "It breaks " + name + ".", URL: "https://example.com/" + name, Unknown: unknown}
	}
	tests := map[string]struct {
		addOn    func() catalog.AddOn
		from, to string
		where    graph.Where
		want     []graph.Closing
	}{
		"nothing speaks against it":                   {of("0.24.4", "0.26.2"), "0.24.4", "0.26.2", on("1.33"), nil},
		"nothing speaks against going back":           {of("0.24.4", "0.26.2"), "0.26.2", "0.24.4", on("1.33"), nil},
		"a version the catalog does not know is left": {of("0.24.4", "0.26.2"), "0.25.9", "0.26.2", on("1.33"), nil},

		"a release is where it is, however it is written": {of("0.26.2"), "v0.26.2", "0.26.2", on("1.33"), []graph.Closing{
			say(graph.SameRelease, "Flannel 0.26.2 is where the move starts"),
		}},
		"a version the catalog does not know is where it is": {of("0.26.2"), "0.26.3", "0.26.3", on("1.33"), []graph.Closing{
			say(graph.SameRelease, "Flannel 0.26.3 is where the move starts"),
		}},
		"the catalog does not know the goal": {of("0.26.2"), "0.26.2", "0.26.3", on("1.33"), []graph.Closing{
			say(graph.UnknownRelease, "the catalog has no Flannel 0.26.3"),
		}},
		"a build is another release than its core": {of("0.26.2-1"), "0.24.4", "0.26.2", on("1.33"), []graph.Closing{
			say(graph.UnknownRelease, "the catalog has no Flannel 0.26.2"),
		}},

		"a recalled release is not entered": {of("0.24.4", "0.26.2 RECALLED"), "0.24.4", "0.26.2", on("1.33"), []graph.Closing{
			say(graph.Recalled, "Flannel 0.26.2 has been recalled"),
		}},
		"a recalled release is not gone back to": {of("0.24.4 RECALLED", "0.26.2"), "0.26.2", "0.24.4", on("1.33"), []graph.Closing{
			say(graph.Recalled, "Flannel 0.24.4 has been recalled"),
		}},
		"a recalled release is left":           {of("0.24.4 RECALLED", "0.26.2"), "0.24.4", "0.26.2", on("1.33"), nil},
		"an operator enters a PREVIEW release": {of("0.24.4", "0.26.2 PREVIEW"), "0.24.4", "0.26.2", on("1.33"), nil},
		"an operator enters a DEPRECATED one":  {of("0.24.4", "0.26.2 DEPRECATED"), "0.24.4", "0.26.2", on("1.33"), nil},
		"automatic mode enters no PREVIEW release": {of("0.24.4", "0.26.2 PREVIEW"), "0.24.4", "0.26.2", graph.Where{Automatic: true}, []graph.Closing{
			say(graph.NotActive, "Flannel 0.26.2 is PREVIEW, and automatic updates take only ACTIVE releases"),
		}},
		"automatic mode enters no DEPRECATED one": {of("0.24.4", "0.26.2 DEPRECATED"), "0.24.4", "0.26.2", graph.Where{Automatic: true}, []graph.Closing{
			say(graph.NotActive, "Flannel 0.26.2 is DEPRECATED, and automatic updates take only ACTIVE releases"),
		}},
		"automatic mode leaves a DEPRECATED one": {of("0.24.4 DEPRECATED", "0.26.2"), "0.24.4", "0.26.2", graph.Where{Automatic: true}, nil},

		"the release is for a later Kubernetes": {of("0.26.2", "0.27.3 for 1.34.."), "0.26.2", "0.27.3", on("v1.33.2"), []graph.Closing{
			say(graph.KubernetesOutOfRange, "Flannel 0.27.3 needs Kubernetes 1.34 or later, the cluster runs 1.33.2"),
		}},
		"the release is for some Kubernetes and the cluster's is unknown": {of("0.26.2", "0.27.3 for 1.34.."), "0.26.2", "0.27.3", on(""), []graph.Closing{
			say(graph.KubernetesOutOfRange, "Flannel 0.27.3 needs a known Kubernetes version, the cluster's is unknown"),
		}},
		"the release that is left does not fit": {of("0.26.2 for ..1.33", "0.27.3 for 1.34.."), "0.26.2", "0.27.3", on("1.34.1"), nil},
		"two kubelets are too old": {
			of("0.26.2", "0.27.3 for 1.34.."), "0.26.2", "0.27.3",
			graph.Where{Kubernetes: v("1.34.1"), Kubelets: vs("v1.34.1", "v1.33.5", "v1.32.9", "v1.33.5")},
			[]graph.Closing{say(graph.KubeletOutOfRange, "Flannel 0.27.3 is made for Kubernetes 1.34 or later, and the kubelet of a node is 1.32.9")},
		},
		"a kubelet is unknown": {
			of("0.26.2", "0.27.3 for 1.34.."), "0.26.2", "0.27.3",
			graph.Where{Kubernetes: v("1.34.1"), Kubelets: vs("")},
			[]graph.Closing{say(graph.KubeletOutOfRange, "Flannel 0.27.3 is made for Kubernetes 1.34 or later, and the kubelet of a node is not known")},
		},
		"every kubelet fits": {
			of("0.26.2", "0.27.3 for 1.34.."), "0.26.2", "0.27.3", graph.Where{Kubernetes: v("1.35.0"), Kubelets: vs("v1.34.1", "v1.35.0")}, nil,
		},

		"the realm has the release": {of("2.1.0", "2.2.0 in OC1,OC4"), "2.1.0", "2.2.0", known(catalog.Facts{"realm": {"OC4"}}), nil},
		"the realm does not have the release": {of("2.1.0", "2.2.0 in OC1,OC4"), "2.1.0", "2.2.0", known(catalog.Facts{"realm": {"OC2"}}), []graph.Closing{
			say(graph.NotInRealm, "Flannel 2.2.0 is published in the realms OC1, OC4 only"),
		}},
		"the realm is unknown": {of("2.1.0", "2.2.0 in OC1"), "2.1.0", "2.2.0", known(nil), []graph.Closing{
			say(graph.NotInRealm, "Flannel 2.2.0 is published in the realms OC1 only", catalog.FactRealm),
		}},
		"the realm is unknown and makes no difference": {of("2.1.0", "2.2.0"), "2.1.0", "2.2.0", known(nil), nil},

		"a step of as many minors as allowed": {steps(2, "3.28.0", "3.30.4"), "3.28.0", "3.30.4", on("1.33"), nil},
		"a step of one minor too many": {steps(2, "3.28.0", "3.31.0"), "3.28.0", "3.31.0", on("1.33"), []graph.Closing{
			say(graph.MinorStep, "Flannel 3.28.0 to 3.31.0 crosses 3 minors, and a step crosses at most 2 minors"),
		}},
		"a step back of one minor too many": {steps(1, "3.28.0", "3.30.0"), "3.30.0", "3.28.0", on("1.33"), []graph.Closing{
			say(graph.MinorStep, "Flannel 3.30.0 to 3.28.0 crosses 2 minors, and a step crosses at most 1 minor"),
		}},
		"a step into another major": {steps(9, "2.3.0", "3.0.0"), "2.3.0", "3.0.0", on("1.33"), []graph.Closing{
			say(graph.MinorStep, "Flannel 2.3.0 to 3.0.0 changes the major version, and a step crosses at most 9 minors"),
		}},
		"a step into another major where any step will do": {steps(0, "2.3.0", "3.0.0"), "2.3.0", "3.0.0", on("1.33"), nil},

		"a stop is jumped":              {stopped, "2.2.3", "3.0.0", on("1.33"), []graph.Closing{stop}},
		"a stop is jumped backwards":    {stopped, "3.0.0", "2.2.3", on("1.33"), []graph.Closing{stop}},
		"a stop is entered":             {stopped, "2.2.3", "2.3.1", on("1.33"), nil},
		"a stop is left":                {stopped, "2.3.1", "3.3.0", on("1.33"), nil},
		"a stop is left backwards":      {stopped, "2.3.0", "2.2.3", on("1.33"), nil},
		"a step stays before a stop":    {stopped, "2.2.2", "2.2.3", on("1.33"), nil},
		"a step stays behind a stop":    {stopped, "3.0.0", "3.3.0", on("1.33"), nil},
		"a step stays within a stop":    {stopped, "2.3.0", "2.3.1", on("1.33"), nil},
		"an installation needs no stop": {stopped, "", "3.3.0", on("1.33"), nil},

		"there is no way back": {oneWay, "3.0.0", "2.3.1", on("1.33"), []graph.Closing{
			say(graph.NoWayBack, "there is no way back from Flannel 3.0.0 to 2.3.1: the data is new"),
		}},
		"there is no way back once it is settled": {oneWay, "2.3.0", "2.2.3", on("1.33"), []graph.Closing{
			say(graph.NoWayBack, "there is no way back from Flannel 2.3.0 to 2.2.3: the guard stays"),
		}},
		"there is a way back until it is settled":      {oneWay, "2.3.0", "2.2.3", graph.Where{Unsettled: true}, nil},
		"there is a way back within a minor":           {oneWay, "2.3.1", "2.3.0", on("1.33"), nil},
		"there is no way back but the move goes ahead": {oneWay, "2.3.1", "3.0.0", on("1.33"), nil},
		"the catalog names no way back": {
			func() catalog.AddOn {
				return but(flannel("0.24.4", "0.26.2"), func(a *catalog.AddOn) { a.Rules.Back = nil })
			},
			"0.26.2", "0.24.4", on("1.33"),
			[]graph.Closing{say(graph.NoWayBack, "there is no way back from Flannel 0.26.2 to 0.24.4: the catalog names no way back")},
		},
		"automatic mode goes back": {of("0.24.4", "0.26.2"), "0.26.2", "0.24.4", graph.Where{Automatic: true}, []graph.Closing{
			say(graph.Backwards, "Flannel 0.24.4 is older than 0.26.2, and automatic updates never go backwards"),
		}},

		"blocks are told by name": {blocked, "0.24.4", "0.27.3", known(catalog.Facts{"os": {"OL7"}}), []graph.Closing{
			breaks("Alpha", catalog.FactIptables), breaks("Zulu"),
		}},
		"a condition that does not hold lifts a block": {blocked, "0.24.4", "0.27.3", known(catalog.Facts{"os": {"OL8"}}), []graph.Closing{breaks("Zulu")}},
		"a condition that holds for one node holds": {blocked, "0.24.4", "0.27.3", known(catalog.Facts{"os": {"OL8", "OL7"}, "iptables": {"legacy"}}), []graph.Closing{
			breaks("Alpha"), breaks("Zulu"),
		}},
		"a fact that two conditions want is told once":  {blocked, "0.24.4", "0.26.2", known(nil), []graph.Closing{breaks("Everywhere", catalog.FactOS)}},
		"a block from anywhere closes an installation":  {blocked, "", "0.26.2", known(catalog.Facts{"os": {"OL7", "OL9"}}), []graph.Closing{breaks("Everywhere")}},
		"a block from a release closes no installation": {blocked, "", "0.27.3", known(nil), nil},
		"a block closes the way back":                   {blocked, "0.27.3", "0.24.4", known(catalog.Facts{"os": {"OL8"}}), []graph.Closing{breaks("Downwards")}},

		"rules are told in their order": {
			func() catalog.AddOn {
				a := flannel("1.0.0 PREVIEW for ..1.30 in OC1", "2.0.0", "3.0.0")
				a.Rules = catalog.Rules{MaxMinorStep: 1, Stops: []catalog.Stop{{At: span("2.0.0..2.0"), Reason: "Stop"}}}
				a.Blocks = []catalog.Block{block("Block: -> 1.0.0")}
				return a
			},
			"3.0.0", "1.0.0",
			graph.Where{Kubernetes: v("1.31.1"), Kubelets: vs("1.31.1"), Facts: catalog.Facts{"realm": {"OC2"}}, Automatic: true},
			[]graph.Closing{
				say(graph.NotActive, "Flannel 1.0.0 is PREVIEW, and automatic updates take only ACTIVE releases"),
				say(graph.KubernetesOutOfRange, "Flannel 1.0.0 needs Kubernetes 1.30 or earlier, the cluster runs 1.31.1"),
				say(graph.KubeletOutOfRange, "Flannel 1.0.0 is made for Kubernetes 1.30 or earlier, and the kubelet of a node is 1.31.1"),
				say(graph.NotInRealm, "Flannel 1.0.0 is published in the realms OC1 only"),
				say(graph.MinorStep, "Flannel 3.0.0 to 1.0.0 changes the major version, and a step crosses at most 1 minor"),
				say("Stop", ""),
				breaks("Block"),
				say(graph.NoWayBack, "there is no way back from Flannel 3.0.0 to 1.0.0: the catalog names no way back"),
				say(graph.Backwards, "Flannel 1.0.0 is older than 3.0.0, and automatic updates never go backwards"),
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := graph.New(tt.addOn()).Edge(v(tt.from), v(tt.to), tt.where)
			if diff := cmp.Diff(tt.want, e.Closed); diff != "" {
				t.Errorf("closed (-want +got):\n%s", diff)
			}
			if e.Open() != (len(tt.want) == 0) {
				t.Errorf("Open() = %t", e.Open())
			}
		})
	}
}

func TestWhatIsUnknownIsAssumedNotToHoldWhenAskedFor(t *testing.T) {
	t.Parallel()
	a := flannel("0.26.2", "0.27.3 in OC1")
	a.Blocks = []catalog.Block{block("Known: -> 0.27.3", is(catalog.FactIptables, "nft")), block("Guessed: -> 0.27.3", is(catalog.FactOS, "OL7"))}
	w := known(catalog.Facts{catalog.FactIptables: {"nft"}})
	w.Assume = true
	e := graph.New(a).Edge(v("0.26.2"), v("0.27.3"), w)
	if diff := cmp.Diff([]string{"Known"}, reasons(e.Closed)); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	want := []graph.Closing{
		say(graph.NotInRealm, "Flannel 0.27.3 is published in the realms OC1 only", catalog.FactRealm),
		{Reason: "Guessed", Message: "It breaks Guessed.", URL: "https://example.com/Guessed", Unknown: []catalog.Fact{catalog.FactOS}},
	}
	if diff := cmp.Diff(want, e.Assumed); diff != "" {
		t.Errorf("assumed (-want +got):\n%s", diff)
	}
}

func TestAStepKnowsItsWayBack(t *testing.T) {
	t.Parallel()
	a := flannel("0.24.4", "2.2.3", "2.3.0", "2.3.1", "3.0.0")
	a.Rules.Back = []catalog.BackRule{
		{Crossing: v("2.3.0"), Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss, Message: "the guard stays"},
		{WithinMinor: true, Class: catalog.Reversible, Message: "nothing changes"},
		{Class: catalog.ReversibleWithLoss, Message: "rules are filled again"},
	}
	tests := map[string]struct{ from, to, want string }{
		"forwards":                         {"2.2.3", "2.3.1", "forward OneWay, ReversibleWithLoss until settled: the guard stays"},
		"backwards, of what it takes back": {"2.3.1", "2.2.3", "backward OneWay, ReversibleWithLoss until settled: the guard stays"},
		"by the first rule that matches":   {"2.3.0", "2.3.1", "forward Reversible, Reversible until settled: nothing changes"},
		"by the last rule":                 {"2.3.1", "3.0.0", "forward ReversibleWithLoss, ReversibleWithLoss until settled: rules are filled again"},
		"of an installation":               {"", "3.0.0", "forward OneWay, OneWay until settled: a CNI is never removed"},
		"of no step":                       {"3.0.0", "3.0.0", "backward ,  until settled: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := graph.New(a).Edge(v(tt.from), v(tt.to), on("1.33"))
			direction := map[bool]string{true: "forward", false: "backward"}[e.Forward]
			got := direction + " " + string(e.Back) + ", " + string(e.During) + " until settled: " + e.BackWhy
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("way back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStepWritesTheReleaseAsTheCatalogDoes(t *testing.T) {
	t.Parallel()
	a := flannel("v0.24.4", "v0.26.2-oke.1", "v0.27.3")
	a.Rules.MaxMinorStep = 2
	p := graph.New(a).Path(v("0.24.4"), v("0.27.3"), on("1.33"))
	if diff := cmp.Diff([]string{"0.24.4", "v0.26.2-oke.1", "v0.27.3"}, route(p)); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
}
