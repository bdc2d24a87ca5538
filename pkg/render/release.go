package render

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// Settings are what a cluster adds to a release's own values.
type Settings struct {
	// Kubernetes is the version that templates may ask for.
	Kubernetes version.Version
	// PodCIDRs that hold every node's pod CIDR, at most one per family.
	PodCIDRs []string
}

// into puts the settings where the chart reads them.
func (s Settings) into(values map[string]any) error {
	var cidrs []any
	for _, c := range s.PodCIDRs {
		if _, err := netip.ParsePrefix(c); err != nil {
			return fmt.Errorf("reading pod CIDR %q: %w", c, err)
		}
		cidrs = append(cidrs, c)
	}
	if len(cidrs) > 0 {
		values["podCIDRs"] = cidrs
	}
	return nil
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
}

// NoChartError says that the folder of charts has no chart of that name: a build may know releases that it cannot render.
type NoChartError struct{ Name string }

func (e *NoChartError) Error() string { return fmt.Sprintf("this build has no chart %q", e.Name) }

// Release renders a release with its chart from a folder of charts. Hooks, and a chart that writes outside of strict
// templating, are errors; a *NoChartError says that there is no such chart.
func Release(charts fs.FS, addOn catalog.AddOn, r catalog.Release, s Settings) (*Render, error) {
	c, err := load(charts, r.Chart)
	if err != nil {
		return nil, fmt.Errorf("loading chart %q: %w", r.Chart, err)
	}
	if n := len(c.CRDObjects()); n > 0 {
		return nil, fmt.Errorf("chart %q has %d files in crds/: a chart that brings definitions brings them as templates", r.Chart, n)
	}
	c.Metadata.AppVersion = r.Version.String()
	values := r.ChartValues()
	if err := s.into(values); err != nil {
		return nil, fmt.Errorf("rendering %s %s: %w", addOn.Name, r.Version, err)
	}
	objects, err := template(c, values, addOn, s)
	if err != nil {
		return nil, fmt.Errorf("rendering %s %s: %w", addOn.Name, r.Version, err)
	}
	if err := mark(objects, addOn); err != nil {
		return nil, fmt.Errorf("rendering %s %s: %w", addOn.Name, r.Version, err)
	}
	manifest, err := Print(objects)
	if err != nil {
		return nil, fmt.Errorf("rendering %s %s: %w", addOn.Name, r.Version, err)
	}
	return &Render{AddOn: addOn.Name, Version: r.Version.String(), Chart: c, Values: values, Objects: objects, Manifest: manifest}, nil
}

// load reads a chart from its folder, every file of it: names that begin with "_" or "." belong to it.
func load(charts fs.FS, name string) (*chart.Chart, error) {
	if _, err := fs.Stat(charts, name); errors.Is(err, fs.ErrNotExist) {
		return nil, &NoChartError{Name: name}
	}
	var files []*loader.BufferedFile
	err := fs.WalkDir(charts, name, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(charts, p)
		if err != nil {
			return err
		}
		files = append(files, &loader.BufferedFile{Name: strings.TrimPrefix(p, name+"/"), Data: data})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return loader.LoadFiles(files)
}

func template(c *chart.Chart, values map[string]any, addOn catalog.AddOn, s Settings) ([]*unstructured.Unstructured, error) {
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
	all, err := chartutil.ToRenderValues(c, values, options, caps)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.Render(c, all)
	if err != nil {
		return nil, err
	}
	return parseFiles(files, caps.APIVersions)
}

func parseFiles(files map[string]string, apis chartutil.VersionSet) ([]*unstructured.Unstructured, error) {
	for name := range files {
		if path.Base(name) == "NOTES.txt" {
			delete(files, name)
		}
	}
	for name, text := range files {
		if strings.Contains(text, annotationHook) {
			return nil, fmt.Errorf("%s has a hook: hooks are not run", name)
		}
	}
	_, manifests, err := releaseutil.SortManifests(files, apis, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for _, m := range manifests {
		os, err := Parse(m.Content)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", m.Name, err)
		}
		out = append(out, os...)
	}
	sort.SliceStable(out, func(i, j int) bool { return PhaseOf(out[i]) < PhaseOf(out[j]) })
	return out, nil
}
