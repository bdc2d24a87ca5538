package observe

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

func TestMaxUnavailableIsTheControllersOwnArithmetic(t *testing.T) {
	t.Parallel()
	rolling := func(v intstr.IntOrString) appsv1.DaemonSetUpdateStrategy {
		return appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &v},
		}
	}
	percent, number := intstr.FromString, intstr.FromInt32
	for name, c := range map[string]struct {
		strategy appsv1.DaemonSetUpdateStrategy
		nodes    int32
		want     int
	}{
		"a number":                             {rolling(number(3)), 100, 3},
		"a number beyond the nodes":            {rolling(number(3)), 2, 3},
		"a percentage that comes out even":     {rolling(percent("10%")), 20, 2},
		"a percentage is rounded up":           {rolling(percent("10%")), 21, 3},
		"a percentage of few nodes is still 1": {rolling(percent("10%")), 1, 1},
		"a percentage of no nodes":             {rolling(percent("10%")), 0, 0},
		"everything at once":                   {rolling(percent("100%")), 7, 7},
		"text that is no percentage":           {rolling(percent("many")), 7, 0},
		"OnDelete":                             {appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}, 20, 0},
		"OnDelete with a left-over number": {func() appsv1.DaemonSetUpdateStrategy {
			s := rolling(number(3))
			s.Type = appsv1.OnDeleteDaemonSetStrategyType
			return s
		}(), 20, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{UpdateStrategy: c.strategy}}
			d.Status.DesiredNumberScheduled = c.nodes
			if got := maxUnavailable(d); got != c.want {
				t.Errorf("max unavailable = %d, want %d", got, c.want)
			}
		})
	}
}

func TestWhatIsInstalledIsReadOffTheTemplate(t *testing.T) {
	t.Parallel()
	addOn := catalog.AddOn{Name: "Flannel", Release: "flannel", Workload: catalog.Workload{Namespace: "kube-system", Container: "kube-flannel"}}
	whole := func(change func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
		d := daemonSet("kube-system", "kube-flannel-ds", "sidecar:v9", "ghcr.io/flannel-io/flannel:v0.27.3")
		d.Spec.Template.Spec.Containers[1].Name = "kube-flannel"
		d.Labels = map[string]string{kube.LabelAddOn: "Flannel", "app.kubernetes.io/version": "9.9.9"}
		d.Annotations = map[string]string{
			kube.AnnotationReleaseName: "flannel", kube.AnnotationReleaseNS: "kube-system", kube.AnnotationDigest: "render",
		}
		d.Generation, d.Status.ObservedGeneration = 4, 4
		change(d)
		return d
	}
	for name, c := range map[string]struct {
		daemonSet *appsv1.DaemonSet
		want      plan.Installed
	}{
		"ours, and seen by its controller": {
			whole(func(*appsv1.DaemonSet) {}), plan.Installed{Present: true, Ours: true, Version: "0.27.3", Digest: "render", Observed: true},
		},
		"not seen by its controller yet": {
			whole(func(d *appsv1.DaemonSet) { d.Generation = 5 }), plan.Installed{Present: true, Ours: true, Version: "0.27.3", Digest: "render"},
		},
		"somebody else's": {
			whole(func(d *appsv1.DaemonSet) { d.ObjectMeta = metav1.ObjectMeta{Name: d.Name} }),
			plan.Installed{Present: true, Version: "0.27.3", Observed: true},
		},
		"whose controller replaces no pod": {
			whole(func(d *appsv1.DaemonSet) { d.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType }),
			plan.Installed{Present: true, Ours: true, Version: "0.27.3", Digest: "render", Observed: true, OnDelete: true},
		},
		"without the add-on's container": {
			whole(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Containers[1].Name = "x" }),
			plan.Installed{Present: true, Ours: true, Digest: "render", Observed: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, installed(c.daemonSet, addOn)); diff != "" {
				t.Errorf("installed (-want +got):\n%s", diff)
			}
		})
	}
}

// What a roll remembers is read as it was written; what cannot be read is nothing, and no error: somebody else's text must not stop
// every look at the cluster.
func TestWhatARollRemembersIsReadOffTheDaemonSet(t *testing.T) {
	t.Parallel()
	target := []noderoll.Target{{Node: "n", Pod: "p", UID: "u"}}
	for text, want := range map[string]noderoll.Record{
		"":                             {},
		"nonsense":                     {},
		"[]":                           {},
		`{"revision":"r","started":1}`: {},
		`{"revision":"r","started":"2026-11-22T12:00:00Z","broken":["m"],"intent":[{"node":"n","pod":"p","uid":"u"}],"at":"2026-11-22T12:01:00Z","new":1}`: {
			Revision: "r", Started: noon, Broken: []string{"m"}, Intent: target, At: noon.Add(time.Minute),
		},
	} {
		d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{kube.AnnotationRoll: text}}}
		if diff := cmp.Diff(want, rollOf(d)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if diff := cmp.Diff(noderoll.Record{}, rollOf(&appsv1.DaemonSet{})); diff != "" {
		t.Errorf("without the mark:\n%s", diff)
	}
}
