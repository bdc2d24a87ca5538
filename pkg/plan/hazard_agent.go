package plan

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// flanneld is the agent of two renders; false unless both are flannel's.
func (d decision) flanneld(before, after catalog.Footprint) (p pair, ok bool) {
	_, _, ok = networks(before, after)
	was, okBefore := d.agent(before)
	is, okAfter := d.agent(after)
	return pair{was, is}, ok && okBefore && okAfter
}

// given are the values of a flag in their order. Where the command line has none, a variable gives it (facts: CNI A1.4).
func given(w catalog.WorkloadFootprint, flag string) []string {
	var out []string
	for _, a := range w.Args {
		if value, ok := strings.CutPrefix(a, flag+"="); ok {
			out = append(out, value)
		}
	}
	variable := "FLANNELD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	if value := w.Env[variable]; len(out) == 0 && value != "" {
		out = append(out, value)
	}
	return out
}

// enabled reads a flag that is true or false, of which the last one counts.
func enabled(w catalog.WorkloadFootprint, flag string, byDefault bool) bool {
	values := given(w, flag)
	if len(values) == 0 {
		return byDefault
	}
	on, err := strconv.ParseBool(values[len(values)-1])
	if err != nil {
		return byDefault
	}
	return on
}

// interfaceFlags say which interface and address of a node flanneld takes, in the order in which it asks them.
var interfaceFlags = []string{"iface", "iface-regex", "iface-can-reach", "public-ip", "public-ipv6"}

// agentInterfaceKept : a node on another interface has another address for the others, and another device.
func agentInterfaceKept(d decision, before, after catalog.Footprint) []Finding {
	p, ok := d.flanneld(before, after)
	if !ok || d.agents() < 2 {
		return nil
	}
	var changes []string
	for _, flag := range interfaceFlags {
		if was, is := given(p.before, flag), given(p.after, flag); !slices.Equal(was, is) {
			changes = append(changes, fmt.Sprintf("--%s from %s to %s", flag, written(was), written(is)))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return d.unlessAccepted(forbid(Partition, "A1.8 B20",
		fmt.Sprintf("flanneld chooses the node's interface in another way (%s): where that is another one than before, each "+
			"pair of the %d nodes is cut while only one of the two has moved, or for good where the interfaces do not reach each "+
			"other, and every signal stays green; on a node without such an interface flanneld does not start",
			strings.Join(changes, ", "), d.agents()),
		"keep the choice, or see that it leads each node to the address that it has now (kubectl get nodes -o yaml, annotation "+
			"flannel.alpha.coreos.com/public-ip); else plan a window, move the nodes as fast as they can and watch packets, not pods"))
}

func written(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(values, ", ")
}

// agentMasqueradeKept : addresses of pods mean nothing outside of the cluster, so that without masquerading no answer comes
// back. The flannel plugin asks the bridge to do it where flanneld does not, for pods that are made anew (facts: CNI A1.7).
func agentMasqueradeKept(d decision, before, after catalog.Footprint) []Finding {
	p, ok := d.flanneld(before, after)
	if !ok || !enabled(p.before, "ip-masq", false) || enabled(p.after, "ip-masq", false) {
		return nil
	}
	return d.unlessAccepted(forbid(MasqueradeEnds, "B16",
		"flanneld masquerades no more (--ip-masq is gone): pods that run do not get out of the cluster, on any node, from the "+
			"moment on in which the rules of the old agent go, at the latest with a reboot; only pods that are made anew get rules of "+
			"their own from the bridge plugin",
		"keep agent.ipMasq; where something else masquerades, see on the first node that a pod that runs gets out"))
}

// agentForwardRulesKept asks for the policy of each node's FORWARD chain: what flanneld lets through is dropped by DROP.
//
//	| a node's FORWARD policy | says                          |
//	|-------------------------|-------------------------------|
//	| DROP                    | blocks, unless it is accepted |
//	| not known               | may strike                    |
//	| ACCEPT                  | nothing                       |
func agentForwardRulesKept(d decision, before, after catalog.Footprint) []Finding {
	p, ok := d.flanneld(before, after)
	if !ok || !enabled(p.before, "iptables-forward-rules", true) || enabled(p.after, "iptables-forward-rules", true) {
		return nil
	}
	policy := func(is string) []string {
		return d.struck(func(n noderoll.Node) bool { return nodeFact(n, catalog.FactForwardPolicy) == is })
	}
	const (
		ends = "flanneld lets pods' packets through the FORWARD chain no more (--iptables-forward-rules=false): "
		fix  = "keep agent.iptablesForwardRules, or set the policy to ACCEPT for good (iptables -P FORWARD ACCEPT)"
	)
	var out []Finding
	if nodes := policy("DROP"); len(nodes) > 0 {
		out = append(out, d.unlessAccepted(d.onNodes(forbid(ForwardRulesEnd, "B17",
			ends+"its policy is DROP, so that pods do not reach those of other nodes, on "+few(nodes), fix), nodes))...)
	}
	if nodes := policy(""); len(nodes) > 0 {
		f := d.onNodes(warn(ForwardRulesEnd, "B17",
			ends+"where its policy is DROP, pods do not reach those of other nodes; the policy is not known of "+few(nodes),
			howToTell([]catalog.Fact{catalog.FactForwardPolicy})+fix), nodes)
		f[0].Unknown = []catalog.Fact{catalog.FactForwardPolicy}
		out = append(out, f...)
	}
	return out
}

// hostFolders are what a CNI leaves on the node for others to read, by how the path in the container ends. The path on the
// node is another one on systems that have them elsewhere.
var hostFolders = []struct{ end, holds string }{
	{"/cni/bin", "CNI plugins"}, {"/cni/net.d", "the CNI configuration"}, {"/run/flannel", "what flannel's plugin reads"},
}

// hostFoldersKept : the container runtime goes on looking where it was told to look.
func hostFoldersKept(d decision, before, after catalog.Footprint) []Finding {
	was, okBefore := d.agent(before)
	is, okAfter := d.agent(after)
	if !okBefore || !okAfter {
		return nil
	}
	var changes []string
	for _, f := range hostFolders {
		old, fresh := folders(was, f.end), folders(is, f.end)
		if len(old) > 0 && len(fresh) > 0 && !slices.Equal(old, fresh) {
			changes = append(changes, fmt.Sprintf("%s from %s to %s", f.holds, strings.Join(old, ", "), strings.Join(fresh, ", ")))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return d.unlessAccepted(forbid(FoldersMoved, "B13 B14",
		fmt.Sprintf("the add-on writes to other folders of the node (%s): where the container runtime looks into the old "+
			"ones, nodes that run go on with what lies there, which nobody renews, and on new nodes no pod starts",
			strings.Join(changes, "; ")),
		"keep the folders, or see on a node of each pool that the runtime reads the new ones (bin_dir and conf_dir of "+
			"containerd, plugin_dirs and network_dir of CRI-O)"))
}

// folders of the node that a workload sees at paths of an ending; sorted, each once.
func folders(w catalog.WorkloadFootprint, end string) []string {
	var out []string
	for _, m := range w.HostMounts {
		if strings.HasSuffix(m.At, end) {
			out = append(out, path.Clean(m.Path))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
