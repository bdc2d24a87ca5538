package status

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/plan"
)

// maxHistory bounds the history in a status; Helm's storage has all of it.
const maxHistory = 10

// Addon is the status after a look at the cluster. before is the status that stands in the record; times of
// conditions that did not change are taken from it, and held releases. by says who drives the loop.
func Addon(before v1alpha1.AddonStatus, generation int64, in plan.Input, p plan.Plan, by string) v1alpha1.AddonStatus {
	out := v1alpha1.AddonStatus{
		ObservedGeneration:      generation,
		LifecycleState:          Lifecycle(p),
		CurrentInstalledVersion: in.Installed.Version,
		NewestFit:               newestFit(in),
		DrivenBy:                by,
		Nodes: &v1alpha1.NodeCounts{
			Total: int32(p.Nodes.Total), Updated: int32(p.Nodes.Updated), Ready: int32(p.Nodes.Ready), //nolint:gosec // node counts are small
		},
		Roll:     roll(p),
		Findings: findings(p),
		Held:     held(before.Held, in),
		History:  history(in.Record),
	}
	if len(p.Steps) > 0 {
		out.TargetVersion = p.To
	}
	for _, v := range p.Nodes.Versions {
		out.NodeVersions = append(out.NodeVersions, v1alpha1.NodeVersion{Version: v.Version, Nodes: int32(v.Nodes)}) //nolint:gosec // see above
	}
	out.Conditions = conditions(before.Conditions, generation, in, p)
	return out
}

// maxVersion is how long a version in a status can be.
const maxVersion = 128

// newestFit is the release that automatic mode would take now. One with a name that no record can hold is none: half a name would be that
// of another release.
func newestFit(in plan.Input) string {
	v := plan.Newest(in)
	if len(v) > maxVersion {
		return ""
	}
	return v
}

// Lifecycle is the add-on's state in OKE's words:
//
//	| plan                                   | state           |
//	|----------------------------------------|-----------------|
//	| a blocking finding                     | NEEDS_ATTENTION |
//	| nodes that will not become Ready       | NEEDS_ATTENTION |
//	| a roll that was halted                 | NEEDS_ATTENTION |
//	| nothing left, and the pin has failed   | NEEDS_ATTENTION |
//	| steps left, nothing live yet           | CREATING        |
//	| steps left                             | UPDATING        |
//	| nothing left, every node Ready         | ACTIVE          |
//	| nothing left, nothing live             | ""              |
func Lifecycle(p plan.Plan) string {
	switch {
	case p.State == plan.Blocked, len(p.Nodes.Bad()) > 0, halted(p), pinFailed(p):
		return v1alpha1.StateNeedsAttention
	case p.State == plan.NotInstalled:
		return ""
	case p.State == plan.UpToDate:
		return v1alpha1.StateActive
	case p.From == "":
		return v1alpha1.StateCreating
	default:
		return v1alpha1.StateUpdating
	}
}

// halted tells whether a gate of a roll said no, and nobody has decided since how it goes on.
func halted(p plan.Plan) bool {
	return p.State == plan.HaltedState || p.Roll != nil && p.Roll.Halt != nil
}

// maxHeld is how many releases a status holds; the oldest entries go first.
const maxHeld = 50

// held are the releases that the cluster was put back from, and the one that a way back under way leaves. Only retry takes one off. One that a
// pin asked for is written with that pin: another pin to the same release that fails takes its place.
func held(before []v1alpha1.HeldRelease, in plan.Input) []v1alpha1.HeldRelease {
	back, pin := in.Desired.Back, in.Desired.Pin
	at := metav1.NewTime(in.Now)
	h := v1alpha1.HeldRelease{Version: back.Leaves, Reason: back.Reason, At: &at, Pinned: back.To != ""}
	if h.Pinned && pin != (plan.Pin{}) {
		h.Pin = PinOf(pin)
	}
	there := func(o v1alpha1.HeldRelease) bool {
		return o.Version == h.Version && (!h.Pinned || o.Pinned && samePin(o.Pin, h.Pin))
	}
	if back.Leaves == "" || slices.ContainsFunc(before, there) {
		return before
	}
	other := func(o v1alpha1.HeldRelease) bool { return o.Version == h.Version }
	out := append(slices.DeleteFunc(slices.Clone(before), other), h)
	return out[max(0, len(out)-maxHeld):]
}

// Unheld is a way back that is under way when the release that it leaves is held no longer: it is finished, but one from a pin is given up, and
// is nil.
func Unheld(r v1alpha1.Rollback) *v1alpha1.Rollback {
	if r.To != "" {
		return nil
	}
	r.Leaves = ""
	return &r
}

func findings(p plan.Plan) []v1alpha1.Finding {
	var out []v1alpha1.Finding
	for _, f := range p.Findings {
		out = append(out, v1alpha1.Finding{Reason: string(f.Reason), Message: f.Message, Blocking: f.Blocking})
	}
	return out
}

func history(r plan.Record) []v1alpha1.HistoryEntry {
	var out []v1alpha1.HistoryEntry
	for _, rev := range slices.Backward(r.Revisions) {
		at := metav1.NewTime(rev.Updated)
		out = append(out, v1alpha1.HistoryEntry{
			Revision: int32(rev.Number), Version: rev.Version, Status: string(rev.Status), At: &at, //nolint:gosec // revisions are small
		})
	}
	return out[:min(len(out), maxHistory)]
}
