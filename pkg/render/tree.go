package render

import (
	"fmt"
	"io/fs"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Tree are the objects that kustomize makes of a folder in a tree of files, in the order of PhaseOf. The folder may name others of the tree.
// Nothing is read or written outside of memory, and there are no plugins.
func Tree(tree fs.FS, folder string) ([]*unstructured.Unstructured, error) {
	fsys := filesys.MakeFsInMemory()
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		return fsys.WriteFile("/"+path, data)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the files of %s: %w", folder, err)
	}
	objects, err := build(fsys, "/"+folder)
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", folder, err)
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return int(PhaseOf(a)) - int(PhaseOf(b)) })
	return objects, nil
}

// Replace puts one text in the place of another wherever it is a whole value of an object, and not a part of one.
func Replace(objects []*unstructured.Unstructured, old, with string) {
	for _, o := range objects {
		replace(o.Object, old, with)
	}
}

func replace(v any, old, with string) any {
	switch v := v.(type) {
	case string:
		if v == old {
			return with
		}
	case []any:
		for i := range v {
			v[i] = replace(v[i], old, with)
		}
	case map[string]any:
		for k := range v {
			v[k] = replace(v[k], old, with)
		}
	}
	return v
}
