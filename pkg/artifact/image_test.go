package artifact_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/artifact"
)

const (
	typeIndex = "application/vnd.oci.image.index.v1+json"
	typeImage = "application/vnd.oci.image.config.v1+json"
)

// image stores an image of one architecture under a tag.
func (s *server) image(t *testing.T, tag, architecture string) string {
	t.Helper()
	config := s.blob(t, typeImage, encode(t, map[string]string{"architecture": architecture, "os": "linux"}))
	return s.tag(t, tag, manifest{SchemaVersion: 2, MediaType: typeManifest, Config: config, Layers: []layer{config}})
}

// index stores a list of images under a tag, by platform.
func (s *server) index(t *testing.T, tag string, platforms ...string) {
	t.Helper()
	var list []any
	for _, p := range platforms {
		os, architecture, _ := strings.Cut(p, "/")
		list = append(list, map[string]any{
			"mediaType": typeManifest, "digest": s.image(t, architecture, architecture), "size": 1,
			"platform": map[string]string{"os": os, "architecture": architecture},
		})
	}
	s.put(t, tag, map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": list})
}

func (s *server) put(t *testing.T, tag string, index any) {
	t.Helper()
	s.send(t, http.MethodPut, "manifests/"+tag, typeIndex, encode(t, index))
}

func (s *server) name(rest string) string { return s.host + "/charts/flannel" + rest }

// looking are options for registries on this machine.
func looking(t *testing.T) artifact.Options {
	t.Helper()
	o := options(t)
	o.Local = true
	return o
}

// An image that nobody has, or that is not there for a node's architecture, is known before a node is told to pull it.
func TestAnImageIsLookedUpForTheArchitecturesOfTheNodes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.index(t, "both", "linux/amd64", "linux/arm64", "unknown/unknown")
	s.index(t, "windows", "windows/amd64")
	pinned := s.image(t, "one", "amd64")
	tests := map[string]struct {
		image         string
		architectures string
		want          []string
	}{
		"a list with all of them":        {":both", "amd64 arm64", nil},
		"a list without one of them":     {":both", "amd64 ppc64le", []string{"ppc64le"}},
		"a list for another system":      {":windows", "amd64", []string{"amd64"}},
		"one image, of it":               {":one", "amd64", nil},
		"one image, of another":          {":one", "amd64 arm64", []string{"arm64"}},
		"no architecture is known":       {":one", "", nil},
		"a digest":                       {"@" + pinned, "arm64", []string{"arm64"}},
		"a digest, whatever its tag is":  {":gone@" + pinned, "amd64", nil},
		"no such tag":                    {":none", "amd64", []string{artifact.All}},
		"no such digest":                 {"@sha256:" + strings.Repeat("0", 64), "amd64", []string{artifact.All}},
		"no tag, and nothing is latest":  {"", "amd64", []string{artifact.All}},
		"no such tag, and no known node": {":none", "", []string{artifact.All}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artifact.NewImages(looking(t)).Missing(t.Context(), s.name(tt.image), strings.Fields(tt.architectures))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be looked up is an error, never an image that is there or not there.
func TestAnImageThatCannotBeLookedUpIsNeitherThereNorMissing(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) func(*server) {
		return func(s *server) {
			s.instead = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
				return true
			}
		}
	}
	tests := map[string]struct {
		with func(*server)
		kind error
	}{
		"a login is wanted":                       {basic, artifact.ErrDenied},
		"it may not be read":                      {answer(403, `{"errors":[{"code":"DENIED"}]}`), artifact.ErrDenied},
		"something that is no registry":           {answer(404, "<html>"), artifact.ErrNotFound},
		"a registry that is overloaded":           {answer(429, ""), artifact.ErrUnreachable},
		"a registry that is ill":                  {answer(500, ""), artifact.ErrUnreachable},
		"a page for people":                       {answer(200, "<html>"), artifact.ErrRefused},
		"a manifest of the first kind there was":  {answer(200, `{"schemaVersion":1,"architecture":"amd64"}`), artifact.ErrRefused},
		"a list that does not say what it is for": {answer(200, `{"manifests":[{"digest":"a"}]}`), artifact.ErrRefused},
		"nobody": {func(s *server) { s.Close() }, artifact.ErrUnreachable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			s.image(t, "one", "amd64")
			tt.with(s)
			missing, err := artifact.NewImages(looking(t)).Missing(t.Context(), s.name(":one"), []string{"amd64"})
			if missing != nil {
				t.Errorf("missing: %v", missing)
			}
			fails(t, err, tt.kind, "")
		})
	}
}

func TestAnImageIsLookedUpWithTheUsersLogin(t *testing.T) {
	t.Parallel()
	for name, protect := range map[string]func(*server){"basic": basic, "token": token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			s.image(t, "one", "amd64")
			protect(s)
			o := looking(t)
			o.DockerConfig = dockerConfig(t, s.host, "right")
			if missing, err := artifact.NewImages(o).Missing(t.Context(), s.name(":one"), []string{"amd64"}); err != nil || missing != nil {
				t.Errorf("missing %v: %v", missing, err)
			}
		})
	}
}

// A loop looks again and again, and asks once: what it found, and who did not answer.
func TestWhatWasFoundOfAnImageIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.index(t, "both", "linux/amd64")
	images := artifact.NewImages(looking(t))
	ask := func(image string) int64 {
		before := s.asked.Load()
		_, _ = images.Missing(t.Context(), image, []string{"amd64"})
		return s.asked.Load() - before
	}
	for _, image := range []string{s.name(":both"), s.name(":none")} {
		if first, second := ask(image), ask(image); first != 1 || second != 0 {
			t.Errorf("%s: asked %d times, then %d", image, first, second)
		}
	}
	s.instead = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	if first, second := ask(s.name(":third")), ask(s.name(":fourth")); first != 1 || second != 0 {
		t.Errorf("a registry that does not answer is asked %d times, then %d", first, second)
	}
	if _, err := images.Missing(t.Context(), s.name(":fourth"), nil); !errors.Is(err, artifact.ErrUnreachable) {
		t.Errorf("and then: %v", err)
	}
}

// Somebody who stops waiting has found nothing out about the registry.
func TestALookThatIsBrokenOffIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.image(t, "one", "amd64")
	images := artifact.NewImages(looking(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := images.Missing(ctx, s.name(":one"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("broken off: %v", err)
	}
	if missing, err := images.Missing(t.Context(), s.name(":one"), nil); err != nil || missing != nil {
		t.Errorf("and again: %v %v", missing, err)
	}
}

// A cluster without a way out is not made to wait: all images together, and not each of them, cost a moment.
func TestANetworkThatSwallowsEverythingCostsAMoment(t *testing.T) {
	t.Parallel()
	deaf, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = deaf.Close() }()
	images := artifact.NewImages(looking(t))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	began := time.Now()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if missing, err := images.Missing(ctx, fmt.Sprintf("%s/a:%d", deaf.Addr(), i), nil); err == nil || missing != nil {
				t.Errorf("missing %v: %v", missing, err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took > 12*time.Second { // its context ends after 2 s; the rest is for a starved machine
		t.Errorf("it took %s", took)
	}
}

// The names of images are those of container runtimes.
func TestAnImagesNameIsReadAsContainerRuntimesDo(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"busybox":                             "docker.io/library/busybox:latest",
		"busybox:1.36":                        "docker.io/library/busybox:1.36",
		"docker.io/busybox":                   "docker.io/library/busybox:latest",
		"flannel/flannel:v0.24.4":             "docker.io/flannel/flannel:v0.24.4",
		"ghcr.io/flannel-io/flannel:v0.27.3":  "ghcr.io/flannel-io/flannel:v0.27.3",
		"localhost/flannel":                   "localhost/flannel:latest",
		"registry:5000/a/b:v1":                "registry:5000/a/b:v1",
		"iad.ocir.io/axoxdievda5j/oke-cni:v2": "iad.ocir.io/axoxdievda5j/oke-cni:v2",
	} {
		if got, err := artifact.ImageName(image); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", image, got, err, want)
		}
	}
	if _, err := artifact.ImageName("a b"); err == nil {
		t.Error("a name with a space is one")
	}
	// A registry of this machine is another one on each node, and nobody asks ours in its place.
	s := serve(t)
	if _, err := artifact.NewImages(options(t)).Missing(t.Context(), s.name(":one"), nil); !errors.Is(err, artifact.ErrReference) || s.asked.Load() != 0 {
		t.Errorf("a registry of each node: %v, asked %d times", err, s.asked.Load())
	}
}
