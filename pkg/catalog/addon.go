package catalog

import (
	"slices"

	"github.com/addonctl/addonctl/pkg/version"
)

// AddOn is one add-on with all its releases.
type AddOn struct {
	// Name is the API's name, such as "Flannel".
	Name string
	// NetworkType is the type this add-on is the CNI of; empty for an add-on
	// that is no cluster's CNI, such as Calico for policy only.
	NetworkType NetworkType
	// Chart names the folder of the chart that all releases share.
	Chart string
	// Release is the name of the Helm release on the cluster.
	Release string
	// Workload is what carries the add-on on the nodes.
	Workload Workload
	// NodeKinds are the kinds of nodes the add-on can run on, sorted.
	NodeKinds []NodeKind
	// Beside are the network types of the clusters that an add-on which is no CNI may be added to; sorted.
	Beside []NetworkType
	// Rules of moving between releases.
	Rules Rules
	// Releases are sorted, newest first.
	Releases []Release
	// Blocks close moves, sorted by name.
	Blocks []Block
	// Hazards are known dangers of moves, sorted by name.
	Hazards []Hazard
}

// Workload points at the object whose pods are the add-on's agents.
type Workload struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	// Container is the agent's container, the one whose image tells what runs.
	Container string `json:"container"`
}

// NodeKind is a kind of OKE node pool (facts: OKE 1.4).
type NodeKind string

// The kinds of nodes.
const (
	// Managed nodes are instances that OKE creates and replaces.
	Managed NodeKind = "Managed"
	// SelfManaged nodes are instances the operator brings; OKE's API does not list them.
	SelfManaged NodeKind = "SelfManaged"
	// Virtual nodes run no DaemonSets and no flannel.
	Virtual NodeKind = "Virtual"
)

// In is the add-on with its objects and its release in another namespace; an empty one changes nothing.
func (a AddOn) In(namespace string) AddOn {
	if namespace != "" {
		a.Workload.Namespace = namespace
	}
	return a
}

// Find returns the release that compares equal to v, so that "v0.26.2" finds
// "0.26.2".
func (a AddOn) Find(v version.Version) (Release, bool) {
	for _, r := range a.Releases {
		if r.Version.Equal(v) {
			return r, true
		}
	}
	return Release{}, false
}

// OnNetworkTypes are the network types whose clusters the add-on may be put on: its own, or for one that is no CNI every
// type, whether supported there or not.
func (a AddOn) OnNetworkTypes() []NetworkType {
	if a.NetworkType != "" {
		return []NetworkType{a.NetworkType}
	}
	return NetworkTypes()
}

// RunsOn tells whether the add-on can run on nodes of a kind.
func (a AddOn) RunsOn(k NodeKind) bool {
	return slices.Contains(a.NodeKinds, k)
}
