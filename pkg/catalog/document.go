package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/addonctl/addonctl/pkg/version"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// apiVersion is the one format this package reads. A reader must not guess at
// a newer one.
const apiVersion = "catalog.addonctl.io/v1alpha1"

// maxFile bounds what is decoded of one file, in bytes; the longest one that somebody has written by hand is far below it.
const maxFile = 256 << 10

// header opens every file.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// text is a string that must be written as one. YAML reads an unquoted 1.30 as
// the number 1.3, which would pass as a version; bare remembers that.
type text struct {
	value string
	bare  bool
}

// UnmarshalJSON takes any scalar, so that the fault can be reported with all
// the others.
func (t *text) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if json.Unmarshal(data, &t.value) == nil {
		return nil
	}
	*t = text{value: string(data), bare: true}
	return nil
}

// rangeDocument is a version.Range as written.
type rangeDocument struct {
	Minimal text `json:"minimal"`
	Maximum text `json:"maximum"`
}

func (doc rangeDocument) versions(s *sheet, field string) version.Range {
	r := version.Range{
		Minimal: s.version(field+".minimal", doc.Minimal),
		Maximum: s.version(field+".maximum", doc.Maximum),
	}
	if err := r.Validate(); err != nil {
		s.fault(field+".minimal", doc.Minimal.value, err.Error())
	}
	return r
}

// empty tells whether neither end is written, not even wrongly.
func (doc rangeDocument) empty() bool { return doc.Minimal == text{} && doc.Maximum == text{} }

// decode reads one file strictly: unknown and doubled fields are faults. When
// ok is false, into was not filled and nothing in it is worth checking.
func decode(fsys fs.FS, file string, into any) (faults []Fault, ok bool) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return []Fault{{File: file, Problem: "reading: " + cause(err)}}, false
	}
	if len(data) > maxFile {
		return []Fault{{File: file, Problem: fmt.Sprintf("longer than %d bytes", maxFile)}}, false
	}
	converted, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return []Fault{{File: file, Problem: "reading YAML: " + oneLine(err)}}, false
	}
	strict, err := kjson.UnmarshalStrict(converted, into)
	if err != nil {
		return []Fault{mistyped(file, err)}, false
	}
	for _, err := range strict {
		faults = append(faults, unknownField(file, err))
	}
	return faults, true
}

func mistyped(file string, err error) Fault {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Fault{File: file, Field: wrong.Field, Value: wrong.Value, Problem: "want " + wrong.Type.Kind().String()}
	}
	return Fault{File: file, Problem: "decoding: " + oneLine(err)}
}

func unknownField(file string, err error) Fault {
	f := Fault{File: file, Problem: oneLine(err)}
	if field, ok := errors.AsType[kjson.FieldError](err); ok {
		f.Field, f.Problem = field.FieldPath(), "unknown field"
	}
	return f
}

// cause drops the path that fs errors repeat.
func cause(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	return err.Error()
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
