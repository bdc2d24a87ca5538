package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const (
	soon   = time.Minute
	long   = 2 * time.Minute
	system = metav1.NamespaceSystem
)

// pickUp is a hub with a manager, and clusters that nobody has registered.
type pickUp struct {
	client.Client
	hub        *testkube.Cluster
	east, west *testkube.Cluster
	// version of Cluster API that this test writes.
	version string
}

// Clusters of Cluster API are picked up by what they say, and by nothing else. A real hub, two real clusters with nodes, and the manager.
func TestClustersOfClusterAPIArePickedUp(t *testing.T) {
	t.Parallel()
	p := &pickUp{hub: testkube.Start(t, testkube.Options{}), east: testkube.Start(t, testkube.Options{Nodes: 2}), west: testkube.Start(t, testkube.Options{Nodes: 1})}
	p.prepare(t)
	end := p.manage(t)
	p.hub.ServeClusterAPI(t, "v1beta1") // while the manager runs
	p.version = "v1beta1"
	p.waitsUntilItCanBeAsked(t)
	p.isPickedUp(t)
	p.hasOneName(t)
	p.isFollowed(t)
	p.hub.ServeClusterAPI(t, "v1beta1", "v1beta2")
	p.version = "v1beta2"
	p.leavesOthersRecordsAlone(t)
	p.refusesWhatContradicts(t)
	p.forgetsWhatIsGone(t)
	p.isAnotherOneWhenMadeAnew(t, end)
	p.staysWhenNothingIsServed(t)
}

// prepare makes the hub one.
func (p *pickUp) prepare(t *testing.T) {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	k, err := kube.New(p.hub.Config())
	if err == nil {
		err = hub.New(k).Install(t.Context())
	}
	scheme := runtime.NewScheme()
	err = errors.Join(err, v1alpha1.AddToScheme(scheme), clientgoscheme.AddToScheme(scheme))
	if err != nil {
		t.Fatal(err)
	}
	if p.Client, err = client.New(p.hub.Config(), client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"addonctl-system", "team", "other"} {
		p.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
}

// asManager makes this program the manager, which looks for Cluster API more often than the real one.
const asManager = "ADDONCTL_TEST_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := (&options{discover: 200 * time.Millisecond}).main(ctx, os.Args[1:], os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// manage runs a manager until end is called, or the test ends.
func (p *pickUp) manage(t *testing.T) (end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "--hub-kubeconfig", p.hub.KubeconfigPath(), "--leader-election=false", "--health-address", "0", "--resync", "2s") //nolint:noctx // it is ended
	var said bytes.Buffer
	cmd.Env, cmd.Stderr = append(os.Environ(), asManager+"=1"), &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	})
	t.Cleanup(func() {
		end()
		if t.Failed() {
			t.Logf("the manager said:\n%s", said.String()[max(0, said.Len()-8000):])
		}
	})
	return end
}

func (p *pickUp) create(t *testing.T, o client.Object) {
	t.Helper()
	if err := p.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// cluster makes a Cluster with annotations of ours, by their names without the domain, and the flannel that a test wants.
func (p *pickUp) cluster(t *testing.T, namespace, name string, annotations map[string]string) *unstructured.Unstructured {
	t.Helper()
	c := p.named(namespace, name)
	notes := map[string]string{}
	for key, value := range annotations {
		notes["addonctl.io/"+key] = value
	}
	c.SetAnnotations(notes)
	c.SetLabels(map[string]string{
		"env": "prod", "cluster.x-k8s.io/cluster-name": name, "topology.cluster.x-k8s.io/owned": "", "app.kubernetes.io/instance": "fleet",
	})
	c.Object["spec"] = map[string]any{"clusterNetwork": map[string]any{"pods": map[string]any{"cidrBlocks": []any{"10.244.0.0/16"}}}}
	p.create(t, c)
	return c
}

func (p *pickUp) named(namespace, name string) *unstructured.Unstructured {
	c := &unstructured.Unstructured{}
	c.SetAPIVersion("cluster.x-k8s.io/" + p.version)
	c.SetKind("Cluster")
	c.SetNamespace(namespace)
	c.SetName(name)
	return c
}

// change changes the Cluster east of a namespace as it is now.
func (p *pickUp) change(t *testing.T, namespace string, change func(*unstructured.Unstructured)) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		c := p.named(namespace, "east")
		if err := p.Get(ctx, client.ObjectKeyFromObject(c), c); err != nil {
			return err
		}
		change(c)
		return p.Update(ctx, c)
	})
}

// initialized tells of a Cluster that its control plane takes requests.
func (p *pickUp) initialized(t *testing.T, namespace, name string) {
	t.Helper()
	c := p.named(namespace, name)
	if err := p.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
		t.Fatal(err)
	}
	c.Object["status"] = map[string]any{"initialization": map[string]any{"controlPlaneInitialized": true}}
	if p.version == "v1beta1" { // no node is Ready, because there is no CNI: so says the kubeadm provider
		c.Object["status"] = map[string]any{
			"controlPlaneReady": false, "conditions": []any{map[string]any{"type": "ControlPlaneInitialized", "status": "True"}},
		}
	}
	if err := p.Status().Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// kubeconfig brings the Secret as Cluster API writes it.
func (p *pickUp) kubeconfig(t *testing.T, namespace, name string, target *testkube.Cluster) {
	t.Helper()
	data, err := os.ReadFile(target.KubeconfigPath())
	if err != nil {
		t.Fatal(err)
	}
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name + "-kubeconfig"}, Data: map[string][]byte{"value": data}}
	if err := p.Delete(t.Context(), s.DeepCopy()); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	p.create(t, s)
}

// told waits for an Event about an object that has all the texts.
func (p *pickUp) told(t *testing.T, about client.Object, reason string, texts ...string) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		var list eventsv1.EventList
		if err := p.List(ctx, &list); err != nil {
			return err
		}
		var said []string
		for _, e := range list.Items {
			if e.Regarding.UID != about.GetUID() {
				continue
			}
			said = append(said, e.Reason+": "+e.Note)
			if e.Reason == reason && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(e.Note, text) }) {
				return nil
			}
		}
		return fmt.Errorf("want %s with %q about %s, there are:\n%s", reason, texts, about.GetName(), strings.Join(said, "\n"))
	})
}

func (p *pickUp) network(t *testing.T, name string) *v1alpha1.ClusterNetwork {
	t.Helper()
	n := &v1alpha1.ClusterNetwork{}
	if err := p.Get(t.Context(), client.ObjectKey{Name: name}, n); err != nil {
		t.Fatal(err)
	}
	return n
}

// alter changes the record of east as somebody would.
func (p *pickUp) alter(t *testing.T, change func(*v1alpha1.ClusterNetwork)) *v1alpha1.ClusterNetwork {
	t.Helper()
	n := &v1alpha1.ClusterNetwork{}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		if err := p.Get(ctx, client.ObjectKey{Name: "east"}, n); err != nil {
			return err
		}
		change(n)
		return p.Update(ctx, n)
	})
	return n
}

// recorded waits for the record of a Cluster.
func (p *pickUp) recorded(t *testing.T, name string, c client.Object) *v1alpha1.ClusterNetwork {
	t.Helper()
	n := &v1alpha1.ClusterNetwork{}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		if err := p.Get(ctx, client.ObjectKey{Name: name}, n); err != nil {
			return err
		}
		if uid := n.Annotations[v1alpha1.AnnotationClusterAPIUID]; uid != string(c.GetUID()) {
			return fmt.Errorf("%s is of the Cluster with UID %q, want %q", name, uid, c.GetUID())
		}
		return nil
	})
	return n
}

// nothing is recorded under these names, also after a while, and no target has a stamp.
func (p *pickUp) nothing(t *testing.T, target *testkube.Cluster, names ...string) {
	t.Helper()
	time.Sleep(time.Second)
	for _, name := range names {
		n, a := &v1alpha1.ClusterNetwork{}, &v1alpha1.Addon{}
		if err := p.Get(t.Context(), client.ObjectKey{Name: name}, n); !apierrors.IsNotFound(err) {
			t.Errorf("ClusterNetwork %s: %v, %+v", name, err, n)
		}
		for _, addOn := range []string{"Flannel", "OciVcnIpNative"} {
			if err := p.Get(t.Context(), client.ObjectKey{Name: hub.AddonName(name, addOn)}, a); !apierrors.IsNotFound(err) {
				t.Errorf("Addon of %s: %v, %+v", name, err, a)
			}
		}
	}
	if target == nil {
		return
	}
	if _, err := target.Client().CoreV1().ConfigMaps(system).Get(t.Context(), hub.StampName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the target has a stamp: %v", err)
	}
}

func flannel(t *testing.T, target *testkube.Cluster) *appsv1.DaemonSet {
	t.Helper()
	d, err := target.Client().AppsV1().DaemonSets(system).Get(t.Context(), "kube-flannel-ds", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A Cluster without the annotation is never looked at. One with it waits while it is paused, until its control plane takes requests, and until
// there is a kubeconfig. It would catch a manager that begins before somebody may be asked, or on a cluster that is paused.
func (p *pickUp) waitsUntilItCanBeAsked(t *testing.T) {
	t.Helper()
	plain := p.cluster(t, "team", "plain", nil)
	p.initialized(t, "team", "plain")
	p.kubeconfig(t, "team", "plain", p.east)
	wrong := p.cluster(t, "team", "wrong", map[string]string{"network-type": "cilium"})
	p.told(t, wrong, "BadAnnotation", "addonctl.io/network-type", "cilium", "FLANNEL_OVERLAY")
	c := p.cluster(t, "team", "east", map[string]string{"network-type": "flannel"})
	p.told(t, c, "PickUpWaits", "its control plane is not initialized yet")
	p.change(t, "team", func(c *unstructured.Unstructured) { _ = unstructured.SetNestedField(c.Object, true, "spec", "paused") })
	p.told(t, c, "PickUpWaits", "its spec.paused is true")
	p.initialized(t, "team", "east")
	p.nothing(t, p.east, "east", "plain", "wrong")
	p.change(t, "team", func(c *unstructured.Unstructured) { _ = unstructured.SetNestedField(c.Object, false, "spec", "paused") })
	p.told(t, c, "PickUpWaits", "Secret team/east-kubeconfig with its kubeconfig is not there yet")
	p.nothing(t, p.east, "east")
	for _, o := range []*unstructured.Unstructured{plain, wrong} {
		if err := p.Delete(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

// isPickedUp : it is recorded with its addresses and labels, and its stamp, and its CNI is installed.
func (p *pickUp) isPickedUp(t *testing.T) {
	t.Helper()
	p.kubeconfig(t, "team", "east", p.east)
	c := p.named("team", "east")
	if err := p.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
		t.Fatal(err)
	}
	n := p.recorded(t, "east", c)
	want := v1alpha1.SecretReference{Namespace: "team", Name: "east-kubeconfig"}
	if s := n.Spec; s.NetworkType != v1alpha1.FlannelOverlay || !slices.Equal(s.PodCIDRs, []string{"10.244.0.0/16"}) || s.Connection == nil || s.Connection.KubeconfigSecret != want || s.Paused {
		t.Errorf("recorded: %+v", s)
	}
	if !maps.Equal(n.Labels, map[string]string{"env": "prod"}) {
		t.Errorf("labels: %v", n.Labels)
	}
	p.told(t, c, "PickedUp", "ClusterNetwork east")
	p.runs(t, "east")
	stamp, err := p.east.Client().CoreV1().ConfigMaps(system).Get(t.Context(), hub.StampName, metav1.GetOptions{})
	if err != nil || stamp.Data["networkType"] != "FLANNEL_OVERLAY" || stamp.Data["cluster"] != "east" {
		t.Errorf("the stamp: %v, %v", stamp.Data, err)
	}
	if image := flannel(t, p.east).Spec.Template.Spec.Containers[0].Image; !strings.Contains(image, "flannel") {
		t.Errorf("it runs %s", image)
	}
}

// runs waits until the record of a cluster's flannel says that it runs, automatic.
func (p *pickUp) runs(t *testing.T, name string) *v1alpha1.Addon {
	t.Helper()
	a := &v1alpha1.Addon{}
	testkube.Eventually(t, long, func(ctx context.Context) error {
		if err := p.Get(ctx, client.ObjectKey{Name: hub.AddonName(name, "Flannel")}, a); err != nil {
			return err
		}
		if s := a.Status; s.CurrentInstalledVersion == "" || s.LifecycleState != v1alpha1.StateActive || s.TargetVersion != "" {
			return fmt.Errorf("%s runs %q, %s: %v", name, s.CurrentInstalledVersion, s.LifecycleState, s.Conditions)
		}
		return nil
	})
	return a
}

// hasOneName : the name of another Cluster is not taken, and the same cluster is not recorded under a second one. It would catch a way around a pin.
func (p *pickUp) hasOneName(t *testing.T) {
	t.Helper()
	c := p.cluster(t, "other", "east", map[string]string{"network-type": "flannel"})
	p.initialized(t, "other", "east")
	p.kubeconfig(t, "other", "east", p.east)
	p.told(t, c, "NameTaken", "ClusterNetwork east is that of Cluster team/east", "addonctl.io/cluster-name")
	p.change(t, "other", func(c *unstructured.Unstructured) {
		c.SetAnnotations(map[string]string{v1alpha1.AnnotationNetworkType: "flannel", v1alpha1.AnnotationClusterName: "twin"})
	})
	p.told(t, c, "OtherRecord", "registered as east, not as twin")
	p.nothing(t, nil, "twin")
	if err := p.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	if n := p.network(t, "east"); n.Annotations[v1alpha1.AnnotationClusterAPI] != "team/east" || n.Spec.Paused {
		t.Errorf("the record of the first one: %+v", n)
	}
}

// isFollowed : labels and a pause go along, and what somebody wrote into the record stays. Its network type is for life.
func (p *pickUp) isFollowed(t *testing.T) {
	t.Helper()
	n := p.alter(t, func(n *v1alpha1.ClusterNetwork) { n.Labels["mine"] = "yes" })
	says := func(what string, check func(*v1alpha1.ClusterNetwork) bool) {
		t.Helper()
		testkube.Eventually(t, soon, func(context.Context) error {
			if n := p.network(t, "east"); !check(n) {
				return fmt.Errorf("%s: %v, %v, paused %t", what, n.Labels, n.Annotations, n.Spec.Paused)
			}
			return nil
		})
	}
	p.change(t, "team", func(c *unstructured.Unstructured) { c.SetLabels(map[string]string{"region": "eu"}) })
	says("labels follow, and one of somebody's stays", func(n *v1alpha1.ClusterNetwork) bool {
		return maps.Equal(n.Labels, map[string]string{"region": "eu", "mine": "yes"})
	})
	note := func(key, value string) func(*unstructured.Unstructured) {
		return func(c *unstructured.Unstructured) {
			notes := c.GetAnnotations()
			if delete(notes, key); value != "" {
				notes[key] = value
			}
			c.SetAnnotations(notes)
		}
	}
	const paused = "cluster.x-k8s.io/paused"
	p.change(t, "team", note(paused, "true"))
	says("a pause follows", func(n *v1alpha1.ClusterNetwork) bool { return n.Spec.Paused })
	p.told(t, n, "Paused", "cluster.x-k8s.io/paused")
	p.change(t, "team", note(paused, ""))
	says("it goes on", func(n *v1alpha1.ClusterNetwork) bool { return !n.Spec.Paused })
	p.told(t, n, "Resumed")
	p.alter(t, func(n *v1alpha1.ClusterNetwork) { n.Spec.Paused = true })
	p.change(t, "team", note(paused, "true"))
	p.change(t, "team", note(paused, ""))
	p.change(t, "team", note(v1alpha1.AnnotationNetworkType, "npn"))
	c := p.named("team", "east")
	if err := p.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
		t.Fatal(err)
	}
	p.told(t, c, "NetworkTypeImmutable", "FLANNEL_OVERLAY for life", "OCI_VCN_IP_NATIVE")
	if n = p.network(t, "east"); !n.Spec.Paused || n.Spec.NetworkType != v1alpha1.FlannelOverlay {
		t.Errorf("what somebody paused goes on, or its type has changed: %+v", n.Spec)
	}
	p.alter(t, func(n *v1alpha1.ClusterNetwork) { n.Spec.Paused = false })
	p.change(t, "team", note(v1alpha1.AnnotationNetworkType, "flannel"))
}

// leavesOthersRecordsAlone : what somebody registered by hand stays as it is, also Addons alone.
func (p *pickUp) leavesOthersRecordsAlone(t *testing.T) {
	t.Helper()
	hand := &v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: "west"}, Spec: v1alpha1.ClusterNetworkSpec{
		NetworkType: v1alpha1.FlannelOverlay, Paused: true,
		Connection: &v1alpha1.Connection{KubeconfigSecret: v1alpha1.SecretReference{Namespace: "addonctl-system", Name: "west-kubeconfig"}},
	}}
	p.create(t, hand)
	c := p.cluster(t, "team", "west", map[string]string{"network-type": "native"})
	p.kubeconfig(t, "team", "west", p.west)
	p.initialized(t, "team", "west")
	p.told(t, c, "RegisteredByHand", "ClusterNetwork west", "addonctl cluster unregister west")
	if n := p.network(t, "west"); n.Generation != hand.Generation || len(n.Annotations) > 0 || len(n.Labels) > 0 {
		t.Errorf("somebody's record was changed: %+v", n)
	}
	addOn := &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: "west.flannel"}, Spec: v1alpha1.AddonSpec{Cluster: "west", Addon: "Flannel", Version: "0.26.2"}}
	p.create(t, addOn)
	if err := p.Delete(t.Context(), hand); err != nil {
		t.Fatal(err)
	}
	p.told(t, c, "RegisteredByHand", "Addons of a cluster west")
}

// refusesWhatContradicts : west is to be VCN-native. What runs there, and then its stamp, say otherwise. It would catch a manager that writes before
// it looks.
func (p *pickUp) refusesWhatContradicts(t *testing.T) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: "kube-flannel-ds", Namespace: system, Labels: map[string]string{"app": "flannel"}}
	foreign := &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{
		Selector: &metav1.LabelSelector{MatchLabels: meta.Labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels}, Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "kube-flannel", Image: "docker.io/flannel/flannel:v0.26.2"}},
		}},
	}}
	sets := p.west.Client().AppsV1().DaemonSets(system)
	if _, err := sets.Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c := p.named("team", "west")
	if err := p.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
		t.Fatal(err)
	}
	p.told(t, c, "NetworkTypeUnproven", "flannel runs as kube-system/kube-flannel-ds") // from here on no look is on its way that began before it ran
	if err := p.Delete(t.Context(), &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: "west.flannel"}}); err != nil {
		t.Fatal(err)
	}
	p.nothing(t, p.west, "west")
	target, err := kube.New(p.west.Config())
	if err != nil {
		t.Fatal(err)
	}
	ns, err := p.west.Client().CoreV1().Namespaces().Get(t.Context(), system, metav1.GetOptions{})
	if err == nil {
		err = hub.WriteStamp(t.Context(), target, hub.Stamp{NetworkType: v1alpha1.FlannelOverlay, UID: string(ns.UID), Cluster: "west"})
	}
	if err == nil {
		err = sets.Delete(t.Context(), meta.Name, metav1.DeleteOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	p.told(t, c, "NetworkTypeUnproven", "is FLANNEL_OVERLAY (stamped on the cluster) and cannot become OCI_VCN_IP_NATIVE")
	p.nothing(t, nil, "west")
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		if err := p.Get(ctx, client.ObjectKeyFromObject(c), c); err != nil {
			return err
		}
		c.SetAnnotations(map[string]string{v1alpha1.AnnotationNetworkType: "cilium"})
		return p.Update(ctx, c)
	})
	p.told(t, c, "BadAnnotation") // no look at the cluster is on its way that would find the stamp gone
	if err := p.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := p.west.Client().CoreV1().ConfigMaps(system).Delete(t.Context(), hub.StampName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// gone waits until nothing is recorded of a cluster.
func (p *pickUp) gone(t *testing.T, name string) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		for _, o := range []client.Object{
			&v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}}, &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: name + ".flannel"}},
		} {
			if err := p.Get(ctx, client.ObjectKeyFromObject(o), o); !apierrors.IsNotFound(err) {
				return fmt.Errorf("%T %s is there: %w", o, o.GetName(), err)
			}
		}
		return nil
	})
}

// forgetsWhatIsGone : a Cluster that goes away is left alone, and when it is gone nothing is recorded of it any more. Its CNI and its stamp are where
// they were. It would catch a manager that takes a CNI down with a record.
func (p *pickUp) forgetsWhatIsGone(t *testing.T) {
	t.Helper()
	n, before := p.network(t, "east"), flannel(t, p.east)
	const ours = "example.com/test"
	p.change(t, "team", func(c *unstructured.Unstructured) { c.SetFinalizers([]string{ours}) })
	if err := p.Delete(t.Context(), p.named("team", "east")); err != nil {
		t.Fatal(err)
	}
	p.told(t, n, "Paused", "it is being deleted")
	if !p.network(t, "east").Spec.Paused {
		t.Error("its record is not paused")
	}
	p.change(t, "team", func(c *unstructured.Unstructured) { c.SetFinalizers(nil) })
	p.gone(t, "east")
	p.told(t, n, "Unregistered", "Cluster team/east is gone", "was not touched")
	p.stillRuns(t, before)
}

// stillRuns looks whether nobody touched east's CNI.
func (p *pickUp) stillRuns(t *testing.T, before *appsv1.DaemonSet) {
	t.Helper()
	if now := flannel(t, p.east); now.UID != before.UID || now.Generation != before.Generation || now.DeletionTimestamp != nil || now.Status.NumberReady != 2 {
		t.Errorf("its CNI: generation %d, was %d; %+v", now.Generation, before.Generation, now.Status)
	}
	if _, err := p.east.Client().CoreV1().ConfigMaps(system).Get(t.Context(), hub.StampName, metav1.GetOptions{}); err != nil {
		t.Errorf("its stamp: %v", err)
	}
}

// isAnotherOneWhenMadeAnew : a Cluster of the same name with another UID is another cluster. While nobody looks it takes the place of one that is
// recorded and pinned, and gets records of its own: its pin is not the other's. It would catch a manager that knows Clusters by their names.
func (p *pickUp) isAnotherOneWhenMadeAnew(t *testing.T, end func()) {
	t.Helper()
	before := flannel(t, p.east)
	_, v, _ := strings.Cut(before.Spec.Template.Spec.Containers[0].Image, ":v")
	old := p.cluster(t, "team", "east", map[string]string{"network-type": "FLANNEL_OVERLAY", "version": v})
	p.initialized(t, "team", "east")
	first := p.recorded(t, "east", old)
	a := &v1alpha1.Addon{}
	if err := p.Get(t.Context(), client.ObjectKey{Name: "east.flannel"}, a); err != nil {
		t.Fatal(err)
	}
	if a.Spec.Version != v || a.Spec.Pin == nil || !strings.Contains(a.Spec.Pin.Reason, "addonctl.io/version of Cluster team/east") {
		t.Errorf("it is not pinned by its annotation: %+v", a.Spec)
	}
	end()
	if err := p.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	other := p.cluster(t, "team", "east", map[string]string{"network-type": "flannel"})
	p.initialized(t, "team", "east")
	p.kubeconfig(t, "team", "east", p.west)
	p.manage(t)
	if n := p.recorded(t, "east", other); n.UID == first.UID {
		t.Errorf("the record of the first one was taken for it: %+v", n)
	}
	p.told(t, first, "Unregistered", "Cluster team/east is gone")
	if a = p.runs(t, "east"); a.Spec.Version != "" || a.Spec.Pin != nil {
		t.Errorf("it has the pin of the first one: %+v", a.Spec)
	}
	flannel(t, p.west)
	p.stillRuns(t, before)
}

// staysWhenNothingIsServed : where Cluster API goes away as a whole, what it said of clusters is not known any more, and nothing is taken away.
func (p *pickUp) staysWhenNothingIsServed(t *testing.T) {
	t.Helper()
	p.hub.ServeClusterAPI(t)
	time.Sleep(2 * time.Second)
	n := p.alter(t, func(n *v1alpha1.ClusterNetwork) { n.Labels["mine"] = "yes" })
	time.Sleep(time.Second)
	p.hub.ServeClusterAPI(t, "v1beta1", "v1beta2")
	p.change(t, "team", func(c *unstructured.Unstructured) { c.SetLabels(map[string]string{"env": "back"}) })
	testkube.Eventually(t, soon, func(context.Context) error {
		if now := p.network(t, "east"); now.UID != n.UID || now.Labels["env"] != "back" {
			return fmt.Errorf("labels %v", now.Labels)
		}
		return nil
	})
}
