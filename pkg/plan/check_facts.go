package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/version"
)

// factsKnown refuses to guess: what a rule needs and nobody has told is named, and nothing is written.
func factsKnown(d decision) []Finding {
	if d.kubernetesMissing() {
		return unknownFact(catalog.FactKubernetes, "the API server's version is not known", nil)
	}
	if !d.moves() {
		return nil
	}
	var out []Finding
	for _, f := range needed {
		i := slices.IndexFunc(d.hops, func(h hop) bool { return f.by(h.to) })
		if i < 0 {
			continue
		}
		if silent := d.silent(f.fact); len(silent) > 0 {
			out = append(out, unknownFact(f.fact, fmt.Sprintf("%s %s needs it, and %s it: %s", d.addOn.Name, d.hops[i].to.Version,
				count(len(silent), "node does not tell", "nodes do not tell"), few(silent)), silent)...)
		}
	}
	return out
}

// needed are the facts of nodes that a release can need, all of them told by kubelets.
var needed = []struct {
	fact catalog.Fact
	by   func(catalog.Release) bool
}{
	{catalog.FactKubelet, func(r catalog.Release) bool { return !r.Kubernetes.IsZero() }},
	{catalog.FactKernel, func(r catalog.Release) bool { return !r.Nodes.Kernel.IsZero() }},
	{catalog.FactArchitecture, func(r catalog.Release) bool { return len(r.Nodes.Architectures) > 0 }},
}

// heldBack names the facts that alone keep automatic mode from a newer release: nothing is guessed, and nothing is kept silent.
func heldBack(d decision) []Finding {
	if d.desired.Version != "" || d.desired.MoveTo != "" || d.stays() || d.Cluster.Kubernetes.IsZero() {
		return nil
	}
	for _, r := range d.addOn.Releases {
		_, fits := admitsKubernetes(d, r)
		if !fits || r.Status != catalog.Active || !d.goal.Version.Less(r.Version) {
			continue
		}
		if unknown := onlyUnknown(d.pathTo(r).Why); len(unknown) > 0 {
			f := note(FactUnknown, fmt.Sprintf("%s %s is newer and is not taken because of what nobody has told: %s", d.addOn.Name, r.Version, factList(unknown)),
				"tell the fact if you know it: --fact "+string(unknown[0])+"=…")
			f[0].Unknown = unknown
			return f
		}
	}
	return nil
}

// onlyUnknown are the facts that would open a way, where nothing else closes it.
func onlyUnknown(why []graph.Closing) []catalog.Fact {
	var unknown []catalog.Fact
	for _, c := range why {
		if len(c.Unknown) == 0 {
			return nil
		}
		unknown = append(unknown, c.Unknown...)
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}

// kubernetesMissing tells whether the API server's version is needed for choosing or moving, and is not known.
func (d decision) kubernetesMissing() bool {
	chooses := d.addOn.Name != "" && !d.stays() && d.named() == ""
	return d.Cluster.Kubernetes.IsZero() && (d.moves() || chooses)
}

func unknownFact(f catalog.Fact, why string, nodes []string) []Finding {
	out := block(FactUnknown, fmt.Sprintf("the fact %s is unknown: %s", f, why), "it is never guessed; make the cluster tell it, or mend the nodes that do not")
	out[0].Unknown, out[0].Nodes = []catalog.Fact{f}, nodes
	return out
}

// silent are the nodes that should run the add-on and do not tell a fact, or tell something that is no version where one is
// wanted; in the order of the nodes, which is that of their names.
func (d decision) silent(f catalog.Fact) []string {
	var out []string
	told := d.facts[f]
	if len(told) > 0 && !slices.Contains(told, "") && (f != catalog.FactKubelet || len(d.kubelets) == len(told)) {
		return nil
	}
	for _, n := range d.Nodes {
		if n.Exempt != "" {
			continue
		}
		value := nodeFact(n, f)
		if value == "" || f == catalog.FactKubelet && parse(value).IsZero() {
			out = append(out, n.Name)
		}
	}
	return out
}

// factsAgree refuses where two sources tell a fact differently: one of them is wrong, and nobody knows which.
func factsAgree(d decision) []Finding {
	var out []Finding
	for _, c := range append(slices.Clone(d.Cluster.Contradictions), d.kubeletsAhead()...) {
		f := note(FactContradictory, "contradictory fact "+c, "find out which is right, and mend the other")
		f[0].Blocking = d.moves()
		out = append(out, f...)
	}
	return out
}

// kubeletsAhead are nodes whose kubelet is of a newer minor than the API server, which no cluster has: one of the two is told
// wrong. Nodes of which an observer says so already are left out.
func (d decision) kubeletsAhead() []string {
	var ahead []string
	server := d.Cluster.Kubernetes
	isAhead := func(k version.Version) bool { return !server.IsZero() && k.Minor().Compare(server.Minor()) > 0 }
	if !slices.ContainsFunc(d.kubelets, isAhead) {
		return nil
	}
	for _, n := range d.Nodes {
		kubelet := parse(n.KubeletVersion)
		if n.Exempt != "" || !isAhead(kubelet) {
			continue
		}
		prefix := fmt.Sprintf("%s: %s ", catalog.FactKubelet, n.Name)
		if !slices.ContainsFunc(d.Cluster.Contradictions, func(c string) bool { return strings.HasPrefix(c, prefix) }) {
			ahead = append(ahead, fmt.Sprintf("%s (%s)", n.Name, kubelet.Core()))
		}
	}
	if len(ahead) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: newer than the API server's %s on %s", catalog.FactKubelet, server.Core(), few(ahead))}
}

// aspect is one thing that a release may want of a node.
type aspect struct {
	what  string
	unfit func(noderoll.Node, catalog.NodeNeeds) bool
	value func(noderoll.Node) string
}

var aspects = []aspect{
	{"the operating system", unfitOS, func(n noderoll.Node) string { return n.OS }},
	{"the architecture", unfitArchitecture, func(n noderoll.Node) string { return n.Architecture }},
	{"the kernel", unfitKernel, func(n noderoll.Node) string { return n.Kernel }},
	{"the kernel modules", unfitModules, func(noderoll.Node) string { return "br_netfilter is missing" }},
	{"the iptables backend", unfitIptables, func(n noderoll.Node) string { return n.Facts[string(catalog.FactIptables)] }},
}

// nodeNeeds compares what releases need of nodes with what the nodes are: the goal, and each release that is passed on the way.
// What no kubelet reports counts only where it is told.
func nodeNeeds(d decision) []Finding {
	var out []Finding
	for _, a := range aspects {
		for _, h := range d.hops {
			if f := d.unfit(a, h.to); len(f) > 0 {
				out = append(out, f...)
				break // the first of them says enough
			}
		}
	}
	return out
}

func (d decision) unfit(a aspect, r catalog.Release) []Finding {
	var names, told []string
	for _, n := range d.Nodes {
		if n.Exempt == "" && a.unfit(n, r.Nodes) {
			names = append(names, n.Name)
			told = append(told, fmt.Sprintf("%s (%s)", n.Name, a.value(n)))
		}
	}
	if len(names) == 0 {
		return nil
	}
	f := note(NodeUnfit, fmt.Sprintf("%s %s does not run on %s because of %s: %s", d.addOn.Name, r.Version,
		count(len(names), "node", "nodes"), a.what, few(told)), "mend or replace these nodes first")
	f[0].Blocking, f[0].Nodes = d.moves(), names
	return f
}

func unfitOS(n noderoll.Node, needs catalog.NodeNeeds) bool {
	return n.OS != "" && len(needs.OS) > 0 && !slices.Contains(needs.OS, n.OS)
}

func unfitArchitecture(n noderoll.Node, needs catalog.NodeNeeds) bool {
	return n.Architecture != "" && len(needs.Architectures) > 0 && !slices.Contains(needs.Architectures, n.Architecture)
}

func unfitKernel(n noderoll.Node, needs catalog.NodeNeeds) bool {
	if needs.Kernel.IsZero() {
		return false
	}
	k := kernel(n.Kernel)
	return !k.IsZero() && k.CompareCore(needs.Kernel) < 0
}

func unfitModules(n noderoll.Node, needs catalog.NodeNeeds) bool {
	return slices.Contains(needs.Modules, "br_netfilter") && n.Facts[string(catalog.FactBrNetfilter)] == "missing"
}

func unfitIptables(n noderoll.Node, needs catalog.NodeNeeds) bool {
	have := n.Facts[string(catalog.FactIptables)]
	return have != "" && len(needs.Iptables) > 0 && !slices.Contains(needs.Iptables, have)
}

// kernel reads a kernel's version, whose tail ("5.15.0-208.159.3.el8uek.x86_64") is no build text that versions know.
func kernel(s string) version.Version {
	end := 0
	for end < len(s) && (s[end] == '.' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	for end > 0 && s[end-1] == '.' {
		end--
	}
	return parse(s[:end])
}
