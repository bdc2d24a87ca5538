package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// doors are clusters of which some take a connection and say nothing, until they are told to answer.
type doors struct {
	mu sync.Mutex
	// hung clusters, and those that are being asked now.
	hung  map[string]chan struct{}
	asked []string
}

func (d *doors) Reach(ctx context.Context, c *v1alpha1.ClusterNetwork) (Site, error) {
	d.mu.Lock()
	hung := d.hung[c.Name]
	if hung != nil {
		d.asked = append(d.asked, c.Name)
	}
	d.mu.Unlock()
	if hung == nil {
		return door(c.Name), nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-hung:
		return door(c.Name), nil
	}
}

func (d *doors) waiting() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(slices.Values(d.asked))
}

func (*doors) Trouble(error) Trouble                           { return Broken }
func (*doors) MayGoBack(reconcile.Outcome, time.Duration) bool { return false }

type door string

func (door) Kubernetes() string { return "v1.36.3" }
func (d door) UID() string      { return string(d) }
func (door) Seat(string) Seat   { panic("it has no add-on") }

// hangs has three clusters that did not answer the last time and hang now, and a single worker: all of them are asked at once, each once, and the
// one that answers is visited meanwhile. It would catch whoever waits for an answer in a worker.
func hangs(t *testing.T, h *hubUnderTest, _ *player) {
	t.Helper()
	d := &doors{hung: map[string]chan struct{}{"hung1": make(chan struct{}), "hung2": nil, "hung3": nil}}
	d.hung["hung2"], d.hung["hung3"] = d.hung["hung1"], d.hung["hung1"]
	since := metav1.Now()
	for _, name := range []string{"hung1", "hung2", "hung3", "well"} {
		n := &v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ClusterNetworkSpec{NetworkType: v1alpha1.FlannelOverlay}}
		must(t, h.Create(t.Context(), n))
		if d.hung[name] != nil {
			observe(t, h, n, name, func(n *v1alpha1.ClusterNetwork) { n.Status.Away = &since })
		}
	}
	h.drives(t, d)
	visited := func(name string) {
		t.Helper()
		testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
			var n v1alpha1.ClusterNetwork
			if err := h.Get(ctx, client.ObjectKey{Name: name}, &n); err != nil || n.Status.UID != name || n.Status.Away != nil {
				return fmt.Errorf("%s says %+v (%w)", name, n.Status, err)
			}
			return nil
		})
	}
	visited("well")
	want := []string{"hung1", "hung2", "hung3"}
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if got := d.waiting(); len(got) < len(want) {
			return fmt.Errorf("%v are asked", got)
		}
		return nil
	})
	quiet(t, "a cluster was asked again that had not answered yet", func() bool { return !slices.Equal(d.waiting(), want) })
	close(d.hung["hung1"])
	for _, name := range want {
		visited(name)
	}
}

// drives runs the controller of clusters, with one worker, until the test ends.
func (h *hubUnderTest) drives(t *testing.T, sites Sites) {
	t.Helper()
	m, err := ctrl.NewManager(h.config, ctrl.Options{
		Scheme: h.scheme, Metrics: server.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: new(true)}, Logger: logr.Discard(),
	})
	must(t, err)
	must(t, (&Clusters{Hub: m.GetClient(), Sites: sites, Name: "test", Workers: 1, Resync: 200 * time.Millisecond}).SetUp(m))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the manager ended: %v", err)
		}
	})
}
