package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// State of a cluster in a rollout.
type State string

// The states.
const (
	// Pending : its turn has not come.
	Pending State = "Pending"
	// Running : it was told to move, and has not ended.
	Running State = "Running"
	// Done : it runs the release on every node.
	Done State = "Done"
	// Failed : its move ended badly, or shows no progress any more. It spends the budget.
	Failed State = "Failed"
	// Unreachable : nobody knows. It blocks nothing and spends nothing, and catches up when it is back.
	Unreachable State = "Unreachable"
	// Skipped : it is not to move, for the reason given: pinned meanwhile, gone, unfit.
	Skipped State = "Skipped"
)

// Member is a cluster in a rollout.
type Member struct {
	Cluster string `json:"cluster"`
	// Wave is the index of its wave.
	Wave int `json:"wave"`
	// Region is told beside it, and decides nothing.
	Region string `json:"region,omitempty"`
	State  State  `json:"state"`
	// Since is when the state began.
	Since time.Time `json:"since,omitzero"`
	// From is what it ran before it was told to move; empty while it was not.
	From string `json:"from,omitempty"`
	// Back is true when it is told to go back to From, or went.
	Back bool `json:"back,omitempty"`
	// Tries counts how often it was told to move.
	Tries int `json:"tries,omitempty"`
	// Late joined after the rollout was opened.
	Late bool `json:"late,omitempty"`
	// CatchesUp is true when it was told to move after its wave had gone on without it: nothing waits for it.
	CatchesUp bool `json:"catchesUp,omitempty"`
	// Moved is the last sign of progress, or when it was last held back; Away is since when it is out of reach, zero when it is not.
	Moved time.Time `json:"moved,omitzero"`
	Away  time.Time `json:"away,omitzero"`
	// Forgiven failures do not spend the budget any more: somebody has looked at them.
	Forgiven bool `json:"forgiven,omitempty"`
	// Reason of the state, in words.
	Reason string `json:"reason,omitempty"`
}

// WaveRecord is what is recorded of a wave.
type WaveRecord struct {
	Name string `json:"name"`
	// Approved says who approved it; empty while nobody has.
	Approved string `json:"approved,omitempty"`
	// Started is when its first cluster was told to move, Ended when its last one had ended.
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Record is a rollout: one release on its way over a fleet. Its members are those of the moment in which it was opened, and those that
// joined since.
type Record struct {
	AddOn   string `json:"addon"`
	Version string `json:"version"`
	// Leaves is the recalled release that it leads away from; empty for another rollout. It changes no decision, but that nobody takes it back.
	Leaves string `json:"leaves,omitempty"`
	// Opened is when it was.
	Opened time.Time `json:"opened,omitzero"`
	// NotBefore is when the release is old enough; zero when it is.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Waves as of the policy, Members in order of waves and names.
	Waves   []WaveRecord `json:"waves"`
	Members []Member     `json:"members"`
	// Paused, Aborted and Undone say who did it; empty when nobody did.
	Paused  string `json:"paused,omitempty"`
	Aborted string `json:"aborted,omitempty"`
	Undone  string `json:"undone,omitempty"`
}

// Report is what was seen of a cluster.
type Report struct {
	Cluster string
	// Wave is the index of the wave that the policy puts it into; -1 when the policy does not take it.
	Wave   int
	Region string
	// Reachable is false when nobody answers; what stands below is then what was seen last.
	Reachable bool
	// Version that it runs, and Settled whether every node does and nothing is under way.
	Version string
	Settled bool
	// Fit is true when the rollout's release is what it would take by itself now; Unfit says why it is not.
	Fit   bool
	Unfit string
	// Failed says why its move ended badly; empty when it did not.
	Failed string
	// Progress is the last sign of it; zero when there is none. Of a cluster that is held back it is the moment of the look: what may not go
	// on does not hang, however long nobody looked.
	Progress time.Time
}

// Open begins a rollout with the clusters that would take the release now. The order of reports does not matter.
func Open(r Rules, addOn, version string, notBefore time.Time, reports []Report, now time.Time) Record {
	out := Record{AddOn: addOn, Version: version, Opened: now, NotBefore: notBefore}
	for _, w := range r.policy.waves() {
		out.Waves = append(out.Waves, WaveRecord{Name: w.Name})
	}
	for _, c := range reports {
		if c.Fit && c.Wave >= 0 && c.Wave < len(out.Waves) {
			out.Members = append(out.Members, Member{Cluster: c.Cluster, Wave: c.Wave, Region: c.Region, State: Pending, Since: now})
		}
	}
	slices.SortFunc(out.Members, byTurn)
	return out
}

// byTurn orders members by their waves, then names.
func byTurn(a, b Member) int { return cmp.Or(a.Wave-b.Wave, cmp.Compare(a.Cluster, b.Cluster)) }

// clone is a record that shares nothing with r.
func (r Record) clone() Record {
	r.Waves, r.Members = slices.Clone(r.Waves), slices.Clone(r.Members)
	return r
}

// Approve lets a wave begin. An error says that there is none of that name.
func (r Record) Approve(wave, by string) (Record, error) {
	r = r.clone()
	i := slices.IndexFunc(r.Waves, func(w WaveRecord) bool { return w.Name == wave })
	if i < 0 {
		return r, fmt.Errorf("wave %q: the rollout has none of that name", wave)
	}
	r.Waves[i].Approved = by
	return r, nil
}

// Pause begins nothing more, and holds what is under way at the node, until Resume.
func (r Record) Pause(by string) Record { r.Paused = by; return r }

// Resume goes on with a rollout that is paused, or that halted: the failures so far are forgiven, and those that follow spend the budget
// anew.
func (r Record) Resume() Record {
	r = r.clone()
	r.Paused = ""
	for i := range r.Members {
		r.Members[i].Forgiven = r.Members[i].State == Failed
	}
	return r
}

// Abort ends a rollout where it stands: nothing begins, and what is under way stops at the node.
func (r Record) Abort(by string) Record { r.Aborted = by; return r }

// Undo takes every cluster back that was told to move, those of the last wave first.
func (r Record) Undo(by string, now time.Time) Record {
	if r.Undone != "" {
		return r
	}
	r = r.clone()
	r.Undone = by
	for i := range r.Members {
		m := &r.Members[i]
		m.Moved, m.Forgiven = now, false
		if m.Tries == 0 {
			m.become(Skipped, "the rollout was taken back before its turn", now)
			continue
		}
		m.Back = true
		m.become(Pending, "", now)
	}
	return r
}

// Retry lets clusters that failed have another turn; none named stands for all of them. An error names one that has not failed.
func (r Record) Retry(now time.Time, clusters ...string) (Record, error) {
	r = r.clone()
	asked := map[string]bool{}
	for _, c := range clusters {
		asked[c] = true
	}
	for i := range r.Members {
		m := &r.Members[i]
		if m.State == Failed && (len(clusters) == 0 || asked[m.Cluster]) {
			m.Forgiven = false
			m.become(Pending, "is tried again", now)
			r.reopen(m.Wave)
			delete(asked, m.Cluster)
		}
	}
	for _, c := range clusters {
		if asked[c] {
			return r, fmt.Errorf("cluster %s: it is none that failed in this rollout", c)
		}
	}
	return r, nil
}

// reopen lets a wave be under way again, unless another one has begun since.
func (r *Record) reopen(wave int) {
	if !slices.ContainsFunc(r.Waves[wave+1:], func(w WaveRecord) bool { return !w.Started.IsZero() }) {
		r.Waves[wave].Ended = time.Time{}
	}
}

// become changes a member's state; a state that it has already goes on.
func (m *Member) become(s State, reason string, now time.Time) {
	if m.State != s {
		m.State, m.Since = s, now
	}
	m.Reason = reason
}
