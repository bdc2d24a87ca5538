package crash

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// A command that is disturbed is finished by the same command run again: same state as of an undisturbed run, nothing deleted,
// and a whole CNI at every revision in between.
func TestADisturbedCommandIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d", *seed)
	b := begin(t)
	t.Run("killed at any call", b.kills)
	t.Run("faults", b.faults)
	t.Run("the last status is lost", b.untold)
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
		for _, s := range pick(o.name, r.calls, b.aimed[o.name]) {
			points = append(points, func(l *lab) { r.add(l.killAt(o, s, b.wanted[o.name])) })
		}
	}
	began := time.Now()
	told := tell(rows, len(points))
	b.spread(t, points)
	told()
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

// tell how far it is, once a minute, when every call is killed at; the function that it returns ends that.
func tell(rows map[string]*row, points int) (end func()) {
	if !*everyCall {
		return func() {}
	}
	began, minute, over := time.Now(), time.NewTicker(time.Minute), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-minute.C:
				fmt.Fprintln(os.Stderr, progress(rows, points, time.Since(began)))
			case <-over:
				return
			}
		}
	})
	return func() {
		minute.Stop()
		close(over)
		all.Wait()
	}
}

// progress is how far it is after a time.
func progress(rows map[string]*row, points int, took time.Duration) string {
	var done, killed, recovered int
	for _, r := range rows {
		r.Lock()
		done, killed, recovered = done+r.runs, killed+r.killed, recovered+r.recovered
		r.Unlock()
	}
	left := "nobody knows how long"
	if done > 0 {
		left = "about " + (took / time.Duration(done) * time.Duration(points-done)).Round(time.Minute).String()
	}
	return fmt.Sprintf("%s: %d of %d points, %d killed, %d recovered; %s to go", took.Round(time.Second), done, points, killed, recovered, left)
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

// spot is a call to kill at.
type spot struct {
	// n counts from 1: all calls, or those that are aimed at.
	n     int
	aimed bool
}

func (s spot) String() string {
	if s.aimed {
		return fmt.Sprintf("wish, mark or delete %d", s.n)
	}
	return fmt.Sprintf("call %d", s.n)
}

// strikes is a plan for the proxy that spoils the call; struck hears of it first.
func (s spot) strikes(f testkube.Fault, struck func(testkube.Passed)) func(int, testkube.Passed) testkube.Fault {
	seen := 0
	return func(n int, c testkube.Passed) testkube.Fault {
		if s.aimed {
			if !aimedAt(c) {
				return nil
			}
			seen++
			n = seen
		}
		if n != s.n {
			return nil
		}
		struck(c)
		return f
	}
}

// aimedAt are the calls that change a wish on the record, and those by which a roll notes which pods it is about to delete, and deletes
// them. How often a command looks in between depends on how fast the machine is, so the number of a call does not tell which of them it
// is, and they are too few to be met by chance.
func aimedAt(c testkube.Passed) bool {
	return c.Method == http.MethodPut && strings.HasPrefix(c.Path, "/apis/addonctl.io/v1alpha1/addons/") && !strings.Contains(c.Path, "/status") ||
		c.Method == http.MethodDelete && strings.Contains(c.Path, "/pods/") ||
		c.Method == http.MethodPatch && strings.Contains(c.Path, "fieldManager="+kube.RollManager)
}

// pick are the calls to kill at: those that are aimed at, and all others or some of them.
func pick(name string, calls, aimed int) []spot {
	out := make([]spot, 0, aimed+calls)
	for i := range aimed {
		out = append(out, spot{i + 1, true})
	}
	all := make([]spot, calls)
	for i := range all {
		all[i].n = i + 1
	}
	if *everyCall {
		return append(out, all...)
	}
	r := random(name)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:min(max(0, *sample-aimed), len(all))]
	slices.SortFunc(all, func(a, b spot) int { return a.n - b.n })
	return append(out, all...)
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
	// unanswered is true when the API server did not answer a run that nobody killed.
	unanswered bool
	// start is where it began, run the last command of it, and at the call that was struck.
	start testkube.State
	run   *command
	at    string
}

// killAt kills an operation at a call, and runs it again.
func (l *lab) killAt(o operation, s spot, want outcome) point {
	l.tb.Helper()
	p := l.twice(o, s, want)
	for range attempts {
		if p.problem == "" || !p.unanswered && !l.uneasy(p.start) {
			break
		}
		l.tb.Logf("%s killed at %s: the controller was not at rest before, or the API server did not answer, so again", o.name, s)
		p = l.twice(o, s, want)
	}
	if p.problem != "" {
		l.tb.Errorf("%s killed at %s (%s):\n%s\nlast run: %s", o.name, s, p.at, p.problem, p.run)
	}
	return p
}

// twice runs an operation up to a call, and then again.
func (l *lab) twice(o operation, s spot, want outcome) point {
	l.tb.Helper()
	start := l.begin(o)
	victim := make(chan *command, 1)
	var killed atomic.Bool
	p := point{start: start, at: "after its end"}
	l.proxy.Plan(s.strikes(testkube.CutAfter(func() {
		c := <-victim
		killed.Store(true)
		c.kill()
	}), func(c testkube.Passed) { p.at = c.String() }))
	c := l.start("", o.args...)
	victim <- c
	first := c.wait()
	l.proxy.Plan(nil)
	p.killed = killed.Load()
	if !p.killed && first != 0 {
		p.problem, p.unanswered = "not killed, and yet it failed", first == unreachable
	}
	p.run = c // one that came to its end before that call counts as undisturbed
	if p.killed {
		if p.run = l.start("", o.args...); !o.ended(p.run) {
			p.problem, p.unanswered = "it was not finished", p.run.wait() == unreachable
		}
	}
	if p.problem == "" {
		p.problem = l.judge(o, start, want, outcome.difference)
	}
	return p
}

// lastWords is how long the controllers of a busy machine may take to say what they saw.
const lastWords = 30 * time.Second

// judge waits for the wanted outcome of an operation, as differs sees it, and looks at what happened since a state.
func (l *lab) judge(o operation, start testkube.State, want outcome, differs func(got, want outcome) string) string {
	l.tb.Helper()
	var diff string
	for until := time.Now().Add(lastWords); ; time.Sleep(100 * time.Millisecond) {
		if diff = differs(l.outcome(l.Save(l.tb)), want); diff == "" || time.Now().After(until) {
			break
		}
	}
	var out []string
	if diff != "" {
		out = append(out, "the state is not that of an undisturbed run:\n"+diff)
	}
	events := l.Since(l.tb, start)
	if gaps := witness(start, events); len(gaps) > 0 {
		out = append(out, "there was no whole CNI:\n"+strings.Join(gaps, "\n"))
	}
	if deletes := l.deletes(); len(deletes) > 0 {
		out = append(out, "objects of the CNI were deleted:\n"+strings.Join(deletes, "\n"))
	}
	if broken := l.rolled(o, start, events); len(broken) > 0 {
		out = append(out, "the nodes did not change one by one:\n"+strings.Join(broken, "\n"))
	}
	return strings.Join(out, "\n")
}
