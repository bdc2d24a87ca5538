package noderoll

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// State of one node in respect of the newest revision.
type State string

// The states of a node, in the order in which Classify tries them.
//
//	| the node                                    | state    |
//	|---------------------------------------------|----------|
//	| should not run the add-on                   | Exempt   |
//	| has no pod, or a pod being deleted          | Missing  |
//	| has a pod of an older revision, Ready       | Outdated |
//	| has a pod of an older revision, not Ready   | Broken   |
//	| has a pod of the newest, available          | Ready    |
//	| has a pod of the newest in known trouble    | Failing  |
//	| has a pod of the newest, not available yet  | Starting |
const (
	Exempt   State = "Exempt"
	Missing  State = "Missing"
	Outdated State = "Outdated"
	Broken   State = "Broken"
	Ready    State = "Ready"
	Failing  State = "Failing"
	Starting State = "Starting"
)

// Classify tells the state of a node, given the hash of the newest revision. A crash loop that is Ready for an instant
// is not Ready here: only a pod that stayed Ready for the DaemonSet's minReadySeconds is.
func Classify(n Node, newest string) State {
	p := n.Pod
	switch {
	case n.Exempt != "":
		return Exempt
	case p == nil || p.Terminating:
		return Missing
	case p.Revision != newest && p.Ready:
		return Outdated
	case p.Revision != newest:
		return Broken
	case p.Available && n.Ready:
		return Ready
	case p.Bad || p.Trouble != "" && p.Restarts > 0:
		return Failing
	default:
		return Starting
	}
}

// VersionCount is the number of nodes that run one version.
type VersionCount struct {
	Version string `json:"version"`
	Nodes   int    `json:"nodes"`
}

// String is such as "0.27.3 on 2 nodes".
func (v VersionCount) String() string {
	if v.Nodes == 1 {
		return v.Version + " on 1 node"
	}
	return fmt.Sprintf("%s on %d nodes", v.Version, v.Nodes)
}

// None stands for the version of nodes that should run the add-on and have no pod of it.
const None = "none"

// Truth sums up what a cluster's nodes really run. Helm's and kstatus' rules are not used: they call a DaemonSet ready
// while maxUnavailable nodes are broken, and at once under OnDelete.
type Truth struct {
	// Total is the number of nodes that should run the add-on.
	Total int `json:"total"`
	// Updated counts the nodes whose pod is of the newest revision.
	Updated int `json:"updated"`
	// Ready counts the nodes in state Ready.
	Ready int `json:"ready"`
	// Unavailable counts the nodes without an available pod of any revision.
	Unavailable int `json:"unavailable"`
	// Versions by what the pods' images say, ordered by version text.
	Versions []VersionCount `json:"versions,omitempty"`
	// Waiting lists the nodes that are not Ready, ordered by name.
	Waiting []Waiting `json:"waiting,omitempty"`
}

// Runs says which versions run on how many nodes; "nothing" without nodes.
func (t Truth) Runs() string {
	out := make([]string, 0, len(t.Versions))
	for _, v := range t.Versions {
		out = append(out, v.String())
	}
	return cmp.Or(strings.Join(out, ", "), "nothing")
}

// Waiting is a node that should run the newest revision and does not yet, with the reason as far as it is known.
type Waiting struct {
	Node  string `json:"node"`
	State State  `json:"state"`
	Why   string `json:"why"`
}

// Done is true when the newest revision is Ready on every node that should run it.
func (t Truth) Done() bool { return t.Ready == t.Total }

// Bad lists the nodes that will not become Ready by waiting a moment.
func (t Truth) Bad() []Waiting {
	return slices.DeleteFunc(slices.Clone(t.Waiting), func(w Waiting) bool { return w.State != Failing })
}

// Sum computes the truth of the nodes, given the hash of the newest revision. The order of nodes does not matter.
func Sum(nodes []Node, newest string) Truth {
	t := Truth{}
	versions := map[string]int{}
	for _, n := range nodes {
		s := Classify(n, newest)
		if s == Exempt {
			continue
		}
		t.Total++
		versions[nodeVersion(n)]++
		t.count(n, s, newest)
	}
	for v, c := range versions {
		t.Versions = append(t.Versions, VersionCount{v, c})
	}
	slices.SortFunc(t.Versions, func(a, b VersionCount) int { return cmp.Compare(a.Version, b.Version) })
	slices.SortFunc(t.Waiting, func(a, b Waiting) int { return cmp.Compare(a.Node, b.Node) })
	return t
}

func (t *Truth) count(n Node, s State, newest string) {
	if n.Pod != nil && !n.Pod.Terminating && n.Pod.Revision == newest {
		t.Updated++
	}
	if n.Pod == nil || n.Pod.Terminating || !n.Pod.Available || !n.Ready {
		t.Unavailable++
	}
	if s == Ready {
		t.Ready++
		return
	}
	t.Waiting = append(t.Waiting, Waiting{Node: n.Name, State: s, Why: why(n, s)})
}

func nodeVersion(n Node) string {
	if n.Pod == nil {
		return None
	}
	return n.Pod.Version
}

func why(n Node, s State) string {
	if !n.Ready {
		return "the node itself is not Ready"
	}
	switch s {
	case Missing:
		if n.Pod != nil {
			return fmt.Sprintf("pod %s is being deleted", n.Pod.Name)
		}
		return "no pod yet"
	case Outdated:
		return fmt.Sprintf("still runs %s", n.Pod.Version)
	default:
		return podTrouble(*n.Pod)
	}
}

func podTrouble(p Pod) string {
	text := p.Trouble
	switch {
	case text == "" && p.Ready:
		text = "Ready, not yet for long enough"
	case text == "":
		text = "not Ready"
	}
	if p.Restarts > 0 {
		text += fmt.Sprintf(" (%d restarts)", p.Restarts)
	}
	return text
}
