package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
)

// reported are closings of the goal itself that checks of their own tell in their own words.
var reported = []string{graph.KubernetesOutOfRange, graph.Recalled, graph.UnknownRelease, graph.SameRelease}

// pathOpen refuses a goal that no open steps lead to, and names what closes the way. Facts that would open it are named too:
// they are asked for, never guessed.
func pathOpen(d decision) []Finding {
	if d.goal.Version.IsZero() || !d.moves() || d.path.Open() || d.Cluster.Kubernetes.IsZero() || d.Installed.Present && d.from.IsZero() {
		return nil
	}
	var out []Finding
	for _, c := range d.telling() {
		f := block(MoveClosed, fmt.Sprintf("%s: %s (%s)", d.moveText(), c.Message, c.Reason), "addonctl versions says where the cluster can go")
		if c.URL != "" {
			f[0].Message += ", see " + c.URL
		}
		if len(c.Unknown) > 0 {
			f[0].Unknown = c.Unknown
			f[0].Message += "; not known of this cluster: " + factList(c.Unknown)
			f[0].Fix = "tell the fact if you know it: --fact " + string(c.Unknown[0]) + "=…"
		}
		out = append(out, f...)
	}
	return out
}

// telling are the closings that are worth telling: not those of the goal that other checks tell, and not that a step is too
// large where the smaller steps are closed for a reason of their own.
func (d decision) telling() []graph.Closing {
	direct := d.graph.Edge(d.from, d.goal.Version, d.where())
	var out, tooLarge []graph.Closing
	told := false
	for _, c := range d.path.Why {
		ofGoal := slices.ContainsFunc(direct.Closed, func(o graph.Closing) bool { return o.Reason == c.Reason && o.Message == c.Message })
		switch {
		case ofGoal && slices.Contains(reported, c.Reason):
			told = true
		case d.isStepping(c):
			tooLarge = append(tooLarge, c)
		default:
			out = append(out, c)
		}
	}
	if len(out) == 0 && !told {
		return tooLarge
	}
	return out
}

// isStepping tells whether a closing says only how far one step may go.
func (d decision) isStepping(c graph.Closing) bool {
	return c.Reason == graph.MinorStep || slices.ContainsFunc(d.addOn.Rules.Stops, func(s catalog.Stop) bool { return s.Reason == c.Reason })
}

func (d decision) moveText() string {
	if d.from.IsZero() {
		return fmt.Sprintf("%s %s cannot be installed", d.addOn.Name, d.goal.Version)
	}
	return fmt.Sprintf("%s cannot go from %s to %s", d.addOn.Name, d.from, d.goal.Version)
}

func factList(facts []catalog.Fact) string {
	out := make([]string, len(facts))
	for i, f := range facts {
		out[i] = string(f)
	}
	return strings.Join(out, ", ")
}

// waypoints tells of a path of several steps, and why it is one (facts: CNI B53, OKE rule 15).
func waypoints(d decision) []Finding {
	if len(d.path.Edges) < 2 {
		return nil
	}
	message := fmt.Sprintf("%s goes in %d steps, %s", d.addOn.Name, len(d.path.Edges), route(d.path))
	if direct := d.graph.Edge(d.from, d.goal.Version, d.where()); !direct.Open() {
		message += "; " + closings(direct.Closed)
	}
	return note(SeveralSteps, message, "")
}

// laterHazards names the known hazards of the steps after the next one; each is told at length when its step is next. One that is
// known to strike and stops its step stops the whole way: nobody is left standing on a release that was only passed.
func laterHazards(d decision) []Finding {
	var out []Finding
	for _, h := range d.hops[min(1, len(d.hops)):] {
		later := d
		later.from, later.target = h.from, h.to
		var names, stop []string
		for _, f := range knownHazards(later) {
			switch {
			case f.Blocking:
				stop = append(stop, string(f.Reason))
			case !f.Minor:
				names = append(names, string(f.Reason))
			}
		}
		step := fmt.Sprintf("the later step %s -> %s", h.from, h.to.Version)
		fix := fmt.Sprintf("addonctl catalog show %s %s describes them", d.addOn.Name, h.to.Version)
		if len(stop) > 0 {
			out = append(out, block(LaterHazards, fmt.Sprintf("%s would be refused: %s", step, strings.Join(stop, ", ")), fix)...)
		}
		if len(names) > 0 {
			out = append(out, note(LaterHazards, fmt.Sprintf("%s has hazards of its own: %s", step, strings.Join(names, ", ")), fix)...)
		}
	}
	return out
}

// finishFirst speaks where nodes still have to take what is live before the next step may begin.
func finishFirst(d decision) []Finding {
	if len(d.unfinished) == 0 {
		return nil
	}
	next := d.path.Edges[0].To
	names := versionList(d.unfinished)
	var nodes []string
	for _, n := range d.Nodes {
		if n.Exempt == "" && n.Pod != nil && slices.ContainsFunc(d.unfinished, parse(n.Pod.Version).Equal) {
			nodes = append(nodes, n.Name)
		}
	}
	message := fmt.Sprintf("%s %s is not settled, and %s cannot be reached in one step from %s: %s comes first",
		d.addOn.Name, d.from, next, names, d.from)
	if len(nodes) > 0 {
		message = fmt.Sprintf("%s still %s %s, from where %s cannot be reached in one step: %s comes first",
			few(nodes), verb(len(nodes), "runs", "run"), names, next, d.from)
	}
	f := note(FinishFirst, message, "wait for these nodes, or mend them (addonctl nodes)")
	f[0].Nodes = nodes
	if d.target.Version.IsZero() {
		f[0].Message += ", and it is no release of the catalog"
		f[0].Fix, f[0].Blocking = "go back to a release of the catalog: addonctl update --version …", true
	}
	return f
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func versionList(versions []version.Version) string {
	out := make([]string, len(versions))
	for i, v := range slices.SortedFunc(slices.Values(versions), version.Compare) {
		if out[i] = v.String(); v.IsZero() {
			out[i] = "a release that cannot be read"
		}
	}
	return strings.Join(out, ", ")
}

// mechanismText says how nodes take a release by themselves (facts: OKE 2.6).
var mechanismText = map[catalog.Mechanism]string{
	catalog.RollingUpdate: "the DaemonSet controller replaces the pods in batches",
	catalog.OnDelete:      "a node takes a release when its plugin pod is deleted and made anew, or when the node is new",
	catalog.OnReboot:      "a node takes a release at its next reboot",
}

// mechanismChanges says what changes for the nodes where releases of the path are taken in different ways (facts: OKE 2.6,
// rules 13 to 15).
func mechanismChanges(d decision) []Finding {
	have, ok := d.addOn.Find(d.from)
	var out []Finding
	for _, e := range d.path.Edges {
		next, _ := d.addOn.Find(e.To)
		if ok && next.Mechanism != have.Mechanism {
			out = append(out, note(MechanismChanges, fmt.Sprintf("%s %s changes how nodes take it, from %s (%s) to %s: %s", d.addOn.Name, next.Version,
				have.Mechanism, mechanismText[have.Mechanism], next.Mechanism, mechanismText[next.Mechanism]), "")...)
		}
		have, ok = next, true
	}
	return out
}

// nodesFollow says where nodes do not take the target by themselves: writing the release is one thing, nodes taking it another.
func nodesFollow(d decision) []Finding {
	if d.target.Version.IsZero() {
		return nil
	}
	var behind []string
	for _, n := range d.Nodes {
		if n.Exempt == "" && n.Pod != nil && !is(n.Pod.Version, d.target.Version) {
			behind = append(behind, n.Name)
		}
	}
	if booted := d.reboots(); len(behind) == 0 && len(booted) > 0 {
		f := note(RebootPending, fmt.Sprintf("%s the agent of %s %s and the rest of it at the next reboot: %s", count(len(booted), "node runs", "nodes run"),
			d.addOn.Name, d.target.Version, few(booted)), "reboot these nodes one by one: cordon, drain, reboot, uncordon")
		f[0].Nodes = booted
		return f
	}
	if len(behind) == 0 && (!d.Installed.Present || d.target.Version.Equal(d.from)) {
		return nil // nodes have it, or have none and take it at once
	}
	f := d.whoMoves(behind)
	if len(f) > 0 {
		f[0].Nodes = behind
	}
	return f
}

// whoMoves says who has to act on the nodes that are behind; nothing where they are changed for the operator.
func (d decision) whoMoves(behind []string) []Finding {
	waiting := ""
	if len(behind) > 0 {
		waiting = fmt.Sprintf("; %s on another release: %s", count(len(behind), "node is", "nodes are"), few(behind))
	}
	u := d.nodeUpdate()
	switch {
	case d.target.Mechanism == catalog.OnReboot:
		return note(RebootPending, fmt.Sprintf("nodes take %s %s at their next reboot and not before%s", d.addOn.Name, d.target.Version, waiting),
			"reboot these nodes one by one: cordon, drain, reboot, uncordon")
	case u == ReplaceNodes && d.desired.Back.Revision == 0:
		return note(NodesHold, fmt.Sprintf("nodes are cordoned in turn for somebody to replace them; no pod is deleted, and %s %s comes with new nodes%s",
			d.addOn.Name, d.target.Version, waiting), "cycle or delete the nodes that are cordoned, as OKE does for a node pool; or change them in place, with a gate on each: addonctl update --nodes roll")
	case u == HoldNodes, u == ReplaceNodes:
		return note(NodesHold, fmt.Sprintf("nodes keep what they run until their agent's pod is made anew; %s %s is not rolled out by itself%s",
			d.addOn.Name, d.target.Version, waiting), "add new nodes and drain the old ones, which is what Oracle advises for VCN-native; "+
			"or change them one by one, with a gate on each: addonctl update --nodes roll")
	default:
		return nil
	}
}

// wayBack refuses a move that has no way back until somebody says why it shall be made, and tells what the way back costs.
func wayBack(d decision) []Finding {
	if d.from.IsZero() && len(d.path.Edges) > 0 {
		return d.rewires()
	}
	var out []Finding
	for _, h := range d.hops[max(0, len(d.hops)-len(d.path.Edges)):] {
		if h.class == catalog.Reversible || !h.from.Less(h.to.Version) {
			continue
		}
		message := fmt.Sprintf("%s %s -> %s is %s: %s", d.addOn.Name, h.from, h.to.Version, h.class, h.why)
		switch {
		case h.left:
			out = append(out, note(OneWayMove, message, "")...)
		case h.class == catalog.OneWay:
			out = append(out, d.oneWay(message)...)
		default:
			out = append(out, note(WayBackCosts, message, "addonctl plan --reverse shows the way back")...)
		}
	}
	return out
}

// rewires : installing has no way back, and that is no news; but an add-on that has to wire pods anew where they already run
// does what nobody can take back (the design decides; facts: OKE 1.8, CNI A3.3).
func (d decision) rewires() []Finding {
	if !beside(d.addOn) || slices.Contains(d.addOn.Beside, d.networkType) || len(d.Nodes) == 0 {
		return nil
	}
	return d.oneWay(fmt.Sprintf("installing %s beside %s is %s where pods already run: their wiring is replaced, and not put back", d.addOn.Name, d.networkType, catalog.OneWay))
}

func (d decision) oneWay(message string) []Finding {
	if d.accepted() {
		return note(OneWayMove, message+"; it was accepted", "")
	}
	return block(OneWayMove, message, "if it shall be made all the same, say why: --accept REASON")
}
