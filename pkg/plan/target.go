package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/version"
)

// decision is the input with the request merged in, the goal chosen and the path to it found; the checks read it.
type decision struct {
	Input
	// networkType in force.
	networkType catalog.NetworkType
	addOn       catalog.AddOn
	desired     Desired
	// from is the live version; zero when nothing is installed or it cannot be read.
	from version.Version
	// deployed is the version of the newest deployed revision; zero when there is none, or it cannot be read.
	deployed version.Version
	// goal is the release that is wanted in the end; zero when none was found.
	goal catalog.Release
	// target is the release to move to now: the goal, or the next one on the path to it; zero when none was found.
	target catalog.Release
	// path from the live version to the goal; its Why says why there is none.
	path graph.Path
	// hops are what is left of the way to the goal, the step under way first.
	hops []hop
	// unfinished are versions that nodes run, or may run, and from which the next step of the path is closed: what is live
	// comes first there. The zero version stands for one that cannot be read.
	unfinished []version.Version
	// facts of the cluster and of the nodes that should run the add-on.
	facts catalog.Facts
	// kubelets are the known versions among these facts, each once.
	kubelets []version.Version
	// graph of the add-on's releases.
	graph *graph.Graph
	// rolling is what is to be done with the nodes now, decided once for a plan; nil where no roll is on.
	rolling *noderoll.Decision
	// automatic is the way to the release that was asked about last: the rules of automatic mode ask about one after the other.
	automatic *automaticPath
}

// Target is the release that the input asks to move to now, before any check; false when there is none. Callers use it to
// render the target and fill Input.Change before Make.
func Target(in Input) (catalog.AddOn, catalog.Release, bool) {
	d := decide(in)
	return d.addOn, d.target, !d.target.Version.IsZero()
}

// NetworkType is the one that the input's target is rendered for: the recorded one, else the stamped, else the requested one.
func NetworkType(in Input) catalog.NetworkType { return inForce(in) }

func decide(in Input) decision {
	d := decision{Input: in, networkType: inForce(in), desired: merge(in)}
	d.Nodes = inOrder(withoutVirtual(in.Nodes))
	d.facts = factsOf(d.Input, d.networkType)
	if in.Catalog == nil || d.networkType == "" {
		return d
	}
	addOn, ok := chosenAddOn(in, d.networkType)
	if !ok {
		return d
	}
	d.addOn, d.graph, d.automatic = addOn, graph.New(addOn), &automaticPath{}
	d.kubelets = readable(d.facts[catalog.FactKubelet])
	d.desired.AddOn = addOn.Name
	if in.Installed.Present {
		d.from = parse(in.Installed.Version)
	}
	d.deployed = parse(in.Record.Deployed().Version)
	d.goal = d.choose()
	if in.Request.Accept != "" {
		d.desired.Accept = Accept{Version: d.goal.Version.String(), Reason: in.Request.Accept}
	}
	d.target, d.path, d.unfinished = d.next()
	d.hops = d.ways()
	return d
}

// chosenAddOn is the one that is asked about; false when the catalog has none, and for the CNI of another network type.
func chosenAddOn(in Input, t catalog.NetworkType) (catalog.AddOn, bool) {
	if in.AddOn != "" {
		a, ok := in.Catalog.AddOn(in.AddOn)
		return a.In(in.Desired.Namespace), ok && (beside(a) || a.NetworkType == t)
	}
	a, ok := in.Catalog.ForNetworkType(t)
	return a.In(in.Desired.Namespace), ok
}

// withoutVirtual exempts virtual nodes: they run no DaemonSets, so nothing is waited for on them (facts: OKE 1.4, rule 6).
func withoutVirtual(nodes []noderoll.Node) []noderoll.Node {
	if !slices.ContainsFunc(nodes, isVirtual) {
		return nodes
	}
	out := slices.Clone(nodes)
	for i := range out {
		if isVirtual(out[i]) && out[i].Exempt == "" {
			out[i].Exempt = "a virtual node runs no DaemonSets"
		}
	}
	return out
}

// inOrder sorts nodes by name: their order is no fact, and every message lists them in one order.
func inOrder(nodes []noderoll.Node) []noderoll.Node {
	if slices.IsSortedFunc(nodes, noderoll.ByName) {
		return nodes
	}
	return slices.SortedStableFunc(slices.Values(nodes), noderoll.ByName)
}

func isVirtual(n noderoll.Node) bool { return n.Kind == string(catalog.Virtual) }

// inForce is the network type that a plan is made for: the recorded one, else the stamped one, else the requested one.
func inForce(in Input) catalog.NetworkType {
	if in.Cluster.NetworkType != "" {
		return in.Cluster.NetworkType
	}
	if in.Cluster.Stamp != nil && in.Cluster.Stamp.UID == in.Cluster.UID {
		return in.Cluster.Stamp.NetworkType
	}
	return in.Request.NetworkType
}

// merge is the record with the request in it:
//
//	| verb     | version given                    | then                                                       |
//	|----------|----------------------------------|------------------------------------------------------------|
//	| install  | yes                              | as recorded; pinned to it when nothing is                  |
//	| install  | no                               | as recorded; automatic when nothing is                     |
//	| update   | yes                              | one move when automatic; a pin is kept                     |
//	| update   | no                               | a single move that is under way is finished, unless its    |
//	|          |                                  | release was recalled                                       |
//	| pin      | yes                              | pinned to it                                               |
//	| unpin    |                                  | automatic; a way back under way, also one from the pin,    |
//	|          |                                  | becomes a single move                                      |
//	| rollback | the revision's                   | the pin moves to it, or one move when automatic            |
//	| rollback | none, a way back is under way    | as recorded: that one                                      |
//	| update,  | the one that a way back leaves,  | as recorded: the way back is finished first, and settings  |
//	| pin      | or none and settings             | that are asked for are not taken                           |
//
// Settings are otherwise changed whatever the verb; a rollback brings those of the revision, where it has any.
func merge(in Input) Desired {
	d, r := in.Desired, in.Request
	d.Conflicts, d.OnFailure = cmp.Or(r.Conflicts, d.Conflicts), cmp.Or(r.OnFailure, d.OnFailure)
	d.NodeUpdate, d.Roll = cmp.Or(r.NodeUpdate, d.NodeUpdate), d.Roll.With(r.Roll)
	if d.finishesBack(r) {
		return d
	}
	d.Settings = d.Settings.With(r.Settings)
	switch r.Verb {
	case Install:
		if r.Version != "" && d.AddOn == "" && d.Version == "" && d.MoveTo == "" {
			d.Version, d.Pin = r.Version, r.Pin
		}
	case SetPin:
		d.Back = d.backTo(r.Version)
		d.Version, d.MoveTo, d.Pin, d.Accept = r.Version, "", r.Pin, Accept{}
	case Update:
		if in.abandons(d.MoveTo) {
			d.MoveTo, d.Accept = "", Accept{}
		}
		return d.moved(r.Version)
	case Unpin:
		d.MoveTo, d.Back.To = d.backVersion(), ""
		d.Version, d.Pin, d.Accept = "", Pin{}, Accept{}
	case Rollback:
		return rollback(d, in)
	default: // following and registering change no wish
	}
	return d
}

// moved is the wish for one move of an automatic add-on.
func (d Desired) moved(to string) Desired {
	if d.Version == "" && to != "" {
		d.Back = d.backTo(to)
		d.MoveTo, d.Accept = to, Accept{}
	}
	return d
}

// choose finds the wanted release: the pin, the single move, what was begun last, or, where an update is asked for or
// nothing was ever installed, the newest that automatic mode may take. Following the record alone never chooses a newer
// one, so that a loop whose record is changed or deleted under it moves no cluster that nobody asked to move.
func (d decision) choose() catalog.Release {
	want := d.named()
	if want == "" && !d.stays() {
		if r, ok := d.newest(); ok {
			return r
		}
		want = d.Installed.Version
	}
	r, _ := d.addOn.Find(parse(want))
	return r
}

// named is the version that the plan is bound to; empty where automatic mode chooses.
func (d decision) named() string {
	if d.stays() {
		return d.Installed.Version
	}
	if want := d.wanted(); want != "" {
		return want
	}
	// A CNI that was deleted by hand is put back as it was before anything is moved, if it may be put back.
	moving := d.Request.Verb == Update && !d.Request.keepsVersion()
	if begun := d.begun(); begun != "" && (!moving || d.gone() && d.fits(begun)) {
		return begun
	}
	return ""
}

// gone tells whether a CNI that was deployed is not on the cluster any more.
func (d decision) gone() bool { return !d.Installed.Present && d.Record.Deployed().Number > 0 }

// fits tells whether the catalog has the release, not recalled, for the cluster's Kubernetes version.
func (d decision) fits(v string) bool {
	r, ok := d.addOn.Find(parse(v))
	if !ok || r.Status == catalog.Recalled {
		return false
	}
	_, ok = r.Kubernetes.Admit(d.Cluster.Kubernetes)
	return ok
}

// stays tells whether the verb moves nothing, whatever is recorded.
func (d decision) stays() bool { return d.Request.Verb == Unpin || d.Request.Verb == Register }

// newest is the newest release that automatic mode may take.
func (d decision) newest() (catalog.Release, bool) {
	for _, r := range d.addOn.Releases {
		if _, ok := d.eligible(r); ok {
			return r, true
		}
	}
	return catalog.Release{}, false
}

// next finds the path to the goal, and the release to move to now. Where nodes run, or may run, releases from which the next
// step would be closed, what is live is finished first: a step is legal only when it is legal for every node.
func (d decision) next() (target catalog.Release, path graph.Path, unfinished []version.Version) {
	if d.goal.Version.IsZero() || d.goal.Version.Equal(d.from) {
		return d.goal, graph.Path{}, nil
	}
	w := d.where()
	// The way that automatic mode would go is taken by everybody who can: whether it chose the goal is forgotten on the way.
	if path = d.pathTo(d.goal); !path.Open() {
		path = d.graph.Path(d.from, d.goal.Version, w)
	}
	if !path.Open() {
		return d.goal, path, nil
	}
	to := path.Edges[0].To
	for _, v := range d.running() {
		if v.IsZero() || !v.Equal(to) && !d.graph.Edge(v, to, w).Open() {
			unfinished = append(unfinished, v)
		}
	}
	if len(unfinished) > 0 {
		to = d.from
	}
	target, _ = d.addOn.Find(to)
	return target, path, unfinished
}

// where is the cluster as the graph judges moves for it. An operator may move past a node whose kubelet is too old, and is
// told so; automatic mode may not.
func (d decision) where() graph.Where {
	return graph.Where{Kubernetes: d.Cluster.Kubernetes, Facts: d.facts, Unsettled: d.unsettled()}
}

// unsettled tells whether nodes are still taking the live release, and the goal lies no further back than the one that they
// take it from: a way back that was given up when an earlier release was settled does not open again.
func (d decision) unsettled() bool {
	return !d.deployed.IsZero() && d.deployed.Less(d.from) && !d.goal.Version.Less(d.deployed)
}

// running are the versions that nodes run beside the live template's, each once: those of their pods, and while the live
// release is not settled also those recorded since one was, because a node without a pod does not tell which it has. A pod
// whose version cannot be read counts as the zero version, unless it is of the live template.
func (d decision) running() []version.Version {
	var out []version.Version
	add := func(v version.Version) {
		if !v.Equal(d.from) && !slices.ContainsFunc(out, v.Equal) {
			out = append(out, v)
		}
	}
	for _, n := range d.Nodes {
		if n.Exempt != "" || n.Pod == nil {
			continue
		}
		if n.Pod.Version == d.Installed.Version {
			continue
		}
		if v := parse(n.Pod.Version); !v.IsZero() || n.Pod.Revision != d.Installed.Newest {
			add(v)
		}
	}
	for _, v := range d.unsettledVersions() {
		add(v)
	}
	return out
}

// unsettledVersions are those of the record's revisions from the newest deployed one on; none where the live release is that
// one and nothing was begun after it.
func (d decision) unsettledVersions() []version.Version {
	var out []version.Version
	for _, r := range slices.Backward(d.Record.Revisions) {
		if v := parse(r.Version); !v.IsZero() {
			out = append(out, v)
		}
		if r.Status == Deployed {
			return out
		}
	}
	return out
}

// begun is the version of the newest recorded revision, or the live one where nothing is recorded.
func (d decision) begun() string {
	if v := d.Record.Last().Version; v != "" || !d.Installed.Ours {
		return v
	}
	return d.Installed.Version
}

// wanted is the version that somebody named; empty in automatic mode. A pin that failed is not gone to again: what was begun last stays.
func (d decision) wanted() string {
	if d.pinFailed() != "" && !d.desired.fromPin() {
		return d.begun()
	}
	return d.desired.leads()
}

// accepted tells whether an operator has said yes to a move to the goal that has no way back, or that cuts the cluster in
// two while it lasts.
func (d decision) accepted() bool {
	return d.Request.Accept != "" || d.desired.Accept.Reason != "" && same(d.desired.Accept.Version, d.goal.Version.String())
}

// moves tells whether following the plan would change the version that is live.
func (d decision) moves() bool {
	return !d.target.Version.IsZero() && (!d.Installed.Present || !d.goal.Version.Equal(d.from))
}

// fitting lists the ACTIVE versions that may be installed on the cluster, newest first, for a message.
func (d decision) fitting() string {
	var out []string
	for _, r := range d.addOn.Releases {
		if _, ok := r.Kubernetes.Admit(d.Cluster.Kubernetes); ok && r.Status == catalog.Active {
			out = append(out, r.Version.String())
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// is tells whether a text names a version.
func is(text string, v version.Version) bool { return text == v.String() || parse(text).Equal(v) }

// parse reads a version; one that cannot be read is zero, and every rule treats zero as unknown.
func parse(s string) version.Version {
	v, err := version.Parse(s)
	if err != nil {
		return version.Version{}
	}
	return v
}
