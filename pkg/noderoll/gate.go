package noderoll

import (
	"fmt"
	"slices"
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
	// GateNPN : its NativePodNetwork is in success.
	GateNPN = "native-pod-network"
	// GateFresh : a fresh pod on the node gets an address.
	GateFresh = "fresh-pod"
	// GateImage : the images are there before the agent goes. It is asked of nodes that are not changed yet.
	GateImage = "image"
	// GateDrain : what runs on the node has left it before the agent goes. It is asked of nodes that are not changed yet.
	GateDrain = "drain"
	// GateUnchanged : nodes that were not changed kept their agent (facts: CNI B11). It is asked of all of them at once.
	GateUnchanged = "unchanged-nodes"
)

// Gates of a changed node. All are asked; the first no counts, else the first that is not yet a yes.
var Gates = []Gate{
	{GateRestarts, agentRestarts},
	{GateNode, nodeReady},
	{GateAgent, agentReady},
	{GateNPN, npnSuccess},
	{gateConditions, conditions},
	{GateFresh, freshPod}, // last: a fresh pod is tried where all others say yes
}

// gateConditions stands for the conditions that an operator named; a verdict names the one that it is of.
const gateConditions = "condition"

// npnSuccess asks for the addresses of a node's pods. A way back does not ask: it is gone because of them, and nodes that wait for
// addresses go back too.
func npnSuccess(n Node, r Rules, _ time.Time) Verdict {
	if !r.NPN || r.Back || n.NPN.fine() {
		return Verdict{Answer: Yes}
	}
	return Verdict{NotYet, n.NPN.String()}
}

// conditions asks for what others say of a node, such as a probe of its packets.
func conditions(n Node, r Rules, _ time.Time) Verdict {
	for _, name := range r.Gates {
		i := slices.IndexFunc(n.Pod.Conditions, func(c Condition) bool { return c.Type == name })
		switch {
		case i < 0 || n.Pod.Conditions[i].Status == "Unknown":
			return Verdict{NotYet, "nobody has said " + name}
		case n.Pod.Conditions[i].Status != "True":
			return Verdict{No, fmt.Sprintf("%s is %s: %s", name, n.Pod.Conditions[i].Status, orElse(n.Pod.Conditions[i].Message, "it does not say why"))}
		}
	}
	return Verdict{Answer: Yes}
}

// freshPod asks whether a pod that is made now gets an address. Its time runs from when that pod was made.
func freshPod(n Node, r Rules, now time.Time) Verdict {
	h := (&member{Node: &n}).helper(Fresh)
	switch {
	case !r.FreshPod, n.Pod.Proved, h != nil && h.Done:
		return Verdict{Answer: Yes}
	case h == nil:
		return Verdict{NotYet, "no fresh pod has been tried"}
	case h.Bad:
		return Verdict{No, h.Trouble}
	case now.Sub(h.Created) >= r.NodeTimeout:
		return Verdict{No, fmt.Sprintf("a fresh pod got no address, or was not Ready, within %s: %s", r.NodeTimeout, orElse(h.Trouble, "nothing is known"))}
	default:
		return Verdict{NotYet, "a fresh pod has no address yet, or is not Ready"}
	}
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
