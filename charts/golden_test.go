package charts_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
)

var update = flag.Bool("update", false, "rewrite the golden renders in testdata")

// variants are the settings that matter to a chart beside its release and the network type, by the chart's name. The
// variant without a name is every chart's. Each other one is rendered for the releases that it names.
var variants = map[string]map[string]variant{
	"flannel":        flannelVariants,
	"oci-vcn-native": vcnNativeVariants,
	"calico":         calicoVariants,
}

type variant struct {
	releases []string
	settings render.Settings
}

// golden is one render that was reviewed.
type golden struct {
	addOn    catalog.AddOn
	release  catalog.Release
	settings render.Settings
}

// goldens are all of them by file: <chart>/<version>[-<network type>][-<variant>].yaml.
func goldens(t *testing.T) map[string]golden {
	t.Helper()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]golden{}
	for _, a := range shipped.AddOns {
		for _, r := range a.Releases {
			add := func(variant string, s render.Settings) {
				s.Kubernetes, _ = r.NewestKubernetes()
				for _, n := range a.OnNetworkTypes() {
					file := r.Version.String()
					if s.NetworkType = n; a.NetworkType == "" {
						file += "-" + string(n)
					}
					if variant != "" {
						file += "-" + variant
					}
					out[filepath.Join(r.Chart, file+".yaml")] = golden{a, r, s}
				}
			}
			add("", render.Settings{})
			for name, v := range variants[r.Chart] {
				for _, of := range v.releases {
					if of == r.Version.String() {
						add(name, v.settings)
					}
				}
			}
		}
	}
	return out
}

func TestEveryShippedReleaseRendersAsReviewed(t *testing.T) {
	t.Parallel()
	for file, g := range goldens(t) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			out, err := render.Release(os.DirFS("."), g.addOn, g.release, g.settings)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", file)
			if *update {
				write(t, path, out.Manifest)
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.Manifest); diff != "" {
				t.Errorf("render of %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// A golden file that nobody renders any more would lie about what is shipped.
func TestEveryGoldenFileBelongsToARelease(t *testing.T) {
	t.Parallel()
	want := goldens(t)
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := filepath.Rel("testdata", path)
		if _, ok := want[file]; ok || err != nil {
			return err
		}
		if *update {
			return os.Remove(path)
		}
		t.Errorf("%s belongs to no shipped release", path)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestHelmLintFindsNothingToComplainAbout(t *testing.T) {
	t.Parallel()
	for file, g := range goldens(t) {
		for _, message := range lint.All(g.release.Chart, g.release.ChartValues(), "kube-system", true).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %s", file, message)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
