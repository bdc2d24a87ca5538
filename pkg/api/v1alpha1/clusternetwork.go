package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NetworkType is OKE's cniType. A cluster has one for life: OKE's API has no field to change it, so neither have we.
// +kubebuilder:validation:Enum=OCI_VCN_IP_NATIVE;FLANNEL_OVERLAY
type NetworkType string

// The two network types of OKE.
const (
	OCIVCNIPNative NetworkType = "OCI_VCN_IP_NATIVE"
	FlannelOverlay NetworkType = "FLANNEL_OVERLAY"
)

// IPFamily is an address family as OKE and Kubernetes write it. OKE knows IPv4 alone or IPv4 and IPv6.
// +kubebuilder:validation:Enum=IPv4;IPv6
type IPFamily string

// InCluster is the name of the record of a cluster that is its own hub.
const InCluster = "in-cluster"

// AnnotationNetworkTypeRule of a ClusterNetwork says which rule chose its type when it was recorded, and why; it is missing where somebody gave the
// type outright.
const AnnotationNetworkTypeRule = "addonctl.io/network-type-rule"

// SecretReference names a Secret of the hub.
type SecretReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Connection is how a hub reaches a cluster.
type Connection struct {
	// KubeconfigSecret holds a kubeconfig under the key "value", as Cluster API writes them.
	KubeconfigSecret SecretReference `json:"kubeconfigSecret"`
}

// KubeconfigKey is the key of a kubeconfig in its Secret, as Cluster API has it.
const KubeconfigKey = "value"

// ClusterNetworkSpec fixes how a cluster's pods are networked. The rules below are transition rules on the whole spec,
// not on the fields, because a rule on a field does not run when the field is removed or added again.
//
// +kubebuilder:validation:XValidation:rule="self.networkType == oldSelf.networkType",message="networkType is fixed for the cluster's life: OKE has no way to change it; create a new cluster with the other type"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.ipFamilies) || (has(self.ipFamilies) && self.ipFamilies == oldSelf.ipFamilies)",message="ipFamilies cannot be changed or removed once set"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.podCIDRs) || (has(self.podCIDRs) && self.podCIDRs == oldSelf.podCIDRs)",message="podCIDRs cannot be changed or removed once set"
type ClusterNetworkSpec struct {
	// NetworkType is the cluster's network type. Required, never defaulted: tools disagree on the default.
	NetworkType NetworkType `json:"networkType"`
	// IPFamilies in order of preference; empty means IPv4 alone. Set once.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +listType=atomic
	// +optional
	IPFamilies []IPFamily `json:"ipFamilies,omitempty"`
	// PodCIDRs hold every node's pod CIDR (flannel's Network), at most one per family. Set once.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MaxLength=64
	// +listType=atomic
	// +optional
	PodCIDRs []string `json:"podCIDRs,omitempty"`
	// Paused stops every write to the cluster; looking goes on.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// Connection is how the hub reaches the cluster; without one the cluster is its own hub.
	// +optional
	Connection *Connection `json:"connection,omitempty"`
}

// ClusterNetworkStatus is what was seen of the cluster's network type.
type ClusterNetworkStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Manager that drives the cluster's add-ons, as "namespace/name" of its Lease in the hub; empty while none does. While that Lease is
	// held, addonctl's verbs write what is wanted and watch.
	// +optional
	Manager string `json:"manager,omitempty"`
	// KubernetesVersion of its API server, as it was seen last.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// UID of its namespace kube-system, which stands for the cluster's identity.
	// +optional
	UID string `json:"uid,omitempty"`
	// Away is since when nobody answers; it is missing while somebody does.
	// +optional
	Away *metav1.Time `json:"away,omitempty"`
	// Conditions follow kstatus: Ready always; Reachable beside it where a manager drives the cluster.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClusterNetwork is one cluster and its network type, immutable for life. It is cluster-scoped; a cluster that is its
// own hub has one of the name "in-cluster".
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=cnet
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.networkType`
// +kubebuilder:printcolumn:name="Kubernetes",type=string,JSONPath=`.status.kubernetesVersion`
// +kubebuilder:printcolumn:name="Reachable",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].status`
// +kubebuilder:printcolumn:name="Paused",type=boolean,JSONPath=`.spec.paused`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Away",type=date,priority=1,JSONPath=`.status.away`
// +kubebuilder:printcolumn:name="Manager",type=string,priority=1,JSONPath=`.status.manager`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Reachable")].message`
type ClusterNetwork struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is required: without it the transition rules could be stepped around.
	Spec   ClusterNetworkSpec   `json:"spec"`
	Status ClusterNetworkStatus `json:"status,omitempty"`
}

// ClusterNetworkList is a list of ClusterNetworks.
// +kubebuilder:object:root=true
type ClusterNetworkList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterNetwork `json:"items"`
}
