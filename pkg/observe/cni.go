package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// plugins are the CNI workloads that are recognised, by the DaemonSet's name or by the last parts of the repository of a
// container's or init container's image (facts: OKE 3.1 and 4, CNI A1.1, A3).
var plugins = []struct {
	name        string
	networkType catalog.NetworkType
	daemonSets  []string
	images      []string
}{
	{"flannel", catalog.FlannelOverlay, []string{"kube-flannel-ds"}, []string{"flannel", "oke-public-flannel", "mirrored-flannelcni-flannel"}},
	{"vcn-native", catalog.OCIVCNIPNative, []string{"vcn-native-ip-cni"}, []string{"oke-public-vcn-native-ip-cni-plugin"}},
	// Calico beside another CNI has no installer; with calico/cni it wires the pods itself.
	{"calico", "", []string{"canal"}, []string{"calico/cni", "mirrored-calico-cni"}},
	{"cilium", "", []string{"cilium"}, []string{"cilium"}},
	{"kindnet", "", []string{"kindnet"}, []string{"kindnetd"}},
	{"amazon-vpc-cni", "", []string{"aws-node"}, []string{"amazon-k8s-cni"}},
	{"azure-cni", "", []string{"azure-cns"}, []string{"azure-cns"}},
	{"ovn-kubernetes", "", []string{"ovnkube-node"}, nil},
	{"kube-ovn", "", []string{"kube-ovn-cni"}, []string{"kube-ovn"}},
	{"weave", "", []string{"weave-net"}, []string{"weave-kube"}},
	{"kube-router", "", []string{"kube-router"}, []string{"kube-router"}},
	{"antrea", "", []string{"antrea-agent"}, []string{"antrea-ubuntu", "antrea-agent-ubuntu"}},
}

// workloads finds every CNI on the cluster, in any namespace, ours or not. Our own add-ons beside the CNI are none, whatever
// image they wire pods with. An add-on that goes beside is looked for under foreign marks too: there may not be two of it.
func (o *Observer) workloads(ctx context.Context, in *plan.Input, addOn catalog.AddOn) error {
	list, err := o.Target.Typed.AppsV1().DaemonSets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return fmt.Errorf("listing DaemonSets: %w", err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		owner, ours := o.owner(d, addOn)
		if ours && owner.NetworkType == "" {
			continue
		}
		c, ok := recognise(d)
		if !ok {
			c, ok = agent(d, addOn)
		}
		if ok {
			c.Ours = ours && owner.NetworkType == c.NetworkType
			in.Cluster.CNIs = append(in.Cluster.CNIs, c)
		}
	}
	return nil
}

// owner is the add-on of the catalog whose marks and name a DaemonSet has. The one that is looked at is ours where it is recorded
// to be; another may have been adopted in any namespace.
func (o *Observer) owner(d *appsv1.DaemonSet, looked catalog.AddOn) (catalog.AddOn, bool) {
	for _, a := range o.Catalog.AddOns {
		w := a.In(d.Namespace).Workload
		if a.Name == looked.Name {
			w = looked.Workload
		}
		if d.Name == w.Name && d.Namespace == w.Namespace && kube.Ours(d, a.Name, a.Release, w.Namespace) {
			return a, true
		}
	}
	return catalog.AddOn{}, false
}

// agents are the images of add-ons that go beside a CNI, by the add-on's name. One of them alone wires no pods.
var agents = map[string]string{"Calico": "calico/node"}

// agent is somebody else's agent of the add-on that is looked at.
func agent(d *appsv1.DaemonSet, addOn catalog.AddOn) (plan.CNI, bool) {
	image, beside := agents[addOn.Name]
	if !beside || !runsImage(d, []string{image}) {
		return plan.CNI{}, false
	}
	return plan.CNI{Plugin: strings.ToLower(addOn.Name), Workload: d.Namespace + "/" + d.Name, Owner: kube.Owner(d)}, true
}

func recognise(d *appsv1.DaemonSet) (plan.CNI, bool) {
	for _, p := range plugins {
		if slices.Contains(p.daemonSets, d.Name) || runsImage(d, p.images) {
			return plan.CNI{
				Plugin: p.name, NetworkType: p.networkType, Workload: d.Namespace + "/" + d.Name, Owner: kube.Owner(d),
			}, true
		}
	}
	return plan.CNI{}, false
}

func runsImage(d *appsv1.DaemonSet, names []string) bool {
	pod := &d.Spec.Template.Spec
	for _, c := range append(slices.Clone(pod.InitContainers), pod.Containers...) {
		repository := "/" + repository(c.Image)
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(repository, "/"+n) }) {
			return true
		}
	}
	return false
}

// repository is an image without its tag and digest: "ghcr.io/flannel-io/flannel" for "ghcr.io/flannel-io/flannel:v0.27.3".
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	slash := strings.LastIndex(image, "/") + 1
	name, _, _ := strings.Cut(image[slash:], ":")
	return image[:slash] + name
}

// imageVersion is the version that an image's tag names: "0.27.3" for ":v0.27.3"; the tag itself when it is no version,
// and the digest when there is no tag.
func imageVersion(image string) string {
	rest, digest, _ := strings.Cut(image, "@")
	rest = rest[strings.LastIndex(rest, "/")+1:]
	_, tag, tagged := strings.Cut(rest, ":")
	if !tagged {
		return digest
	}
	if len(tag) > 1 && tag[0] == 'v' && '0' <= tag[1] && tag[1] <= '9' {
		return tag[1:]
	}
	return tag
}
