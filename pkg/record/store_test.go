package record_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/storage/driver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/testkube"
)

func draft(n int, version, pending string) record.Draft {
	return record.Draft{
		Number: n, Manifest: "kind: X\nversion: " + version, Pending: pending, Description: "writing " + version,
		Chart:  &chart.Chart{Metadata: &chart.Metadata{Name: "flannel", Version: "0.1.0", AppVersion: version}},
		Values: map[string]any{"version": version},
	}
}

func TestRevisionsAreKeptInHelmsStorageOnARealAPIServer(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{})
	k, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := record.Open(k, "kube-system", "flannel", func() time.Time { at = at.Add(time.Minute); return at })
	list := func(want string) {
		t.Helper()
		rs, err := s.Revisions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rs {
			got = append(got, fmt.Sprintf("%d %s %s", r.Number, r.Version, r.Status))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("revisions %v, want %s", got, want)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	list("")
	do(s.Begin(t.Context(), draft(1, "0.24.4", "pending-install")))
	list("1 0.24.4 pending-install")
	if err := s.Begin(t.Context(), draft(1, "0.26.2", "pending-install")); !errors.Is(err, record.ErrTaken) {
		t.Errorf("a revision that exists: %v", err)
	}
	do(s.Finish(t.Context(), 1, "done"))
	do(s.Finish(t.Context(), 1, "done")) // it may be repeated
	list("1 0.24.4 deployed")
	// A move that was given up for another: Helm knows one pending operation.
	do(s.Begin(t.Context(), draft(2, "0.26.2", "pending-upgrade")))
	do(s.Begin(t.Context(), draft(3, "0.27.3", "pending-upgrade")))
	list("1 0.24.4 deployed, 2 0.26.2 failed, 3 0.27.3 pending-upgrade")
	do(s.Finish(t.Context(), 3, "done"))
	list("1 0.24.4 superseded, 2 0.26.2 failed, 3 0.27.3 deployed")
	if err := s.Finish(t.Context(), 9, "done"); err == nil {
		t.Error("a revision that is not there was finished")
	}
	// Helm's own driver reads what we wrote.
	r, err := driver.NewSecrets(k.Typed.CoreV1().Secrets("kube-system")).Get("sh.helm.release.v1.flannel.v3")
	if err != nil || r.Info.Status != "deployed" || r.Chart.Metadata.AppVersion != "0.27.3" || r.Config["version"] != "0.27.3" {
		t.Errorf("Helm reads %+v (%v)", r, err)
	}
	// A Secret that cannot be read is no revision less, it is an error: going on would write over what was recorded.
	secret, err := k.Typed.CoreV1().Secrets("kube-system").Get(t.Context(), "sh.helm.release.v1.flannel.v2", metav1.GetOptions{})
	do(err)
	secret.Data["release"] = []byte("rubbish")
	_, err = k.Typed.CoreV1().Secrets("kube-system").Update(t.Context(), secret, metav1.UpdateOptions{})
	do(err)
	if _, err := s.Revisions(t.Context()); err == nil || !strings.Contains(err.Error(), "sh.helm.release.v1.flannel.v2") {
		t.Errorf("a Secret that cannot be read: %v", err)
	}
}
