package charts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a flannel version implies, one row per version at which something
// changes, and the version just before it.
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
			o := render(t, valuesOf(version, nil))
			agent, install := o.agent(), o.daemonSet.Spec.Template.Spec.InitContainers[1]
			got := switches{
				ClusterCIDRs:     slices.ContainsFunc(o.role.Rules, mentionsClusterCIDRs),
				NFTablesKey:      decodeJSON(t, o.config, "net-conf.json")["EnableNFTables"] == false,
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

func mentionsClusterCIDRs(rule rbacv1.PolicyRule) bool {
	return slices.Contains(rule.Resources, "clustercidrs")
}

// The selector can never be changed on a cluster, so it must not depend on
// anything.
func TestSelectorIsAppFlannelAloneInEveryRelease(t *testing.T) {
	t.Parallel()
	for _, r := range releases(t) {
		spec := render(t, r.ChartValues()).daemonSet.Spec
		want := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "flannel"}}
		if diff := cmp.Diff(want, spec.Selector); diff != "" {
			t.Errorf("%s: selector (-want +got):\n%s", r.Version, diff)
		}
		wantLabels := map[string]string{"app": "flannel", "tier": "node", "app.kubernetes.io/version": r.Version.Core()}
		if diff := cmp.Diff(wantLabels, spec.Template.Labels); diff != "" {
			t.Errorf("%s: template labels (-want +got):\n%s", r.Version, diff)
		}
	}
}

func TestReleaseImagesReachTheirContainers(t *testing.T) {
	t.Parallel()
	for _, r := range releases(t) {
		flannel, _ := r.Image("flannel")
		plugin, _ := r.Image("flannel-cni-plugin")
		pod := render(t, r.ChartValues()).daemonSet.Spec.Template.Spec
		got := map[string]string{}
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			got[c.Name] = c.Image
		}
		want := map[string]string{"install-cni-plugin": plugin, "install-cni": flannel, "kube-flannel": flannel}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: images (-want +got):\n%s", r.Version, diff)
		}
	}
}

func TestPodIsOnEveryLinuxNodeThatDidNotOptOut(t *testing.T) {
	t.Parallel()
	pod := render(t, valuesOf("0.27.3", nil)).daemonSet.Spec.Template.Spec
	want := []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
		{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}},
		{Key: "oci.oraclecloud.com/custom-k8s-networking", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"true"}},
	}}}
	got := pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("node selector terms (-want +got):\n%s", diff)
	}
	wantTolerations := []corev1.Toleration{
		{Effect: corev1.TaintEffectNoSchedule, Operator: corev1.TolerationOpExists},
		{Effect: corev1.TaintEffectNoExecute, Operator: corev1.TolerationOpExists},
	}
	if diff := cmp.Diff(wantTolerations, pod.Tolerations); diff != "" {
		t.Errorf("tolerations (-want +got):\n%s", diff)
	}
	if !pod.HostNetwork || pod.PriorityClassName != "system-node-critical" {
		t.Errorf("host network %t, priority class %q", pod.HostNetwork, pod.PriorityClassName)
	}
}

func TestCNIConfigurationIsUpstreamsChain(t *testing.T) {
	t.Parallel()
	want := map[string]any{
		"name": "cbr0", "cniVersion": "0.3.1",
		"plugins": []any{
			map[string]any{"type": "flannel", "delegate": map[string]any{"hairpinMode": true, "isDefaultGateway": true}},
			map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}},
		},
	}
	for _, r := range releases(t) {
		got := decodeJSON(t, render(t, r.ChartValues()).config, "cni-conf.json")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: conflist (-want +got):\n%s", r.Version, diff)
		}
	}
}

func TestNetworkConfigurationFollowsTheValues(t *testing.T) {
	t.Parallel()
	vxlan := map[string]any{"Type": "vxlan"}
	tests := map[string]struct {
		changes map[string]any
		want    map[string]any
	}{
		"the default range": {
			nil,
			map[string]any{"Network": "10.244.0.0/16", "EnableNFTables": false, "Backend": vxlan},
		},
		"another range": {
			map[string]any{"podCIDRs": []any{"10.0.0.0/12"}},
			map[string]any{"Network": "10.0.0.0/12", "EnableNFTables": false, "Backend": vxlan},
		},
		"dual stack, IPv6 first": {
			map[string]any{"podCIDRs": []any{"fd00:10:244::/56", "10.244.0.0/16"}},
			map[string]any{
				"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:10:244::/56",
				"EnableNFTables": false, "Backend": vxlan,
			},
		},
		"options of the backend": {
			map[string]any{"backend": map[string]any{"vni": 7, "port": 4789, "mtu": 9000}},
			map[string]any{
				"Network": "10.244.0.0/16", "EnableNFTables": false,
				"Backend": map[string]any{"Type": "vxlan", "VNI": 7.0, "Port": 4789.0, "MTU": 9000.0},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decodeJSON(t, render(t, valuesOf("0.27.3", tt.changes)).config, "net-conf.json")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("net-conf (-want +got):\n%s", diff)
			}
		})
	}
}

// A pod that restarts in the middle of an update must find the configuration
// of its own template, not the new one.
func TestConfigurationIsNamedAfterItsContent(t *testing.T) {
	t.Parallel()
	names := map[string]string{}
	for _, version := range []string{"0.24.4", "0.26.2", "0.27.3"} {
		for _, cidr := range []string{"10.244.0.0/16", "10.0.0.0/12"} {
			o := render(t, valuesOf(version, map[string]any{"podCIDRs": []any{cidr}}))
			if used := configVolume(o.daemonSet); used != o.config.Name {
				t.Errorf("%s %s: the volume names %q, the ConfigMap is %q", version, cidr, used, o.config.Name)
			}
			if o.config.Immutable == nil || !*o.config.Immutable {
				t.Errorf("%s %s: the ConfigMap is not immutable", version, cidr)
			}
			if !strings.HasPrefix(o.config.Name, "kube-flannel-cfg-") || len(o.config.Name) != len("kube-flannel-cfg-")+10 {
				t.Errorf("%s %s: the ConfigMap is named %q", version, cidr, o.config.Name)
			}
			data := fmt.Sprint(o.config.Data)
			if other, ok := names[o.config.Name]; ok && other != data {
				t.Errorf("%s stands for two contents", o.config.Name)
			}
			names[o.config.Name] = data
		}
	}
	if len(names) != 4 {
		t.Errorf("%d names, want 4: two ranges, before and from 0.25.0", len(names))
	}
}

func configVolume(ds appsv1.DaemonSet) string {
	for _, v := range ds.Spec.Template.Spec.Volumes {
		if v.ConfigMap != nil {
			return v.ConfigMap.Name
		}
	}
	return ""
}

// Removing the Helm release must not take the network from running pods.
func TestEveryObjectIsKeptAndLabelled(t *testing.T) {
	t.Parallel()
	o := render(t, valuesOf("0.27.3", nil))
	objects := map[string]metav1.ObjectMeta{
		"ServiceAccount": o.account.ObjectMeta, "ClusterRole": o.role.ObjectMeta, "ClusterRoleBinding": o.binding.ObjectMeta,
		"ConfigMap": o.config.ObjectMeta, "DaemonSet": o.daemonSet.ObjectMeta,
	}
	for kind, meta := range objects {
		if diff := cmp.Diff(map[string]string{"helm.sh/resource-policy": "keep"}, meta.Annotations); diff != "" {
			t.Errorf("%s: annotations (-want +got):\n%s", kind, diff)
		}
		if meta.Labels["app.kubernetes.io/managed-by"] != "Helm" || meta.Labels["k8s-app"] != "flannel" {
			t.Errorf("%s: labels %v", kind, meta.Labels)
		}
		wantNamespace := "kube-system"
		if strings.HasPrefix(kind, "Cluster") {
			wantNamespace = ""
		}
		if meta.Namespace != wantNamespace {
			t.Errorf("%s: namespace %q, want %q", kind, meta.Namespace, wantNamespace)
		}
	}
}

func TestUpdateStrategyAndResourcesFollowTheValues(t *testing.T) {
	t.Parallel()
	spec := render(t, valuesOf("0.27.3", nil)).daemonSet.Spec
	if got := spec.UpdateStrategy.RollingUpdate.MaxUnavailable.String(); got != "10%" || spec.MinReadySeconds != 5 {
		t.Errorf("defaults: maxUnavailable %s, minReadySeconds %d", got, spec.MinReadySeconds)
	}
	o := render(t, valuesOf("0.27.3", map[string]any{
		"updateStrategy":  map[string]any{"type": "OnDelete"},
		"minReadySeconds": 0,
		"resources":       map[string]any{"limits": map[string]any{"cpu": "500m", "memory": "200Mi"}},
	}))
	if diff := cmp.Diff(appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}, o.daemonSet.Spec.UpdateStrategy); diff != "" {
		t.Errorf("strategy (-want +got):\n%s", diff)
	}
	resources := o.agent().Resources
	got := []string{resources.Limits.Cpu().String(), resources.Limits.Memory().String(), resources.Requests.Cpu().String()}
	if diff := cmp.Diff([]string{"500m", "200Mi", "100m"}, got); diff != "" {
		t.Errorf("limits cpu and memory, requests cpu (-want +got):\n%s", diff)
	}
}

func TestValuesOutsideTheSchemaAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]any
		want   string
	}{
		"no version":                     {map[string]any{"images": valuesOf("0.27.3", nil)["images"]}, "missing property 'version'"},
		"a version with v":               {valuesOf("v0.27.3", nil), "does not match pattern"},
		"a version the chart is too new": {valuesOf("0.20.1", nil), "flannel 0.20.1 is not supported, the chart needs 0.20.2 or later"},
		"an unknown key":                 {valuesOf("0.27.3", map[string]any{"image": "x"}), "additional properties 'image' not allowed"},
		"an image without tag": {
			valuesOf("0.27.3", map[string]any{"images": map[string]any{"flannel": "a/b", "flannel-cni-plugin": "a/b:1"}}), "does not match pattern",
		},
		"another backend":            {valuesOf("0.27.3", map[string]any{"backend": map[string]any{"type": "host-gw"}}), "value must be 'vxlan'"},
		"IPv6 alone":                 {valuesOf("0.27.3", map[string]any{"podCIDRs": []any{"fd00::/56"}}), "no items match contains schema"},
		"two IPv4 ranges":            {valuesOf("0.27.3", map[string]any{"podCIDRs": []any{"10.0.0.0/16", "10.1.0.0/16"}}), "more than one IPv4 range"},
		"an address without prefix":  {valuesOf("0.27.3", map[string]any{"podCIDRs": []any{"10.244.0.0"}}), "does not match pattern"},
		"two agents on one node":     {valuesOf("0.27.3", map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxSurge": 1}}}), "additional properties 'maxSurge' not allowed"},
		"a batch that never changes": {valuesOf("0.27.3", map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": 0}}}), "minimum: got 0, want 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := renderText(t, tt.values)
			if err == nil {
				t.Fatal("the values were accepted")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error:\n%v\nwant it to hold %q", err, tt.want)
			}
		})
	}
}
