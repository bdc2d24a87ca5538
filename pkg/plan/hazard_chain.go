package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// chains of two renders; false unless both put one on nodes.
func chains(before, after catalog.Footprint) (was, is catalog.CNIChain, ok bool) {
	if before.Chain == nil || after.Chain == nil {
		return was, is, false
	}
	return *before.Chain, *after.Chain, true
}

// chainNameKept : host-local records addresses in a folder of the chain's name, so another name forgets every address in use.
func chainNameKept(d decision, before, after catalog.Footprint) []Finding {
	was, is, ok := chains(before, after)
	if !ok || was.Name == is.Name {
		return nil
	}
	return d.unlessAccepted(forbid(ChainRenamed, "B40",
		fmt.Sprintf("the CNI configuration goes from the name %s to %s: every node forgets which addresses are in use and "+
			"gives them out twice",
			was.Name, is.Name), "keep the name; where it has to change, drain each node before it moves"))
}

// chainFileKept : runtimes take the first file of /etc/cni/net.d by name, and nothing removes the old one.
func chainFileKept(_ decision, before, after catalog.Footprint) []Finding {
	was, is, ok := chains(before, after)
	if !ok || was.File == is.File || was.File == "" || is.File == "" {
		return nil
	}
	effect := fmt.Sprintf("%s comes first by name, so new pods take the new one at once and the old one waits for a "+
		"way back", is.File)
	if was.File < is.File {
		effect = fmt.Sprintf("%s comes first by name, so pods go on with the old one and the new one has no effect", was.File)
	}
	return warn(TwoConfigurations, "B15",
		fmt.Sprintf("the CNI configuration goes from the file %s to %s, and every node keeps both: %s", was.File, is.File, effect),
		"keep the name of the file, or remove the old one from each node when it has moved")
}

// chainInstalled : what no release writes any more stays as it is on the nodes that have it, and new ones have nothing.
func chainInstalled(d decision, before, after catalog.Footprint) []Finding {
	was, is := before.Chain, after.Chain
	if was == nil || is != nil && (is.File != "" || was.File == "") {
		return nil
	}
	file := "CNI configuration"
	if was.File != "" {
		file += " " + was.File
	}
	return d.unlessAccepted(forbid(ChainNotInstalled, "B46",
		fmt.Sprintf("nothing in the new release is seen to write the %s any more: nodes that have it keep it as it is, and "+
			"on new nodes no pod starts unless somebody else writes one", file),
		"let the add-on install it (flannel: skipCNIConfigInstallation false), or see that something else does, on every node"))
}

// chainMTUKept : an MTU in the chain is for interfaces that are made.
func chainMTUKept(_ decision, before, after catalog.Footprint) []Finding {
	was, is, ok := chains(before, after)
	if !ok || was.MTU == is.MTU {
		return nil
	}
	return warn(NewPodsOnly, "B30 A1.8",
		fmt.Sprintf("the MTU of pods goes from %s to %s: pods that run keep theirs, on every node, until they are made anew, "+
			"and where the new one is above what the nodes' network carries, small packets of new pods pass and large ones vanish",
			podMTU(was.MTU), podMTU(is.MTU)),
		"see that the nodes' network carries it (full-size packets between new pods of two nodes), and restart the workloads when "+
			"the move is settled")
}

func podMTU(n int) string {
	if n == 0 {
		return "none that is written"
	}
	return fmt.Sprint(n)
}

// configurationFiles are the files that CNIs write, by the names that observers give them (facts: CNI A1.1, A3.4, A4.3, B15).
var configurationFiles = map[string]string{
	"flannel": "10-flannel.conflist", "vcn-native": "10-oci.conflist", "calico": "10-calico.conflist",
	"cilium": "05-cilium.conflist",
}

// chainAlone : an add-on beside the cluster's CNI that brings a configuration of its own puts a second one on every node.
func chainAlone(d decision, before, after catalog.Footprint) []Finding {
	if after.Chain == nil || before.Chain != nil || d.addOn.NetworkType != "" {
		return nil
	}
	var out []Finding
	for _, cni := range d.Cluster.CNIs {
		file, known := configurationFiles[cni.Plugin]
		if !known || file == after.Chain.File {
			continue
		}
		effect := "new pods are wired by the new one, and the pods that run stay as they are"
		if after.Chain.File == "" || file < after.Chain.File {
			effect = "new pods may still be wired by " + cni.Plugin
		}
		out = append(out, warn(TwoConfigurations, "B15",
			fmt.Sprintf("%s puts its own CNI configuration %s beside %s of %s on every node, and the first by name counts: %s",
				d.addOn.Name, after.Chain.File, file, cni.Plugin, effect), "decide which one shall count, and make every pod "+
				"anew after the last node has moved")...)
	}
	return out
}

// cniVersionKept : what a pod was made by it has to be deleted by.
func cniVersionKept(_ decision, before, after catalog.Footprint) []Finding {
	was, is, ok := chains(before, after)
	if !ok || was.Version == is.Version {
		return nil
	}
	return warn(CNIVersionChanged, "B33",
		fmt.Sprintf("cniVersion goes from %s to %s: where a plugin or the runtime of a node does not know it, no pod "+
			"starts there and none can be deleted",
			was.Version, is.Version), "see that the plugins in /opt/cni/bin of every pool know it, and make and delete a pod "+
			"on the first node before the second")
}

// chainPluginsKept : pods keep the wiring that they were made with.
func chainPluginsKept(_ decision, before, after catalog.Footprint) []Finding {
	was, is, ok := chains(before, after)
	if !ok || slices.Equal(was.Plugins, is.Plugins) {
		return nil
	}
	return warn(NewPodsOnly, "A1.8",
		fmt.Sprintf("the chain of CNI plugins goes from %s to %s: pods that run keep the old wiring, on every node, until "+
			"they are made anew",
			strings.Join(was.Plugins, ", "), strings.Join(is.Plugins, ", ")), "restart the workloads, or drain the nodes one "+
			"by one, when the move is settled")
}

// addressPluginKept : another address plugin begins with an empty book.
func addressPluginKept(d decision, before, after catalog.Footprint) []Finding {
	was, is, ok := chains(before, after)
	if !ok || was.IPAM == is.IPAM {
		return nil
	}
	return d.unlessAccepted(forbid(AddressPluginChanged, "B39 B40",
		fmt.Sprintf("addresses come from %s and no more from %s, which knows nothing of those in use: every node gives "+
			"them out twice",
			called(is.IPAM), called(was.IPAM)), "keep the address plugin; where it has to change, drain each node before it moves"))
}

func called(plugin string) string {
	if plugin == "" {
		return "no plugin that is named"
	}
	return plugin
}
