package rollout_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/rollout"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const goal = "2.0.0"

// decider is Decide, or something that is wrong in one way.
type decider func(rollout.Rules, rollout.Record, []rollout.Report, string, time.Time) rollout.Decision

// fleet is a world of a few clusters, in which anything happens.
type fleet struct {
	policy   rollout.Policy
	rules    rollout.Rules
	decide   decider
	clusters map[string]*cluster
	record   rollout.Record
	now      time.Time
	recalled string
	// running is what the decisions said, kept apart from the record: cluster to wave.
	running map[string]int
	ended   map[int]time.Time
	last    rollout.Decision
}

type cluster struct {
	wave    int
	version string
	away    bool
	pinned  bool
	gone    bool
	moving  string
	left    int
	bad     bool
	hangs   bool
	failed  string
	moved   time.Time
	late    bool
	wasAway bool
}

func drawPolicy(t *rapid.T) rollout.Policy {
	p := rollout.Policy{
		MaxConcurrent: rapid.SampledFrom([]string{"", "1", "2", "50%", "100%"}).Draw(t, "max"),
		FailureBudget: rapid.SampledFrom([]string{"", "0", "1", "2", "30%"}).Draw(t, "budget"),
		OnWindowEnd:   rapid.SampledFrom([]rollout.OnWindowEnd{"", rollout.FinishCluster, rollout.StopAtOnce}).Draw(t, "end"),
	}
	soak := time.Duration(rapid.IntRange(0, 3).Draw(t, "soak")) * time.Minute
	hung, away := 10*time.Minute, 3*time.Minute
	p.Soak, p.HungAfter, p.AwayAfter = &soak, &hung, &away
	for i := range rapid.IntRange(1, 3).Draw(t, "waves") {
		p.Waves = append(p.Waves, rollout.Wave{
			Name: fmt.Sprintf("w%d", i), Selector: "x", Approval: rapid.Bool().Draw(t, "approval"),
			MaxConcurrent: rapid.SampledFrom([]string{"", "", "1", "50%"}).Draw(t, "ofWave"),
		})
	}
	if rapid.IntRange(0, 2).Draw(t, "windows") == 0 {
		p.Windows.Allow = []rollout.Window{{Cron: "*/15 * * * *", Duration: 7 * time.Minute}}
	}
	return p
}

func begin(t *rapid.T, decide decider) *fleet {
	f := &fleet{policy: drawPolicy(t), decide: decide, clusters: map[string]*cluster{}, now: noon, running: map[string]int{}, ended: map[int]time.Time{}}
	var err error
	if f.rules, err = rollout.NewRules(f.policy); err != nil {
		t.Fatal(err)
	}
	for i := range rapid.IntRange(1, 8).Draw(t, "clusters") {
		f.clusters[fmt.Sprintf("c%d", i)] = &cluster{wave: rapid.IntRange(0, len(f.policy.Waves)-1).Draw(t, "wave"), version: "1.0.0"}
	}
	before := noon.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "age")) * time.Minute)
	f.record = rollout.Open(f.rules, "Flannel", goal, before, f.reports(), f.now)
	return f
}

func (f *fleet) reports() []rollout.Report {
	var out []rollout.Report
	for name, c := range f.clusters {
		if c.gone {
			continue
		}
		r := rollout.Report{
			Cluster: name, Wave: c.wave, Reachable: !c.away, Version: c.version, Settled: c.moving == "", Fit: !c.pinned && c.failed == "",
			Failed: c.failed, Progress: c.moved,
		}
		if !r.Fit {
			r.Unfit = "pinned or held"
		}
		out = append(out, r)
	}
	return out // in no order
}

// tick is one minute: the world goes on, then somebody decides.
func (f *fleet) tick() error {
	f.now = f.now.Add(time.Minute)
	for _, c := range f.clusters {
		if c.moving == "" || c.away || c.hangs {
			continue
		}
		c.moved = f.now
		if c.left--; c.left <= 0 {
			if c.bad {
				c.failed = "broke"
			} else {
				c.version = c.moving
			}
			c.moving = ""
		}
	}
	before := f.record
	d := f.decide(f.rules, before, f.reports(), f.recalled, f.now)
	if err := f.legal(before, d); err != nil {
		return fmt.Errorf("at %s, phase %s: %w", f.now.Format(time.TimeOnly), d.Phase, err)
	}
	for _, s := range d.Start {
		c := f.clusters[s.Cluster]
		c.moving, c.failed, c.moved, c.left = goal, "", f.now, 2
		if s.Back {
			c.moving, c.bad, c.hangs = "1.0.0", false, false
		}
	}
	for _, name := range d.Hold {
		if c := f.clusters[name]; c.moving != "" {
			c.left++ // it does not go on
		}
	}
	f.record, f.last = d.Record, d
	return nil
}

// legal judges a decision without asking how it came about.
func (f *fleet) legal(before rollout.Record, d rollout.Decision) error {
	was := map[string]rollout.Member{}
	for _, m := range before.Members {
		was[m.Cluster] = m
	}
	running, inWave, members, failed := 0, map[int]int{}, map[int]int{}, 0
	for _, m := range d.Record.Members {
		members[m.Wave]++
		if m.State == rollout.Running {
			running++
			inWave[m.Wave]++
			if last := slices.MaxFunc([]time.Time{m.Since, m.Moved, f.clusters[m.Cluster].moved}, time.Time.Compare); f.clusters[m.Cluster].hangs &&
				!f.clusters[m.Cluster].away && f.now.Sub(last) > *f.policy.HungAfter {
				return fmt.Errorf("%s hangs since %s, and counts as under way", m.Cluster, last.Format(time.TimeOnly))
			}
		}
		if m.State == rollout.Failed && !m.Forgiven {
			failed++
		}
		if m.Tries < was[m.Cluster].Tries {
			return fmt.Errorf("%s forgets its tries", m.Cluster)
		}
	}
	if len(d.Start) == 0 {
		return f.speaks(d)
	}
	all := len(d.Record.Members)
	if most := most(f.policy, -1, 0, all); running > most {
		return fmt.Errorf("%d are under way, %d may be", running, most)
	}
	for _, s := range d.Start {
		m := d.Record.Members[slices.IndexFunc(d.Record.Members, func(m rollout.Member) bool { return m.Cluster == s.Cluster })]
		c := f.clusters[s.Cluster]
		if most := most(f.policy, m.Wave, members[m.Wave], all); inWave[m.Wave] > most {
			return fmt.Errorf("%d of wave %d are under way, %d may be", inWave[m.Wave], m.Wave, most)
		}
		switch {
		case c.away || c.gone:
			return fmt.Errorf("%s is told to move, and nobody reaches it", s.Cluster)
		case s.Back != (d.Record.Undone != ""):
			return fmt.Errorf("%s is told to move the wrong way", s.Cluster)
		case s.Back:
			continue
		case c.pinned:
			return fmt.Errorf("%s is told to move, and is pinned", s.Cluster)
		case d.Record.Paused != "" || d.Record.Aborted != "" || f.recalled != "":
			return fmt.Errorf("%s is told to move, and all was stopped", s.Cluster)
		case failed > budget(f.policy, all):
			return fmt.Errorf("%s is told to move, and %d failed", s.Cluster, failed)
		case f.now.Before(d.Record.NotBefore):
			return fmt.Errorf("%s is told to move, and the release is too young", s.Cluster)
		}
		if len(f.policy.Windows.Allow) > 0 && f.now.Minute()%15 >= 7 {
			return fmt.Errorf("%s is told to move outside of the windows", s.Cluster)
		}
		if f.policy.Waves[m.Wave].Approval && d.Record.Waves[m.Wave].Approved == "" {
			return fmt.Errorf("%s is told to move, and its wave is not approved", s.Cluster)
		}
		if err := f.turn(d, m); err != nil {
			return err
		}
	}
	return nil
}

// turn tells whether a cluster moves before its time: some other of an earlier wave has not ended, or not for long enough.
func (f *fleet) turn(d rollout.Decision, m rollout.Member) error {
	for _, o := range d.Record.Members {
		if o.Wave >= m.Wave || f.clusters[o.Cluster].late || f.clusters[o.Cluster].wasAway || o.Tries > 1 || o.Tries > 0 && o.State == rollout.Pending || o.Reason == "was mended by somebody" {
			continue
		}
		if o.State == rollout.Pending || o.State == rollout.Running {
			return fmt.Errorf("%s of wave %d is told to move while %s of wave %d is %s", m.Cluster, m.Wave, o.Cluster, o.Wave, o.State)
		}
		if o.State == rollout.Done && o.Tries > 0 && m.Tries == 1 && d.Record.Waves[m.Wave].Started.Equal(f.now) && f.now.Sub(o.Since) < *f.policy.Soak {
			return fmt.Errorf("%s of wave %d begins its wave %s after %s of wave %d", m.Cluster, m.Wave, f.now.Sub(o.Since), o.Cluster, o.Wave)
		}
	}
	return nil
}

// speaks tells whether somebody who looks knows what is waited for.
func (f *fleet) speaks(d rollout.Decision) error {
	ended := d.Phase == rollout.Finished || d.Phase == rollout.Undone || d.Phase == rollout.Aborted || d.Phase == rollout.Recalled
	running := slices.ContainsFunc(d.Record.Members, func(m rollout.Member) bool { return m.State == rollout.Running })
	if !ended && !running && d.Who == "" && !d.Next.After(f.now) {
		return fmt.Errorf("nothing is under way, nobody has to act, and nothing is waited for: %s", d.Why)
	}
	if d.Why == "" {
		return fmt.Errorf("it does not say why")
	}
	return nil
}

// most is what the policy allows, worked out anew; of all clusters with wave -1.
func most(p rollout.Policy, wave, members, all int) int {
	of := func(text string, n int) int {
		k := 0
		if _, err := fmt.Sscanf(text, "%d", &k); err == nil && text[len(text)-1] == '%' {
			k = n * k / 100
		}
		return max(1, k)
	}
	total := p.MaxConcurrent
	if total == "" {
		total = "10%"
	}
	out := of(total, all)
	if wave >= 0 && p.Waves[wave].MaxConcurrent != "" {
		return of(p.Waves[wave].MaxConcurrent, members)
	}
	if wave < 0 && p.MaxConcurrent == "" { // a wave that says more may have more
		for i, w := range p.Waves {
			if w.MaxConcurrent != "" {
				out = max(out, most(p, i, all, all))
			}
		}
	}
	return out
}

func budget(p rollout.Policy, all int) int {
	k := 0
	_, _ = fmt.Sscanf(p.FailureBudget, "%d", &k)
	if p.FailureBudget != "" && p.FailureBudget[len(p.FailureBudget)-1] == '%' {
		k = all * k / 100
	}
	return k
}

// disturb lets something happen.
func (f *fleet) disturb(t *rapid.T) {
	name := rapid.SampledFrom([]string{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"}).Draw(t, "who")
	c := f.clusters[name]
	what := rapid.IntRange(0, 24).Draw(t, "what")
	if c == nil && what < 8 {
		what = 8
	}
	switch what {
	case 0:
		c.away, c.wasAway = true, true
	case 1:
		c.away = false
	case 2:
		c.bad = true
	case 3:
		c.bad, c.hangs, c.failed = false, false, ""
	case 4:
		c.pinned = !c.pinned
		c.late = true // it may miss its wave
	case 5:
		c.hangs = true
	case 6:
		c.gone, c.late = !c.gone, true
	case 7:
		c.away, c.wasAway, c.left = true, true, 2
	case 8:
		if c == nil {
			f.clusters[name] = &cluster{wave: rapid.IntRange(0, len(f.policy.Waves)-1).Draw(t, "wave"), version: "1.0.0", late: true}
		}
	case 9:
		f.record = f.record.Pause("somebody")
	case 10, 11:
		f.record = f.record.Resume()
	case 12, 13, 14:
		f.record, _ = f.record.Approve(f.record.Waves[rapid.IntRange(0, len(f.record.Waves)-1).Draw(t, "which")].Name, "somebody")
	case 15:
		f.record, _ = f.record.Retry(f.now)
	case 16:
		if rapid.IntRange(0, 5).Draw(t, "really") == 0 {
			f.record = f.record.Undo("somebody", f.now)
		}
	case 17:
		if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
			f.record = f.record.Abort("somebody")
		}
	case 18:
		if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
			f.recalled = "it is bad"
		}
	}
}

// settle ends all disturbance, does what is asked for, and waits for the end.
func (f *fleet) settle() error {
	for _, c := range f.clusters {
		c.away, c.bad, c.hangs, c.failed = false, false, false, ""
	}
	f.record.Paused = ""
	const patience = 600 // minutes: nothing starves
	for range patience {
		if err := f.tick(); err != nil {
			return err
		}
		switch f.last.Phase { //nolint:exhaustive // in the others time passes
		case rollout.Approval:
			f.record, _ = f.record.Approve(f.last.Wave, "somebody")
		case rollout.Halted:
			f.record, _ = f.record.Retry(f.now)
		case rollout.Undone:
			for _, m := range f.record.Members {
				if m.State == rollout.Failed {
					f.record, _ = f.record.Retry(f.now)
					break
				}
			}
			if !slices.ContainsFunc(f.record.Members, func(m rollout.Member) bool { return m.State == rollout.Failed || m.State == rollout.Pending }) {
				return f.end()
			}
		case rollout.Finished, rollout.Aborted, rollout.Recalled:
			return f.end()
		}
	}
	return fmt.Errorf("after %d minutes of peace it is %s: %s", patience, f.last.Phase, f.last.Why)
}

// end judges where the clusters are.
func (f *fleet) end() error {
	for _, m := range f.last.Record.Members {
		c := f.clusters[m.Cluster]
		switch {
		case c.gone:
		case f.last.Phase == rollout.Finished && m.State == rollout.Done && c.version != goal:
			return fmt.Errorf("%s is done and runs %s", m.Cluster, c.version)
		case f.last.Phase == rollout.Finished && m.State != rollout.Done && m.State != rollout.Skipped && m.State != rollout.Failed:
			return fmt.Errorf("%s is %s at the end", m.Cluster, m.State)
		case f.last.Phase == rollout.Undone && m.Tries > 0 && m.State == rollout.Done && c.version != "1.0.0":
			return fmt.Errorf("%s was taken back and runs %s", m.Cluster, c.version)
		}
	}
	return nil
}

// schedule is a rollout in which anything happens, then peace.
func (f *fleet) live(t *rapid.T) error {
	for range rapid.IntRange(0, 60).Draw(t, "minutes") {
		if err := f.tick(); err != nil {
			return err
		}
		if rapid.IntRange(0, 2).Draw(t, "disturbed") == 0 {
			f.disturb(t)
		}
	}
	return f.settle()
}

// It never has more clusters under way than it may, never begins anything after a halt, outside of a window or before its turn, always says
// who has to act, and always ends.
func TestEverySchedule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for range 100 { // rapid checks 100 times: 10,000 fleets
			if err := begin(t, rollout.Decide).live(t); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The negative control: deciders that are wrong in one way each are caught.
func TestTheScheduleCatchesWhatIsWrong(t *testing.T) {
	t.Parallel()
	zero := time.Duration(0)
	with := func(change func(*rollout.Policy)) func(rollout.Policy) decider {
		return func(p rollout.Policy) decider {
			p.Waves = slices.Clone(p.Waves)
			change(&p)
			wrong, err := rollout.NewRules(p)
			if err != nil {
				t.Error(err)
			}
			return func(_ rollout.Rules, rec rollout.Record, reports []rollout.Report, recalled string, now time.Time) rollout.Decision {
				return rollout.Decide(wrong, rec, reports, recalled, now)
			}
		}
	}
	after := func(change func(rollout.Record, *rollout.Decision)) func(rollout.Policy) decider {
		return func(rollout.Policy) decider {
			return func(r rollout.Rules, rec rollout.Record, reports []rollout.Report, recalled string, now time.Time) rollout.Decision {
				d := rollout.Decide(r, rec, reports, recalled, now)
				change(rec, &d)
				return d
			}
		}
	}
	for name, wrong := range map[string]func(rollout.Policy) decider{
		"no budget":   with(func(p *rollout.Policy) { p.FailureBudget = "100%" }),
		"no windows":  with(func(p *rollout.Policy) { p.Windows = rollout.Windows{} }),
		"no soak":     with(func(p *rollout.Policy) { p.Soak = &zero }),
		"all at once": with(func(p *rollout.Policy) { p.MaxConcurrent = "100%" }),
		"one wave":    with(func(p *rollout.Policy) { p.Soak = &zero; p.MaxConcurrent = "100%"; p.FailureBudget = "100%" }),
		"no approval": with(func(p *rollout.Policy) {
			for i := range p.Waves {
				p.Waves[i].Approval = false
			}
		}),
		"hung for ever":   with(func(p *rollout.Policy) { long := 300 * 24 * time.Hour; p.HungAfter = &long }),
		"never tells who": after(func(_ rollout.Record, d *rollout.Decision) { d.Who = "" }),
		"starves": after(func(_ rollout.Record, d *rollout.Decision) {
			d.Start = slices.DeleteFunc(d.Start, func(s rollout.Start) bool { return s.Cluster == "c0" })
		}),
		"the pause is not heard": func(rollout.Policy) decider {
			return func(r rollout.Rules, rec rollout.Record, reports []rollout.Report, recalled string, now time.Time) rollout.Decision {
				paused := rec.Paused
				rec.Paused = ""
				d := rollout.Decide(r, rec, reports, recalled, now)
				d.Record.Paused = paused
				return d
			}
		},
		"the recall is not heard": func(rollout.Policy) decider {
			return func(r rollout.Rules, rec rollout.Record, reports []rollout.Report, _ string, now time.Time) rollout.Decision {
				return rollout.Decide(r, rec, reports, "", now)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range 4000 {
				caught := false
				generator := rapid.Custom(func(t *rapid.T) error {
					f := begin(t, nil)
					f.decide = wrong(f.policy)
					return f.live(t)
				})
				if err := generator.Example(seed); err != nil {
					caught = true
				}
				if caught {
					return
				}
			}
			t.Error("nothing was noticed")
		})
	}
}
