package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/version"
)

var (
	errAway   = errors.New("the server does not answer")
	errInside = errors.New("the server fails inside")
	errFinal  = errors.New("the server refuses")
)

// limit is a time that ends in the middle of a pause.
const limit = 10500 * time.Millisecond

var shipped = func() *catalog.Catalog {
	c, err := catalog.Load(addons.FS)
	if err != nil {
		panic(err)
	}
	return c
}()

// What the loop can see, in the order in which an update goes.

// unwritten is a registered cluster of two nodes that runs 0.24.4, pinned to 0.26.2.
func unwritten() plan.Input {
	in := plan.Input{
		Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Catalog: shipped,
		Cluster: plan.Cluster{
			Name: "in-cluster", Kubernetes: version.MustParse("v1.33.1"), UID: "uid-1", NetworkType: catalog.FlannelOverlay,
			Stamp: &plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: "uid-1"},
			CNIs:  []plan.CNI{{Plugin: "flannel", NetworkType: catalog.FlannelOverlay, Workload: "kube-system/kube-flannel-ds", Ours: true}},
		},
		Desired: plan.Desired{AddOn: "Flannel", Version: "0.26.2", Pin: plan.Pin{Reason: "test"}, NodeUpdate: plan.RollingUpdate},
		Installed: plan.Installed{
			Present: true, Ours: true, Version: "0.24.4", Digest: "render-0.24.4", Observed: true, Newest: "hash-0.24.4", MaxUnavailable: 1,
		},
		Record: plan.Record{Revisions: []plan.Revision{{Number: 1, Version: "0.24.4", Status: plan.Deployed, Digest: "render-0.24.4"}}},
	}
	for i := range 2 {
		in.Nodes = append(in.Nodes, noderoll.Node{
			Name: fmt.Sprintf("n%d", i), Ready: true, KubeletVersion: "v1.33.1", OS: "linux", Architecture: "amd64", PodCIDRs: []string{fmt.Sprintf("10.244.%d.0/25", i)},
			Pod: &noderoll.Pod{Name: "p", Revision: "hash-0.24.4", Version: "0.24.4", Ready: true, Available: true, ReadySince: time.Unix(0, 0)},
		})
	}
	return in
}

// rolling is the same cluster with the objects of 0.26.2 written, and so many nodes that run it, Ready.
func rolling(ready int) plan.Input {
	in := unwritten()
	in.Installed.Version, in.Installed.Digest, in.Installed.Newest = "0.26.2", "render-0.26.2", "hash-0.26.2"
	in.Record.Revisions = append(in.Record.Revisions, plan.Revision{Number: 2, Version: "0.26.2", Status: plan.PendingUpgrade, Digest: "render-0.26.2"})
	for i := range ready {
		in.Nodes[i].Pod = &noderoll.Pod{Name: "p", Revision: "hash-0.26.2", Version: "0.26.2", Ready: true, Available: true, ReadySince: time.Unix(0, 0)}
	}
	return in
}

// failing has the last node in a crash loop, as it was before the update.
func failing() plan.Input {
	in := rolling(1)
	in.Roll = noderoll.Record{Revision: "hash-0.24.4", Started: in.Now, Broken: []string{"n1"}} // or the update would halt
	in.Nodes[1].Pod = &noderoll.Pod{Name: "p", Revision: "hash-0.26.2", Version: "0.26.2", Restarts: 3, Trouble: "CrashLoopBackOff", Bad: true}
	return in
}

// settled has nothing left to do.
func settled() plan.Input {
	in := rolling(2)
	in.Record.Revisions[0].Status, in.Record.Revisions[1].Status = plan.Superseded, plan.Deployed
	return in
}

// paused is a cluster to which nothing may be written.
func paused() plan.Input {
	in := unwritten()
	in.Cluster.Paused = true
	return in
}

// look is what the observer sees, or why it sees nothing.
type look struct {
	in  plan.Input
	err error
}

// world is a scripted cluster: what is seen, look by look, the last one for ever, and what becomes of the steps. It
// writes down everything that the loop does.
type world struct {
	looks []look
	// do answers the steps in their order, the last one for ever; none means that all succeed.
	do []error
	// record answers every status that is kept, and records the first ones instead.
	record  error
	records []error
	// change answers every comparison with the cluster.
	change error

	seen, done int
	log        []string
}

func (w *world) Observe(context.Context) (plan.Input, error) {
	w.seen++
	l := w.looks[min(w.seen, len(w.looks))-1]
	if l.err != nil {
		w.log = append(w.log, "look: "+l.err.Error())
	}
	return l.in, l.err
}

func (w *world) Change(_ context.Context, in plan.Input) (plan.Change, error) {
	_, r, _ := plan.Target(in)
	v := r.Version.String()
	return plan.Change{Version: v, Digest: "render-" + v, Network: plan.PodCIDRs(in)}, w.change
}

func (w *world) Do(_ context.Context, _ plan.Input, s plan.Step) (plan.Result, error) {
	w.log = append(w.log, fmt.Sprintf("do: %s %s", s.Kind, s.Version))
	w.done++
	result := plan.Result{Step: s}
	if len(w.do) == 0 {
		return result, nil
	}
	return result, w.do[min(w.done, len(w.do))-1]
}

func (w *world) Record(_ context.Context, _ plan.Input, p plan.Plan) error {
	w.log = append(w.log, fmt.Sprintf("record: %s, %d of %d", p.State, p.Nodes.Ready, p.Nodes.Total))
	if len(w.records) > 0 {
		var err error
		err, w.records = w.records[0], w.records[1:]
		return err
	}
	return w.record
}

// loop waits for nodes, a second at a time. Its time is virtual.
func (w *world) loop(timeout time.Duration) *reconcile.Loop {
	return &reconcile.Loop{
		Observer: w, Engine: w, Recorder: w, Wait: true, Timeout: timeout, Pause: time.Second,
		Transient: func(err error) bool { return errors.Is(err, errAway) },
		Trouble:   func(err error) { w.log = append(w.log, "trouble: "+err.Error()) },
	}
}

func sees(ins ...plan.Input) []look {
	var out []look
	for _, in := range ins {
		out = append(out, look{in: in})
	}
	return out
}

func times(n int, l look) []look {
	var out []look
	for range n {
		out = append(out, l)
	}
	return out
}

func concat(ls ...[]look) []look {
	var out []look
	for _, l := range ls {
		out = append(out, l...)
	}
	return out
}

// run wants the run to end without an error.
func run(t *testing.T, l *reconcile.Loop, want reconcile.End) reconcile.Outcome {
	t.Helper()
	out, err := l.Run(t.Context())
	if err != nil || out.End != want {
		t.Fatalf("ended %q, %v; want %s", out.End, err, want)
	}
	return out
}

func (w *world) did(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.log); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

func TestOnlyTheFirstStepOfEachPlanIsCarriedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten(), rolling(0), rolling(1), rolling(2), settled())}
		begin := time.Now()
		out := run(t, w.loop(time.Hour), reconcile.Done)
		w.did(t,
			"record: Applying, 2 of 2", "do: Apply 0.26.2",
			"record: Rolling, 0 of 2", "record: Rolling, 1 of 2",
			"record: Settling, 2 of 2", "do: Settle 0.26.2",
			"record: UpToDate, 2 of 2",
		)
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("it took %s, want a pause after each of the two looks that showed nodes on their way", took)
		}
		var kinds []plan.StepKind
		for _, r := range out.Results {
			kinds = append(kinds, r.Step.Kind)
		}
		if diff := cmp.Diff([]plan.StepKind{plan.Apply, plan.Settle}, kinds); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		if out.Plan.State != plan.UpToDate || out.Input.Record.Last().Status != plan.Deployed {
			t.Errorf("the outcome is not of the last look: %s, %s", out.Plan.State, out.Input.Record.Last().Status)
		}
	})
}

// A run that is killed is resumed by another: nothing but the cluster is remembered.
func TestARunGoesOnFromWhereTheClusterStands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from func() plan.Input
		want []string
	}{
		"killed while nodes take it": {
			func() plan.Input { return rolling(1) },
			[]string{"record: Rolling, 1 of 2", "record: Settling, 2 of 2", "do: Settle 0.26.2", "record: UpToDate, 2 of 2"},
		},
		"killed before settling": {
			func() plan.Input { return rolling(2) },
			[]string{"record: Settling, 2 of 2", "do: Settle 0.26.2", "record: Settling, 2 of 2", "do: Settle 0.26.2", "record: UpToDate, 2 of 2"},
		},
		"killed when all was done": {settled, []string{"record: UpToDate, 2 of 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: sees(c.from(), rolling(2), settled())}
				run(t, w.loop(time.Hour), reconcile.Done)
				w.did(t, c.want...)
			})
		})
	}
}

func TestABlockingFindingStopsEveryWrite(t *testing.T) {
	t.Parallel()
	t.Run("from the start", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := &world{looks: sees(paused())}
			out := run(t, w.loop(time.Hour), reconcile.Refused)
			w.did(t, "record: Blocked, 2 of 2")
			if b := out.Plan.Blocking(); len(b) != 1 || b[0].Reason != plan.Paused || out.Results != nil {
				t.Errorf("outcome %+v", out)
			}
		})
	})
	t.Run("in the middle of an update", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			stop := rolling(1)
			stop.Cluster.Paused = true
			w := &world{looks: sees(unwritten(), rolling(0), stop)}
			run(t, w.loop(time.Hour), reconcile.Refused)
			w.did(t, "record: Applying, 2 of 2", "do: Apply 0.26.2", "record: Rolling, 0 of 2", "record: Blocked, 1 of 2")
		})
	})
}

func TestARunThatDoesNotWaitEndsWhenTheObjectsAreWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten(), rolling(0))}
		l := w.loop(time.Hour)
		l.Wait = false
		begin := time.Now()
		run(t, l, reconcile.Applied)
		w.did(t, "record: Applying, 2 of 2", "do: Apply 0.26.2", "record: Rolling, 0 of 2")
		if took := time.Since(begin); took != 0 {
			t.Errorf("it waited %s", took)
		}
	})
}

// A node that the DaemonSet controller changed fails: the controller is stopped, and the run ends halted, whether it waits for nodes or not. It
// would catch a run that ends before it stopped the controller, or goes on after.
func TestARunStopsTheControllerAndEndsHalted(t *testing.T) {
	t.Parallel()
	bad := failing()
	bad.Roll.Broken = nil
	stopped := bad
	stopped.Installed.OnDelete = true
	for _, wait := range []bool{true, false} {
		t.Run(fmt.Sprintf("wait %t", wait), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: sees(bad, stopped)}
				l := w.loop(time.Hour)
				l.Wait = wait
				out := run(t, l, reconcile.Halted)
				w.did(t, "record: Rolling, 1 of 2", "do: Halt 0.26.2", "record: Rolling, 1 of 2")
				if h := out.Plan.Roll.Halt; h == nil || h.Node != "n1" {
					t.Errorf("halted at %v", h)
				}
			})
		})
	}
}

// The release is recalled while the DaemonSet controller changes nodes: the controller is stopped, what it had begun ends, and the run ends
// recalled, whether it waits for nodes or not. It would catch one that ends as if nodes took the release by themselves, before the controller
// has seen that it is stopped or while a node is on its way, and one that goes on waiting for nodes that nobody changes.
func TestARunStopsTheControllerAtARecall(t *testing.T) {
	t.Parallel()
	recalled := rolling(1)
	recalled.Catalog = shipped.Recalled(func(_, v string) (string, bool) { return "it loses packets", v == "0.26.2" })
	unseen := recalled
	unseen.Installed.OnDelete, unseen.Installed.Observed = true, false
	begun := unseen
	begun.Installed.Observed, begun.Nodes = true, slices.Clone(recalled.Nodes)
	begun.Nodes[0].Pod = &noderoll.Pod{Name: "p", Revision: "hash-0.26.2", Version: "0.26.2", Created: recalled.Now}
	stopped := begun
	stopped.Nodes = recalled.Nodes
	for _, wait := range []bool{true, false} {
		for name, c := range map[string]struct {
			looks []look
			want  []string
		}{
			"at once":   {sees(recalled, unseen, begun, stopped), []string{"record: Rolling, 1 of 2", "do: Halt 0.26.2", "record: Rolling, 1 of 2", "record: Rolling, 0 of 2", "record: Rolling, 1 of 2"}},
			"by others": {sees(begun, stopped), []string{"record: Rolling, 0 of 2", "record: Rolling, 1 of 2"}},
		} {
			t.Run(fmt.Sprintf("%s, wait %t", name, wait), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := &world{looks: c.looks}
					l := w.loop(time.Hour)
					l.Wait = wait
					out := run(t, l, reconcile.Recalled)
					w.did(t, c.want...)
					if !strings.Contains(out.Plan.Recalled, "it loses packets") {
						t.Errorf("recalled: %q", out.Plan.Recalled)
					}
				})
			})
		}
	}
}

func TestARunThatDoesNotWaitStillSettlesWhatIsReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(rolling(2), settled())}
		l := w.loop(time.Hour)
		l.Wait = false
		run(t, l, reconcile.Done)
		w.did(t, "record: Settling, 2 of 2", "do: Settle 0.26.2", "record: UpToDate, 2 of 2")
	})
}

func TestWhenTheTimeIsUpTheEndSaysWhetherNodesFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last func() plan.Input
		want reconcile.End
	}{
		"nodes on their way": {func() plan.Input { return rolling(1) }, reconcile.TimedOut},
		"a node that fails":  {failing, reconcile.NodesFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: sees(rolling(0), c.last())}
				begin := time.Now()
				out := run(t, w.loop(limit), c.want)
				if took := time.Since(begin); took != limit {
					t.Errorf("it took %s", took)
				}
				if out.Plan.Nodes.Ready != 1 || out.Plan.State != plan.Rolling {
					t.Errorf("the outcome is not of the last look: %+v", out.Plan)
				}
			})
		})
	}
}

// A node that failed and became Ready within the time is no failure.
func TestANodeThatRecoversInTimeIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: concat(sees(failing(), failing(), rolling(2), settled()))}
		run(t, w.loop(limit), reconcile.Done)
	})
}

func TestWithoutATimeoutARunWaitsAsLongAsItTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: concat(times(2000, look{in: rolling(1)}), sees(settled()))}
		l := w.loop(0)
		l.Recorder = quiet{}
		begin := time.Now()
		run(t, l, reconcile.Done)
		if took := time.Since(begin); took != 2000*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

type quiet struct{}

func (quiet) Record(context.Context, plan.Input, plan.Plan) error { return nil }

func TestACallerWhoGoesAwayInterruptsTheRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		looks func() []look
	}{
		"while nodes are on their way":  {func() []look { return sees(rolling(1)) }},
		"while a node fails":            {func() []look { return sees(failing()) }},
		"while the server is away":      {func() []look { return concat(sees(rolling(1)), []look{{err: errAway}}) }},
		"before anything could be seen": {func() []look { return []look{{err: errAway}} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(2500*time.Millisecond, cancel)
				w := &world{looks: c.looks()}
				begin := time.Now()
				out, err := w.loop(time.Hour).Run(ctx)
				if out.End != reconcile.Interrupted || err != nil {
					t.Errorf("ended %q, %v", out.End, err)
				}
				if took := time.Since(begin); took != 2500*time.Millisecond {
					t.Errorf("it took %s to notice", took)
				}
			})
		})
	}
}

func TestATransientErrorIsMetByLookingAgain(t *testing.T) {
	t.Parallel()
	away := look{err: fmt.Errorf("looking at cluster in-cluster: %w", errAway)}
	t.Run("of a look", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := &world{looks: concat([]look{away}, sees(unwritten()), []look{away}, sees(settled()))}
			begin := time.Now()
			run(t, w.loop(time.Hour), reconcile.Done)
			w.did(t,
				"look: looking at cluster in-cluster: the server does not answer", "trouble: looking at cluster in-cluster: the server does not answer",
				"record: Applying, 2 of 2", "do: Apply 0.26.2",
				"look: looking at cluster in-cluster: the server does not answer", "trouble: looking at cluster in-cluster: the server does not answer",
				"record: UpToDate, 2 of 2",
			)
			if took := time.Since(begin); took != 2*time.Second {
				t.Errorf("it took %s, want a pause after each error", took)
			}
		})
	})
	t.Run("of a step", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := &world{looks: sees(unwritten(), unwritten(), settled()), do: []error{errAway, nil}}
			out := run(t, w.loop(time.Hour), reconcile.Done)
			w.did(t,
				"record: Applying, 2 of 2", "do: Apply 0.26.2", "trouble: the server does not answer",
				"record: Applying, 2 of 2", "do: Apply 0.26.2", "record: UpToDate, 2 of 2",
			)
			if len(out.Results) != 2 {
				t.Errorf("%d results, want also the one of the step that broke off", len(out.Results))
			}
		})
	})
}

func TestAPermanentErrorEndsTheRun(t *testing.T) {
	t.Parallel()
	t.Run("of a look", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := &world{looks: []look{{in: rolling(1)}, {err: errFinal}}}
			out, err := w.loop(time.Hour).Run(t.Context())
			if !errors.Is(err, errFinal) || out.End != "" || out.Plan.State != plan.Rolling {
				t.Errorf("ended %q, %v with a plan in state %q; want the error and the last plan", out.End, err, out.Plan.State)
			}
		})
	})
	t.Run("of the comparison", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := &world{looks: sees(unwritten()), change: errFinal}
			if out, err := w.loop(time.Hour).Run(t.Context()); !errors.Is(err, errFinal) || out.Plan.State != "" {
				t.Errorf("ended %q, %v", out.End, err)
			}
			w.did(t)
		})
	})
	t.Run("of a step", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := &world{looks: sees(unwritten()), do: []error{errFinal}}
			out, err := w.loop(time.Hour).Run(t.Context())
			if !errors.Is(err, errFinal) || len(out.Results) != 1 {
				t.Errorf("ended %q, %v with %d results", out.End, err, len(out.Results))
			}
			w.did(t, "record: Applying, 2 of 2", "do: Apply 0.26.2")
		})
	})
}

func TestAServerThatIsAwayForTooManyRoundsIsGivenUpUnlessNodesAreWaitedFor(t *testing.T) {
	t.Parallel()
	away := look{err: errAway}
	for name, c := range map[string]struct {
		looks func() []look
		err   error
		end   reconcile.End
		// rounds that ended with an error.
		rounds int
	}{
		"from the start":               {func() []look { return []look{away} }, errAway, "", 6},
		"one round less than too many": {func() []look { return concat(times(5, away), sees(settled())) }, nil, reconcile.Done, 5},
		"again and again, with looks in between": {func() []look {
			return concat(times(5, away), sees(rolling(2)), times(5, away), sees(settled()))
		}, nil, reconcile.Done, 10},
		"while nodes are waited for": {func() []look {
			return concat(sees(rolling(0)), times(50, away), sees(rolling(2), settled()))
		}, nil, reconcile.Done, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: c.looks()}
				out, err := w.loop(time.Hour).Run(t.Context())
				if !errors.Is(err, c.err) || out.End != c.end {
					t.Errorf("ended %q, %v; want %q, %v", out.End, err, c.end, c.err)
				}
				rounds := 0
				for _, line := range w.log {
					if line == "look: "+errAway.Error() {
						rounds++
					}
				}
				if rounds != c.rounds {
					t.Errorf("%d rounds ended with an error, want %d", rounds, c.rounds)
				}
			})
		})
	}
}

// The error is handed on with the last that was seen: the nodes may be elsewhere by now, and nobody can say.
func TestAServerThatNeverComesBackIsWaitedForUntilTheTimeIsUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last func() plan.Input
		want reconcile.End
	}{
		"nodes were on their way": {func() plan.Input { return rolling(1) }, reconcile.TimedOut},
		"a node was failing":      {failing, reconcile.NodesFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: []look{{in: c.last()}, {err: errAway}}}
				begin := time.Now()
				out, err := w.loop(limit).Run(t.Context())
				if !errors.Is(err, errAway) || out.End != c.want {
					t.Errorf("ended %q, %v", out.End, err)
				}
				if took := time.Since(begin); took != limit {
					t.Errorf("it took %s", took)
				}
				if out.Plan.Nodes.Ready != 1 || out.Plan.State != plan.Rolling {
					t.Errorf("the outcome is not of the last look: %+v", out.Plan)
				}
				if last := w.log[len(w.log)-1]; last != "look: "+errAway.Error() {
					t.Errorf("nobody looked any more: %s", last)
				}
			})
		})
	}
}

// What went wrong before the last look is no longer what is wrong.
func TestAServerThatCameBackBeforeTheTimeIsUpIsNoError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: concat(sees(rolling(0)), times(3, look{err: errAway}), sees(rolling(1)))}
		run(t, w.loop(limit), reconcile.TimedOut)
	})
}

// With nothing ever seen there is nothing to say but the error.
func TestAServerThatNeverAnswersWithinTheTimeIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: []look{{err: errAway}}}
		out, err := w.loop(2500 * time.Millisecond).Run(t.Context())
		if !errors.Is(err, errAway) || out.Plan.State != "" {
			t.Errorf("ended %q, %v", out.End, err)
		}
	})
}

func TestAStatusThatCannotBeKeptDoesNotStopTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten(), rolling(2), settled()), record: errFinal}
		run(t, w.loop(time.Hour), reconcile.Done)
		w.did(t,
			"record: Applying, 2 of 2", "trouble: keeping the status: the server refuses", "do: Apply 0.26.2",
			"record: Settling, 2 of 2", "trouble: keeping the status: the server refuses", "do: Settle 0.26.2",
			"record: UpToDate, 2 of 2", "trouble: keeping the status: the server refuses",
		)
	})
}

// A status that was not kept for once is kept by another look, where it is the last one: nobody may look again for long. It would catch a record that says
// "Rolling" of what a command has ended. A server that keeps none is not waited for, and time that runs out meanwhile is no other end.
func TestTheLastStatusIsKeptByAnotherLook(t *testing.T) {
	t.Parallel()
	lost, gone, noticed := "trouble: keeping the status: "+errAway.Error(), "look: "+errAway.Error(), "trouble: "+errAway.Error()
	told := "record: UpToDate, 2 of 2"
	for name, c := range map[string]struct {
		w     world
		limit time.Duration
		want  []string
	}{
		"once": {world{looks: sees(settled()), records: []error{errAway}}, time.Hour, []string{told, lost, told}},
		"the server fails": {
			world{looks: sees(settled()), records: []error{errInside}}, time.Hour, []string{told, "trouble: keeping the status: " + errInside.Error(), told},
		},
		"never":               {world{looks: sees(settled()), record: errAway}, time.Hour, []string{told, lost, told, lost, told, lost, told, lost}},
		"the server goes":     {world{looks: append(sees(settled()), look{err: errAway}), record: errAway}, time.Hour, []string{told, lost, gone, noticed, gone, noticed, gone, noticed}},
		"it breaks meanwhile": {world{looks: append(sees(settled()), look{err: errFinal}), record: errAway}, time.Hour, []string{told, lost, "look: " + errFinal.Error(), "trouble: " + errFinal.Error()}},
		"the time runs out":   {world{looks: sees(settled()), record: errAway}, time.Second / 2, []string{told, lost}},
		"something else follows": {
			world{looks: sees(settled(), unwritten(), settled()), records: []error{errAway, nil, nil}},
			time.Hour,
			[]string{told, lost, "record: Applying, 2 of 2", "do: Apply 0.26.2", told},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := c.w.loop(c.limit)
				l.Passing = func(err error) bool { return errors.Is(err, errInside) }
				run(t, l, reconcile.Done)
				c.w.did(t, c.want...)
			})
		})
	}
}

func TestEveryLookIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten(), rolling(1), rolling(2), settled())}
		l := w.loop(time.Hour)
		var got []string
		l.Progress = func(in plan.Input, p plan.Plan) { got = append(got, fmt.Sprint(p.State, " ", in.Installed.Version)) }
		run(t, l, reconcile.Done)
		if diff := cmp.Diff([]string{"Applying 0.24.4", "Rolling 0.26.2", "Settling 0.26.2", "UpToDate 0.26.2"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNobodyNeedsToListen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: concat([]look{{err: errAway}}, sees(settled())), record: errFinal}
		l := w.loop(time.Hour)
		l.Trouble, l.Progress = nil, nil
		run(t, l, reconcile.Done)
	})
}

// Two callers for one cluster: the later wish counts, and the earlier run ends before it writes for a wish that is gone.
func TestARunEndsWhenTheRecordAsksForSomethingElse(t *testing.T) {
	t.Parallel()
	recorded := unwritten().Desired
	for name, c := range map[string]struct {
		wish *plan.Desired
		want reconcile.End
	}{
		"a run for nobody's wish": {nil, reconcile.Done},
		"the recorded wish":       {&recorded, reconcile.Done},
		"the same version for another reason": {
			&plan.Desired{AddOn: "Flannel", Version: "0.26.2", Pin: plan.Pin{Reason: "another"}}, reconcile.Done,
		},
		"other settings": {&plan.Desired{
			AddOn: "Flannel", Version: "0.26.2", Settings: plan.Settings{Configurations: map[string]string{"nodeSelectors": "{}"}},
		}, reconcile.Superseded},
		"another version":             {&plan.Desired{AddOn: "Flannel", Version: "0.24.4"}, reconcile.Superseded},
		"automatic updates":           {&plan.Desired{AddOn: "Flannel"}, reconcile.Superseded},
		"another add-on":              {&plan.Desired{AddOn: "Calico", Version: "0.26.2"}, reconcile.Superseded},
		"a single move that was made": {&plan.Desired{AddOn: "Flannel", Version: "0.26.2", MoveTo: "0.26.2"}, reconcile.Done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: sees(unwritten(), rolling(2), settled())}
				l := w.loop(time.Hour)
				l.Wish = c.wish
				run(t, l, c.want)
				if c.want == reconcile.Superseded {
					w.did(t, "record: Applying, 2 of 2")
				}
			})
		})
	}
	fromPin := plan.Desired{AddOn: "Flannel", Version: "0.27.3", Back: plan.Back{Revision: 1, Leaves: "0.27.3", To: "0.26.2"}}
	pinned := plan.Desired{AddOn: "Flannel", Version: "0.27.3"}
	for name, c := range map[string]struct {
		wish, now plan.Desired
		held      bool
		want      reconcile.End
	}{
		"the way back from its pin":                          {pinned, fromPin, false, reconcile.Superseded},
		"a way back from a pin":                              {fromPin, fromPin, false, reconcile.Done},
		"a way back from a pin that was made":                {fromPin, pinned, true, reconcile.Done},
		"a way back from a pin that is to be tried again":    {fromPin, pinned, false, reconcile.Superseded},
		"what is left to do beside a pin that failed before": {pinned, pinned, true, reconcile.Done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in := settled()
				in.Desired = c.now
				if c.held {
					in.Held = []plan.Held{{Version: "0.27.3", Pinned: true}}
				}
				l := (&world{looks: sees(in)}).loop(time.Hour)
				l.Wish = &c.wish
				run(t, l, c.want)
			})
		})
	}
	t.Run("another single move", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			in := unwritten()
			in.Desired = plan.Desired{AddOn: "Flannel", MoveTo: "0.26.2"}
			w := &world{looks: sees(in)}
			l := w.loop(time.Hour)
			l.Wish = &plan.Desired{AddOn: "Flannel", MoveTo: "0.24.4"}
			run(t, l, reconcile.Superseded)
			w.did(t, "record: Applying, 2 of 2")
		})
	})
}

// slow writes for as long as it takes, or until it is told to stop.
type slow struct{ *world }

func (s slow) Do(ctx context.Context, in plan.Input, step plan.Step) (plan.Result, error) {
	select {
	case <-ctx.Done():
		return plan.Result{}, ctx.Err()
	case <-time.After(time.Minute):
		return s.world.Do(ctx, in, step)
	}
}

// Half written objects are worse than late ones.
func TestAStepThatWasBegunIsFinishedThoughTheTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten(), rolling(0))}
		l := w.loop(limit)
		l.Engine = slow{w}
		begin := time.Now()
		run(t, l, reconcile.TimedOut)
		w.did(t, "record: Applying, 2 of 2", "do: Apply 0.26.2")
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestLookingWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten())}
		_, p, err := w.loop(0).Look(t.Context())
		if err != nil || p.State != plan.Applying || p.To != "0.26.2" {
			t.Errorf("plan %+v, %v", p, err)
		}
		in, p, err := w.loop(0).LookWith(t.Context(), plan.Request{Verb: plan.SetPin, Version: "0.24.4", Pin: plan.Pin{Reason: "test"}})
		if err != nil || p.State != plan.UpToDate || p.To != "0.24.4" || in.Request.Version != "0.24.4" {
			t.Errorf("with a request: plan %+v, %v", p, err)
		}
		w.did(t)
	})
}

// Something that takes back what is written, a webhook that strips our mark for one, is not written against without end.
func TestAStepThatNeverShowsIsNotRepeatedWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten())}
		begin := time.Now()
		_, err := w.loop(time.Hour).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "takes it back") {
			t.Errorf("the run ended with %v", err)
		}
		if w.done != 5 || time.Since(begin) < 4*time.Second {
			t.Errorf("the step was carried out %d times in %s, want 5 times with pauses", w.done, time.Since(begin))
		}
	})
}

// A step that has to wait is tried until the time is up, which is said, or until it need not wait any more; also by a run that begins
// with it. It would catch a Settle that is given up after a few seconds while a Deployment still follows.
func TestAStepThatHasToWaitIsWaitedFor(t *testing.T) {
	t.Parallel()
	waiting := func() plan.Input {
		in := rolling(2)
		in.Record.Revisions[1].Status = plan.PendingUpgrade
		return in
	}
	notYet := fmt.Errorf("a Deployment: %w", plan.ErrNotYet)
	for name, c := range map[string]struct {
		after int // how often it has to wait
		limit time.Duration
		want  reconcile.End
	}{
		"until it may":             {20, time.Hour, reconcile.Done},
		"until the time is up":     {1000, limit, reconcile.TimedOut},
		"without ever having to":   {0, time.Hour, reconcile.Done},
		"longer than is tried for": {7, time.Hour, reconcile.Done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: concat(times(c.after+1, look{in: waiting()}), sees(settled()))}
				for range c.after {
					w.do = append(w.do, notYet)
				}
				w.do = append(w.do, nil)
				l := w.loop(c.limit)
				l.Transient = func(err error) bool { return errors.Is(err, plan.ErrNotYet) }
				out, err := l.Run(t.Context())
				if out.End != c.want || errors.Is(err, plan.ErrNotYet) != (c.want == reconcile.TimedOut) {
					t.Errorf("ended %q, %v after %d times", out.End, err, w.done)
				}
			})
		})
	}
}

// lastMoment is a world whose look takes longer than the time that is left.
type lastMoment struct{ *world }

func (l lastMoment) Observe(ctx context.Context) (plan.Input, error) {
	in, err := l.world.Observe(ctx)
	if l.seen > 1 {
		<-ctx.Done()
	}
	return in, err
}

func TestWhatWasFoundWhileTheTimeRanOutCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last plan.Input
		want reconcile.End
	}{
		"everything is done":     {settled(), reconcile.Done},
		"a rule stops it":        {func() plan.Input { in := rolling(0); in.Cluster.Paused = true; return in }(), reconcile.Refused},
		"nodes are on their way": {rolling(1), reconcile.TimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: sees(rolling(0), c.last)}
				l := w.loop(10 * time.Second)
				l.Observer = lastMoment{w}
				run(t, l, c.want)
			})
		})
	}
}

// warming is a server that refuses for some looks after the first write, as one does whose authorizer has just started.
type warming struct {
	*world
	looks int
}

func (s *warming) Change(ctx context.Context, in plan.Input) (plan.Change, error) {
	c, err := s.world.Change(ctx, in)
	if s.done > 0 && s.looks > 0 {
		s.looks--
		c.MissingRights = []string{"get clusterroles"}
	}
	return c, err
}

func TestARefusalOfAServerThatHasJustComeBackIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		looks int
		want  reconcile.End
	}{
		"one that passes": {3, reconcile.Done},
		"one that stays":  {100, reconcile.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{looks: concat(sees(unwritten()), times(4, look{in: rolling(1)}), sees(rolling(2), settled()))}
				l := w.loop(time.Hour)
				l.Engine = &warming{w, c.looks}
				run(t, l, c.want)
			})
		})
	}
}
