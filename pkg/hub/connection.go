package hub

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/kube"
)

// KubeconfigError says why the kubeconfig that a hub has of a cluster cannot be used.
type KubeconfigError struct{ error }

func (e *KubeconfigError) Unwrap() error { return e.error }

// Connection is how a cluster with spec.connection is reached, by its Secret as that is now. A *KubeconfigError says what is wrong with what is in
// it; other errors are of reading it.
func (h *Hub) Connection(ctx context.Context, c *v1alpha1.ClusterNetwork) (*rest.Config, error) {
	ref := c.Spec.Connection.KubeconfigSecret
	secret, err := h.client.Typed.CoreV1().Secrets(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of cluster %s: %w", c.Name, err)
	}
	cfg, err := Kubeconfig(secret)
	if err != nil {
		return nil, &KubeconfigError{fmt.Errorf("reading the kubeconfig of cluster %s in Secret %s/%s: %w", c.Name, ref.Namespace, ref.Name, err)}
	}
	return cfg, nil
}

// Kubeconfig is what a Secret says about a connection, as Cluster API writes it.
func Kubeconfig(s *corev1.Secret) (*rest.Config, error) {
	data := s.Data[v1alpha1.KubeconfigKey]
	if len(data) == 0 {
		return nil, fmt.Errorf("it has no key %q", v1alpha1.KubeconfigKey)
	}
	return kube.FromKubeconfig(data)
}
