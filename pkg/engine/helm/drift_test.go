package helm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
)

func (b *bench) drift(t *testing.T, exclusions ...string) (plan.Input, helm.Drift, []helm.Exclusion) {
	t.Helper()
	var excluded []helm.Exclusion
	for _, text := range exclusions {
		e, err := helm.ParseExclusion(text)
		if err != nil {
			t.Fatal(err)
		}
		excluded = append(excluded, e)
	}
	in, err := b.observer.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Cluster.NetworkType = "FLANNEL_OVERLAY"
	in.Cluster.Guard = plan.Guard{} // it has tests of its own
	d, err := b.Drift(t.Context(), in, excluded)
	if err != nil {
		t.Fatal(err)
	}
	return in, d, excluded
}

// differing names what a drift found, as object and field.
func differing(d helm.Drift) []string {
	var out []string
	for _, o := range d.Objects {
		if o.Missing {
			out = append(out, o.Object+" missing")
		}
		for _, f := range o.Fields {
			out = append(out, o.Object+" "+f.Path+" by "+f.Owner)
		}
	}
	return out
}

// disturb changes what only a comparison of fields can notice: no image, no mark.
func (b *bench) disturb(t *testing.T) {
	t.Helper()
	b.edit(t, "kubectl-patch", types.StrategicMergePatchType, `{"spec":{"template":{"spec":{
		"containers":[{"name":"kube-flannel","resources":{"requests":{"cpu":"777m"}},"env":[{"name":"THEIRS","value":"x"}]}]}}}}`)
	b.edit(t, "kubectl-edit", types.JSONPatchType, `[{"op":"remove","path":"/spec/template/spec/priorityClassName"}]`)
	typed, by := b.Target.Typed, metav1.PatchOptions{FieldManager: "kubectl-edit"}
	rules := []byte(`[{"op":"add","path":"/rules/-","value":{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}}]`)
	if _, err := typed.RbacV1().ClusterRoles().Patch(t.Context(), "flannel", types.JSONPatchType, rules, by); err != nil {
		t.Fatal(err)
	}
	if err := typed.CoreV1().ServiceAccounts("kube-system").Delete(t.Context(), "flannel", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// What is live and not as it was recorded is found, field by field and with its owner, and is set back. What the API server fills in,
// what its controllers write and what others add beside is not found. It would catch a CNI that was changed under us and that
// status calls well.
func TestDriftIsFoundAndSetBack(t *testing.T) {
	t.Parallel()
	b := start(t)
	in, _ := b.look(t, "0.26.2")
	if _, err := b.Drift(t.Context(), in, nil); !errors.Is(err, helm.ErrNotRecorded) {
		t.Errorf("with nothing recorded: %v", err)
	}
	b.installed(t, "0.26.2")
	if _, d, _ := b.drift(t); d.Found() || len(d.Objects) > 0 {
		t.Fatalf("nothing was changed: %+v", d)
	}
	in.Cluster.Guard.Wrong = []string{"ValidatingAdmissionPolicy x"}
	if d, err := b.Drift(t.Context(), in, nil); err != nil || !d.Found() || len(d.Objects) > 0 {
		t.Errorf("a guard that was changed: %+v, %v", d, err)
	}
	b.disturb(t)
	in, d, _ := b.drift(t)
	want := []string{
		"ServiceAccount flannel missing", "ClusterRole flannel rules by kubectl-edit",
		"DaemonSet kube-flannel-ds " + cpuPath + " by kubectl-patch",
		"DaemonSet kube-flannel-ds spec.template.spec.priorityClassName by ",
	}
	if diff := cmp.Diff(want, differing(d)); diff != "" || !d.Found() || !d.Rolls() {
		t.Errorf("drift (-want +got):\n%s\n%+v", diff, d)
	}
	if _, err := b.SetBack(t.Context(), in, d, nil); err != nil {
		t.Fatal(err)
	}
	if _, d, _ := b.drift(t); d.Found() {
		t.Errorf("after setting back: %+v", d)
	}
	env := b.daemonSet(t).Spec.Template.Spec.Containers[0].Env
	if !slices.ContainsFunc(env, func(e corev1.EnvVar) bool { return e.Name == "THEIRS" }) {
		t.Errorf("what somebody added beside is gone: %+v", env)
	}
	waitObserved(t, b, "0.26.2")
	b.do(t, "0.26.2", plan.Settle)
	if in, p := b.look(t, "0.26.2"); len(p.Steps) > 0 || in.Record.Last().Number != 2 {
		t.Errorf("after settling there is something to do: %+v, %+v", p.Steps, in.Record.Last())
	}
	if _, d, _ := b.drift(t); d.Found() || d.SettingBack {
		t.Errorf("after settling: %+v", d)
	}
	// The negative control: what is no workload needs no new revision, and nothing to settle.
	if err := b.Target.Typed.CoreV1().ServiceAccounts("kube-system").Delete(t.Context(), "flannel", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	in, d, _ = b.drift(t)
	if _, err := b.SetBack(t.Context(), in, d, nil); err != nil {
		t.Fatal(err)
	}
	if in, p := b.look(t, "0.26.2"); len(p.Steps) > 0 || in.Record.Last().Number != 2 {
		t.Errorf("after a ServiceAccount was set back: %+v, %+v", p.Steps, in.Record.Last())
	}
}

// What is excluded is neither drift nor set back, whoever owns it; the rest is.
func TestWhatIsExcludedIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.installed(t, "0.26.2")
	b.disturb(t)
	in, d, excluded := b.drift(t, "DaemonSet kube-flannel-*:spec.template.spec.priorityClassName", "DaemonSet kube-flannel-ds:"+cpuPath, "ServiceAccount flannel")
	if diff := cmp.Diff([]string{"ClusterRole flannel rules by kubectl-edit"}, differing(d)); diff != "" || d.Kept != 2 || d.Rolls() {
		t.Errorf("drift (-want +got):\n%s\n%+v", diff, d)
	}
	generation := b.daemonSet(t).Generation
	if _, err := b.SetBack(t.Context(), in, d, excluded); err != nil {
		t.Fatal(err)
	}
	if b.cpu(t) != "777m" || b.daemonSet(t).Generation != generation {
		t.Error("what is excluded was set back")
	}
	// With one of two excluded fields the object is written, and the other stays, though nobody owns that it is gone.
	in, d, excluded = b.drift(t, "DaemonSet kube-flannel-ds:spec.template.spec.priorityClassName", "ServiceAccount flannel")
	if _, err := b.SetBack(t.Context(), in, d, excluded); err != nil {
		t.Fatal(err)
	}
	if now := b.daemonSet(t).Spec.Template.Spec.PriorityClassName; b.cpu(t) == "777m" || now != "" {
		t.Errorf("cpu %s, priority class %q", b.cpu(t), now)
	}
}

// While a move is under way objects are of two releases: what is ours of either is no drift, and nothing is set back.
func TestAMoveUnderWayIsNoDrift(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.installed(t, "0.24.4")
	b.do(t, "0.26.2", plan.Apply)
	in, d, _ := b.drift(t)
	if d.Found() || !d.Open {
		t.Errorf("%+v", d)
	}
	if _, err := b.SetBack(t.Context(), in, d, nil); !errors.Is(err, helm.ErrUnderWay) {
		t.Errorf("setting back: %v", err)
	}
	b.edit(t, "kubectl-patch", types.StrategicMergePatchType,
		`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","resources":{"requests":{"cpu":"777m"}}}]}}}}`)
	if _, d, _ := b.drift(t); len(differing(d)) != 1 { // the negative control
		t.Errorf("%+v", d)
	}
}

// A workload that carries the mark of no revision is somebody's.
func TestAWorkloadOfNoRecordedRevisionIsDrift(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.installed(t, "0.26.2")
	b.edit(t, "somebody", types.MergePatchType, `{"metadata":{"annotations":{"addonctl.io/render":"another"}}}`)
	in, d, _ := b.drift(t)
	if d.Unrecorded != "0.26.2" || !d.Found() {
		t.Errorf("%+v", d)
	}
	if _, err := b.SetBack(t.Context(), in, d, nil); err != nil {
		t.Fatal(err)
	}
	if _, d, _ := b.drift(t); d.Found() {
		t.Errorf("after setting back: %+v", d)
	}
}

// byHand writes an older release as Helm does in a rollback by hand: its fields by Helm, its revision without our mark.
func (b *bench) byHand(t *testing.T, number int) {
	t.Helper()
	store := driver.NewSecrets(b.Target.Typed.CoreV1().Secrets("kube-system"))
	was, err := store.Get(fmt.Sprintf("sh.helm.release.v1.flannel.v%d", number))
	if err != nil {
		t.Fatal(err)
	}
	in, err := b.observer.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := in.Record.Last().Number
	objects, err := render.Parse(was.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.GetKind() == "CustomResourceDefinition" {
			continue
		}
		r, err := b.Target.Resource(o)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		force := true
		_, err = r.Patch(t.Context(), o.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "helm", Force: &force})
		if err != nil {
			t.Fatal(err)
		}
	}
	was.Version, was.Info.Status, was.Info.Description = last+1, release.StatusDeployed, fmt.Sprintf("Rollback to %d", number)
	if err := store.Create(fmt.Sprintf("sh.helm.release.v1.flannel.v%d", last+1), was); err != nil {
		t.Fatal(err)
	}
}

// rule tells whether the agents' ClusterRole has a rule of 0.24.4 that 0.26.2 does not have.
func (b *bench) rule(t *testing.T) bool {
	t.Helper()
	role, err := b.Target.Typed.RbacV1().ClusterRoles().Get(t.Context(), "flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "clustercidrs") })
}

// A release that Helm put there by hand runs on the nodes until they have taken ours again: till then it keeps its rules, and the
// revision is pending. It would catch rules that are taken from agents that run, and a history that says deployed of agents that
// crash. Cut off at any write, the same call goes on with the same revision.
func TestSettingBackAReleaseKeepsTheRulesOfTheOneThatRuns(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.moves(t, "0.24.4")
	b.moves(t, "0.26.2")
	if b.rule(t) {
		t.Fatal("0.26.2 has the rule too")
	}
	b.byHand(t, 1)
	if !b.rule(t) {
		t.Fatal("0.24.4 has no such rule")
	}
	in, d, _ := b.drift(t)
	if len(d.ByHand) != 1 || !d.Rolls() {
		t.Fatalf("drift: %+v", d)
	}
	b.cutOff(t, in, d)
	b.pendingAs(t, 4)
	waitObserved(t, b, "0.26.2")
	b.do(t, "0.26.2", plan.Settle)
	if in, p := b.look(t, "0.26.2"); len(p.Steps) > 0 || in.Record.Last().Status != plan.Deployed || b.rule(t) {
		t.Errorf("settled: %+v, %+v, rule %v", p.Steps, in.Record.Last(), b.rule(t)) // the negative control
	}
}

// cutOff sets back with a connection that is cut one write later each time.
func (b *bench) cutOff(t *testing.T, in plan.Input, d helm.Drift) {
	t.Helper()
	for cut := int64(1); ; cut++ {
		broken := *b.Engine
		cfg, left := b.cluster.Config(), &atomic.Int64{}
		left.Store(cut)
		cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return failing{rt, left, cut%2 == 0} })
		var err error
		if broken.Target, err = kube.New(cfg); err != nil {
			t.Fatal(err)
		}
		_, err = broken.SetBack(t.Context(), in, d, nil)
		now, p := b.look(t, "0.26.2")
		if last := now.Record.Last(); last.Number > 4 || last.By == "" && last.Status != plan.PendingUpgrade || !b.rule(t) {
			t.Fatalf("cut at write %d: %+v, rule %v", cut, last, b.rule(t))
		}
		if s, _ := p.Next(); err != nil && now.Installed.Revision != 4 && s.Kind != plan.Apply && len(p.Blocking()) == 0 {
			t.Fatalf("cut at write %d: the next step is %+v, and the workload is not written", cut, s)
		}
		if err == nil {
			if cut < 3 {
				t.Errorf("only %d writes", cut)
			}
			return
		}
		in, d, _ = b.drift(t)
		if d.Open {
			t.Fatalf("cut at write %d: %+v", cut, d)
		}
	}
}

// pendingAs tells that a revision is pending, and that a plan waits for the nodes and settles that very one.
func (b *bench) pendingAs(t *testing.T, number int) {
	t.Helper()
	in, p := b.look(t, "0.26.2")
	if last := in.Record.Last(); last.Number != number || last.Status != plan.PendingUpgrade || last.By != "" {
		t.Errorf("recorded is %+v", last)
	}
	if s := step(p, plan.Settle); s.Revision != number || step(p, plan.Apply).Kind != "" || !b.rule(t) {
		t.Errorf("steps %+v, rule %v, findings %+v", p.Steps, b.rule(t), p.Findings)
	}
	if _, d, _ := b.drift(t); d.Found() || d.Open || !d.SettingBack {
		t.Errorf("while nodes take it again: %+v", d)
	}
}

// A workload that is excluded as a whole keeps what it is, also when a revision of ours is recorded again: only our marks are
// written. It would catch a forced write that restarts every agent that was to be left alone.
func TestAWorkloadThatIsExcludedAsAWholeIsOnlyMarked(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.moves(t, "0.26.2")
	b.byHand(t, 1)
	b.disturb(t)
	before := b.daemonSet(t)
	in, d, excluded := b.drift(t, "DaemonSet kube-flannel-ds")
	if len(d.ByHand) != 1 || d.Rolls() {
		t.Fatalf("drift: %+v", d)
	}
	if _, err := b.SetBack(t.Context(), in, d, excluded); err != nil {
		t.Fatal(err)
	}
	after := b.daemonSet(t)
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" || before.Generation != after.Generation {
		t.Errorf("what is excluded was written (-before +after):\n%s", diff)
	}
	if after.Annotations[kube.AnnotationRevision] != "3" {
		t.Errorf("marks: %v", after.Annotations)
	}
	waitObserved(t, b, "0.26.2")
	b.do(t, "0.26.2", plan.Settle)
	// The negative control: without the exclusion it is written.
	in, d, _ = b.drift(t)
	if _, err := b.SetBack(t.Context(), in, d, nil); err != nil {
		t.Fatal(err)
	}
	if b.daemonSet(t).Generation == before.Generation {
		t.Error("nothing was set back")
	}
}

// Another release that is excluded goes on running: it keeps its rules, and is not recorded as ours.
func TestAnotherReleaseThatIsExcludedGoesOn(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.moves(t, "0.24.4")
	b.moves(t, "0.26.2")
	b.byHand(t, 1)
	waitObserved(t, b, "0.24.4") // its controller writes the status, and a new version with it
	before := b.daemonSet(t)
	in, d, excluded := b.drift(t, "DaemonSet kube-flannel-ds")
	if _, err := b.SetBack(t.Context(), in, d, excluded); err != nil {
		t.Fatal(err)
	}
	in, _, _ = b.drift(t)
	if now := b.daemonSet(t); now.ResourceVersion != before.ResourceVersion || in.Record.Last().Number != 3 || !b.rule(t) {
		t.Errorf("version %s, then %s; recorded %+v; rule %v", before.ResourceVersion, now.ResourceVersion, in.Record.Last(), b.rule(t))
	}
}
