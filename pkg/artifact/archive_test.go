package artifact_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/artifact"
)

var chartYAML = entry{name: "flannel/Chart.yaml", content: description("flannel")}

func TestAPackagedChartIsShownUnderItsName(t *testing.T) {
	t.Parallel()
	template := entry{name: "flannel/templates/a.yaml", content: "a: 1\n"}
	want := map[string]string{"flannel/Chart.yaml": description("flannel"), "flannel/templates/a.yaml": "a: 1\n"}
	tests := map[string][]entry{
		"as helm package makes it": {chartYAML, template},
		"with entries for folders": {{name: "flannel/", kind: tar.TypeDir}, chartYAML, {name: "flannel/templates/", kind: tar.TypeDir}, template},
		"with names that begin with ./": {
			{name: "./", kind: tar.TypeDir},
			{name: "./flannel/Chart.yaml", content: description("flannel")},
			{name: "./flannel/templates/a.yaml", content: "a: 1\n"},
		},
		"below another folder": {
			{name: "flannel-main/Chart.yaml", content: description("flannel")}, {name: "flannel-main/templates/a.yaml", content: "a: 1\n"},
		},
		"as git archive makes it": {{kind: tar.TypeXGlobalHeader}, chartYAML, template},
		"written on Windows, with a byte order mark": {
			{name: "flannel/Chart.yaml", content: "\ufeff" + description("flannel")}, {name: "flannel/templates/a.yaml", content: "\ufeffa: 1\n"},
		},
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artifact.Open(t.Context(), fileOf(t, "chart.tgz", packed(t, entries...)), artifact.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, contents(t, got)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if err := fstest.TestFS(got, "flannel/Chart.yaml", "flannel/templates/a.yaml"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnArchiveWithTricksIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		words   string
		entries []entry
	}{
		"a path that leads out":                {"leads elsewhere", []entry{chartYAML, {name: "flannel/../../etc/passwd", content: "x"}}},
		"a path that leads out and in again":   {"leads elsewhere", []entry{chartYAML, {name: "flannel/../flannel/a", content: "x"}}},
		"an absolute path":                     {"leads elsewhere", []entry{chartYAML, {name: "/etc/passwd", content: "x"}}},
		"an absolute path of Windows":          {"leads elsewhere", []entry{chartYAML, {name: `C:\flannel\a`, content: "x"}}},
		"a path of Windows that leads out":     {"leads elsewhere", []entry{chartYAML, {name: `flannel\..\..\a`, content: "x"}}},
		"a name that a terminal would act on":  {"leads elsewhere", []entry{chartYAML, {name: "flannel/\x1b[2J", content: "x"}}},
		"a name without end":                   {"leads elsewhere", []entry{chartYAML, {name: "flannel/" + strings.Repeat("a", 600), content: "x"}}},
		"a folder that leads out":              {"leads elsewhere", []entry{chartYAML, {name: "../flannel/", kind: tar.TypeDir}}},
		"a symbolic link":                      {"link or a device", []entry{chartYAML, {name: "flannel/values.yaml", kind: tar.TypeSymlink, link: "/etc/passwd"}}},
		"a hard link":                          {"link or a device", []entry{chartYAML, {name: "flannel/values.yaml", kind: tar.TypeLink, link: "flannel/Chart.yaml"}}},
		"a device":                             {"link or a device", []entry{chartYAML, {name: "flannel/null", kind: tar.TypeChar}}},
		"a pipe":                               {"link or a device", []entry{chartYAML, {name: "flannel/pipe", kind: tar.TypeFifo}}},
		"two charts":                           {"2 folders", []entry{chartYAML, {name: "calico/Chart.yaml", content: description("calico")}}},
		"a file beside the chart":              {"2 folders", []entry{chartYAML, {name: "README.md", content: "x"}}},
		"a chart without a folder":             {"no packaged chart", []entry{{name: "Chart.yaml", content: description("flannel")}}},
		"no chart":                             {"no packaged chart", []entry{{name: "flannel/values.yaml", content: "{}"}}},
		"nothing":                              {"0 folders", nil},
		"a file twice":                         {"twice", []entry{chartYAML, {name: "flannel/Chart.yaml", content: description("calico")}}},
		"a file that is a folder":              {"a file and a folder", []entry{chartYAML, {name: "flannel/a", content: "x"}, {name: "flannel/a/b", content: "x"}}},
		"a chart without a name":               {"no name of a chart", []entry{{name: "flannel/Chart.yaml", content: "version: 0.1.0"}}},
		"a chart whose name is a path":         {"no name of a chart", []entry{{name: "flannel/Chart.yaml", content: description("../../flannel")}}},
		"a chart whose name is a folder above": {"no name of a chart", []entry{{name: "flannel/Chart.yaml", content: description("..")}}},
		"a Chart.yaml that is no YAML":         {"reading Chart.yaml", []entry{{name: "flannel/Chart.yaml", content: "\tname: ["}}},
		"a huge file":                          {"larger than 5 MiB", []entry{chartYAML, {name: "flannel/a", content: strings.Repeat("\x00", artifact.MaxFile+1)}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.Open(t.Context(), fileOf(t, "chart.tgz", packed(t, tt.entries...)), artifact.Options{})
			fails(t, err, artifact.ErrRefused, tt.words)
		})
	}
}

func TestWhatUnpacksToMoreThanItsLimitIsRefused(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("\x00", artifact.MaxFile)
	bomb, many, folders := []entry{chartYAML}, []entry{chartYAML}, []entry{chartYAML}
	for i := range 13 {
		bomb = append(bomb, entry{name: fmt.Sprintf("flannel/%d", i), content: large})
	}
	for i := range artifact.MaxFiles {
		many = append(many, entry{name: fmt.Sprintf("flannel/%d", i)})
	}
	for i := range 2 * artifact.MaxFiles {
		folders = append(folders, entry{name: fmt.Sprintf("flannel/%d/", i), kind: tar.TypeDir})
	}
	whole := packedChart(t, "flannel")
	tests := map[string]struct {
		words string
		data  []byte
	}{
		"a bomb":           {"larger than 64 MiB together", packed(t, bomb...)},
		"too many files":   {"more than 5000 files", packed(t, many...)},
		"too many folders": {"more than 10000 entries", packed(t, folders...)},
		"a large archive":  {"larger than 20 MiB", make([]byte, artifact.MaxBlob+1)},
		"half an archive":  {"cannot be unpacked", whole[:len(whole)/2]},
		"no archive":       {"no archive in gzip", []byte("apiVersion: v2")},
		"no tar in gzip":   {"cannot be unpacked", zipped(t, strings.Repeat("no tar", 1000))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.Open(t.Context(), fileOf(t, "chart.tgz", tt.data), artifact.Options{})
			fails(t, err, artifact.ErrRefused, tt.words)
		})
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
