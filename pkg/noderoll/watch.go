package noderoll

import (
	"fmt"
	"slices"
	"time"
)

// Before is what an update by the DaemonSet controller remembers: when it began, and which nodes had no working agent then. It is kept
// before the new template is written, since the controller replaces broken pods first, and nobody could tell afterwards what they were.
// newest is the revision that is live by then. Nodes may come in any order.
func Before(nodes []Node, newest string, rules Rules, record Record, now time.Time) Record {
	known := set(record.Broken)
	r := &roll{Rules: rules, now: now} // of no revision: every pod is one of the release before
	out := Record{Revision: newest, Started: now, At: now}
	for i := range nodes {
		n := &nodes[i]
		if n.Exempt == "" && !working(n) && (known[n.Name] || r.brokenBefore(&member{Node: n})) {
			out.Broken = append(out.Broken, n.Name)
		}
	}
	slices.Sort(out.Broken)
	return out
}

// Watch judges the nodes that the DaemonSet controller changes, by the gates of a roll. It decides on no order and deletes nothing: all it
// can do is to halt, and to try fresh pods. record is what Before said, or that of a roll to the same revision. Nodes may come in any order; none is changed.
//
//	| the first that holds        | phase    |
//	|-----------------------------|----------|
//	| a gate says no              | Halted   |
//	| every node has passed       | Finished |
//	| the rules are paused        | Paused   |
//	| else                        | Watching |
//
// Whoever asks has the controller stopped where it halts and where the rules are paused; nodes that it has begun go on being judged. A node whose agent did not work before halts nothing. Nor does one whose pod does not come back: since when it has none nobody knows.
func Watch(nodes []Node, newest string, rules Rules, record Record, now time.Time) Decision {
	rules.Only, rules.Back, rules.PrePull, rules.Cordon, rules.Drain = nil, false, false, false, false
	r := &roll{Rules: rules, record: record, newest: newest, now: now, watches: true}
	r.look(nodes)
	d := Decision{
		Watched: true, Total: len(r.members), Max: rules.Max, Changed: r.changed, Passed: r.passed, Skipped: r.skipped, Failed: r.failed,
		InFlight: names(r.inFlight), Phase: Watching, Stage: "the DaemonSet controller",
	}
	switch {
	case newest == "":
		d.Why = "the newest revision is not known"
	case len(r.failed) > 0:
		d.Phase, d.Stage, d.Halt, d.Why = Halted, "", &r.failed[0], "halted at "+r.failed[0].String()
	case len(r.inFlight) > 0:
		d.Why = waitingFor(r.inFlight)
	case len(r.old) > 0:
		d.Why = fmt.Sprintf("waiting for the DaemonSet controller to change %s", few(r.old))
	case len(r.skipped) > 0:
		d.Why = "waiting for nodes that are not well"
	default:
		d.Phase, d.Stage, d.Why = Finished, "", "every node has taken the release and passed its gates"
	}
	if rules.Paused && d.Phase == Watching && newest != "" {
		d.Phase, d.Why = Paused, "paused"
	}
	d.Errands = r.errands(d.Phase == Watching || d.Phase == Paused)
	return d
}
