package noderoll

import (
	"fmt"
	"time"
)

// ask is the verdict of all gates on a changed node, and the gate that it is of: the first no, else the first that is not yet a yes. A
// node whose time is up has a no.
func (r *roll) ask(m *member) (Verdict, string) {
	out, gate := Verdict{Answer: Yes}, ""
	for _, g := range Gates {
		v := g.Look(*m.Node, r.Rules, r.now)
		if v.Answer == No {
			return v, g.Name
		}
		if v.Answer != Yes && out.Answer == Yes {
			out, gate = v, g.Name
		}
	}
	if out.Answer != Yes && gate != GateFresh && r.late(m) {
		out = Verdict{No, fmt.Sprintf("%s; it had %s", out.Evidence, r.NodeTimeout)}
	}
	return out, gate
}

// late tells whether a node's time is up. It runs from the last change for better or worse, so that a node that passed long ago and has
// a bad moment gets as long as any; but a pod that came of our doing has no more than that in all, however often it comes and goes.
func (r *roll) late(m *member) bool {
	if r.elapsed(latest(m.Pod.Created, latest(m.Pod.ReadySince, m.ReadySince))) >= r.NodeTimeout {
		return true
	}
	// Somebody has looked all the while, or the roll was not going on; so one who is seen later than this has passed in between.
	took := r.elapsed(m.Pod.Created)
	return m.asked != nil && took >= r.NodeTimeout && took < 2*r.NodeTimeout
}

// fail halts the roll, unless the node tells nothing of the release: it was broken before, or this is a way back and it is none of those
// that are being put back.
func (r *roll) fail(m *member, gate, evidence string) {
	m.bad = true
	switch {
	case r.halts(m):
		m.stands = failed
		r.failed = append(r.failed, Halt{m.Name, gate, evidence})
	case m.broken:
		r.stuck++
		r.skip(m, Failing, "was broken before, and still is: "+evidence)
	default:
		r.skip(m, Failing, evidence)
	}
}

// halts tells whether a no of a gate on the node halts the roll.
func (r *roll) halts(m *member) bool { return !m.broken && (!r.Back || m.asked != nil) }

// grace is how long an agent that was not touched may be away before that counts against the roll.
const grace = 10 * time.Second

// untouched finds nodes that were not changed and lost their agent since the roll began (facts: CNI B11). Before that is certain
// nothing is changed. A node that is itself not Ready is another matter; and on a way back nobody expects better of the release that is
// taken back.
func (r *roll) untouched() {
	if r.Back {
		return
	}
	for _, m := range r.all {
		if !r.lost(m) {
			continue
		}
		p := m.Pod
		if !p.Bad && r.elapsed(p.ReadySince) < grace {
			r.doubtful = append(r.doubtful, m)
			continue
		}
		r.failed = append(r.failed, Halt{m.Name, GateUnchanged, fmt.Sprintf(
			"its agent of the release before worked when the roll began, and does not since %s: %s", p.ReadySince.UTC().Format(time.RFC3339), podTrouble(*p))})
	}
}

// lost tells whether a node that was not changed has lost its agent since the roll began, by the record or by the clock. One that is being
// taken away to be replaced may. A clock that says that the roll begins in the future is not asked.
func (r *roll) lost(m *member) bool {
	p := m.Pod
	if m.broken || !m.Ready || p == nil || p.Terminating || p.Revision == r.newest || r.replaces && m.Cordoned {
		return false
	}
	if p.Available || p.Ready && !p.Bad {
		return false
	}
	began := r.record.Started.Truncate(time.Second) // as fine as Kubernetes writes times
	return !p.ReadySince.Before(began) || began.After(r.now)
}
