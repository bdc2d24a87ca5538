package catalog

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// apiVersion is the one format this package reads. A reader must not guess at
// a newer one.
const apiVersion = "catalog.addonctl.io/v1alpha1"

const (
	kindAddOn   = "AddOn"
	kindRelease = "Release"
)

// header opens every file.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// addOnDocument is addon.yaml as written.
type addOnDocument struct {
	header

	Name        string      `json:"name"`
	NetworkType NetworkType `json:"networkType"`
	Chart       string      `json:"chart"`
	Release     string      `json:"release"`
	Workload    Workload    `json:"workload"`
	NodeKinds   []NodeKind  `json:"nodeKinds"`
}

// releaseDocument is a file below releases/ as written.
type releaseDocument struct {
	header

	Version    text            `json:"version"`
	Status     Status          `json:"status"`
	Released   text            `json:"released"`
	Kubernetes filtersDocument `json:"kubernetes"`
	ListedFor  []text          `json:"listedFor"`
	Chart      string          `json:"chart"`
	Images     []Image         `json:"images"`
	Mechanism  Mechanism       `json:"mechanism"`
	Values     map[string]any  `json:"values"`
	Sources    []string        `json:"sources"`
	Confidence Confidence      `json:"confidence"`
}

type filtersDocument struct {
	Minimal text   `json:"minimal"`
	Maximum text   `json:"maximum"`
	Exact   []text `json:"exact"`
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

// decode reads one file strictly: unknown and doubled fields are faults. When
// ok is false, into was not filled and nothing in it is worth checking.
func decode(fsys fs.FS, file string, into any) (faults []Fault, ok bool) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return []Fault{{File: file, Problem: "reading: " + cause(err)}}, false
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
