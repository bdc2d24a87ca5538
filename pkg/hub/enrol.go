package hub

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/kube"
)

// enrolledLabel is on the Secrets that Enrol made, with the name of the cluster.
const enrolledLabel = "addonctl.io/cluster"

// Enrolment is another cluster that a hub is to know. Whoever fills it in has looked at the cluster.
type Enrolment struct {
	// Network is what is recorded, with its name, labels and connection.
	Network v1alpha1.ClusterNetwork
	// Addons are what is wanted of its add-ons where nothing is recorded of them yet.
	Addons []v1alpha1.AddonSpec
	// Marks are annotations of the Addons that are made.
	Marks map[string]string
	// Kubeconfig goes into the Secret that the connection names.
	Kubeconfig []byte
	// Stamp of the cluster.
	Stamp Stamp
}

// Enrol records another cluster in the hub: our definitions, the Secret with its kubeconfig, its Addons, the stamp on the cluster, and the
// ClusterNetwork last, so that no manager reaches it before all is there. What is recorded of add-ons is never changed, labels are added, and the
// Secret gets the kubeconfig. It may be repeated; changed tells whether anything was written.
func (h *Hub) Enrol(ctx context.Context, target *kube.Client, e Enrolment) (changed bool, err error) {
	if err := h.Install(ctx); err != nil {
		return false, err
	}
	wrote, err := h.keepKubeconfig(ctx, e)
	if err != nil {
		return false, err
	}
	for _, part := range []func() (bool, error){
		func() (bool, error) { return h.enrolAddons(ctx, e) },
		func() (bool, error) { return stampOnce(ctx, target, e.Stamp) },
		func() (bool, error) { return h.enrolNetwork(ctx, e) },
	} {
		one, err := part()
		if wrote = wrote || one; err != nil {
			return wrote, err
		}
	}
	return wrote, nil
}

// enrolAddons records what is wanted of add-ons that nothing is recorded of.
func (h *Hub) enrolAddons(ctx context.Context, e Enrolment) (changed bool, err error) {
	for _, spec := range e.Addons {
		a, err := h.Addon(ctx, e.Network.Name, spec.Addon)
		if err == nil && a == nil {
			changed = true
			a := &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: AddonName(e.Network.Name, spec.Addon), Annotations: maps.Clone(e.Marks)}, Spec: spec}
			if pin := ownPin(spec); pin != "" {
				metav1.SetMetaDataAnnotation(&a.ObjectMeta, v1alpha1.AnnotationOwnPin, pin)
			}
			err = h.SaveAddon(ctx, a)
		}
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// stampOnce stamps a target that has no stamp; another one is never written over.
func stampOnce(ctx context.Context, target *kube.Client, s Stamp) (changed bool, err error) {
	there, err := ReadStamp(ctx, target)
	switch {
	case err != nil:
		return false, err
	case there == nil:
		return true, WriteStamp(ctx, target, s)
	case *there != s:
		return false, fmt.Errorf("recording cluster %s as %s, which is stamped %s as %q: %w", s.Cluster, s.NetworkType, there.NetworkType, there.Cluster, ErrChanged)
	default:
		return false, nil
	}
}

// keepKubeconfig writes the Secret, and its namespace where there is none. A Secret that somebody else keeps is left alone.
func (h *Hub) keepKubeconfig(ctx context.Context, e Enrolment) (changed bool, err error) {
	ref := e.Network.Spec.Connection.KubeconfigSecret
	secrets := h.client.Typed.CoreV1().Secrets(ref.Namespace)
	s, err := secrets.Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		if err = h.namespace(ctx, ref.Namespace); err == nil {
			_, err = secrets.Create(ctx, &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name, Labels: map[string]string{enrolledLabel: e.Network.Name}},
				Data:       map[string][]byte{v1alpha1.KubeconfigKey: e.Kubeconfig},
			}, metav1.CreateOptions{FieldManager: kube.FieldManager})
		}
	case err != nil:
	case bytes.Equal(s.Data[v1alpha1.KubeconfigKey], e.Kubeconfig):
		return false, nil
	case s.Labels[enrolledLabel] != e.Network.Name:
		err = fmt.Errorf("it holds another one, and was not made by addonctl cluster register: %w", ErrChanged)
	default:
		s.Data = map[string][]byte{v1alpha1.KubeconfigKey: e.Kubeconfig}
		_, err = secrets.Update(ctx, s, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	}
	if err != nil {
		return false, fmt.Errorf("keeping the kubeconfig of cluster %s in Secret %s/%s: %w", e.Network.Name, ref.Namespace, ref.Name, err)
	}
	return true, nil
}

// namespace makes one where there is none.
func (h *Hub) namespace(ctx context.Context, name string) error {
	core := h.client.Typed.CoreV1().Namespaces()
	if _, err := core.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return nil // whoever may not read it learns from the next write whether it is there
	}
	_, err := core.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{FieldManager: kube.FieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making namespace %s: %w", name, err)
	}
	return nil
}

func (h *Hub) enrolNetwork(ctx context.Context, e Enrolment) (changed bool, err error) {
	c, err := h.Cluster(ctx, e.Network.Name)
	if err != nil {
		return false, err
	}
	if c == nil {
		return true, h.SaveCluster(ctx, e.Network.DeepCopy())
	}
	if c.Spec.Connection == nil {
		return false, fmt.Errorf("cluster %s is recorded as its own hub: %w", c.Name, ErrChanged)
	}
	next := c.DeepCopy()
	if next.Labels == nil {
		next.Labels = map[string]string{}
	}
	maps.Copy(next.Labels, e.Network.Labels)
	next.Spec.Connection = e.Network.Spec.Connection
	if maps.Equal(next.Labels, c.Labels) && *next.Spec.Connection == *c.Spec.Connection {
		return false, nil
	}
	return true, h.SaveCluster(ctx, next)
}

// Forget takes the records of another cluster away: its ClusterNetwork, so that no manager begins anything, its Addons, and the Secret that Enrol
// made. The cluster is not asked and not touched: its CNI, its stamp and its own records stay. It may be repeated; the names of what was
// deleted are returned.
func (h *Hub) Forget(ctx context.Context, name string) (deleted []string, err error) {
	c, err := h.Cluster(ctx, name)
	if err != nil {
		return nil, err
	}
	addOns, err := h.AllAddons(ctx)
	if err != nil {
		return nil, err
	}
	if c != nil {
		if err := h.client.Dynamic.Resource(v1alpha1.ClusterNetworks).Delete(ctx, name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &c.UID},
		}); err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("deleting the record of cluster %s: %w", name, err)
		}
		deleted = append(deleted, "clusternetwork/"+name)
	}
	for _, a := range addOns {
		if a.Spec.Cluster == name {
			if err := h.RemoveAddon(ctx, name, a.Spec.Addon); err != nil {
				return deleted, err
			}
			deleted = append(deleted, "addon/"+a.Name)
		}
	}
	gone, err := h.forgetKubeconfig(ctx, name)
	deleted = append(deleted, gone...)
	slices.Sort(deleted)
	return deleted, err
}

// forgetKubeconfig deletes the Secrets that Enrol made for a cluster.
func (h *Hub) forgetKubeconfig(ctx context.Context, name string) (deleted []string, err error) {
	core := h.client.Typed.CoreV1()
	secrets, err := core.Secrets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: enrolledLabel + "=" + name})
	if err != nil {
		return nil, fmt.Errorf("looking for the kubeconfig of cluster %s: %w", name, err)
	}
	for _, s := range secrets.Items {
		if err := core.Secrets(s.Namespace).Delete(ctx, s.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return deleted, fmt.Errorf("deleting Secret %s/%s: %w", s.Namespace, s.Name, err)
		}
		deleted = append(deleted, fmt.Sprintf("secret/%s/%s", s.Namespace, s.Name))
	}
	return deleted, nil
}
