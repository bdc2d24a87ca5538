package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// flannelMove updates flannel on three managed nodes. Nothing of it is dangerous.
func flannelMove() hazardMove {
	m := hazardMove{to: "0.27.3", before: flannelFootprint("0.27.2"), after: flannelFootprint("0.27.3")}
	m.addOn = catalog.AddOn{
		Name: "Flannel", NetworkType: catalog.FlannelOverlay,
		Workload: catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "kube-flannel-ds", Container: "kube-flannel"},
		Releases: releases("0.30.0", "0.27.3", "0.27.2", "0.26.2"),
	}
	m.in = moving(catalog.FlannelOverlay, "0.27.2", "0.27.3")
	m.in.Change.Network = []string{"10.244.0.0/16"}
	m.in.Cluster.CNIs = []plan.CNI{{
		Plugin: "flannel", NetworkType: catalog.FlannelOverlay,
		Workload: "kube-system/kube-flannel-ds", Ours: true,
	}}
	return m
}

// flannelInstall puts flannel on the same nodes for the first time.
func flannelInstall() hazardMove { return flannelMove().installing() }

// calicoMove updates Calico beside VCN-native pods. Nothing of it is dangerous.
func calicoMove() hazardMove {
	m := hazardMove{to: "3.31.6", before: calicoFootprint("v3.31.5"), after: calicoFootprint("v3.31.6")}
	m.addOn = catalog.AddOn{
		Name: "Calico", Beside: []catalog.NetworkType{catalog.OCIVCNIPNative},
		Workload: catalog.Workload{Namespace: "kube-system", Kind: "DaemonSet", Name: "calico-node", Container: "calico-node"},
		Releases: releases("3.32.0", "3.31.6", "3.31.5"),
	}
	m.in = moving(catalog.OCIVCNIPNative, "3.31.5", "3.31.6")
	m.in.Cluster.CNIs = []plan.CNI{{
		Plugin: "vcn-native", NetworkType: catalog.OCIVCNIPNative,
		Workload: "kube-system/vcn-native-ip-cni",
	}}
	m.in.Cluster.Facts = catalog.Facts{catalog.FactNetworkPolicies: {"0"}, catalog.FactAdminNetworkPolicies: {"0"}}
	return m
}

func calicoInstall() hazardMove { return calicoMove().installing() }

func (m hazardMove) installing() hazardMove {
	m.before = nil
	m.in.Installed = plan.Installed{}
	for i := range m.in.Nodes {
		m.in.Nodes[i].Pod = nil
	}
	return m
}

func releases(versions ...string) []catalog.Release {
	out := make([]catalog.Release, len(versions))
	for i, v := range versions {
		out[i] = catalog.Release{Version: version.MustParse(v), Status: catalog.Active}
	}
	return out
}

// moving is a cluster of three managed nodes on which an add-on goes from one version to another.
func moving(t catalog.NetworkType, from, to string) plan.Input {
	in := plan.Input{
		Cluster:   plan.Cluster{Name: "c", Kubernetes: version.MustParse("v1.34.2"), NetworkType: t},
		Installed: plan.Installed{Present: true, Ours: true, Version: from, Digest: "digest-" + from},
		Change:    plan.Change{Version: to, Digest: "digest-" + to},
	}
	for i := range 3 {
		in.Nodes = append(in.Nodes, noderoll.Node{
			Name: fmt.Sprintf("node-%d", i+1), Ready: true, Kind: "Managed", OS: "linux", Architecture: "amd64",
			KubeletVersion: "v1.34.2",
			OSImage:        "Oracle Linux Server 9.5", Kernel: "5.15.0-302.167.6.el9uek.x86_64",
			PodCIDRs: []string{fmt.Sprintf("10.244.%d.0/25", i)},
			Pod:      &noderoll.Pod{Name: "p", Version: from, Ready: true, Available: true},
		})
	}
	return in
}

// grants are rights of one account: verbs on resources.
func grants(account, verbs string, resources ...string) []string {
	var out []string
	for _, r := range resources {
		for v := range strings.FieldsSeq(verbs) {
			out = append(out, account+": "+v+" "+r)
		}
	}
	return out
}

// flannelFootprint is that of our chart's flannel at some version, as render.Footprint reads it.
func flannelFootprint(v string) *catalog.Footprint {
	config := "kube-flannel-cfg-1"
	account := "kube-system/flannel"
	return &catalog.Footprint{
		Objects: []string{
			"ClusterRole flannel", "ClusterRoleBinding flannel", "ConfigMap kube-system/" + config,
			"DaemonSet kube-system/kube-flannel-ds",
			"ServiceAccount kube-system/flannel",
		},
		APIs: []string{"apps/v1 DaemonSet", "rbac.authorization.k8s.io/v1 ClusterRole", "v1 ConfigMap"},
		Workloads: []catalog.WorkloadFootprint{{
			Kind: "DaemonSet", Namespace: "kube-system", Name: "kube-flannel-ds", Selector: map[string]string{"app": "flannel"},
			ServiceAccount: "flannel", HostNetwork: true, PriorityClass: "system-node-critical",
			Images:      []string{"ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1", "ghcr.io/flannel-io/flannel:v" + v},
			Tolerations: []string{":NoExecute", ":NoSchedule"},
			NodeAffinity: `{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["linux"]},` +
				`{"key":"oci.oraclecloud.com/custom-k8s-networking","operator":"NotIn","values":["true"]}]}]}`,
			Configuration: []string{"ConfigMap " + config}, Template: "template-" + v,
			Args: []string{"ip-masq=true", "kube-subnet-mgr=true"},
			HostMounts: []catalog.HostMount{
				{At: "/etc/cni/net.d", Path: "/etc/cni/net.d"},
				{At: "/opt/cni/bin", Path: "/opt/cni/bin"},
				{At: "/run/flannel", Path: "/run/flannel"},
				{At: "/run/xtables.lock", Path: "/run/xtables.lock"},
			},
			Strategy: "RollingUpdate", MaxUnavailable: "10%", MinReadySeconds: 10,
		}},
		Bindings: []catalog.Binding{{
			Name: "ClusterRoleBinding flannel", Role: "ClusterRole flannel", Subjects: []string{"ServiceAccount kube-system/flannel"},
		}},
		Grants: slices.Concat(grants(account, "get", "pods"), grants(account, "get list watch", "nodes"), grants(account,
			"patch", "nodes/status")),
		Network: &catalog.NetConf{
			Networks: []string{"10.244.0.0/16"}, Backend: "vxlan", VNI: 1, Port: 8472,
		},
		Chain: &catalog.CNIChain{File: "10-flannel.conflist", Name: "cbr0", Version: "0.3.1", Plugins: []string{
			"flannel",
			"portmap",
		}},
		Bytes: 5000,
	}
}

// calicoFootprint is that of Calico for policies alone beside VCN-native pods.
func calicoFootprint(tag string) *catalog.Footprint {
	account := "kube-system/calico-node"
	ours := func(names ...string) []string {
		for i := range names {
			names[i] += ".crd.projectcalico.org"
		}
		return names
	}
	f := &catalog.Footprint{
		Objects: []string{"ClusterRole calico-node", "DaemonSet kube-system/calico-node", "ServiceAccount kube-system/calico-node"},
		APIs:    []string{"apps/v1 DaemonSet"},
		Workloads: []catalog.WorkloadFootprint{{
			Kind: "DaemonSet", Namespace: "kube-system", Name: "calico-node", Selector: map[string]string{"k8s-app": "calico-node"},
			ServiceAccount: "calico-node", HostNetwork: true, PriorityClass: "system-node-critical",
			Images: []string{"quay.io/calico/node:" + tag}, Tolerations: []string{":NoExecute", ":NoSchedule", "CriticalAddonsOnly:"},
			Env: map[string]string{
				"CALICO_NETWORKING_BACKEND": "none", "FELIX_INTERFACEPREFIX": "oci", "NO_DEFAULT_POOLS": "true",
				"FELIX_CHAININSERTMODE": "Append", "FELIX_IPTABLESMANGLEALLOWACTION": "Return", "CALICO_MANAGE_CNI": "false",
			},
			Template: "template-" + tag, Strategy: "RollingUpdate", MaxUnavailable: "1", ReadinessProbe: true,
		}},
		Grants: slices.Concat(
			grants(account, "list watch", "pods", "namespaces", "serviceaccounts", "networkpolicies.networking.k8s.io",
				"adminnetworkpolicies.policy.networking.k8s.io", "baselineadminnetworkpolicies.policy.networking.k8s.io"),
			grants(account, "get list watch", "nodes"),
			grants(account, "get list watch", ours("felixconfigurations", "globalnetworkpolicies", "hostendpoints",
				"clusterinformations", "tiers",
				"stagednetworkpolicies", "stagedglobalnetworkpolicies", "stagedkubernetesnetworkpolicies")...),
		),
	}
	for _, name := range ours("felixconfigurations", "globalnetworkpolicies", "hostendpoints", "clusterinformations", "tiers",
		"stagednetworkpolicies", "stagedglobalnetworkpolicies", "stagedkubernetesnetworkpolicies") {
		f.Definitions = append(f.Definitions, catalog.Definition{Name: name, Scope: "Cluster", Served: []string{"v1"}, Storage: "v1"})
	}
	return f
}

// shippedCatalog is the catalog that is built in.
func shippedCatalog(tb testing.TB) *catalog.Catalog {
	tb.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func onKubernetes(v string) func(*plan.Input) {
	return func(in *plan.Input) { in.Cluster.Kubernetes = version.MustParse(v) }
}
