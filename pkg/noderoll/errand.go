package noderoll

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Purpose of a helper pod.
type Purpose string

// The purposes.
const (
	// Pull : brings the images of the newest revision to a node before its agent goes. It stands by the old agent.
	Pull Purpose = "pull"
	// Fresh : shows that a new pod on a changed node gets an address. It stands by the changed agent.
	Fresh Purpose = "fresh"
)

// Helper is a pod of ours that stands by the agent of a node for a while.
type Helper struct {
	Purpose Purpose `json:"purpose"`
	Name    string  `json:"name"`
	UID     string  `json:"uid"`
	// By is the UID of the agent that it stands by.
	By string `json:"by"`
	// Done is true when it has come to what it is for: the images are there, or it is Ready and has an address.
	Done bool `json:"done,omitempty"`
	// Address that it got; empty when it has none.
	Address string `json:"address,omitempty"`
	// Trouble says what keeps it, Bad whether that will not pass by waiting a moment.
	Trouble string `json:"trouble,omitempty"`
	Bad     bool   `json:"bad,omitempty"`
	// Created is when it was made.
	Created time.Time `json:"created,omitzero"`
	// Terminating is true when it is being deleted.
	Terminating bool `json:"terminating,omitempty"`
}

// ErrandKind is what an errand does.
type ErrandKind string

// The kinds of errands.
const (
	// StartPull makes a helper pod that pulls the images.
	StartPull ErrandKind = "StartPull"
	// StartFresh makes a fresh pod.
	StartFresh ErrandKind = "StartFresh"
	// NoteFresh notes on the agent that a fresh pod got an address, and deletes that pod.
	NoteFresh ErrandKind = "NoteFresh"
	// RemoveHelper deletes a helper pod that is of no use any more.
	RemoveHelper ErrandKind = "RemoveHelper"
	// Cordon marks a node so that no new pods come to it.
	Cordon ErrandKind = "Cordon"
	// Drain evicts what runs on a node, DaemonSets' pods excepted.
	Drain ErrandKind = "Drain"
	// Uncordon takes our mark from a node again.
	Uncordon ErrandKind = "Uncordon"
)

// Errand is something to do on a node beside deleting its agent: before it, or after. Errands may be repeated.
type Errand struct {
	Kind ErrandKind `json:"kind"`
	Node string     `json:"node"`
	// Pod and UID are the agent that a helper is to stand by.
	Pod string `json:"pod,omitempty"`
	UID string `json:"uid,omitempty"`
	// Helper and HelperUID are the helper pod that is to go.
	Helper    string `json:"helper,omitempty"`
	HelperUID string `json:"helperUID,omitempty"`
	// Address that a fresh pod got.
	Address string `json:"address,omitempty"`
}

func (e Errand) String() string {
	switch e.Kind {
	case StartPull:
		return "pull the images on " + e.Node
	case StartFresh:
		return "start a fresh pod on " + e.Node
	case NoteFresh:
		return fmt.Sprintf("note that a fresh pod on %s got %s, and remove it", e.Node, e.Address)
	case RemoveHelper:
		return fmt.Sprintf("remove pod %s on %s", e.Helper, e.Node)
	case Cordon:
		return "cordon " + e.Node
	case Drain:
		return "drain " + e.Node
	case Uncordon:
		return "uncordon " + e.Node
	default:
		return string(e.Kind) + " " + e.Node
	}
}

// Leftovers are the errands by which what an earlier roll left on the nodes goes: helper pods, and marks of nodes that we cordoned. It is
// asked while no roll is on.
func Leftovers(nodes []Node) []Errand {
	var out []Errand
	for i := range nodes {
		out = append(out, takeBack(&nodes[i], func(Helper) bool { return false }, false)...)
	}
	slices.SortStableFunc(out, func(a, b Errand) int { return cmp.Compare(a.Node, b.Node) })
	return out
}

// takeBack removes the helpers that are not wanted, and our mark where the node is not wanted cordoned.
func takeBack(n *Node, wanted func(Helper) bool, cordoned bool) []Errand {
	var out []Errand
	for _, h := range n.Helpers {
		if !h.Terminating && !wanted(h) {
			out = append(out, Errand{Kind: RemoveHelper, Node: n.Name, Helper: h.Name, HelperUID: h.UID})
		}
	}
	if n.CordonedByUs && !cordoned {
		out = append(out, Errand{Kind: Uncordon, Node: n.Name})
	}
	return out
}

// helper of a purpose that stands by the node's agent; nil when there is none. One that is being deleted counts for nothing.
func (m *member) helper(p Purpose) *Helper {
	if m.Pod == nil {
		return nil
	}
	i := slices.IndexFunc(m.Helpers, func(h Helper) bool { return h.Purpose == p && h.By == m.Pod.UID && !h.Terminating })
	if i < 0 {
		return nil
	}
	return &m.Helpers[i]
}

// unprepared says why a node cannot be made ready for its change; empty while it can. What is not wanted is not looked at.
func (r *roll) unprepared(m *member) (gate, evidence string) {
	if r.Back {
		return "", ""
	}
	if h := m.helper(Pull); r.PrePull && h != nil && !h.Done && !r.stale(m, *h) {
		switch {
		case h.Bad:
			return GateImage, h.Trouble
		case r.elapsed(h.Created) >= r.NodeTimeout:
			return GateImage, fmt.Sprintf("the images are not there after %s: %s", r.NodeTimeout, orElse(h.Trouble, "nothing is known"))
		}
	}
	if r.draining(m) {
		switch {
		case m.Stranded != "":
			return GateDrain, m.Stranded
		case r.elapsed(m.CordonedSince) >= r.NodeTimeout && !r.outlived(m):
			return GateDrain, m.occupants(r.NodeTimeout)
		}
	}
	return "", ""
}

// draining tells whether a node is cordoned for a drain that is not through: pods are still there, or nobody can tell.
func (r *roll) draining(m *member) bool {
	return r.Drain && m.CordonedByUs && (m.Evictable != 0 || m.Leaving > 0 || m.Stranded != "")
}

// outlived tells whether the cordon of a drain is of an earlier try, as stale does: nobody may have evicted anything since. It is made anew.
func (r *roll) outlived(m *member) bool {
	return r.halts(m) && r.draining(m) && m.Stranded == "" && r.elapsed(m.CordonedSince) >= 2*r.NodeTimeout
}

// occupants says what is left of a drain that had so long.
func (m *member) occupants(had time.Duration) string {
	if m.Evictable < 0 {
		return fmt.Sprintf("it cannot be told whether its pods have left it, for %s: %s", had, orElse(m.Withheld, "nothing is known"))
	}
	text := fmt.Sprintf("%d pods have not left it after %s", m.Evictable+m.Leaving, had)
	if m.Evictable+m.Leaving == 1 {
		text = fmt.Sprintf("1 pod has not left it after %s", had)
	}
	if m.Withheld != "" {
		text += ": " + m.Withheld
	}
	return text
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// stale tells whether a helper is of an earlier try: it stood for evidence for long enough, and another one may be made. Where its
// failure does not halt the roll it stands until the end: two such nodes would be tried in turns for ever.
func (r *roll) stale(m *member, h Helper) bool {
	return !h.Done && r.halts(m) && r.elapsed(h.Created) >= 2*r.NodeTimeout
}

// prepare says what is to be done on a node before its agent goes, and whether that is so. On a way back nobody waits.
func (r *roll) prepare(m *member) (todo []Errand, ready bool) {
	if r.Back {
		return nil, true
	}
	ready = true
	if r.Cordon && !m.CordonedByUs {
		todo = append(todo, Errand{Kind: Cordon, Node: m.Name})
		ready = false
	}
	if r.draining(m) {
		ready = false
		if m.Evictable > 0 && !r.outlived(m) {
			todo = append(todo, Errand{Kind: Drain, Node: m.Name})
		}
	}
	if r.PrePull {
		h := m.helper(Pull)
		if h == nil {
			todo = append(todo, Errand{Kind: StartPull, Node: m.Name, Pod: m.Pod.Name, UID: m.Pod.UID})
		}
		ready = ready && h != nil && h.Done
	}
	return todo, ready
}

// errands are what is to be done on the nodes after they were changed, and what is of no use any more. Where the roll does not go on
// nothing is begun, and nodes that were not changed yet are given back.
func (r *roll) errands(goesOn bool) []Errand {
	var out []Errand
	trying := r.trying()
	for _, m := range r.all {
		h := m.helper(Fresh)
		switch {
		case h != nil && h.Done && r.proves(m):
			out = append(out, Errand{Kind: NoteFresh, Node: m.Name, Pod: m.Pod.Name, UID: m.Pod.UID, Helper: h.Name, HelperUID: h.UID, Address: h.Address})
		case goesOn && trying < max(1, r.Max) && m.untried && len(m.Helpers) == 0: // one that is still there has its name
			trying++
			out = append(out, Errand{Kind: StartFresh, Node: m.Name, Pod: m.Pod.Name, UID: m.Pod.UID})
		}
		out = append(out, takeBack(m.Node, func(h Helper) bool { return r.wants(m, h, goesOn) }, r.keepsCordoned(m, goesOn))...)
	}
	return append(out, Leftovers(r.exempt)...)
}

// trying counts the fresh pods that are being tried. Those that have failed stand for evidence.
func (r *roll) trying() int {
	out := 0
	for _, m := range r.all {
		for _, h := range m.Helpers {
			out += truth(h.Purpose == Fresh && !h.Done && !h.Terminating && !h.Bad && r.elapsed(h.Created) < r.NodeTimeout)
		}
	}
	return out
}

// proves tells whether a node has to show that a fresh pod gets an address, and has not.
func (r *roll) proves(m *member) bool {
	return r.FreshPod && m.Pod != nil && !m.Pod.Terminating && m.Pod.Revision == r.newest && !m.Pod.Proved
}

// wants tells whether a helper is of use.
func (r *roll) wants(m *member, h Helper, goesOn bool) bool {
	if m.Pod == nil || h.By != m.Pod.UID || r.stale(m, h) {
		return false
	}
	if h.Purpose == Fresh {
		return r.proves(m)
	}
	return r.PrePull && !r.Back && m.Pod.Revision != r.newest && (goesOn && m.stands != skipped || m.stands == skipped && m.bad)
}

// keepsCordoned tells whether a node that we cordoned stays so: while it is made ready, and until it has passed. One that could not be made
// ready works as before, and is given back when that halts the roll. Where it does not, it would only be cordoned again, and stays so.
func (r *roll) keepsCordoned(m *member, goesOn bool) bool {
	if r.replaces {
		return m.stands != passed // somebody may be at it
	}
	switch m.stands {
	case old, promised:
		return goesOn && (r.Back || r.Cordon && m.chosen && !r.outlived(m))
	case inFlight:
		return true
	case failed:
		return m.Pod == nil || m.Pod.Terminating || r.hasNewest(m)
	default:
		return m.bad
	}
}
