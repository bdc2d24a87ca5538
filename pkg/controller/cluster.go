package controller

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// Clusters drives the add-ons of every cluster to what their records want: one step of one add-on of a cluster at a time. A cluster that
// has nothing to do costs a look every Resync, and nothing in between. One that cannot be reached is asked less and less often.
type Clusters struct {
	// Hub reads from the cache, and writes.
	Hub   client.Client
	Sites Sites
	// Catalogs that Sites plan with; nothing is driven before they were read. Nil is fine.
	Catalogs *Catalogs
	// Name of this manager, as "namespace/name" of its Lease in the hub.
	Name string
	// Workers is how many clusters are worked on at once. A cluster whose nodes are waited for takes none.
	Workers int
	// Resync is the time between two looks at a cluster that has nothing to do.
	Resync time.Duration
	// Timeout is how long the nodes of a move may take, where the DaemonSet controller changes them, before those that are in trouble
	// make it a failed one.
	Timeout time.Duration
	// Times are told how long nodes took; nil is fine.
	Times Stopwatch
	// Events tell what became of pins; nil is fine.
	Events events.EventRecorder

	mu sync.Mutex
	// doing are the clusters under way, by their names, and misses how often in a row one could not be reached or worked on.
	doing  map[string]*undertaking
	misses map[string]int
	// knocks are visits under way to clusters that did not answer, and what came of them; room is taken by each that is made.
	knocks map[string]*knock
	room   chan struct{}
	// life ends with the process; nothing is begun after it. It is nil before Start.
	life  context.Context //nolint:containedctx // what is under way outlives a reconciliation
	again chan event.GenericEvent
}

const (
	// soon is the pause after what may pass by itself, and the first one of a back-off.
	soon = time.Second
	// busy is the pause when another actor is at work on a cluster, and the longest one after what may pass by itself.
	busy = 15 * time.Second
)

// byCluster is the index of the add-ons of a cluster.
const byCluster = "spec.cluster"

// SetUp registers the controller.
func (r *Clusters) SetUp(m ctrl.Manager) error {
	r.doing, r.misses, r.again = map[string]*undertaking{}, map[string]int{}, make(chan event.GenericEvent)
	r.knocks, r.room = map[string]*knock{}, make(chan struct{}, knocking*max(r.Workers, 1))
	err := m.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.Addon{}, byCluster, func(o client.Object) []string {
		a, _ := o.(*v1alpha1.Addon)
		return []string{a.Spec.Cluster}
	})
	if err != nil {
		return err
	}
	if err := m.Add(r); err != nil {
		return err
	}
	owner := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []ctrl.Request {
		a, _ := o.(*v1alpha1.Addon)
		return []ctrl.Request{request(a.Spec.Cluster)}
	})
	mine := func(ctx context.Context, a *v1alpha1.Addon) bool { // the cache has the clusters of this manager alone
		return r.Hub.Get(ctx, client.ObjectKey{Name: a.Spec.Cluster}, &v1alpha1.ClusterNetwork{}) == nil
	}
	recorder := m.GetEventRecorder("addon-manager")
	// A status is written by us: it is no reason to look again.
	wishes := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return ctrl.NewControllerManagedBy(m).Named("cluster").
		For(&v1alpha1.ClusterNetwork{}, wishes).
		Watches(&v1alpha1.Addon{}, owner, wishes).
		Watches(&v1alpha1.ClusterNetwork{}, told(recorder, &v1alpha1.ClusterNetwork{}, always, ofCluster)).
		Watches(&v1alpha1.Addon{}, told(recorder, &v1alpha1.Addon{}, mine, ofAddon)).
		Watches(&v1alpha1.AddonCatalog{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(predicate.Funcs{UpdateFunc: newCatalog})).
		WatchesRawSource(source.Channel(r.again, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.Workers}).
		Complete(r)
}

// newCatalog tells whether another catalog, or another recall, is in force: its status says so when it is.
func newCatalog(e event.UpdateEvent) bool {
	before, _ := e.ObjectOld.(*v1alpha1.AddonCatalog)
	after, _ := e.ObjectNew.(*v1alpha1.AddonCatalog)
	return before.Status.Digest != after.Status.Digest || before.Status.ObservedGeneration != after.Status.ObservedGeneration
}

// all are the clusters that are driven: which release each would take is asked anew.
func (r *Clusters) all(ctx context.Context, _ client.Object) []ctrl.Request {
	clusters := &v1alpha1.ClusterNetworkList{}
	if err := r.Hub.List(ctx, clusters); err != nil {
		log.FromContext(ctx).Error(err, "Listing the clusters for another catalog")
	}
	out := make([]ctrl.Request, 0, len(clusters.Items))
	for i := range clusters.Items {
		out = append(out, request(clusters.Items[i].Name))
	}
	return out
}

func request(cluster string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Name: cluster}}
}

// NeedLeaderElection is true: a standby drives nothing.
func (*Clusters) NeedLeaderElection() bool { return true }

// Start lets clusters be taken over, until the context ends. Then it leaves those that are under way: whoever comes next need not wait for
// their Leases to run out.
func (r *Clusters) Start(ctx context.Context) error {
	r.mu.Lock()
	r.life = ctx
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	left := r.doing
	r.doing = map[string]*undertaking{}
	r.mu.Unlock()
	var all sync.WaitGroup
	for _, u := range left {
		all.Go(u.close)
	}
	all.Wait()
	return nil
}

// Reconcile gives a cluster one step.
func (r *Clusters) Reconcile(ctx context.Context, q ctrl.Request) (ctrl.Result, error) {
	life := r.alive()
	if life == nil || !r.Catalogs.Followed() {
		return ctrl.Result{RequeueAfter: soon}, nil
	}
	c := &v1alpha1.ClusterNetwork{}
	if err := r.Hub.Get(ctx, q.NamespacedName, c); err != nil {
		r.forget(q.Name)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	addOns := &v1alpha1.AddonList{}
	if err := r.Hub.List(ctx, addOns, client.MatchingFields{byCluster: c.Name}); err != nil {
		return ctrl.Result{}, err
	}
	// The CNI comes first: whatever stands beside it was recorded later.
	slices.SortFunc(addOns.Items, func(a, b v1alpha1.Addon) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	after := r.drive(ctx, life, c, addOns.Items)
	return ctrl.Result{RequeueAfter: untilPin(after, addOns.Items, time.Now())}, nil
}

// alive is the context of what outlives a reconciliation; nil before Start.
func (r *Clusters) alive() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.life
}

// drive goes on with the add-on that is under way, else looks at each, and returns when the next reconciliation is due.
func (r *Clusters) drive(ctx, life context.Context, c *v1alpha1.ClusterNetwork, addOns []v1alpha1.Addon) time.Duration {
	u, i := r.underWay(c.Name), -1
	if u != nil {
		i = slices.IndexFunc(addOns, func(a v1alpha1.Addon) bool { return a.Spec.Addon == u.addOn })
		if i < 0 || !u.stands(c, r.Catalogs.Current()) {
			r.drop(c.Name) // its record is gone, the cluster is reached otherwise, or another catalog is in force
			u = nil
		}
	}
	if u != nil && c.Status.Away == nil {
		return r.step(ctx, c, &addOns[i], u)
	}
	site, answered, err := r.reach(ctx, life, c)
	switch {
	case !answered:
		return r.Resync
	case err != nil:
		return r.away(ctx, c, err)
	case u != nil: // it went away in the middle, and answers again
		return r.step(ctx, c, &addOns[i], u)
	}
	return r.look(ctx, life, c, addOns, site)
}

// look looks at each add-on of a cluster that answers, until one of them is under way.
func (r *Clusters) look(ctx, life context.Context, c *v1alpha1.ClusterNetwork, addOns []v1alpha1.Addon, site Site) time.Duration {
	r.say(ctx, c, status.Visit{Kubernetes: site.Kubernetes(), UID: site.UID()})
	if len(addOns) == 0 {
		r.forgive(c.Name)
	}
	idle := r.idle()
	for i := range addOns {
		a := &addOns[i]
		u := newUndertaking(life, c, r.Catalogs.Current(), a.Spec.Addon, site)
		if !r.keep(c.Name, u) {
			u.close()
			return soon // the process ends
		}
		after := r.step(ctx, c, a, u)
		if r.underWay(c.Name) != nil {
			return after
		}
		idle = min(idle, after)
	}
	return idle
}

// untilPin is the time to the next look, which is not after the time at which a pin of an add-on speaks up.
func untilPin(after time.Duration, addOns []v1alpha1.Addon, now time.Time) time.Duration {
	for i := range addOns {
		if at := status.PinSpeaks(addOns[i].Spec, now); !at.IsZero() {
			after = min(after, max(at.Sub(now), soon))
		}
	}
	return after
}

// idle is the time to the next look at a cluster that has nothing to do: never less than Resync, and not the same for all.
func (r *Clusters) idle() time.Duration { return r.Resync + rand.N(r.Resync/5+1) } //nolint:gosec // no secret

// backOff is the time to the next try, which grows with each one up to a limit.
func (r *Clusters) backOff(cluster string, most time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.misses[cluster]
	r.misses[cluster] = n + 1
	d := min(soon<<min(n, 20), most)
	return d + rand.N(d/5+1) //nolint:gosec // no secret
}

func (r *Clusters) forgive(cluster string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.misses, cluster)
}

// away notes that a cluster cannot be reached. It spends nothing but this: no other one waits for it.
func (r *Clusters) away(ctx context.Context, c *v1alpha1.ClusterNetwork, err error) time.Duration {
	if ctx.Err() != nil {
		return soon
	}
	if errors.Is(err, ErrHub) {
		return r.backOff(c.Name, r.Resync)
	}
	if c.Status.Away == nil {
		log.FromContext(ctx).Info("Cluster cannot be reached", "why", err.Error())
	}
	r.say(ctx, c, status.Visit{Away: err.Error()})
	return r.backOff(c.Name, r.Resync)
}

// say writes what is seen of a cluster as a whole, where it is something else than what stands there.
func (r *Clusters) say(ctx context.Context, c *v1alpha1.ClusterNetwork, v status.Visit) {
	v.Manager, v.At = r.Name, time.Now()
	next := status.Cluster(c.Status, c.Generation, v)
	if v.Away != "" && c.Status.Away != nil {
		keepMessages(&next, c.Status) // the port in "read: connection reset" is no news
	}
	if reflect.DeepEqual(next, c.Status) {
		return
	}
	c = c.DeepCopy()
	c.Status = next
	if err := r.Hub.Status().Update(ctx, c); err != nil && !apierrors.IsConflict(err) && ctx.Err() == nil {
		log.FromContext(ctx).Error(err, "Keeping the status of a cluster")
	}
}

// keepMessages keeps what was said first of a cluster that is away.
func keepMessages(next *v1alpha1.ClusterNetworkStatus, before v1alpha1.ClusterNetworkStatus) {
	for i := range next.Conditions {
		was := slices.IndexFunc(before.Conditions, func(b metav1.Condition) bool { return b.Type == next.Conditions[i].Type })
		if was >= 0 && before.Conditions[was].Status == next.Conditions[i].Status {
			next.Conditions[i].Message = before.Conditions[was].Message
		}
	}
}

// underWay is what is under way on a cluster, with nobody waiting for its nodes any more; nil when nothing is.
func (r *Clusters) underWay(cluster string) *undertaking {
	r.mu.Lock()
	u := r.doing[cluster]
	r.mu.Unlock()
	if u != nil {
		u.stir()
	}
	return u
}

// keep notes what is under way; false when the process ends.
func (r *Clusters) keep(cluster string, u *undertaking) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.Err() != nil {
		return false
	}
	r.doing[cluster] = u
	return true
}

// drop ends what is under way on a cluster, if anything is, and leaves it.
func (r *Clusters) drop(cluster string) {
	r.mu.Lock()
	u := r.doing[cluster]
	delete(r.doing, cluster)
	r.mu.Unlock()
	if u != nil {
		u.close()
	}
}

// forget ends what is under way on a cluster whose record is gone, and forgets what is known of it.
func (r *Clusters) forget(cluster string) {
	r.drop(cluster)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.misses, cluster)
	delete(r.knocks, cluster)
}

// wake asks for a reconciliation of a cluster, unless the context ends first.
func (r *Clusters) wake(ctx context.Context, cluster string) {
	c := &v1alpha1.ClusterNetwork{}
	c.Name = cluster
	select {
	case <-ctx.Done():
	case r.again <- event.GenericEvent{Object: c}:
	}
}
