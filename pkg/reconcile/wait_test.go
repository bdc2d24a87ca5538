package reconcile_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// scene is a cluster in time, and what a watch of it knows, which may be something else.
type scene struct {
	world

	began time.Time
	// truth is the cluster after a time, known what the watch makes of it then; false when it knows nothing. nil knows the truth.
	truth func(time.Duration) plan.Input
	known func(time.Duration) (plan.Input, bool)
	// changes are the times at which the watch tells of a change.
	changes []time.Duration
	// looked are the times of the looks at everything.
	looked []time.Duration
	// watched and stopped count the watches.
	watched, stopped int
}

func (s *scene) since() time.Duration { return time.Since(s.began) }

func (s *scene) Observe(context.Context) (plan.Input, error) {
	s.looked = append(s.looked, s.since())
	return s.truth(s.since()), nil
}

func (s *scene) Watch(ctx context.Context) (<-chan struct{}, func()) {
	s.watched++
	ctx, cancel := context.WithCancel(ctx)
	changes := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, at := range s.changes {
			select {
			case <-ctx.Done():
				return
			case <-time.After(at - s.since()):
				changes <- struct{}{}
			}
		}
	}()
	return changes, func() {
		cancel()
		<-ended
		s.stopped++
	}
}

func (s *scene) Refresh(in plan.Input) (plan.Input, bool) {
	out, known := s.truth(s.since()), true
	if s.known != nil {
		out, known = s.known(s.since())
	}
	out.Change = in.Change
	return out, known
}

// play runs the loop until it halts, a minute at most.
func (s *scene) play(t *testing.T) {
	t.Helper()
	s.began = time.Now()
	l := s.loop(time.Minute)
	l.Observer, l.Watcher = s, s
	run(t, l, reconcile.Halted)
	if s.watched != 1 || s.stopped != 1 {
		t.Errorf("%d watches were begun and %d ended, want one", s.watched, s.stopped)
	}
}

// byNode is a roll of the two nodes, one at a time, with so many of them changed and Ready.
func byNode(ready int) plan.Input {
	in := rolling(ready)
	in.Desired.NodeUpdate, in.Desired.Roll = plan.RollNodes, noderoll.Policy{Soak: new(time.Duration), ReadyFor: new(time.Duration), MaxUnavailable: "1"}
	in.Installed.OnDelete = true
	for i := range in.Nodes {
		p := in.Nodes[i].Pod
		p.Created, p.ReadySince, p.UID = in.Now.Add(-time.Hour), in.Now.Add(-time.Hour), fmt.Sprintf("%s-%d", p.Revision, i)
	}
	return in
}

// starting has the agent of the first node on its way, halting in a crash loop.
func starting() plan.Input {
	in := byNode(1)
	in.Nodes[0].Pod.Ready, in.Nodes[0].Pod.Available, in.Nodes[0].Pod.Created, in.Nodes[0].Pod.ReadySince = false, false, in.Now, in.Now
	return in
}

func halting() plan.Input {
	in := starting()
	in.Nodes[0].Pod.Bad, in.Nodes[0].Pod.Trouble = true, "CrashLoopBackOff"
	return in
}

// after is one cluster until a time, and another one from then on.
func after(at time.Duration, before, then plan.Input) func(time.Duration) plan.Input {
	return func(now time.Duration) plan.Input {
		if now < at {
			return before
		}
		return then
	}
}

// It would catch a loop that sleeps although it was told of a change, and one that looks at everything all the time although nothing changes.
func TestWhatAWatchShowsIsLookedAtSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const at = 13300 * time.Millisecond
		s := &scene{truth: after(at, starting(), halting()), changes: []time.Duration{at}}
		s.play(t)
		if took := s.since() - at; took > 100*time.Millisecond {
			t.Errorf("a halt was seen %s after the watch told of it", took)
		}
		if len(s.looked) != 4 { // at 0, 5, 10, and then
			t.Errorf("looked at everything at %v", s.looked)
		}
		s.did(t, "record: Rolling, 0 of 2", "record: Rolling, 0 of 2", "record: Rolling, 0 of 2", "record: Rolling, 0 of 2")
	})
}

// Time alone can end a wait: the watch tells of no change.
func TestTimeIsLookedAtToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const at = 2 * time.Second
		s := &scene{truth: after(at, starting(), halting())}
		s.play(t)
		if took := s.since() - at; took > 500*time.Millisecond {
			t.Errorf("a halt was seen %s after it was due", took)
		}
	})
}

// A watch that stays in the past delays, and no more than a few pauses: a halt is not missed.
func TestAWatchThatStandsStillHidesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const at = 2200 * time.Millisecond
		s := &scene{truth: after(at, starting(), halting()), known: func(time.Duration) (plan.Input, bool) { return starting(), true }}
		s.play(t)
		if took := s.since() - at; took > 5*time.Second {
			t.Errorf("a halt was seen %s after it was due", took)
		}
		if s.done > 0 {
			t.Errorf("%d steps were carried out", s.done)
		}
	})
}

// What a watch shows leads to no step, and what it shows in vain to no more looks than there would be without it. The control is the same
// cluster as the watch has it: there the step is carried out.
func TestAWatchIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		truth, known plan.Input
		steps        bool
	}{
		"a watch in the past has a node to change":    {truth: starting(), known: byNode(0)},
		"a watch in the past has the node passed":     {truth: starting(), known: byNode(1)},
		"a watch in the past has everything at rest":  {truth: starting(), known: settled()},
		"a watch in the past has a halt":              {truth: starting(), known: halting()},
		"control: there is a node to change":          {truth: byNode(0), known: starting(), steps: true},
		"control: the first node passed, one to come": {truth: byNode(1), known: starting(), steps: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &scene{
					truth: func(time.Duration) plan.Input { return c.truth },
					known: func(time.Duration) (plan.Input, bool) { return c.known, true },
				}
				s.do = []error{errFinal}
				s.began = time.Now()
				l := s.loop(limit)
				l.Observer, l.Watcher = s, s
				out, err := l.Run(t.Context())
				if s.done > 0 != c.steps || !c.steps && (err != nil || out.End != reconcile.TimedOut) {
					t.Errorf("%d steps; ended %q, %v", s.done, out.End, err)
				}
				if most := int(limit/time.Second) + 6; len(s.looked) > most {
					t.Errorf("looked at everything %d times in %s, want %d at most: %v", len(s.looked), limit, most, s.looked)
				}
			})
		})
	}
}

// Without anything to watch, and while the watch knows nothing, everything is looked at after each pause.
func TestWithoutAWatchEverythingIsLookedAtAfterEachPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{truth: after(3500*time.Millisecond, starting(), halting()), known: func(time.Duration) (plan.Input, bool) { return plan.Input{}, false }}
		s.play(t)
		if len(s.looked) != 5 {
			t.Errorf("looked at everything at %v", s.looked)
		}
	})
}

// A caller who goes away is not kept waiting.
func TestAWaitEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{truth: func(time.Duration) plan.Input { return starting() }, began: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), 2345*time.Millisecond)
		defer cancel()
		l := s.loop(0)
		l.Observer, l.Watcher = s, s
		out, err := l.Run(ctx)
		if err != nil || out.End != reconcile.Interrupted || s.since() > 2345*time.Millisecond || s.stopped != 1 {
			t.Errorf("ended %q, %v, after %s; %d watches were stopped", out.End, err, s.since(), s.stopped)
		}
	})
}
