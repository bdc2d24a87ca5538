package helm

import (
	"context"

	"github.com/addonctl/addonctl/pkg/plan"
)

// tend does a step's errands on nodes, one after the other. Each may be repeated.
func (j *job) tend(ctx context.Context, in plan.Input, s plan.Step) ([]plan.ObjectChange, error) {
	panic("TODO")
}
