package noderoll

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Replace says which nodes are cordoned now, so that somebody replaces them by new ones, which come with the newest revision. It deletes no
// pod and no node. A node is replaced when it is gone from the cluster; one whose own agent is of the newest revision and has passed counts
// as well, and gets its cordon off. Canary nodes go first, one at a time, then each pool and zone with as many at a time as rules.Max: no more
// are cordoned by us at any moment, and with a cordon there are never fewer nodes that work and take pods than there were when the replacing
// began, less that many. So the next node is cordoned when the new one for the last has passed its gates; in the first stage, and where none
// is cordoned, it has soaked as well. Nodes that others cordoned are theirs. What rules say of deleting pods does not matter.
//
//	| the first that holds                              | phase     | cordons                                   |
//	|---------------------------------------------------|-----------|-------------------------------------------|
//	| the newest revision is not known                  | Left      | -                                         |
//	| a gate says no                                    | Halted    | -                                         |
//	| every node has passed                             | Finished  | -                                         |
//	| paused                                            | Paused    | -                                         |
//	| old nodes are there that we may cordon, or did    | Replacing | nodes of the first stage that has some    |
//	| likewise, and what came last has not soaked       | Soak      | -                                         |
//	| nodes are on their way                            | Replacing | -                                         |
//	| only others are left                              | Left      | -                                         |
func Replace(nodes []Node, newest string, rules Rules, record Record, now time.Time) Decision {
	rules.PrePull, rules.Drain, rules.Cordon, rules.Back, rules.Only = false, false, true, false, nil
	record.Intent, record.Pending = nil, nil // of a roll before
	r := &roll{Rules: rules, record: record, newest: newest, now: now, replaces: true}
	r.look(nodes)
	d := r.decide(r.cordonNext)
	d.Replace = names(filter(r.old, func(m *member) bool { return m.CordonedByUs }))
	if slices.ContainsFunc(d.Errands, func(e Errand) bool { return e.Kind == Cordon }) {
		d.Record = r.next(nil)
		d.Record.Capacity = new(r.began())
		if r.record.Capacity != nil {
			d.Record.Canaries = r.record.Canaries // those that are gone were replaced
		}
	}
	return d
}

// able tells whether a node takes pods and gives them addresses, as far as that is known.
func (m *member) able() bool {
	return working(m.Node) && !m.Cordoned && (m.stands == old || m.stands == passed)
}

// able counts such nodes.
func (r *roll) able() int {
	return len(filter(r.all, (*member).able))
}

// began is how many nodes were able when the replacing began; those that we cordon now were, too.
func (r *roll) began() int {
	if r.record.Capacity != nil {
		return *r.record.Capacity
	}
	return len(filter(r.all, func(m *member) bool { return m.able() || m.CordonedByUs && working(m.Node) }))
}

// cordonNext cordons nodes of the first stage that has old ones.
func (r *roll) cordonNext(d *Decision) {
	stages := r.stages()
	i := slices.IndexFunc(stages, func(s stage) bool {
		return slices.ContainsFunc(s.nodes, func(m *member) bool { return m.stands == old })
	})
	d.Phase = Replacing
	// A node that has just come may take a moment to be Ready: nobody is left behind by that.
	coming := filter(r.members, func(m *member) bool { return m.stands == skipped && !m.Cordoned && (m.Pod == nil || r.hasNewest(m)) })
	switch {
	case i < 0 && len(r.inFlight)+len(coming) > 0:
		d.Why = waitingFor(append(slices.Clone(r.inFlight), coming...))
		return
	case i < 0:
		d.Phase, d.Why = Left, "the nodes that are left cannot be cordoned by us"
		return
	}
	r.cordonOf(d, stages[i])
}

// cordonOf cordons old nodes of a stage, as far as the bound and what there was of capacity allow.
func (r *roll) cordonOf(d *Decision, s stage) {
	limit := r.Max
	if s.phase == Canary {
		limit = min(1, r.Max)
	}
	d.Stage = s.name
	ours := filter(r.all, func(m *member) bool { return m.CordonedByUs })
	next := filter(s.nodes, func(m *member) bool { return m.stands == old && !m.CordonedByUs })
	until := r.settled()
	room := min(limit-len(ours), r.able()-r.began()+limit, len(next))
	switch {
	case len(r.doubtful) > 0:
		d.Why = "waiting to see whether an agent that was not touched comes back: " + few(r.doubtful)
	case room <= 0:
		d.Why = r.awaited(limit)
	case (s.phase == Canary || len(ours) == 0) && r.now.Before(until):
		d.Phase, d.Until = Soak, until
		d.Why = fmt.Sprintf("the nodes that came so far run until %s before others are cordoned", until.UTC().Format(time.TimeOnly))
	default:
		for _, m := range next[:room] {
			d.Errands = append(d.Errands, Errand{Kind: Cordon, Node: m.Name})
		}
	}
}

// awaited says who has to do what before the next node is cordoned.
func (r *roll) awaited(limit int) string {
	var why []string
	if going := filter(r.old, func(m *member) bool { return m.CordonedByUs }); len(going) > 0 {
		why = append(why, "cordoned, and to be replaced by somebody: "+few(going))
	}
	if len(r.inFlight) > 0 {
		why = append(why, waitingFor(r.inFlight))
	}
	if back := filter(r.all, func(m *member) bool { return m.CordonedByUs && m.stands == passed }); len(back) > 0 {
		why = append(why, "taking the cordon from "+few(back))
	}
	if lacks := r.began() - limit + 1 - r.able(); lacks > 0 && len(why) == 0 {
		why = append(why, fmt.Sprintf("%d nodes take pods, of %d when the replacing began: add nodes before others are cordoned", r.able(), r.began()))
	}
	if len(why) == 0 {
		return nothingCanBe
	}
	return strings.Join(why, "; ")
}

// settled is when the nodes that took the newest revision since the replacing began have run for long enough; zero when there are none.
func (r *roll) settled() time.Time {
	var last time.Time
	for _, m := range r.all {
		if m.stands == passed && !m.Pod.Created.Before(r.record.Started) {
			last = latest(last, latest(m.Pod.ReadySince, m.ReadySince))
		}
	}
	if last.IsZero() {
		return last
	}
	return last.Add(r.ReadyFor + r.Soak)
}
