package charts_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/addonctl/addonctl/pkg/render"
)

var calicoVariants = map[string]variant{
	"typha":     {releases: []string{"3.26.4", "3.32.0"}, settings: render.Settings{Nodes: 300}},
	"dualstack": {releases: []string{"3.29.2", "3.32.0"}, settings: render.Settings{IPFamilies: []string{"IPv4", "IPv6"}}},
}

// One version of each minor that the chart knows.
var calicoMinors = []string{"3.26.4", "3.27.2", "3.28.2", "3.29.2", "3.30.3", "3.31.5", "3.32.0"}

var bothNetworkTypes = []string{"OCI_VCN_IP_NATIVE", "FLANNEL_OVERLAY"}

func renderCalico(t *testing.T, version string, changes map[string]any) rendered {
	t.Helper()
	return renderChart(t, "calico", "calico", calicoValues(version, changes))
}

func calicoValues(version string, changes map[string]any) map[string]any {
	return valuesOf(version, []string{"node", "cni", "kube-controllers", "typha"}, changes)
}

func besideFlannel(more map[string]any) map[string]any {
	out := map[string]any{"networkType": "FLANNEL_OVERLAY"}
	maps.Copy(out, more)
	return out
}

func calicoPod(t *testing.T, r rendered) corev1.PodSpec {
	t.Helper()
	return only[*appsv1.DaemonSet](t, r, "calico-node").Spec.Template.Spec
}

func calicoAgent(t *testing.T, r rendered) corev1.Container {
	t.Helper()
	pod := calicoPod(t, r)
	if len(pod.Containers) != 1 || pod.Containers[0].Name != "calico-node" {
		t.Fatalf("want one container, calico-node, got %d, the first is %s", len(pod.Containers), pod.Containers[0].Name)
	}
	return pod.Containers[0]
}

// variablesOf is a container's environment, a variable that is read from somewhere as "<where>".
func variablesOf(t *testing.T, c corev1.Container) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range c.Env {
		if _, twice := out[e.Name]; twice {
			t.Errorf("%s has %s twice", c.Name, e.Name)
		}
		out[e.Name] = e.Value
		if from := e.ValueFrom; from != nil && from.FieldRef != nil {
			out[e.Name] = "<" + from.FieldRef.FieldPath + ">"
		} else if from != nil {
			out[e.Name] = "<" + from.ConfigMapKeyRef.Name + " " + from.ConfigMapKeyRef.Key + ">"
		}
	}
	if len(c.EnvFrom) > 0 {
		t.Errorf("%s takes variables from elsewhere: %v", c.Name, c.EnvFrom)
	}
	return out
}

func mountsOf(c corev1.Container) []string {
	var out []string
	for _, m := range c.VolumeMounts {
		text := m.Name + " " + m.MountPath
		if m.ReadOnly {
			text += " read-only"
		}
		if m.MountPropagation != nil {
			text += " " + string(*m.MountPropagation)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

func hostFolders(pod corev1.PodSpec) map[string]string {
	out := map[string]string{}
	for _, v := range pod.Volumes {
		out[v.Name] = v.HostPath.Path
		if v.HostPath.Type != nil && *v.HostPath.Type != "" {
			out[v.Name] += " " + string(*v.HostPath.Type)
		}
	}
	return out
}

// What Oracle's page leaves of calico-policy-only.yaml and what it adds (facts: OKE 1.8, CNI A3.4), and one variable of
// ours: FELIX_USAGEREPORTINGENABLED.
func TestCalicoBesideVCNNativeIsOraclesRecipe(t *testing.T) {
	t.Parallel()
	variables := map[string]string{
		"DATASTORE_TYPE": "kubernetes", "USE_POD_CIDR": "true", "WAIT_FOR_DATASTORE": "true", "NODENAME": "<spec.nodeName>",
		"CALICO_NETWORKING_BACKEND": "none", "CLUSTER_TYPE": "k8s", "CALICO_MANAGE_CNI": "false",
		"CALICO_DISABLE_FILE_LOGGING": "true", "FELIX_DEFAULTENDPOINTTOHOSTACTION": "ACCEPT", "FELIX_IPV6SUPPORT": "false",
		"FELIX_HEALTHENABLED":   "true",
		"FELIX_INTERFACEPREFIX": "oci", "NO_DEFAULT_POOLS": "true", "FELIX_CHAININSERTMODE": "Append",
		"FELIX_IPTABLESMANGLEALLOWACTION": "Return",
		"FELIX_USAGEREPORTINGENABLED":     "false",
	}
	mounts := []string{
		"bpffs /sys/fs/bpf", "lib-modules /lib/modules read-only", "policysync /var/run/nodeagent",
		"var-lib-calico /var/lib/calico", "var-run-calico /var/run/calico", "xtables-lock /run/xtables.lock",
	}
	for _, version := range calicoMinors {
		r := renderCalico(t, version, nil)
		pod, agent := calicoPod(t, r), calicoAgent(t, r)
		if diff := cmp.Diff(variables, variablesOf(t, agent)); diff != "" {
			t.Errorf("%s: variables (-want +got):\n%s", version, diff)
		}
		if diff := cmp.Diff(mounts, mountsOf(agent)); diff != "" {
			t.Errorf("%s: mounts (-want +got):\n%s", version, diff)
		}
		if diff := cmp.Diff(len(mounts), len(pod.Volumes)); diff != "" {
			t.Errorf("%s: a volume is used by nobody: %v", version, hostFolders(pod))
		}
		if len(pod.InitContainers) > 0 || len(all[*corev1.ConfigMap](r)) > 0 {
			t.Errorf("%s: there are %d init containers and %d ConfigMaps, want none", version, len(pod.InitContainers), len(all[*corev1.ConfigMap](r)))
		}
		if exec := agent.ReadinessProbe.Exec; exec == nil || !slices.Equal(exec.Command, []string{"/bin/calico-node", "-felix-ready"}) {
			t.Errorf("%s: readiness probe %v", version, agent.ReadinessProbe)
		}
	}
}

// The canal chain without flannel (facts: CNI A3.4, B58), and three things of ours: FELIX_USAGEREPORTINGENABLED,
// NO_DEFAULT_POOLS, and that flannel's plugin is skipped.
func TestCalicoBesideFlannelIsTheCanalChain(t *testing.T) {
	t.Parallel()
	variables := map[string]string{
		"DATASTORE_TYPE": "kubernetes", "USE_POD_CIDR": "true", "WAIT_FOR_DATASTORE": "true", "NODENAME": "<spec.nodeName>",
		"CALICO_NETWORKING_BACKEND": "none", "CLUSTER_TYPE": "k8s,canal", "CALICO_MANAGE_CNI": "true",
		"CALICO_CNI_SERVICE_ACCOUNT": "calico-cni-plugin", "CALICO_DISABLE_FILE_LOGGING": "true", "IP": "",
		"FELIX_DEFAULTENDPOINTTOHOSTACTION": "ACCEPT", "FELIX_IPV6SUPPORT": "false", "FELIX_HEALTHENABLED": "true",
		"FELIX_IPTABLESREFRESHINTERVAL": "60",
		"FELIX_USAGEREPORTINGENABLED":   "false", "NO_DEFAULT_POOLS": "true",
	}
	second := map[string]string{
		"3.26.4": "mount-bpffs", "3.27.2": "mount-bpffs", "3.28.2": "mount-bpffs", "3.29.2": "mount-bpffs", "3.30.3": "mount-bpffs",
		"3.31.5": "ebpf-bootstrap", "3.32.0": "ebpf-bootstrap",
	}
	for _, version := range calicoMinors {
		r := renderCalico(t, version, besideFlannel(nil))
		pod, agent := calicoPod(t, r), calicoAgent(t, r)
		if diff := cmp.Diff(variables, variablesOf(t, agent)); diff != "" {
			t.Errorf("%s: variables (-want +got):\n%s", version, diff)
		}
		if len(pod.InitContainers) != 2 {
			t.Fatalf("%s: there are %d init containers, want 2", version, len(pod.InitContainers))
		}
		install, bpf := pod.InitContainers[0], pod.InitContainers[1]
		if diff := cmp.Diff([]string{"install-cni", second[version]}, []string{install.Name, bpf.Name}); diff != "" {
			t.Errorf("%s: init containers (-want +got):\n%s", version, diff)
		}
		wantInstall := map[string]string{
			"CNI_CONF_NAME": "10-canal.conflist", "KUBERNETES_NODE_NAME": "<spec.nodeName>", "SLEEP": "false", "SKIP_CNI_BINARIES": "flannel",
			"CALICO_CNI_SERVICE_ACCOUNT": "calico-cni-plugin", "CNI_NETWORK_CONFIG": "<" + all[*corev1.ConfigMap](r)[0].Name + " cni_network_config>",
		}
		if diff := cmp.Diff(wantInstall, variablesOf(t, install)); diff != "" {
			t.Errorf("%s: variables of install-cni (-want +got):\n%s", version, diff)
		}
		mounts := map[string][]string{"agent": mountsOf(agent), "install": mountsOf(install), "bpf": mountsOf(bpf)}
		wantMounts := map[string][]string{
			"agent": {
				"bpffs /sys/fs/bpf", "cni-log-dir /var/log/calico/cni read-only", "cni-net-dir /host/etc/cni/net.d",
				"lib-modules /lib/modules read-only", "policysync /var/run/nodeagent", "var-lib-calico /var/lib/calico",
				"var-run-calico /var/run/calico", "xtables-lock /run/xtables.lock",
			},
			"install": {"cni-bin-dir /host/opt/cni/bin", "cni-net-dir /host/etc/cni/net.d"},
			"bpf":     {"nodeproc /nodeproc read-only", "sys-fs /sys/fs Bidirectional", "var-run-calico /var/run/calico Bidirectional"},
		}
		if diff := cmp.Diff(wantMounts, mounts); diff != "" {
			t.Errorf("%s: mounts (-want +got):\n%s", version, diff)
		}
		if get := agent.ReadinessProbe.HTTPGet; get == nil || get.Host != "localhost" || get.Port.IntValue() != 9099 || get.Path != "/readiness" {
			t.Errorf("%s: readiness probe %v", version, agent.ReadinessProbe)
		}
	}
}

// The file that the runtime finds first is the one that counts, and flannel writes 10-flannel.conflist.
func TestPluginsConfigurationIsFoundBeforeFlannels(t *testing.T) {
	t.Parallel()
	name := variablesOf(t, calicoPod(t, renderCalico(t, "3.32.0", besideFlannel(nil))).InitContainers[0])["CNI_CONF_NAME"]
	if name >= "10-flannel.conflist" {
		t.Errorf("%s comes after flannel's", name)
	}
}

func TestPluginsConfigurationIsJSONWhenItIsFilledIn(t *testing.T) {
	t.Parallel()
	chain := func(mtu float64, ipam map[string]any) map[string]any {
		return map[string]any{
			"name": "cbr0", "cniVersion": "0.3.1",
			"plugins": []any{
				map[string]any{
					"type": "calico", "log_level": "info", "log_file_path": "/var/log/calico/cni/cni.log", "datastore_type": "kubernetes",
					"nodename": "node-1", "mtu": mtu, "ipam": ipam, "policy": map[string]any{"type": "k8s"},
					"kubernetes": map[string]any{"kubeconfig": "/etc/cni/net.d/calico-kubeconfig"},
				},
				map[string]any{"type": "portmap", "snat": true, "capabilities": map[string]any{"portMappings": true}},
			},
		}
	}
	of := func(subnet string) map[string]any { return map[string]any{"subnet": subnet} }
	single := map[string]any{"type": "host-local", "subnet": "usePodCidr"}
	dual := map[string]any{"type": "host-local", "ranges": []any{[]any{of("usePodCidr")}, []any{of("usePodCidrIPv6")}}}
	tests := map[string]struct {
		changes map[string]any
		want    map[string]any
	}{
		"the default leaves room for the largest of flannel's headers": {nil, chain(1420, single)},
		"OCI's large frames":     {map[string]any{"mtu": 8950}, chain(8950, single)},
		"dual stack, IPv6 first": {map[string]any{"ipFamilies": []any{"IPv6", "IPv4"}}, chain(1420, dual)},
		"policies for IPv4 alone do not change addresses": {
			map[string]any{"ipFamilies": []any{"IPv4", "IPv6"}, "ipv6": false}, chain(1420, dual),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := all[*corev1.ConfigMap](renderCalico(t, "3.32.0", besideFlannel(tt.changes)))[0]
			filled := strings.NewReplacer("__KUBERNETES_NODE_NAME__", "node-1", "__KUBECONFIG_FILEPATH__", "/etc/cni/net.d/calico-kubeconfig")
			config.Data["cni_network_config"] = filled.Replace(config.Data["cni_network_config"])
			if diff := cmp.Diff(tt.want, decodeJSON(t, config, "cni_network_config")); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
			if len(config.Data) != 1 || strings.Contains(config.Data["cni_network_config"], "__") {
				t.Errorf("something is left to be filled in, or there is more: %v", config.Data)
			}
		})
	}
}

// A pod that restarts in the middle of an update must find the configuration of its own template.
func TestPluginsConfigurationIsNamedAfterItsContent(t *testing.T) {
	t.Parallel()
	contents := map[string]string{}
	for _, version := range []string{"3.26.4", "3.32.0"} {
		for _, mtu := range []int{1420, 8950} {
			r := renderCalico(t, version, besideFlannel(map[string]any{"mtu": mtu}))
			config := all[*corev1.ConfigMap](r)[0]
			if config.Immutable == nil || !*config.Immutable {
				t.Errorf("%s is not immutable", config.Name)
			}
			if !strings.HasPrefix(config.Name, "calico-config-") || len(config.Name) != len("calico-config-")+10 {
				t.Errorf("the ConfigMap is named %q", config.Name)
			}
			if other, ok := contents[config.Name]; ok && other != fmt.Sprint(config.Data) {
				t.Errorf("%s stands for two contents", config.Name)
			}
			contents[config.Name] = fmt.Sprint(config.Data)
		}
	}
	if len(contents) != 2 {
		t.Errorf("%d names, want 2: one for each MTU", len(contents))
	}
}

func TestOptionsOfTheAgentBecomeVariables(t *testing.T) {
	t.Parallel()
	dualStack := []any{"IPv4", "IPv6"}
	tests := map[string]struct{ changes, want map[string]any }{
		"Oracle Linux 8":                   {map[string]any{"iptablesBackend": "NFT"}, map[string]any{"FELIX_IPTABLESBACKEND": "NFT"}},
		"dual stack":                       {map[string]any{"ipFamilies": dualStack}, map[string]any{"FELIX_IPV6SUPPORT": "true"}},
		"dual stack as Oracle leaves it":   {map[string]any{"ipFamilies": dualStack, "ipv6": false}, map[string]any{}},
		"policies for IPv6 in any case":    {map[string]any{"ipv6": true}, map[string]any{"FELIX_IPV6SUPPORT": "true"}},
		"reports to Calico's authors":      {map[string]any{"felix": map[string]any{"usageReporting": true}}, map[string]any{"FELIX_USAGEREPORTINGENABLED": "true"}},
		"more words in the log":            {map[string]any{"felix": map[string]any{"logSeverity": "Debug"}}, map[string]any{"FELIX_LOGSEVERITYSCREEN": "Debug"}},
		"metrics":                          {map[string]any{"felix": map[string]any{"prometheusMetrics": true}}, map[string]any{"FELIX_PROMETHEUSMETRICSENABLED": "true"}},
		"metrics that are not wanted":      {map[string]any{"felix": map[string]any{"prometheusMetrics": false}}, map[string]any{}},
		"Typha":                            {map[string]any{"nodes": 51}, map[string]any{"FELIX_TYPHAK8SSERVICENAME": "calico-typha"}},
		"Typha that is not wanted":         {map[string]any{"nodes": 51, "typha": map[string]any{"enabled": false}}, map[string]any{}},
		"an MTU beside Oracle's plugin":    {map[string]any{"mtu": 8950}, map[string]any{}},
		"the backend that Felix looks for": {map[string]any{"iptablesBackend": "Auto"}, map[string]any{}},
	}
	plain := variablesOf(t, calicoAgent(t, renderCalico(t, "3.32.0", nil)))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := map[string]any{}
			for name, value := range variablesOf(t, calicoAgent(t, renderCalico(t, "3.32.0", tt.changes))) {
				if old, ok := plain[name]; !ok || old != value {
					changed[name] = value
				}
			}
			if diff := cmp.Diff(tt.want, changed); diff != "" {
				t.Errorf("variables that are new or other (-want +got):\n%s", diff)
			}
		})
	}
}
