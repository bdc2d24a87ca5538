package plan

import "slices"

// Check is one named rule. It reads a decision and says nothing, notes something, or blocks.
type Check struct {
	Name string
	Run  func(decision) []Finding
}

// Checks is the policy, in the order in which findings are shown: the rules, then the hazards.
var Checks = slices.Concat(rules, hazards)

// rules say first what the cluster is, then what is wanted and how it can be reached, then what writing it would meet.
var rules = []Check{
	// What a rule needs and nobody has told is asked for, never guessed; what two sources tell differently is not believed.
	{"facts-known", factsKnown},
	{"facts-agree", factsAgree},
	{"held-back", heldBack},
	{"held-by-settings", heldBySettings},
	// A cluster has one network type for life (facts: OKE 1.1, rules 1 and 2).
	{"network-type-known", networkTypeKnown},
	{"network-type-immutable", networkTypeImmutable},
	{"network-type-rule", typeRuled},
	// Record, stamp and running CNI agree, so that neither deleting the record nor the stamp changes the type.
	{"network-type-proven", networkTypeProven},
	// One record per cluster: a second name would be a way around a pin.
	{"one-record", oneRecord},
	{"pod-cidrs-immutable", podCIDRsImmutable},
	// Exactly one CNI add-on per cluster and one type in all its pools (facts: OKE rule 3), and never over one that is not ours.
	{"one-cni", oneCNI},
	{"one-pool-type", onePoolType},
	// OKE's floors and kinds of clusters and nodes (facts: OKE rules 4, 5 and 6).
	{"version-floors", versionFloors},
	{"cluster-type", clusterType},
	{"node-kinds", nodeKinds},
	// Calico beside flannel (facts: OKE rule 7; the design decides).
	{"beside-cni", besideCNI},
	// The cluster's pods are wired before anything stands beside what wires them.
	{"cni-first", cniFirst},
	{"not-paused", notPaused},
	// The guard denies deleting or emptying the CNI's objects; a missing one is restored before anything else (docs/guard.md).
	{"guarded", guarded},
	// A pin is the operator's and is never changed by us (facts: OKE 2.5, rule 11).
	{"pin-kept", pinKept},
	{"pin-date", pinDate},
	{"pin-fits", pinFits},
	{"pin-failed", pinFailed},
	{"held-release", heldChosen},
	// A rollback leads to a release that was deployed here, and says before what it does not bring back.
	{"rollback-target", rollbackTarget},
	{"rollback-keeps", rollbackKeeps},
	{"back-first", backFirst},
	// Installing is for a cluster without the add-on; moving it is another verb, so that a pipeline that runs twice moves nothing.
	{"install-once", installOnce},
	{"install-settings", installSettings},
	{"installed-known", installedKnown},
	// The wanted release exists and fits (facts: OKE rules 8, 9 and 10).
	{"release-known", releaseKnown},
	{"release-status", releaseStatus},
	{"recalled-installed", recalledInstalled},
	{"kubernetes-range", kubernetesRange},
	{"kubelet-range", kubeletRange},
	{"listed-for", listedFor},
	{"node-needs", nodeNeeds},
	// What an operator set is taken by every release on the way, and nothing of it is lost (facts: OKE rules 17 and 18).
	{"settings-recorded", settingsRecorded},
	// A lost record is not taken for the wish of nobody.
	{"wish-recorded", wishRecorded},
	{"settings-fit", settingsFit},
	{"configuration-keys", configurationKeys},
	{"settings-change", settingsChange},
	{"backwards", backwards},
	// Open steps lead there, one at a time, and the way back is known before the first (facts: CNI B39, B53, OKE rule 15).
	{"path-open", pathOpen},
	{"several-steps", waypoints},
	{"finish-first", finishFirst},
	{"later-hazards", laterHazards},
	{"way-back", wayBack},
	// How nodes take it (facts: OKE 2.6, rules 13, 14 and 16).
	{"mechanism-changes", mechanismChanges},
	{"nodes-follow", nodesFollow},
	{"roll-policy", rollPolicy},
	{"roll-stands", rollStands},
	// Every node's addresses lie in the network that flannel is told (facts: CNI A1.7, B32).
	{"pod-cidr-in-network", podCIDRInNetwork},
	// A DaemonSet's rolling update replaces broken old pods without limit (facts: CNI B8).
	{"old-pods-available", oldPodsAvailable},
	{"nodes-ready", nodesReady},
	// One refusal in the dry run means that nothing is written.
	{"renderable", renderable},
	{"render-findings", renderFindings},
	{"own-rights", ownRights},
	{"dry-run", dryRun},
	{"complete", complete},
	// The release storage is Helm's, and so are its other tools (facts: CNI B47, B52; docs/record.md).
	{"changed-by-helm", changedByHelm},
	{"revisions-lost", revisionsLost},
}
