package controller

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

var (
	kills    = flag.Int("hub-kills", 10, "how many of a rollout's writes to the hub a manager is killed at; 0 takes all of them")
	killSeed = flag.Uint64("hub-kill-seed", uint64(time.Now().UnixNano()), "seed of the sample")
)

// mortal is the connection of a manager that dies at a write to the records: before the API server heard of it, or after it was carried out and
// before the manager knew. From then on nothing reaches the server, as with a process that was killed.
type mortal struct {
	mu sync.Mutex
	// writes so far; at is the one that it dies at, 0 for none.
	writes, at int
	after      bool
	dead       bool
}

var errDead = errors.New("killed")

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// connection is the one to a hub, for a mortal.
func (m *mortal) connection(to *rest.Config) *rest.Config {
	out := rest.CopyConfig(to)
	out.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(r *http.Request) (*http.Response, error) {
			switch alive, last := m.counts(r); {
			case alive:
				return next.RoundTrip(r)
			case last && m.after:
				if answer, err := next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context()))); err == nil {
					_ = answer.Body.Close()
				}
			}
			return nil, errDead
		})
	})
	return out
}

// counts tells whether a call is passed on, and whether it is the one that the mortal dies at.
func (m *mortal) counts(r *http.Request) (alive, last bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead || r.Method == http.MethodGet || !strings.HasPrefix(r.URL.Path, "/apis/addonctl.io/") {
		return !m.dead, false
	}
	m.writes++
	m.dead = m.writes == m.at
	return !m.dead, m.dead
}

func (m *mortal) seen() (writes int, dead bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes, m.dead
}

// killedAnywhere kills a manager at writes to the hub, and another one goes on: every cluster moves once, in its turn, one at a time, and the rollout
// ends. It would catch whoever tells a cluster before it is recorded, or does something that the next one cannot see.
func killedAnywhere(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	all := h.dies(t, p, &mortal{})
	t.Logf("a rollout makes %d writes; seed %d", all, *killSeed)
	var points []mortal
	for at := 1; at <= all; at++ {
		points = append(points, mortal{at: at}, mortal{at: at, after: true})
	}
	chance := rand.New(rand.NewPCG(*killSeed, 0)) //nolint:gosec // a sample that can be repeated
	chance.Shuffle(len(points), func(i, j int) {
		points[i].at, points[i].after, points[j].at, points[j].after = points[j].at, points[j].after, points[i].at, points[i].after
	})
	if *kills > 0 {
		points = points[:min(*kills, len(points))]
	}
	died := 0
	for i := range points {
		m := &points[i]
		h.dies(t, p, m)
		if _, dead := m.seen(); dead {
			died++
		}
		if t.Failed() {
			t.Fatalf("killed at write %d, carried out: %v (-hub-kill-seed %d)", m.at, m.after, *killSeed)
		}
	}
	if died == 0 {
		t.Error("nobody was killed: nothing is proved")
	}
}

// dies plays a rollout whose first manager is a mortal, and returns how many writes that made.
func (h *hubUnderTest) dies(t *testing.T, p *player, m *mortal) int {
	t.Helper()
	h.clear(t)
	p.set(func() { p.newest, p.made, p.most = older, nil, 0 })
	h.register(t, "c1 wave=canary", "c2", "c3")
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { twoWaves(s); s.MaxConcurrent = count(1) })
	p.set(func() { p.newest = newer })
	end := h.replica(t, m.connection(h.config))
	if m.at > 0 {
		testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
			if _, dead := m.seen(); dead {
				return nil
			}
			var x v1alpha1.AddonRollout
			if err := h.Get(ctx, client.ObjectKey{Name: prod}, &x); err != nil || x.Status.Phase != "Finished" {
				return fmt.Errorf("the rollout is %q, and nobody died (%w)", x.Status.Phase, err)
			}
			return nil // it made fewer writes this time
		})
		end()
		end = h.replica(t, h.config)
	}
	x := h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done")
	for _, c := range []string{"c1", "c2", "c3"} {
		h.says(t, c, "")
	}
	end()
	h.runs(t, newer, "c1", "c2", "c3")
	for _, one := range x.Status.Members {
		if one.Tries != 1 {
			t.Errorf("%s was told to move %d times", one.Cluster, one.Tries)
		}
	}
	p.set(func() {
		if len(p.made) != 3 || p.made[0] != "c1 "+newer || p.most > 1 {
			t.Errorf("moves were made in the order %v, at most %d at once", p.made, p.most)
		}
	})
	writes, _ := m.seen()
	return writes
}

// hubRestarts takes the hub's API server away in the middle of a rollout: nothing is lost, and it goes on by itself.
func hubRestarts(t *testing.T, h *hubUnderTest, p *player) {
	t.Helper()
	h.register(t, "c1 wave=canary", "c2", "c3")
	p.set(func() { p.newest, p.stuck["c2"] = newer, true })
	h.policyOf(t, "prod", func(s *v1alpha1.UpdatePolicySpec) { twoWaves(s); s.MaxConcurrent = count(1) })
	h.manage(t)
	h.reaches(t, prod, "Rolling", "c1=Done c2=Running c3=Pending")
	must(t, h.server.Kill(t.Context(), sandbox.APIServer))
	var x v1alpha1.AddonRollout
	if err := h.Get(t.Context(), client.ObjectKey{Name: prod}, &x); err == nil {
		t.Error("the API server still answers: nothing is proved")
	}
	must(t, h.server.Start(t.Context(), sandbox.APIServer))
	p.set(func() { p.stuck["c2"] = false })
	done := h.reaches(t, prod, "Finished", "c1=Done c2=Done c3=Done")
	for _, m := range done.Status.Members {
		if m.Tries != 1 {
			t.Errorf("%s was told to move %d times", m.Cluster, m.Tries)
		}
	}
	p.set(func() {
		if len(p.made) != 3 || p.most > 1 {
			t.Errorf("moves were made in the order %v, at most %d at once", p.made, p.most)
		}
	})
}
