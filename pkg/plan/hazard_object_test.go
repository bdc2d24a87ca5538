package plan_test

import (
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

func objectRows() map[string]hazardRow {
	return map[string]hazardRow{
		"another selector": {
			check: "selector-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.agent().Selector = map[string]string{"app": "flannel", "app.kubernetes.io/instance": "flannel"}
			},
			spares: func(m *hazardMove) { m.agent().Template = "other labels of the pods" },
			reason: plan.SelectorChanged, blocking: true, says: "from app=flannel to app=flannel,app.kubernetes.io/instance=flannel",
		},
		"another role in a binding": {
			check: "role-reference-kept", base: flannelMove,
			fires: func(m *hazardMove) { m.after.Bindings[0].Role = "ClusterRole kube-flannel" },
			spares: func(m *hazardMove) {
				m.after.Bindings = append(m.after.Bindings, catalog.Binding{
					Name: "ClusterRoleBinding kube-flannel",
					Role: "ClusterRole kube-flannel",
				})
			},
			reason: plan.RoleReferenceChanged, blocking: true, says: "ClusterRoleBinding flannel goes from ClusterRole " +
				"flannel to ClusterRole kube-flannel",
		},
		"a binding that forgets the old account": {
			check: "binding-subjects-kept", base: flannelMove,
			fires: func(m *hazardMove) { m.after.Bindings[0].Subjects = []string{"ServiceAccount kube-flannel/flannel"} },
			spares: func(m *hazardMove) {
				m.after.Bindings[0].Subjects = append(m.after.Bindings[0].Subjects, "ServiceAccount kube-flannel/flannel")
			},
			reason: plan.SubjectsLost, blocking: true, says: "forgets ServiceAccount kube-system/flannel",
		},
		"another namespace": {
			check: "workload-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().Namespace = "kube-flannel" },
			spares: func(m *hazardMove) { m.agent().ServiceAccount = "kube-flannel" },
			reason: plan.SecondAgent, blocking: true, says: "DaemonSet kube-system/kube-flannel-ds becomes DaemonSet " +
				"kube-flannel/kube-flannel-ds",
		},
		"a DaemonSet without a successor": {
			check: "workload-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.after.Workloads = []catalog.WorkloadFootprint{{Kind: "Deployment", Namespace: "kube-system", Name: "helper"}}
			},
			spares: func(m *hazardMove) {
				m.before.Workloads = append(m.before.Workloads, catalog.WorkloadFootprint{Kind: "Deployment", Name: "helper"})
			},
			reason: plan.AgentRemoved, blocking: true, says: "without their agent",
		},
		"an object that the new release has no more": {
			check: "objects-left", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Objects = append(m.before.Objects, "Service kube-system/flannel")
			},
			spares: func(m *hazardMove) { m.before.Objects[2] = "ConfigMap kube-system/kube-flannel-cfg-0" },
			reason: plan.ObjectsLeft, says: "1 object of the live release is not part of the new one, and nobody updates it " +
				"from then on: Service kube-system/flannel",
		},
		"Calico's canal manifest over flannel": {
			check: "flannel-role-free", base: calicoInstall,
			fires: func(m *hazardMove) {
				m.in.Cluster.NetworkType = catalog.FlannelOverlay
				m.after.Objects = append(m.after.Objects, "ClusterRole flannel")
			},
			spares: func(m *hazardMove) {
				m.in.Cluster.NetworkType = catalog.FlannelOverlay
				m.after.Objects = append(m.after.Objects, "ClusterRole canal-flannel")
			},
			reason: plan.RoleTaken, blocking: true, says: "flannel's own",
		},
		"a release of three MiB": {
			check: "release-size", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.Bytes = 3 << 20 },
			spares: func(m *hazardMove) { m.after.Bytes = 541 << 10 }, // the longest of Calico's
			reason: plan.ReleaseTooLarge, says: "about 1228 KiB",
		},
	}
}

func definitionRows() map[string]hazardRow {
	const tiers = "tiers.crd.projectcalico.org"
	at := func(f *catalog.Footprint) *catalog.Definition {
		i := slices.IndexFunc(f.Definitions, func(d catalog.Definition) bool { return d.Name == tiers })
		return &f.Definitions[i]
	}
	without := func(f *catalog.Footprint) {
		f.Definitions = slices.DeleteFunc(f.Definitions, func(d catalog.Definition) bool { return d.Name == tiers })
	}
	return map[string]hazardRow{
		"a definition that the agent reads and the release forgets": {
			check: "definitions-complete", base: calicoMove,
			fires: func(m *hazardMove) { without(m.before); without(m.after) },
			spares: func(m *hazardMove) { // another group comes from elsewhere
				m.after.Grants = append(m.after.Grants, "kube-system/calico-node: list virtualmachines.kubevirt.io")
			},
			reason: plan.DefinitionsMissing, says: tiers,
		},
		"a definition that the new release has no more": {
			check: "definitions-left", base: calicoMove,
			fires:  func(m *hazardMove) { without(m.after) },
			spares: func(m *hazardMove) { without(m.before) },
			reason: plan.DefinitionsLeft, says: tiers,
		},
		"a version that is stored and dropped": {
			check: "stored-versions-kept", base: calicoMove,
			fires: func(m *hazardMove) {
				at(m.before).Stored = []string{"v1", "v1alpha1"}
			},
			spares: func(m *hazardMove) {
				at(m.before).Served = []string{"v1", "v1alpha1"}
				at(m.before).Stored = []string{"v1"}
			},
			reason: plan.StoredVersionDropped, blocking: true, says: "drops version v1alpha1",
		},
		"the version that was to be stored, and nothing more is known": {
			check: "stored-versions-kept", base: calicoMove,
			fires:  func(m *hazardMove) { at(m.after).Served, at(m.after).Storage = []string{"v2"}, "v2" },
			spares: func(m *hazardMove) { at(m.after).Served, at(m.after).Storage = []string{"v1", "v2"}, "v2" },
			reason: plan.StoredVersionDropped, blocking: true, says: "drops version v1,",
		},
		"no version to store": {
			check: "one-storage-version", base: calicoMove,
			fires:  func(m *hazardMove) { at(m.after).Storage = "" },
			spares: func(m *hazardMove) { at(m.before).Storage = "" },
			reason: plan.NoStorageVersion, blocking: true, says: tiers,
		},
		"another scope": {
			check: "definition-scope-kept", base: calicoMove,
			fires:  func(m *hazardMove) { at(m.after).Scope = "Namespaced" },
			spares: func(m *hazardMove) { at(m.after).Served = []string{"v1", "v2"} },
			reason: plan.ScopeChanged, blocking: true, says: "from scope Cluster to Namespaced",
		},
	}
}

func rightsRows() map[string]hazardRow {
	drop := func(f *catalog.Footprint, ends string) {
		f.Grants = slices.DeleteFunc(f.Grants, func(g string) bool { return strings.HasSuffix(g, ends) })
	}
	return map[string]hazardRow{
		"flannel without the right to say that its node has a network": {
			check: "grants-complete", base: flannelInstall,
			fires: func(m *hazardMove) { drop(m.after, "patch nodes/status") },
			spares: func(m *hazardMove) {
				drop(m.after, "patch nodes/status")
				m.after.Grants = append(m.after.Grants, "kube-system/flannel: * *")
			},
			reason: plan.GrantsMissing, blocking: true, says: "patch nodes/status",
		},
		"Calico without the right to read tiers": {
			check: "grants-complete", base: calicoMove,
			fires: func(m *hazardMove) { drop(m.after, "tiers.crd.projectcalico.org") },
			spares: func(m *hazardMove) {
				drop(m.after, "tiers.crd.projectcalico.org")
				m.after.Grants = append(m.after.Grants, grants("kube-system/calico-node", "get list watch", "*.crd.projectcalico.org")...)
			},
			reason: plan.GrantsMissing, blocking: true, says: "get tiers.crd.projectcalico.org",
		},
		"a right that Calico needs from 3.32 on": {
			check: "grants-complete", base: calicoMove,
			fires:  func(m *hazardMove) { m.to = "3.32.0" },
			spares: none,
			reason: plan.GrantsMissing, blocking: true, says: "list clusternetworkpolicies.policy.networking.k8s.io",
		},
		"rights that end": {
			check: "grants-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Grants = append(m.before.Grants, grants("kube-system/flannel", "list watch", "clustercidrs.networking.k8s.io")...)
			},
			spares: func(m *hazardMove) { slices.Reverse(m.after.Grants) },
			reason: plan.GrantsEnd, says: "2 rights end",
		},
		"an account that the release does not have": {
			check: "account-exists", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().ServiceAccount = "kube-flannel" },
			spares: func(m *hazardMove) { m.agent().ServiceAccount = "default" },
			reason: plan.AccountMissing, says: "ServiceAccount kube-system/kube-flannel",
		},
	}
}

func apiRows() map[string]hazardRow {
	const old = "admissionregistration.k8s.io/v1beta1 ValidatingAdmissionPolicy"
	return map[string]hazardRow{
		"an API that the cluster serves no more": {
			check: "apis-served", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.APIs = append(m.after.APIs, old) },
			spares: func(m *hazardMove) { m.after.APIs = append(m.after.APIs, old); onKubernetes("v1.33.4")(&m.in) },
			reason: plan.APIRemoved, blocking: true, says: old + " (until 1.34)",
		},
		"an API that the next minor serves no more": {
			check: "apis-last", base: flannelMove,
			fires:  func(m *hazardMove) { m.after.APIs = append(m.after.APIs, old); onKubernetes("v1.33.4")(&m.in) },
			spares: func(m *hazardMove) { m.after.APIs = append(m.after.APIs, old); onKubernetes("v1.32.4")(&m.in) },
			reason: plan.APILastMinor, says: "Kubernetes 1.34, the next minor",
		},
		"an API that the cluster does not serve yet": {
			check: "apis-introduced", base: flannelMove,
			fires: func(m *hazardMove) {
				m.after.APIs = append(m.after.APIs, "admissionregistration.k8s.io/v1 MutatingAdmissionPolicy")
			},
			spares: func(m *hazardMove) {
				m.after.APIs = append(m.after.APIs, "admissionregistration.k8s.io/v1 MutatingAdmissionPolicy")
				onKubernetes("v1.36.0")(&m.in)
			},
			reason: plan.APINotYetServed, blocking: true, says: "from 1.36 on",
		},
		"a live release that cannot be written again": {
			check: "way-back-served", base: flannelMove,
			fires:  func(m *hazardMove) { m.before.APIs = append(m.before.APIs, "policy/v1beta1 PodDisruptionBudget") },
			spares: func(m *hazardMove) { m.before.APIs = append(m.before.APIs, "policy/v1 PodDisruptionBudget") },
			reason: plan.WayBackUnserved, says: "no way back",
		},
	}
}

func imageRows() map[string]hazardRow {
	return map[string]hazardRow{
		"another registry": {
			check: "registry-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].Images = []string{"flannel/flannel:v0.26.2", "docker.io/flannel/flannel-cni-plugin:v1"}
			},
			spares: func(m *hazardMove) { m.agent().Images[1] = "ghcr.io/flannel-io/flannel@sha256:1234" },
			reason: plan.RegistryMoved, says: "come from ghcr.io and no more from docker.io alone: " +
				"ghcr.io/flannel-io/flannel, ghcr.io/flannel-io/flannel-cni-plugin;",
		},
		"another repository of the same registry": {
			check: "repositories-kept", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().Images[0] = "ghcr.io/flannel-io/plugin:v1" },
			spares: func(m *hazardMove) { m.agent().Images[0] = "quay.io/flannel-io/plugin:v1" },
			reason: plan.RepositoryNew, says: "ghcr.io/flannel-io/plugin;",
		},
	}
}

func portRows() map[string]hazardRow {
	helper := func(ports ...int) catalog.WorkloadFootprint {
		return catalog.WorkloadFootprint{
			Kind: "Deployment", Namespace: "kube-system", Name: "helper", HostNetwork: true,
			HostPorts: ports,
		}
	}
	return map[string]hazardRow{
		"a port that the release takes from now on": {
			check: "host-ports-new", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().HostPorts = []int{8081} },
			spares: func(m *hazardMove) { m.agent().HostPorts, m.before.Workloads[0].HostPorts = []int{8081}, []int{8081} },
			reason: plan.HostPortsNew, says: "8081 (DaemonSet kube-system/kube-flannel-ds)",
		},
		"a port that an installation takes": {
			check: "host-ports-new", base: calicoInstall,
			fires:  func(m *hazardMove) { m.agent().HostPorts = []int{9099} },
			spares: none,
			reason: plan.HostPortsNew, says: "9099",
		},
		"the kubelet's port": {
			check: "host-ports-reserved", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().HostPorts = []int{10250} },
			spares: func(m *hazardMove) { m.agent().HostPorts = []int{10251} },
			reason: plan.HostPortReserved, blocking: true, says: "belongs to the kubelet",
		},
		"a port of Services": {
			check: "host-ports-reserved", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().HostPorts = []int{32767} },
			spares: func(m *hazardMove) { m.agent().HostPorts = []int{32768} },
			reason: plan.HostPortReserved, says: "node ports",
		},
		"one port for two workloads": {
			check: "host-ports-once", base: flannelMove,
			fires: func(m *hazardMove) {
				m.agent().HostPorts = []int{8081}
				m.after.Workloads = append(m.after.Workloads, helper(8082), helper(8081, 8082))
			},
			spares: func(m *hazardMove) {
				m.agent().HostPorts = []int{8081}
				m.after.Workloads = append(m.after.Workloads, helper(8081), helper(8082)) // the first on other nodes
			},
			reason: plan.HostPortTwice, blocking: true, says: "the same port 8082",
		},
		"a surge pod that waits for its node's port": {
			check: "surge", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().MaxSurge, m.agent().HostPorts = "1", []int{8081} },
			spares: func(m *hazardMove) { m.agent().MaxSurge, m.agent().HostPorts = "0", []int{8081} },
			reason: plan.SurgeStuck, blocking: true, says: "stands still at the first node",
		},
		"two agents on a node": {
			check: "surge", base: flannelMove,
			fires:  func(m *hazardMove) { m.agent().MaxSurge = "25%" },
			spares: func(m *hazardMove) { m.agent().MaxSurge, m.agent().HostNetwork = "25%", false },
			reason: plan.SurgeStuck, blocking: true, says: "two agents run on one node",
		},
		"a Typha that has nowhere to go": {
			check: "surge", base: flannelMove,
			fires: func(m *hazardMove) {
				w := helper(5473)
				w.MaxSurge, m.in.Nodes = "100%", m.in.Nodes[:1]
				m.after.Workloads = append(m.after.Workloads, w)
			},
			spares: func(m *hazardMove) {
				w := helper(5473)
				w.MaxSurge = "100%"
				m.after.Workloads = append(m.after.Workloads, w)
			},
			reason: plan.SurgeStuck, says: "waits for ever",
		},
	}
}
