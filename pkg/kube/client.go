package kube

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// FieldManager is the name under which we own fields.
const FieldManager = "addonctl"

// Limits of one client: enough for a 5,000-node cluster's lists and for changing a hundred nodes at once, which takes two calls for each;
// never a burden to the API server.
const (
	qps         = 100
	burst       = 300
	callTimeout = 30 * time.Second
)

// Client is a connection to one API server. Its calls end after 30 s at the latest. It is safe for concurrent use.
type Client struct {
	Typed   kubernetes.Interface
	Dynamic dynamic.Interface
	// Host is the server's URL, for messages.
	Host string
	// Epoch of the tenure in which this client writes; 0 writes without one. See Take.
	Epoch int64

	mapper *mapping
	config *rest.Config // as it was given
	clock  *clock
	rights *sync.Map // rights that were found, by the time when
	said   *said     // what the server said of its version last, to this client and those that were made of it
}

// New makes a client. The configuration is copied, not kept.
func New(cfg *rest.Config) (*Client, error) { return newClient(cfg, callTimeout) }

// Endless is the same client for watches, whose calls end when their contexts do.
func (c *Client) Endless() (*Client, error) {
	cfg := rest.CopyConfig(c.config)
	cfg.Timeout = 0
	return newClient(cfg, 0)
}

func newClient(cfg *rest.Config, timeout time.Duration) (*Client, error) {
	c, at := rest.CopyConfig(cfg), &clock{}
	c.Wrap(at.wrap)
	c.Wrap(func(next http.RoundTripper) http.RoundTripper { return whole{next} })
	c.RateLimiter = patient{flowcontrol.NewTokenBucketRateLimiter(qps, burst)}
	c.WarningHandler = rest.NoWarnings{}
	if c.Timeout == 0 {
		c.Timeout = timeout
	}
	if c.UserAgent == "" {
		c.UserAgent = rest.DefaultKubernetesUserAgent() // audit logs name the program
	}
	httpClient, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", cfg.Host, err)
	}
	binary := rest.CopyConfig(c)
	binary.ContentType = runtime.ContentTypeProtobuf
	binary.AcceptContentTypes = strings.Join([]string{runtime.ContentTypeProtobuf, runtime.ContentTypeJSON}, ",") // a list of a thousand pods is read in a fraction of the time
	typed, err := kubernetes.NewForConfigAndClient(binary, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", cfg.Host, err)
	}
	dyn, err := dynamic.NewForConfigAndClient(c, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", cfg.Host, err)
	}
	return &Client{Typed: typed, Dynamic: dyn, Host: c.Host, mapper: builtin(), config: rest.CopyConfig(cfg), clock: at, rights: &sync.Map{}, said: &said{}}, nil
}

// As is a client of the same server for whoever a token is of. It shares the address with c, and no credential, no
// impersonation and no epoch.
func (c *Client) As(token string) (*Client, error) {
	cfg := rest.AnonymousClientConfig(c.config)
	cfg.BearerToken = token
	return c.derived(cfg)
}

// derived is a client of the same server for somebody else.
func (c *Client) derived(cfg *rest.Config) (*Client, error) {
	out, err := New(cfg)
	if err == nil {
		out.said = c.said
	}
	return out, err
}

// WithEpoch is the same client, writing in a tenure. See Take.
func (c *Client) WithEpoch(epoch int64) *Client {
	with := *c
	with.Epoch = epoch
	return &with
}

// said is an answer that is good for a moment.
type said struct {
	mu   sync.Mutex
	text string
	at   time.Time
}

// moment is how long an answer is good for: one look asks several times.
const moment = 2 * time.Second

func (s *said) now() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text, s.text != "" && time.Since(s.at) < moment
}

func (s *said) set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.at = text, time.Now()
}

// Version asks the server for its version within the time given; it is the first call to a server. Whoever asks again within two
// seconds, as this client or one that was made of it, gets the same answer without a call.
func (c *Client) Version(ctx context.Context, within time.Duration) (string, error) {
	if text, ok := c.said.now(); ok && ctx.Err() == nil {
		return text, nil
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	// The discovery client's ServerVersion takes no context.
	body, err := c.Typed.Discovery().RESTClient().Get().AbsPath("/version").SetHeader("Accept", runtime.ContentTypeJSON).Do(ctx).Raw()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", c.Host, err)
	}
	text, err := gitVersion(body)
	if err == nil {
		c.said.set(text)
	}
	return text, err
}

// builtin maps the kinds that our charts may hold. Discovery is not asked on purpose: it fails as a whole when an
// aggregated API is served by a pod on a broken pod network, which is when this program is needed most.
func builtin() *mapping {
	m := meta.NewDefaultRESTMapper(nil)
	for _, k := range []schema.GroupVersionKind{
		{Version: "v1", Kind: "ServiceAccount"},
		{Version: "v1", Kind: "ConfigMap"},
		{Version: "v1", Kind: "Secret"},
		{Version: "v1", Kind: "Service"},
		{Group: "apps", Version: "v1", Kind: "DaemonSet"},
		{Group: "apps", Version: "v1", Kind: "Deployment"},
		{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"},
	} {
		m.Add(k, meta.RESTScopeNamespace)
	}
	for _, k := range []schema.GroupVersionKind{
		{Version: "v1", Kind: "Namespace"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicy"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicyBinding"},
		apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"),
	} {
		m.Add(k, meta.RESTScopeRoot)
	}
	return &mapping{DefaultRESTMapper: m}
}
