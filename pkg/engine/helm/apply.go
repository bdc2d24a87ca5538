package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// ErrRefused says that the API server refused an object while it was being written. The phases behind it were not begun.
var ErrRefused = errors.New("refused")

// established is how long a definition may take until it is served.
const established = time.Minute

// apply records the revision as pending, then writes the objects phase by phase, the workload last. The first object
// that is refused ends it.
func (j *job) apply(ctx context.Context, s plan.Step) ([]plan.ObjectChange, error) {
	stored, err := j.store.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	unserved, err := j.Target.Learn(ctx, j.render.Objects)
	if err != nil {
		return nil, err
	}
	if len(unserved) > 0 {
		return nil, fmt.Errorf("writing %s: %w: the API server does not serve %s", kube.Ref(unserved[0]), ErrRefused, unserved[0].GetAPIVersion())
	}
	if err := j.begin(ctx, stored, s); err != nil {
		return nil, err
	}
	objects, err := j.forRoll(stored, s.Revision)
	if err != nil {
		return nil, err
	}
	return j.writeAll(ctx, objects)
}

// writeAll writes objects that are in the order of writing.
func (j *job) writeAll(ctx context.Context, objects []*unstructured.Unstructured) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	before := render.Definitions
	for i, o := range objects {
		if err := j.between(ctx, before, render.PhaseOf(o), objects, i); err != nil {
			return out, err
		}
		before = render.PhaseOf(o)
		c, err := j.write(ctx, o, rolling)
		if err != nil {
			return out, err
		}
		out = append(out, c)
		if stops(c) {
			return out, fmt.Errorf("writing %s: %w: %s", c.Object, ErrRefused, c.Message)
		}
	}
	return out, nil
}

// between is what comes between two phases: definitions have to be served before anything of theirs is written, and what could
// not be tried before they, or a namespace, were there is tried now. Before the workloads everything that is left is tried
// again: a refusal stops here, while no pod has changed.
func (j *job) between(ctx context.Context, before, next render.Phase, objects []*unstructured.Unstructured, i int) error {
	if before == next {
		return nil
	}
	if before == render.Definitions {
		if err := j.establish(ctx, objects[:i]); err != nil {
			return err
		}
	}
	if next == render.Workloads || before == render.Definitions && i > 0 {
		return j.again(ctx, objects[i:])
	}
	return nil
}

// establish waits until the definitions among objects are served.
func (j *job) establish(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		if o.GetKind() != definition {
			continue
		}
		if err := j.Target.Established(ctx, o, established); err != nil {
			return err
		}
	}
	return nil
}

// again tries objects that are written next.
func (j *job) again(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		c, err := j.ask(ctx, o, objects)
		if err != nil {
			return err
		}
		if stops(c) {
			return fmt.Errorf("trying %s before the workloads are written: %w: %s", c.Object, ErrRefused, c.Message)
		}
	}
	return nil
}

// stops tells whether nothing may be written behind an object.
func stops(c plan.ObjectChange) bool {
	return slices.Contains([]plan.Action{plan.Refused, plan.Conflict, plan.NotOurs, plan.NotServed}, c.Action)
}

// begin records the step's revision as pending, unless an earlier run did so.
func (j *job) begin(ctx context.Context, stored []record.Revision, s plan.Step) error {
	pending := plan.PendingUpgrade
	if len(stored) == 0 {
		pending = plan.PendingInstall
	}
	for _, r := range stored {
		if r.Number == s.Revision && r.Digest == s.Digest {
			return nil
		}
	}
	return j.store.Begin(ctx, record.Draft{
		Number: s.Revision, Chart: j.render.Chart, Values: j.render.Values, Manifest: j.render.Manifest,
		Description: s.Text, Settings: j.settings, Pending: string(pending),
	})
}

// forRoll are the objects as they are written while nodes change: rules joined with those of every release that a pod
// may still run, the workload marked with the render that it is of. Revision 0 stands for a dry run.
func (j *job) forRoll(stored []record.Revision, revision int) ([]*unstructured.Unstructured, error) {
	older, err := j.older(stored)
	if err != nil {
		return nil, err
	}
	objects := render.Union(j.render.Objects, older...)
	for i, o := range objects {
		objects[i] = j.marked(o, j.digest, revision)
	}
	return objects, nil
}

// marked is a workload as it is written: marked with the render that it is of, and with the engine's strategy. Other objects are
// returned as they are.
func (j *job) marked(o *unstructured.Unstructured, digest string, revision int) *unstructured.Unstructured {
	if render.PhaseOf(o) != render.Workloads {
		return o
	}
	o = o.DeepCopy()
	j.hold(o)
	a := o.GetAnnotations()
	if a == nil {
		a = map[string]string{}
	}
	a[kube.AnnotationDigest] = digest
	if revision > 0 {
		a[kube.AnnotationRevision] = strconv.Itoa(revision)
	}
	o.SetAnnotations(a)
	return o
}

// older are the objects of the recorded releases, other than the target, that pods may still run: the newest deployed
// revision and all after it.
func (j *job) older(stored []record.Revision) ([][]*unstructured.Unstructured, error) {
	var out [][]*unstructured.Unstructured
	for _, r := range slices.Backward(stored) {
		if r.Digest != j.digest {
			objects, err := render.Parse(r.Manifest)
			if err != nil {
				return nil, fmt.Errorf("reading recorded revision %d: %w", r.Number, err)
			}
			out = append(out, objects)
		}
		if r.Status == string(plan.Deployed) {
			break
		}
	}
	return out, nil
}
