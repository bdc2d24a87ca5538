package noderoll

import (
	"fmt"
	"time"
)

// Answer of a gate.
type Answer string

// The answers.
const (
	Yes    Answer = "yes"
	NotYet Answer = "not yet"
	No     Answer = "no"
)

// Verdict is an answer and what it rests on.
type Verdict struct {
	Answer Answer
	// Evidence in words, stable while nothing changes; empty with a yes.
	Evidence string
}

// Gate is what must hold on a changed node before the next may change. What a gate cannot see it answers with not yet, which becomes
// a no when the node's time is up: without data nothing goes on.
type Gate struct {
	Name string
	// Look judges a node whose pod is of the newest revision. now is the clock that wrote the node's times.
	Look func(n Node, r Rules, now time.Time) Verdict
}

// The names of gates.
const (
	// GateRestarts : an agent that starts again and again is not Ready in between, whatever its condition says.
	GateRestarts = "agent-restarts"
	// GateNode : the node itself is Ready, and stays so.
	GateNode = "node-ready"
	// GateAgent : its pod has been Ready for long enough.
	GateAgent = "agent-ready"
	// GateUnchanged : nodes that were not changed kept their agent (facts: CNI B11). It is asked of all of them at once.
	GateUnchanged = "unchanged-nodes"
)

// Gates of a changed node. All are asked; the first no counts, else the first that is not yet a yes.
var Gates = []Gate{
	{GateRestarts, agentRestarts},
	{GateNode, nodeReady},
	{GateAgent, agentReady},
}

// agentRestarts forgives an agent that has been well for as long as a node may take: on a way back, and in a long roll, agents are
// met that restarted long ago.
func agentRestarts(n Node, r Rules, now time.Time) Verdict {
	if n.Pod.Restarts > r.MaxRestarts && (!readyFor(n.Pod, r.NodeTimeout, now) || !n.Pod.Available) {
		return Verdict{No, podTrouble(*n.Pod)}
	}
	return Verdict{Answer: Yes}
}

func agentReady(n Node, r Rules, now time.Time) Verdict {
	p := n.Pod
	switch {
	case p.Bad:
		return Verdict{No, podTrouble(*p)}
	case !p.Ready, !p.Available:
		return Verdict{NotYet, podTrouble(*p)}
	case p.ReadySince.IsZero():
		return Verdict{NotYet, "Ready, but it does not say since when"}
	case !readyFor(p, r.ReadyFor, now):
		return Verdict{NotYet, fmt.Sprintf("Ready, not yet for %s", r.ReadyFor)}
	default:
		return Verdict{Answer: Yes}
	}
}

// readyFor tells whether a pod has been Ready for so long. By a clock that runs behind the pod's it has not.
func readyFor(p *Pod, long time.Duration, now time.Time) bool {
	return p.Ready && !p.ReadySince.IsZero() && now.Sub(p.ReadySince) >= long
}

func nodeReady(n Node, r Rules, now time.Time) Verdict {
	switch {
	case !n.Ready:
		return Verdict{NotYet, "the node itself is not Ready"}
	case n.ReadySince.After(n.Pod.Created) && now.Sub(n.ReadySince) < r.ReadyFor:
		return Verdict{NotYet, fmt.Sprintf("the node came back Ready at %s, after its pod was made", n.ReadySince.UTC().Format(time.TimeOnly))}
	default:
		return Verdict{Answer: Yes}
	}
}
