package kube

// Marks of a roll of the nodes.
const (
	// AnnotationRoll on a workload is what the roll of its nodes remembers, as JSON. It stands in no release: applying one leaves it.
	AnnotationRoll = "addonctl.io/roll"
	// AnnotationActions on the binding of a release's own guard of its pods holds the actions that the guard has, while it is lifted.
	AnnotationActions = "addonctl.io/validation-actions"
	// AnnotationFresh on an agent's pod is the address that a fresh pod got beside it, and when.
	AnnotationFresh = "addonctl.io/fresh-pod"
	// AnnotationCordoned on a node is when we cordoned it, in RFC 3339, and for the roll of which release's agents; nodes that others
	// cordoned have none.
	AnnotationCordoned = "addonctl.io/cordoned"
)

// Marks of a helper pod: one of ours that stands by the agent of a node, which owns it.
const (
	// LabelHelper is its purpose, pull or fresh.
	LabelHelper = "addonctl.io/helper"
	// LabelRelease is the release of the add-on whose agent it stands by.
	LabelRelease = "addonctl.io/release"
	// AnnotationBy is the UID of that agent.
	AnnotationBy = "addonctl.io/by"
)

// Names of the guard of VCN-native's pods from 2.3.0 on, OKE's and that of our charts (facts: OKE 2.6).
const (
	PodGuard        = "npn-pod-deletion-deny-policy"
	PodGuardBinding = "npn-pod-deletion-deny-policy-binding"
)

// PodGuardCopy is the ConfigMap in kube-system that holds the binding while it is taken away, under the binding's name.
const PodGuardCopy = "addonctl-pod-guard"

// RollManager is the field manager of a roll's own marks, so that they belong to no release's fields.
const RollManager = FieldManager + "-roll"

// Boots names the ConfigMap in which the boot IDs of nodes are kept from when an add-on's release was written that nodes take at their next
// boot.
func Boots(release string) string { return "addonctl-boots-" + release }

// Keys of that ConfigMap: the number of the revision, and the boot IDs by the nodes' names as a JSON object.
const (
	BootsRevision = "revision"
	BootsNodes    = "nodes"
)
