package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// PolicyWave is an ordered group of clusters.
type PolicyWave struct {
	// Name of the wave, that no other wave of the policy has.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// Selector of its clusters, by the labels of their ClusterNetworks, such as "env=dev,region in (eu,us)". A cluster belongs to the
	// first wave that takes it. Empty takes all, and belongs into the last wave.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Selector string `json:"selector,omitempty"`
	// MaxConcurrent clusters of the wave under way at any moment: a count from 1, or a percentage of the wave's clusters that is rounded
	// down and is 1 at least. Empty means the policy's.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 100000 : string(self).matches('^(100|[1-9][0-9]?)%$')",message="want a count of clusters from 1, or a percentage from 1% to 100%"
	// +optional
	MaxConcurrent *intstr.IntOrString `json:"maxConcurrent,omitempty"`
	// Soak is how long the last cluster of the wave runs before the next wave begins. Empty means the policy's.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8784h')",message="want at most 366 days"
	// +optional
	Soak *metav1.Duration `json:"soak,omitempty"`
	// Approval is true when somebody has to approve the wave before it begins (addonctl rollout approve).
	// +optional
	Approval bool `json:"approval,omitempty"`
}

// PolicyWindow opens by a schedule and stays open for a while.
type PolicyWindow struct {
	// Cron is when it opens: minute, hour, day of the month, month, day of the week, on the clock of its zone.
	// +kubebuilder:validation:Pattern=`^[^ =]+( +[^ =]+){4}$`
	// +kubebuilder:validation:MaxLength=256
	Cron string `json:"cron"`
	// Duration is how long it stays open, from a minute to 31 days.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('744h')",message="want from a minute to 31 days"
	Duration metav1.Duration `json:"duration"`
	// Zone by IANA's name, such as Europe/Berlin; empty means UTC.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Zone string `json:"zone,omitempty"`
}

// PolicyWindows are when clusters may be changed: inside any of Allow, or always where there is none, and outside of all of Deny.
type PolicyWindows struct {
	// Allow a change inside any of them; none allows it always.
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	// +optional
	Allow []PolicyWindow `json:"allow,omitempty"`
	// Deny a change inside all of them.
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	// +optional
	Deny []PolicyWindow `json:"deny,omitempty"`
}

// UpdatePolicySpec is how new releases go over the clusters that it selects (docs/rollout.md). What is not set takes the default that
// is given with the field.
type UpdatePolicySpec struct {
	// Selector of the clusters, by the labels of their ClusterNetworks; empty takes all. Two policies that take the same cluster for the
	// same add-on are both refused for it: nothing is begun there until one of them lets go.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Selector string `json:"selector,omitempty"`
	// Addons by OKE's names, such as Flannel; empty takes all.
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z][A-Za-z0-9]*$`
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=set
	// +optional
	Addons []string `json:"addons,omitempty"`
	// Waves in their order; none stands for one wave of all clusters. A cluster that no wave takes stays as it is.
	// +kubebuilder:validation:MaxItems=50
	// +listType=map
	// +listMapKey=name
	// +optional
	Waves []PolicyWave `json:"waves,omitempty"`
	// MaxConcurrent clusters under way at any moment, in all waves together. Empty means 10%.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 100000 : string(self).matches('^(100|[1-9][0-9]?)%$')",message="want a count of clusters from 1, or a percentage from 1% to 100%"
	// +optional
	MaxConcurrent *intstr.IntOrString `json:"maxConcurrent,omitempty"`
	// Soak is how long the last cluster of a wave runs before the next wave begins. Empty means 24h.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8784h')",message="want at most 366 days"
	// +optional
	Soak *metav1.Duration `json:"soak,omitempty"`
	// FailureBudget is how many clusters may fail; one more halts everything. Empty means 0.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 100000 : string(self).matches('^(100|[1-9]?[0-9])%$')",message="want a count of clusters from 0, or a percentage from 0% to 100%"
	// +optional
	FailureBudget *intstr.IntOrString `json:"failureBudget,omitempty"`
	// MinimumAge that a release must have, by its day. Empty means none.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8784h')",message="want at most 366 days"
	// +optional
	MinimumAge *metav1.Duration `json:"minimumAge,omitempty"`
	// Windows in which clusters may be changed; empty means always.
	// +optional
	Windows *PolicyWindows `json:"windows,omitempty"`
	// OnWindowEnd says what becomes of clusters under way when a window closes: finishNode changes no further node, finishCluster lets
	// them end, stop waits for nothing. Empty means finishNode.
	// +kubebuilder:validation:Enum=finishNode;finishCluster;stop
	// +optional
	OnWindowEnd string `json:"onWindowEnd,omitempty"`
	// OnPinEnd says what becomes of a pin whose end (spec.pin.until of the Addon) has passed. warn: it holds, and the condition PinExpiring
	// and an Event say that it has passed. hold: it holds, and the policy's Ready condition names it as waiting for somebody. automatic: it
	// counts as no pin; the next rollout takes it off when it moves the add-on, and keeps what it was in the annotation
	// addonctl.io/ended-pin.
	// +kubebuilder:validation:Enum=warn;hold;automatic
	// +kubebuilder:default=warn
	// +optional
	OnPinEnd string `json:"onPinEnd,omitempty"`
	// HungAfter is how long a cluster may be under way without a sign of progress before it counts as failed. Empty means 2h.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('8784h')",message="want from a second to 366 days"
	// +optional
	HungAfter *metav1.Duration `json:"hungAfter,omitempty"`
	// AwayAfter is how long a cluster under way may be out of reach before others take its place. Empty means 15m.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8784h')",message="want at most 366 days"
	// +optional
	AwayAfter *metav1.Duration `json:"awayAfter,omitempty"`
	// Paused opens no new rollouts; those that are open go on (addonctl rollout pause stops one).
	// +optional
	Paused bool `json:"paused,omitempty"`
}

// AnnotationEndedPin of an Addon is the last pin that a rollout took off because it had ended, in words: to what, by whom, until when and why,
// and which rollout took it off.
const AnnotationEndedPin = "addonctl.io/ended-pin"

// AnnotationOwnPin of an Addon in a hub is the last pin of the cluster's own record that the hub has taken into account: its release and when it was
// pinned. Another pin there is taken over, where the hub has none.
const AnnotationOwnPin = "addonctl.io/own-pin"

// What becomes of a pin that has ended.
const (
	OnPinEndWarn      = "warn"
	OnPinEndHold      = "hold"
	OnPinEndAutomatic = "automatic"
)

// UpdatePolicyStatus is what was seen of a policy.
type UpdatePolicyStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Clusters is how many it selects.
	// +optional
	Clusters int32 `json:"clusters,omitempty"`
	// Rollouts that are open, by name.
	// +kubebuilder:validation:MaxItems=20
	// +listType=atomic
	// +optional
	Rollouts []string `json:"rollouts,omitempty"`
	// Conditions: Ready is False with reason Invalid and the field where the API server could not see what is wrong, such as an unknown
	// zone, and with reason Overlaps where another policy takes the same clusters.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// UpdatePolicy says how new releases go over clusters: in waves, in windows, with a budget of failures. Clusters that none selects follow a
// built-in one, in which every field has its default; one of the name "default" replaces that.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=upol
// +kubebuilder:printcolumn:name="Selector",type=string,JSONPath=`.spec.selector`
// +kubebuilder:printcolumn:name="Clusters",type=integer,JSONPath=`.status.clusters`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Paused",type=boolean,JSONPath=`.spec.paused`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 100",message="metadata.name: a policy's name has at most 100 characters: rollouts are named after it"
type UpdatePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   UpdatePolicySpec   `json:"spec"`
	Status UpdatePolicyStatus `json:"status,omitempty"`
}

// UpdatePolicyList is a list of UpdatePolicies.
// +kubebuilder:object:root=true
type UpdatePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []UpdatePolicy `json:"items"`
}
