package hub

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/kube"
)

// StampName is the name of the ConfigMap in kube-system that carries a cluster's network type.
const StampName = "addonctl-network-type"

// Keys of the stamp.
const (
	stampType    = "networkType"
	stampUID     = "kubeSystemUID"
	stampCluster = "cluster"
)

// Stamp is the network type as written on the target itself, in an immutable ConfigMap. The UID of kube-system ties it
// to this one cluster: a stamp that was restored into another cluster proves nothing.
type Stamp struct {
	NetworkType v1alpha1.NetworkType
	UID         string
	// Cluster is the name of the record: a second record of another name would be a way around a pin.
	Cluster string
}

// ReadStamp reads the stamp of a target; nil when there is none.
func ReadStamp(ctx context.Context, target *kube.Client) (*Stamp, error) {
	c, err := target.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, StampName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	if err != nil {
		return nil, fmt.Errorf("reading the network type stamp: %w", err)
	}
	return &Stamp{NetworkType: v1alpha1.NetworkType(c.Data[stampType]), UID: c.Data[stampUID], Cluster: c.Data[stampCluster]}, nil
}

// WriteStamp stamps a target. A stamp that is there is never changed: ErrChanged says that there is one by now.
func WriteStamp(ctx context.Context, target *kube.Client, s Stamp) error {
	yes := true
	_, err := target.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: StampName, Namespace: metav1.NamespaceSystem,
			Annotations: map[string]string{"addonctl.io/about": "The network type of this cluster, for life. Deleting it changes nothing but trust."},
		},
		Immutable: &yes,
		Data:      map[string]string{stampType: string(s.NetworkType), stampUID: s.UID, stampCluster: s.Cluster},
	}, metav1.CreateOptions{FieldManager: kube.FieldManager})
	return changed(err, "ConfigMap", StampName)
}

// ReplaceStamp removes a stamp that is not to be trusted and writes a new one. The caller has checked that the record
// and the running CNI agree.
func ReplaceStamp(ctx context.Context, target *kube.Client, s Stamp) error {
	err := target.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Delete(ctx, StampName, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("removing the old network type stamp: %w", err)
	}
	return WriteStamp(ctx, target, s)
}
