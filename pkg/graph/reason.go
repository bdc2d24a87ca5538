package graph

// Reasons of a Closing. A required stop closes with its own Reason (catalog.Stop), a block with its Name (catalog.Block).
const (
	// SameRelease : the move ends where it starts.
	SameRelease = "SameRelease"
	// UnknownRelease : the catalog has no such release.
	UnknownRelease = "UnknownRelease"
	// Recalled : the release has been withdrawn and is never entered.
	Recalled = "Recalled"
	// NotActive : automatic mode takes and passes ACTIVE releases only (facts: OKE 8, rule 9).
	NotActive = "NotActive"
	// PreviewPassed : a PREVIEW release is taken by somebody who asks for it, and never on the way to another.
	PreviewPassed = "PreviewPassed"
	// KubernetesOutOfRange : the release is not made for the API server's version.
	KubernetesOutOfRange = "KubernetesOutOfRange"
	// KubeletOutOfRange : the release is not made for the kubelet of a node that should run it.
	KubeletOutOfRange = "KubeletOutOfRange"
	// NotInRealm : the release is not published in the cluster's realm (facts: OKE 2.8).
	NotInRealm = "NotInRealm"
	// MinorStep : the step crosses more minors than the add-on's rules allow.
	MinorStep = "MinorStep"
	// NoWayBack : what lies between the two releases cannot be taken back. Also the property of Verify that every move
	// which promises a way back has one.
	NoWayBack = "NoWayBack"
	// Backwards : automatic mode never moves to an older release.
	Backwards = "Backwards"
)
