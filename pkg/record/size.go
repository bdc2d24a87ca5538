package record

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
)

// ErrTooLarge says that a revision does not fit into a Secret. Nothing was written. It is always a *TooLargeError.
var ErrTooLarge = errors.New("the release is too large for Helm's storage")

// TooLargeError has the sizes in bytes.
type TooLargeError struct {
	Number int
	// Size of the release as it would be stored: compressed, in base64; Limit is what a Secret takes, without what is kept back
	// for later descriptions.
	Size, Limit int
	// Manifest and Settings as they are before that.
	Manifest, Settings int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("revision %d: %v: %d bytes, a Secret takes %d (of the manifest there are %d bytes before compression, of the settings %d)",
		e.Number, ErrTooLarge, e.Size, e.Limit, e.Manifest, e.Settings)
}

func (e *TooLargeError) Unwrap() error { return ErrTooLarge }

// reserve for statuses and descriptions, which Helm's tools too write into a release later.
const reserve = 4 << 10

// Limit is how many bytes a stored release may have (facts: CNI B6).
const Limit = corev1.MaxSecretSize - reserve

// Fits tells, by a *TooLargeError, that a draft would not fit into the storage. The release is really encoded, by Helm's own
// driver; nothing is asked of the server.
func (s *Store) Fits(d Draft) error {
	w := &scale{}
	if err := driver.NewSecrets(w).Create(s.key(d.Number), s.build(d, s.now())); err != nil {
		return fmt.Errorf("encoding revision %d: %w", d.Number, err)
	}
	if w.size > Limit {
		return &TooLargeError{Number: d.Number, Size: w.size, Limit: Limit, Manifest: len(d.Manifest), Settings: len(d.Settings)}
	}
	return nil
}

// scale weighs what Helm's driver would write.
type scale struct {
	typed.SecretInterface // nil: only Create is called
	size                  int
}

func (w *scale) Create(_ context.Context, s *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	for _, v := range s.Data {
		w.size += len(v)
	}
	return s, nil
}
