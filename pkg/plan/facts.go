package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// factsOf gathers what is known of the cluster and of the nodes that should run the add-on. Nothing is guessed: what nobody
// has told is missing, and a fact that only some nodes tell has the value "" among its others.
func factsOf(in Input, networkType catalog.NetworkType) catalog.Facts {
	facts := maps.Clone(in.Cluster.Facts)
	if facts == nil {
		facts = catalog.Facts{}
	}
	tell(facts, catalog.FactKubernetes, in.Cluster.Kubernetes.String())
	tell(facts, catalog.FactNetworkType, string(networkType))
	tell(facts, catalog.FactDriver, string(in.driver()))
	facts[catalog.FactIPFamilies] = in.ipFamilies()
	for _, f := range NodeFacts {
		if values := distinct(in.Nodes, f); len(values) > 0 {
			facts[f] = values
		}
	}
	return facts
}

func tell(facts catalog.Facts, f catalog.Fact, value string) {
	if value != "" {
		facts[f] = []string{value}
	}
}

// driver in force: Helm when nothing else is recorded.
func (in Input) driver() Driver {
	if in.Cluster.Driver == "" {
		return DriverHelm
	}
	return in.Cluster.Driver
}

// ipFamilies in force: IPv4 alone when nothing else is recorded, as OKE does (facts: OKE 1.9).
func (in Input) ipFamilies() []string {
	if len(in.Cluster.IPFamilies) == 0 {
		return []string{"IPv4"}
	}
	return in.Cluster.IPFamilies
}

// NodeFacts are the facts that a node has of its own.
var NodeFacts = []catalog.Fact{
	catalog.FactKubelet, catalog.FactOS, catalog.FactArchitecture, catalog.FactKernel, catalog.FactNodeKind,
	catalog.FactBrNetfilter, catalog.FactIptables, catalog.FactForwardPolicy,
}

// nodeFact is one fact of one node; empty when the node has not told.
func nodeFact(n noderoll.Node, f catalog.Fact) string {
	switch f {
	case catalog.FactKubelet:
		return n.KubeletVersion
	case catalog.FactOS:
		return osFamily(n.OSImage)
	case catalog.FactArchitecture:
		return n.Architecture
	case catalog.FactKernel:
		return kernel(n.Kernel).String()
	case catalog.FactNodeKind:
		return n.Kind
	default:
		return n.Facts[string(f)]
	}
}

// distinct are the values of a fact over the nodes that should run the add-on, sorted, "" among them when some do not tell; nil
// when none does. Nodes that follow each other mostly tell the same.
func distinct(nodes []noderoll.Node, f catalog.Fact) []string {
	var out []string
	for _, n := range nodes {
		if n.Exempt != "" {
			continue
		}
		if value := nodeFact(n, f); len(out) == 0 || out[len(out)-1] != value {
			out = append(out, value)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) == 1 && out[0] == "" {
		return nil
	}
	return out
}

// osFamily shortens what kubelets report ("Oracle Linux Server 8.10", "Ubuntu 22.04.5 LTS") to the word that conditions use
// ("OL8", "Ubuntu"). What it does not know stays as it is.
func osFamily(image string) string {
	if strings.HasPrefix(image, "Ubuntu ") {
		return "Ubuntu"
	}
	rest, oracle := strings.CutPrefix(image, "Oracle Linux Server ")
	if !oracle {
		return image
	}
	major, _, _ := strings.Cut(rest, ".")
	return "OL" + major
}
