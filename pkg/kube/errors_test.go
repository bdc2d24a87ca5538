package kube_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/addonctl/addonctl/pkg/kube"
)

// patience is a limit that only a failing test reaches.
const patience = 30 * time.Second

var resource = schema.GroupResource{Group: "apps", Resource: "daemonsets"}

// unconnected is a client of a server that is not there: the port was free a moment ago, and nobody listens.
func unconnected(t *testing.T) *kube.Client {
	t.Helper()
	l := listen(t)
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return clientOf(t, "http://"+address)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func clientOf(t *testing.T, host string) *kube.Client {
	t.Helper()
	k, err := kube.New(&rest.Config{Host: host, TLSClientConfig: rest.TLSClientConfig{Insecure: strings.HasPrefix(host, "https:")}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestUnreachableIsAServerThatDidNotAnswer(t *testing.T) {
	t.Parallel()
	oops := errors.New("oops")
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no error":                             {nil, false},
		"any other error":                      {oops, false},
		"a refused connection":                 {&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, true},
		"a connection that was reset":          {&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		"a name that is not known":             {&net.DNSError{Err: "no such host", Name: "api.example"}, true},
		"a call that could not be made":        {&url.Error{Op: "Get", URL: "https://api.example", Err: oops}, true},
		"a call's time is up":                  {context.DeadlineExceeded, true},
		"an answer that never began":           {io.EOF, true},
		"an answer that broke off":             {io.ErrUnexpectedEOF, true},
		"429":                                  {apierrors.NewTooManyRequests("slow down", 1), true},
		"503":                                  {apierrors.NewServiceUnavailable("starting"), true},
		"504":                                  {apierrors.NewTimeoutError("timed out", 1), true},
		"a storage that timed out":             {apierrors.NewServerTimeout(resource, "get", 1), true},
		"400":                                  {apierrors.NewBadRequest("what"), false},
		"401":                                  {apierrors.NewUnauthorized("who"), false},
		"403":                                  {apierrors.NewForbidden(resource, "x", oops), false},
		"404":                                  {apierrors.NewNotFound(resource, "x"), false},
		"409":                                  {apierrors.NewConflict(resource, "x", oops), false},
		"409, the name is taken":               {apierrors.NewAlreadyExists(resource, "x"), false},
		"410":                                  {apierrors.NewResourceExpired("too old"), false},
		"500":                                  {apierrors.NewInternalError(oops), false},
		"403, and another call that broke off": {errors.Join(apierrors.NewForbidden(resource, "x", oops), io.EOF), false},
		"502 of a load balancer":               {&apierrors.StatusError{ErrStatus: metav1.Status{Code: 502, Message: "bad gateway"}}, true},
		"etcd between two leaders":             {apierrors.NewInternalError(errors.New("etcdserver: leader changed")), true},
		"a stream that was reset":              {errors.New("stream error: stream ID 5; INTERNAL_ERROR; received from peer"), true},
		"a rate limiter without time":          {errors.New("client rate limiter Wait returned an error: rate: Wait(n=1) would exceed context deadline"), true},
		"a file that cannot be written":        {&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}, false},
		"a certificate that nobody trusts": {
			&url.Error{Op: "Get", URL: "https://api.example", Err: &tls.CertificateVerificationError{Err: oops}}, false,
		},
		"500 because of a call that the server made itself": {
			apierrors.NewInternalError(&url.Error{Op: "Post", URL: "https://webhook.example", Err: context.DeadlineExceeded}), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := kube.Unreachable(c.err); got != c.want {
				t.Errorf("unreachable = %t, want %t", got, c.want)
			}
			if c.err == nil {
				return
			}
			if got := kube.Unreachable(fmt.Errorf("listing nodes: %w", c.err)); got != c.want {
				t.Errorf("wrapped: unreachable = %t, want %t", got, c.want)
			}
		})
	}
}

// The table above has errors as we think they are; these are as client-go really returns them.
func TestUnreachableKnowsWhatARealClientReturns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    bool
	}{
		"an answer that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("{"))
		}, true},
		"a connection that is closed without an answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
		"503":                            {answer(http.StatusServiceUnavailable), true},
		"429":                            {answer(http.StatusTooManyRequests), true},
		"504 of a load balancer":         {answer(http.StatusGatewayTimeout), true},
		"500":                            {answer(http.StatusInternalServerError), false},
		"403":                            {answer(http.StatusForbidden), false},
		"404":                            {answer(http.StatusNotFound), false},
		"an answer of some other server": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.handler)
			defer s.Close()
			_, err := clientOf(t, s.URL).Version(t.Context(), patience)
			if err == nil || kube.Unreachable(err) != c.want {
				t.Errorf("unreachable = %t, want %t: %v", kube.Unreachable(err), c.want, err)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		_, err := unconnected(t).Version(t.Context(), patience)
		if !kube.Unreachable(err) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v", err)
		}
	})
}

func answer(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// A server that accepts and never answers is what a broken load balancer, or a paused API server, looks like.
func TestVersionGivesUpInItsTimeOnAServerThatAcceptsAndNeverAnswers(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			defer func() { _ = l.Close() }()
			go silence(l)
			k := clientOf(t, scheme+"://"+l.Addr().String())
			begin := time.Now()
			_, err := k.Version(t.Context(), 100*time.Millisecond)
			if took := time.Since(begin); took > patience/3 {
				t.Errorf("it took %s", took)
			}
			if !kube.Unreachable(err) || !strings.Contains(err.Error(), l.Addr().String()) {
				t.Errorf("got %v, want an unreachable server that is named", err)
			}
		})
	}
}

// silence accepts until the listener is closed, and keeps the connections open.
func silence(l net.Listener) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		open = append(open, c)
	}
}

func TestAClientCopiesItsConfiguration(t *testing.T) {
	t.Parallel()
	cfg := &rest.Config{Host: "http://127.0.0.1:1"}
	before := rest.CopyConfig(cfg)
	k, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.QPS != before.QPS || cfg.Timeout != before.Timeout || cfg.WarningHandler != nil {
		t.Errorf("the configuration was changed: %+v", cfg)
	}
	if k.Host != cfg.Host {
		t.Errorf("host %q", k.Host)
	}
	if _, err := kube.New(&rest.Config{Host: "https://x", TLSClientConfig: rest.TLSClientConfig{CAFile: "/nowhere"}}); err == nil {
		t.Error("a configuration that cannot be used was accepted")
	}
	if _, err := kube.New(&rest.Config{Host: "https://x", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("rubbish")}}); err == nil {
		t.Error("a certificate authority that cannot be read was accepted")
	}
}

// One look asks for the version several times, as several accounts. The server is asked once in a while, and again after a failure.
func TestTheVersionIsAskedForOnceInAMoment(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"gitVersion":"v1.36.3"}`))
	}))
	defer s.Close()
	k := clientOf(t, s.URL)
	if _, err := k.Version(t.Context(), patience); err == nil {
		t.Error("a server that does not answer has a version")
	}
	began := time.Now()
	other, err := k.As("token")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*kube.Client{k, other, k.WithEpoch(7)} {
		if got, err := c.Version(t.Context(), patience); got != "v1.36.3" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	}
	if n := asked.Load(); n != 2 && time.Since(began) < time.Second {
		t.Errorf("the server was asked %d times, want twice", n)
	}
	if _, err := clientOf(t, s.URL).Version(t.Context(), patience); err != nil || asked.Load() < 3 {
		t.Errorf("another connection was not made anew: %v, asked %d times", err, asked.Load())
	}
}
