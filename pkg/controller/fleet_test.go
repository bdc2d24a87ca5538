package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/status"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// hubUnderTest is a hub on a real API server. There are no clusters behind its records: the test plays them, and writes the specs and statuses
// of Addons as the controller that drives a cluster would.
type hubUnderTest struct {
	client.Client
	server *testkube.Cluster
	config *rest.Config
	scheme *runtime.Scheme
}

func startHub(t *testing.T) *hubUnderTest {
	t.Helper()
	k := testkube.Start(t, testkube.Options{})
	records, err := kube.New(k.Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.New(records).Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctrl.SetLogger(logr.Discard())
	h := &hubUnderTest{server: k, config: k.Config(), scheme: runtime.NewScheme()}
	must(t, clientgoscheme.AddToScheme(h.scheme))
	must(t, v1alpha1.AddToScheme(h.scheme))
	h.Client, err = client.New(h.config, client.Options{Scheme: h.scheme})
	must(t, err)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clear empties the hub.
func (h *hubUnderTest) clear(t *testing.T) {
	t.Helper()
	for _, o := range []client.Object{
		&v1alpha1.UpdatePolicy{}, &v1alpha1.AddonRollout{}, &v1alpha1.Addon{}, &v1alpha1.ClusterNetwork{}, &v1alpha1.AddonCatalog{},
	} {
		must(t, h.DeleteAllOf(t.Context(), o))
	}
}

// catalogs are those of a hub that was asked for its own, and has none.
func catalogs(t *testing.T) *Catalogs {
	t.Helper()
	c, err := NewCatalogs(addons.FS)
	must(t, err)
	_, _, _, err = c.follow(t.Context(), v1alpha1.AddonCatalogSpec{BuiltIn: true}, v1alpha1.AddonCatalogStatus{}, time.Now())
	must(t, err)
	return c
}

// manage runs the controllers until the test ends.
func (h *hubUnderTest) manage(t *testing.T) {
	t.Helper()
	t.Cleanup(h.replica(t, h.config))
}

// replica runs the controllers with a connection of their own until end is called.
func (h *hubUnderTest) replica(t *testing.T, connection *rest.Config) (end func()) {
	t.Helper()
	m, err := ctrl.NewManager(connection, ctrl.Options{
		Scheme: h.scheme, Metrics: server.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: new(true)}, Logger: logr.Discard(),
	})
	must(t, err)
	c, err := NewCatalogs(addons.FS) // nobody was asked yet
	must(t, err)
	must(t, AddFleet(m, FleetOptions{DefaultPolicy: true, Catalogs: c}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended: %v", err)
		}
	}
}

// player plays clusters.
type player struct {
	*hubUnderTest
	mu sync.Mutex
	// newest release that fits everywhere.
	newest string
	// bad clusters fail each move forwards and put themselves back; stuck ones never end a move.
	bad, stuck map[string]bool
	// half clusters write the template of a move forwards, change one node, and stand there; recalled is what clusters leave when they can.
	half     map[string]bool
	recalled string
	// most clusters that were under way at once, and the order in which moves were made.
	most int
	made []string
}

// play plays clusters until the test ends. They begin with the older release, and the newer one comes when release says so.
func (h *hubUnderTest) play(t *testing.T) *player {
	t.Helper()
	p := &player{hubUnderTest: h, newest: older, bad: map[string]bool{}, stuck: map[string]bool{}, half: map[string]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		for ctx.Err() == nil {
			p.round(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { cancel(); wait.Wait() })
	return p
}

// set changes how clusters are played.
func (p *player) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// round plays each cluster once. A write that somebody else was faster with is tried again in the next round.
func (p *player) round(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var networks v1alpha1.ClusterNetworkList
	var list v1alpha1.AddonList
	if p.List(ctx, &networks) != nil || p.List(ctx, &list) != nil {
		return
	}
	reach := map[string]bool{}
	for i := range networks.Items {
		reach[networks.Items[i].Name] = status.Reachable(&networks.Items[i])
	}
	moving := 0
	for i := range list.Items {
		a := &list.Items[i]
		if a.Spec.MoveTo != "" && (a.Spec.Rollout == nil || a.Spec.Rollout.Hold == "") {
			moving++
		}
		if reach[a.Spec.Cluster] && a.Status.CurrentInstalledVersion != "" { // it has been registered whole
			p.one(ctx, a)
		}
	}
	p.most = max(p.most, moving)
}

// one plays a cluster: a move takes one round, a way back too.
func (p *player) one(ctx context.Context, a *v1alpha1.Addon) {
	was := a.DeepCopy()
	name, to := a.Spec.Cluster, a.Spec.MoveTo
	held := a.Spec.Rollout != nil && a.Spec.Rollout.Hold != ""
	s := &a.Status
	switch {
	case to == "" || held || p.stuck[name]:
	case a.Spec.Rollback != nil:
		if v := a.Spec.Rollback.Leaves; v != "" && status.Held(a, v) == nil {
			s.Held = append(s.Held, v1alpha1.HeldRelease{Version: v, Reason: a.Spec.Rollback.Reason})
		}
		s.CurrentInstalledVersion = to
		a.Spec.MoveTo, a.Spec.Rollback = "", nil
	case p.half[name] && status.NewerVersion(to, older):
		s.CurrentInstalledVersion = to
	case p.bad[name] && status.NewerVersion(to, s.CurrentInstalledVersion):
		s.Held = append(s.Held, v1alpha1.HeldRelease{Version: to, Reason: "pods lost DNS"})
		a.Spec.MoveTo = ""
	default:
		s.CurrentInstalledVersion = to
		a.Spec.MoveTo = ""
	}
	if a.Spec.MoveTo != to {
		next := a.DeepCopy()
		if p.Update(ctx, next) != nil {
			return
		}
		p.made = append(p.made, name+" "+s.CurrentInstalledVersion)
		next.Status = a.Status
		a = next
	}
	tell(a, p.newest)
	if status.SameVersion(s.CurrentInstalledVersion, p.recalled) {
		s.NewestFit = p.newest
	}
	if p.half[name] && a.Spec.MoveTo != "" && status.SameVersion(a.Spec.MoveTo, s.CurrentInstalledVersion) {
		s.NodeVersions = []v1alpha1.NodeVersion{{Version: older, Nodes: 2}, {Version: s.CurrentInstalledVersion, Nodes: 1}}
	}
	if fmt.Sprint(was.Status) != fmt.Sprint(a.Status) {
		_ = p.Status().Update(ctx, a)
	}
}

// tell writes into a status what follows from the rest of it.
func tell(a *v1alpha1.Addon, newest string) {
	s := &a.Status
	s.ObservedGeneration, s.NewestFit = a.Generation, newest
	if status.Held(a, newest) != nil || status.NewerVersion(s.CurrentInstalledVersion, newest) {
		s.NewestFit = s.CurrentInstalledVersion
	}
	s.NodeVersions = []v1alpha1.NodeVersion{{Version: s.CurrentInstalledVersion, Nodes: 3}}
	if len(s.History) == 0 || s.History[0].Version != s.CurrentInstalledVersion {
		s.History = slices.Insert(s.History, 0, v1alpha1.HistoryEntry{Revision: int32(len(s.History) + 1), Version: s.CurrentInstalledVersion, Status: "deployed"})
	}
	for i := range s.History[1:] {
		s.History[i+1].Status = "superseded"
	}
	s.History = s.History[:min(len(s.History), 10)]
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAllNodesReady})
}

// register puts clusters into the hub, written as "name label=value,...": each runs the older release.
func (h *hubUnderTest) register(t *testing.T, clusters ...string) {
	t.Helper()
	for _, text := range clusters {
		name, of, _ := strings.Cut(text, " ")
		set, err := labels.ConvertSelectorToLabelsMap(of)
		must(t, err)
		n := &v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: set}, Spec: v1alpha1.ClusterNetworkSpec{NetworkType: v1alpha1.FlannelOverlay}}
		must(t, h.Create(t.Context(), n))
		h.reach(t, name, true)
		a := &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: name + ".flannel"}, Spec: v1alpha1.AddonSpec{Cluster: name, Addon: "Flannel"}}
		must(t, h.Create(t.Context(), a))
		observe(t, h, a, a.Name, func(a *v1alpha1.Addon) {
			a.Status.CurrentInstalledVersion = older
			tell(a, older)
		})
	}
}

// reach says whether a cluster can be reached.
func (h *hubUnderTest) reach(t *testing.T, name string, ok bool) {
	t.Helper()
	c := metav1.Condition{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUnreachable}
	if ok {
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonReachable
	}
	observe(t, h, &v1alpha1.ClusterNetwork{}, name, func(n *v1alpha1.ClusterNetwork) { meta.SetStatusCondition(&n.Status.Conditions, c) })
}

// change changes an object's spec as somebody with kubectl would, however often others write it.
func change[T client.Object](t *testing.T, h *hubUnderTest, o T, name string, how func(T)) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if err := h.Get(ctx, client.ObjectKey{Name: name}, o); err != nil {
			return err
		}
		how(o)
		return h.Update(ctx, o)
	})
}

// observe changes an object's status as whoever looks at its cluster would, however often others write it.
func observe[T client.Object](t *testing.T, h *hubUnderTest, o T, name string, how func(T)) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if err := h.Get(ctx, client.ObjectKey{Name: name}, o); err != nil {
			return err
		}
		how(o)
		return h.Status().Update(ctx, o)
	})
}

// addon is the Addon of a cluster.
func (h *hubUnderTest) addon(t *testing.T, cluster string) *v1alpha1.Addon {
	t.Helper()
	var a v1alpha1.Addon
	must(t, h.Get(t.Context(), client.ObjectKey{Name: cluster + ".flannel"}, &a))
	return &a
}

// policyOf makes a policy without soak, so that tests need not wait.
func (h *hubUnderTest) policyOf(t *testing.T, name string, how func(*v1alpha1.UpdatePolicySpec)) {
	t.Helper()
	p := &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	p.Spec.Soak = &metav1.Duration{}
	how(&p.Spec)
	must(t, h.Create(t.Context(), p))
}

// order gives the rollout of policy prod an order.
func (h *hubUnderTest) order(t *testing.T, verb string, how ...func(*v1alpha1.Order)) {
	t.Helper()
	change(t, h, &v1alpha1.AddonRollout{}, prod, func(x *v1alpha1.AddonRollout) {
		o := v1alpha1.Order{Number: int32(len(x.Spec.Orders) + 1), Verb: verb, By: "test"}
		for _, f := range how {
			f(&o)
		}
		x.Spec.Orders = append(x.Spec.Orders, o)
	})
}

// reaches waits until a rollout is in a phase with its clusters in states, written as "c1=Done c2=Running".
func (h *hubUnderTest) reaches(t *testing.T, name, phase, states string) *v1alpha1.AddonRollout {
	t.Helper()
	var x v1alpha1.AddonRollout
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if err := h.Get(ctx, client.ObjectKey{Name: name}, &x); err != nil {
			return err
		}
		if got := statesOf(x.Status); x.Status.Phase != phase || got != states {
			return fmt.Errorf("rollout %s is %s (%s; %s): %s, want %s: %s", name, x.Status.Phase, x.Status.Why, x.Status.Who, got, phase, states)
		}
		return nil
	})
	return &x
}

func statesOf(s v1alpha1.AddonRolloutStatus) string {
	states := map[string]string{}
	for _, m := range s.Members {
		states[m.Cluster] = m.State
	}
	var out []string
	for _, c := range slices.Sorted(maps.Keys(states)) {
		out = append(out, c+"="+states[c])
	}
	return strings.Join(out, " ")
}

// says waits until the Addon of a cluster says something (see wishes).
func (h *hubUnderTest) says(t *testing.T, cluster, want string) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		var a v1alpha1.Addon
		if err := h.Get(ctx, client.ObjectKey{Name: cluster + ".flannel"}, &a); err != nil {
			return err
		}
		if got := wishes(a.Spec); got != want {
			return fmt.Errorf("%s says %q, want %q", cluster, got, want)
		}
		return nil
	})
}

// runs fails the test when clusters do not run a version.
func (h *hubUnderTest) runs(t *testing.T, version string, clusters ...string) {
	t.Helper()
	for _, c := range clusters {
		if got := h.addon(t, c).Status.CurrentInstalledVersion; got != version {
			t.Errorf("%s runs %s, want %s", c, got, version)
		}
	}
}

// quiet fails the test when something holds within a while in which it must not.
func quiet(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 15 {
		if holds() {
			t.Fatal(what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
