package v1alpha1

// Condition types. Ready, Reconciling and Stalled are kstatus' own and mean what it says of them.
const (
	// ConditionReady is true when every node that should run the add-on runs the wanted release, Ready.
	ConditionReady = "Ready"
	// ConditionReconciling is present, and true, while a move is under way.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present, and true, when nothing will happen without a change by somebody.
	ConditionStalled = "Stalled"
	// ConditionPinned is true when an operator keeps the version.
	ConditionPinned = "Pinned"
	// ConditionUpgradeable is false when the release that is pinned, or runs, does not fit the next minor of Kubernetes: move it before
	// Kubernetes is upgraded. It is missing where nobody can tell.
	ConditionUpgradeable = "Upgradeable"
	// ConditionPinExpiring is present, and true, from two weeks before the end of a pin on.
	ConditionPinExpiring = "PinExpiring"
	// ConditionPinIncompatible is present, and true, when the pinned release does not fit the cluster's Kubernetes, or its next minor.
	ConditionPinIncompatible = "PinIncompatible"
	// ConditionPinRecalled is present, and true, when the pinned release has been recalled.
	ConditionPinRecalled = "PinRecalled"
	// ConditionDegraded is true when at least one node that should run the add-on has no Ready pod of it.
	ConditionDegraded = "Degraded"
	// ConditionReachable is true when a cluster's API server answered the manager last.
	ConditionReachable = "Reachable"
)

// Reasons of the conditions above.
const (
	// ReasonAllNodesReady : the wanted release runs and is Ready on every node that should run it.
	ReasonAllNodesReady = "AllNodesReady"
	// ReasonNoNodes : the release is applied, and the cluster has no node that should run it yet.
	ReasonNoNodes = "NoNodes"
	// ReasonRolling : nodes are taking the release.
	ReasonRolling = "Rolling"
	// ReasonRollPaused : the roll of the nodes waits until somebody resumes it.
	ReasonRollPaused = "RollPaused"
	// ReasonRollHalted : a gate of the roll said no; no further node is changed.
	ReasonRollHalted = "RollHalted"
	// ReasonNodesLeft : the roll has come as far as it can, and nodes are left that cannot be changed now.
	ReasonNodesLeft = "NodesLeft"
	// ReasonNodesHeld : nodes keep what they run until somebody acts on them.
	ReasonNodesHeld = "NodesHeld"
	// ReasonApplying : objects are being written.
	ReasonApplying = "Applying"
	// ReasonGuardLifted : the release's own guard of its pods was left lifted, and is being restored.
	ReasonGuardLifted = "GuardLifted"
	// ReasonBlocked : a blocking finding stops every write.
	ReasonBlocked = "Blocked"
	// ReasonNodesNotReady : at least one node has no Ready pod.
	ReasonNodesNotReady = "NodesNotReady"
	// ReasonNotInstalled : the add-on is not on the cluster.
	ReasonNotInstalled = "NotInstalled"
	// ReasonInvalid : the object cannot be followed; the message names field and value.
	ReasonInvalid = "Invalid"
	// ReasonOverlaps : another policy takes the same clusters.
	ReasonOverlaps = "Overlaps"
	// ReasonAccepted : the object is followed.
	ReasonAccepted = "Accepted"
	// ReasonUnsigned : none of the keys that are trusted has signed the catalog.
	ReasonUnsigned = "Unsigned"
	// ReasonExpired : the catalog was signed too long ago; somebody may keep newer ones away.
	ReasonExpired = "Expired"
	// ReasonRolledBack : the catalog is older than one that was read before, or another of the same version.
	ReasonRolledBack = "RolledBack"
	// ReasonUnreachable : the cluster's API server, or what holds the catalog, does not answer.
	ReasonUnreachable = "Unreachable"
	// ReasonReachable : it does.
	ReasonReachable = "Reachable"
	// ReasonPinned : spec.version is set.
	ReasonPinned = "Pinned"
	// ReasonAutomatic : spec.version is empty.
	ReasonAutomatic = "Automatic"
	// ReasonDateNear : the end of the pin is less than two weeks away.
	ReasonDateNear = "DateNear"
	// ReasonDatePassed : the end of the pin has passed; the UpdatePolicy says what becomes of it (onPinEnd).
	ReasonDatePassed = "DatePassed"
	// ReasonKubernetesOutOfRange : the release is not made for the cluster's Kubernetes.
	ReasonKubernetesOutOfRange = "KubernetesOutOfRange"
	// ReasonNextKubernetesOutOfRange : the release is not made for the next minor of Kubernetes.
	ReasonNextKubernetesOutOfRange = "NextKubernetesOutOfRange"
	// ReasonNextKubernetesFits : the release is made for the next minor of Kubernetes too.
	ReasonNextKubernetesFits = "NextKubernetesFits"
	// ReasonPinFailed : nodes did not take the pinned release, and run what was there before; the pin stays as it is.
	ReasonPinFailed = "PinFailed"
	// ReasonRecalled : the release has been recalled.
	ReasonRecalled = "Recalled"
)

// OKE's lifecycle states of an add-on.
const (
	StateCreating       = "CREATING"
	StateActive         = "ACTIVE"
	StateUpdating       = "UPDATING"
	StateNeedsAttention = "NEEDS_ATTENTION"
	StateFailed         = "FAILED"
)
