package artifact

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Images looks up whether images are in the registries that their names say. It asks for manifests and configurations, never for
// layers. What was found counts for as long as it lives, and a registry that did not answer once is not asked again: it is for a command,
// not for a server. It is safe for concurrent use.
type Images struct {
	options   Options
	transport http.RoundTripper

	mu sync.Mutex
	// found is what was found of images.
	found map[string]imageFound
	// silent are the registries that did not answer, with how.
	silent map[string]error
}

type imageFound struct {
	missing []string
	err     error
}

// NewImages asks with the logins of the options, as Open does.
func NewImages(o Options) *Images {
	t := o.transport
	if t == nil {
		t = hasty()
	}
	return &Images{options: o, transport: t, found: map[string]imageFound{}, silent: map[string]error{}}
}

// hasty is a network that is given up soon: whoever waits for it would rather go on without an answer.
func hasty() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 1500 * time.Millisecond}).DialContext, // resolving the name included
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   2 * time.Second,
		ResponseHeaderTimeout: 3 * time.Second,
		IdleConnTimeout:       10 * time.Second,
		DisableCompression:    true,
	}
}

// All stands in the place of architectures for an image that is not there at all.
const All = "*"

// Missing names those of the architectures, in Go's words such as arm64, that an image has no Linux build for; just All when the
// registry says that there is no such image. No architectures ask for the image alone. An error means that it could not be looked up: the
// registry does not answer, does not let us read, or is each node's own.
func (i *Images) Missing(ctx context.Context, image string, architectures []string) ([]string, error) {
	key := image + "\x00" + strings.Join(architectures, ",")
	r, err := imageReference(image)
	if err != nil {
		return nil, err
	}
	if loopback(r.host) && !i.options.Local {
		return nil, fault(ErrReference, "", "%s is another registry on each node", r.host)
	}
	i.mu.Lock()
	known, ok := i.found[key]
	silent := i.silent[r.host]
	i.mu.Unlock()
	switch {
	case ok:
		return known.missing, known.err
	case silent != nil:
		return nil, silent
	}
	missing, err := i.look(ctx, r, architectures)
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if errors.Is(err, ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		i.silent[r.host] = err
	} else {
		i.found[key] = imageFound{missing, err}
	}
	return missing, err
}

// imageReference reads an image's name as container runtimes do: without a registry it is Docker's, without a tag it is latest.
func imageReference(image string) (reference, error) {
	first, _, path := strings.Cut(image, "/")
	if !path || !strings.ContainsAny(first, ".:") && first != "localhost" {
		image = "docker.io/" + image
	}
	r, err := parse(scheme + image)
	if err != nil {
		return r, err
	}
	if r.host == "docker.io" && !strings.Contains(r.repository, "/") {
		r.repository = "library/" + r.repository
	}
	if r.tag == "" && r.digest == "" {
		r.tag = "latest"
	}
	return r, nil
}

func (i *Images) look(ctx context.Context, r reference, architectures []string) ([]string, error) {
	o := i.options
	o.transport = i.transport
	c := newRegistryClient(r, o)
	c.once = true
	data, err := c.get(ctx, kindManifest, cmp.Or(r.digest, r.tag), maxManifest)
	switch {
	case errors.Is(err, ErrNotFound) && c.refusal != "":
		return []string{All}, nil
	case err != nil || len(architectures) == 0:
		return nil, err
	}
	has, err := c.architectures(ctx, data)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, a := range architectures {
		if !slices.Contains(has, a) {
			missing = append(missing, a)
		}
	}
	return missing, nil
}

// architectures that an image is built for, by its manifest or by its list of manifests.
func (c *registryClient) architectures(ctx context.Context, manifest []byte) ([]string, error) {
	var m struct {
		Manifests []ocispec.Descriptor `json:"manifests"`
		Config    ocispec.Descriptor   `json:"config"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, refuse("reading the manifest of %s: %w", c.reference, err)
	}
	var out []string
	for _, d := range m.Manifests {
		switch {
		case d.Platform == nil:
			return nil, refuse("the list of manifests of %s does not say what they are for", c.reference)
		case d.Platform.OS == "linux" || d.Platform.OS == "":
			out = append(out, d.Platform.Architecture)
		}
	}
	if m.Manifests != nil {
		return out, nil
	}
	one, err := c.builtFor(ctx, m.Config.Digest.String())
	return []string{one}, err
}

// builtFor is the architecture that an image's configuration names.
func (c *registryClient) builtFor(ctx context.Context, digest string) (string, error) {
	if !sha256Form.MatchString(digest) {
		return "", refuse("the manifest of %s is of a kind that is not read here", c.reference)
	}
	data, err := c.get(ctx, kindBlob, digest, maxManifest)
	if err != nil {
		return "", fmt.Errorf("reading the configuration of %s: %w", c.reference, err)
	}
	var config struct {
		Architecture string `json:"architecture"`
	}
	if err := json.Unmarshal(data, &config); err != nil || config.Architecture == "" {
		return "", refuse("the configuration of %s names no architecture", c.reference)
	}
	return config.Architecture, nil
}
