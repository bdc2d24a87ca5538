package artifact_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/artifact"
)

func TestAFolderShowsItsCharts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		folder map[string]string
		want   []string
	}{
		"a folder of charts, where all else is passed over": {
			map[string]string{
				"flannel/Chart.yaml": description("flannel"), "flannel/templates/_helpers.tpl": "x", "calico/Chart.yaml": description("calico"),
				"README.md": "x", "testdata/golden.yaml": "x", ".git/config": "x",
			},
			[]string{"calico/Chart.yaml", "flannel/Chart.yaml", "flannel/templates/_helpers.tpl"},
		},
		"a folder that is a chart, whatever it is called": {
			map[string]string{"Chart.yaml": description("flannel"), "templates/a.yaml": "x"},
			[]string{"flannel/Chart.yaml", "flannel/templates/a.yaml"},
		},
		"what packaging leaves out is left out": {
			map[string]string{
				"Chart.yaml": description("flannel"), ".helmignore": "# editors\n*~\n*.orig\n/ci/\n",
				"templates/a.yaml": "x", "templates/a.yaml~": "x", "templates/a.yaml.orig": "x", "templates/.hidden.yaml": "x", "ci/values.yaml": "x",
			},
			[]string{"flannel/.helmignore", "flannel/Chart.yaml", "flannel/templates/a.yaml"},
		},
		"links that stay inside are followed": {
			map[string]string{"one/Chart.yaml": description("one"), "one/values.yaml": "-> ../shared.yaml", "shared.yaml": "x", "two": "-> one"},
			nil, // two is another name of chart one
		},
		"a link to a file": {
			map[string]string{"one/Chart.yaml": description("one"), "one/values.yaml": "-> ../shared.yaml", "shared.yaml": "x"},
			[]string{"one/Chart.yaml", "one/values.yaml"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artifact.Open(t.Context(), folderOf(t, tt.folder), artifact.Options{})
			if tt.want == nil {
				fails(t, err, artifact.ErrReference, `folder "two" holds chart "one"`)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(contents(t, got)))); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if err := fstest.TestFS(got, tt.want...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAFolderThatHoldsNoChartsOrTricksIsRefused(t *testing.T) {
	t.Parallel()
	outside := fileOf(t, "secret", []byte("x"))
	tests := map[string]struct {
		folder map[string]string
		kind   error
		words  string
	}{
		"no charts":                   {map[string]string{"a/values.yaml": "x"}, artifact.ErrReference, "there is no Chart.yaml"},
		"a folder called otherwise":   {map[string]string{"a/Chart.yaml": description("b")}, artifact.ErrReference, `folder "a" holds chart "b"`},
		"a link that leads out":       {map[string]string{"a/Chart.yaml": description("a"), "a/values.yaml": "-> " + outside}, artifact.ErrReference, "escapes"},
		"a link to a folder":          {map[string]string{"a/Chart.yaml": description("a"), "a/b": "-> .."}, artifact.ErrRefused, "a/b is no plain file"},
		"a broken link":               {map[string]string{"a/Chart.yaml": description("a"), "a/b": "-> nothing"}, artifact.ErrReference, "no such file"},
		"a huge file":                 {map[string]string{"a/Chart.yaml": description("a"), "a/b": strings.Repeat("x", artifact.MaxFile+1)}, artifact.ErrRefused, "a/b is larger than 5 MiB"},
		"a faulty .helmignore":        {map[string]string{"a/Chart.yaml": description("a"), "a/.helmignore": "**/x"}, artifact.ErrRefused, "a/.helmignore"},
		"a Chart.yaml without a name": {map[string]string{"a/Chart.yaml": "version: 1.0.0"}, artifact.ErrRefused, "folder a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folderOf(t, tt.folder)
			_, err := artifact.Open(t.Context(), dir, artifact.Options{})
			fails(t, err, tt.kind, tt.words, dir)
		})
	}
}

func TestAPathThatIsNotThereNamesWhatMayBeGiven(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"nowhere", "registry.example/charts/flannel:0.1.0", ""} {
		_, err := artifact.Open(t.Context(), ref, artifact.Options{})
		fails(t, err, artifact.ErrReference, "no such file", "oci://HOST[:PORT]/REPOSITORY@sha256:DIGEST")
	}
}

// A long run renders many times, and always the same.
func TestWhatWasReadDoesNotChangeWithTheFolder(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{"Chart.yaml": description("flannel"), "values.yaml": "a: 1"})
	got, err := artifact.Open(t.Context(), dir, artifact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := contents(t, got)
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), []byte("a: 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, got)); diff != "" {
		t.Errorf("files changed:\n%s", diff)
	}
}

func TestSeveralSourcesAreLaidOverAFolder(t *testing.T) {
	t.Parallel()
	base := fstest.MapFS{
		"flannel/Chart.yaml":       {Data: []byte("the base's")},
		"flannel/templates/a.yaml": {Data: []byte("the base's")},
		"calico/Chart.yaml":        {Data: []byte("the base's")},
	}
	own := fileOf(t, "flannel.tgz", packed(t, chartYAML))
	other := folderOf(t, map[string]string{"Chart.yaml": description("cilium")})
	got, err := artifact.OpenAll(t.Context(), base, []string{own, other}, artifact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"flannel/Chart.yaml": description("flannel"), // and nothing of the base's
		"cilium/Chart.yaml":  description("cilium"),
		"calico/Chart.yaml":  "the base's",
	}
	if diff := cmp.Diff(want, contents(t, got)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	_, err = artifact.OpenAll(t.Context(), base, []string{own, other, own}, artifact.Options{})
	fails(t, err, artifact.ErrReference, "both hold chart flannel")
}
