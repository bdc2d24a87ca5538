package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Driver is the way an add-on's releases reach the cluster.
// +kubebuilder:validation:Enum=Helm
type Driver string

// DriverHelm renders our chart and applies it; releases are recorded in Helm's storage format.
const DriverHelm Driver = "Helm"

// Pin says who keeps an add-on at a version, and why. It stands beside Addon.spec.version; without a version it means
// nothing and is refused.
type Pin struct {
	// Reason in the operator's words; "install" when the version was given at installation.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
	// By is who pinned, as the API server knows the user.
	// +optional
	By string `json:"by,omitempty"`
	// At is when it was pinned.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
	// Until is when the operator means to look at the pin again. From two weeks before on the condition PinExpiring says so. What becomes of
	// the pin then is up to the UpdatePolicy (onPinEnd): as long as that does not say automatic, it holds.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	// Ticket is the operator's own reference.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Ticket string `json:"ticket,omitempty"`
}

// Accept is an operator's word for a move that has no way back. It holds for the version that it names and for no other.
type Accept struct {
	// Version that the move goes to.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version"`
	// Reason in the operator's words.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
}

// Rollback is a way back that is under way, to a recorded revision.
//
// +kubebuilder:validation:XValidation:rule="!has(self.to) || has(self.leaves)",message="to is for a way back from a pin that stays: leaves has to name the pinned release"
type Rollback struct {
	// Revision of the release record that is gone back to.
	// +kubebuilder:validation:Minimum=1
	Revision int32 `json:"revision"`
	// Leaves is the release that the cluster is put back from, which is held from then on; empty where it is not newer and no pin, or stays.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Leaves string `json:"leaves,omitempty"`
	// To is the release that it leads to where spec.version, pinned to what it leaves, stays as its operator wrote it; empty where spec.version or
	// spec.moveTo names that release. Whoever pins another release gives the way back up.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	To string `json:"to,omitempty"`
	// Reason in a sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Reason string `json:"reason,omitempty"`
	// Nodes that are put back; the others stay with what they run. Empty puts back all of them.
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +optional
	Nodes []string `json:"nodes,omitempty"`
}

// MaxBackNodes is how many nodes a Rollback can name.
const MaxBackNodes = 1000

// Roll is how nodes are changed one after the other under nodeUpdate Roll (docs/roll.md). Durations are written as 30s, 5m or 1h30m
// and are at most a day.
//
// +kubebuilder:validation:XValidation:rule="!has(self.canarySelector) || !has(self.canaries) || self.canaries == 0",message="the nodes that go first are a number (canaries) or chosen by labels (canarySelector), not both"
// +kubebuilder:validation:XValidation:rule="(has(self.nodeTimeout) ? duration(self.nodeTimeout) : duration('5m')) > (has(self.readyFor) ? duration(self.readyFor) : duration('10s'))",message="nodeTimeout (5m where it is not set) has to be longer than readyFor (10s where it is not set), or no node can pass"
// +kubebuilder:validation:XValidation:rule="!has(self.drain) || !self.drain || !has(self.cordon) || self.cordon",message="a node that is drained is cordoned too: remove cordon, or set it to true"
type Roll struct {
	// Canaries is how many nodes go first, one at a time. Empty or 0 chooses one of each kind of node there is (pool, image, kernel,
	// kubelet, architecture), and at most a tenth of the nodes.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5000
	// +optional
	Canaries int32 `json:"canaries,omitempty"`
	// CanarySelector is a label selector of the nodes that go first, such as "canary=true,zone in (a,b)".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	CanarySelector string `json:"canarySelector,omitempty"`
	// MaxUnavailable nodes without a working agent at any moment, those that are broken already among them: a count from 1, or a
	// percentage from 1% to 100% that is rounded down and is 1 node at least. Empty takes OKE's configuration key rollingUpdate where
	// that is set, else 10%.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 5000 : string(self).matches('^(100|[1-9][0-9]?)%$')",message="want a count of nodes from 1 to 5000, or a percentage from 1% to 100%"
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// Soak is how long the nodes that went first, and then those of each pool and zone, must run before others follow. Empty means 30s.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('24h')",message="want at most a day"
	// +optional
	Soak *metav1.Duration `json:"soak,omitempty"`
	// ReadyFor is how long a node's agent must have been Ready. Empty means 10s.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('24h')",message="want at most a day"
	// +optional
	ReadyFor *metav1.Duration `json:"readyFor,omitempty"`
	// NodeTimeout is how long a node may take to pass every gate, at least 1s and longer than readyFor. Empty means 5m.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="want at least a second and at most a day"
	// +optional
	NodeTimeout *metav1.Duration `json:"nodeTimeout,omitempty"`
	// MaxRestarts of a container of a node's agent, from the moment that its pod was made. Empty means 1.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	MaxRestarts *int32 `json:"maxRestarts,omitempty"`
	// PrePull brings the images of the release to a node before its agent goes, by a pod in the node's own network. Empty means no.
	// +optional
	PrePull *bool `json:"prePull,omitempty"`
	// Cordon lets no new pods come to a node before its agent goes, until it has passed every gate. Empty means no.
	// +optional
	Cordon *bool `json:"cordon,omitempty"`
	// Drain evicts what runs on a node before its agent goes, DaemonSets' pods excepted, and cordons it. Disruption budgets are kept to, and
	// a pod without a controller halts the roll. Empty means no.
	// +optional
	Drain *bool `json:"drain,omitempty"`
	// FreshPod is the image of a fresh pod that has to get an address and be Ready on each changed node; it runs without rights, and any that
	// stays running will do. Empty means that none is tried.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([A-Za-z0-9._:/@-]*[A-Za-z0-9])?)?$`
	// +optional
	FreshPod *string `json:"freshPod,omitempty"`
	// Gates are types of conditions of the agent's pod that have to be True on each changed node, beside the gates there are. Whoever probes the
	// data plane sets them; one that is missing is waited for until nodeTimeout. Empty means none.
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=316
	// +kubebuilder:validation:items:Pattern=`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	// +optional
	Gates []string `json:"gates,omitempty"`
	// Paused changes no further node; those under way end as they end (addonctl pause, addonctl resume).
	// +optional
	Paused bool `json:"paused,omitempty"`
}

// Configuration is one of OKE's configuration keys with its value, as OKE's own API has them.
type Configuration struct {
	// Key as the release publishes it, such as tolerations.
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9._-]*$`
	// +kubebuilder:validation:MaxLength=128
	Key string `json:"key"`
	// Value is JSON, plain or in Base64, of at most 64 KiB.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	Value string `json:"value"`
}

// OverlayFile is the text of one file of a kustomize overlay.
// +kubebuilder:validation:MaxLength=262144
type OverlayFile string

// AddonInRollout is the part of one add-on in a rollout.
type AddonInRollout struct {
	// Name of the AddonRollout.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Hold changes no further node: FinishNode lets the nodes under way end, Stop waits for nothing. Empty goes on.
	// +kubebuilder:validation:Enum=FinishNode;Stop
	// +optional
	Hold string `json:"hold,omitempty"`
}

// What a rollout wants held.
const (
	HoldFinishNode = "FinishNode"
	HoldStop       = "Stop"
)

// AddonSpec is what is wanted of one add-on on one cluster. Its settings (configurations, values and overlay) are used by every
// render, whoever makes it. They hold at most 448 KiB together: 128 KiB of configurations, 64 KiB of values and 256 KiB of
// overlay, so that a record stays far below the 1.5 MiB that etcd takes; whatever writes or follows a record checks it.
//
// +kubebuilder:validation:XValidation:rule="self.cluster == oldSelf.cluster && self.addon == oldSelf.addon",message="cluster and addon name this object and cannot be changed"
// +kubebuilder:validation:XValidation:rule="has(self.__namespace__) == has(oldSelf.__namespace__) && (!has(self.__namespace__) || self.__namespace__ == oldSelf.__namespace__)",message="namespace is where the add-on was adopted, and cannot be changed"
// +kubebuilder:validation:XValidation:rule="!has(self.pin) || has(self.version)",message="a pin needs a version: set spec.version, or remove spec.pin"
// +kubebuilder:validation:XValidation:rule="!(has(self.version) && has(self.moveTo))",message="moveTo is a single move of an automatic add-on; a pinned one moves by its version"
type AddonSpec struct {
	// Cluster is the name of the ClusterNetwork.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Cluster string `json:"cluster"`
	// Addon is OKE's name of the add-on, such as Flannel.
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9]*$`
	// +kubebuilder:validation:MaxLength=63
	Addon string `json:"addon"`
	// Driver says how releases reach the cluster.
	// +kubebuilder:default=Helm
	// +optional
	Driver Driver `json:"driver,omitempty"`
	// Version pins the add-on to this release, as OKE's field of the same name does; empty means automatic updates.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Version string `json:"version,omitempty"`
	// Pin goes with Version.
	// +optional
	Pin *Pin `json:"pin,omitempty"`
	// MoveTo is one move of an automatic add-on (`update --version`); it is removed when it has been made, and
	// automatic updates go on from there.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	MoveTo string `json:"moveTo,omitempty"`
	// ConflictPolicy says what is done about fields that another field manager owns with another value: Fail writes nothing,
	// Overwrite takes them, Preserve leaves them to their owner. Empty means Fail.
	// +kubebuilder:validation:Enum=Fail;Overwrite;Preserve
	// +optional
	ConflictPolicy string `json:"conflictPolicy,omitempty"`
	// OnFailure says what is done when nodes do not get a release Ready in time, or fail a gate of the roll: Hold leaves everything for
	// somebody to look at, RevertAll goes back to what was there before, RevertNode puts back the nodes that have not passed; both hold
	// the release. A pin stays as it is in any case, and is not tried again before somebody says retry or pins anew. Empty means RevertNode when a
	// roll halts, else Hold; and Hold for a pinned add-on that a manager drives, because its operator asked for that very release.
	// +kubebuilder:validation:Enum=Hold;RevertAll;RevertNode
	// +optional
	OnFailure string `json:"onFailure,omitempty"`
	// Namespace of the add-on's objects where it is not the catalog's: an add-on that was adopted stays where it is.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// NodeUpdate says how nodes follow a change of the workload: Roll changes node by node with gates and halts at the first that
	// fails one, Replace cordons them in turn and waits for new ones to take their place, Hold changes no node, RollingUpdate leaves
	// it to the DaemonSet controller. Empty takes what the release calls for: Hold for VCN-native from 2.3.0 on, else Roll.
	// +kubebuilder:validation:Enum=Roll;Replace;Hold;RollingUpdate
	// +optional
	NodeUpdate string `json:"nodeUpdate,omitempty"`
	// Roll is how nodes are changed under nodeUpdate Roll.
	// +optional
	Roll *Roll `json:"roll,omitempty"`
	// Accept allows one move that has no way back.
	// +optional
	Accept *Accept `json:"accept,omitempty"`
	// Rollout that told the add-on to move, and what it wants of it now. The manager sets it; it is removed when the move has ended.
	// +optional
	Rollout *AddonInRollout `json:"rollout,omitempty"`
	// Rollback is a way back that is under way; it is removed when every node has made it. Its own field to, or else Version or MoveTo, says to
	// which release.
	// +optional
	Rollback *Rollback `json:"rollback,omitempty"`
	// Configurations are OKE's keys that are set, at most 50 and 128 KiB together. A release that does not take one of them
	// is not moved to.
	// +listType=map
	// +listMapKey=key
	// +kubebuilder:validation:MaxItems=50
	// +optional
	Configurations []Configuration `json:"configurations,omitempty"`
	// Values of the chart, at most 64 KiB as JSON. What comes from the catalog or the cluster is not to be set here.
	// +kubebuilder:validation:Type=object
	// +optional
	Values *apiextensionsv1.JSON `json:"values,omitempty"`
	// Overlay is a kustomize overlay, its files by their paths, at most 200 and 256 KiB together. It is no place for secrets:
	// whoever may read this record reads it.
	// +kubebuilder:validation:MaxProperties=200
	// +optional
	Overlay map[string]OverlayFile `json:"overlay,omitempty"`
}

// NodeCounts sums up the per-node truth of an add-on.
type NodeCounts struct {
	// Total is the number of nodes that should run the add-on.
	Total int32 `json:"total"`
	// Updated counts those whose pod is of the newest revision.
	Updated int32 `json:"updated"`
	// Ready counts those whose pod is of the newest revision and Ready.
	Ready int32 `json:"ready"`
}

// NodeVersion is the number of nodes that run one version.
type NodeVersion struct {
	// Version as read from the pod's image; "none" for nodes without a pod.
	Version string `json:"version"`
	// Nodes is their number.
	Nodes int32 `json:"nodes"`
}

// Finding is a named result of a check, as the last plan had it.
type Finding struct {
	// Reason in CamelCase; documented in docs/findings.md.
	Reason string `json:"reason"`
	// Message is a sentence with names and versions.
	Message string `json:"message"`
	// Blocking findings stop every write.
	// +optional
	Blocking bool `json:"blocking,omitempty"`
}

// HistoryEntry is one finished or failed move.
type HistoryEntry struct {
	// Revision of the release record.
	Revision int32 `json:"revision"`
	// Version of the release.
	Version string `json:"version"`
	// Status as Helm writes it: deployed, superseded, failed, pending-install, pending-upgrade.
	Status string `json:"status"`
	// At is when the revision was last written.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// HeldRelease is a release that the cluster was put back from.
//
// +kubebuilder:validation:XValidation:rule="!has(self.pin) || has(self.pinned) && self.pinned",message="pin is that of a release which was pinned: set pinned, or remove pin"
type HeldRelease struct {
	// Version of the release.
	Version string `json:"version"`
	// Reason in a sentence.
	// +optional
	Reason string `json:"reason,omitempty"`
	// At is when the cluster was put back.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
	// Pinned is true where spec.version asked for it, and stays as its operator wrote it: it is not tried again before somebody says retry, or pins
	// anew (another version, or another pin.at).
	// +optional
	Pinned bool `json:"pinned,omitempty"`
	// Pin is a copy of the pin that failed; missing where the record had none beside its version.
	// +optional
	Pin *Pin `json:"pin,omitempty"`
}

// Halt is the verdict that stopped a roll.
type Halt struct {
	// Node that failed.
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node"`
	// Gate that it failed, such as agent-ready.
	// +kubebuilder:validation:MaxLength=63
	Gate string `json:"gate"`
	// Evidence in a sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Evidence string `json:"evidence,omitempty"`
}

// RollStatus is where the roll of the nodes stands, in numbers: addonctl nodes tells each node.
type RollStatus struct {
	// Phase of the roll: Canary, Soak, Batch, PutBack, Watching, Paused, Halted, Left or Finished.
	// +kubebuilder:validation:MaxLength=63
	Phase string `json:"phase"`
	// Stage in words, such as "canary nodes" or "pool a, zone AD-1".
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Stage string `json:"stage,omitempty"`
	// Changed counts the nodes that run the newest revision.
	Changed int32 `json:"changed"`
	// Passed counts those of them that passed every gate.
	Passed int32 `json:"passed"`
	// Total is the number of nodes that are to be changed.
	Total int32 `json:"total"`
	// Skipped counts the nodes that cannot be changed now.
	// +optional
	Skipped int32 `json:"skipped,omitempty"`
	// Halt says what stopped the roll; it is missing while nothing did.
	// +optional
	Halt *Halt `json:"halt,omitempty"`
}

// AddonStatus is what was observed of one add-on on one cluster.
type AddonStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// LifecycleState in OKE's words.
	// +kubebuilder:validation:Enum=CREATING;ACTIVE;DELETING;DELETED;UPDATING;NEEDS_ATTENTION;FAILED
	// +optional
	LifecycleState string `json:"lifecycleState,omitempty"`
	// CurrentInstalledVersion is the version of the live template, which nodes may not all run yet.
	// +optional
	CurrentInstalledVersion string `json:"currentInstalledVersion,omitempty"`
	// TargetVersion is where the add-on is going; empty when it is there.
	// +optional
	TargetVersion string `json:"targetVersion,omitempty"`
	// NewestFit is the release that automatic updates would take now: the newest that fits, which may be the installed one. It is empty
	// when none fits. Nothing moves by it alone: a rollout does (docs/rollout.md), or addonctl update.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	NewestFit string `json:"newestFit,omitempty"`
	// Nodes sums up the per-node truth.
	// +optional
	Nodes *NodeCounts `json:"nodes,omitempty"`
	// NodeVersions counts the nodes by the version that they really run, ordered by version.
	// +listType=atomic
	// +optional
	NodeVersions []NodeVersion `json:"nodeVersions,omitempty"`
	// Roll is where the roll of the nodes stands; it is missing when none is under way.
	// +optional
	Roll *RollStatus `json:"roll,omitempty"`
	// DrivenBy says who drives the loop: "cli" or the name of a manager.
	// +optional
	DrivenBy string `json:"drivenBy,omitempty"`
	// Findings of the last plan.
	// +listType=atomic
	// +optional
	Findings []Finding `json:"findings,omitempty"`
	// Held are releases that the cluster was put back from; automatic updates do not choose them again.
	// +listType=map
	// +listMapKey=version
	// +kubebuilder:validation:MaxItems=50
	// +optional
	Held []HeldRelease `json:"held,omitempty"`
	// History, newest first, bounded.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +optional
	History []HistoryEntry `json:"history,omitempty"`
	// Conditions follow kstatus: Ready always; Reconciling and Stalled only when true; Pinned, Degraded and Upgradeable of our own, and
	// PinExpiring, PinIncompatible and PinRecalled only when true.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Addon is one add-on on one cluster: an essential CNI add-on, or Calico beside it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.cluster`
// +kubebuilder:printcolumn:name="Addon",type=string,JSONPath=`.spec.addon`
// +kubebuilder:printcolumn:name="Installed",type=string,JSONPath=`.status.currentInstalledVersion`
// +kubebuilder:printcolumn:name="Pin",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.lifecycleState`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="NodesReady",type=integer,JSONPath=`.status.nodes.ready`
// +kubebuilder:printcolumn:name="Nodes",type=integer,JSONPath=`.status.nodes.total`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Target",type=string,priority=1,JSONPath=`.status.targetVersion`
// +kubebuilder:printcolumn:name="Newest",type=string,priority=1,JSONPath=`.status.newestFit`
// +kubebuilder:printcolumn:name="Rollout",type=string,priority=1,JSONPath=`.spec.rollout.name`
// +kubebuilder:printcolumn:name="Roll",type=string,priority=1,JSONPath=`.status.roll.phase`
// +kubebuilder:printcolumn:name="Halted at",type=string,priority=1,JSONPath=`.status.roll.halt.node`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Addon struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   AddonSpec   `json:"spec"`
	Status AddonStatus `json:"status,omitempty"`
}

// AddonList is a list of Addons.
// +kubebuilder:object:root=true
type AddonList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Addon `json:"items"`
}
