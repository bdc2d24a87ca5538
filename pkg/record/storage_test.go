package record_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const ns = "kube-system"

// storage is a control plane on which every test has a release of its own.
type storage struct{ *testkube.Cluster }

func TestTheStorageIsSharedWithHelm(t *testing.T) {
	t.Parallel()
	s := storage{testkube.Start(t, testkube.Options{})}
	t.Run("settings are carried in the chart", s.settings)
	t.Run("who wrote a revision is known", s.writers)
	t.Run("what does not fit is not begun", s.sizes)
	t.Run("the history is capped", s.capped)
	t.Run("a deletion is of what was read", s.crowded)
	t.Run("what Helm left unfinished is given up", s.unfinished)
	t.Run("what is no release is named", s.unreadable)
}

// open makes a store of ours, and Helm's own driver as a program of that name uses it.
func (s storage) open(t *testing.T, name string) *record.Store {
	t.Helper()
	k, err := kube.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	return record.Open(k, ns, name, time.Now)
}

func (s storage) helm(t *testing.T, agent string) *driver.Secrets {
	t.Helper()
	cfg := s.Config()
	cfg.UserAgent = agent
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return driver.NewSecrets(c.CoreV1().Secrets(ns))
}

func (s storage) revisions(t *testing.T, store *record.Store) []record.Revision {
	t.Helper()
	rs, err := store.Revisions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s storage) settings(t *testing.T) {
	store := s.open(t, "settings")
	d := draft(1, "0.24.4", "pending-install")
	d.Chart.Metadata.Annotations = map[string]string{"category": "network"}
	must(t, store.Begin(t.Context(), d))
	must(t, store.Finish(t.Context(), 1, "done"))
	d.Number, d.Settings = 2, `{"values":"a: b"}`
	must(t, store.Begin(t.Context(), d))
	must(t, store.Finish(t.Context(), 2, "done"))
	if diff := cmp.Diff(map[string]string{"category": "network"}, d.Chart.Metadata.Annotations); diff != "" {
		t.Errorf("the draft's chart was changed (-want +got):\n%s", diff)
	}
	rs := s.revisions(t, store)
	if rs[0].Settings != "" || rs[1].Settings != d.Settings || rs[0].Digest != rs[1].Digest || rs[0].Manifest != rs[1].Manifest {
		t.Errorf("revisions: %+v", rs)
	}
	// What is stored with the chart is none of its own: rendered and stored again it must not be carried along.
	if diff := cmp.Diff(d.Chart.Metadata.Annotations, rs[1].Chart.Metadata.Annotations); diff != "" {
		t.Errorf("the chart as it is read (-want +got):\n%s", diff)
	}
	r, err := s.helm(t, "Helm/3").Get("sh.helm.release.v1.settings.v2")
	if err != nil || r.Chart.Metadata.Annotations[record.AnnotationSettings] != d.Settings || r.Chart.Metadata.AppVersion != "0.24.4" {
		t.Errorf("Helm reads %+v (%v)", r, err)
	}
}

// byHelm is a release as Helm's tools write it.
func byHelm(name string, number int, status release.Status, description, manifest string, labels map[string]string) *release.Release {
	return &release.Release{
		Name: name, Namespace: ns, Version: number, Manifest: manifest, Labels: maps.Clone(labels),
		Chart: &chart.Chart{Metadata: &chart.Metadata{Name: name, Version: "0.1.0", AppVersion: "0.26.2"}},
		Info:  &release.Info{FirstDeployed: helmtime.Now(), LastDeployed: helmtime.Now(), Status: status, Description: description},
	}
}

// The label alone is not enough, for Helm copies it; its absence alone neither, for earlier builds wrote none. Told by either
// alone, one of these would be taken for another's.
func (s storage) writers(t *testing.T) {
	const ours = "metadata: {labels: {addonctl.io/addon: Flannel}}"
	store := s.open(t, "writers")
	must(t, store.Begin(t.Context(), record.Draft{Number: 1, Manifest: ours, Pending: "pending-install", Chart: draft(1, "0.26.2", "").Chart}))
	must(t, store.Finish(t.Context(), 1, "done"))
	copied := map[string]string{record.LabelRevision: "1"}
	for n, w := range []struct {
		agent, description, manifest string
		labels                       map[string]string
		by                           string
	}{
		{agent: "Helm/3.22.0", description: "Rollback to 1", manifest: ours, labels: copied, by: "helm"},
		{agent: "Helm/3.22.0", description: "Upgrade complete", manifest: "kind: X", labels: copied, by: "helm"},
		{agent: "helm-controller/v1", description: "Upgrade complete", manifest: "kind: X", by: "helm-controller"},
		{agent: "Helm/3.22.0", description: "Rollback to 1", manifest: ours, by: "helm"}, // to a revision of an earlier build
		{agent: "Helm/3.22.0", description: "given up for revision 9", manifest: ours, by: "helm"},
		{agent: "addonctl/v0", description: "Flannel 0.26.2 is Ready on every node", manifest: ours, by: ""},
		{agent: "velero/v1", description: "Flannel 0.26.2 is Ready on every node", manifest: ours, by: ""},
		{agent: "velero/v1", description: "Rollback to 1", manifest: ours, by: "velero"},
		{agent: "velero/v1", description: "restored", manifest: ours, labels: map[string]string{record.LabelRevision: "10"}, by: ""},
	} {
		number := n + 2
		r := byHelm("writers", number, release.StatusSuperseded, w.description, w.manifest, w.labels)
		must(t, s.helm(t, w.agent).Create(fmt.Sprintf("sh.helm.release.v1.writers.v%d", number), r))
		if got := s.revisions(t, store)[number-1]; got.By != w.by || got.Number != number {
			t.Errorf("%+v: revision %d by %q", w, got.Number, got.By)
		}
	}
	// A status that somebody else writes into a revision of ours leaves it ours, and one that we write into theirs leaves it theirs.
	r, err := s.helm(t, "Helm/3").Get("sh.helm.release.v1.writers.v1")
	must(t, err)
	must(t, s.helm(t, "Helm/3").Update("sh.helm.release.v1.writers.v1", r))
	must(t, s.helm(t, "Helm/3").Create("sh.helm.release.v1.writers.v11", byHelm("writers", 11, release.StatusPendingRollback, "Rollback to 1", ours, copied)))
	must(t, store.Begin(t.Context(), record.Draft{Number: 12, Manifest: ours, Pending: "pending-upgrade", Chart: r.Chart}))
	rs := s.revisions(t, store)
	if rs[0].By != "" || rs[10].By != "helm" || rs[10].Status != "failed" || rs[11].By != "" {
		t.Errorf("after each wrote into the other's: %q, %q (%s), %q", rs[0].By, rs[10].By, rs[10].Status, rs[11].By)
	}
}

// noise is text that does not get smaller by compression.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // it only has to be incompressible
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

// An estimate would let some releases through that the server then refuses in mid-write, or refuse some that fit: the size
// that is told is the one that the server sees.
func (s storage) sizes(t *testing.T) {
	store := s.open(t, "sizes")
	d := draft(1, "0.26.2", "pending-install")
	d.Manifest = noise(800_000)
	var large *record.TooLargeError
	err := store.Begin(t.Context(), d)
	if !errors.Is(err, record.ErrTooLarge) || !errors.As(err, &large) || large.Size <= corev1.MaxSecretSize || large.Manifest != len(d.Manifest) {
		t.Fatalf("%d bytes of noise: %v", len(d.Manifest), err)
	}
	if rs := s.revisions(t, store); len(rs) != 0 {
		t.Errorf("%d revisions were written", len(rs))
	}
	// The server refuses it indeed.
	r := byHelm("sizes", 1, release.StatusPendingInstall, d.Description, d.Manifest, nil)
	if err := s.helm(t, "Helm/3").Create("sh.helm.release.v1.sizes.v1", r); err == nil || !strings.Contains(err.Error(), "Too long") {
		t.Errorf("Helm's driver wrote it: %v", err)
	}
	// The most that fits is written, and told of its end with a longer description than it was begun with.
	low, high := 0, len(d.Manifest)
	all := d.Manifest
	for high-low > 64 {
		mid := (low + high) / 2
		d.Manifest = all[:mid]
		if store.Fits(d) == nil {
			low = mid
		} else {
			high = mid
		}
	}
	d.Manifest = all[:low]
	must(t, store.Begin(t.Context(), d))
	must(t, store.Finish(t.Context(), 1, all[len(all)-1400:]))
	secret, err := s.Client().CoreV1().Secrets(ns).Get(t.Context(), "sh.helm.release.v1.sizes.v1", metav1.GetOptions{})
	must(t, err)
	if size := len(secret.Data["release"]); size < record.Limit-1024 || size > corev1.MaxSecretSize {
		t.Errorf("%d bytes were stored, the limit is %d", size, record.Limit)
	}
}

// capped makes many moves. Without a cap every one of them leaves a Secret for ever, which the second store shows.
func (s storage) capped(t *testing.T) {
	move := func(store *record.Store, n int, kept ...int) {
		t.Helper()
		pending := "pending-upgrade"
		if n == 1 {
			pending = "pending-install"
		}
		must(t, store.Begin(t.Context(), draft(n, fmt.Sprintf("0.%d.0", n), pending)))
		must(t, store.Finish(t.Context(), n, "done", kept...))
	}
	numbers := func(store *record.Store) (out []int) {
		t.Helper()
		for _, r := range s.revisions(t, store) {
			out = append(out, r.Number)
		}
		return out
	}
	store, grows := s.open(t, "capped"), s.open(t, "grows")
	grows.History = 0
	for n := 1; n <= 13; n++ {
		move(store, n, 2)
		move(grows, n)
	}
	if diff := cmp.Diff([]int{2, 5, 6, 7, 8, 9, 10, 11, 12, 13}, numbers(store)); diff != "" {
		t.Errorf("with a cap, revision 2 kept (-want +got):\n%s", diff)
	}
	if err := store.Begin(t.Context(), draft(1, "0.1.0", "pending-install")); !errors.Is(err, record.ErrTaken) {
		t.Errorf("a number that was deleted is used again: %v", err)
	}
	if got := len(numbers(grows)); got != 13 {
		t.Errorf("without a cap there are %d", got)
	}
	// It is only made up for later where a crash came between, or where our user may not delete.
	grows.History = record.History
	must(t, grows.Finish(t.Context(), 13, "done"))
	if got := numbers(grows); len(got) != 10 || got[0] != 4 {
		t.Errorf("after finishing again: %v", got)
	}
	cfg, _ := s.User(t, "no-delete", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list", "create", "update"}})
	k, err := kube.New(cfg)
	must(t, err)
	weak := record.Open(k, ns, "capped", time.Now)
	must(t, weak.Begin(t.Context(), draft(14, "0.14.0", "pending-upgrade")))
	must(t, weak.Finish(t.Context(), 14, "done"))
	if got := numbers(store); len(got) != 11 {
		t.Errorf("for a user who may not delete: %v", got)
	}
}

// A deletion is of what was read: a Secret that somebody changed in between stays. Without the preconditions it would go, and
// with it what was written into it. A crash between two deletions leaves the rest to the next time.
func (s storage) crowded(t *testing.T) {
	store := s.open(t, "crowded")
	store.History = 0
	for n := 1; n <= 5; n++ {
		must(t, store.Begin(t.Context(), draft(n, "0.26.2", "pending-upgrade")))
		must(t, store.Finish(t.Context(), n, "done"))
	}
	store.History = 2
	boom := errors.New("boom")
	deletes := func(name string) error {
		switch name {
		case "sh.helm.release.v1.crowded.v1":
			secrets := s.Client().CoreV1().Secrets(ns)
			secret, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
			must(t, err)
			secret.Labels["somebody"] = "was-here"
			_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
			must(t, err)
			return nil
		case "sh.helm.release.v1.crowded.v3":
			return boom
		}
		return nil
	}
	store.Through(func(i typed.SecretInterface) typed.SecretInterface { return meddler{i, deletes} })
	if err := store.Finish(t.Context(), 5, "done"); !errors.Is(err, boom) {
		t.Fatalf("a deletion that fails: %v", err)
	}
	store = s.open(t, "crowded")
	var got []string
	for _, r := range s.revisions(t, store) {
		got = append(got, fmt.Sprintf("%d %s", r.Number, r.Status))
	}
	if diff := cmp.Diff([]string{"1 superseded", "3 superseded", "4 superseded", "5 deployed"}, got); diff != "" {
		t.Errorf("after a crash (-want +got):\n%s", diff)
	}
	store.History = 2
	must(t, store.Finish(t.Context(), 5, "done"))
	if got := s.revisions(t, store); len(got) != 2 || got[0].Number != 4 {
		t.Errorf("finished again: %+v", got)
	}
}

// meddler calls somebody before each deletion.
type meddler struct {
	typed.SecretInterface
	before func(name string) error
}

func (m meddler) Delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	if err := m.before(name); err != nil {
		return err
	}
	return m.SecretInterface.Delete(ctx, name, o)
}

// unfinished : Helm knows more unfinished statuses than two, and one that nobody ends would block Helm's tools for ever.
func (s storage) unfinished(t *testing.T) {
	store := s.open(t, "unfinished")
	must(t, store.Begin(t.Context(), draft(1, "0.24.4", "pending-install")))
	must(t, store.Finish(t.Context(), 1, "done"))
	helm := s.helm(t, "Helm/3.22.0")
	for n, status := range []release.Status{release.StatusPendingUpgrade, release.StatusPendingRollback, release.StatusUninstalling, release.StatusPendingInstall} {
		number := 2 + 2*n
		must(t, helm.Create(fmt.Sprintf("sh.helm.release.v1.unfinished.v%d", number), byHelm("unfinished", number, status, "Rollback to 1", "kind: X", nil)))
		if err := store.Begin(t.Context(), draft(number, "0.26.2", "pending-upgrade")); !errors.Is(err, record.ErrTaken) {
			t.Errorf("over Helm's own %s: %v", status, err)
		}
		if err := store.Begin(t.Context(), draft(1, "0.26.2", "pending-upgrade")); !errors.Is(err, record.ErrTaken) {
			t.Errorf("before Helm's own %s: %v", status, err)
		}
		must(t, store.Begin(t.Context(), draft(number+1, "0.26.2", "pending-upgrade")))
		must(t, store.Finish(t.Context(), number+1, "done"))
		rs := s.revisions(t, store)
		if got := rs[number-1]; got.Status != "failed" || got.Description != fmt.Sprintf("given up for revision %d", number+1) || rs[number].Status != "deployed" {
			t.Errorf("%s: %s (%s), then %s", status, got.Status, got.Description, rs[number].Status)
		}
	}
}

func (s storage) unreadable(t *testing.T) {
	store := s.open(t, "unreadable")
	must(t, store.Begin(t.Context(), draft(1, "0.24.4", "pending-install")))
	must(t, store.Finish(t.Context(), 1, "done"))
	secrets := s.Client().CoreV1().Secrets(ns)
	change := func(to func(*corev1.Secret)) {
		t.Helper()
		secret, err := secrets.Get(t.Context(), "sh.helm.release.v1.unreadable.v1", metav1.GetOptions{})
		must(t, err)
		to(secret)
		_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
		must(t, err)
	}
	good, err := secrets.Get(t.Context(), "sh.helm.release.v1.unreadable.v1", metav1.GetOptions{})
	must(t, err)
	plain, err := json.Marshal(byHelm("unreadable", 1, release.StatusDeployed, "x", "kind: X", nil))
	must(t, err)
	change(func(s *corev1.Secret) { s.Data["release"] = []byte(base64.StdEncoding.EncodeToString(plain)) })
	if rs := s.revisions(t, store); len(rs) != 1 || rs[0].Version != "0.26.2" {
		t.Errorf("a release that is not compressed, which Helm reads too: %+v", rs)
	}
	for name, data := range map[string][]byte{
		"rubbish": []byte("rubbish"), "nothing": nil, "no release": []byte(base64.StdEncoding.EncodeToString([]byte("{}"))),
		"cut off": good.Data["release"][:len(good.Data["release"])/2],
	} {
		change(func(s *corev1.Secret) { s.Data["release"] = data })
		_, err := store.Revisions(t.Context())
		if !errors.Is(err, record.ErrUnreadable) || !strings.Contains(err.Error(), "kube-system/sh.helm.release.v1.unreadable.v1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Without its labels it is no release to Helm, and would be in the way for ever if it only was somebody else's revision.
	change(func(s *corev1.Secret) { s.Labels = nil })
	err = store.Begin(t.Context(), draft(1, "0.24.4", "pending-install"))
	if !errors.Is(err, record.ErrUnreadable) || errors.Is(err, record.ErrTaken) {
		t.Errorf("without labels: %v", err)
	}
	change(func(s *corev1.Secret) { s.Labels, s.Data = good.Labels, good.Data })
	if rs := s.revisions(t, store); len(rs) != 1 || rs[0].Status != "deployed" || rs[0].By != "" {
		t.Errorf("put back from a backup: %+v", rs)
	}
}
