package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// beside tells whether the add-on is no CNI and goes beside the one that runs.
func beside(a catalog.AddOn) bool { return a.Name != "" && a.NetworkType == "" }

// ofOneAddOn are the commands that are about the CNI unless they name another add-on.
var ofOneAddOn = regexp.MustCompile(`\baddonctl (nodes|pin|plan|unpin|update|versions|status)\b`)

// addressed names an add-on beside the CNI in every command that findings advise: without it the CNI would be pinned or moved. The
// advice to see to the CNI first is for the CNI.
func addressed(a catalog.AddOn, fs []Finding) []Finding {
	if !beside(a) {
		return fs
	}
	for i := range fs {
		if fs[i].Reason != CNIFirst {
			fs[i].Fix = ofOneAddOn.ReplaceAllString(fs[i].Fix, "addonctl $1 --addon "+a.Name)
		}
	}
	return fs
}

// besideCNI : Oracle supports Calico beside VCN-native for policy alone, and since 2026 calls it unsupported beside flannel,
// where it has to wire the pods itself (facts: OKE 1.8, CNI A3.3; the design decides to allow it there).
func besideCNI(d decision) []Finding {
	if d.addOn.Name == "" || d.addOn.NetworkType != "" || slices.Contains(d.addOn.Beside, d.networkType) {
		return nil
	}
	message := fmt.Sprintf("%s beside %s is not supported by Oracle (its rule of 2026): it replaces how pods are wired, pods that run now stay as they are and unprotected until they are made anew",
		d.addOn.Name, d.networkType)
	if d.driver() == DriverOKE {
		return block(NotBeside, message, "use it beside "+networkTypeList(d.addOn.Beside))
	}
	return note(NotBeside, message, "a step that cannot be taken back where pods already run; Oracle advises new clusters with "+networkTypeList(d.addOn.Beside))
}

func networkTypeList(types []catalog.NetworkType) string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = string(t)
	}
	return strings.Join(out, ", ")
}

// cniFirst refuses to begin anything beside a CNI that is not ours, or that nodes are still taking: two releases that roll over
// the same nodes at once cannot be told apart when one of them breaks.
//
//	| CNI add-on             | the plan moves | else        |
//	|------------------------|----------------|-------------|
//	| nobody looked          | nothing        | nothing     |
//	| not there, or not ours | blocks         | speaks      |
//	| ours, not settled      | blocks         | nothing     |
//	| ours, settled          | nothing        | nothing     |
func cniFirst(d decision) []Finding {
	cni := d.Cluster.CNI
	if cni == nil || !beside(d.addOn) {
		return nil
	}
	name := string(d.networkType)
	if a, ok := d.Catalog.ForNetworkType(d.networkType); ok {
		name = a.Name
	}
	switch {
	case !cni.Installed:
		f := note(CNIFirst, fmt.Sprintf("%s goes beside the cluster's CNI, and %s is not installed by addonctl", d.addOn.Name, name),
			"install the CNI first: addonctl install --network-type "+string(d.networkType))
		f[0].Blocking = d.moves()
		return f
	case !cni.Settled && d.moves():
		return block(CNIFirst, fmt.Sprintf("%s goes beside the cluster's CNI, and nodes are still taking %s %s", d.addOn.Name, name, cni.Version),
			"finish that first: addonctl status says what is left of it")
	}
	return nil
}
