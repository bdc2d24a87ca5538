package artifact

import (
	"context"
	"fmt"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxPull bounds a whole pull: a connection that stalls ends some time.
const maxPull = 5 * time.Minute

// puller takes one artifact, out of the cache where that has it, and else from its registry.
type puller struct {
	reference
	cache    cache
	registry *registryClient
	note     func(string)
}

// pull carries out what is to be done with the artifact of a reference. A reference without a digest is refused with the
// digest that its tag has now: what runs on clusters must not change because somebody moved a tag.
func pull(ctx context.Context, ref string, o Options, do func(context.Context, *puller) error) error {
	r, err := parse(ref)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxPull)
	defer cancel()
	p := &puller{reference: r, cache: o.cache(), registry: newRegistryClient(r, o), note: o.note}
	defer p.registry.close()
	if r.digest == "" {
		return p.unpinned(ctx)
	}
	return do(ctx, p)
}

// unpinned is the error of a reference that names no digest.
func (p *puller) unpinned(ctx context.Context) error {
	if p.tag == "" {
		return fault(ErrReference, form, "it names no digest, and only that says what is meant")
	}
	now, err := p.tagged(ctx)
	if err != nil {
		return err
	}
	return fault(ErrReference, fmt.Sprintf("to take what it is now, give %s%s@%s", scheme, p, now),
		"a tag can be moved, so it is not taken without a digest; it has %s now", now)
}

// tagged is the digest that the tag has now.
func (p *puller) tagged(ctx context.Context) (string, error) {
	data, err := p.registry.get(ctx, kindManifest, p.tag, maxManifest)
	if err != nil {
		return "", err
	}
	return digestOf(data), nil
}

// compare notes a tag that is not that of the digest any more. It looks only after the registry was asked anyway, and
// what it cannot find out stops nothing.
func (p *puller) compare(ctx context.Context) {
	if p.tag == "" || !p.registry.asked {
		return
	}
	switch now, err := p.tagged(ctx); {
	case err != nil:
		p.note(fmt.Sprintf("whether %s still has the digest %s could not be seen: %s", p, p.digest, err))
	case now != p.digest:
		p.note(fmt.Sprintf("%s has another digest now, %s; what is taken is %s, as the reference says", p, now, p.digest))
	}
}

// manifest is the list of the artifact's parts.
func (p *puller) manifest(ctx context.Context) (ocispec.Manifest, error) {
	data, err := p.part(ctx, kindManifest, p.digest, maxManifest)
	if err != nil {
		return ocispec.Manifest{}, err
	}
	return readManifest(data)
}

// layer is the content of one part.
func (p *puller) layer(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
	digest := d.Digest.String()
	switch {
	case !sha256Form.MatchString(digest):
		return nil, refuse("its manifest names a layer by %.*q, which is no sha256 digest", maxName, digest)
	case d.Size > maxBlob:
		return nil, tooLarge("its layer "+digest, maxBlob)
	}
	data, err := p.part(ctx, kindBlob, digest, maxBlob)
	if err == nil && int64(len(data)) != d.Size {
		return nil, refuse("its manifest says that layer %s has %d bytes, and it has %d", digest, d.Size, len(data))
	}
	return data, err
}

// part is what has a digest, from wherever it comes.
func (p *puller) part(ctx context.Context, kind, digest string, most int64) ([]byte, error) {
	if data, ok := p.cache.read(digest); ok && int64(len(data)) <= most {
		return data, nil
	}
	data, err := p.registry.get(ctx, kind, digest, most)
	if err != nil {
		return nil, err
	}
	if got := digestOf(data); got != digest {
		return nil, fault(ErrDigest, "do not use it: the registry, or something on the way to it, changes what it stores",
			"%s gave something else under %s: %s, %d bytes", p.host, digest, got, len(data))
	}
	if err := p.cache.write(digest, data); err != nil {
		p.note(fmt.Sprintf("%s is fetched again next time: %s", p, err))
	}
	return data, nil
}
