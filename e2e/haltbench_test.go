package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/cli"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

var (
	haltCount = flag.Int("halts", 2, "how many failures are injected to measure how soon a roll halts")
	haltLanes = flag.Int("halt-lanes", 1, "how many control planes share them")
	haltLimit = flag.Duration("halt-limit", 0, "the longest that 99 of 100 halts may take; 0 only prints it")
)

// A node's new agent goes bad at any moment of a roll of one node at a time: how long it takes from the first sight of that at the API
// server until the command says that it halted, and until it has ended, and how many further pods it deletes.
func TestAHaltComesSoon(t *testing.T) {
	var mu sync.Mutex
	var told, ended []time.Duration
	over := 0
	t.Run("lanes", func(t *testing.T) {
		for lane := range *haltLanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				l := startHalts(t)
				for range (*haltCount + *haltLanes - 1) / *haltLanes {
					h := l.halt(t)
					mu.Lock()
					told, ended, over = append(told, h.told), append(ended, h.ended), over+h.over
					mu.Unlock()
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	t.Logf("%d halts, from the first sight of the failure to\n%-22s %s\n%-22s %s\nfurther pods deleted: %d", len(told), "the verdict", spread(told), "the end of the command", spread(ended), over)
	if over > 0 {
		t.Errorf("%d pods were deleted after a failure was to be seen", over)
	}
	if p99 := quantile(told, 0.99); *haltLimit > 0 && p99 > *haltLimit {
		t.Errorf("99 of 100 halts came within %s, want %s", p99, *haltLimit)
	}
}

func spread(ds []time.Duration) string {
	ms := func(q float64) time.Duration { return quantile(ds, q).Round(time.Millisecond) }
	return fmt.Sprintf("p50 %s, p99 %s, max %s", ms(0.5), ms(0.99), ms(1))
}

// quantile is the least of the durations that so great a part of them does not exceed.
func quantile(ds []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[max(0, min(len(sorted), int(float64(len(sorted))*q+0.999999))-1)]
}

// halts is a cluster in mid-roll: one node's new agent is on its way, and does not come without the test.
type halts struct {
	*cluster

	mu sync.Mutex
	// failed is when an agent was first seen to fail, deleted which pods were seen to be deleted since then.
	failed  time.Time
	deleted map[types.UID]bool
}

func startHalts(t *testing.T) *halts {
	t.Helper()
	l := &halts{cluster: start(t, testkube.Options{Nodes: 4}), deleted: map[types.UID]bool{}}
	l.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	l.must(t, "unpin", "--yes")
	if err := l.Play(t.Context(), sandbox.Fault{Name: "slow", Image: ":v0.27.3", Mode: sandbox.Slow, Delay: 10 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	w, err := l.Client().CoreV1().Pods(system).Watch(t.Context(), metav1.ListOptions{LabelSelector: "app=flannel"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	go func() {
		for e := range w.ResultChan() {
			if p, ok := e.Object.(*corev1.Pod); ok {
				l.see(p)
			}
		}
	}()
	return l
}

// see takes in what the API server says of an agent.
func (l *halts) see(p *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fails := slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
	})
	if fails && l.failed.IsZero() {
		l.failed = time.Now()
	}
	if p.DeletionTimestamp != nil && !l.failed.IsZero() {
		l.deleted[p.UID] = true
	}
}

// halted is how long a halt took after the failure was seen, and how many pods went after it.
type halted struct {
	told, ended time.Duration
	over        int
}

// halt begins the roll or goes on with it, lets the agent that is on its way fail at any moment, and heals it when the command has ended.
func (l *halts) halt(t *testing.T) halted {
	t.Helper()
	l.mu.Lock()
	l.failed = time.Time{}
	clear(l.deleted)
	l.mu.Unlock()
	out := &heard{}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		args := append([]string{"update", "--version", "0.27.3", "--node-timeout", "9h", "--on-failure", "hold", "--yes", "--kubeconfig", l.kubeconfig, "--catalog", l.catalog}, byNode...)
		ended <- cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: out})
	}()
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if out.first("waiting for node").IsZero() {
			return fmt.Errorf("it waits for no node yet:\n%s", out)
		}
		return nil
	})
	p := l.newest(t)
	time.Sleep(rand.N(time.Second)) //nolint:gosec // any moment
	l.patch(t, p, "CrashLoopBackOff")
	if code := <-ended; code != 4 {
		t.Fatalf("exit %d, want 4\n%s", code, out)
	}
	end := time.Now()
	l.patch(t, p, "ContainerCreating")
	l.mu.Lock()
	defer l.mu.Unlock()
	return halted{told: out.first("alted at").Sub(l.failed), ended: end.Sub(l.failed), over: len(l.deleted)}
}

// newest is the one agent of the new release.
func (l *halts) newest(t *testing.T) string {
	t.Helper()
	var out string
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		var found []string
		for _, p := range l.pods(t) {
			if strings.HasSuffix(p.Spec.Containers[0].Image, ":v0.27.3") && p.DeletionTimestamp == nil {
				found = append(found, p.Name)
			}
		}
		if len(found) != 1 {
			return fmt.Errorf("%v run the new release", found)
		}
		out = found[0]
		return nil
	})
	return out
}

// patch lets an agent's container wait for a reason.
func (l *halts) patch(t *testing.T, pod, reason string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"status": map[string]any{"containerStatuses": []any{map[string]any{
		"name": "kube-flannel", "image": "i", "imageID": "i", "restartCount": 0, "ready": false, "state": map[string]any{"waiting": map[string]any{"reason": reason}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Client().CoreV1().Pods(system).Patch(t.Context(), pod, types.MergePatchType, body, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

// heard is a stream that knows when what was written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
	said []string
	at   []time.Time
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said, h.at = append(h.said, string(p)), append(h.at, time.Now())
	return h.text.Write(p)
}

// first is when something was said first; zero when it was not.
func (h *heard) first(text string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, s := range h.said {
		if strings.Contains(s, text) {
			return h.at[i]
		}
	}
	return time.Time{}
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}
