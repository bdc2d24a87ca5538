package observe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// watched is a cluster with flannel that is looked at through a proxy.
type watched struct {
	*cluster
	*Observer
	proxy *testkube.Proxy
}

func startWatched(t *testing.T) *watched {
	t.Helper()
	c := &cluster{Cluster: testkube.Start(t, testkube.Options{Nodes: 3})}
	proxy := c.Proxy(t)
	cfg, err := clientcmd.BuildConfigFromFlags("", proxy.KubeconfigPath())
	if err != nil {
		t.Fatal(err)
	}
	if c.client, err = kube.New(cfg); err != nil {
		t.Fatal(err)
	}
	w := &watched{cluster: c, Observer: c.observer(c.client), proxy: proxy}
	w.NetworkType = "FLANNEL_OVERLAY"
	c.addOn, _ = w.Catalog.ForNetworkType(w.NetworkType)
	c.install(t, "0.26.2")
	testkube.Eventually(t, patience, func(ctx context.Context) error {
		in, err := w.Observe(ctx)
		if err == nil && (len(in.Nodes) != 3 || slices.ContainsFunc(in.Nodes, func(n noderoll.Node) bool { return n.Pod == nil || !n.Pod.Available })) {
			err = errors.New("not every agent is available")
		}
		return err
	})
	return w
}

// knows waits until the watch shows what is wanted of a look.
func (w *watched) knows(t *testing.T, in plan.Input, want func(plan.Input) error) {
	t.Helper()
	testkube.Eventually(t, patience, func(context.Context) error {
		now, known := w.Refresh(in)
		if !known {
			return errors.New("the watch knows nothing")
		}
		return want(now)
	})
}

// knowsNothing waits until the watch says so.
func (w *watched) knowsNothing(t *testing.T, in plan.Input) {
	t.Helper()
	testkube.Eventually(t, patience, func(context.Context) error {
		if _, known := w.Refresh(in); known {
			return errors.New("the watch claims to know")
		}
		return nil
	})
}

func (w *watched) see(t *testing.T) plan.Input {
	t.Helper()
	in, err := w.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// same wants of the watch what a look sees, but for the time and the editions of pods that were written since.
func same(want plan.Input) func(plan.Input) error {
	return func(got plan.Input) error {
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(plan.Input{}, "Now", "Catalog"), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
			return fmt.Errorf("(-looked +watched):\n%s", diff)
		}
		return nil
	}
}

// followed counts the goroutines that follow something.
func followed() int {
	stacks := make([]byte, 1<<22)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "client-go/tools/cache.")
}

func isWatch(c testkube.Passed) bool { return strings.Contains(c.Path, "watch=") }

// What the watch knows is what a look would see, all the way; and whatever it may not judge, or cannot know, it says. It does not run in
// parallel: it counts goroutines.
func TestAWatchKnowsWhatALookSees(t *testing.T) {
	w := startWatched(t)
	fresh := w.observer(w.client)
	if changes, stop := fresh.Watch(t.Context()); changes != nil || stop != nil {
		t.Error("something is followed before anybody looked")
	}
	in := w.see(t)
	before := followed()
	changes, stop := w.Watch(t.Context())
	w.knows(t, in, same(in))

	pods, sets := w.Client().CoreV1().Pods(system), w.Client().AppsV1().DaemonSets(system)
	patch := func(do func(body []byte) error, body string) {
		t.Helper()
		for len(changes) > 0 {
			<-changes
		}
		if err := do([]byte(body)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changes:
		case <-time.After(patience):
			t.Fatalf("nothing was told of %s", body)
		}
	}
	agent := in.Nodes[1].Pod.Name
	patch(func(body []byte) error {
		_, err := pods.Patch(t.Context(), agent, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
		return err
	}, `{"status":{"containerStatuses":[{"name":"kube-flannel","image":"i","imageID":"i","restartCount":7}]}}`)
	w.knows(t, in, func(now plan.Input) error {
		if now.Nodes[1].Pod.Restarts != 7 {
			return fmt.Errorf("the agent has restarted %d times", now.Nodes[1].Pod.Restarts)
		}
		return nil
	})
	patch(func(body []byte) error {
		_, err := w.Client().CoreV1().Nodes().Patch(t.Context(), "node-03", types.StrategicMergePatchType, body, metav1.PatchOptions{})
		return err
	}, `{"spec":{"unschedulable":true}}`)
	annotate := func(body []byte) error {
		_, err := sets.Patch(t.Context(), "kube-flannel-ds", types.MergePatchType, body, metav1.PatchOptions{})
		return err
	}
	patch(annotate, `{"metadata":{"annotations":{"addonctl.io/roll":"{\"revision\":\"r\"}"}}}`)
	w.knows(t, in, func(now plan.Input) error {
		if !now.Nodes[2].Cordoned || now.Roll.Revision != "r" {
			return fmt.Errorf("node-03 %+v, the roll %+v", now.Nodes[2], now.Roll)
		}
		return nil
	})
	next := w.see(t)
	w.knows(t, next, same(next))
	if now, _ := w.Refresh(next); now.Now.Before(next.Now) {
		t.Errorf("the time went back from %s to %s", next.Now, now.Now)
	}

	// What is not for the watch to judge.
	patch(annotate, `{"metadata":{"annotations":{"addonctl.io/epoch":"9"}}}`)
	w.knowsNothing(t, next)
	next = w.see(t)
	w.knows(t, next, same(next))
	patch(annotate, `{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","image":"elsewhere/flannel:v9"}]}}}}`)
	w.knowsNothing(t, next)

	stop()
	if n := followed(); n > before {
		t.Errorf("%d goroutines still follow something, %d did before", n, before)
	}
	if _, known := w.Refresh(w.see(t)); known {
		t.Error("a watch that has ended knows something")
	}
}

// A watch that cannot be had, or breaks, knows nothing until it is there again.
func TestAWatchThatIsNotThereKnowsNothing(t *testing.T) {
	t.Parallel()
	w := startWatched(t)
	refused := testkube.Instead(http.StatusForbidden, metav1.StatusReasonForbidden, 0)
	w.proxy.Plan(func(_ int, c testkube.Passed) testkube.Fault {
		if isWatch(c) {
			return refused
		}
		return nil
	})
	in := w.see(t)
	_, stop := w.Watch(t.Context())
	defer stop()
	for range 30 {
		if _, known := w.Refresh(in); known {
			t.Fatal("without a watch it claims to know")
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.proxy.Plan(nil)
	w.knows(t, in, same(in))
}

// Who may list and not watch looks as before.
func TestWatchingNeedsItsOwnRights(t *testing.T) {
	t.Parallel()
	w := startWatched(t)
	o := w.observer(w.userWith(t, "onlooker", Rights()))
	o.NetworkType = w.NetworkType
	in, err := o.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, stop := o.Watch(t.Context())
	for range 20 {
		if _, known := o.Refresh(in); known {
			t.Error("it claims to know what it may not watch")
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	o.Watching = w.userWith(t, "watcher", append(Rights(), Watching()...))
	if in, err = o.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, stop = o.Watch(t.Context())
	defer stop()
	w.Observer = o
	w.knows(t, in, same(in))
}

// Of a clock that is read as whole seconds the hand is never ahead, and after some looks close behind.
func TestTheHandIsCloseBehindTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ahead = 3*time.Hour + 456*time.Millisecond
		clock := func() time.Time { return time.Now().Add(ahead) }
		var h hand
		for range 40 {
			h.set(clock().Truncate(time.Second))
			if now := h.read(); now.After(clock()) || clock().Sub(now) > 2*time.Second {
				t.Errorf("it says %s at %s", now, clock())
			}
			time.Sleep(730 * time.Millisecond)
		}
		if behind := clock().Sub(h.now.Add(time.Since(h.at))); behind < 0 || behind > 50*time.Millisecond {
			t.Errorf("after 40 looks it is %s behind", behind)
		}
		h.set(clock().Add(-time.Hour).Truncate(time.Second)) // somebody set it back
		if now := h.read(); now.After(clock().Add(-time.Hour)) {
			t.Errorf("it says %s, an hour ahead", now)
		}
	})
}
