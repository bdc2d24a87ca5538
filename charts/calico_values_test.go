package charts_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// linuxNodes are the chart's own requirements: neither Windows nor virtual nodes.
var linuxNodes = []corev1.NodeSelectorRequirement{
	{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}},
	{Key: "node-role.kubernetes.io/virtual-node", Operator: corev1.NodeSelectorOpDoesNotExist},
}

func TestNoPodOfCalicoIsOnAVirtualNode(t *testing.T) {
	t.Parallel()
	r := renderCalico(t, "3.32.0", map[string]any{"nodes": 300})
	specs := map[string]corev1.PodSpec{"calico-node": calicoPod(t, r)}
	for _, d := range all[*appsv1.Deployment](r) {
		specs[d.Name] = d.Spec.Template.Spec
	}
	for name, spec := range specs {
		got := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
		if diff := cmp.Diff([]corev1.NodeSelectorTerm{{MatchExpressions: linuxNodes}}, got); diff != "" {
			t.Errorf("%s: nodes (-want +got):\n%s", name, diff)
		}
	}
}

func TestConfigurationsAreForTheAgentAlone(t *testing.T) {
	t.Parallel()
	given := map[string]any{
		"affinity": map[string]any{
			"nodeAffinity": map[string]any{
				"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{"nodeSelectorTerms": []any{
					map[string]any{"matchExpressions": []any{map[string]any{"key": "pool", "operator": "Exists"}}},
					map[string]any{"matchFields": []any{map[string]any{"key": "metadata.name", "operator": "In", "values": []any{"node-1"}}}},
					map[string]any{},
				}},
				"preferredDuringSchedulingIgnoredDuringExecution": []any{
					map[string]any{"weight": 5, "preference": map[string]any{"matchExpressions": []any{map[string]any{"key": "fast", "operator": "Exists"}}}},
				},
			},
			"podAntiAffinity": map[string]any{
				"requiredDuringSchedulingIgnoredDuringExecution": []any{map[string]any{"topologyKey": "kubernetes.io/hostname"}},
			},
		},
		"nodeSelectors": map[string]any{"policed": "true"},
		"tolerations": []any{
			map[string]any{"effect": "NoSchedule", "operator": "Exists"},
			map[string]any{"key": "dedicated", "operator": "Equal", "value": "gpu"},
		},
		"rollingUpdate":                  map[string]any{"maxUnavailable": "25%", "maxSurge": 1},
		"calico-node.ContainerResources": map[string]any{"limits": map[string]any{"cpu": "500m"}},
	}
	r := renderCalico(t, "3.32.0", besideFlannel(map[string]any{"configurations": given, "nodes": 300}))
	pod := calicoPod(t, r)
	want := &corev1.Affinity{
		NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
				{MatchExpressions: append([]corev1.NodeSelectorRequirement{{Key: "pool", Operator: corev1.NodeSelectorOpExists}}, linuxNodes...)},
				{
					MatchFields:      []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"node-1"}}},
					MatchExpressions: linuxNodes,
				},
				{},
			}},
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 5, Preference: corev1.NodeSelectorTerm{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "fast", Operator: corev1.NodeSelectorOpExists}},
			}}},
		},
		PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "kubernetes.io/hostname"}},
		},
	}
	if diff := cmp.Diff(want, pod.Affinity); diff != "" {
		t.Errorf("affinity (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"policed": "true"}, pod.NodeSelector); diff != "" {
		t.Errorf("node selector (-want +got):\n%s", diff)
	}
	wantTolerations := []corev1.Toleration{
		{Effect: corev1.TaintEffectNoSchedule, Operator: corev1.TolerationOpExists},
		{Effect: corev1.TaintEffectNoExecute, Operator: corev1.TolerationOpExists},
		{Key: "CriticalAddonsOnly", Operator: corev1.TolerationOpExists},
		{Key: "dedicated", Operator: corev1.TolerationOpEqual, Value: "gpu"},
	}
	if diff := cmp.Diff(wantTolerations, pod.Tolerations); diff != "" {
		t.Errorf("tolerations (-want +got):\n%s", diff)
	}
	resources := calicoAgent(t, r).Resources
	if resources.Limits.Cpu().String() != "500m" || len(resources.Requests) > 0 {
		t.Errorf("resources: %v", resources)
	}
	strategy := only[*appsv1.DaemonSet](t, r, "calico-node").Spec.UpdateStrategy.RollingUpdate
	if *strategy.MaxUnavailable != intstr.FromString("25%") || strategy.MaxSurge != nil {
		t.Errorf("rolling update: %v", strategy)
	}
	for _, d := range all[*appsv1.Deployment](r) {
		spec := d.Spec.Template.Spec
		if len(spec.NodeSelector) > 0 || slices.ContainsFunc(spec.Tolerations, func(x corev1.Toleration) bool { return x.Key == "dedicated" }) {
			t.Errorf("%s took what is for calico-node", d.Name)
		}
	}
}

func TestHowManyAgentsAreReplacedAtOnce(t *testing.T) {
	t.Parallel()
	rolling := func(most any) map[string]any {
		return map[string]any{"configurations": map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": most}}}
	}
	tests := map[string]struct {
		changes map[string]any
		want    string
	}{
		"one by one":                        {nil, "1"},
		"the chart's own value":             {map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": "10%"}}}, "10%"},
		"OKE's key":                         {rolling(7), "7"},
		"none, which would end each update": {rolling(0), "1"},
		"none as a share":                   {rolling("0%"), "1"},
		"a surge alone":                     {map[string]any{"configurations": map[string]any{"rollingUpdate": map[string]any{"maxSurge": 2}}}, "1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := only[*appsv1.DaemonSet](t, renderCalico(t, "3.32.0", tt.changes), "calico-node").Spec.UpdateStrategy
			if got.Type != appsv1.RollingUpdateDaemonSetStrategyType || got.RollingUpdate.MaxUnavailable.String() != tt.want || got.RollingUpdate.MaxSurge != nil {
				t.Errorf("strategy %v, want maxUnavailable %s", got, tt.want)
			}
		})
	}
	onDelete := map[string]any{"updateStrategy": map[string]any{"type": "OnDelete"}}
	got := only[*appsv1.DaemonSet](t, renderCalico(t, "3.32.0", onDelete), "calico-node").Spec.UpdateStrategy
	if diff := cmp.Diff(appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}, got); diff != "" {
		t.Errorf("OnDelete (-want +got):\n%s", diff)
	}
}

func TestImagesAndSecretsReachEveryPod(t *testing.T) {
	t.Parallel()
	r := renderCalico(t, "3.30.3", besideFlannel(map[string]any{
		"nodes": 300, "imagePullSecrets": []any{map[string]any{"name": "mirror"}}, "minReadySeconds": 20,
	}))
	specs := []corev1.PodSpec{calicoPod(t, r)}
	for _, d := range all[*appsv1.Deployment](r) {
		specs = append(specs, d.Spec.Template.Spec)
	}
	got := map[string]string{}
	for _, spec := range specs {
		if diff := cmp.Diff([]corev1.LocalObjectReference{{Name: "mirror"}}, spec.ImagePullSecrets); diff != "" {
			t.Errorf("%s: secrets (-want +got):\n%s", spec.Containers[0].Name, diff)
		}
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			got[c.Name] = strings.TrimPrefix(c.Image, "registry.example/")
		}
	}
	want := map[string]string{
		"install-cni": "cni:v3.30.3", "mount-bpffs": "node:v3.30.3", "calico-node": "node:v3.30.3",
		"calico-kube-controllers": "kube-controllers:v3.30.3", "calico-typha": "typha:v3.30.3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if seconds := only[*appsv1.DaemonSet](t, r, "calico-node").Spec.MinReadySeconds; seconds != 20 {
		t.Errorf("minReadySeconds %d, want 20", seconds)
	}
}

// helm template without anything has to give a release that is shipped.
func TestCalicosDefaultsAreTheNewestActiveRelease(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("calico/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version string            `json:"version"`
		Images  map[string]string `json:"images"`
	}
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	releases := addOn(t, "Calico").Releases
	i := slices.IndexFunc(releases, func(r catalog.Release) bool { return r.Status == catalog.Active })
	want := releases[i].ChartValues()
	images := map[string]any{}
	for name, ref := range got.Images {
		images[name] = ref
	}
	if diff := cmp.Diff(want, map[string]any{"version": got.Version, "images": images}); diff != "" {
		t.Errorf("defaults (-release +values.yaml):\n%s", diff)
	}
	if spec := only[*appsv1.DaemonSet](t, renderChart(t, "calico", "calico", nil), "calico-node").Spec; spec.MinReadySeconds == 0 {
		t.Error("a pod that crashes at once would count as available")
	}
}

func TestCalicoRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	with := func(changes map[string]any) map[string]any { return calicoValues("3.32.0", changes) }
	tests := map[string]struct {
		values map[string]any
		want   string
	}{
		"a version with v":           {calicoValues("v3.32.0", nil), "does not match pattern"},
		"an older Calico":            {calicoValues("3.25.2", nil), "calico 3.25.2 is not supported, the chart knows 3.26 to 3.32"},
		"a newer Calico":             {calicoValues("3.33.0", nil), "calico 3.33.0 is not supported, the chart knows 3.26 to 3.32"},
		"images of another version":  {with(map[string]any{"version": "3.31.5"}), "version is 3.31.5 and images.cni is registry.example/cni:v3.32.0: set both to the same release"},
		"an image without tag":       {with(map[string]any{"images": map[string]any{"node": "a/b"}}), "does not match pattern"},
		"an unknown image":           {with(map[string]any{"images": map[string]any{"flannel": "a/b:1"}}), "additional properties 'flannel' not allowed"},
		"an unknown key":             {with(map[string]any{"podCIDRs": []any{"10.244.0.0/16"}}), "additional properties 'podCIDRs' not allowed"},
		"another network type":       {with(map[string]any{"networkType": "FLANNEL"}), "value must be one of 'OCI_VCN_IP_NATIVE', 'FLANNEL_OVERLAY'"},
		"IPv6 alone":                 {with(map[string]any{"ipFamilies": []any{"IPv6"}}), "no items match contains schema"},
		"another family":             {with(map[string]any{"ipFamilies": []any{"IPv4", "ipx"}}), "value must be one of 'IPv4', 'IPv6'"},
		"fewer than no nodes":        {with(map[string]any{"nodes": -1}), "minimum: got -1, want 0"},
		"Typha perhaps":              {with(map[string]any{"typha": map[string]any{"enabled": "maybe"}}), "value must be one of 'auto', true, false"},
		"another backend":            {with(map[string]any{"iptablesBackend": "nft"}), "value must be one of 'Auto', 'Legacy', 'NFT'"},
		"an MTU without header":      {with(map[string]any{"mtu": 9000}), "maximum: got 9,000, want 8,950"},
		"an MTU too small for IPv6":  {with(map[string]any{"mtu": 1000}), "minimum: got 1,000, want 1,280"},
		"any variable of Felix":      {with(map[string]any{"felix": map[string]any{"BPFEnabled": true}}), "additional properties 'BPFEnabled' not allowed"},
		"an unknown configuration":   {with(map[string]any{"configurations": map[string]any{"numOfReplicas": 2}}), "additional properties 'numOfReplicas' not allowed"},
		"two agents on one node":     {with(map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxSurge": 1}}}), "additional properties 'maxSurge' not allowed"},
		"a batch that never changes": {with(map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": 0}}}), "minimum: got 0, want 1"},
		"secrets as words":           {with(map[string]any{"imagePullSecrets": []any{"mirror"}}), "got string, want object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := renderText(t, "calico", "calico", tt.values)
			if err == nil {
				t.Fatal("the values were accepted")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error:\n%v\nwant it to hold %q", err, tt.want)
			}
		})
	}
}
