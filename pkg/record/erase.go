package record

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// Erase deletes every revision, also those that cannot be read: the release is not on the cluster any more, and nothing is to be
// found of it by whoever installs it anew, as after helm uninstall. It may be repeated.
func (s *Store) Erase(ctx context.Context) error {
	list, err := s.secrets.List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + s.Name})
	if err != nil {
		return fmt.Errorf("listing the revisions of release %s/%s: %w", s.Namespace, s.Name, err)
	}
	for i := range list.Items {
		secret := &list.Items[i]
		if err := kube.Fenced(secret, s.epoch); err != nil {
			return err
		}
		err := s.secrets.Delete(ctx, secret.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &secret.UID, ResourceVersion: &secret.ResourceVersion},
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting release Secret %s/%s: %w", s.Namespace, secret.Name, err)
		}
	}
	return nil
}
