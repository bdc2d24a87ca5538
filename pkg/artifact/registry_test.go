package artifact_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/artifact"
)

// What comes is believed by its digest, and by nothing that the registry says of it.
func TestALyingRegistryIsFoundOut(t *testing.T) {
	t.Parallel()
	chart, other := packedChart(t, "flannel"), packedChart(t, "calico")
	answer := func(body []byte, length int, headers ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.Header().Set("Content-Length", fmt.Sprint(length))
			_, _ = w.Write(body)
		}
	}
	tests := map[string]struct {
		part  string
		kind  error
		words string
		with  func(http.ResponseWriter)
	}{
		"another chart":                           {"/blobs/", artifact.ErrDigest, "something else", answer(other, len(other))},
		"another chart, and it says so":           {"/blobs/", artifact.ErrDigest, "something else", answer(other, len(other), "Docker-Content-Digest", digest(other))},
		"another chart, and it denies":            {"/blobs/", artifact.ErrDigest, "something else", answer(other, len(other), "Docker-Content-Digest", digest(chart))},
		"half a chart":                            {"/blobs/", artifact.ErrDigest, "something else", answer(chart[:len(chart)/2], len(chart)/2)},
		"nothing":                                 {"/blobs/", artifact.ErrDigest, "something else", answer(nil, 0)},
		"a chart and something after it":          {"/blobs/", artifact.ErrDigest, "something else", answer(append(bytes.Clone(chart), 0), len(chart)+1)},
		"half a chart, where the connection dies": {"/blobs/", artifact.ErrUnreachable, "unexpected EOF", answer(chart[:len(chart)/2], len(chart))},
		"another manifest":                        {"/manifests/", artifact.ErrDigest, "something else", answer([]byte(`{}`), 2)},
		"a page for people":                       {"/manifests/", artifact.ErrDigest, "something else", answer([]byte(`<html>`), 6, "Content-Type", "text/html")},
		"a chart that says to be huge":            {"/blobs/", artifact.ErrRefused, "larger than 20 MiB", answer(chart, artifact.MaxBlob+1)},
		"a manifest that says to be huge":         {"/manifests/", artifact.ErrRefused, "larger than 1 MiB", answer(nil, artifact.MaxBlob)},
		"a chart without end":                     {"/blobs/", artifact.ErrRefused, "larger than 20 MiB", endless},
		"a chart in gzip of gzip":                 {"/blobs/", artifact.ErrDigest, "something else", answer(zipped(t, string(chart)), len(zipped(t, string(chart))), "Content-Encoding", "gzip")},
		"a server that is ill":                    {"/blobs/", artifact.ErrUnreachable, "503", func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }},
		"no registry":                             {"/manifests/", artifact.ErrUnreachable, "418", func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }},
		"a redirect in a circle": {"/blobs/", artifact.ErrUnreachable, "redirects", func(w http.ResponseWriter) {
			w.Header().Set("Location", "?again")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			ref := s.push(t, chart)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.instead = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, tt.part) {
					return false
				}
				tt.with(w)
				return true
			}
			o := options(t)
			_, err := artifact.Open(t.Context(), ref, o)
			fails(t, err, tt.kind, tt.words, s.host)
			s.instead = nil // what was wrong is not kept
			if diff := cmp.Diff(flannelFiles, contents(t, open(t, ref, o))); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// endless writes until nobody reads any more.
func endless(w http.ResponseWriter) {
	for {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return
		}
	}
}

func TestAnArtifactThatIsNoChartIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	config, chart := s.blob(t, typeConfig, []byte("{}")), s.blob(t, typeChart, packedChart(t, "flannel"))
	large := layer{MediaType: typeChart, Digest: "sha256:" + strings.Repeat("0", 64), Size: artifact.MaxBlob + 1}
	short, negative, foreign := chart, chart, chart
	short.Size, negative.Size, foreign.Digest = chart.Size-1, -1, "sha512:"+strings.Repeat("0", 128)
	image := s.blob(t, "application/vnd.oci.image.layer.v1.tar+gzip", packedChart(t, "flannel"))
	unsafe := s.blob(t, typeChart, packed(t, chartYAML, entry{name: "../a", content: "x"}))
	index := map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []any{}}
	both := map[string]any{"schemaVersion": 2, "config": config, "layers": []any{chart}, "manifests": []any{}}
	tests := map[string]struct {
		words    string
		manifest any
	}{
		"an image":                           {"no Helm chart", manifest{Config: image, Layers: []layer{image}}},
		"an image with a chart's layer":      {"no Helm chart", manifest{Config: image, Layers: []layer{chart}}},
		"a chart with an image's layer":      {"has 0 layers of type", manifest{Config: config, Layers: []layer{image}}},
		"two charts":                         {"has 2 layers of type", manifest{Config: config, Layers: []layer{chart, chart}}},
		"no layers":                          {"lists no layers", manifest{Config: config}},
		"an index":                           {"image.index", index},
		"an index that is a manifest too":    {"lists no layers", both},
		"many layers":                        {"more than 100 layers", manifest{Config: config, Layers: make([]layer, 101)}},
		"a huge layer, which is not fetched": {"larger than 20 MiB", manifest{Config: config, Layers: []layer{large}}},
		"a layer of another size":            {"bytes, and it has", manifest{Config: config, Layers: []layer{short}}},
		"a layer of less than nothing":       {"bytes, and it has", manifest{Config: config, Layers: []layer{negative}}},
		"a layer by another digest":          {"no sha256 digest", manifest{Config: config, Layers: []layer{foreign}}},
		"an archive with tricks":             {"leads elsewhere", manifest{Config: config, Layers: []layer{unsafe}}},
		"no manifest":                        {"reading its manifest", []string{"x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := encode(t, tt.manifest)
			o := options(t)
			// Some of these no registry would store: it is as if somebody had stored them long ago.
			own := serve(t)
			blobs := redirectTo(s)
			own.instead = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, large.Digest) {
					t.Error("the huge layer was asked for")
				}
				if !blobs(w, r) {
					_, _ = w.Write(data)
				}
				return true
			}
			_, err := artifact.Open(t.Context(), own.ref("@"+digest(data)), o)
			fails(t, err, artifact.ErrRefused, tt.words)
		})
	}
}

// redirectTo has another server give the blobs, as registries do that keep them elsewhere.
func redirectTo(s *server) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		blob := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/")
		if blob {
			http.Redirect(w, r, s.URL+r.URL.Path, http.StatusTemporaryRedirect)
		}
		return blob
	}
}

// A provenance file, or anything else beside the chart, does no harm.
func TestOtherLayersOfAChartArePassedOver(t *testing.T) {
	t.Parallel()
	s := serve(t)
	d := s.tag(t, "0.1.0", manifest{SchemaVersion: 2, MediaType: typeManifest, Config: s.blob(t, typeConfig, []byte("{}")), Layers: []layer{
		s.blob(t, "application/vnd.cncf.helm.chart.provenance.v1.prov", []byte("signed")), s.blob(t, typeChart, packedChart(t, "flannel")),
	}})
	if diff := cmp.Diff(flannelFiles, contents(t, open(t, s.ref("@"+d), options(t)))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestALoginIsTakenFromDockersConfiguration(t *testing.T) {
	t.Parallel()
	for name, protect := range map[string]func(*server){"basic": basic, "token": token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			ref := s.push(t, packedChart(t, "flannel"))
			protect(s)
			known := options(t)
			known.DockerConfig = dockerConfig(t, s.host, "right")
			if diff := cmp.Diff(flannelFiles, contents(t, open(t, ref, known))); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			for what, config := range map[string]string{
				"no login": t.TempDir(), "another's login": dockerConfig(t, "registry.example", "right"), "a wrong login": dockerConfig(t, s.host, "wrong"),
			} {
				o := options(t)
				o.DockerConfig = config
				_, err := artifact.Open(t.Context(), ref, o)
				fails(t, err, artifact.ErrDenied, "docker login "+s.host)
				if t.Failed() {
					t.Fatalf("with %s", what)
				}
			}
		})
	}
}

// basic wants a user and a password for everything.
func basic(s *server) {
	s.instead = func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "me" && password == "right" {
			return false
		}
		w.Header().Set("Www-Authenticate", `Basic realm="charts"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}`)
		return true
	}
}

// token wants a token, which the same server gives out.
func token(s *server) {
	s.instead = func(w http.ResponseWriter, r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		switch {
		case r.Header.Get("Authorization") == "Bearer charts":
			return false
		case r.URL.Path != "/token":
			w.Header().Set("Www-Authenticate", `Bearer realm="`+s.URL+`/token",service="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
		case user == "me" && password == "right" && r.FormValue("scope") == "repository:charts/flannel:pull":
			_, _ = io.WriteString(w, `{"token": "charts"}`)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
		return true
	}
}

func TestABrokenDockerConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	o := options(t)
	ref := s.push(t, packedChart(t, "flannel"))
	o.DockerConfig = folderOf(t, map[string]string{"config.json": "no JSON"})
	_, err := artifact.Open(t.Context(), ref, o)
	fails(t, err, artifact.ErrDenied, o.DockerConfig, "config.json")
	o.DockerConfig = folderOf(t, map[string]string{"config.json": `{"credHelpers": {"` + s.host + `": "that-nobody-has"}}`})
	basic(s)
	_, err = artifact.Open(t.Context(), ref, o)
	fails(t, err, artifact.ErrDenied, "docker-credential-that-nobody-has")
}

func TestWhatARegistrySaysOfARefusalIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.instead = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errors":[{"code":"DENIED","message":"policy\u001b[2J"}]}`)
		return true
	}
	_, err := artifact.Open(t.Context(), s.ref("@sha256:"+strings.Repeat("0", 64)), options(t))
	fails(t, err, artifact.ErrDenied, "403 Forbidden", `"denied: policy\x1b[2J"`)
}

// elsewhere is a network in which registry.example is a server on this machine, and nothing else is.
func elsewhere(t *testing.T, s *httptest.Server, trusted bool) http.RoundTripper {
	t.Helper()
	authorities := x509.NewCertPool()
	if trusted {
		authorities.AddCert(s.Certificate())
	}
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authorities, ServerName: "example.com", MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != "registry.example:443" {
				t.Errorf("%s is connected to", address)
			}
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
}

func TestAnotherMachineIsSpokenToOverTLSAlone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	pinned := s.push(t, packedChart(t, "flannel"))
	_, d, _ := strings.Cut(pinned, "@")
	ref := "oci://registry.example/charts/flannel@" + d
	secure := httptest.NewTLSServer(s.Config.Handler)
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	leads := func(to string) *httptest.Server {
		l := httptest.NewTLSServer(http.RedirectHandler(to, http.StatusTemporaryRedirect))
		t.Cleanup(l.Close)
		return l
	}
	wantsLogin := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Www-Authenticate", `Bearer realm="http://login.example/token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(wantsLogin.Close)

	if diff := cmp.Diff(flannelFiles, contents(t, open(t, ref, options(t).Over(elsewhere(t, secure, true))))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	tests := map[string]struct {
		network http.RoundTripper
		kind    error
		words   string
	}{
		"plain HTTP behind the name":       {elsewhere(t, plainly(t, s), false), artifact.ErrRefused, "give the registry a certificate"},
		"a certificate that nobody trusts": {elsewhere(t, secure, false), artifact.ErrRefused, "SSL_CERT_FILE"},
		"a redirect to plain HTTP":         {elsewhere(t, leads("http://other.example/"), true), artifact.ErrRefused, "plain HTTP to another machine: other.example"},
		"a redirect to this machine":       {elsewhere(t, leads(s.URL), true), artifact.ErrRefused, "plain HTTP to another machine: 127.0.0.1"},
		"a login service over plain HTTP":  {elsewhere(t, wantsLogin, true), artifact.ErrDenied, "login.example"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.DockerConfig = dockerConfig(t, "registry.example", "right")
			_, err := artifact.Open(t.Context(), ref, o.Over(tt.network))
			fails(t, err, tt.kind, tt.words)
		})
	}
}

// plainly is a server without TLS.
func plainly(t *testing.T, s *server) *httptest.Server {
	t.Helper()
	p := httptest.NewServer(s.Config.Handler)
	t.Cleanup(p.Close)
	return p
}
