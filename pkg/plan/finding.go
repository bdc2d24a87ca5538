package plan

import "github.com/addonctl/addonctl/pkg/catalog"

// Finding is the result of a check that has something to say. A refusal is a blocking finding, never an error.
type Finding struct {
	// Check that found it, by its name in Checks.
	Check string `json:"check"`
	// Reason is a documented CamelCase constant.
	Reason Reason `json:"reason"`
	// Message is a sentence with names and versions.
	Message string `json:"message"`
	// Blocking findings stop every write.
	Blocking bool `json:"blocking"`
	// Fix says what to do next; empty when there is nothing to do.
	Fix string `json:"fix,omitempty"`
	// Nodes that are concerned, sorted by name; empty when it is about the cluster, or about every node.
	Nodes []string `json:"nodes,omitempty"`
	// Unknown are the facts that nobody has told and that would decide it, sorted.
	Unknown []catalog.Fact `json:"unknown,omitempty"`
	// Catalogue names the entries of the failure catalogue that it comes from, such as B16; empty for other findings.
	Catalogue []string `json:"catalogue,omitempty"`
	// Minor findings are of dangers that pass by themselves within moments.
	Minor bool `json:"minor,omitempty"`
}

// Reason names a finding.
type Reason string

// Every reason a finding can have.
const (
	// NotRegistered : the cluster has no recorded network type and none was given.
	NotRegistered Reason = "NotRegistered"
	// NetworkTypeByRule : a named rule chose the type of a cluster that has none recorded.
	NetworkTypeByRule Reason = "NetworkTypeByRule"
	// NetworkTypeImmutable : another type than the recorded or stamped one was asked for.
	NetworkTypeImmutable Reason = "NetworkTypeImmutable"
	// NetworkTypeUnproven : record, stamp and running CNI do not agree on the cluster's network type.
	NetworkTypeUnproven Reason = "NetworkTypeUnproven"
	// OtherRecord : the cluster is registered under another name.
	OtherRecord Reason = "OtherRecord"
	// RecordLost : the cluster carries a stamp and has no record any more.
	RecordLost Reason = "RecordLost"
	// ObjectsMissing : objects of the release are not on the cluster.
	ObjectsMissing Reason = "ObjectsMissing"
	// LiveDiffers : the live template is not the recorded release's.
	LiveDiffers Reason = "LiveDiffers"
	// ChangedByHelm : the newest revision of the release was written by another tool.
	ChangedByHelm Reason = "ChangedByHelm"
	// RevisionsLost : what is live is ours, and the release storage does not have it any more.
	RevisionsLost Reason = "RevisionsLost"
	// NoAddOn : the catalog has no add-on for the network type.
	NoAddOn Reason = "NoAddOn"
	// GuardMissing : admission policies that protect the CNI's objects are missing or were changed.
	GuardMissing Reason = "GuardMissing"
	// GuardUnsupported : the API server is older than the admission policies that the guard is made of.
	GuardUnsupported Reason = "GuardUnsupported"
	// GuardUnknown : whoever looks may not see the admission policies that the guard is made of.
	GuardUnknown Reason = "GuardUnknown"
	// Paused : the cluster's record says that nothing may be written.
	Paused Reason = "Paused"
	// WishLost : the record of a running add-on is gone, and whether it was pinned is not known.
	WishLost Reason = "WishLost"
	// Pinned : an operator keeps another version.
	Pinned Reason = "Pinned"
	// PinExpired : the date at which the operator meant to look at the pin again has passed.
	PinExpired Reason = "PinExpired"
	// AlreadyInstalled : another version is installed, and installing moves nothing.
	AlreadyInstalled Reason = "AlreadyInstalled"
	// UnknownVersion : the catalog has no such release.
	UnknownVersion Reason = "UnknownVersion"
	// NoFittingRelease : automatic mode finds nothing that may be installed.
	NoFittingRelease Reason = "NoFittingRelease"
	// KubernetesOutOfRange : the release's range does not admit the cluster's Kubernetes version.
	KubernetesOutOfRange Reason = "KubernetesOutOfRange"
	// NodeOutOfRange : the release's range does not admit the kubelet of a node.
	NodeOutOfRange Reason = "NodeOutOfRange"
	// NotListedFor : Oracle's tables list the release for other Kubernetes minors.
	NotListedFor Reason = "NotListedFor"
	// Recalled : the release has been withdrawn.
	Recalled Reason = "Recalled"
	// NotActive : the release is DEPRECATED or PREVIEW; only an operator's own choice takes it.
	NotActive Reason = "NotActive"
	// Backwards : the target is older than what is installed.
	Backwards Reason = "Backwards"
	// ForeignCNI : the same plugin runs already and is not ours.
	ForeignCNI Reason = "ForeignCNI"
	// OtherCNI : another network plugin runs on the cluster.
	OtherCNI Reason = "OtherCNI"
	// BadPodCIDR : a pod CIDR of the record or the request is not one.
	BadPodCIDR Reason = "BadPodCIDR"
	// PodCIDROutsideNetwork : nodes have pod CIDRs that the release's Network does not hold.
	PodCIDROutsideNetwork Reason = "PodCIDROutsideNetwork"
	// NodeWithoutPodCIDR : a node has no pod CIDR, so flannel cannot start there.
	NodeWithoutPodCIDR Reason = "NodeWithoutPodCIDR"
	// NodesNotReady : nodes that should run the add-on are not Ready.
	NodesNotReady Reason = "NodesNotReady"
	// OldPodsUnavailable : so many old pods are broken that a rolling update would replace them all at once.
	OldPodsUnavailable Reason = "OldPodsUnavailable"
	// FactUnknown : a rule needs a fact that nobody has told.
	FactUnknown Reason = "FactUnknown"
	// FactContradictory : two sources tell a fact differently.
	FactContradictory Reason = "FactContradictory"
	// NodeUnfit : nodes are not what the release needs.
	NodeUnfit Reason = "NodeUnfit"
	// NodeKindUnfit : the add-on does not run on a kind of nodes that the cluster has.
	NodeKindUnfit Reason = "NodeKindUnfit"
	// BelowFloor : Kubernetes is older than OKE's floor for what the cluster is.
	BelowFloor Reason = "BelowFloor"
	// BasicCluster : OKE manages add-ons on enhanced clusters only.
	BasicCluster Reason = "BasicCluster"
	// NotBeside : the add-on is not supported beside the cluster's CNI.
	NotBeside Reason = "NotBeside"
	// CNIFirst : the add-on goes beside a CNI that is not installed by addonctl yet, or not settled.
	CNIFirst Reason = "CNIFirst"
	// BadConfiguration : a configuration key or value is not what the release publishes.
	BadConfiguration Reason = "BadConfiguration"
	// ConfigurationDropped : a configuration that is set, and that the installed release takes, is not taken by another.
	ConfigurationDropped Reason = "ConfigurationDropped"
	// ConfigurationUnused : a configuration is taken and means nothing for this add-on.
	ConfigurationUnused Reason = "ConfigurationUnused"
	// BadSettings : an operator's own settings are none that a record can hold, or that a release can be rendered with.
	BadSettings Reason = "BadSettings"
	// SettingsLost : what is live was written with settings, and no record of them is left.
	SettingsLost Reason = "SettingsLost"
	// SettingsChanged : what is asked for changes the operator's own settings.
	SettingsChanged Reason = "SettingsChanged"
	// NotRenderable : the target cannot be rendered.
	NotRenderable Reason = "NotRenderable"
	// MoveClosed : no open steps lead to the wanted release.
	MoveClosed Reason = "MoveClosed"
	// SeveralSteps : the way to the wanted release passes others.
	SeveralSteps Reason = "SeveralSteps"
	// FinishFirst : nodes have to take what is live before the next step may begin.
	FinishFirst Reason = "FinishFirst"
	// LaterHazards : steps after the next one have hazards of their own.
	LaterHazards Reason = "LaterHazards"
	// MechanismChanges : nodes take the new release in another way than the old one.
	MechanismChanges Reason = "MechanismChanges"
	// RebootPending : nodes take the release at their next reboot.
	RebootPending Reason = "RebootPending"
	// RollPolicyInvalid : the nodes cannot be changed as the wish says.
	RollPolicyInvalid Reason = "RollPolicyInvalid"
	// RollHalted : a gate said no on a changed node, and no further node is changed.
	RollHalted Reason = "RollHalted"
	// RollRecalled : the release was recalled while nodes were to take it, and no further node is changed.
	RollRecalled Reason = "RollRecalled"
	// NodesLeft : a roll has come as far as it can; nodes are left that cannot be changed now.
	NodesLeft Reason = "NodesLeft"
	// NodesHold : nodes keep what they run until somebody acts on them.
	NodesHold Reason = "NodesHold"
	// WayBackCosts : the move can be taken back, and that costs something.
	WayBackCosts Reason = "WayBackCosts"
	// OneWayMove : the move has no way back.
	OneWayMove Reason = "OneWayMove"
	// PinExpiring : the date at which the operator means to look at the pin again is near.
	PinExpiring Reason = "PinExpiring"
	// PinIncompatible : the pinned release does not fit the cluster's Kubernetes version, or will not fit the next one.
	PinIncompatible Reason = "PinIncompatible"
	// PinFailed : nodes did not take the pinned release, and the cluster was put back from it; the pin stays as it is.
	PinFailed Reason = "PinFailed"
	// PinRecalled : the pinned release has been recalled.
	PinRecalled Reason = "PinRecalled"
	// RecalledInstalled : the installed release has been recalled.
	RecalledInstalled Reason = "RecalledInstalled"
	// HeldRelease : the cluster was put back from the wanted release.
	HeldRelease Reason = "HeldRelease"
	// NoSuchRevision : the record has no revision of the number that is to be gone back to.
	NoSuchRevision Reason = "NoSuchRevision"
	// RevisionUnusable : the revision that is to be gone back to names no version, or never was deployed.
	RevisionUnusable Reason = "RevisionUnusable"
	// NothingToGoBackTo : no other revision was deployed before the live one.
	NothingToGoBackTo Reason = "NothingToGoBackTo"
	// NotRolledBack : what a rollback does not bring back.
	NotRolledBack Reason = "NotRolledBack"
	// SettingsKept : the revision does not tell its settings, so a rollback keeps the recorded ones.
	SettingsKept Reason = "SettingsKept"
	// BackFirst : a way back is under way and is finished before anything else.
	BackFirst Reason = "BackFirst"
	// UnknownInstalled : what is installed is no release of the catalog.
	UnknownInstalled Reason = "UnknownInstalled"
	// MissingRight : our own user lacks a right that the change needs.
	MissingRight Reason = "MissingRight"
	// ObjectRefused : the API server refuses an object in a dry run.
	ObjectRefused Reason = "ObjectRefused"
	// FieldConflict : another field manager owns a field that the change would set.
	FieldConflict Reason = "FieldConflict"
	// FieldsTaken : fields that another field manager owns are written over.
	FieldsTaken Reason = "FieldsTaken"
	// FieldsKept : fields that another field manager owns stay as they are.
	FieldsKept Reason = "FieldsKept"
	// OperatorEdit : fields that somebody changed since they were written last are set back.
	OperatorEdit Reason = "OperatorEdit"
	// APINotServed : the API server does not serve the kind of an object in its version.
	APINotServed Reason = "APINotServed"
	// WebhookNoDryRun : a webhook that takes no dry runs keeps an object from being judged before it is written.
	WebhookNoDryRun Reason = "WebhookNoDryRun"
	// NothingToAdopt : nothing of the add-on runs on the cluster.
	NothingToAdopt Reason = "NothingToAdopt"
	// NotAdoptable : what runs cannot be taken over as it is.
	NotAdoptable Reason = "NotAdoptable"
	// FormerOwner : somebody keeps a record of what is adopted, and would write over it or delete it.
	FormerOwner Reason = "FormerOwner"
	// AdoptedAsIs : something around what is adopted is not, or stays as it is.
	AdoptedAsIs Reason = "AdoptedAsIs"
	// ObjectNotOurs : an object of the release's name exists and is not ours.
	ObjectNotOurs Reason = "ObjectNotOurs"
)

// block and note make a finding that stops every write, and one that only speaks.
func block(r Reason, message, fix string) []Finding {
	return []Finding{{Reason: r, Message: message, Fix: fix, Blocking: true}}
}

func note(r Reason, message, fix string) []Finding {
	return []Finding{{Reason: r, Message: message, Fix: fix}}
}
