package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// helperVariable makes the test binary start a sandbox instead of testing: see TestMain.
const helperVariable = "ADDONCTL_TEST_UP"

// TestMain lets a test start a second process that it can kill in the middle of Up.
func TestMain(m *testing.M) {
	if name := os.Getenv(helperVariable); name != "" {
		_, err := Up(context.Background(), Options{Name: name, Nodes: 1, Progress: func(line string) { fmt.Println(line) }})
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// testName is a sandbox of this process, which a later run sweeps if this one is killed.
func testName(suffix string) string {
	return fmt.Sprintf("test-%d-%s", os.Getpid(), suffix)
}

// TestSandboxesLiveSideBySide starts two sandboxes (three callers ask for them) and looks at everything that needs one:
// starting takes seconds.
func TestSandboxesLiveSideBySide(t *testing.T) {
	a, b := startTwo(t)
	decoy := startDecoy(t)
	t.Run("status shows six running programs and Ready nodes", func(t *testing.T) { checkStatus(t, a) })
	t.Run("kubectl is inside", func(t *testing.T) { checkKubectl(t, a) })
	t.Run("the kubeconfig has a context of its own", func(t *testing.T) { checkKubeconfig(t, a) })
	t.Run("a second Up of the name says that it runs", func(t *testing.T) { checkSecondUp(t, a) })
	t.Run("nodes are added to a pool and in a new one", func(t *testing.T) { checkAddNodes(t, b) })
	t.Run("both are listed", func(t *testing.T) { checkListed(t, a, b) })
	t.Run("faults", func(t *testing.T) { checkFaults(t, a) })
	t.Run("a kwok that ends by itself comes back", func(t *testing.T) { checkComesBack(t, a) })
	t.Run("sweeping leaves those whose owner lives", func(t *testing.T) { checkSweep(t, a) })
	t.Run("down ends one and leaves the other", func(t *testing.T) { checkDown(t, b, a, decoy) })
	t.Run("a killed program is seen and goes on where it was", func(t *testing.T) { checkKill(t, a) })
	t.Run("a paused program is seen and goes on", func(t *testing.T) { checkPause(t, a) })
}

// startTwo starts A twice at the same moment, of which one must win, and B with a port that is taken.
func startTwo(t *testing.T) (a, b *Sandbox) {
	t.Helper()
	nameA, nameB := testName("a"), testName("b")
	t.Cleanup(func() { downAll(t, nameA, nameB) })
	var group sync.WaitGroup
	var both [2]*Sandbox
	var errs [2]error
	for i := range both {
		group.Go(func() { both[i], errs[i] = Up(t.Context(), Options{Name: nameA, Nodes: 5, Owner: os.Getpid()}) })
	}
	picker := takenPort(t)
	b, err := Up(t.Context(), Options{Name: nameB, Nodes: 2, Owner: os.Getpid(), pickPorts: picker.pick})
	group.Wait()
	if err != nil {
		t.Fatalf("starting B: %v", err)
	}
	if picker.picked < 2 {
		t.Errorf("ports were picked %d times; the first were taken", picker.picked)
	}
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	if errs[winner] != nil || !errors.Is(errs[1-winner], ErrRunning) {
		t.Fatalf("want one winner and one ErrRunning, got %v and %v", errs[0], errs[1])
	}
	return both[winner], b
}

// portPicker gives a port that somebody listens on the first time.
type portPicker struct {
	taken  int
	picked int
}

func takenPort(t *testing.T) *portPicker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &portPicker{taken: l.Addr().(*net.TCPAddr).Port}
}

func (p *portPicker) pick() (ports, error) {
	free, err := freePorts()
	if p.picked++; p.picked == 1 {
		free.Etcd = p.taken
	}
	return free, err
}

// startDecoy runs a process that looks almost like one of a sandbox.
func startDecoy(t *testing.T) *exec.Cmd {
	t.Helper()
	decoy := exec.CommandContext(t.Context(), "sleep", "600")
	decoy.Env = []string{idVariable + "=" + randomHex(), programVariable + "=" + string(Etcd)}
	if err := decoy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = decoy.Process.Kill(); _ = decoy.Wait() })
	return decoy
}

func downAll(t *testing.T, names ...string) {
	t.Helper()
	if t.Failed() {
		for _, name := range names {
			tails(t, name)
		}
	}
	ctx := context.WithoutCancel(t.Context())
	for _, name := range names {
		if err := Down(ctx, name, nil); err != nil && !errors.Is(err, ErrNotFound) {
			t.Errorf("ending %s: %v", name, err)
		}
	}
}

func status(t *testing.T, s *Sandbox) Status {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func checkStatus(t *testing.T, s *Sandbox) {
	t.Helper()
	st := status(t, s)
	if !st.Ready || st.Nodes != 5 || st.ReadyNodes != 5 || st.Kubernetes != s.Version() {
		t.Errorf("got %+v", st)
	}
	if len(st.Processes) != 6 || !st.all(Running) {
		t.Errorf("got processes %+v", st.Processes)
	}
}

func checkKubectl(t *testing.T, s *Sandbox) {
	t.Helper()
	out, err := s.Kubectl(t.Context(), "get", "nodes", "--output=name").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := "node/node-01\nnode/node-02\nnode/node-03\nnode/node-04\nnode/node-05\n"
	if string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if err := s.Kubectl(t.Context(), "get", "no-such-kind").Run(); err == nil {
		t.Error("kubectl with a wrong kind succeeded")
	}
}

func checkKubeconfig(t *testing.T, s *Sandbox) {
	t.Helper()
	data, err := s.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	want := "addonctl-sandbox-" + s.Name()
	if config.CurrentContext != want || config.Contexts[want] == nil || len(config.Clusters[want].CertificateAuthorityData) == 0 {
		t.Errorf("got %s", data)
	}
	info, err := os.Stat(s.KubeconfigPath())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the kubeconfig has mode %v, %v", info.Mode(), err)
	}
}

func checkSecondUp(t *testing.T, s *Sandbox) {
	t.Helper()
	_, err := Up(t.Context(), Options{Name: s.Name()})
	if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), fmt.Sprintf("sandbox %q is already running", s.Name())) {
		t.Errorf("got %v", err)
	}
}

func checkAddNodes(t *testing.T, s *Sandbox) {
	t.Helper()
	for _, p := range []Pool{
		{Name: DefaultPool, Count: 1},
		{Name: "old", Count: 2, KubeletVersion: "v1.33.1", Labels: map[string]string{"shape": "small"}},
	} {
		if err := s.AddNodes(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.Kubectl(t.Context(), "get", "nodes", "--no-headers", "--output=custom-columns="+
		"N:.metadata.name,V:.status.nodeInfo.kubeletVersion,L:.metadata.labels.shape,IP:.status.addresses[0].address").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "node-01 VERSION <none> 10.0.10.1 node-02 VERSION <none> 10.0.10.2 node-03 VERSION <none> 10.0.10.3 " +
		"old-01 v1.33.1 small 10.0.10.4 old-02 v1.33.1 small 10.0.10.5"
	if got := strings.Join(strings.Fields(string(out)), " "); got != strings.ReplaceAll(want, "VERSION", s.Version()) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func checkListed(t *testing.T, want ...*Sandbox) {
	t.Helper()
	list, err := List()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range list {
		names[s.Name()] = true
	}
	for _, s := range want {
		if !names[s.Name()] {
			t.Errorf("%s is not listed in %v", s.Name(), names)
		}
	}
}

// checkSweep makes the remains of a sandbox whose owner is gone.
func checkSweep(t *testing.T, living *Sandbox) {
	t.Helper()
	dead := &Sandbox{dir: filepath.Join(filepath.Dir(living.dir), testName("dead"))}
	dead.state = state{Name: testName("dead"), ID: randomHex(), Owner: os.Getpid(), OwnerStarted: 1}
	if err := dead.create(); err != nil {
		t.Fatal(err)
	}
	if _, err := Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dead.Name()); !errors.Is(err, ErrNotFound) {
		t.Errorf("the sandbox of a dead owner is still there: %v", err)
	}
	if !status(t, living).Ready {
		t.Error("the sandbox of a living owner was swept")
	}
}

func checkDown(t *testing.T, ended, other *Sandbox, decoy *exec.Cmd) {
	t.Helper()
	if n := processes(t, ended); n != 7 { // six programs, and the shell that looks after kwok
		t.Fatalf("%d processes before Down", n)
	}
	if err := Down(t.Context(), ended.Name(), nil); err != nil {
		t.Fatal(err)
	}
	checkGone(t, ended)
	if err := Down(t.Context(), ended.Name(), nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second Down: %v", err)
	}
	if !status(t, other).Ready {
		t.Error("the other sandbox suffers")
	}
	if decoy.Process.Signal(syscall.Signal(0)) != nil {
		t.Error("Down ended a foreign process")
	}
}

// processes counts what carries the sandbox's id.
func processes(t *testing.T, s *Sandbox) int {
	t.Helper()
	found, err := find(s.state.ID)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func checkGone(t *testing.T, s *Sandbox) {
	t.Helper()
	if n := processes(t, s); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	for _, path := range []string{s.dir, s.lockPath()} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

func checkKill(t *testing.T, s *Sandbox) {
	t.Helper()
	if err := s.Kill(t.Context(), Etcd); err != nil {
		t.Fatal(err)
	}
	if st := status(t, s); st.Ready || st.Processes[0].State != Stopped {
		t.Errorf("without etcd: %+v", st)
	}
	if err := s.Start(t.Context(), APIServer); err == nil {
		t.Error("a running program was started")
	}
	if err := errors.Join(s.Start(t.Context(), Etcd), s.Restart(t.Context(), APIServer)); err != nil {
		t.Fatal(err)
	}
	if st := status(t, s); !st.Ready || st.Nodes != 5 {
		t.Errorf("after the restart: %+v", st)
	}
}

func checkPause(t *testing.T, s *Sandbox) {
	t.Helper()
	if err := s.Pause(APIServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if st := status(t, s); st.Ready || st.Processes[1].State != Paused {
			return fmt.Errorf("got %+v", st)
		}
		return nil
	})
	if err := s.Resume(APIServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if st := status(t, s); !st.Ready {
			return fmt.Errorf("got %+v", st)
		}
		return nil
	})
}

// eventually polls with a deadline that only a broken sandbox reaches.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := poll(ctx, 50*time.Millisecond, func(context.Context) error { return check() }); err != nil {
		t.Fatal(err)
	}
}

func TestDownCleansUpAfterAKilledUp(t *testing.T) {
	name := testName("killed")
	t.Cleanup(func() { downAll(t, name) })
	killInTheMiddleOfUp(t, name)
	s, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if processes(t, s) == 0 {
		t.Fatal("the killed Up has left no process; this test shows nothing")
	}
	_, err = Up(t.Context(), Options{Name: name})
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "addonctl sandbox down --name "+name) {
		t.Errorf("a second Up: %v", err)
	}
	if st := status(t, s); st.Ready || st.Complete {
		t.Errorf("got %+v", st)
	}
	if err := Down(t.Context(), name, nil); err != nil {
		t.Fatal(err)
	}
	checkGone(t, s)
}

// killInTheMiddleOfUp runs Up in a process of its own and kills that once the API server is ready.
func killInTheMiddleOfUp(t *testing.T, name string) {
	t.Helper()
	helper := exec.CommandContext(t.Context(), os.Args[0])
	helper.Env = append(os.Environ(), helperVariable+"="+name)
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), string(APIServer)) {
			break
		}
	}
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := helper.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the helper ended by itself: %v", err)
	}
}

func TestACancelledUpLeavesNothing(t *testing.T) {
	name := testName("cancelled")
	t.Cleanup(func() { downAll(t, name) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var s *Sandbox
	_, err := Up(ctx, Options{Name: name, Progress: func(line string) {
		if !strings.HasPrefix(line, string(Etcd)) {
			return
		}
		var err error
		if s, err = Open(name); err != nil {
			t.Error(err)
		}
		if processes(t, s) != 1 {
			t.Error("etcd does not run; this test shows nothing")
		}
		cancel()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	checkGone(t, s)
}

func TestAFailedUpShowsAndKeepsTheLogAndLeavesNothingElse(t *testing.T) {
	name := testName("failed")
	t.Cleanup(func() { downAll(t, name) })
	_, err := Up(t.Context(), Options{Name: name, ExtraAPIServerArgs: []string{"--no-such-flag"}})
	var ended *exitError
	if !errors.As(err, &ended) {
		t.Fatalf("got %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(ended.log) })
	if !strings.Contains(err.Error(), "unknown flag: --no-such-flag") || !strings.Contains(err.Error(), ended.log) {
		t.Errorf("the error does not help: %v", err)
	}
	if data, err := os.ReadFile(ended.log); err != nil || !bytes.Contains(data, []byte("no-such-flag")) {
		t.Errorf("the log is not kept: %v", err)
	}
	if _, err := Open(name); !errors.Is(err, ErrNotFound) {
		t.Errorf("the folder is left: %v", err)
	}
}

func TestAMissingMinorNamesTheMakeTarget(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	bin := filepath.Join(cache, "addonctl", "sandbox", "bin")
	steps := []struct {
		minor, built, want string
	}{
		{minor: "1.36", want: `the sandbox's Kubernetes 1.36 is not built: run "make sandbox" once (minutes when cold; built so far: none)`},
		{minor: "1.34", built: "1.36", want: `the sandbox's Kubernetes 1.34 is not built: run "make sandbox KUBERNETES=1.34" once (minutes when cold; built so far: 1.36)`},
		{minor: "1.19", want: `the sandbox's Kubernetes 1.19 is not built and cannot be: "make sandbox" builds 1.34 and 1.36`},
	}
	for _, step := range steps {
		if step.built != "" {
			if err := os.MkdirAll(filepath.Join(bin, step.built), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Up(t.Context(), Options{Kubernetes: step.minor})
		if !errors.Is(err, ErrNotBuilt) || err.Error() != step.want {
			t.Errorf("%s: got %v", step.minor, err)
		}
	}
}

func TestTheMinorsAreTheFoldersThatCanBeBuilt(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Glob(filepath.Join("..", "..", "e2e", "sandbox", "[0-9]*", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, m := range modules {
		folders = append(folders, filepath.Base(filepath.Dir(m)))
	}
	if diff := cmp.Diff(folders, Minors()); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(Minors(), DefaultKubernetes) {
		t.Errorf("the default %s cannot be built", DefaultKubernetes)
	}
}

func TestNothingIsFoundUnderANameThatWasNotStarted(t *testing.T) {
	if _, err := Open(testName("none")); !errors.Is(err, ErrNotFound) {
		t.Errorf("Open: %v", err)
	}
	if err := Down(t.Context(), testName("none"), nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("Down: %v", err)
	}
	if _, err := Open("../escape"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("a name that is a path: %v", err)
	}
}

func listOptions(selector string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: selector}
}

// tails logs the ends of a sandbox's logs, which go with it.
func tails(t *testing.T, name string) {
	t.Helper()
	s, err := Open(name)
	if err != nil {
		return
	}
	for _, p := range Programs() {
		t.Logf("end of the log of %s of %s:\n%s", p, name, s.LogTail(p, 15))
	}
}

// checkComesBack ends kwok itself and leaves the shell that looks after it, as a kwok does that meets an error.
func checkComesBack(t *testing.T, s *Sandbox) {
	t.Helper()
	var first process
	eventually(t, func() (err error) {
		first, err = kwokOf(s)
		return err
	})
	if err := first.kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		now, err := kwokOf(s)
		if err == nil && now.pid == first.pid {
			err = errors.New("the first one is still there")
		}
		return err
	})
}

// kwokOf is the process of kwok itself.
func kwokOf(s *Sandbox) (process, error) {
	found, err := s.find(Kwok)
	if err != nil {
		return process{}, err
	}
	for _, p := range found {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.pid)); err == nil && strings.TrimSpace(string(name)) == "kwok" {
			return p, nil
		}
	}
	return process{}, fmt.Errorf("no kwok among %d processes", len(found))
}
