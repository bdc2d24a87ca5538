package noderoll

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Phase is where a roll stands.
type Phase string

// The phases.
const (
	// Canary : the nodes that go first are changed, one at a time.
	Canary Phase = "Canary"
	// Soak : what was changed so far must run for a while.
	Soak Phase = "Soak"
	// Batch : the nodes of one pool and zone are changed, as many at a time as may be unavailable.
	Batch Phase = "Batch"
	// PutBack : nodes go back to the release before.
	PutBack Phase = "PutBack"
	// Watching : the DaemonSet controller changes the nodes, and each of them is gated.
	Watching Phase = "Watching"
	// Replacing : nodes are cordoned, and somebody replaces them by new ones.
	Replacing Phase = "Replacing"
	// Paused : nothing is changed until somebody resumes it.
	Paused Phase = "Paused"
	// Halted : a gate said no; no further pod is deleted.
	Halted Phase = "Halted"
	// Left : nothing is under way, and the nodes that are left cannot be changed now.
	Left Phase = "Left"
	// Finished : every node has taken the release and passed its gates.
	Finished Phase = "Finished"
)

// Target is a pod that is to be deleted, so that its node takes the newest revision.
type Target struct {
	Node string `json:"node"`
	Pod  string `json:"pod"`
	UID  string `json:"uid"`
}

// Pending is a pod that was deleted and whose node has not passed every gate since.
type Pending struct {
	Target
	// Since is when it was about to be deleted.
	Since time.Time `json:"since,omitzero"`
}

// Record is what a roll remembers, on the workload itself: everything else is seen.
type Record struct {
	// Revision is the hash of the newest ControllerRevision that the roll is for. A record for another one is of an earlier roll.
	Revision string `json:"revision,omitempty"`
	// Started is when the first node was about to be changed.
	Started time.Time `json:"started,omitzero"`
	// Canaries are the nodes that were chosen then to go first, where nobody marked any.
	Canaries []string `json:"canaries,omitempty"`
	// Broken are the nodes that had no working agent of the release before then, and had none when the last pod was deleted either, or
	// were changed and had not passed every gate: what was broken before does not halt the roll. In order of names.
	Broken []string `json:"broken,omitempty"`
	// Capacity is how many nodes worked and took pods when the replacing of nodes began; nil for a roll that replaces none.
	Capacity *int `json:"capacity,omitempty"`
	// Intent are the pods that are about to be deleted, or were, since At.
	Intent []Target  `json:"intent,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Pending are those of earlier intents. In order of names.
	Pending []Pending `json:"pending,omitempty"`
}

// Halt is the verdict that stops a roll.
type Halt struct {
	Node     string `json:"node"`
	Gate     string `json:"gate"`
	Evidence string `json:"evidence"`
}

func (h Halt) String() string { return fmt.Sprintf("%s: gate %s: %s", h.Node, h.Gate, h.Evidence) }

// Decision is what to do with the nodes now. Lists are in order of the nodes' names where nothing else is said.
type Decision struct {
	Phase Phase `json:"phase"`
	// Watched is true where the DaemonSet controller changes the nodes, and all that is decided is whether it has to stop.
	Watched bool `json:"watched,omitempty"`
	// Delete are the pods to delete now, most urgent first; empty when there is something to wait for, or nothing to do.
	Delete []Target `json:"delete,omitempty"`
	// Errands to do now beside, on nodes before or after they are changed, in order of the nodes' names.
	Errands []Errand `json:"errands,omitempty"`
	// Record to be kept on the workload before any of them is deleted, or cordoned to be replaced; zero when none is.
	Record Record `json:"-"`
	// Stage in words, such as "canary nodes" or "pool a, zone AD-1".
	Stage string `json:"stage,omitempty"`
	// Canaries are the nodes that go first.
	Canaries []string `json:"canaries,omitempty"`
	// InFlight are the nodes that are being changed, or were changed and have not passed every gate.
	InFlight []string `json:"inFlight,omitempty"`
	// Replace are the nodes that we cordoned and somebody has to replace.
	Replace []string `json:"replace,omitempty"`
	// Changed counts the nodes that run the newest revision, Passed those of them that passed every gate, Total all nodes that
	// are to be changed.
	Changed int `json:"changed"`
	Passed  int `json:"passed"`
	Total   int `json:"total"`
	// Max is how many nodes may be unavailable at any moment.
	Max int `json:"maxUnavailable"`
	// Halt says what stopped the roll; nil when nothing did. It is the first of Failed.
	Halt *Halt `json:"halt,omitempty"`
	// Failed are the verdicts of all nodes that failed a gate: a batch can have several.
	Failed []Halt `json:"failed,omitempty"`
	// Skipped are the nodes that cannot be changed now, with the reason.
	Skipped []Waiting `json:"skipped,omitempty"`
	// Until is when a soak is over; zero when none is on.
	Until time.Time `json:"until,omitzero"`
	// Why nothing is deleted now, in words; empty when something is.
	Why string `json:"why,omitempty"`
}

// Decide says which nodes change now. It sees everything anew each time: which nodes have the newest revision, how they fare, and
// what the record says was about to be done. It never deletes a pod of the newest revision, never takes more nodes down at a time
// than the rules allow, those included that are down already, and deletes nothing more while a gate says no. Nodes may come in any
// order; none is changed.
//
//	| the first that holds                              | phase                 | deletes                                   |
//	|---------------------------------------------------|-----------------------|-------------------------------------------|
//	| the newest revision is not known                  | Left                  | -                                         |
//	| a gate says no                                    | Halted                | -                                         |
//	| every node has passed                             | Finished              | -                                         |
//	| paused                                            | Paused                | -                                         |
//	| pods of the last intent are still there           | Batch, or PutBack     | those                                     |
//	| a way back                                        | PutBack               | broken nodes, then the last changed       |
//	| a stage is not through: the canaries, a pool+zone | Soak, Canary or Batch | nodes of that stage, working ones first   |
//	| nodes are on their way                            | Batch                 | -                                         |
//	| nothing can be changed                            | Left                  | - (a broken node, if only the bound bars) |
//
// In each of them nothing is deleted for a moment when a node that was not changed lost its agent, until that is a no.
func Decide(nodes []Node, newest string, rules Rules, record Record, now time.Time) Decision {
	r := &roll{Rules: rules, record: record, newest: newest, now: now}
	r.look(nodes)
	d := r.decide(r.goOn)
	if len(d.Delete) > 0 {
		d.Record = r.next(d.Delete)
	}
	return d
}

// decide says where it stands, and goes on if it can.
func (r *roll) decide(goOn func(*Decision)) Decision {
	d := Decision{
		Total: len(r.members), Max: r.Max, Changed: r.changed, Passed: r.passed, Skipped: r.skipped, Failed: r.failed,
		Canaries: names(r.canaries), InFlight: names(r.inFlight),
	}
	switch {
	case r.newest == "":
		d.Phase, d.Why = Left, "the newest revision is not known"
	case len(r.failed) > 0:
		d.Phase, d.Halt, d.Why = Halted, &r.failed[0], "halted at "+r.failed[0].String()
	case len(r.old)+len(r.promised)+len(r.inFlight)+len(r.skipped) == 0:
		d.Phase, d.Why = Finished, "every node has taken the release and passed its gates"
	case r.Paused:
		d.Phase, d.Why = Paused, "paused"
	default:
		goOn(&d)
	}
	d.Errands = append(d.Errands, r.errands(d.Phase != Halted && d.Phase != Paused && d.Phase != Left)...)
	slices.SortStableFunc(d.Errands, func(a, b Errand) int { return cmp.Compare(a.Node, b.Node) })
	return d
}

// goOn chooses among what can be changed. What was begun is ended first: another actor may be at it.
func (r *roll) goOn(d *Decision) {
	phase := Batch
	if r.Back {
		phase = PutBack
	}
	d.Phase = phase
	switch {
	case len(r.promised) > 0:
		d.Stage = "what was begun"
		r.take(d, r.promised, r.Max)
		r.mend(d, phase)
	case r.Back:
		d.Stage = "the way back"
		r.take(d, r.backwards(), r.Max)
	default:
		r.forwards(d)
	}
}

// next is the record before pods are deleted, or nodes cordoned to be replaced.
func (r *roll) next(targets []Target) Record {
	out := Record{Revision: r.newest, Started: r.record.Started, Intent: targets, At: r.now}
	again := map[string]bool{}
	for _, t := range targets {
		again[t.Node] = true
	}
	for _, m := range r.inFlight {
		if m.asked != nil && !again[m.Name] {
			out.Pending = append(out.Pending, *m.asked)
		}
	}
	for _, m := range r.all {
		if m.broken && (m.bad || m.stands == inFlight || !working(m.Node) || !readyFor(m.Pod, r.ReadyFor, r.now)) {
			out.Broken = append(out.Broken, m.Name)
		}
	}
	if !r.marked {
		out.Canaries = names(r.canaries)
	}
	return out
}
