package plan_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// sparedMoves are further near misses, by check.
func sparedMoves() map[string]map[string]func() hazardMove {
	from := func(base func() hazardMove, change func(*hazardMove)) func() hazardMove {
		return func() hazardMove {
			m := base()
			change(&m)
			return m
		}
	}
	chain := func(file string) *catalog.CNIChain {
		return &catalog.CNIChain{File: file, Plugins: []string{"calico"}, IPAM: "host-local"}
	}
	withGrants := func(rights ...string) func() hazardMove {
		return from(calicoMove, func(m *hazardMove) {
			for _, r := range rights {
				m.before.Grants = append(m.before.Grants, "kube-system/calico-node: "+r)
				m.after.Grants = append(m.after.Grants, "kube-system/calico-node: "+r)
			}
		})
	}
	tolerations := func(before, after string) func() hazardMove {
		return from(flannelMove, func(m *hazardMove) {
			m.before.Workloads[0].Tolerations, m.agent().Tolerations = []string{before}, []string{after}
		})
	}
	return map[string]map[string]func() hazardMove{
		"chain-alone": {
			"a second configuration that was there before": from(calicoMove, func(m *hazardMove) {
				m.before.Chain, m.after.Chain = chain("20-calico.conflist"), chain("20-calico.conflist")
			}),
			"the cluster's own CNI, which one-cni judges": from(flannelInstall, func(m *hazardMove) {
				m.in.Cluster.CNIs = []plan.CNI{{Plugin: "cilium"}}
			}),
			"a CNI whose files nobody knows": from(calicoInstall, func(m *hazardMove) {
				m.after.Chain, m.in.Cluster.CNIs = chain("10-calico.conflist"), []plan.CNI{{Plugin: "kindnet"}}
			}),
			"its own file": from(calicoInstall, func(m *hazardMove) {
				m.after.Chain, m.in.Cluster.CNIs = chain("10-calico.conflist"), []plan.CNI{{Plugin: "calico"}}
			}),
		},
		"host-ports-new": {
			"nobody knows what is live": from(flannelMove, func(m *hazardMove) { m.before, m.agent().HostPorts = nil, []int{8081} }),
		},
		"host-ports-reserved": {
			"a port that it has had before": from(flannelMove, func(m *hazardMove) {
				m.before.Workloads[0].HostPorts, m.agent().HostPorts = []int{10250, 30000}, []int{10250, 30000}
			}),
			"the ports around those of Services": from(flannelMove, func(m *hazardMove) { m.agent().HostPorts = []int{29999, 32768} }),
		},
		"surge": {
			"a Deployment without ports on the only node": from(flannelMove, func(m *hazardMove) {
				m.in.Nodes = m.in.Nodes[:1]
				m.after.Workloads = append(m.after.Workloads, catalog.WorkloadFootprint{
					Kind: "Deployment", HostNetwork: true,
					MaxSurge: "1",
				})
			}),
			"no surge in percent": from(flannelMove, func(m *hazardMove) { m.agent().MaxSurge = "0%" }),
		},
		"definitions-complete": {
			"a right that reads single objects":  withGrants("get gateways.crd.projectcalico.org"),
			"a right to one object by its name":  withGrants("list gateways.crd.projectcalico.org [default]"),
			"a right in one namespace":           withGrants("list gateways.crd.projectcalico.org in kube-system"),
			"a right to everything of a group":   withGrants("list *.crd.projectcalico.org"),
			"a right to the status of something": withGrants("watch tiers/status.crd.projectcalico.org"),
			"a right to something of no group":   withGrants("list endpoints", "watch endpoints"),
			"a definition that is there already": from(calicoMove,
				func(m *hazardMove) { m.after.Definitions = m.after.Definitions[1:] }),
		},
		"stored-versions-kept": {
			"a new definition": from(calicoMove, func(m *hazardMove) { m.before.Definitions = nil }),
		},
		"registry-kept": {
			"the same registry, written out": from(flannelMove, func(m *hazardMove) {
				m.before.Workloads[0].Images, m.agent().Images = []string{"flannel/flannel:v1"}, []string{"docker.io/flannel/flannel:v2"}
			}),
			"a registry with a port": from(flannelMove, func(m *hazardMove) {
				m.before.Workloads[0].Images, m.agent().Images = []string{"localhost:5000/flannel"},
					[]string{"localhost:5000/flannel:v2@sha256:12"}
			}),
		},
		"repositories-kept": {
			"the same repository, written out": from(flannelMove, func(m *hazardMove) {
				m.before.Workloads[0].Images, m.agent().Images = []string{"flannel/flannel:v1"}, []string{"docker.io/flannel/flannel:v2"}
			}),
		},
		"plugins-on-nodes": {
			"a chain that its add-on brings whole": from(calicoInstall, func(m *hazardMove) {
				m.after.Chain = chain("10-calico.conflist")
				m.in.Nodes[0].Kind = "SelfManaged"
			}),
		},
		"batch-size": {
			"one of two nodes": from(flannelMove, func(m *hazardMove) { m.agent().MaxUnavailable, m.in.Nodes = "50%", m.in.Nodes[:2] }),
			"the only node":    from(flannelMove, func(m *hazardMove) { m.agent().MaxUnavailable, m.in.Nodes = "100%", m.in.Nodes[:1] }),
			"an installation":  from(flannelInstall, func(m *hazardMove) { m.agent().MaxUnavailable = "100%" }),
			"no number":        from(flannelMove, func(m *hazardMove) { m.agent().MaxUnavailable = "all" }),
		},
		"configuration-restarts": {
			"the same template and the same configuration": from(flannelMove,
				func(m *hazardMove) { m.agent().Template = m.before.Workloads[0].Template }),
		},
		"tolerations-kept": {
			"the same value":                     tolerations("pool=a:NoSchedule", "pool=a:NoSchedule"),
			"every taint in place of one":        tolerations("pool=a:NoSchedule", ":"),
			"one for which no effect is written": tolerations("pool", "pool:"),
		},
		"selection-kept": {
			"the same label": from(flannelMove, func(m *hazardMove) {
				m.before.Workloads[0].NodeSelector, m.agent().NodeSelector = map[string]string{"pool": "a"}, map[string]string{"pool": "a"}
			}),
		},
		"taints-tolerated": {
			"an update, which tolerations-kept judges": tolerations("pool:NoSchedule", "pool:NoSchedule"),
		},
		"nodes-gained": {
			"a label less, and no node that was left out": from(flannelMove, func(m *hazardMove) {
				m.before.Workloads[0].NodeSelector = map[string]string{"pool": "a"}
			}),
		},
		"typha-skew": {
			"the first Typha": from(calicoMove, func(m *hazardMove) {
				m.after.Workloads = append(m.after.Workloads, catalog.WorkloadFootprint{Images: []string{"quay.io/calico/typha:v3.31.6"}})
			}),
		},
		"calico-networking": {
			"an agent of another name with the setting": from(calicoInstall,
				func(m *hazardMove) { m.agent().Images = []string{"mirror/node:v1"} }),
		},
	}
}

func TestHazardsSpareWhatOnlyLooksLikeThem(t *testing.T) {
	t.Parallel()
	for check, moves := range sparedMoves() {
		for name, move := range moves {
			if got := of(check, move().find("")); len(got) > 0 {
				t.Errorf("%s, %s: %+v", check, name, got)
			}
		}
	}
}

// moreRows are moves that differ from a row in one thing and are as dangerous.
func moreRows() map[string]hazardRow {
	return map[string]hazardRow{
		"a right to watch what is not defined": {
			check: "definitions-complete", base: calicoMove,
			fires: func(m *hazardMove) {
				m.after.Grants = append(m.after.Grants, "kube-system/calico-node: watch gateways.crd.projectcalico.org")
			},
			spares: none, reason: plan.DefinitionsMissing, says: "the agents read gateways.crd.projectcalico.org, and no " +
				"CustomResourceDefinition",
		},
		"two objects that the new release has no more": {
			check: "objects-left", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Objects = append(m.before.Objects, "Service kube-system/a", "Service kube-system/b")
			},
			spares: none, reason: plan.ObjectsLeft, says: "2 objects of the live release are not part of the new one, and " +
				"nobody updates them",
		},
		"two nodes with different backends": {
			check: "backend-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Network.VNI, m.in.Nodes = 77, m.in.Nodes[:2] },
			spares: none, reason: plan.Partition, blocking: true, says: "each pair of the 2 nodes",
		},
		"another namespace, where no agent has been": {
			check: "namespace-admits", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().Namespace = "kube-flannel" },
			spares: none, reason: plan.NamespaceUnproven, says: "from the namespace kube-flannel",
		},
		"an address plugin that the chain did not use before": {
			check: "plugins-on-nodes", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.IPAM = "whereabouts" },
			spares: none, reason: plan.PluginsNotShipped, says: "plugins whereabouts, which",
		},
		"the first port of Services": {
			check: "host-ports-reserved", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().HostPorts = []int{30000} },
			spares: none, reason: plan.HostPortReserved, says: "port 30000",
		},
		"a toleration of another value": {
			check: "tolerations-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].Tolerations, m.agent().Tolerations = []string{"pool=a:NoSchedule"}, []string{"pool=b:NoSchedule"}
			},
			spares: none, reason: plan.NodesLose, blocking: true, says: "pool=a:NoSchedule",
		},
		"a label of another value": {
			check: "selection-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].NodeSelector, m.agent().NodeSelector = map[string]string{"pool": "a"}, map[string]string{"pool": "b"}
			},
			spares: none, reason: plan.NodesLose, blocking: true, says: "only nodes with label pool=b",
		},
		"an affinity that cannot be read": {
			check: "selection-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().NodeAffinity = "[]" },
			spares: none, reason: plan.NodesLose, blocking: true, says: "node affinity",
		},
		"nodes that a label kept free": {
			check: "nodes-gained", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].NodeSelector = map[string]string{"pool": "a"}
				m.in.Nodes[0].Exempt = noderoll.NotSelected
			},
			spares: none, reason: plan.NodesGain, says: "node-1", nodes: []string{"node-1"},
		},
		"both of two nodes at once": {
			check: "batch-size", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().MaxUnavailable, m.in.Nodes = "2", m.in.Nodes[:2] },
			spares: none, reason: plan.BatchTooLarge, says: "2 of 2 nodes",
		},
		"a Typha that comes first": {
			check: "typha-skew", base: calicoMove,
			fires: func(m *hazardMove) {
				for tag, f := range map[string]*catalog.Footprint{"v3.31.5": m.before, "v3.31.6": m.after} {
					typha := catalog.WorkloadFootprint{Kind: "Deployment", Name: "typha", Images: []string{"quay.io/calico/typha:" + tag}}
					f.Workloads = append([]catalog.WorkloadFootprint{typha}, f.Workloads...)
				}
			},
			spares: none, reason: plan.TyphaSkew, says: "v3.31.6",
		},
	}
}

// A message that lists nodes or facts lists them where there are some, and does not begin a list where there are none.
func TestAKnownHazardOfEveryNodeNamesNone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a danger of the catalog on every node": "flannel does not start",
		"a danger that nobody has told of": "this may strike: flannel does not start; whether " +
			"it does depends on brNetfilter, which nobody has told of node-1, node-2, node-3",
		"a danger that depends on what nobody has told of the cluster": "this may strike: agents are turned away; whether " +
			"it does depends on typha, which nobody has told",
	} {
		r := knownRows()[name]
		m := r.base()
		r.fires(&m)
		if got := of(r.check, m.find("")); len(got) != 1 || got[0].Message != want {
			t.Errorf("%s: %+v, want the message %q", name, got, want)
		}
	}
}

// The rows' sentences are their keys: two of the same sentence would hide one.
func TestNoRowHidesAnother(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, rows := range rowTables() {
		for _, name := range slices.Sorted(maps.Keys(rows)) {
			if seen[name] || strings.TrimSpace(name) == "" {
				t.Errorf("there are two rows %q", name)
			}
			seen[name] = true
		}
	}
}

// Through the whole planner: a hazard that blocks leaves no step, an operator's word leaves all, and without the check the
// cluster would have been cut in two.
func TestAHazardStopsThePlan(t *testing.T) {
	t.Parallel()
	m := flannelMove()
	m.after.Network.VNI = 77
	in := m.in
	in.Catalog = shippedCatalog(t)
	in.Cluster.UID, in.Cluster.Stamp = "uid", &plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: "uid", Cluster: "c"}
	in.Cluster.Kubernetes = version.MustParse("v1.34.2")
	in.Desired.AddOn = "Flannel"
	in.Installed.Version, in.Installed.Observed, in.Installed.Newest = "0.27.0", true, "hash"
	in.Record.Revisions = []plan.Revision{{Number: 1, Version: "0.27.0", Status: plan.Deployed, Digest: in.Installed.Digest}}
	in.Request = plan.Request{Verb: plan.Update, Version: "0.27.3"}
	in.Change.From, in.Change.To = m.before, m.after
	for i := range in.Nodes {
		in.Nodes[i].Facts = map[string]string{"brNetfilter": "loaded", "iptables": "nft", "forwardPolicy": "ACCEPT"}
		in.Nodes[i].Pod = &noderoll.Pod{Name: "p", Version: "0.27.0", Revision: "hash", Ready: true, Available: true}
	}
	p := plan.Make(in)
	if blocking := p.Blocking(); len(p.Steps) > 0 || len(blocking) != 1 || blocking[0].Reason != plan.Partition {
		t.Errorf("steps %v, blocking %+v, want no step because of the partition alone", p.Steps, blocking)
	}
	if p := plan.MakeWithout(in, "backend-kept"); len(p.Steps) == 0 {
		t.Errorf("without the check the plan has no steps either: %+v", p.Blocking())
	}
	in.Request.Accept = "window on Sunday"
	if p := plan.Make(in); len(p.Steps) == 0 {
		t.Errorf("accepted, and no step: %+v", p.Blocking())
	}
}
