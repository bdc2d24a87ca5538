package record

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// session is Helm's storage driver within one operation: what it reads first is what it may write over.
type session struct {
	store  *Store
	bound  *bound
	driver *driver.Secrets
}

func (s *Store) open(ctx context.Context) *session {
	b := &bound{SecretInterface: s.secrets, ctx: ctx, read: map[string]string{}, epoch: s.epoch}
	return &session{store: s, bound: b, driver: driver.NewSecrets(b)}
}

// stored is a release with the Secret that holds it; of the Secret only the metadata count.
type stored struct {
	*release.Release
	secret metav1.ObjectMeta
}

// list reads every release. Helm's own List drops Secrets that it cannot decode with no more than a log line, and its Get
// ends the program at one; here such a Secret is an error.
func (x *session) list() ([]stored, error) {
	s := x.store
	secrets, err := s.secrets.List(x.bound.ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + s.Name})
	if err != nil {
		return nil, fmt.Errorf("listing the revisions of release %s/%s: %w", s.Namespace, s.Name, err)
	}
	out := make([]stored, 0, len(secrets.Items))
	for i := range secrets.Items {
		secret := &secrets.Items[i]
		r, err := decode(secret.Data["release"])
		if err == nil && (r.Name != s.Name || secret.Name != s.key(r.Version)) {
			err = fmt.Errorf("%w: it holds revision %d of %q", ErrUnreadable, r.Version, r.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("reading release Secret %s/%s: %w", s.Namespace, secret.Name, err)
		}
		r.Labels = ownLabels(secret.Labels)
		x.bound.read[secret.Name] = secret.ResourceVersion
		x.bound.meet(secret)
		out = append(out, stored{r, secret.ObjectMeta})
	}
	slices.SortFunc(out, func(a, b stored) int { return a.Version - b.Version })
	return out, nil
}

// create writes a new release. A Secret of that name that list did not show is no release to Helm either: it has to be moved
// away by somebody who knows what it is.
func (x *session) create(key string, r *release.Release) error {
	err := x.driver.Create(key, r)
	if !errors.Is(err, driver.ErrReleaseExists) && !apierrors.IsAlreadyExists(err) {
		return err
	}
	s := x.store
	there, err := s.secrets.Get(x.bound.ctx, key, metav1.GetOptions{})
	if err == nil && (there.Labels["owner"] != "helm" || there.Labels["name"] != s.Name) {
		return fmt.Errorf("release Secret %s/%s: %w: it has not the labels of a release", s.Namespace, key, ErrUnreadable)
	}
	return ErrTaken
}

// ownLabels are the labels that somebody gave a release, without those that Helm's driver writes itself.
func ownLabels(all map[string]string) map[string]string {
	out := maps.Clone(all)
	for _, l := range driver.GetSystemLabels() {
		delete(out, l)
	}
	return out
}

// decode reads a release as Helm's drivers do: JSON in base64, compressed by gzip unless it is very old.
func decode(data []byte) (*release.Release, error) {
	text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(data)))
	if err == nil && bytes.HasPrefix(text, []byte{0x1f, 0x8b, 0x08}) {
		text, err = unzip(text)
	}
	r := &release.Release{}
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreadable, err) //nolint:errorlint // an EOF in here is no lost connection
	}
	return r, nil
}

func unzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// mark gives releases a new status, oldest first, so that a crash in between leaves the newest one pending.
func (x *session) mark(rs []stored, to func(*release.Release) (release.Status, string, bool)) error {
	for _, r := range rs {
		status, description, change := to(r.Release)
		if !change {
			continue
		}
		r.Info.Status, r.Info.Description, r.Info.Deleted = status, description, helmtime.Time{}
		if err := x.driver.Update(x.store.key(r.Version), r.Release); err != nil {
			return fmt.Errorf("recording revision %d as %s: %w", r.Version, status, err)
		}
	}
	return nil
}

// bound gives Helm's storage driver, which knows no contexts and writes without a resourceVersion, both: the caller's
// context on every call, and on an update the version that the session read, so that a write over somebody else's is a
// conflict. Every write is made under our name and carries our epoch; a session that has read a higher one writes nothing.
type bound struct {
	typed.SecretInterface
	ctx  context.Context   //nolint:containedctx // Helm's driver has no parameter to pass it through
	read map[string]string // resourceVersion by name
	// epoch of the tenure that the session writes in, and the highest on a Secret that it read: it may write in no tenure.
	epoch, met int64
	// fenced is kube.ErrFenced once a higher epoch was read.
	fenced error
}

// meet notes the epoch on a Secret that the session has read.
func (b *bound) meet(s *corev1.Secret) {
	b.met = max(b.met, kube.EpochOf(s))
	if err := kube.Fenced(s, b.epoch); err != nil {
		b.fenced = err
	}
}

// mark puts the epoch on a Secret that is about to be written: Helm's driver makes it anew, without annotations.
func (b *bound) mark(s *corev1.Secret) {
	if epoch := max(b.met, b.epoch); epoch > 0 {
		s.Annotations = map[string]string{kube.AnnotationEpoch: strconv.FormatInt(epoch, 10)}
	}
}

func (b *bound) Create(_ context.Context, s *corev1.Secret, o metav1.CreateOptions) (*corev1.Secret, error) {
	if b.fenced != nil {
		return nil, b.fenced
	}
	s = s.DeepCopy()
	b.mark(s)
	o.FieldManager = kube.FieldManager
	return b.SecretInterface.Create(b.ctx, s, o)
}

func (b *bound) Update(_ context.Context, s *corev1.Secret, o metav1.UpdateOptions) (*corev1.Secret, error) {
	if b.fenced != nil {
		return nil, b.fenced
	}
	s = s.DeepCopy()
	s.ResourceVersion = b.read[s.Name]
	b.mark(s)
	o.FieldManager = kube.FieldManager
	written, err := b.SecretInterface.Update(b.ctx, s, o)
	if err == nil {
		b.read[s.Name] = written.ResourceVersion
	}
	return written, err
}

func (b *bound) Delete(_ context.Context, name string, o metav1.DeleteOptions) error {
	if b.fenced != nil {
		return b.fenced
	}
	return b.SecretInterface.Delete(b.ctx, name, o)
}
