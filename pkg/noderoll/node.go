package noderoll

import "time"

// NotSelected is why a node should not run an add-on's pod when the pod's node selector or required node affinity leaves
// it out. Other reasons are taints, written "taint KEY:EFFECT".
const NotSelected = "not selected by the add-on's node affinity"

// Node is what was observed of one node.
type Node struct {
	Name string `json:"name"`
	// Pool is the node pool's name; empty when the node does not say.
	Pool string `json:"pool,omitempty"`
	// Zone is the availability domain.
	Zone string `json:"zone,omitempty"`
	// KubeletVersion as the node reports it.
	KubeletVersion string `json:"kubeletVersion,omitempty"`
	// Kind is OKE's: Managed, SelfManaged or Virtual; empty when nothing tells.
	Kind string `json:"kind,omitempty"`
	// OS and Architecture as Kubernetes writes them (linux, amd64); empty when the node has not said.
	OS           string `json:"os,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	// OSImage and Kernel as the kubelet reports them; empty when the node has not said.
	OSImage string `json:"osImage,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	// Facts that no kubelet reports, by name, such as brNetfilter: loaded. What is missing is unknown.
	Facts map[string]string `json:"facts,omitempty"`
	// PodCIDRs that the controller manager gave the node.
	PodCIDRs []string `json:"podCIDRs,omitempty"`
	// Ready is the node's own Ready condition.
	Ready bool `json:"ready"`
	// ReadySince is when that condition last changed, either way; zero when the node does not say.
	ReadySince time.Time `json:"readySince,omitzero"`
	// Cordoned nodes take no new pods; DaemonSets' pods excepted.
	Cordoned bool `json:"cordoned,omitempty"`
	// BootID changes with every boot.
	BootID string `json:"bootID,omitempty"`
	// AwaitsReboot is true when the node has not been booted since its agent was changed, as far as that was recorded.
	AwaitsReboot bool `json:"awaitsReboot,omitempty"`
	// Canary is true when the operator's selector of canary nodes matches.
	Canary bool `json:"canary,omitempty"`
	// Exempt says why the node should not run the add-on; empty when it should.
	Exempt string `json:"exempt,omitempty"`
	// Pod is the add-on's pod on the node; nil when there is none. Of several the newest is taken.
	Pod *Pod `json:"pod,omitempty"`
}

// Pod is what was observed of the add-on's pod on one node.
type Pod struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
	// Revision is the hash of the ControllerRevision that the pod was made from.
	Revision string `json:"revision"`
	// Version is read from the image, not from a label: a label can lie, the image cannot.
	Version string `json:"version"`
	// Image of the add-on's main container.
	Image string `json:"image"`
	// Ready is the pod's Ready condition.
	Ready bool `json:"ready"`
	// ReadySince is when that condition last changed, either way; zero when unknown.
	ReadySince time.Time `json:"readySince,omitzero"`
	// Available is Ready for at least the DaemonSet's minReadySeconds.
	Available bool `json:"available"`
	// Restarts of the container that restarted most.
	Restarts int32 `json:"restarts"`
	// Trouble says what keeps the pod from being Ready, such as "kube-flannel: CrashLoopBackOff"; empty when nothing is known.
	Trouble string `json:"trouble,omitempty"`
	// Bad is true when Trouble will not pass by waiting a moment: a crash loop, an image that cannot be pulled.
	Bad bool `json:"bad,omitempty"`
	// Terminating is true when the pod is being deleted.
	Terminating bool `json:"terminating,omitempty"`
	// Created is when the pod was made.
	Created time.Time `json:"created,omitzero"`
	// Started is when the kubelet accepted the pod; zero when unknown.
	Started time.Time `json:"started,omitzero"`
}
