package testkube

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/addonctl/addonctl/pkg/sandbox"
)

// Options say which control plane a test wants. The zero value is one without nodes.
type Options struct {
	// Nodes is how many like nodes there are: node-01 and so on.
	Nodes int
	// Pools replace Nodes: labels, taints and kubelet versions are theirs.
	Pools []sandbox.Pool
	// Kubernetes is a minor; empty means the newest that the repository builds.
	Kubernetes string
	// Audit makes the API server write down every call: see Calls.
	Audit bool
	// APIServerArgs are appended to the API server's arguments.
	APIServerArgs []string
}

// Cluster is a control plane of one test. Faults, further nodes, and programs to kill, pause and restart are the
// methods of its Sandbox.
type Cluster struct {
	*sandbox.Sandbox
	config *rest.Config
	client kubernetes.Interface
	audit  string // path, empty without Options.Audit

	etcdURL    string
	etcdClient *http.Client
}

var (
	started atomic.Int64 // makes names unique in this process
	swept   sync.Once
)

// Start starts a control plane and registers its end. It fails the test, with what to run, where the programs are not
// built: a test that needs a cluster and does not get one must not look green. When the test fails, the ends of the
// logs and the warning events become part of its output.
func Start(tb testing.TB, o Options) *Cluster {
	tb.Helper()
	ctx := tb.Context()
	swept.Do(func() {
		if _, err := sandbox.Sweep(ctx); err != nil {
			tb.Logf("ending sandboxes of killed tests: %v", err)
		}
	})
	c := &Cluster{}
	options := sandbox.Options{
		Name: fmt.Sprintf("test-%d-%d", os.Getpid(), started.Add(1)), Owner: os.Getpid(),
		Nodes: o.Nodes, Pools: o.Pools, Kubernetes: o.Kubernetes, ExtraAPIServerArgs: o.APIServerArgs,
	}
	if o.Audit {
		c.audit = filepath.Join(tb.TempDir(), "audit.log")
		options.ExtraAPIServerArgs = append(auditArgs(tb, c.audit), o.APIServerArgs...)
	}
	var err error
	if c.Sandbox, err = sandbox.Up(ctx, options); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.end(context.WithoutCancel(ctx), tb) })
	c.connect(tb)
	return c
}

// connect makes the administrator's clients.
func (c *Cluster) connect(tb testing.TB) {
	tb.Helper()
	var err error
	if c.config, err = c.Sandbox.Config(); err != nil {
		tb.Fatal(err)
	}
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		tb.Fatal(err)
	}
	if c.etcdURL, c.etcdClient, err = c.Etcd(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.etcdClient.CloseIdleConnections)
}

// Config is the administrator's client configuration, without a client-side rate limit; the caller may change it.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Client is the administrator's client.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// end shows what may explain a failure and ends the control plane.
func (c *Cluster) end(ctx context.Context, tb testing.TB) {
	tb.Helper()
	if tb.Failed() {
		c.dump(ctx, tb)
	}
	if err := sandbox.Down(ctx, c.Name(), nil); err != nil && !errors.Is(err, sandbox.ErrNotFound) {
		tb.Errorf("ending the test's sandbox: %v", err)
	}
}

// dump keeps the logs, and shows the last complaints in them and the warnings of the cluster, once for each test: whoever reads the end of its
// output is to find what failed in it, and several clusters may belong to it.
func (c *Cluster) dump(ctx context.Context, tb testing.TB) {
	tb.Helper()
	if kept, err := c.keepLogs(tb.Name()); err != nil {
		tb.Logf("keeping the logs: %v", err)
	} else {
		tb.Logf("the logs are kept in %s", kept)
	}
	if _, shown := dumped.LoadOrStore(tb.Name(), true); shown {
		return
	}
	for _, p := range sandbox.Programs() {
		if said := complaints(c.LogTail(p, 500)); len(said) > 0 {
			tb.Logf("last complaints of %s:\n%s", p, strings.Join(said, "\n"))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	events, err := c.client.CoreV1().Events(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning", Limit: 12})
	if err != nil {
		tb.Logf("listing events: %v", err)
		return
	}
	var said []string
	for _, e := range events.Items {
		line := fmt.Sprintf("event %s %s/%s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name, e.Reason, e.Message)
		if !slices.Contains(said, line) {
			said = append(said, line)
			tb.Log(line)
		}
	}
}

// dumped are the names of the tests of which a cluster was shown.
var dumped sync.Map

// keepLogs copies the logs to a folder that outlives the cluster, until the test fails again.
func (c *Cluster) keepLogs(test string) (folder string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	_, number, _ := strings.Cut(strings.TrimPrefix(c.Name(), "test-"), "-")
	folder = filepath.Join(cache, "addonctl", "failed", filepath.FromSlash(test), number)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	for _, p := range sandbox.Programs() {
		if err := os.WriteFile(filepath.Join(folder, string(p)+".log"), c.LogTail(p, math.MaxInt), 0o600); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// complaints are the last lines of a log that are more than information, shortened.
func complaints(log []byte) []string {
	const lines, width = 2, 160
	var out []string
	for line := range strings.Lines(string(log)) {
		line = strings.TrimSpace(line)
		if line == "" || information.MatchString(line) {
			continue
		}
		out = append(out, line[:min(len(line), width)])
	}
	return out[max(0, len(out)-lines):]
}

// information are the lines by which Kubernetes, etcd and kwok say that all is well.
var information = regexp.MustCompile(`^I\d{4} |^\{.*"level":"(?i:info|debug)"`)

// Eventually repeats the check until it succeeds, and fails the test with its last error when it has not within the
// time. The time is a limit that only a failing test reaches, so be generous.
func Eventually(tb testing.TB, within time.Duration, check func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), within)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil {
			last = err // a call that the limit cut off explains nothing
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("not within %s: %v", within, last)
		case <-ticker.C:
		}
	}
}
