package drive_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// One row per cell: what a manager does about a roll that halted, and what a command line does.
func TestAManagerMovesNoPinThatNobodyToldItTo(t *testing.T) {
	t.Parallel()
	halted := reconcile.Outcome{End: reconcile.Halted}
	for name, c := range map[string]struct {
		want                plan.Desired
		out                 reconcile.Outcome
		manager, atTerminal plan.OnFailure
	}{
		"automatic":                          {plan.Desired{MoveTo: "0.27.3"}, halted, plan.RevertNode, plan.RevertNode},
		"pinned":                             {plan.Desired{Version: "0.27.3"}, halted, plan.Hold, plan.RevertNode},
		"pinned, and told to put nodes back": {plan.Desired{Version: "0.27.3", OnFailure: plan.RevertNode}, halted, plan.RevertNode, plan.RevertNode},
		"pinned, and told to go back":        {plan.Desired{Version: "0.27.3", OnFailure: plan.RevertAll}, halted, plan.RevertAll, plan.RevertAll},
		"pinned, and nodes failed":           {plan.Desired{Version: "0.27.3"}, reconcile.Outcome{End: reconcile.NodesFailed}, plan.Hold, plan.Hold},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := drive.ByManager(c.want, c.out); got != c.manager {
				t.Errorf("a manager does %s, want %s", got, c.manager)
			}
			if got := drive.OnFailure(c.want, c.out); got != c.atTerminal {
				t.Errorf("a command line does %s, want %s", got, c.atTerminal)
			}
		})
	}
}
