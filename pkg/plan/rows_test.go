package plan_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

// allRows are the rows of every rule, by a sentence.
func allRows(tb testing.TB) map[string]row {
	tb.Helper()
	out := map[string]row{}
	for _, rows := range []map[string]row{
		rowsOfNetworkAndWriting(tb), rowsOfFacts(tb), rowsOfClusters(tb), rowsOfPins(tb), rowsOfReleases(tb), rowsOfPaths(tb), rowsOfNodes(tb), rowsOfSettings(tb), rowsOfTheRecord(tb),
		rowsOfRollback(tb), rowsOfRolls(tb), rowsOfFailedPins(tb),
	} {
		for name := range rows {
			if _, twice := out[name]; twice {
				tb.Fatalf("two rows are called %q", name)
			}
		}
		maps.Copy(out, rows)
	}
	return out
}

func rowsOfNetworkAndWriting(tb testing.TB) map[string]row {
	tb.Helper()
	return map[string]row{
		"no type recorded and none given": {
			"network-type-known", fresh(tb), plan.NotRegistered, true, "no recorded network type",
		},
		"a type without an add-on in the catalog": {
			"network-type-known", with(fresh(tb), func(in *plan.Input) {
				in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.OCIVCNIPNative}
				in.Catalog.AddOns = slices.DeleteFunc(in.Catalog.AddOns, func(a catalog.AddOn) bool { return a.Name == "OciVcnIpNative" })
			}), plan.NoAddOn, true, "OCI_VCN_IP_NATIVE",
		},
		"a type that a rule chose": {
			"network-type-rule", with(fresh(tb), func(in *plan.Input) {
				in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.FlannelOverlay, TypeRule: "rule oke-api (OKE's API)"}
			}), plan.NetworkTypeByRule, false, "becomes FLANNEL_OVERLAY, for life, by rule oke-api",
		},
		"another type than the recorded one": {
			"network-type-immutable", with(settled(tb, "0.26.2"), func(in *plan.Input) {
				in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.OCIVCNIPNative}
			}), plan.NetworkTypeImmutable, true, "FLANNEL_OVERLAY (recorded) and cannot become OCI_VCN_IP_NATIVE",
		},
		"another type than the stamped one, the record being deleted": {
			"network-type-immutable", with(fresh(tb), func(in *plan.Input) {
				in.Cluster.Stamp = &plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: "uid-1"}
				in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.OCIVCNIPNative}
			}), plan.NetworkTypeImmutable, true, "stamped on the cluster",
		},
		"a record without a stamp": {
			"network-type-proven", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp = nil }),
			plan.NetworkTypeUnproven, true, "carries no stamp",
		},
		"a stamp of another cluster": {
			"network-type-proven", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp.UID = "uid-2" }),
			plan.NetworkTypeUnproven, true, "another cluster",
		},
		"a stamp that the record contradicts": {
			"network-type-proven", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp.NetworkType = catalog.OCIVCNIPNative }),
			plan.NetworkTypeUnproven, true, "stamped OCI_VCN_IP_NATIVE",
		},
		"a stamp that the running CNI contradicts": {
			"network-type-proven", with(settled(tb, "0.26.2"), func(in *plan.Input) {
				in.Cluster.CNIs = append(in.Cluster.CNIs, plan.CNI{Plugin: "vcn-native", NetworkType: catalog.OCIVCNIPNative, Workload: "kube-system/vcn-native-ip-cni"})
			}), plan.NetworkTypeUnproven, true, "vcn-native-ip-cni",
		},
		"a second name for the same cluster": {
			"one-record", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp.Cluster = "other" }), plan.OtherRecord, true, "registered as other",
		},
		"a record that was deleted, and an update": {
			"one-record", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.NetworkType = "" }, request(plan.Update, "")), plan.RecordLost, true, "is not there",
		},
		"a record that was deleted, and a look": {
			"one-record", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.NetworkType = "" }), plan.RecordLost, false, "is not there",
		},
		"other pod CIDRs than the live ones": {
			"pod-cidrs-immutable", with(settled(tb, "0.26.2"), func(in *plan.Input) {
				in.Installed.Network = []string{"10.244.0.0/16"}
				in.Request = plan.Request{Verb: plan.Install, PodCIDRs: []string{"10.0.0.0/8"}}
			}), plan.NetworkTypeImmutable, true, "10.244.0.0/16",
		},
		"an object that is gone": {
			"complete", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Change.Missing = []string{"ClusterRole flannel"} }),
			plan.ObjectsMissing, false, "ClusterRole flannel",
		},
		"an image that somebody changed": {
			"complete", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Installed.Version = "0.25.1" }), plan.LiveDiffers, false, "of 0.25.1",
		},
		"a way back with more broken pods than may be": {
			"old-pods-available", with(settled(tb, "0.27.3"), request(plan.Update, "0.26.2"), broken(3)), plan.OldPodsUnavailable, false, "node-1",
		},
		"broken pods long after a move that was never settled": {
			"old-pods-available", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), broken(2), leftToTheController, func(in *plan.Input) {
				in.Record.Revisions[0].Status = plan.PendingUpgrade
			}), plan.OldPodsUnavailable, true, "replace them all together",
		},
		"other pod CIDRs than the recorded ones": {
			"pod-cidrs-immutable", with(settled(tb, "0.26.2"), func(in *plan.Input) {
				in.Cluster.PodCIDRs = []string{"10.244.0.0/16"}
				in.Request = plan.Request{Verb: plan.Install, PodCIDRs: []string{"10.0.0.0/8"}}
			}), plan.NetworkTypeImmutable, true, "10.244.0.0/16",
		},
		"a pod CIDR that is none": {
			"pod-cidrs-immutable", with(fresh(tb), install(""), func(in *plan.Input) { in.Request.PodCIDRs = []string{"10.244.0.0"} }),
			plan.BadPodCIDR, true, `"10.244.0.0"`,
		},
		"a flannel that is not ours": {
			"one-cni", with(fresh(tb), install(""), func(in *plan.Input) {
				in.Cluster.CNIs = []plan.CNI{{Plugin: "flannel", NetworkType: catalog.FlannelOverlay, Workload: "kube-flannel/kube-flannel-ds", Owner: "field manager kubectl"}}
			}), plan.ForeignCNI, true, "kube-flannel/kube-flannel-ds (put there by field manager kubectl)",
		},
		"another CNI": {
			"one-cni", with(fresh(tb), install(""), func(in *plan.Input) {
				in.Cluster.CNIs = []plan.CNI{{Plugin: "cilium", Workload: "kube-system/cilium"}}
			}), plan.OtherCNI, true, "exactly one CNI",
		},
		"a paused cluster": {
			"not-paused", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Paused = true }), plan.Paused, true, "paused",
		},
		"a guard that is not in place": {
			"guarded", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Guard.Wrong = []string{"ValidatingAdmissionPolicy x"} }), plan.GuardMissing, false,
			"ValidatingAdmissionPolicy x",
		},
		"an API server without admission policies": {
			"guarded", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Guard.Unsupported = true }), plan.GuardUnsupported, false, "1.30",
		},
		"a guard that may not be looked at": {
			"guarded", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Cluster.Guard.Unknown = true }), plan.GuardUnknown, false, "may not list admission policies",
		},
		"an update of an add-on whose record is gone": {
			"wish-recorded", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Desired = plan.Desired{} }, request(plan.Update, "")), plan.WishLost, true, "not known",
		},
		"an update against a pin": {
			"pin-kept", with(settled(tb, "0.26.2"), pinnedTo("0.26.2"), request(plan.Update, "")), plan.Pinned, true, `pinned to 0.26.2 (reason "kernel", ticket NET-1)`,
		},
		"an update to another version than the pin's": {
			"pin-kept", with(settled(tb, "0.26.2"), pinnedTo("0.26.2"), request(plan.Update, "0.27.3")), plan.Pinned, true, "pinned to 0.26.2",
		},
		"a pin whose day has passed": {
			"pin-date", with(settled(tb, "0.26.2"), pinnedTo("0.26.2"), func(in *plan.Input) { in.Desired.Pin.Until = now.Add(-time.Hour) }),
			plan.PinExpired, false, "2026-11-22",
		},
		"installing another version over an installed one": {
			"install-once", with(settled(tb, "0.26.2"), install("0.27.3")), plan.AlreadyInstalled, true, "0.26.2 is installed, or recorded to be",
		},
		"a version that nobody knows": {
			"release-known", with(fresh(tb), install("0.99.1")), plan.UnknownVersion, true, "these fit: 0.27.3, 0.26.2, 0.24.4",
		},
		"a Kubernetes that nothing fits": {
			"release-known", with(fresh(tb), install(""), kubernetes("v1.21.0")), plan.NoFittingRelease, true, "1.21.0",
		},
		"a version that Kubernetes is too old for": {
			"kubernetes-range", with(fresh(tb), install("0.27.3"), kubernetes("v1.33.2")), plan.KubernetesOutOfRange, true, "these fit: 0.26.2, 0.24.4",
		},
		"an installed version that does not fit any more": {
			"kubernetes-range", with(settled(tb, "0.27.3"), kubernetes("v1.33.2")), plan.KubernetesOutOfRange, false, "needs Kubernetes 1.34",
		},
		"a pinned version that does not fit any more": {
			"pin-fits", with(settled(tb, "0.27.3"), kubernetes("v1.33.2"), pinnedTo("0.27.3")), plan.PinIncompatible, false, "needs Kubernetes 1.34",
		},
		"a node whose kubelet is too old": {
			"kubelet-range", with(settled(tb, "0.26.2"), request(plan.SetPin, "0.27.3"), func(in *plan.Input) { in.Nodes[1].KubeletVersion = "v1.33.1" }),
			plan.NodeOutOfRange, false, "node-2 (v1.33.1)",
		},
		"a Kubernetes that the release is not listed for": {
			"listed-for", with(fresh(tb), install("0.26.2")), plan.NotListedFor, false, "1.31, 1.32, 1.33",
		},
		"a way back": {
			"backwards", with(settled(tb, "0.27.3"), request(plan.Update, "0.26.2")), plan.Backwards, false, "older than the installed 0.27.3",
		},
		"a node outside of the network": {
			"pod-cidr-in-network", with(fresh(tb), install(""), func(in *plan.Input) { in.Nodes[2].PodCIDRs = []string{"192.168.0.0/24"} }),
			plan.PodCIDROutsideNetwork, true, "node-3 (192.168.0.0/24)",
		},
		"a node without a pod CIDR": {
			"pod-cidr-in-network", with(fresh(tb), install(""), func(in *plan.Input) { in.Nodes[2].PodCIDRs = nil }),
			plan.NodeWithoutPodCIDR, false, "node-3",
		},
		"more broken old pods than a rolling update holds back": {
			"old-pods-available", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), broken(2), leftToTheController), plan.OldPodsUnavailable, true,
			"replace them all together",
		},
		"more broken old pods, which a roll changes one by one": {
			"old-pods-available", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), broken(2)), plan.OldPodsUnavailable, false, "node-1",
		},
		"as many broken old pods as may be": {
			"old-pods-available", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), broken(1)), plan.OldPodsUnavailable, false, "node-1",
		},
		"a node that is not Ready": {
			"nodes-ready", with(settled(tb, "0.26.2"), func(in *plan.Input) { in.Nodes[0].Ready = false }), plan.NodesNotReady, false, "node-1",
		},
		"a right that we lack": {
			"own-rights", with(fresh(tb), install(""), func(in *plan.Input) { in.Change.MissingRights = []string{"create daemonsets.apps in kube-system"} }),
			plan.MissingRight, true, "create daemonsets.apps in kube-system",
		},
		"an object that the server refuses": {
			"dry-run", with(fresh(tb), install(""), func(in *plan.Input) {
				in.Change.Objects = []plan.ObjectChange{{Object: "DaemonSet kube-flannel-ds", Action: plan.Refused, Message: "field is immutable"}}
			}), plan.ObjectRefused, true, "field is immutable",
		},
		"a field that somebody else owns": {
			"dry-run", with(settled(tb, "0.26.2"), func(in *plan.Input) {
				in.Change.Objects = []plan.ObjectChange{{Object: "DaemonSet kube-flannel-ds", Action: plan.Conflict, Message: "image (kubectl-set)"}}
			}), plan.FieldConflict, true, "kubectl-set",
		},
		"an object that is not ours": {
			"dry-run", with(fresh(tb), install(""), func(in *plan.Input) {
				in.Change.Objects = []plan.ObjectChange{{Object: "ClusterRole flannel", Action: plan.NotOurs, Message: "it belongs to somebody"}}
			}), plan.ObjectNotOurs, true, "ClusterRole flannel",
		},
	}
}

func rowsOfFacts(tb testing.TB) map[string]row {
	tb.Helper()
	return map[string]row{
		"a Kubernetes version that nobody tells": {
			"facts-known", with(settled(tb, "0.26.2"), request(plan.Update, ""), func(in *plan.Input) { in.Cluster.Kubernetes = kubernetesOf("") }),
			plan.FactUnknown, true, "the fact kubernetes is unknown",
		},
		"a node that tells no kubelet, and a release for certain ones": {
			"facts-known", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), func(in *plan.Input) { in.Nodes[1].KubeletVersion = "" }),
			plan.FactUnknown, true, "the fact kubelet is unknown: Flannel 0.27.3 needs it, and 1 node does not tell it: node-2",
		},
		"a node that tells a kubelet which is none": {
			"facts-known", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), func(in *plan.Input) { in.Nodes[1].KubeletVersion = "latest" }),
			plan.FactUnknown, true, "the fact kubelet is unknown",
		},
		"a node that tells no kernel, and a release that needs one": {
			"facts-known", with(calico(tb, "3.28.2"), request(plan.Update, "3.30.3"), accepting, func(in *plan.Input) { in.Nodes[0].Kernel = "" }),
			plan.FactUnknown, true, "the fact kernel is unknown: Calico 3.30.3 needs it, and 1 node does not tell it: node-1",
		},
		"a node that tells no architecture, and a release for some": {
			"facts-known", with(calico(tb, "3.30.0"), request(plan.Update, "3.30.3"), func(in *plan.Input) { in.Nodes[2].Architecture = "" }),
			plan.FactUnknown, true, "the fact architecture is unknown",
		},
		"a fact that a release on the way needs, and the goal does not": {
			"facts-known", with(calico(tb, "3.28.2"), request(plan.Update, "3.32.0"), accepting, func(in *plan.Input) {
				release(tb, in.Catalog, "Calico", "3.32.0").Nodes = catalog.NodeNeeds{}
				in.Nodes[0].Kernel = ""
			}), plan.FactUnknown, true, "Calico 3.30.3 needs it",
		},
		"what two sources tell differently, and a move": {
			"facts-agree", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), contradiction), plan.FactContradictory, true, "contradictory fact clusterType: the record says basic",
		},
		"a newer release that only an unknown fact closes": {
			"held-back", with(settled(tb, "0.26.2"), request(plan.Update, ""), func(in *plan.Input) {
				in.Catalog = clone(in.Catalog)
				release(tb, in.Catalog, "Flannel", "0.27.3").Realms = []string{"OC1"}
			}), plan.FactUnknown, false, "Flannel 0.27.3 is newer and is not taken because of what nobody has told: realm",
		},
		"what two sources tell differently, and nothing to move": {
			"facts-agree", with(settled(tb, "0.26.2"), contradiction), plan.FactContradictory, false, "clusterType",
		},
		"a kubelet that is newer than the API server": {
			"facts-agree", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), func(in *plan.Input) { in.Nodes[1].KubeletVersion = "v1.37.0" }),
			plan.FactContradictory, true, "contradictory fact kubelet: newer than the API server's 1.36.3 on node-2 (1.37.0)",
		},
		"an architecture that the release is not built for": {
			"node-needs", with(calico(tb, "3.30.0"), request(plan.Update, "3.30.3"), func(in *plan.Input) { in.Nodes[1].Architecture = "riscv64" }),
			plan.NodeUnfit, true, "Calico 3.30.3 does not run on 1 node because of the architecture: node-2 (riscv64)",
		},
		"an operating system that it does not run on": {
			"node-needs", with(calico(tb, "3.30.0"), request(plan.Update, "3.30.3"), func(in *plan.Input) { in.Nodes[1].OS = "windows" }),
			plan.NodeUnfit, true, "the operating system: node-2 (windows)",
		},
		"a kernel that is too old": {
			"node-needs", with(calico(tb, "3.30.0"), request(plan.Update, "3.30.3"), func(in *plan.Input) { in.Nodes[0].Kernel = "5.4.17-2136.el8uek.x86_64" }),
			plan.NodeUnfit, true, "the kernel: node-1 (5.4.17-2136.el8uek.x86_64)",
		},
		"a module that is missing": {
			"node-needs", with(calico(tb, "3.30.0"), request(plan.Update, "3.30.3"), nodeFact(2, catalog.FactBrNetfilter, "missing")),
			plan.NodeUnfit, true, "the kernel modules: node-3 (br_netfilter is missing)",
		},
		"an iptables backend that it does not know": {
			"node-needs", with(calico(tb, "3.30.0"), request(plan.Update, "3.30.3"), nodeFact(2, catalog.FactIptables, "legacy")),
			plan.NodeUnfit, true, "the iptables backend: node-3 (legacy)",
		},
		"a node that the installed release does not run on": {
			"node-needs", with(calico(tb, "3.30.3"), func(in *plan.Input) { in.Nodes[1].Architecture = "riscv64" }), plan.NodeUnfit, false, "riscv64",
		},
		"a node that a release on the way does not run on": {
			"node-needs", with(calico(tb, "3.28.2"), request(plan.Update, "3.32.0"), accepting, func(in *plan.Input) {
				release(tb, in.Catalog, "Calico", "3.32.0").Nodes = catalog.NodeNeeds{}
				in.Nodes[1].Architecture = "riscv64"
			}), plan.NodeUnfit, true, "Calico 3.30.3 does not run on",
		},
	}
}

func contradiction(in *plan.Input) {
	in.Cluster.Contradictions = []string{"clusterType: the record says basic, and OKE says enhanced"}
}

func nodeFact(node int, f catalog.Fact, value string) func(*plan.Input) {
	return func(in *plan.Input) { in.Nodes[node].Facts = map[string]string{string(f): value} }
}

func rowsOfClusters(tb testing.TB) map[string]row {
	tb.Helper()
	pool := func(kind catalog.NodeKind, t catalog.NetworkType) func(*plan.Input) {
		return func(in *plan.Input) {
			in.Cluster.Pools = append(in.Cluster.Pools, plan.Pool{Name: "pool-2", Kind: kind, NetworkType: t})
		}
	}
	driver := func(in *plan.Input) { in.Cluster.Driver = plan.DriverOKE }
	dual := func(in *plan.Input) { in.Cluster.IPFamilies = []string{"IPv4", "IPv6"} }
	update := request(plan.Update, "2.3.0")
	besideFlannel := with(calico(tb, "3.30.3"), func(in *plan.Input) {
		in.Cluster.NetworkType, in.Cluster.Stamp.NetworkType = catalog.FlannelOverlay, catalog.FlannelOverlay
		in.Cluster.CNIs[0].NetworkType = catalog.FlannelOverlay
		in.Installed, in.Record = plan.Installed{}, plan.Record{}
		in.Request = plan.Request{Verb: plan.Install}
	})
	cni := func(seen plan.CNIAddOn) func(*plan.Input) {
		return func(in *plan.Input) { in.Cluster.CNI = &seen }
	}
	calicoMove := with(calico(tb, "3.30.0"), request(plan.Update, "3.30.3"))
	rolling := plan.CNIAddOn{Installed: true, Version: "3.3.0"}
	return map[string]row{
		"Calico where the CNI is not ours, and it would move": {
			"cni-first", with(calicoMove, cni(plan.CNIAddOn{})), plan.CNIFirst, true, "OciVcnIpNative is not installed by addonctl",
		},
		"Calico where the CNI is gone, and nothing moves": {
			"cni-first", with(calico(tb, "3.30.3"), cni(plan.CNIAddOn{})), plan.CNIFirst, false, "OciVcnIpNative is not installed by addonctl",
		},
		"Calico while nodes take the CNI, and it would move": {
			"cni-first", with(calicoMove, cni(rolling)), plan.CNIFirst, true, "nodes are still taking OciVcnIpNative 3.3.0",
		},
		"the CNI of the other network type": {
			"network-type-known", with(native(tb, "2.2.3"), func(in *plan.Input) { in.AddOn = "Flannel" }), plan.NetworkTypeImmutable, true,
			"Flannel is the CNI of FLANNEL_OVERLAY, and cluster in-cluster is OCI_VCN_IP_NATIVE",
		},
		"somebody else's Calico, and ours": {
			"one-cni", with(calicoMove, func(in *plan.Input) {
				in.Cluster.CNIs = append(in.Cluster.CNIs, plan.CNI{Plugin: "calico", Workload: "calico-system/calico-node"})
			}), plan.ForeignCNI, true, "calico already runs as calico-system/calico-node and is not managed by addonctl",
		},
		"a pool of another type": {
			"one-pool-type", with(settled(tb, "0.26.2"), pool(catalog.Managed, catalog.OCIVCNIPNative)), plan.FactContradictory, true,
			"contradictory fact networkType: the cluster is FLANNEL_OVERLAY, and 1 node pool is not: pool-2 (OCI_VCN_IP_NATIVE)",
		},
		"VCN-native below its floor": {
			"version-floors", with(native(tb, "2.2.3"), update, kubernetes("1.21.9"), kubelets("1.21.9")), plan.BelowFloor, true,
			"Kubernetes 1.22 or later is needed for VCN-native pod networking, and 1.21.9 is here",
		},
		"VCN-native on self-managed nodes below its floor": {
			"version-floors", with(native(tb, "2.2.3"), update, kubernetes("1.27.9"), kubelets("1.27.9"), pool(catalog.SelfManaged, "")), plan.BelowFloor, true,
			"Kubernetes 1.27.10 or later is needed for VCN-native pod networking on self-managed nodes, and 1.27.9 is here",
		},
		"self-managed nodes below their floor": {
			"version-floors", with(settled(tb, "0.26.2"), kubernetes("1.24.9"), kubelets("1.24.9"), pool(catalog.SelfManaged, "")), plan.BelowFloor, false,
			"Kubernetes 1.25 or later is needed for self-managed nodes",
		},
		"virtual nodes below their floor": {
			"version-floors", with(native(tb, "2.2.3"), update, kubernetes("1.24.9"), kubelets("1.24.9"), pool(catalog.Virtual, "")), plan.BelowFloor, true,
			"Kubernetes 1.25 or later is needed for virtual nodes",
		},
		"dual stack on a control plane below its floor": {
			"version-floors", with(native(tb, "2.2.3"), update, kubernetes("1.28.10"), kubelets("1.28.10"), dual), plan.BelowFloor, true,
			"Kubernetes 1.29 or later is needed for dual-stack networking, and 1.28.10 is here",
		},
		"dual stack on workers below its floor": {
			"version-floors", with(native(tb, "2.2.3"), update, kubernetes("1.29.1"), kubelets("1.28.10"), dual), plan.BelowFloor, true, "dual-stack networking on every node, and 1.28.10 is here",
		},
		"OKE's add-on API on a basic cluster": {
			"cluster-type", with(settled(tb, "0.26.2"), driver, fact(catalog.FactClusterType, "basic")), plan.BasicCluster, true, "enhanced clusters only",
		},
		"our own charts on a basic cluster": {
			"cluster-type", with(settled(tb, "0.26.2"), fact(catalog.FactClusterType, "basic")), plan.BasicCluster, false, "yours to update",
		},
		"OKE's add-on API on a cluster of unknown type": {
			"cluster-type", with(settled(tb, "0.26.2"), driver), plan.FactUnknown, true, "the fact clusterType is unknown",
		},
		"a basic cluster with self-managed nodes": {
			"cluster-type", with(settled(tb, "0.26.2"), fact(catalog.FactClusterType, "basic"), pool(catalog.SelfManaged, "")), plan.FactContradictory, true,
			"contradictory fact clusterType",
		},
		"virtual nodes and flannel": {
			"node-kinds", with(settled(tb, "0.26.2"), pool(catalog.Virtual, "")), plan.NodeKindUnfit, true, "Flannel does not run on Virtual nodes",
		},
		"virtual nodes and Calico": {
			"node-kinds", with(calico(tb, "3.30.3"), func(in *plan.Input) { in.Nodes[0].Kind = "Virtual" }), plan.NodeKindUnfit, false, "no NetworkPolicy holds there",
		},
		"Calico beside flannel through OKE": {
			"beside-cni", with(besideFlannel, driver, fact(catalog.FactClusterType, "enhanced")), plan.NotBeside, true, "not supported by Oracle",
		},
		"Calico beside flannel by our charts": {
			"beside-cni", besideFlannel, plan.NotBeside, false, "not supported by Oracle",
		},
		"Calico beside flannel where pods already run": {
			"way-back", besideFlannel, plan.OneWayMove, true, "installing Calico beside FLANNEL_OVERLAY is OneWay where pods already run",
		},
		"Calico beside flannel, accepted": {
			"way-back", with(besideFlannel, accepting), plan.OneWayMove, false, "it was accepted",
		},
	}
}

func rowsOfPins(tb testing.TB) map[string]row {
	tb.Helper()
	until := func(d time.Duration) func(*plan.Input) {
		return func(in *plan.Input) { in.Desired.Pin.Until = now.Add(d) }
	}
	put := func(v string) func(*plan.Input) {
		return func(in *plan.Input) { in.Held = []plan.Held{{Version: v, Reason: "pods lost DNS", At: now}} }
	}
	return map[string]row{
		"a pin whose day is near": {
			"pin-date", with(settled(tb, "0.26.2"), pinnedTo("0.26.2"), until(14*24*time.Hour)), plan.PinExpiring, false, "by 2026-12-06",
		},
		"a pin that does not fit the next minor": {
			"pin-fits", with(native(tb, "2.3.0"), pinnedTo("2.3.0"), kubernetes("1.35.1"), kubelets("1.35.1")), plan.PinIncompatible, false,
			"OciVcnIpNative is pinned to 2.3.0, which is made for Kubernetes 1.28 to 1.35 and not for the next minor, 1.36",
		},
		"pinning to what does not fit the next minor": {
			"pin-fits", with(native(tb, "2.2.3"), request(plan.SetPin, "2.3.0"), kubernetes("1.35.1"), kubelets("1.35.1")), plan.PinIncompatible, false, "the next minor, 1.36",
		},
		"an operator who takes a held release": {
			"held-release", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), put("0.27.3")), plan.HeldRelease, false,
			"the cluster was put back from Flannel 0.27.3 (pods lost DNS)",
		},
		"a pin to a recalled release that is installed": {
			"recalled-installed", with(native(tb, "2.2.0"), pinnedTo("2.2.0")), plan.PinRecalled, false, "the pin holds it there",
		},
	}
}

func rowsOfReleases(tb testing.TB) map[string]row {
	tb.Helper()
	recalled := func(in *plan.Input) { release(tb, in.Catalog, "OciVcnIpNative", "3.3.0").Status = catalog.Recalled }
	return map[string]row{
		"a recalled release, asked for": {
			"release-status", with(native(tb, "2.1.0"), request(plan.Update, "2.2.0")), plan.Recalled, true, "OciVcnIpNative 2.2.0 has been recalled",
		},
		"a recalled release, pinned": {
			"release-status", with(native(tb, "2.2.3"), request(plan.SetPin, "2.2.0"), accepting), plan.Recalled, true, "2.2.0 has been recalled",
		},
		"a deprecated release that is passed": {
			"release-status", with(native(tb, "2.2.3"), request(plan.Update, "3.3.0"), func(in *plan.Input) {
				release(tb, in.Catalog, "OciVcnIpNative", "2.3.0").Status = catalog.Deprecated
			}), plan.NotActive, false, "the way to OciVcnIpNative 3.3.0 passes 2.3.0, which is DEPRECATED",
		},
		"a preview, asked for": {
			"release-status", with(native(tb, "3.3.0"), request(plan.Update, "3.4.0")), plan.NotActive, false, "3.4.0 is PREVIEW",
		},
		"a deprecated release, entered": {
			"release-status", with(native(tb, "2.1.0"), request(plan.Update, "2.2.3"), func(in *plan.Input) {
				release(tb, in.Catalog, "OciVcnIpNative", "2.2.3").Status = catalog.Deprecated
			}), plan.NotActive, true, "2.2.3 is DEPRECATED: automatic updates never take it; it is unsupported",
		},
		"a deprecated release, entered for a reason": {
			"release-status", with(native(tb, "2.1.0"), request(plan.Update, "2.2.3"), accepting, func(in *plan.Input) {
				release(tb, in.Catalog, "OciVcnIpNative", "2.2.3").Status = catalog.Deprecated
			}), plan.NotActive, false, "2.2.3 is DEPRECATED",
		},
		"a deprecated release, gone back to": {
			"release-status", with(native(tb, "2.2.3"), request(plan.Update, "2.1.0")), plan.NotActive, false, "2.1.0 is DEPRECATED",
		},
		"a deprecated release, put back where it was deleted": {
			"release-status", with(native(tb, "2.1.0"), deleted), plan.NotActive, false, "2.1.0 is DEPRECATED",
		},
		"a recalled release that is installed": {
			"recalled-installed", native(tb, "2.2.0"), plan.RecalledInstalled, false, "OciVcnIpNative 2.2.0, which is installed, has been recalled",
		},
		"a recalled release that nothing newer replaces": {
			"recalled-installed", with(native(tb, "3.3.0"), recalled), plan.RecalledInstalled, false, "has been recalled",
		},
		"a recalled release that nothing else replaces": {
			"recalled-installed", with(native(tb, "3.3.0"), recalled, func(in *plan.Input) {
				for _, a := range in.Catalog.AddOns {
					for i := range a.Releases {
						a.Releases[i].Status = catalog.Recalled
					}
				}
			}), plan.RecalledInstalled, false, "nothing else fits",
		},
		"a stop that is recalled while nodes are taking it": {
			"recalled-installed", with(native(tb, "2.2.3"), rolling("2.2.3", "2.3.0"), request(plan.Update, "3.3.0"), func(in *plan.Input) {
				release(tb, in.Catalog, "OciVcnIpNative", "2.3.0").Status = catalog.Recalled
			}), plan.RecalledInstalled, false, "OciVcnIpNative 2.3.0, which is installed, has been recalled",
		},
		"an installed release that the catalog does not know": {
			"installed-known", with(settled(tb, "0.25.5"), request(plan.Update, "")), plan.UnknownInstalled, false, "Flannel 0.25.5 is installed, which is no release of the catalog",
		},
		"an installed release that the catalog does not know, and nothing asked": {
			"release-known", settled(tb, "0.25.5"), plan.UnknownVersion, true, "the catalog has no Flannel 0.25.5",
		},
		"a live image whose tag is no version, and a move": {
			"installed-known", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), func(in *plan.Input) { in.Installed.Version = "sha256:77f1" }),
			plan.UnknownInstalled, true, `whose tag is no version ("sha256:77f1")`,
		},
		"installing another version where only the live add-on tells of it": {
			"install-once", with(settled(tb, "0.26.2"), install("0.27.3"), func(in *plan.Input) { in.Desired = plan.Desired{} }),
			plan.AlreadyInstalled, true, "Flannel 0.26.2 is installed",
		},
		"installing another version than the pinned one": {
			"install-once", with(fresh(tb), install("0.27.3"), pinnedTo("0.26.2")), plan.AlreadyInstalled, true, "Flannel 0.26.2 is installed, or recorded to be",
		},
		"installing another version than automatic mode takes where that is recorded": {
			"install-once", with(fresh(tb), install("0.26.2"), func(in *plan.Input) { in.Desired.AddOn = "Flannel" }), plan.AlreadyInstalled, true, "Flannel 0.27.3",
		},
	}
}

func deleted(in *plan.Input) { in.Installed, in.Cluster.CNIs = plan.Installed{}, nil }

func rowsOfPaths(tb testing.TB) map[string]row {
	tb.Helper()
	update := request(plan.Update, "3.3.0")
	return map[string]row{
		"a fact that would open the move": {
			"path-open", with(calico(tb, "3.30.3"), request(plan.Update, "3.32.0"), accepting, fact(catalog.FactAdminNetworkPolicies)), plan.MoveClosed, true,
			"Calico cannot go from 3.30.3 to 3.32.0: AdminNetworkPolicies would be lost (AdminPoliciesLost), see https://example.com/lost; not known of this cluster: adminNetworkPolicies",
		},
		"a fact that closes the move": {
			"path-open", with(calico(tb, "3.30.3"), request(plan.Update, "3.32.0"), accepting, fact(catalog.FactAdminNetworkPolicies, "3")), plan.MoveClosed, true,
			"AdminNetworkPolicies would be lost",
		},
		"a stop that does not fit the cluster": {
			"path-open", with(native(tb, "2.2.3"), update, kubernetes("1.36.1"), kubelets("1.36.1")), plan.MoveClosed, true,
			"OciVcnIpNative cannot go from 2.2.3 to 3.3.0: OciVcnIpNative 2.3.0 needs Kubernetes 1.35 or earlier",
		},
		"a stop that was recalled": {
			"path-open", with(native(tb, "2.2.3"), update, func(in *plan.Input) {
				release(tb, in.Catalog, "OciVcnIpNative", "2.3.0").Status = catalog.Recalled
			}), plan.MoveClosed, true, "OciVcnIpNative 2.3.0 has been recalled",
		},
		"a way back that was given up": {
			"path-open", with(calico(tb, "3.32.0"), request(plan.Update, "3.30.3")), plan.MoveClosed, true, "there is no way back from Calico 3.32.0 to 3.30.3",
		},
		"a way back that was given up before the roll that is under way": {
			"path-open", with(calico(tb, "3.30.3"), rolling("3.30.3", "3.32.0"), request(plan.Update, "3.28.2")), plan.MoveClosed, true, "there is no way back",
		},
		"a move of two steps": {
			"several-steps", with(native(tb, "2.2.3"), update), plan.SeveralSteps, false,
			"goes in 2 steps, 2.2.3 -> 2.3.0 -> 3.3.0; 2.3 changes how nodes take an update",
		},
		"a danger of a step that comes later": {
			"later-hazards", with(native(tb, "2.2.3"), update), plan.LaterHazards, false, "the later step 2.3.0 -> 3.3.0 has hazards of its own: PoolGrows",
		},
		"a danger that will stop a later step": {
			"later-hazards", with(native(tb, "2.2.3"), update, func(in *plan.Input) {
				i := slices.IndexFunc(in.Catalog.AddOns, func(a catalog.AddOn) bool { return a.Name == "OciVcnIpNative" })
				in.Catalog.AddOns[i].Hazards[0].Blocking = true
			}), plan.LaterHazards, true, "the later step 2.3.0 -> 3.3.0 would be refused: PoolGrows",
		},
		"a danger of the step after the one that is under way": {
			"later-hazards", with(native(tb, "2.2.3"), rolling("2.2.3", "2.3.0"), update), plan.LaterHazards, false, "PoolGrows",
		},
		"nodes that have not taken the stop": {
			"finish-first", with(native(tb, "2.2.3"), rolling("2.2.3", "2.3.0"), update, runs(0, "2.3.0")), plan.FinishFirst, false,
			"node-2, node-3 still run 2.2.3, from where 3.3.0 cannot be reached in one step: 2.3.0 comes first",
		},
		"a stop that every node has taken and that is not settled": {
			"finish-first", with(native(tb, "2.2.3"), rolling("2.2.3", "2.3.0"), update, runs(0, "2.3.0"), runs(1, "2.3.0"), runs(2, "2.3.0")), plan.FinishFirst, false,
			"OciVcnIpNative 2.3.0 is not settled, and 3.3.0 cannot be reached in one step from 2.2.3",
		},
		"a node without a pod while a stop is being taken": {
			"finish-first", with(native(tb, "2.2.3"), rolling("2.2.3", "2.3.0"), update, runs(0, "2.3.0"), runs(1, "2.3.0"), func(in *plan.Input) { in.Nodes[2].Pod = nil }),
			plan.FinishFirst, false, "2.3.0 comes first",
		},
		"a node whose release cannot be read": {
			"finish-first", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), runs(1, "sha256:77f1")), plan.FinishFirst, false,
			"node-2 still runs a release that cannot be read",
		},
		"nodes that have not taken a live release which the catalog does not know": {
			"finish-first", with(native(tb, "2.2.3"), rolling("2.2.3", "2.3.1"), update), plan.FinishFirst, true, "it is no release of the catalog",
		},
		"a move that can be taken back at a price": {
			"way-back", with(native(tb, "2.2.3"), request(plan.Update, "2.3.0")), plan.WayBackCosts, false,
			"OciVcnIpNative 2.2.3 -> 2.3.0 is ReversibleWithLoss: nodes have to be rebooted or replaced",
		},
		"a move that has no way back": {
			"way-back", with(calico(tb, "3.30.3"), request(plan.Update, "3.32.0")), plan.OneWayMove, true, "Calico 3.30.3 -> 3.32.0 is OneWay",
		},
		"a move that has no way back, accepted": {
			"way-back", with(calico(tb, "3.30.3"), request(plan.Update, "3.32.0"), accepting), plan.OneWayMove, false, "it was accepted",
		},
		"a move that has no way back, and a yes to another": {
			"way-back", with(calico(tb, "3.30.3"), func(in *plan.Input) {
				in.Desired.MoveTo, in.Desired.Accept = "3.32.0", plan.Accept{Version: "3.30.3", Reason: "earlier"}
			}), plan.OneWayMove, true, "OneWay",
		},
		"a move that has no way back, asked for anew": {
			"way-back", with(calico(tb, "3.30.3"), request(plan.Update, "3.32.0"), func(in *plan.Input) {
				in.Desired.Accept = plan.Accept{Version: "3.32.0", Reason: "an earlier move"}
			}), plan.OneWayMove, true, "OneWay",
		},
	}
}

func rowsOfNodes(tb testing.TB) map[string]row {
	tb.Helper()
	return map[string]row{
		"releases that nodes take in different ways": {
			"mechanism-changes", with(native(tb, "2.2.3"), request(plan.Update, "2.3.0")), plan.MechanismChanges, false,
			"2.3.0 changes how nodes take it, from OnReboot",
		},
		"a release that waits for reboots": {
			"nodes-follow", with(native(tb, "2.1.0"), request(plan.Update, "2.2.3")), plan.RebootPending, false,
			"at their next reboot and not before; 3 nodes are on another release: node-1, node-2, node-3",
		},
		"a release that waits for its pods to be deleted": {
			"nodes-follow", with(native(tb, "2.2.3"), rolling("2.2.3", "2.3.0"), runs(0, "2.3.0")), plan.NodesHold, false,
			"2 nodes are on another release: node-2, node-3",
		},
		"a target that cannot be rendered": {
			"renderable", with(settled(tb, "0.26.2"), request(plan.Update, "0.27.3"), func(in *plan.Input) { in.Change.Unrenderable = "no chart for it" }),
			plan.NotRenderable, true, "Flannel 0.27.3 cannot be rendered: no chart for it",
		},
		"broken pods that nothing replaces by itself": {
			"old-pods-available", with(native(tb, "2.3.0"), request(plan.Update, "3.3.0"), broken(3)), plan.OldPodsUnavailable, false, "3 nodes are without an available pod",
		},
	}
}
