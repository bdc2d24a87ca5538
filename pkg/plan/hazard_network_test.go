package plan_test

import (
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

func chainRows() map[string]hazardRow {
	return map[string]hazardRow{
		"another name of the chain": {
			check: "chain-name-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.Name = "cni0" },
			spares: func(m *hazardMove) { m.after.Chain = nil },
			reason: plan.ChainRenamed, blocking: true, says: "from the name cbr0 to cni0",
		},
		"a file that comes first": {
			check: "chain-file-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.File = "05-flannel.conflist" },
			spares: func(m *hazardMove) { m.after.Chain.File = "" },
			reason: plan.TwoConfigurations, says: "05-flannel.conflist comes first by name, so new pods take the new one",
		},
		"a file that comes last": {
			check: "chain-file-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.File = "20-flannel.conflist" },
			spares: none,
			reason: plan.TwoConfigurations, says: "10-flannel.conflist comes first by name, so pods go on with the old one",
		},
		"a second configuration beside the cluster's CNI": {
			check: "chain-alone", base: calicoInstall,
			fires: func(m *hazardMove) {
				m.after.Chain = &catalog.CNIChain{File: "10-calico.conflist", Plugins: []string{"calico"}}
			},
			spares: func(m *hazardMove) { m.after.Chain = nil },
			reason: plan.TwoConfigurations, says: "10-calico.conflist beside 10-oci.conflist of vcn-native on every node, " +
				"and the first by name counts: new pods are wired by the new one",
		},
		"a second configuration that comes last": {
			check: "chain-alone", base: calicoInstall,
			fires: func(m *hazardMove) { m.after.Chain = &catalog.CNIChain{File: "20-calico.conflist"} },
			spares: func(m *hazardMove) {
				m.after.Chain = &catalog.CNIChain{File: "20-calico.conflist"}
				m.in.Cluster.CNIs = nil
			},
			reason: plan.TwoConfigurations, says: "may still be wired by vcn-native",
		},
		"a configuration that nobody writes any more": {
			check: "chain-installed", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain = nil },
			spares: func(m *hazardMove) { m.before.Chain, m.after.Chain = nil, nil },
			reason: plan.ChainNotInstalled, blocking: true, says: "the CNI configuration 10-flannel.conflist any more",
		},
		"a configuration whose installation cannot be seen any more": {
			check: "chain-installed", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.File = "" },
			spares: func(m *hazardMove) { m.before.Chain.File, m.after.Chain.File = "", "" },
			reason: plan.ChainNotInstalled, blocking: true, says: "10-flannel.conflist",
		},
		"another MTU of pods": {
			check: "chain-mtu-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.before.Chain.MTU, m.after.Chain.MTU = 9000, 1500 },
			spares: func(m *hazardMove) { m.before.Chain.MTU, m.after.Chain.MTU = 9000, 9000 },
			reason: plan.NewPodsOnly, says: "the MTU of pods goes from 9000 to 1500",
		},
		"a first MTU of pods": {
			check: "chain-mtu-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.MTU = 1500 },
			spares: func(m *hazardMove) { m.before.Chain, m.after.Chain.MTU = nil, 1500 },
			reason: plan.NewPodsOnly, says: "from none that is written to 1500",
		},
		"another version of the specification": {
			check: "cni-version-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.Version = "1.0.0" },
			spares: func(m *hazardMove) { m.before.Chain = nil },
			reason: plan.CNIVersionChanged, says: "from 0.3.1 to 1.0.0",
		},
		"another chain of plugins": {
			check: "chain-plugins-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Chain.Plugins = []string{"calico", "portmap"} },
			spares: func(m *hazardMove) { m.after.Chain.IPAM = "host-local" },
			reason: plan.NewPodsOnly, says: "from flannel, portmap to calico, portmap",
		},
		"another address plugin": {
			check: "address-plugin-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.before.Chain.IPAM, m.after.Chain.IPAM = "host-local", "calico-ipam" },
			spares: func(m *hazardMove) { m.before.Chain.IPAM, m.after.Chain.IPAM = "host-local", "host-local" },
			reason: plan.AddressPluginChanged, blocking: true, says: "from calico-ipam and no more from host-local",
		},
	}
}

func networkRows() map[string]hazardRow {
	backend := func(change func(*catalog.NetConf)) func(*hazardMove) {
		return func(m *hazardMove) { change(m.after.Network) }
	}
	vni := func(n *catalog.NetConf) { n.VNI = 77 }
	wireguard := func(m *hazardMove) {
		for _, n := range []*catalog.NetConf{m.before.Network, m.after.Network} {
			n.Backend, n.VNI, n.Port, n.PortV6, n.Mode = "wireguard", 0, 51820, 51821, "separate"
		}
	}
	return map[string]hazardRow{
		"another network": {
			check: "network-kept", base: flannelMove,
			fires: backend(func(n *catalog.NetConf) { n.Networks = []string{"10.240.0.0/12"} }),
			spares: func(m *hazardMove) {
				m.before.Network.Networks = []string{"10.244.0.0/16", "fd00::/56"}
				m.after.Network.Networks = []string{"10.244.0.0/16", "fd00::/56"}
			},
			reason: plan.NetworkChanged, blocking: true, says: "from 10.244.0.0/16 to 10.240.0.0/12",
		},
		"a second family": {
			check: "network-kept", base: flannelMove,
			fires:  backend(func(n *catalog.NetConf) { n.Networks = []string{"10.244.0.0/16", "fd00::/56"} }),
			spares: none,
			reason: plan.NetworkChanged, blocking: true, says: "fd00::/56",
		},
		"another VNI": {
			check: "backend-kept", base: flannelMove,
			fires:  backend(vni),
			spares: func(m *hazardMove) { vni(m.after.Network); m.in.Nodes = m.in.Nodes[:1] }, // nobody to be cut off from
			reason: plan.Partition, blocking: true, says: "VNI 1 to 77",
		},
		"another port": {
			check: "backend-kept", base: flannelMove,
			fires:  backend(func(n *catalog.NetConf) { n.Port = 4789 }),
			spares: backend(func(n *catalog.NetConf) { n.MTU = 1400 }),
			reason: plan.Partition, blocking: true, says: "Port 8472 to 4789",
		},
		"another port for IPv6": {
			check: "backend-kept", base: flannelMove,
			fires:  func(m *hazardMove) { wireguard(m); m.after.Network.PortV6 = 51830 },
			spares: wireguard,
			reason: plan.Partition, blocking: true, says: "ListenPortV6 51821 to 51830",
		},
		"one tunnel in place of two": {
			check: "backend-kept", base: flannelMove,
			fires:  func(m *hazardMove) { wireguard(m); m.after.Network.Mode = "auto" },
			spares: func(m *hazardMove) { wireguard(m); m.after.Network.MTU = 1400 },
			reason: plan.Partition, blocking: true, says: "Mode separate to auto",
		},
		"group policy": {
			check: "backend-kept", base: flannelMove,
			fires:  backend(func(n *catalog.NetConf) { n.GBP = true }),
			spares: backend(func(n *catalog.NetConf) { n.NFTables = true }),
			reason: plan.Partition, blocking: true, says: "GBP false to true",
		},
		"direct routes": {
			check: "backend-kept", base: flannelMove,
			fires:  backend(func(n *catalog.NetConf) { n.DirectRouting = true }),
			spares: none,
			reason: plan.Partition, blocking: true, says: "DirectRouting",
		},
		"another backend": {
			check: "backend-kept", base: flannelMove,
			fires:  backend(func(n *catalog.NetConf) { n.Backend, n.VNI, n.Port = "host-gw", 0, 0 }),
			spares: func(m *hazardMove) { m.after.Network = nil },
			reason: plan.Partition, blocking: true, says: "(Type vxlan to host-gw)",
		},
		"another MTU": {
			check: "mtu-kept", base: flannelMove,
			fires:  backend(func(n *catalog.NetConf) { n.MTU = 8950 }),
			spares: func(m *hazardMove) { m.before.Network.MTU, m.after.Network.MTU = 8950, 8950 },
			reason: plan.MTUNotApplied, says: "from the underlay's to 8950",
		},
		"rules by the other tool": {
			check: "rules-backend-kept", base: flannelMove,
			fires:  backend(func(n *catalog.NetConf) { n.NFTables = true }),
			spares: func(m *hazardMove) { m.before.Network.NFTables, m.after.Network.NFTables = true, true },
			reason: plan.RulesMove, says: "for a moment there are none",
		},
		"rules by the other tool, and the way back": {
			check: "rules-backend-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.before.Network.NFTables, m.to = true, "0.26.2" },
			spares: none,
			reason: plan.RulesMove, says: "0.26.2 does not remove the others",
		},
	}
}

func rollRows() map[string]hazardRow {
	return map[string]hazardRow{
		"a configuration that nothing restarts for": {
			check: "configuration-restarts", base: flannelMove,
			fires: func(m *hazardMove) {
				m.after.Network.MTU, m.agent().Template = 1400, m.before.Workloads[0].Template
			},
			spares: func(m *hazardMove) { m.after.Network.MTU = 1400 },
			reason: plan.ConfigurationPending, says: "at its next restart",
		},
		"a ConfigMap that the release does not have": {
			check: "configuration-complete", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().Configuration = []string{"ConfigMap kube-flannel-cfg-2"} },
			spares: func(m *hazardMove) { m.agent().Configuration = []string{"ConfigMap kubernetes-services-endpoint"} },
			reason: plan.ConfigurationMissing, says: "ConfigMap kube-flannel-cfg-2",
		},
		"a crash loop that looks Ready": {
			check: "crash-loop-visible", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().MinReadySeconds = 0 },
			spares: func(m *hazardMove) { m.agent().MinReadySeconds, m.agent().ReadinessProbe = 0, true },
			reason: plan.CrashLoopLooksReady, says: "through every node",
		},
		"a crash loop where nothing rolls by itself": {
			check: "crash-loop-visible", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().MinReadySeconds, m.agent().Strategy = 0, "" },
			spares: func(m *hazardMove) { m.agent().MinReadySeconds, m.agent().Strategy = 0, "OnDelete" },
			reason: plan.CrashLoopLooksReady, says: "neither a readiness probe",
		},
		"a probe that was not there": {
			check: "readiness-new", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().ReadinessProbe = true },
			spares: func(m *hazardMove) { m.agent().ReadinessProbe, m.agent().Strategy = true, "OnDelete" },
			reason: plan.ProbeNew, says: "gets a readiness probe",
		},
		"a probe that goes": {
			check: "readiness-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.before.Workloads[0].ReadinessProbe = true },
			spares: func(m *hazardMove) { m.before.Workloads[0].ReadinessProbe, m.agent().ReadinessProbe = true, true },
			reason: plan.ProbeGone, says: "loses its readiness probe",
		},
		"nodes that waited and wait no more": {
			check: "strategy-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.before.Workloads[0].Strategy = "OnDelete" },
			spares: func(m *hazardMove) { m.before.Workloads[0].Strategy = "" },
			reason: plan.StrategyChanged, says: "from OnDelete to RollingUpdate: nodes that were kept waiting move at once",
		},
		"nodes that do not move by themselves any more": {
			check: "strategy-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().Strategy = "OnDelete" },
			spares: none,
			reason: plan.StrategyChanged, says: "no node moves by itself",
		},
		"the whole cluster at once": {
			check: "batch-size", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().MaxUnavailable = "100%" },
			spares: func(m *hazardMove) { m.agent().MaxUnavailable, m.agent().Strategy = "100%", "OnDelete" },
			reason: plan.BatchTooLarge, says: "3 of 3 nodes",
		},
		"two of three at once": {
			check: "batch-size", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().MaxUnavailable = "34%" },
			spares: func(m *hazardMove) { m.agent().MaxUnavailable = "33%" },
			reason: plan.BatchTooLarge, says: "2 of 3 nodes",
		},
	}
}

func admissionRows() map[string]hazardRow {
	brings := func(object string) func(*hazardMove) {
		return func(m *hazardMove) { m.after.Objects = append(m.after.Objects, object) }
	}
	has := func(object string) func(*hazardMove) {
		return func(m *hazardMove) { brings(object)(m); m.before.Objects = append(m.before.Objects, object) }
	}
	return map[string]hazardRow{
		"a webhook of its own": {
			check: "own-webhooks", base: flannelMove,
			fires: brings("ValidatingWebhookConfiguration flannel"), spares: has("ValidatingWebhookConfiguration flannel"),
			reason: plan.WebhookAdded, says: "ValidatingWebhookConfiguration flannel",
		},
		"an API through the pod network": {
			check: "aggregated-apis", base: flannelMove,
			fires: brings("APIService v3.projectcalico.org"), spares: has("APIService v3.projectcalico.org"),
			reason: plan.AggregatedAPIAdded, says: "v3.projectcalico.org",
		},
		"a job": {
			check: "helper-jobs", base: flannelMove,
			fires: brings("Job kube-system/migrate"), spares: brings("Service kube-system/Job"),
			reason: plan.HelperJobs, says: "Job kube-system/migrate",
		},
	}
}
