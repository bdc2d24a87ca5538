package plan_test

import (
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

func calicoRows() map[string]hazardRow {
	set := func(name, value string) func(*hazardMove) {
		return func(m *hazardMove) { m.agent().Env[name] = value }
	}
	chain := &catalog.CNIChain{File: "10-calico.conflist", Plugins: []string{"calico"}, IPAM: "host-local"}
	return map[string]hazardRow{
		"Calico with a network of its own": {
			check: "calico-networking", base: calicoInstall,
			fires: func(m *hazardMove) { delete(m.agent().Env, "CALICO_NETWORKING_BACKEND") },
			spares: func(m *hazardMove) { // it is no Calico
				delete(m.agent().Env, "CALICO_NETWORKING_BACKEND")
				m.agent().Images = []string{"registry/felix:v1"}
			},
			reason: plan.TwoNetworks, blocking: true, says: `CALICO_NETWORKING_BACKEND is "" instead of none`,
		},
		"Calico with addresses of its own": {
			check: "calico-networking", base: calicoInstall,
			fires:  func(m *hazardMove) { m.after.Chain = &catalog.CNIChain{IPAM: "calico-ipam"} },
			spares: func(m *hazardMove) { m.after.Chain = chain },
			reason: plan.TwoNetworks, blocking: true, says: "calico-ipam",
		},
		"Felix that knows no interface": {
			check: "calico-settings", base: calicoInstall,
			fires: set("FELIX_INTERFACEPREFIX", "cali"),
			spares: func(m *hazardMove) {
				set("FELIX_INTERFACEPREFIX", "cali")(m)
				m.in.Cluster.NetworkType = catalog.FlannelOverlay
			},
			reason: plan.PoliciesBlind, blocking: true, says: `"cali"`,
		},
		"Felix without the other settings": {
			check: "calico-settings", base: calicoInstall,
			fires:  set("FELIX_CHAININSERTMODE", "Insert"),
			spares: none,
			reason: plan.CalicoSettings, says: "FELIX_CHAININSERTMODE=Append",
		},
		"a token that nobody renews": {
			check: "cni-token", base: calicoInstall,
			fires:  func(m *hazardMove) { m.after.Chain = chain },
			spares: func(m *hazardMove) { m.after.Chain = chain; set("CALICO_MANAGE_CNI", "true")(m) },
			reason: plan.TokenExpires, blocking: true, says: "after a day",
		},
		"Felix that guesses on Oracle Linux 8": {
			check: "felix-iptables", base: calicoMove,
			fires: func(m *hazardMove) { m.in.Nodes[2].OSImage = "Oracle Linux Server 8.10" },
			spares: func(m *hazardMove) {
				m.in.Nodes[2].OSImage = "Oracle Linux Server 8.10"
				set("FELIX_IPTABLESBACKEND", "NFT")(m)
			},
			reason: plan.FelixIptables, says: "on Oracle Linux 8 Felix may guess wrong", nodes: []string{"node-3"},
		},
		"Felix that guesses on nobody knows what": {
			check: "felix-iptables", base: calicoMove,
			fires:  func(m *hazardMove) { m.in.Nodes[0].OSImage = ""; set("FELIX_IPTABLESBACKEND", "Auto")(m) },
			spares: func(m *hazardMove) { m.in.Nodes[0].OSImage = ""; set("FELIX_IPTABLESBACKEND", "NFT")(m) },
			reason: plan.FelixIptables, says: "have not told", nodes: []string{"node-1"}, unknown: []catalog.Fact{catalog.FactOS},
		},
		"Felix that was told wrong": {
			check: "felix-iptables", base: calicoMove,
			fires: func(m *hazardMove) {
				set("FELIX_IPTABLESBACKEND", "NFT")(m)
				m.in.Nodes[1].Facts = map[string]string{"iptables": "legacy"}
			},
			spares: func(m *hazardMove) {
				set("FELIX_IPTABLESBACKEND", "Legacy")(m)
				m.in.Nodes[1].Facts = map[string]string{"iptables": "legacy"}
			},
			reason: plan.FelixIptables, says: "FELIX_IPTABLESBACKEND is NFT", nodes: []string{"node-2"},
		},
		"Felix that is told another backend": {
			check: "felix-backend-kept", base: calicoMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].Env["FELIX_IPTABLESBACKEND"] = "Legacy"
				set("FELIX_IPTABLESBACKEND", "NFT")(m)
			},
			spares: func(m *hazardMove) {
				m.before.Workloads[0].Env["FELIX_IPTABLESBACKEND"] = "nft"
				set("FELIX_IPTABLESBACKEND", "NFT")(m)
			},
			reason: plan.RulesMove, says: "from Legacy to NFT",
		},
		"Felix that is told a backend for the first time": {
			check: "felix-backend-kept", base: calicoMove,
			fires:  set("FELIX_IPTABLESBACKEND", "NFT"),
			spares: set("FELIX_IPTABLESBACKEND", "Auto"),
			reason: plan.RulesMove, says: "from Auto to NFT",
		},
		"nftables without kube-proxy": {
			check: "felix-nftables", base: calicoMove,
			fires: func(m *hazardMove) {
				set("FELIX_NFTABLESMODE", "Enabled")(m)
				m.in.Cluster.Facts[catalog.FactKubeProxyMode] = []string{"iptables"}
			},
			spares: func(m *hazardMove) {
				set("FELIX_NFTABLESMODE", "Enabled")(m)
				m.in.Cluster.Facts[catalog.FactKubeProxyMode] = []string{"nftables"}
			},
			reason: plan.FelixNftables, says: "it is in mode iptables",
		},
		"nftables, and nobody knows of kube-proxy": {
			check: "felix-nftables", base: calicoMove,
			fires:  set("FELIX_NFTABLESMODE", "Enabled"),
			spares: set("FELIX_NFTABLESMODE", "Disabled"),
			reason: plan.FelixNftables, says: "its mode is not known", unknown: []catalog.Fact{catalog.FactKubeProxyMode},
		},
	}
}

func policyRows() map[string]hazardRow {
	count := func(f catalog.Fact, n ...string) func(*hazardMove) {
		return func(m *hazardMove) { m.in.Cluster.Facts[f] = n }
	}
	blind := func(f *catalog.Footprint, resource string) {
		f.Grants = slices.DeleteFunc(f.Grants, func(g string) bool { return strings.Contains(g, resource) })
	}
	withTypha := func(tag string, f *catalog.Footprint) {
		f.Workloads = append(f.Workloads, catalog.WorkloadFootprint{
			Kind: "Deployment", Namespace: "kube-system", Name: "calico-typha", Images: []string{"quay.io/calico/typha:" + tag},
		})
	}
	return map[string]hazardRow{
		"policies that nobody enforced": {
			check: "policies-live", base: calicoInstall,
			fires:  count(catalog.FactNetworkPolicies, "293"),
			spares: count(catalog.FactNetworkPolicies, "0"),
			reason: plan.PoliciesLive, says: "293 NetworkPolicies",
		},
		"policies that nobody has counted": {
			check: "policies-live", base: calicoInstall,
			fires:  count(catalog.FactNetworkPolicies),
			spares: func(m *hazardMove) { *m = calicoMove(); count(catalog.FactNetworkPolicies)(m) },
			reason: plan.PoliciesLive, says: "not known", unknown: []catalog.Fact{catalog.FactNetworkPolicies},
		},
		"admin policies that nobody enforced": {
			check: "policies-live", base: calicoMove,
			fires: func(m *hazardMove) {
				blind(m.before, "adminnetworkpolicies")
				count(catalog.FactAdminNetworkPolicies, "2")(m)
			},
			spares: func(m *hazardMove) { // half of them was enforced before
				blind(m.before, "baselineadminnetworkpolicies")
				count(catalog.FactAdminNetworkPolicies, "2")(m)
			},
			reason: plan.PoliciesLive, says: "2 admin network policies",
		},
		"policies that are enforced no more": {
			check: "policies-end", base: calicoMove,
			fires: func(m *hazardMove) {
				blind(m.after, ": watch networkpolicies")
				count(catalog.FactNetworkPolicies, "3")(m)
			},
			spares: func(m *hazardMove) { blind(m.after, ": watch networkpolicies") },
			reason: plan.PoliciesEnd, says: "3 NetworkPolicies are enforced no more",
		},
		"another Typha for old agents": {
			check: "typha-skew", base: calicoMove,
			fires:  func(m *hazardMove) { withTypha("v3.31.5", m.before); withTypha("v3.31.6", m.after) },
			spares: func(m *hazardMove) { withTypha("v3.31.6", m.before); withTypha("v3.31.6", m.after) },
			reason: plan.TyphaSkew, says: "quay.io/calico/typha:v3.31.6",
		},
		"a Typha that is not there": {
			check: "typha-present", base: calicoMove,
			fires: func(m *hazardMove) { m.agent().Env["FELIX_TYPHAK8SSERVICENAME"] = "calico-typha" },
			spares: func(m *hazardMove) {
				m.agent().Env["FELIX_TYPHAK8SSERVICENAME"] = "calico-typha"
				m.after.Objects = append(m.after.Objects, "Service kube-system/calico-typha")
			},
			reason: plan.TyphaMissing, says: "calico-typha",
		},
	}
}
