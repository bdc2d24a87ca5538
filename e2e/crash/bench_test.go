package crash

import (
	"sync"
	"testing"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// bench is all control planes, and what undisturbed runs did on them.
type bench struct {
	labs   []*lab
	calls  map[string]int
	aimed  map[string]int // those of the calls that are aimed at
	wanted map[string]outcome
}

// begin starts the control planes and runs each operation once, undisturbed.
func begin(t *testing.T) *bench {
	t.Helper()
	b := &bench{labs: make([]*lab, *planes), calls: map[string]int{}, aimed: map[string]int{}, wanted: map[string]outcome{}}
	var lock sync.Mutex
	b.each(func(i int) {
		l := newLab(t)
		l.prepare()
		for j, o := range operations {
			if j%len(b.labs) != i {
				continue
			}
			calls, want := l.undisturbed(o)
			aimed := 0
			for _, c := range calls {
				if aimedAt(c) {
					aimed++
				}
			}
			lock.Lock()
			b.calls[o.name], b.aimed[o.name], b.wanted[o.name] = len(calls), aimed, want
			lock.Unlock()
		}
		b.labs[i] = l
	})
	if t.Failed() {
		t.FailNow()
	}
	return b
}

// undisturbed measures which calls an operation makes and what it ends in.
func (l *lab) undisturbed(o operation) ([]testkube.Passed, outcome) {
	l.tb.Helper()
	start, calls, want, problem := l.once(o)
	for range attempts {
		if !l.uneasy(start) {
			break
		}
		l.tb.Logf("%s, undisturbed: the controller was not at rest before, so again", o.name)
		start, calls, want, problem = l.once(o)
	}
	if problem != "" {
		l.tb.Errorf("%s, undisturbed: %s", o.name, problem)
	}
	for i, c := range calls {
		if c.Write() && *listCalls {
			l.tb.Logf("%s %d: %s", o.name, i+1, c)
		}
	}
	return calls, want
}

// once runs an operation, undisturbed.
func (l *lab) once(o operation) (start testkube.State, calls []testkube.Passed, want outcome, problem string) {
	l.tb.Helper()
	start = l.begin(o)
	l.must(o.args...)
	calls = l.proxy.Calls()
	want = l.outcome(l.settled())
	return start, calls, want, l.judge(o, start, want, outcome.difference)
}

// each does something for every control plane at a time. Whoever fails a test in there ends its own part only.
func (b *bench) each(do func(i int)) {
	var all sync.WaitGroup
	for i := range b.labs {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// spread lets the control planes do the work together, as they come.
func (b *bench) spread(t *testing.T, work []func(*lab)) {
	t.Helper()
	jobs := make(chan func(*lab), len(work))
	for _, job := range work {
		jobs <- job
	}
	close(jobs)
	b.each(func(i int) {
		l := b.labs[i]
		was := l.tb
		l.tb = t
		defer func() { l.tb = was }()
		for job := range jobs {
			job(l)
		}
	})
	if left := len(jobs); left > 0 {
		t.Errorf("%d of %d were not tried", left, len(work))
	}
}
