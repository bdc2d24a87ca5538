package charts_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
)

var freeze = flag.Bool("freeze", false, "add the renders that releases have no entry for yet to their files in addons/")

// A published release goes on meaning the objects that were reviewed. It would catch a template that was changed without a
// new version of its chart.
func TestEveryFrozenReleaseRendersAsItWasPublished(t *testing.T) {
	t.Parallel()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range shipped.AddOns {
		for _, r := range a.Releases {
			now, err := render.Canonical(os.DirFS("."), a, r)
			if err != nil {
				t.Error(err)
				continue
			}
			if _, known := r.Frozen(now.Chart); *freeze && !known {
				add(t, a, r, now)
				continue
			}
			if fault := thaw(r, now); fault != "" {
				t.Errorf("%s %s: %s", a.Name, r.Version, fault)
			}
		}
	}
}

// thaw says what is wrong with a release that renders as it does now.
func thaw(r catalog.Release, now catalog.Frozen) string {
	switch digest, ok := r.Frozen(now.Chart); {
	case !ok:
		return fmt.Sprintf("it has no render with chart %s: make freeze adds it", now.Chart)
	case digest != now.Digest:
		return fmt.Sprintf("it was published as %s with chart %s and renders to %s now: take the change back, or give the chart a new version in Chart.yaml and make freeze",
			digest, now.Chart, now.Digest)
	}
	return ""
}

// The negative control, on the shipped charts with one word more in a template.
func TestAChangedTemplateIsNoticed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	template := filepath.Join(folder, "flannel", "templates", "serviceaccount.yaml")
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	a := addOn(t, "Flannel")
	now := func() catalog.Frozen {
		f, err := render.Canonical(os.DirFS(folder), a, a.Releases[0])
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if fault := thaw(a.Releases[0], now()); fault != "" {
		t.Errorf("a copy of the charts: %s", fault)
	}
	if err := os.WriteFile(template, append(text, "automountServiceAccountToken: false\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if fault := thaw(a.Releases[0], now()); !strings.Contains(fault, "take the change back") {
		t.Errorf("a template was changed, and the fault is %q", fault)
	}
}

// add writes an entry into a release's file, behind those that are there.
func add(t *testing.T, a catalog.AddOn, r catalog.Release, f catalog.Frozen) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "addons", "*", "releases", r.Version.String()+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	entry := fmt.Sprintf("  - {chart: %s, digest: \"%s\"}\n", f.Chart, f.Digest)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(file, folderOf(a)) {
			continue
		}
		text, where := string(data), "\nconfidence:"
		if !strings.Contains(text, "\nrenders:\n") {
			entry = "renders:\n" + entry
		}
		before, after, ok := strings.Cut(text, where)
		if !ok {
			t.Fatalf("%s has no line confidence: to write before", file)
		}
		if err := os.WriteFile(file, []byte(before+"\n"+entry+strings.TrimPrefix(where, "\n")+after), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: frozen with chart %s", file, f.Chart)
	}
}

// folderOf is the folder of an add-on's data: the only one whose addon.yaml names it.
func folderOf(a catalog.AddOn) string {
	files, _ := filepath.Glob(filepath.Join("..", "addons", "*", "addon.yaml"))
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && strings.Contains(string(data), "\nname: "+a.Name+"\n") {
			return filepath.Dir(f) + string(filepath.Separator)
		}
	}
	return ""
}
