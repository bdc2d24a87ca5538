package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// server is a real Prometheus that looks at managers every second, with the alerts that we ship.
type server struct{ address string }

func startPrometheus(t *testing.T, managers ...*manager) *server {
	t.Helper()
	program, dir := fromMake(t, "ADDONCTL_TEST_PROMETHEUS"), t.TempDir()
	writeRules(t, filepath.Join(dir, "rules.yaml"), shippedRules(t))
	var targets []string
	for _, m := range managers {
		targets = append(targets, m.address)
	}
	config := fmt.Sprintf(`{"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["rules.yaml"],
		"scrape_configs": [{"job_name": "m", "static_configs": [{"targets": ["%s"]}]}]}`, strings.Join(targets, `", "`))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a free port
	if err != nil {
		t.Fatal(err)
	}
	p := &server{address: l.Addr().String()}
	_ = l.Close()
	said := &safeBuffer{}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), //nolint:noctx // it is ended below
		"--web.listen-address="+p.address)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", said.String())
		}
	})
	return p
}

// get reads what Prometheus answers under a path of its interface.
func (p *server) get(path string, data any) error {
	body, err := ask("http://" + p.address + "/api/v1/" + path)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(body), &struct{ Data any }{data})
}

// query is what an expression gives, by labels.
func (p *server) query(t *testing.T, expr string) map[string]string {
	t.Helper()
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := p.get("query?query="+url.QueryEscape(expr), &data); err != nil {
		t.Errorf("%s: %v", expr, err)
	}
	out := map[string]string{}
	for _, r := range data.Result {
		out[strings.Join(slices.Sorted(maps.Values(r.Metric)), " ")] = fmt.Sprint(r.Value[1])
	}
	return out
}

// firing are the alerts that fire, each with the time since when it is active.
func (p *server) firing() (map[string]string, error) {
	var data struct {
		Alerts []struct {
			Labels          map[string]string
			State, ActiveAt string
		}
	}
	err := p.get("alerts", &data)
	out := map[string]string{}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			out[strings.Join(slices.Sorted(maps.Values(a.Labels)), " ")] = a.ActiveAt
		}
	}
	return out, err
}

// fires waits until these alerts fire and no others, and returns since when.
func (p *server) fires(t *testing.T, want ...string) map[string]string {
	t.Helper()
	var got map[string]string
	testkube.Eventually(t, long, func(context.Context) (err error) {
		if got, err = p.firing(); err == nil && !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
			err = fmt.Errorf("%v fire, want %q", got, want)
		}
		return err
	})
	return got
}

// A real Prometheus looks at two managers of a small fleet. A rollout is halted by a release that crashes, a cluster does not answer, and a pin is over:
// these alerts fire, each once, and no others. When the leader is killed they go on without beginning anew. What Prometheus counts is what `cluster
// list` shows. It would catch metrics that Prometheus does not take, a standby that counts, and an alert that belongs to a replica.
func TestPrometheusSeesAFleet(t *testing.T) {
	fromMake(t, "ADDONCTL_TEST_PROMETHEUS")
	f := startFleet(t, map[string]testkube.Options{"dev": {Nodes: 1}})
	directory := f.without(t, "0.27.3")
	f.label(t, "dev", "fleet", "one")
	f.lost(t, "gone")
	f.create(t, &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}, Spec: v1alpha1.UpdatePolicySpec{Selector: "fleet", Soak: &metav1.Duration{}}})
	f.create(t, &v1alpha1.AddonCatalog{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CatalogName}, Spec: v1alpha1.AddonCatalogSpec{Directory: directory}})
	start := func(name string) *manager {
		return startManager(t, managerProgram(t, name), f.hub.KubeconfigPath(), f.catalog, "--gather", "1s", "--default-policy=false")
	}
	a := start("a")
	a.leads(t)
	b := start("b")
	p := startPrometheus(t, a, b)
	away, over := "AddonctlClusterUnreachable gone warning", "AddonctlPinIsOver Flannel gone warning"
	p.fires(t, away, over)

	if err := f.members["dev"].Play(t.Context(), sandbox.Fault{Name: "bad", Image: ":v0.27.3", Mode: sandbox.Crash}); err != nil {
		t.Fatal(err)
	}
	f.publish(t, directory, "0.27.3")
	halted := "AddonctlRolloutHalted critical fleet-flannel-0.27.3"
	before := p.fires(t, away, over, halted)
	t.Logf("firing: %v", before)
	f.arrives(t, "dev", "0.26.2")
	f.counted(t, p)
	p.dashboard(t)
	a.told(t)

	a.kill()
	b.leads(t)
	testkube.Eventually(t, soon, func(context.Context) error {
		if len(p.query(t, `addonctl_rollout_phase and on (instance) addonctl_leader == 1`)) == 0 {
			return errors.New("Prometheus has not seen what the new leader tells")
		}
		return nil
	})
	if after := p.fires(t, away, over, halted); !maps.Equal(before, after) {
		t.Errorf("fired since %v, and under another leader since %v", before, after)
	}
	f.counted(t, p)
}

// leads waits until a manager leads.
func (m *manager) leads(t *testing.T) {
	t.Helper()
	testkube.Eventually(t, long, func(context.Context) error {
		body, err := ask("http://" + m.address + "/metrics")
		if err == nil && !strings.Contains(body, "\naddonctl_leader 1\n") { // the line before it, which explains it, begins as this one does
			err = errors.New("it does not lead")
		}
		return err
	})
}

// lost records a cluster that has not answered for an hour, as an earlier manager left it, with a pin that was over yesterday.
func (f *fleet) lost(t *testing.T, name string) {
	t.Helper()
	nowhere := `{"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
		"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "u", "user": {"token": "t"}}]}`
	f.create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: managers, Name: name}, StringData: map[string]string{"value": nowhere}})
	c := &v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ClusterNetworkSpec{
		NetworkType: v1alpha1.FlannelOverlay,
		Connection:  &v1alpha1.Connection{KubeconfigSecret: v1alpha1.SecretReference{Namespace: managers, Name: name}},
	}}
	f.create(t, c)
	c.Status.Away = &metav1.Time{Time: time.Now().Add(-time.Hour)}
	if err := f.records.Status().Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	f.create(t, &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: hub.AddonName(name, "Flannel")}, Spec: v1alpha1.AddonSpec{
		Cluster: name, Addon: "Flannel", Version: "0.26.2",
		Pin: &v1alpha1.Pin{Reason: "a test", Until: &metav1.Time{Time: time.Now().Add(-24 * time.Hour)}},
	}})
}

// counted compares what Prometheus counts with what `cluster list` shows.
func (f *fleet) counted(t *testing.T, p *server) {
	t.Helper()
	list := read[struct {
		Clusters []struct {
			Reachable string
			Addons    []struct{ Addon, InstalledVersion, PinnedTo string }
		}
	}](t, f.ctl(t, "cluster", "list", "-o", "json"))
	clusters, addOns := map[string]int{}, map[string]int{}
	for _, c := range list.Clusters {
		clusters[map[string]string{"yes": "reachable", "no": "unreachable"}[c.Reachable]]++
		for _, a := range c.Addons {
			mode := "automatic"
			if a.PinnedTo != "" {
				mode = "pinned"
			}
			words := slices.DeleteFunc([]string{a.InstalledVersion, a.Addon, mode}, func(s string) bool { return s == "" })
			addOns[strings.Join(words, " ")]++
		}
	}
	for expr, want := range map[string]map[string]int{
		`sum by (state) (addonctl_clusters)`:              clusters,
		`sum by (addon, version, mode) (addonctl_addons)`: addOns,
	} {
		if got := p.query(t, expr); fmt.Sprint(got) != fmt.Sprint(want) || len(want) == 0 {
			t.Errorf("%s: Prometheus counts %v, and the records say %v", expr, got, want)
		} else {
			t.Logf("%s: %v, as cluster list shows", expr, got)
		}
	}
}

// dashboard has Prometheus answer every expression of the dashboard, and no rule may fail.
func (p *server) dashboard(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile("../manifests/monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &board); err != nil || len(board.Panels) == 0 {
		t.Fatalf("%d panels, %v", len(board.Panels), err)
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			expr := strings.NewReplacer("$__rate_interval", "1m", "$addon", ".*").Replace(target.Expr)
			t.Logf("%s: %v", panel.Title, p.query(t, expr))
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.get("rules", &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
}

// told looks whether what a real manager tells is what the documentation lists, which pkg/metric's tests hold the expressions to.
func (m *manager) told(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("../docs/manager.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(addonctl_\\w+)` \\| ([^|]*)\\|").FindAllStringSubmatch(string(text), -1) {
		labels := strings.Split(strings.ReplaceAll(strings.TrimSpace(row[2]), " ", ""), ",")
		slices.Sort(labels)
		listed[row[1]] = strings.Join(labels, ",")
	}
	body, seen := m.get(t, "/metrics"), map[string]bool{}
	for _, s := range regexp.MustCompile(`(?m)^(addonctl_\w+?)(_bucket|_sum|_count)?(?:\{(.*)\})? `).FindAllStringSubmatch(body, -1) {
		var labels []string
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(s[3], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		if want, ok := listed[s[1]]; !ok || want != strings.Join(labels, ",") {
			t.Errorf("it tells %s of %v, and docs/manager.md lists %q", s[1], labels, want)
		}
		seen[s[1]] = true
	}
	if !strings.Contains(body, "\nprocess_start_time_seconds ") || len(seen) < 15 {
		t.Errorf("it tells %v", seen)
	}
}
