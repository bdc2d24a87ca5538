package charts_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

var update = flag.Bool("update", false, "rewrite the golden renders in testdata")

func TestEveryShippedReleaseRendersAsReviewed(t *testing.T) {
	t.Parallel()
	for _, r := range releases(t) {
		t.Run(r.Version.String(), func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join("testdata", "flannel", r.Version.String())
			got := render(t, r.ChartValues()).text
			if *update {
				write(t, folder, got)
				return
			}
			if diff := cmp.Diff(read(t, folder), got); diff != "" {
				t.Errorf("objects of %s (-want +got):\n%s", folder, diff)
			}
		})
	}
}

// A golden folder nobody renders any more would lie about what is shipped.
func TestEveryGoldenFolderBelongsToARelease(t *testing.T) {
	t.Parallel()
	if *update {
		t.Skip("the folders are being rewritten")
	}
	want := map[string]bool{}
	for _, r := range releases(t) {
		want[r.Version.String()] = true
	}
	folders, err := os.ReadDir(filepath.Join("testdata", "flannel"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if !want[folder.Name()] {
			t.Errorf("%s belongs to no shipped release", folder.Name())
		}
	}
}

func TestTwoRendersGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	for _, r := range releases(t) {
		first := render(t, r.ChartValues()).text
		for range 5 {
			if diff := cmp.Diff(first, render(t, r.ChartValues()).text); diff != "" {
				t.Fatalf("%s: two renders differ:\n%s", r.Version, diff)
			}
		}
	}
}

func TestHelmLintFindsNothingToComplainAbout(t *testing.T) {
	t.Parallel()
	for _, r := range releases(t) {
		for _, message := range lint.All("flannel", r.ChartValues(), "kube-system", true).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %s", r.Version, message)
			}
		}
	}
}

func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(data)
	}
	return files
}
