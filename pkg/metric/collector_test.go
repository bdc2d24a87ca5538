package metric

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// everything is a fleet of which each metric tells something.
func everything(clusters int) Records {
	out := Records{
		Networks: []v1alpha1.ClusterNetwork{network("away", metav1.ConditionFalse)},
		Policies: make([]v1alpha1.UpdatePolicy, 1),
		Catalog: &v1alpha1.AddonCatalog{
			Spec:   v1alpha1.AddonCatalogSpec{Recalls: []v1alpha1.Recall{{Addon: "Flannel", Version: "0.27.3"}}},
			Status: v1alpha1.AddonCatalogStatus{Digest: "sha256:1", Releases: 40, Read: &at},
		},
		Rollouts: []v1alpha1.AddonRollout{rollout("Approval", func(x *v1alpha1.AddonRollout) {
			x.Status.Opened, x.Status.Wave, x.Status.Waves = &exact, "w", []v1alpha1.RolloutWave{{Name: "w"}}
		})},
	}
	for i := range clusters {
		name := fmt.Sprintf("c%d", i)
		out.Networks = append(out.Networks, network(name, metav1.ConditionTrue))
		out.Addons = append(out.Addons, addOn(name, func(a *v1alpha1.Addon) {
			a.Status.NodeVersions = []v1alpha1.NodeVersion{{Version: "0.27.3", Nodes: 3}}
			a.Status.Held = []v1alpha1.HeldRelease{{Version: "0.27.4"}}
			a.Status.Conditions = []metav1.Condition{{Type: "Stalled", Reason: "Blocked"}, {Type: "Reconciling", Reason: "GuardLifted"}}
			a.Status.Findings = []v1alpha1.Finding{{Reason: "LiveDiffers"}}
			if i == 0 {
				a.Spec.Version, a.Spec.Pin = "0.27.3", &v1alpha1.Pin{Until: &at}
			}
		}))
		out.Rollouts[0].Status.Members = append(out.Rollouts[0].Status.Members, v1alpha1.RolloutMember{Cluster: name, State: "Pending"})
	}
	return out
}

func collector(r Records, err error, leads bool) *Collector {
	return New(func(context.Context) (Records, error) { return r, err }, func() bool { return leads })
}

// registry checks what is told against what is described.
func registry(t *testing.T, c *Collector) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	return r
}

// families are the names that a collector tells of.
func families(t *testing.T, c *Collector) []string {
	t.Helper()
	all, err := registry(t, c).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range all {
		out = append(out, f.GetName())
	}
	return out
}

func TestEveryMetricIsToldAndFollowsTheConventions(t *testing.T) {
	t.Parallel()
	c := collector(everything(3), nil, true)
	var want []string
	for _, f := range Families() {
		want = append(want, f.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, families(t, c)); diff != "" {
		t.Errorf("told (-described +told):\n%s", diff)
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
}

// A standby has the records too: were it to tell of them, every sum would be too high.
func TestOnlyTheLeaderTellsOfTheFleet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*Collector{
		"a standby":                     collector(everything(3), nil, false),
		"records that cannot be read":   collector(everything(3), errors.New("the cache is closed"), true),
		"a manager without any records": collector(Records{}, nil, true),
	} {
		if diff := cmp.Diff([]string{leader, rolloutHaltSecond}, families(t, c)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Prometheus sees what grows between two scrapes. It would catch a histogram that begins with the first halt, or the first node of a roll: that one
// is never seen then, and a manager that halts once in its life never raises an alert (e2e saw it with a real Prometheus).
func TestHistogramsBeginAtZero(t *testing.T) {
	t.Parallel()
	c := collector(everything(1), nil, true)
	r := registry(t, c)
	count := func() map[string]uint64 {
		all, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]uint64{}
		for _, f := range all {
			for _, m := range f.GetMetric() {
				if h := m.GetHistogram(); h != nil {
					out[m.GetLabel()[0].GetValue()] = h.GetSampleCount()
				}
			}
		}
		return out
	}
	if diff := cmp.Diff(map[string]uint64{"Flannel": 0, "failure": 0, "recall": 0, "order": 0}, count()); diff != "" {
		t.Errorf("before anything happened (-want +got):\n%s", diff)
	}
	c.Gate("Flannel", time.Second)
	c.Halt("failure", time.Second)
	if diff := cmp.Diff(map[string]uint64{"Flannel": 1, "failure": 1, "recall": 0, "order": 0}, count()); diff != "" {
		t.Errorf("after a gate and a halt (-want +got):\n%s", diff)
	}
}

// How many samples there are does not depend on how many clusters there are, nor on their nodes.
func TestAThousandClustersAreNoMoreSamplesThanTen(t *testing.T) {
	t.Parallel()
	few, many := len(Fleet(everything(10))), len(Fleet(everything(1000)))
	if few != many || few == 0 {
		t.Errorf("%d samples of 10 clusters, %d of 1,000", few, many)
	}
	for _, f := range Families() {
		if slices.Contains(f.Labels, "node") || slices.Contains(f.Labels, "cluster") && f.Name != clusterAway && f.Name != pinExpiry {
			t.Errorf("%s has the labels %v", f.Name, f.Labels)
		}
	}
}

// The table of the documentation is this list.
func TestTheDocumentationListsEveryMetric(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/manager.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, f := range Families() {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s |", f.Name, strings.Join(f.Labels, ", "), f.Help))
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `addonctl_") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/manager.md (-want +got):\n%s", diff)
	}
}

func BenchmarkFleet(b *testing.B) {
	r := everything(1000)
	for b.Loop() {
		Fleet(r)
	}
}
