package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

const byon = "oci.oraclecloud.com/node.info.byon"

func TestANodesKindIsToldAndNeverGuessed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		provider, label, annotation string
		want                        catalog.NodeKind
	}{
		"nothing tells":                          {"", "", "", ""},
		"an instance":                            {"ocid1.instance.oc1.iad.a", "", "", catalog.Managed},
		"an instance, with its cloud before it":  {"oci://ocid1.instance.oc1.iad.a", "", "", catalog.Managed},
		"a virtual node":                         {"ocid1.virtualnode.oc1.iad.a", "", "", catalog.Virtual},
		"something else of OCI":                  {"ocid1.cluster.oc1.iad.a", "", "", ""},
		"another cloud":                          {"aws:///us-east-1a/i-0", "", "", ""},
		"another cloud with such a name":         {"kind://ocid1.instance.a", "", "", ""},
		"a self-managed instance":                {"ocid1.instance.oc1.iad.a", "true", "", catalog.SelfManaged},
		"a self-managed node elsewhere":          {"", "true", "", catalog.SelfManaged},
		"a label that says no":                   {"", "false", "", ""},
		"an annotation alone":                    {"", "", "Virtual", catalog.Virtual},
		"an annotation beside an instance":       {"ocid1.instance.oc1.iad.a", "", "SelfManaged", catalog.SelfManaged},
		"an annotation that says the same":       {"", "true", "SelfManaged", catalog.SelfManaged},
		"an annotation that says something else": {"", "true", "Managed", ""},
		"a virtual node with the label":          {"ocid1.virtualnode.oc1.iad.a", "true", "", ""},
		"a word that nobody knows":               {"ocid1.instance.oc1.iad.a", "", "managed", catalog.Managed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &corev1.Node{Spec: corev1.NodeSpec{ProviderID: c.provider}}
			if c.label != "" {
				n.Labels = map[string]string{byon: c.label}
			}
			if c.annotation != "" {
				n.Annotations = map[string]string{"facts.addonctl.io/nodeKind": c.annotation}
			}
			if got := node(n).Kind; got != string(c.want) {
				t.Errorf("kind = %q, want %q", got, c.want)
			}
		})
	}
}

func TestFactsThatNoKubeletReportsComeFromAnnotations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ annotations, want map[string]string }{
		"none": {map[string]string{"a": "b", "facts.addonctl.io": "x"}, nil},
		"all": {
			map[string]string{"facts.addonctl.io/brNetfilter": "missing", "facts.addonctl.io/iptables": "legacy", "facts.addonctl.io/forwardPolicy": "DROP"},
			map[string]string{"brNetfilter": "missing", "iptables": "legacy", "forwardPolicy": "DROP"},
		},
		"what the kubelet reports, the kind, a fact of clusters, and no fact": {
			map[string]string{
				"facts.addonctl.io/kernel": "5.4", "facts.addonctl.io/nodeKind": "Managed", "facts.addonctl.io/realm": "OC1", "facts.addonctl.io/mood": "good",
			}, nil,
		},
		"words that nobody knows": {map[string]string{"facts.addonctl.io/brNetfilter": "yes", "facts.addonctl.io/iptables": ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, node(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Annotations: c.annotations}}).Facts); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAKubeletsReportIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	got := node(&corev1.Node{Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{
		OperatingSystem: "linux", Architecture: "arm64", OSImage: "Oracle Linux Server 9.4", KernelVersion: "5.15.0-300.el9uek.aarch64", KubeletVersion: "v1.34.1",
	}}})
	if got.OS != "linux" || got.Architecture != "arm64" || got.OSImage != "Oracle Linux Server 9.4" ||
		got.Kernel != "5.15.0-300.el9uek.aarch64" || got.KubeletVersion != "v1.34.1" {
		t.Errorf("node %+v", got)
	}
}

func TestWhatTwoSourcesTellDifferentlyIsAContradiction(t *testing.T) {
	t.Parallel()
	server := plan.Cluster{Kubernetes: version.MustParse("v1.36.3")}
	recorded := func(families ...string) plan.Cluster {
		return plan.Cluster{Kubernetes: server.Kubernetes, IPFamilies: families}
	}
	for name, c := range map[string]struct {
		cluster plan.Cluster
		change  func(*corev1.Node)
		want    []string
	}{
		"nothing is told": {plan.Cluster{}, func(*corev1.Node) {}, nil},
		"a kubelet of a newer minor": {
			server, func(n *corev1.Node) { n.Status.NodeInfo.KubeletVersion = "v1.37.1" },
			[]string{"kubelet: node-2 runs 1.37.1, newer than the API server's 1.36.3"},
		},
		"a kubelet of a newer patch": {server, func(n *corev1.Node) { n.Status.NodeInfo.KubeletVersion = "v1.36.9" }, nil},
		"an older kubelet":           {server, func(n *corev1.Node) { n.Status.NodeInfo.KubeletVersion = "v1.33.1" }, nil},
		"a kubelet of no version":    {server, func(n *corev1.Node) { n.Status.NodeInfo.KubeletVersion = "new" }, nil},
		"a server of no version":     {plan.Cluster{}, func(n *corev1.Node) { n.Status.NodeInfo.KubeletVersion = "v1.37.1" }, nil},
		"pod CIDRs as recorded":      {recorded("IPv6", "IPv4"), func(n *corev1.Node) { n.Spec.PodCIDRs = []string{"10.0.0.0/25", "fd00::/64"} }, nil},
		"no pod CIDR yet":            {recorded("IPv4", "IPv6"), func(*corev1.Node) {}, nil},
		"a record that names none":   {server, func(n *corev1.Node) { n.Spec.PodCIDRs = []string{"fd00::/64"} }, nil},
		"a pod CIDR that is none":    {recorded("IPv4"), func(n *corev1.Node) { n.Spec.PodCIDRs = []string{"10.0.0.0/25", "x"} }, nil},
		"one family is missing":      {recorded("IPv4", "IPv6"), func(n *corev1.Node) { n.Spec.PodCIDRs = []string{"10.0.0.0/25"} }, []string{"ipFamilies: the record says IPv4 and IPv6, node-2 has no pod CIDR of IPv6"}},
		"one family is not recorded": {recorded("IPv4"), func(n *corev1.Node) { n.Spec.PodCIDRs = []string{"10.0.0.0/25", "fd00::/64"} }, []string{"ipFamilies: the record says IPv4, node-2 has the pod CIDR fd00::/64"}},
		"a label of another machine": {server, func(n *corev1.Node) {
			n.Labels, n.Status.NodeInfo.Architecture = map[string]string{"kubernetes.io/arch": "arm64"}, "amd64"
		}, []string{"architecture: node-2 is labelled arm64, and its kubelet reports amd64"}},
		"a label of the same machine": {server, func(n *corev1.Node) {
			n.Labels, n.Status.NodeInfo.Architecture = map[string]string{"kubernetes.io/arch": "amd64"}, "amd64"
		}, nil},
		"a label before the report": {server, func(n *corev1.Node) { n.Labels = map[string]string{"kubernetes.io/arch": "arm64"} }, nil},
		"a virtual node that somebody brought": {
			server, func(n *corev1.Node) {
				n.Labels, n.Spec.ProviderID = map[string]string{byon: "true"}, "ocid1.virtualnode.oc1.a"
			},
			[]string{"nodeKind: node-2 is labelled as a self-managed node, and it has the provider ID of a virtual node"},
		},
		"three sources, of which the middle one differs": {
			server, func(n *corev1.Node) {
				n.Annotations = map[string]string{"facts.addonctl.io/nodeKind": "Virtual"}
				n.Labels, n.Spec.ProviderID = map[string]string{byon: "true"}, "ocid1.virtualnode.oc1.a"
			},
			[]string{"nodeKind: node-2 is annotated Virtual, and it is labelled as a self-managed node"},
		},
		"a self-managed instance": {
			server, func(n *corev1.Node) {
				n.Labels, n.Spec.ProviderID = map[string]string{byon: "true"}, "ocid1.instance.oc1.a"
			}, nil,
		},
		"a word that nobody knows": {
			server, func(n *corev1.Node) { n.Annotations = map[string]string{"facts.addonctl.io/brNetfilter": "yes"} },
			[]string{`brNetfilter: node-2 is annotated "yes", and it can only be one of loaded, missing`},
		},
		"an annotation against the kubelet": {
			server, func(n *corev1.Node) {
				n.Annotations = map[string]string{"facts.addonctl.io/kernel": "5.4", "facts.addonctl.io/architecture": "amd64"}
				n.Status.NodeInfo.KernelVersion, n.Status.NodeInfo.Architecture = "5.15", "amd64"
			},
			[]string{`kernel: node-2 is annotated "5.4", and its kubelet reports "5.15"`},
		},
		"annotations that nobody contradicts": {
			server, func(n *corev1.Node) {
				n.Annotations = map[string]string{"facts.addonctl.io/brNetfilter": "loaded", "facts.addonctl.io/os": "OL8", "facts.addonctl.io/mood": "bad"}
			}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-2"}}
			c.change(n)
			if diff := cmp.Diff(c.want, contradictions(n, &c.cluster)); diff != "" {
				t.Errorf("contradictions (-want +got):\n%s", diff)
			}
		})
	}
}
