package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Order is what somebody wants of a rollout. Orders are carried out one after the other; one that was given is not taken back, but
// followed by another.
//
// +kubebuilder:validation:XValidation:rule="self.verb == 'approve' ? has(self.wave) : !has(self.wave)",message="wave goes with approve, and approve needs one"
// +kubebuilder:validation:XValidation:rule="self.verb == 'retry' || !has(self.clusters)",message="clusters goes with retry alone"
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an order that was given stays as it is: give another one"
type Order struct {
	// Number of the order, from 1 on.
	// +kubebuilder:validation:Minimum=1
	Number int32 `json:"number"`
	// Verb: approve a wave, pause, resume, abort, undo, or retry clusters that failed.
	// +kubebuilder:validation:Enum=approve;pause;resume;abort;undo;retry
	Verb string `json:"verb"`
	// Wave to approve.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Wave string `json:"wave,omitempty"`
	// Clusters to retry; none stands for all that failed.
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=set
	// +optional
	Clusters []string `json:"clusters,omitempty"`
	// By is who gave it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by"`
	// Reason in the operator's words.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Reason string `json:"reason,omitempty"`
	// At is when it was given.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// AddonRolloutSpec is one release on its way over the clusters of a policy.
//
// +kubebuilder:validation:XValidation:rule="self.policy == oldSelf.policy && self.addon == oldSelf.addon && self.version == oldSelf.version && has(self.leaves) == has(oldSelf.leaves) && (!has(self.leaves) || self.leaves == oldSelf.leaves)",message="policy, addon, version and leaves name this rollout and cannot be changed"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.orders) || (has(self.orders) && oldSelf.orders.all(o, self.orders.exists(n, n.number == o.number)))",fieldPath=".orders",message="an order that was given stays: give another one"
// +kubebuilder:validation:XValidation:rule="!has(self.orders) || !has(oldSelf.orders) || self.orders.all(n, oldSelf.orders.exists(o, o.number == n.number) || oldSelf.orders.all(o, o.number < n.number))",fieldPath=".orders",message="a new order has a number above all that were given: they are carried out in turn"
type AddonRolloutSpec struct {
	// Policy by which it goes.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Policy string `json:"policy"`
	// Addon is OKE's name of the add-on, such as Flannel.
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9]*$`
	// +kubebuilder:validation:MaxLength=63
	Addon string `json:"addon"`
	// Version of the release.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version"`
	// Leaves is the recalled release that this rollout leads away from, for the clusters that run it alone; the version may then be the older
	// one. Empty for a rollout of a new release.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Leaves string `json:"leaves,omitempty"`
	// Orders of people, by their numbers.
	// +kubebuilder:validation:MaxItems=100
	// +listType=map
	// +listMapKey=number
	// +optional
	Orders []Order `json:"orders,omitempty"`
}

// RolloutWave is where a wave stands.
type RolloutWave struct {
	Name string `json:"name"`
	// Approved says who approved it.
	// +optional
	Approved string `json:"approved,omitempty"`
	// Started is when its first cluster was told to move.
	// +optional
	Started *metav1.MicroTime `json:"started,omitempty"`
	// Ended is when its last cluster had ended.
	// +optional
	Ended *metav1.MicroTime `json:"ended,omitempty"`
	// Clusters of the wave, and how many of them are Done and Failed.
	Clusters int32 `json:"clusters"`
	Done     int32 `json:"done"`
	Failed   int32 `json:"failed"`
}

// RolloutMember is a cluster in a rollout.
type RolloutMember struct {
	Cluster string `json:"cluster"`
	// Wave is the index of its wave.
	Wave int32 `json:"wave"`
	// +optional
	Region string `json:"region,omitempty"`
	// State: Pending, Running, Done, Failed, Unreachable or Skipped.
	// +kubebuilder:validation:Enum=Pending;Running;Done;Failed;Unreachable;Skipped
	State string `json:"state"`
	// Since is when the state began.
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`
	// From is what it ran before it was told to move.
	// +optional
	From string `json:"from,omitempty"`
	// Back is true when it is told to go back, or went.
	// +optional
	Back bool `json:"back,omitempty"`
	// Tries counts how often it was told to move.
	// +optional
	Tries int32 `json:"tries,omitempty"`
	// Late joined after the rollout was opened.
	// +optional
	Late bool `json:"late,omitempty"`
	// CatchesUp is true when its wave had gone on without it.
	// +optional
	CatchesUp bool `json:"catchesUp,omitempty"`
	// Moved is the last sign of progress.
	// +optional
	Moved *metav1.MicroTime `json:"moved,omitempty"`
	// Away is since when it is out of reach.
	// +optional
	Away *metav1.MicroTime `json:"away,omitempty"`
	// Forgiven failures do not spend the budget any more.
	// +optional
	Forgiven bool `json:"forgiven,omitempty"`
	// Reason of the state, in words.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Reason string `json:"reason,omitempty"`
}

// AddonRolloutStatus is where a rollout stands. All that a decision needs is in it.
type AddonRolloutStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Phase: Waiting, Approval, Rolling, Soaking, Paused, Halted, Recalled, Aborted, Undoing, Undone, CatchingUp or Finished.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Phase string `json:"phase,omitempty"`
	// Wave that is under way, or is to begin next.
	// +optional
	Wave string `json:"wave,omitempty"`
	// Why in words.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Why string `json:"why,omitempty"`
	// Who has to act for it to go on; empty when nobody has.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Who string `json:"who,omitempty"`
	// Next is when it decides again at the latest.
	// +optional
	Next *metav1.MicroTime `json:"next,omitempty"`
	// Opened is when it was.
	// +optional
	Opened *metav1.MicroTime `json:"opened,omitempty"`
	// NotBefore is when the release is old enough.
	// +optional
	NotBefore *metav1.MicroTime `json:"notBefore,omitempty"`
	// Clusters of the rollout, and how many of them are Running, Done, Failed and Unreachable.
	Clusters    int32 `json:"clusters"`
	Running     int32 `json:"running"`
	Done        int32 `json:"done"`
	Failed      int32 `json:"failed"`
	Unreachable int32 `json:"unreachable"`
	// Waves as of the policy when it was opened.
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	// +optional
	Waves []RolloutWave `json:"waves,omitempty"`
	// Members in order of waves and names. Those of the moment in which it was opened, and those that joined since.
	// +kubebuilder:validation:MaxItems=4000
	// +listType=atomic
	// +optional
	Members []RolloutMember `json:"members,omitempty"`
	// Paused, Aborted and Undone say who did it.
	// +optional
	Paused string `json:"paused,omitempty"`
	// +optional
	Aborted string `json:"aborted,omitempty"`
	// +optional
	Undone string `json:"undone,omitempty"`
	// Recalled says why the release was recalled; it is missing while it was not.
	// +optional
	Recalled string `json:"recalled,omitempty"`
	// Overspent is true where more clusters failed than the budget allows, also while it stands still for another rollout: its release is not gone to
	// from one that was recalled.
	// +optional
	Overspent bool `json:"overspent,omitempty"`
	// Obeyed is the number of the last order that was carried out, or refused.
	// +optional
	Obeyed int32 `json:"obeyed,omitempty"`
	// Manager that decides on it, as "namespace/name" of its Lease in the hub. When that Lease is not renewed any more, nobody decides.
	// +kubebuilder:validation:MaxLength=317
	// +optional
	Manager string `json:"manager,omitempty"`
	// Refused says what was wrong with the last order that could not be carried out.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Refused string `json:"refused,omitempty"`
	// Conditions: Ready is True when the rollout is through; Reconciling while it goes on by itself; Stalled when somebody has to act.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// MaxOrders is how many orders one rollout can take.
const MaxOrders = 100

// MaxRolloutMembers is how many clusters one rollout can have: a record stays well below the 1.5 MiB that etcd takes.
const MaxRolloutMembers = 4000

// AddonRollout is one release on its way over a fleet. The manager opens it; people give it orders (addonctl rollout).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=rollout;rollouts
// +kubebuilder:printcolumn:name="Addon",type=string,JSONPath=`.spec.addon`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Wave",type=string,JSONPath=`.status.wave`
// +kubebuilder:printcolumn:name="Running",type=integer,JSONPath=`.status.running`
// +kubebuilder:printcolumn:name="Done",type=integer,JSONPath=`.status.done`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.failed`
// +kubebuilder:printcolumn:name="Clusters",type=integer,JSONPath=`.status.clusters`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Unreachable",type=integer,priority=1,JSONPath=`.status.unreachable`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.why`
// +kubebuilder:printcolumn:name="Who",type=string,priority=1,JSONPath=`.status.who`
type AddonRollout struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   AddonRolloutSpec   `json:"spec"`
	Status AddonRolloutStatus `json:"status,omitempty"`
}

// AddonRolloutList is a list of AddonRollouts.
// +kubebuilder:object:root=true
type AddonRolloutList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AddonRollout `json:"items"`
}
