package plan

import (
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// networks are flannel's configurations in two renders; false unless both have one.
func networks(before, after catalog.Footprint) (was, is catalog.NetConf, ok bool) {
	if before.Network == nil || after.Network == nil {
		return was, is, false
	}
	return *before.Network, *after.Network, true
}

// networkKept : pods keep their addresses, and nodes their blocks.
func networkKept(_ decision, before, after catalog.Footprint) []Finding {
	was, is, ok := networks(before, after)
	if !ok || len(missing(was.Networks, is.Networks)) == 0 && len(missing(is.Networks, was.Networks)) == 0 {
		return nil
	}
	return forbid(NetworkChanged, "B32",
		fmt.Sprintf("the network of pods goes from %s to %s: pods and nodes keep the addresses that they have, and lie "+
			"outside of it on every node",
			strings.Join(was.Networks, ", "), strings.Join(is.Networks, ", ")), "keep the network; another one needs another cluster")
}

// backendKept : two nodes hear each other only while both have the same backend. Packets were seen to be lost for 10 to 27 s
// between each pair of nodes in a cluster of three, longer in a bigger one, while pods were Ready and the roll-out successful.
func backendKept(d decision, before, after catalog.Footprint) []Finding {
	was, is, ok := networks(before, after)
	changes := backendChanges(was, is)
	if !ok || len(changes) == 0 || d.agents() < 2 {
		return nil
	}
	return d.unlessAccepted(forbid(Partition, "A1.8 B20",
		fmt.Sprintf("flannel's backend changes (%s): nodes that have moved and nodes that have not do not hear each other, "+
			"so that each pair of the %d nodes is cut while only one of the two has moved (10 to 27 s were seen in a cluster of "+
			"three), and every signal stays green", strings.Join(changes, ", "), d.agents()),
		"keep the backend, or plan a window, move the nodes as fast as they can and watch packets, not pods"))
}

// backendChanges names what of the backend differs and cuts nodes off from each other.
func backendChanges(was, is catalog.NetConf) []string {
	if was.Backend != is.Backend {
		return []string{fmt.Sprintf("Type %s to %s", called(was.Backend), called(is.Backend))}
	}
	var out []string
	add := func(what string, differs bool, was, is any) {
		if differs {
			out = append(out, fmt.Sprintf("%s %v to %v", what, was, is))
		}
	}
	add("VNI", was.VNI != is.VNI, was.VNI, is.VNI)
	add("Port", was.Port != is.Port, was.Port, is.Port)
	add("ListenPortV6", was.PortV6 != is.PortV6, was.PortV6, is.PortV6)
	add("Mode", was.Mode != is.Mode, was.Mode, is.Mode)
	add("GBP", was.GBP != is.GBP, was.GBP, is.GBP)
	add("DirectRouting", was.DirectRouting != is.DirectRouting, was.DirectRouting, is.DirectRouting)
	return out
}

// mtuKept : flannel writes the new MTU for new pods and leaves the device as it is.
func mtuKept(_ decision, before, after catalog.Footprint) []Finding {
	was, is, ok := networks(before, after)
	if !ok || was.MTU == is.MTU {
		return nil
	}
	return warn(MTUNotApplied, "B30",
		fmt.Sprintf("the MTU goes from %s to %s: new pods get it and the nodes' devices keep theirs, so that small "+
			"packets pass and large ones vanish, on every node, without a sign",
			mtu(was.MTU), mtu(is.MTU)),
		fmt.Sprintf("reboot each node when it has moved, or delete its device (flannel.%d with VXLAN); send full-size "+
			"packets to see", is.VNI))
}

func mtu(n int) string {
	if n == 0 {
		return "the underlay's"
	}
	return fmt.Sprint(n)
}

// cleansOther is the first flannel that cleans the rules of the other mode when it starts (facts: CNI A1.7).
var cleansOther = version.MustParse("0.27.0")

// rulesBackendKept : the rules of pods' traffic move from one tool to the other.
func rulesBackendKept(d decision, before, after catalog.Footprint) []Finding {
	was, is, ok := networks(before, after)
	if !ok || was.NFTables == is.NFTables {
		return nil
	}
	effect := "for a moment there are none, and pods on that node do not get out"
	if d.target.Version.Less(cleansOther) {
		effect = fmt.Sprintf("%s does not remove the others, so that both stay in force", d.target.Version)
	}
	return warn(RulesMove, "B18",
		fmt.Sprintf("EnableNFTables goes from %t to %t: each node writes its rules anew with the other tool when it "+
			"moves; %s", was.NFTables, is.NFTables, effect),
		"look at the rules of the first node (nft list ruleset, iptables-save) before the second; a reboot cleans up")
}
