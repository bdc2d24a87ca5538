package addons_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/addonctl/addonctl/addons"
	"github.com/google/go-cmp/cmp"
)

// A new add-on's folder, or a file whose name begins with "_" or ".", is easily
// forgotten in the embed directive.
func TestEveryFolderIsEmbeddedWhole(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(contents(t, os.DirFS(".")), contents(t, addons.FS)); diff != "" {
		t.Errorf("files (-on disk +embedded):\n%s", diff)
	}
}

// contents maps each file below a folder to its text; files at the root are
// this package's own.
func contents(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	found := map[string]string{}
	roots, err := fs.Glob(fsys, "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range roots {
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
