package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// hostPortsNew names the ports that the release takes on nodes from now on: who listens there already keeps the new pod from
// starting.
func hostPortsNew(_ decision, before, after catalog.Footprint) []Finding {
	var fresh []string
	for _, w := range after.Workloads {
		old, _ := find(before, w.Kind, w.Namespace, w.Name)
		for _, p := range w.HostPorts {
			if !slices.Contains(old.HostPorts, p) {
				fresh = append(fresh, fmt.Sprintf("%d (%s)", p, workloadName(w)))
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return warn(HostPortsNew, "B31",
		fmt.Sprintf("the release takes ports of every node that it runs on: %s; where something else listens, its pods "+
			"crash or stay Pending", few(fresh)),
		"look for listeners (ss -ltnp on a node of each pool), and move them or the release to another port")
}

// reserved are ports that are taken on every node, with their owners (facts: OKE 1.7).
var reserved = map[int]string{10248: "the kubelet", 10250: "the kubelet", 10249: "kube-proxy", 10256: "kube-proxy"}

// nodePorts is the range that Kubernetes gives to Services (facts: OKE 1.7).
const firstNodePort, lastNodePort = 30000, 32767

func hostPortsReserved(d decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, w := range after.Workloads {
		old, _ := find(before, w.Kind, w.Namespace, w.Name)
		for _, p := range w.HostPorts {
			if slices.Contains(old.HostPorts, p) {
				continue // it has been working
			}
			if owner, taken := reserved[p]; taken {
				out = append(out, forbid(HostPortReserved, "B31",
					fmt.Sprintf("%s wants port %d of every node, which belongs to %s: its pods crash", workloadName(w), p, owner),
					"give it another port in the chart or its values")...)
			} else if firstNodePort <= p && p <= lastNodePort {
				out = append(out, warn(HostPortReserved, "B31",
					fmt.Sprintf("%s wants port %d of every node, from the range of Services' node ports: one day a Service gets it",
						workloadName(w), p), "give it another port in the chart or its values")...)
			}
		}
	}
	return d.unlessAccepted(out)
}

// hostPortsOnce : two workloads of one release that select the same nodes cannot have one port of them.
func hostPortsOnce(d decision, after catalog.Footprint) []Finding {
	var out []Finding
	for i, w := range after.Workloads {
		for _, other := range after.Workloads[:i] {
			if !maps.Equal(w.NodeSelector, other.NodeSelector) || w.NodeAffinity != other.NodeAffinity {
				continue
			}
			for _, p := range w.HostPorts {
				if slices.Contains(other.HostPorts, p) {
					out = append(out, forbid(HostPortTwice, "B31",
						fmt.Sprintf("%s and %s want the same port %d of a node: one of them never runs there",
							workloadName(other), workloadName(w), p),
						"give one of them another port")...)
				}
			}
		}
	}
	return d.unlessBack(out)
}

// surge : a surge pod stands beside the one that it replaces. Two agents on a node fight over its device, and a port of the
// node is free only when the old pod is gone. A Deployment can go to another node, if there is one.
func surge(d decision, after catalog.Footprint) []Finding {
	var out []Finding
	for _, w := range after.Workloads {
		switch {
		case w.MaxSurge == "" || w.MaxSurge == "0" || w.MaxSurge == "0%" || !w.HostNetwork && len(w.HostPorts) == 0:
		case w.Kind == daemonSet && len(w.HostPorts) > 0:
			out = append(out, forbid(SurgeStuck, "B31",
				fmt.Sprintf("%s has maxSurge %s and takes ports of its node (%s): no new pod is ever scheduled beside the old "+
					"one, and the roll stands still at the first node",
					workloadName(w), w.MaxSurge, numbers(w.HostPorts)), "set maxSurge to 0 and maxUnavailable to a number")...)
		case w.Kind == daemonSet:
			out = append(out, forbid(SurgeStuck, "B31",
				fmt.Sprintf("%s has maxSurge %s: two agents run on one node and fight over its device and rules", workloadName(w),
					w.MaxSurge),
				"set maxSurge to 0 and maxUnavailable to a number")...)
		case d.agents() == 1 && len(w.HostPorts) > 0:
			out = append(out, warn(SurgeStuck, "B11 B31",
				fmt.Sprintf("%s has maxSurge %s and takes ports of its node (%s), and there is one node: its new pod waits for ever",
					workloadName(w), w.MaxSurge, numbers(w.HostPorts)), "add a node, or let it have maxSurge 0 and maxUnavailable 1")...)
		}
	}
	return d.unlessBack(out)
}

func numbers(ports []int) string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = strconv.Itoa(p)
	}
	return strings.Join(out, ", ")
}
