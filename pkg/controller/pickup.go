package controller

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
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
)

// Enroller records clusters.
type Enroller interface {
	// Enrol looks at a cluster that nothing is recorded of, and records it as it is given, with its stamp and its add-ons. version pins its CNI,
	// unless its own records say what is wanted; empty pins nothing. A *RefusalError says why nothing was recorded.
	Enrol(ctx context.Context, n *v1alpha1.ClusterNetwork, version string) error
}

// RefusalError is why a Cluster is not picked up, or not as it says.
type RefusalError struct {
	// Reason of the Event about the Cluster.
	Reason string
	// Note says what is wrong and what to do.
	Note string
	// Waits is true where nobody has to do anything.
	Waits bool
}

func (r *RefusalError) Error() string { return r.Reason + ": " + r.Note }

// Reasons of Events about Clusters of Cluster API; a finding of the plan that blocks has its own.
const (
	// PickedUp : it is recorded, and driven from now on.
	PickedUp = "PickedUp"
	// PickUpWaits : it is picked up as soon as something has happened that nobody has to see to.
	PickUpWaits = "PickUpWaits"
	// BadAnnotation : an annotation of ours cannot be read.
	BadAnnotation = "BadAnnotation"
	// AnnotationIgnored : an annotation of ours was changed or taken off after it was read.
	AnnotationIgnored = "AnnotationIgnored"
	// RegisteredByHand : records of that name are there, and somebody else made them.
	RegisteredByHand = "RegisteredByHand"
	// NameTaken : another Cluster has the name.
	NameTaken = "NameTaken"
	// KubeconfigForbidden : the manager may not read the Secret with the kubeconfig.
	KubeconfigForbidden = "KubeconfigForbidden"
	// KubeconfigBad : the kubeconfig cannot be used.
	KubeconfigBad = "KubeconfigBad"
	// PickUpFailed : the cluster cannot be looked at.
	PickUpFailed = "PickUpFailed"
	// Unregistered : the Cluster is gone, and its records with it.
	Unregistered = "Unregistered"
)

func refuse(reason, format string, args ...any) *RefusalError {
	return &RefusalError{Reason: reason, Note: fmt.Sprintf(format, args...)}
}

// PickUp registers the clusters that Cluster API makes and that carry our annotation, and unregisters them when they are gone. One manager of a hub
// does: the one that decides on rollouts, which sees every cluster.
type PickUp struct {
	// Enroller reaches the clusters. Required.
	Enroller Enroller
	// Catalogs that it plans with; nothing is picked up before they were read. Nil is fine.
	Catalogs *Catalogs
	// Every is the time between two looks whether the hub serves Cluster API.
	Every time.Duration
	// Workers is how many Clusters are picked up at once.
	Workers int
	// Resync is the longest back-off of a Cluster that cannot be picked up.
	Resync time.Duration

	client   client.Client
	live     client.Reader
	clusters dynamic.Interface
	rest     rest.Interface
	events   events.EventRecorder
	again    chan event.GenericEvent

	mu sync.Mutex
	// now is what is followed; nil while the hub serves no Cluster API.
	now *following
	// misses is how often in a row a Cluster could not be picked up, and said what was told of it last.
	misses map[types.NamespacedName]int
	said   map[types.NamespacedName]string
}

// SetUp registers the controller.
func (p *PickUp) SetUp(m ctrl.Manager) error {
	var err error
	if p.clusters, err = dynamic.NewForConfigAndClient(m.GetConfig(), m.GetHTTPClient()); err != nil {
		return fmt.Errorf("picking up clusters of Cluster API: %w", err)
	}
	d, err := discovery.NewDiscoveryClientForConfigAndClient(m.GetConfig(), m.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("picking up clusters of Cluster API: %w", err)
	}
	p.rest, p.client, p.live, p.events = d.RESTClient(), m.GetClient(), m.GetAPIReader(), m.GetEventRecorder("addon-manager")
	p.again, p.misses, p.said = make(chan event.GenericEvent), map[types.NamespacedName]int{}, map[types.NamespacedName]string{}
	if err := m.Add(p); err != nil {
		return err
	}
	// A status says nothing here, and is written all the time.
	matters := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
	return ctrl.NewControllerManagedBy(m).Named("clusterapi").
		Watches(&v1alpha1.ClusterNetwork{}, handler.EnqueueRequestsFromMapFunc(p.concerned), builder.WithPredicates(matters)).
		WatchesRawSource(source.Channel(p.again, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: p.Workers}).
		Complete(p)
}

// concerned are the Clusters that a record is of, or that want its name.
func (p *PickUp) concerned(_ context.Context, o client.Object) []ctrl.Request {
	f := p.followed()
	if f == nil {
		return nil
	}
	var out []ctrl.Request
	if of, ok := madeFor(o); ok {
		out = append(out, ctrl.Request{NamespacedName: of})
	}
	for _, key := range f.clusters.GetStore().ListKeys() {
		if c := f.cached(key); c != nil && c.annotated() && c.record() == o.GetName() {
			out = append(out, ctrl.Request{NamespacedName: c.key()})
		}
	}
	return out
}

// wakeRecorded asks for a look at every Cluster that there is a record of.
func (p *PickUp) wakeRecorded(ctx context.Context) {
	all, err := p.records(ctx, p.client)
	if err != nil {
		log.FromContext(ctx).Error(err, "Listing the clusters that were picked up")
	}
	clusters := map[types.NamespacedName]bool{}
	for i := range all.networks.Items {
		if of, ok := madeFor(&all.networks.Items[i]); ok {
			clusters[of] = true
		}
	}
	for i := range all.addOns.Items {
		if of, ok := madeFor(&all.addOns.Items[i]); ok {
			clusters[of] = true
		}
	}
	for of := range clusters {
		p.wake(ctx, of)
	}
}

// Reconcile looks at one Cluster: records of one that is gone are taken away first, then it is picked up, or its record follows it.
func (p *PickUp) Reconcile(ctx context.Context, q ctrl.Request) (ctrl.Result, error) {
	f := p.followed()
	switch {
	case f == nil:
		return ctrl.Result{}, nil // everything is looked at when that begins
	case !f.clusters.HasSynced() || !p.Catalogs.Followed():
		return ctrl.Result{RequeueAfter: soon}, nil
	}
	c := f.cached(q.String())
	record, stale, err := p.recorded(ctx, q.NamespacedName, c)
	if err != nil {
		return ctrl.Result{}, err
	}
	if stale != "" {
		again, err := p.unregister(ctx, f, q.NamespacedName, stale)
		return ctrl.Result{RequeueAfter: again}, err
	}
	switch {
	case c == nil:
		p.forget(q.NamespacedName)
		return ctrl.Result{}, nil
	case record != nil:
		p.forgive(q.NamespacedName)
		return ctrl.Result{}, p.keep(ctx, c, record)
	case !c.annotated():
		return ctrl.Result{}, nil
	default:
		return p.pickUp(ctx, c)
	}
}

// recorded is the record of a Cluster, and the UID of an earlier Cluster of its name that something is recorded of; empty when there is none.
func (p *PickUp) recorded(ctx context.Context, key types.NamespacedName, c *capiCluster) (record *v1alpha1.ClusterNetwork, stale string, err error) {
	all, err := p.records(ctx, p.client)
	if err != nil {
		return nil, "", err
	}
	for uid, o := range all.of(key) {
		n, network := o.(*v1alpha1.ClusterNetwork)
		switch {
		case c == nil || uid != string(c.GetUID()):
			stale = uid
		case network:
			record = n
		}
	}
	return record, stale, nil
}

// pickUp records a Cluster that nothing is recorded of, when its time has come.
func (p *PickUp) pickUp(ctx context.Context, c *capiCluster) (ctrl.Result, error) {
	err := p.enrol(ctx, c)
	refusal, ok := errors.AsType[*RefusalError](err)
	switch {
	case err == nil:
		p.forgive(c.key())
		p.tell(c, &RefusalError{Reason: PickedUp, Waits: true, Note: fmt.Sprintf(
			"it is recorded as ClusterNetwork %s; its CNI is installed when there is none, and is kept up to date", c.record())})
		return ctrl.Result{}, nil
	case ok:
		p.tell(c, refusal)
	case ctx.Err() == nil:
		log.FromContext(ctx).Info("Picking up a cluster, again", "cluster", c.key().String(), "why", err.Error())
	}
	return ctrl.Result{RequeueAfter: p.backOff(c.key())}, nil
}

func (p *PickUp) enrol(ctx context.Context, c *capiCluster) error {
	n, refusal := c.network()
	if refusal != nil {
		return refusal
	}
	there := &v1alpha1.ClusterNetwork{}
	if err := p.client.Get(ctx, client.ObjectKeyFromObject(n), there); err == nil {
		return whoseName(there)
	} else if !apierrors.IsNotFound(err) {
		return err
	}
	if why := c.idle(); why != "" {
		return &RefusalError{Reason: PickUpWaits, Waits: true, Note: "nothing is begun: " + why}
	}
	if !c.answers() {
		return &RefusalError{Reason: PickUpWaits, Waits: true, Note: "its control plane is not initialized yet"}
	}
	return p.Enroller.Enrol(ctx, n, c.GetAnnotations()[v1alpha1.AnnotationVersion])
}

// whoseName says who has a name.
func whoseName(n *v1alpha1.ClusterNetwork) *RefusalError {
	if of, ok := madeFor(n); ok {
		return refuse(NameTaken, "ClusterNetwork %s is that of Cluster %s: name another one by the annotation %s", n.Name, of, v1alpha1.AnnotationClusterName)
	}
	return refuse(RegisteredByHand, "ClusterNetwork %s was not made for this Cluster and is left alone: take the annotation %s off, name another record by the annotation %s, "+
		"or give that one up: addonctl cluster unregister %s", n.Name, v1alpha1.AnnotationNetworkType, v1alpha1.AnnotationClusterName, n.Name)
}

// keep lets a record follow its Cluster, and says what of it is not followed.
func (p *PickUp) keep(ctx context.Context, c *capiCluster, record *v1alpha1.ClusterNetwork) error {
	next := follow(record, *c)
	if next.Spec.Paused != record.Spec.Paused || !maps.Equal(next.Labels, record.Labels) || !maps.Equal(next.Annotations, record.Annotations) {
		if err := p.client.Update(ctx, next); err != nil {
			return client.IgnoreNotFound(err)
		}
		switch {
		case next.Spec.Paused && !record.Spec.Paused:
			leave(p.events, next, good("Paused", "", "nothing is written to the cluster while its Cluster %s is like this: %s", c.key(), c.idle()))
		case record.Spec.Paused && !next.Spec.Paused:
			leave(p.events, next, good("Resumed", "", "its Cluster %s is not paused any more", c.key()))
		}
	}
	if refusal := unfollowed(c, record); refusal != nil {
		p.tell(c, refusal)
	}
	return nil
}

// unfollowed says what a Cluster wants otherwise than its record has for life.
func unfollowed(c *capiCluster, record *v1alpha1.ClusterNetwork) *RefusalError {
	if !c.annotated() {
		return refuse(AnnotationIgnored, "the annotation %s was taken off, and nothing changes by that: addonctl cluster unregister %s gives the cluster up",
			v1alpha1.AnnotationNetworkType, record.Name)
	}
	n, refusal := c.network()
	switch {
	case refusal != nil:
		return refusal
	case n.Spec.NetworkType != record.Spec.NetworkType:
		return refuse("NetworkTypeImmutable", "the cluster is %s for life and cannot become %s, nothing changes: create a new cluster with the other type",
			record.Spec.NetworkType, n.Spec.NetworkType)
	case n.Name != record.Name:
		return refuse(AnnotationIgnored, "the cluster is recorded as %s, and stays so", record.Name)
	case !slices.Equal(n.Spec.PodCIDRs, record.Spec.PodCIDRs) && len(n.Spec.PodCIDRs) > 0 && len(record.Spec.PodCIDRs) > 0:
		return refuse("NetworkTypeImmutable", "its pods have addresses of %v, and that cannot become %v: pods keep their addresses", record.Spec.PodCIDRs, n.Spec.PodCIDRs)
	default:
		return nil
	}
}

// tell leaves an Event about a Cluster: of what has to be done at each look, of the rest once.
func (p *PickUp) tell(c *capiCluster, r *RefusalError) {
	p.mu.Lock()
	before := p.said[c.key()]
	p.said[c.key()] = r.Error()
	p.mu.Unlock()
	note := fnv.New32a()
	_, _ = note.Write([]byte(r.Note)) // never fails
	of := fmt.Sprintf("%08x", note.Sum32())
	switch {
	case !r.Waits:
		leave(p.events, c.Unstructured, bad(r.Reason, of, "%s", r.Note))
	case before != r.Error():
		leave(p.events, c.Unstructured, good(r.Reason, of, "%s", r.Note))
	}
}

func (p *PickUp) backOff(key types.NamespacedName) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.misses[key]
	p.misses[key] = n + 1
	d := min(soon<<min(n, 20), p.Resync)
	return d + rand.N(d/5+1) //nolint:gosec // no secret
}

func (p *PickUp) forgive(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.misses, key)
}

func (p *PickUp) forget(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.misses, key)
	delete(p.said, key)
}
