package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// rolloutReport is the result of `rollout status`.
type rolloutReport struct {
	rolloutRow
	// Verdict is where it stands in one line.
	Verdict string `json:"verdict"`
	// Next says what is decided next, and by whom; At is when, where that is known.
	Next nextStep `json:"next"`
	// ETA of the wave under way; missing where nobody can tell.
	ETA   *waveETA     `json:"eta,omitempty"`
	Waves []waveReport `json:"waves"`
	// Members are its clusters, in order of their turns.
	Members []memberReport `json:"members"`
	// Open are orders that were not carried out yet, Refused what was wrong with the last that could not be.
	Open     []v1alpha1.Order `json:"openOrders,omitempty"`
	Refused  string           `json:"refused,omitempty"`
	Recalled string           `json:"recalled,omitempty"`
	// Managers that decide on it: the one that did last, else those that drive clusters of this hub. Without one nobody decides.
	Managers []managerReport `json:"managers"`

	now time.Time
}

type nextStep struct {
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero"`
	// Who has to act; empty when nobody has.
	Who string `json:"who,omitempty"`
}

// waveETA is when a wave is through at the pace of those of its clusters that are.
type waveETA struct {
	Wave string    `json:"wave"`
	At   time.Time `json:"at"`
	// Of is how many clusters the pace was taken from, Left how many are to come.
	Of   int `json:"of"`
	Left int `json:"left"`
}

type waveReport struct {
	Name     string `json:"name"`
	Clusters int    `json:"clusters"`
	// Of its clusters by their states.
	Pending     int       `json:"pending"`
	Running     int       `json:"running"`
	Done        int       `json:"done"`
	Failed      int       `json:"failed"`
	Unreachable int       `json:"unreachable"`
	Skipped     int       `json:"skipped"`
	Started     time.Time `json:"started,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`
	// Approval is true when the policy wants one, Approved says who gave it.
	Approval bool   `json:"approval,omitempty"`
	Approved string `json:"approved,omitempty"`
}

type memberReport struct {
	Cluster string    `json:"cluster"`
	Wave    string    `json:"wave"`
	Region  string    `json:"region,omitempty"`
	State   string    `json:"state"`
	Since   time.Time `json:"since,omitzero"`
	From    string    `json:"from,omitempty"`
	Back    bool      `json:"back,omitempty"`
	Tries   int       `json:"tries,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// rolloutOf is the report of a rollout. spec is that of its policy, zero where it is not known.
func rolloutOf(r v1alpha1.AddonRollout, spec v1alpha1.UpdatePolicySpec, managers []managerReport, now time.Time) rolloutReport {
	st := r.Status
	out := rolloutReport{
		rolloutRow: rowOf(r), Waves: []waveReport{}, Members: []memberReport{}, Refused: st.Refused, Recalled: st.Recalled,
		Managers: append([]managerReport{}, managers...), now: now,
	}
	for _, w := range st.Waves {
		at := slices.IndexFunc(spec.Waves, func(p v1alpha1.PolicyWave) bool { return p.Name == w.Name })
		out.Waves = append(out.Waves, waveReport{
			Name: w.Name, Started: whenever(w.Started), Ended: whenever(w.Ended), Approved: w.Approved, Approval: at >= 0 && spec.Waves[at].Approval,
		})
	}
	for _, m := range st.Members {
		if int(m.Wave) >= len(out.Waves) {
			continue
		}
		w := &out.Waves[m.Wave]
		w.count(m.State)
		out.Members = append(out.Members, memberReport{
			Cluster: m.Cluster, Wave: w.Name, Region: m.Region, State: m.State, Since: whenever(m.Since), From: m.From, Back: m.Back, Tries: int(m.Tries), Reason: m.Reason,
		})
	}
	for _, o := range r.Spec.Orders {
		if o.Number > st.Obeyed {
			out.Open = append(out.Open, o)
		}
	}
	out.Verdict, out.Next, out.ETA = verdictOf(out.rolloutRow), nextStepOf(r).unless(r.Status.Phase, managers), etaOf(st, now)
	return out
}

func (w *waveReport) count(state string) {
	w.Clusters++
	switch rollout.State(state) {
	case rollout.Pending:
		w.Pending++
	case rollout.Running:
		w.Running++
	case rollout.Done:
		w.Done++
	case rollout.Failed:
		w.Failed++
	case rollout.Unreachable:
		w.Unreachable++
	case rollout.Skipped:
		w.Skipped++
	}
}

func verdictOf(r rolloutRow) string {
	what := fmt.Sprintf("%s %s by policy %s", r.AddOn, r.Version, r.Policy)
	if r.Phase == "" {
		return what + ": nobody has decided on it yet"
	}
	text := fmt.Sprintf("%s: %s: %s", what, r.Phase, r.Why)
	if p := rollout.Phase(r.Phase); p == rollout.Finished || p == rollout.Undone {
		return text // which counts
	}
	text += fmt.Sprintf("; %d of %s done", r.Done, plural(int(r.Clusters), "cluster", "clusters"))
	for _, n := range []struct {
		count int32
		what  string
	}{{r.Running, "under way"}, {r.Failed, "failed"}, {r.Unreachable, "out of reach"}} {
		if n.count > 0 {
			text += fmt.Sprintf(", %d %s", n.count, n.what)
		}
	}
	return text
}
