package crash

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

var (
	sample    = flag.Int("sample", 20, "at how many calls of each operation to kill, when not at every one")
	everyCall = flag.Bool("every-call", false, "kill at every call, and not at some that the seed picks")
	schedules = flag.Int("schedules", 25, "how many fault schedules to play")
	seed      = flag.Uint64("seed", 20261, "picks the calls to kill at and the faults to play")
	planes    = flag.Int("planes", 4, "how many control planes to work on at a time")
	listCalls = flag.Bool("list-calls", false, "list the writes of each undisturbed operation with their numbers")
	just      = flag.String("operation", "", "kill this operation alone")
	only      = flag.Int("schedule", -1, "play this schedule of the seed alone")
)

// nodes of each cluster.
const nodes = 4

// limit is how long a command may take before it counts as hanging.
const limit = 4 * time.Minute

// lab is one control plane, a proxy before it, and the states of it that operations begin in.
type lab struct {
	*testkube.Cluster
	tb      testing.TB
	proxy   *testkube.Proxy
	catalog string
	bare    testkube.State
	starts  map[string]testkube.State
	last    string // operation that was begun
	audit   int64  // where the log of the present run begins
}

func newLab(tb testing.TB) *lab {
	tb.Helper()
	return &lab{
		Cluster: testkube.Start(tb, testkube.Options{Nodes: nodes, Audit: true}), tb: tb, catalog: quick(tb), starts: map[string]testkube.State{},
	}
}

// quick writes the shipped catalog with short waits and two nodes at a time to a folder.
func quick(tb testing.TB) string {
	tb.Helper()
	const values = "values:\n  minReadySeconds: 1\n  updateStrategy:\n    type: RollingUpdate\n    rollingUpdate: {maxUnavailable: 2}\n"
	dir := tb.TempDir()
	err := fs.WalkDir(addons.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(addons.FS, p)
		if err != nil {
			return err
		}
		if strings.HasPrefix(p, "flannel/releases/") && !bytes.Contains(data, []byte("\nvalues:")) {
			data = append(data, []byte(values)...)
		}
		to := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}

// program builds the command once for each set of build tags.
func program(tags string) (string, error) {
	programs.Lock()
	defer programs.Unlock()
	path := filepath.Join(programs.folder, "addonctl-"+tags)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	out, err := exec.Command("go", "build", "-tags", tags, "-o", path, "../../cmd/addonctl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the command: %w\n%s", err, out)
	}
	return path, nil
}

var programs struct {
	sync.Mutex
	folder string
}

func TestMain(m *testing.M) {
	flag.Parse()
	folder, err := os.MkdirTemp("", "addonctl-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs.folder = folder
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// command is a run of the program.
type command struct {
	cmd      *exec.Cmd
	args     []string
	out, err bytes.Buffer
	ended    chan struct{}
}

// start runs the program through the proxy. It ends with the lab's test at the latest.
func (l *lab) start(tags string, args ...string) *command {
	l.tb.Helper()
	return l.startAt(l.proxy.KubeconfigPath(), tags, args...)
}

func (l *lab) startAt(kubeconfig, tags string, args ...string) *command {
	l.tb.Helper()
	path, err := program(tags)
	if err != nil {
		l.tb.Fatal(err)
	}
	c := &command{args: args, ended: make(chan struct{})}
	ctx, cancel := context.WithTimeout(l.tb.Context(), limit)
	c.cmd = exec.CommandContext(ctx, path, append(args, "--kubeconfig", kubeconfig, "--catalog", l.catalog)...)
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.err
	if err := c.cmd.Start(); err != nil {
		cancel()
		l.tb.Fatal(err)
	}
	go func() {
		defer cancel()
		_ = c.cmd.Wait() // how it ended is read from its state
		close(c.ended)
	}()
	return c
}

// wait for the end, and return the exit code: -1 when it was killed.
func (c *command) wait() int {
	<-c.ended
	return c.cmd.ProcessState.ExitCode()
}

// kill ends the process and returns when it is gone.
func (c *command) kill() {
	_ = c.cmd.Process.Kill() // it may have ended by itself
	<-c.ended
}

func (c *command) String() string {
	return fmt.Sprintf("addonctl %s: exit %d\nstdout:\n%s\nstderr:\n%s", strings.Join(c.args, " "), c.cmd.ProcessState.ExitCode(), c.out.String(), c.err.String())
}

// ended tells whether a run of the operation after a disturbed one is a good end.
func (o operation) ended(c *command) bool {
	const refused = 3
	code := c.wait()
	return code == 0 || o.spent != "" && code == refused && strings.Contains(c.err.String(), o.spent)
}

// unreachable is how a command ends that the API server did not answer. On a busy machine that is one of some thousands, and what it says is to
// run it again.
const unreachable = 9

// must run a command to its good end, undisturbed.
func (l *lab) must(args ...string) {
	l.tb.Helper()
	l.proxy.Plan(nil)
	c := l.start("", args...)
	if c.wait() == unreachable {
		l.tb.Logf("again: %s", c)
		l.proxy.Plan(nil)
		c = l.start("", args...)
	}
	if c.wait() != 0 {
		l.tb.Fatal(c)
	}
}

// operation is what is disturbed.
type operation struct {
	name string
	// before are the commands that lead from the operation named first, or from a bare cluster, to where this one begins.
	after  string
	before [][]string
	// foreign puts flannel there first, as kubectl does.
	foreign bool
	args    []string
	// spent is how it may be refused when it is run again although it had come to its end; empty when it never is.
	spent string
	// rolls is true when it deletes the agents' pods itself, one node at a time.
	rolls bool
}

var operations = []operation{
	{name: "install", args: []string{"install", "--network-type", "flannel", "--version", "0.26.2", "--yes"}},
	{
		name: "update", after: "install",
		// The nodes of the update and of the rollback are left to the DaemonSet controller, those of the roll are not.
		before: [][]string{{"install", "--network-type", "flannel", "--version", "0.26.2", "--nodes", "rolling-update", "--yes"}, {"unpin", "--yes"}},
		args:   []string{"update", "--version", "0.27.3", "--yes"},
	},
	{
		name: "rollback", after: "update",
		before: [][]string{{"update", "--version", "0.27.3", "--yes"}},
		args:   []string{"rollback", "--yes"},
		// Without a revision it asks for one more step back. Killed in its last calls, when the way back has been gone and the wish
		// for it is off the record, it is asked for a step before the first one: there is none, and it says so. A refusal while
		// the way back is not at its end shows in the state, which is that of an undisturbed run or a failure here as well.
		spent: "refused (NothingToGoBackTo)",
	},
	{
		name: "roll", after: "update", rolls: true,
		args: []string{
			"update", "--version", "0.27.3", "--nodes", "roll", "--canaries", "1", "--max-unavailable", "1", "--soak", "0s", "--ready-for", "1s",
			"--pre-pull", "--cordon", "--fresh-pod", "example.com/fresh:1", "--yes",
		},
	},
	{name: "adopt", after: "install", foreign: true, args: []string{"adopt", "--network-type", "flannel", "--yes"}},
}

// prepare brings a bare cluster to where each operation begins, and keeps each of these states.
func (l *lab) prepare() {
	l.tb.Helper()
	l.proxy = l.Proxy(l.tb)
	l.bare = l.settled()
	for _, o := range operations {
		if from, ok := l.starts[o.after]; ok {
			l.Restore(l.tb, from)
		}
		if o.foreign {
			l.kubectlFlannel()
		}
		for _, args := range o.before {
			l.must(args...)
		}
		l.starts[o.name] = l.settled()
	}
}

// kubectlFlannel applies flannel 0.26.2 as its makers lay it out, in OKE's namespace, and waits until it runs.
func (l *lab) kubectlFlannel() {
	l.tb.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "pkg", "engine", "helm", "testdata", "flannel-0.26.2.yaml"))
	if err != nil {
		l.tb.Fatal(err)
	}
	_, objects, _ := strings.Cut(string(text), "\n---\n") // the Namespace comes first
	cmd := l.Kubectl(l.tb.Context(), "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(objects, "namespace: kube-flannel", "namespace: kube-system"))
	if out, err := cmd.CombinedOutput(); err != nil {
		l.tb.Fatalf("kubectl apply: %v\n%s", err, out)
	}
	testkube.Eventually(l.tb, time.Minute, func(ctx context.Context) error {
		d, err := l.Client().AppsV1().DaemonSets(metav1.NamespaceSystem).Get(ctx, agent, metav1.GetOptions{})
		if err == nil && d.Status.NumberAvailable != nodes {
			err = fmt.Errorf("%d agents are available", d.Status.NumberAvailable)
		}
		return err
	})
}

// settled is what is stored when the controllers have come to rest. On a busy machine one may have no turn for a second or two.
func (l *lab) settled() testkube.State {
	l.tb.Helper()
	last := l.Save(l.tb)
	for quiet := 0; quiet < 15; {
		time.Sleep(200 * time.Millisecond)
		next := l.Save(l.tb)
		if quiet++; !same(last, next) {
			quiet = 0
		}
		last = next
	}
	return last
}

func same(a, b testkube.State) bool {
	if len(a.Values) != len(b.Values) {
		return false
	}
	for key, value := range a.Values {
		if !bytes.Equal(value, b.Values[key]) {
			return false
		}
	}
	return true
}

// begin puts the cluster where an operation begins and forgets what happened before.
func (l *lab) begin(o operation) testkube.State {
	l.tb.Helper()
	s := l.Restore(l.tb, l.starts[o.name])
	if o.name != l.last {
		l.last = o.name
		// Another operation's DaemonSet of the same name may have another UID, and the controller would go on waiting for the
		// pods that it knows of for five minutes.
		if err := l.Restart(l.tb.Context(), sandbox.ControllerManager); err != nil {
			l.tb.Fatal(err)
		}
		l.settled()
		s = l.Restore(l.tb, l.starts[o.name])
	}
	_, l.audit = l.CallsFrom(l.tb, l.audit, func(testkube.Call) bool { return false })
	return s
}

// attempts is how often a run is repeated that began before the cluster was at rest.
const attempts = 2

// uneasy tells whether the DaemonSet's controller numbered its revisions anew before anybody had changed the DaemonSet since a state. It
// has then taken what was put back for a change of what it remembered, later than Restore waits for it, and the numbers are off by
// two whatever the command did. On a busy machine that is one run of some hundreds.
func (l *lab) uneasy(start testkube.State) bool {
	l.tb.Helper()
	before, key := findAgent(start)
	if before == nil {
		return false // its revisions are the command's doing
	}
	for _, e := range l.Since(l.tb, start) {
		switch {
		case strings.HasPrefix(e.Key, "/registry/controllerrevisions/kube-system/"+agent+"-"):
			return true
		case e.Key == "/registry/"+key:
			if now, _ := findAgent(start.With(e)); now == nil || now.Generation != before.Generation {
				return false
			}
		}
	}
	return false
}

// outcome of what is stored.
func (l *lab) outcome(s testkube.State) outcome {
	l.tb.Helper()
	return outcomeOf(l.tb, s, l.bare)
}
