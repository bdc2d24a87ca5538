package noderoll

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// ByName orders nodes by name, for slices.SortFunc.
func ByName(a, b Node) int { return cmp.Compare(a.Name, b.Name) }

// member is a node, and what is known of it beside what is seen.
type member struct {
	*Node
	// asked is the pod that was to be deleted to change the node; nil when none was, or it was before the record was last written and
	// the node had passed by then.
	asked *Pending
	// broken nodes had no working agent when the roll began.
	broken bool
	// canary nodes go first.
	canary bool
	// chosen nodes are those that are made ready or changed now.
	chosen bool
	// bad nodes have a no of a gate, whether or not that halts the roll.
	bad bool
	// untried nodes have passed every gate but that of a fresh pod, which is not tried yet.
	untried bool
	// extra nodes are not to be changed, and were by chance.
	extra bool
	// stands is where the node stands in the roll.
	stands standing
}

// standing of a node in a roll.
type standing int

const (
	// old : to be changed.
	old standing = iota + 1
	// promised : was about to be changed when the record was written, and was not.
	promised
	// inFlight : being changed, or changed and not yet through its gates.
	inFlight
	// passed : changed, and through its gates.
	passed
	// skipped : cannot be changed now, or was and counts for nothing.
	skipped
	// failed : a gate said no.
	failed
)

// roll is one look at the nodes.
type roll struct {
	Rules
	record Record
	newest string
	now    time.Time
	// watches is true where somebody else changes the nodes.
	watches bool
	// replaces is true where nodes are cordoned to be replaced, and no pod is deleted.
	replaces bool
	// all nodes that should run the add-on, members those that are to be changed; in order of their names.
	all, members []*member
	// old and promised can be changed; canaries go first; inFlight are under way.
	old, promised, canaries, inFlight []*member
	// marked canaries were chosen by the operator's selector.
	marked          bool
	skipped         []Waiting
	failed          []Halt
	changed, passed int
	// down counts the nodes without a working agent, of all that should have one. stuck counts those among the changed ones that
	// were broken before.
	down, stuck int
	// out counts the nodes without a working agent, and those that we cordoned.
	out int
	// exempt nodes should not run the add-on, and something of ours was left on them.
	exempt []Node
	// doubtful are nodes that were not changed and have just lost their agent.
	doubtful []*member
}

// look finds out where every node stands.
func (r *roll) look(nodes []Node) {
	r.gather(nodes)
	r.recall()
	only := set(r.Only)
	for _, m := range r.all {
		r.down += truth(!working(m.Node))
		r.out += truth(!working(m.Node) || m.CordonedByUs)
		switch {
		case r.Only == nil || only[m.Name]:
			r.members = append(r.members, m)
			r.place(m)
			r.passed += truth(m.stands == passed)
		case !r.Back && m.Pod != nil && !m.Pod.Terminating && m.Pod.Revision == r.newest:
			m.extra = true
			r.judge(m)
		}
	}
	r.untouched()
	r.choose()
}

// gather orders the nodes, and leaves out those that should not run the add-on.
func (r *roll) gather(nodes []Node) {
	r.all = make([]*member, 0, len(nodes))
	members := make([]member, len(nodes)) // at once: there may be thousands
	for i := range nodes {
		switch n := &nodes[i]; {
		case n.Exempt == "":
			members[i].Node = n
			r.all = append(r.all, &members[i])
		case n.CordonedByUs, len(n.Helpers) > 0:
			r.exempt = append(r.exempt, *n)
		}
	}
	if byName := func(a, b *member) int { return cmp.Compare(a.Name, b.Name) }; !slices.IsSortedFunc(r.all, byName) {
		slices.SortStableFunc(r.all, byName)
	}
}

// recall reads the record, or begins one.
func (r *roll) recall() {
	if r.record.Revision != r.newest {
		r.begins()
		return
	}
	known, asked := set(r.record.Broken), map[string]*Pending{}
	for i := range r.record.Pending {
		asked[r.record.Pending[i].Node] = &r.record.Pending[i]
	}
	for _, t := range r.record.Intent {
		asked[t.Node] = &Pending{t, r.record.At}
	}
	for _, m := range r.all {
		m.broken, m.asked = known[m.Name], asked[m.Name]
	}
}

// begins begins a record. What an earlier roll knew to be broken is not forgotten while it is. Where nodes are watched the one before is that of
// Before: it knows when the update began, and all that was broken then.
func (r *roll) begins() {
	known, noted := set(r.record.Broken), r.watches && !r.record.Started.IsZero()
	began := r.now
	if noted {
		began = r.record.Started
	}
	r.record = Record{Revision: r.newest, Started: began}
	for _, m := range r.all {
		m.broken = !working(m.Node) && (r.Back || known[m.Name] || !noted && r.brokenBefore(m))
	}
}

// awaits tells whether the pod that the node has, or has not, is the one that was to be deleted. Another one is somebody else's doing.
func (m *member) awaits() bool {
	return m.asked != nil && (m.Pod == nil || m.Pod.UID == m.asked.UID)
}

// brokenBefore tells whether the agent of the release before does not work. One that is just starting is not known to be broken, and a
// pod of the newest revision is a canary whatever the node was before.
func (r *roll) brokenBefore(m *member) bool {
	p := m.Pod
	return p != nil && !p.Terminating && p.Revision != r.newest && (!m.Ready || p.Bad || r.elapsed(p.Created) >= r.NodeTimeout)
}

// working tells whether a node is Ready and has an agent that is available, of whichever revision.
func working(n *Node) bool {
	return n.Ready && n.Pod != nil && !n.Pod.Terminating && n.Pod.Available
}

// elapsed is the time since t; never negative, whatever the clock did.
func (r *roll) elapsed(t time.Time) time.Duration { return max(0, r.now.Sub(t)) }

// place says where a node stands. The order of the cases is their meaning.
//
//	| the node                                          | stands                                                    |
//	|---------------------------------------------------|-----------------------------------------------------------|
//	| is to be replaced, and we cordoned it for that    | old, until it is gone or has the newest revision          |
//	| has no pod, or one that is being deleted          | in flight for a while, then failed if we did it, or skipped |
//	| has a pod of the newest revision                  | as its gates say                                          |
//	| is not Ready, and this is no way back             | skipped                                                   |
//	| is cordoned by others, and we change nodes forwards | skipped, but where its change was begun without a cordon  |
//	| has no NativePodNetwork in success, likewise      | skipped where there has to be one, but not what was begun |
//	| has the very pod that was about to be deleted     | promised, or failed if it cannot be made ready for it     |
//	| else                                              | old, or failed if it cannot be made ready for the change  |
func (r *roll) place(m *member) {
	switch {
	case r.replaces && m.CordonedByUs && !r.hasNewest(m):
		r.enlist(m, old, &r.old) // whatever becomes of it until it is gone
	case m.Pod == nil || m.Pod.Terminating:
		r.missing(m)
	case r.hasNewest(m):
		r.changed++
		r.judge(m)
	case r.barred(m) != "":
		r.skip(m, Classify(*m.Node, r.newest), r.barred(m))
	case m.awaits():
		r.enlist(m, promised, &r.promised)
	default:
		r.enlist(m, old, &r.old)
	}
}

func (r *roll) hasNewest(m *member) bool {
	return m.Pod != nil && !m.Pod.Terminating && m.Pod.Revision == r.newest
}

// barred says why a node cannot be changed now; empty when it can. On a way back nothing bars: the release that is taken back may be why.
func (r *roll) barred(m *member) string {
	switch {
	case r.Back:
		return ""
	case !m.Ready:
		return "the node itself is not Ready"
	case r.watches: // the controller asks nobody
		return ""
	case m.Cordoned && !m.CordonedByUs && (r.Cordon || !m.awaits()):
		return "the node is cordoned"
	case r.NPN && !m.NPN.fine() && !m.awaits() && !r.replaces:
		return m.NPN.String()
	default:
		return ""
	}
}

// enlist puts a node with others that are to be changed, unless it cannot be made ready for it.
func (r *roll) enlist(m *member, as standing, with *[]*member) {
	if gate, evidence := r.unprepared(m); gate != "" {
		r.fail(m, gate, evidence)
		return
	}
	m.stands = as
	*with = append(*with, m)
}

// missing waits for a pod that will come: after we deleted the one before, or where a node has just joined or somebody else deleted
// it.
func (r *roll) missing(m *member) {
	switch {
	case m.awaits() && r.elapsed(m.asked.Since) >= r.NodeTimeout:
		gate, why := GateAgent, fmt.Sprintf("its pod has not come back within %s", r.NodeTimeout)
		if !m.Ready {
			gate, why = GateNode, fmt.Sprintf("the node itself is not Ready, and its pod has not come back within %s", r.NodeTimeout)
		}
		r.fail(m, gate, why)
	case m.awaits(), m.Ready && (r.watches || r.elapsed(latest(m.ReadySince, r.record.At)) < r.NodeTimeout):
		r.fly(m)
	default:
		r.skip(m, Missing, why(*m.Node, Missing))
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (r *roll) fly(m *member) {
	m.stands = inFlight
	r.inFlight = append(r.inFlight, m)
}

func (r *roll) skip(m *member, s State, why string) {
	m.stands = skipped
	if m.extra {
		return
	}
	r.skipped = append(r.skipped, Waiting{m.Name, s, why})
}

// judge asks every gate about a node that was changed, by us or by chance. A pod that was made on a node without a living kubelet
// tells nothing.
func (r *roll) judge(m *member) {
	if m.asked == nil && !m.Ready && m.Pod.Started.IsZero() {
		r.skip(m, Starting, why(*m.Node, Starting))
		return
	}
	v, gate := r.ask(m)
	m.untried = v.Answer == NotYet && gate == GateFresh
	switch v.Answer {
	case Yes:
		m.stands = passed
	case NotYet:
		r.fly(m)
	default:
		r.fail(m, gate, v.Evidence)
	}
}
