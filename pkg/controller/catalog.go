package controller

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	mu sync.RWMutex
	// builtIn, and what was read last; recalls are laid over that.
	builtIn, read, current *catalog.Catalog
	builtInDigest, digest  string
	// followed is true when the AddonCatalog has been read once since this process leads.
	followed bool
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

// Followed tells whether the hub was asked for its AddonCatalog. Before that nobody may act: what the manager was built with may have a release
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
// over that. It tells the digest and the number of releases of what is in force.
func (c *Catalogs) follow(s v1alpha1.AddonCatalogSpec) (digest string, releases int, err error) {
	read, digest := c.builtIn, c.builtInDigest
	if s.Directory != "" {
		read, digest, err = loadCatalog(os.DirFS(s.Directory))
		if err != nil {
			err = fmt.Errorf("reading %s: %w", s.Directory, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.followed = true
	if err == nil {
		c.read, c.digest = read, digest
	}
	c.current = c.read.Recalled(func(addOn, version string) bool { return recallOf(s.Recalls, addOn, version) != nil })
	for _, a := range c.current.AddOns {
		releases += len(a.Releases)
	}
	return c.digest, releases, err
}

// recallOf is the recall of a release; nil when there is none.
func recallOf(all []v1alpha1.Recall, addOn, version string) *v1alpha1.Recall {
	for i := range all {
		if all[i].Addon == addOn && status.SameVersion(all[i].Version, version) {
			return &all[i]
		}
	}
	return nil
}

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

// rereadAfter is how often a directory is read again.
const rereadAfter = 30 * time.Second

// Reconcile implements reconcile.Reconciler.
func (c catalogReconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	var live v1alpha1.AddonCatalog
	err := c.client.Get(ctx, client.ObjectKey{Name: v1alpha1.CatalogName}, &live)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("reading AddonCatalog %s: %w", v1alpha1.CatalogName, err)
	}
	if err != nil { // without a record, what the manager was built with is in force
		_, _, err := c.catalogs.follow(v1alpha1.AddonCatalogSpec{BuiltIn: true})
		return reconcile.Result{}, err
	}
	digest, releases, broken := c.catalogs.follow(live.Spec)
	if err := c.record(ctx, &live, digest, releases, broken); err != nil {
		return reconcile.Result{}, err
	}
	if live.Spec.Directory == "" {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{RequeueAfter: rereadAfter}, nil
}

// record writes the status, when it is another.
func (c catalogReconciler) record(ctx context.Context, live *v1alpha1.AddonCatalog, digest string, releases int, broken error) error {
	before := live.Status
	now := metav1.NewTime(c.clock())
	after := v1alpha1.AddonCatalogStatus{
		ObservedGeneration: live.Generation, Digest: digest, Read: before.Read, Releases: int32(releases), //nolint:gosec // a catalog is small
	}
	if before.Digest != digest || before.Read == nil {
		after.Read = &now
	}
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, ObservedGeneration: live.Generation,
		Message: fmt.Sprintf("%d releases are known", releases) + c.unknownRecalls(live.Spec.Recalls),
	}
	if broken != nil {
		ready.Status, ready.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalid
		text := strings.ReplaceAll(broken.Error(), "\n", "; ") + "; what was read before stays in force"
		ready.Message = text[max(0, len(text)-32768):]
	}
	old := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady)
	ready.LastTransitionTime = now
	if old != nil && old.Status == ready.Status {
		ready.LastTransitionTime = old.LastTransitionTime
	}
	after.Conditions = []metav1.Condition{ready}
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	live.Status = after
	if err := c.client.Status().Update(ctx, live, client.FieldOwner(fieldManager)); err != nil {
		return fmt.Errorf("writing AddonCatalog %s: %w", live.Name, err)
	}
	if old == nil || old.Status != ready.Status || before.Digest != digest {
		kind := corev1.EventTypeNormal
		if broken != nil {
			kind = corev1.EventTypeWarning
		}
		c.event(live, kind, "Catalog"+cmp.Or(map[bool]string{true: "Unreadable"}[broken != nil], "Read"), ready.Message)
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
