package controller

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
)

// capiGroup is the API group of Cluster API, and capiPaused its annotation that pauses an object, whatever its value.
const (
	capiGroup  = "cluster.x-k8s.io"
	capiPaused = "cluster.x-k8s.io/paused"
)

// capiCluster is a Cluster of Cluster API as far as we read it, in v1beta1 and v1beta2 alike.
type capiCluster struct{ *unstructured.Unstructured }

func (c capiCluster) key() types.NamespacedName {
	return types.NamespacedName{Namespace: c.GetNamespace(), Name: c.GetName()}
}

func (c capiCluster) annotated() bool {
	_, ok := c.GetAnnotations()[v1alpha1.AnnotationNetworkType]
	return ok
}

// record is the name of its ClusterNetwork.
func (c capiCluster) record() string {
	if name, ok := c.GetAnnotations()[v1alpha1.AnnotationClusterName]; ok {
		return name
	}
	return c.GetName()
}

// idle says why nothing is to be done on the cluster; empty when there is no reason.
func (c capiCluster) idle() string {
	paused, _, _ := unstructured.NestedBool(c.Object, "spec", "paused")
	_, marked := c.GetAnnotations()[capiPaused]
	switch {
	case c.GetDeletionTimestamp() != nil:
		return "it is being deleted"
	case paused:
		return "its spec.paused is true"
	case marked:
		return "it has the annotation " + capiPaused
	default:
		return ""
	}
}

// answers tells whether its API server has begun to take requests. The condition ControlPlaneInitialized counts beside v1beta1's
// controlPlaneReady, which the kubeadm provider sets only when a node is Ready: that takes a CNI, and would be waited for in vain
// (kubernetes-sigs/cluster-api pull 2488).
func (c capiCluster) answers() bool {
	initialized, _, _ := unstructured.NestedBool(c.Object, "status", "initialization", "controlPlaneInitialized") // v1beta2
	ready, _, _ := unstructured.NestedBool(c.Object, "status", "controlPlaneReady")                               // v1beta1
	conditions, _, _ := unstructured.NestedSlice(c.Object, "status", "conditions")
	return initialized || ready || slices.ContainsFunc(conditions, func(o any) bool {
		m, ok := o.(map[string]any)
		return ok && m["type"] == "ControlPlaneInitialized" && m["status"] == "True"
	})
}

// claims are the domains of labels by which a tool calls an object its own: one that prunes would take the record away. Those of Cluster API tell
// whose part an object is.
var claims = []string{
	capiGroup, "addonctl.io", "app.kubernetes.io", "applyset.kubernetes.io", "argocd.argoproj.io", "helm.sh", "kapp.k14s.io", "toolkit.fluxcd.io",
}

// labels are those that its record gets, for waves to select by.
func (c capiCluster) labels() map[string]string {
	out := map[string]string{}
	for key, value := range c.GetLabels() {
		domain, _, ok := strings.Cut(key, "/")
		claimed := func(d string) bool { return domain == d || strings.HasSuffix(domain, "."+d) }
		if !ok || !slices.ContainsFunc(claims, claimed) {
			out[key] = value
		}
	}
	return out
}

// network is the ClusterNetwork that it wants; a refusal says what of it cannot be read.
func (c capiCluster) network() (*v1alpha1.ClusterNetwork, *RefusalError) {
	t, err := catalog.ParseNetworkType(c.GetAnnotations()[v1alpha1.AnnotationNetworkType])
	if err != nil {
		return nil, refuse(BadAnnotation, "annotation %s: %s", v1alpha1.AnnotationNetworkType, err)
	}
	name := c.record()
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 || name == v1alpha1.InCluster {
		return nil, refuse(BadAnnotation, "%q is no name for a ClusterNetwork of another cluster %s: give one by the annotation %s",
			name, strings.Join(problems, "; "), v1alpha1.AnnotationClusterName)
	}
	n := &v1alpha1.ClusterNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{
			v1alpha1.AnnotationClusterAPI: c.key().String(), v1alpha1.AnnotationClusterAPIUID: string(c.GetUID()),
		}},
		Spec: v1alpha1.ClusterNetworkSpec{
			NetworkType: v1alpha1.NetworkType(t),
			Connection:  &v1alpha1.Connection{KubeconfigSecret: v1alpha1.SecretReference{Namespace: c.GetNamespace(), Name: c.GetName() + "-kubeconfig"}},
		},
	}
	if t == catalog.FlannelOverlay { // VCN-native pods have addresses of the VCN's subnets
		if err := c.addresses(&n.Spec); err != nil {
			return nil, refuse("BadPodCIDR", "spec.clusterNetwork.pods.cidrBlocks: %s", err)
		}
	}
	return follow(n, c), nil
}

// addresses reads the blocks of its pods' addresses.
func (c capiCluster) addresses(s *v1alpha1.ClusterNetworkSpec) error {
	blocks, _, err := unstructured.NestedStringSlice(c.Object, "spec", "clusterNetwork", "pods", "cidrBlocks")
	if err != nil {
		return err
	}
	var families []v1alpha1.IPFamily
	for _, b := range blocks {
		p, err := netip.ParsePrefix(b)
		if err != nil {
			return fmt.Errorf("%q is not an address block such as 10.244.0.0/16", b)
		}
		family := v1alpha1.IPFamily("IPv4")
		if p.Addr().Is6() {
			family = "IPv6"
		}
		if slices.Contains(families, family) {
			return fmt.Errorf("%s are two blocks of %s, and there is at most one", strings.Join(blocks, ", "), family)
		}
		families = append(families, family)
	}
	s.PodCIDRs = blocks
	if len(families) > 1 || slices.Contains(families, "IPv6") {
		s.IPFamilies = families // IPv4 alone goes without saying
	}
	return nil
}

// follow is a record with what changes in the life of its Cluster: labels, and whether it is left alone. What somebody else put into the record
// stays:
//
//	| Cluster is | record is paused | then                                            |
//	|------------|------------------|-------------------------------------------------|
//	| idle       | no               | paused, and marked as ours                      |
//	| idle       | yes              | as it is                                        |
//	| at work    | by us            | goes on                                         |
//	| at work    | by somebody      | as it is                                        |
func follow(record *v1alpha1.ClusterNetwork, c capiCluster) *v1alpha1.ClusterNetwork {
	n := record.DeepCopy()
	if n.Annotations == nil {
		n.Annotations = map[string]string{}
	}
	labels := c.labels()
	for key := range strings.SplitSeq(n.Annotations[v1alpha1.AnnotationClusterAPILabels], ",") {
		delete(n.Labels, key)
	}
	delete(n.Annotations, v1alpha1.AnnotationClusterAPILabels)
	if len(labels) > 0 {
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		maps.Copy(n.Labels, labels)
		n.Annotations[v1alpha1.AnnotationClusterAPILabels] = strings.Join(slices.Sorted(maps.Keys(labels)), ",")
	}
	_, ours := n.Annotations[v1alpha1.AnnotationClusterAPIPaused]
	switch idle := c.idle() != ""; {
	case idle && !n.Spec.Paused:
		n.Spec.Paused, n.Annotations[v1alpha1.AnnotationClusterAPIPaused] = true, "true"
	case !idle && ours:
		n.Spec.Paused = false
		delete(n.Annotations, v1alpha1.AnnotationClusterAPIPaused)
	}
	return n
}

// slim drops of a Cluster what we do not read, so that a big fleet's cost little memory.
func slim(o any) (any, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return o, nil // a tombstone
	}
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(u.GroupVersionKind())
	out.SetNamespace(u.GetNamespace())
	out.SetName(u.GetName())
	out.SetUID(u.GetUID())
	out.SetResourceVersion(u.GetResourceVersion())
	out.SetDeletionTimestamp(u.GetDeletionTimestamp())
	out.SetLabels(u.GetLabels())
	notes := map[string]string{}
	for key, value := range u.GetAnnotations() {
		if key == capiPaused || strings.HasPrefix(key, "addonctl.io/") {
			notes[key] = value
		}
	}
	out.SetAnnotations(notes)
	for _, path := range [][]string{
		{"spec", "paused"}, {"spec", "clusterNetwork", "pods"}, {"status", "initialization"}, {"status", "controlPlaneReady"}, {"status", "conditions"},
	} {
		if v, ok, err := unstructured.NestedFieldCopy(u.Object, path...); ok && err == nil {
			_ = unstructured.SetNestedField(out.Object, v, path...) // there is nothing else on the way
		}
	}
	return out, nil
}
