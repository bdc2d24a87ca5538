package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types of a catalog in a registry. There is one layer of each; the last two go together, and are missing where the digest alone says
// what is meant.
const (
	MediaCatalog   = "application/vnd.addonctl.catalog.v1.tar+gzip"
	MediaStatement = "application/vnd.addonctl.catalog.statement.v1+json"
	MediaSignature = "application/vnd.addonctl.catalog.signature.v1"
)

// Names of what belongs to a catalog beside the file that a URL or a path names.
const (
	StatementSuffix = ".statement"
	SignatureSuffix = ".statement.sig"
)

// Catalog is a catalog from elsewhere, after it was checked. What its files say was not looked at.
type Catalog struct {
	Files fs.FS
	// Statement is what was said of it; zero without keys.
	Statement Statement
}

// OpenCatalog gets a catalog from a registry (oci://HOST/REPOSITORY[:TAG][@DIGEST]) or from a web server (https://HOST/PATH, with what is
// said of it beside it under .statement and .statement.sig). A reference that names no digest needs keys. Errors are an *Error, or the
// context's.
func OpenCatalog(ctx context.Context, ref string, t Trust, o Options) (Catalog, error) {
	ctx, cancel := context.WithTimeout(ctx, maxPull)
	defer cancel()
	var parts catalogParts
	var err error
	if u, e := url.Parse(ref); e == nil && u.Scheme == "https" {
		parts, err = fetchCatalog(ctx, u, t, o)
	} else {
		parts, err = pullCatalog(ctx, ref, t, o)
	}
	var c Catalog
	if err == nil {
		c, err = parts.check(t)
	}
	if err != nil {
		return Catalog{}, fmt.Errorf("opening catalog %s: %w", shown(ref), err)
	}
	return c, nil
}

// catalogParts are what a catalog comes in.
type catalogParts struct{ archive, statement, signature []byte }

// check unpacks nothing that nobody has vouched for.
func (p catalogParts) check(t Trust) (Catalog, error) {
	var c Catalog
	if len(t.Keys) > 0 {
		if p.statement == nil {
			return c, fault(ErrSignature, "it has to be signed: addonctl catalog sign", "nothing is said of it, and keys are given")
		}
		s, err := t.verify(p.statement, p.signature)
		if err != nil {
			return c, err
		}
		if got := digestOf(p.archive); got != s.Digest {
			return c, fault(ErrDigest, "it may be in the middle of being published: wait a minute",
				"its statement speaks of %s, and the archive has the digest %s", s.Digest, got)
		}
		c.Statement = s
	}
	unpacked, err := unpack(p.archive)
	if err == nil {
		c.Files, err = unpacked.folder()
	}
	return c, err
}

func pullCatalog(ctx context.Context, ref string, t Trust, o Options) (catalogParts, error) {
	r, err := parse(ref)
	if err != nil {
		return catalogParts{}, err
	}
	p := &puller{reference: r, cache: o.cache(), registry: newRegistryClient(r, o), note: o.note}
	defer p.registry.close()
	switch {
	case r.digest != "":
	case len(t.Keys) == 0 || r.tag == "":
		return catalogParts{}, p.unpinned(ctx)
	default: // who may move the tag is of no matter: what it leads to has to be signed
		if p.digest, err = p.tagged(ctx); err != nil {
			return catalogParts{}, err
		}
	}
	m, err := p.manifest(ctx)
	if err != nil {
		return catalogParts{}, err
	}
	var parts catalogParts
	for kind, into := range map[string]*[]byte{MediaCatalog: &parts.archive, MediaStatement: &parts.statement, MediaSignature: &parts.signature} {
		if *into, err = p.only(ctx, m, kind); err != nil {
			return catalogParts{}, err
		}
	}
	if parts.archive == nil {
		return catalogParts{}, refuse("it has no layer of type %s", MediaCatalog)
	}
	return parts, nil
}

// only is the layer of a type; nil when there is none.
func (p *puller) only(ctx context.Context, m ocispec.Manifest, kind string) ([]byte, error) {
	var found []byte
	for _, d := range m.Layers {
		if d.MediaType != kind {
			continue
		}
		if found != nil {
			return nil, refuse("it has more than one layer of type %s", kind)
		}
		data, err := p.layer(ctx, d)
		if err != nil {
			return nil, err
		}
		found = data
	}
	return found, nil
}

func fetchCatalog(ctx context.Context, u *url.URL, t Trust, o Options) (catalogParts, error) {
	switch {
	case len(t.Keys) == 0:
		return catalogParts{}, fault(ErrReference, "give the keys that sign it, or an artifact by its digest", "what a web server gives has no digest, so it has to be signed")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return catalogParts{}, fault(ErrReference, "give https://HOST/PATH", "it holds a user, a query or a fragment")
	}
	transport := o.transport
	if transport == nil {
		transport = network()
	}
	client := &http.Client{Transport: secureOnly{next: transport}, CheckRedirect: fewRedirects}
	defer client.CloseIdleConnections()
	var parts catalogParts
	for _, part := range []struct {
		suffix string
		into   *[]byte
		most   int64
	}{{StatementSuffix, &parts.statement, maxManifest}, {SignatureSuffix, &parts.signature, maxManifest}, {"", &parts.archive, maxBlob}} {
		data, err := fetch(ctx, client, u.String()+part.suffix, part.most)
		if err != nil {
			return catalogParts{}, err
		}
		*part.into = data
	}
	return parts, nil
}

func fetch(ctx context.Context, client *http.Client, address string, most int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fault(ErrReference, "give https://HOST/PATH", "%w", err)
	}
	request.Header.Set("User-Agent", "addonctl")
	response, err := client.Do(request)
	if err != nil {
		kind := ErrUnreachable
		if errors.Is(err, errPlain) {
			kind = ErrRefused
		}
		return nil, fault(kind, "check the address, and that this machine may reach it", "%w", err)
	}
	defer func() { _ = response.Body.Close() }()
	switch code := response.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		return nil, fault(ErrNotFound, "check the address", "%s: %s", address, response.Status)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return nil, fault(ErrDenied, "let this machine read it", "%s: %s", address, response.Status)
	case code != http.StatusOK:
		return nil, fault(ErrUnreachable, "try again", "%s: %s", address, response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, fault(ErrUnreachable, "try again", "%s broke off: %w", address, err)
	case int64(len(data)) > most:
		return nil, tooLarge(address, most)
	}
	return data, nil
}

// Pack packs a folder as catalogs are published: the same files give the same bytes.
func Pack(folder fs.FS) ([]byte, error) {
	var b bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	archive := tar.NewWriter(zipped)
	err = fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(h); err != nil {
			return err
		}
		_, err = archive.Write(data)
		return err
	})
	if err == nil {
		err = errors.Join(archive.Close(), zipped.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	if _, err := unpack(b.Bytes()); err != nil { // as whoever takes it will
		return nil, err
	}
	return b.Bytes(), nil
}

// DigestOf is the digest of some bytes as statements and registries write it.
func DigestOf(data []byte) string { return digestOf(data) }
