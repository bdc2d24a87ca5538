package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// perOperation is how many calls of each operation are killed at when not every one is.
const perOperation = 20

// A command that is disturbed is finished by the same command run again: same state as of an undisturbed run, nothing deleted,
// and a whole CNI at every revision in between.
func TestADisturbedCommandIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d", *seed)
	b := begin(t)
	t.Run("killed at any call", b.kills)
	t.Run("faults", b.faults)
	t.Run("two actors", b.actors)
	t.Run("reinstalling is noticed", b.reinstalls)
}

// kills ends the command after the server carried a call out and before it answered.
func (b *bench) kills(t *testing.T) {
	var points []func(*lab)
	rows := map[string]*row{}
	for _, o := range operations {
		if *just != "" && *just != o.name {
			rows[o.name] = &row{}
			continue
		}
		r := &row{calls: b.calls[o.name]}
		rows[o.name] = r
		for _, n := range pick(o.name, r.calls) {
			points = append(points, func(l *lab) { r.add(l.killAt(o, n, b.wanted[o.name])) })
		}
	}
	began := time.Now()
	b.spread(t, points)
	b.report(t, rows, time.Since(began))
}

// row is one of the table.
type row struct {
	sync.Mutex
	calls, runs, killed, recovered int
}

func (r *row) add(p point) {
	r.Lock()
	defer r.Unlock()
	r.runs++
	if p.killed {
		r.killed++
	}
	if p.killed && p.problem == "" {
		r.recovered++
	}
}

func (b *bench) report(t *testing.T, rows map[string]*row, took time.Duration) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "%-10s %9s %6s %7s %10s\n", "OPERATION", "CALLS (N)", "TRIED", "KILLED", "RECOVERED")
	for _, o := range operations {
		r := rows[o.name]
		fmt.Fprintf(&out, "%-10s %9d %6d %7d %10d\n", o.name, r.calls, r.runs, r.killed, r.recovered)
	}
	t.Logf("%d control planes, %s\n%s", len(b.labs), took.Round(time.Second), out.String())
}

// pick are the calls to kill at.
func pick(name string, calls int) []int {
	all := make([]int, calls)
	for i := range all {
		all[i] = i + 1
	}
	if *everyCall {
		return all
	}
	r := random(name)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:min(perOperation, len(all))]
	slices.Sort(all)
	return all
}

// random is the same for the same seed and name.
func random(name string) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(*seed, h)) //nolint:gosec // a test that can be repeated
}

// point is what came of one kill.
type point struct {
	killed  bool
	problem string
}

// killAt runs an operation up to a call, and then again.
func (l *lab) killAt(o operation, n int, want outcome) point {
	l.tb.Helper()
	start := l.begin(o)
	victim := make(chan *command, 1)
	var killed atomic.Bool
	l.proxy.Plan(testkube.At(map[int]testkube.Fault{n: testkube.CutAfter(func() {
		c := <-victim
		killed.Store(true)
		c.kill()
	})}))
	c := l.start("", o.args...)
	victim <- c
	first := c.wait()
	calls := l.proxy.Calls()
	l.proxy.Plan(nil)
	p := point{killed: killed.Load()}
	if !p.killed && first != 0 {
		p.problem = fmt.Sprintf("not killed, and yet: %s", c)
	}
	last := c // a run that came to its end before call n counts as undisturbed
	if p.killed {
		if last = l.start("", o.args...); last.wait() != 0 {
			p.problem = last.String()
		}
	}
	if p.problem == "" {
		p.problem = l.judge(start, want, outcome.difference)
	}
	if p.problem != "" {
		at := "after its end"
		if n <= len(calls) {
			at = calls[n-1].String()
		}
		l.tb.Errorf("%s killed at call %d (%s):\n%s\nlast run: %s", o.name, n, at, p.problem, last)
	}
	return p
}

// judge waits for the wanted outcome, as differs sees it, and looks at what happened since a state.
func (l *lab) judge(start testkube.State, want outcome, differs func(got, want outcome) string) string {
	l.tb.Helper()
	var diff string
	for range 50 { // the controllers' last words
		if diff = differs(l.outcome(l.Save(l.tb)), want); diff == "" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	var out []string
	if diff != "" {
		out = append(out, "the state is not that of an undisturbed run:\n"+diff)
	}
	if gaps := witness(start, l.Since(l.tb, start)); len(gaps) > 0 {
		out = append(out, "there was no whole CNI:\n"+strings.Join(gaps, "\n"))
	}
	if deletes := l.deletes(); len(deletes) > 0 {
		out = append(out, "objects of the CNI were deleted:\n"+strings.Join(deletes, "\n"))
	}
	return strings.Join(out, "\n")
}
