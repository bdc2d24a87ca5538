package observe

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// looked is what the last look saw of the nodes, without the nodes themselves.
type looked struct {
	sight

	now time.Time
}

// remember keeps what the nodes were made of, for Watch and Refresh.
func (o *Observer) remember(s sight, now time.Time) {
	s.nodes, s.pods = nil, nil
	o.last = &looked{sight: s, now: now}
}

// hand is the API server's clock between two looks at it. It says whole seconds, cut off: of several looks the one that was cut least counts,
// so that the hand is never ahead of the clock, and soon close behind it.
type hand struct{ at, now time.Time }

// set takes in what the server said a moment ago. A clock that was set back counts anew.
func (h *hand) set(now time.Time) {
	at := time.Now()
	if was := h.now.Add(at.Sub(h.at)); h.at.IsZero() || now.After(was) || was.Sub(now) > 2*time.Second {
		h.at, h.now = at, now
	}
}

// read is the time, as fine as the server says it.
func (h *hand) read() time.Time { return h.now.Add(time.Since(h.at)).Truncate(time.Second) }

// watching follows a DaemonSet, its pods, and the nodes.
type watching struct {
	workload types.UID

	nodes, pods, daemonSet *follower
}

// Watch follows what the last look saw of the nodes: them, the add-on's DaemonSet and its pods. changes has a value after
// something of it changed. stop ends it and returns when it has ended. Both are nil when the last look saw no DaemonSet. A watch that cannot
// be had, or breaks, is tried again, and Refresh knows nothing meanwhile.
func (o *Observer) Watch(ctx context.Context) (changes <-chan struct{}, stop func()) {
	if o.last == nil || o.last.workload == nil {
		return nil, nil
	}
	client := o.Target
	if o.Watching != nil {
		client = o.Watching
	}
	endless, err := client.Endless()
	if err != nil {
		return nil, nil // the configuration of a client that is there: it does not come to that
	}
	d := o.last.workload
	changed := make(chan struct{}, 1)
	nodes, pods, sets := endless.Typed.CoreV1().Nodes(), endless.Typed.CoreV1().Pods(d.Namespace), endless.Typed.AppsV1().DaemonSets(d.Namespace)
	o.watch = &watching{
		workload: d.UID,
		nodes:    follow(&corev1.Node{}, metav1.ListOptions{}, listed(nodes.List), nodes.Watch, changed),
		pods:     follow(&corev1.Pod{}, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)}, listed(pods.List), pods.Watch, changed),
		daemonSet: follow(&appsv1.DaemonSet{}, metav1.ListOptions{
			FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, d.Name).String(),
		}, listed(sets.List), sets.Watch, changed),
	}
	return changed, o.watch.run(ctx, func() { o.watch = nil })
}

// run follows until it is stopped.
func (w *watching) run(ctx context.Context, forget func()) (stop func()) {
	// What breaks a watch shows at the next look, in our own words.
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, klog.New(nil)))
	var all sync.WaitGroup
	for _, f := range []*follower{w.nodes, w.pods, w.daemonSet} {
		all.Go(func() { f.RunWithContext(ctx) })
	}
	return func() {
		cancel()
		all.Wait()
		forget()
	}
}

// Refresh is an input of the last look with the nodes as the watch knows them, what their roll remembers, and the time; false when it
// does not know them, when something is waited for that it does not follow, or when the DaemonSet was changed since or is not known to be what it was. It may be behind the cluster, and nobody
// can tell how far: whoever has waited may go on waiting by it, and everything else is decided by Observe.
func (o *Observer) Refresh(in plan.Input) (plan.Input, bool) {
	l, w := o.last, o.watch
	if l == nil || w == nil || l.more || !l.now.Equal(in.Now) || !w.alive() {
		return in, false
	}
	d := w.known(l.workload)
	if d == nil {
		return in, false
	}
	s := l.sight
	s.nodes, s.pods = all[corev1.Node](w.nodes), all[corev1.Pod](w.pods)
	if now := o.hand.read(); now.After(in.Now) {
		in.Now = now
	}
	in.Roll = rollOf(d)
	s.tell(&in)
	return in, true
}

func (w *watching) alive() bool { return w.nodes.alive() && w.pods.alive() && w.daemonSet.alive() }

// known is a DaemonSet that was looked at as the watch knows it; nil when more has changed than how its pods fare and what a roll remembers.
func (w *watching) known(d *appsv1.DaemonSet) *appsv1.DaemonSet {
	for _, now := range all[appsv1.DaemonSet](w.daemonSet) {
		if d != nil && now.UID == d.UID && d.UID == w.workload && now.Generation == d.Generation &&
			now.Status.ObservedGeneration == d.Status.ObservedGeneration && maps.Equal(marks(now), marks(d)) {
			return now
		}
	}
	return nil
}

// marks are the annotations of a DaemonSet but for what a roll remembers.
func marks(d *appsv1.DaemonSet) map[string]string {
	out := maps.Clone(d.Annotations)
	delete(out, kube.AnnotationRoll)
	return out
}

// follower keeps the objects of one kind as a watch tells of them.
type follower struct {
	cache.Controller
	store cache.Store
	// lost is true from a watch that could not be had until one could.
	lost atomic.Bool
}

// lister and watcher are the calls of a client.
type (
	lister  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watcher func(context.Context, metav1.ListOptions) (watch.Interface, error)
)

func listed[T runtime.Object](list func(context.Context, metav1.ListOptions) (T, error)) lister {
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) }
}

// follow makes a follower of the objects that a selection names; changed gets a value for changes that nobody has taken notice of yet.
func follow(kind runtime.Object, selection metav1.ListOptions, list lister, watches watcher, changed chan<- struct{}) *follower {
	f := &follower{}
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	selected := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector, o.FieldSelector = selection.LabelSelector, selection.FieldSelector
		return o
	}
	f.store, f.Controller = cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, selected(o)) },
			WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				w, err := watches(ctx, selected(o))
				f.lost.Store(err != nil)
				return w, err
			},
		},
		ObjectType: kind,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { tell() }, UpdateFunc: func(any, any) { tell() }, DeleteFunc: func(any) { tell() },
		},
		Transform: slim,
	})
	return f
}

// alive tells whether the watch has told of everything once, and is on.
func (f *follower) alive() bool { return f.HasSynced() && !f.lost.Load() }

// all are the objects that are known. They are not to be changed.
func all[T any](f *follower) []*T {
	list := f.store.List()
	out := make([]*T, 0, len(list))
	for _, o := range list {
		if t, ok := o.(*T); ok {
			out = append(out, t)
		}
	}
	return out
}

// slim drops what no look reads and what is most of an object's size: a cluster may have thousands of nodes.
func slim(o any) (any, error) {
	if m, ok := o.(metav1.Object); ok {
		m.SetManagedFields(nil)
	}
	switch t := o.(type) {
	case *corev1.Node:
		t.Status.Images, t.Status.VolumesInUse, t.Status.VolumesAttached = nil, nil, nil
	case *corev1.Pod:
		t.Annotations = maps.Clone(t.Annotations)
		maps.DeleteFunc(t.Annotations, func(name, _ string) bool { return name != kube.AnnotationFresh })
		t.Spec = corev1.PodSpec{NodeName: t.Spec.NodeName, Containers: t.Spec.Containers}
		for i, c := range t.Spec.Containers {
			t.Spec.Containers[i] = corev1.Container{Name: c.Name, Image: c.Image}
		}
	case *appsv1.DaemonSet:
		t.Spec = appsv1.DaemonSetSpec{}
	}
	return o, nil
}
