package render

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// NoChartError says that the folder of charts has no chart of that name: a build may know releases that it cannot render.
type NoChartError struct{ Name string }

func (e *NoChartError) Error() string { return fmt.Sprintf("this build has no chart %q", e.Name) }

// source is a chart that was read once. It is shared between renders and never changed.
type source struct {
	chart *chart.Chart
	// schema of the values; nil when the chart has none.
	schema *jsonschema.Schema
}

// opened are the embedded charts by folder and name. What is embedded cannot change, so it is read once; other folders are
// read for each render.
var opened sync.Map

type embedded struct {
	folder embed.FS
	name   string
}

// open reads a chart from its folder.
func open(charts fs.FS, name string) (*source, error) {
	folder, ok := charts.(embed.FS)
	if !ok {
		return load(charts, name)
	}
	key := embedded{folder, name}
	if s, ok := opened.Load(key); ok {
		return s.(*source), nil //nolint:errcheck // nothing else is stored
	}
	s, err := load(charts, name)
	if err == nil {
		opened.Store(key, s)
	}
	return s, err
}

// load reads every file of a chart's folder: names that begin with "_" or "." belong to it.
func load(charts fs.FS, name string) (*source, error) {
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
	c, err := loader.LoadFiles(files)
	if err != nil {
		return nil, err
	}
	return checked(c)
}

// checked is a chart that may be rendered.
func checked(c *chart.Chart) (*source, error) {
	s := &source{chart: c}
	return s, s.check()
}

// check refuses what would be done outside of the render, and compiles the schema of the values. Nothing is fetched: a
// reference that leads out of the chart is an error.
func (s *source) check() error {
	if n := len(s.chart.CRDObjects()); n > 0 {
		return fmt.Errorf("it has %d files in crds/: a chart that brings definitions brings them as templates", n)
	}
	if n := len(s.chart.Dependencies()) + len(s.chart.Metadata.Dependencies); n > 0 {
		return fmt.Errorf("it has %d dependencies: an add-on's chart stands for itself", n)
	}
	if s.chart.Schema == nil {
		return nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.chart.Schema))
	if err != nil {
		return fmt.Errorf("reading values.schema.json: %w", err)
	}
	const name = "chart:values.schema.json"
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{})
	if err := compiler.AddResource(name, doc); err != nil {
		return fmt.Errorf("reading values.schema.json: %w", err)
	}
	if s.schema, err = compiler.Compile(name); err != nil {
		return fmt.Errorf("reading values.schema.json: %w", err)
	}
	return nil
}

// of is the chart of one release, a copy as far as it is changed.
func (s *source) of(version string) *chart.Chart {
	c, m := *s.chart, *s.chart.Metadata
	m.AppVersion = version
	c.Metadata = &m
	return &c
}

// validate tells which values are not of the chart's schema.
func (s *source) validate(values map[string]any) error {
	if s.schema == nil {
		return nil
	}
	err := s.schema.Validate(values)
	if err == nil {
		return nil
	}
	text := err.Error()
	if _, after, ok := strings.Cut(text, "\n"); ok {
		text = after // the first line names the schema's address
	}
	return fmt.Errorf("the values are not what the chart takes:\n%s", text)
}
