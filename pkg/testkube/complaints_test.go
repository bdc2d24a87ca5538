package testkube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A failing test shows two lines of each log at most: more would push what failed out of the end of its output, which is all that is kept of it
// elsewhere.
func TestComplaints(t *testing.T) {
	log := strings.Join([]string{
		`W1123 21:02:22.184437   17405 cacher.go:184] first`,
		`I1123 21:02:29.910755   17405 handler.go:304] Adding GroupVersion`,
		`{"level":"warn","msg":"second"}`,
		`{"level":"info","ts":"2026-11-23T21:00:37Z","msg":"all is well"}`,
		`{"time":"2026-11-23T21:01:55Z","level":"INFO","msg":"all is well"}`,
		``,
		`{"time":"2026-11-23T21:01:55Z","level":"ERROR","msg":"third ` + strings.Repeat("x", 200) + `"}`,
	}, "\n")
	want := []string{`{"level":"warn","msg":"second"}`, `{"time":"2026-11-23T21:01:55Z","level":"ERROR","msg":"third ` + strings.Repeat("x", 100)}
	if diff := cmp.Diff(want, complaints([]byte(log))); diff != "" {
		t.Error(diff)
	}
}
