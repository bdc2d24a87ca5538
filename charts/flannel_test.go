package charts_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
)

var flannelVariants = map[string]variant{
	"dual-stack": {
		releases: []string{"0.20.2", "0.27.3"},
		settings: render.Settings{PodCIDRs: []string{"10.244.0.0/16", "fd00:10:244::/56"}, IPFamilies: []string{"IPv4", "IPv6"}},
	},
	"nft": {
		releases: []string{"0.27.3"},
		settings: render.Settings{Values: map[string]any{"enableNFTables": true}},
	},
	"options": {
		releases: []string{"0.27.3"},
		settings: render.Settings{Values: map[string]any{
			"cniBinDir": "/var/lib/cni/bin", "cniConfDir": "/var/lib/cni/net.d", "priorityClassName": "network-critical",
			"imagePullSecrets": []any{map[string]any{"name": "mirror"}},
			"backend":          map[string]any{"type": "wireguard", "mtu": 9000, "persistentKeepaliveInterval": 25},
			"agent": map[string]any{
				"iface": []any{"ens3", "ens5"}, "iptablesResync": 30, "ipMasq": false, "iptablesForwardRules": false,
			},
		}},
	},
	"selector": {
		releases: []string{"0.27.3"},
		settings: render.Settings{Values: map[string]any{"selectorLabels": map[string]any{"k8s-app": "flannel", "tier": "node"}, "respectOptOut": false}},
	},
	"no-conf": {
		releases: []string{"0.27.3"},
		settings: render.Settings{Values: map[string]any{"skipCNIConfigInstallation": true}},
	},
	"health-port": {
		releases: []string{"0.28.9"},
		settings: render.Settings{Values: map[string]any{"agent": map[string]any{"healthzPort": 18081}}},
	},
	"own-namespace": {
		releases: []string{"0.27.3"},
		settings: render.Settings{Values: map[string]any{"namespace": "kube-flannel"}},
	},
	"configurations": {
		releases: []string{"0.27.3"},
		settings: render.Settings{Configurations: map[string]string{
			"affinity": `{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
				{"nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}]}}}`,
			"nodeSelectors":                   `{"kubernetes.io/arch": "arm64"}`,
			"tolerations":                     `[{"key": "spot", "operator": "Exists", "effect": "PreferNoSchedule"}]`,
			"rollingUpdate":                   `{"maxUnavailable": "25%", "maxSurge": 1}`,
			"kube-flannel.ContainerResources": `{"limits": {"cpu": "500m", "memory": "200Mi"}, "requests": {"cpu": "100m", "memory": "100Mi"}}`,
		}},
	},
}

// flannel renders the chart with values of a version.
func flannel(t *testing.T, version string, changes map[string]any) rendered {
	t.Helper()
	return renderChart(t, "flannel", "flannel", flannelValues(version, changes))
}

func flannelValues(version string, changes map[string]any) map[string]any {
	return valuesOf(version, []string{"flannel", "flannel-cni-plugin"}, changes)
}

func flannelDaemonSet(t *testing.T, r rendered) appsv1.DaemonSetSpec {
	t.Helper()
	return only[*appsv1.DaemonSet](t, r, "kube-flannel-ds").Spec
}

func flannelAgent(t *testing.T, r rendered) corev1.Container {
	t.Helper()
	return flannelContainer(t, flannelDaemonSet(t, r).Template.Spec, "kube-flannel")
}

func flannelContainer(t *testing.T, pod corev1.PodSpec, name string) corev1.Container {
	t.Helper()
	all := slices.Concat(pod.InitContainers, pod.Containers)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("the pod has no container %s", name)
	}
	return all[i]
}

func flannelConfig(t *testing.T, r rendered) *corev1.ConfigMap {
	t.Helper()
	found := all[*corev1.ConfigMap](r)
	if len(found) != 1 {
		t.Fatalf("there are %d ConfigMaps, want one", len(found))
	}
	return found[0]
}

// Plain Helm installs what automatic mode would.
func TestFlannelsDefaultsAreTheNewestActiveRelease(t *testing.T) {
	t.Parallel()
	var newest catalog.Release
	for _, r := range addOn(t, "Flannel").Releases {
		if r.Status == catalog.Active && (newest.Version.IsZero() || r.Version.Compare(newest.Version) > 0) {
			newest = r
		}
	}
	have := loadChart(t, "flannel").Values
	for name, want := range newest.ChartValues() {
		if diff := cmp.Diff(want, have[name]); diff != "" {
			t.Errorf("default of %s (-%s of the catalog +values.yaml):\n%s", name, newest.Version, diff)
		}
	}
	plain, released := renderChart(t, "flannel", "flannel", nil), renderChart(t, "flannel", "flannel", newest.ChartValues())
	if diff := cmp.Diff(released.text, plain.text); diff != "" {
		t.Errorf("render without any value (-release +plain):\n%s", diff)
	}
}

// What a flannel version implies, one row per version at which something changes, and the version just before it.
func TestVersionDecidesWhatFlannelNeeds(t *testing.T) {
	t.Parallel()
	type switches struct{ ClusterCIDRs, NFTablesKey, ContWhenNotReady, InstallConf, Healthz bool }
	tests := map[string]switches{
		"0.20.2":  {},
		"0.21.0":  {ClusterCIDRs: true},
		"0.24.4":  {ClusterCIDRs: true},
		"0.25.0":  {NFTablesKey: true},
		"0.26.2":  {NFTablesKey: true},
		"0.27.0":  {NFTablesKey: true},
		"0.27.1":  {NFTablesKey: true, ContWhenNotReady: true},
		"0.27.3":  {NFTablesKey: true, ContWhenNotReady: true},
		"0.28.5":  {NFTablesKey: true, ContWhenNotReady: true},
		"0.28.6":  {NFTablesKey: true, ContWhenNotReady: true, InstallConf: true},
		"0.28.8":  {NFTablesKey: true, ContWhenNotReady: true, InstallConf: true},
		"0.28.9":  {NFTablesKey: true, ContWhenNotReady: true, InstallConf: true, Healthz: true},
		"0.28.10": {NFTablesKey: true, ContWhenNotReady: true, InstallConf: true, Healthz: true},
		"1.0.0":   {NFTablesKey: true, ContWhenNotReady: true, InstallConf: true, Healthz: true},
	}
	for version, want := range tests {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			r := flannel(t, version, nil)
			agent, install := flannelAgent(t, r), flannelContainer(t, flannelDaemonSet(t, r).Template.Spec, "install-cni")
			got := switches{
				ClusterCIDRs:     slices.ContainsFunc(flannelRights(t, r), func(right string) bool { return strings.Contains(right, "clustercidrs") }),
				NFTablesKey:      decodeJSON(t, flannelConfig(t, r), "net-conf.json")["EnableNFTables"] == false,
				ContWhenNotReady: slices.Contains(agent.Env, corev1.EnvVar{Name: "CONT_WHEN_CACHE_NOT_READY", Value: "false"}),
				InstallConf:      install.Command[0] == "/opt/bin/install-conf" && !slices.Contains(install.Args, "-f"),
				Healthz:          slices.Contains(agent.Args, "--healthz-port=8081") && agent.LivenessProbe != nil && agent.ReadinessProbe != nil,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("switches of %s (-want +got):\n%s", version, diff)
			}
			if probed := agent.LivenessProbe != nil || agent.ReadinessProbe != nil || len(agent.Ports) > 0; probed != want.Healthz {
				t.Errorf("ports and probes present: %t, want %t", probed, want.Healthz)
			}
		})
	}
}

// The agent has the rights that its version uses, and no others (facts: CNI A1.3).
func TestFlannelHasTheRightsThatItsVersionNeeds(t *testing.T) {
	t.Parallel()
	always := []string{"get nodes", "get pods", "list nodes", "patch nodes/status", "watch nodes"}
	clusterCIDRs := append([]string{"list clustercidrs.networking.k8s.io", "watch clustercidrs.networking.k8s.io"}, always...)
	for version, want := range map[string][]string{
		"0.20.2": always, "0.21.0": clusterCIDRs, "0.22.3": clusterCIDRs, "0.24.4": clusterCIDRs, "0.25.0": always,
		"0.26.7": always, "0.27.3": always, "0.28.9": always,
	} {
		r := flannel(t, version, nil)
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), flannelRights(t, r)); diff != "" {
			t.Errorf("%s: rights (-needed +granted):\n%s", version, diff)
		}
		binding := only[*rbacv1.ClusterRoleBinding](t, r, "flannel")
		if diff := cmp.Diff([]rbacv1.Subject{{Kind: "ServiceAccount", Name: "flannel", Namespace: "kube-system"}}, binding.Subjects); diff != "" {
			t.Errorf("%s: subjects (-want +got):\n%s", version, diff)
		}
		if account := flannelDaemonSet(t, r).Template.Spec.ServiceAccountName; account != "flannel" {
			t.Errorf("%s: the pods run as %q", version, account)
		}
	}
}

// flannelRights are the role's rules one by one, as "verb resource.group", sorted.
func flannelRights(t *testing.T, r rendered) []string {
	t.Helper()
	var out []string
	for _, rule := range only[*rbacv1.ClusterRole](t, r, "flannel").Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					out = append(out, strings.TrimSuffix(verb+" "+resource+"."+group, "."))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// flannelOptions are sets of values that have little in common, with whether they change what the agent reads.
var flannelOptions = map[string]struct {
	changes  map[string]any
	otherCfg bool
}{
	"none":          {nil, false},
	"a wide range":  {map[string]any{"podCIDRs": []any{"10.0.0.0/12"}}, true},
	"dual stack":    {map[string]any{"podCIDRs": []any{"10.244.0.0/16", "fd00::/56"}}, true},
	"another VNI":   {map[string]any{"backend": map[string]any{"vni": 7}}, true},
	"wireguard":     {map[string]any{"backend": map[string]any{"type": "wireguard"}}, true},
	"nft":           {map[string]any{"enableNFTables": true}, true},
	"no conf":       {map[string]any{"skipCNIConfigInstallation": true}, true},
	"own namespace": {map[string]any{"namespace": "kube-flannel"}, false},
	"folders":       {map[string]any{"cniBinDir": "/a", "cniConfDir": "/b"}, false},
	"agent":         {map[string]any{"agent": map[string]any{"ipMasq": false, "iface": []any{"ens3"}}}, false},
	"pod": {map[string]any{
		"priorityClassName": "x", "nodeSelector": map[string]any{"a": "b"}, "tolerations": []any{map[string]any{"operator": "Exists"}},
		"resources": map[string]any{"limits": map[string]any{"cpu": "1"}}, "imagePullSecrets": []any{map[string]any{"name": "x"}},
	}, false},
	"strategy": {map[string]any{"updateStrategy": map[string]any{"type": "OnDelete"}, "minReadySeconds": 1}, false},
	"configurations": {map[string]any{"configurations": map[string]any{
		"nodeSelectors": map[string]any{"a": "b"}, "numOfReplicas": 3, "rollingUpdate": map[string]any{"maxUnavailable": 2},
	}}, false},
}

// The selector can never be changed on a cluster, so it must not depend on anything, and the pods of every template have to
// match it.
func TestFlannelsSelectorDependsOnNothing(t *testing.T) {
	t.Parallel()
	want := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "flannel"}}
	check := func(name string, r rendered, version string) {
		spec := flannelDaemonSet(t, r)
		if diff := cmp.Diff(want, spec.Selector); diff != "" {
			t.Errorf("%s: selector (-want +got):\n%s", name, diff)
		}
		wantLabels := map[string]string{"app": "flannel", "tier": "node", "app.kubernetes.io/version": version}
		if diff := cmp.Diff(wantLabels, spec.Template.Labels); diff != "" {
			t.Errorf("%s: template labels (-want +got):\n%s", name, diff)
		}
	}
	for _, release := range addOn(t, "Flannel").Releases {
		values := release.ChartValues()
		check(release.Version.String(), renderChart(t, "flannel", "flannel", values), release.Version.Core())
		check("Helm release cni, "+release.Version.String(), renderChart(t, "flannel", "cni", values), release.Version.Core())
	}
	for name, o := range flannelOptions {
		for _, version := range []string{"0.25.0", "0.27.3", "0.28.9"} {
			check(name+", "+version, flannel(t, version, o.changes), version)
		}
	}
}

func TestFlannelsImagesReachTheirContainers(t *testing.T) {
	t.Parallel()
	for _, r := range addOn(t, "Flannel").Releases {
		image, _ := r.Image("flannel")
		plugin, _ := r.Image("flannel-cni-plugin")
		pod := flannelDaemonSet(t, renderChart(t, "flannel", "flannel", r.ChartValues())).Template.Spec
		got := map[string]string{}
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			got[c.Name] = c.Image
		}
		want := map[string]string{"install-cni-plugin": plugin, "install-cni": image, "kube-flannel": image}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: images (-want +got):\n%s", r.Version, diff)
		}
	}
}

// flannelNodes keep the agent off other systems, pools that opted out, and virtual nodes.
var flannelNodes = []corev1.NodeSelectorRequirement{
	{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}},
	{Key: "oci.oraclecloud.com/custom-k8s-networking", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"true"}},
}

// flannelTolerations are for every taint that would keep a pod away.
var flannelTolerations = []corev1.Toleration{
	{Effect: corev1.TaintEffectNoSchedule, Operator: corev1.TolerationOpExists},
	{Effect: corev1.TaintEffectNoExecute, Operator: corev1.TolerationOpExists},
}

func TestFlannelIsOnEveryLinuxNodeThatDidNotOptOut(t *testing.T) {
	t.Parallel()
	pod := flannelDaemonSet(t, flannel(t, "0.27.3", nil)).Template.Spec
	want := &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: flannelNodes}},
	}}}
	if diff := cmp.Diff(want, pod.Affinity); diff != "" {
		t.Errorf("affinity (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(flannelTolerations, pod.Tolerations); diff != "" {
		t.Errorf("tolerations (-want +got):\n%s", diff)
	}
	if !pod.HostNetwork || pod.PriorityClassName != "system-node-critical" || pod.NodeSelector != nil || pod.ImagePullSecrets != nil {
		t.Errorf("host network %t, priority class %q, node selector %v, pull secrets %v",
			pod.HostNetwork, pod.PriorityClassName, pod.NodeSelector, pod.ImagePullSecrets)
	}
}

func TestFlannelsCNIConfigurationIsUpstreamsChain(t *testing.T) {
	t.Parallel()
	want := map[string]any{
		"name": "cbr0", "cniVersion": "0.3.1",
		"plugins": []any{
			map[string]any{"type": "flannel", "delegate": map[string]any{"hairpinMode": true, "isDefaultGateway": true}},
			map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}},
		},
	}
	for _, r := range addOn(t, "Flannel").Releases {
		got := decodeJSON(t, flannelConfig(t, renderChart(t, "flannel", "flannel", r.ChartValues())), "cni-conf.json")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: conflist (-want +got):\n%s", r.Version, diff)
		}
	}
}

func TestFlannelsNetworkConfigurationFollowsTheValues(t *testing.T) {
	t.Parallel()
	net := func(changes map[string]any) map[string]any {
		out := map[string]any{"Network": "10.244.0.0/16", "EnableNFTables": false, "Backend": map[string]any{"Type": "vxlan"}}
		maps.Copy(out, changes)
		return out
	}
	backend := func(changes map[string]any) map[string]any { return map[string]any{"backend": changes} }
	tests := map[string]struct{ changes, want map[string]any }{
		"the default range": {nil, net(nil)},
		"another range":     {map[string]any{"podCIDRs": []any{"10.0.0.0/12"}}, net(map[string]any{"Network": "10.0.0.0/12"})},
		"dual stack, IPv6 first": {
			map[string]any{"podCIDRs": []any{"fd00:10:244::/56", "10.244.0.0/16"}, "ipFamilies": []any{"IPv4", "IPv6"}},
			net(map[string]any{"EnableIPv6": true, "IPv6Network": "fd00:10:244::/56"}),
		},
		"nft": {map[string]any{"enableNFTables": true}, net(map[string]any{"EnableNFTables": true})},
		"options of vxlan": {
			backend(map[string]any{"vni": 9999999, "port": 4789, "mtu": 9000, "gbp": true, "directRouting": true, "learning": false}),
			net(map[string]any{"Backend": map[string]any{
				"Type": "vxlan", "VNI": 9999999.0, "Port": 4789.0, "MTU": 9000.0, "GBP": true, "DirectRouting": true, "Learning": false,
			}}),
		},
		"host-gw": {backend(map[string]any{"type": "host-gw"}), net(map[string]any{"Backend": map[string]any{"Type": "host-gw"}})},
		"wireguard over two families": {
			map[string]any{
				"podCIDRs": []any{"10.244.0.0/16", "fd00::/56"},
				"backend": map[string]any{
					"type": "wireguard", "listenPort": 51000, "listenPortV6": 51001, "mode": "separate", "mtu": 1400, "persistentKeepaliveInterval": 0,
				},
			},
			net(map[string]any{
				"EnableIPv6": true, "IPv6Network": "fd00::/56",
				"Backend": map[string]any{
					"Type": "wireguard", "ListenPort": 51000.0, "ListenPortV6": 51001.0, "Mode": "separate", "MTU": 1400.0,
					"PersistentKeepaliveInterval": 0.0,
				},
			}),
		},
		"ipip": {
			backend(map[string]any{"type": "ipip", "directRouting": true}),
			net(map[string]any{"Backend": map[string]any{"Type": "ipip", "DirectRouting": true}}),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decodeJSON(t, flannelConfig(t, flannel(t, "0.27.3", tt.changes)), "net-conf.json")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("net-conf (-want +got):\n%s", diff)
			}
		})
	}
}

// A pod that restarts in the middle of an update must find the configuration of its own template, not the new one; and
// what changes nothing in it must not bring a new one.
func TestFlannelsConfigurationIsNamedAfterItsContent(t *testing.T) {
	t.Parallel()
	contents, byName := map[string]string{}, map[string]string{}
	for _, version := range []string{"0.25.0", "0.26.2", "0.27.3"} {
		base := flannelConfig(t, flannel(t, version, nil)).Name
		for option, o := range flannelOptions {
			r := flannel(t, version, o.changes)
			config, at := flannelConfig(t, r), version+" with "+option
			if used := flannelVolumes(t, r)["flannel-cfg"].ConfigMap.Name; used != config.Name {
				t.Errorf("%s: the volume names %q, the ConfigMap is %q", at, used, config.Name)
			}
			if config.Immutable == nil || !*config.Immutable {
				t.Errorf("%s: the ConfigMap is not immutable", at)
			}
			if !strings.HasPrefix(config.Name, "kube-flannel-cfg-") || len(config.Name) != len("kube-flannel-cfg-")+10 {
				t.Errorf("%s: the ConfigMap is named %q", at, config.Name)
			}
			if other := config.Name != base; other != o.otherCfg {
				t.Errorf("%s: a new name: %t, want %t", at, other, o.otherCfg)
			}
			data := fmt.Sprint(config.Data)
			if have, ok := contents[config.Name]; ok && have != data {
				t.Errorf("%s: %s stands for two contents", at, config.Name)
			}
			if have, ok := byName[data]; ok && have != config.Name {
				t.Errorf("%s: one content is named %s and %s", at, have, config.Name)
			}
			contents[config.Name], byName[data] = data, config.Name
		}
	}
	before := flannelConfig(t, flannel(t, "0.24.4", nil)).Name
	if _, ok := contents[before]; ok {
		t.Errorf("0.24.4, which knows no EnableNFTables, reads %s as later ones do", before)
	}
}

func flannelVolumes(t *testing.T, r rendered) map[string]corev1.VolumeSource {
	t.Helper()
	out := map[string]corev1.VolumeSource{}
	for _, v := range flannelDaemonSet(t, r).Template.Spec.Volumes {
		out[v.Name] = v.VolumeSource
	}
	return out
}

// Removing the Helm release must not take the network from running pods.
func TestEveryObjectOfFlannelIsKeptAndLabelled(t *testing.T) {
	t.Parallel()
	for namespace, want := range map[string][]string{
		"": {
			"ClusterRole flannel", "ClusterRoleBinding flannel", "ConfigMap kube-system/kube-flannel-cfg", "DaemonSet kube-system/kube-flannel-ds",
			"ServiceAccount kube-system/flannel",
		},
		"kube-system": {
			"ClusterRole flannel", "ClusterRoleBinding flannel", "ConfigMap kube-system/kube-flannel-cfg", "DaemonSet kube-system/kube-flannel-ds",
			"ServiceAccount kube-system/flannel",
		},
		"kube-flannel": {
			"ClusterRole flannel", "ClusterRoleBinding flannel", "ConfigMap kube-flannel/kube-flannel-cfg", "DaemonSet kube-flannel/kube-flannel-ds",
			"Namespace kube-flannel", "ServiceAccount kube-flannel/flannel",
		},
	} {
		r := flannel(t, "0.27.3", map[string]any{"namespace": namespace})
		got := names(t, r)
		for i, name := range got {
			got[i] = strings.TrimSuffix(name, strings.TrimPrefix(flannelConfig(t, r).Name, "kube-flannel-cfg"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("namespace %q: objects (-want +got):\n%s", namespace, diff)
		}
		for _, o := range r.objects {
			m := meta(t, o)
			if diff := cmp.Diff(map[string]string{"helm.sh/resource-policy": "keep"}, m.GetAnnotations()); diff != "" {
				t.Errorf("%T: annotations (-want +got):\n%s", o, diff)
			}
			if m.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" || m.GetLabels()["k8s-app"] != "flannel" {
				t.Errorf("%T: labels %v", o, m.GetLabels())
			}
		}
	}
}

// Upstream's layout: the pods need what Pod Security's other levels forbid, and the account is bound where it is.
func TestFlannelInANamespaceOfItsOwnMayRunThere(t *testing.T) {
	t.Parallel()
	r := flannel(t, "0.27.3", map[string]any{"namespace": "kube-flannel"})
	if level := only[*corev1.Namespace](t, r, "kube-flannel").Labels["pod-security.kubernetes.io/enforce"]; level != "privileged" {
		t.Errorf("the namespace enforces %q", level)
	}
	if subject := only[*rbacv1.ClusterRoleBinding](t, r, "flannel").Subjects[0]; subject.Namespace != "kube-flannel" {
		t.Errorf("the role is bound to an account in %s", subject.Namespace)
	}
}

func TestFlannelsUpdateStrategyAndResourcesFollowTheValues(t *testing.T) {
	t.Parallel()
	spec := flannelDaemonSet(t, flannel(t, "0.27.3", nil))
	if got := spec.UpdateStrategy.RollingUpdate.MaxUnavailable.String(); got != "10%" || spec.MinReadySeconds != 10 {
		t.Errorf("defaults: maxUnavailable %s, minReadySeconds %d", got, spec.MinReadySeconds)
	}
	r := flannel(t, "0.27.3", map[string]any{
		"updateStrategy":  map[string]any{"type": "OnDelete"},
		"minReadySeconds": 0,
		"resources":       map[string]any{"limits": map[string]any{"cpu": "500m", "memory": "200Mi"}},
	})
	if diff := cmp.Diff(appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}, flannelDaemonSet(t, r).UpdateStrategy); diff != "" {
		t.Errorf("strategy (-want +got):\n%s", diff)
	}
	if seconds := flannelDaemonSet(t, r).MinReadySeconds; seconds != 0 {
		t.Errorf("minReadySeconds %d, want 0", seconds)
	}
	resources := flannelAgent(t, r).Resources
	got := []string{resources.Limits.Cpu().String(), resources.Limits.Memory().String(), resources.Requests.Cpu().String()}
	if diff := cmp.Diff([]string{"500m", "200Mi", "100m"}, got); diff != "" {
		t.Errorf("limits cpu and memory, requests cpu (-want +got):\n%s", diff)
	}
}

// The arguments are named options alone, each written only when it differs from flannel's default.
func TestFlanneldIsStartedAsAsked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version string
		agent   map[string]any
		want    []string
	}{
		"nothing asked": {"0.27.3", map[string]any{}, []string{"--ip-masq", "--kube-subnet-mgr"}},
		"with probes":   {"0.28.9", map[string]any{}, []string{"--ip-masq", "--kube-subnet-mgr", "--healthz-port=8081"}},
		"another port":  {"0.28.9", map[string]any{"healthzPort": 18081}, []string{"--ip-masq", "--kube-subnet-mgr", "--healthz-port=18081"}},
		"interfaces": {
			"0.20.2",
			map[string]any{"iface": []any{"ens3", "10.0.0.5"}, "ifaceRegex": []any{"^ens[0-9]+$"}, "ifaceCanReach": "10.0.0.1"},
			[]string{
				"--ip-masq", "--kube-subnet-mgr", "--iface=ens3", "--iface=10.0.0.5", "--iface-regex=^ens[0-9]+$", "--iface-can-reach=10.0.0.1",
			},
		},
		"no masquerading": {"0.27.3", map[string]any{"ipMasq": false}, []string{"--kube-subnet-mgr"}},
		"predictable source ports": {
			"0.27.4", map[string]any{"ipMasqFullyRandomDisable": true}, []string{"--ip-masq", "--kube-subnet-mgr", "--ip-masq-fully-random-disable"},
		},
		"a slower resync of rules": {
			"0.27.3", map[string]any{"iptablesResync": 30}, []string{"--ip-masq", "--kube-subnet-mgr", "--iptables-resync=30"},
		},
		"no rules in FORWARD": {
			"0.27.3", map[string]any{"iptablesForwardRules": false}, []string{"--ip-masq", "--kube-subnet-mgr", "--iptables-forward-rules=false"},
		},
		"defaults that are said out": {
			"0.27.3", map[string]any{"ipMasq": true, "ipMasqFullyRandomDisable": false, "iptablesForwardRules": true}, []string{"--ip-masq", "--kube-subnet-mgr"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			agent := flannelAgent(t, flannel(t, tt.version, map[string]any{"agent": tt.agent}))
			if diff := cmp.Diff(tt.want, agent.Args); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			for _, p := range agent.Ports {
				if want := fmt.Sprintf("--healthz-port=%d", p.ContainerPort); !slices.Contains(agent.Args, want) || p.Name != "healthz" {
					t.Errorf("port %d of name %s, arguments %v", p.ContainerPort, p.Name, agent.Args)
				}
			}
		})
	}
}

// Only the node's folders move: the programs find theirs where they always are.
func TestFlannelInstallsIntoTheFoldersOfTheNode(t *testing.T) {
	t.Parallel()
	type folders struct{ Bin, Conf, InBin, InConf string }
	tests := map[string]struct {
		changes map[string]any
		want    folders
	}{
		"the usual ones": {nil, folders{"/opt/cni/bin", "/etc/cni/net.d", "/opt/cni/bin", "/etc/cni/net.d"}},
		"others": {
			map[string]any{"cniBinDir": "/var/lib/cni/bin", "cniConfDir": "/var/lib/cni/net.d"},
			folders{"/var/lib/cni/bin", "/var/lib/cni/net.d", "/opt/cni/bin", "/etc/cni/net.d"},
		},
	}
	for name, tt := range tests {
		r := flannel(t, "0.27.3", tt.changes)
		volumes, pod := flannelVolumes(t, r), flannelDaemonSet(t, r).Template.Spec
		got := folders{
			volumes["cni-plugin"].HostPath.Path, volumes["cni"].HostPath.Path,
			flannelContainer(t, pod, "install-cni-plugin").VolumeMounts[0].MountPath, flannelContainer(t, pod, "install-cni").VolumeMounts[0].MountPath,
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Where somebody else writes the CNI configuration, none of ours is on the way to the node, and the plugin is.
func TestFlannelLeavesTheCNIConfigurationToOthersWhenAsked(t *testing.T) {
	t.Parallel()
	r := flannel(t, "0.27.3", map[string]any{"skipCNIConfigInstallation": true})
	pod := flannelDaemonSet(t, r).Template.Spec
	if len(pod.InitContainers) != 1 || pod.InitContainers[0].Name != "install-cni-plugin" {
		t.Errorf("init containers %v", pod.InitContainers)
	}
	if _, ok := flannelVolumes(t, r)["cni"]; ok {
		t.Error("the folder of configurations is still mounted")
	}
	if keys := slices.Collect(maps.Keys(flannelConfig(t, r).Data)); !slices.Equal(keys, []string{"net-conf.json"}) {
		t.Errorf("the ConfigMap holds %v", keys)
	}
}

// What each of OKE's keys does, and that it does nothing else.
func TestConfigurationsChangeFlannel(t *testing.T) {
	t.Parallel()
	plain := flannelDaemonSet(t, flannel(t, "0.27.3", nil))
	pool := func(name string) map[string]any {
		return map[string]any{"key": "pool", "operator": "In", "values": []any{name}}
	}
	inPool := func(name string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: "pool", Operator: corev1.NodeSelectorOpIn, Values: []string{name}}
	}
	required := func(terms ...any) map[string]any {
		return map[string]any{"nodeAffinity": map[string]any{
			"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{"nodeSelectorTerms": terms},
		}}
	}
	terms := func(d *appsv1.DaemonSetSpec, terms ...corev1.NodeSelectorTerm) {
		d.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms = terms
	}
	weighted := map[string]any{
		"weight": 5, "podAffinityTerm": map[string]any{"topologyKey": "zone", "labelSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}}},
	}
	wantWeighted := []corev1.WeightedPodAffinityTerm{{Weight: 5, PodAffinityTerm: corev1.PodAffinityTerm{
		TopologyKey: "zone", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
	}}}
	preferred := "preferredDuringSchedulingIgnoredDuringExecution"
	tests := map[string]struct {
		key     string
		value   any
		changes map[string]any
		want    func(*appsv1.DaemonSetSpec)
	}{
		"required node affinity is taken beside the chart's own, in every term": {
			"affinity", required(map[string]any{"matchExpressions": []any{pool("a")}}, map[string]any{"matchExpressions": []any{pool("b")}}), nil,
			func(d *appsv1.DaemonSetSpec) {
				terms(d, corev1.NodeSelectorTerm{MatchExpressions: append(slices.Clone(flannelNodes), inPool("a"))},
					corev1.NodeSelectorTerm{MatchExpressions: append(slices.Clone(flannelNodes), inPool("b"))})
			},
		},
		"a term of fields alone is narrowed too": {
			"affinity", required(map[string]any{"matchFields": []any{map[string]any{"key": "metadata.name", "operator": "NotIn", "values": []any{"n1"}}}}), nil,
			func(d *appsv1.DaemonSetSpec) {
				terms(d, corev1.NodeSelectorTerm{MatchExpressions: flannelNodes, MatchFields: []corev1.NodeSelectorRequirement{
					{Key: "metadata.name", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"n1"}},
				}})
			},
		},
		"an empty term goes on matching no node": {
			"affinity", required(map[string]any{}, map[string]any{"matchExpressions": []any{pool("a")}}), nil,
			func(d *appsv1.DaemonSetSpec) {
				terms(d, corev1.NodeSelectorTerm{}, corev1.NodeSelectorTerm{MatchExpressions: append(slices.Clone(flannelNodes), inPool("a"))})
			},
		},
		"preferred node affinity stands as given": {
			"affinity",
			map[string]any{"nodeAffinity": map[string]any{preferred: []any{
				map[string]any{"weight": 1, "preference": map[string]any{"matchExpressions": []any{pool("a")}}},
			}}},
			nil,
			func(d *appsv1.DaemonSetSpec) {
				d.Template.Spec.Affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution = []corev1.PreferredSchedulingTerm{
					{Weight: 1, Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{inPool("a")}}},
				}
			},
		},
		"affinity to pods stands as given": {
			"affinity",
			map[string]any{"podAffinity": map[string]any{preferred: []any{weighted}}, "podAntiAffinity": map[string]any{preferred: []any{weighted}}},
			nil,
			func(d *appsv1.DaemonSetSpec) {
				d.Template.Spec.Affinity.PodAffinity = &corev1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: wantWeighted}
				d.Template.Spec.Affinity.PodAntiAffinity = &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: wantWeighted}
			},
		},
		"node selectors are merged with the operator's": {
			"nodeSelectors",
			map[string]any{"a": "key", "b": "key"},
			map[string]any{"nodeSelector": map[string]any{"a": "value", "c": "value"}},
			func(d *appsv1.DaemonSetSpec) {
				d.Template.Spec.NodeSelector = map[string]string{"a": "key", "b": "key", "c": "value"}
			},
		},
		"tolerations are added without doubles": {
			"tolerations",
			[]any{
				map[string]any{"operator": "Exists", "effect": "NoExecute"},
				map[string]any{"key": "spot", "operator": "Exists", "effect": "PreferNoSchedule"},
				map[string]any{"key": "gpu", "operator": "Exists"},
			},
			map[string]any{"tolerations": []any{map[string]any{"key": "gpu", "operator": "Exists"}}},
			func(d *appsv1.DaemonSetSpec) {
				d.Template.Spec.Tolerations = append(slices.Clone(flannelTolerations),
					corev1.Toleration{Key: "gpu", Operator: corev1.TolerationOpExists},
					corev1.Toleration{Key: "spot", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectPreferNoSchedule})
			},
		},
		"a share of nodes replaces the chart's": {
			"rollingUpdate",
			map[string]any{"maxUnavailable": "25%"},
			nil,
			func(d *appsv1.DaemonSetSpec) {
				d.UpdateStrategy.RollingUpdate.MaxUnavailable.StrVal = "25%"
			},
		},
		"a number of nodes replaces the chart's": {
			"rollingUpdate",
			map[string]any{"maxUnavailable": 3.0, "maxSurge": 1},
			nil,
			func(d *appsv1.DaemonSetSpec) {
				d.UpdateStrategy.RollingUpdate.MaxUnavailable.Type, d.UpdateStrategy.RollingUpdate.MaxUnavailable.IntVal = 0, 3
				d.UpdateStrategy.RollingUpdate.MaxUnavailable.StrVal = ""
			},
		},
		"no node at all does not":            {"rollingUpdate", map[string]any{"maxUnavailable": 0, "maxSurge": 2}, nil, func(*appsv1.DaemonSetSpec) {}},
		"no share at all does not":           {"rollingUpdate", map[string]any{"maxUnavailable": "0%"}, nil, func(*appsv1.DaemonSetSpec) {}},
		"a second agent on a node never is":  {"rollingUpdate", map[string]any{"maxSurge": 1}, nil, func(*appsv1.DaemonSetSpec) {}},
		"one pod on each node has no number": {"numOfReplicas", 3, nil, func(*appsv1.DaemonSetSpec) {}},
		"and is not spread": {
			"topologySpreadConstraints",
			[]any{map[string]any{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}},
			nil,
			func(*appsv1.DaemonSetSpec) {},
		},
		"with OnDelete there are no batches": {
			"rollingUpdate",
			map[string]any{"maxUnavailable": "25%"},
			map[string]any{"updateStrategy": map[string]any{"type": "OnDelete"}},
			func(d *appsv1.DaemonSetSpec) {
				d.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
			},
		},
		"resources are the agent's as a whole": {
			"kube-flannel.ContainerResources",
			map[string]any{"limits": map[string]any{"memory": "200Mi"}},
			nil,
			func(d *appsv1.DaemonSetSpec) {
				d.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("200Mi")}}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := map[string]any{"configurations": map[string]any{tt.key: tt.value}}
			maps.Copy(changes, tt.changes)
			want := plain.DeepCopy()
			tt.want(want)
			if diff := cmp.Diff(*want, flannelDaemonSet(t, flannel(t, "0.27.3", changes))); diff != "" {
				t.Errorf("DaemonSet (-want +got):\n%s", diff)
			}
		})
	}
}

// flannelSchema is the part of the chart's schema that tells of names.
type flannelSchema struct {
	Properties map[string]flannelSchema `json:"properties"`
}

func flannelProperties(t *testing.T) map[string]flannelSchema {
	t.Helper()
	var s flannelSchema
	if err := json.Unmarshal(loadChart(t, "flannel").Schema, &s); err != nil {
		t.Fatal(err)
	}
	return s.Properties
}

// A key that the catalog takes and the chart refuses would fail on the cluster's day of update.
func TestFlannelTakesEveryConfigurationOfTheCatalog(t *testing.T) {
	t.Parallel()
	have := slices.Sorted(maps.Keys(flannelProperties(t)["configurations"].Properties))
	for _, r := range addOn(t, "Flannel").Releases {
		var want []string
		for _, c := range r.Configurations {
			want = append(want, c.Key)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), have); diff != "" {
			t.Errorf("%s: keys (-catalog +chart):\n%s", r.Version, diff)
		}
	}
}

func TestFlannelsReadmeNamesEveryOption(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("flannel/README.md")
	if err != nil {
		t.Fatal(err)
	}
	properties := flannelProperties(t)
	options := slices.Collect(maps.Keys(properties))
	for _, group := range []string{"backend", "agent", "configurations"} {
		for option := range properties[group].Properties {
			options = append(options, group+"."+option)
		}
	}
	for _, option := range slices.Sorted(slices.Values(options)) {
		name := strings.TrimPrefix(option, "configurations.")
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("%s is not named", option)
		}
	}
}

// An option is taken from the version that knows it, and refused one version before.
func TestFlannelOptionsNeedTheVersionThatKnowsThem(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before, first string
		changes       map[string]any
	}{
		"backend.mtu":                    {"0.21.2", "0.21.3", map[string]any{"backend": map[string]any{"mtu": 1400}}},
		"enableNFTables":                 {"0.24.4", "0.25.0", map[string]any{"enableNFTables": true}},
		"agent.ipMasqFullyRandomDisable": {"0.27.3", "0.27.4", map[string]any{"agent": map[string]any{"ipMasqFullyRandomDisable": true}}},
		"agent.healthzPort":              {"0.28.8", "0.28.9", map[string]any{"agent": map[string]any{"healthzPort": 8081}}},
	}
	for option, tt := range tests {
		if _, err := renderText(t, "flannel", "flannel", flannelValues(tt.first, tt.changes)); err != nil {
			t.Errorf("%s with %s: %v", option, tt.first, err)
		}
		_, err := renderText(t, "flannel", "flannel", flannelValues(tt.before, tt.changes))
		want := fmt.Sprintf("flannel %s cannot be given %s, which needs %s or later", tt.before, option, tt.first)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s with %s: got error %v, want it to hold %q", option, tt.before, err, want)
		}
	}
}

func TestFlannelRefusesValuesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	dual := []any{"10.244.0.0/16", "fd00::/56"}
	backend := func(options map[string]any) map[string]any { return map[string]any{"backend": options} }
	images := func(flannel string) map[string]any {
		return map[string]any{"images": map[string]any{"flannel": flannel, "flannel-cni-plugin": "a/b:1"}}
	}
	tests := map[string]struct {
		changes map[string]any
		want    string
	}{
		"no version":                     {map[string]any{"version": nil}, "missing property 'version'"},
		"a version with v":               {map[string]any{"version": "v0.27.3"}, "does not match pattern"},
		"a version the chart is too new": {map[string]any{"version": "0.20.1"}, "flannel 0.20.1 is not supported, the chart needs 0.20.2 or later"},
		"an unknown key":                 {map[string]any{"image": "x"}, "additional properties 'image' not allowed"},
		"an image without tag":           {images("a/b"), "does not match pattern"},
		"an image of another version":    {images("a/b:v0.27.4"), "version is 0.27.3 and images.flannel is a/b:v0.27.4: set both"},
		"and by digest":                  {images("a:5000/b:0.27.4@sha256:1"), "version is 0.27.3 and images.flannel is a:5000/b:0.27.4@sha256:1"},
		"a cluster without overlay":      {map[string]any{"networkType": "OCI_VCN_IP_NATIVE"}, "value must be 'FLANNEL_OVERLAY'"},
		"IPv6 alone":                     {map[string]any{"podCIDRs": []any{"fd00::/56"}}, "no items match contains schema"},
		"two IPv4 ranges":                {map[string]any{"podCIDRs": []any{"10.0.0.0/16", "10.1.0.0/16"}}, "more than one IPv4 range"},
		"an address without prefix":      {map[string]any{"podCIDRs": []any{"10.244.0.0"}}, "does not match pattern"},
		"an address that is none":        {map[string]any{"podCIDRs": []any{"10.256.0.0/16"}}, "does not match pattern"},
		"dual stack without IPv6 range": {
			map[string]any{"ipFamilies": []any{"IPv4", "IPv6"}}, "ipFamilies is IPv4, IPv6 and podCIDRs has a range of IPv4",
		},
		"an IPv6 range too many": {
			map[string]any{"ipFamilies": []any{"IPv4"}, "podCIDRs": dual}, "ipFamilies is IPv4 and podCIDRs has a range of IPv4, IPv6",
		},
		"a family that is none": {map[string]any{"ipFamilies": []any{"ipv4"}}, "value must be one of 'IPv4', 'IPv6'"},

		"a backend for debugging":       {backend(map[string]any{"type": "udp"}), "value must be one of 'vxlan', 'host-gw', 'wireguard', 'ipip'"},
		"a backend with a key in clear": {backend(map[string]any{"type": "ipsec"}), "value must be one of"},
		"a key in clear":                {backend(map[string]any{"type": "wireguard", "psk": "secret"}), "additional properties 'psk' not allowed"},
		"an option for Windows":         {backend(map[string]any{"macPrefix": "0E-2A"}), "additional properties 'macPrefix' not allowed"},
		"vxlan with wireguard's port": {
			backend(map[string]any{"listenPort": 1}), "backend vxlan has no option listenPort, it has: directRouting, gbp, learning, mtu, port, vni",
		},
		"wireguard with vxlan's number": {
			backend(map[string]any{"type": "wireguard", "vni": 1}), "backend wireguard has no option vni, it has: listenPort, listenPortV6, mode, mtu, persistentKeepaliveInterval",
		},
		"ipip with an MTU": {backend(map[string]any{"type": "ipip", "mtu": 1400}), "backend ipip has no option mtu, it has: directRouting"},
		"host-gw with anything": {
			backend(map[string]any{"type": "host-gw", "directRouting": true}), "backend host-gw has no option directRouting, it has: none",
		},
		"a mode that is none": {
			backend(map[string]any{"type": "wireguard", "mode": "both"}), "value must be one of 'separate', 'auto', 'ipv4', 'ipv6'",
		},
		"a tunnel over IPv6 without it": {backend(map[string]any{"type": "wireguard", "mode": "ipv6"}), "need an IPv6 range in podCIDRs"},
		"a port for IPv6 without it":    {backend(map[string]any{"type": "wireguard", "listenPortV6": 1}), "need an IPv6 range in podCIDRs"},
		"a port for IPv6 that nobody uses": {
			map[string]any{"podCIDRs": dual, "backend": map[string]any{"type": "wireguard", "mode": "auto", "listenPortV6": 1}},
			"backend.listenPortV6 is for mode separate, and backend.mode is auto",
		},
		"dual stack over ipip": {
			map[string]any{"podCIDRs": dual, "backend": map[string]any{"type": "ipip"}}, "backend ipip carries IPv4 only",
		},
		"a device name that is too long": {backend(map[string]any{"vni": 10000000}), "at '/backend/vni': maximum"},
		"and with dual stack": {
			map[string]any{"podCIDRs": dual, "backend": map[string]any{"vni": 10000}}, "backend.vni is 10000: with dual stack it may have at most 4 digits",
		},
		"a port that is none": {backend(map[string]any{"port": 65536}), "maximum: got 65,536, want 65,535"},

		"an argument of no name":      {map[string]any{"agent": map[string]any{"args": []any{"--v=9"}}}, "additional properties 'args' not allowed"},
		"an interface of no name":     {map[string]any{"agent": map[string]any{"iface": []any{""}}}, "minLength: got 0, want 1"},
		"a host instead of address":   {map[string]any{"agent": map[string]any{"ifaceCanReach": "gateway"}}, "does not match pattern"},
		"a folder that is relative":   {map[string]any{"cniBinDir": "opt/cni/bin"}, "does not match pattern"},
		"a folder that goes up":       {map[string]any{"cniConfDir": "/etc/../x"}, "'not' failed"},
		"a namespace that is no name": {map[string]any{"namespace": "Kube"}, "does not match pattern"},
		"a pull secret of no name":    {map[string]any{"imagePullSecrets": []any{"mirror"}}, "got string, want object"},
		"a label that is no text":     {map[string]any{"nodeSelector": map[string]any{"a": true}}, "got boolean, want string"},
		"an effect that is none":      {map[string]any{"tolerations": []any{map[string]any{"effect": "NoRun"}}}, "value must be one of"},
		"a selector of the chart's":   {map[string]any{"selectorLabels": map[string]any{"app": "other"}}, "'not' failed"},
		"a selector of no node":       {map[string]any{"selectorLabels": map[string]any{"tier": "other"}}, "value must be 'node'"},
		"no priority class":           {map[string]any{"priorityClassName": ""}, "does not match pattern"},
		"another container's key": {
			map[string]any{"configurations": map[string]any{"calico-node.ContainerResources": map[string]any{}}}, "additional properties 'calico-node.ContainerResources' not allowed",
		},
		"two agents on one node": {
			map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxSurge": 1}}}, "additional properties 'maxSurge' not allowed",
		},
		"a batch that never changes": {
			map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": 0}}}, "minimum: got 0, want 1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := renderText(t, "flannel", "flannel", flannelValues("0.27.3", tt.changes))
			if err == nil {
				t.Fatal("the values were accepted")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error:\n%v\nwant it to hold %q", err, tt.want)
			}
		})
	}
}

// A tag that is no version tells nothing, so nothing is compared with it.
func TestFlannelTakesImagesThatDoNotTellTheirVersion(t *testing.T) {
	t.Parallel()
	for _, image := range []string{"a/b@sha256:1", "a:5000/b:mirrored", "a:5000/b:v0.27.3-arm64", "a:5000/b@sha256:1", "a/b:v0.27.3", "a/b:0.27.3@sha256:1"} {
		changes := map[string]any{"images": map[string]any{"flannel": image, "flannel-cni-plugin": "a/b:1"}}
		if got := flannelAgent(t, flannel(t, "0.27.3", changes)).Image; got != image {
			t.Errorf("the agent runs %s, want %s", got, image)
		}
	}
}

func TestTwoRendersOfFlannelGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	for name, o := range flannelOptions {
		first := flannel(t, "0.27.3", o.changes).text
		for range 3 {
			if diff := cmp.Diff(first, flannel(t, "0.27.3", o.changes).text); diff != "" {
				t.Fatalf("%s: two renders differ:\n%s", name, diff)
			}
		}
	}
}
