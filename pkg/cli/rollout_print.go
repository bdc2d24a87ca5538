package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

func (r rolloutReport) name() string { return "rollout/" + r.Name }

func (r rolloutReport) table(w io.Writer, wide bool) {
	fmt.Fprintln(w, r.Verdict)
	if r.ETA != nil {
		fmt.Fprintf(w, "Wave %s is through about %s, in %s, at the pace of the %d that are\n", r.ETA.Wave, stamp(r.ETA.At), inTime(r.ETA.At.Sub(r.now).Seconds()), r.ETA.Of)
	}
	fmt.Fprintf(w, "Next: %s\n", r.Next.text(r.now))
	if r.Recalled != "" {
		fmt.Fprintf(w, "Recalled: %s\n", r.Recalled)
	}
	for _, o := range r.Open {
		fmt.Fprintf(w, "Not carried out yet: %s\n", orderLine(o))
	}
	if r.Refused != "" {
		fmt.Fprintf(w, "Refused: %s\n", r.Refused)
	}
	if len(r.Waves) > 0 {
		fmt.Fprintln(w)
		r.waves(w)
	}
	r.members(w, wide)
}

func (n nextStep) text(now time.Time) string {
	text := n.What
	if !n.At.IsZero() {
		text += fmt.Sprintf(" at %s", stamp(n.At))
		if n.At.After(now) {
			text += fmt.Sprintf(", in %s", inTime(n.At.Sub(now).Seconds()))
		}
	}
	if n.Who != "" {
		text += ": " + n.Who
	}
	return text
}

func orderLine(o v1alpha1.Order) string {
	text := fmt.Sprintf("order %d, %s", o.Number, o.Verb)
	if o.Wave != "" {
		text += " wave " + o.Wave
	}
	if len(o.Clusters) > 0 {
		text += " " + someOf(o.Clusters)
	}
	text += ", by " + o.By
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}

func (r rolloutReport) waves(w io.Writer) {
	rows := [][]string{{"WAVE", "CLUSTERS", "WAITING", "UNDER WAY", "DONE", "FAILED", "UNREACHABLE", "SKIPPED", "STARTED", "ENDED", "APPROVAL"}}
	for _, v := range r.Waves {
		approval := dash(v.Approved)
		if v.Approved == "" && v.Approval {
			approval = "needed"
		}
		rows = append(rows, []string{
			v.Name, fmt.Sprint(v.Clusters), fmt.Sprint(v.Pending), fmt.Sprint(v.Running), fmt.Sprint(v.Done), fmt.Sprint(v.Failed), fmt.Sprint(v.Unreachable),
			fmt.Sprint(v.Skipped), stamp(v.Started), stamp(v.Ended), approval,
		})
	}
	columns(w, rows...)
}

// members shows the clusters that somebody wants to know about, those that failed first; or all, in their turns.
func (r rolloutReport) members(w io.Writer, wide bool) {
	const most = 20
	shown := r.Members
	if !wide {
		shown = nil
		for _, s := range []rollout.State{rollout.Failed, rollout.Running, rollout.Unreachable} {
			for _, m := range r.Members {
				if m.State == string(s) {
					shown = append(shown, m)
				}
			}
		}
	}
	if len(shown) == 0 {
		return
	}
	rows := [][]string{{"CLUSTER", "WAVE", "STATE", "SINCE", "FROM", "REASON"}}
	for i, m := range shown {
		if i == most && !wide {
			break
		}
		state := m.State
		if m.Back {
			state += " (back)"
		}
		rows = append(rows, []string{m.Cluster, m.Wave, state, age(m.Since, r.now), dash(m.From), m.Reason})
	}
	fmt.Fprintln(w)
	columns(w, rows...)
	if left := len(shown) - len(rows) + 1; left > 0 {
		fmt.Fprintf(w, "and %d more (-o wide)\n", left)
	}
}
