package helm_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/plan"
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
	if _, p := b.look(t, "0.26.2"); len(p.Steps) > 0 {
		t.Errorf("after setting back there is something to do: %+v", p.Steps)
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
