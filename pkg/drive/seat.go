package drive

import (
	"context"
	"errors"
	"io/fs"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/observe"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/record"
)

// Seat is the place from which one add-on of one cluster is driven. Nothing is asked of the cluster until something is called. One
// goroutine may use it at a time.
type Seat struct {
	// Cluster is the name of its record.
	Cluster string
	// Client is the cluster, as our user; Hub holds the records.
	Client *kube.Client
	Hub    *hub.Hub

	Observer *observe.Observer
	Engine   *helm.Engine
	Loop     *reconcile.Loop
	// Adjust changes what was seen before anything is made of it; nil is fine.
	Adjust func(*plan.Input)
	// Note is told what is no result and no error; nil is fine.
	Note func(string)
	// Patience is how long another actor is waited for.
	Patience time.Duration

	// acting is a client of addonctl's own account that was looked with; nil while it is our user who looks.
	acting *kube.Client
}

// Place says where a Seat is.
type Place struct {
	// Cluster is the name of the record, AddOn that in the catalog; empty means the CNI of the network type.
	Cluster, AddOn string
	// Target is the cluster, Hub the API server that holds the records: the same for a cluster that is its own hub.
	Target, Hub *kube.Client
	Catalog     *catalog.Catalog
	Charts      fs.FS
	// By says who drives, in the status.
	By string
}

// New makes a Seat. What a Place does not say stands in the fields of its parts, which the caller may change before the first call.
func New(p Place) *Seat {
	h := hub.New(p.Hub)
	s := &Seat{
		Cluster: p.Cluster, Client: p.Target, Hub: h,
		Observer: &observe.Observer{Cluster: p.Cluster, Target: p.Target, Hub: h, Catalog: p.Catalog, AddOn: p.AddOn, Now: time.Now},
		Engine:   &helm.Engine{Target: p.Target, Charts: p.Charts, Now: time.Now},
	}
	s.Loop = &reconcile.Loop{
		Observer: s, Engine: s.Engine, Watcher: s, Recorder: &hub.Recorder{Hub: h, By: p.By}, Pause: time.Second, Transient: Transient, Passing: Passing,
	}
	return s
}

// Observe looks at the cluster.
func (s *Seat) Observe(ctx context.Context) (plan.Input, error) {
	in, err := s.Observer.Observe(ctx)
	if err == nil {
		s.adjust(&in)
	}
	return in, err
}

// Watch follows what the last look saw.
func (s *Seat) Watch(ctx context.Context) (changes <-chan struct{}, stop func()) {
	return s.Observer.Watch(ctx)
}

// Refresh is the last look with what the watch knows.
func (s *Seat) Refresh(in plan.Input) (plan.Input, bool) {
	in, known := s.Observer.Refresh(in)
	s.adjust(&in)
	return in, known
}

func (s *Seat) adjust(in *plan.Input) {
	if s.Adjust != nil {
		s.Adjust(in)
	}
}

func (s *Seat) note(text string) {
	if s.Note != nil {
		s.Note(text)
	}
}

// Transient tells errors after which the loop looks again: a server that does not answer, a change made by somebody else in
// between, a step that has to wait, and an object that was refused in mid-write: the next look's dry run says by whom and why.
func Transient(err error) bool {
	return kube.Unreachable(err) || apierrors.IsConflict(err) || errors.Is(err, hub.ErrChanged) ||
		errors.Is(err, record.ErrTaken) || errors.Is(err, helm.ErrStale) || errors.Is(err, helm.ErrRefused) || errors.Is(err, plan.ErrNotYet)
}

// Passing tells errors of keeping a status after which it is worth another try: the transient ones, and a server that failed inside. A step is not
// repeated for that, as a webhook that refuses it says the same.
func Passing(err error) bool { return Transient(err) || apierrors.IsInternalError(err) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
