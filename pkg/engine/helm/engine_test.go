package helm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/observe"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// bench is an engine on a real control plane without nodes.
type bench struct {
	*helm.Engine
	cluster  *testkube.Cluster
	observer *observe.Observer
}

func start(t *testing.T) *bench {
	t.Helper()
	return startWith(t, testkube.Options{})
}

func startWith(t *testing.T, o testkube.Options) *bench {
	t.Helper()
	c := testkube.Start(t, o)
	k, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		Engine:   &helm.Engine{Target: k, Charts: charts.FS, Now: time.Now},
		cluster:  c,
		observer: &observe.Observer{Cluster: "in-cluster", Target: k, Hub: hub.New(k), Catalog: cat, Now: time.Now, NetworkType: catalog.FlannelOverlay},
	}
}

// look is what a command would see and plan on the way to a version.
func (b *bench) look(t *testing.T, v string) (plan.Input, plan.Plan) {
	t.Helper()
	in, err := b.observer.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Cluster.Guard = plan.Guard{} // it has tests of its own
	in.Request = plan.Request{Verb: plan.SetPin, NetworkType: catalog.FlannelOverlay, Version: v, Pin: plan.Pin{Reason: "test"}}
	if in.Change, err = b.Change(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return in, plan.Make(in)
}

// do carries out the first step, which has to be of a kind.
func (b *bench) do(t *testing.T, v string, kind plan.StepKind) {
	t.Helper()
	in, p := b.look(t, v)
	s, ok := p.Next()
	if !ok || s.Kind != kind {
		t.Fatalf("next step %+v, want %s; findings %+v", s, kind, p.Findings)
	}
	if _, err := b.Do(t.Context(), in, s); err != nil {
		t.Fatal(err)
	}
}

// An actor that was stopped just before taking old rules back, and woken after another one had gone back to the release
// that needs them, takes nothing back. Without the look at the live revision it would: the old pods would lose their
// rule and, on the next restart, their configuration.
func TestAStaleSettleTakesNothingBack(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.do(t, "0.24.4", plan.Apply)
	waitObserved(t, b, "0.24.4")
	b.do(t, "0.24.4", plan.Settle)
	b.do(t, "0.26.2", plan.Apply)
	waitObserved(t, b, "0.26.2")
	stale, p := b.look(t, "0.26.2")
	settle, _ := p.Next()
	if settle.Kind != plan.Settle {
		t.Fatalf("next step %+v, want Settle", settle)
	}
	b.do(t, "0.24.4", plan.Apply) // somebody else goes back
	before := b.state(t)
	if _, err := b.Do(t.Context(), stale, settle); !errors.Is(err, helm.ErrStale) {
		t.Errorf("a stale Settle: %v, want ErrStale", err)
	}
	if after := b.state(t); after != before {
		t.Errorf("the stale Settle changed something: %+v, then %+v", before, after)
	}
	// The negative control: the very same call for the revision that is live does take back.
	waitObserved(t, b, "0.24.4")
	b.do(t, "0.24.4", plan.Settle)
	if after := b.state(t); after == before {
		t.Error("a Settle of the live revision changed nothing")
	}
}

// A step that was planned for another render than the one in hand writes nothing.
func TestAStepOfAnotherRenderIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	in, p := b.look(t, "0.26.2")
	s, _ := p.Next()
	s.Digest = "another"
	if _, err := b.Do(t.Context(), in, s); !errors.Is(err, helm.ErrStale) {
		t.Errorf("a step of another render: %v, want ErrStale", err)
	}
	if _, p := b.look(t, "0.26.2"); len(p.Steps) != 3 || p.Steps[0].Revision != 1 {
		t.Errorf("something was written: %+v", p.Steps)
	}
}

// state is what a Settle may take back.
type state struct{ rules, maps, revisions string }

func (b *bench) state(t *testing.T) state {
	t.Helper()
	typed := b.Target.Typed
	role, err := typed.RbacV1().ClusterRoles().Get(t.Context(), "flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := state{rules: role.ResourceVersion}
	maps, err := typed.CoreV1().ConfigMaps("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "addonctl.io/addon"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps.Items {
		s.maps += m.Name + " "
	}
	secrets, err := typed.CoreV1().Secrets("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range secrets.Items {
		s.revisions += x.Name + " " + x.Labels["status"] + ", "
	}
	return s
}

// waitObserved waits until the DaemonSet controller has seen the newest template.
func waitObserved(t *testing.T, b *bench, v string) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(context.Context) error {
		if in, _ := b.look(t, v); !in.Installed.Observed {
			return errors.New("the controller has not seen the template")
		}
		return nil
	})
}
