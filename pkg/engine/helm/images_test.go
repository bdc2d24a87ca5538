package helm_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/addonctl/addonctl/pkg/artifact"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// mirror is a registry on this machine.
type mirror struct {
	*httptest.Server
	host string
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return &mirror{s, strings.TrimPrefix(s.URL, "http://")}
}

// push stores an image of one architecture.
func (m *mirror) push(t *testing.T, repository, tag, architecture string) {
	t.Helper()
	config := fmt.Appendf(nil, `{"architecture":%q,"os":"linux"}`, architecture)
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(config))
	m.send(t, http.MethodPost, repository+"/blobs/uploads/?digest="+digest, "application/octet-stream", config)
	const kind = "application/vnd.oci.image.manifest.v1+json"
	m.send(t, http.MethodPut, repository+"/manifests/"+tag, kind, fmt.Appendf(nil,
		`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`,
		kind, digest, len(config)))
}

func (m *mirror) send(t *testing.T, method, path, kind string, data []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, m.URL+"/v2/"+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	answer, err := m.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
}

// An operator's mirror is asked for every image, init containers too, before a node has to ask it.
func TestEveryImageIsLookedUpWhereTheOverlaySaysThatItIs(t *testing.T) {
	t.Parallel()
	b := start(t)
	m := newMirror(t)
	in, _ := b.look(t, "0.27.3")
	in.Nodes = []noderoll.Node{
		{Name: "a", Architecture: "amd64"}, {Name: "b", Architecture: "arm64"}, {Name: "c", Architecture: "s390x", Exempt: "it is no node of ours"},
	}
	in.Request.Settings.Overlay = map[string]string{"kustomization.yaml": fmt.Sprintf(`images:
- {name: ghcr.io/flannel-io/flannel, newName: %[1]s/flannel}
- {name: ghcr.io/flannel-io/flannel-cni-plugin, newName: %[1]s/plugin}
`, m.host)}
	looked := func(when string, want ...plan.Image) {
		t.Helper()
		c, err := b.Change(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, c.Images); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		var reasons []string
		in := in
		in.Change = c
		for _, f := range plan.Make(in).Findings {
			if f.Check == "images-there" {
				reasons = append(reasons, fmt.Sprint(f.Reason, " ", f.Blocking))
			}
		}
		var expected []string
		for _, i := range want {
			if i.Missing != nil {
				expected = []string{"ImageArchitecture true"}
				if i.Missing[0] == artifact.All {
					expected = []string{"ImageMissing true"}
				}
			}
		}
		if diff := cmp.Diff(expected, reasons); diff != "" {
			t.Errorf("%s, findings (-want +got):\n%s", when, diff)
		}
	}
	looked("nobody looks")

	look := func() {
		b.Images = helm.LookUp(artifact.NewImages(artifact.Options{Local: true, DockerConfig: t.TempDir()}))
	}
	flannel, plugin := m.host+"/flannel:v0.27.3", m.host+"/plugin:v1.7.1-flannel1"
	look()
	looked("an empty mirror", plan.Image{Image: flannel, Missing: []string{"*"}}, plan.Image{Image: plugin, Missing: []string{"*"}})
	m.push(t, "flannel", "v0.27.3", "amd64")
	m.push(t, "plugin", "v1.7.1-flannel1", "amd64")
	look()
	looked("a mirror with one architecture", plan.Image{Image: flannel, Missing: []string{"arm64"}}, plan.Image{Image: plugin, Missing: []string{"arm64"}})
	in.Nodes = in.Nodes[:1]
	look()
	looked("a mirror with all that the nodes are", plan.Image{Image: flannel}, plan.Image{Image: plugin})

	m.Close()
	look()
	c, err := b.Change(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Change = c
	for _, f := range plan.Make(in).Findings {
		if f.Check == "images-there" && (f.Reason != plan.ImageUnchecked || f.Blocking || !f.Minor) {
			t.Errorf("a mirror that is gone: %+v", f)
		}
	}
	if len(c.Images) != 2 || c.Images[0].Unchecked == "" || c.Images[0].Missing != nil {
		t.Errorf("a mirror that is gone: %+v", c.Images)
	}
}
