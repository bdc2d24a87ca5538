package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/plan"
)

const digest = "sha256:4ee1ff9a8c2b7b4e5e43d9c0a7a2c1d5b3f0e6a9d8c7b6a5f4e3d2c1b0a99887"

func TestAnImageTellsItsRepositoryAndVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ image, repository, version string }{
		"a tag":                      {"ghcr.io/flannel-io/flannel:v0.27.3", "ghcr.io/flannel-io/flannel", "0.27.3"},
		"a tag without v":            {"docker.io/flannel/flannel:0.24.4", "docker.io/flannel/flannel", "0.24.4"},
		"a tag with a build":         {"docker.io/flannel/flannel-cni-plugin:v1.4.0-flannel1", "docker.io/flannel/flannel-cni-plugin", "1.4.0-flannel1"},
		"a tag that is no version":   {"quay.io/cilium/cilium:latest", "quay.io/cilium/cilium", "latest"},
		"a tag and a digest":         {"quay.io/cilium/cilium:v1.18.2@" + digest, "quay.io/cilium/cilium", "1.18.2"},
		"a digest":                   {"iad.ocir.io/oke/oke-public-flannel@" + digest, "iad.ocir.io/oke/oke-public-flannel", digest},
		"neither":                    {"docker.io/flannel/flannel", "docker.io/flannel/flannel", ""},
		"no registry":                {"flannel:v0.27.3", "flannel", "0.27.3"},
		"a registry with a port":     {"registry.example:5000/mirror/flannel:v0.27.3", "registry.example:5000/mirror/flannel", "0.27.3"},
		"a port and no tag":          {"registry.example:5000/mirror/flannel", "registry.example:5000/mirror/flannel", ""},
		"a port and a digest":        {"registry.example:5000/flannel@" + digest, "registry.example:5000/flannel", digest},
		"a port, a tag and a digest": {"registry.example:5000/flannel:v0.26.2@" + digest, "registry.example:5000/flannel", "0.26.2"},
		"an address as registry":     {"[fd00::1]:5000/flannel:v0.26.2", "[fd00::1]:5000/flannel", "0.26.2"},
		"nothing":                    {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := [2]string{c.repository, c.version}, [2]string{repository(c.image), imageVersion(c.image)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: repository and version (-want +got):\n%s", c.image, diff)
			}
		})
	}
}

// daemonSet runs images, one container each.
func daemonSet(namespace, name string, images ...string) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	for _, i := range images {
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: "c", Image: i})
	}
	return d
}

// installer adds an init container.
func installer(d *appsv1.DaemonSet, image string) *appsv1.DaemonSet {
	d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "install", Image: image}}
	return d
}

func TestACNIIsRecognisedWhereverAndFromWhateverItRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		daemonSet *appsv1.DaemonSet
		want      plan.CNI
	}{
		"flannel as we install it": {
			daemonSet("kube-system", "kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.27.3"),
			plan.CNI{Plugin: "flannel", NetworkType: "FLANNEL_OVERLAY", Workload: "kube-system/kube-flannel-ds"},
		},
		"flannel as upstream's manifest installs it": {
			daemonSet("kube-flannel", "kube-flannel-ds", "docker.io/flannel/flannel:v0.26.2"),
			plan.CNI{Plugin: "flannel", NetworkType: "FLANNEL_OVERLAY", Workload: "kube-flannel/kube-flannel-ds"},
		},
		"flannel by its name alone": {
			daemonSet("kube-system", "kube-flannel-ds", "registry.example/net/overlay:1"),
			plan.CNI{Plugin: "flannel", NetworkType: "FLANNEL_OVERLAY", Workload: "kube-system/kube-flannel-ds"},
		},
		"flannel of Rancher": {
			daemonSet("kube-system", "canal-net", "rancher/mirrored-flannelcni-flannel:v0.22.1"),
			plan.CNI{Plugin: "flannel", NetworkType: "FLANNEL_OVERLAY", Workload: "kube-system/canal-net"},
		},
		"flannel of OKE, by digest": {
			daemonSet("kube-system", "overlay", "iad.ocir.io/oke/oke-public-flannel@"+digest),
			plan.CNI{Plugin: "flannel", NetworkType: "FLANNEL_OVERLAY", Workload: "kube-system/overlay"},
		},
		"flannel beside another container, from a mirror with a port": {
			daemonSet("net", "x", "registry.example:5000/pause:3.10", "registry.example:5000/flannel-io/flannel:v0.27.3"),
			plan.CNI{Plugin: "flannel", NetworkType: "FLANNEL_OVERLAY", Workload: "net/x"},
		},
		"vcn-native by its name": {
			daemonSet("kube-system", "vcn-native-ip-cni", "iad.ocir.io/oke/x@"+digest),
			plan.CNI{Plugin: "vcn-native", NetworkType: "OCI_VCN_IP_NATIVE", Workload: "kube-system/vcn-native-ip-cni"},
		},
		"vcn-native by its image": {
			daemonSet("kube-system", "x", "iad.ocir.io/oke/oke-public-vcn-native-ip-cni-plugin@"+digest),
			plan.CNI{Plugin: "vcn-native", NetworkType: "OCI_VCN_IP_NATIVE", Workload: "kube-system/x"},
		},
		"calico that wires the pods": {
			daemonSet("calico-system", "calico-node", "quay.io/calico/node:v3.31.0", "quay.io/calico/cni:v3.31.0"),
			plan.CNI{Plugin: "calico", Workload: "calico-system/calico-node"},
		},
		"one that is known by its installer alone": {
			installer(daemonSet("kube-system", "calico-node", "registry.example:5000/calico/node:v3.31.0"), "registry.example:5000/calico/cni:v3.31.0"),
			plan.CNI{Plugin: "calico", Workload: "kube-system/calico-node"},
		},
		"cilium": {
			daemonSet("kube-system", "cilium", "quay.io/cilium/cilium:v1.18.2@"+digest),
			plan.CNI{Plugin: "cilium", Workload: "kube-system/cilium"},
		},
		"weave":       {daemonSet("kube-system", "weave-net", "x"), plan.CNI{Plugin: "weave", Workload: "kube-system/weave-net"}},
		"kube-router": {daemonSet("kube-system", "x", "cloudnativelabs/kube-router"), plan.CNI{Plugin: "kube-router", Workload: "kube-system/x"}},
		"antrea":      {daemonSet("kube-system", "antrea-agent", "x"), plan.CNI{Plugin: "antrea", Workload: "kube-system/antrea-agent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := recognise(c.daemonSet)
			if diff := cmp.Diff(c.want, got); diff != "" || !ok {
				t.Errorf("recognised = %t (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestOtherDaemonSetsAreNoCNI(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*appsv1.DaemonSet{
		"kube-proxy":                      daemonSet("kube-system", "kube-proxy", "registry.k8s.io/kube-proxy:v1.36.3"),
		"OKE's node agent":                daemonSet("kube-system", "proxymux-client", "iad.ocir.io/oke/oke-public-proxymux-cli@"+digest),
		"calico for policy alone":         daemonSet("kube-system", "calico-node", "quay.io/calico/node:v3.31.0"),
		"another installer":               installer(daemonSet("kube-system", "x", "pause:3"), "registry.example/mycalico/cni:1"),
		"cilium's proxy":                  daemonSet("kube-system", "cilium-envoy", "quay.io/cilium/cilium-envoy:v1.34"),
		"one that watches flannel":        daemonSet("monitoring", "flannel-exporter", "registry.example/flannel-exporter:1"),
		"one of a folder called flannel":  daemonSet("monitoring", "x", "registry.example/flannel/exporter:1"),
		"one whose tag says flannel":      daemonSet("monitoring", "x", "registry.example/exporter:flannel"),
		"one whose registry says flannel": daemonSet("monitoring", "x", "flannel:5000/exporter"),
		"flannel's installer alone":       daemonSet("kube-system", "x", "ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1"),
		"one without a container":         daemonSet("kube-system", "x"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := recognise(d); ok {
				t.Errorf("recognised as %+v", got)
			}
		})
	}
}
