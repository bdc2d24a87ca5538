package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// calico is the workload that runs calico-node; false when the render has none. It is known by its image or its settings.
func calico(f catalog.Footprint) (catalog.WorkloadFootprint, bool) {
	i := slices.IndexFunc(f.Workloads, func(w catalog.WorkloadFootprint) bool {
		_, set := w.Env["CALICO_NETWORKING_BACKEND"]
		return w.Kind == daemonSet && (set || slices.ContainsFunc(w.Images, isCalicoNode))
	})
	if i < 0 {
		return catalog.WorkloadFootprint{}, false
	}
	return f.Workloads[i], true
}

func isCalicoNode(image string) bool { return strings.HasSuffix(repository(image), "calico/node") }

// calicoNetworking : Calico's own networking gives out addresses that the cluster's CNI gives out too. No network type has
// Calico as its CNI, so it always stands beside one.
func calicoNetworking(d decision, after catalog.Footprint) []Finding {
	node, ok := calico(after)
	if !ok {
		return nil
	}
	var why []string
	if backend := node.Env["CALICO_NETWORKING_BACKEND"]; backend != "none" {
		why = append(why, fmt.Sprintf("CALICO_NETWORKING_BACKEND is %q instead of none", backend))
	}
	if after.Chain != nil && after.Chain.IPAM == "calico-ipam" {
		why = append(why, "addresses come from calico-ipam")
	}
	if len(why) == 0 {
		return nil
	}
	return d.unlessBack(forbid(TwoNetworks, "B35",
		fmt.Sprintf("Calico would make a network of its own beside the cluster's CNI (%s): pods of two kinds get the same "+
			"addresses, on every node", strings.Join(why, "; ")),
		"use Calico for policies alone: CALICO_NETWORKING_BACKEND=none and no calico-ipam"))
}

// besideVCNNative are the settings that Oracle asks for beside VCN-native pods (facts: OKE 1.8, CNI A4.5), but for the prefix.
var besideVCNNative = []struct{ name, value string }{
	{"NO_DEFAULT_POOLS", "true"}, {"FELIX_CHAININSERTMODE", "Append"}, {"FELIX_IPTABLESMANGLEALLOWACTION", "Return"},
}

// calicoSettings : without the prefix Felix knows none of the pods' interfaces, so policies are accepted and enforced nowhere.
func calicoSettings(d decision, after catalog.Footprint) []Finding {
	node, ok := calico(after)
	if !ok || d.networkType != catalog.OCIVCNIPNative {
		return nil
	}
	if prefix := node.Env["FELIX_INTERFACEPREFIX"]; prefix != "oci" {
		return d.unlessBack(forbid(PoliciesBlind, "B35",
			fmt.Sprintf("FELIX_INTERFACEPREFIX is %q, and the interfaces of VCN-native pods begin with oci: NetworkPolicies "+
				"are accepted and enforced on no pod of any node", prefix),
			"set FELIX_INTERFACEPREFIX=oci"))
	}
	var lacking []string
	for _, s := range besideVCNNative {
		if node.Env[s.name] != s.value {
			lacking = append(lacking, s.name+"="+s.value)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return warn(CalicoSettings, "B35",
		fmt.Sprintf("beside VCN-native pods Calico is supported with these settings, which the release does not have: %s; "+
			"its rules may cut off pods that no policy names, on every node",
			strings.Join(lacking, ", ")), "set them in the chart or its values")
}

// cniToken : Calico's CNI configuration holds a token for a day, and only calico-node renews it.
func cniToken(d decision, after catalog.Footprint) []Finding {
	node, ok := calico(after)
	if !ok || node.Env["CALICO_MANAGE_CNI"] != "false" || after.Chain == nil || !slices.Contains(after.Chain.Plugins, "calico") {
		return nil
	}
	return d.unlessBack(forbid(TokenExpires, "B58", "CALICO_MANAGE_CNI is false while Calico's plugin wires the pods: nobody renews "+
		"the token in its configuration, and after a day no pod starts on any node",
		"set CALICO_MANAGE_CNI=true"))
}

// felixIptables compares what Felix writes with what nodes use: it has to be told on Oracle Linux 8, and not be told wrong.
//
//	| FELIX_IPTABLESBACKEND | the node's iptables | else its system | says             |
//	|-----------------------|---------------------|-----------------|------------------|
//	| not given, Auto       | any                 | OL8             | strikes          |
//	| not given, Auto       | any                 | not known       | may strike       |
//	| NFT or Legacy         | the other           | any             | strikes          |
//	| NFT or Legacy         | the same, not known | any             | nothing          |
func felixIptables(d decision, after catalog.Footprint) []Finding {
	node, ok := calico(after)
	if !ok {
		return nil
	}
	backend := strings.ToLower(node.Env["FELIX_IPTABLESBACKEND"])
	if backend == "" || backend == "auto" {
		return d.felixGuesses()
	}
	nodes := d.struck(func(n noderoll.Node) bool {
		have := nodeFact(n, catalog.FactIptables)
		return have != "" && have != backend
	})
	return d.felixFinding(nodes,
		fmt.Sprintf("FELIX_IPTABLESBACKEND is %s, and the iptables of %s another", node.Env["FELIX_IPTABLESBACKEND"],
			count(len(nodes), "node is", "nodes are")))
}

func (d decision) felixGuesses() []Finding {
	out := d.felixFinding(d.struck(func(n noderoll.Node) bool { return nodeFact(n, catalog.FactOS) == "OL8" }),
		"FELIX_IPTABLESBACKEND is not set, and on Oracle Linux 8 Felix may guess wrong")
	silent := d.struck(func(n noderoll.Node) bool { return nodeFact(n, catalog.FactOS) == "" })
	if len(silent) > 0 {
		f := d.felixFinding(silent, "FELIX_IPTABLESBACKEND is not set, which may strike nodes with Oracle Linux 8, and "+
			"these have not told their system")
		f[0].Unknown = []catalog.Fact{catalog.FactOS}
		out = append(out, f...)
	}
	return out
}

func (d decision) felixFinding(nodes []string, why string) []Finding {
	if len(nodes) == 0 {
		return nil
	}
	return d.onNodes(warn(FelixIptables, "B18",
		fmt.Sprintf("%s: rules land in two tables, and policies and masquerading fail in part, on %s", why, few(nodes)),
		"set FELIX_IPTABLESBACKEND to what the nodes use (NFT on Oracle Linux 8; iptables --version tells)"), nodes)
}

// felixBackendKept : Felix writes its rules anew with another tool, and what the first one wrote may stay.
func felixBackendKept(_ decision, before, after catalog.Footprint) []Finding {
	was, okBefore := calico(before)
	is, okAfter := calico(after)
	old, fresh := felixBackend(was), felixBackend(is)
	if !okBefore || !okAfter || strings.EqualFold(old, fresh) {
		return nil
	}
	return warn(RulesMove, "B18",
		fmt.Sprintf("FELIX_IPTABLESBACKEND goes from %s to %s: where that is another tool than Felix has used, a node has "+
			"rules in two tables when it has moved, and policies and masquerading may fail in part", old, fresh),
		"look at the rules of the first node (iptables-legacy-save, iptables-nft-save) before the second; a reboot cleans up")
}

// felixBackend is what Felix is told, Auto when that is nothing.
func felixBackend(w catalog.WorkloadFootprint) string {
	return cmp.Or(w.Env["FELIX_IPTABLESBACKEND"], "Auto")
}

// felixNftables : Felix in nftables mode wants kube-proxy in nftables mode.
func felixNftables(d decision, after catalog.Footprint) []Finding {
	node, ok := calico(after)
	if !ok || node.Env["FELIX_NFTABLESMODE"] != "Enabled" {
		return nil
	}
	modes := d.facts[catalog.FactKubeProxyMode]
	if slices.Equal(modes, []string{"nftables"}) {
		return nil
	}
	f := warn(FelixNftables, "B43", "FELIX_NFTABLESMODE is Enabled, and kube-proxy has to be in its mode nftables too: "+
		"else Services fail on every node", "")
	if len(modes) == 0 {
		f[0].Unknown = []catalog.Fact{catalog.FactKubeProxyMode}
		f[0].Message += "; its mode is not known"
	} else {
		f[0].Message += "; it is in mode " + strings.Join(modes, ", ")
	}
	f[0].Fix = howToTell(f[0].Unknown) + "set FELIX_NFTABLESMODE=Disabled, or change kube-proxy first"
	return f
}
