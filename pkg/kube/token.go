package kube

import (
	"context"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// AsMinted is As for work that may outlive a token: mint is asked for one with the first call, and for another whenever the one in
// use is older than every. An error of mint is the error of the call.
func (c *Client) AsMinted(mint func(context.Context) (string, error), every time.Duration) (*Client, error) {
	cfg := rest.AnonymousClientConfig(c.config)
	m := &minted{mint: mint, every: every}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bearer{m, next} })
	return c.derived(cfg)
}

// minted is a token that is replaced before it ends.
type minted struct {
	mint  func(context.Context) (string, error)
	every time.Duration

	mu    sync.Mutex
	token string
	at    time.Time
}

func (m *minted) now(ctx context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.token != "" && time.Since(m.at) < m.every {
		return m.token, nil
	}
	token, err := m.mint(ctx)
	if err != nil {
		return "", err
	}
	m.token, m.at = token, time.Now()
	return token, nil
}

// bearer puts the token on every call.
type bearer struct {
	*minted
	next http.RoundTripper
}

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := b.now(r.Context())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return b.next.RoundTrip(r)
}
