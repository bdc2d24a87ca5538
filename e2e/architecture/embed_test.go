package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/manifests"
)

// A new folder, or a file whose name begins with "_" or ".", is easily forgotten in an embed directive; a plain one drops
// _helpers.tpl and .helmignore.
func TestEveryDataFolderIsEmbeddedWhole(t *testing.T) {
	t.Parallel()
	for name, embedded := range map[string]fs.FS{"addons": addons.FS, "charts": charts.FS, "manifests": manifests.FS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(contents(t, os.DirFS(filepath.Join("..", "..", name))), contents(t, embedded)); diff != "" {
				t.Errorf("files (-on disk +embedded):\n%s", diff)
			}
		})
	}
}

// contents maps each file below a folder to its text; testdata and the files at the root are not data.
func contents(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == "testdata":
			return fs.SkipDir
		case d.IsDir() || filepath.Dir(path) == ".":
			return nil
		}
		data, err := fs.ReadFile(fsys, path)
		found[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no files found")
	}
	return found
}
