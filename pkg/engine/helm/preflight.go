package helm

import (
	"context"

	"github.com/addonctl/addonctl/pkg/plan"
)

// preflight asks what a dry run of the objects does not tell: whether their pods would be admitted, who else is asked about them, what
// live definitions hold, and whether the images are there. Without the rights to write nothing more is asked.
func (j *job) preflight(ctx context.Context, in plan.Input, c plan.Change) (plan.Change, error) {
	if len(c.MissingRights) > 0 {
		return c, nil
	}
	workloads, err := j.workloads(ctx, c.Missing)
	if err != nil {
		return c, err
	}
	if c.Pod, err = j.podsRefused(ctx, workloads); err != nil {
		return c, err
	}
	if c.Webhooks, err = j.webhooks(ctx, workloads); err != nil {
		return c, err
	}
	if c.Definitions, c.Narrowed, err = j.definitions(ctx); err != nil {
		return c, err
	}
	c.Images = j.images(ctx, in.Nodes, c.To)
	return c, nil
}
