package observe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
	"github.com/addonctl/addonctl/pkg/version"
)

const (
	system   = "kube-system"
	patience = time.Minute // only a failing test waits so long
)

// pools hold every way in which a node may be left out by a DaemonSet, and those that look like one and are none.
func pools() []sandbox.Pool {
	taint := func(key string, effect corev1.TaintEffect) []corev1.Taint {
		return []corev1.Taint{{Key: key, Value: "yes", Effect: effect}}
	}
	return []sandbox.Pool{
		{Name: sandbox.DefaultPool, Count: 2},
		{Name: "cordoned", Count: 1},
		{Name: "gpu", Count: 1, KubeletVersion: "v1.33.1", Taints: taint("gpu", corev1.TaintEffectNoSchedule)},
		{Name: "evicting", Count: 1, Taints: taint("evicting", corev1.TaintEffectNoExecute)},
		{Name: "network", Count: 1, Taints: taint("network", corev1.TaintEffectNoSchedule)},
		{Name: "shy", Count: 1, KubeletVersion: "v1.99.1", Arch: "arm64", Taints: taint("shy", corev1.TaintEffectPreferNoSchedule)},
		{Name: "offline", Count: 1},
		{Name: "custom", Count: 1, Labels: map[string]string{"oci.oraclecloud.com/custom-k8s-networking": "true"}},
	}
}

// cluster is the package's one control plane.
type cluster struct {
	*testkube.Cluster
	client *kube.Client
	hub    *hub.Hub
	addOn  catalog.AddOn
}

func (c *cluster) observer(k *kube.Client) *Observer {
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		panic(err)
	}
	return &Observer{Cluster: "in-cluster", Target: k, Hub: hub.New(k), Catalog: shipped, Now: time.Now}
}

func (c *cluster) look(t *testing.T) plan.Input {
	t.Helper()
	in, err := c.observer(c.client).Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestWhatIsSeenOfARealCluster(t *testing.T) {
	t.Parallel()
	c := &cluster{Cluster: testkube.Start(t, testkube.Options{Audit: true, Pools: pools()})}
	var err error
	if c.client, err = kube.New(c.Config()); err != nil {
		t.Fatal(err)
	}
	c.hub = hub.New(c.client)
	c.addOn, _ = c.observer(c.client).Catalog.ForNetworkType(catalog.FlannelOverlay)
	c.prepareNodes(t)

	// In this order: each goes on from the cluster as the one before left it.
	t.Run("an empty cluster has nodes and nothing else", c.empty)
	t.Run("we and the server's clock are known", c.whoAmI)
	t.Run("who we are is asked again", c.whoAmIAgain)
	t.Run("a registered cluster has its record and its stamp", c.registered)
	t.Run("an installed add-on is seen with its revisions and pods", c.installed)
	t.Run("the DaemonSet controller would not place pods elsewhere", c.exempt)
	t.Run("the newest revision is the one that new pods get", c.newest)
	t.Run("other CNIs are seen in any namespace", c.others)
	t.Run("an add-on beside the CNI is seen as what it is", c.beside)
	t.Run("facts are told by nodes, records and what is counted", c.facts)
	t.Run("a guard of the agents that was left lifted is seen by its note", c.guardLifted)
	t.Run("looking needs exactly the rights that it lists", c.rights)
	t.Run("without the optional rights something is unknown and nothing fails", c.unknown)
	t.Run("a cluster whose record was deleted is still seen as what it is", c.unrecorded)
	t.Run("a server that is away is an error and no empty cluster", c.away)
}

// prepareNodes makes the conditions that only a running cluster has, and waits for the taints that follow from them.
func (c *cluster) prepareNodes(t *testing.T) {
	t.Helper()
	nodes := c.Client().CoreV1().Nodes()
	patch := func(name, body string, sub ...string) {
		t.Helper()
		if _, err := nodes.Patch(t.Context(), name, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{}, sub...); err != nil {
			t.Fatal(err)
		}
	}
	patch("cordoned-01", `{"spec":{"unschedulable":true}}`)
	patch("offline-01", `{"status":{"conditions":[{"type":"NetworkUnavailable","status":"True","reason":"NoRoute"}]}}`, "status")
	for name, key := range map[string]string{"cordoned-01": corev1.TaintNodeUnschedulable, "offline-01": corev1.TaintNodeNetworkUnavailable} {
		testkube.Eventually(t, patience, func(ctx context.Context) error {
			n, err := nodes.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(n.Spec.Taints, func(x corev1.Taint) bool { return x.Key == key }) {
				return fmt.Errorf("%s has the taints %v", name, n.Spec.Taints)
			}
			return nil
		})
	}
}

func (c *cluster) empty(t *testing.T) {
	in := c.look(t)
	ns, err := c.Client().CoreV1().Namespaces().Get(t.Context(), system, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Cluster{
		Name: "in-cluster", Kubernetes: version.MustParse(c.Version()), UID: string(ns.UID),
		Facts:          catalog.Facts{catalog.FactNetworkPolicies: {"0"}},
		Contradictions: []string{c.tooNew()},
	}
	if g := in.Cluster.Guard; g.Unsupported || len(g.Wrong) != 20 || !slices.Contains(g.Wrong, "ValidatingAdmissionPolicy addonctl-guard-objects") {
		t.Errorf("guard %+v, want all of it to be missing", g)
	}
	in.Cluster.Guard = plan.Guard{}
	if diff := cmp.Diff(want, in.Cluster, cmp.Comparer(version.Version.Equal)); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(plan.Input{}, in, cmpopts.IgnoreFields(plan.Input{}, "Now", "Cluster", "Nodes", "Catalog"),
		cmpopts.IgnoreUnexported(version.Version{})); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
	var got []string
	for _, n := range in.Nodes {
		if len(n.PodCIDRs) != 1 || n.Exempt != "" || n.Pod != nil || n.Facts != nil {
			t.Errorf("node %+v", n)
		}
		system := fmt.Sprintf("%s %s %s %s %s", n.OS, n.Architecture, n.OSImage, n.Kernel, n.Kind)
		want := "linux amd64 Oracle Linux Server 8.10 5.15.0-209.161.7.2.el8uek.x86_64 Managed"
		if n.Name == "shy-01" {
			want = "linux arm64 Oracle Linux Server 8.10 5.15.0-209.161.7.2.el8uek.aarch64 Managed"
		}
		if system != want {
			t.Errorf("%s has %q, want %q", n.Name, system, want)
		}
		got = append(got, fmt.Sprintf("%s in %s, %s, %s, ready %t", n.Name, n.Pool, n.Zone, n.KubeletVersion, n.Ready))
	}
	usual := c.Version() + ", ready true"
	if diff := cmp.Diff([]string{
		"cordoned-01 in cordoned, AD-1, " + usual, "custom-01 in custom, AD-1, " + usual, "evicting-01 in evicting, AD-1, " + usual,
		"gpu-01 in gpu, AD-1, v1.33.1, ready true", "network-01 in network, AD-1, " + usual, "node-01 in pool-1, AD-1, " + usual,
		"node-02 in pool-1, AD-2, " + usual, "offline-01 in offline, AD-1, " + usual, "shy-01 in shy, AD-1, v1.99.1, ready true",
	}, got); diff != "" {
		t.Errorf("nodes, by name (-want +got):\n%s", diff)
	}
}

// tooNew is what is to be said of shy-01, whose kubelet is from the future.
func (c *cluster) tooNew() string {
	return "kubelet: shy-01 runs 1.99.1, newer than the API server's " + version.MustParse(c.Version()).Core()
}

func (c *cluster) whoAmI(t *testing.T) {
	config, _ := c.User(t, "somebody")
	k, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	name, clock, err := WhoAmI(t.Context(), k)
	after := time.Now()
	if err != nil || name != "system:serviceaccount:default:somebody" {
		t.Errorf("we are %q, %v", name, err)
	}
	// The server runs on this machine, and tells whole seconds.
	if clock.Before(before.Truncate(time.Second)) || clock.After(after) {
		t.Errorf("the server's clock says %s, and it is between %s and %s", clock, before, after)
	}
	o := c.observer(c.client)
	o.Now = func() time.Time { return time.Time{} }
	if in, err := o.Observe(t.Context()); err != nil || in.Now.Before(before.Truncate(time.Second)) {
		t.Errorf("it was looked at %s by our own clock, %v", in.Now, err)
	}
}

// whoAmIAgain has the API server fail twice to say who its user is. It would catch a pin that is recorded as nobody's for one failed call.
func (c *cluster) whoAmIAgain(t *testing.T) {
	p := c.Proxy(t)
	config, err := clientcmd.BuildConfigFromFlags("", p.KubeconfigPath())
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	broken := testkube.Instead(http.StatusInternalServerError, metav1.StatusReasonInternalError, 0)
	p.Plan(testkube.At(map[int]testkube.Fault{1: broken, 2: broken}))
	if user, _, err := WhoAmI(t.Context(), k); err != nil || user == "" {
		t.Errorf("we are %q, %v", user, err)
	}
	forbidden := testkube.Instead(http.StatusForbidden, metav1.StatusReasonForbidden, 0)
	p.Plan(testkube.At(map[int]testkube.Fault{1: forbidden}))
	if _, _, err := WhoAmI(t.Context(), k); err == nil || len(p.Calls()) != 1 {
		t.Errorf("who may not ask is told so after %d calls: %v", len(p.Calls()), err)
	}
}

func (c *cluster) registered(t *testing.T) {
	uid := c.look(t).Cluster.UID
	at, until := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	wish := hub.Wish{
		Cluster: "in-cluster", NetworkType: v1alpha1.FlannelOverlay, PodCIDRs: []string{"10.244.0.0/16"}, UID: uid,
		Desired: plan.Desired{AddOn: "Flannel", Version: "0.26.2", Pin: plan.Pin{Reason: "kernel", By: "ann", Ticket: "NET-1", At: at, Until: until}},
	}
	if err := c.hub.Save(t.Context(), c.client, wish); err != nil {
		t.Fatal(err)
	}
	held := `{"status":{"held":[{"version":"0.27.3","reason":"a node failed","at":"2026-11-02T00:00:00Z"}]}}`
	if _, err := c.client.Dynamic.Resource(v1alpha1.Addons).Patch(t.Context(), hub.AddonName("in-cluster", "Flannel"), types.MergePatchType,
		[]byte(held), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	in := c.look(t)
	if diff := cmp.Diff([]plan.Held{{Version: "0.27.3", Reason: "a node failed", At: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)}}, in.Held,
		cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	if s := in.Cluster.Stamp; s == nil || *s != (plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: uid, Cluster: "in-cluster"}) {
		t.Errorf("stamp %+v", s)
	}
	got := in.Cluster
	got.Kubernetes, got.Stamp, got.Facts, got.Contradictions, got.Guard = version.Version{}, nil, nil, nil, plan.Guard{}
	if diff := cmp.Diff(plan.Cluster{
		Name: "in-cluster", UID: uid, NetworkType: catalog.FlannelOverlay, PodCIDRs: []string{"10.244.0.0/16"}, Driver: plan.DriverHelm,
	}, got, cmpopts.IgnoreUnexported(version.Version{})); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wish.Desired, in.Desired); diff != "" {
		t.Errorf("desired (-want +got):\n%s", diff)
	}
	if in.Installed.Present || in.Record.Revisions != nil {
		t.Errorf("nothing is installed, and seen are %+v and %+v", in.Installed, in.Record)
	}
}

func (c *cluster) installed(t *testing.T) {
	c.install(t, "0.26.2")
	var in plan.Input
	testkube.Eventually(t, patience, func(context.Context) error {
		in = c.look(t)
		if truth := noderoll.Sum(in.Nodes, in.Installed.Newest); !in.Installed.Observed || truth.Total != 8 || !truth.Done() {
			return fmt.Errorf("observed %t, %+v", in.Installed.Observed, truth)
		}
		return nil
	})
	want := in.Installed // the newest revision is compared with those of the pods
	want.Present, want.Ours, want.Version, want.Digest, want.Observed, want.MaxUnavailable = true, true, "0.26.2", "render-0.26.2", true, 1
	want.Network = []string{"10.244.0.0/16"}
	if diff := cmp.Diff(want, in.Installed); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]plan.CNI{{
		Plugin: "flannel", NetworkType: catalog.FlannelOverlay, Workload: "kube-system/kube-flannel-ds", Ours: true, Owner: "Helm release kube-system/flannel",
	}}, in.Cluster.CNIs); diff != "" {
		t.Errorf("CNIs (-want +got):\n%s", diff)
	}
	for _, n := range in.Nodes {
		if n.Name == "custom-01" {
			if n.Exempt != noderoll.NotSelected || n.Pod != nil {
				t.Errorf("node %+v, pod %+v", n, n.Pod)
			}
			continue
		}
		p := n.Pod
		if p == nil || p.Revision != in.Installed.Newest || p.Version != "0.26.2" || p.Image != "docker.io/flannel/flannel:v0.26.2" ||
			!p.Available || p.Trouble != "" || p.UID == "" || p.Started.IsZero() {
			t.Errorf("%s: pod %+v", n.Name, p)
		}
	}
}

// install writes a shipped release as the engine does, with short readiness.
func (c *cluster) install(t *testing.T, v string) {
	t.Helper()
	r, ok := c.addOn.Find(version.MustParse(v))
	if !ok {
		t.Fatalf("no release %s", v)
	}
	r.Values = map[string]any{"minReadySeconds": 1}
	rendered, err := render.Release(charts.FS, c.addOn, r, render.Settings{Kubernetes: version.MustParse(c.Version())})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range rendered.Objects {
		if render.PhaseOf(o) == render.Workloads {
			a := o.GetAnnotations()
			a[kube.AnnotationDigest] = "render-" + v
			o.SetAnnotations(a)
		}
		if _, err := c.client.Apply(t.Context(), o, nil, false); err != nil {
			t.Fatalf("applying %s: %v", kube.Ref(o), err)
		}
	}
}

// exempt compares what we say of nodes with where the real DaemonSet controller places pods, for the shipped DaemonSet
// and for others that are choosier.
func (c *cluster) exempt(t *testing.T) {
	usual := []string{"cordoned-01", "node-01", "node-02", "shy-01"}
	only := func(key string, effect corev1.TaintEffect) []corev1.Toleration {
		return []corev1.Toleration{{Key: key, Operator: corev1.TolerationOpEqual, Value: "yes", Effect: effect}}
	}
	for name, x := range map[string]struct {
		change func(*corev1.PodSpec)
		// also are the nodes beside the usual ones.
		also []string
	}{
		"as-shipped":        {func(*corev1.PodSpec) {}, []string{"evicting-01", "gpu-01", "network-01", "offline-01"}},
		"tolerates-nothing": {func(p *corev1.PodSpec) { p.Tolerations = nil }, []string{"offline-01"}},
		"one-taint": {
			func(p *corev1.PodSpec) { p.Tolerations = only("network", corev1.TaintEffectNoSchedule) }, []string{"network-01", "offline-01"},
		},
		"another-effect": {
			func(p *corev1.PodSpec) { p.Tolerations = only("evicting", corev1.TaintEffectNoSchedule) }, []string{"offline-01"},
		},
		"needs-a-network": {
			func(p *corev1.PodSpec) {
				p.Tolerations, p.HostNetwork = only("evicting", corev1.TaintEffectNoExecute), false
			}, []string{"evicting-01"},
		},
		"no-affinity": {
			func(p *corev1.PodSpec) { p.Tolerations, p.Affinity = nil, nil }, []string{"custom-01", "offline-01"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.copyOf(t, name, x.change)
			want := slices.Sorted(slices.Values(append(slices.Clone(usual), x.also...)))
			if diff := cmp.Diff(want, c.placed(t, d)); diff != "" {
				t.Errorf("the controller placed pods elsewhere than the test thinks (-want +got):\n%s", diff)
			}
			var in plan.Input
			if err := c.observer(c.client).nodes(t.Context(), &in, d, c.addOn); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range in.Nodes {
				if n.Exempt == "" {
					got = append(got, n.Name)
				}
			}
			if diff := cmp.Diff(c.placed(t, d), got); diff != "" {
				t.Errorf("nodes that should run it (-controller +ours):\n%s", diff)
			}
		})
	}
}

// copyOf makes a DaemonSet like flannel's, with pods of its own.
func (c *cluster) copyOf(t *testing.T, name string, change func(*corev1.PodSpec)) *appsv1.DaemonSet {
	t.Helper()
	live, err := c.Client().AppsV1().DaemonSets(system).Get(t.Context(), c.addOn.Workload.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app": name}
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: system}, Spec: live.Spec}
	d.Spec.Selector, d.Spec.Template.Labels = &metav1.LabelSelector{MatchLabels: labels}, labels
	d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	change(&d.Spec.Template.Spec)
	d, err = c.Client().AppsV1().DaemonSets(system).Create(t.Context(), d, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// placed are the nodes on which the controller and the scheduler put pods, once the controller says that it is through.
func (c *cluster) placed(t *testing.T, d *appsv1.DaemonSet) []string {
	t.Helper()
	nodes := map[string]bool{}
	testkube.Eventually(t, patience, func(ctx context.Context) error {
		live, err := c.Client().AppsV1().DaemonSets(system).Get(ctx, d.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		pods, err := c.podsOf(ctx, d)
		if err != nil {
			return err
		}
		clear(nodes)
		for i := range pods {
			nodes[pods[i].Spec.NodeName] = true
		}
		s := live.Status
		if s.ObservedGeneration < live.Generation || s.DesiredNumberScheduled == 0 || int(s.DesiredNumberScheduled) != len(pods) ||
			s.NumberMisscheduled > 0 || nodes[""] || len(nodes) != len(pods) {
			return fmt.Errorf("status %+v, and %d pods on %v", s, len(pods), nodes)
		}
		return nil
	})
	return slices.Sorted(maps.Keys(nodes))
}

func (c *cluster) podsOf(ctx context.Context, d *appsv1.DaemonSet) ([]corev1.Pod, error) {
	list, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// newest asks the real controller which revision is the newest, by deleting a pod and looking at the one that replaces
// it, and compares that with what we say: after a change, a second one, and after changing the template back.
func (c *cluster) newest(t *testing.T) {
	d := c.copyOf(t, "changing", func(p *corev1.PodSpec) { p.Tolerations = nil })
	c.placed(t, d)
	first := c.newestOf(t, d)
	seen := map[string]string{first: "the first"}
	for _, x := range []struct{ image, want string }{{"a/b:v2", ""}, {"a/b:v3", ""}, {"a/b:v2", "a/b:v2"}, {d.Spec.Template.Spec.Containers[0].Image, "the first"}} {
		body := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","image":%q}]}}}}`, x.image)
		if _, err := c.Client().AppsV1().DaemonSets(system).Patch(t.Context(), d.Name, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		c.placed(t, d) // the controller has seen the change
		got := c.newestOf(t, d)
		if before := seen[got]; before != x.want {
			t.Errorf("%s: revision %s, which was that of %q; want that of %q", x.image, got, before, x.want)
		}
		if replaced := c.replacedBy(t, d); replaced != got {
			t.Errorf("%s: the newest revision is %s, and a new pod is of %s", x.image, got, replaced)
		}
		if seen[got] == "" {
			seen[got] = x.image
		}
	}
}

func (c *cluster) newestOf(t *testing.T, d *appsv1.DaemonSet) string {
	t.Helper()
	got, err := c.observer(c.client).newestRevision(t.Context(), d)
	if err != nil || got == "" {
		t.Fatalf("newest revision %q, %v", got, err)
	}
	return got
}

// replacedBy deletes a pod and tells the revision of the one that comes in its place.
func (c *cluster) replacedBy(t *testing.T, d *appsv1.DaemonSet) string {
	t.Helper()
	before, err := c.podsOf(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	known := map[types.UID]bool{}
	for i := range before {
		known[before[i].UID] = true
	}
	if err := c.Client().CoreV1().Pods(system).Delete(t.Context(), before[0].Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	revision := ""
	testkube.Eventually(t, patience, func(ctx context.Context) error {
		after, err := c.podsOf(ctx, d)
		if err != nil {
			return err
		}
		for i := range after {
			if !known[after[i].UID] {
				revision = after[i].Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
				return nil
			}
		}
		return errors.New("no pod has come in its place")
	})
	return revision
}

func (c *cluster) others(t *testing.T) {
	c.copyAs(t, metav1.NamespaceDefault, "overlay", "iad.ocir.io/oke/oke-public-flannel@"+digest)
	c.copyAs(t, system, "cilium", "quay.io/cilium/cilium:v1.18.2")
	c.copyAs(t, system, "kube-proxy", "registry.k8s.io/kube-proxy:v1.36.3")
	var got []string
	testkube.Eventually(t, patience, func(context.Context) error { // the list may be a moment old
		got = nil
		for _, x := range c.look(t).Cluster.CNIs {
			if !strings.HasPrefix(x.Owner, "Helm") && x.Ours {
				t.Errorf("%+v is taken for ours", x)
			}
			got = append(got, fmt.Sprintf("%s %s %s", x.Plugin, x.NetworkType, x.Workload))
		}
		slices.Sort(got)
		if !slices.Contains(got, "cilium  kube-system/cilium") || !slices.Contains(got, "flannel FLANNEL_OVERLAY default/overlay") {
			return fmt.Errorf("seen are %v", got)
		}
		return nil
	})
	if slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "kube-proxy") }) {
		t.Errorf("seen are %v", got)
	}
}

// beside looks at Calico: nothing of it, then ours, which wires pods and is no second CNI to anybody, then Typha.
func (c *cluster) beside(t *testing.T) {
	o := c.observer(c.client)
	o.AddOn = "Calico"
	look := func() plan.Input {
		t.Helper()
		in, err := o.Observe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	in := look()
	if in.Installed.Present || in.AddOn != "Calico" || in.Cluster.Facts[catalog.FactTypha][0] != "false" || in.Cluster.Facts[catalog.FactAdminNetworkPolicies][0] != "0" {
		t.Errorf("of nothing, seen are %+v and the facts %v", in.Installed, in.Cluster.Facts)
	}
	cni := c.look(t)
	want := plan.CNIAddOn{Installed: true, Version: cni.Installed.Version, Settled: cni.Record.Last().Status == plan.Deployed && cni.Record.Last().Digest == cni.Installed.Digest}
	if diff := cmp.Diff(&want, in.Cluster.CNI); diff != "" || cni.Cluster.CNI != nil {
		t.Errorf("the CNI beside Calico (-want +got):\n%s\nand beside itself %+v", diff, cni.Cluster.CNI)
	}
	c.copyAs(t, system, "calico-node", "quay.io/calico/cni:v3.30.3")
	foreign := func(in plan.Input) bool {
		return slices.ContainsFunc(in.Cluster.CNIs, func(x plan.CNI) bool { return x.Plugin == "calico" })
	}
	until := func(want bool) {
		t.Helper()
		testkube.Eventually(t, patience, func(context.Context) error {
			if a, b := foreign(look()), foreign(c.look(t)); a != want || b != want {
				return fmt.Errorf("it is seen as a second one by Calico: %t, by the CNI: %t", a, b)
			}
			return nil
		})
	}
	until(true)
	marks := `{"metadata":{"labels":{"addonctl.io/addon":"Calico"},"annotations":{"meta.helm.sh/release-name":"calico","meta.helm.sh/release-namespace":"kube-system"}}}`
	sets := c.Client().AppsV1().DaemonSets(system)
	if _, err := sets.Patch(t.Context(), "calico-node", types.MergePatchType, []byte(marks), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	until(false)
	if in := look(); !in.Installed.Present || !in.Installed.Ours {
		t.Errorf("ours is seen as %+v", in.Installed)
	}
	if err := sets.Delete(t.Context(), "calico-node", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"k8s-app": "calico-typha"}
	_, err := c.Client().AppsV1().Deployments(system).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "calico-typha"},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "typha"}}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f := look().Cluster.Facts[catalog.FactTypha]; !slices.Equal(f, []string{"true"}) {
		t.Errorf("with a Typha, the fact is %v", f)
	}
}

// copyAs makes a DaemonSet that selects no node.
func (c *cluster) copyAs(t *testing.T, namespace, name, image string) {
	t.Helper()
	labels := map[string]string{"app": "other-" + name}
	_, err := c.Client().AppsV1().DaemonSets(namespace).Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{NodeSelector: map[string]string{"no": "where"}, Containers: []corev1.Container{{Name: "c", Image: image}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// facts are those that nodes are annotated and labelled with, the families of the record, and the number of
// NetworkPolicies, for which one call is made that carries one of them.
func (c *cluster) facts(t *testing.T) {
	patch := func(name, body string) {
		t.Helper()
		if _, err := c.Client().CoreV1().Nodes().Patch(t.Context(), name, types.MergePatchType, []byte(body), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	patch("node-01", `{"metadata":{"annotations":{"facts.addonctl.io/brNetfilter":"loaded","facts.addonctl.io/iptables":"nft","facts.addonctl.io/realm":"OC1"}}}`)
	patch("node-02", `{"metadata":{"labels":{"oci.oraclecloud.com/node.info.byon":"true"}}}`)
	patch("gpu-01", `{"metadata":{"annotations":{"facts.addonctl.io/nodeKind":"Managed"},"labels":{"oci.oraclecloud.com/node.info.byon":"true"}}}`)
	if _, err := c.client.Dynamic.Resource(v1alpha1.ClusterNetworks).Patch(t.Context(), "in-cluster", types.MergePatchType,
		[]byte(`{"spec":{"ipFamilies":["IPv4","IPv6"]}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, namespace := range []string{metav1.NamespaceDefault, system, metav1.NamespaceDefault} {
		_, err := c.Client().NetworkingV1().NetworkPolicies(namespace).Create(t.Context(), &networkingv1.NetworkPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i)},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	var in plan.Input
	kindOf := func(name string) string {
		return in.Nodes[slices.IndexFunc(in.Nodes, func(n noderoll.Node) bool { return n.Name == name })].Kind
	}
	testkube.Eventually(t, patience, func(context.Context) error { // the nodes come out of a cache
		in = c.look(t)
		if kinds := []string{kindOf("node-01"), kindOf("node-02"), kindOf("gpu-01")}; !slices.Equal(kinds, []string{"Managed", "SelfManaged", ""}) {
			return fmt.Errorf("kinds %q", kinds)
		}
		return nil
	})
	for _, n := range in.Nodes {
		var want map[string]string
		if n.Name == "node-01" {
			want = map[string]string{"brNetfilter": "loaded", "iptables": "nft"}
		}
		if diff := cmp.Diff(want, n.Facts); diff != "" {
			t.Errorf("facts of %s (-want +got):\n%s", n.Name, diff)
		}
	}
	if diff := cmp.Diff(catalog.Facts{catalog.FactNetworkPolicies: {"3"}}, in.Cluster.Facts); diff != "" {
		t.Errorf("facts of the cluster (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"IPv4", "IPv6"}, in.Cluster.IPFamilies); diff != "" {
		t.Errorf("families (-want +got):\n%s", diff)
	}
	var want []string
	for _, n := range in.Nodes {
		want = append(want, "ipFamilies: the record says IPv4 and IPv6, "+n.Name+" has no pod CIDR of IPv6")
	}
	want = append(want, c.tooNew(), "nodeKind: gpu-01 is annotated Managed, and it is labelled as a self-managed node")
	if diff := cmp.Diff(want, in.Cluster.Contradictions); diff != "" {
		t.Errorf("contradictions (-want +got):\n%s", diff)
	}
}

// unknown looks as a user who may do what Rights lists and not what Optional does.
func (c *cluster) unknown(t *testing.T) {
	in, err := c.observer(c.userWith(t, "half-blind", Rights())).Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if g := in.Cluster.Guard; len(in.Cluster.Facts) > 0 || !in.Installed.Present || !g.Unknown || g.Unsupported || len(g.Wrong) > 0 {
		t.Errorf("facts %v, guard %+v, installed %+v", in.Cluster.Facts, g, in.Installed)
	}
}

// userWith is somebody who may do just that.
func (c *cluster) userWith(t *testing.T, name string, rights []kube.Right) *kube.Client {
	t.Helper()
	var rules []rbacv1.PolicyRule
	for _, r := range rights {
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{r.Group}, Resources: []string{r.Resource}, Verbs: []string{r.Verb}})
	}
	config, _ := c.User(t, name, rules...)
	k, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, patience, func(ctx context.Context) error { // rights reach the API server's authorizer a moment later
		missing, err := k.Missing(ctx, rights)
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("missing are %v", missing)
		}
		return err
	})
	return k
}

func (c *cluster) guardLifted(t *testing.T) {
	of := func(name string) catalog.AddOn {
		a, _ := c.observer(c.client).Catalog.AddOn(name)
		return a
	}
	lifted := func(k *kube.Client, name string) bool {
		t.Helper()
		got, err := c.observer(k).lifted(t.Context(), of(name))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const vcn = "OciVcnIpNative"
	if lifted(c.client, vcn) {
		t.Error("there is none, and it is lifted")
	}
	bindings := c.Client().AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	b, err := bindings.Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: kube.PodGuardBinding},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: kube.PodGuard, ValidationActions: []admissionv1.ValidationAction{admissionv1.Audit},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if lifted(c.client, vcn) {
		t.Error("that it only audits is its owner's will")
	}
	b.Annotations = map[string]string{kube.AnnotationActions: "Deny"}
	if _, err := bindings.Update(t.Context(), b, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if !lifted(c.client, vcn) || lifted(c.client, "Flannel") {
		t.Error("it is not seen as lifted, or is of an add-on that has none")
	}
	if lifted(c.userWith(t, "blind", Rights()), vcn) {
		t.Error("somebody who may not look sees it")
	}
	if err := bindings.Delete(t.Context(), b.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// rights looks as a user who may do what Rights lists and nothing else, and compares the list with the calls that the
// API server's audit log has of that look.
func (c *cluster) rights(t *testing.T) {
	all := append(Rights(), Optional()...)
	k := c.userWith(t, "onlooker", all)
	in, err := c.observer(k).Observe(t.Context())
	if err != nil {
		t.Fatalf("with all the rights that are listed: %v", err)
	}
	if !in.Installed.Present || len(in.Nodes) != 9 || in.Cluster.NetworkType == "" || in.Cluster.Stamp == nil {
		t.Errorf("it does not see what the administrator sees: %+v", in)
	}
	for _, name := range []string{"Calico", "OciVcnIpNative"} {
		other := c.observer(k)
		other.AddOn = name
		if _, err := other.Observe(t.Context()); err != nil {
			t.Fatalf("of %s, with all the rights that are listed: %v", name, err)
		}
	}
	used := map[string]bool{}
	counted := 0
	for _, call := range c.Calls(t, func(x testkube.Call) bool {
		return strings.HasSuffix(x.User.Username, ":onlooker") && x.Object.Resource != ""
	}) {
		if strings.HasPrefix(call.Object.Resource, "selfsubject") {
			continue // everybody may ask about themselves
		}
		r := kube.Right{Verb: call.Verb, Group: call.Object.APIGroup, Resource: call.Object.Resource, Namespace: call.Object.Namespace}
		if r.Resource == "namespaces" {
			r.Namespace = ""
		}
		if used[r.String()] = true; r.Resource == "networkpolicies" && strings.Contains(call.URI, "limit=1") {
			counted++
		}
	}
	if counted != 3 {
		t.Errorf("NetworkPolicies were counted by %d calls, want one in each look that asks for one of them", counted)
	}
	var listed []string
	for _, r := range all {
		listed = append(listed, r.String())
	}
	// Listed for the sake of what follows a look: an engine's comparison reads the release Secrets one by one.
	listed = slices.DeleteFunc(listed, func(r string) bool { return r == "get secrets in kube-system" })
	slices.Sort(listed)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(used)), listed); diff != "" {
		t.Errorf("rights (-used +listed):\n%s", diff)
	}
}

// unrecorded comes after all that needs the record.
func (c *cluster) unrecorded(t *testing.T) {
	before := c.look(t)
	if err := c.client.Dynamic.Resource(v1alpha1.ClusterNetworks).Delete(t.Context(), "in-cluster", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	after := c.look(t)
	if after.Cluster.NetworkType != "" || after.Cluster.Stamp == nil {
		t.Fatalf("cluster %+v", after.Cluster)
	}
	if diff := cmp.Diff(before.Installed, after.Installed); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Desired, after.Desired); diff != "" {
		t.Errorf("desired, the pin with it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Cluster.CNIs, after.Cluster.CNIs); diff != "" {
		t.Errorf("CNIs (-want +got):\n%s", diff)
	}
}

func (c *cluster) away(t *testing.T) {
	k, err := kube.New(&rest.Config{Host: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.observer(k).Observe(t.Context())
	if !kube.Unreachable(err) || !strings.Contains(err.Error(), "looking at cluster in-cluster") {
		t.Errorf("got %v", err)
	}
	if in.Catalog != nil || in.Nodes != nil {
		t.Errorf("seen is %+v", in)
	}
}
