package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// Change renders the target and compares it with the cluster. Where the live objects are not those of the render, it
// asks the API server, for our user's rights first and then object by object in a strict dry run, what writing would do.
// A target that cannot be rendered for this cluster is no error: Unrenderable says why; nor is one that cannot be rendered with what
// an operator set: Findings say so.
func (e *Engine) Change(ctx context.Context, in plan.Input) (plan.Change, error) {
	j, err := e.open(ctx, in)
	if c, ok := unrendered(err); ok {
		return c, nil
	}
	if err != nil || j == nil {
		return plan.Change{}, err
	}
	c, ok := j.outline(ctx, in)
	if !ok {
		return c, nil
	}
	absent, unserved, err := j.absent(ctx)
	c.Missing = refs(absent)
	if apierrors.IsForbidden(err) {
		c.MissingRights, err = j.missingRights(ctx, unserved)
		return c, err
	}
	if err != nil {
		return plan.Change{}, err
	}
	written := in.Installed.Digest == j.digest && in.Installed.Version == j.render.Version && in.Installed.OnDelete == j.onDelete
	if written && len(c.Missing) == 0 {
		c.From = c.To // and nothing more has to be asked
		return c, nil
	}
	c, err = j.compare(ctx, in.Installed, c, absent, unserved)
	if err != nil {
		return c, err
	}
	return j.preflight(ctx, in, c)
}

// outline is what a render says by itself; false when no footprint can be taken of it.
func (j *job) outline(ctx context.Context, in plan.Input) (plan.Change, bool) {
	c := plan.Change{Version: j.render.Version, Digest: j.digest, Findings: Findings(j.render), Unset: j.unset(ctx, in)}
	var err error
	if c.To, err = render.Footprint(j.render.Objects); err != nil {
		return plan.Change{Unrenderable: oneLine(err)}, false
	}
	if c.To.Network != nil {
		c.Network = c.To.Network.Networks
	}
	return c, true
}

// unrendered is the change to a target that cannot be rendered; false for every other error.
func unrendered(err error) (plan.Change, bool) {
	if missing, ok := errors.AsType[*render.NoChartError](err); ok {
		return plan.Change{Unrenderable: missing.Error()}, true
	}
	if refused, ok := Refusal(err); ok {
		return plan.Change{Findings: refused}, true
	}
	if none, ok := errors.AsType[*UnrenderableError](err); ok {
		return plan.Change{Unrenderable: oneLine(none)}, true
	}
	return plan.Change{}, false
}

// unset is the digest of the live release without an operator's settings, where no record says what they were; empty when there
// is a record, and when the release cannot be rendered.
func (j *job) unset(ctx context.Context, in plan.Input) string {
	if in.Desired.AddOn != "" || !in.Installed.Ours {
		return ""
	}
	live, err := version.Parse(in.Installed.Version)
	if err != nil {
		return ""
	}
	r, _ := j.addOn.Find(live)
	if j.digest == in.Installed.Digest && plan.MergedSettings(in).IsZero() {
		return j.digest
	}
	with := j.with
	if written, err := j.written(ctx, in.Installed, r); err == nil && written != nil {
		with = written
	}
	bare, err := rendered(with, in, j.addOn, r, plan.Settings{})
	if err != nil {
		return ""
	}
	return record.Digest(bare.Manifest)
}

// compare completes a change that something would be written for.
func (j *job) compare(ctx context.Context, live plan.Installed, c plan.Change, absent, unserved []*unstructured.Unstructured) (plan.Change, error) {
	var err error
	if c.MissingRights, err = j.missingRights(ctx, unserved); err != nil || len(c.MissingRights) > 0 {
		return c, err
	}
	stored, err := j.revisions(ctx)
	if err != nil {
		return c, err
	}
	if c.MissingRights, err = j.Target.Missing(ctx, j.guardRights(stored)); err != nil || len(c.MissingRights) > 0 {
		return c, err
	}
	c.From = from(stored, live)
	c.Objects, err = j.dryRun(ctx, stored, live, absent, unserved)
	return c, err
}

// from is the footprint of what is live, as it was recorded; nil when nothing is, when no revision is of the live workload,
// and when somebody wrote a revision by hand that cannot be read: what is not known must not stop the way out of it.
func from(stored []record.Revision, live plan.Installed) *catalog.Footprint {
	r, ok := recorded(stored, live)
	if !ok {
		return nil
	}
	var f *catalog.Footprint
	objects, err := render.Parse(r.Manifest)
	if err == nil {
		f, err = render.Footprint(objects)
	}
	if err != nil {
		return nil
	}
	f.Bytes = len(r.Manifest)
	return f
}

// recorded is the revision that the live workload was written from: the newest one that its mark names; else, for a
// workload that Helm wrote, which leaves our mark as it was, the newest deployed one. Neither counts when the live image is
// of another version.
func recorded(stored []record.Revision, live plan.Installed) (record.Revision, bool) {
	if !live.Present {
		return record.Revision{}, false
	}
	marked := func(r record.Revision) bool { return r.Digest == live.Digest }
	deployed := func(r record.Revision) bool { return r.Status == string(plan.Deployed) }
	for _, is := range []func(record.Revision) bool{marked, deployed} {
		for _, r := range slices.Backward(stored) {
			if is(r) && r.Version == live.Version {
				return r, true
			}
		}
	}
	return record.Revision{}, false
}

// missingRights are those of our user that writing needs; unserved are objects of kinds that nobody can write.
func (j *job) missingRights(ctx context.Context, unserved []*unstructured.Unstructured) ([]string, error) {
	objects := slices.DeleteFunc(slices.Clone(j.render.Objects), func(o *unstructured.Unstructured) bool { return has(unserved, o) })
	rights, err := j.Target.WriteRights(objects)
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
		kube.Right{Verb: "list", Resource: "pods", Namespace: ns},
		kube.Right{Verb: "list", Group: "apps", Resource: "daemonsets", Namespace: ns},
		kube.Right{Verb: "list", Group: "apps", Resource: "deployments", Namespace: ns})
	if j.rolls {
		rights = append(rights, j.rollRights()...)
	}
	if j.replaces {
		rights = append(rights, kube.Right{Verb: "get", Resource: "nodes"}, kube.Right{Verb: "patch", Resource: "nodes"})
	}
	return j.Target.Missing(ctx, rights)
}

// absent are the objects of the render that are not on the cluster, unserved those among them whose kind nobody serves or defines.
func (j *job) absent(ctx context.Context) (absent, unserved []*unstructured.Unstructured, err error) {
	if unserved, err = j.Target.Learn(ctx, j.render.Objects); err != nil {
		return nil, nil, err
	}
	for _, o := range j.render.Objects {
		if has(unserved, o) {
			absent = append(absent, o)
			continue
		}
		live, err := j.Target.Get(ctx, o)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", kube.Ref(o), err)
		}
		if live == nil {
			absent = append(absent, o)
		}
	}
	return absent, unserved, nil
}

// refs names objects.
func refs(objects []*unstructured.Unstructured) []string {
	var out []string
	for _, o := range objects {
		out = append(out, kube.Ref(o))
	}
	return out
}
