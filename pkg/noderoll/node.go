package noderoll

import (
	"fmt"
	"time"
)

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
	// CordonedByUs is true when it was us who cordoned it for this add-on, CordonedSince since when. It stays true where somebody else
	// uncordoned it meanwhile: what they want counts, and our mark still has to go.
	CordonedByUs  bool      `json:"cordonedByUs,omitempty"`
	CordonedSince time.Time `json:"cordonedSince,omitzero"`
	// Evictable counts the pods that draining the node has still to evict; -1 where it cannot be told. It is looked at where a
	// drain is asked for and we cordoned the node.
	Evictable int `json:"evictable,omitempty"`
	// Leaving counts the pods that were evicted and have not gone yet.
	Leaving int `json:"leaving,omitempty"`
	// Withheld says what keeps pods from being evicted now, such as a disruption budget; empty when nothing is known to.
	Withheld string `json:"withheld,omitempty"`
	// Stranded says which pods a drain would lose, because nothing would make them anew; empty when there are none.
	Stranded string `json:"stranded,omitempty"`
	// NPN is the node's NativePodNetwork; nil where there is none, and where nobody looked.
	NPN *NPN `json:"npn,omitempty"`
	// Helpers are the pods of ours that stand by its agent. In order of names.
	Helpers []Helper `json:"helpers,omitempty"`
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

// NPN is what was observed of a node's NativePodNetwork, by which Oracle's controller gives a node the addresses of its pods (facts:
// OKE 3.2).
type NPN struct {
	// State such as SUCCESS, IN_PROGRESS or BACKOFF; empty when it does not say, and when nobody may see it.
	State string `json:"state,omitempty"`
	// Reason such as COMPLETED or FailedToCreatePrivateIP; without a state, why that is not known.
	Reason string `json:"reason,omitempty"`
}

// NPNSuccess is the state of a NativePodNetwork that has all it needs.
const NPNSuccess = "SUCCESS"

// fine tells whether it is in success; one that is not there is not.
func (n *NPN) fine() bool { return n != nil && n.State == NPNSuccess }

func (n *NPN) String() string {
	switch {
	case n == nil:
		return "it has no NativePodNetwork"
	case n.Reason == "":
		return "its NativePodNetwork is " + orElse(n.State, "in no state")
	default:
		return fmt.Sprintf("its NativePodNetwork is %s (%s)", orElse(n.State, "not known"), n.Reason)
	}
}

// Condition of a pod, beside those that Kubernetes sets.
type Condition struct {
	Type string `json:"type"`
	// Status is True, False or Unknown.
	Status string `json:"status"`
	// Message in words.
	Message string `json:"message,omitempty"`
}

// Pod is what was observed of the add-on's pod on one node.
type Pod struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
	// Seen is the edition of the pod that was observed: it changes with everything of the pod. It tells nothing by itself.
	Seen string `json:"-"`
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
	// Proved is true when a fresh pod got an address beside it.
	Proved bool `json:"proved,omitempty"`
	// Conditions that others set on it. In order of types.
	Conditions []Condition `json:"conditions,omitempty"`
	// Terminating is true when the pod is being deleted.
	Terminating bool `json:"terminating,omitempty"`
	// Created is when the pod was made.
	Created time.Time `json:"created,omitzero"`
	// Started is when the kubelet accepted the pod; zero when unknown.
	Started time.Time `json:"started,omitzero"`
}
