package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rules are a policy that can be followed.
type Rules struct {
	policy   Policy
	calendar calendar
}

// NewRules reads a policy. An error is that of Check.
func NewRules(p Policy) (Rules, error) {
	if err := p.Check(); err != nil {
		return Rules{}, err
	}
	c, err := p.Windows.compile()
	return Rules{p, c}, err
}

// Fits tells whether a record can be decided on by these rules: it has the policy's waves, by name and in order. Else reason says what
// became of them; whoever changed the policy meanwhile has to put them back, or abort the rollout.
func (r Rules) Fits(record Record) (reason string, ok bool) {
	same := func(w Wave, o WaveRecord) bool { return w.Name == o.Name }
	if slices.EqualFunc(r.policy.waves(), record.Waves, same) {
		return "", true
	}
	var now, then []string
	for _, w := range r.policy.waves() {
		now = append(now, w.Name)
	}
	for _, w := range record.Waves {
		then = append(then, w.Name)
	}
	return fmt.Sprintf("the policy has the waves %s, and the rollout was opened with %s", strings.Join(now, ", "), strings.Join(then, ", ")), false
}

// Phase is where a rollout stands.
type Phase string

// The phases.
const (
	// Waiting : the release is not old enough, or no window is open.
	Waiting Phase = "Waiting"
	// Approval : somebody has to approve the next wave.
	Approval Phase = "Approval"
	// Rolling : clusters are under way, or told to move now.
	Rolling Phase = "Rolling"
	// Soaking : the wave that ended last must run for a while.
	Soaking Phase = "Soaking"
	// Paused : somebody paused it.
	Paused Phase = "Paused"
	// Halted : more clusters failed than the budget allows.
	Halted Phase = "Halted"
	// Recalled : the release was.
	Recalled Phase = "Recalled"
	// Aborted : somebody ended it.
	Aborted Phase = "Aborted"
	// Undoing : clusters are on their way back, Undone when they are.
	Undoing Phase = "Undoing"
	Undone  Phase = "Undone"
	// CatchingUp : all are through but those that cannot be reached.
	CatchingUp Phase = "CatchingUp"
	// Finished : every cluster is through.
	Finished Phase = "Finished"
)

// Start is a cluster that is told to move now.
type Start struct {
	Cluster string `json:"cluster"`
	// Back is true when it goes back to what it ran before.
	Back bool `json:"back,omitempty"`
}

// Decision is what follows now.
type Decision struct {
	Phase Phase `json:"phase"`
	// Start are the clusters that are told to move now, in order of their turns.
	Start []Start `json:"start,omitempty"`
	// Hold are the clusters under way that change no further node for now; AtOnce tells that nobody waits for the nodes being changed.
	Hold   []string `json:"hold,omitempty"`
	AtOnce bool     `json:"atOnce,omitempty"`
	// Overspent is true where more failed than the budget allows, whatever else keeps the rollout from going on.
	Overspent bool `json:"overspent,omitempty"`
	// Record to be kept before anything is told.
	Record Record `json:"-"`
	// Wave that is under way, or is to begin next; empty when there is none.
	Wave string `json:"wave,omitempty"`
	// Approve is the wave that somebody has to approve before it begins, be a window open or not; empty when there is none.
	Approve string `json:"approve,omitempty"`
	// Next is when to decide again at the latest, if nothing is seen before; zero when only something that is seen can change anything.
	Next time.Time `json:"next,omitzero"`
	// Why in words; Who has to act for it to go on, empty when nobody has.
	Why string `json:"why"`
	Who string `json:"who,omitempty"`
	// At is when it was decided.
	At time.Time `json:"-"`
}

// Decide says what follows from what is seen. Reports may come in any order; the record is not changed, and has to fit the rules (Fits).
// recalled says why the release was; empty while it was not.
//
//	| the first that holds                    | phase      | starts                       | holds            |
//	|-----------------------------------------|------------|------------------------------|------------------|
//	| somebody takes it back                  | Undoing    | the way back, last wave first | -               |
//	| the release was recalled                | Recalled   | -                            | all under way    |
//	| somebody aborted it                     | Aborted    | -                            | all under way    |
//	| more failed than the budget allows      | Halted     | -                            | all under way    |
//	| somebody paused it                      | Paused     | -                            | all under way    |
//	| every cluster is through                | Finished   | -                            | -                |
//	| the release is too young                | Waiting    | -                            | -                |
//	| no window is open                       | Waiting    | -                            | by OnWindowEnd   |
//	| the wave before has not run long enough | Soaking    | who catches up               | -                |
//	| the wave is not approved                | Approval   | who catches up               | -                |
//	| else                                    | Rolling    | as many as there is room for | -                |
func Decide(r Rules, record Record, reports []Report, recalled string, now time.Time) Decision {
	record.Waves = slices.Clone(record.Waves)
	d := decider{Rules: r, now: now, out: Decision{Record: record}}
	return d.decide(reports, recalled)
}

// decide is Decide on a decider that is set up. Where it owns the members it writes to those that it was given.
func (d *decider) decide(reports []Report, recalled string) Decision {
	d.record, d.out.At = &d.out.Record, d.now
	d.take(reports)
	d.phase(recalled)
	d.begin()
	if len(d.out.Hold) > 0 {
		d.hold()
	}
	d.watch()
	return d.out
}

type decider struct {
	Rules
	now    time.Time
	record *Record
	out    Decision
	// owned is true once the members are a copy, which may be written to: most looks change none of thousands.
	owned bool
	// seen is told of each change of a member's state; nil is fine.
	seen func(m Member)
	// chosen are indices of the members that are told to move.
	chosen []int
	// reports in order of names.
	reports []Report
}

// report of a cluster; its index, and whether there is one.
func (d *decider) report(cluster string) (int, bool) {
	return slices.BinarySearchFunc(d.reports, cluster, func(r Report, name string) int { return cmp.Compare(r.Cluster, name) })
}

// write changes a member.
func (d *decider) write(i int, m Member) {
	if d.record.Members[i] == m {
		return
	}
	if !d.owned {
		d.record.Members, d.owned = slices.Clone(d.record.Members), true
	}
	was := d.record.Members[i].State
	d.record.Members[i] = m
	if d.seen != nil && was != m.State {
		d.seen(m)
	}
}

// take takes in what was seen: members change their states, and clusters join.
func (d *decider) take(reports []Report) {
	byName := func(a, b Report) int { return cmp.Compare(a.Cluster, b.Cluster) }
	if d.reports = reports; !slices.IsSortedFunc(reports, byName) {
		d.reports = slices.SortedFunc(slices.Values(reports), byName)
	}
	taken := make([]bool, len(d.reports))
	next := 0 // most often the report of the next member is the next report
	for i := range d.record.Members {
		name := d.record.Members[i].Cluster
		at, ok := next, next < len(d.reports) && d.reports[next].Cluster == name
		if !ok {
			at, ok = d.report(name)
		}
		if ok {
			taken[at], next = true, at+1
		}
		if d.record.Members[i].State == Done {
			continue
		}
		m := d.record.Members[i]
		if ok {
			d.see(&m, &d.reports[at])
		} else if m.State != Failed {
			m.become(Skipped, "is not registered any more", d.now)
		}
		d.write(i, m)
	}
	d.join(taken)
	d.ends()
}

// join adds the clusters that would take the release now, and are not in the rollout yet.
func (d *decider) join(taken []bool) {
	var late []Member
	for i, c := range d.reports {
		if !taken[i] && c.Fit && c.Reachable && c.Wave >= 0 && c.Wave < len(d.record.Waves) && d.record.Undone == "" {
			late = append(late, Member{Cluster: c.Cluster, Wave: c.Wave, Region: c.Region, State: Pending, Since: d.now, Late: true})
			if d.seen != nil {
				d.seen(late[len(late)-1])
			}
		}
	}
	if len(late) > 0 {
		d.record.Members, d.owned = append(slices.Clone(d.record.Members), late...), true
		slices.SortFunc(d.record.Members, byTurn)
	}
}

// hold notes that who is held back is not hung.
func (d *decider) hold() {
	for i, m := range d.record.Members {
		if m.State == Running && slices.Contains(d.out.Hold, m.Cluster) {
			m.Moved = d.now
			d.write(i, m)
		}
	}
}

// see takes in what was seen of one member.
func (d *decider) see(m *Member, c *Report) {
	goal := d.record.Version
	if m.Back {
		goal = m.From
	}
	if m.Region == "" {
		m.Region = c.Region
	}
	if d.record.Undone != "" && !m.Back {
		return // it never moved, and does not any more
	}
	arrived := c.Reachable && c.Settled && c.Version == goal
	switch {
	case m.State == Failed:
		if arrived && c.Failed == "" {
			m.become(Done, "was mended by somebody", d.now)
		}
	case !c.Reachable:
		d.lose(m)
	case arrived:
		d.arrive(m)
	default:
		d.meet(m, c)
	}
}

// arrive takes in that a cluster is where it is to go.
func (d *decider) arrive(m *Member) {
	m.Away = time.Time{}
	if m.Tries > 0 {
		m.become(Done, "", d.now)
	} else {
		m.become(Done, "had it already", d.now)
	}
}

// meet takes in a cluster that answers, and is not where it is to go.
func (d *decider) meet(m *Member, c *Report) {
	switch {
	case m.State == Running && c.Failed != "":
		m.become(Failed, c.Failed, d.now)
	case m.State == Running && (c.Fit || m.Back):
		d.progress(m, c)
	case !c.Fit && !m.Back:
		m.become(Skipped, c.Unfit, d.now)
	case m.State == Unreachable, m.State == Skipped:
		m.Away = time.Time{}
		m.become(Pending, "", d.now)
	}
}

// lose takes in that a cluster does not answer. One that is under way keeps its place for a while.
func (d *decider) lose(m *Member) {
	if m.State == Skipped {
		return
	}
	if m.Away.IsZero() {
		m.Away = d.now
	}
	if m.State != Running || d.now.Sub(m.Away) >= or(d.policy.AwayAfter, DefaultAwayAfter) {
		m.become(Unreachable, "cannot be reached since "+m.Away.UTC().Format(time.RFC3339), d.now)
	}
}

// progress takes in how a cluster that is under way gets on.
func (d *decider) progress(m *Member, c *Report) {
	if !m.Away.IsZero() {
		m.Away, m.Moved = time.Time{}, d.now
	}
	if c.Progress.After(m.Moved) && !c.Progress.After(d.now) {
		m.Moved = c.Progress
	}
	if last := Later(m.Since, m.Moved); d.now.Sub(last) >= d.hungAfter() {
		m.become(Failed, "shows no progress since "+last.UTC().Format(time.RFC3339), d.now)
	}
}

func (d *decider) hungAfter() time.Duration { return or(d.policy.HungAfter, DefaultHungAfter) }

// Later is the later of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ends notes when waves were through.
func (d *decider) ends() {
	for i := range d.record.Waves {
		if w := &d.record.Waves[i]; w.Ended.IsZero() && !w.Started.IsZero() && d.through(i) {
			w.Ended = d.now
		}
	}
}

// through tells whether nothing of a wave keeps the next from beginning. Who joined late, or was away, catches up beside.
func (d *decider) through(wave int) bool {
	for i := range d.record.Members {
		m := &d.record.Members[i]
		if m.Wave == wave && (m.State == Running && !m.CatchesUp || m.State == Pending && !d.catchesUp(*m)) {
			return false
		}
	}
	return true
}

// catchesUp tells whether a cluster has missed its wave.
func (d *decider) catchesUp(m Member) bool {
	return !d.record.Waves[m.Wave].Ended.IsZero() || m.Late && !d.record.Waves[m.Wave].Started.IsZero()
}

// count counts members.
func (d *decider) count(of func(*Member) bool) int {
	n := 0
	for i := range d.record.Members {
		n += truth(of(&d.record.Members[i]))
	}
	return n
}

func in(states ...State) func(*Member) bool {
	return func(m *Member) bool { return slices.Contains(states, m.State) }
}

// phase says where the rollout stands, and chooses who moves now.
func (d *decider) phase(recalled string) {
	failed := d.count(func(m *Member) bool { return m.State == Failed && !m.Forgiven })
	budget := d.policy.budget(len(d.record.Members))
	d.out.Overspent = failed > budget
	switch {
	case d.record.Undone != "":
		d.undo()
	case recalled != "":
		d.stop(Recalled, "the release was recalled: "+recalled, "")
	case d.record.Aborted != "":
		d.stop(Aborted, "aborted by "+d.record.Aborted, "")
	case d.out.Overspent:
		d.stop(Halted, fmt.Sprintf("%d failed, and %d may: %s", failed, budget, d.failures()),
			"somebody has to look: addonctl rollout retry, resume, undo or abort")
	case d.record.Paused != "":
		d.stop(Paused, "paused by "+d.record.Paused, "addonctl rollout resume")
	case d.count(in(Pending, Running)) == 0:
		d.finish()
	case d.now.Before(d.record.NotBefore):
		d.wait(fmt.Sprintf("the release is old enough on %s", d.record.NotBefore.UTC().Format(time.DateOnly)), d.record.NotBefore)
	default:
		d.forward()
	}
}

// stop holds all that is under way.
func (d *decider) stop(p Phase, why, who string) {
	d.out.Phase, d.out.Why, d.out.Who = p, why, who
	d.out.Hold = d.running()
}

func (d *decider) running() []string {
	var out []string
	for _, m := range d.record.Members {
		if m.State == Running {
			out = append(out, m.Cluster)
		}
	}
	return out
}

func (d *decider) failures() string {
	var out []string
	for _, m := range d.record.Members {
		if m.State == Failed && !m.Forgiven {
			out = append(out, fmt.Sprintf("%s (%s)", m.Cluster, cmp.Or(m.Reason, "it does not say why")))
		}
	}
	return few(out)
}

// few are some of them, and how many more there are.
func few(all []string) string {
	const most = 3
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

func (d *decider) wait(why string, until time.Time) {
	d.out.Phase, d.out.Why, d.out.Next = Waiting, why, until
}

// finish says how it ended.
func (d *decider) finish() {
	failed, away := d.count(in(Failed)), d.count(in(Unreachable))
	d.out.Phase, d.out.Why = Finished, fmt.Sprintf("%d of %d clusters run %s", d.count(in(Done)), len(d.record.Members), d.record.Version)
	if failed > 0 {
		d.out.Why += fmt.Sprintf("; %d failed", failed)
	}
	if away > 0 {
		d.out.Phase = CatchingUp
		d.out.Why += fmt.Sprintf("; %d cannot be reached", away)
		d.out.Who = "whoever can bring back those that cannot be reached"
	}
}

// forward chooses who moves on.
func (d *decider) forward() {
	wave := 0
	for wave < len(d.record.Waves) && d.through(wave) {
		wave++
	}
	if wave < len(d.record.Waves) && d.record.Waves[wave].Started.IsZero() && d.policy.waves()[wave].Approval && d.record.Waves[wave].Approved == "" {
		d.out.Approve = d.record.Waves[wave].Name
		d.out.Who = "addonctl rollout approve --wave " + d.out.Approve
	}
	open, until := d.calendar.open(d.now)
	if !open {
		d.closed()
		return
	}
	d.out.Next = until
	if wave == len(d.record.Waves) { // only those that catch up are left
		d.out.Phase, d.out.Why = Rolling, "those that missed their turn catch up"
		d.choose(len(d.record.Waves) - 1)
		return
	}
	d.out.Wave = d.record.Waves[wave].Name
	if d.record.Waves[wave].Started.IsZero() {
		if end := d.soaked(wave); d.now.Before(end) {
			d.out.Phase, d.out.Next = Soaking, Earlier(d.out.Next, end)
			d.out.Why = fmt.Sprintf("wave %s runs until %s before %s begins", d.record.Waves[wave-1].Name, end.UTC().Format(time.RFC3339), d.out.Wave)
			d.choose(wave - 1)
			return
		}
		if d.out.Approve != "" {
			d.out.Phase, d.out.Why = Approval, fmt.Sprintf("wave %s has to be approved", d.out.Wave)
			d.choose(wave - 1)
			return
		}
	}
	d.out.Phase, d.out.Why = Rolling, "wave "+d.out.Wave
	d.choose(wave)
}

// closed waits for a window. What is under way is held as the policy says.
func (d *decider) closed() {
	opens := d.calendar.opens(d.now)
	why := "no window is open until " + opens.UTC().Format(time.RFC3339)
	if opens.IsZero() {
		why = "no window opens within a year"
		d.out.Who = "whoever keeps the policy's windows"
	}
	d.wait(why, opens)
	if d.policy.OnWindowEnd != FinishCluster {
		d.out.Hold, d.out.AtOnce = d.running(), d.policy.OnWindowEnd == StopAtOnce
	}
}

// soaked is when the waves before one have run for long enough; zero when there is none, or none that anything was done in.
func (d *decider) soaked(wave int) time.Time {
	var end time.Time
	for i := range wave {
		if w := d.record.Waves[i]; !w.Ended.IsZero() {
			end = Later(end, w.Ended.Add(d.policy.soak(i)))
		}
	}
	return end
}

// choose tells clusters of the waves up to one to move, as many as there is room for: first those that catch up, then by turn.
func (d *decider) choose(last int) {
	d.fill(func(m Member) bool { return m.Wave <= last && d.catchesUp(m) })
	d.fill(func(m Member) bool { return m.Wave <= last && !d.catchesUp(m) })
}

// fill tells clusters to move while there is room.
func (d *decider) fill(of func(Member) bool) {
	all := d.count(in(Running)) + len(d.chosen)
	inWave := make([]int, len(d.record.Waves))
	members := make([]int, len(d.record.Waves))
	for i := range d.record.Members {
		m := &d.record.Members[i]
		members[m.Wave]++
		inWave[m.Wave] += truth(m.State == Running)
	}
	for _, i := range d.chosen {
		inWave[d.record.Members[i].Wave]++
	}
	for i := range d.record.Members {
		m := &d.record.Members[i]
		if m.State != Pending || slices.Contains(d.chosen, i) || !of(*m) {
			continue
		}
		ofWave, ofAll := d.policy.room(m.Wave, members[m.Wave], len(d.record.Members))
		if all >= ofAll || inWave[m.Wave] >= ofWave {
			continue
		}
		all++
		inWave[m.Wave]++
		d.chosen = append(d.chosen, i)
	}
}

// undo tells clusters to go back, those of the last wave first. It waits for no window: somebody wants it now.
func (d *decider) undo() {
	d.out.Phase, d.out.Why = Undoing, "taken back by "+d.record.Undone
	left, failed, away := d.count(in(Pending, Running)), d.count(in(Failed)), d.count(in(Unreachable))
	switch {
	case left > 0:
	case failed > 0:
		d.out.Phase, d.out.Why, d.out.Who = Undone, "not put back: "+d.failures(), "addonctl rollout retry, or somebody mends them"
		return
	case away > 0:
		d.out.Why, d.out.Who = fmt.Sprintf("%d clusters cannot be reached", away), "whoever can bring them back"
		return
	default:
		d.out.Phase, d.out.Why = Undone, fmt.Sprintf("%d clusters are back", d.count(func(m *Member) bool { return m.Back && m.State == Done }))
		return
	}
	for wave := range slices.Backward(d.record.Waves) {
		d.fill(func(m Member) bool { return m.Wave == wave })
	}
}

// begin writes down who is told to move.
func (d *decider) begin() {
	for _, i := range d.chosen {
		m := d.record.Members[i]
		if at, ok := d.report(m.Cluster); ok && m.From == "" && !m.Back {
			m.From = d.reports[at].Version
		}
		m.Tries++
		m.CatchesUp = !m.Back && d.catchesUp(m)
		m.Moved = d.now
		m.become(Running, "", d.now)
		d.write(i, m)
		if w := &d.record.Waves[m.Wave]; w.Started.IsZero() {
			w.Started = d.now
		}
		d.out.Start = append(d.out.Start, Start{m.Cluster, m.Back})
	}
}

// watch says when something may have to be decided that nobody sees coming: a cluster that hangs, or one that has been away for long enough.
func (d *decider) watch() {
	for i := range d.record.Members {
		m := &d.record.Members[i]
		if m.State != Running {
			continue
		}
		at := Later(m.Since, m.Moved).Add(d.hungAfter())
		if !m.Away.IsZero() {
			at = m.Away.Add(or(d.policy.AwayAfter, DefaultAwayAfter))
		}
		d.out.Next = Earlier(d.out.Next, at)
	}
}
