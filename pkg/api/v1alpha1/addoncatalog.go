package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Recall takes a release back everywhere: nothing is begun that goes to it, rolls to it stop at the node, and clusters that run it move
// away as far as a path leads.
type Recall struct {
	// Addon is OKE's name of the add-on, such as Flannel.
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9]*$`
	// +kubebuilder:validation:MaxLength=63
	Addon string `json:"addon"`
	// Version of the release.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version"`
	// Reason in a sentence; it is what every cluster that is concerned will say.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
	// By is who recalled it.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	By string `json:"by,omitempty"`
	// At is when.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// AddonCatalogSpec says where releases come from. Exactly one source is given.
//
// +kubebuilder:validation:XValidation:rule="(has(self.builtIn) && self.builtIn ? 1 : 0) + (has(self.directory) ? 1 : 0) + (has(self.oci) ? 1 : 0) + (has(self.url) ? 1 : 0) == 1",message="give exactly one source: builtIn: true, directory, oci, or url"
// +kubebuilder:validation:XValidation:rule="!has(self.url) || has(self.keys)",fieldPath=".keys",reason=FieldValueRequired,message="what a web server gives has to be signed: give the public keys"
// +kubebuilder:validation:XValidation:rule="!has(self.oci) || has(self.keys) || self.oci.contains('@sha256:')",fieldPath=".keys",reason=FieldValueRequired,message="a tag can be moved: give the digest (@sha256:...), or the public keys that sign what it leads to"
// +kubebuilder:validation:XValidation:rule="!has(self.keys) || has(self.oci) || has(self.url)",fieldPath=".keys",message="keys are for oci and url"
type AddonCatalogSpec struct {
	// BuiltIn is the catalog that the manager was built with.
	// +optional
	BuiltIn bool `json:"builtIn,omitempty"`
	// Directory that the manager reads, such as a mounted volume. It is read again when it has changed.
	// +kubebuilder:validation:Pattern=`^/`
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Directory string `json:"directory,omitempty"`
	// OCI is an artifact in a registry: oci://HOST/REPOSITORY[:TAG][@sha256:DIGEST]. Without a digest it is asked for again and again, and needs
	// keys.
	// +kubebuilder:validation:Pattern=`^oci://[^/@\s]+/[^@\s]+(@sha256:[0-9a-f]{64})?$`
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	OCI string `json:"oci,omitempty"`
	// URL of an archive, with what is said of it beside it under .statement and .statement.sig; it needs keys.
	// +kubebuilder:validation:Pattern=`^https://[^/@?#\s]+/[^?#\s]*$`
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	URL string `json:"url,omitempty"`
	// Keys are public keys in PEM, Ed25519 or ECDSA on P-256. One of them has to have signed what comes, it may not have expired, and none older
	// than what was read before is taken.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:items:Pattern=`^-----BEGIN PUBLIC KEY-----\s`
	// +optional
	Keys []string `json:"keys,omitempty"`
	// Recalls of releases, whoever the source is.
	// +kubebuilder:validation:MaxItems=200
	// +listType=map
	// +listMapKey=addon
	// +listMapKey=version
	// +optional
	Recalls []Recall `json:"recalls,omitempty"`
}

// AddonCatalogStatus is what was read of a catalog.
type AddonCatalogStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Digest of what was read, over names and contents.
	// +optional
	Digest string `json:"digest,omitempty"`
	// Source is where it was read from: what its version is counted for.
	// +optional
	Source string `json:"source,omitempty"`
	// Version of a signed catalog; a lower one of the same source is not taken any more.
	// +optional
	Version int64 `json:"version,omitempty"`
	// Expires is when what was signed is not taken any more. What was read before stays in force.
	// +optional
	Expires *metav1.Time `json:"expires,omitempty"`
	// Read is when it was read with this digest for the first time.
	// +optional
	Read *metav1.Time `json:"read,omitempty"`
	// Releases that it holds.
	// +optional
	Releases int32 `json:"releases,omitempty"`
	// Conditions: Ready is False where it cannot be read; what was read before stays in force then.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// CatalogName is the only name that an AddonCatalog takes: a hub has one.
const CatalogName = "default"

// AddonCatalog says which releases there are, and which were recalled. A hub has one, of the name "default".
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:printcolumn:name="Releases",type=integer,JSONPath=`.status.releases`
// +kubebuilder:printcolumn:name="Version",type=integer,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Read",type=date,JSONPath=`.status.read`
// +kubebuilder:printcolumn:name="Digest",type=string,priority=1,JSONPath=`.status.digest`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'default'",message="metadata.name: a hub has one catalog: call it default"
type AddonCatalog struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   AddonCatalogSpec   `json:"spec"`
	Status AddonCatalogStatus `json:"status,omitempty"`
}

// AddonCatalogList is a list of AddonCatalogs.
// +kubebuilder:object:root=true
type AddonCatalogList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AddonCatalog `json:"items"`
}
