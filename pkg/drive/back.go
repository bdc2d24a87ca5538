package drive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// Return is a way back that was found, and is not recorded yet.
type Return struct {
	// Wish to record, and the request that it answers.
	Wish    hub.Wish
	Request plan.Request
	// To is the revision that it leads to, Nodes those that go back; none stands for all.
	To    plan.Revision
	Nodes []string
	Plan  plan.Plan
}

// Back looks for the way back of a run that failed: to what was deployed when it was started, as a policy says. A pin stays as its operator
// wrote it, and is not tried again as long as it stands. seen is the wish that stood before the one that failed, as far as it is known, and why
// says how it failed. An error says why nothing is put back.
func (s *Seat) Back(ctx context.Context, failed reconcile.Outcome, was plan.Revision, seen plan.Desired, policy plan.OnFailure, why string) (Return, error) {
	r := Return{To: was}
	switch {
	case was.Number == 0:
		return r, errors.New("an installation has nothing to go back to, and a CNI is never removed")
	case failed.Input.Installed.Digest == was.Digest:
		return r, errors.New("what runs is what was there before")
	}
	var unable string
	if r.Nodes, unable = NodesBack(policy, failed); unable != "" {
		return r, errors.New(unable)
	}
	in, p, err := s.Loop.LookWith(ctx, plan.Request{Verb: plan.Rollback, Revision: was.Number, Nodes: r.Nodes, Pin: plan.Pin{Reason: why}})
	if err != nil {
		return r, fmt.Errorf("looking for the way back: %w", err)
	}
	if blocking := p.Blocking(); len(blocking) > 0 {
		return r, fmt.Errorf("refused (%s): %s", blocking[0].Reason, blocking[0].Message)
	}
	if now, then := in.Desired, failed.Input.Desired; now.Version != then.Version || !now.Pin.Equal(then.Pin) {
		return r, errors.New("somebody pinned it otherwise meanwhile")
	}
	r.Plan, r.Request, r.Wish = p, in.Request, Wish(in, p)
	r.Wish.Desired = r.Wish.Desired.KeepPin(in.Desired)
	if was.Settings == nil {
		r.Wish.Desired.Settings = seen.Settings
	}
	return r, nil
}

// NodesBack are the nodes that a policy puts back; none stands for all of them. why is why nothing can be put back; empty when it can.
func NodesBack(policy plan.OnFailure, failed reconcile.Outcome) (nodes []string, why string) {
	if policy != plan.RevertNode {
		return nil, ""
	}
	nodes = unpassed(failed.Input, failed.Plan)
	switch {
	case failed.Plan.Desired.NodeUpdate == plan.ReplaceNodes:
		return nil, "nodes are replaced, and no pod is deleted (--nodes replace)"
	case failed.Plan.Roll == nil:
		return nil, "revert-node puts back nodes that were changed one after the other (--nodes roll or rolling-update), and these were not"
	case len(nodes) == 0:
		return nil, fmt.Sprintf("no node that took %s is in trouble", failed.Plan.Hop)
	case len(nodes) > v1alpha1.MaxBackNodes:
		return nil, "" // more than a record can name: all go back
	default:
		return nodes, ""
	}
}

// unpassed are the nodes that were changed and have not passed every gate, and those whose pod is on its way: what is put back of a halted
// roll that leaves the others.
func unpassed(in plan.Input, p plan.Plan) []string {
	if p.Roll == nil {
		return nil
	}
	suspect := slices.Clone(p.Roll.InFlight)
	for _, h := range p.Roll.Failed {
		suspect = append(suspect, h.Node)
	}
	for _, s := range p.Roll.Skipped {
		if s.State == noderoll.Failing {
			suspect = append(suspect, s.Node)
		}
	}
	var out []string
	for _, n := range in.Nodes {
		old := n.Pod != nil && !n.Pod.Terminating && n.Pod.Revision != in.Installed.Newest
		if !old && slices.Contains(suspect, n.Name) {
			out = append(out, n.Name)
		}
	}
	slices.Sort(out)
	return out
}
