package helm_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/observe"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// actorEnv makes the test binary an actor of its own: a process that carries out one step, and can be stopped for real.
const actorEnv = "ADDONCTL_TEST_ACTOR"

// actor is what such a process is to do.
type actor struct {
	Kubeconfig string
	// Version that it moves to, by which step.
	Version string
	Kind    plan.StepKind
	// Epoch it writes in; 0 takes the Lease.
	Epoch int64
	// Method and Path, a pattern, of the call before which it waits to be stopped, once it has made the call of After, if any.
	Method, Path, After string
	// Blunt takes the resourceVersion out of that write: the negative control of those that only create.
	Blunt bool
}

// A write that was about to be sent when its process was stopped, and is sent after another actor took over, changes nothing; and
// the old actor stops for good when it looks again. Every case is tried again without the fence, where the very same late write
// does change something: it is the fence that holds it.
func TestAnActorThatWasStoppedChangesNothingAfterATakeover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		prepare func(*testing.T, *bench)
		actor   actor
		// over is what the new actor does beside fencing.
		over    func(*testing.T, *bench)
		control func(*testing.T, *bench)
	}{
		{
			name: "a workload", prepare: installed,
			actor: actor{Version: "0.26.2", Kind: plan.Apply, Method: http.MethodPatch, Path: "/daemonsets/kube-flannel-ds$"},
		},
		{
			name: "the record of what is deployed", prepare: rolled,
			actor: actor{Version: "0.26.2", Kind: plan.Settle, Method: http.MethodPut, Path: "/secrets/sh.helm.release.v1.flannel.v"},
		},
		{
			name: "old configuration that is deleted", prepare: rolled,
			actor: actor{Version: "0.26.2", Kind: plan.Settle, Method: http.MethodDelete, Path: "/configmaps/"},
		},
		{
			name: "old configuration that is only listed then", prepare: rolled,
			actor: actor{Version: "0.26.2", Kind: plan.Settle, Method: http.MethodGet, Path: "/configmaps$", After: "/clusterroles/flannel$"},
		},
		{
			name:  "an object that the new actor has created",
			actor: actor{Version: "0.24.4", Kind: plan.Apply, Method: http.MethodPatch, Path: "/daemonsets/kube-flannel-ds$"},
			over:  func(t *testing.T, b *bench) { t.Helper(); b.do(t, "0.26.2", plan.Apply) },
			control: func(t *testing.T, b *bench) {
				t.Helper()
				must(t, b.Target.Typed.AppsV1().DaemonSets("kube-system").Delete(t.Context(), "kube-flannel-ds", metav1.DeleteOptions{}))
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := start(t)
			if c.prepare != nil {
				c.prepare(t, b)
			}
			c.actor.Kubeconfig = b.cluster.KubeconfigPath()

			c.actor.Epoch = 1
			b.Target = b.Target.WithEpoch(2)
			if before, after, said := b.late(t, c.actor, true, c.over); before != after || said != "fenced" {
				t.Errorf("with the fence the old actor ended as %q and changed (-before +after):\n%s", said, cmp.Diff(before, after))
			}

			c.actor.Epoch, c.actor.Blunt = 3, c.control != nil
			b.Target = b.Target.WithEpoch(4)
			if c.control != nil {
				c.control(t, b)
			}
			if before, after, said := b.late(t, c.actor, false, c.over); before == after || said != "done" {
				t.Errorf("without the fence the old actor ended as %q and the late write changed nothing: this test shows nothing", said)
			}
		})
	}
}

// The whole way with the Lease: an actor takes it, is stopped before a write and thereby renews nothing; another one takes over
// once it has run out, and has to fence.
func TestAnActorThatSleptThroughTheEndOfItsLeaseChangesNothing(t *testing.T) {
	t.Parallel()
	b := start(t)
	installed(t, b)
	p := launch(t, actor{
		Kubeconfig: b.cluster.KubeconfigPath(), Version: "0.26.2", Kind: plan.Apply,
		Method: http.MethodPatch, Path: "/daemonsets/kube-flannel-ds$",
	})
	p.stop(t)
	tenure, err := kube.Take(t.Context(), b.Target, time.Now)
	must(t, err)
	if !tenure.Taken {
		t.Error("the one before had not left, and nobody is to be fenced off")
	}
	b.Target = b.Target.WithEpoch(tenure.Epoch)
	must(t, b.Fence(t.Context(), b.flannel(t)))
	before := b.content(t)
	if said := p.wake(t); said != "fenced" {
		t.Errorf("the old actor ended as %q", said)
	}
	if diff := cmp.Diff(before, b.content(t)); diff != "" {
		t.Errorf("the old actor changed (-before +after):\n%s", diff)
	}
	must(t, tenure.Check(t.Context()))
	must(t, tenure.Leave(t.Context()))
}

// late lets an actor come to its write, stops it, takes over, and wakes it.
func (b *bench) late(t *testing.T, a actor, fence bool, over func(*testing.T, *bench)) (before, after, said string) {
	t.Helper()
	p := launch(t, a)
	p.stop(t)
	if fence {
		must(t, b.Fence(t.Context(), b.flannel(t)))
		b.marked(t)
	}
	if over != nil {
		over(t, b)
	}
	before = b.content(t)
	said = p.wake(t)
	return before, b.content(t), said
}

// What a Fence marks, and that it needs a tenure.
func TestAFenceMarksAllThatALateWriteCouldChange(t *testing.T) {
	t.Parallel()
	b := start(t)
	if err := b.Fence(t.Context(), b.flannel(t)); err == nil {
		t.Error("fencing without an epoch is none, and no error")
	}
	plain := b.Target
	b.Target = plain.WithEpoch(7)
	must(t, b.Fence(t.Context(), b.flannel(t))) // nothing is there
	b.Target = plain
	rolled(t, b)
	b.Target = plain.WithEpoch(7)
	must(t, b.Fence(t.Context(), b.flannel(t)))
	b.marked(t)
	before := b.content(t)
	must(t, b.Fence(t.Context(), b.flannel(t))) // it may be repeated
	b.Target = plain.WithEpoch(6)
	if err := b.Fence(t.Context(), b.flannel(t)); !errors.Is(err, kube.ErrFenced) {
		t.Errorf("fencing with a lower epoch: %v, want ErrFenced", err)
	}
	if diff := cmp.Diff(before, b.content(t)); diff != "" {
		t.Errorf("that changed (-before +after):\n%s", diff)
	}
	// Reading goes on with a lower epoch, and the record is not written.
	store := record.Open(b.Target, "kube-system", "flannel", b.Now)
	revisions, err := store.Revisions(t.Context())
	if err != nil || len(revisions) != 2 {
		t.Errorf("reading: %d revisions, %v", len(revisions), err)
	}
	draft := record.Draft{Number: 3, Manifest: "x", Chart: revisions[1].Chart, Pending: "pending-upgrade"}
	for what, err := range map[string]error{"Begin": store.Begin(t.Context(), draft), "Finish": store.Finish(t.Context(), 2, "late")} {
		if !errors.Is(err, kube.ErrFenced) || apierrors.IsConflict(err) {
			t.Errorf("%s with a lower epoch: %v, want ErrFenced", what, err)
		}
	}
	// The one that fenced goes on, and its writes keep the mark.
	b.Target = plain.WithEpoch(7)
	must(t, record.Open(b.Target, "kube-system", "flannel", b.Now).Begin(t.Context(), draft))
	must(t, record.Open(plain, "kube-system", "flannel", b.Now).Finish(t.Context(), 3, "by somebody without a tenure"))
	b.marked(t)
}

// installed: 0.24.4 is deployed.
func installed(t *testing.T, b *bench) {
	t.Helper()
	b.do(t, "0.24.4", plan.Apply)
	waitObserved(t, b, "0.24.4")
	b.do(t, "0.24.4", plan.Settle)
}

// rolled: 0.26.2 is written on top of it, and not settled.
func rolled(t *testing.T, b *bench) {
	t.Helper()
	installed(t, b)
	b.do(t, "0.26.2", plan.Apply)
	waitObserved(t, b, "0.26.2")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) flannel(t *testing.T) catalog.AddOn {
	t.Helper()
	a, ok := b.observer.Catalog.AddOn("Flannel")
	if !ok {
		t.Fatal("the catalog has no Flannel")
	}
	return a
}

// objects are all of the kinds that a release is made of.
func (b *bench) objects(t *testing.T) []unstructured.Unstructured {
	t.Helper()
	var out []unstructured.Unstructured
	for _, r := range []schema.GroupVersionResource{
		appsv1.SchemeGroupVersion.WithResource("daemonsets"),
		{Version: "v1", Resource: "configmaps"},
		{Version: "v1", Resource: "secrets"},
		{Version: "v1", Resource: "serviceaccounts"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	} {
		list, err := b.Target.Dynamic.Resource(r).List(t.Context(), metav1.ListOptions{})
		must(t, err)
		out = append(out, list.Items...)
	}
	return out
}

// content is what a write could change, as text; not what controllers keep count of.
func (b *bench) content(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, o := range b.objects(t) {
		o.SetManagedFields(nil)
		o.SetResourceVersion("")
		delete(o.Object, "status")
		text, err := json.MarshalIndent(o.Object, "", " ")
		must(t, err)
		out.Write(append(text, '\n'))
	}
	return out.String()
}

// marked wants the epoch on all that is the release's.
func (b *bench) marked(t *testing.T) {
	t.Helper()
	n := 0
	for _, o := range b.objects(t) {
		ours := o.GetLabels()[kube.LabelAddOn] != "" || o.GetLabels()["owner"] == "helm"
		if !ours {
			continue
		}
		n++
		if got := kube.EpochOf(&o); got != b.Target.Epoch {
			t.Errorf("%s %s has epoch %d, want %d", o.GetKind(), o.GetName(), got, b.Target.Epoch)
		}
	}
	if n < 5 {
		t.Errorf("only %d objects are the release's", n)
	}
}

// process is an actor under way.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	errs *bytes.Buffer
}

func launch(t *testing.T, a actor) *process {
	t.Helper()
	text, err := json.Marshal(a)
	must(t, err)
	p := &process{cmd: exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestActorInAProcessOfItsOwn$"), errs: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), actorEnv+"="+string(text))
	p.cmd.Stderr = p.errs
	p.in, err = p.cmd.StdinPipe()
	must(t, err)
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	p.out = bufio.NewScanner(out)
	must(t, p.cmd.Start())
	return p
}

// says is the rest of the next line that begins with a word.
func (p *process) says(t *testing.T, word string) string {
	t.Helper()
	var seen strings.Builder
	for p.out.Scan() {
		if rest, ok := strings.CutPrefix(p.out.Text(), word); ok {
			return strings.TrimSpace(rest)
		}
		fmt.Fprintln(&seen, p.out.Text())
	}
	t.Fatalf("the actor never said %q, but:\n%s%s", word, seen.String(), p.errs)
	return ""
}

// stop stops the process for real once it is before its write. It is told to go on while it is stopped, so it sends that write
// as soon as it wakes, and not before.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.says(t, "before the write")
	must(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err == nil && !strings.Contains(string(stat), ") T ") {
			err = errors.New("the process is not stopped")
		}
		return err
	})
	_, err := io.WriteString(p.in, "go\n")
	must(t, err)
}

// wake lets it go on, and returns how it ended.
func (p *process) wake(t *testing.T) string {
	t.Helper()
	must(t, p.cmd.Process.Signal(syscall.SIGCONT))
	said := p.says(t, "ended as")
	for p.out.Scan() {
		continue // the rest is read so that the process can end
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("the actor: %v\n%s", err, p.errs)
	}
	return said
}

// TestActorInAProcessOfItsOwn is no test: it is what the process of launch does.
func TestActorInAProcessOfItsOwn(t *testing.T) {
	text := os.Getenv(actorEnv)
	if text == "" {
		return // other tests run it, in a process of its own
	}
	var a actor
	must(t, json.Unmarshal([]byte(text), &a))
	cfg, err := clientcmd.BuildConfigFromFlags("", a.Kubeconfig)
	must(t, err)
	h := &hook{actor: a, armed: &atomic.Bool{}}
	h.armed.Store(a.After == "")
	cfg.Wrap(h.wrap)
	b := newBench(t, cfg)
	if a.Epoch == 0 {
		tenure, err := kube.Take(t.Context(), b.Target, time.Now)
		must(t, err)
		a.Epoch = tenure.Epoch
	}
	b.Target = b.Target.WithEpoch(a.Epoch)
	var said string
	for range 4 { // as the loop does: after a change by somebody else it looks again
		if said = b.carryOut(t, a); said != "" {
			break
		}
	}
	fmt.Printf("\nended as %s\n", said)
}

// newBench is a bench on a cluster that somebody else started.
func newBench(t *testing.T, cfg *rest.Config) *bench {
	t.Helper()
	k, err := kube.New(cfg)
	must(t, err)
	cat, err := catalog.Load(addons.FS)
	must(t, err)
	return &bench{
		Engine:   &helm.Engine{Target: k, Charts: charts.FS, Now: time.Now},
		observer: &observe.Observer{Cluster: "in-cluster", Target: k, Hub: hub.New(k), Catalog: cat, Now: time.Now, NetworkType: catalog.FlannelOverlay},
	}
}

// carryOut is one round; empty when another is due.
func (b *bench) carryOut(t *testing.T, a actor) string {
	t.Helper()
	in, err := b.observer.Observe(t.Context())
	must(t, err)
	in.Cluster.Guard = plan.Guard{}
	in.Request = plan.Request{Verb: plan.SetPin, NetworkType: catalog.FlannelOverlay, Version: a.Version, Pin: plan.Pin{Reason: "test"}}
	if in.Change, err = b.Change(t.Context(), in); err == nil {
		step, ok := plan.Make(in).Next()
		if !ok || step.Kind != a.Kind {
			return fmt.Sprintf("having to %s", step.Kind)
		}
		_, err = b.Do(t.Context(), in, step)
	}
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, kube.ErrFenced):
		return "fenced"
	case apierrors.IsConflict(err), errors.Is(err, helm.ErrStale), errors.Is(err, record.ErrTaken):
		return ""
	default:
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
}

// hook stands before the actor's connection and waits before one write, once.
type hook struct {
	actor actor
	armed *atomic.Bool
	next  http.RoundTripper
}

func (h *hook) wrap(next http.RoundTripper) http.RoundTripper {
	return &hook{actor: h.actor, armed: h.armed, next: next}
}

// RoundTrip lets everything pass but the one call.
func (h *hook) RoundTrip(r *http.Request) (*http.Response, error) {
	asks := r.URL.Query().Has("dryRun")
	if h.actor.After != "" && r.Method != http.MethodGet && !asks && matches(h.actor.After, r) {
		h.armed.Store(true)
	}
	if r.Method != h.actor.Method || asks || !matches(h.actor.Path, r) || !h.armed.CompareAndSwap(true, false) {
		return h.next.RoundTrip(r)
	}
	if h.actor.Blunt {
		var err error
		if r, err = blunt(r); err != nil {
			return nil, err
		}
	}
	fmt.Println("\nbefore the write")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return nil, err
	}
	return h.next.RoundTrip(r)
}

func matches(pattern string, r *http.Request) bool {
	return regexp.MustCompile(pattern).MatchString(r.URL.Path)
}

// blunt is a write without the resourceVersion.
func blunt(r *http.Request) (*http.Request, error) {
	var o map[string]any
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(o, "metadata", "resourceVersion")
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength, r.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return r, nil
}
