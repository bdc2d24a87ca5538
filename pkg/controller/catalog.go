package controller

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/status"
)

// Catalogs hold the catalog in force: what the AddonCatalog of the hub says, with its recalls laid over it. Whoever plans takes it from
// here at each look. It may be used by many at once.
type Catalogs struct {
	// Fetch gets a catalog from elsewhere; nil where none can be got. It is set before the first use.
	Fetch Fetch

	mu sync.RWMutex
	// builtIn, and what was read last; recalls are laid over that.
	builtIn, read, current *catalog.Catalog
	builtInDigest, digest  string
	// of says what current was made of: a digest, and recalls.
	of string
	// followed is true when what the hub says was in force once since this process leads.
	followed bool
	// remote is the last call of Fetch.
	remote remote
}

// Fetch gets the catalog of a registry or a web server that an AddonCatalog names. The version is the least that it may have. An error may be a
// *FetchError.
type Fetch func(ctx context.Context, s v1alpha1.AddonCatalogSpec, least int64) (Fetched, error)

// Fetched is a catalog from elsewhere, after it was checked.
type Fetched struct {
	Files fs.FS
	// Version and Expires are what its signer says; zero where nobody had to sign.
	Version int64
	Expires time.Time
}

// FetchError is why a catalog was not taken, with a reason for a condition.
type FetchError struct {
	Reason string
	Err    error
}

func (e *FetchError) Error() string { return e.Err.Error() }
func (e *FetchError) Unwrap() error { return e.Err }

// remote is a call of Fetch, which runs beside: recalls do not wait for a registry that does not answer.
type remote struct {
	// of is what was asked for.
	of string
	// ended is when it ended; zero before. Again, while running, the last result stays.
	ended   time.Time
	running bool
	out     Fetched
	err     error
}

// errPending says that a catalog is being got.
var errPending = errors.New("the catalog is being got")

// fetched is what a source elsewhere gave last. It is asked again when that was long ago.
func (c *Catalogs) fetched(ctx context.Context, s v1alpha1.AddonCatalogSpec, least int64, now time.Time) (Fetched, error) {
	of := strings.Join(append([]string{sourceOf(s)}, s.Keys...), "\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remote.of != of {
		c.remote = remote{of: of}
	}
	r := &c.remote
	again := refetchAfter
	if r.err != nil {
		again = rereadAfter
	}
	if !r.running && (r.ended.IsZero() || now.Sub(r.ended) >= again) {
		r.running = true
		go func() {
			out, err := c.Fetch(ctx, s, least)
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.remote.of == of { // nobody wants another one meanwhile
				c.remote = remote{of: of, ended: now, out: out, err: err}
			}
		}()
	}
	if r.ended.IsZero() {
		return Fetched{}, errPending
	}
	return r.out, r.err
}

// taken is a catalog that was read.
type taken struct {
	catalog *catalog.Catalog
	digest  string
	Fetched
}

// NewCatalogs begins with the catalog that the manager was built with, which the file system holds. An error is that of catalog.Load.
func NewCatalogs(builtIn fs.FS) (*Catalogs, error) {
	c, digest, err := loadCatalog(builtIn)
	if err != nil {
		return nil, err
	}
	return &Catalogs{builtIn: c, read: c, current: c, builtInDigest: digest, digest: digest}, nil
}

// Current is the catalog in force; nil on a nil Catalogs. Nobody may change it.
func (c *Catalogs) Current() *catalog.Catalog {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.current
}

// listed is what was read, without the hub's recalls; nil on a nil Catalogs.
func (c *Catalogs) listed() *catalog.Catalog {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.read
}

// Followed tells whether the hub's AddonCatalog was in force once. Before that nobody may act: what the manager was built with may have a release
// that the hub's catalog has not, or has recalled.
func (c *Catalogs) Followed() bool {
	if c == nil {
		return true
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.followed
}

// follow takes over what an AddonCatalog says. Where its source cannot be read, what was read before stays in force, and recalls are laid
// over that; nobody acts before something was read. It tells what was read, the number of releases in force, and the digest of what they are from.
func (c *Catalogs) follow(
	ctx context.Context, s v1alpha1.AddonCatalogSpec, last v1alpha1.AddonCatalogStatus, now time.Time,
) (read taken, digest string, releases int, err error) {
	read, err = c.source(ctx, s, last, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.read, c.digest, c.followed = read.catalog, read.digest, true
	}
	// Whoever works by the catalog begins anew with another one, so the same stays the same.
	all := []string{c.digest}
	for _, r := range s.Recalls {
		all = append(all, r.Addon+"/"+r.Version+": "+r.Reason)
	}
	if of := strings.Join(all, "\n"); of != c.of {
		c.of, c.current = of, c.read.Recalled(status.Recalls(s.Recalls))
	}
	for _, a := range c.current.AddOns {
		releases += len(a.Releases)
	}
	return read, c.digest, releases, err
}

// source reads the catalog that a spec names.
func (c *Catalogs) source(ctx context.Context, s v1alpha1.AddonCatalogSpec, last v1alpha1.AddonCatalogStatus, now time.Time) (taken, error) {
	name := sourceOf(s)
	var out Fetched
	switch {
	case name == "":
		return taken{catalog: c.builtIn, digest: c.builtInDigest}, nil
	case s.Directory != "":
		out.Files = os.DirFS(s.Directory)
	case c.Fetch == nil:
		return taken{}, fmt.Errorf("reading %s: this manager gets no catalogs from elsewhere", name)
	default:
		var least int64
		if last.Source == name {
			least = last.Version
		}
		var err error
		if out, err = c.fetched(ctx, s, least, now); err != nil {
			return taken{}, err
		}
	}
	read, digest, err := loadCatalog(out.Files)
	if err != nil {
		return taken{}, fmt.Errorf("reading %s: %w", name, err)
	}
	if last.Source == name && out.Version != 0 && out.Version == last.Version && digest != last.Digest {
		return taken{}, &FetchError{Reason: v1alpha1.ReasonRolledBack, Err: fmt.Errorf(
			"reading %s: version %d is another catalog than the version %d that was read before: whoever signs has to count up", name, out.Version, last.Version)}
	}
	return taken{catalog: read, digest: digest, Fetched: out}, nil
}

// sourceOf names where a catalog is read from; empty for the one that the manager was built with.
func sourceOf(s v1alpha1.AddonCatalogSpec) string { return cmp.Or(s.Directory, s.OCI, s.URL) }

// loadCatalog reads a catalog, and the digest of its files over names and contents.
func loadCatalog(files fs.FS) (*catalog.Catalog, string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%d %s %d ", len(path), path, len(data))
		sum.Write(data)
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("reading the catalog: %w", err)
	}
	c, err := catalog.Load(files)
	if err != nil {
		return nil, "", err
	}
	return c, "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// catalogReconciler follows the AddonCatalog of the hub.
type catalogReconciler struct{ *fleet }

// How often a source is read again: a directory or one that was not to be read, and what somebody else serves.
const (
	rereadAfter  = 30 * time.Second
	refetchAfter = 5 * time.Minute
)

// Reconcile implements reconcile.Reconciler.
func (c catalogReconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	var live v1alpha1.AddonCatalog
	err := c.client.Get(ctx, client.ObjectKey{Name: v1alpha1.CatalogName}, &live)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("reading AddonCatalog %s: %w", v1alpha1.CatalogName, err)
	}
	if err != nil { // without a record, what the manager was built with is in force
		_, _, _, err := c.catalogs.follow(ctx, v1alpha1.AddonCatalogSpec{BuiltIn: true}, v1alpha1.AddonCatalogStatus{}, c.clock())
		return reconcile.Result{}, err
	}
	read, digest, releases, broken := c.catalogs.follow(ctx, live.Spec, live.Status, c.clock())
	if errors.Is(broken, errPending) {
		return reconcile.Result{RequeueAfter: time.Second}, nil
	}
	if err := c.record(ctx, &live, c.statusOf(&live, read, digest, releases, broken)); err != nil {
		return reconcile.Result{}, err
	}
	if sourceOf(live.Spec) == "" {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{RequeueAfter: rereadAfter}, nil // what is elsewhere is asked less often
}

// statusOf is what is to be said of a catalog after a look at its source.
func (c catalogReconciler) statusOf(live *v1alpha1.AddonCatalog, read taken, digest string, releases int, broken error) v1alpha1.AddonCatalogStatus {
	before := live.Status
	now := metav1.NewTime(c.clock())
	after := v1alpha1.AddonCatalogStatus{
		ObservedGeneration: live.Generation, Digest: digest, Read: before.Read, Releases: int32(releases), //nolint:gosec // a catalog is small
		Source: before.Source, Version: before.Version, Expires: before.Expires,
	}
	if before.Digest != digest || before.Read == nil {
		after.Read = &now
	}
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, ObservedGeneration: live.Generation,
		Message: fmt.Sprintf("%d releases are known", releases) + c.unknownRecalls(live.Spec.Recalls),
	}
	if broken == nil {
		after.Source, after.Version, after.Expires = sourceOf(live.Spec), read.Version, nil
		if !read.Expires.IsZero() {
			after.Expires = &metav1.Time{Time: read.Expires}
		}
	} else {
		ready.Status, ready.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalid
		if e := (*FetchError)(nil); errors.As(broken, &e) {
			ready.Reason = e.Reason
		}
		text := strings.ReplaceAll(broken.Error(), "\n", "; ") + c.meanwhile()
		ready.Message = text[max(0, len(text)-32768):]
		if !c.catalogs.Followed() { // what is in force was never the hub's
			after.Digest, after.Read, after.Releases = before.Digest, before.Read, before.Releases
		}
	}
	ready.LastTransitionTime = now
	if old := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady); old != nil && old.Status == ready.Status {
		ready.LastTransitionTime = old.LastTransitionTime
	}
	after.Conditions = []metav1.Condition{ready}
	return after
}

// meanwhile says what goes on while a source cannot be read.
func (c catalogReconciler) meanwhile() string {
	if c.catalogs.Followed() {
		return "; what was read before stays in force"
	}
	return "; this manager has read nothing yet since it leads, and moves no cluster until it has"
}

// record writes the status, when it is another.
func (c catalogReconciler) record(ctx context.Context, live *v1alpha1.AddonCatalog, after v1alpha1.AddonCatalogStatus) error {
	before := live.Status
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	live.Status = after
	if err := c.client.Status().Update(ctx, live, client.FieldOwner(fieldManager)); err != nil {
		return fmt.Errorf("writing AddonCatalog %s: %w", live.Name, err)
	}
	ready, old := after.Conditions[0], meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady)
	if old == nil || old.Status != ready.Status || old.Reason != ready.Reason || before.Digest != after.Digest {
		kind, reason := corev1.EventTypeNormal, "CatalogRead"
		if ready.Status != metav1.ConditionTrue {
			kind, reason = corev1.EventTypeWarning, "CatalogUnreadable"
		}
		c.event(live, kind, reason, ready.Message)
	}
	return nil
}

// unknownRecalls names recalls of releases that the catalog does not know: most likely they are misspelt.
func (c catalogReconciler) unknownRecalls(all []v1alpha1.Recall) string {
	var out []string
	current := c.catalogs.Current()
	for _, r := range all {
		a, _ := current.AddOn(r.Addon)
		known := false
		for _, release := range a.Releases {
			known = known || status.SameVersion(release.Version.String(), r.Version)
		}
		if !known {
			out = append(out, r.Addon+" "+r.Version)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; recalled, and not known: " + few(out)
}
