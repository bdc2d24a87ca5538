package render

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Finding is something that a render has to say; a blocking one means that the render must not be written to a cluster.
type Finding struct {
	// Reason in CamelCase.
	Reason string
	// Message is a sentence, Fix what to do; Fix may be empty.
	Message, Fix string
	Blocking     bool
}

// Render is a release as objects.
type Render struct {
	AddOn   string
	Version string
	// Chart and Values as Helm's storage keeps them; the chart's appVersion is the release's version.
	Chart  *chart.Chart
	Values map[string]any
	// Objects in the order of writing (see Phase), with ownership marks.
	Objects []*unstructured.Unstructured
	// Manifest is the text of the objects, deterministic; its digest identifies the render.
	Manifest string
	// Findings in a stable order.
	Findings []Finding
}

// Release renders a release with its chart from a folder of charts: what the chart gives, the operator's definitions in
// place of the chart's, then the operator's overlay. Hooks, a chart that writes outside of strict templating, and settings
// that make no sense are errors: a *NoChartError says that there is no such chart, a *ConfigurationError that the release
// does not take a configuration.
func Release(charts fs.FS, addOn catalog.AddOn, r catalog.Release, s Settings) (*Render, error) {
	c, err := open(charts, r.Chart)
	if err != nil {
		return nil, fmt.Errorf("loading chart %q: %w", r.Chart, err)
	}
	return c.release(addOn, r, s)
}

// With is Release with a chart that is in hand, such as the one that a revision was recorded with.
func With(c *chart.Chart, addOn catalog.AddOn, r catalog.Release, s Settings) (*Render, error) {
	known, err := checked(c)
	if err != nil {
		return nil, fmt.Errorf("reading chart %q: %w", r.Chart, err)
	}
	return known.release(addOn, r, s)
}

func (c *source) release(addOn catalog.AddOn, r catalog.Release, s Settings) (*Render, error) {
	out := &Render{AddOn: addOn.Name, Version: r.Version.String(), Chart: c.of(r.Version.String())}
	if err := out.fill(c, addOn, r, s); err != nil {
		return nil, fmt.Errorf("rendering %s %s: %w", addOn.Name, r.Version, err)
	}
	return out, nil
}

// fill renders the chart that is in hand.
func (out *Render) fill(chart *source, addOn catalog.AddOn, r catalog.Release, s Settings) error {
	configurations, err := decoded(r, s.Configurations)
	if err != nil {
		return err
	}
	if out.Values, err = s.values(out.Chart.Values, r, configurations); err != nil {
		return err
	}
	objects, err := template(chart, out.Values, addOn, s)
	if err != nil {
		return err
	}
	objects = replaced(objects, s.Definitions)
	objects, findings, err := overlaid(objects, s.Overlay)
	if err != nil {
		return err
	}
	out.Objects, out.Findings = objects, slices.Concat(unused(addOn, configurations), s.regionless(chart.chart.Values), findings)
	if err := mark(out.Objects, addOn); err != nil {
		return err
	}
	out.Manifest, err = Print(out.Objects)
	return err
}

// replaced are the objects with definitions in place of those of the same name. Others of them are left out: a release
// brings the definitions that it needs, and no more.
func replaced(objects, definitions []*unstructured.Unstructured) []*unstructured.Unstructured {
	out := make([]*unstructured.Unstructured, 0, len(objects))
	for _, o := range objects {
		if d := namesake(o, definitions); d != nil && o.GetKind() == kindDefinition {
			o = d.DeepCopy()
		}
		out = append(out, o)
	}
	return out
}

const kindDefinition = "CustomResourceDefinition"

// template runs the chart's templates with values.
func template(c *source, values map[string]any, addOn catalog.AddOn, s Settings) ([]*unstructured.Unstructured, error) {
	caps := chartutil.DefaultCapabilities.Copy()
	if !s.Kubernetes.IsZero() {
		k, err := chartutil.ParseKubeVersion(s.Kubernetes.Core())
		if err != nil {
			return nil, fmt.Errorf("reading Kubernetes version %q: %w", s.Kubernetes, err)
		}
		caps.KubeVersion = *k
	}
	// Revision and IsInstall are fixed: a render must not depend on what is recorded.
	options := chartutil.ReleaseOptions{Name: addOn.Release, Namespace: addOn.Workload.Namespace, Revision: 1, IsInstall: true}
	const ownValidation = true // Helm's would compile the schema each time, and fetch what it refers to
	all, err := chartutil.ToRenderValuesWithSchemaValidation(c.chart, values, options, caps, ownValidation)
	if err != nil {
		return nil, err
	}
	given, err := all.Table("Values")
	if err != nil {
		return nil, err
	}
	if err := c.validate(given); err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.Render(c.chart, all)
	if err != nil {
		return nil, err
	}
	return parseFiles(files)
}

// parseFiles reads the objects out of rendered files, in the order of writing: by phase, then by Helm's order of kinds,
// then as the files have them.
func parseFiles(files map[string]string) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Base(name) == "NOTES.txt" {
			continue
		}
		objects, err := Parse(files[name])
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		for _, o := range objects {
			if _, ok := o.GetAnnotations()[annotationHook]; ok {
				return nil, fmt.Errorf("%s has a hook: hooks are not run", name)
			}
		}
		out = append(out, objects...)
	}
	slices.SortStableFunc(out, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(PhaseOf(a), PhaseOf(b)), cmp.Compare(place(a), place(b)), cmp.Compare(a.GetKind(), b.GetKind()))
	})
	return out, nil
}

// place of an object's kind in Helm's order of installation; kinds that it does not name come last.
func place(o *unstructured.Unstructured) int {
	if i := slices.Index(releaseutil.InstallOrder, o.GetKind()); i >= 0 {
		return i
	}
	return len(releaseutil.InstallOrder)
}
