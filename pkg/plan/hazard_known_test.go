package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

func none(*hazardMove) {}

func knownRows() map[string]hazardRow {
	brNetfilter := catalog.Hazard{
		Name: "BridgeFilterNeeded", From: version.Range{Maximum: version.MustParse("0.26.99")},
		To:       version.Range{Minimal: version.MustParse("0.27.0")},
		When:     catalog.Conditions{{Fact: catalog.FactBrNetfilter, In: []string{"missing"}}},
		Blocking: true, Effect: "flannel does not start.", Mitigation: "load it", Catalogue: []string{"B21"}, URL: "https://x",
	}
	hazard := func(m *hazardMove, nodes ...string) {
		m.in.Installed.Version, m.addOn.Hazards = "0.26.2", []catalog.Hazard{brNetfilter}
		for i, value := range nodes {
			if value != "" {
				m.in.Nodes[i].Facts = map[string]string{"brNetfilter": value}
			}
		}
	}
	return map[string]hazardRow{
		"what is live was not recorded": {
			check: "footprint-known", base: flannelMove, fires: func(m *hazardMove) { m.before = nil }, spares: none,
			reason: plan.FootprintUnknown, says: "cannot be compared",
		},
		"a danger of the catalog on two nodes": {
			check: "known-hazards", base: flannelMove,
			fires:  func(m *hazardMove) { hazard(m, "missing", "loaded", "missing") },
			spares: func(m *hazardMove) { hazard(m, "loaded", "loaded", "loaded") },
			reason: "BridgeFilterNeeded", blocking: true, says: "node-1, node-3", nodes: []string{"node-1", "node-3"},
		},
		"a danger of the catalog on every node": {
			check: "known-hazards", base: flannelMove,
			fires:  func(m *hazardMove) { hazard(m, "missing", "missing", "missing") },
			spares: func(m *hazardMove) { hazard(m, "missing", "missing", "missing"); m.in.Installed.Version = "0.27.2" },
			reason: "BridgeFilterNeeded", blocking: true, says: "flannel does not start",
		},
		"a danger that nobody has told of": {
			check: "known-hazards", base: flannelMove,
			fires: func(m *hazardMove) { hazard(m) },
			spares: func(m *hazardMove) {
				hazard(m)
				for i := range m.in.Nodes {
					m.in.Nodes[i].Exempt = noderoll.NotSelected
				}
				m.in.Nodes = append(m.in.Nodes, noderoll.Node{Name: "node-4", Facts: map[string]string{"brNetfilter": "loaded"}})
			},
			reason: "BridgeFilterNeeded", says: "may strike", unknown: []catalog.Fact{catalog.FactBrNetfilter},
		},
		"a danger that one node has not told of": {
			check: "known-hazards", base: flannelMove,
			fires:  func(m *hazardMove) { hazard(m, "loaded", "", "loaded") },
			spares: func(m *hazardMove) { hazard(m, "loaded", "loaded", "loaded") },
			reason: "BridgeFilterNeeded", says: "of node-2", nodes: []string{"node-2"}, unknown: []catalog.Fact{catalog.FactBrNetfilter},
		},
		"a danger of an installation": {
			check: "known-hazards", base: flannelInstall,
			fires: func(m *hazardMove) {
				m.addOn.Hazards = []catalog.Hazard{{
					Name: "Taken", From: range0, OnInstall: true, Effect: "x.", Mitigation: "y",
					Catalogue: []string{"B31"},
				}}
			},
			spares: func(m *hazardMove) {
				m.addOn.Hazards = []catalog.Hazard{{Name: "Taken", From: range0, Effect: "x.", Mitigation: "y", Catalogue: []string{"B31"}}}
			},
			reason: "Taken", says: "x",
		},
		"a danger that depends on the cluster": {
			check: "known-hazards", base: flannelMove,
			fires:  func(m *hazardMove) { typha(m); m.in.Cluster.Facts = catalog.Facts{catalog.FactTypha: {"true"}} },
			spares: func(m *hazardMove) { typha(m); m.in.Cluster.Facts = catalog.Facts{catalog.FactTypha: {"false"}} },
			reason: "TyphaTurnsAway", blocking: true, says: "agents are turned away",
		},
		"a danger that depends on what nobody has told of the cluster": {
			check: "known-hazards", base: flannelMove,
			fires: typha,
			spares: func(m *hazardMove) {
				typha(m)
				m.in.Installed.Version = "0.27.3" // and nothing moves
			},
			reason: "TyphaTurnsAway", says: "whether it does depends on typha, which nobody has told",
			unknown: []catalog.Fact{catalog.FactTypha},
		},
		"a danger that depends on cluster and nodes": {
			check: "known-hazards", base: flannelMove,
			fires: func(m *hazardMove) {
				hazard(m, "missing", "loaded", "loaded")
				m.addOn.Hazards[0].When = append(m.addOn.Hazards[0].When, catalog.Condition{Fact: catalog.FactTypha, In: []string{"true"}})
			},
			spares: func(m *hazardMove) {
				hazard(m, "missing", "loaded", "loaded")
				m.addOn.Hazards[0].When = append(m.addOn.Hazards[0].When, catalog.Condition{Fact: catalog.FactTypha, In: []string{"true"}})
				m.in.Cluster.Facts = catalog.Facts{catalog.FactTypha: {"false"}}
			},
			reason: "BridgeFilterNeeded", says: "depends on typha, which nobody has told of node-1", nodes: []string{"node-1"},
			unknown: []catalog.Fact{catalog.FactTypha},
		},
	}
}

// range0 holds no release, so that a danger of it is one of installing alone.
var range0 = version.Range{Maximum: version.MustParse("0.0.0")}

func typha(m *hazardMove) {
	m.addOn.Hazards = []catalog.Hazard{{
		Name: "TyphaTurnsAway", To: version.Range{Minimal: version.MustParse("0.27.0")},
		When:     catalog.Conditions{{Fact: catalog.FactTypha, In: []string{"true"}}},
		Blocking: true, Effect: "agents are turned away", Mitigation: "run without", Catalogue: []string{"B11"},
	}}
}

// Nodes that are struck block; nodes that have not told are asked, one way for facts of nodes and another for those of clusters.
func TestAKnownHazardTellsStruckNodesFromSilentOnes(t *testing.T) {
	t.Parallel()
	m := flannelMove()
	m.in.Nodes[0].Facts = map[string]string{"forwardPolicy": "DROP"}
	m.in.Nodes[2].Kernel = ""
	m.addOn.Hazards = []catalog.Hazard{
		{
			Name: "Gap", To: version.Range{Minimal: version.MustParse("0.27.0")}, Blocking: true, Effect: "gap", Mitigation: "mend",
			When: catalog.Conditions{{Fact: catalog.FactForwardPolicy, In: []string{"DROP"}}}, Catalogue: []string{"B17"},
			URL: "https://x",
		},
		{
			Name: "Old", To: version.Range{Minimal: version.MustParse("0.27.0")}, Effect: "old", Mitigation: "renew",
			When: catalog.Conditions{{Fact: catalog.FactKernel, Below: version.MustParse("5.7")}}, Catalogue: []string{"B19"},
		},
	}
	want := []plan.Finding{
		{
			Check: "known-hazards", Reason: "Gap", Message: "gap; here that is node-1", Blocking: true,
			Fix: "mend; see https://x", Nodes: []string{"node-1"}, Catalogue: []string{"B17"},
		},
		{
			Check: "known-hazards", Reason: "Gap", Message: "this may strike: gap; whether it does depends on forwardPolicy, " +
				"which nobody has told of node-2, node-3",
			Fix:   "tell it of each node (kubectl annotate node NAME facts.addonctl.io/forwardPolicy=VALUE); mend; see https://x",
			Nodes: []string{"node-2", "node-3"}, Unknown: []catalog.Fact{catalog.FactForwardPolicy}, Catalogue: []string{"B17"},
		},
		{
			Check: "known-hazards", Reason: "Old", Message: "this may strike: old; whether it does depends on kernel, which " +
				"nobody has told of node-3",
			Fix:   "let the nodes report kernel (kubectl describe node NAME); renew",
			Nodes: []string{"node-3"}, Unknown: []catalog.Fact{catalog.FactKernel}, Catalogue: []string{"B19"},
		},
	}
	if diff := cmp.Diff(want, of("known-hazards", m.find(""))); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	m.in.Nodes = nil // nobody there yet: what is not known is asked for
	if got := of("known-hazards", m.find("")); len(got) != 2 || got[0].Blocking || got[0].Unknown[0] != catalog.FactForwardPolicy {
		t.Errorf("without nodes: %+v", got)
	}
}
