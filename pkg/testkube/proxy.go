package testkube

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/sandbox"
)

// Proxy stands before the API server of a cluster, counts the calls that come through it, and spoils those that it was told
// to. Tokens pass through, so whoever talks through it is whoever it says. It ends with its test.
type Proxy struct {
	kubeconfig string
	forward    http.Handler

	mu     sync.Mutex
	passed []Passed
	choose func(n int, c Passed) Fault
	over   chan struct{} // closed when the calls that hang have to end
}

// Passed is a call that came to the proxy.
type Passed struct {
	Method string
	// Path and query, as sent.
	Path string
	// DryRun is true when the query asks the server not to keep anything. Deletes can ask so in their bodies, too.
	DryRun bool
}

// Write says whether the call could change something.
func (c Passed) Write() bool {
	return c.Method != http.MethodGet && !c.DryRun && !strings.HasPrefix(c.Path, "/apis/authorization.k8s.io/") &&
		!strings.HasPrefix(c.Path, "/apis/authentication.k8s.io/")
}

func (c Passed) String() string { return c.Method + " " + c.Path }

// Fault is what becomes of a call instead of being passed on; next passes it on.
type Fault func(next http.Handler) http.Handler

// Proxy starts a proxy before the cluster's API server.
func (c *Cluster) Proxy(tb testing.TB) *Proxy {
	tb.Helper()
	target, err := url.Parse(c.config.Host)
	check(tb, err)
	trust, err := rest.TLSConfigFor(c.config)
	check(tb, err)
	trust.NextProtos = nil
	transport := &http.Transport{TLSClientConfig: trust, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, MaxIdleConnsPerHost: 16}
	why := &reasons{tb: tb}
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
		// A server that is not there is no answer of a proxy's.
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			_, _ = fmt.Fprintf(why, "%s %s: %v", r.Method, r.URL.RequestURI(), err)
			panic(http.ErrAbortHandler)
		},
		ErrorLog: log.New(why, "", 0),
	}
	p := &Proxy{forward: forward, over: make(chan struct{})}
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = log.New(why, "", 0)
	server.StartTLS()
	tb.Cleanup(func() {
		p.Plan(nil)
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
		why.end()
	})
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	p.kubeconfig = filepath.Join(tb.TempDir(), "kubeconfig")
	config := sandbox.Kubeconfig(c.Context()+"-proxy", server.URL, ca, c.config.BearerToken)
	check(tb, clientcmd.WriteToFile(*config, p.kubeconfig))
	return p
}

// reasons are why calls that nobody wanted to spoil broke. They go to the log of the test while it runs.
type reasons struct {
	mu sync.Mutex
	tb testing.TB
}

func (r *reasons) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tb != nil {
		r.tb.Logf("%s the proxy: %s", time.Now().UTC().Format("15:04:05.000"), bytes.TrimSpace(line))
	}
	return len(line), nil
}

func (r *reasons) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tb = nil
}

// KubeconfigPath is the administrator's kubeconfig for the way through the proxy.
func (p *Proxy) KubeconfigPath() string { return p.kubeconfig }

// At spoils calls by their numbers.
func At(faults map[int]Fault) func(int, Passed) Fault {
	return func(n int, _ Passed) Fault { return faults[n] }
}

// Plan forgets the calls so far and asks for each of the next ones, whose numbers begin at 1, what becomes of it; nil passes it
// on. One call is asked for at a time. Calls that hang end.
func (p *Proxy) Plan(choose func(n int, c Passed) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.over)
	p.over = make(chan struct{})
	p.passed, p.choose = nil, choose
}

// Calls are the calls since the last Plan, in the order of their arrival.
func (p *Proxy) Calls() []Passed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.passed)
}

// ServeHTTP counts the call and passes it on, or does to it what was planned.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	call := Passed{Method: r.Method, Path: r.URL.RequestURI(), DryRun: r.URL.Query().Has("dryRun")}
	p.passed = append(p.passed, call)
	var fault Fault
	if p.choose != nil {
		fault = p.choose(len(p.passed), call)
	}
	p.mu.Unlock()
	if fault == nil {
		fault = Before(func() {})
	}
	fault(p.forward).ServeHTTP(w, r)
}

// Before does something and then passes the call on, even if its client has given up meanwhile: what is on its way arrives. Only
// calls without an end, such as watches, end with their clients.
func Before(do func()) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if q := r.URL.Query(); q.Has("watch") || q.Has("follow") || r.Header.Get("Upgrade") != "" {
				do()
				next.ServeHTTP(w, r)
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			do()
			// Without a Done of its own, a reverse proxy would ask the connection whether the client is still there.
			ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
			defer cancel()
			r = r.WithContext(ctx)
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	}
}

// Cut ends the connection; the server never hears of the call.
func Cut(http.Handler) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// CutAfter lets the server carry the call out, does something, and ends the connection without an answer.
func CutAfter(do func()) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			do()
			panic(http.ErrAbortHandler)
		})
	}
}

// Tear lets the server carry the call out, and ends the connection in the middle of the answer.
func Tear(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// Instead answers with a failure, and the server never hears of the call. A wait of whole seconds becomes a Retry-After.
func Instead(code int, reason metav1.StatusReason, wait time.Duration) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fail(w, code, reason, wait) })
	}
}

// InsteadAfter lets the server carry the call out and answers with a failure.
func InsteadAfter(code int, reason metav1.StatusReason) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			fail(w, code, reason, 0)
		})
	}
}

// Rewrite passes the call on with another body.
func Rewrite(change func([]byte) []byte) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			body = change(body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Del("Content-Length")
			next.ServeHTTP(w, r)
		})
	}
}

// Both is a fault before another one.
func Both(first, second Fault) Fault {
	return func(next http.Handler) http.Handler { return first(second(next)) }
}

// HalfOpen never answers: the connection stays as it is until the caller gives up or the next Plan.
func (p *Proxy) HalfOpen() Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			p.mu.Lock()
			over := p.over
			p.mu.Unlock()
			_, _ = io.Copy(io.Discard, r.Body) // only then is a caller who goes away noticed
			select {
			case <-r.Context().Done():
			case <-over:
			}
			panic(http.ErrAbortHandler)
		})
	}
}

// fail answers as an API server does.
func fail(w http.ResponseWriter, code int, reason metav1.StatusReason, wait time.Duration) {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
		Code: int32(code), Reason: reason, Message: "the test's proxy says so", //nolint:gosec // a status code
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(status)
}
