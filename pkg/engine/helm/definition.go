package helm

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// kept tells whether an object is a live definition that is left as it is. Definitions are never rolled back: their objects would lose
// what only the newer release has.
//
//	| the render                                              | a live definition       |
//	|---------------------------------------------------------|-------------------------|
//	| is a way back, or of an older release than the live one | stays                   |
//	| is of an older release than a recorded one              | stays                   |
//	| is live, and what is missing of it is written           | stays where it has more |
//	| else                                                    | is written              |
func (j *job) kept(ctx context.Context, o, live *unstructured.Unstructured) (bool, error) {
	if o.GetKind() != definition || live == nil || j.keeps {
		return o.GetKind() == definition && live != nil, nil
	}
	if j.live == j.digest {
		return j.outlives(ctx, o, live, j.render.Version)
	}
	stored, err := j.revisions(ctx)
	return outgrown(stored, j.render.Version), err
}

// outlives tells whether a live definition is, or may be, of a newer release than the version that one of its name was recorded with:
// then it is no drift.
func (j *job) outlives(ctx context.Context, o, live *unstructured.Unstructured, version string) (bool, error) {
	if o.GetKind() != definition {
		return false, nil
	}
	stored, err := j.revisions(ctx)
	if err != nil || outgrown(stored, version) {
		return err == nil, err
	}
	return hasMore(live, o)
}

// outgrown tells whether a release newer than a version is recorded.
func outgrown(stored []record.Revision, than string) bool {
	v := parsed(than)
	return !v.IsZero() && slices.ContainsFunc(stored, func(r record.Revision) bool { return v.Less(parsed(r.Version)) })
}

// hasMore tells whether a live definition has versions, or takes fields, that another one of its name does not.
func hasMore(live, o *unstructured.Unstructured) (bool, error) {
	narrowed, err := render.Narrowed(live, o)
	if err != nil {
		return false, fmt.Errorf("comparing %s: %w", kube.Ref(o), err)
	}
	has := versionsOf(o)
	fresh := func(v string) bool { return !slices.Contains(has, v) }
	return len(narrowed) > 0 || slices.ContainsFunc(versionsOf(live), fresh), nil
}

func versionsOf(o *unstructured.Unstructured) []string {
	versions, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
	var out []string
	for _, v := range versions {
		if m, ok := v.(map[string]any); ok {
			name, _, _ := unstructured.NestedString(m, "name")
			out = append(out, name)
		}
	}
	return out
}

// definitions reads those of the render's CustomResourceDefinitions that are live and would be written, and names what they take and the
// render's do not. It is nil for a render without any.
func (j *job) definitions(ctx context.Context) (there []catalog.Definition, narrowed []string, err error) {
	var live []*unstructured.Unstructured
	looked := false
	for _, o := range j.render.Objects {
		if o.GetKind() != "CustomResourceDefinition" {
			continue
		}
		looked = true
		now, err := j.Target.Get(ctx, o)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", kube.Ref(o), err)
		}
		kept, err := j.kept(ctx, o, now)
		if err != nil {
			return nil, nil, err
		}
		if now == nil || kept {
			continue
		}
		lost, err := render.Narrowed(now, o)
		if err != nil {
			return nil, nil, err
		}
		live, narrowed = append(live, now), append(narrowed, lost...)
	}
	if !looked {
		return nil, nil, nil
	}
	f, err := render.Footprint(live)
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(narrowed)
	return append([]catalog.Definition{}, f.Definitions...), narrowed, nil
}
