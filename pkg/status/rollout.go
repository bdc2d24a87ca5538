package status

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// RolloutPolicy is a recorded policy as pkg/rollout reads it. What is not set stays so, and takes its default there. Whether it can be
// followed is what PolicyFaults tells.
func RolloutPolicy(name string, s v1alpha1.UpdatePolicySpec) rollout.Policy {
	out := rollout.Policy{
		Name: name, Selector: s.Selector, MaxConcurrent: share(s.MaxConcurrent), Soak: lasting(s.Soak), FailureBudget: share(s.FailureBudget),
		OnWindowEnd: rollout.OnWindowEnd(s.OnWindowEnd), HungAfter: lasting(s.HungAfter), AwayAfter: lasting(s.AwayAfter),
	}
	if s.MinimumAge != nil {
		out.MinimumAge = s.MinimumAge.Duration
	}
	for _, w := range s.Waves {
		out.Waves = append(out.Waves, rollout.Wave{
			Name: w.Name, Selector: w.Selector, MaxConcurrent: share(w.MaxConcurrent), Soak: lasting(w.Soak), Approval: w.Approval,
		})
	}
	if s.Windows != nil {
		out.Windows = rollout.Windows{Allow: windows(s.Windows.Allow), Deny: windows(s.Windows.Deny)}
	}
	return out
}

// share is a count or a percentage as text; empty where there is none.
func share(v *intstr.IntOrString) string {
	if v == nil {
		return ""
	}
	return v.String()
}

func lasting(d *metav1.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	return new(d.Duration)
}

func windows(list []v1alpha1.PolicyWindow) []rollout.Window {
	var out []rollout.Window
	for _, w := range list {
		out = append(out, rollout.Window{Cron: w.Cron, Duration: w.Duration.Duration, Zone: w.Zone})
	}
	return out
}

// RolloutRecord is what is recorded of a rollout, as pkg/rollout decides on it. Times are in UTC. A member of a wave that is not recorded
// is left out: nobody could tell its turn.
func RolloutRecord(s v1alpha1.AddonRolloutSpec, st v1alpha1.AddonRolloutStatus) rollout.Record {
	out := rollout.Record{
		AddOn: s.Addon, Version: s.Version, Leaves: s.Leaves, Opened: moment(st.Opened), NotBefore: moment(st.NotBefore),
		Paused: st.Paused, Aborted: st.Aborted, Undone: st.Undone,
	}
	for _, w := range st.Waves {
		out.Waves = append(out.Waves, rollout.WaveRecord{Name: w.Name, Approved: w.Approved, Started: moment(w.Started), Ended: moment(w.Ended)})
	}
	for _, m := range st.Members {
		if m.Wave < 0 || int(m.Wave) >= len(out.Waves) {
			continue
		}
		out.Members = append(out.Members, rollout.Member{
			Cluster: m.Cluster, Wave: int(m.Wave), Region: m.Region, State: rollout.State(m.State), Since: moment(m.Since), From: m.From,
			Back: m.Back, Tries: int(m.Tries), Late: m.Late, CatchesUp: m.CatchesUp, Moved: moment(m.Moved), Away: moment(m.Away),
			Forgiven: m.Forgiven, Reason: m.Reason,
		})
	}
	return out
}

// moment is a recorded time; zero where there is none.
func moment(t *metav1.MicroTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// recorded is a time in microseconds; nil where it is zero.
func recorded(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	return &metav1.MicroTime{Time: t.UTC().Truncate(time.Microsecond)}
}

// Rollout is the status of a rollout after a decision: its record, where it stands, and who has to act. before is the status that stands in
// the record: what was obeyed and refused is taken from it, and times of conditions that did not change. recalled says why the release
// was; empty while it was not. A record keeps microseconds, so whoever decides gives now in microseconds, and gets the same decision from
// the record that was read as from the one that was written.
func Rollout(before v1alpha1.AddonRolloutStatus, generation int64, r rollout.Record, d rollout.Decision, recalled string) v1alpha1.AddonRolloutStatus {
	out := v1alpha1.AddonRolloutStatus{
		ObservedGeneration: generation, Phase: string(d.Phase), Wave: d.Wave, Why: bounded(d.Why, maxSentence), Who: bounded(d.Who, maxSentence),
		Next: recorded(d.Next), Opened: recorded(r.Opened), NotBefore: recorded(r.NotBefore),
		Paused: bounded(r.Paused, maxBy), Aborted: bounded(r.Aborted, maxBy), Undone: bounded(r.Undone, maxBy), Recalled: bounded(recalled, maxSentence),
		Obeyed: before.Obeyed, Refused: before.Refused, Overspent: d.Overspent,
	}
	for _, w := range r.Waves {
		out.Waves = append(out.Waves, v1alpha1.RolloutWave{
			Name: w.Name, Approved: bounded(w.Approved, maxBy), Started: recorded(w.Started), Ended: recorded(w.Ended),
		})
	}
	most := reasonBound(len(r.Members))
	for i := range r.Members {
		out.Members = append(out.Members, member(&r.Members[i], most))
		count(&out, &r.Members[i])
	}
	out.Conditions = rolloutConditions(before.Conditions, generation, r, d)
	return out
}

// What a rollout's status keeps of texts, in bytes.
const (
	maxSentence = 1024
	// maxBy holds a user's name and the reason given.
	maxBy     = 256 + 1024
	maxReason = 512
	// maxReasons is for the reasons of all members together, so that a record of as many as there can be stays below the 1.5 MiB that etcd takes.
	maxReasons = 256 << 10
)

// reasonBound is how long the reason of each of so many members may be.
func reasonBound(members int) int {
	return min(maxReason, maxReasons/max(1, members))
}

// bounded cuts a text, and makes it one that JSON takes as it is.
func bounded(s string, most int) string { return cut(strings.ToValidUTF8(s, "?"), most) }

func member(m *rollout.Member, reason int) v1alpha1.RolloutMember {
	return v1alpha1.RolloutMember{
		Cluster: m.Cluster, Wave: int32(m.Wave), Region: m.Region, State: string(m.State), Since: recorded(m.Since), From: m.From, //nolint:gosec // there are 50 waves at most
		Back: m.Back, Tries: int32(m.Tries), Late: m.Late, CatchesUp: m.CatchesUp, Moved: recorded(m.Moved), Away: recorded(m.Away), //nolint:gosec // tries are few
		Forgiven: m.Forgiven, Reason: bounded(m.Reason, reason),
	}
}

// count adds a member to the counts of its rollout and its wave.
func count(st *v1alpha1.AddonRolloutStatus, m *rollout.Member) {
	w := &st.Waves[m.Wave]
	st.Clusters++
	w.Clusters++
	switch m.State {
	case rollout.Running:
		st.Running++
	case rollout.Done:
		st.Done++
		w.Done++
	case rollout.Failed:
		st.Failed++
		w.Failed++
	case rollout.Unreachable:
		st.Unreachable++
	case rollout.Pending, rollout.Skipped:
	}
}

// rolloutConditions say in kstatus' words where a rollout stands. Their reasons are the phases.
//
//	| phase                                        | Ready | beside it   |
//	|----------------------------------------------|-------|-------------|
//	| Finished                                     | True  | -           |
//	| Rolling, Soaking                             | False | Reconciling |
//	| Waiting, and it is known until when          | False | Reconciling |
//	| Undoing, and nobody is asked for             | False | Reconciling |
//	| any other that asks for somebody             | False | Stalled     |
//	| any other: Aborted, Recalled, Undone         | False | -           |
func rolloutConditions(before []metav1.Condition, generation int64, r rollout.Record, d rollout.Decision) []metav1.Condition {
	reason, why := string(d.Phase), bounded(d.Why, maxSentence)
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: why}
	if d.Phase == rollout.Finished {
		ready.Status = metav1.ConditionTrue
	}
	out := []metav1.Condition{ready}
	switch {
	case d.Phase == rollout.Finished:
	case goesOn(d):
		out = append(out, metav1.Condition{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue, Reason: reason, Message: why})
	case d.Who != "":
		text := bounded(d.Why+": "+d.Who, 2*maxSentence)
		out = append(out, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason, Message: text})
	}
	now := metav1.NewTime(decided(r, d))
	for i := range out {
		out[i].ObservedGeneration, out[i].LastTransitionTime = generation, now
		same := func(b metav1.Condition) bool { return b.Type == out[i].Type && b.Status == out[i].Status }
		if at := slices.IndexFunc(before, same); at >= 0 {
			out[i].LastTransitionTime = before[at].LastTransitionTime
		}
	}
	return out
}

// goesOn tells whether something happens without anybody.
func goesOn(d rollout.Decision) bool {
	switch d.Phase {
	case rollout.Rolling, rollout.Soaking:
		return true
	case rollout.Waiting:
		return !d.Next.IsZero()
	case rollout.Undoing:
		return d.Who == ""
	default:
		return false
	}
}

// decided is when a decision was made; for one that does not say so it is the last time that its record knows.
func decided(r rollout.Record, d rollout.Decision) time.Time {
	at := d.At
	if !at.IsZero() {
		return at
	}
	at = r.Opened
	for _, w := range r.Waves {
		at = rollout.Later(at, rollout.Later(w.Started, w.Ended))
	}
	for i := range r.Members {
		at = rollout.Later(at, rollout.Later(r.Members[i].Since, r.Members[i].Moved))
	}
	return at
}
