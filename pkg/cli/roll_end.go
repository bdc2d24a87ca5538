package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// rested gives its exit code to the end of a run that the nodes stand still at, and says how to go on:
//
//	| end    | the nodes                                                             | exit |
//	|--------|-----------------------------------------------------------------------|------|
//	| Halted | one of them did not pass a gate                                       | 4    |
//	| Left   | all that could be changed are; others are cordoned, broken or away    | 5    |
//	| Held   | none was changed: the wish is to hold, or to wait for new ones        | 5    |
//
// A run that waits for reboots (WaitingForReboot) ends with 5, too. Nil for every other end.
func rested(out reconcile.Outcome, again string) error {
	p := out.Plan
	switch out.End {
	case reconcile.Halted:
		return &exit{code: exitGate, err: errors.New(drive.Halt(p)), hint: haltHint(out, again)}
	case reconcile.Left:
		return &exit{
			code: exitUnfinished, err: fmt.Errorf("not finished: %s %s is on %d of %d nodes; %s: %s",
				p.AddOn, p.Hop, p.Roll.Passed, p.Roll.Total, p.Roll.Why, drive.Nodes(leftOf(p))),
			hint: "mend, uncordon or remove these nodes; then go on with: " + again,
		}
	case reconcile.Held:
		return heldBack(out, again)
	case reconcile.WaitingForReboot:
		return &exit{
			code: exitUnfinished, err: fmt.Errorf("waiting for reboots: the agent of %s %s runs on %d of %d nodes, and these take the rest of it at their next boot: %s",
				p.AddOn, p.Hop, p.Nodes.Ready, p.Nodes.Total, strings.Join(p.Reboots, ", ")),
			hint: "reboot them one by one: cordon, drain, reboot, uncordon; then go on with: " + again,
		}
	default:
		return nil
	}
}

// leftOf are the nodes that a roll could not change: those that it skipped, else those that wait.
func leftOf(p plan.Plan) []noderoll.Waiting {
	if len(p.Roll.Skipped) > 0 {
		return p.Roll.Skipped
	}
	return p.Nodes.Waiting
}

// haltHint says what stays as it is after a halt, and the next commands.
func haltHint(out reconcile.Outcome, again string) string {
	p := out.Plan
	node, unchanged := "the node", ""
	if p.Roll != nil && p.Roll.Halt != nil {
		node = p.Roll.Halt.Node
		if g := p.Roll.Halt.Gate; g == noderoll.GateImage || g == noderoll.GateDrain {
			unchanged = "no agent was deleted there, and " + node + " works as before; "
		}
	}
	return unchanged + fmt.Sprintf("no further pod is deleted; the template stays %s %s, so a pod that is made anew, on whichever node, takes it; addonctl nodes%s shows every node; "+
		"when %s is mended, go on with: %s%s", p.AddOn, p.Hop, forAddOn(p), node, again, back(out, p))
}

// nodesFlag finds --nodes in a command line.
var nodesFlag = regexp.MustCompile(` --nodes=[a-z-]+`)

// heldBack is the exit of a run that changed the template and no node.
func heldBack(out reconcile.Outcome, again string) error {
	p := out.Plan
	plain := nodesFlag.ReplaceAllString(again, "")
	e := &exit{code: exitUnfinished, err: fmt.Errorf("the template is %s %s, and no node was touched: %s", p.AddOn, p.Hop, onNodes(p))}
	if plan.NodeUpdateOf(out.Input) == plan.ReplaceNodes {
		e.err = fmt.Errorf("%w; nodes to replace: %s", e.err, drive.Nodes(p.Nodes.Waiting))
		e.hint = "add new nodes, which come with it, and drain these, which is what Oracle advises; then go on with: " + again
		return e
	}
	e.hint = fmt.Sprintf("a pod that is made anew takes it; change the nodes one by one, with gates, with: %s --nodes=roll; or let new nodes take their place: %s --nodes=replace", plain, plain)
	return e
}

func onNodes(p plan.Plan) string {
	return fmt.Sprintf("it is on %d of %d nodes", p.Nodes.Ready, p.Nodes.Total)
}

// toReplace is the exit of a run whose time was up while old nodes were still to be replaced.
func toReplace(p plan.Plan, timeout time.Duration, again string) error {
	e := &exit{
		code: exitUnfinished,
		err:  fmt.Errorf("not finished within %s: %s %s: %s; %s", timeout, p.AddOn, p.Hop, standing(p.Roll), p.Roll.Why),
		hint: "no further node is cordoned; go on with: " + again,
	}
	if nodes := p.Roll.Replace; len(nodes) > 0 {
		e.err = fmt.Errorf("not finished within %s: %s %s: %s; nodes to replace: %s", timeout, p.AddOn, p.Hop, standing(p.Roll), strings.Join(nodes, ", "))
		e.hint = "they are cordoned, and new nodes come with the release: cycle these nodes of their pool in OKE, or drain them, kubectl delete node and terminate their instances; " +
			"then go on with: " + again
	}
	return e
}

// revertedNodes is the exit of a run whose roll halted, and that put back the nodes which had not passed.
func revertedNodes(c *cobra.Command, b plan.Back, out reconcile.Outcome) error {
	p := out.Plan
	kept := 0
	for _, n := range out.Input.Nodes {
		if n.Exempt == "" && n.Pod != nil && n.Pod.Revision != out.Input.Installed.Newest {
			kept++
		}
	}
	runs := "runs"
	if len(b.Nodes) > 1 {
		runs = "run"
	}
	left := b.Leaves
	if left == "" {
		left = "what they were changed to"
	}
	e := &exit{
		code: exitGate,
		err:  fmt.Errorf("%s; %s %s %s %s again; %s", b.Reason, someOf(b.Nodes), runs, p.AddOn, p.Hop, keep(kept, left)),
		hint: "when what failed is mended, go on with: " + goOn(c, b, p),
	}
	if kept > 0 {
		e.hint += "; or put all nodes back with: addonctl rollback" + forAddOn(p)
	}
	return e
}

func keep(nodes int, what string) string {
	switch nodes {
	case 0:
		return "no node keeps " + what
	case 1:
		return "1 node keeps " + what
	default:
		return fmt.Sprintf("%d nodes keep %s", nodes, what)
	}
}

// goOn is how somebody takes up a roll again that was halted, and whose failed nodes were put back: the release is held, and the record
// says to go back, so both are said anew.
func goOn(c *cobra.Command, b plan.Back, p plan.Plan) string {
	if b.Leaves == "" {
		return resume(c)
	}
	again := resume(c)
	if c.Name() == "status" || c.Name() == "rollback" {
		again = "addonctl update" + forAddOn(p)
	}
	if !strings.Contains(again, " --version=") {
		again += " --version=" + b.Leaves
	}
	return fmt.Sprintf("addonctl retry%s --version=%s --yes, then: %s", forAddOn(p), b.Leaves, again)
}

// stillHalted is the exit of a command that found a halted roll whose failed nodes are back, and changes none; nil where there is none.
func stillHalted(c *cobra.Command, in plan.Input, p plan.Plan) error {
	if p.State != plan.HaltedState {
		return nil
	}
	b := in.Desired.Back
	if b.Reason == "" {
		b.Reason = "a roll was halted"
	}
	return revertedNodes(c, b, reconcile.Outcome{Input: in, Plan: p})
}
