package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// fleet is a hub that holds the records, and the clusters that it knows by kubeconfig Secrets, each of its own control plane.
type fleet struct {
	hub     *testkube.Cluster
	records client.Client
	members map[string]*cluster
	catalog string
	// shipped is true where the manager has the rights that are shipped, in the hub and on its clusters; else it is an administrator.
	shipped bool
}

const managers = "addonctl-system"

// long is what a takeover may take: the Lease of a leader that was killed runs out, and then a roll has to be made on a busy machine.
const long = 4 * time.Minute

// startFleet starts a hub and clusters that run flannel 0.26.2, put there by a command line. They are registered in the hub, automatic.
func startFleet(t *testing.T, members map[string]testkube.Options) *fleet {
	t.Helper()
	f := &fleet{}
	f.start(t, testkube.Options{}, members)
	return f
}

func (f *fleet) start(t *testing.T, itself testkube.Options, members map[string]testkube.Options) {
	t.Helper()
	t.Parallel()
	f.members, f.catalog = map[string]*cluster{}, quick(t)
	starts := []func(){func() { f.startHub(t, itself) }, func() { managerProgram(t, "a") }}
	for name, o := range members {
		c := &cluster{catalog: f.catalog}
		f.members[name] = c
		starts = append(starts, func() { f.startMember(t, name, c, o) })
	}
	together(t, starts...) // most of it is waiting
	for name, c := range f.members {
		f.register(t, name, c)
	}
}

func (f *fleet) startHub(t *testing.T, o testkube.Options) {
	t.Helper()
	f.hub = testkube.Start(t, o)
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), clientgoscheme.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.records, err = client.New(f.hub.Config(), client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(f.hub.Config())
	if err == nil {
		err = hub.New(k).Install(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if f.shipped {
		f.ctl(t, "init", "--hub", "--image", "example.com/addon-manager:test", "--yes")
	} else {
		f.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: managers}})
	}
}

func (f *fleet) startMember(t *testing.T, name string, c *cluster, o testkube.Options) {
	t.Helper()
	c.Cluster = testkube.Start(t, o)
	c.kubeconfig = c.KubeconfigPath()
	c.must(t, "install", "--cluster", name, "--network-type", "flannel", "--version", "0.26.2", "--yes")
	if f.shipped {
		c.must(t, "init", "--target", "--yes")
	}
}

// together does things at once, and goes on when all of them are done. The test ends where one failed.
func together(t *testing.T, all ...func()) {
	t.Helper()
	var wait sync.WaitGroup
	for _, one := range all {
		wait.Go(one)
	}
	if wait.Wait(); t.Failed() {
		t.FailNow()
	}
}

func (f *fleet) create(t *testing.T, o client.Object) {
	t.Helper()
	if err := f.records.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// register registers a cluster in the hub. What its own record wants goes along, the pin of its installation among it, which is taken off then.
func (f *fleet) register(t *testing.T, name string, c *cluster) {
	t.Helper()
	kubeconfig := c.kubeconfig
	if f.shipped {
		kubeconfig = c.Account(t, system, "addon-manager")
	}
	args := []string{"cluster", "register", name, "--kubeconfig-file", kubeconfig, "--label", "name=" + name, "--yes", "-o", "json"}
	if r := read[struct{ Outcome string }](t, f.ctl(t, args...)); r.Outcome != "Registered" {
		t.Fatalf("registering %s: %+v", name, r)
	}
	a, err := f.addOn(t.Context(), name)
	if err != nil || a.Spec.Version != "0.26.2" || a.Spec.Pin == nil {
		t.Fatalf("the pin of %s did not go along: %+v, %v", name, a.Spec, err)
	}
	brief := metav1.Duration{}
	f.wish(t, name, func(s *v1alpha1.AddonSpec) {
		s.Version, s.Pin = "", nil
		s.Roll = &v1alpha1.Roll{Soak: &brief, ReadyFor: &metav1.Duration{Duration: time.Second}}
	})
}

// unregisters takes a cluster out of the hub and brings it back. It would catch a verb that touches the cluster, leaves something behind, or lets a
// cluster have another network type or another name by the way of the hub.
func (f *fleet) unregisters(t *testing.T, name string) {
	t.Helper()
	c := f.members[name]
	ours := func() int {
		return len(c.Calls(t, func(call testkube.Call) bool { return strings.HasPrefix(call.UserAgent, "e2e.test") }))
	}
	pods, before := len(c.pods(t)), ours()
	f.ctl(t, "cluster", "unregister", name, "--yes").says(t, "the cluster is not touched")
	if after := ours(); before == 0 || after != before {
		t.Errorf("%d calls to the cluster before it was unregistered, %d after", before, after)
	}
	if _, err := f.network(t.Context(), name); !apierrors.IsNotFound(err) {
		t.Errorf("its ClusterNetwork: %v", err)
	}
	if _, err := f.addOn(t.Context(), name); !apierrors.IsNotFound(err) {
		t.Errorf("its Addon: %v", err)
	}
	var secrets corev1.SecretList
	if err := f.records.List(t.Context(), &secrets, client.InNamespace(managers)); err != nil || len(secrets.Items) > 0 {
		t.Errorf("%d Secrets are left, %v", len(secrets.Items), err)
	}
	if now := len(c.pods(t)); now != pods {
		t.Errorf("%d agents ran, and now %d", pods, now)
	}
	hub := &cluster{Cluster: f.hub, kubeconfig: f.hub.KubeconfigPath(), catalog: f.catalog}
	hub.want(t, 3, "cluster", "register", name, "--kubeconfig-file", c.kubeconfig, "--network-type", "vcn-native", "--yes").says(t, "NetworkTypeImmutable")
	hub.want(t, 3, "cluster", "register", "twin", "--kubeconfig-file", c.kubeconfig, "--yes").says(t, "is registered as "+name)
	f.register(t, name, c)
	again := []string{"cluster", "register", name, "--kubeconfig-file", c.kubeconfig, "--yes", "-o", "json"}
	if r := read[struct{ Outcome string }](t, f.ctl(t, again...)); r.Outcome != "Unchanged" {
		t.Errorf("registering it again: %+v", r)
	}
	f.pickedUp(t, name, true)
	hub.want(t, 3, again[:len(again)-2]...).says(t, "was picked up from Cluster team-a/"+name+" of Cluster API", "cluster unregister "+name)
	f.pickedUp(t, name, false)
}

// pickedUp marks the record of a cluster as one that was picked up from Cluster API, or takes the mark off.
func (f *fleet) pickedUp(t *testing.T, name string, is bool) {
	t.Helper()
	n, err := f.network(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	before := client.MergeFrom(n.DeepCopy())
	delete(n.Annotations, v1alpha1.AnnotationClusterAPI)
	if is {
		metav1.SetMetaDataAnnotation(&n.ObjectMeta, v1alpha1.AnnotationClusterAPI, "team-a/"+name)
	}
	if err := f.records.Patch(t.Context(), n, before); err != nil {
		t.Fatal(err)
	}
}

// manager is a process of addon-manager.
type manager struct {
	cmd     *exec.Cmd
	address string
	said    *safeBuffer
	ended   chan struct{}
}

// safeBuffer may be written and read by two.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// manage starts a manager of that name, which looks at idle clusters every three seconds.
func (f *fleet) manage(t *testing.T, name string) *manager {
	t.Helper()
	return startManager(t, managerProgram(t, name), f.hub.KubeconfigPath(), f.catalog, "--rollouts=false") // the test says who moves
}

func startManager(t *testing.T, program, kubeconfig, catalog string, more ...string) *manager {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a free port
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{address: l.Addr().String(), said: &safeBuffer{}, ended: make(chan struct{})}
	_ = l.Close()
	m.cmd = exec.Command(program, append([]string{ //nolint:noctx // it is ended below
		"--hub-kubeconfig", kubeconfig, "--catalog", catalog, "--namespace", managers, "--resync", "3s", "--health-address", m.address,
	}, more...)...)
	m.cmd.Stderr = m.said
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = m.cmd.Wait()
		close(m.ended)
	}()
	t.Cleanup(func() {
		m.kill()
		if t.Failed() {
			said := m.said.String()
			t.Logf("manager %s said:\n%s", filepath.Base(program), said[max(0, len(said)-8000):])
		}
	})
	return m
}

// kill ends it as a crash does.
func (m *manager) kill() {
	_ = m.cmd.Process.Kill() // it may have ended by itself
	<-m.ended
}

func (m *manager) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := m.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (f *fleet) addOn(ctx context.Context, name string) (*v1alpha1.Addon, error) {
	a := &v1alpha1.Addon{}
	return a, f.records.Get(ctx, client.ObjectKey{Name: hub.AddonName(name, "Flannel")}, a)
}

func (f *fleet) network(ctx context.Context, name string) (*v1alpha1.ClusterNetwork, error) {
	c := &v1alpha1.ClusterNetwork{}
	return c, f.records.Get(ctx, client.ObjectKey{Name: name}, c)
}

// wish changes what is wanted of a cluster's flannel, as a rollout does.
func (f *fleet) wish(t *testing.T, name string, change func(*v1alpha1.AddonSpec)) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		a, err := f.addOn(ctx, name)
		if err != nil {
			return err
		}
		change(&a.Spec)
		return f.records.Update(ctx, a)
	})
}

func moveTo(v string) func(*v1alpha1.AddonSpec) {
	return func(s *v1alpha1.AddonSpec) { s.MoveTo = v }
}

// arrives waits until a cluster's record says that it runs a version, and its pods do.
func (f *fleet) arrives(t *testing.T, name, v string) {
	t.Helper()
	testkube.Eventually(t, long, func(ctx context.Context) error {
		a, err := f.addOn(ctx, name)
		if err != nil {
			return err
		}
		s := a.Status
		if a.Spec.MoveTo != "" || s.CurrentInstalledVersion != v || s.LifecycleState != v1alpha1.StateActive || s.TargetVersion != "" {
			return fmt.Errorf("%s wants %q, runs %s, %s, going to %q, %v", name, a.Spec.MoveTo, s.CurrentInstalledVersion, s.LifecycleState, s.TargetVersion, s.Conditions)
		}
		return nil
	})
	for _, p := range f.members[name].pods(t) {
		if image := p.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v"+v) {
			t.Errorf("%s: pod %s runs %s, and the record says %s", name, p.Name, image, v)
		}
	}
}

// holder is who holds the Lease of a cluster.
func holder(l *coordinationv1.Lease) string {
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// left waits until nobody holds the Lease of a cluster: a command line may act.
func (c *cluster) left(t *testing.T) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		l, err := c.Client().CoordinationV1().Leases(system).Get(ctx, "addonctl", metav1.GetOptions{})
		if err == nil && holder(l) != "" {
			err = fmt.Errorf("the Lease is held by %s", holder(l))
		}
		return err
	})
}

func (f *fleet) reachable(t *testing.T, name string, want metav1.ConditionStatus) {
	t.Helper()
	testkube.Eventually(t, long, func(ctx context.Context) error {
		c, err := f.network(ctx, name)
		if err != nil {
			return err
		}
		for _, k := range c.Status.Conditions {
			if k.Type == v1alpha1.ConditionReachable && k.Status == want && (c.Status.Away == nil) == (want == metav1.ConditionTrue) {
				return nil
			}
		}
		return fmt.Errorf("%s: %+v", name, c.Status)
	})
}

// One manager, two clusters, what each record wants, and nothing else.
func TestAManagerDrivesEachClusterToWhatItsRecordWants(t *testing.T) {
	f := startFleet(t, map[string]testkube.Options{"east": {Nodes: 3}, "west": {Nodes: 2}})
	m := f.manage(t, "a")
	f.reachable(t, "east", metav1.ConditionTrue)
	f.reachable(t, "west", metav1.ConditionTrue)
	f.introduced(t, m)
	f.movesOne(t)
	f.keepsAPin(t)
	f.obeysAHold(t)
	f.putsBack(t)
	m = f.hubRestarts(t, m)
	f.ends(t, m)
}

// introduced looks at what a manager says of itself and of the clusters, and that automatic updates by themselves move nothing.
func (f *fleet) introduced(t *testing.T, m *manager) {
	t.Helper()
	c, err := f.network(t.Context(), "east")
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Status; s.Manager != managers+"/addon-manager" || !strings.HasPrefix(s.KubernetesVersion, "v1.") || s.UID == "" || s.ObservedGeneration != c.Generation {
		t.Errorf("east: %+v", s)
	}
	f.arrives(t, "east", "0.26.2")
	a, err := f.addOn(t.Context(), "east")
	if err != nil || a.Status.DrivenBy != managers+"/addon-manager" {
		t.Errorf("driven by %q, %v", a.Status.DrivenBy, err)
	}
	for path, want := range map[string]string{"/healthz": "", "/readyz": "", "/metrics": `addonctl_addons{addon="Flannel",mode="automatic",`} {
		if body := m.get(t, path); !strings.Contains(body, want) {
			t.Errorf("%s: want %s in %s", path, want, body)
		}
	}
	f.members["east"].left(t)
}

// get is what a manager answers.
func (m *manager) get(t *testing.T, path string) string {
	t.Helper()
	body, err := ask("http://" + m.address + path)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return body
}

func ask(url string) (string, error) {
	r, err := http.Get(url) //nolint:noctx,gosec // a test's own process
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = errors.New(r.Status)
	}
	return string(body), err
}

// movesOne tells one cluster to move: it does, and the other one is not touched.
func (f *fleet) movesOne(t *testing.T) {
	t.Helper()
	west := f.members["west"].daemonSet(t).Generation
	f.wish(t, "east", moveTo("0.27.3"))
	f.arrives(t, "east", "0.27.3")
	f.members["east"].left(t)
	if now := f.members["west"].daemonSet(t).Generation; now != west {
		t.Errorf("west was not told to move, and its DaemonSet went from generation %d to %d", west, now)
	}
}

// keepsAPin pins a cluster to what it runs, and to another release: a manager follows the first and the second, and nothing moves it further.
func (f *fleet) keepsAPin(t *testing.T) {
	t.Helper()
	pin := func(v string) func(*v1alpha1.AddonSpec) {
		return func(s *v1alpha1.AddonSpec) { s.Version, s.Pin = v, &v1alpha1.Pin{Reason: "kernel"} }
	}
	f.wish(t, "west", pin("0.24.4"))
	testkube.Eventually(t, long, func(ctx context.Context) error {
		a, err := f.addOn(ctx, "west")
		if err == nil && (a.Status.CurrentInstalledVersion != "0.24.4" || a.Status.LifecycleState != v1alpha1.StateActive) && !stalled(a) {
			err = fmt.Errorf("%+v", a.Status)
		}
		return err
	})
	f.wish(t, "west", pin("0.26.2"))
	f.arrives(t, "west", "0.26.2")
	a, err := f.addOn(t.Context(), "west")
	if err != nil || a.Spec.Version != "0.26.2" || a.Spec.Pin.Reason != "kernel" {
		t.Errorf("the pin is %s, %+v, %v", a.Spec.Version, a.Spec.Pin, err)
	}
	f.wish(t, "west", func(s *v1alpha1.AddonSpec) { s.Version, s.Pin = "", nil })
}

func stalled(a *v1alpha1.Addon) bool {
	return slices.ContainsFunc(a.Status.Conditions, func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionStalled })
}

// obeysAHold tells a cluster to move and holds it back before it begins: nothing is written. Taken off, it moves.
func (f *fleet) obeysAHold(t *testing.T) {
	t.Helper()
	west := f.members["west"]
	before := west.daemonSet(t).Generation
	f.wish(t, "west", func(s *v1alpha1.AddonSpec) {
		s.MoveTo, s.Rollout = "0.27.3", &v1alpha1.AddonInRollout{Name: "r", Hold: v1alpha1.HoldFinishNode}
	})
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		a, err := f.addOn(ctx, "west")
		if err == nil && (a.Status.ObservedGeneration != a.Generation || a.Status.TargetVersion != "0.27.3") {
			err = fmt.Errorf("it is not seen yet: %+v", a.Status)
		}
		return err
	})
	_ = pause(t.Context(), 5*time.Second) // longer than the time between two looks
	if now := west.daemonSet(t).Generation; now != before {
		t.Errorf("a move was begun that is held back: generation %d, was %d", now, before)
	}
	f.wish(t, "west", func(s *v1alpha1.AddonSpec) { s.Rollout.Hold = "" })
	f.arrives(t, "west", "0.27.3")
	f.wish(t, "west", func(s *v1alpha1.AddonSpec) { s.Rollout = nil })
}

// putsBack moves a cluster to a release that cannot be pulled, back from 0.27.3 for want of a newer one: the roll halts, the node is put back
// as for a command line, and the release is held.
func (f *fleet) putsBack(t *testing.T) {
	t.Helper()
	east := f.members["east"]
	if err := east.Play(t.Context(), sandbox.Fault{Name: "pull", Image: ":v0.26.2", Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
	f.wish(t, "east", func(s *v1alpha1.AddonSpec) {
		s.MoveTo, s.OnFailure = "0.26.2", "RevertAll"
	})
	testkube.Eventually(t, long, func(ctx context.Context) error {
		a, err := f.addOn(ctx, "east")
		if err == nil && (a.Spec.MoveTo != "" || a.Status.CurrentInstalledVersion != "0.27.3" || a.Status.LifecycleState != v1alpha1.StateActive ||
			len(a.Status.History) == 0 || a.Status.History[0].Version != "0.27.3") {
			err = fmt.Errorf("wants %q, back %+v, %+v", a.Spec.MoveTo, a.Spec.Rollback, a.Status)
		}
		return err
	})
	f.arrives(t, "east", "0.27.3")
	east.heals(t, "pull")
	east.left(t)
}

// told waits until there is an event of each reason about a record of this name, and fails when one was told twice: each is told of a change, not
// of a look.
func (f *fleet) told(t *testing.T, name string, reasons ...string) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		var list eventsv1.EventList
		if err := f.records.List(ctx, &list); err != nil {
			return err
		}
		times := map[string]int{}
		for i := range list.Items {
			if e := &list.Items[i]; e.Regarding.Name == name {
				times[e.Reason]++
				if e.Series != nil {
					times[e.Reason] += int(e.Series.Count)
				}
			}
		}
		for _, reason := range reasons {
			if times[reason] != 1 {
				return fmt.Errorf("%s: %s was told %d times, want once, among %v", name, reason, times[reason], times)
			}
		}
		return nil
	})
}

// hubRestarts takes the hub's API server away while east's nodes are changed: the move is gone on with when it is back, by the same process, or by the
// one that a deployment starts in its place when the Lease was lost meanwhile.
func (f *fleet) hubRestarts(t *testing.T, m *manager) *manager {
	t.Helper()
	f.underWay(t, "0.26.2")
	if err := f.hub.Kill(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	if n := f.count(t, "0.26.2"); n == 3 {
		t.Error("the hub was taken away too late: every node has the release")
	}
	if err := f.hub.Start(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, long, func(ctx context.Context) error {
		select {
		case <-m.ended:
			t.Log("the manager ended when it could not renew its Lease, and is started again")
			m = f.manage(t, "a")
		default:
		}
		a, err := f.addOn(ctx, "east")
		if err == nil && a.Spec.MoveTo != "" {
			err = fmt.Errorf("the move is not made: %+v", a.Status)
		}
		return err
	})
	f.arrives(t, "east", "0.26.2")
	return m
}

// ends stops a manager in the middle of a roll, as a deployment does: it ends by itself, and leaves the cluster to whoever comes next.
func (f *fleet) ends(t *testing.T, m *manager) {
	t.Helper()
	f.underWay(t, "0.27.3")
	m.signal(t, syscall.SIGTERM)
	select {
	case <-m.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
	if code := m.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	f.members["east"].left(t)
	l := &coordinationv1.Lease{}
	if err := f.records.Get(t.Context(), client.ObjectKey{Namespace: managers, Name: "addon-manager"}, l); err != nil || holder(l) != "" {
		t.Errorf("the leader's Lease is held by %q, %v", holder(l), err)
	}
}

// underWay tells east to move slowly, and waits until the first node has taken the release.
func (f *fleet) underWay(t *testing.T, v string) {
	t.Helper()
	f.wish(t, "east", func(s *v1alpha1.AddonSpec) {
		s.MoveTo, s.Roll.Soak, s.Roll.ReadyFor = v, &metav1.Duration{Duration: 4 * time.Second}, &metav1.Duration{Duration: 3 * time.Second}
	})
	testkube.Eventually(t, long, func(context.Context) error {
		n := f.count(t, v)
		if n == 0 {
			return errors.New("no node has taken it")
		}
		return nil
	})
}

// count is how many of east's nodes run a version.
func (f *fleet) count(t *testing.T, v string) int {
	t.Helper()
	return f.members["east"].have(t, v)
}

// have is how many nodes run a version.
func (c *cluster) have(t *testing.T, v string) int {
	t.Helper()
	n := 0
	for _, p := range c.pods(t) {
		if strings.HasSuffix(p.Spec.Containers[0].Image, ":v"+v) {
			n++
		}
	}
	return n
}

// A manager that is killed in the middle of a roll is started again and finishes it. Then a standby takes over from a leader that only sleeps, and
// the one that wakes up writes nothing more.
func TestOneManagerAtATimeWritesToACluster(t *testing.T) {
	f := startFleet(t, map[string]testkube.Options{"east": {Nodes: 4, Audit: true}})
	east := f.members["east"]
	first := f.manage(t, "a")
	f.reachable(t, "east", metav1.ConditionTrue)
	f.costsLittle(t, "east")
	f.underWay(t, "0.27.3")
	first.kill()
	if n := f.count(t, "0.27.3"); n == 4 {
		t.Error("it was killed too late: every node has the release")
	}
	first = f.manage(t, "a")
	f.arrives(t, "east", "0.27.3")

	f.underWay(t, "0.26.2")
	second := f.manage(t, "b")
	first.signal(t, syscall.SIGSTOP)
	slept := time.Now()
	testkube.Eventually(t, long, func(context.Context) error { // it wakes up when the other one changes nodes
		if len(east.Calls(t, func(c testkube.Call) bool {
			return c.Verb == "delete" && c.Object.Resource == "pods" && strings.HasPrefix(c.UserAgent, "addon-manager-b")
		})) == 0 {
			return errors.New("the standby changes no node")
		}
		return nil
	})
	first.signal(t, syscall.SIGCONT)
	f.arrives(t, "east", "0.26.2")
	select {
	case <-first.ended: // it finds that it leads no more
	case <-time.After(time.Minute):
		t.Error("the one that slept goes on")
	}
	second.signal(t, syscall.SIGTERM)
	<-second.ended
	f.unregisters(t, "east")

	calls := east.Calls(t, func(c testkube.Call) bool {
		return c.Write() && c.Response.Code < 300 && !strings.Contains(c.URI, "dryRun") && !strings.Contains(c.URI, "/apis/authorization.k8s.io/") &&
			!strings.Contains(c.URI, "/apis/authentication.k8s.io/") && !strings.HasSuffix(strings.Split(c.URI, "?")[0], "/token") && strings.HasPrefix(c.UserAgent, "addon-manager-")
	})
	var byA, byB []testkube.Call
	awake := 0
	for _, c := range calls {
		if c.Received.Before(slept) {
			awake++
			continue
		}
		if strings.HasPrefix(c.UserAgent, "addon-manager-a") {
			byA = append(byA, c)
		} else {
			byB = append(byB, c)
		}
	}
	if len(byB) == 0 || awake == 0 {
		t.Fatalf("%d writes before it slept, and %d of the standby since: nothing is proved", awake, len(byB))
	}
	for _, c := range byA {
		if c.Received.After(byB[0].Received) {
			t.Errorf("%s %s by the one that had slept, after the other one had begun", c.Verb, c.URI)
		}
	}
}

// Where a manager drives a cluster, a command writes what is wanted and watches, with the exit codes that it has by itself. It writes nothing to
// the release. When the manager is gone, the command drives again.
func TestACommandLeavesTheWorkToAManager(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3, Audit: true})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--yes")
	c.must(t, "unpin", "--yes")
	c.deploys(t)
	m := startManager(t, managerProgram(t, "a"), c.Account(t, managers, "addon-manager"), c.catalog, "--rollouts=false")
	testkube.Eventually(t, soon, func(context.Context) error {
		if s := c.must(t, "status").out; !strings.Contains(s, "the manager "+managers+"/addon-manager") {
			return fmt.Errorf("no manager is seen:\n%s", s)
		}
		return nil
	})
	before := len(c.byHand(t))

	done := c.must(t, "update", "--version", "0.26.2", "--yes", "-o", "json").says(t, "carries it out", "canary")
	if got := read[act](t, done); got.Outcome != "Done" || got.Nodes.Ready != 3 || got.Previous != "0.24.4" {
		t.Errorf("%s", done)
	}
	c.want(t, 5, "update", "--version", "0.27.3", "--soak", "5m", "--yes", "--timeout", "15s").says(t, "addon-manager goes on")
	c.must(t, "update", "--soak", "0s", "--yes")
	if err := c.Play(t.Context(), sandbox.Fault{Name: "pull", Image: ":v0.26.2", Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 6, "update", "--version", "0.26.2", "--on-failure", "revert-all", "--yes").says(t, "rolled back", "halted at")
	c.want(t, 4, "update", "--version", "0.26.2", "--on-failure", "revert-node", "--yes").says(t, "halted at")
	c.heals(t, "pull")
	if now := c.byHand(t); len(now) != before {
		t.Errorf("a command wrote to the release beside the manager: %+v", now[before:])
	}

	m.kill()
	c.lacksNothing(t)
	c.must(t, "retry", "--yes") // the Lease of the manager has not run out: nothing is to be carried out for this
	testkube.Eventually(t, soon, func(context.Context) error {
		if s := c.must(t, "status").out; strings.Contains(s, "the manager") {
			return fmt.Errorf("a manager that is gone is still seen:\n%s", s)
		}
		return nil
	})
	c.must(t, "update", "--version", "0.26.2", "--yes")
	if now := c.byHand(t); len(now) == before {
		t.Error("the command wrote nothing: what was counted above proves nothing")
	}
}

// byHand are the writes to DaemonSets and agents by anybody but a manager and Kubernetes itself.
func (c *cluster) byHand(t *testing.T) []testkube.Call {
	t.Helper()
	return c.Calls(t, func(call testkube.Call) bool {
		return call.Write() && !strings.Contains(call.URI, "dryRun") && call.User.Username == "system:serviceaccount:kube-system:addonctl" &&
			(call.Object.Resource == "daemonsets" || call.Object.Resource == "pods") && !strings.HasPrefix(call.UserAgent, "addon-manager")
	})
}

// costsLittle counts what an idle cluster is asked: each look asks once for the time, and there is one look every three seconds, and no watch.
func (f *fleet) costsLittle(t *testing.T, name string) {
	t.Helper()
	c := f.members[name]
	c.left(t)
	const every, looks = 3 * time.Second, 4
	visits := func() int {
		return len(c.Calls(t, func(call testkube.Call) bool {
			return strings.HasPrefix(call.UserAgent, "addon-manager-") && strings.Contains(call.URI, "/selfsubjectreviews")
		}))
	}
	began, before := time.Now(), visits()
	_ = pause(t.Context(), looks*every)
	n := visits() - before
	if took := time.Since(began); n < 1 || n > int(took/every)+1 {
		t.Errorf("an idle cluster was visited %d times in %s, want once every %s at most", n, took, every)
	}
	if n := len(c.Calls(t, func(call testkube.Call) bool {
		return call.Verb == "watch" && strings.HasPrefix(call.UserAgent, "addon-manager-")
	})); n > 0 {
		t.Errorf("an idle cluster is watched: %d watches", n)
	}
}
