package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// NodeUpdateOf says how nodes follow the target of an input: as recorded or asked for, else as its release's mechanism calls for.
func NodeUpdateOf(in Input) NodeUpdate { return decide(in).nodeUpdate() }

// OnDelete tells whether the target's workload is written so that its controller replaces no pod by itself. The strategy is the
// engine's, not the chart's (the design, 6.7).
func OnDelete(in Input) bool { return decide(in).onDelete() }

func (d decision) onDelete() bool {
	return d.wishedUpdate() != RollingUpdate || d.target.Mechanism == catalog.OnDelete || d.rendersOnDelete() || d.staysStopped()
}

// staysStopped tells whether the DaemonSet controller, to which the wish leaves the nodes, stays stopped. It follows from what is seen:
// a halt is not remembered.
//
//	| the controller is stopped, and                              | it stays so                    |
//	|-------------------------------------------------------------|--------------------------------|
//	| a way back is to be written                                 | yes: our roll makes it         |
//	| a way back is written                                       | until every node has passed    |
//	| the target is written, and nobody knows how nodes take it   | yes                            |
//	| ... and a node that took it failed a gate                   | yes                            |
//	| ... and a node that took it has not passed every gate       | yes: it may fail any moment    |
//	| ... or is to be, and nodes would enter what was recalled    | yes                            |
//	| else                                                        | no                             |
//
// Where some nodes alone go back it is stopped whatever it was: it would change the others. When there are no others it is let go. So it is
// where something is to be written, such as other settings, over a recalled release that nodes are still entering.
func (d decision) staysStopped() bool {
	switch {
	case d.backAlone():
		return true
	case d.keptFromRecalled():
		return true
	case !d.Installed.OnDelete:
		return false
	case !d.taking():
		return d.ownBack()
	case !d.Installed.Observed:
		return true
	}
	now := d.judged()
	return now != nil && (now.Halt != nil || len(now.InFlight) > 0 || d.ownBack() && now.Phase != noderoll.Finished)
}

// ownBack tells whether a way back is made by our roll although the wish leaves nodes to the DaemonSet controller: it was stopped, or
// some nodes alone go back.
func (d decision) ownBack() bool {
	if d.wishedUpdate() != RollingUpdate || d.desired.Back.Revision == 0 {
		return false
	}
	last := d.Record.Last()
	return d.backAlone() || d.Installed.OnDelete && (last.Status != Deployed || last.Digest != d.Installed.Digest)
}

// backAlone tells whether some nodes go back, or went, while others keep what they have.
func (d decision) backAlone() bool {
	return len(d.desired.Back.Nodes) > 0 &&
		(d.Record.Last().Digest != d.Installed.Digest || !d.Installed.Observed || slices.ContainsFunc(d.Nodes, d.behind))
}

// taking tells whether nodes are taking the target: it is live, and pending and no installation, or its template was changed by somebody
// since, as kubectl rollout restart does.
func (d decision) taking() bool {
	last := d.Record.Last()
	if last.By != "" || last.Digest != d.Installed.Digest || !d.Installed.Ours || !same(d.Installed.Version, d.target.Version.String()) ||
		d.Change.Digest != "" && d.Change.Digest != d.Installed.Digest {
		return false
	}
	return last.pending() && (d.Record.Deployed().Number > 0 || slices.ContainsFunc(d.Nodes, d.behind)) || last.Status == Deployed && d.touched()
}

// touched tells whether nodes have to take a template that somebody changed beside us after every node had taken the release: nobody else
// changes them, where the workload's controller does not.
func (d decision) touched() bool {
	return d.Installed.OnDelete && d.wishedUpdate() == RollNodes && d.desired.Back.Revision == 0 &&
		(slices.ContainsFunc(d.Nodes, d.behind) || d.Roll.Revision != "" && d.Roll.Revision == d.Installed.Newest)
}

// rendersOnDelete tells whether the render itself says so: that of what was adopted like that, and one with an overlay.
func (d decision) rendersOnDelete() bool { return d.ownFootprint().Strategy == "OnDelete" }

// ownFootprint is that of the add-on's own workload in the target's render; zero where nothing was rendered.
func (d decision) ownFootprint() catalog.WorkloadFootprint {
	w := d.addOn.Workload
	if d.Change.To == nil {
		return catalog.WorkloadFootprint{}
	}
	for _, f := range d.Change.To.Workloads {
		if f.Kind == w.Kind && f.Namespace == w.Namespace && f.Name == w.Name {
			return f
		}
	}
	return catalog.WorkloadFootprint{}
}

// OnDeleteOf is OnDelete for another release of the add-on than the target, such as the live one.
func OnDeleteOf(in Input, r catalog.Release) bool {
	d := decide(in)
	d.goal, d.target, d.Change = r, r, Change{}
	return d.onDelete()
}

// KeepsStrategy tells whether a live workload that its controller rolls is left as it is, though nodes are to follow by our roll: nobody
// said so, and no node has anything to take. An adopted workload is like that, and one that was written when the controller's roll was
// what nobody had to ask for. The next change brings the strategy along; until then nothing is written for it, and it is no drift.
func KeepsStrategy(in Input) bool { return decide(in).keepsStrategy() }

func (d decision) keepsStrategy() bool {
	return d.desired.NodeUpdate == "" && d.nodeUpdate() == RollNodes && !d.Installed.OnDelete &&
		(!d.Record.Last().pending() || !slices.ContainsFunc(d.Nodes, d.behind))
}

// strategyFits tells whether the live workload has the strategy by which nodes are to follow, or may keep another one.
func (d decision) strategyFits() bool {
	return d.Installed.OnDelete == d.onDelete() || d.keepsStrategy()
}

// defaultNodeUpdate is how nodes follow where nobody said anything (the design, 6.7; facts: OKE rules 13 and 16).
var defaultNodeUpdate = map[catalog.Mechanism]NodeUpdate{
	catalog.RollingUpdate: RollNodes,
	catalog.OnReboot:      RollNodes,
	catalog.OnDelete:      HoldNodes,
}

// nodeUpdate is how nodes follow now.
func (d decision) nodeUpdate() NodeUpdate {
	if d.ownBack() {
		return RollNodes
	}
	return d.wishedUpdate()
}

// wishedUpdate is how nodes follow by the wish.
func (d decision) wishedUpdate() NodeUpdate {
	return cmp.Or(d.desired.NodeUpdate, defaultNodeUpdate[d.target.Mechanism], RollNodes)
}

// rules of the roll that the wish asks for. The error is that of a policy that cannot be read, which roll-policy refuses.
func (d decision) rollRules() (noderoll.Rules, error) {
	total := 0
	for _, n := range d.Nodes {
		if n.Exempt == "" {
			total++
		}
	}
	r, err := d.desired.Roll.Rules(total, d.ownMaxUnavailable())
	r.NPN = d.addOn.NetworkType == catalog.OCIVCNIPNative
	r.Back, r.Only = d.desired.Back.Revision > 0, d.desired.Back.Nodes
	r.Paused = r.Paused || d.entersRecalled()
	return r, err
}

// watchRules are those by which nodes are judged that the DaemonSet controller changes. How many it takes at a time is not ours to say, and
// an operator's pause is none of its: a recall alone pauses it, for which it is stopped.
func (d decision) watchRules() (noderoll.Rules, error) {
	p := d.desired.Roll
	p.MaxUnavailable = "1"
	r, err := p.Rules(0, "")
	r.Max, r.NPN = d.Installed.MaxUnavailable, d.addOn.NetworkType == catalog.OCIVCNIPNative
	r.Paused = d.entersRecalled()
	return r, err
}

// ownMaxUnavailable is what OKE's key rollingUpdate says, else the release; empty where neither says anything, or zero, with which no
// node would ever follow.
func (d decision) ownMaxUnavailable() string {
	own := ""
	key, _ := d.target.Configuration("rollingUpdate")
	if value, err := key.Decode(d.desired.Settings.Configurations["rollingUpdate"]); err == nil {
		if set, ok := value.(map[string]any); ok && set["maxUnavailable"] != nil {
			own = fmt.Sprint(set["maxUnavailable"])
		}
	}
	own = cmp.Or(own, d.ownFootprint().MaxUnavailable)
	if strings.Trim(own, "0%") == "" {
		return ""
	}
	return own
}

// RollOf is the policy of the roll that the input's target is to reach the nodes by: the recorded one with the request in it.
func RollOf(in Input) noderoll.Policy { return merge(in).Roll }

// roll decides on the nodes while a change of the workload is under way; nil when no roll is on. Installing is none: every node takes
// what it gets, and there is nothing to halt for.
func (d decision) roll() *noderoll.Decision {
	if !isApplied(d) || !d.Installed.Observed || !d.taking() {
		return nil
	}
	return d.judged()
}

// judged is what our roll does with the nodes, or how those stand that the DaemonSet controller changes; nil where neither changes any. A
// way back by the controller is not judged: stopped, it would leave nodes with what is taken back.
func (d decision) judged() *noderoll.Decision {
	decide, rules := noderoll.Decide, d.rollRules
	switch u := d.nodeUpdate(); {
	case u == RollingUpdate && d.desired.Back.Revision == 0 && !d.rendersOnDelete():
		decide, rules = noderoll.Watch, d.watchRules
	case u == ReplaceNodes && d.desired.Back.Revision == 0:
		decide = noderoll.Replace
	case u != RollNodes:
		return nil
	}
	r, err := rules()
	if err != nil {
		return nil
	}
	out := decide(d.Nodes, d.Installed.Newest, r, d.Roll, d.Now)
	return &out
}

// leftovers are what an earlier roll left on nodes, where none is on.
func (d decision) leftovers() []noderoll.Errand {
	if d.rolling != nil {
		return nil
	}
	return noderoll.Leftovers(d.Nodes)
}

// halts tells whether the DaemonSet controller is to be stopped: a node failed, or the release was recalled.
func (d decision) halts() bool {
	now := d.rolling
	return now != nil && now.Watched && (now.Halt != nil || now.Phase == noderoll.Paused) && !d.Installed.OnDelete
}

// before is what is to be remembered before the DaemonSet controller changes nodes; zero where it is not to.
func (d decision) before() noderoll.Record {
	r, err := d.watchRules()
	if err != nil || d.onDelete() || d.desired.Back.Revision > 0 || d.Record.Deployed().Number == 0 ||
		!d.Installed.Ours || d.Installed.Newest == "" || d.Installed.Digest == d.Change.Digest {
		return noderoll.Record{}
	}
	return noderoll.Before(d.Nodes, d.Installed.Newest, r, d.Roll, d.Now)
}

// reboots are the nodes that take what their agent brought at their next boot (facts: OKE rule 14). A release that was deployed once is
// not asked about again.
func (d decision) reboots() []string {
	if d.target.Mechanism != catalog.OnReboot || !d.Record.Last().pending() {
		return nil
	}
	var out []string
	for _, n := range d.Nodes {
		if n.AwaitsReboot && n.Exempt == "" && n.Pod != nil && n.Pod.Revision == d.Installed.Newest {
			out = append(out, n.Name)
		}
	}
	return out
}

// behind tells whether a node has a pod of another revision than the newest.
func (d decision) behind(n noderoll.Node) bool {
	return n.Exempt == "" && n.Pod != nil && n.Pod.Revision != d.Installed.Newest
}

// held tells whether nodes keep what they run until somebody acts: the wish says so, and nothing is on its way.
func (d decision) held(truth noderoll.Truth) bool {
	u := d.nodeUpdate()
	if d.rolling != nil {
		return false
	}
	return (u == HoldNodes || u == ReplaceNodes) && !truth.Done() && !slices.ContainsFunc(truth.Waiting, func(w noderoll.Waiting) bool {
		return w.State != noderoll.Outdated && w.State != noderoll.Broken
	})
}

// rollText says how the nodes will be changed.
func (b *builder) rollText() string {
	d := b.d
	if d.desired.Back.Revision > 0 {
		if only := d.desired.Back.Nodes; len(only) > 0 {
			return fmt.Sprintf("put %s back to %s, and leave the others", few(only), b.hop.to.Version)
		}
		return fmt.Sprintf("put the nodes back to %s: broken ones first, then those that were changed last", b.hop.to.Version)
	}
	r, err := d.rollRules()
	if err != nil {
		return "change the nodes"
	}
	if d.nodeUpdate() == ReplaceNodes {
		return fmt.Sprintf("wait until the nodes have been replaced by new ones with %s: cordon at most %s at a time, canary nodes first, then pool by pool; "+
			"somebody replaces them, and no pod is deleted", b.hop.to.Version, count(r.Max, "old node", "old nodes"))
	}
	first := "one node of each kind first"
	switch {
	case d.desired.Roll.CanarySelector != "":
		first = "first those that match " + d.desired.Roll.CanarySelector
	case r.Canaries > 0:
		first = fmt.Sprintf("%s first", count(r.Canaries, "canary node", "canary nodes"))
	}
	return fmt.Sprintf("change the nodes to %s: %s, one at a time, then pool by pool with at most %s unavailable%s; each passes its gates, and the first that fails halts it",
		b.hop.to.Version, first, count(r.Max, "node", "nodes"), preparations(r))
}

// preparations says what is done on each node before its agent goes; empty when nothing is.
func preparations(r noderoll.Rules) string {
	var out []string
	if r.PrePull {
		out = append(out, "gets its images")
	}
	switch {
	case r.Drain:
		out = append(out, "is cordoned and drained")
	case r.Cordon:
		out = append(out, "is cordoned")
	}
	if len(out) == 0 {
		return ""
	}
	return "; each " + strings.Join(out, " and ") + " before its agent goes"
}

// foresee adds the step by which nodes will take the release of the hop.
func (b *builder) foresee() {
	if u := b.d.nodeUpdate(); (u == RollNodes || u == ReplaceNodes) && b.d.Record.Deployed().Number > 0 && (u == RollNodes || b.d.desired.Back.Revision == 0) {
		b.add(map[NodeUpdate]StepKind{RollNodes: ChangeNodes, ReplaceNodes: TendNodes}[u], b.rollText())
		return
	}
	b.add(AwaitNodes, b.awaitText())
}

// nodes adds the step by which nodes take what is written.
func (b *builder) nodes(truth noderoll.Truth) {
	now := b.d.rolling
	if now != nil && len(now.Delete) == 0 { // nodes that are ready do not wait for those that are made ready
		b.tend(now.Errands, now.Record)
	}
	switch {
	case now == nil && !truth.Done():
		b.add(AwaitNodes, b.awaitText())
	case now == nil:
		b.add(AwaitNodes, b.rebootText())
	case len(now.Delete) > 0:
		b.add(ChangeNodes, fmt.Sprintf("%s: change %s to %s", now.Stage, targets(now.Delete), b.hop.to.Version))
		last := &b.out[len(b.out)-1]
		last.Targets, last.Roll = now.Delete, now.Record
	case now.Phase == noderoll.Watching:
		b.add(AwaitNodes, b.awaitText())
	case now.Phase != noderoll.Finished || !truth.Done() && len(b.d.desired.Back.Nodes) == 0:
		b.add(AwaitNodes, cmp.Or(b.d.stopped(), now.Why, b.awaitText()))
	case len(b.d.reboots()) > 0:
		b.add(AwaitNodes, b.rebootText())
	}
}

// tend adds a step that does errands on nodes, if there are any.
// What is to be remembered beforehand is zero where nothing is.
func (b *builder) tend(errands []noderoll.Errand, record noderoll.Record) {
	if len(errands) == 0 {
		return
	}
	var said []string
	for _, e := range errands {
		said = append(said, e.String())
	}
	b.add(TendNodes, few(said))
	last := &b.out[len(b.out)-1]
	last.Errands, last.Roll = errands, record
}

func (b *builder) rebootText() string {
	nodes := b.d.reboots()
	if len(nodes) == 0 {
		return b.awaitText()
	}
	return fmt.Sprintf("wait until %s rebooted: %s", count(len(nodes), "node has been", "nodes have been"), few(nodes))
}

func targets(ts []noderoll.Target) string {
	var out []string
	for _, t := range ts {
		out = append(out, t.Node)
	}
	return few(out)
}

// putBack tells whether a halted roll ended with the nodes that failed put back, and others left with what they run: that is as far
// as it goes without somebody.
func (d decision) putBack(truth noderoll.Truth) bool {
	now := d.rolling
	return now != nil && now.Phase == noderoll.Finished && len(d.desired.Back.Nodes) > 0 && !truth.Done()
}

// rollPolicy refuses a policy that cannot be followed, and the controller's own update where the release forbids it.
func rollPolicy(d decision) []Finding {
	if d.target.Version.IsZero() {
		return nil
	}
	if d.nodeUpdate() == RollingUpdate && d.target.Mechanism == catalog.OnDelete {
		return block(RollPolicyInvalid, fmt.Sprintf("%s %s is never rolled out by the DaemonSet controller", d.addOn.Name, d.target.Version),
			"--nodes roll, replace or hold")
	}
	if u := d.nodeUpdate(); u != RollNodes && u != RollingUpdate && u != ReplaceNodes {
		return nil
	}
	if err := d.desired.Roll.Check(); err != nil {
		return block(RollPolicyInvalid, "the nodes cannot be changed as it is asked for: "+strings.ReplaceAll(err.Error(), "\n", "; "), "")
	}
	if _, err := d.rollRules(); err != nil && d.nodeUpdate() == RollNodes {
		return block(RollPolicyInvalid, "maxUnavailable of the release: "+err.Error(), "--max-unavailable 1, or a percentage such as 10%")
	}
	return nil
}

// rollStands says where a roll that cannot go on stands.
func rollStands(d decision) []Finding {
	now := d.rolling
	if now == nil {
		return nil
	}
	switch now.Phase {
	case noderoll.Paused:
		return d.rollRecalled()
	case noderoll.Halted:
		text := fmt.Sprintf("the roll of %s %s halted at %s; ", d.addOn.Name, d.target.Version, now.Halt)
		if d.halts() {
			text += "the DaemonSet controller goes on changing nodes until addonctl update stops it"
		} else {
			text += "no further node is changed"
		}
		f := note(RollHalted, text, "addonctl nodes shows every node; addonctl rollback puts the nodes back; when the node is mended, the same command goes on")
		f[0].Nodes = []string{now.Halt.Node}
		return f
	case noderoll.Left:
		var names, said []string
		for _, s := range now.Skipped {
			names, said = append(names, s.Node), append(said, fmt.Sprintf("%s (%s)", s.Node, s.Why))
		}
		text := now.Why
		if len(said) > 0 {
			text += ": " + few(said)
		}
		f := note(NodesLeft, text, "mend or remove these nodes, then go on with the same command")
		f[0].Nodes = names
		return f
	default:
		return nil
	}
}
