package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

func selectionRows() map[string]hazardRow {
	const linux = `{"key":"kubernetes.io/os","operator":"In","values":["linux"]}`
	affinity := func(terms ...string) string {
		for i := range terms {
			terms[i] = `{"matchExpressions":[` + terms[i] + `]}`
		}
		return `{"nodeSelectorTerms":[` + strings.Join(terms, ",") + `]}`
	}
	const amd64 = `{"key":"kubernetes.io/arch","operator":"In","values":["amd64"]}`
	return map[string]hazardRow{
		"a toleration less": {
			check: "tolerations-kept", base: flannelMove,
			fires: func(m *hazardMove) { m.agent().Tolerations = []string{":NoSchedule", "gpu:NoExecute"} },
			spares: func(m *hazardMove) {
				m.before.Workloads[0].Tolerations, m.agent().Tolerations = []string{":"}, []string{":NoSchedule", ":NoExecute"}
			},
			reason: plan.NodesLose, blocking: true, says: "tolerates no more: every taint with NoExecute",
		},
		"a toleration of a single value": {
			check: "tolerations-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].Tolerations, m.agent().Tolerations = []string{"pool:NoSchedule"}, []string{"pool=a:NoSchedule"}
			},
			spares: func(m *hazardMove) {
				m.before.Workloads[0].Tolerations, m.agent().Tolerations = []string{"pool=a:NoSchedule"}, []string{"pool:"}
			},
			reason: plan.NodesLose, blocking: true, says: "pool:NoSchedule",
		},
		"a label that nodes have to have": {
			check: "selection-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().NodeSelector = map[string]string{"pool": "a"} },
			spares: func(m *hazardMove) { m.before.Workloads[0].NodeSelector = map[string]string{"pool": "a"} },
			reason: plan.NodesLose, blocking: true, says: "only nodes with label pool=a",
		},
		"a narrower affinity": {
			check: "selection-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].NodeAffinity, m.agent().NodeAffinity = affinity(linux), affinity(linux+","+amd64)
			},
			spares: func(m *hazardMove) {
				m.before.Workloads[0].NodeAffinity, m.agent().NodeAffinity = affinity(linux+","+amd64), affinity(amd64, linux)
			},
			reason: plan.NodesLose, blocking: true, says: "node affinity",
		},
		"an affinity where there was none": {
			check: "selection-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.before.Workloads[0].NodeAffinity = "" },
			spares: func(m *hazardMove) { m.agent().NodeAffinity = "" },
			reason: plan.NodesLose, blocking: true, says: "node affinity",
		},
		"nodes that were kept free": {
			check: "nodes-gained", base: flannelMove,
			fires: func(m *hazardMove) {
				m.agent().NodeAffinity = affinity(linux)
				m.in.Nodes[1].Exempt = noderoll.NotSelected
			},
			spares: func(m *hazardMove) { m.in.Nodes[1].Exempt = noderoll.NotSelected },
			reason: plan.NodesGain, says: "1 node that", nodes: []string{"node-2"},
		},
		"nodes whose taint is tolerated from now on": {
			check: "nodes-gained", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].Tolerations = []string{":NoSchedule"}
				m.in.Nodes[2].Exempt = "taint gpu:NoExecute"
			},
			spares: func(m *hazardMove) {
				m.before.Workloads[0].Tolerations, m.agent().Tolerations = nil, []string{":NoSchedule"}
				m.in.Nodes[2].Exempt = "taint gpu:NoExecute"
			},
			reason: plan.NodesGain, says: "node-3", nodes: []string{"node-3"},
		},
		"an agent that keeps off tainted nodes": {
			check: "taints-tolerated", base: flannelInstall,
			fires:  func(m *hazardMove) { m.agent().Tolerations = []string{":NoSchedule"} },
			spares: func(m *hazardMove) { m.agent().Tolerations = []string{":"} },
			reason: plan.TaintsNotTolerated, says: "every taint with NoExecute",
		},
	}
}

func nodeRows() map[string]hazardRow {
	return map[string]hazardRow{
		"an agent that needs the network that it makes": {
			check: "host-network", base: flannelMove,
			fires: func(m *hazardMove) { m.agent().HostNetwork = false },
			spares: func(m *hazardMove) {
				m.after.Workloads = append(m.after.Workloads, catalog.WorkloadFootprint{Kind: "Deployment", Name: "helper"})
			},
			reason: plan.AgentOffHostNetwork, blocking: true, says: "needs the pod network that it makes",
		},
		"an agent that may have to go": {
			check: "agent-priority", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().PriorityClass = "" },
			spares: func(m *hazardMove) { m.agent().PriorityClass = "system-cluster-critical" },
			reason: plan.AgentPriorityLow, says: "no priority class",
		},
		"a namespace that may not admit the agent": {
			check: "namespace-admits", base: flannelInstall,
			fires: func(m *hazardMove) { m.agent().Namespace = "kube-flannel" },
			spares: func(m *hazardMove) {
				*m = flannelMove()
				m.agent().Namespace, m.before.Workloads[0].Namespace = "kube-flannel", "kube-flannel"
			},
			reason: plan.NamespaceUnproven, says: "from the namespace kube-flannel",
		},
		"nodes with an image of one's own": {
			check: "plugins-on-nodes", base: flannelInstall,
			fires:  func(m *hazardMove) { m.in.Nodes[1].Kind = "SelfManaged" },
			spares: func(m *hazardMove) { *m = flannelMove(); m.in.Nodes[1].Kind = "SelfManaged" },
			reason: plan.PluginsNotShipped, says: "bridge, host-local, loopback, portmap", nodes: []string{"node-2"},
		},
		"a plugin that the chain did not use before": {
			check: "plugins-on-nodes", base: flannelMove,
			fires: func(m *hazardMove) { m.after.Chain.Plugins = []string{"flannel", "portmap", "bandwidth"} },
			spares: func(m *hazardMove) { // Calico brings it
				m.after.Chain.Plugins = []string{"calico", "portmap", "bandwidth"}
			},
			reason: plan.PluginsNotShipped, says: "plugins bandwidth, which the add-on does not bring; without one of them " +
				"no pod starts, on every node",
		},
		"a system that cannot be written": {
			check: "writable-hosts", base: flannelInstall,
			fires:  func(m *hazardMove) { m.in.Nodes[0].OSImage = "Bottlerocket OS 1.20.0" },
			spares: func(m *hazardMove) { *m = flannelMove(); m.in.Nodes[0].OSImage = "Bottlerocket OS 1.20.0" }, // it runs there
			reason: plan.HostReadOnly, says: "on node-1", nodes: []string{"node-1"},
		},
		"a kubelet that is left behind": {
			check: "kubelet-skew", base: flannelMove,
			fires:  func(m *hazardMove) { m.in.Nodes[2].KubeletVersion = "v1.30.9" },
			spares: func(m *hazardMove) { m.in.Nodes[2].KubeletVersion = "v1.31.0" },
			reason: plan.KubeletSkew, says: "node-3", nodes: []string{"node-3"},
		},
		"a kubelet that is ahead": {
			check: "kubelet-skew", base: flannelMove,
			fires:  func(m *hazardMove) { m.in.Nodes[0].KubeletVersion = "v1.35.0" },
			spares: func(m *hazardMove) { m.in.Nodes[0].KubeletVersion = "" },
			reason: plan.KubeletSkew, says: "node-1", nodes: []string{"node-1"},
		},
		"hardly a block left": {
			check: "node-blocks-left", base: flannelMove,
			fires: func(m *hazardMove) {
				m.in.Change.Network = []string{"10.244.0.0/23"}
				m.in.Nodes[2].PodCIDRs = []string{"10.244.0.128/25"}
				m.in.Nodes = append(m.in.Nodes, noderoll.Node{
					Name: "node-4", Exempt: noderoll.NotSelected,
					PodCIDRs: []string{"10.244.1.128/25"},
				})
			},
			spares: func(m *hazardMove) {
				m.in.Change.Network = []string{"10.244.0.0/23"}
				m.in.Nodes[2].PodCIDRs = []string{"10.244.0.128/25"}
			},
			reason: plan.NodeBlocksLow, says: "4 of 4 blocks for nodes in 10.244.0.0/23 are in use: 0 more nodes fit",
		},
	}
}

// Room is 2 to the difference of the masks; OKE's /16 with a /25 for each node holds 512 (facts: OKE 1.5).
func TestRoomForNodesIsCountedInBlocks(t *testing.T) {
	t.Parallel()
	fleet := func(n, bits int) (out []noderoll.Node) {
		for i := range n {
			at := i << (32 - bits)
			out = append(out, noderoll.Node{Name: fmt.Sprint(i), PodCIDRs: []string{fmt.Sprintf("10.244.%d.%d/%d", at>>8, at&255,
				bits)}})
		}
		return out
	}
	for name, c := range map[string]struct {
		nodes    []noderoll.Node
		networks []string
		says     string
	}{
		"one below four fifths": {fleet(409, 25), []string{"10.244.0.0/16"}, ""},
		"four fifths": {fleet(410, 25), []string{"10.244.0.0/16"}, "410 of 512 blocks for nodes in " +
			"10.244.0.0/16 are in use: 102 more nodes fit"},
		"one left": {fleet(255, 24), []string{"10.244.0.0/16"}, "255 of 256 blocks for nodes in " +
			"10.244.0.0/16 are in use: 1 more node fits"},
		"no node yet":           {nil, []string{"10.244.0.0/16"}, ""},
		"a network without end": {[]noderoll.Node{{PodCIDRs: []string{"fd00::/64"}}}, []string{"fd00::/16"}, ""},
		"blocks of two sizes": {
			append(fleet(2, 24), noderoll.Node{PodCIDRs: []string{"10.244.3.0/25"}}),
			[]string{"10.244.0.0/22"},
			"",
		},
		"blocks of two sizes, enough": {
			append(fleet(3, 24), noderoll.Node{PodCIDRs: []string{"10.244.3.0/25"}}),
			[]string{"10.244.0.0/22"},
			"7 of 8",
		},
		"the second family": {
			[]noderoll.Node{{PodCIDRs: []string{"10.244.0.0/25", "fd00::/64"}}},
			[]string{"10.244.0.0/16", "fd00::/64"},
			"1 of 1 blocks for nodes in fd00::/64",
		},
	} {
		in := plan.Input{Nodes: c.nodes, Change: plan.Change{Network: c.networks}}
		got := of("node-blocks-left", plan.FindHazards(in, catalog.AddOn{}, "", ""))
		if c.says == "" && len(got) > 0 || c.says != "" && (len(got) != 1 || !strings.Contains(got[0].Message, c.says)) {
			t.Errorf("%s: %+v, want %q", name, got, c.says)
		}
	}
}
