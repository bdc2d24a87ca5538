package artifact_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/artifact"
)

func open(t *testing.T, ref string, o artifact.Options) fs.FS {
	t.Helper()
	got, err := artifact.Open(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

var flannelFiles = map[string]string{"flannel/Chart.yaml": description("flannel"), "flannel/templates/a.yaml": "a: 1\n"}

func TestAChartIsTakenByItsDigest(t *testing.T) {
	t.Parallel()
	s := serve(t)
	pinned := s.push(t, packedChart(t, "flannel"))
	_, d, _ := strings.Cut(pinned, "@")
	for _, ref := range []string{pinned, s.ref(":0.1.0@" + d)} {
		if diff := cmp.Diff(flannelFiles, contents(t, open(t, ref, options(t)))); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", ref, diff)
		}
	}
}

func TestAReferenceThatIsNotPinnedIsRefusedWithWhatItWouldBe(t *testing.T) {
	t.Parallel()
	s := serve(t)
	pinned := s.push(t, packedChart(t, "flannel"))
	_, d, _ := strings.Cut(pinned, "@")
	_, err := artifact.Open(t.Context(), s.ref(":0.1.0"), options(t))
	fails(t, err, artifact.ErrReference, "it has "+d+" now", "give "+s.ref(":0.1.0@"+d))
	_, err = artifact.Open(t.Context(), s.ref(""), options(t))
	fails(t, err, artifact.ErrReference, "names no digest")
}

func TestAReferenceThatIsNoneIsRefusedWithoutAsking(t *testing.T) {
	t.Parallel()
	good := "@sha256:" + strings.Repeat("0", 64)
	tests := map[string]struct {
		ref   string
		kind  error
		words string
	}{
		"plain HTTP by name":         {"http://registry.example/charts/flannel" + good, artifact.ErrRefused, "plain HTTP is not taken"},
		"another protocol":           {"https://registry.example/charts/flannel" + good, artifact.ErrReference, "begins with oci://"},
		"no repository":              {"oci://registry.example" + good, artifact.ErrReference, "name nothing"},
		"no host":                    {"oci:///charts/flannel" + good, artifact.ErrReference, "name nothing"},
		"a repository in capitals":   {"oci://registry.example/Charts" + good, artifact.ErrReference, "name nothing"},
		"a path that leads out":      {"oci://registry.example/a/../b" + good, artifact.ErrReference, "name nothing"},
		"a query":                    {"oci://registry.example/a?b" + good, artifact.ErrReference, "name nothing"},
		"a short digest":             {"oci://registry.example/a@sha256:abc", artifact.ErrReference, "64 lower-case"},
		"another kind of digest":     {"oci://registry.example/a@sha512:" + strings.Repeat("0", 128), artifact.ErrReference, "64 lower-case"},
		"an empty digest":            {"oci://registry.example/a@", artifact.ErrReference, "64 lower-case"},
		"a tag that is none":         {"oci://registry.example/a:b+c" + good, artifact.ErrReference, `tag "b+c"`},
		"a user and password":        {"oci://me:secret@registry.example/a" + good, artifact.ErrReference, "docker login registry.example"},
		"a user and password, plain": {"http://me:secret@registry.example/a" + good, artifact.ErrRefused, "plain HTTP"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.Open(t.Context(), tt.ref, options(t).Over(unreachable(t)))
			fails(t, err, tt.kind, tt.words)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q tells a password", err)
			}
		})
	}
}

// unreachable is a network that nobody may use.
func unreachable(t *testing.T) http.RoundTripper {
	t.Helper()
	return &http.Transport{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
		t.Errorf("%s is connected to", address)
		return nil, errors.New("no network")
	}}
}

func TestATagThatHasMovedIsNoted(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, d, _ := strings.Cut(s.push(t, packedChart(t, "flannel")), "@")
	_, now, _ := strings.Cut(s.push(t, packedChart(t, "calico")), "@")
	for name, tt := range map[string]struct{ ref, want string }{
		"moved": {s.ref(":0.1.0@" + d), "has another digest now, " + now},
		"gone":  {s.ref(":0.2.0@" + d), "could not be seen"},
	} {
		o := options(t)
		var notes []string
		o.Note = func(text string) { notes = append(notes, text) }
		if diff := cmp.Diff(flannelFiles, contents(t, open(t, tt.ref, o))); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", name, diff)
		}
		if len(notes) != 1 || !strings.Contains(notes[0], tt.want) || !strings.Contains(notes[0], d) {
			t.Errorf("%s: notes %q, want one with %q and %s", name, notes, tt.want, d)
		}
	}
}

func TestWhatARegistryDoesNotHaveIsNamed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.push(t, packedChart(t, "flannel"))
	none := "sha256:" + strings.Repeat("0", 64)
	tests := map[string]struct{ ref, words string }{
		"a digest":     {s.ref("@" + none), "has no " + none + " in charts/flannel"},
		"a tag":        {s.ref(":0.9.9"), "has no 0.9.9 in charts/flannel"},
		"a repository": {"oci://" + s.host + "/charts/other@" + none, "has no " + none + " in charts/other"},
	}
	for name, tt := range tests {
		_, err := artifact.Open(t.Context(), tt.ref, options(t))
		fails(t, err, artifact.ErrNotFound, s.host, tt.words, "404", "check the reference")
		if t.Failed() {
			t.Fatalf("in the case of %s", name)
		}
	}
}

func TestARegistryThatIsAwayIsUnreachable(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ref := s.push(t, packedChart(t, "flannel"))
	s.Close()
	_, err := artifact.Open(t.Context(), ref, options(t))
	fails(t, err, artifact.ErrUnreachable, ref, "asking "+s.host, "connection refused", "HTTPS_PROXY")
}

func TestWhoIsInterruptedIsToldNothingOfRegistries(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ref := s.push(t, packedChart(t, "flannel"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := artifact.Open(ctx, ref, options(t))
	if e := (*artifact.Error)(nil); !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestWhatIsCachedNeedsNoRegistry(t *testing.T) {
	t.Parallel()
	s := serve(t)
	pinned := s.push(t, packedChart(t, "flannel"))
	_, d, _ := strings.Cut(pinned, "@")
	o := options(t)
	open(t, pinned, o)
	s.Close()
	broken := folderOf(t, map[string]string{"config.json": "no JSON"})
	for _, ref := range []string{pinned, s.ref(":0.1.0@" + d)} {
		later := artifact.Options{Cache: o.Cache, DockerConfig: broken, Note: o.Note}.Over(unreachable(t))
		if diff := cmp.Diff(flannelFiles, contents(t, open(t, ref, later))); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	}
	_, err := artifact.Open(t.Context(), pinned, options(t)) // the control: another cache has nothing
	fails(t, err, artifact.ErrUnreachable)
}

func TestADamagedCacheIsNeverBelieved(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ref := s.push(t, packedChart(t, "flannel"))
	o := options(t)
	open(t, ref, o)
	kept, err := filepath.Glob(filepath.Join(o.Cache, "sha256", "*"))
	if err != nil || len(kept) != 2 {
		t.Fatalf("the cache holds %v (%v), want a manifest and a layer", kept, err)
	}
	damages := map[string]func(path string) error{
		"emptied":  func(p string) error { return os.Truncate(p, 0) },
		"replaced": func(p string) error { return os.WriteFile(p, packedChart(t, "calico"), 0o600) },
		"enlarged": func(p string) error { return os.Truncate(p, artifact.MaxBlob+1) },
	}
	for name, damage := range damages {
		for _, path := range kept {
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			before := s.asked.Load()
			if diff := cmp.Diff(flannelFiles, contents(t, open(t, ref, o))); diff != "" {
				t.Errorf("%s: files (-want +got):\n%s", name, diff)
			}
			if n := s.asked.Load() - before; n != 1 {
				t.Errorf("%s: the registry was asked %d times, want once for what was damaged", name, n)
			}
		}
	}
	s.Close()
	if err := damages["replaced"](kept[0]); err != nil {
		t.Fatal(err)
	}
	_, err = artifact.Open(t.Context(), ref, o)
	fails(t, err, artifact.ErrUnreachable)
}

func TestACacheThatCannotBeWrittenStopsNothing(t *testing.T) {
	t.Parallel()
	s := serve(t)
	o := options(t)
	o.Cache = fileOf(t, "no-folder", nil)
	var notes []string
	o.Note = func(text string) { notes = append(notes, text) }
	open(t, s.push(t, packedChart(t, "flannel")), o)
	if len(notes) != 2 || !strings.Contains(notes[0], "fetched again next time") {
		t.Errorf("notes %q, want one for the manifest and one for the chart", notes)
	}
}

func TestManyMayUseACacheAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ref := s.push(t, packedChart(t, "flannel"))
	o := options(t)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 10 {
				got, err := artifact.Open(t.Context(), ref, o)
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(flannelFiles, contents(t, got)); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
				if i == 0 { // somebody damages it all the time
					kept, _ := filepath.Glob(filepath.Join(o.Cache, "sha256", "[0-9a-f]*"))
					for _, path := range kept {
						_ = os.Truncate(path, 1)
					}
				}
			}
		})
	}
	all.Wait()
	if left, _ := filepath.Glob(filepath.Join(o.Cache, "sha256", ".new-*")); len(left) > 0 {
		t.Errorf("files are left behind: %v", left)
	}
}
