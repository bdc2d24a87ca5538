package helm_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/testkube"
	"github.com/addonctl/addonctl/pkg/version"
)

// footprint is that of a shipped release on this cluster.
func (b *bench) footprint(t *testing.T, v string) *catalog.Footprint {
	t.Helper()
	f, err := render.Footprint(b.rendered(t, v).Objects)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (b *bench) rendered(t *testing.T, v string) *render.Render {
	t.Helper()
	in, _ := b.look(t, v)
	a, r, ok := plan.Target(in)
	if !ok || r.Version.Core() != v {
		t.Fatalf("no release %s", v)
	}
	out, err := render.Release(charts.FS, a, r, render.Settings{Kubernetes: in.Cluster.Kubernetes, PodCIDRs: plan.PodCIDRs(in)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// says compares the footprints of a change with those of releases; "" stands for none.
func (b *bench) says(t *testing.T, when, target, from string) {
	t.Helper()
	in, _ := b.look(t, target)
	if diff := cmp.Diff(b.footprint(t, target), in.Change.To); diff != "" {
		t.Errorf("%s, to (-want +got):\n%s", when, diff)
	}
	if in.Change.To.Bytes != len(b.rendered(t, target).Manifest) {
		t.Errorf("%s: the manifest has %d bytes, and the footprint says %d", when, len(b.rendered(t, target).Manifest), in.Change.To.Bytes)
	}
	var want *catalog.Footprint
	if from != "" {
		want = b.footprint(t, from)
	}
	if diff := cmp.Diff(want, in.Change.From); diff != "" {
		t.Errorf("%s, from (-want +got):\n%s", when, diff)
	}
	if diff := cmp.Diff([]string{"10.244.0.0/16"}, in.Change.Network); diff != "" {
		t.Errorf("%s, network (-want +got):\n%s", when, diff)
	}
}

// A change goes from what is live, whatever the record says of it, to what is wanted.
func TestAChangeHasTheFootprintsOfWhatIsLiveAndOfWhatIsWanted(t *testing.T) {
	t.Parallel()
	b := startWith(t, testkube.Options{Audit: true})
	b.says(t, "nothing is there", "0.24.4", "")
	b.do(t, "0.24.4", plan.Apply)
	b.says(t, "the first release is written and not settled", "0.26.2", "0.24.4")
	waitObserved(t, b, "0.24.4")
	b.do(t, "0.24.4", plan.Settle)
	b.says(t, "the first release is there", "0.24.4", "0.24.4")
	b.idle(t, "0.24.4")
	b.says(t, "before an update", "0.26.2", "0.24.4")

	// A run that ended between recording a revision and writing it has changed nothing on the nodes.
	pending := b.rendered(t, "0.27.3")
	begin := record.Draft{Number: 2, Chart: pending.Chart, Values: pending.Values, Manifest: pending.Manifest, Pending: string(plan.PendingUpgrade)}
	if err := record.Open(b.Target, "kube-system", "flannel", b.Now).Begin(t.Context(), begin); err != nil {
		t.Fatal(err)
	}
	b.says(t, "a revision is recorded and not written", "0.27.3", "0.24.4")
	b.do(t, "0.26.2", plan.Apply)
	b.says(t, "an update is written and not settled", "0.26.2", "0.26.2")
	b.says(t, "on the way back from it", "0.24.4", "0.26.2")

	// An image that was set by hand is of no recorded revision.
	_, err := b.Target.Typed.AppsV1().DaemonSets("kube-system").Patch(t.Context(), "kube-flannel-ds", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","image":"a/flannel:v0.27.0"}]}}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.says(t, "somebody set another image", "0.26.2", "")
	if err := b.Target.Typed.AppsV1().DaemonSets("kube-system").Delete(t.Context(), "kube-flannel-ds", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.says(t, "somebody deleted the workload", "0.26.2", "")
}

// idle: where nothing would be written, a change reads the release's own objects one by one and nothing else.
func (b *bench) idle(t *testing.T, v string) {
	t.Helper()
	in, _ := b.look(t, v)
	// The sandbox's own controllers work as the administrator, too.
	seen := func() []testkube.Call {
		return b.cluster.Calls(t, func(c testkube.Call) bool { return c.UserAgent == rest.DefaultKubernetesUserAgent() })
	}
	before := len(seen())
	if _, err := b.Change(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	calls := seen()[before:]
	for _, c := range calls {
		if c.Verb != "get" || c.Object.Resource == "secrets" {
			t.Errorf("%s %s", c.Verb, c.URI)
		}
	}
	if len(calls) != 5 {
		t.Errorf("%d calls for five objects", len(calls))
	}
}

// A release without a chart in this build is told of, and nothing is carried out for it.
func TestATargetWithoutAChartIsToldOfAndRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	in, p := b.look(t, "0.26.2")
	step, ok := p.Next()
	if !ok {
		t.Fatalf("no step with the chart: %+v", p.Findings)
	}
	b.Charts = fstest.MapFS{"calico/Chart.yaml": {Data: []byte("apiVersion: v2\nname: calico\nversion: 0.1.0\n")}}
	got, err := b.Change(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan.Change{Unrenderable: `this build has no chart "flannel"`}, got, cmp.Comparer(version.Version.Equal)); diff != "" {
		t.Errorf("change (-want +got):\n%s", diff)
	}
	if _, err := b.Do(t.Context(), in, step); err == nil || !strings.Contains(err.Error(), `no chart "flannel"`) {
		t.Errorf("carrying out a step: %v", err)
	}
	// A chart that is there and broken is told of too: looking at the cluster must go on.
	b.Charts = fstest.MapFS{"flannel/Chart.yaml": {Data: []byte("apiVersion: v2\nname: flannel\nversion: 0.1.0\n")}, "flannel/templates/x.yaml": {Data: []byte("{{")}}
	if got, err := b.Change(t.Context(), in); err != nil || !strings.Contains(got.Unrenderable, "templates/x.yaml") {
		t.Errorf("a broken chart: %+v (%v)", got, err)
	}
}
