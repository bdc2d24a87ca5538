package charts_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/addonctl/addonctl/charts"
	"github.com/google/go-cmp/cmp"
)

// A new chart's folder, or a file whose name begins with "_" or ".", is easily
// forgotten in the embed directive.
func TestEveryFolderIsEmbeddedWhole(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(contents(t, os.DirFS(".")), contents(t, charts.FS)); diff != "" {
		t.Errorf("files (-on disk +embedded):\n%s", diff)
	}
}

// contents maps each file below a folder to its text; testdata and the files at
// the root are this package's own.
func contents(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	found := map[string]string{}
	roots, err := fs.Glob(fsys, "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range roots {
		if root == "testdata" {
			continue
		}
		err := fs.WalkDir(fsys, root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path == root {
				return err
			}
			data, err := fs.ReadFile(fsys, path)
			found[path] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) == 0 {
		t.Fatal("no files found")
	}
	return found
}
