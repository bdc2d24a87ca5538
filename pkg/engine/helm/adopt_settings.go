package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/addonctl/addonctl/pkg/plan"
)

// configured reads the live configuration, and renders the release as near to it as its chart allows. A release whose selector
// would be another one, or that cannot be rendered, could never be written over what is live.
func (l *looker) configured(ctx context.Context) error {
	conf := l.netConf()
	l.PodCIDRs = conf.networks()
	if have := l.in.Cluster.PodCIDRs; len(have) > 0 && len(l.PodCIDRs) > 0 && !slices.Equal(have, l.PodCIDRs) {
		l.refuse(plan.NetworkTypeImmutable, "look which of them the nodes' blocks lie in, and mend the other", "cluster %s is recorded with the pod CIDRs %s, and %s runs with %s",
			l.in.Cluster.Name, strings.Join(have, ","), l.Workload, strings.Join(l.PodCIDRs, ","))
		return nil
	}
	if len(l.PodCIDRs) > 0 {
		l.in.Cluster.PodCIDRs = l.PodCIDRs
	}
	l.Settings = l.in.Desired.Settings
	if l.Settings.IsZero() && l.Release.Chart == "flannel" {
		l.Settings = plan.Settings{Values: flannelValues(l.set, conf)}
		if len(l.Settings.Values) == 0 {
			l.Settings.Values = nil
		}
	}
	l.in.Desired.AddOn, l.in.Desired.Namespace, l.in.Desired.Settings = l.AddOn.Name, l.AddOn.Workload.Namespace, l.Settings
	var err error
	if l.ours, err = Render(l.Charts, l.in, l.AddOn, l.Release, l.Settings); err != nil {
		l.refuse(plan.NotAdoptable, "", "no release could be written over what is live: %s", oneLine(err))
		return nil
	}
	if theirs, ours := l.set.Spec.Selector, l.selector(); !reflect.DeepEqual(theirs, ours) {
		l.refuse(plan.NotAdoptable, "", "its selector is %s, and that of every release is %s: a selector cannot change, so nothing could be written over it",
			jsonText(theirs), jsonText(ours))
		return nil
	}
	return l.rest(ctx)
}

// selector of our render.
func (l *looker) selector() any {
	w := l.AddOn.Workload
	for _, o := range l.ours.Objects {
		if o.GetKind() != w.Kind || o.GetName() != w.Name {
			continue
		}
		d := &appsv1.DaemonSet{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, d) == nil {
			return d.Spec.Selector
		}
	}
	return nil
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// netConf is flannel's network configuration.
type netConf struct {
	Network, IPv6Network string
	EnableNFTables       bool
	Backend              map[string]any
}

func (c netConf) networks() []string {
	return slices.DeleteFunc([]string{c.Network, c.IPv6Network}, func(s string) bool { return s == "" })
}

// netConf is read from the ConfigMap that the template reads; zero where there is none.
func (l *looker) netConf() netConf {
	var out netConf
	for _, o := range l.found {
		text, ok, _ := unstructured.NestedString(o.Object, "data", "net-conf.json")
		if ok && json.Unmarshal([]byte(text), &out) == nil {
			return out
		}
	}
	return netConf{}
}

// flannelValues are the values of the flannel chart that say what a DaemonSet and its configuration say; what the chart does by
// itself is left out.
func flannelValues(d *appsv1.DaemonSet, conf netConf) map[string]any {
	pod := &d.Spec.Template.Spec
	out := map[string]any{}
	set := func(name string, value any, differs bool) {
		if differs {
			out[name] = value
		}
	}
	backend := backendValues(conf.Backend)
	set("backend", backend, len(backend) > 1 || len(backend) == 1 && backend["type"] != "vxlan")
	set("enableNFTables", true, conf.EnableNFTables)
	labels := maps.Clone(d.Spec.Selector.MatchLabels)
	delete(labels, "app")
	set("selectorLabels", anyLabels(labels), len(labels) > 0)
	agent := agentValues(pod)
	set("agent", agent, len(agent) > 0)
	set("respectOptOut", false, !optsOut(pod))
	set("priorityClassName", pod.PriorityClassName, pod.PriorityClassName != "" && pod.PriorityClassName != "system-node-critical")
	nodes := maps.Clone(pod.NodeSelector)
	set("nodeSelector", anyLabels(nodes), len(nodes) > 0)
	var secrets []any
	for _, s := range pod.ImagePullSecrets {
		secrets = append(secrets, map[string]any{"name": s.Name})
	}
	set("imagePullSecrets", secrets, len(secrets) > 0)
	binaries, configuration := hostPath(pod, "/opt/cni/bin"), hostPath(pod, "/etc/cni/net.d")
	set("cniBinDir", binaries, binaries != "" && binaries != "/opt/cni/bin")
	set("cniConfDir", configuration, configuration != "" && configuration != "/etc/cni/net.d")
	set("skipCNIConfigInstallation", true, configuration == "")
	return out
}

// backendOptions are the chart's names for flannel's, but for those that are the same with a small first letter.
var backendOptions = map[string]string{"VNI": "vni", "MTU": "mtu", "GBP": "gbp"}

func backendValues(backend map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range backend {
		option := backendOptions[name]
		if option == "" {
			option = strings.ToLower(name[:1]) + name[1:]
		}
		if n, ok := value.(float64); ok {
			value = int64(n)
		}
		out[option] = value
	}
	return out
}

// agentFlags are flanneld's flags with the chart's values for them, and how each is read.
var agentFlags = map[string]struct {
	value string
	read  func(before any, text string) any
}{
	"iface":                        {"iface", words},
	"iface-regex":                  {"ifaceRegex", words},
	"iface-can-reach":              {"ifaceCanReach", word},
	"ip-masq-fully-random-disable": {"ipMasqFullyRandomDisable", truth},
	"iptables-resync":              {"iptablesResync", number},
	"iptables-forward-rules":       {"iptablesForwardRules", truth},
}

func words(before any, text string) any {
	list, _ := before.([]any)
	return append(list, text)
}

func word(_ any, text string) any  { return text }
func truth(_ any, text string) any { return text != "false" }

func number(_ any, text string) any {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return text
	}
	return n
}

// agentValues are what flanneld is started with.
func agentValues(pod *corev1.PodSpec) map[string]any {
	out, masquerades := map[string]any{}, false
	for _, c := range pod.Containers {
		if c.Name != "kube-flannel" {
			continue
		}
		for _, arg := range slices.Concat(c.Command, c.Args) {
			flag, text, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			masquerades = masquerades || flag == "ip-masq" && text != "false"
			if f, ok := agentFlags[flag]; ok && strings.HasPrefix(arg, "-") {
				out[f.value] = f.read(out[f.value], text)
			}
		}
	}
	if out["iptablesForwardRules"] == true {
		delete(out, "iptablesForwardRules")
	}
	if !masquerades {
		out["ipMasq"] = false
	}
	return out
}

// optsOut tells whether nodes can keep the agent off by the label that OKE has for it.
func optsOut(pod *corev1.PodSpec) bool {
	if pod.Affinity == nil || pod.Affinity.NodeAffinity == nil || pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return false
	}
	for _, t := range pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, e := range t.MatchExpressions {
			if e.Key == "oci.oraclecloud.com/custom-k8s-networking" {
				return true
			}
		}
	}
	return false
}

// hostPath is the folder of the node that a pod's containers see at a path; empty when none does.
func hostPath(pod *corev1.PodSpec, at string) string {
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, m := range c.VolumeMounts {
			if strings.TrimRight(m.MountPath, "/") != at {
				continue
			}
			for _, v := range pod.Volumes {
				if v.Name == m.Name && v.HostPath != nil {
					return strings.TrimRight(v.HostPath.Path, "/")
				}
			}
		}
	}
	return ""
}

func anyLabels(labels map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range labels {
		out[k] = v
	}
	return out
}
