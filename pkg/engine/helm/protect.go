package helm

import (
	"context"
	"fmt"

	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/plan"
)

// protect restores the guard of the CNI's objects, and waits until it denies. It needs no render: a CNI that cannot be rendered is
// guarded as well.
func (e *Engine) protect(ctx context.Context, s plan.Step) (plan.Result, error) {
	result := plan.Result{Step: s}
	written, err := guard.Restore(ctx, e.Target)
	for _, object := range written {
		result.Objects = append(result.Objects, plan.ObjectChange{Object: object, Action: plan.Configure})
	}
	if err != nil {
		return result, fmt.Errorf("putting the guard in place: %w", err)
	}
	return result, nil
}
