package observe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// annotationFact is the beginning of the annotations on a node that tell what no kubelet reports. An operator, or a probe
// of theirs, writes them: facts.addonctl.io/brNetfilter: loaded. They are believed; what they leave out is unknown.
const annotationFact = "facts.addonctl.io/"

// labelSelfManaged is on self-managed nodes (facts: OKE 1.4). No label of virtual nodes is documented.
const labelSelfManaged = "oci.oraclecloud.com/node.info.byon"

// annotated are the facts that annotations may tell.
var annotated = []catalog.Fact{catalog.FactBrNetfilter, catalog.FactForwardPolicy, catalog.FactIptables, catalog.FactNodeKind}

// reported are the facts that kubelets report. An annotation that tells them too has to say the same.
var reported = map[catalog.Fact]func(corev1.NodeSystemInfo) string{
	catalog.FactArchitecture: func(i corev1.NodeSystemInfo) string { return i.Architecture },
	catalog.FactKernel:       func(i corev1.NodeSystemInfo) string { return i.KernelVersion },
	catalog.FactKubelet:      func(i corev1.NodeSystemInfo) string { return i.KubeletVersion },
}

// facts reads what is known of the cluster as a whole. How many NetworkPolicies there are is told by the first page of a
// list, in which only one of them comes. A server that does not say, or does not let us ask, leaves it unknown.
func (o *Observer) facts(ctx context.Context, in *plan.Input) error {
	list, err := o.Target.Typed.NetworkingV1().NetworkPolicies(metav1.NamespaceAll).List(ctx, metav1.ListOptions{Limit: 1})
	if refused(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("counting NetworkPolicies: %w", err)
	}
	if n, known := total(list, len(list.Items)); known {
		fact(in, catalog.FactNetworkPolicies, strconv.FormatInt(n, 10))
	}
	return nil
}

// kindSource is somebody who tells a node's kind.
type kindSource struct {
	kind catalog.NodeKind
	says string
}

// kindSources are all that tell a node's kind:
//
//	| what it carries                                  | kind        |
//	|--------------------------------------------------|-------------|
//	| annotation facts.addonctl.io/nodeKind            | its value   |
//	| label …/node.info.byon=true                      | SelfManaged |
//	| the provider ID of a virtual node                | Virtual     |
//	| none of them, and the provider ID of an instance | Managed     |
//
// A provider ID is an OCID, which names the type of its resource. Self-managed nodes are instances too.
func kindSources(n *corev1.Node) []kindSource {
	var out []kindSource
	if kind, ok := annotation(n, catalog.FactNodeKind); ok {
		out = append(out, kindSource{catalog.NodeKind(kind), "is annotated " + kind})
	}
	if n.Labels[labelSelfManaged] == "true" {
		out = append(out, kindSource{catalog.SelfManaged, "is labelled as a self-managed node"})
	}
	ocid := strings.TrimPrefix(n.Spec.ProviderID, "oci://")
	switch {
	case strings.HasPrefix(ocid, "ocid1.virtualnode."):
		out = append(out, kindSource{catalog.Virtual, "has the provider ID of a virtual node"})
	case strings.HasPrefix(ocid, "ocid1.instance.") && len(out) == 0:
		out = append(out, kindSource{catalog.Managed, "has the provider ID of an instance"})
	}
	return out
}

// nodeKind is a node's kind when somebody tells it and nobody else tells another one.
func nodeKind(n *corev1.Node) catalog.NodeKind {
	sources := kindSources(n)
	if len(sources) == 0 || slices.ContainsFunc(sources, otherThan(sources[0])) {
		return ""
	}
	return sources[0].kind
}

func otherThan(s kindSource) func(kindSource) bool {
	return func(t kindSource) bool { return t.kind != s.kind }
}

// annotation is a fact that an annotation tells in a word that conditions know.
func annotation(n *corev1.Node, f catalog.Fact) (string, bool) {
	value, ok := n.Annotations[annotationFact+string(f)]
	return value, ok && f.Misfit(value) == ""
}

// nodeFacts are the facts that only annotations tell; nil when there are none.
func nodeFacts(n *corev1.Node) map[string]string {
	var out map[string]string
	for _, f := range annotated {
		value, ok := annotation(n, f)
		if !ok || f == catalog.FactNodeKind {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[string(f)] = value
	}
	return out
}

// contradictions are what a node tells otherwise than the cluster, the record, or another part of itself; in no order.
func contradictions(n *corev1.Node, c *plan.Cluster) []string {
	var out []string
	tell := func(f catalog.Fact, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s: %s", f, fmt.Sprintf(format, args...)))
	}
	kubelet, err := version.Parse(n.Status.NodeInfo.KubeletVersion)
	// A newer patch is allowed; a newer minor is not (facts: CNI C3).
	if err == nil && !c.Kubernetes.IsZero() && kubelet.Minor().Compare(c.Kubernetes.Minor()) > 0 {
		tell(catalog.FactKubelet, "%s runs %s, newer than the API server's %s", n.Name, kubelet.Core(), c.Kubernetes.Core())
	}
	if label, told := n.Labels[corev1.LabelArchStable], n.Status.NodeInfo.Architecture; label != "" && told != "" && label != told {
		tell(catalog.FactArchitecture, "%s is labelled %s, and its kubelet reports %s", n.Name, label, told)
	}
	kinds := kindSources(n)
	if len(kinds) > 0 {
		if i := slices.IndexFunc(kinds, otherThan(kinds[0])); i > 0 {
			tell(catalog.FactNodeKind, "%s %s, and it %s", n.Name, kinds[0].says, kinds[i].says)
		}
	}
	annotations(n, tell)
	families(n, c.IPFamilies, tell)
	return out
}

// annotations tells of those that say a word that conditions do not know, or what the kubelet says otherwise.
func annotations(n *corev1.Node, tell func(catalog.Fact, string, ...any)) {
	for _, f := range annotated {
		value, ok := n.Annotations[annotationFact+string(f)]
		if want := f.Misfit(value); ok && want != "" {
			tell(f, "%s is annotated %q, and it can only be %s", n.Name, value, want)
		}
	}
	for f, of := range reported {
		if value, ok := n.Annotations[annotationFact+string(f)]; ok && value != of(n.Status.NodeInfo) {
			tell(f, "%s is annotated %q, and its kubelet reports %q", n.Name, value, of(n.Status.NodeInfo))
		}
	}
}

// families compares a node's pod CIDRs with the families of the record. A record that names none says nothing, and a node
// without any pod CIDR has not got its own yet, or needs none.
func families(n *corev1.Node, recorded []string, tell func(catalog.Fact, string, ...any)) {
	if len(recorded) == 0 || len(n.Spec.PodCIDRs) == 0 {
		return
	}
	record := strings.Join(recorded, " and ")
	var seen []string
	for _, cidr := range n.Spec.PodCIDRs {
		f := family(cidr)
		seen = append(seen, f)
		if f != "" && !slices.Contains(recorded, f) {
			tell(catalog.FactIPFamilies, "the record says %s, %s has the pod CIDR %s", record, n.Name, cidr)
		}
	}
	for _, f := range recorded {
		if !slices.Contains(seen, f) {
			tell(catalog.FactIPFamilies, "the record says %s, %s has no pod CIDR of %s", record, n.Name, f)
		}
	}
}

// family of an address block; empty when it is none.
func family(cidr string) string {
	p, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil:
		return ""
	case p.Addr().Is4():
		return string(corev1.IPv4Protocol)
	default:
		return string(corev1.IPv6Protocol)
	}
}
