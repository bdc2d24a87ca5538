package kube

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// tries is how often a dry run or a review is made until its answer arrives whole.
const tries = 3

// whole repeats calls that change nothing when their answer was torn: reads, dry runs and reviews. client-go repeats a read whose
// connection broke before the answer began, and neither one that broke later nor a dry run. Writes are never repeated: nobody knows
// whether they were carried out until somebody looks.
type whole struct{ http.RoundTripper }

// RoundTrip returns an answer that is read to its end, where it may be asked for again.
func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	if !harmless(r) {
		return w.RoundTripper.RoundTrip(r)
	}
	for try := 1; ; try++ {
		answer, err := w.ask(r)
		// Reads are repeated by client-go, which takes a torn answer for a broken connection.
		if err == nil || r.Method == http.MethodGet || !lost(err) || try == tries {
			return answer, err
		}
		if r.GetBody == nil {
			return nil, err
		}
		body, again := r.GetBody()
		if again != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = body
		select {
		case <-r.Context().Done():
			return nil, err
		case <-time.After(time.Duration(try) * 200 * time.Millisecond):
		}
	}
}

// ask once.
func (w whole) ask(r *http.Request) (*http.Response, error) {
	answer, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		if r.Context().Err() == nil {
			err = io.ErrUnexpectedEOF // HTTP/2 has other words for it
		}
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// lost connections may be better the next time.
func lost(err error) bool { return utilnet.IsProbableEOF(err) || utilnet.IsConnectionReset(err) }

// harmless calls change nothing, and their answers have an end.
func harmless(r *http.Request) bool {
	query := r.URL.Query()
	switch {
	case query.Has("watch") || query.Has("follow"):
		return false
	case r.Method == http.MethodGet, query.Get("dryRun") == "All":
		return true
	}
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/apis/authorization.k8s.io/")
}

// WrappedRoundTripper lets client-go find the connection below.
func (w whole) WrappedRoundTripper() http.RoundTripper { return w.RoundTripper }
