package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// news is what an event says. Events are told of the difference of two editions of a record, by the leader: so each is told once, whoever
// wrote the record, and however often it is looked at. What changed while nobody led is not told.
type news struct {
	// kind is that of Kubernetes: Normal or Warning.
	kind, reason, note string
	// of is what it speaks of, such as a version: news of one reason that come within minutes are one event that counts them, with the note of
	// the first, unless they speak of something else.
	of string
}

func good(reason, of, format string, args ...any) news {
	return news{corev1.EventTypeNormal, reason, fmt.Sprintf(format, args...), of}
}

func bad(reason, of, format string, args ...any) news {
	return news{corev1.EventTypeWarning, reason, fmt.Sprintf(format, args...), of}
}

// ofCluster are the news of a cluster.
func ofCluster(before, after *v1alpha1.ClusterNetwork) []news {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReachable)
	is := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReachable)
	switch {
	case is == nil || was != nil && was.Status == is.Status:
		return nil
	case is.Status != metav1.ConditionTrue:
		return []news{bad("ClusterUnreachable", "", "%s", is.Message)}
	case was != nil:
		return []news{good("ClusterReachable", "", "%s", is.Message)}
	default:
		return nil // it was reached for the first time
	}
}

// ofAddon are the news of an add-on:
//
//	| the record says now, and did not before               | event                       |
//	|-------------------------------------------------------|-----------------------------|
//	| another revision                                      | MoveStarted, WayBackStarted |
//	| it is deployed                                        | MoveDone, WentBack          |
//	| Stalled                                               | its reason, as a warning    |
//	| a release that is held                                | ReleaseHeld                 |
//	| one of the findings that somebody should hear of      | its reason                  |
func ofAddon(before, after *v1alpha1.Addon) []news {
	out := append(ofMove(before, after), ofStall(before, after)...)
	for _, h := range after.Status.Held {
		if status.Held(before, h.Version) == nil {
			out = append(out, bad("ReleaseHeld", h.Version, "it was put back from %s, which is held%s", h.Version, status.Colon(h.Reason)))
		}
	}
	return append(out, ofFindings(before, after)...)
}

func ofMove(before, after *v1alpha1.Addon) []news {
	was, is := lastRevision(before), lastRevision(after)
	if is.Revision == 0 || before.Status.ObservedGeneration == 0 { // nothing is recorded, or it was seen for the first time
		return nil
	}
	why, back := goneBack(before, after)
	var out []news
	if is.Revision != was.Revision {
		from := cmp.Or(before.Status.CurrentInstalledVersion, "nothing")
		if back {
			out = append(out, good("WayBackStarted", is.Version, "revision %d goes back from %s to %s%s", is.Revision, from, is.Version, status.Colon(why)))
		} else {
			out = append(out, good("MoveStarted", is.Version, "revision %d goes from %s to %s", is.Revision, from, is.Version))
		}
	}
	if is.Status == deployed && (was.Revision != is.Revision || was.Status != deployed) {
		reason := "MoveDone"
		if back {
			reason = "WentBack"
		}
		nodes := int32(0)
		if after.Status.Nodes != nil {
			nodes = after.Status.Nodes.Ready
		}
		out = append(out, good(reason, is.Version, "%s runs on %d nodes", is.Version, nodes))
	}
	return out
}

// goneBack tells whether the newest revision is a way back, and why: the wish says so, or, when that was taken off, that the release before is held.
func goneBack(before, after *v1alpha1.Addon) (why string, ok bool) {
	if b := cmp.Or(after.Spec.Rollback, before.Spec.Rollback); b != nil {
		return b.Reason, true
	}
	if h := after.Status.History; len(h) > 1 {
		if held := status.Held(after, h[1].Version); held != nil {
			return held.Reason, true
		}
	}
	return "", false
}

// deployed is what Helm's storage calls a revision that was carried out whole.
const deployed = "deployed"

// lastRevision is the newest of an add-on's history; zero when it has none.
func lastRevision(a *v1alpha1.Addon) v1alpha1.HistoryEntry {
	if len(a.Status.History) == 0 {
		return v1alpha1.HistoryEntry{}
	}
	return a.Status.History[0] // newest first
}

func ofStall(before, after *v1alpha1.Addon) []news {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionStalled)
	is := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionStalled)
	if is == nil || was != nil && was.Reason == is.Reason {
		return nil
	}
	return []news{bad(is.Reason, after.Status.TargetVersion, "%s", is.Message)}
}

// heard are findings that somebody should hear of though nothing is under way.
var heard = []string{
	"ChangedByHelm", "GuardMissing", "LiveDiffers", "ObjectsMissing", "PinExpired", "PinExpiring", "PinIncompatible", "PinRecalled", "RecalledInstalled",
	"RollRecalled",
}

func ofFindings(before, after *v1alpha1.Addon) []news {
	var out []news
	for _, f := range after.Status.Findings {
		same := func(o v1alpha1.Finding) bool { return o.Reason == f.Reason }
		if slices.Contains(heard, f.Reason) && !slices.ContainsFunc(before.Status.Findings, same) {
			out = append(out, bad(f.Reason, "", "%s", f.Message))
		}
	}
	return out
}

// ofCatalog are the news of a hub's catalog: what was recalled, and which recalls were taken off.
func ofCatalog(before, after *v1alpha1.AddonCatalog) []news {
	var out []news
	for _, r := range after.Spec.Recalls {
		if status.RecallOf(before.Spec.Recalls, r.Addon, r.Version) == nil {
			out = append(out, bad("ReleaseRecalled", r.Addon+" "+r.Version, "%s %s, by %s: %s", r.Addon, r.Version, cmp.Or(r.By, "somebody"), r.Reason))
		}
	}
	for _, r := range before.Spec.Recalls {
		if status.RecallOf(after.Spec.Recalls, r.Addon, r.Version) == nil {
			out = append(out, good("RecallTakenOff", r.Addon+" "+r.Version, "%s %s", r.Addon, r.Version))
		}
	}
	return out
}

// told leaves events about what is new in each edition of a record, and enqueues nothing. none is an empty one, which those that were made
// while we looked are compared with; mine tells whether this manager is the one to tell.
func told[T client.Object](r events.EventRecorder, none T, mine func(context.Context, T) bool, of func(before, after T) []news) handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	tell := func(ctx context.Context, before, after client.Object) {
		b, ok := before.(T)
		a, is := after.(T)
		if !ok || !is {
			return
		}
		for _, n := range of(b, a) {
			if !mine(ctx, a) {
				return
			}
			leave(r, a, n)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, _ queue) {
			if !e.IsInInitialList { // what was there before is no news
				tell(ctx, none, e.Object)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, _ queue) { tell(ctx, e.ObjectOld, e.ObjectNew) },
	}
}

func always[T client.Object](context.Context, T) bool { return true }

// leave leaves an event about an object.
func leave(r events.EventRecorder, about runtime.Object, n news) {
	if r == nil {
		return
	}
	const most, action = 1024, 128 // what an event takes
	of := strings.TrimSpace("Reconcile " + n.of)
	r.Eventf(about, nil, n.kind, n.reason, of[:min(len(of), action)], "%s", strings.ToValidUTF8(n.note[:min(len(n.note), most)], ""))
}
