package artifact_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/artifact"
)

// description is the Chart.yaml of a chart.
func description(name string) string {
	return "apiVersion: v2\nname: " + name + "\nversion: 0.1.0\n"
}

// entry is one of an archive; a plain file unless it says otherwise.
type entry struct {
	name, content string
	kind          byte
	link          string
}

// packed is an archive as helm package makes them.
func packed(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	if _, err := zipped.Write(tarred(tb, entries...)); err != nil {
		tb.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func tarred(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: 0o644, Size: int64(len(e.content))}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: h.Typeflag, PAXRecords: map[string]string{"comment": "a commit"}}
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// packedChart is a chart with one template.
func packedChart(tb testing.TB, name string) []byte {
	tb.Helper()
	return packed(tb, entry{name: name + "/Chart.yaml", content: description(name)}, entry{name: name + "/templates/a.yaml", content: "a: 1\n"})
}

// folderOf writes files below a new folder. A content that begins with "-> " is a link.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fileOf writes one file and gives its path.
func fileOf(t *testing.T, name string, content []byte) string {
	t.Helper()
	return filepath.Join(folderOf(t, map[string]string{name: string(content)}), name)
}

// contents are all files of a folder.
func contents(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fails checks the kind of an error and words of its message, and that its hint is a sentence for a person, if wanted.
func fails(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	var e *artifact.Error
	if !errors.Is(err, kind) || !errors.As(err, &e) {
		t.Fatalf("error %v is not of the kind %q", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+"; hint: "+e.Fix, w) {
			t.Errorf("error %q with hint %q does not have the words %q", err, e.Fix, w)
		}
	}
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
