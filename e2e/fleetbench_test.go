package e2e

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientcache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

var (
	fleetClusters = flag.Int("fleet-clusters", 20, "how many simulated clusters the manager of a fleet is measured with; a multiple of 10")
	fleetIdle     = flag.Duration("fleet-idle", 2*time.Second, "how long it is measured while nothing happens")
	fleetAnswers  = flag.Duration("fleet-answers", 200*time.Millisecond, "how long a simulated cluster takes for a move")
	fleetGoals    = flag.Bool("fleet-goals", false, "fail where a goal for 1,000 clusters on two cores is missed; else they are only printed")
)

// What the manager of a fleet costs: the real process on a real hub, and an executor in the place of all clusters, that makes each move
// which a record tells within a moment, and writes the status as whoever drives a cluster does. Clusters are simulated, at the executor; nothing is
// rolled. So the times are those of deciding and telling, and the cost of looking at clusters is not in them. Small fleets only show that it
// can be measured.
func TestWhatAFleetCostsItsManager(t *testing.T) {
	f := newFleetBench(t)
	m := startManager(t, f.program, f.hub.KubeconfigPath(), quick(t), "--drive=false", "--default-policy=false", "--gather", "1s")
	f.leads(t, m)
	_ = pause(t.Context(), 3*time.Second) // the first look at everything
	f.measure(t, m, "nothing happens", func() { _ = pause(t.Context(), *fleetIdle) })
	some := *fleetClusters / 10
	f.measure(t, m, fmt.Sprintf("1 rollout, %d clusters", some), func() {
		f.policy(t, "one", "bench=one")
		f.release(t, "0.27.3", func(i int) bool { return i < some })
		f.finished(t, 1)
	})
	f.delete(t, "one")
	f.measure(t, m, fmt.Sprintf("%d rollouts, %d clusters", some, *fleetClusters), func() {
		for i := range some {
			f.policy(t, fmt.Sprintf("p%d", i), fmt.Sprintf("group=g%d", i))
		}
		f.release(t, "0.28.0", func(int) bool { return true })
		f.finished(t, some)
	})
	m.kill()
	m = startManager(t, f.program, f.hub.KubeconfigPath(), quick(t), "--drive=false", "--default-policy=false", "--gather", "1s", "--leader-election=false")
	f.measure(t, m, "it starts anew", func() { f.leads(t, m) })
	_ = pause(t.Context(), 3*time.Second)
	f.measure(t, m, "nothing happens", func() { _ = pause(t.Context(), *fleetIdle) })
	load, _ := os.ReadFile("/proc/loadavg")
	t.Logf("%d simulated clusters, each move takes %s; load %s%s\nREACTION is from a cluster's answer until its rollout has let go of it; CORES, MIB (now and most) and REQUESTS are the manager's alone.",
		*fleetClusters, *fleetAnswers, load, f.table())
	f.goals(t)
}

// fleetBench is a hub with records of clusters, and the executor in their place.
type fleetBench struct {
	hub     *testkube.Cluster
	records client.Client
	program string
	rows    []fleetRow

	mu sync.Mutex
	// newest release that fits on each cluster, answered when it was made, and how long it took to be let go of.
	newest   map[string]string
	answered map[string]time.Time
	reaction []time.Duration
	busy     map[string]bool
}

// fleetRow is what was measured of one phase.
type fleetRow struct {
	what      string
	took      time.Duration
	cores     float64
	now, most float64 // MiB
	requests  float64
	reaction  []time.Duration
}

func newFleetBench(t *testing.T) *fleetBench {
	t.Helper()
	t.Parallel()
	f := &fleetBench{newest: map[string]string{}, answered: map[string]time.Time{}, busy: map[string]bool{}}
	f.program = managerProgram(t, "a")
	f.hub = testkube.Start(t, testkube.Options{})
	scheme := runtime.NewScheme()
	k, err := kube.New(f.hub.Config())
	if err == nil {
		err = errors.Join(v1alpha1.AddToScheme(scheme), hub.New(k).Install(t.Context()))
	}
	if err == nil {
		f.records, err = client.New(f.hub.Config(), client.Options{Scheme: scheme})
	}
	if err == nil {
		_, err = k.Typed.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: managers}}, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	f.each(t, func(i int) error { return f.register(t.Context(), i) })
	f.execute(t, scheme)
	return f
}

// each does something for every cluster, many at once.
func (f *fleetBench) each(t *testing.T, do func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	next := make(chan int)
	failed := make(chan error, *fleetClusters)
	for range 16 {
		all.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					failed <- err
				}
			}
		})
	}
	for i := range *fleetClusters {
		next <- i
	}
	close(next)
	all.Wait()
	if len(failed) > 0 {
		t.Fatal(<-failed)
	}
}

func benchName(i int) string { return fmt.Sprintf("c%04d", i) }

// register records a cluster that runs the older release: the first tenth is for the rollout that is alone, and each ten for one of many.
func (f *fleetBench) register(ctx context.Context, i int) error {
	some := *fleetClusters / 10
	wave := func(i, of int) string {
		switch {
		case i*10 < of*2:
			return "a"
		case i*10 < of*5:
			return "b"
		default:
			return "c"
		}
	}
	labels := map[string]string{"group": fmt.Sprintf("g%d", i/10), "wave": wave(i%10, 10)}
	if i < some {
		labels["bench"], labels["wave"] = "one", wave(i, some)
	}
	n := &v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: benchName(i), Labels: labels}, Spec: v1alpha1.ClusterNetworkSpec{NetworkType: v1alpha1.FlannelOverlay}}
	if err := f.records.Create(ctx, n); err != nil {
		return err
	}
	meta.SetStatusCondition(&n.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable})
	if err := f.records.Status().Update(ctx, n); err != nil {
		return err
	}
	a := &v1alpha1.Addon{ObjectMeta: metav1.ObjectMeta{Name: hub.AddonName(n.Name, "Flannel")}, Spec: v1alpha1.AddonSpec{Cluster: n.Name, Addon: "Flannel"}}
	if err := f.records.Create(ctx, a); err != nil {
		return err
	}
	a.Status.CurrentInstalledVersion = "0.26.2"
	f.tell(a)
	return f.records.Status().Update(ctx, a)
}

// tell writes what a cluster that is at rest says of itself.
func (f *fleetBench) tell(a *v1alpha1.Addon) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &a.Status
	s.ObservedGeneration, s.LifecycleState, s.DrivenBy = a.Generation, v1alpha1.StateActive, "executor"
	s.NewestFit = s.CurrentInstalledVersion
	if v := f.newest[a.Spec.Cluster]; v != "" {
		s.NewestFit = v
	}
	s.Nodes = &v1alpha1.NodeCounts{Total: 3, Updated: 3, Ready: 3}
	s.NodeVersions = []v1alpha1.NodeVersion{{Version: s.CurrentInstalledVersion, Nodes: 3}}
	at := metav1.Now()
	if len(s.History) == 0 || s.History[0].Version != s.CurrentInstalledVersion {
		s.History = append([]v1alpha1.HistoryEntry{{Revision: int32(len(s.History) + 1), Version: s.CurrentInstalledVersion, Status: "deployed", At: &at}}, s.History...) //nolint:gosec // a few
	}
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAllNodesReady, Message: "Ready on all 3 nodes"})
}

// execute makes moves until the test ends.
func (f *fleetBench) execute(t *testing.T, scheme *runtime.Scheme) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	seen, err := cache.New(f.hub.Config(), cache.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	informer, err := seen.GetInformer(ctx, &v1alpha1.Addon{}, cache.BlockUntilSynced(false))
	if err != nil {
		t.Fatal(err)
	}
	var under sync.WaitGroup
	look := func(o any) {
		if a, ok := o.(*v1alpha1.Addon); ok && f.begins(a) {
			under.Go(func() { f.answer(ctx, a.Name, a.Spec.Cluster) })
		}
	}
	_, err = informer.AddEventHandler(clientcache.ResourceEventHandlerFuncs{AddFunc: look, UpdateFunc: func(_, o any) { look(o) }})
	if err != nil {
		t.Fatal(err)
	}
	under.Go(func() { _ = seen.Start(ctx) })
	t.Cleanup(func() { cancel(); under.Wait() })
}

// begins tells whether there is something to do on a cluster, and nobody is at it. It notes when a rollout has let go of one.
func (f *fleetBench) begins(a *v1alpha1.Addon) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := a.Spec.Cluster
	if at, ok := f.answered[name]; ok && a.Spec.Rollout == nil && a.Spec.MoveTo == "" {
		f.reaction = append(f.reaction, time.Since(at))
		delete(f.answered, name)
	}
	if f.busy[name] || a.Spec.MoveTo == "" && a.Status.ObservedGeneration == a.Generation || a.Status.CurrentInstalledVersion == "" {
		return false
	}
	f.busy[name] = true
	return true
}

// answer makes the move that a record tells, after a while, and until the status speaks of the record as it is.
func (f *fleetBench) answer(ctx context.Context, name, cluster string) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.busy, cluster)
	}()
	for rest := false; ctx.Err() == nil && !rest; {
		a := &v1alpha1.Addon{}
		if f.records.Get(ctx, client.ObjectKey{Name: name}, a) != nil {
			continue
		}
		if to := a.Spec.MoveTo; to != "" && (a.Spec.Rollout == nil || a.Spec.Rollout.Hold == "") {
			_ = pause(ctx, *fleetAnswers)
			a.Spec.MoveTo = ""
			was := a.Status
			if f.records.Update(ctx, a) != nil {
				continue
			}
			f.mu.Lock()
			f.answered[cluster] = time.Now()
			f.mu.Unlock()
			a.Status, a.Status.CurrentInstalledVersion = was, to
		}
		f.tell(a)
		rest = f.records.Status().Update(ctx, a) == nil && a.Spec.MoveTo == ""
	}
}

// policy selects clusters, in waves of 20, 30 and 50 of a hundred, half of each at once, without soak.
func (f *fleetBench) policy(t *testing.T, name, selector string) {
	t.Helper()
	half, all := intstr.FromString("50%"), intstr.FromString("100%")
	p := &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UpdatePolicySpec{Selector: selector, MaxConcurrent: &all, Soak: &metav1.Duration{}}}
	for _, w := range []string{"a", "b", "c"} {
		p.Spec.Waves = append(p.Spec.Waves, v1alpha1.PolicyWave{Name: w, Selector: "wave=" + w, MaxConcurrent: &half})
	}
	if err := f.records.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func (f *fleetBench) delete(t *testing.T, policy string) {
	t.Helper()
	if err := f.records.Delete(t.Context(), &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: policy}}); err != nil {
		t.Fatal(err)
	}
	if err := f.records.DeleteAllOf(t.Context(), &v1alpha1.AddonRollout{}); err != nil {
		t.Fatal(err)
	}
}

// release lets clusters tell that they would take a release.
func (f *fleetBench) release(t *testing.T, v string, which func(i int) bool) {
	t.Helper()
	f.each(t, func(i int) error {
		if !which(i) {
			return nil
		}
		f.mu.Lock()
		f.newest[benchName(i)] = v
		f.mu.Unlock()
		for {
			a := &v1alpha1.Addon{}
			if err := f.records.Get(t.Context(), client.ObjectKey{Name: hub.AddonName(benchName(i), "Flannel")}, a); err != nil {
				return err
			}
			if a.Status.NewestFit == v {
				return nil // the executor was faster
			}
			a.Status.NewestFit = v
			if f.records.Status().Update(t.Context(), a) == nil {
				return nil
			}
		}
	})
}

// finished waits until so many rollouts are through, with all clusters done.
func (f *fleetBench) finished(t *testing.T, want int) {
	t.Helper()
	testkube.Eventually(t, 10*time.Minute, func(ctx context.Context) error {
		_ = pause(ctx, 250*time.Millisecond)
		var list v1alpha1.AddonRolloutList
		if err := f.records.List(ctx, &list); err != nil {
			return err
		}
		through, done := 0, 0
		for _, x := range list.Items {
			done += int(x.Status.Done)
			if x.Status.Phase == "Finished" {
				through++
			}
		}
		if through < want || len(list.Items) > want {
			return fmt.Errorf("%d of %d rollouts are through, want %d; %d clusters done", through, len(list.Items), want, done)
		}
		return nil
	})
}

// leads waits until a manager leads, has looked at everything there is, and has nothing more to do.
func (f *fleetBench) leads(t *testing.T, m *manager) {
	t.Helper()
	testkube.Eventually(t, long, func(ctx context.Context) error {
		if v, err := f.sum(m, "addonctl_leader"); err != nil || v != 1 {
			return fmt.Errorf("it does not lead: %v, %w", v, err)
		}
		var list v1alpha1.AddonRolloutList
		if err := f.records.List(ctx, &list); err != nil {
			return err
		}
		looks, err := f.sum(m, "controller_runtime_reconcile_total")
		if err != nil || int(looks) < len(list.Items)+1 { // all policies are one look
			return fmt.Errorf("it has looked at %v of %d rollouts: %w", looks, len(list.Items), err)
		}
		if v, err := f.sum(m, "workqueue_depth"); err != nil || v != 0 {
			return fmt.Errorf("it has %v things to do: %w", v, err)
		}
		return nil
	})
}

// sum adds up the samples of a metric.
func (f *fleetBench) sum(m *manager, name string) (float64, error) {
	body, err := ask("http://" + m.address + "/metrics")
	total := 0.0
	for s := bufio.NewScanner(strings.NewReader(body)); s.Scan(); {
		fields := strings.Fields(s.Text())
		if of, _, _ := strings.Cut(s.Text(), "{"); len(fields) >= 2 && (of == name || fields[0] == name) {
			v, _ := strconv.ParseFloat(fields[len(fields)-1], 64)
			total += v
		}
	}
	return total, err
}

// usage of a process: CPU time, and resident MiB.
func usage(pid int) (cpu time.Duration, rss float64) {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		_, after, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(after); len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			cpu = time.Duration(user+system) * 10 * time.Millisecond // the kernel's ticks
		}
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
		_, after, _ := strings.Cut(string(status), "VmRSS:")
		if fields := strings.Fields(after); len(fields) > 0 {
			kib, _ := strconv.ParseFloat(fields[0], 64)
			rss = kib / 1024
		}
	}
	return cpu, rss
}

// measure measures a manager while something is done.
func (f *fleetBench) measure(t *testing.T, m *manager, what string, do func()) {
	t.Helper()
	pid := m.cmd.Process.Pid
	f.mu.Lock()
	f.reaction = nil
	f.mu.Unlock()
	asked, _ := f.sum(m, "rest_client_requests_total")
	row := fleetRow{what: what}
	began, cpu := time.Now(), time.Duration(0)
	cpu, row.now = usage(pid)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for pause(ctx, 200*time.Millisecond) == nil {
			_, rss := usage(pid)
			row.most = max(row.most, rss)
		}
	})
	do()
	stop()
	all.Wait()
	row.took = time.Since(began)
	after, now := usage(pid)
	row.cores, row.now, row.most = (after-cpu).Seconds()/row.took.Seconds(), now, max(row.most, now)
	until, _ := f.sum(m, "rest_client_requests_total")
	row.requests = until - asked
	f.mu.Lock()
	row.reaction = f.reaction
	f.mu.Unlock()
	f.rows = append(f.rows, row)
}

func (f *fleetBench) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-28s %8s %7s %7s %7s %9s   %s\n", "WHAT", "SECONDS", "CORES", "MIB", "MOST", "REQUESTS", "REACTION")
	for _, r := range f.rows {
		reaction := "-"
		if len(r.reaction) > 0 {
			reaction = fmt.Sprintf("p50 %s, p90 %s", quantile(r.reaction, 0.5).Round(time.Millisecond), quantile(r.reaction, 0.9).Round(time.Millisecond))
		}
		fmt.Fprintf(&b, "%-28s %8.1f %7.3f %7.0f %7.0f %9.0f   %s\n", r.what, r.took.Seconds(), r.cores, r.now, r.most, r.requests, reaction)
	}
	return b.String()
}

// goals are those for 1,000 clusters on two cores: one rollout within 60 s, a hundred within 130 s and 1 GiB, and 45 mCPU and 120 MiB while
// nothing happens.
func (f *fleetBench) goals(t *testing.T) {
	t.Helper()
	if !*fleetGoals {
		return
	}
	if r := f.rows[1]; r.took > time.Minute {
		t.Errorf("%s took %s, want 60s", r.what, r.took)
	}
	if r := f.rows[2]; r.took > 130*time.Second || r.most > 1024 {
		t.Errorf("%s took %s and %.0f MiB, want 130s and 1 GiB", r.what, r.took, r.most)
	}
	for _, i := range []int{0, len(f.rows) - 1} {
		if r := f.rows[i]; r.cores > 0.045 || r.most > 120 {
			t.Errorf("%s: %.3f cores and %.0f MiB, want 0.045 and 120 MiB", r.what, r.cores, r.most)
		}
	}
}
