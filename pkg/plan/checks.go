package plan

// Check is one named rule. It reads a decision and says nothing, notes something, or blocks.
type Check struct {
	Name string
	Run  func(decision) []Finding
}

// Checks is the policy, in the order in which findings are shown: first what the cluster is, then what is wanted, then
// what writing it would meet.
var Checks = []Check{
	// A cluster has one network type for life (facts: OKE 1.1, rules 1 and 2).
	{"network-type-known", networkTypeKnown},
	{"network-type-immutable", networkTypeImmutable},
	// Record, stamp and running CNI agree, so that neither deleting the record nor the stamp changes the type.
	{"network-type-proven", networkTypeProven},
	// One record per cluster: a second name would be a way around a pin.
	{"one-record", oneRecord},
	{"pod-cidrs-immutable", podCIDRsImmutable},
	// Exactly one CNI add-on per cluster (facts: OKE rule 3), and never over one that is not ours.
	{"one-cni", oneCNI},
	{"not-paused", notPaused},
	// A pin is the operator's and is never changed by us (facts: OKE 2.5, rule 11).
	{"pin-kept", pinKept},
	{"pin-date", pinDate},
	// Installing is for a cluster without the add-on; moving it is another verb, so that a pipeline that runs twice moves nothing.
	{"install-once", installOnce},
	// The wanted release exists and fits (facts: OKE rules 9 and 10).
	{"release-known", releaseKnown},
	{"release-status", releaseStatus},
	{"kubernetes-range", kubernetesRange},
	{"kubelet-range", kubeletRange},
	{"listed-for", listedFor},
	{"backwards", backwards},
	// Every node's addresses lie in the network that flannel is told (facts: CNI A1.7, B32).
	{"pod-cidr-in-network", podCIDRInNetwork},
	// A DaemonSet's rolling update replaces broken old pods without limit (facts: CNI B8).
	{"old-pods-available", oldPodsAvailable},
	{"nodes-ready", nodesReady},
	// One refusal in the dry run means that nothing is written.
	{"own-rights", ownRights},
	{"dry-run", dryRun},
	{"complete", complete},
}
