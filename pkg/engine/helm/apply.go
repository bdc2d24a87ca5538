package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// ErrRefused says that the API server refused an object while it was being written. The phases behind it were not begun.
var ErrRefused = errors.New("refused")

// apply records the revision as pending, then writes the objects phase by phase, the workload last. The first object
// that is refused ends it.
func (j *job) apply(ctx context.Context, s plan.Step) ([]plan.ObjectChange, error) {
	stored, err := j.store.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	if err := j.begin(ctx, stored, s); err != nil {
		return nil, err
	}
	objects, err := j.forRoll(stored, s.Revision)
	if err != nil {
		return nil, err
	}
	var out []plan.ObjectChange
	for _, o := range objects {
		c, err := j.write(ctx, o, rolling)
		if err != nil {
			return out, err
		}
		out = append(out, c)
		if c.Action == plan.Refused || c.Action == plan.Conflict || c.Action == plan.NotOurs {
			return out, fmt.Errorf("writing %s: %w: %s", c.Object, ErrRefused, c.Message)
		}
	}
	return out, nil
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
		Description: s.Text, Pending: string(pending),
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
		if render.PhaseOf(o) != render.Workloads {
			continue
		}
		o = o.DeepCopy()
		a := o.GetAnnotations()
		a[kube.AnnotationDigest] = j.digest
		if revision > 0 {
			a[kube.AnnotationRevision] = strconv.Itoa(revision)
		}
		o.SetAnnotations(a)
		objects[i] = o
	}
	return objects, nil
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

// mode of a write.
type mode int

const (
	// asking is a dry run of rolling.
	asking mode = iota
	// rolling joins the rules of an object with those that are live: pods that run may need them, whatever is recorded.
	rolling
	// narrowing writes an object as the release has it.
	narrowing
)

// write applies one object, or asks what applying it would do. What the server refuses is a result; an error means that
// it could not be asked.
func (j *job) write(ctx context.Context, o *unstructured.Unstructured, m mode) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: kube.Ref(o)}
	live, err := j.Target.Get(ctx, o)
	if err != nil {
		return c, fmt.Errorf("reading %s: %w", c.Object, err)
	}
	if live != nil && !kube.Ours(live, j.addOn.Name, j.addOn.Release, j.addOn.Workload.Namespace) {
		c.Action, c.Message = plan.NotOurs, "it does not carry our marks"
		if owner := kube.Owner(live); owner != "" {
			c.Message = "it belongs to " + owner
		}
		return c, nil
	}
	if live != nil && m != narrowing {
		o = render.Union([]*unstructured.Unstructured{o}, []*unstructured.Unstructured{live})[0]
	}
	outcome, err := j.Target.Apply(ctx, o, live, m == asking)
	return judge(c, outcome, err)
}

// refuses tells whether the server will say the same to the same object again.
func refuses(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) ||
		apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsNotFound(err) || // its namespace
		strings.Contains(err.Error(), "typed patch object") // an unknown field in server-side apply is a 500
}

func judge(c plan.ObjectChange, outcome kube.Outcome, err error) (plan.ObjectChange, error) {
	if err == nil {
		c.Action = plan.Action(outcome)
		return c, nil
	}
	if fields, ok := kube.Conflicts(err); ok {
		c.Action, c.Message = plan.Conflict, fields
		return c, nil
	}
	if refuses(err) {
		c.Action, c.Message = plan.Refused, err.Error()
		return c, nil
	}
	return c, fmt.Errorf("writing %s: %w", c.Object, err)
}
