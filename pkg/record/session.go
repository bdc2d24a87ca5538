package record

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
)

// session is Helm's storage driver within one operation: what it reads first is what it may write over.
type session struct {
	store  *Store
	bound  *bound
	driver *driver.Secrets
}

func (s *Store) open(ctx context.Context) *session {
	b := &bound{SecretInterface: s.secrets, ctx: ctx, read: map[string]string{}}
	return &session{store: s, bound: b, driver: driver.NewSecrets(b)}
}

// list reads every release. Helm's own List drops Secrets that it cannot decode with no more than a log line, and its Get
// ends the program at one; here such a Secret is an error.
func (x *session) list() ([]*release.Release, error) {
	s := x.store
	secrets, err := s.secrets.List(x.bound.ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + s.Name})
	if err != nil {
		return nil, fmt.Errorf("listing the revisions of release %s/%s: %w", s.Namespace, s.Name, err)
	}
	out := make([]*release.Release, 0, len(secrets.Items))
	for i := range secrets.Items {
		secret := &secrets.Items[i]
		r, err := decode(secret.Data["release"])
		if err != nil {
			return nil, fmt.Errorf("reading release Secret %s/%s: %w", s.Namespace, secret.Name, err)
		}
		r.Labels = ownLabels(secret.Labels)
		x.bound.read[secret.Name] = secret.ResourceVersion
		out = append(out, r)
	}
	return out, nil
}

// ownLabels are the labels that somebody gave a release, without those that Helm's driver writes itself.
func ownLabels(all map[string]string) map[string]string {
	out := maps.Clone(all)
	for _, l := range driver.GetSystemLabels() {
		delete(out, l)
	}
	return out
}

// decode reads a release as Helm's drivers write it: JSON, compressed by gzip, in base64.
func decode(data []byte) (*release.Release, error) {
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreadable, err) //nolint:errorlint // an EOF in here is no lost connection
	}
	r := &release.Release{}
	if err := json.NewDecoder(z).Decode(r); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreadable, err) //nolint:errorlint // an EOF in here is no lost connection
	}
	return r, nil
}

// mark gives releases a new status, oldest first, so that a crash in between leaves the newest one pending.
func (x *session) mark(rs []*release.Release, to func(*release.Release) (release.Status, string, bool)) error {
	slices.SortFunc(rs, func(a, b *release.Release) int { return a.Version - b.Version })
	for _, r := range rs {
		status, description, change := to(r)
		if !change {
			continue
		}
		r.Info.Status, r.Info.Description = status, description
		if err := x.driver.Update(x.store.key(r.Version), r); err != nil {
			return fmt.Errorf("recording revision %d as %s: %w", r.Version, status, err)
		}
	}
	return nil
}

// bound gives Helm's storage driver, which knows no contexts and writes without a resourceVersion, both: the caller's
// context on every call, and on an update the version that the session read, so that a write over somebody else's is a
// conflict.
type bound struct {
	typed.SecretInterface
	ctx  context.Context   //nolint:containedctx // Helm's driver has no parameter to pass it through
	read map[string]string // resourceVersion by name
}

func (b *bound) Create(_ context.Context, s *corev1.Secret, o metav1.CreateOptions) (*corev1.Secret, error) {
	return b.SecretInterface.Create(b.ctx, s, o)
}

func (b *bound) Update(_ context.Context, s *corev1.Secret, o metav1.UpdateOptions) (*corev1.Secret, error) {
	s = s.DeepCopy()
	s.ResourceVersion = b.read[s.Name]
	return b.SecretInterface.Update(b.ctx, s, o)
}
