package status

import (
	"unicode/utf8"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// What a status keeps of texts, in bytes, however long the names of pools and the words of a kubelet are.
const (
	maxStage    = 512
	maxEvidence = 1024
	maxNode     = 253
	maxGate     = 63
)

// roll is where a roll stands, in numbers: its size does not grow with the cluster. Nil when none is under way. One whose failed nodes
// are back stays halted until somebody decides.
func roll(p plan.Plan) *v1alpha1.RollStatus {
	d := p.Roll
	if d == nil {
		return nil
	}
	out := &v1alpha1.RollStatus{
		Phase: string(d.Phase), Stage: cut(d.Stage, maxStage),
		Changed: int32(d.Changed), Passed: int32(d.Passed), Total: int32(d.Total), Skipped: int32(len(d.Skipped)), //nolint:gosec // node counts are small
	}
	if p.State == plan.HaltedState {
		out.Phase = string(noderoll.Halted)
	}
	if h := d.Halt; h != nil {
		out.Halt = &v1alpha1.Halt{Node: cut(h.Node, maxNode), Gate: cut(h.Gate, maxGate), Evidence: cut(h.Evidence, maxEvidence)}
	}
	return out
}

// cut shortens a text to so many bytes, at the end of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
