package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// configurationRestarts : an agent reads its configuration when it starts, and nothing restarts it.
func configurationRestarts(d decision, before, after catalog.Footprint) []Finding {
	was, _ := d.agent(before)
	is, _ := d.agent(after)
	kept := reflect.DeepEqual(before.Network, after.Network) && reflect.DeepEqual(before.Chain, after.Chain)
	if kept || was.Template != is.Template || is.Template == "" {
		return nil
	}
	return warn(ConfigurationPending, "B57",
		fmt.Sprintf("the configuration of %s changes and its pods do not: each node takes it at its next restart, "+
			"whenever that is", workloadName(is)),
		"give the ConfigMap a name that follows from its content, or annotate the pods with its digest")
}

// optional are configurations that pods may go without (facts: CNI A3.4).
var optional = []string{"ConfigMap kubernetes-services-endpoint"}

// configurationComplete : a pod whose ConfigMap does not exist never starts.
func configurationComplete(_ decision, after catalog.Footprint) []Finding {
	var out []Finding
	for _, w := range after.Workloads {
		for _, c := range w.Configuration {
			kind, name, _ := strings.Cut(c, " ")
			if slices.Contains(optional, c) || slices.Contains(after.Objects, kind+" "+w.Namespace+"/"+name) {
				continue
			}
			out = append(out, warn(ConfigurationMissing, "B10",
				fmt.Sprintf("%s reads %s, which is not part of the release: unless it is there already, its pods never start, on any node",
					workloadName(w), c),
				fmt.Sprintf("add it to the chart, or make sure that it stays: kubectl get %s -n %s %s",
					strings.ToLower(kind), w.Namespace, name))...)
		}
	}
	return out
}

// crashLoopVisible : a container counts as Ready in the moments before each crash, and that is enough for the next node to
// follow. It was seen to go through three nodes in 50 s.
func crashLoopVisible(_ decision, after catalog.Footprint) []Finding {
	var out []Finding
	for _, w := range after.Workloads {
		if w.Kind == daemonSet && rolls(w) && !w.ReadinessProbe && w.MinReadySeconds == 0 {
			out = append(out, warn(CrashLoopLooksReady, "B8 B9",
				fmt.Sprintf("%s has neither a readiness probe nor minReadySeconds: pods that crash count as Ready, and a bad "+
					"release goes through every node",
					workloadName(w)), "set minReadySeconds to 5 or more")...)
		}
	}
	return out
}

// rolls tells whether the DaemonSet controller replaces pods by itself; it does unless told otherwise.
func rolls(w catalog.WorkloadFootprint) bool {
	return w.Strategy == "" || w.Strategy == "RollingUpdate"
}

// readinessNew : a probe that fails on a kind of node makes its pods unavailable, and those are replaced without limit.
func readinessNew(_ decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, p := range pairs(before, after) {
		if p.after.Kind == daemonSet && rolls(p.after) && p.after.ReadinessProbe && !p.before.ReadinessProbe {
			out = append(out, warn(ProbeNew, "B8",
				fmt.Sprintf("%s gets a readiness probe: nodes where it fails hold the roll up, and the next update, or the way "+
					"back, replaces all of those pods at once",
					workloadName(p.after)), "wait until the first node is Ready before going on; mend nodes whose probe fails "+
					"before any further update")...)
		}
	}
	return out
}

// readinessKept : without the probe Ready says only that a process runs.
func readinessKept(_ decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, p := range pairs(before, after) {
		if p.before.ReadinessProbe && !p.after.ReadinessProbe {
			out = append(out, warn(ProbeGone, "B9",
				fmt.Sprintf("%s loses its readiness probe: from then on Ready says only that its process runs, on every node",
					workloadName(p.after)),
				"watch the agents' logs and packets, not Ready, during the move")...)
		}
	}
	return out
}

// strategyKept : who replaces pods is somebody else after the move.
func strategyKept(_ decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, p := range pairs(before, after) {
		if p.after.Kind != daemonSet || rolls(p.before) == rolls(p.after) {
			continue
		}
		effect := "no node moves by itself any more"
		if rolls(p.after) {
			effect = "nodes that were kept waiting move at once, batch by batch"
		}
		out = append(out, warn(StrategyChanged, "B9", fmt.Sprintf("the update strategy of %s goes from %s to %s: %s",
			workloadName(p.after), strategy(p.before), strategy(p.after), effect), "make sure that this is meant; addonctl "+
			"nodes shows which nodes wait")...)
	}
	return out
}

func strategy(w catalog.WorkloadFootprint) string {
	if w.Strategy == "" {
		return "RollingUpdate"
	}
	return w.Strategy
}

// batchSize : more than half of the cluster at once is no roll.
func batchSize(d decision, after catalog.Footprint) []Finding {
	agent, ok := d.agent(after)
	nodes := d.agents()
	if !ok || !rolls(agent) || nodes < 2 || !d.Installed.Present {
		return nil
	}
	batch := atOnce(agent.MaxUnavailable, nodes)
	if batch*2 <= nodes {
		return nil
	}
	return warn(BatchTooLarge, "B8",
		fmt.Sprintf("%s has maxUnavailable %s: %d of %d nodes are without it at the same time, and a bad release strikes "+
			"them together",
			workloadName(agent), agent.MaxUnavailable, batch, nodes), "set maxUnavailable to a quarter or less")
}

// atOnce is a maxUnavailable as a number of nodes, rounded up as the DaemonSet controller does; 1 when it is not given, 0
// when it cannot be read.
func atOnce(text string, nodes int) int {
	if text == "" {
		return 1
	}
	percent, isPercent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(percent)
	switch {
	case err != nil:
		return 0
	case isPercent:
		return min((n*nodes+99)/100, nodes)
	default:
		return min(n, nodes)
	}
}
