package helm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

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
	rendered, err := render.Release(e.Charts, addOn, r, render.Settings{Kubernetes: in.Cluster.Kubernetes, PodCIDRs: plan.PodCIDRs(in)})
	if err != nil {
		return nil, err
	}
	return &job{
		Engine: e, addOn: addOn, render: rendered, digest: record.Digest(rendered.Manifest),
		store: record.Open(e.Target, addOn.Workload.Namespace, addOn.Release, e.Now),
	}, nil
}

// Change renders the target and compares it with the cluster. Where the live objects are not those of the render, it
// asks the API server, for our user's rights first and then object by object in a strict dry run, what writing would do.
func (e *Engine) Change(ctx context.Context, in plan.Input) (plan.Change, error) {
	j, err := e.open(in)
	if err != nil || j == nil {
		return plan.Change{}, err
	}
	c := plan.Change{Version: j.render.Version, Digest: j.digest}
	if c.Network, err = j.render.Network(); err != nil {
		return plan.Change{}, err
	}
	c.Missing, err = j.missing(ctx)
	if apierrors.IsForbidden(err) {
		c.MissingRights, err = j.missingRights(ctx)
		return c, err
	}
	if err != nil {
		return plan.Change{}, err
	}
	if in.Installed.Digest == j.digest && in.Installed.Version == j.render.Version && len(c.Missing) == 0 {
		return c, nil
	}
	if c.MissingRights, err = j.missingRights(ctx); err != nil || len(c.MissingRights) > 0 {
		return c, err
	}
	c.Objects, err = j.dryRun(ctx)
	return c, err
}

func (j *job) missingRights(ctx context.Context) ([]string, error) {
	rights, err := j.Target.WriteRights(j.render.Objects)
	if err != nil {
		return nil, err
	}
	ns := j.addOn.Workload.Namespace
	for _, verb := range []string{"get", "list", "create", "update"} {
		rights = append(rights, kube.Right{Verb: verb, Resource: "secrets", Namespace: ns})
	}
	rights = append(rights,
		kube.Right{Verb: "list", Resource: "configmaps", Namespace: ns},
		kube.Right{Verb: "delete", Resource: "configmaps", Namespace: ns},
		kube.Right{Verb: "list", Resource: "pods", Namespace: ns})
	return j.Target.Missing(ctx, rights)
}

// missing names the objects of the render that are not on the cluster.
func (j *job) missing(ctx context.Context) ([]string, error) {
	var out []string
	for _, o := range j.render.Objects {
		live, err := j.Target.Get(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", kube.Ref(o), err)
		}
		if live == nil {
			out = append(out, kube.Ref(o))
		}
	}
	return out, nil
}

// dryRun says for every object what writing it would do. Refusals are results, not errors; an error means that the
// server could not be asked.
func (j *job) dryRun(ctx context.Context) ([]plan.ObjectChange, error) {
	stored, err := j.store.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	objects, err := j.forRoll(stored, 0)
	if err != nil {
		return nil, err
	}
	var out []plan.ObjectChange
	for _, o := range objects {
		c, err := j.write(ctx, o, asking)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
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
