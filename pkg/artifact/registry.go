package artifact

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// The two kinds of parts that a registry gives (OCI distribution specification).
const (
	kindManifest = "manifests"
	kindBlob     = "blobs"
)

// acceptedManifests are asked for, also those that are refused afterwards: so they are named and not just "not found".
var acceptedManifests = []string{
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
}

// registryClient reads from one registry. It logs in as Docker would, when the registry asks for it.
type registryClient struct {
	reference
	config    string
	transport http.RoundTripper
	client    *auth.Client // made when it is first needed: what is cached needs no login
	// asked is true once the registry was asked for something.
	asked bool
	// once gives up on the first answer that is none.
	once bool
	// refusal is what the registry itself said when it refused something last; empty where the answer was not one of a registry.
	refusal string
}

func newRegistryClient(r reference, o Options) *registryClient {
	t := o.transport
	if t == nil {
		t = network()
	}
	return &registryClient{reference: r, config: o.dockerConfig(), transport: t}
}

// network gives up on what does not answer, and never unpacks what comes: only so the bytes are those of the digest, and
// bounded.
func network() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		DisableCompression:    true,
	}
}

// close ends the connections.
func (c *registryClient) close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// get reads a manifest or a blob of no more than so many bytes. What it gives is not checked yet.
func (c *registryClient) get(ctx context.Context, kind, name string, most int64) ([]byte, error) {
	if err := c.login(); err != nil {
		return nil, err
	}
	c.asked = true
	ctx = auth.AppendRepositoryScope(ctx, c.whole(), auth.ActionPull)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(kind, name), nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s for %s: %w", c.host, name, err)
	}
	if kind == kindManifest {
		request.Header["Accept"] = acceptedManifests
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, c.unanswered(name, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		c.refusal = reason(response.Body)
		return nil, c.answered(name, response.StatusCode, c.refusal)
	}
	if response.ContentLength > most {
		return nil, tooLarge(name, most)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, c.brokenOff(name, err)
	case int64(len(data)) > most:
		return nil, tooLarge(name, most)
	}
	return data, nil
}

func tooLarge(name string, most int64) error {
	return refuse("%s is larger than %d MiB", name, most>>20)
}

// login makes the client with the logins that Docker's config.json holds or names helpers for.
func (c *registryClient) login() error {
	if c.client != nil {
		return nil
	}
	logins, err := credentials.NewStore(c.config, credentials.StoreOptions{})
	if err != nil {
		return fault(ErrDenied, "mend the file, or log in anew with docker login "+c.host, "reading the logins in %s: %w", c.config, err)
	}
	next := c.transport
	if !c.once {
		next = &retry.Transport{Base: c.transport, Policy: patience}
	}
	secure := secureOnly{plain: loopback(c.host), next: next}
	c.client = &auth.Client{
		Client:     &http.Client{Transport: secure, CheckRedirect: fewRedirects},
		Credential: credentials.Credential(logins), Cache: auth.NewCache(),
	}
	c.client.SetUserAgent("addonctl")
	return nil
}

// fewRedirects is the limit that an http.Client has of its own, until the client that logs in looks at redirects too.
func fewRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

const maxRedirects = 10

// patience is how often a registry that is overloaded is asked again: some seconds.
func patience() retry.Policy {
	return &retry.GenericPolicy{
		Retryable: retry.DefaultPredicate, Backoff: retry.DefaultBackoff,
		MinWait: 200 * time.Millisecond, MaxWait: 3 * time.Second, MaxRetry: 3,
	}
}

// secureOnly refuses plain HTTP before anything is connected, also where a redirect or a login service leads to it. Only
// a registry on this machine may be spoken to, and lead, to this machine.
type secureOnly struct {
	plain bool
	next  http.RoundTripper
}

func (s secureOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" || s.plain && loopback(r.URL.Host) {
		return s.next.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, fmt.Errorf("%w: %s", errPlain, r.URL.Host)
}
