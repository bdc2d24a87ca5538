package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// ErrTaken says that somebody else wrote the same revision first. Look again before going on.
var ErrTaken = errors.New("the revision was written by somebody else in the meantime")

// ErrUnreadable says that a release Secret is no release. Nothing is written while one is there: it could be written over.
var ErrUnreadable = errors.New("the release cannot be decoded")

// Store is the release storage of one release on one cluster.
type Store struct {
	// Name and Namespace of the Helm release.
	Name, Namespace string
	secrets         corev1.SecretInterface
	now             func() time.Time
}

// Open makes a Store; nothing is read yet. now is the clock that stamps revisions.
func Open(c *kube.Client, namespace, name string, now func() time.Time) *Store {
	return &Store{Name: name, Namespace: namespace, secrets: c.Typed.CoreV1().Secrets(namespace), now: now}
}

// Revision is one stored release.
type Revision struct {
	Number      int
	Version     string // of the add-on: the chart's appVersion
	Status      string // in Helm's words
	Digest      string // of the manifest
	Manifest    string
	Updated     time.Time
	Description string
	// Chart that it was rendered with; nil when it was stored without one.
	Chart *chart.Chart
}

// Draft is a revision to be written.
type Draft struct {
	Number      int
	Chart       *chart.Chart
	Values      map[string]any
	Manifest    string
	Description string
	// Pending is the status until the revision is settled: pending-install or pending-upgrade.
	Pending string
}

// Digest is the digest of a manifest text: 64 hexadecimal digits of SHA-256.
func Digest(manifest string) string {
	sum := sha256.Sum256([]byte(manifest))
	return hex.EncodeToString(sum[:])
}

// Revisions reads every stored revision, oldest first. A Secret that cannot be decoded is an error: guessing what was
// recorded could overwrite it.
func (s *Store) Revisions(ctx context.Context) ([]Revision, error) {
	releases, err := s.open(ctx).list()
	if err != nil {
		return nil, err
	}
	out := make([]Revision, 0, len(releases))
	for _, r := range releases {
		out = append(out, revision(r))
	}
	slices.SortFunc(out, func(a, b Revision) int { return a.Number - b.Number })
	return out, nil
}

func revision(r *release.Release) Revision {
	out := Revision{Number: r.Version, Manifest: r.Manifest, Digest: Digest(r.Manifest)}
	if r.Chart != nil && r.Chart.Metadata != nil {
		out.Version, out.Chart = r.Chart.Metadata.AppVersion, r.Chart
	}
	if r.Info != nil {
		out.Status, out.Description, out.Updated = string(r.Info.Status), r.Info.Description, r.Info.LastDeployed.Time
	}
	return out
}

// Begin records a draft as pending, before the first object is written. Older pending revisions are marked failed, for
// Helm knows one operation at a time. ErrTaken means that the revision exists already.
func (s *Store) Begin(ctx context.Context, d Draft) error {
	x := s.open(ctx)
	releases, err := x.list()
	if err != nil {
		return err
	}
	first := s.now()
	for _, r := range releases {
		if r.Info != nil && !r.Info.FirstDeployed.IsZero() && r.Info.FirstDeployed.Time.Before(first) {
			first = r.Info.FirstDeployed.Time
		}
		if r.Version == d.Number {
			return fmt.Errorf("recording revision %d: %w", d.Number, ErrTaken)
		}
	}
	err = x.driver.Create(s.key(d.Number), s.build(d, first))
	if errors.Is(err, driver.ErrReleaseExists) || apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("recording revision %d: %w", d.Number, ErrTaken)
	}
	if err != nil {
		return fmt.Errorf("recording revision %d: %w", d.Number, err)
	}
	return x.mark(releases, func(r *release.Release) (release.Status, string, bool) {
		pending := r.Info != nil && r.Info.Status.IsPending()
		return release.StatusFailed, fmt.Sprintf("given up for revision %d", d.Number), pending && r.Version < d.Number
	})
}

func (s *Store) build(d Draft, first time.Time) *release.Release {
	at := helmtime.Time{Time: s.now()}
	return &release.Release{
		Name: s.Name, Namespace: s.Namespace, Version: d.Number,
		Chart: d.Chart, Config: d.Values, Manifest: d.Manifest,
		Info: &release.Info{
			FirstDeployed: helmtime.Time{Time: first}, LastDeployed: at,
			Status: release.Status(d.Pending), Description: d.Description,
		},
	}
}

// Finish records a pending revision as deployed, every older deployed one as superseded, and every older pending one,
// which a crash may have left, as failed. It may be repeated. ErrTaken means that a newer revision has been begun.
func (s *Store) Finish(ctx context.Context, number int, description string) error {
	x := s.open(ctx)
	releases, err := x.list()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(releases, func(r *release.Release) bool { return r.Version > number }) {
		return fmt.Errorf("recording revision %d as deployed: %w", number, ErrTaken)
	}
	if !slices.ContainsFunc(releases, func(r *release.Release) bool { return r.Version == number }) {
		return fmt.Errorf("recording revision %d as deployed: it is not in the storage any more", number)
	}
	return x.mark(releases, func(r *release.Release) (release.Status, string, bool) {
		switch {
		case r.Info == nil:
			return "", "", false
		case r.Version == number:
			return release.StatusDeployed, description, r.Info.Status != release.StatusDeployed
		case r.Info.Status.IsPending():
			return release.StatusFailed, fmt.Sprintf("given up for revision %d", number), true
		default:
			return release.StatusSuperseded, r.Info.Description, r.Info.Status == release.StatusDeployed
		}
	})
}

// key is the name of a revision's Secret, as Helm writes it.
func (s *Store) key(number int) string {
	return fmt.Sprintf("sh.helm.release.v1.%s.v%d", s.Name, number)
}
