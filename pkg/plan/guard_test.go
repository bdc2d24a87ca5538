package plan_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/plan"
)

// A missing guard is restored first, also when nothing else is to do; where nothing of ours is or comes, it is not put there. It
// would catch a CNI that stays unguarded because its release is up to date.
func TestAMissingGuardIsRestoredFirst(t *testing.T) {
	t.Parallel()
	unguarded := func(in *plan.Input) { in.Cluster.Guard.Wrong = []string{"ValidatingAdmissionPolicy x"} }
	kinds := func(in plan.Input) (out []plan.StepKind) {
		for _, s := range plan.Make(in).Steps {
			out = append(out, s.Kind)
		}
		return out
	}
	up := with(settled(t, "0.26.2"), unguarded)
	if got := kinds(up); len(got) != 1 || got[0] != plan.Protect {
		t.Errorf("with nothing else to do the steps are %v, want Protect", got)
	}
	if p := plan.Make(up); p.State != plan.Applying {
		t.Errorf("state %s while the guard is not in place, want Applying", p.State)
	}
	if got := kinds(settled(t, "0.26.2")); len(got) != 0 {
		t.Errorf("with the guard in place the steps are %v", got)
	}
	up.Installed.Ours = false
	if got := kinds(up); len(got) > 0 && got[0] == plan.Protect && len(got) == 1 {
		t.Errorf("a guard for what is not ours: %v", got)
	}
}
