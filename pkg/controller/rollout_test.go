package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const prod = "prod-flannel-0.27.3"

// never is a window that does not open soon.
func never() *v1alpha1.PolicyWindows {
	day := time.Now().UTC().AddDate(0, 6, 0)
	return &v1alpha1.PolicyWindows{Allow: []v1alpha1.PolicyWindow{
		{Cron: fmt.Sprintf("0 0 1 %d *", day.Month()), Duration: metav1.Duration{Duration: time.Minute}},
	}}
}

func count(n int) *intstr.IntOrString { v := intstr.FromInt32(int32(n)); return &v }

// twoWaves are canary clusters and then the others, all of a wave at once.
func twoWaves(s *v1alpha1.UpdatePolicySpec) {
	s.Waves = []v1alpha1.PolicyWave{{Name: "canary", Selector: "wave=canary"}, {Name: "rest"}}
	s.MaxConcurrent = count(10)
}

// A fleet on the records of a real hub. The clusters are played (see player): what is proved here is what is written into the records, when,
// and in which order.
func TestAFleetOnARealHub(t *testing.T) {
	h := startHub(t)
	for _, c := range []struct {
		name string
		run  func(*testing.T, *hubUnderTest, *player)
	}{
		{"waves go in order, and a pinned cluster stays", inWaves},
		{"one cluster that fails halts everything, and retry goes on", halts},
		{"a closed window holds", windowHolds},
		{"a wave waits for approval", approval},
		{"pause, resume and undo", undone},
		{"who is out of reach catches up, and who joins late is taken up", catchesUp},
		{"who hangs takes no worker", hangs},
		{"a recall stops everything within seconds", recalls},
		{"a newer release ends the rollout of an older one", ends},
		{"killed between the record and telling", killed},
		{"killed at any write, and another replica goes on", killedAnywhere},
		{"the API server of the hub is restarted", hubRestarts},
		{"members are gathered before it begins", gathers},
		{"two policies overlap, and one cannot be followed", refused},
		{"what cannot be read of a catalog does not replace it", directory},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.clear(t)
			c.run(t, h, h.play(t))
		})
	}
}

func inWaves(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 wave=canary", "c2", "c3", "c4", "c5")
	change(t, h, &v1alpha1.Addon{}, "c5.flannel", func(a *v1alpha1.Addon) { a.Spec.Version, a.Spec.Pin = older, &v1alpha1.Pin{Reason: "kernel"} })
	soak := time.Second
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) {
		twoWaves(s)
		s.MaxConcurrent, s.Soak = count(2), &metav1.Duration{Duration: soak}
	})
	h.manage(t)
	quiet(t, "a rollout was opened, and nobody would take a newer release", func() bool { return len(h.rollouts(t)) > 0 })
	p.set(func() { p.newest = newer })
	x := h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done c4=Done")
	h.runs(t, newer, "c1", "c2", "c3", "c4")
	h.runs(t, older, "c5")
	for _, c := range []string{"c1", "c2", "c3", "c4", "c5"} {
		h.says(t, c, "")
	}
	canary, rest := x.Status.Waves[0], x.Status.Waves[1]
	if waited := rest.Started.Sub(canary.Ended.Time); waited < soak {
		t.Errorf("the second wave began %s after the first had ended, want %s at least", waited, soak)
	}
	p.set(func() {
		if len(p.made) != 4 || p.made[0] != "c1 "+newer || p.most > 2 {
			t.Errorf("moves were made in the order %v, at most %d at once", p.made, p.most)
		}
	})
	if a := h.addon(t, "c5"); a.Spec.Version != older || a.Spec.MoveTo != "" {
		t.Errorf("the pinned cluster was told: %+v", a.Spec)
	}
	h.eventually(t, "RolloutOpened", "RolloutFinished")
	var policy v1alpha1.UpdatePolicy
	must(t, h.Get(t.Context(), client.ObjectKey{Name: "prod"}, &policy))
	if !meta.IsStatusConditionTrue(policy.Status.Conditions, "Ready") || policy.Status.Clusters != 5 {
		t.Errorf("the policy says %+v", policy.Status)
	}
}

// rollouts are the names of those in the hub.
func (h *hubUnderTest) rollouts(t *testing.T) []string {
	t.Helper()
	var list v1alpha1.AddonRolloutList
	must(t, h.List(t.Context(), &list))
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].Name)
	}
	return out
}

// eventually waits until there is an event of each reason, once.
func (h *hubUnderTest) eventually(t *testing.T, reasons ...string) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		var list eventsv1.EventList
		if err := h.List(ctx, &list); err != nil {
			return err
		}
		for _, reason := range reasons {
			if !slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool { return e.Reason == reason }) {
				return fmt.Errorf("there is no event %s among %d", reason, len(list.Items))
			}
		}
		return nil
	})
}

// once waits until there are so many events of a reason about an object, and fails when there are more: they are told of changes, not of looks.
func (h *hubUnderTest) once(t *testing.T, about client.Object, reason, kind string, want int) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		var list eventsv1.EventList
		if err := h.List(ctx, &list); err != nil {
			return err
		}
		got := 0
		for i := range list.Items {
			if e := &list.Items[i]; e.Regarding.UID == about.GetUID() && e.Reason == reason && e.Type == kind {
				got++
				if e.Series != nil {
					got += int(e.Series.Count)
				}
			}
		}
		if got != want {
			return fmt.Errorf("%s was told %d times of %s, want %d", reason, got, about.GetName(), want)
		}
		return nil
	})
}

func halts(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 wave=canary", "c2", "c3")
	p.set(func() { p.newest, p.bad["c1"] = newer, true })
	h.policyOf(t, "prod", twoWaves)
	h.manage(t)
	h.reaches(t, prod, "Halted", "c1=Failed c2=Pending c3=Pending")
	quiet(t, "another cluster was touched after the halt", func() bool {
		return wishes(h.addon(t, "c2").Spec)+wishes(h.addon(t, "c3").Spec) != ""
	})
	h.runs(t, older, "c1", "c2", "c3")
	h.says(t, "c1", "")
	h.eventually(t, "ClusterFailed", "RolloutHalted")
	p.set(func() { p.bad["c1"] = false })
	h.order(t, "retry")
	x := h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done")
	h.runs(t, newer, "c1", "c2", "c3")
	if m := x.Status.Members[0]; m.Tries != 2 || len(h.addon(t, "c1").Status.Held) > 0 {
		t.Errorf("c1 was tried %d times, and holds %v", m.Tries, h.addon(t, "c1").Status.Held)
	}
}

func windowHolds(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 wave=canary", "c2")
	p.set(func() { p.newest, p.stuck["c1"] = newer, true })
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { twoWaves(s); s.Windows = never() })
	h.manage(t)
	h.reaches(t, prod, "Waiting", "c1=Pending c2=Pending")
	quiet(t, "somebody was told outside of the window", func() bool { return wishes(h.addon(t, "c1").Spec) != "" })
	windows := func(w *v1alpha1.PolicyWindows, end string) {
		change(t, h, &v1alpha1.UpdatePolicy{}, "prod", func(p *v1alpha1.UpdatePolicy) { p.Spec.Windows, p.Spec.OnWindowEnd = w, end })
	}
	windows(nil, "")
	h.says(t, "c1", "to 0.27.3, by "+prod)
	windows(never(), "")
	h.says(t, "c1", "to 0.27.3, by "+prod+", FinishNode")
	windows(never(), "stop")
	h.says(t, "c1", "to 0.27.3, by "+prod+", Stop")
	windows(never(), "finishCluster")
	h.says(t, "c1", "to 0.27.3, by "+prod)
	p.set(func() { p.stuck["c1"] = false })
	h.reaches(t, prod, "Waiting", "c1=Done c2=Pending")
	windows(nil, "")
	h.reaches(t, prod, "Finished", "c1=Done c2=Done")
}

func approval(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 wave=canary", "c2")
	p.set(func() { p.newest = newer })
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { twoWaves(s); s.Waves[1].Approval = true })
	h.manage(t)
	x := h.reaches(t, prod, "Approval", "c1=Done c2=Pending")
	if !strings.Contains(x.Status.Who, "approve --wave rest") || meta.FindStatusCondition(x.Status.Conditions, "Stalled") == nil {
		t.Errorf("it does not say who has to act: %q, %v", x.Status.Who, x.Status.Conditions)
	}
	quiet(t, "a wave began that nobody approved", func() bool { return wishes(h.addon(t, "c2").Spec) != "" })
	h.order(t, "approve", func(o *v1alpha1.Order) { o.Wave = "others" })
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if err := h.Get(ctx, client.ObjectKey{Name: prod}, x); err != nil || x.Status.Refused == "" {
			return fmt.Errorf("the order for a wave that is none was not refused (%w)", err)
		}
		return nil
	})
	h.order(t, "approve", func(o *v1alpha1.Order) { o.Wave = "rest" })
	x = h.reaches(t, prod, "Finished", "c1=Done c2=Done")
	if x.Status.Waves[1].Approved != "test" || x.Status.Obeyed != 2 {
		t.Errorf("approved by %q, obeyed %d", x.Status.Waves[1].Approved, x.Status.Obeyed)
	}
}

func undone(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 wave=canary", "c2", "c3")
	p.set(func() { p.newest, p.stuck["c2"] = newer, true })
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { twoWaves(s); s.MaxConcurrent = count(1) })
	h.manage(t)
	h.reaches(t, prod, "Rolling", "c1=Done c2=Running c3=Pending")
	h.order(t, "pause")
	h.reaches(t, prod, "Paused", "c1=Done c2=Running c3=Pending")
	h.says(t, "c2", "to 0.27.3, by "+prod+", FinishNode")
	p.set(func() { p.stuck["c2"] = false })
	quiet(t, "the pause was not heard", func() bool { return wishes(h.addon(t, "c3").Spec) != "" })
	h.order(t, "resume")
	h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done")
	p.set(func() { p.made = nil })
	h.order(t, "undo")
	h.reaches(t, prod, "Undone", "c1=Done c2=Done c3=Done")
	h.runs(t, older, "c1", "c2", "c3")
	p.set(func() {
		if len(p.made) != 3 || p.made[2] != "c1 "+older {
			t.Errorf("the way back went in the order %v, want the last wave first", p.made)
		}
	})
	for _, c := range []string{"c1", "c2", "c3"} {
		h.says(t, c, "")
		if a := h.addon(t, c); status.Held(a, newer) == nil {
			t.Errorf("%s does not hold what it was put back from: %v", c, a.Status.Held)
		}
	}
	quiet(t, "a release that was taken back goes out again", func() bool { return wishes(h.addon(t, "c1").Spec) != "" || len(h.rollouts(t)) > 1 })
}

func catchesUp(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 wave=canary", "c2", "c3")
	h.reach(t, "c1", false)
	p.set(func() { p.newest = newer })
	h.policyOf(t, "prod", twoWaves)
	observe(t, h, &v1alpha1.Addon{}, "c1.flannel", func(a *v1alpha1.Addon) { tell(a, newer) }) // seen before it was lost
	h.manage(t)
	h.reaches(t, prod, "CatchingUp", "c1=Unreachable c2=Done c3=Done")
	h.runs(t, older, "c1")
	h.says(t, "c1", "")
	h.reach(t, "c1", true)
	x := h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done")
	if m := x.Status.Members[0]; m.Cluster != "c1" || m.Wave != 0 || m.Tries != 1 {
		t.Errorf("c1 caught up as %+v", m)
	}
	h.register(t, "c4")
	x = h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done c4=Done")
	if i := slices.IndexFunc(x.Status.Members, func(m v1alpha1.RolloutMember) bool { return m.Cluster == "c4" }); !x.Status.Members[i].Late {
		t.Errorf("c4 joined as %+v", x.Status.Members[i])
	}
	h.runs(t, newer, "c1", "c2", "c3", "c4")
}

func recalls(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1", "c2", "c3", "c4")
	// c1 is half way when the recall comes, c2 was told and has not begun, c3 waits for its turn, and c4 is pinned to the release.
	p.set(func() { p.newest, p.half["c1"], p.stuck["c2"] = newer, true, true })
	change(t, h, &v1alpha1.Addon{}, "c4.flannel", func(a *v1alpha1.Addon) { a.Spec.Version, a.Spec.Pin = newer, &v1alpha1.Pin{Reason: "kernel"} })
	a := h.addon(t, "c4")
	a.Status.CurrentInstalledVersion = newer
	tell(a, newer)
	must(t, h.Status().Update(t.Context(), a))
	day := metav1.Duration{Duration: 24 * time.Hour}
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { s.MaxConcurrent = count(2) })
	h.manage(t)
	h.reaches(t, prod, "Rolling", "c1=Running c2=Running c3=Pending")
	h.says(t, "c2", "to 0.27.3, by "+prod)
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if v := h.addon(t, "c1").Status.CurrentInstalledVersion; v != newer {
			return fmt.Errorf("c1 is not half way: its template is that of %s", v)
		}
		return nil
	})
	// From here on the policy asks for an age that nobody knows of the older release: who leaves a recalled one is not kept by that.
	change(t, h, &v1alpha1.UpdatePolicy{}, "prod", func(x *v1alpha1.UpdatePolicy) { x.Spec.MinimumAge = &day })
	began := time.Now()
	must(t, h.Create(t.Context(), &v1alpha1.AddonCatalog{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.AddonCatalogSpec{BuiltIn: true, Recalls: []v1alpha1.Recall{
			{Addon: "Flannel", Version: newer, Reason: "it loses packets"}, {Addon: "Flannel", Version: "9.9.9", Reason: "misspelt"},
		}},
	}))
	h.says(t, "c1", "to 0.27.3, by "+prod+", FinishNode")
	h.says(t, "c2", "") // it was held, and let go when it was seen that it had not begun
	took := time.Since(began)
	t.Logf("clusters under way were told to stop %s after the recall was recorded", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("it took %s, want 5s at most", took)
	}
	x := h.reaches(t, prod, "Recalled", "c1=Running c2=Skipped c3=Pending")
	if x.Status.Recalled != "it loses packets" {
		t.Errorf("it does not say why: %q", x.Status.Recalled)
	}
	p.set(func() { p.stuck["c2"] = false })
	quiet(t, "a cluster was told to take a recalled release", func() bool { return wishes(h.addon(t, "c3").Spec) != "" })
	h.runs(t, older, "c2", "c3")
	var c v1alpha1.AddonCatalog
	must(t, h.Get(t.Context(), client.ObjectKey{Name: "default"}, &c))
	ready := meta.FindStatusCondition(c.Status.Conditions, "Ready")
	if ready == nil || ready.Status != "True" || !strings.Contains(ready.Message, "not known: Flannel 9.9.9") || c.Status.Releases == 0 || c.Status.Digest == "" {
		t.Errorf("the catalog says %+v", c.Status)
	}
	h.once(t, &c, "ReleaseRecalled", "Warning", 2)
	h.once(t, x, "RolloutRecalled", "Warning", 1)
	// Clusters look anew, and see that nothing newer is left: who runs the release goes back, by a rollout of its own.
	p.set(func() { p.newest, p.recalled = older, newer })
	const away = "prod-flannel-0.26.2-from-0.27.3"
	x = h.reaches(t, away, "Finished", "c1=Done")
	if x.Spec.Leaves != newer || x.Spec.Version != older {
		t.Errorf("the rollout away is about %+v", x.Spec)
	}
	h.says(t, "c1", "")
	h.runs(t, older, "c1", "c2", "c3")
	if a := h.addon(t, "c4"); a.Spec.Version != newer || a.Status.CurrentInstalledVersion != newer {
		t.Errorf("the pinned cluster was changed: %+v", a.Spec)
	}
	// The negative control: what is not recalled any more goes on.
	change(t, h, &v1alpha1.UpdatePolicy{}, "prod", func(x *v1alpha1.UpdatePolicy) { x.Spec.MinimumAge = nil })
	must(t, h.Delete(t.Context(), &c))
	p.set(func() { p.newest, p.recalled, p.half["c1"] = newer, "", false })
	h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done")
}

func ends(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1", "c2")
	p.set(func() { p.newest, p.stuck["c1"] = newer, true })
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { s.MaxConcurrent = count(1) })
	h.manage(t)
	h.reaches(t, prod, "Rolling", "c1=Running c2=Pending")
	h.says(t, "c1", "to 0.27.3, by "+prod)
	p.set(func() { p.newest = newestOf })
	const next = "prod-flannel-0.28.0"
	h.says(t, "c1", "to 0.28.0, by "+next)
	x := h.reaches(t, next, "Rolling", "c1=Running c2=Pending")
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		if err := h.Get(ctx, client.ObjectKey{Name: prod}, x); err != nil || x.Status.Phase != "Aborted" || !strings.Contains(x.Status.Why, next) {
			return fmt.Errorf("the older rollout is %s: %s (%w)", x.Status.Phase, x.Status.Why, err)
		}
		return nil
	})
	p.set(func() { p.stuck["c1"] = false })
	h.reaches(t, next, "Finished", "c1=Done c2=Done")
	h.runs(t, newestOf, "c1", "c2")
}

func gathers(t *testing.T, h *hubUnderTest, _ *player) {
	t.Helper()
	h.register(t, "c1", "c2")
	h.policyOf(t, "prod", func(*v1alpha1.UpdatePolicySpec) {})
	must(t, h.Create(t.Context(), &v1alpha1.AddonRollout{
		ObjectMeta: metav1.ObjectMeta{Name: prod}, Spec: v1alpha1.AddonRolloutSpec{Policy: "prod", Addon: "Flannel", Version: newer},
	}))
	now := time.Now()
	f := &fleet{client: h.Client, catalogs: catalogs(t), now: func() time.Time { return now }, gather: time.Hour}
	for _, c := range []struct {
		later time.Duration
		want  bool
	}{{0, false}, {30 * time.Minute, false}, {2 * time.Hour, true}} {
		now = time.Now().Add(c.later)
		r, err := rolloutReconciler{f}.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: prod}})
		var x v1alpha1.AddonRollout
		must(t, errors.Join(err, h.Get(t.Context(), client.ObjectKey{Name: prod}, &x)))
		if begun := x.Status.Opened != nil; begun != c.want || !c.want && r.RequeueAfter > time.Hour-c.later+time.Second {
			t.Errorf("%s after it was opened: begun %v, looked at again after %s", c.later, begun, r.RequeueAfter)
		}
	}
}

// errKilled is what a write says to a controller that was killed.
var errKilled = errors.New("killed")

func killed(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1", "c2")
	p.set(func() { p.newest = newer })
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { s.MaxConcurrent = count(1) })
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		for _, c := range []string{"c1", "c2"} {
			if v := h.addon(t, c).Status.NewestFit; v != newer {
				return fmt.Errorf("%s would take %q", c, v)
			}
		}
		return nil
	})
	live, err := client.NewWithWatch(h.config, client.Options{Scheme: h.scheme})
	must(t, err)
	dying := interceptor.NewClient(live, interceptor.Funcs{Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
		if _, is := o.(*v1alpha1.Addon); is {
			return errKilled
		}
		return c.Update(ctx, o, opts...)
	}})
	f := &fleet{client: dying, builtIn: true, catalogs: catalogs(t), now: time.Now}
	_, err = policyReconciler{f}.Reconcile(t.Context(), allPolicies)
	must(t, err)
	if _, err := (rolloutReconciler{f}).Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: prod}}); !errors.Is(err, errKilled) {
		t.Fatalf("the controller was not killed: %v", err)
	}
	h.reaches(t, prod, "Rolling", "c1=Running c2=Pending")
	if told := wishes(h.addon(t, "c1").Spec); told != "" {
		t.Fatalf("it was told before it was killed: %q", told)
	}
	h.manage(t) // another one takes over
	x := h.reaches(t, prod, "Finished", "c1=Done c2=Done")
	for _, m := range x.Status.Members {
		if m.Tries != 1 {
			t.Errorf("%s was tried %d times", m.Cluster, m.Tries)
		}
	}
}

func refused(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 env=dev", "c2 env=both", "c3 env=lost")
	p.set(func() { p.newest, p.stuck["c3"] = newer, true })
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { s.Selector = "env in (dev,both)" })
	h.policyOf(t, "twin", func(s *v1alpha1.UpdatePolicySpec) { s.Selector = "env=both" })
	h.policyOf(t, "lost", func(s *v1alpha1.UpdatePolicySpec) {
		s.Selector, s.Windows = "env=lost", never()
		s.Windows.Allow[0].Zone = "Europe/Atlantis"
	})
	h.manage(t)
	condition := func(policy, reason, text string) {
		t.Helper()
		testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
			var p v1alpha1.UpdatePolicy
			if err := h.Get(ctx, client.ObjectKey{Name: policy}, &p); err != nil {
				return err
			}
			c := meta.FindStatusCondition(p.Status.Conditions, "Ready")
			if c == nil || c.Reason != reason || !strings.Contains(c.Message, text) {
				return fmt.Errorf("policy %s says %v, want %s: %s", policy, c, reason, text)
			}
			return nil
		})
	}
	condition("prod", "Overlaps", "policy twin takes Flannel of c2 too")
	condition("twin", "Overlaps", "policy prod takes Flannel of c2 too")
	condition("lost", "Invalid", `spec.windows.allow[0].zone: "Europe/Atlantis"`)
	var lost v1alpha1.UpdatePolicy
	must(t, h.Get(t.Context(), client.ObjectKey{Name: "lost"}, &lost))
	h.once(t, &lost, "Invalid", "Warning", 1)
	h.reaches(t, prod, "Finished", "c1=Done")
	quiet(t, "something was begun where two policies take a cluster, or where one cannot be followed", func() bool {
		return wishes(h.addon(t, "c2").Spec)+wishes(h.addon(t, "c3").Spec) != ""
	})
	h.runs(t, older, "c2", "c3")
	// The negative control: when the other one lets go, the cluster is taken up.
	must(t, h.Delete(t.Context(), &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "twin"}}))
	condition("prod", "Accepted", "it is followed")
	h.reaches(t, prod, "Finished", "c1=Done c2=Done")
	must(t, h.Delete(t.Context(), &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "lost"}}))
	h.reaches(t, "default-flannel-0.27.3", "Rolling", "c3=Running")
}

func directory(t *testing.T, h *hubUnderTest, _ *player) {
	t.Helper()
	f := &fleet{client: h.Client, catalogs: catalogs(t), now: time.Now}
	builtIn := f.catalogs.Current()
	must(t, h.Create(t.Context(), &v1alpha1.AddonCatalog{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.AddonCatalogSpec{
			Directory: t.TempDir() + "/none", Recalls: []v1alpha1.Recall{{Addon: "Flannel", Version: newer, Reason: "it loses packets"}},
		},
	}))
	r, err := catalogReconciler{f}.Reconcile(t.Context(), reconcile.Request{})
	if err != nil || r.RequeueAfter == 0 {
		t.Errorf("it is not read again: %v, %v", r, err)
	}
	var c v1alpha1.AddonCatalog
	must(t, h.Get(t.Context(), client.ObjectKey{Name: "default"}, &c))
	if ready := meta.FindStatusCondition(c.Status.Conditions, "Ready"); ready == nil || ready.Reason != "Invalid" || !strings.Contains(ready.Message, "/none") {
		t.Errorf("it says %+v", c.Status)
	}
	was, _ := builtIn.AddOn("Flannel")
	now, _ := f.catalogs.Current().AddOn("Flannel")
	for i, release := range now.Releases {
		if recalled := release.Version.String() == newer; recalled != (release.Status == "RECALLED") || len(was.Releases) != len(now.Releases) {
			t.Errorf("%s is %s, and was %s", release.Version, release.Status, was.Releases[i].Status)
		}
	}
}
