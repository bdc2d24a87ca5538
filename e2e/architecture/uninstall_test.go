package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What takes a CNI away is called by one command alone: no way out of any trouble leads over an uninstallation. The second half
// shows the search a caller, or it would be green for want of finding anything.
func TestOnlyTheUninstallCommandRemovesACNI(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	const control = "pkg/engine/helm/failure_reinstall.go" // the crash tests' negative control, built with a tag of its own
	calls := map[string]*regexp.Regexp{
		"helm.Engine.Remove":   regexp.MustCompile(`(?i)engine\)?\.Remove\(|\be\.Remove\(|Target\.Remove\(`),
		"record.Store.Erase":   regexp.MustCompile(`\.Erase\(`),
		"hub.Hub.RemoveAddon":  regexp.MustCompile(`\.RemoveAddon\(`),
		"hub.Hub.Forget":       regexp.MustCompile(`\.Forget\(`),
		"guard.BreakGlass":     regexp.MustCompile(`\bguard\.BreakGlass\(`),
		"session.remove":       regexp.MustCompile(`\bs\.remove\(ctx, addOn\)`),
		"deleting a DaemonSet": regexp.MustCompile(`DaemonSets\([^)]*\)\.Delete`),
	}
	want := map[string][]string{
		"helm.Engine.Remove": {"pkg/cli/uninstall.go"}, "record.Store.Erase": {"pkg/engine/helm/remove.go"},
		// Forget takes records of another cluster out of a hub, for cluster unregister: it has no client of that cluster.
		"hub.Hub.RemoveAddon": {"pkg/cli/uninstall.go", "pkg/hub/enrol.go"}, "hub.Hub.Forget": {"pkg/cli/cluster_enrol.go"},
		"guard.BreakGlass": {"pkg/cli/breakglass.go"}, "session.remove": {"pkg/cli/uninstall.go"},
		"deleting a DaemonSet": {control},
	}
	if diff := cmp.Diff(want, callers(t, root, calls)); diff != "" {
		t.Errorf("callers (-want +got):\n%s", diff)
	}
	if text, err := os.ReadFile(filepath.Join(root, control)); err != nil || !strings.HasPrefix(string(text), "//go:build reinstall\n") {
		t.Errorf("%s is part of every build (%v)", control, err)
	}

	bad := t.TempDir()
	if err := os.MkdirAll(filepath.Join(bad, "pkg", "engine"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "package engine\nfunc f() { e.Remove(ctx, a, b); c.AppsV1().DaemonSets(ns).Delete(ctx) }\n"
	if err := os.WriteFile(filepath.Join(bad, "pkg", "engine", "recover.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	found := callers(t, bad, calls)
	if len(found["helm.Engine.Remove"]) != 1 || len(found["deleting a DaemonSet"]) != 1 {
		t.Errorf("the search does not see a caller: %v", found)
	}
}

// callers are the files of pkg and cmd, tests aside, that call each of them.
func callers(t *testing.T, root string, calls map[string]*regexp.Regexp) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, top := range []string{"pkg", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for name, call := range calls {
				if call.Match(text) {
					file, _ := filepath.Rel(root, path)
					out[name] = append(out[name], filepath.ToSlash(file))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, files := range out {
		slices.Sort(files)
	}
	return out
}
