package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/manifests"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/kube"
)

// ErrChanged says that a record was changed by somebody else between reading and writing. Look again.
var ErrChanged = errors.New("the record was changed by somebody else in the meantime")

// ErrOldDefinition says that the cluster's definition of a record is of an older addonctl and lacks a field that is to be written.
// Nothing of the record was written.
var ErrOldDefinition = errors.New("the cluster's definition of it is older than this addonctl; bring it up to date: kubectl apply --server-side -f manifests/crds, of this addonctl's release")

// Hub is the API server that holds the records; for a single cluster it is the cluster itself.
type Hub struct{ client *kube.Client }

// New makes a Hub on a client.
func New(c *kube.Client) *Hub { return &Hub{client: c} }

// Client is the API server that holds the records, as our user.
func (h *Hub) Client() *kube.Client { return h.client }

// AddonName is the name of the Addon object of one add-on on one cluster, such as "in-cluster.flannel".
func AddonName(cluster, addon string) string { return cluster + "." + strings.ToLower(addon) }

// Cluster reads a ClusterNetwork; nil when there is none, or when our definitions are not installed.
func (h *Hub) Cluster(ctx context.Context, name string) (*v1alpha1.ClusterNetwork, error) {
	return read[v1alpha1.ClusterNetwork](ctx, h, v1alpha1.ClusterNetworks, name)
}

// Addon reads the Addon of one add-on on one cluster; nil when there is none, or when our definitions are not installed.
func (h *Hub) Addon(ctx context.Context, cluster, addon string) (*v1alpha1.Addon, error) {
	return read[v1alpha1.Addon](ctx, h, v1alpha1.Addons, AddonName(cluster, addon))
}

func read[T any](ctx context.Context, h *Hub, r schema.GroupVersionResource, name string) (*T, error) {
	u, err := h.client.Dynamic.Resource(r).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", r.Resource, name, err)
	}
	out := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out); err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", r.Resource, name, err)
	}
	return out, nil
}

// SaveCluster creates the record, or updates the one that was read. The API server's own rules refuse another network
// type; ErrChanged means that somebody was faster.
func (h *Hub) SaveCluster(ctx context.Context, c *v1alpha1.ClusterNetwork) error {
	c.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ClusterNetwork"}
	return h.save(ctx, v1alpha1.ClusterNetworks, c)
}

// SaveAddon creates the record, or updates the one that was read.
func (h *Hub) SaveAddon(ctx context.Context, a *v1alpha1.Addon) error {
	a.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Addon"}
	return h.save(ctx, v1alpha1.Addons, a)
}

// SaveAddonStatus writes the status of the Addon that was read.
func (h *Hub) SaveAddonStatus(ctx context.Context, a *v1alpha1.Addon) error {
	a.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Addon"}
	u, err := toUnstructured(a)
	if err != nil {
		return err
	}
	_, err = h.client.Dynamic.Resource(v1alpha1.Addons).UpdateStatus(ctx, u, updateOptions())
	return changed(err, "Addon", a.Name)
}

func (h *Hub) save(ctx context.Context, r schema.GroupVersionResource, o metav1.Object) error {
	u, err := toUnstructured(o)
	if err != nil {
		return err
	}
	if o.GetResourceVersion() == "" {
		_, err = h.client.Dynamic.Resource(r).Create(ctx, u, metav1.CreateOptions{
			FieldManager: kube.FieldManager, FieldValidation: metav1.FieldValidationStrict,
		})
	} else {
		_, err = h.client.Dynamic.Resource(r).Update(ctx, u, updateOptions())
	}
	return changed(err, u.GetKind(), u.GetName())
}

func updateOptions() metav1.UpdateOptions {
	return metav1.UpdateOptions{FieldManager: kube.FieldManager, FieldValidation: metav1.FieldValidationStrict}
}

func changed(err error, kind, name string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return fmt.Errorf("writing %s %s: %w", kind, name, ErrChanged)
	case apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "unknown field"):
		return fmt.Errorf("writing %s %s: %w (%w)", kind, name, ErrOldDefinition, err)
	default:
		return fmt.Errorf("writing %s %s: %w", kind, name, err)
	}
}

func toUnstructured(o any) (*unstructured.Unstructured, error) {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	unstructured.RemoveNestedField(m, "metadata", "creationTimestamp")
	return &unstructured.Unstructured{Object: m}, nil
}

// Definitions are our custom resource definitions, in the order of their file names.
func Definitions() ([]*unstructured.Unstructured, error) {
	files, err := fs.Glob(manifests.FS, "crds/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing our custom resource definitions: %w", err)
	}
	var out []*unstructured.Unstructured
	for _, f := range files {
		data, err := fs.ReadFile(manifests.FS, f)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", f, err)
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(data, &o.Object); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f, err)
		}
		out = append(out, o)
	}
	return out, nil
}

// Install installs our definitions where they are missing and waits until the API server serves them. Existing ones are
// left as they are.
func (h *Hub) Install(ctx context.Context) error {
	definitions, err := Definitions()
	if err != nil {
		return err
	}
	for _, d := range definitions {
		if err := h.installOne(ctx, d); err != nil {
			return fmt.Errorf("installing %s: %w", d.GetName(), err)
		}
	}
	return nil
}

func (h *Hub) installOne(ctx context.Context, d *unstructured.Unstructured) error {
	live, err := h.client.Get(ctx, d)
	if err != nil {
		return err
	}
	if live == nil {
		if _, err := h.client.Apply(ctx, d, nil, false); err != nil {
			return err
		}
	}
	return h.established(ctx, d)
}

func (h *Hub) established(ctx context.Context, d *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		live, err := h.client.Get(ctx, d)
		if err != nil {
			return err
		}
		if live != nil && isEstablished(live) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the API server to serve it: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func isEstablished(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
			return true
		}
	}
	return false
}
