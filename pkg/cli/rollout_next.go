package cli

import (
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// nextStepOf says what is decided next, when, and by whom.
func nextStepOf(r v1alpha1.AddonRollout) nextStep {
	st := r.Status
	who := status.ForRollout(r.Name, st.Who)
	switch p := rollout.Phase(st.Phase); p {
	case "":
		return nextStep{What: "the manager decides who moves first"}
	case rollout.Recalled:
		return nextStep{What: "nothing while the recall stands: clusters that run the release leave it by a rollout of its own, pinned ones wait for their operator"}
	case rollout.Finished, rollout.Undone, rollout.Aborted:
		if who != "" {
			return nextStep{What: "clusters are left", Who: who}
		}
		return nextStep{What: "nothing: it has ended"}
	case rollout.Waiting, rollout.Soaking:
		return nextStep{What: "it goes on by itself", At: whenever(st.Next), Who: who}
	case rollout.Halted:
		return nextStep{What: "it is halted", Who: who}
	case rollout.Approval, rollout.Paused:
		return nextStep{What: "it waits for somebody", Who: who}
	case rollout.CatchingUp:
		return nextStep{What: "those that are out of reach move when they are back", Who: who}
	case rollout.Undoing:
		return nextStep{What: "clusters go back as there is room", Who: who}
	default:
		return nextStep{What: "further clusters move as there is room", Who: who}
	}
}

// etaOf is when the wave under way is through, at the pace of those of its clusters that are. Nil where nobody can tell: nothing is under way,
// fewer than two have come through, or they come slower than before. What follows the wave (its soak, windows, approvals, further waves) is
// not in it.
func etaOf(st v1alpha1.AddonRolloutStatus, now time.Time) *waveETA {
	wave := slices.IndexFunc(st.Waves, func(w v1alpha1.RolloutWave) bool { return w.Name == st.Wave })
	if rollout.Phase(st.Phase) != rollout.Rolling || wave < 0 || st.Waves[wave].Started == nil {
		return nil
	}
	began := st.Waves[wave].Started.UTC()
	out, last := waveETA{Wave: st.Wave}, began
	for _, m := range st.Members {
		if int(m.Wave) == wave && !m.Late && !m.CatchesUp {
			last = out.count(m, last)
		}
	}
	const enough = 2
	if out.Of < enough || out.Left == 0 {
		return nil
	}
	out.At = last.Add(last.Sub(began) / time.Duration(out.Of) * time.Duration(out.Left)).Truncate(time.Second)
	if !out.At.After(now) {
		return nil
	}
	return &out
}

// count adds a cluster; last is when one came through last.
func (e *waveETA) count(m v1alpha1.RolloutMember, last time.Time) time.Time {
	switch s := rollout.State(m.State); {
	case s == rollout.Pending || s == rollout.Running:
		e.Left++
	case s == rollout.Done && m.Tries > 0 && m.Since != nil:
		e.Of++
		if m.Since.After(last) {
			return m.Since.UTC()
		}
	}
	return last
}
