package cli

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/status"
)

// recallSight looks at a cluster with the recalls of the hub laid over the catalog, as a manager has them. They are read at each look at
// everything: before each step of a run, and every few seconds while it waits.
type recallSight struct {
	*session
	listed *catalog.Catalog
	// untold is false when the user was told that nobody knows what is recalled.
	untold bool
}

// heedRecalls lets every look of a session know what the hub has recalled.
func (s *session) heedRecalls() {
	s.loop.Observer = &recallSight{session: s, listed: s.observer.Catalog, untold: true}
}

// Observe looks at the cluster.
func (r *recallSight) Observe(ctx context.Context) (plan.Input, error) {
	known, err := r.recalledOf(ctx, r.listed)
	switch {
	case apierrors.IsForbidden(err):
		if r.untold {
			r.note("warning: what the hub has recalled is not known: your user may not get addoncatalogs.addonctl.io; docs/rights.md lists what addonctl needs")
		}
		r.untold = false
	case err != nil:
		return plan.Input{}, err
	default:
		r.observer.Catalog = known
	}
	return r.seat.Observe(ctx)
}

// recalledOf is a catalog with the hub's recalls.
func (s *session) recalledOf(ctx context.Context, c *catalog.Catalog) (*catalog.Catalog, error) {
	hub, err := s.hub.Catalog(ctx)
	if err != nil || hub == nil {
		return c, err
	}
	return c.Recalled(status.Recalls(hub.Spec.Recalls)), nil
}

// recalledHere is the catalog of this addonctl with the hub's recalls.
func (s *session) recalledHere(ctx context.Context) (*catalog.Catalog, error) {
	c, err := s.catalog()
	if err != nil {
		return nil, err
	}
	return s.recalledOf(ctx, c)
}

// stopped is the exit of a run whose roll stopped because its release was recalled.
func stopped(out reconcile.Outcome) error {
	p := out.Plan
	what, who := "stopped at the node", "no further node is changed"
	if p.Roll.Watched {
		what, who = "the DaemonSet controller is stopped", "it changes no further node until the next move"
	}
	return &exit{
		code: exitRefused,
		err:  fmt.Errorf("%s: %s; %s; the nodes run %s", what, p.Recalled, standing(p.Roll), p.Nodes.Runs()),
		hint: fmt.Sprintf("%s; the template stays %s %s, so a pod that is made anew, on whichever node, takes it; all nodes leave it with: %s%s",
			who, p.AddOn, p.Hop, leave(p), back(out, p)),
	}
}

// standsStill tells whether no node is changed while no command is at work: the roll is ours, or the DaemonSet controller is stopped for good.
func standsStill(p plan.Plan) bool {
	next, _ := p.Next()
	return p.Roll != nil && (!p.Roll.Watched || p.Recalled != "" && next.Kind == plan.AwaitNodes)
}

// leave is the command that moves an add-on away from a recalled release.
func leave(p plan.Plan) string {
	if p.Pinned {
		return "addonctl pin" + forAddOn(p) + " --version … --reason …"
	}
	return "addonctl update" + forAddOn(p)
}
