package cli_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	helmregistry "helm.sh/helm/v3/pkg/registry"

	"github.com/addonctl/addonctl/charts"
)

// What the command line says of charts in a registry that wants a login: testdata/registry/*.txtar. The built-in chart of
// flannel is pushed there as helm push does it.
func TestChartsFromARegistry(t *testing.T) {
	t.Parallel()
	behind := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "right" {
			w.Header().Set("Www-Authenticate", `Basic realm="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	ref, digest := pushFlannel(t, host)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "registry"), UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("KUBECONFIG", "")
			e.Setenv("HOST", host)
			e.Setenv("TAGGED", ref)
			e.Setenv("DIGEST", digest)
			login := base64.StdEncoding.EncodeToString([]byte("me:right"))
			if err := os.Mkdir(filepath.Join(e.WorkDir, "login"), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "login", "config.json"), fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, host, login), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// pushFlannel packages and pushes the built-in chart; it gives the reference by tag, and the digest.
func pushFlannel(t *testing.T, host string) (ref, digest string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, charts.FS); err != nil {
		t.Fatal(err)
	}
	chart, err := loader.LoadDir(filepath.Join(dir, "flannel"))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := chartutil.Save(chart, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	client, err := helmregistry.NewClient(
		helmregistry.ClientOptPlainHTTP(), helmregistry.ClientOptWriter(io.Discard), helmregistry.ClientOptBasicAuth("me", "right"),
		helmregistry.ClientOptCredentialsFile(filepath.Join(dir, "none.json")),
	)
	if err != nil {
		t.Fatal(err)
	}
	ref = host + "/charts/flannel:" + chart.Metadata.Version
	pushed, err := client.Push(data, ref)
	if err != nil {
		t.Fatal(err)
	}
	return "oci://" + ref, pushed.Manifest.Digest
}
