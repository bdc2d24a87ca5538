package reconcile

import (
	"context"
	"time"

	"github.com/addonctl/addonctl/pkg/plan"
)

// Watcher tells what changes between two looks, and asks nothing of the API server for it. It may be behind, for ever even. So what it
// tells is good for going on waiting, and for nothing else: whatever else seems due is decided by a look at everything.
type Watcher interface {
	// Watch begins to follow what the last look saw: changes has a value after something of it changed, and stop ends it. Both are nil
	// when there is nothing to follow.
	Watch(ctx context.Context) (changes <-chan struct{}, stop func())
	// Refresh is what the last look saw with the nodes and the time as they are known now; false when that is not known, or when
	// something else has changed.
	Refresh(in plan.Input) (plan.Input, bool)
}

const (
	// unseen is how many pauses may go by between two looks at everything while the watch shows nothing to do: what it does not follow,
	// such as the record, is seen then, and what it should have told.
	unseen = 5
	// glances are made in a pause where nothing changes: time alone may end a wait.
	glances = 8
	// breath is the least time between a change and the next glance, and between a look at everything and the next one.
	breath = 50 * time.Millisecond
)

// glance is a watch under way, and how hastily a run follows what it shows.
type glance struct {
	changes <-chan struct{}
	stop    func()
	// took is how long the last look at everything took.
	took time.Duration
	// haste is the least time from a look that found nothing but to wait to the next. It doubles while a watch that is behind calls
	// for looks in vain: without a watch it is a pause.
	haste time.Duration
	// called is true when the last wait was ended by what the watch showed.
	called bool
}

// await returns when it is time for another look at everything: when the watch shows something else to do than to wait, and now and then
// in any case. Without a watch it is a pause.
func (r *Course) await(ctx context.Context, in plan.Input) {
	if !r.follow() {
		r.sleep(ctx)
		return
	}
	r.temper()
	began := time.Now()
	for more := pause(ctx, r.haste); more; more = r.change(ctx, time.Since(began)) {
		since := time.Since(began)
		seen, known := r.Watcher.Refresh(in)
		if r.called = known && !r.waitsOn(seen); r.called || since >= r.Pause && !known || since >= unseen*r.Pause {
			return
		}
	}
}

// change waits for a change, for a moment at most; since is how long the wait has taken. False when the context has ended.
func (r *Course) change(ctx context.Context, since time.Duration) bool {
	moment := r.Pause / glances
	if left := r.Pause - since; left > 0 {
		moment = min(moment, left)
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.changes:
		return pause(ctx, breath) // changes come in crowds
	case <-time.After(moment):
		return true
	}
}

// pause waits; false when the context has ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// temper says how soon a look may follow the one that was just made: at most half of the time is spent on looking.
func (r *Course) temper() {
	least := min(max(breath, r.took), r.Pause)
	if !r.called {
		r.haste = least
		return
	}
	r.haste = min(max(2*r.haste, least), r.Pause)
}

// follow begins to watch; false when nothing is followed.
func (r *Course) follow() bool {
	if r.stop == nil && r.Watcher != nil {
		r.changes, r.stop = r.Watcher.Watch(r.life)
	}
	return r.stop != nil
}

// unfollow ends the watch.
func (r *Course) unfollow() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

// waitsOn tells whether a run that saw this would only go on waiting, and shows it if so.
func (r *Course) waitsOn(in plan.Input) bool {
	p := plan.Make(in)
	next, _ := p.Next()
	if next.Kind != plan.AwaitNodes || r.end(in, p, next) != "" {
		return false
	}
	if r.Progress != nil {
		r.Progress(in, p)
	}
	return true
}
