package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/controller"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// firstCall is how long a cluster may take to answer at all before it counts as unreachable.
const firstCall = 8 * time.Second

// sites reaches the clusters of a hub.
type sites struct {
	hub      *kube.Client
	catalogs *controller.Catalogs
	charts   fs.FS
	// by is who drives, in the status.
	by string
}

// Reach connects to a cluster, with the kubeconfig that is there now, and asks it who it is. Clients are not kept: a cluster that has
// nothing to do costs no memory.
func (s *sites) Reach(ctx context.Context, c *v1alpha1.ClusterNetwork) (controller.Site, error) {
	target, err := s.client(ctx, c)
	if err != nil {
		return nil, err
	}
	version, err := target.Version(ctx, firstCall)
	if err != nil {
		return nil, err
	}
	ns, err := target.Typed.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading namespace kube-system: %w", err)
	}
	return &site{sites: s, cluster: c.Name, target: target, version: version, uid: string(ns.UID)}, nil
}

func (s *sites) client(ctx context.Context, c *v1alpha1.ClusterNetwork) (*kube.Client, error) {
	if c.Spec.Connection == nil {
		return s.hub, nil
	}
	cfg, err := hub.New(s.hub).Connection(ctx, c)
	if kube.Unreachable(err) {
		return nil, fmt.Errorf("%w: %w", controller.ErrHub, err)
	}
	if err != nil {
		return nil, err
	}
	return kube.New(cfg)
}

// Trouble tells what an error means.
func (s *sites) Trouble(err error) controller.Trouble {
	_, held := errors.AsType[*kube.HeldError](err)
	switch {
	case held:
		return controller.Busy
	case errors.Is(err, kube.ErrFenced):
		return controller.Lost
	case kube.Unreachable(err):
		return controller.Unreachable
	case drive.Transient(err):
		return controller.Passing
	default:
		return controller.Broken
	}
}

// MayGoBack tells whether a run has failed, and is to be gone back from as the record says.
func (s *sites) MayGoBack(out reconcile.Outcome, timeout time.Duration) bool {
	return drive.Failed(out, timeout) && drive.ByManager(out.Input.Desired, out) != plan.Hold
}

// site is a cluster that has answered.
type site struct {
	*sites
	cluster      string
	target       *kube.Client
	version, uid string
}

func (s *site) Kubernetes() string { return s.version }
func (s *site) UID() string        { return s.uid }

// Seat is where an add-on of the cluster is driven from.
func (s *site) Seat(addOn string) controller.Seat {
	out := &seat{Seat: drive.New(drive.Place{
		Cluster: s.cluster, AddOn: addOn, Target: s.target, Hub: s.hub, Catalog: s.catalogs.Current(), Charts: s.charts, By: s.by,
	})}
	out.Adjust = func(in *plan.Input) { controller.Held(in, out.hold) }
	out.Loop.Wait = true
	log := ctrl.Log.WithValues("cluster", s.cluster, "addon", addOn)
	out.Loop.Trouble = func(err error) { log.Info("Going on in spite of an error", "why", err.Error()) }
	out.Note = func(text string) { log.Info("Note", "text", text) }
	return out
}

// seat drives one add-on, as its record and a rollout say.
type seat struct {
	*drive.Seat
	hold   string
	course *reconcile.Course
	// tenure is asked before a step; nil while the cluster was not taken over.
	tenure func(context.Context) error
	// known is true when the account was looked for that acts.
	known bool
}

func (s *seat) Hold(hold string) { s.hold = hold }

// Observe looks as addonctl's own account where there is one, so that our user needs no right to look: to ask for the account's tokens is enough.
// What was pinned at the cluster itself counts.
func (s *seat) Observe(ctx context.Context) (plan.Input, error) {
	if !s.known {
		if err := s.AsAccount(ctx); err != nil {
			return plan.Input{}, err
		}
		if acting := s.Acting(); acting != nil {
			s.Observer.Target = acting
		}
		s.known = true
	}
	if err := s.follow(ctx); err != nil {
		return plan.Input{}, err
	}
	return s.Seat.Observe(ctx)
}

// follow takes over what was pinned at the cluster itself, before anything is made of what its hub wants.
func (s *seat) follow(ctx context.Context) error {
	if s.Client == s.Hub.Client() {
		return nil
	}
	pins, err := s.Hub.FollowOwnPins(ctx, hub.New(s.Observer.Target), s.Cluster)
	for _, a := range pins {
		s.Note("it was pinned at the cluster itself: " + a.Spec.Addon + " " + a.Spec.Version)
	}
	if err != nil {
		return fmt.Errorf("taking over what is pinned at cluster %s itself: %w", s.Cluster, err)
	}
	return nil
}

// Course begins a run.
func (s *seat) Course(life context.Context) *reconcile.Course {
	s.Loop.Observer, s.Loop.Tenure = s, s.allowed
	s.course = s.Loop.Begin(life)
	return s.course
}

func (s *seat) allowed(ctx context.Context) error {
	return controller.Allowed(ctx, s.course.Outcome(), s.hold, s.tenure)
}

// Take takes the cluster over, if nobody else is at work on it.
func (s *seat) Take(ctx context.Context) (leave func(), err error) {
	leave, err = s.Begin(ctx, nil)
	if err == nil {
		s.tenure = s.Loop.Tenure
	}
	s.Loop.Tenure = s.allowed
	return leave, err
}

// GoBack records the way back of a move that failed. What a rollout holds, it does not hold this.
func (s *seat) GoBack(ctx context.Context, failed reconcile.Outcome, timeout time.Duration) error {
	hold := s.hold
	s.hold = ""
	defer func() { s.hold = hold }()
	want := failed.Input.Desired
	r, err := s.Back(ctx, failed, failed.Input.Record.Deployed(), want, drive.ByManager(want, failed), drive.Why(failed, timeout))
	if err != nil {
		return err
	}
	return s.Save(ctx, r.Request, r.Wish)
}
