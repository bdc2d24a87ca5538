package helm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/addonctl/addonctl/pkg/artifact"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// lookWithin bounds looking up all images of a render.
const lookWithin = 5 * time.Second

// LookUp is an Engine's Images that asks the images' registries.
func LookUp(images *artifact.Images) func(ctx context.Context, image string, architectures []string) plan.Image {
	return func(ctx context.Context, image string, architectures []string) plan.Image {
		missing, err := images.Missing(ctx, image, architectures)
		out := plan.Image{Image: image, Missing: missing}
		if err != nil {
			out.Unchecked = oneLine(err)
		}
		return out
	}
}

// images looks up every image of a render for the architectures of the nodes that run it; nil when the engine does not look.
func (j *job) images(ctx context.Context, nodes []noderoll.Node, f *catalog.Footprint) []plan.Image {
	if j.Images == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	architectures := architecturesOf(nodes)
	names := imagesOf(f)
	out := make([]plan.Image, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { out[i] = j.Images(ctx, name, architectures) })
	}
	wg.Wait()
	return out
}

// imagesOf are the images of all workloads, init containers too, sorted, each once.
func imagesOf(f *catalog.Footprint) []string {
	var out []string
	for _, w := range f.Workloads {
		out = append(out, w.Images...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// architecturesOf the nodes that run the add-on, sorted, each once; what no node tells is not there.
func architecturesOf(nodes []noderoll.Node) []string {
	var out []string
	for _, n := range nodes {
		if n.Exempt == "" && n.Architecture != "" {
			out = append(out, n.Architecture)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
