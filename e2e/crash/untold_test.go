package crash

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// untold loses the status that says that an operation is over. The command is not run again, and the record is that of an undisturbed run
// nevertheless. It would catch a command that ends well and leaves a record that says UPDATING until somebody looks again.
func (b *bench) untold(t *testing.T) {
	losses := map[string]testkube.Fault{
		"409": testkube.Instead(http.StatusConflict, metav1.StatusReasonConflict, 0),
		"500": testkube.Instead(http.StatusInternalServerError, metav1.StatusReasonInternalError, 0),
	}
	var work []func(*lab)
	for _, o := range operations {
		for name, loss := range losses {
			work = append(work, func(l *lab) {
				problem, again := l.untold(o, loss, b.wanted[o.name])
				for range attempts {
					if problem == "" || !again {
						break
					}
					t.Logf("%s, the last status %s: the controller was not at rest before, so again", o.name, name)
					problem, again = l.untold(o, loss, b.wanted[o.name])
				}
				if problem != "" {
					t.Errorf("%s, the last status %s: %s", o.name, name, problem)
				}
			})
		}
	}
	b.spread(t, work)
}

// untold runs an operation and loses its last status.
func (l *lab) untold(o operation, loss testkube.Fault, want outcome) (problem string, again bool) {
	l.tb.Helper()
	start := l.begin(o)
	var busy, lost atomic.Bool
	l.proxy.Plan(func(_ int, c testkube.Passed) testkube.Fault {
		if c.Method != http.MethodPut || !strings.HasPrefix(c.Path, "/apis/addonctl.io/v1alpha1/addons/") || !strings.Contains(c.Path, "/status") {
			return nil
		}
		return spoilsActive(&busy, &lost, loss)
	})
	c := l.start("", o.args...)
	code := c.wait()
	l.proxy.Plan(nil)
	switch {
	case code != 0:
		return "it failed: " + c.String(), code == unreachable
	case !lost.Load():
		return "no status said that it was over: " + c.String(), false
	}
	return l.judge(o, start, want, outcome.difference), l.uneasy(start)
}

// spoilsActive loses the first status that says ACTIVE after one that says something else.
func spoilsActive(busy, lost *atomic.Bool, loss testkube.Fault) testkube.Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			switch active := bytes.Contains(body, []byte(`"lifecycleState":"ACTIVE"`)); {
			case !active:
				busy.Store(true)
			case busy.Load() && !lost.Swap(true):
				loss(next).ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
