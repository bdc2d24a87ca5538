package noderoll_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// habit is what somebody does with a node that is to be replaced.
type habit int

const (
	atOnce   habit = iota // a new node comes as the old one goes
	later                 // a new node comes a while after it
	inPlace               // the node is rebooted, or its agent made anew
	lazy                  // nothing
	downsize              // the node goes, and none comes for it
	habits
)

// replaced is a cluster whose nodes are replaced, and whoever replaces them.
type replaced struct {
	*world
	habits []habit // by place
	due    map[string]int
	coming map[int]int // places of new nodes, by the second in which they come
}

func replacing(t *rapid.T) (schedule, []habit) {
	s := anySchedule.Draw(t, "schedule")
	s.kills = map[int]int{}
	for range rapid.IntRange(0, 2).Draw(t, "kills of cordons") {
		s.kills[rapid.IntRange(1, 8).Draw(t, "cordon")] = rapid.IntRange(1, 2).Draw(t, "how")
	}
	var hs []habit
	diligent := rapid.Bool().Draw(t, "diligent")
	for range s.nodes {
		h := habit(rapid.IntRange(0, int(habits)-1).Draw(t, "habit"))
		if diligent {
			h = min(h, inPlace)
		}
		hs = append(hs, h)
	}
	return s, hs
}

func (w *replaced) run() error {
	over := 0
	for _, e := range w.events {
		over = max(over, e.at)
	}
	for same, last := 0, ""; w.second < over+300*(len(w.nodes)+3); {
		d := w.look()
		w.lastSeen = d
		if err := w.replaceable(d); err != nil {
			return fmt.Errorf("after %d s, deciding %s: %w", w.second, says(d), err)
		}
		if err := w.carryOut(d); err != nil {
			return fmt.Errorf("after %d s, deciding %s: %w", w.second, says(d), err)
		}
		if now := says(d); now == last && len(d.Errands) == 0 {
			same++
		} else {
			same, last = 0, now
		}
		if rests := w.second > over && len(d.Errands) == 0 && len(w.due)+len(w.coming) == 0; rests && (w.ended() || same > 140) {
			return w.whoMustAct()
		}
		w.tick()
		w.somebody()
	}
	return fmt.Errorf("it never ends: %s", says(w.lastSeen))
}

func (w *replaced) look() noderoll.Decision {
	r := w.rules
	r.Paused = w.paused
	return w.decide(w.seen(), w.newest, r, w.record, w.time())
}

// replaceable holds of each decision.
func (w *replaced) replaceable(d noderoll.Decision) error {
	cordons := 0
	for _, e := range d.Errands {
		cordons += map[bool]int{true: 1}[e.Kind == noderoll.Cordon]
		if e.Kind == noderoll.Drain || e.Kind == noderoll.StartPull {
			return fmt.Errorf("%s where nodes are replaced", e)
		}
	}
	i := slices.IndexFunc(d.Errands, begins)
	switch {
	case len(d.Delete) > 0:
		return fmt.Errorf("a pod is deleted: %v", d.Delete)
	case i >= 0 && (d.Halt != nil || w.paused || w.ended()):
		return fmt.Errorf("something is begun in the end, or while it is paused: %s", d.Errands[i])
	case (cordons > 0) != (d.Record.Revision == w.newest && d.Record.Capacity != nil):
		return fmt.Errorf("%d nodes are cordoned with the record %+v", cordons, d.Record)
	case w.record.Revision == w.newest && cordons > 0 && *d.Record.Capacity != *w.record.Capacity:
		return fmt.Errorf("it began with %d nodes, and now with %d", *w.record.Capacity, *d.Record.Capacity)
	case d.Halt != nil && w.quiet:
		return errors.New("it halts for nothing")
	}
	return nil
}

// carryOut does the errands of a decision, in the way of the engine: what is remembered is written first.
func (w *replaced) carryOut(d noderoll.Decision) error {
	kill := 0
	if d.Record.Revision != "" {
		w.steps++
		if kill = w.kills[w.steps]; kill == 1 {
			return nil
		}
		w.record = d.Record
	}
	for i, e := range d.Errands {
		if kill == 2 && i == 1 {
			return nil
		}
		if e.Kind != noderoll.Cordon {
			if err := w.errand(e); err != nil {
				return err
			}
			continue
		}
		if err := w.cordonOld(e); err != nil {
			return err
		}
	}
	return nil
}

// cordonOld : no more than may be are cordoned by us, and what is left works as it did when it began, less that many.
func (w *replaced) cordonOld(e noderoll.Errand) error {
	i := slices.IndexFunc(w.nodes, func(n *simulated) bool { return n.Name == e.Node })
	n := w.nodes[i]
	if n.Cordoned || n.Pod == nil || n.Pod.Revision == w.newest {
		return fmt.Errorf("%s: it is cordoned, or not old", e)
	}
	n.Cordoned, n.CordonedByUs, n.CordonedSince = true, true, w.time()
	ours, able := 0, 0
	for _, o := range w.nodes {
		if o.CordonedByUs {
			ours++
		}
		if works(o.Node) && !o.Cordoned {
			able++
		}
	}
	if ours > w.rules.Max || able < *w.record.Capacity-w.rules.Max {
		return fmt.Errorf("%s: %d are cordoned by us, of %d at most, and %d take pods, of %d", e, ours, w.rules.Max, able, *w.record.Capacity)
	}
	w.due[n.Name] = w.second + 3
	return nil
}

// somebody replaces nodes that we cordoned.
func (w *replaced) somebody() {
	if place, ok := w.coming[w.second]; ok {
		w.join(place)
		delete(w.coming, w.second)
	}
	for _, name := range slices.Sorted(maps.Keys(w.due)) {
		i := slices.IndexFunc(w.nodes, func(n *simulated) bool { return n.Name == name })
		if i >= 0 && w.second < w.due[name] {
			continue
		}
		delete(w.due, name)
		if i < 0 || !w.nodes[i].CordonedByUs {
			continue
		}
		n := w.nodes[i]
		h := w.habits[n.place%len(w.habits)]
		switch h {
		case inPlace:
			w.remove(n)
			continue
		case lazy:
			continue
		case atOnce:
			w.coming[w.second+1+len(w.coming)] = n.place
		case later:
			w.coming[w.second+7+len(w.coming)] = n.place
		case downsize, habits:
		}
		if h != downsize || len(w.nodes) > 1 {
			w.nodes = slices.Delete(w.nodes, i, i+1)
		}
	}
}

// whoMustAct : it is finished, or says who has to do something; with somebody diligent, and nothing in the way, it is finished.
func (w *replaced) whoMustAct() error {
	d := w.lastSeen
	old, odd := 0, w.paused
	for _, n := range w.nodes {
		if n.Pod == nil || n.Pod.Revision != w.newest || !works(n.Node) {
			old++
		}
		odd = odd || n.Cordoned && !n.CordonedByUs
		if n.CordonedByUs && n.Pod != nil && n.Pod.Revision == w.newest && d.Phase == noderoll.Finished {
			return fmt.Errorf("%s has the release and stays cordoned by us", n.Name)
		}
	}
	says := len(d.Replace) > 0 || strings.Contains(d.Why, "add nodes") || len(d.Skipped) > 0 || d.Halt != nil || d.Phase == noderoll.Paused
	switch {
	case d.Phase == noderoll.Finished && old > 0:
		return fmt.Errorf("finished without %d nodes", old)
	case d.Phase != noderoll.Finished && !says:
		return fmt.Errorf("it does not say who has to act: %s", d.Why)
	case w.quiet && !odd && d.Phase != noderoll.Finished && len(w.events) == 0 && !slices.ContainsFunc(w.habits, func(h habit) bool { return h > inPlace }):
		return fmt.Errorf("%d nodes are left for nothing: %s", old, d.Why)
	}
	return nil
}

func replaceAll(s schedule, hs []habit, decide decider) error {
	w := &replaced{world: begin(s, decide), habits: hs, due: map[string]int{}, coming: map[int]int{}}
	return w.run()
}

// Whatever happens while nodes are replaced: no pod is deleted, no more nodes are cordoned by us than may be, what takes pods stays as it
// was when it began less that many, nothing is cordoned after a halt, and it ends or says who has to act.
func TestEveryReplacement(t *testing.T) {
	t.Parallel()
	often(t, everyWayBack, func(t *rapid.T) {
		s, hs := replacing(t)
		if err := replaceAll(s, hs, noderoll.Replace); err != nil {
			t.Fatal(err)
		}
	})
}

// replaceMutants are wrong in one respect.
var replaceMutants = map[string]decider{
	"cordons more than it may": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.Max++
		return noderoll.Replace(n, newest, r, record, now)
	},
	"forgets how many took pods": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		record.Capacity = nil
		return noderoll.Replace(n, newest, r, record, now)
	},
	"does not count what is cordoned": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		n = slices.DeleteFunc(slices.Clone(n), func(n noderoll.Node) bool { return n.CordonedByUs })
		return noderoll.Replace(n, newest, r, record, now)
	},
	"rolls": noderoll.Decide,
	"cordons after a halt": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Replace(n, newest, r, record, now)
		return cordoningAll(d, n, d.Halt != nil)
	},
	"does not heed that it is paused": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		r.Paused = false
		return noderoll.Replace(n, newest, r, record, now)
	},
	"leaves what was rebooted cordoned": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Replace(n, newest, r, record, now)
		d.Errands = slices.DeleteFunc(d.Errands, func(e noderoll.Errand) bool { return e.Kind == noderoll.Uncordon })
		return d
	},
	"finishes too early": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		return noderoll.Replace(n[:max(0, len(n)-1)], newest, r, record, now)
	},
	"keeps silent": func(n []noderoll.Node, newest string, r noderoll.Rules, record noderoll.Record, now time.Time) noderoll.Decision {
		d := noderoll.Replace(n, newest, r, record, now)
		d.Replace, d.Why = nil, ""
		return d
	},
}

func TestThePropertiesCatchWhatIsWrongInReplacing(t *testing.T) {
	t.Parallel()
	example := rapid.Custom(func(t *rapid.T) func(decider) error {
		s, hs := replacing(t)
		return func(d decider) error { return replaceAll(s, hs, d) }
	})
	for _, name := range slices.Sorted(maps.Keys(replaceMutants)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range 400 {
				if err := example.Example(i)(replaceMutants[name]); err != nil {
					t.Logf("found by schedule %d: %v", i, err)
					return
				}
			}
			t.Errorf("nothing is found wrong with a decision that %s", name)
		})
	}
}
