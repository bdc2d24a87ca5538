package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// Kustomizations may include each other and YAML may repeat itself by aliases. These bounds, for a whole overlay, keep a
// small one from growing without end.
const (
	maxOverlayFolders = 100
	maxOverlayValues  = 1 << 18
)

// refusedFields of a kustomization, and what to write instead or why nothing takes their place. Some fetch or run something,
// some are older names, which kustomize takes with a warning on the error stream, and openapi would hold for every later
// render of the process.
var refusedFields = map[string]string{
	"bases":                       "it is an old name: write it as resources",
	"buildMetadata":               "what it notes on objects is no part of the release: leave it out",
	"commonLabels":                "it changes selectors, which are for life: write it as labels",
	"crds":                        "it is for resources of one's own: leave it out",
	"generators":                  "it runs programs: write it as configMapGenerator, secretGenerator or resources",
	"helmChartInflationGenerator": "no other chart is rendered into a release: leave it out",
	"helmCharts":                  "no other chart is rendered into a release: leave it out",
	"helmGlobals":                 "no other chart is rendered into a release: leave it out",
	"imageTags":                   "it is an old name: write it as images",
	"openapi":                     "objects are patched by the schema of Kubernetes: leave it out",
	"patchesJson6902":             "it is an old name: write it as patches",
	"patchesStrategicMerge":       "it is an old name: write it as patches",
	"transformers":                "it runs programs: write it as patches, labels, images or replacements",
	"validators":                  "it runs programs: leave it out",
	"vars":                        "it is an old way: write it as replacements",
}

// overlay is what was read of one.
type overlay struct {
	// files that kustomize is given: the operator's kustomizations, written anew, and what they refer to. Paths in them begin
	// with "./" and name files that are there, so none can be taken for an address or a repository. The kustomization at the
	// root includes the release's objects.
	files map[string][]byte
	// targets of its patches.
	targets map[spot]types.Selector
	// mirrors tells whether it gives images other names.
	mirrors bool
}

// checkedOverlay reads the files of an overlay. Every fault is told at once.
func checkedOverlay(files map[string][]byte) (*overlay, error) {
	if err := checkNames(files); err != nil {
		return nil, err
	}
	r := &overlayReader{overlay: overlay{map[string][]byte{}, map[spot]types.Selector{}, false}, given: files, values: maxOverlayValues}
	r.folder(".", "")
	if err := errors.Join(r.problems...); err != nil {
		return nil, err
	}
	return &r.overlay, nil
}

type overlayReader struct {
	overlay
	given    map[string][]byte
	problems []error
	folders  int // how many were read
	values   int // how many may still be read
}

func (r *overlayReader) problem(s spot, format string, args ...any) {
	where := fmt.Sprintf("overlay file %q", s.file)
	if s.field != "" {
		where += ": field " + s.field
	}
	r.problems = append(r.problems, fmt.Errorf("%s: %w", where, fmt.Errorf(format, args...)))
}

// folder reads the kustomization of a folder and those that it includes. The kind is Kustomization or Component; empty at
// the root, which may be either.
func (r *overlayReader) folder(dir, kind string) {
	if r.folders++; r.folders > maxOverlayFolders {
		if r.folders == maxOverlayFolders+1 {
			r.problem(spot{file: dir}, "folders include each other more than %d times", maxOverlayFolders)
		}
		return
	}
	name, err := kustomizationIn(r.given, dir)
	if err != nil {
		r.problems = append(r.problems, err)
		return
	}
	k := r.kustomization(name)
	if k == nil {
		return
	}
	if is := cmp.Or(k.Kind, types.KustomizationKind); kind != "" && is != kind {
		r.problem(spot{name, "kind"}, "it is included as a %s, and says %q", kind, is)
		return
	}
	r.paths(name, k)
	r.mirrors = r.mirrors || slices.ContainsFunc(k.Images, func(i types.Image) bool { return i.NewName != "" })
	k.SortOptions = nil // objects have an order of their own, and kustomize would warn on the error stream
	if dir == "." {
		k.Resources = append([]string{"./" + releaseFile}, k.Resources...)
	}
	text, err := json.Marshal(k)
	if err != nil {
		r.problem(spot{file: name}, "writing it anew: %w", err)
		return
	}
	r.files[name] = text
}

// kustomization decodes one, strictly; nil when it cannot be read at all.
func (r *overlayReader) kustomization(name string) *types.Kustomization {
	before := len(r.problems)
	if n := r.yaml(spot{file: name}, r.given[name]); n > 1 {
		r.problem(spot{file: name}, "it has %d documents, of which only one would be read", n)
	}
	if len(r.problems) > before {
		return nil
	}
	text, err := yaml.YAMLToJSONStrict(r.given[name])
	if err != nil {
		r.problem(spot{file: name}, "%w", err)
		return nil
	}
	k := &types.Kustomization{}
	if !r.decode(name, text, k) {
		return nil
	}
	for _, fault := range k.EnforceFields() {
		r.problem(spot{file: name}, "%s", fault)
	}
	return k
}

// decode decodes a kustomization as far as it can be read.
func (r *overlayReader) decode(name string, text []byte, k *types.Kustomization) bool {
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		r.problem(spot{file: name}, "it is no kustomization: %w", err)
		return false
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if why, refused := refusedFields[field]; refused {
			r.problem(spot{name, field}, "it is refused: %s", why)
		}
	}
	strict, err := kjson.UnmarshalStrict(text, k)
	for _, fault := range append(strict, err) {
		if fault != nil {
			r.problem(spot{file: name}, "%w", fault)
		}
	}
	return err == nil
}

// yaml tells how many documents a text has, and refuses one that kustomize cannot be trusted with: it breaks off, ending
// the process, where it can write what it read as JSON no more, and follows aliases without end.
func (r *overlayReader) yaml(s spot, text []byte) int {
	documents := 0
	for d := kyaml.NewDecoder(bytes.NewReader(text)); ; {
		var n kyaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return documents
		}
		var value any
		if err == nil && !r.spend(&n) {
			err = fmt.Errorf("its aliases, or its values, are more than %d", maxOverlayValues)
		}
		if err == nil {
			err = n.Decode(&value)
		}
		if err == nil {
			_, err = json.Marshal(value)
		}
		if err != nil {
			r.problem(s, "it is no YAML of plain values: %w", err)
			return documents
		}
		if value != nil {
			documents++
		}
	}
}

// spend counts the values of a node with those that its aliases stand for, and tells whether they are few enough.
func (r *overlayReader) spend(n *kyaml.Node) bool {
	if n == nil {
		return true
	}
	if r.values--; r.values < 0 {
		return false
	}
	for _, c := range n.Content {
		if !r.spend(c) {
			return false
		}
	}
	return r.spend(n.Alias)
}
