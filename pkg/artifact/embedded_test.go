package artifact_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/registry"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
)

// What is built in can be mirrored with Helm's own commands, package and push, and means the same from there.
func TestAnEmbeddedChartRendersTheSameFromARegistry(t *testing.T) {
	t.Parallel()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t)
	compared := 0
	for _, a := range shipped.AddOns {
		for _, r := range a.Releases {
			if _, err := fs.Stat(charts.FS, r.Chart); err != nil {
				continue
			}
			compared++
			settings := render.Settings{NetworkType: a.OnNetworkTypes()[0]}
			want, err := render.Release(charts.FS, a, r, settings)
			if err != nil {
				t.Fatal(err)
			}
			folder, archive := written(t, r.Chart)
			for _, ref := range []string{folder, archive, helmPush(t, s.host, archive)} {
				got, err := render.Release(open(t, ref, options(t)), a, r, settings)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want.Manifest, got.Manifest); diff != "" {
					t.Errorf("%s %s from %s (-embedded +got):\n%s", a.Name, r.Version, ref, diff)
				}
			}
		}
	}
	if compared == 0 {
		t.Error("no chart was compared")
	}
}

// written is an embedded chart as a folder, and as helm package makes an archive of it.
func written(t *testing.T, name string) (folder, archive string) {
	t.Helper()
	sub, err := fs.Sub(charts.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	folder = filepath.Join(t.TempDir(), "checkout")
	if err := os.CopyFS(folder, sub); err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	archive, err = chartutil.Save(loaded, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return folder, archive
}

// helmPush is helm push; it gives the reference with the digest that it prints.
func helmPush(t *testing.T, host, archive string) string {
	t.Helper()
	client, err := registry.NewClient(
		registry.ClientOptPlainHTTP(), registry.ClientOptWriter(io.Discard), registry.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "none.json")),
	)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	ref := host + "/charts/" + loaded.Name()
	pushed, err := client.Push(data, ref+":"+strings.ReplaceAll(loaded.Metadata.Version, "+", "_"))
	if err != nil {
		t.Fatal(err)
	}
	return "oci://" + ref + "@" + pushed.Manifest.Digest
}
