package catalog

import (
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/version"
)

// Fact names something about a cluster or its nodes that a block or hazard may depend on.
type Fact string

// The facts. Those of nodes have the values of all nodes that should run the add-on.
const (
	// FactKubernetes is the API server's version.
	FactKubernetes Fact = "kubernetes"
	// FactKubelet is the version of a node's kubelet.
	FactKubelet Fact = "kubelet"
	// FactOS is a node's operating system: OL7, OL8, OL9, Ubuntu, or as the node calls it.
	FactOS Fact = "os"
	// FactArchitecture is a node's, such as amd64.
	FactArchitecture Fact = "architecture"
	// FactKernel is a node's kernel version.
	FactKernel Fact = "kernel"
	// FactNodeKind is Managed, SelfManaged or Virtual.
	FactNodeKind Fact = "nodeKind"
	// FactBrNetfilter is "loaded" or "missing" on a node. No kubelet reports it.
	FactBrNetfilter Fact = "brNetfilter"
	// FactIptables is the backend of a node's iptables: nft or legacy. No kubelet reports it.
	FactIptables Fact = "iptables"
	// FactForwardPolicy is the policy of a node's FORWARD chain: ACCEPT or DROP. No kubelet reports it.
	FactForwardPolicy Fact = "forwardPolicy"
	// FactClusterType is OKE's: basic or enhanced.
	FactClusterType Fact = "clusterType"
	// FactRealm is OCI's, such as OC1.
	FactRealm Fact = "realm"
	// FactIPFamilies is IPv4, IPv6 or both.
	FactIPFamilies Fact = "ipFamilies"
	// FactDriver is Helm or OKE: who carries releases to the cluster.
	FactDriver Fact = "driver"
	// FactNetworkType is the cluster's network type.
	FactNetworkType Fact = "networkType"
	// FactKubeProxyMode is iptables, ipvs or nftables.
	FactKubeProxyMode Fact = "kubeProxyMode"
	// FactNetworkPolicies is the number of NetworkPolicy objects.
	FactNetworkPolicies Fact = "networkPolicies"
	// FactAdminNetworkPolicies is the number of AdminNetworkPolicy and BaselineAdminNetworkPolicy objects.
	FactAdminNetworkPolicies Fact = "adminNetworkPolicies"
	// FactTypha is "true" where Felix talks to the API server through Typha, else "false".
	FactTypha Fact = "typha"
	// FactIPsPerVNIC is the largest ipCount of a secondary VNIC profile of VCN-native pods.
	FactIPsPerVNIC Fact = "ipsPerVNIC"
)

// versionFacts have versions as values; only these may be compared with Below and AtLeast.
var versionFacts = []Fact{FactKubernetes, FactKubelet, FactKernel}

// FactNames are all facts, sorted.
func FactNames() []Fact {
	out := []Fact{
		FactAdminNetworkPolicies, FactArchitecture, FactBrNetfilter, FactClusterType, FactDriver, FactForwardPolicy, FactIPFamilies,
		FactIPsPerVNIC, FactIptables, FactKernel, FactKubeProxyMode, FactKubelet, FactKubernetes, FactNetworkPolicies, FactNetworkType,
		FactNodeKind, FactOS, FactRealm, FactTypha,
	}
	slices.Sort(out)
	return out
}

// Values are the values of a fact that has only a few, sorted; nil for the others. The caller must not change them.
func (f Fact) Values() []string { return knownValues[f] }

// Misfit says what is wanted where a value is none that the fact can have, such as "one of legacy, nft"; empty when it can. A
// misspelt value would answer no condition as it was meant.
func (f Fact) Misfit(value string) string {
	known := knownValues[f]
	_, err := factVersion(value)
	switch {
	case len(known) > 0 && !slices.Contains(known, value):
		return "one of " + strings.Join(known, ", ")
	case slices.Contains(countFacts, f) && !number.MatchString(value):
		return "a number such as 0"
	case slices.Contains(versionFacts, f) && err != nil:
		return "a version such as 5.15.0"
	case f == FactRealm && !realmName.MatchString(value):
		return "a realm such as OC1"
	case strings.TrimSpace(value) == "":
		return "a value that is not empty"
	default:
		return ""
	}
}

// Facts are the values seen of each fact. A fact that is missing is unknown; the value "" says that it is unknown for some
// of the nodes.
type Facts map[Fact][]string

// Answer is the answer of a condition: unknown is not no.
type Answer int

// The answers.
const (
	No Answer = iota
	Yes
	Unknown
)

// Condition asks one thing of a fact. With several values, such as one of each node, it holds when it holds for any.
type Condition struct {
	Fact Fact `json:"fact"`
	// In holds for a value of the list, NotIn for one that is not in the list.
	In    []string `json:"in,omitempty"`
	NotIn []string `json:"notIn,omitempty"`
	// Below and AtLeast compare versions.
	Below   version.Version `json:"below,omitzero"`
	AtLeast version.Version `json:"atLeast,omitzero"`
}

// Holds answers a condition. A value that cannot be read is unknown.
func (c Condition) Holds(f Facts) Answer {
	values := f[c.Fact]
	if len(values) == 0 {
		return Unknown
	}
	answer := No
	for _, v := range values {
		switch c.holdsFor(v) {
		case Yes:
			return Yes
		case Unknown:
			answer = Unknown
		case No:
		}
	}
	return answer
}

func (c Condition) holdsFor(value string) Answer {
	switch {
	case value == "":
		return Unknown
	case len(c.In) > 0:
		return answer(slices.Contains(c.In, value))
	case len(c.NotIn) > 0:
		return answer(!slices.Contains(c.NotIn, value))
	}
	v, err := factVersion(value)
	switch {
	case err != nil:
		return Unknown
	case !c.Below.IsZero():
		return answer(v.CompareCore(c.Below) < 0)
	default:
		return answer(v.CompareCore(c.AtLeast) >= 0)
	}
}

// factVersion reads the numbers that a value begins with. What follows them is no matter for a comparison, and a kernel's is
// no build text of any version, as in "5.15.0-302.167.6.el8uek.x86_64".
func factVersion(value string) (version.Version, error) {
	if i := strings.IndexAny(value, "-+"); i >= 0 {
		value = value[:i]
	}
	return version.Parse(value)
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// Conditions hold when each of them does.
type Conditions []Condition

// Hold answers all conditions together; without any the answer is Yes. When it is Unknown, unknown names the facts that
// would have to be known, in the order of the conditions.
func (cs Conditions) Hold(f Facts) (a Answer, unknown []Fact) {
	a = Yes
	for _, c := range cs {
		switch c.Holds(f) {
		case No:
			return No, nil
		case Unknown:
			a = Unknown
			unknown = append(unknown, c.Fact)
		case Yes:
		}
	}
	return a, unknown
}
