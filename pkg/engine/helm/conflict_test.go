package helm_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/plan"
)

const workload = "kube-flannel-ds"

// installed brings a release onto the cluster, settled.
func (b *bench) installed(t *testing.T, v string) {
	t.Helper()
	b.do(t, v, plan.Apply)
	waitObserved(t, b, v)
	b.do(t, v, plan.Settle)
}

// lookAs is look with a conflict policy.
func (b *bench) lookAs(t *testing.T, v string, policy plan.ConflictPolicy) (plan.Input, plan.Plan) {
	t.Helper()
	in, _ := b.look(t, v)
	in.Request.Conflicts = policy
	var err error
	if in.Change, err = b.Change(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return in, plan.Make(in)
}

// edit is somebody's change of the DaemonSet.
func (b *bench) edit(t *testing.T, who string, kind types.PatchType, patch string) {
	t.Helper()
	_, err := b.Target.Typed.AppsV1().DaemonSets("kube-system").Patch(t.Context(), workload, kind, []byte(patch), metav1.PatchOptions{FieldManager: who})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) daemonSet(t *testing.T) *appsv1.DaemonSet {
	t.Helper()
	d, err := b.Target.Typed.AppsV1().DaemonSets("kube-system").Get(t.Context(), workload, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (b *bench) cpu(t *testing.T) string {
	t.Helper()
	return b.daemonSet(t).Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String()
}

// finding is the one of a reason.
func finding(t *testing.T, p plan.Plan, reason plan.Reason) plan.Finding {
	t.Helper()
	for _, f := range p.Findings {
		if f.Reason == reason {
			return f
		}
	}
	t.Fatalf("no %s in %+v", reason, p.Findings)
	return plan.Finding{}
}

func blocked(p plan.Plan, reason plan.Reason) bool {
	for _, f := range p.Blocking() {
		if f.Reason == reason {
			return true
		}
	}
	return false
}

// carry carries out the first step of a look, which has to be an Apply.
func (b *bench) carry(t *testing.T, in plan.Input, p plan.Plan) plan.Result {
	t.Helper()
	s, ok := p.Next()
	if !ok || s.Kind != plan.Apply || len(p.Blocking()) > 0 {
		t.Fatalf("next step %+v; findings %+v", s, p.Findings)
	}
	result, err := b.Do(t.Context(), in, s)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

const cpuPath = "spec.template.spec.containers[kube-flannel].resources.requests.cpu"

// Somebody gave the agent more CPU. What becomes of that is the operator's to say, and is said before anything is written:
// nothing is forced in silence, and nothing is lost in silence. It would catch an update that takes an emergency edit back.
func TestWhatSomebodyElseSetIsRefusedTakenOrKept(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.installed(t, "0.26.2")
	ours := b.cpu(t)
	b.edit(t, "kubectl-patch", types.StrategicMergePatchType,
		`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","resources":{"requests":{"cpu":"777m"}}}]}}}}`)

	_, p := b.lookAs(t, "0.27.3", plan.FailOnConflict)
	f := finding(t, p, plan.FieldConflict)
	for _, text := range []string{"DaemonSet " + workload, cpuPath, "kubectl-patch", "777m", ours} {
		if !f.Blocking || !strings.Contains(f.Message, text) {
			t.Errorf("under Fail: %+v, want it to block and to name %q", f, text)
		}
	}

	in, p := b.lookAs(t, "0.27.3", plan.Preserve)
	if f := finding(t, p, plan.FieldsKept); f.Blocking || !strings.Contains(f.Message, cpuPath) || !strings.Contains(f.Message, "kubectl-patch") {
		t.Errorf("under Preserve: %+v", f)
	}
	result := b.carry(t, in, p)
	if got := b.cpu(t); got != "777m" {
		t.Errorf("Preserve left %s", got)
	}
	if last := result.Objects[len(result.Objects)-1]; len(last.Fields) != 1 || last.Fields[0].Fate != plan.Keep || last.Fields[0].Owner != "kubectl-patch" {
		t.Errorf("the result of Preserve: %+v", last)
	}
	if _, p := b.lookAs(t, "0.27.3", plan.Preserve); len(p.Steps) > 0 && p.Steps[0].Kind == plan.Apply {
		t.Errorf("what was kept is written again and again: %+v", p.Steps)
	}
	waitObserved(t, b, "0.27.3")

	in, p = b.lookAs(t, "0.28.0", plan.Overwrite)
	if f := finding(t, p, plan.FieldsTaken); f.Blocking || !strings.Contains(f.Message, cpuPath) || !strings.Contains(f.Message, "kubectl-patch") {
		t.Errorf("under Overwrite: %+v", f)
	}
	b.carry(t, in, p)
	if got := b.cpu(t); got != ours {
		t.Errorf("Overwrite left %s", got)
	}
}

// An image that stays somebody else's is another release than the one that is told of, so it is not left to them.
func TestWhatMakesTheReleaseIsNotLeftToOthers(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.installed(t, "0.26.2")
	b.edit(t, "kubectl-set", types.StrategicMergePatchType,
		`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","image":"mirror.example.org/flannel:v0.26.2"}]}}}}`)
	_, p := b.lookAs(t, "0.27.3", plan.Preserve)
	if f := finding(t, p, plan.FieldConflict); !f.Blocking || !strings.Contains(f.Message, "image") {
		t.Errorf("%+v", f)
	}
	// The negative control: the policy that takes it goes through.
	if _, p := b.lookAs(t, "0.27.3", plan.Overwrite); blocked(p, plan.FieldConflict) {
		t.Errorf("under Overwrite: %+v", p.Findings)
	}
}

// What somebody took out of a field has no owner any more, and server-side apply puts it back without a word. The plan says it.
func TestAnEditThatNobodyOwnsIsNamedBeforeItIsUndone(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.installed(t, "0.26.2")
	_, p := b.look(t, "0.27.3")
	for _, f := range p.Findings {
		if f.Reason == plan.OperatorEdit {
			t.Errorf("nobody edited anything: %+v", f)
		}
	}
	b.edit(t, "kubectl-edit", types.JSONPatchType, `[{"op":"remove","path":"/spec/template/spec/priorityClassName"}]`)
	_, p = b.look(t, "0.27.3")
	if f := finding(t, p, plan.OperatorEdit); f.Blocking || !strings.Contains(f.Message, "priorityClassName: nothing ->") {
		t.Errorf("%+v", f)
	}
}
