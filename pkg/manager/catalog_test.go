package manager

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/artifact"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/controller"
)

// The manager takes a signed catalog out of a real registry, and says why it does not take another one. It would catch a manager that does not
// hand the keys, the least version or the time to whoever checks.
func TestTheManagerTakesSignedCatalogsAlone(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	spec := v1alpha1.AddonCatalogSpec{OCI: "oci://" + strings.TrimPrefix(server.URL, "http://") + "/catalog:now", Keys: []string{inPEM(t, "PUBLIC KEY", public)}}
	now := time.Now()
	publish := func(version int64, signed time.Time) {
		t.Helper()
		archive, err := artifact.Pack(addons.FS)
		if err != nil {
			t.Fatal(err)
		}
		statement, err := artifact.Statement{
			Version: version, Signed: signed, Expires: signed.Add(time.Hour), Digest: artifact.DigestOf(archive),
		}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		signature, err := artifact.Sign(statement, inPEM(t, "PRIVATE KEY", private))
		if err != nil {
			t.Fatal(err)
		}
		push(t, server.URL, map[string][]byte{artifact.MediaCatalog: archive, artifact.MediaStatement: statement, artifact.MediaSignature: signature})
	}
	get := fetch(logr.Discard())
	publish(7, now)
	out, err := get(t.Context(), spec, 7)
	if err != nil || out.Version != 7 || out.Expires.Before(now) {
		t.Fatalf("version %d until %s: %v", out.Version, out.Expires, err)
	}
	if c, err := catalog.Load(out.Files); err != nil || len(c.AddOns) == 0 {
		t.Errorf("what came cannot be read: %v", err)
	}
	refused := func(why string, s v1alpha1.AddonCatalogSpec, least int64, reason string) {
		t.Helper()
		var told *controller.FetchError
		if _, err := get(t.Context(), s, least); !errors.As(err, &told) || told.Reason != reason {
			t.Errorf("%s: %v, want the reason %s", why, err, reason)
		}
	}
	refused("older than what was read", spec, 8, v1alpha1.ReasonRolledBack)
	stranger := spec
	other, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger.Keys = []string{inPEM(t, "PUBLIC KEY", other)}
	refused("signed by somebody else", stranger, 0, v1alpha1.ReasonUnsigned)
	publish(8, now.Add(-2*time.Hour))
	refused("expired", spec, 7, v1alpha1.ReasonExpired)
	missing := spec
	missing.OCI += "-not"
	refused("not there", missing, 0, v1alpha1.ReasonInvalid)
}

func inPEM(t *testing.T, kind string, key any) string {
	t.Helper()
	encode := x509.MarshalPKIXPublicKey
	if kind == "PRIVATE KEY" {
		encode = x509.MarshalPKCS8PrivateKey
	}
	data, err := encode(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
}

// push stores layers as the artifact catalog:now.
func push(t *testing.T, address string, layers map[string][]byte) {
	t.Helper()
	send := func(method, path, kind string, data []byte) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address+"/v2/catalog/"+path, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		if answer.StatusCode != http.StatusCreated {
			t.Fatalf("storing %s: %s", path, answer.Status)
		}
	}
	part := func(kind string, data []byte) string {
		t.Helper()
		digest := artifact.DigestOf(data)
		send(http.MethodPost, "blobs/uploads/?digest="+digest, "application/octet-stream", data)
		return fmt.Sprintf(`{"mediaType": %q, "digest": %q, "size": %d}`, kind, digest, len(data))
	}
	var all []string
	for kind, data := range layers {
		all = append(all, part(kind, data))
	}
	const manifest = "application/vnd.oci.image.manifest.v1+json"
	send(http.MethodPut, "manifests/now", manifest, fmt.Appendf(nil, `{"schemaVersion": 2, "mediaType": %q, "config": %s, "layers": [%s]}`,
		manifest, part("application/vnd.oci.empty.v1+json", []byte("{}")), strings.Join(all, ", ")))
}
