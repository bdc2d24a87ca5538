package helm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// ErrStale says that a step was planned for another render than the one in hand. Plan again.
var ErrStale = errors.New("the step was planned for another render")

// Engine works on one cluster. It keeps no state between calls.
type Engine struct {
	Target *kube.Client
	// Charts is a folder of charts.
	Charts fs.FS
	// Now stamps revisions.
	Now func() time.Time
}

// job is what one call works with.
type job struct {
	*Engine
	addOn  catalog.AddOn
	render *render.Render
	digest string
	store  *record.Store
}

// open renders the target of an input; nil when it has none.
func (e *Engine) open(in plan.Input) (*job, error) {
	addOn, r, ok := plan.Target(in)
	if !ok {
		return nil, nil //nolint:nilnil // "there is no target" is an answer, not an error
	}
	rendered, err := Render(e.Charts, in, addOn, r, plan.MergedSettings(in))
	if err != nil {
		return nil, err
	}
	return &job{
		Engine: e, addOn: addOn, render: rendered, digest: record.Digest(rendered.Manifest),
		store: record.Open(e.Target, addOn.Workload.Namespace, addOn.Release, e.Now),
	}, nil
}

// Do carries out an Apply or a Settle step.
func (e *Engine) Do(ctx context.Context, in plan.Input, s plan.Step) (plan.Result, error) {
	result := plan.Result{Step: s}
	j, err := e.open(in)
	if err != nil {
		return result, err
	}
	if j == nil || j.digest != s.Digest {
		return result, fmt.Errorf("carrying out %s of %s %s: %w", s.Kind, s.AddOn, s.Version, ErrStale)
	}
	switch s.Kind {
	case plan.Apply:
		result.Objects, err = j.apply(ctx, s)
	case plan.Settle:
		result.Objects, err = j.settle(ctx, s)
	default:
		err = errors.New("there is nothing to carry out")
	}
	if err != nil {
		return result, fmt.Errorf("carrying out %s of %s %s: %w", s.Kind, s.AddOn, s.Version, err)
	}
	return result, nil
}
