package plan

import (
	"fmt"
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Reverse is the way back of a plan, worked out before its first step.
type Reverse struct {
	// From is where the plan would end, To where the way back ends; To is empty where nothing was installed.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Class is the worst of the steps.
	Class catalog.Class `json:"class"`
	// Steps in the order in which they would be taken: for each release that the plan passes, the last one first, three.
	Steps []ReverseStep `json:"steps"`
}

// ReverseStep is one step of the way back.
type ReverseStep struct {
	Kind StepKind `json:"kind"`
	// From is the version that is left, To the one that comes back.
	From string `json:"from"`
	To   string `json:"to,omitempty"`
	// Text says in a sentence what would happen.
	Text string `json:"text"`
	// Class of the way back once From is settled; Until is the class before that, where it is another.
	Class catalog.Class `json:"class"`
	Until catalog.Class `json:"until,omitempty"`
	// Why says what the class rests on, or what the way back costs.
	Why string `json:"why,omitempty"`
}

// Reverse is the way back from wherever the plan may have come. A plan without steps has the class Reversible and no steps.
func (p Plan) Reverse() Reverse {
	r := Reverse{From: p.To, To: p.From, Class: catalog.Reversible}
	for i, s := range slices.Backward(p.Steps) {
		r.Class = r.Class.Worse(s.Class)
		if s.Kind != Settle {
			continue
		}
		until := s.Class
		if i > 0 && p.Steps[i-1].Version == s.Version {
			until = p.Steps[i-1].Class
		}
		r.Steps = append(r.Steps, undo(s, until)...)
		r.To = s.From
	}
	return r
}

// undo are the steps that take one release back.
func undo(s Step, until catalog.Class) []ReverseStep {
	step := func(kind StepKind, format string, args ...any) ReverseStep {
		out := ReverseStep{Kind: kind, From: s.Version, To: s.From, Text: fmt.Sprintf(format, args...), Class: s.Class, Why: s.Why}
		if until != s.Class {
			out.Until = until
		}
		return out
	}
	switch {
	case s.From == "":
		return []ReverseStep{step(Settle, "%s %s stays", s.AddOn, s.Version)}
	case s.Class == catalog.OneWay && until == catalog.OneWay:
		return []ReverseStep{step(Settle, "there is no way back from %s %s to %s", s.AddOn, s.Version, s.From)}
	default:
		return []ReverseStep{
			step(Apply, "write the objects of %s %s over %s, its workload last", s.AddOn, s.From, s.Version),
			step(AwaitNodes, "wait until %s runs again, Ready, on every node; nodes that never took %s are left alone", s.From, s.Version),
			step(Settle, "take back what only %s needed", s.Version),
		}
	}
}
