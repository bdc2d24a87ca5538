package drive

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// Failed tells whether a run failed: its roll halted, or it gave out within its time. A roll of ours that is out of time and has not
// halted has not failed.
func Failed(out reconcile.Outcome, timeout time.Duration) bool {
	return out.End == reconcile.Halted || gaveOut(out, timeout) && (out.Plan.Roll == nil || out.Plan.Roll.Watched || out.End == reconcile.NodesFailed)
}

// longest is how long an agent may take to get Ready before a run that is out of time calls it stuck.
const longest = 2 * time.Minute

// gaveOut tells whether a run that is out of time failed: nodes are in trouble, or an agent of the new release has not got Ready for half
// the time of the run, or for longest. A roll over many nodes that is still going on has not.
func gaveOut(out reconcile.Outcome, timeout time.Duration) bool {
	if out.End != reconcile.TimedOut {
		return out.End == reconcile.NodesFailed
	}
	in := out.Input
	stuck := func(n noderoll.Node) bool {
		return noderoll.Classify(n, in.Installed.Newest) == noderoll.Starting && in.Now.Sub(n.Pod.Created) >= min(timeout/2, longest)
	}
	return Begun(out.Plan) && slices.ContainsFunc(in.Nodes, stuck)
}

// Begun tells whether the nodes are taking the target: before that their counts are those of the old release.
func Begun(p plan.Plan) bool { return p.State != plan.Applying && p.State != plan.Blocked }

// OnFailure is what is done when a run for a wish failed: what is recorded, else what goes with how the nodes were changed.
func OnFailure(want plan.Desired, out reconcile.Outcome) plan.OnFailure {
	if out.End == reconcile.Halted && want.NodeUpdate != plan.ReplaceNodes {
		return cmp.Or(want.OnFailure, plan.RevertNode)
	}
	return cmp.Or(want.OnFailure, plan.Hold)
}

// ByManager is OnFailure where a manager drives the cluster and nobody sits beside it. A pinned add-on goes back only where its record says so
// itself: else everything stays for somebody to look at. The pin stays in any case (Back).
func ByManager(want plan.Desired, out reconcile.Outcome) plan.OnFailure {
	if want.Version != "" && want.OnFailure == "" {
		return plan.Hold
	}
	return OnFailure(want, out)
}

// Why says in a sentence how a run failed, short enough for a record.
func Why(failed reconcile.Outcome, timeout time.Duration) string {
	if failed.End == reconcile.Halted {
		return clip(Halt(failed.Plan))
	}
	nodes := failed.Plan.Nodes.Bad()
	if len(nodes) == 0 {
		nodes = failed.Plan.Nodes.Waiting
	}
	return clip(fmt.Sprintf("after %s %s %s was not Ready on %s", timeout, failed.Plan.AddOn, failed.Plan.Hop, Nodes(nodes)))
}

// Halt says where a roll halted.
func Halt(p plan.Plan) string {
	if p.Roll == nil || p.Roll.Halt == nil {
		return "halted"
	}
	return fmt.Sprintf("halted at %s", p.Roll.Halt)
}

// Nodes names nodes and what they wait for, five at most.
func Nodes(ws []noderoll.Waiting) string {
	const most = 5
	var out []string
	for _, w := range ws[:min(len(ws), most)] {
		out = append(out, fmt.Sprintf("%s (%s)", w.Node, w.Why))
	}
	if len(ws) > most {
		out = append(out, fmt.Sprintf("%d more", len(ws)-most))
	}
	if len(out) == 0 {
		return "no node"
	}
	return strings.Join(out, ", ")
}

// MaxReason is how much of a reason a record keeps.
const MaxReason = 512

// clip keeps a reason short enough for a record.
func clip(s string) string {
	if len(s) <= MaxReason {
		return s
	}
	s = s[:MaxReason]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
