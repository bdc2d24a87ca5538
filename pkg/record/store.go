package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// ErrTaken says that somebody else wrote the same revision first. Look again before going on.
var ErrTaken = errors.New("the revision was written by somebody else in the meantime")

// ErrUnreadable says that a release Secret is no release. Nothing is written while one is there: it could be written over.
var ErrUnreadable = errors.New("the release cannot be decoded")

// History is how many revisions are kept, as many as Helm keeps by itself.
const History = 10

// Store is the release storage of one release on one cluster.
type Store struct {
	// Name and Namespace of the Helm release.
	Name, Namespace string
	// History is how many revisions Finish leaves; 0 leaves all.
	History int
	secrets corev1.SecretInterface
	now     func() time.Time
	epoch   int64 // of the client's tenure
}

// Open makes a Store; nothing is read yet. now is the clock that stamps revisions.
func Open(c *kube.Client, namespace, name string, now func() time.Time) *Store {
	return &Store{Name: name, Namespace: namespace, History: History, secrets: c.Typed.CoreV1().Secrets(namespace), now: now, epoch: c.Epoch}
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
	// Chart that it was rendered with, as it was before it was stored; nil when it was stored without one.
	Chart *chart.Chart
	// Settings as Draft.Settings had them; empty when the revision was stored without.
	Settings string
	// By is who wrote the revision: empty for us, else the tool, such as "helm". What others change of a revision of ours later, its
	// status and description, leaves it ours.
	By string
}

// Draft is a revision to be written.
type Draft struct {
	Number      int
	Chart       *chart.Chart
	Values      map[string]any
	Manifest    string
	Description string
	// Settings of the operator that it was rendered with, as text that this package does not read. It is stored as an annotation
	// of the chart's metadata, where Helm's tools carry it along.
	Settings string
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

func revision(r stored) Revision {
	out := Revision{Number: r.Version, Manifest: r.Manifest, Digest: Digest(r.Manifest), By: r.by()}
	if r.Chart != nil && r.Chart.Metadata != nil {
		out.Version, out.Chart = r.Chart.Metadata.AppVersion, r.Chart
		out.Settings = r.Chart.Metadata.Annotations[AnnotationSettings]
		delete(r.Chart.Metadata.Annotations, AnnotationSettings)
	}
	if r.Info != nil {
		out.Status, out.Description, out.Updated = string(r.Info.Status), r.Info.Description, r.Info.LastDeployed.Time
	}
	return out
}

// Begin records a draft as pending, before the first object is written. Older revisions that were left unfinished, by us or by
// Helm's tools, are marked failed, for Helm knows one operation at a time. Nothing is written when the draft does not fit:
// ErrTooLarge. ErrTaken means that the revision, or a newer one, exists already.
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
		if r.Version >= d.Number {
			return fmt.Errorf("recording revision %d, revision %d being there: %w", d.Number, r.Version, ErrTaken)
		}
	}
	if err := s.Fits(d); err != nil {
		return err
	}
	if err := x.create(s.key(d.Number), s.build(d, first)); err != nil {
		return fmt.Errorf("recording revision %d: %w", d.Number, err)
	}
	return x.mark(releases, func(r *release.Release) (release.Status, string, bool) {
		return release.StatusFailed, fmt.Sprintf("given up for revision %d", d.Number), unfinished(r)
	})
}

// unfinished tells whether an operation on a release was begun and never ended.
func unfinished(r *release.Release) bool {
	return r.Info != nil && (r.Info.Status.IsPending() || r.Info.Status == release.StatusUninstalling)
}

func (s *Store) build(d Draft, first time.Time) *release.Release {
	at := helmtime.Time{Time: s.now()}
	return &release.Release{
		Name: s.Name, Namespace: s.Namespace, Version: d.Number,
		Chart: d.chart(), Config: d.Values, Manifest: d.Manifest, Labels: map[string]string{LabelRevision: strconv.Itoa(d.Number)},
		Info: &release.Info{
			FirstDeployed: helmtime.Time{Time: first}, LastDeployed: at,
			Status: release.Status(d.Pending), Description: d.Description,
		},
	}
}

// chart is the draft's chart as it is stored; the draft's own is left as it is.
func (d Draft) chart() *chart.Chart {
	if d.Settings == "" || d.Chart == nil || d.Chart.Metadata == nil {
		return d.Chart
	}
	c, m := *d.Chart, *d.Chart.Metadata
	m.Annotations = maps.Clone(m.Annotations)
	if m.Annotations == nil {
		m.Annotations = map[string]string{}
	}
	m.Annotations[AnnotationSettings] = d.Settings
	c.Metadata = &m
	return &c
}

// Finish records a pending revision as deployed, every older deployed one as superseded, and every older unfinished one,
// which a crash may have left, as failed. Then it deletes the oldest revisions beyond History, but for those that are deployed
// or kept: the numbers of releases that something live may still run. It may be repeated. ErrTaken means that a newer
// revision has been begun.
func (s *Store) Finish(ctx context.Context, number int, description string, kept ...int) error {
	x := s.open(ctx)
	releases, err := x.list()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(releases, func(r stored) bool { return r.Version > number }) {
		return fmt.Errorf("recording revision %d as deployed: %w", number, ErrTaken)
	}
	if !slices.ContainsFunc(releases, func(r stored) bool { return r.Version == number }) {
		return fmt.Errorf("recording revision %d as deployed: it is not in the storage any more", number)
	}
	err = x.mark(releases, func(r *release.Release) (release.Status, string, bool) {
		switch {
		case r.Info == nil:
			return "", "", false
		case r.Version == number:
			return release.StatusDeployed, description, r.Info.Status != release.StatusDeployed
		case unfinished(r):
			return release.StatusFailed, fmt.Sprintf("given up for revision %d", number), true
		default:
			return release.StatusSuperseded, r.Info.Description, r.Info.Status == release.StatusDeployed
		}
	})
	if err != nil {
		return err
	}
	return x.forget(surplus(releases, s.History, append(kept, number)))
}

// key is the name of a revision's Secret, as Helm writes it.
func (s *Store) key(number int) string {
	return fmt.Sprintf("sh.helm.release.v1.%s.v%d", s.Name, number)
}
