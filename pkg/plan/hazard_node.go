package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// hostNetwork : an agent that makes the pod network cannot wait for it.
func hostNetwork(d decision, after catalog.Footprint) []Finding {
	agent, ok := d.agent(after)
	if !ok || agent.HostNetwork {
		return nil
	}
	return d.unlessBack(forbid(AgentOffHostNetwork, "B25 B55",
		fmt.Sprintf("%s does not run in its node's network: it needs the pod network that it makes, and stays away from "+
			"nodes without one",
			workloadName(agent)), "set hostNetwork: true"))
}

// critical are the priority classes of what a node cannot do without.
var critical = []string{"system-node-critical", "system-cluster-critical"}

func agentPriority(d decision, after catalog.Footprint) []Finding {
	agent, ok := d.agent(after)
	if !ok || slices.Contains(critical, agent.PriorityClass) {
		return nil
	}
	class := "no priority class"
	if agent.PriorityClass != "" {
		class = "priority class " + agent.PriorityClass
	}
	return warn(AgentPriorityLow, "B34",
		fmt.Sprintf("%s has %s: on a full node it is not scheduled, or has to go for another pod, and the node is without it",
			workloadName(agent), class),
		"set priorityClassName: system-node-critical")
}

// namespaceAdmits : kube-system admits what an agent is; other namespaces have labels, quotas and limits of their own, and a
// DaemonSet that is refused makes no pods and no error.
func namespaceAdmits(_ decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, w := range after.Workloads {
		inIt := func(o catalog.WorkloadFootprint) bool { return o.Namespace == w.Namespace && o.HostNetwork }
		if w.Namespace == "kube-system" || !w.HostNetwork || slices.ContainsFunc(before.Workloads, inIt) {
			continue
		}
		out = append(out, warn(NamespaceUnproven, "B27 B34",
			fmt.Sprintf("%s uses its node's network from the namespace %s: where that admits baseline or restricted pods "+
				"only, or has a quota on %s, no pod is made, on any node",
				workloadName(w), w.Namespace, w.PriorityClass),
			"kubectl label namespace "+w.Namespace+" pod-security.kubernetes.io/enforce=privileged, and look for a "+
				"ResourceQuota or LimitRange there")...)
	}
	return out
}

// shipped are the binaries that add-ons put on nodes themselves, by a plugin that tells the add-on (facts: CNI A2).
var shipped = map[string][]string{
	"flannel":    {"flannel"},
	"calico":     {"calico", "calico-ipam", "bandwidth", "host-local", "loopback", "portmap", "tuning"},
	"oci-ipvlan": {"oci-ipvlan", "oci-ptp", "oci-ipam"},
}

// fromNode are the binaries that a chain needs and that its add-on does not ship; sorted.
func fromNode(c *catalog.CNIChain) []string {
	if c == nil {
		return nil
	}
	need := append(slices.Clone(c.Plugins), "loopback")
	if c.IPAM != "" {
		need = append(need, c.IPAM)
	}
	var have []string
	for _, p := range c.Plugins {
		have = append(have, shipped[p]...)
		if p == "flannel" {
			need = append(need, "bridge", "host-local")
		}
	}
	need = missing(have, need)
	slices.Sort(need)
	return slices.Compact(need)
}

// pluginsOnNodes asks for the binaries that nobody ships. OKE's own images carry those of its own CNIs, so that an
// installation is silent about managed nodes.
func pluginsOnNodes(d decision, before, after catalog.Footprint) []Finding {
	fresh := missing(fromNode(before.Chain), fromNode(after.Chain))
	var nodes []string
	if !d.Installed.Present {
		nodes = d.struck(func(n noderoll.Node) bool { return n.Kind != string(catalog.Managed) })
	}
	if len(fresh) == 0 || !d.Installed.Present && len(nodes) == 0 {
		return nil
	}
	where := "on every node"
	if len(nodes) > 0 {
		where = "on nodes that may not have OKE's image: " + few(nodes)
	}
	return d.onNodes(warn(PluginsNotShipped, "B13",
		fmt.Sprintf("pods get their network by the plugins %s, which the add-on does not bring; without one of them no "+
			"pod starts, %s",
			strings.Join(fresh, ", "), where), "ls /opt/cni/bin on a node of each pool; the plugins come with the node's image"), nodes)
}

// readOnly are operating systems whose /opt or /etc cannot be written (facts: CNI B14), as their kubelets name them.
var readOnly = []string{"Bottlerocket", "Talos", "Fedora CoreOS", "Red Hat Enterprise Linux CoreOS"}

func writableHosts(d decision, after catalog.Footprint) []Finding {
	if after.Chain == nil {
		return nil
	}
	nodes := d.struck(func(n noderoll.Node) bool {
		runs := n.Pod != nil && n.Pod.Available
		return !runs && slices.ContainsFunc(readOnly, func(os string) bool { return strings.HasPrefix(n.OSImage, os) })
	})
	if len(nodes) == 0 {
		return nil
	}
	return d.onNodes(warn(HostReadOnly, "B14",
		fmt.Sprintf("the add-on writes to /opt/cni/bin and /etc/cni/net.d, which the operating system of %s does not "+
			"allow: its init containers fail there, on %s",
			count(len(nodes), "node", "nodes"), few(nodes)), "point the add-on to directories that can be written, and the "+
			"container runtime too, or use another image for these nodes"), nodes)
}

// kubeletSkew : a kubelet is at most three minors behind its API server, and never ahead (facts: CNI C3).
func kubeletSkew(d decision) []Finding {
	server := d.Cluster.Kubernetes.Minor()
	if !d.rewrites() || d.Cluster.Kubernetes.IsZero() {
		return nil
	}
	nodes := d.struck(func(n noderoll.Node) bool {
		kubelet := parse(n.KubeletVersion)
		m := kubelet.Minor()
		return !kubelet.IsZero() && (m.Compare(server) > 0 || m.Major == server.Major && m.Minor+3 < server.Minor)
	})
	if len(nodes) == 0 {
		return nil
	}
	return d.onNodes(warn(KubeletSkew, "C3",
		fmt.Sprintf("the kubelet of %s is ahead of Kubernetes %s or more than three minors behind it: what such a node "+
			"does with the new pods nobody tests: %s",
			count(len(nodes), "node", "nodes"), d.Cluster.Kubernetes.Core(), few(nodes)), "upgrade these nodes first"), nodes)
}

// nodeBlocksLeft counts the blocks that are left for new nodes in each of the networks: 2 to the difference of the masks
// (facts: CNI B32, OKE 1.5). It speaks from four fifths on, whether or not something moves.
func nodeBlocksLeft(d decision) []Finding {
	var out []Finding
	for _, network := range prefixes(d.Change.Network) {
		used, room := d.blocks(network)
		if room == 0 || used*5 < room*4 {
			continue
		}
		out = append(out, warn(NodeBlocksLow, "B32",
			fmt.Sprintf("%d of %d blocks for nodes in %s are in use: %s, and a node without a block never gets Ready",
				used, room, network, count(room-used, "more node fits", "more nodes fit")),
			"the network cannot grow: plan a cluster with a wider pod CIDR, or fewer and bigger nodes")...)
	}
	return out
}

// most is the number of bits of node blocks that are counted; beyond, a network is never full.
const most = 30

// blocks counts the node blocks of a network, those in use and all, by the smallest block that a node has.
func (d decision) blocks(network netip.Prefix) (used, room int) {
	var own []netip.Prefix
	smallest := 0
	for _, n := range d.Nodes {
		for _, p := range prefixes(n.PodCIDRs) {
			if contained([]netip.Prefix{p}, []netip.Prefix{network}) {
				own = append(own, p)
				smallest = max(smallest, p.Bits())
			}
		}
	}
	if smallest-network.Bits() > most || len(own) == 0 {
		return 0, 0
	}
	for _, p := range own {
		used += 1 << (smallest - p.Bits())
	}
	return used, 1 << (smallest - network.Bits())
}
