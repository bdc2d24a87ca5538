package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/version"
)

// floor is a Kubernetes version below which OKE does not offer something (facts: OKE 1.2, rule 4).
type floor struct {
	what    string
	minimal string
	applies func(decision) bool
	// of is the version that counts.
	of func(decision) version.Version
}

var floors = []floor{
	{"VCN-native pod networking", "1.22", isVCNNative, controlPlane},
	{"VCN-native pod networking on self-managed nodes", "1.27.10", func(d decision) bool { return isVCNNative(d) && d.hasKind(catalog.SelfManaged) }, controlPlane},
	{"self-managed nodes", "1.25", func(d decision) bool { return d.hasKind(catalog.SelfManaged) }, controlPlane},
	{"virtual nodes", "1.25", func(d decision) bool { return d.hasKind(catalog.Virtual) }, controlPlane},
	{"dual-stack networking", "1.29", func(d decision) bool { return len(d.ipFamilies()) > 1 }, controlPlane},
	{"dual-stack networking on every node", "1.29", func(d decision) bool { return len(d.ipFamilies()) > 1 }, oldestKubelet},
}

func isVCNNative(d decision) bool { return d.networkType == catalog.OCIVCNIPNative }

func controlPlane(d decision) version.Version { return d.Cluster.Kubernetes }

// oldestKubelet of the nodes that should run the add-on; zero when none is known.
func oldestKubelet(d decision) version.Version {
	if len(d.kubelets) == 0 {
		return version.Version{}
	}
	return slices.MinFunc(d.kubelets, version.Compare)
}

// hasKind tells whether a node or a pool of the cluster is of a kind.
func (d decision) hasKind(k catalog.NodeKind) bool {
	return slices.ContainsFunc(d.Cluster.Pools, func(p Pool) bool { return p.Kind == k }) ||
		slices.ContainsFunc(d.Nodes, func(n noderoll.Node) bool { return n.Kind == string(k) })
}

// kinds of nodes that the cluster has, sorted, as far as they are known.
func (d decision) kinds() []catalog.NodeKind {
	var out []catalog.NodeKind
	for _, p := range d.Cluster.Pools {
		out = append(out, p.Kind)
	}
	for _, n := range d.Nodes {
		if n.Kind != "" {
			out = append(out, catalog.NodeKind(n.Kind))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// versionFloors holds the floors of OKE, whatever a release's own range says.
func versionFloors(d decision) []Finding {
	var out []Finding
	for _, f := range floors {
		if !f.applies(d) {
			continue
		}
		v := f.of(d)
		if v.IsZero() {
			continue
		}
		limit := version.Filters{Minimal: version.MustParse(f.minimal)}
		if _, ok := limit.Admit(v); !ok {
			b := note(BelowFloor, fmt.Sprintf("Kubernetes %s or later is needed for %s, and %s is here", f.minimal, f.what, v.Core()), "upgrade Kubernetes first")
			b[0].Blocking = d.moves()
			out = append(out, b...)
		}
	}
	return out
}

// clusterType : OKE manages add-on versions on enhanced clusters only; virtual and self-managed nodes need one too (facts: OKE
// 1.2, 2.1, rule 5).
//
//	| type     | driver OKE   | virtual or self-managed nodes | else                     |
//	|----------|--------------|-------------------------------|--------------------------|
//	| basic    | blocks       | contradictory: blocks         | note: edits are reverted |
//	| unknown  | fact unknown | nothing                       | nothing                  |
//	| enhanced | nothing      | nothing                       | nothing                  |
func clusterType(d decision) []Finding {
	told := d.facts[catalog.FactClusterType]
	basic := slices.Contains(told, "basic")
	special := d.hasKind(catalog.Virtual) || d.hasKind(catalog.SelfManaged)
	switch {
	case len(told) == 0 && d.driver() == DriverOKE:
		return unknownFact(catalog.FactClusterType, "OKE manages add-on versions on enhanced clusters only", nil)
	case !basic:
		return nil
	case d.driver() == DriverOKE:
		return block(BasicCluster, "this is a basic cluster: OKE manages add-on versions on enhanced clusters only", "make it an enhanced cluster, or use driver Helm")
	case special:
		return block(FactContradictory, "contradictory fact clusterType: it is said to be basic, and it has virtual or self-managed nodes, which only enhanced clusters have", "find out which is right, and mend the other")
	default:
		return note(BasicCluster, "this is a basic cluster: its CNI is yours to update, and OKE may take back what it did not write", "")
	}
}

// onePoolType : every pool of a cluster has the cluster's network type (facts: OKE 1.1, rule 3).
func onePoolType(d decision) []Finding {
	var others []string
	for _, p := range d.Cluster.Pools {
		if p.NetworkType != "" && d.networkType != "" && p.NetworkType != d.networkType {
			others = append(others, fmt.Sprintf("%s (%s)", p.Name, p.NetworkType))
		}
	}
	if len(others) == 0 {
		return nil
	}
	slices.Sort(others)
	return block(FactContradictory, fmt.Sprintf("contradictory fact networkType: the cluster is %s, and %s: %s",
		d.networkType, count(len(others), "node pool is not", "node pools are not"), few(others)), "find out which is right, and mend the other")
}

// nodeKinds : flannel and Calico do not run on virtual nodes (facts: OKE 1.4, rule 6). Beside a CNI that does, Calico may be
// added for the others.
func nodeKinds(d decision) []Finding {
	var unfit []string
	for _, k := range d.kinds() {
		if d.addOn.Name != "" && !d.addOn.RunsOn(k) {
			unfit = append(unfit, string(k))
		}
	}
	if len(unfit) == 0 {
		return nil
	}
	message := fmt.Sprintf("%s does not run on %s nodes, and the cluster has such", d.addOn.Name, strings.Join(unfit, ", "))
	if d.addOn.NetworkType == "" {
		return note(NodeKindUnfit, message+": no NetworkPolicy holds there", "keep what policies have to protect on other nodes")
	}
	return block(NodeKindUnfit, message, "virtual nodes need a cluster of network type "+string(catalog.OCIVCNIPNative))
}

// renderable refuses what cannot be rendered: nothing is written that was not rendered and looked at first.
func renderable(d decision) []Finding {
	if d.Change.Unrenderable == "" || !d.moves() && d.desired.Settings.Equal(d.Desired.Settings) {
		return nil
	}
	return block(NotRenderable, fmt.Sprintf("%s %s cannot be rendered: %s", d.addOn.Name, d.target.Version, d.Change.Unrenderable),
		"take a build that has the chart; what is decided can be looked at: addonctl plan --network-type … --kubernetes …")
}
