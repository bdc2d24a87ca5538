package helm

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
)

// mode of a write.
type mode int

const (
	// asking is a dry run of rolling.
	asking mode = iota
	// rolling joins the rules of an object with those that are live: pods that run may need them, whatever is recorded.
	rolling
	// narrowing writes an object as the release has it.
	narrowing
	// askingNarrow is a dry run of narrowing.
	askingNarrow
)

// attempt is a write, or a dry run of one, with the object before and after; nil where there is none.
type attempt struct {
	change      plan.ObjectChange
	live, after *unstructured.Unstructured
}

// write applies one object, or asks what applying it would do. What the server refuses is a result; an error means that
// it could not be asked.
func (j *job) write(ctx context.Context, o *unstructured.Unstructured, m mode) (plan.ObjectChange, error) {
	a, err := j.try(ctx, o, m)
	return a.change, err
}

func (j *job) try(ctx context.Context, o *unstructured.Unstructured, m mode) (attempt, error) {
	a := attempt{change: plan.ObjectChange{Object: kube.Ref(o)}}
	var err error
	if a.live, err = j.Target.Get(ctx, o); err != nil {
		return a, fmt.Errorf("reading %s: %w", a.change.Object, err)
	}
	if kept, err := j.kept(ctx, o, a.live); err != nil || kept {
		a.change.Action, a.after = plan.Unchanged, a.live
		return a, err
	}
	if a.live != nil && !kube.Ours(a.live, j.addOn.Name, j.addOn.Release, j.addOn.Workload.Namespace) {
		a.change.Action, a.change.Message = plan.NotOurs, "it does not carry our marks"
		if owner := kube.Owner(a.live); owner != "" {
			a.change.Message = "it belongs to " + owner
		}
		return a, nil
	}
	if a.live != nil && (m == asking || m == rolling) {
		o = render.Union([]*unstructured.Unstructured{o}, []*unstructured.Unstructured{a.live})[0]
	}
	how := kube.How{DryRun: m == asking || m == askingNarrow}
	a.after, err = j.Target.Write(ctx, o, a.live, how)
	if fields := kube.Conflicting(err, o, a.live); len(fields) > 0 {
		return j.contend(ctx, o, a, fields, how)
	}
	a.change, err = judge(a, err, how)
	return a, err
}

// contend does about fields that others own what the policy says.
func (j *job) contend(ctx context.Context, o *unstructured.Unstructured, a attempt, fields []kube.Field, how kube.How) (attempt, error) {
	fate := map[plan.ConflictPolicy]plan.Fate{plan.Overwrite: plan.Take, plan.Preserve: plan.Keep}[j.conflicts]
	var refused []string
	for _, f := range fields {
		is := field(f, fate)
		if fate == "" || fate == plan.Keep && vital(o, a.live, f.Path) {
			is.Fate = plan.Refuse
			refused = append(refused, is.String())
		}
		a.change.Fields = append(a.change.Fields, is)
	}
	if len(refused) > 0 {
		a.change.Action, a.change.Message = plan.Conflict, strings.Join(refused, "; ")
		if fate == plan.Keep {
			a.change.Message += "; left to their owners, the release would not be there"
		}
		return a, nil
	}
	if fate == plan.Keep {
		o = kube.Without(o, a.live, fields)
	}
	how.Force = fate == plan.Take
	var err error
	a.after, err = j.Target.Write(ctx, o, a.live, how)
	a.change, err = judge(a, err, how)
	return a, err
}

func field(f kube.Field, fate plan.Fate) plan.Field {
	return plan.Field{Path: f.Path, Owner: f.Owner, Live: f.Live, After: f.After, Fate: fate}
}

// needed are the fields that make an object the release's: what its pods run and read, whom its rules are for, and our marks.
// Whoever wants to keep these wants another release.
var needed = regexp.MustCompile(`\.(image|configMap\.name|serviceAccountName)$|^(roleRef|subjects|spec\.selector)(\W|$)|` +
	`^metadata\.(labels|annotations)\[(addonctl\.io/|meta\.helm\.sh/|helm\.sh/|app\.kubernetes\.io/managed-by)`)

// vital tells whether a field cannot be left to somebody else. Rules can while they hold those of the release; how pods are replaced can
// not where the controller is to replace none.
func vital(o, live *unstructured.Unstructured, path string) bool {
	if path == "spec.updateStrategy.type" {
		return replacesNone(o)
	}
	if path != "rules" {
		return needed.MatchString(path)
	}
	wanted, _, _ := unstructured.NestedSlice(o.Object, "rules")
	have, _, _ := unstructured.NestedSlice(live.Object, "rules")
	return slices.ContainsFunc(wanted, func(w any) bool {
		return !slices.ContainsFunc(have, func(h any) bool { return reflect.DeepEqual(w, h) })
	})
}

// refuses tells whether the server will say the same to the same object again.
func refuses(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) ||
		apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsNotFound(err) || // its namespace
		strings.Contains(err.Error(), "typed patch object") // an unknown field in server-side apply is a 500
}

// noDryRun is what the API server says where a webhook has side effects: it is not called, and nobody knows what it would say.
const noDryRun = "does not support dry run"

func judge(a attempt, err error, how kube.How) (plan.ObjectChange, error) {
	c := a.change
	if err == nil {
		c.Action = plan.Action(kube.Compare(a.live, a.after))
		return c, nil
	}
	if fields, ok := kube.Conflicts(err); ok {
		c.Action, c.Message = plan.Conflict, fields
		return c, nil
	}
	if how.DryRun && strings.Contains(err.Error(), noDryRun) {
		c.Action, c.Message = plan.Unchecked, err.Error()
		return c, nil
	}
	if refuses(err) {
		c.Action, c.Message = plan.Refused, err.Error()
		return c, nil
	}
	return c, fmt.Errorf("writing %s: %w", c.Object, err)
}
