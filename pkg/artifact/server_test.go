package artifact_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/addonctl/addonctl/pkg/artifact"
)

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.cncf.helm.config.v1+json"
	typeChart    = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// server is a registry on this machine.
type server struct {
	*httptest.Server
	host string
	// asked counts the requests that came in.
	asked atomic.Int64
	// instead answers a request in the registry's place when it returns true; it is set before the first pull.
	instead func(http.ResponseWriter, *http.Request) bool
}

func serve(t *testing.T) *server {
	t.Helper()
	s := &server{}
	behind := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.instead == nil || !s.instead(w, r) {
			behind.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	s.host = strings.TrimPrefix(s.URL, "http://")
	return s
}

// layer is a part of an artifact as its manifest names it.
type layer struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifest struct {
	SchemaVersion int     `json:"schemaVersion"`
	MediaType     string  `json:"mediaType"`
	Config        layer   `json:"config"`
	Layers        []layer `json:"layers"`
}

// blob stores a part in the repository "charts/flannel".
func (s *server) blob(t *testing.T, kind string, data []byte) layer {
	t.Helper()
	s.send(t, http.MethodPost, "blobs/uploads/?digest="+digest(data), "application/octet-stream", data)
	return layer{MediaType: kind, Digest: digest(data), Size: int64(len(data))}
}

// tag stores a manifest under a tag and gives its digest.
func (s *server) tag(t *testing.T, tag string, manifest any) string {
	t.Helper()
	data := encode(t, manifest)
	s.send(t, http.MethodPut, "manifests/"+tag, typeManifest, data)
	return digest(data)
}

func (s *server) send(t *testing.T, method, path, kind string, data []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/v2/charts/flannel/"+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusCreated {
		body, _ := io.ReadAll(answer.Body)
		t.Fatalf("storing %s: %s: %s", path, answer.Status, body)
	}
}

// push stores a packed chart under the tag 0.1.0 and gives the reference with its digest.
func (s *server) push(t *testing.T, chart []byte) string {
	t.Helper()
	return s.ref("@" + s.tag(t, "0.1.0", manifest{
		SchemaVersion: 2, MediaType: typeManifest,
		Config: s.blob(t, typeConfig, []byte("{}")), Layers: []layer{s.blob(t, typeChart, chart)},
	}))
}

func (s *server) ref(rest string) string { return "oci://" + s.host + "/charts/flannel" + rest }

// options are those of somebody with an empty cache and no logins.
func options(t *testing.T) artifact.Options {
	t.Helper()
	return artifact.Options{
		Cache: t.TempDir(), DockerConfig: t.TempDir(),
		Note: func(text string) { t.Errorf("unexpected note: %s", text) },
	}
}

// dockerConfig is a folder with Docker's config.json that holds one login, of the user me.
func dockerConfig(t *testing.T, host, password string) string {
	t.Helper()
	login := base64.StdEncoding.EncodeToString([]byte("me:" + password))
	return folderOf(t, map[string]string{"config.json": `{"auths": {"` + host + `": {"auth": "` + login + `"}}}`})
}
