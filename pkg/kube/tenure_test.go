package kube_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// holdEnv makes the test binary an actor: it takes the Lease of the cluster of this kubeconfig and waits.
const holdEnv = "ADDONCTL_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		holdUntilKilled(path)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// holdUntilKilled returns when it cannot.
func holdUntilKilled(path string) {
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return
	}
	k, err := kube.New(cfg)
	if err != nil {
		return
	}
	if _, err := kube.Take(context.Background(), k, time.Now); err != nil {
		return
	}
	_, _ = os.Stdout.WriteString("taken\n")
	select {}
}

// The life of the Lease, on one control plane; the steps have an order.
func TestATenureOnARealAPIServer(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{})
	counted, calls := counting(t, c)
	k := connect(t, c)
	var last int64
	steps := []func(*testing.T){
		func(t *testing.T) { t.Helper(); last = first(t, counted) },
		func(t *testing.T) { t.Helper(); last = after(t, counted, calls, last) },
		func(t *testing.T) { t.Helper(); last = held(t, k, last) },
		func(t *testing.T) { t.Helper(); last = killed(t, c, k, last) },
		func(t *testing.T) { t.Helper(); last = silent(t, k, last) },
		func(t *testing.T) { t.Helper(); last = elsewhereHeld(t, k, last, 0) },
		func(t *testing.T) { t.Helper(); last = longGone(t, counted, calls, last) },
		func(t *testing.T) { t.Helper(); deleted(t, k, last) },
	}
	for i, name := range []string{
		"the first begins where nobody knows who was there",
		"after one that left nobody is to be fenced off, and it takes three calls",
		"one that renews is not taken over, and keeps what it has",
		"a process of this machine that was killed is taken over at once",
		"one that lives and is silent is waited for until the Lease runs out, and finds out",
		"another machine's is taken over when it ran out, whatever its clock says",
		"one that ran out by the API server's clock is not looked at twice",
		"a deleted Lease is made again by its holder, and counting never goes back",
	} {
		if !t.Run(name, steps[i]) {
			return
		}
	}
}

// first: nobody knows whether somebody was there, so it is taken over.
func first(t *testing.T, k *kube.Client) int64 {
	t.Helper()
	got := take(t, k)
	if !got.Taken || got.Epoch < 1_700_000_000 {
		t.Errorf("%+v, want one taken over, counted from the server's time", got)
	}
	must(t, got.Leave(t.Context()))
	return got.Epoch
}

// after: the usual case costs three calls.
func after(t *testing.T, k *kube.Client, calls *atomic.Int64, last int64) int64 {
	t.Helper()
	calls.Store(0)
	next := take(t, k)
	must(t, next.Leave(t.Context()))
	if next.Taken || next.Epoch != last+1 {
		t.Errorf("%+v, want epoch %d and nobody fenced off", next, last+1)
	}
	if n := calls.Load(); n != 3 {
		t.Errorf("taking and leaving took %d calls, want 3", n)
	}
	return next.Epoch
}

// longGone: by the server's clock the Lease ran out before anybody looked.
func longGone(t *testing.T, k *kube.Client, calls *atomic.Int64, last int64) int64 {
	t.Helper()
	calls.Store(0)
	next := elsewhereHeld(t, k, last, 8*time.Second)
	if n := calls.Load(); n != 5 { // two of the test's own, and three of ours
		t.Errorf("%d calls, want 5", n)
	}
	return next
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, k *kube.Client) *kube.Tenure {
	t.Helper()
	got, err := kube.Take(t.Context(), k, time.Now)
	must(t, err)
	return got
}

// counting is a client whose calls are counted.
func counting(t *testing.T, c *testkube.Cluster) (*kube.Client, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	cfg := c.Config()
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			n.Add(1)
			return next.RoundTrip(r)
		})
	})
	k, err := kube.New(cfg)
	must(t, err)
	return k, &n
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func lease(t *testing.T, k *kube.Client) *coordinationv1.Lease {
	t.Helper()
	got, err := k.Typed.CoordinationV1().Leases("kube-system").Get(t.Context(), kube.LeaseName, metav1.GetOptions{})
	must(t, err)
	return got
}

func wantFenced(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, kube.ErrFenced) {
		t.Errorf("%s: %v, want ErrFenced", what, err)
	}
	if kube.Unreachable(err) || apierrors.IsConflict(err) {
		t.Errorf("%s: %v counts as an error after which one looks again", what, err)
	}
}

// held: another one asks while the holder keeps renewing. Without the look at renewals the asker would take over after the
// Lease's duration.
func held(t *testing.T, k *kube.Client, last int64) int64 {
	t.Helper()
	holder := take(t, k)
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- holder.Keep(ctx) }()
	_, err := kube.Take(t.Context(), k, time.Now)
	other, ok := errors.AsType[*kube.HeldError](err)
	if !ok {
		t.Fatalf("taking what is held: %v, want a HeldError", err)
	}
	if !strings.HasPrefix(other.Holder, "process ") || other.Since.IsZero() || !other.Until.After(other.Since) {
		t.Errorf("held by %+v", other)
	}
	must(t, holder.Check(t.Context()))
	stop()
	if err := <-kept; err != nil {
		t.Errorf("keeping it until the context ended: %v", err)
	}
	must(t, holder.Leave(t.Context()))
	must(t, holder.Leave(t.Context())) // it may be repeated
	wantFenced(t, "after leaving", holder.Check(t.Context()))
	return last + 1
}

// killed: a real process that holds the Lease lives, then is killed.
func killed(t *testing.T, c *testkube.Cluster, k *kube.Client, last int64) int64 {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), holdEnv+"="+c.KubeconfigPath())
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatalf("the other process did not take the Lease: %v", err)
	}
	// The negative control: while the process lives, its Lease is not taken over at once.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if got, err := kube.Take(ctx, k, time.Now); err == nil {
		t.Fatalf("taken from a process that lives: %+v", got)
	}
	must(t, child.Process.Kill())
	_ = child.Wait()
	began := time.Now()
	next := take(t, k)
	if took := time.Since(began); took > 8*time.Second { // without a look at processes it is 10 s at least
		t.Errorf("a process that has ended was waited for %s", took)
	}
	if !next.Taken || next.Epoch != last+2 {
		t.Errorf("%+v, want epoch %d and the dead one fenced off", next, last+2)
	}
	must(t, next.Leave(t.Context()))
	return next.Epoch
}

// silent: the holder lives in this very process and does not renew.
func silent(t *testing.T, k *kube.Client, last int64) int64 {
	t.Helper()
	old := take(t, k)
	began := time.Now()
	next := take(t, k)
	if took := time.Since(began); took < 14*time.Second || !next.Taken || next.Epoch != last+2 {
		t.Errorf("after %s: %+v, want it after 15 s, with epoch %d and the old one fenced off", took, next, last+2)
	}
	wantFenced(t, "the old one's Check", old.Check(t.Context()))
	wantFenced(t, "the old one's Keep", old.Keep(t.Context()))
	wantFenced(t, "the old one's Leave", old.Leave(t.Context()))
	must(t, next.Check(t.Context())) // and none of it did any harm
	must(t, next.Leave(t.Context()))
	return next.Epoch
}

// elsewhereHeld: the holder's clock is an hour ahead, so its Lease ends long after it has ended by the server's.
func elsewhereHeld(t *testing.T, k *kube.Client, last int64, silence time.Duration) int64 {
	t.Helper()
	l := lease(t, k)
	holder, good, ahead := "elsewhere/1/1/another-boot.1/00000000", int32(1), metav1.NewMicroTime(time.Now().Add(time.Hour))
	l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds, l.Spec.RenewTime = &holder, &good, &ahead
	_, err := k.Typed.CoordinationV1().Leases("kube-system").Update(t.Context(), l, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	must(t, err)
	time.Sleep(silence)
	next := take(t, k)
	if !next.Taken || next.Epoch != last+1 {
		t.Errorf("%+v, want epoch %d and the old one fenced off", next, last+1)
	}
	must(t, next.Leave(t.Context()))
	return next.Epoch
}

// deleted: somebody deletes the Lease, first under a holder, then when it is nobody's.
func deleted(t *testing.T, k *kube.Client, last int64) {
	t.Helper()
	remove := func() {
		t.Helper()
		must(t, k.Typed.CoordinationV1().Leases("kube-system").Delete(t.Context(), kube.LeaseName, metav1.DeleteOptions{}))
	}
	holder := take(t, k)
	remove()
	must(t, holder.Check(t.Context()))
	if got := kube.EpochOf(lease(t, k)); got != holder.Epoch || got != last+1 {
		t.Errorf("made again with epoch %d, want %d", got, last+1)
	}
	remove()
	// Counting from the time stands still within a second; a tenure takes longer than that in earnest.
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if time.Now().Unix() <= holder.Epoch {
			return errors.New("the time is not ahead of what was counted")
		}
		return nil
	})
	next := take(t, k)
	if !next.Taken || next.Epoch <= holder.Epoch {
		t.Errorf("%+v after epoch %d, want a higher one and the old one fenced off", next, holder.Epoch)
	}
	wantFenced(t, "the holder of the deleted one", holder.Check(t.Context()))
	must(t, next.Leave(t.Context()))
}

// A holder survives an API server that refuses for a while, and only then is renewed again. Without that, one failed call would
// end a run.
func TestKeepingATenureSurvivesErrors(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{})
	var broken atomic.Bool
	var refused atomic.Int64
	cfg := c.Config()
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if broken.Load() {
				refused.Add(1)
				return nil, errors.New("cut")
			}
			return next.RoundTrip(r)
		})
	})
	k, err := kube.New(cfg)
	must(t, err)
	holder := take(t, k)
	before := lease(t, k).Spec.RenewTime.Time
	broken.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- holder.Keep(ctx) }()
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if refused.Load() == 0 {
			return errors.New("no call yet")
		}
		return nil
	})
	broken.Store(false)
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if !lease(t, k).Spec.RenewTime.After(before) {
			return errors.New("not renewed")
		}
		return nil
	})
	stop()
	must(t, <-kept)
	must(t, holder.Leave(t.Context()))
}

// A client for a token shares no credential with the one that it was made from.
func TestAClientForATokenIsThatUser(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{})
	k := connect(t, c)
	user, _ := c.User(t, "somebody")
	other, err := k.WithEpoch(7).As(user.BearerToken)
	must(t, err)
	if other.Epoch != 0 {
		t.Errorf("it writes with epoch %d", other.Epoch)
	}
	if _, err := other.Typed.CoreV1().Secrets("kube-system").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "default:somebody") {
		t.Errorf("listing Secrets as somebody: %v", err)
	}
	if _, err := k.Typed.CoreV1().Secrets("kube-system").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("and as the administrator: %v", err)
	}
	if k.Epoch != 0 {
		t.Error("WithEpoch changed the client itself")
	}
}
