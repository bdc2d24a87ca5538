package helm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// ErrStale says that a step was planned for another render than the one in hand. Plan again.
var ErrStale = errors.New("the step was planned for another render")

// Engine works on one cluster. It keeps no state between calls.
type Engine struct {
	Target *kube.Client
	// Charts is a folder of charts.
	Charts fs.FS
	// NewCharts renders a release that is live, or that is gone back to, with the charts of the folder too, and not with the one
	// that it was written with.
	NewCharts bool
	// Excluded are left alone by Settle: an operator said so for drift that is set back.
	Excluded []Exclusion
	// Now stamps revisions.
	Now func() time.Time
	// Patience is how long a release's own guard of its pods may take to let go, and then to deny again; 0 means 30 s.
	Patience time.Duration
	// Images looks an image up in its registry, for architectures of nodes; nil does not look. See LookUp.
	Images func(ctx context.Context, image string, architectures []string) plan.Image
}

// job is what one call works with.
type job struct {
	*Engine
	addOn  catalog.AddOn
	with   maker
	render *render.Render
	digest string
	// keeps is true on a way back, and on the way to an older release than the live one: then live definitions are left as they are.
	keeps bool
	// live is the digest that the live workload carries.
	live string
	// settings of the operator that it was rendered with, as a revision records them.
	settings string
	// rolls is true when pods are to be deleted node by node.
	rolls bool
	// roll is how.
	roll noderoll.Policy
	// replaces is true when nodes are to be cordoned for somebody to replace them.
	replaces bool
	// onDelete is true when the add-on's workload is written so that its controller replaces no pod by itself.
	onDelete bool
	// lenient is true when a strategy of ours that nobody has to change yet is no drift; see plan.KeepsStrategy.
	lenient bool
	// conflicts says what is done about fields that somebody else owns.
	conflicts plan.ConflictPolicy
	// bare renders the same without the operator's overlay; nil when there is none.
	bare  func() (*render.Render, error)
	store *record.Store
	// seen are the revisions as they were when the job began; nil until somebody asked.
	seen []record.Revision
}

// open renders the target of an input; nil when it has none.
func (e *Engine) open(ctx context.Context, in plan.Input) (*job, error) {
	addOn, r, ok := plan.Target(in)
	if !ok {
		return nil, nil //nolint:nilnil // "there is no target" is an answer, not an error
	}
	back := plan.BackTo(in)
	j := &job{
		Engine: e, addOn: addOn, with: folder(e.Charts), keeps: back > 0 || isOlder(r, in.Installed), live: in.Installed.Digest,
		rolls: plan.NodeUpdateOf(in) == plan.RollNodes, roll: plan.RollOf(in), replaces: plan.NodeUpdateOf(in) == plan.ReplaceNodes,
	}
	err := j.make(in, r)
	if err == nil && back == 0 && j.digest == in.Installed.Digest || !j.looksBack(in.Installed, r, back) {
		return j, err
	}
	stored, other := j.revisions(ctx)
	if other != nil {
		return nil, other
	}
	if was, ok := origin(fitting(stored, plan.MergedSettings(in)), in.Installed, r, back); ok {
		j.with = chartOf(was)
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
	j.render, j.digest, j.store, j.settings = out, record.Digest(out.Manifest), j.storage(), plan.MergedSettings(in).JSON()
	j.conflicts, j.bare = plan.MergedConflicts(in), nil
	in.Change.Digest = j.digest // by which it is known whether nodes are taking it
	j.onDelete = plan.OnDelete(in) || slices.ContainsFunc(out.Objects, func(o *unstructured.Unstructured) bool { return j.isWorkload(o) && replacesNone(o) })
	if j.digest == in.Installed.Digest && plan.KeepsStrategy(in) {
		j.onDelete = in.Installed.OnDelete // the same is written again, for a record or an object that was lost
	}
	if own := plan.MergedSettings(in); len(own.Overlay) > 0 {
		own.Overlay = nil
		j.bare = func() (*render.Render, error) { return rendered(j.with, in, j.addOn, r, own) }
	}
	return nil
}

// looksBack tells whether a release is rendered with the chart that it was written with, and not with one of the folder: another
// build of this program, whose charts are newer, must not restart every agent for the release that they run, and a way back brings
// back what was there. Newer releases come with the charts of the folder.
func (j *job) looksBack(live plan.Installed, r catalog.Release, back int) bool {
	return !j.NewCharts && (back > 0 || live.Ours && (live.Version == r.Version.String() || isOlder(r, live)))
}

// isOlder tells whether a release is older than what is live.
func isOlder(r catalog.Release, live plan.Installed) bool {
	v, err := version.Parse(live.Version)
	return err == nil && r.Version.Less(v)
}

// origin is the recorded revision whose chart brings a release back; false when it was recorded without a usable one. It follows
// from what is recorded and live alone, so that a way back that was killed goes on with the same chart:
//
//	| release                                       | revision                              |
//	|-----------------------------------------------|---------------------------------------|
//	| a way back to a revision of it                | that one                              |
//	| a way back to one that is not recorded, or is | the newest of the release             |
//	| of another release                            |                                       |
//	| is live                                       | the one that the live one is of       |
//	| is older than the live one                    | the newest of the release             |
func origin(stored []record.Revision, live plan.Installed, r catalog.Release, back int) (record.Revision, bool) {
	if back == 0 && live.Version == r.Version.String() {
		was, ok := recorded(stored, live)
		return was, ok && usable(was, r)
	}
	var newest record.Revision
	found := false
	for _, was := range stored {
		if was.Version != r.Version.String() || !usable(was, r) {
			continue
		}
		if was.Number == back {
			return was, true
		}
		newest, found = was, true
	}
	return newest, found
}

// usable tells whether a revision was stored with a chart of the release.
func usable(was record.Revision, r catalog.Release) bool {
	return was.Chart != nil && was.Chart.Name() == r.Chart && len(was.Chart.Templates) > 0
}

// chartOf renders with the chart of a revision.
func chartOf(was record.Revision) maker {
	return func(a catalog.AddOn, r catalog.Release, s render.Settings) (*render.Render, error) {
		return render.With(was.Chart, a, r, s)
	}
}

// written renders with the chart that the live release was written with; nil when it was stored without one.
func (j *job) written(ctx context.Context, live plan.Installed, r catalog.Release) (maker, error) {
	stored, err := j.revisions(ctx)
	if err != nil {
		return nil, err
	}
	was, ok := recorded(fitting(stored, plan.Settings{}), live)
	if !ok || !usable(was, r) {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	return chartOf(was), nil
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

// Do carries out a step of any kind but AwaitNodes. Restoring a guard, stopping a controller and tidying up after a roll need no render.
func (e *Engine) Do(ctx context.Context, in plan.Input, s plan.Step) (plan.Result, error) {
	if s.Kind == plan.Protect {
		return e.protect(ctx, s)
	}
	if s.Kind == plan.Relock {
		return e.relock(ctx, in, s)
	}
	if s.Kind == plan.Halt {
		return e.halt(ctx, in, s)
	}
	if s.Kind == plan.TendNodes && s.Digest == "" {
		return e.tidy(ctx, in, s)
	}
	result := plan.Result{Step: s}
	j, err := e.open(ctx, in)
	if err != nil {
		return result, err
	}
	if j == nil || j.digest != s.Digest {
		return result, fmt.Errorf("carrying out %s of %s %s: %w", s.Kind, s.AddOn, s.Version, ErrStale)
	}
	result.Objects, err = j.carryOut(ctx, in, s)
	if err != nil {
		j.afterFailure(ctx)
		return result, fmt.Errorf("carrying out %s of %s %s: %w", s.Kind, s.AddOn, s.Version, err)
	}
	return result, nil
}

func (j *job) carryOut(ctx context.Context, in plan.Input, s plan.Step) ([]plan.ObjectChange, error) {
	switch s.Kind {
	case plan.Apply:
		if err := j.noteBoots(ctx, in, s); err != nil {
			return nil, err
		}
		if err := j.noteBefore(ctx, s); err != nil {
			return nil, err
		}
		return j.apply(ctx, s)
	case plan.ChangeNodes:
		if err := j.noteBoots(ctx, in, s); err != nil {
			return nil, err
		}
		return j.changeNodes(ctx, in.Nodes, s)
	case plan.TendNodes:
		if s.Roll.Revision != "" {
			if _, err := j.intend(ctx, s); err != nil {
				return nil, err
			}
		}
		return j.tend(ctx, in, s)
	case plan.Settle:
		return j.settle(ctx, s)
	default:
		return nil, errors.New("there is nothing to carry out")
	}
}
