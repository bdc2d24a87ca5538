package catalog

// Footprint is what one render of a release puts on a cluster, as far as hazards are judged by it. Package render extracts
// it; two of them, before and after, tell what a move changes. All lists are sorted, so that equal renders have equal
// footprints.
type Footprint struct {
	// Objects as "Kind namespace/name", or "Kind name" where there is no namespace.
	Objects []string `json:"objects,omitempty"`
	// APIs as "apps/v1 DaemonSet".
	APIs []string `json:"apis,omitempty"`
	// Workloads are the DaemonSets and Deployments, by kind and name.
	Workloads []WorkloadFootprint `json:"workloads,omitempty"`
	// Bindings are the ClusterRoleBindings and RoleBindings.
	Bindings []Binding `json:"bindings,omitempty"`
	// Grants are the rights that service accounts get, expanded: "kube-system/flannel: get nodes", with the API group behind
	// the resource unless it is the core one ("list daemonsets.apps") and a resource's name in brackets.
	Grants []string `json:"grants,omitempty"`
	// Definitions are the CustomResourceDefinitions.
	Definitions []Definition `json:"definitions,omitempty"`
	// Network is the render's net-conf.json; nil for an add-on without one.
	Network *NetConf `json:"network,omitempty"`
	// Chain is the CNI configuration that the add-on puts on nodes; nil for one that puts none there.
	Chain *CNIChain `json:"chain,omitempty"`
	// Bytes of the manifest text.
	Bytes int `json:"bytes,omitempty"`
}

// WorkloadFootprint is a DaemonSet or Deployment.
type WorkloadFootprint struct {
	Kind           string            `json:"kind"`
	Namespace      string            `json:"namespace"`
	Name           string            `json:"name"`
	Selector       map[string]string `json:"selector,omitempty"`
	ServiceAccount string            `json:"serviceAccount,omitempty"`
	HostNetwork    bool              `json:"hostNetwork,omitempty"`
	PriorityClass  string            `json:"priorityClass,omitempty"`
	// HostPorts that its pods listen on: container ports of pods in the host's network, and hostPorts.
	HostPorts []int `json:"hostPorts,omitempty"`
	// Images of all containers, init containers too, each once.
	Images []string `json:"images,omitempty"`
	// Tolerations as "key=value:effect", "key:effect", or ":effect" for every key; an empty effect is every effect.
	Tolerations []string `json:"tolerations,omitempty"`
	// NodeSelector and the required node affinity, as canonical JSON; empty when every node is meant.
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	NodeAffinity string            `json:"nodeAffinity,omitempty"`
	// Configuration are the ConfigMaps and Secrets that its pods read, as "ConfigMap name".
	Configuration []string `json:"configuration,omitempty"`
	// Env of all containers with plain values; the main container's value counts where names collide.
	Env map[string]string `json:"env,omitempty"`
	// Args are the flags of the main container's command line as "name=value", sorted by name. Those of one name keep their
	// order, which may have a meaning; a flag without a value is true.
	Args []string `json:"args,omitempty"`
	// HostMounts are the places of the node that its containers see, each once.
	HostMounts []HostMount `json:"hostMounts,omitempty"`
	// Template is a digest of the pod template.
	Template string `json:"template,omitempty"`
	// Strategy is RollingUpdate, OnDelete or Recreate; MaxUnavailable and MaxSurge as written.
	Strategy       string `json:"strategy,omitempty"`
	MaxUnavailable string `json:"maxUnavailable,omitempty"`
	MaxSurge       string `json:"maxSurge,omitempty"`
	// MinReadySeconds that a pod must be Ready for before it counts as available.
	MinReadySeconds int `json:"minReadySeconds,omitempty"`
	// ReadinessProbe is true when the main container has one.
	ReadinessProbe bool `json:"readinessProbe,omitempty"`
}

// HostMount is a folder or file of the node in a container.
type HostMount struct {
	// At is its path in the container, Path the one on the node.
	At   string `json:"at"`
	Path string `json:"path"`
}

// Binding ties a role to subjects. Its role cannot be changed once it exists.
type Binding struct {
	// Name as "ClusterRoleBinding flannel".
	Name string `json:"name"`
	// Role as "ClusterRole flannel".
	Role     string   `json:"role"`
	Subjects []string `json:"subjects,omitempty"`
}

// Definition is a CustomResourceDefinition.
type Definition struct {
	Name  string `json:"name"`
	Scope string `json:"scope"`
	// Served are the versions served, Storage the one that is stored.
	Served  []string `json:"served,omitempty"`
	Storage string   `json:"storage"`
	// Unserved are the versions that it has and does not serve: objects may still be stored in them.
	Unserved []string `json:"unserved,omitempty"`
	// Stored are the versions that the cluster says objects may be stored in; only of a definition that is live.
	Stored []string `json:"stored,omitempty"`
}

// NetConf is flannel's network configuration (facts: CNI A1.4).
type NetConf struct {
	// Networks are Network and IPv6Network, as far as given.
	Networks []string `json:"networks,omitempty"`
	Backend  string   `json:"backend,omitempty"`
	VNI      int      `json:"vni,omitempty"`
	Port     int      `json:"port,omitempty"`
	// PortV6 and Mode are wireguard's alone.
	PortV6        int    `json:"portV6,omitempty"`
	Mode          string `json:"mode,omitempty"`
	MTU           int    `json:"mtu,omitempty"`
	GBP           bool   `json:"gbp,omitempty"`
	DirectRouting bool   `json:"directRouting,omitempty"`
	NFTables      bool   `json:"nftables,omitempty"`
}

// CNIChain is a CNI network configuration list.
type CNIChain struct {
	// File on the node, such as 10-flannel.conflist; empty when the render does not tell.
	File    string `json:"file,omitempty"`
	Name    string `json:"name"`
	Version string `json:"cniVersion"`
	// Plugins by type, in order.
	Plugins []string `json:"plugins,omitempty"`
	// IPAM is the type of the address plugin, wherever it is named in the chain.
	IPAM string `json:"ipam,omitempty"`
	// MTU of the pods' interfaces, as the first plugin that names one has it; 0 when none does.
	MTU int `json:"mtu,omitempty"`
}
