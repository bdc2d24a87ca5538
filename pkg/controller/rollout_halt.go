package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// halt is why a rollout stands still, and since when that is known to the hub: the time of the record that says so. Zero when nobody
// knows, or when it goes on.
type halt struct {
	cause string
	at    time.Time
}

// The causes of a halt.
const (
	byFailure = "failure"
	byRecall  = "recall"
	byOrder   = "order"
)

// halt is the one that a decision brought about; zero when it brought none about.
func (w *work) halt(before, after v1alpha1.AddonRolloutStatus) halt {
	if before.Phase == after.Phase {
		return halt{}
	}
	switch rollout.Phase(after.Phase) { //nolint:exhaustive // all others go on, or wait
	case rollout.Recalled:
		if r := status.RecallOf(w.records.recalls, w.rollout.Spec.Addon, w.Version); r != nil && r.At != nil {
			return halt{byRecall, r.At.Time}
		}
	case rollout.Paused, rollout.Aborted:
		for _, o := range w.rollout.Spec.Orders {
			if o.Number == after.Obeyed && after.Obeyed > before.Obeyed && o.At != nil {
				return halt{byOrder, o.At.Time}
			}
		}
	case rollout.Halted:
		return halt{byFailure, w.failedAt(before, after)}
	}
	return halt{}
}

// failedAt is when the records of the clusters that failed by a decision said so, the last of them.
func (w *work) failedAt(before, after v1alpha1.AddonRolloutStatus) time.Time {
	failed := map[string]bool{}
	for _, m := range after.Members {
		failed[m.Cluster] = m.State == string(rollout.Failed)
	}
	for _, m := range before.Members {
		failed[m.Cluster] = failed[m.Cluster] && m.State != string(rollout.Failed)
	}
	var at time.Time
	for _, a := range w.records.addons {
		if a.Spec.Addon == w.rollout.Spec.Addon && failed[a.Spec.Cluster] {
			at = rollout.Later(at, toldFailure(a, w.Version))
		}
	}
	return at
}

// toldFailure is when a record said that a move to a version failed: it was put back, or stands still. Zero when it does not say.
func toldFailure(a *v1alpha1.Addon, version string) time.Time {
	var at time.Time
	if h := status.Held(a, version); h != nil && h.At != nil {
		at = h.At.Time
	}
	if c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionStalled); c != nil {
		at = rollout.Later(at, c.LastTransitionTime.Time)
	}
	return at
}

// haltTimes measure how long it takes until every cluster was told of one. What is under way is lost with the process.
type haltTimes struct {
	times Stopwatch

	mu  sync.Mutex
	now map[string]halt
}

// begin notes a halt of a rollout.
func (h *haltTimes) begin(name string, what halt) {
	if h.times == nil || what.at.IsZero() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == nil {
		h.now = map[string]halt{}
	}
	h.now[name] = what
}

// end tells how long a rollout's halt took, when one is under way: every cluster was told.
func (h *haltTimes) end(name string, now time.Time) {
	h.mu.Lock()
	what, ok := h.now[name]
	delete(h.now, name)
	h.mu.Unlock()
	if ok {
		h.times.Halt(what.cause, max(0, now.Sub(what.at)))
	}
}
