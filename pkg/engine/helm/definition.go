package helm

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/render"
)

// definitions reads those of the render's CustomResourceDefinitions that are live, and names what they take and the render's do not. It
// is nil for a render without any.
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
		if now == nil {
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
