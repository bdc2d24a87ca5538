package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// toleration is one toleration of a footprint.
type toleration struct {
	key, value string
	// exact is true where the value counts.
	exact  bool
	effect string
}

// effects that keep pods away; PreferNoSchedule does not.
var effects = []string{"NoSchedule", "NoExecute"}

// tolerations reads "key=value:effect", "key:effect" and ":effect"; one of every effect becomes one for each.
func tolerations(texts []string) []toleration {
	var out []toleration
	for _, text := range texts {
		colon := strings.LastIndex(text, ":")
		if colon < 0 {
			text, colon = text+":", len(text)
		}
		t := toleration{effect: text[colon+1:]}
		t.key, t.value, t.exact = strings.Cut(text[:colon], "=")
		if t.effect != "" {
			out = append(out, t)
			continue
		}
		for _, e := range effects {
			t.effect = e
			out = append(out, t)
		}
	}
	return out
}

// covers tells whether every taint that o tolerates is tolerated by t.
func (t toleration) covers(o toleration) bool {
	if t.effect != o.effect {
		return false
	}
	return t.key == "" || t.key == o.key && (!t.exact || o.exact && t.value == o.value)
}

func (t toleration) String() string {
	switch {
	case t.key == "":
		return "every taint with " + t.effect
	case t.exact:
		return t.key + "=" + t.value + ":" + t.effect
	default:
		return t.key + ":" + t.effect
	}
}

func covered(by []toleration, t toleration) bool {
	return slices.ContainsFunc(by, func(x toleration) bool { return x.covers(t) })
}

// tolerationsKept : a node whose taint is no longer tolerated loses its agent at once, and nothing counts it as missing.
func tolerationsKept(d decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, p := range pairs(before, after) {
		var lost []string
		now := tolerations(p.after.Tolerations)
		for _, t := range tolerations(p.before.Tolerations) {
			if !covered(now, t) {
				lost = append(lost, t.String())
			}
		}
		if len(lost) > 0 && p.after.Kind == daemonSet {
			out = append(out, forbid(NodesLose, "B25",
				fmt.Sprintf("%s tolerates no more: %s; nodes with such a taint lose it, and no count of pods shows that",
					workloadName(p.after), few(lost)),
				"keep the toleration; which nodes have such a taint: kubectl get nodes -o "+
					"custom-columns=NAME:.metadata.name,TAINTS:.spec.taints")...)
		}
	}
	return d.unlessAccepted(out)
}

// selectionKept : the same for the node selector and the required node affinity.
func selectionKept(d decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, p := range pairs(before, after) {
		var why []string
		for _, k := range missingLabels(p.before.NodeSelector, p.after.NodeSelector) {
			why = append(why, fmt.Sprintf("only nodes with label %s=%s", k, p.after.NodeSelector[k]))
		}
		if !holdsAll(p.after.NodeAffinity, p.before.NodeAffinity) {
			why = append(why, "another required node affinity, which may leave nodes out")
		}
		if len(why) > 0 && p.after.Kind == daemonSet {
			out = append(out, forbid(NodesLose, "B25",
				fmt.Sprintf("%s selects fewer nodes: %s; nodes that it leaves out lose it, and no count of pods shows that",
					workloadName(p.after), strings.Join(why, "; ")),
				"keep the selection, or widen it")...)
		}
	}
	return d.unlessAccepted(out)
}

// affinity is a required node affinity: any of its terms may hold, and in a term everything must.
type affinity struct {
	NodeSelectorTerms []struct {
		MatchExpressions []json.RawMessage `json:"matchExpressions"`
		MatchFields      []json.RawMessage `json:"matchFields"`
	} `json:"nodeSelectorTerms"`
}

// terms of an affinity as sets of texts; false when it cannot be read.
func terms(canonical string) ([][]string, bool) {
	var a affinity
	if err := json.Unmarshal([]byte(canonical), &a); err != nil || len(a.NodeSelectorTerms) == 0 {
		return nil, false
	}
	out := make([][]string, len(a.NodeSelectorTerms))
	for i, t := range a.NodeSelectorTerms {
		for _, e := range append(t.MatchExpressions, t.MatchFields...) {
			out[i] = append(out[i], string(e))
		}
	}
	return out, true
}

// holdsAll tells whether one affinity surely selects every node that another does. Without an affinity every node is selected.
func holdsAll(wide, narrow string) bool {
	if wide == "" || wide == narrow {
		return true
	}
	w, okW := terms(wide)
	n, okN := terms(narrow)
	if !okW || !okN {
		return false
	}
	for _, term := range n {
		if !slices.ContainsFunc(w, func(t []string) bool { return len(missing(term, t)) == 0 }) {
			return false
		}
	}
	return true
}

// nodesGained names nodes that were kept free of the agent and get it: they may run another CNI.
func nodesGained(d decision, before, after catalog.Footprint) []Finding {
	was, okBefore := d.agent(before)
	is, okAfter := d.agent(after)
	if !okBefore || !okAfter {
		return nil
	}
	opened := !holdsAll(was.NodeAffinity, is.NodeAffinity) || len(missingLabels(is.NodeSelector, was.NodeSelector)) > 0
	now := tolerations(is.Tolerations)
	var gained []string
	for _, n := range d.Nodes {
		taint, tainted := strings.CutPrefix(n.Exempt, "taint ")
		key, effect, _ := strings.Cut(taint, ":")
		if n.Exempt == noderoll.NotSelected && opened || tainted && covered(now, toleration{key: key, effect: effect}) {
			gained = append(gained, n.Name)
		}
	}
	if len(gained) == 0 {
		return nil
	}
	slices.Sort(gained)
	f := warn(NodesGain, "B25",
		fmt.Sprintf("%s that %s kept off may get it now: %s; where another CNI runs, both write to the same files",
			count(len(gained), "node", "nodes"), workloadName(is), few(gained)),
		"look what runs on these nodes; keep the old selection where they are not meant")
	f[0].Nodes = gained
	return f
}

// missingLabels are the keys of the labels of one selector that the other does not have, or not with that value; sorted.
func missingLabels(from, of map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		if v, has := from[k]; !has || v != of[k] {
			out = append(out, k)
		}
	}
	return out
}

// taintsTolerated : the DaemonSet controller tolerates only what Kubernetes itself taints, so an agent without tolerations of
// its own stays away from nodes with any other taint, and such a node has no pod network.
func taintsTolerated(d decision, after catalog.Footprint) []Finding {
	agent, ok := d.agent(after)
	if !ok || d.Installed.Present {
		return nil // then tolerations-kept compares
	}
	var not []string
	for _, e := range effects {
		if !covered(tolerations(agent.Tolerations), toleration{effect: e}) {
			not = append(not, e)
		}
	}
	if len(not) == 0 {
		return nil
	}
	return warn(TaintsNotTolerated, "B25",
		fmt.Sprintf("%s does not tolerate every taint with %s: nodes with one that it does not name get no agent",
			workloadName(agent), strings.Join(not, " and ")), "tolerate every taint (operator Exists, effect "+strings.Join(not,
			" and ")+"), unless such nodes are not meant")
}
