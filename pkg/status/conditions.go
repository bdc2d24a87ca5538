package status

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// conditions are kstatus-compatible: Ready always, Reconciling and Stalled only when true, then our own.
func conditions(before []metav1.Condition, generation int64, in plan.Input, p plan.Plan) []metav1.Condition {
	out := []metav1.Condition{ready(in, p), degraded(in, p), pinned(p)}
	if next, ok := p.Next(); ok && !halted(p) {
		out = append(out, reconciling(next, p))
	}
	if c := stalled(p); c.Type != "" {
		out = append(out, c)
	}
	out = append(out, aboutPins(in, p)...)
	for i := range out {
		out[i].ObservedGeneration = generation
		out[i].LastTransitionTime = since(before, out[i], in)
	}
	return out
}

// since keeps the time of a condition whose status did not change.
func since(before []metav1.Condition, c metav1.Condition, in plan.Input) metav1.Time {
	i := slices.IndexFunc(before, func(b metav1.Condition) bool { return b.Type == c.Type && b.Status == c.Status })
	if i >= 0 {
		return before[i].LastTransitionTime
	}
	return metav1.NewTime(in.Now)
}

func ready(in plan.Input, p plan.Plan) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	switch {
	case p.State == plan.Blocked:
		c.Reason, c.Message = v1alpha1.ReasonBlocked, p.Blocking()[0].Message
	case p.State == plan.NotInstalled:
		c.Reason, c.Message = v1alpha1.ReasonNotInstalled, "the add-on is not on the cluster"
	case halted(p):
		c.Reason, c.Message = v1alpha1.ReasonRollHalted, haltText(p)
	case pinFailed(p):
		c.Reason, c.Message = v1alpha1.ReasonPinFailed, pinFailedText(p)
	case p.State == plan.UpToDate && p.Nodes.Total == 0:
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonNoNodes
		c.Message = fmt.Sprintf("%s %s is applied; no node should run it yet", p.AddOn, p.Hop)
	case p.State == plan.UpToDate:
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonAllNodesReady
		c.Message = fmt.Sprintf("%s %s is Ready on all %d nodes", p.AddOn, p.Hop, p.Nodes.Total)
	case p.State == plan.Applying:
		c.Reason, c.Message = v1alpha1.ReasonApplying, fmt.Sprintf("%s %s is to be written", p.AddOn, p.Hop)
	case !in.Installed.Observed:
		c.Reason, c.Message = v1alpha1.ReasonRolling, fmt.Sprintf("%s %s is written; the controller has not seen it yet", p.AddOn, p.Hop)
	default:
		c.Reason = rollingReason(p)
		c.Message = fmt.Sprintf("%s %s is Ready on %d of %d nodes", p.AddOn, p.Hop, p.Nodes.Ready, p.Nodes.Total)
	}
	return c
}

// pinFailed tells whether the cluster stands still with another release than the pinned one, which failed.
func pinFailed(p plan.Plan) bool { return p.State == plan.UpToDate && p.PinFailed != "" }

// pinFailedText says what runs in the place of a pin, and what is to be done.
func pinFailedText(p plan.Plan) string {
	return cut(p.PinFailed, maxEvidence) + fmt.Sprintf("; %s runs, and the pin stays as it is: pin another release, unpin it, or say retry", p.Hop)
}

// haltText says where a roll was halted, or how its nodes stand since the one that failed was put back.
func haltText(p plan.Plan) string {
	if p.Roll != nil && p.Roll.Halt != nil {
		return cut(fmt.Sprintf("the roll of %s %s is halted at %s", p.AddOn, p.Hop, p.Roll.Halt), maxEvidence)
	}
	return fmt.Sprintf("a roll of %s was halted: %d of %d nodes run %s, and the others keep what they have until somebody decides",
		p.AddOn, p.Nodes.Ready, p.Nodes.Total, p.Hop)
}

// stalled is true when nothing happens without somebody; without a type when it does not hold.
func stalled(p plan.Plan) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue}
	switch {
	case p.State == plan.Blocked:
		c.Reason, c.Message = v1alpha1.ReasonBlocked, p.Blocking()[0].Message
	case halted(p):
		c.Reason, c.Message = v1alpha1.ReasonRollHalted, haltText(p)
	case pinFailed(p):
		c.Reason, c.Message = v1alpha1.ReasonPinFailed, pinFailedText(p)
	default:
		return metav1.Condition{}
	}
	return c
}

// rollingReason says what the nodes that have not taken a release wait for.
func rollingReason(p plan.Plan) string {
	switch {
	case p.Held:
		return v1alpha1.ReasonNodesHeld
	case p.Recalled != "":
		return v1alpha1.ReasonRecalled
	case p.Roll != nil && p.Roll.Phase == noderoll.Paused:
		return v1alpha1.ReasonRollPaused
	case p.Roll != nil && p.Roll.Phase == noderoll.Left:
		return v1alpha1.ReasonNodesLeft
	default:
		return v1alpha1.ReasonRolling
	}
}

func reconciling(next plan.Step, p plan.Plan) metav1.Condition {
	reason := rollingReason(p)
	switch next.Kind { //nolint:exhaustive // all others are about nodes
	case plan.Apply:
		reason = v1alpha1.ReasonApplying
	case plan.Relock:
		reason = v1alpha1.ReasonGuardLifted
	}
	return metav1.Condition{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue, Reason: reason, Message: next.Text}
}

func degraded(in plan.Input, p plan.Plan) metav1.Condition {
	if !in.Installed.Present || p.Nodes.Unavailable == 0 {
		return metav1.Condition{
			Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAllNodesReady,
			Message: "no node is without an available pod",
		}
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonNodesNotReady,
		Message: fmt.Sprintf("%d of %d nodes have no available pod of %s", p.Nodes.Unavailable, p.Nodes.Total, p.AddOn),
	}
}

func pinned(p plan.Plan) metav1.Condition {
	if !p.Pinned {
		return metav1.Condition{
			Type: v1alpha1.ConditionPinned, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAutomatic, Message: "updates are automatic",
		}
	}
	c := metav1.Condition{
		Type: v1alpha1.ConditionPinned, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPinned,
		Message: fmt.Sprintf("an operator keeps %s at %s: %s", p.AddOn, p.Desired.Version, p.Desired.Pin.Reason),
	}
	if p.PinFailed != "" {
		c.Reason, c.Message = v1alpha1.ReasonPinFailed, pinFailedText(p)
	}
	return c
}
