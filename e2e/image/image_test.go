package main

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// unpack writes what a tar holds below a folder, and returns the headers by their names.
func unpack(t *testing.T, from io.Reader, folder string) map[string]*tar.Header {
	t.Helper()
	out := map[string]*tar.Header{}
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = h
		path := filepath.Join(folder, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o750)
		} else {
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, data, fs.FileMode(h.Mode))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// opened is the image of an archive, as whoever pushes it reads it.
func opened(t *testing.T, archive string) v1.ImageIndex {
	t.Helper()
	folder := t.TempDir()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	unpack(t, f, folder)
	p, err := layout.FromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := all.IndexManifest()
	if err != nil || len(m.Manifests) != 1 {
		t.Fatalf("%d images in the archive, want one (%v)", len(m.Manifests), err)
	}
	index, err := all.ImageIndex(m.Manifests[0].Digest)
	if err == nil {
		err = validate.Index(index) // every digest and every size
	}
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// of is the image for a platform.
func of(t *testing.T, index v1.ImageIndex, machine string) v1.Image {
	t.Helper()
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.Manifests, func(d v1.Descriptor) bool {
		return d.Platform != nil && d.Platform.Equals(v1.Platform{OS: "linux", Architecture: machine})
	})
	if i < 0 {
		t.Fatalf("no image for %s in %+v", machine, m.Manifests)
	}
	one, err := index.Image(m.Manifests[i].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// files unpacks the file system of an image.
func files(t *testing.T, one v1.Image) (folder string, headers map[string]*tar.Header) {
	t.Helper()
	folder = t.TempDir()
	r := mutate.Extract(one)
	defer func() { _ = r.Close() }()
	return folder, unpack(t, r, folder)
}

// An archive is built as `make image` builds it, with the smallest of the programs, twice.
func TestAnImageIsForEveryPlatformAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	var archives [2][]byte
	path := filepath.Join(t.TempDir(), "out", "image.tar")
	for i := range archives {
		if err := run(t.Context(), []string{"-out", path, "-version", "v1.2.3", "-revision", "abc", "addon-pod"}, t.Output()); err != nil {
			t.Fatal(err)
		}
		var err error
		if archives[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the same sources give other bytes")
	}
	index := opened(t, path)
	if kind, err := index.MediaType(); err != nil || kind != types.OCIImageIndex {
		t.Errorf("it is a %s (%v)", kind, err)
	}
	for machine, want := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		one := of(t, index, machine)
		config, err := one.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v1.Config{
			Entrypoint: []string{"/addon-pod"}, User: "65532:65532", WorkingDir: "/", Labels: map[string]string{
				"org.opencontainers.image.title": "addonctl", "org.opencontainers.image.source": "https://github.com/addonctl/addonctl",
				"org.opencontainers.image.version": "v1.2.3", "org.opencontainers.image.revision": "abc",
			},
		}, config.Config); diff != "" || config.OS != "linux" || config.Architecture != machine || !config.Created.Equal(epoch) {
			t.Errorf("%s/%s of %s (-want +got):\n%s", config.OS, config.Architecture, config.Created, diff)
		}
		folder, headers := files(t, one)
		if h := headers["addon-pod"]; len(headers) != 4 || h == nil || h.Mode != 0o755 {
			t.Errorf("%s holds %v", machine, headers)
		}
		program, err := elf.Open(filepath.Join(folder, "addon-pod"))
		if err != nil {
			t.Fatal(err)
		}
		if program.Machine != want || slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
			t.Errorf("%s: it is for %s, or needs a loader that the image does not have", machine, program.Machine)
		}
		_ = program.Close()
	}
}

// The manager's own image, of programs that are built as other tests build them: what was packed runs.
func TestTheManagerRunsOutOfItsImage(t *testing.T) {
	t.Parallel()
	b := binaries{system: "linux", machine: runtime.GOARCH, folder: t.TempDir()}
	i := image{programs: []string{"addon-manager", "addonctl"}, labels: labels("dev", ""), binaries: []binaries{b}}
	for _, p := range i.programs {
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(b.folder, p), module+"/cmd/"+p).CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", p, err, out)
		}
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	digest, err := i.write(filepath.Join(t.TempDir(), "layout"), archive)
	if err != nil {
		t.Fatal(err)
	}
	index := opened(t, archive)
	if got, err := index.Digest(); err != nil || got != digest {
		t.Errorf("the archive has %s, and %s is said (%v)", got, digest, err)
	}
	one := of(t, index, runtime.GOARCH)
	config, err := one.ConfigFile()
	if err != nil || !slices.Equal(config.Config.Entrypoint, []string{"/addon-manager"}) {
		t.Fatalf("it runs %v (%v)", config.Config.Entrypoint, err)
	}
	folder, _ := files(t, one)
	for _, c := range []struct{ program, argument, says string }{
		{config.Config.Entrypoint[0], "--version", "addon-manager dev"},
		{config.Config.Entrypoint[0], "--help", "--hub-kubeconfig"},
		{"/addonctl", "version", "addonctl dev"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, filepath.Join(folder, c.program), c.argument)
		cmd.Env = []string{} // an image has none
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil || !strings.Contains(string(out), c.says) {
			t.Errorf("%s %s: %v\n%s", c.program, c.argument, err, out)
		}
	}
}

func TestWhatIsAskedForWrongBuildsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "image.tar")
	for name, args := range map[string][]string{
		"no file":             {"addon-pod"},
		"no program":          {"-out", path},
		"no platform":         {"-out", path, "-platforms", "linux", "addon-pod"},
		"an unknown program":  {"-out", path, "-platforms", "linux/amd64", "addon-nothing"},
		"an unknown platform": {"-out", path, "-platforms", "linux/vax", "addon-pod"},
	} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}
