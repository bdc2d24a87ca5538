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
	// NewCharts renders a release that is live already with the charts of the folder too, and not with the one that it was
	// written with.
	NewCharts bool
	// Now stamps revisions.
	Now func() time.Time
}

// job is what one call works with.
type job struct {
	*Engine
	addOn  catalog.AddOn
	with   maker
	render *render.Render
	digest string
	store  *record.Store
	// seen are the revisions as they were when the job began; nil until somebody asked.
	seen []record.Revision
}

// open renders the target of an input; nil when it has none.
func (e *Engine) open(ctx context.Context, in plan.Input) (*job, error) {
	addOn, r, ok := plan.Target(in)
	if !ok {
		return nil, nil //nolint:nilnil // "there is no target" is an answer, not an error
	}
	j := &job{Engine: e, addOn: addOn, with: folder(e.Charts)}
	err := j.make(in, r)
	if err == nil && j.digest == in.Installed.Digest || !j.stays(in.Installed, r) {
		return j, err
	}
	written, other := j.written(ctx, in.Installed, r)
	if other != nil {
		return nil, other
	}
	if written != nil {
		j.with = written
		err = j.make(in, r)
	}
	return j, err
}

// make renders the target; an error is an *UnrenderableError.
func (j *job) make(in plan.Input, r catalog.Release) error {
	out, err := rendered(j.with, in, j.addOn, r, plan.MergedSettings(in))
	if err != nil {
		return &UnrenderableError{err}
	}
	j.render, j.digest, j.store = out, record.Digest(out.Manifest), j.storage()
	return nil
}

// stays tells whether a release that is live already is rendered with the chart that it was written with: another build of
// this program, whose charts are newer, must not restart every agent for the release that they run. Other releases come with
// the charts of the folder.
func (j *job) stays(live plan.Installed, r catalog.Release) bool {
	return !j.NewCharts && live.Ours && live.Version == r.Version.String()
}

// written renders with the chart that the live release was written with; nil when it was stored without one.
func (j *job) written(ctx context.Context, live plan.Installed, r catalog.Release) (maker, error) {
	stored, err := j.revisions(ctx)
	if err != nil {
		return nil, err
	}
	was, ok := recorded(stored, live)
	if !ok || was.Chart == nil || was.Chart.Name() != r.Chart || len(was.Chart.Templates) == 0 {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	return func(a catalog.AddOn, r catalog.Release, s render.Settings) (*render.Render, error) {
		return render.With(was.Chart, a, r, s)
	}, nil
}

// revisions are read once for a look; what writes reads them anew.
func (j *job) revisions(ctx context.Context) ([]record.Revision, error) {
	var err error
	if j.seen == nil {
		j.seen, err = j.storage().Revisions(ctx)
	}
	return j.seen, err
}

// storage is the release storage of the add-on.
func (j *job) storage() *record.Store {
	return record.Open(j.Target, j.addOn.Workload.Namespace, j.addOn.Release, j.Now)
}

// Do carries out an Apply or a Settle step.
func (e *Engine) Do(ctx context.Context, in plan.Input, s plan.Step) (plan.Result, error) {
	result := plan.Result{Step: s}
	j, err := e.open(ctx, in)
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
