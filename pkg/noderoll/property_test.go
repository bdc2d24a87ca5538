package noderoll_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// Each property is checked on so many schedules in each of rapid's checks, of which there are 100: 10,000 in all.
const (
	everySchedule = 60
	everyWayBack  = 30
	everyKill     = 10
)

func often(t *testing.T, times int, property func(*rapid.T)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		for range times {
			property(t)
		}
	})
}

// Whatever happens to a cluster while it is rolled: never more nodes are taken down than may be, no pod of the newest revision is
// deleted, no node is touched twice for one target, nothing is deleted after a halt or while it is paused, it does not halt for
// nothing, and it ends. What is done on nodes beside that keeps within the bound, comes before their agent goes, and is taken back.
func TestEverySchedule(t *testing.T) {
	t.Parallel()
	often(t, everySchedule, func(t *rapid.T) {
		if err := begin(anySchedule.Draw(t, "schedule"), noderoll.Decide).run(); err != nil {
			t.Fatal(err)
		}
	})
}

// From wherever a roll ended, the way back puts every node back.
func TestEveryWayBack(t *testing.T) {
	t.Parallel()
	often(t, everyWayBack, func(t *rapid.T) {
		if err := thereAndBack(anySchedule.Draw(t, "schedule"), noderoll.Decide); err != nil {
			t.Fatal(err)
		}
	})
}

func thereAndBack(s schedule, decide decider) error {
	w := begin(s, decide)
	if err := w.run(); err != nil {
		return err
	}
	return w.putBack()
}

// Whoever rolls is killed at any step, before or after the record is written or in the middle of deleting, and somebody goes on: it
// ends as if nothing had been.
func TestEveryKill(t *testing.T) {
	t.Parallel()
	often(t, everyKill, func(t *rapid.T) {
		if err := killed(quietSchedule.Draw(t, "schedule"), rapid.IntRange(1, 10).Draw(t, "step"), noderoll.Decide); err != nil {
			t.Fatal(err)
		}
	})
}

// killed compares a roll that is killed at a step with deletions, in each of three ways, with one that is not.
func killed(s schedule, step int, decide decider) error {
	if !s.harmless() {
		// What is found out, and when, is a matter of time, and so is how far nodes are made ready by then.
		s.away = 0
		s.rules.PrePull, s.rules.Cordon, s.rules.Drain, s.rules.FreshPod = false, false, false, false
	}
	whole := begin(s, decide)
	if err := whole.run(); err != nil {
		return err
	}
	step = 1 + step%max(1, whole.steps)
	for kill := 1; kill <= 3; kill++ {
		s.kills = map[int]int{step: kill}
		w := begin(s, decide)
		if err := w.run(); err != nil {
			return fmt.Errorf("killed at step %d (%d): %w", step, kill, err)
		}
		if w.end() != whole.end() {
			return fmt.Errorf("killed at step %d (%d) it ends with\n%s, else with\n%s", step, kill, w.end(), whole.end())
		}
	}
	return nil
}

// The order in which nodes come is no matter, and none of them is changed.
func TestTheOrderOfNodesIsNoMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shuffled := func(nodes []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
			want := fmt.Sprintf("%+v", noderoll.Decide(nodes, newest, r, record, now))
			slices.Reverse(nodes)
			before := fmt.Sprintf("%+v", nodes)
			d := noderoll.Decide(nodes, newest, r, record, now)
			if got := fmt.Sprintf("%+v", d); got != want && d.Halt == nil { // a halt is a pointer
				t.Fatalf("in the order of names\n%s, else\n%s", want, got)
			}
			if after := fmt.Sprintf("%+v", nodes); after != before {
				t.Fatalf("the nodes were changed from\n%s to\n%s", before, after)
			}
			return d
		}
		if err := begin(anySchedule.Draw(t, "schedule"), shuffled).run(); err != nil {
			t.Fatal(err)
		}
	})
}

// mutants are decisions that are wrong in one respect. A property that finds nothing wrong with one of them is worth nothing.
var mutants = map[string]decider{
	"takes more nodes down than it may": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.Max++
		return noderoll.Decide(n, newest, r, record, now)
	},
	"forgets the nodes that were broken already": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		well := slices.DeleteFunc(slices.Clone(n), func(n noderoll.Node) bool { return n.Pod != nil && n.Pod.Revision != newest && !n.Pod.Ready })
		return noderoll.Decide(well, newest, r, record, now)
	},
	"deletes a pod of the newest revision": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		for _, n := range n {
			if len(d.Delete) > 0 && n.Pod != nil && n.Pod.Revision == newest && n.Pod.Ready {
				d.Delete[0] = noderoll.Target{Node: n.Name, Pod: n.Pod.Name, UID: n.Pod.UID}
			}
		}
		return d
	},
	"deletes what it has deleted": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		if len(d.InFlight) > 0 && len(d.Delete) == 0 && d.Phase == noderoll.Batch {
			d.Delete, d.Record = record.Intent, record
		}
		return d
	},
	"goes on after a halt": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		if d.Halt == nil {
			return d
		}
		rest := slices.DeleteFunc(slices.Clone(n), func(n noderoll.Node) bool { return n.Name == d.Halt.Node })
		e := noderoll.Decide(rest, newest, r, record, now)
		d.Delete, d.Record = e.Delete, e.Record
		return d
	},
	"does not halt": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		if d.Halt != nil {
			d.Phase, d.Halt = noderoll.Batch, nil
		}
		return d
	},
	"halts for nothing": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.NodeTimeout = r.ReadyFor
		return noderoll.Decide(n, newest, r, record, now)
	},
	"finishes too early": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		return noderoll.Decide(n[:len(n)-1], newest, r, record, now)
	},
	"does not heed that it is paused": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.Paused = false
		return noderoll.Decide(n, newest, r, record, now)
	},
	"keeps no record": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		d.Record = noderoll.Record{}
		return d
	},
	"changes nodes that are not ready for it": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.PrePull, r.Cordon, r.Drain = false, false, false
		return noderoll.Decide(n, newest, r, record, now)
	},
	"forgets to pull the images": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.PrePull = false
		return noderoll.Decide(n, newest, r, record, now)
	},
	"cordons all nodes at once": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		return cordoningAll(d, n, d.Phase == noderoll.Batch && r.Cordon)
	},
	"begins something after a halt": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		return cordoningAll(d, n, d.Halt != nil)
	},
	"tries fresh pods everywhere at once": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d, more := noderoll.Decide(n, newest, r, record, now), r
		more.Max = 9
		d.Errands = noderoll.Decide(n, newest, more, record, now).Errands
		return d
	},
	"tries no fresh pod": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.FreshPod = false
		return noderoll.Decide(n, newest, r, record, now)
	},
	"leaves nodes cordoned":    without(noderoll.Uncordon),
	"leaves helper pods":       without(noderoll.RemoveHelper),
	"does not note fresh pods": without(noderoll.NoteFresh),
	"uncordons what others cordoned": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		n = slices.Clone(n)
		for i := range n {
			n[i].CordonedByUs = n[i].Cordoned
		}
		return noderoll.Decide(n, newest, r, record, now)
	},
	"waits for images for ever": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		n = slices.Clone(n)
		for i := range n {
			n[i].Helpers = slices.Clone(n[i].Helpers)
			for j := range n[i].Helpers {
				n[i].Helpers[j].Bad, n[i].Helpers[j].Created = false, now
			}
		}
		return noderoll.Decide(n, newest, r, record, now)
	},
	"drains for ever": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		n = slices.Clone(n)
		for i := range n {
			n[i].CordonedSince, n[i].Stranded = now, ""
		}
		return noderoll.Decide(n, newest, r, record, now)
	},
	"leaves a node that is not well on the way back": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		if r.Back {
			n = slices.DeleteFunc(slices.Clone(n), func(n noderoll.Node) bool { return n.Pod != nil && n.Pod.Bad })
		}
		return noderoll.Decide(n, newest, r, record, now)
	},
}

func cordoningAll(d noderoll.Decision, nodes []noderoll.Node, wrong bool) noderoll.Decision {
	for _, n := range nodes {
		if wrong && !n.Cordoned && n.Pod != nil && !n.Pod.Proved {
			d.Errands = append(d.Errands, noderoll.Errand{Kind: noderoll.Cordon, Node: n.Name})
		}
	}
	return d
}

// without is a decision that forgets errands of a kind.
func without(kind noderoll.ErrandKind) decider {
	return func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Decide(n, newest, r, record, now)
		d.Errands = slices.DeleteFunc(d.Errands, func(e noderoll.Errand) bool { return e.Kind == kind })
		return d
	}
}

func TestThePropertiesCatchWhatIsWrong(t *testing.T) {
	t.Parallel()
	const tries = 400
	for _, name := range slices.Sorted(maps.Keys(mutants)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range tries {
				err := thereAndBack(anySchedule.Example(i), mutants[name])
				if err == nil && i%10 == 0 {
					err = killed(quietSchedule.Example(i), i, mutants[name])
				}
				if err != nil {
					t.Logf("found by schedule %d: %v", i, err)
					return
				}
			}
			t.Errorf("nothing is found wrong with a decision that %s", name)
		})
	}
}
