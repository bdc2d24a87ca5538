package plan

// The reasons of hazards. A danger that the catalog tells of has its own name as its reason; these are those of the checks in
// hazards.go. docs/findings.md has a line for each.
const (
	// FootprintUnknown : what is live was not recorded, so that nothing can be compared with it.
	FootprintUnknown Reason = "FootprintUnknown"
	// SelectorChanged : a workload's selector differs from the live one.
	SelectorChanged Reason = "SelectorChanged"
	// RoleReferenceChanged : a binding names another role than the live one.
	RoleReferenceChanged Reason = "RoleReferenceChanged"
	// SubjectsLost : a binding forgets an account that the live one has.
	SubjectsLost Reason = "SubjectsLost"
	// SecondAgent : a DaemonSet of another name or namespace takes the live one's place.
	SecondAgent Reason = "SecondAgent"
	// AgentRemoved : the new release has no DaemonSet in the live one's place.
	AgentRemoved Reason = "AgentRemoved"
	// ObjectsLeft : objects of the live release are not part of the new one.
	ObjectsLeft Reason = "ObjectsLeft"
	// RoleTaken : an add-on brings a role of flannel's name.
	RoleTaken Reason = "RoleTaken"
	// ReleaseTooLarge : the record of the release may not fit into a Secret.
	ReleaseTooLarge Reason = "ReleaseTooLarge"
	// DefinitionsMissing : agents read what no definition of the release defines.
	DefinitionsMissing Reason = "DefinitionsMissing"
	// DefinitionsLeft : the new release lacks definitions of the live one.
	DefinitionsLeft Reason = "DefinitionsLeft"
	// StoredVersionDropped : a definition drops a version that objects are stored in.
	StoredVersionDropped Reason = "StoredVersionDropped"
	// NoStorageVersion : a definition does not store in exactly one version.
	NoStorageVersion Reason = "NoStorageVersion"
	// ScopeChanged : a definition's scope differs from the live one.
	ScopeChanged Reason = "ScopeChanged"
	// GrantsMissing : the release does not give its agent what that version is known to need.
	GrantsMissing Reason = "GrantsMissing"
	// GrantsEnd : rights end when the move is settled.
	GrantsEnd Reason = "GrantsEnd"
	// AccountMissing : a workload's service account is not part of the release.
	AccountMissing Reason = "AccountMissing"
	// APIRemoved : the cluster does not serve an API of the release any more.
	APIRemoved Reason = "APIRemoved"
	// APILastMinor : the next Kubernetes minor does not serve an API of the release.
	APILastMinor Reason = "APILastMinor"
	// APINotYetServed : the cluster does not serve an API of the release yet.
	APINotYetServed Reason = "APINotYetServed"
	// WayBackUnserved : the live release is written in an API that the cluster does not serve any more.
	WayBackUnserved Reason = "WayBackUnserved"
	// RegistryMoved : images come from another registry.
	RegistryMoved Reason = "RegistryMoved"
	// RepositoryNew : images come from another repository of a known registry.
	RepositoryNew Reason = "RepositoryNew"
	// HostPortsNew : the release takes ports of nodes that it did not take before.
	HostPortsNew Reason = "HostPortsNew"
	// HostPortReserved : a port of nodes that belongs to Kubernetes itself.
	HostPortReserved Reason = "HostPortReserved"
	// HostPortTwice : two workloads of the release want one port of a node.
	HostPortTwice Reason = "HostPortTwice"
	// SurgeStuck : a new pod cannot stand beside the old one on a node.
	SurgeStuck Reason = "SurgeStuck"
	// NodesLose : nodes may lose the agent.
	NodesLose Reason = "NodesLose"
	// NodesGain : nodes that were kept free of the agent may get it.
	NodesGain Reason = "NodesGain"
	// TaintsNotTolerated : the agent stays away from nodes with other taints than those that it names.
	TaintsNotTolerated Reason = "TaintsNotTolerated"
	// AgentOffHostNetwork : the agent would need the pod network that it makes.
	AgentOffHostNetwork Reason = "AgentOffHostNetwork"
	// AgentPriorityLow : the agent's priority class is not one of the system's.
	AgentPriorityLow Reason = "AgentPriorityLow"
	// NamespaceUnproven : whether a namespace admits the release's pods is not known.
	NamespaceUnproven Reason = "NamespaceUnproven"
	// PluginsNotShipped : the CNI configuration needs plugins that the add-on does not bring.
	PluginsNotShipped Reason = "PluginsNotShipped"
	// HostReadOnly : the nodes' system does not let the add-on write its files.
	HostReadOnly Reason = "HostReadOnly"
	// KubeletSkew : kubelets are ahead of the API server, or more than three minors behind.
	KubeletSkew Reason = "KubeletSkew"
	// NodeBlocksLow : four fifths of the network's blocks for nodes are in use.
	NodeBlocksLow Reason = "NodeBlocksLow"
	// ChainRenamed : the CNI configuration has another name, under which no address is recorded.
	ChainRenamed Reason = "ChainRenamed"
	// TwoConfigurations : nodes have two CNI configurations, of which the first by name counts.
	TwoConfigurations Reason = "TwoConfigurations"
	// ChainNotInstalled : the CNI configuration is written to new nodes no more.
	ChainNotInstalled Reason = "ChainNotInstalled"
	// FoldersMoved : plugins or configuration go to other folders of the node than before.
	FoldersMoved Reason = "FoldersMoved"
	// CNIVersionChanged : the CNI configuration is of another version of the specification.
	CNIVersionChanged Reason = "CNIVersionChanged"
	// NewPodsOnly : only pods that are made anew get the new wiring.
	NewPodsOnly Reason = "NewPodsOnly"
	// AddressPluginChanged : addresses come from another plugin, which does not know those in use.
	AddressPluginChanged Reason = "AddressPluginChanged"
	// NetworkChanged : the network of pods differs from the live one.
	NetworkChanged Reason = "NetworkChanged"
	// Partition : nodes that have moved and nodes that have not do not, or may not, hear each other.
	Partition Reason = "Partition"
	// MasqueradeEnds : the agent masquerades pods' packets no more.
	MasqueradeEnds Reason = "MasqueradeEnds"
	// ForwardRulesEnd : the agent lets pods' packets through the FORWARD chain no more.
	ForwardRulesEnd Reason = "ForwardRulesEnd"
	// MTUNotApplied : a new MTU reaches pods and not the device that exists.
	MTUNotApplied Reason = "MTUNotApplied"
	// RulesMove : rules move from one tool to another.
	RulesMove Reason = "RulesMove"
	// ConfigurationPending : configuration changes that no pod takes before its next restart.
	ConfigurationPending Reason = "ConfigurationPending"
	// ConfigurationMissing : pods read configuration that is not part of the release.
	ConfigurationMissing Reason = "ConfigurationMissing"
	// CrashLoopLooksReady : pods that crash count as Ready.
	CrashLoopLooksReady Reason = "CrashLoopLooksReady"
	// ProbeNew : a workload gets a readiness probe.
	ProbeNew Reason = "ProbeNew"
	// ProbeGone : a workload loses its readiness probe.
	ProbeGone Reason = "ProbeGone"
	// StrategyChanged : somebody else replaces the pods than before.
	StrategyChanged Reason = "StrategyChanged"
	// BatchTooLarge : more than half of the nodes would be without the agent at the same time.
	BatchTooLarge Reason = "BatchTooLarge"
	// WebhookAdded : the release brings an admission webhook.
	WebhookAdded Reason = "WebhookAdded"
	// AggregatedAPIAdded : the release brings an API that is reached through the pod network.
	AggregatedAPIAdded Reason = "AggregatedAPIAdded"
	// HelperJobs : the release brings jobs, which need the pod network.
	HelperJobs Reason = "HelperJobs"
	// TwoNetworks : Calico would make a network beside the cluster's CNI.
	TwoNetworks Reason = "TwoNetworks"
	// PoliciesBlind : Felix does not know the interfaces of the cluster's pods.
	PoliciesBlind Reason = "PoliciesBlind"
	// CalicoSettings : settings that Calico needs beside VCN-native pods are not there.
	CalicoSettings Reason = "CalicoSettings"
	// TokenExpires : nobody renews the token of Calico's CNI configuration.
	TokenExpires Reason = "TokenExpires"
	// FelixIptables : Felix may write rules with another tool than the node.
	FelixIptables Reason = "FelixIptables"
	// FelixNftables : Felix is in nftables mode and kube-proxy may not be.
	FelixNftables Reason = "FelixNftables"
	// PoliciesLive : policies that nobody enforced take effect.
	PoliciesLive Reason = "PoliciesLive"
	// PoliciesEnd : policies are enforced no more.
	PoliciesEnd Reason = "PoliciesEnd"
	// TyphaSkew : Typha changes while most agents are old.
	TyphaSkew Reason = "TyphaSkew"
	// TyphaMissing : Felix is told to use a Typha that the release does not have.
	TyphaMissing Reason = "TyphaMissing"
	// ServedVersionDropped : a definition serves a version no more.
	ServedVersionDropped Reason = "ServedVersionDropped"
	// SchemaNarrowed : a definition has fields no more, or of another type.
	SchemaNarrowed Reason = "SchemaNarrowed"
	// PodRefused : the API server refuses the pods of a workload in a dry run.
	PodRefused Reason = "PodRefused"
	// PodUnchecked : the API server could not be asked whether it admits the pods of a workload.
	PodUnchecked Reason = "PodUnchecked"
	// WebhookDeadlock : pods of the release depend on the answer of a webhook that may need the pod network.
	WebhookDeadlock Reason = "WebhookDeadlock"
	// ImageMissing : the registry does not have an image of the release.
	ImageMissing Reason = "ImageMissing"
	// ImageArchitecture : an image of the release is not there for the architecture of nodes.
	ImageArchitecture Reason = "ImageArchitecture"
	// ImageUnchecked : images of the release could not be looked up.
	ImageUnchecked Reason = "ImageUnchecked"
)
