package kube

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock is what time it is for the API server, out of the Date of its answers. The clocks of two actors may differ by any amount;
// this one they share.
type clock struct{ answered atomic.Int64 }

// now is the server's time at its last answer; that of the caller when no answer had one.
func (k *clock) now(local func() time.Time) time.Time {
	if s := k.answered.Load(); s != 0 {
		return time.Unix(s, 0)
	}
	return local()
}

func (k *clock) wrap(next http.RoundTripper) http.RoundTripper { return &dated{next, k} }

type dated struct {
	http.RoundTripper
	clock *clock
}

// RoundTrip notes the date of an answer.
func (d *dated) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.RoundTripper.RoundTrip(r)
	if err != nil {
		return answer, err
	}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		d.clock.answered.Store(at.Unix())
	}
	return answer, nil
}

// WrappedRoundTripper lets client-go find the connection below.
func (d *dated) WrappedRoundTripper() http.RoundTripper { return d.RoundTripper }
