package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	runtime "sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// FleetOptions are what the controllers of a fleet work with.
type FleetOptions struct {
	// Name of the manager that decides, as "namespace/name" of its Lease in the hub; rollouts carry it. Empty for none.
	Name string
	// DefaultPolicy is true when clusters that no UpdatePolicy takes follow the built-in one (BuiltInPolicy); else they stay as they are.
	DefaultPolicy bool
	// Catalogs hold the catalog in force; AddFleet keeps them up to date with the hub's AddonCatalog. Required.
	Catalogs *Catalogs
	// Gather is how long after a rollout was opened its members are chosen: clusters tell one after the other that they would take a release,
	// and who tells it later joins late. 0 chooses at once.
	Gather time.Duration
	// Workers is how many rollouts are worked on at once; 0 means 2.
	Workers int
	// Times are told how long halts took; nil is fine.
	Times Stopwatch
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Suffix of the names of the controllers, which are unique in a process; tests that run several managers set it.
	Suffix string
}

// AddFleet adds the controllers of UpdatePolicy, AddonRollout and AddonCatalog to a manager. They work on the records of the hub alone, and
// only while the manager leads. The manager's scheme has to know v1alpha1.
func AddFleet(m manager.Manager, o FleetOptions) error {
	if o.Catalogs == nil {
		return errors.New("adding the controllers of a fleet: there is no catalog")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &fleet{
		client: m.GetClient(), events: m.GetEventRecorder("addon-manager"), builtIn: o.DefaultPolicy, catalogs: o.Catalogs, now: o.Now, gather: o.Gather,
		name: o.Name, halts: haltTimes{times: o.Times},
	}
	for _, add := range []func(manager.Manager, FleetOptions) error{f.addPolicies, f.addRollouts, f.addCatalogs} {
		if err := add(m, o); err != nil {
			return fmt.Errorf("adding the controllers of a fleet: %w", err)
		}
	}
	return nil
}

// AddCatalog adds the controller of AddonCatalog alone, for a manager that decides on no rollouts.
func AddCatalog(m manager.Manager, catalogs *Catalogs) error {
	f := &fleet{client: m.GetClient(), events: m.GetEventRecorder("addon-manager"), catalogs: catalogs, now: time.Now}
	return f.addCatalogs(m, FleetOptions{})
}

func (f *fleet) addCatalogs(m manager.Manager, o FleetOptions) error {
	// The hub may have none, and then nothing happens that would have it asked for.
	first := manager.RunnableFunc(func(ctx context.Context) error {
		for {
			_, err := catalogReconciler{f}.Reconcile(ctx, reconcile.Request{})
			if err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(soon):
				log.FromContext(ctx).Error(err, "Reading the catalog of the hub for the first time")
			}
		}
	})
	if err := m.Add(first); err != nil {
		return err
	}
	return builder.ControllerManagedBy(m).Named("addoncatalog"+o.Suffix).
		For(&v1alpha1.AddonCatalog{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(catalogReconciler{f})
}

func (f *fleet) addPolicies(m manager.Manager, o FleetOptions) error {
	all := func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{allPolicies} }
	return builder.ControllerManagedBy(m).Named("updatepolicy"+o.Suffix).
		WithOptions(runtime.Options{MaxConcurrentReconciles: 1}).
		Watches(&v1alpha1.UpdatePolicy{}, handler.EnqueueRequestsFromMapFunc(all), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.AddonCatalog{}, handler.EnqueueRequestsFromMapFunc(all)).
		Watches(&v1alpha1.AddonCatalog{}, told(f.events, &v1alpha1.AddonCatalog{}, always, ofCatalog)).
		Watches(&v1alpha1.AddonRollout{}, handler.EnqueueRequestsFromMapFunc(all), builder.WithPredicates(changed(rolloutMatters))).
		Watches(&v1alpha1.ClusterNetwork{}, gathered(all), builder.WithPredicates(changed(clusterMatters))).
		Watches(&v1alpha1.Addon{}, gathered(all), builder.WithPredicates(changed(addonMatters))).
		Complete(policyReconciler{f})
}

func (f *fleet) addRollouts(m manager.Manager, o FleetOptions) error {
	all := f.rollouts(func(*v1alpha1.AddonRollout, client.Object) bool { return true })
	return builder.ControllerManagedBy(m).Named("addonrollout"+o.Suffix).
		WithOptions(runtime.Options{MaxConcurrentReconciles: max(o.Workers, 2)}).
		For(&v1alpha1.AddonRollout{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.AddonRollout{}, handler.EnqueueRequestsFromMapFunc(f.rollouts(besides)), builder.WithPredicates(changed(rolloutMatters))).
		Watches(&v1alpha1.UpdatePolicy{}, handler.EnqueueRequestsFromMapFunc(all), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.AddonCatalog{}, handler.EnqueueRequestsFromMapFunc(all), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.ClusterNetwork{}, gathered(all), builder.WithPredicates(changed(clusterMatters))).
		Watches(&v1alpha1.Addon{}, gathered(f.rollouts(concerns)), builder.WithPredicates(changed(addonMatters))).
		Complete(rolloutReconciler{f})
}

// rollouts are those for which something holds that an object tells.
func (f *fleet) rollouts(which func(*v1alpha1.AddonRollout, client.Object) bool) handler.MapFunc {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		var list v1alpha1.AddonRolloutList
		if err := f.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			return nil // the cache is being closed
		}
		var out []reconcile.Request
		for i := range list.Items {
			if which(&list.Items[i], o) {
				out = append(out, reconcile.Request{NamespacedName: client.ObjectKey{Name: list.Items[i].Name}})
			}
		}
		return out
	}
}

// besides tells whether a rollout is another of the same policy and add-on: one may take the other's place.
func besides(x *v1alpha1.AddonRollout, o client.Object) bool {
	other, ok := o.(*v1alpha1.AddonRollout)
	return ok && x.Name != other.Name && of(x, other.Spec.Policy, other.Spec.Addon)
}

// concerns tells whether an add-on can change what is decided about a rollout. Nobody comes back to one that has ended, but who would take
// its release, or carries its mark.
func concerns(x *v1alpha1.AddonRollout, o client.Object) bool {
	a, ok := o.(*v1alpha1.Addon)
	return ok && x.Spec.Addon == a.Spec.Addon && (!status.StandingOf(x).Ended() || x.Status.Unreachable > 0 || x.Status.Running > 0 ||
		status.SameVersion(x.Spec.Version, a.Status.NewestFit) || a.Spec.Rollout != nil && a.Spec.Rollout.Name == x.Name)
}

// gatherFor is how long changes of clusters are gathered before they are looked at: many come at once.
const gatherFor = 100 * time.Millisecond

// gathered enqueues requests so that those that come within a while are one.
func gathered(to handler.MapFunc) handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	add := func(ctx context.Context, o client.Object, q queue) {
		for _, r := range to(ctx, o) {
			q.AddAfter(r, gatherFor)
		}
	}
	return handler.Funcs{
		CreateFunc:  func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, e.Object, q) },
		UpdateFunc:  func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, e.ObjectNew, q) },
		DeleteFunc:  func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, e.Object, q) },
		GenericFunc: func(ctx context.Context, e event.GenericEvent, q queue) { add(ctx, e.Object, q) },
	}
}

// changed lets through updates of objects that differ in what matters, and everything that comes or goes.
func changed[T client.Object](matters func(T) any) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(T)
		after, is := e.ObjectNew.(T)
		return !ok || !is || !equality.Semantic.DeepEqual(matters(before), matters(after))
	}}
}

// What matters of each kind to those who decide about a fleet.

func rolloutMatters(x *v1alpha1.AddonRollout) any {
	return []any{x.Generation, x.Status.Phase, x.Status.Aborted, x.Status.Undone, x.Status.Running, x.Status.Unreachable}
}

func clusterMatters(n *v1alpha1.ClusterNetwork) any {
	return []any{n.Labels, n.Spec.Paused, status.Reachable(n)}
}

func addonMatters(a *v1alpha1.Addon) any {
	type word struct{ Type, Status, Reason string }
	var words []word
	for _, t := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionStalled} {
		if c := meta.FindStatusCondition(a.Status.Conditions, t); c != nil {
			words = append(words, word{c.Type, string(c.Status), c.Reason})
		}
	}
	s := a.Status
	return []any{a.Generation, status.Observed(a), s.NewestFit, s.CurrentInstalledVersion, s.NodeVersions, s.Held, movement(a), words}
}
