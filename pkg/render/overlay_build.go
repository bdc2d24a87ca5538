package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomized are the objects that kustomize makes of a checked overlay with the release's objects beside its files. Nothing
// is read or written outside of memory, and there are no plugins.
func kustomized(objects []*unstructured.Unstructured, o *overlay) ([]*unstructured.Unstructured, error) {
	given, err := documents(objects)
	if err != nil {
		return nil, err
	}
	fsys := filesys.MakeFsInMemory()
	if err := fsys.WriteFile("/"+releaseFile, given); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(o.files)) {
		if err := fsys.WriteFile("/"+name, o.files[name]); err != nil {
			return nil, fmt.Errorf("reading overlay file %q: %w", name, err)
		}
	}
	return build(fsys, "/")
}

// build runs kustomize in a folder of a file system in memory.
func build(fsys filesys.FileSystem, folder string) ([]*unstructured.Unstructured, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fsys, folder)
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for _, r := range built.Resources() {
		text, err := r.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", r.CurId(), err)
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(text); err != nil {
			return nil, fmt.Errorf("reading %s: %w", r.CurId(), err)
		}
		out = append(out, o)
	}
	return out, nil
}

// documents are objects as JSON documents, which is YAML that leaves no doubt what is text and what is a number.
func documents(objects []*unstructured.Unstructured) ([]byte, error) {
	var b bytes.Buffer
	for _, o := range objects {
		j, err := json.Marshal(o.Object)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", full(o), err)
		}
		b.WriteString("---\n")
		b.Write(j)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}
