package artifact_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/artifact"
)

// pair is a private key and its public one in PEM.
type pair struct{ private, public string }

func newPair(t *testing.T, key crypto.Signer) pair {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	}
}

func ed(t *testing.T) pair {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, key)
}

func p256(t *testing.T) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, key)
}

var (
	signed = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	today  = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

// published is a signed catalog as it is published.
type published struct{ archive, statement, signature []byte }

func publish(t *testing.T, key pair, version int64) published {
	t.Helper()
	archive, err := artifact.Pack(os.DirFS(folderOf(t, map[string]string{"flannel/addon.yaml": "x"})))
	if err != nil {
		t.Fatal(err)
	}
	p := published{archive: archive}
	s := artifact.Statement{Version: version, Signed: signed, Expires: signed.AddDate(0, 1, 0), Digest: artifact.DigestOf(archive)}
	if p.statement, err = s.Encode(); err == nil {
		p.signature, err = artifact.Sign(p.statement, key.private)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// catalog stores it under the tag "now" and gives its references.
func (s *server) catalog(t *testing.T, p published) (tag, digest string) {
	t.Helper()
	m := manifest{SchemaVersion: 2, MediaType: typeManifest, Config: s.blob(t, "application/vnd.oci.empty.v1+json", []byte("{}"))}
	for kind, data := range map[string][]byte{
		artifact.MediaCatalog: p.archive, artifact.MediaStatement: p.statement, artifact.MediaSignature: p.signature,
	} {
		if data != nil {
			m.Layers = append(m.Layers, s.blob(t, kind, data))
		}
	}
	return s.ref(":now"), s.ref("@" + s.tag(t, "now", m))
}

// site serves it below /catalog.tgz.
func site(t *testing.T, p published) (address string, o artifact.Options) {
	t.Helper()
	files := map[string][]byte{"/catalog.tgz": p.archive, "/catalog.tgz.statement": p.statement, "/catalog.tgz.statement.sig": p.signature}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[r.URL.Path]
		if !ok || data == nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/catalog.tgz", options(t).Over(s.Client().Transport)
}

// A catalog that a trusted key has signed comes whole, from wherever it was published, and with either kind of key.
func TestASignedCatalogIsTaken(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]pair{"Ed25519": ed(t), "ECDSA": p256(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := publish(t, key, 7)
			trust := artifact.Trust{Keys: []string{ed(t).public, key.public}, Least: 7, Now: today}
			s := serve(t)
			tag, digest := s.catalog(t, p)
			address, secure := site(t, p)
			for ref, o := range map[string]artifact.Options{tag: options(t), digest: options(t), address: secure} {
				c, err := artifact.OpenCatalog(t.Context(), ref, trust, o)
				if err != nil {
					t.Errorf("%s: %v", ref, err)
					continue
				}
				if diff := cmp.Diff(map[string]string{"flannel/addon.yaml": "x"}, contents(t, c.Files)); diff != "" || c.Statement.Version != 7 {
					t.Errorf("%s: version %d, files (-want +got):\n%s", ref, c.Statement.Version, diff)
				}
			}
		})
	}
}

// A digest says by itself what is meant: no key is needed, and none helps a catalog that is another.
func TestACatalogByItsDigestNeedsNoKey(t *testing.T) {
	t.Parallel()
	p := publish(t, ed(t), 1)
	p.statement, p.signature = nil, nil
	s := serve(t)
	tag, digest := s.catalog(t, p)
	if c, err := artifact.OpenCatalog(t.Context(), digest, artifact.Trust{Now: today}, options(t)); err != nil || len(contents(t, c.Files)) != 1 {
		t.Error(err)
	}
	_, err := artifact.OpenCatalog(t.Context(), tag, artifact.Trust{Now: today}, options(t))
	fails(t, err, artifact.ErrReference, "a tag can be moved")
	_, err = artifact.OpenCatalog(t.Context(), digest, artifact.Trust{Keys: []string{ed(t).public}, Now: today}, options(t))
	fails(t, err, artifact.ErrSignature, "keys are given", "catalog sign")
}

// What is not from who it should be, too old, or something else than was signed, is refused with a reason of its own. Without the check that
// a case is about, it would be taken.
func TestACatalogThatNobodyVouchesForIsRefused(t *testing.T) {
	t.Parallel()
	key := ed(t)
	good := publish(t, key, 7)
	trust := artifact.Trust{Keys: []string{key.public}, Least: 7, Now: today}
	other := publish(t, ed(t), 7)
	cases := map[string]struct {
		p     published
		trust func(*artifact.Trust)
		kind  error
		words []string
	}{
		"signed by somebody else":        {published{good.archive, other.statement, other.signature}, nil, artifact.ErrSignature, []string{"none of the 1 keys"}},
		"the signature of another":       {published{good.archive, good.statement, other.signature}, nil, artifact.ErrSignature, nil},
		"a statement that was changed":   {published{good.archive, []byte(strings.Replace(string(good.statement), `"version": 7`, `"version": 8`, 1)), good.signature}, nil, artifact.ErrSignature, nil},
		"an archive that was exchanged":  {published{packed(t, entry{name: "flannel/addon.yaml", content: "y"}), good.statement, good.signature}, nil, artifact.ErrDigest, []string{"being published"}},
		"older than what was read":       {good, func(t *artifact.Trust) { t.Least = 8 }, artifact.ErrRolledBack, []string{"version 7", "version 8"}},
		"expired":                        {good, func(t *artifact.Trust) { t.Now = signed.AddDate(0, 1, 0) }, artifact.ErrExpired, []string{"2026-12-01"}},
		"a signature that is none":       {published{good.archive, good.statement, []byte("!\n")}, nil, artifact.ErrRefused, []string{"base64"}},
		"an empty signature":             {published{good.archive, good.statement, []byte("\n")}, nil, artifact.ErrSignature, nil},
		"a key that is none":             {good, func(t *artifact.Trust) { t.Keys = []string{"a key"} }, artifact.ErrReference, []string{"key 1", "openssl pkey"}},
		"a private key for a public one": {good, func(t *artifact.Trust) { t.Keys = []string{key.private} }, artifact.ErrReference, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trust := trust
			if c.trust != nil {
				c.trust(&trust)
			}
			tag, _ := serve(t).catalog(t, c.p)
			_, err := artifact.OpenCatalog(t.Context(), tag, trust, options(t))
			fails(t, err, c.kind, c.words...)
			address, o := site(t, c.p)
			_, err = artifact.OpenCatalog(t.Context(), address, trust, o)
			fails(t, err, c.kind, c.words...)
		})
	}
}

func TestAnAddressThatCannotBeTrustedIsRefused(t *testing.T) {
	t.Parallel()
	key := ed(t)
	trust := artifact.Trust{Keys: []string{key.public}, Now: today}
	address, o := site(t, published{})
	cases := map[string]struct {
		ref   string
		trust artifact.Trust
		kind  error
		words []string
	}{
		"plain HTTP":             {"http://example.com/catalog.tgz", trust, artifact.ErrRefused, []string{"plain HTTP"}},
		"a web site without key": {address, artifact.Trust{Now: today}, artifact.ErrReference, []string{"has to be signed"}},
		"a user":                 {strings.Replace(address, "https://", "https://me:secret@", 1), trust, artifact.ErrReference, []string{"it holds a user"}},
		"not there":              {address, trust, artifact.ErrNotFound, []string{"404"}},
		"a path":                 {"/catalog", trust, artifact.ErrReference, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.OpenCatalog(t.Context(), c.ref, c.trust, o)
			fails(t, err, c.kind, c.words...)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("a password is shown: %v", err)
			}
		})
	}
}

// The same files are the same bytes, whenever and wherever they are packed.
func TestPackingIsReproducible(t *testing.T) {
	t.Parallel()
	files := map[string]string{"flannel/addon.yaml": "x", "flannel/releases/0.27.3.yaml": "y"}
	first, err := artifact.Pack(os.DirFS(folderOf(t, maps.Clone(files))))
	if err != nil {
		t.Fatal(err)
	}
	second, err := artifact.Pack(os.DirFS(folderOf(t, files)))
	if err != nil || string(first) != string(second) {
		t.Errorf("%v, %d and %d bytes", err, len(first), len(second))
	}
	files["flannel/addon.yaml"] = "z"
	if third, err := artifact.Pack(os.DirFS(folderOf(t, files))); err != nil || string(first) == string(third) {
		t.Errorf("%v; other files are the same bytes", err)
	}
}
