package observe

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// guard reads where the guard of the CNI's objects stands. Where our user may not see it,
// that is said: nobody should take it for being in place.
func (o *Observer) guard(ctx context.Context, in *plan.Input) error {
	state, err := guard.Look(ctx, o.Target)
	if apierrors.IsForbidden(err) {
		in.Cluster.Guard = plan.Guard{Unknown: true}
		return nil
	}
	if err != nil {
		return err
	}
	in.Cluster.Guard = plan.Guard{Unsupported: state.Unsupported, Wrong: state.Wrong}
	return nil
}

// guardRights are what looking at the guard needs.
func guardRights() []kube.Right {
	const group = "admissionregistration.k8s.io"
	return []kube.Right{
		{Verb: "list", Group: group, Resource: "validatingadmissionpolicies"},
		{Verb: "list", Group: group, Resource: "validatingadmissionpolicybindings"},
	}
}
