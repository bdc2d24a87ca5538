package charts_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// vcnNativeVariants are the option sets that were reviewed as goldens.
var vcnNativeVariants = map[string]variant{
	"virtual": {[]string{"3.3.0"}, render.Settings{NodeKinds: []catalog.NodeKind{catalog.Virtual}}},
	"region":  {[]string{"3.3.0"}, render.Settings{Region: "eu-frankfurt-1", Realm: "OC1", IPFamilies: []string{"IPv4", "IPv6"}}},
	"government": {[]string{"2.2.2"}, render.Settings{
		Region: "us-langley-1", Realm: "OC2", Values: map[string]any{"registry": map[string]any{"namespace": "oke"}},
	}},
	"configured": {[]string{"2.2.3", "3.3.0"}, render.Settings{Configurations: everyVCNConfiguration}},
	"options": {[]string{"3.3.0"}, render.Settings{Values: map[string]any{
		"mtu": 1500, "imagePullSecrets": []any{map[string]any{"name": "mirror"}}, "guard": map[string]any{"enabled": false}, "multus": map[string]any{"enabled": true},
		"clusterRole":    map[string]any{"writeNativePodNetworks": true},
		"updateStrategy": map[string]any{"type": "RollingUpdate"},
		"registry":       map[string]any{"host": "registry.example:5000", "namespace": "mirror", "digests": map[string]any{"3.3.0": someDigest}},
	}}},
}

const someDigest = "sha256:916f9953b84f2788b410c45ba766901e99d9c345d37e2fc35a16c312f27e34f0"

// everyVCNConfiguration has all keys of OKE's table.
var everyVCNConfiguration = map[string]string{
	"affinity": `{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
		{"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]},
		{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}]}}}`,
	"nodeSelectors":                      `{"oci.oraclecloud.com/vcn-native-ip-cni": "true"}`,
	"numOfReplicas":                      `1`,
	"rollingUpdate":                      `{"maxSurge": 1, "maxUnavailable": "25%"}`,
	"tolerations":                        `[{"operator": "Exists"}, {"key": "a", "operator": "Exists", "effect": "NoSchedule"}]`,
	"topologySpreadConstraints":          `[{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}]`,
	"install-cni-ips.ContainerResources": `{"limits": {"cpu": "500m", "memory": "200Mi"}, "requests": {"cpu": "100m", "memory": "100Mi"}}`,
}

// newest is the release that tests render when the version does not matter.
const newest = "3.3.0"

// vcnNative renders a shipped release of VCN-native, for Kubernetes 1.34 when the settings name none.
func vcnNative(t *testing.T, release string, s render.Settings) rendered {
	t.Helper()
	out, err := tryVCNNative(t, release, s)
	if err != nil {
		t.Fatal(err)
	}
	var r rendered
	for _, o := range out.Objects {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		typed, _, err := strict.Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", o.GetName(), err)
		}
		r.objects = append(r.objects, typed)
	}
	return r
}

func tryVCNNative(t *testing.T, release string, s render.Settings) (*render.Render, error) {
	t.Helper()
	if s.Kubernetes.IsZero() {
		s.Kubernetes = version.MustParse("1.34.2")
	}
	a := addOn(t, "OciVcnIpNative")
	r, ok := a.Find(version.MustParse(release))
	if !ok {
		t.Fatalf("the catalog has no VCN-native %s", release)
	}
	return render.Release(os.DirFS("."), a, r, s)
}

func vcnAgent(t *testing.T, r rendered) *appsv1.DaemonSet {
	t.Helper()
	return only[*appsv1.DaemonSet](t, r, "vcn-native-ip-cni")
}

// What a version implies, one row per version at which something changes, and the version just before it.
func TestVersionDecidesWhatVCNNativeNeeds(t *testing.T) {
	t.Parallel()
	type switches struct{ OnDelete, Guard, DevicePlugins, ReadsPods, Multus bool }
	tests := map[string]switches{
		"2.0.1": {},
		"2.2.3": {},
		"2.3.0": {OnDelete: true, Guard: true, DevicePlugins: true, ReadsPods: true},
		"3.0.0": {OnDelete: true, Guard: true, DevicePlugins: true, ReadsPods: true},
		"3.2.0": {OnDelete: true, Guard: true, DevicePlugins: true, ReadsPods: true, Multus: true},
		"3.3.0": {OnDelete: true, Guard: true, DevicePlugins: true, ReadsPods: true, Multus: true},
	}
	for release, want := range tests {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			r := vcnNative(t, release, render.Settings{})
			agent, role := vcnAgent(t, r).Spec, only[*rbacv1.ClusterRole](t, r, "vcn-native-ip-cni")
			_, err := tryVCNNative(t, release, render.Settings{Values: map[string]any{"multus": map[string]any{"enabled": true}}})
			got := switches{
				OnDelete:      agent.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
				Guard:         len(all[*admissionv1.ValidatingAdmissionPolicy](r)) == 1 && len(all[*admissionv1.ValidatingAdmissionPolicyBinding](r)) == 1,
				DevicePlugins: slices.Contains(hostPaths(agent.Template.Spec), "/var/lib/kubelet/device-plugins"),
				ReadsPods:     slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "pods") }),
				Multus:        err == nil,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("switches of %s (-want +got):\n%s", release, diff)
			}
		})
	}
}

// hostPaths are the paths of the node that the pod's only container sees, sorted, each mounted where it is on the node,
// the root at /host.
func hostPaths(pod corev1.PodSpec) []string {
	var out []string
	for _, v := range pod.Volumes {
		at := slices.IndexFunc(pod.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name })
		if v.HostPath == nil || at < 0 {
			continue
		}
		path, mount := v.HostPath.Path, pod.Containers[0].VolumeMounts[at].MountPath
		if mount != path && mount != "/host"+strings.TrimSuffix(path, "/") {
			path += " at " + mount
		}
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

func TestVCNNativeGuardNeedsAServerThatHasPolicies(t *testing.T) {
	t.Parallel()
	off := map[string]any{"guard": map[string]any{"enabled": false}}
	tests := map[string]struct {
		release, kubernetes string
		values              map[string]any
		want                int
	}{
		"before the policies":                  {"2.3.0", "1.29.15", nil, 0},
		"with the first that has them":         {"2.3.0", "1.30.0", nil, 1},
		"with a newer one":                     {newest, "1.36.1", nil, 1},
		"where the operator does not want it":  {newest, "1.36.1", off, 0},
		"with a version that has no guard yet": {"2.2.3", "1.34.2", nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := vcnNative(t, tt.release, render.Settings{Kubernetes: version.MustParse(tt.kubernetes), Values: tt.values})
			policies, bindings := len(all[*admissionv1.ValidatingAdmissionPolicy](r)), len(all[*admissionv1.ValidatingAdmissionPolicyBinding](r))
			if policies != tt.want || bindings != tt.want {
				t.Errorf("%d policies and %d bindings, want %d of each", policies, bindings, tt.want)
			}
		})
	}
}

// What the expressions decide is proved on a real API server in e2e.
func TestVCNNativeGuardDeniesAndFailsClosed(t *testing.T) {
	t.Parallel()
	r := vcnNative(t, newest, render.Settings{})
	policy := only[*admissionv1.ValidatingAdmissionPolicy](t, r, "npn-pod-deletion-deny-policy")
	if p := policy.Spec.FailurePolicy; p == nil || *p != admissionv1.Fail {
		t.Errorf("failure policy %v", p)
	}
	namespace := policy.Spec.MatchConstraints.NamespaceSelector
	if diff := cmp.Diff(&metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"}}, namespace); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	var rules []string
	for _, r := range policy.Spec.MatchConstraints.ResourceRules {
		rules = append(rules, string(r.Operations[0])+" "+strings.Join(r.Resources, ","))
	}
	if diff := cmp.Diff([]string{"DELETE pods", "CREATE pods/eviction"}, rules); diff != "" {
		t.Errorf("what it looks at (-want +got):\n%s", diff)
	}
	binding := only[*admissionv1.ValidatingAdmissionPolicyBinding](t, r, "npn-pod-deletion-deny-policy-binding")
	want := admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: policy.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
	}
	if diff := cmp.Diff(want, binding.Spec); diff != "" {
		t.Errorf("binding (-want +got):\n%s", diff)
	}
}

func TestVCNNativeUpdateStrategyFollowsVersionAndOperator(t *testing.T) {
	t.Parallel()
	rolling := func(most intstr.IntOrString) appsv1.DaemonSetUpdateStrategy {
		return appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &most},
		}
	}
	onDelete := appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	strategy := func(kind string) map[string]any {
		return map[string]any{"updateStrategy": map[string]any{"type": kind}}
	}
	tests := map[string]struct {
		release string
		values  map[string]any
		batch   string
		want    appsv1.DaemonSetUpdateStrategy
	}{
		"an old version rolls":                      {"2.2.3", nil, "", rolling(intstr.FromString("10%"))},
		"a new one waits":                           {"2.3.0", nil, "", onDelete},
		"an operator may let an old one wait":       {"2.2.3", strategy("OnDelete"), "", onDelete},
		"an operator may let a new one roll":        {newest, strategy("RollingUpdate"), "", rolling(intstr.FromString("10%"))},
		"an operator may say the batch alone":       {"2.2.3", map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": 3}}}, "", rolling(intstr.FromInt32(3))},
		"the configuration replaces it":             {"2.2.3", nil, `{"maxUnavailable": 2, "maxSurge": 1}`, rolling(intstr.FromInt32(2))},
		"the configuration may say a share":         {"2.2.3", nil, `{"maxUnavailable": "25%"}`, rolling(intstr.FromString("25%"))},
		"a batch of none is not taken":              {"2.2.3", nil, `{"maxUnavailable": 0}`, rolling(intstr.FromString("10%"))},
		"a share of none is not taken":              {"2.2.3", nil, `{"maxUnavailable": "0%"}`, rolling(intstr.FromString("10%"))},
		"a surge alone is not taken":                {"2.2.3", nil, `{"maxSurge": 1}`, rolling(intstr.FromString("10%"))},
		"a batch means nothing where nothing rolls": {newest, nil, `{"maxUnavailable": 2}`, onDelete},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := render.Settings{Values: tt.values}
			if tt.batch != "" {
				s.Configurations = map[string]string{"rollingUpdate": tt.batch}
			}
			if diff := cmp.Diff(tt.want, vcnAgent(t, vcnNative(t, tt.release, s)).Spec.UpdateStrategy); diff != "" {
				t.Errorf("strategy (-want +got):\n%s", diff)
			}
		})
	}
}

// The selector can never be changed on a cluster, so it must not depend on anything.
func TestVCNNativeSelectorIsAppAloneWhateverIsSaid(t *testing.T) {
	t.Parallel()
	for _, r := range addOn(t, "OciVcnIpNative").Releases {
		for name, v := range vcnNativeVariants {
			if name == "virtual" || (name == "options" && r.Version.Core() != newest) {
				continue
			}
			spec := vcnAgent(t, vcnNative(t, r.Version.String(), v.settings)).Spec
			if diff := cmp.Diff(&metav1.LabelSelector{MatchLabels: map[string]string{"app": "vcn-native-ip-cni"}}, spec.Selector); diff != "" {
				t.Errorf("%s, %s: selector (-want +got):\n%s", r.Version, name, diff)
			}
			labels := map[string]string{"app": "vcn-native-ip-cni", "app.kubernetes.io/version": r.Version.Core()}
			if diff := cmp.Diff(labels, spec.Template.Labels); diff != "" {
				t.Errorf("%s, %s: template labels (-want +got):\n%s", r.Version, name, diff)
			}
		}
	}
}

func TestVCNNativePodIsWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	spec := vcnAgent(t, vcnNative(t, newest, render.Settings{})).Spec
	pod := spec.Template.Spec
	if !pod.HostNetwork || pod.PriorityClassName != "system-node-critical" || pod.ServiceAccountName != "vcn-native-ip-cni" || spec.MinReadySeconds != 30 {
		t.Errorf("host network %t, priority %q, account %q, seconds of readiness %d", pod.HostNetwork, pod.PriorityClassName, pod.ServiceAccountName, spec.MinReadySeconds)
	}
	if diff := cmp.Diff([]corev1.Toleration{{Operator: corev1.TolerationOpExists}}, pod.Tolerations); diff != "" {
		t.Errorf("tolerations (-want +got):\n%s", diff)
	}
	paths := []string{
		"/", "/dev/shm/oci-cni", "/etc/cni/net.d", "/etc/oci-cni", "/opt/cni/bin", "/run/xtables.lock", "/var/lib/kubelet/device-plugins",
	}
	if diff := cmp.Diff(paths, hostPaths(pod)); diff != "" {
		t.Errorf("paths of the node (-want +got):\n%s", diff)
	}
	if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
		t.Fatalf("%d containers and %d before them", len(pod.Containers), len(pod.InitContainers))
	}
	privileged := true
	want := corev1.Container{
		Name: "install-cni-ips", Image: "iad.ocir.io/id9y6mi8tcky/oke-public-vcn-native-ip-cni-plugin:v3.3.0",
		SecurityContext: &corev1.SecurityContext{Privileged: &privileged},
	}
	if diff := cmp.Diff(want, pod.Containers[0], cmpopts.IgnoreFields(corev1.Container{}, "VolumeMounts")); diff != "" {
		t.Errorf("container, without command, variables, probes and resources (-want +got):\n%s", diff)
	}
}

func TestVCNNativeConfigurationIsTheKnownChain(t *testing.T) {
	t.Parallel()
	for mtu, s := range map[float64]render.Settings{9000: {}, 1500: {Values: map[string]any{"mtu": 1500}}} {
		want := map[string]any{"name": "oci", "cniVersion": "0.3.1", "plugins": []any{
			map[string]any{"cniVersion": "0.3.1", "type": "oci-ipvlan", "mode": "l2", "ipam": map[string]any{"type": "oci-ipam"}},
			map[string]any{"cniVersion": "0.3.1", "type": "oci-ptp", "containerInterface": "ptp-veth0", "mtu": mtu},
		}}
		config := all[*corev1.ConfigMap](vcnNative(t, newest, s))[0]
		if diff := cmp.Diff(want, decodeJSON(t, config, "cni-conf.json")); diff != "" {
			t.Errorf("conflist (-want +got):\n%s", diff)
		}
	}
}

// A pod that restarts in the middle of an update must find the configuration of its own template, not the new one.
func TestVCNNativeConfigurationIsNamedAfterItsContent(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, mtu := range []int{1500, 9000} {
		for _, release := range []string{"2.2.3", newest} {
			r := vcnNative(t, release, render.Settings{Values: map[string]any{"mtu": mtu}})
			config := all[*corev1.ConfigMap](r)[0]
			names[config.Name] = true
			if config.Immutable == nil || !*config.Immutable {
				t.Errorf("%s can be changed", config.Name)
			}
			pod := vcnAgent(t, r).Spec.Template.Spec
			source := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.ConfigMap != nil })]
			if source.ConfigMap.Name != config.Name {
				t.Errorf("the pod reads %s, the ConfigMap is %s", source.ConfigMap.Name, config.Name)
			}
			var files []string
			for _, m := range pod.Containers[0].VolumeMounts {
				if m.Name == source.Name {
					files = append(files, m.MountPath)
				}
			}
			if diff := cmp.Diff([]string{"/etc/oci-cni/cni-conf.json", "/etc/oci-cni/iptables", "/etc/oci-cni/ip6tables"}, files); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		}
	}
	if len(names) != 2 || !strings.HasPrefix(slices.Sorted(maps.Keys(names))[0], "vcn-native-ip-cni-cfg-") {
		t.Errorf("names %v, want one for each content", names)
	}
}

// An image that is not there leaves nodes without pod network, so a host is derived only from what is known.
func TestVCNNativeImageFollowsRegionAndRealm(t *testing.T) {
	t.Parallel()
	const name = "oke-public-vcn-native-ip-cni-plugin"
	type registry = map[string]any
	tests := map[string]struct {
		region, realm string
		registry      registry
		want          string
	}{
		"nothing known, as the catalog has it":   {"", "", nil, "iad.ocir.io/id9y6mi8tcky/" + name + ":v3.3.0"},
		"only the realm of the catalog's":        {"", "OC1", nil, "iad.ocir.io/id9y6mi8tcky/" + name + ":v3.3.0"},
		"a region by identifier":                 {"us-ashburn-1", "OC1", nil, "iad.ocir.io/id9y6mi8tcky/" + name + ":v3.3.0"},
		"a region without its realm":             {"eu-frankfurt-1", "", nil, "fra.ocir.io/id9y6mi8tcky/" + name + ":v3.3.0"},
		"a region by key, as the metadata write": {"PHX", "oc1", nil, "phx.ocir.io/id9y6mi8tcky/" + name + ":v3.3.0"},
		"a region of OC1 that is newer":          {"eu-oslo-1", "OC1", nil, "eu-oslo-1.ocir.io/id9y6mi8tcky/" + name + ":v3.3.0"},
		"a government region":                    {"us-langley-1", "OC2", registry{"namespace": "oke"}, "ocir.us-langley-1.oci.oraclegovcloud.com/oke/" + name + ":v3.3.0"},
		"a government region by key":             {"ric", "", registry{"namespace": "oke"}, "ocir.us-gov-ashburn-1.oci.oraclegovcloud.com/oke/" + name + ":v3.3.0"},
		"the United Kingdom's":                   {"uk-gov-london-1", "OC4", registry{"namespace": "oke"}, "ocir.uk-gov-london-1.oci.oraclegovcloud.uk/oke/" + name + ":v3.3.0"},
		"the European sovereign cloud":           {"eu-frankfurt-2", "OC19", registry{"namespace": "oke"}, "ocir.eu-frankfurt-2.oci.oraclecloud.eu/oke/" + name + ":v3.3.0"},
		"a region of a known realm that is new":  {"ap-nagoya-1", "OC8", registry{"namespace": "oke"}, "ocir.ap-nagoya-1.oci.oraclecloud8.com/oke/" + name + ":v3.3.0"},
		"a mirror, in an unknown place":          {"moon-1", "OC99", registry{"host": "r.example:5000"}, "r.example:5000/id9y6mi8tcky/" + name + ":v3.3.0"},
		"a mirror with a path":                   {"", "", registry{"host": "r.example", "namespace": "a/b"}, "r.example/a/b/" + name + ":v3.3.0"},
		"a digest of this version":               {"", "", registry{"digests": registry{"3.3.0": someDigest}}, "iad.ocir.io/id9y6mi8tcky/" + name + "@" + someDigest},
		"a digest of another version":            {"", "", registry{"digests": registry{"3.2.0": someDigest}}, "iad.ocir.io/id9y6mi8tcky/" + name + ":v3.3.0"},
	}
	for test, tt := range tests {
		t.Run(test, func(t *testing.T) {
			t.Parallel()
			s := render.Settings{Region: tt.region, Realm: tt.realm, Values: map[string]any{"registry": tt.registry}}
			if tt.registry == nil {
				s.Values = nil
			}
			if got := vcnAgent(t, vcnNative(t, newest, s)).Spec.Template.Spec.Containers[0].Image; got != tt.want {
				t.Errorf("image %s, want %s", got, tt.want)
			}
		})
	}
}

// A region or key that stood in two realms would be taken for the wrong one.
func TestVCNNativeRegionsAreInOneRealmEach(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("oci-vcn-native/templates/_regions.tpl")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "-}}\n")
	table, _, _ = strings.Cut(table, "{{- end }}")
	var realms map[string]struct {
		Domain  string
		Regions map[string]string
	}
	if err := yaml.UnmarshalStrict([]byte(table), &realms); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for realm, r := range realms {
		if r.Domain == "" || len(r.Regions) == 0 {
			t.Errorf("%s has the domain %q and %d regions", realm, r.Domain, len(r.Regions))
		}
		for identifier, key := range r.Regions {
			for _, word := range []string{identifier, key} {
				if other, ok := seen[word]; ok {
					t.Errorf("%s is in %s and %s", word, realm, other)
				}
				seen[word] = realm
			}
			if len(key) != 3 || strings.Count(identifier, "-") < 2 {
				t.Errorf("%s: region %s with key %s", realm, identifier, key)
			}
		}
	}
	if len(realms) != 20 || len(seen) != 2*85 {
		t.Errorf("%d realms and %d regions, want 20 and 85", len(realms), len(seen)/2)
	}
}

func TestVCNNativeIsOnLinuxNodesThatHaveVNICs(t *testing.T) {
	t.Parallel()
	own := []corev1.NodeSelectorRequirement{
		{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}},
		{Key: "node-role.kubernetes.io/virtual-node", Operator: corev1.NodeSelectorOpDoesNotExist},
		{Key: "oci.oraclecloud.com/vcn-native-ip-cni", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"false"}},
	}
	pool := corev1.NodeSelectorRequirement{Key: "pool", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}
	field := corev1.NodeSelectorRequirement{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}}
	terms := func(terms ...corev1.NodeSelectorTerm) *corev1.NodeAffinity {
		return &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}
	}
	preferring := terms(corev1.NodeSelectorTerm{MatchExpressions: own})
	preferring.PreferredDuringSchedulingIgnoredDuringExecution = []corev1.PreferredSchedulingTerm{
		{Weight: 5, Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{pool}}},
	}
	apart := corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "zone"}}}
	tests := map[string]struct {
		affinity string
		want     corev1.Affinity
	}{
		"by itself": {"", corev1.Affinity{NodeAffinity: terms(corev1.NodeSelectorTerm{MatchExpressions: own})}},
		"with the operator's nodes, in every term": {everyVCNConfiguration["affinity"], corev1.Affinity{NodeAffinity: terms(
			corev1.NodeSelectorTerm{MatchExpressions: slices.Concat(own, []corev1.NodeSelectorRequirement{pool})},
			corev1.NodeSelectorTerm{MatchExpressions: own, MatchFields: []corev1.NodeSelectorRequirement{field}},
		)}},
		"with a term that selects no node, as it is": {
			`{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}}`,
			corev1.Affinity{NodeAffinity: terms(corev1.NodeSelectorTerm{})},
		},
		"with what the operator prefers": {
			`{"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
				{"weight": 5, "preference": {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}}]}}`,
			corev1.Affinity{NodeAffinity: preferring},
		},
		"away from other pods": {
			`{"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}`,
			corev1.Affinity{NodeAffinity: terms(corev1.NodeSelectorTerm{MatchExpressions: own}), PodAntiAffinity: &apart},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := render.Settings{}
			if tt.affinity != "" {
				s.Configurations = map[string]string{"affinity": tt.affinity}
			}
			pod := vcnAgent(t, vcnNative(t, newest, s)).Spec.Template.Spec
			if diff := cmp.Diff(&tt.want, pod.Affinity); diff != "" {
				t.Errorf("affinity (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVCNNativeTakesEveryConfigurationOfOKE(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"2.2.3", newest} {
		pod := vcnAgent(t, vcnNative(t, release, render.Settings{Configurations: everyVCNConfiguration})).Spec.Template.Spec
		if diff := cmp.Diff(map[string]string{"oci.oraclecloud.com/vcn-native-ip-cni": "true"}, pod.NodeSelector); diff != "" {
			t.Errorf("%s: node selector (-want +got):\n%s", release, diff)
		}
		tolerations := []corev1.Toleration{
			{Operator: corev1.TolerationOpExists},
			{Key: "a", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
		}
		if diff := cmp.Diff(tolerations, pod.Tolerations); diff != "" {
			t.Errorf("%s: tolerations, without doubles (-want +got):\n%s", release, diff)
		}
		if len(pod.TopologySpreadConstraints) > 0 {
			t.Errorf("%s: %d constraints, want none on a DaemonSet", release, len(pod.TopologySpreadConstraints))
		}
		r := pod.Containers[0].Resources
		got := []string{r.Limits.Cpu().String(), r.Limits.Memory().String(), r.Requests.Cpu().String(), r.Requests.Memory().String()}
		if diff := cmp.Diff([]string{"500m", "200Mi", "100m", "100Mi"}, got); diff != "" {
			t.Errorf("%s: resources (-want +got):\n%s", release, diff)
		}
	}
}

// The agents need to write nothing, and nobody gets more than is said.
func TestVCNNativeRightsAreReadingAlone(t *testing.T) {
	t.Parallel()
	reading, writing := []string{"get", "list", "watch"}, []string{"get", "list", "watch", "create", "update", "patch", "delete"}
	rule := func(group, resource string, verbs []string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
	}
	writer := map[string]any{"clusterRole": map[string]any{"writeNativePodNetworks": true}}
	tests := map[string]struct {
		release string
		values  map[string]any
		want    []rbacv1.PolicyRule
	}{
		"before Application Resources": {"2.2.3", nil, []rbacv1.PolicyRule{
			rule("", "nodes", reading), rule("oci.oraclecloud.com", "nativepodnetworks", reading),
		}},
		"with them": {newest, nil, []rbacv1.PolicyRule{
			rule("", "nodes", reading), rule("", "pods", reading), rule("oci.oraclecloud.com", "nativepodnetworks", reading),
		}},
		"for Karpenter": {newest, writer, []rbacv1.PolicyRule{
			rule("", "nodes", reading), rule("", "pods", reading), rule("oci.oraclecloud.com", "nativepodnetworks", writing),
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := vcnNative(t, tt.release, render.Settings{Values: tt.values})
			if diff := cmp.Diff(tt.want, only[*rbacv1.ClusterRole](t, r, "vcn-native-ip-cni").Rules); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
			binding := only[*rbacv1.ClusterRoleBinding](t, r, "vcn-native-ip-cni")
			subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Name: "vcn-native-ip-cni", Namespace: "kube-system"}}
			if diff := cmp.Diff(subjects, binding.Subjects); diff != "" || binding.RoleRef.Name != "vcn-native-ip-cni" {
				t.Errorf("bound to %s (-want +got):\n%s", binding.RoleRef.Name, diff)
			}
		})
	}
}

func TestVCNNativeLeavesVirtualNodesToOracle(t *testing.T) {
	t.Parallel()
	definition := []string{"CustomResourceDefinition nativepodnetworks.oci.oraclecloud.com"}
	everything := names(t, vcnNative(t, newest, render.Settings{}))
	if len(everything) != 8 {
		t.Errorf("there is:\n%s", strings.Join(everything, "\n"))
	}
	tests := map[string]struct {
		kinds []catalog.NodeKind
		want  []string
	}{
		"nothing is known":               {nil, everything},
		"virtual nodes alone":            {[]catalog.NodeKind{catalog.Virtual}, definition},
		"virtual nodes and managed ones": {[]catalog.NodeKind{catalog.Virtual, catalog.Managed}, everything},
		"self-managed nodes":             {[]catalog.NodeKind{catalog.SelfManaged}, everything},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, names(t, vcnNative(t, newest, render.Settings{NodeKinds: tt.kinds}))); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

// Removing the Helm release must not take the network from running pods.
func TestEveryObjectOfVCNNativeIsKeptAndLabelled(t *testing.T) {
	t.Parallel()
	for _, o := range renderChart(t, "oci-vcn-native", "vcn-native-ip-cni", nil).objects {
		m := meta(t, o)
		if diff := cmp.Diff(map[string]string{"helm.sh/resource-policy": "keep"}, m.GetAnnotations()); diff != "" {
			t.Errorf("%T: annotations (-want +got):\n%s", o, diff)
		}
		if m.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" || m.GetLabels()["app"] != "vcn-native-ip-cni" {
			t.Errorf("%T: labels %v", o, m.GetLabels())
		}
	}
	// What is rendered on some servers only is seen in its template.
	files, err := filepath.Glob("oci-vcn-native/templates/*.yaml")
	if err != nil || len(files) != 8 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, marks := range []string{"labels", "annotations"} {
			if !strings.Contains(string(text), "\n  "+marks+":\n    {{- include \"oci-vcn-native."+marks+"\" . | nindent 4 }}") {
				t.Errorf("%s has not the chart's %s", file, marks)
			}
		}
	}
}

// A field that is not known here may be one that Oracle's controller writes next year: dropped, its nodes would wait for ever.
func TestNativePodNetworksKeepWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	definition := only[*apiextensionsv1.CustomResourceDefinition](t, vcnNative(t, newest, render.Settings{}), "nativepodnetworks.oci.oraclecloud.com")
	root := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
	objects := 0
	var walk func(path string, p apiextensionsv1.JSONSchemaProps)
	walk = func(path string, p apiextensionsv1.JSONSchemaProps) {
		if p.Type == "object" && p.AdditionalProperties == nil {
			if objects++; p.XPreserveUnknownFields == nil || !*p.XPreserveUnknownFields {
				t.Errorf("%s drops fields that it does not know", path)
			}
		}
		for name, below := range p.Properties {
			walk(path+"."+name, below)
		}
		if p.Items != nil {
			walk(path+"[]", *p.Items.Schema)
		}
		if p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil {
			walk(path+"{}", *p.AdditionalProperties.Schema)
		}
	}
	for _, part := range []string{"spec", "status"} {
		walk(part, root[part])
	}
	if objects != 13 {
		t.Errorf("%d objects were looked at, want 13", objects)
	}
	for _, version := range addOn(t, "OciVcnIpNative").Releases {
		of := only[*apiextensionsv1.CustomResourceDefinition](t, vcnNative(t, version.Version.String(), render.Settings{}), definition.Name)
		if diff := cmp.Diff(definition, of); diff != "" {
			t.Errorf("a definition is never rolled back, and that of %s is another (-newest +it):\n%s", version.Version, diff)
		}
	}
}

// So that a plain `helm template` shows what the catalog would give.
func TestVCNNativeDefaultsAreTheNewestRelease(t *testing.T) {
	t.Parallel()
	releases := addOn(t, "OciVcnIpNative").Releases
	active := slices.DeleteFunc(slices.Clone(releases), func(r catalog.Release) bool { return r.Status != catalog.Active })
	latest := slices.MaxFunc(active, func(a, b catalog.Release) int { return a.Version.Compare(b.Version) })
	defaults := loadChart(t, "oci-vcn-native").Values
	for name, want := range latest.ChartValues() {
		if name == "version" || name == "images" {
			if diff := cmp.Diff(want, defaults[name]); diff != "" {
				t.Errorf("%s (-catalog +chart):\n%s", name, diff)
			}
		}
	}
}

func TestVCNNativeRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	values := func(name string, value any) render.Settings {
		return render.Settings{Values: map[string]any{name: value}}
	}
	type object = map[string]any
	tests := map[string]struct {
		release  string
		settings render.Settings
		want     string
	}{
		"the other network type":       {newest, render.Settings{NetworkType: catalog.FlannelOverlay}, "value must be 'OCI_VCN_IP_NATIVE'"},
		"IPv6 alone":                   {newest, render.Settings{IPFamilies: []string{"IPv6"}}, "no items match contains schema"},
		"a family that is none":        {newest, render.Settings{IPFamilies: []string{"IPv4", "IPv5"}}, "value must be one of 'IPv4', 'IPv6'"},
		"a node kind that is none":     {newest, render.Settings{NodeKinds: []catalog.NodeKind{"Metal"}}, "value must be one of 'Managed', 'SelfManaged', 'Virtual'"},
		"an unknown realm":             {newest, render.Settings{Region: "moon-1", Realm: "OC99"}, "realm OC99 is not known: set registry.host"},
		"an unknown realm alone":       {newest, render.Settings{Realm: "OC99"}, "realm OC99 is not known: set registry.host"},
		"a realm that is none":         {newest, render.Settings{Realm: "one"}, "does not match pattern"},
		"an unknown region alone":      {newest, render.Settings{Region: "moon-1"}, "region moon-1 is not known: set realm beside it, or registry.host"},
		"a region of another realm":    {newest, render.Settings{Region: "us-langley-1", Realm: "OC1"}, "region us-langley-1 is in realm OC2, not in OC1"},
		"a realm without region":       {newest, render.Settings{Realm: "OC4"}, "realm OC4 needs a region beside it, or registry.host"},
		"an unknown key":               {newest, render.Settings{Region: "zzz", Realm: "OC4"}, "region key zzz is not known: give the region's identifier, or registry.host"},
		"a realm of unknown namespace": {newest, render.Settings{Region: "us-langley-1"}, "namespace of Oracle's images in realm OC2: set registry.namespace"},
		"a host with a path":           {newest, values("registry", object{"host": "r.example/mirror"}), "does not match pattern"},
		"a digest that is none":        {newest, values("registry", object{"digests": object{"3.3.0": "sha256:12"}}), "does not match pattern"},
		"a digest of no version":       {newest, values("registry", object{"digests": object{"latest": someDigest}}), "does not match pattern"},
		"Multus on an old plugin":      {"3.0.0", values("multus", object{"enabled": true}), "plugin 3.0.0 gives them one: it needs 3.2.0 or later"},
		"an MTU that no VNIC has":      {newest, values("mtu", 9001), "maximum: got 9,001, want 9,000"},
		"two agents on one node":       {newest, values("updateStrategy", object{"rollingUpdate": object{"maxSurge": 1}}), "additional properties 'maxSurge' not allowed"},
		"a batch that never changes":   {"2.2.3", values("updateStrategy", object{"rollingUpdate": object{"maxUnavailable": 0}}), "minimum: got 0, want 1"},
		"another strategy":             {newest, values("updateStrategy", object{"type": "Recreate"}), "value must be one of '', 'RollingUpdate', 'OnDelete'"},
		"a misspelt value":             {newest, values("guards", object{"enabled": false}), "additional properties 'guards' not allowed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tryVCNNative(t, tt.release, tt.settings)
			if err == nil {
				t.Fatal("it was rendered")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error:\n%v\nwant it to hold %q", err, tt.want)
			}
		})
	}
}

func TestVCNNativeRefusesAnImageOfAnotherVersion(t *testing.T) {
	t.Parallel()
	of := func(version, image string) map[string]any {
		return map[string]any{"version": version, "images": map[string]any{"vcn-native-ip-cni": image}}
	}
	tests := map[string]struct {
		values map[string]any
		want   string // empty means that it is rendered
	}{
		"a version that is too old":      {of("2.0.0", "a/b:v2.0.0"), "plugin 2.0.0 is not supported, the chart needs 2.0.1 or later"},
		"an image of another version":    {of("3.0.0", "a/b:v3.3.0"), "version is 3.0.0 and images.vcn-native-ip-cni is a/b:v3.3.0"},
		"also where it has a digest":     {of("3.0.0", "a:5000/b:3.3.0@"+someDigest), "set both to the same release"},
		"a digest alone, which is mute":  {of("3.0.0", "a:5000/b@"+someDigest), ""},
		"a tag that is no plain version": {of("3.0.0", "a/b:bm-nic-fix"), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := renderText(t, "oci-vcn-native", "vcn-native-ip-cni", tt.values)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}
