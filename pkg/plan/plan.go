package plan

import (
	"errors"
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// State names where an add-on stands. It is computed, never stored.
type State string

// The states, in the order in which they are tried.
const (
	// Blocked : a blocking finding stops every write.
	Blocked State = "Blocked"
	// NotInstalled : nothing of the add-on is live and nothing is wanted yet.
	NotInstalled State = "NotInstalled"
	// Applying : objects differ from the target release.
	Applying State = "Applying"
	// Rolling : objects are written, nodes are taking them.
	Rolling State = "Rolling"
	// HaltedState : a roll was halted, the nodes that failed are put back, and the others stay with what they run until somebody
	// decides.
	HaltedState State = "Halted"
	// Settling : every node runs the target; old configuration and rules are still there.
	Settling State = "Settling"
	// UpToDate : nothing is left to do.
	UpToDate State = "UpToDate"
)

// StepKind names what the engine does in one step.
type StepKind string

// The kinds of steps.
const (
	// Apply writes the objects of a release in phases, workload last, after recording the revision as pending.
	Apply StepKind = "Apply"
	// AwaitNodes writes nothing: it waits until per-node truth holds.
	AwaitNodes StepKind = "AwaitNodes"
	// Protect restores the guard, before anything else.
	Protect StepKind = "Protect"
	// ChangeNodes deletes the pods of its Targets, which were recorded before, so that their nodes take the newest revision. Without
	// targets it stands for what is yet to come.
	ChangeNodes StepKind = "ChangeNodes"
	// TendNodes does its Errands on nodes, before their agents go or after: it cordons, drains, pulls images, tries fresh pods, and
	// takes all of that back.
	TendNodes StepKind = "TendNodes"
	// Halt stops the DaemonSet controller, which changes nodes by itself: one that it changed failed a gate, or the release was recalled.
	// It writes the workload's strategy alone.
	Halt StepKind = "Halt"
	// Relock restores the release's own guard of its pods, which somebody who was changing nodes left lifted.
	Relock StepKind = "Relock"
	// Settle takes back the rules and configuration that only the old release needed and records the revision as deployed.
	Settle StepKind = "Settle"
)

// ErrNotYet says that a step has to wait for something that the plan does not see. Nothing was written: look again, and try again.
var ErrNotYet = errors.New("not yet")

// Step is one action for the engine.
type Step struct {
	Kind    StepKind `json:"kind"`
	AddOn   string   `json:"addon"`
	Version string   `json:"version"`
	// Revision of the release record that the step writes or finishes.
	Revision int `json:"revision"`
	// Digest of the render that the step is about: the engine refuses to write another.
	Digest string `json:"digest,omitempty"`
	// Text says in a sentence what will happen.
	Text string `json:"text"`
	// From is the version that the step leaves; empty when nothing was installed.
	From string `json:"from,omitempty"`
	// Targets are the pods that a ChangeNodes step deletes, and Roll what is recorded before that, or before an Apply step by which the
	// DaemonSet controller changes nodes, or before nodes are cordoned to be replaced.
	Targets []noderoll.Target `json:"targets,omitempty"`
	Roll    noderoll.Record   `json:"-"`
	// Errands are what a TendNodes step does.
	Errands []noderoll.Errand `json:"errands,omitempty"`
	// Class of the way back from this step, and what it rests on or costs.
	Class catalog.Class `json:"class,omitempty"`
	Why   string        `json:"why,omitempty"`
}

// Result is what was observed to have been written by a step.
type Result struct {
	Step    Step           `json:"step"`
	Objects []ObjectChange `json:"objects,omitempty"`
}

// Plan is the decision on one add-on of one cluster.
type Plan struct {
	Cluster     string              `json:"cluster"`
	NetworkType catalog.NetworkType `json:"networkType,omitempty"`
	AddOn       string              `json:"addon,omitempty"`
	// Beside is true for an add-on that goes beside the CNI, and so is not the one of the network type.
	Beside bool  `json:"-"`
	State  State `json:"state"`
	// Desired is the wish that the plan follows: the record with the request merged into it.
	Desired Desired `json:"-"`
	// Pinned is true when an operator keeps the version.
	Pinned bool `json:"pinned"`
	// PinFailed says in a sentence that nodes did not take the pinned release; empty where that is not so. The pin stays as its operator wrote it,
	// and the plan leads to what was there before.
	PinFailed string `json:"pinFailed,omitempty"`
	// From is the live version, To the goal; equal when there is nothing to move.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Path are the versions from the live one to the goal; empty when there is nothing to move, or nothing is live.
	Path []string `json:"path,omitempty"`
	// Hop is the version that is moved to now: the goal, or the next one on the path.
	Hop string `json:"hop,omitempty"`
	// Steps in order; empty when there is nothing to do or a finding blocks.
	Steps []Step `json:"steps"`
	// Findings of all checks, in the order of Checks.
	Findings []Finding `json:"findings"`
	// Objects that the Apply step would write, as the dry run showed.
	Objects []ObjectChange `json:"objects,omitempty"`
	// Nodes is the per-node truth.
	Nodes noderoll.Truth `json:"nodes"`
	// Roll is where the roll of the nodes stands; nil when there is none.
	Roll *noderoll.Decision `json:"roll,omitempty"`
	// Recalled says of a roll that no further node is changed because its release was recalled meanwhile, and why; empty when it was not.
	Recalled string `json:"recalled,omitempty"`
	// Reboots are the nodes that run the release's agent and take the rest of it at their next boot; sorted.
	Reboots []string `json:"reboots,omitempty"`
	// Held is true when nodes keep what they run until somebody acts on them.
	Held bool `json:"held,omitempty"`
}

// Blocking lists the findings that stop every write.
func (p Plan) Blocking() []Finding {
	var out []Finding
	for _, f := range p.Findings {
		if f.Blocking {
			out = append(out, f)
		}
	}
	return out
}

// Next is the step to carry out; false when there is none.
func (p Plan) Next() (Step, bool) {
	if len(p.Steps) == 0 {
		return Step{}, false
	}
	return p.Steps[0], true
}

// Make computes the plan. It is pure: no clock, no I/O, no map order.
func Make(in Input) Plan { return makeWith(in, Checks) }

func makeWith(in Input, checks []Check) Plan {
	d := decide(in)
	d.rolling = d.roll()
	p := Plan{
		Cluster:     in.Cluster.Name,
		NetworkType: d.networkType,
		AddOn:       d.addOn.Name,
		Beside:      beside(d.addOn),
		Desired:     d.desired,
		Pinned:      d.desired.Version != "",
		From:        in.Installed.Version,
		To:          d.goal.Version.String(),
		Path:        d.pathVersions(),
		Hop:         d.target.Version.String(),
		Objects:     in.Change.Objects,
		Nodes:       noderoll.Sum(d.Nodes, in.Installed.Newest),
	}
	p.PinFailed = d.pinFailed()
	findings := make([]Finding, 0, 16) // more than most plans have
	for _, c := range checks {
		findings = append(findings, named(c.Name, c.Run(d))...)
	}
	if len(findings) > 0 {
		p.Findings = findings
	}
	p.Findings = addressed(d.addOn, once(p.Findings))
	p.Roll, p.Recalled, p.Reboots = d.rolling, d.stopped(), d.reboots()
	if len(p.Blocking()) == 0 {
		p.Steps = steps(d, p.Nodes)
		p.Held = isApplied(d) && d.Installed.Observed && d.held(p.Nodes)
	}
	p.State = state(p, in)
	if p.State == UpToDate && d.putBack(p.Nodes) {
		p.State = HaltedState
	}
	return p
}

// dataCheck is the check that tells the hazards of the catalog's data.
const dataCheck = "known-hazards"

// once drops what the catalog's data tells of a danger that a check of the objects themselves tells too: that one knows what
// is really written. What blocks is always told.
func once(fs []Finding) []Finding {
	seen := map[string]bool{}
	for _, f := range fs {
		for _, entry := range f.Catalogue {
			seen[entry] = seen[entry] || f.Check != dataCheck
		}
	}
	return slices.DeleteFunc(fs, func(f Finding) bool {
		return f.Check == dataCheck && !f.Blocking && slices.ContainsFunc(f.Catalogue, func(entry string) bool { return seen[entry] })
	})
}

func (d decision) pathVersions() []string {
	if len(d.path.Edges) == 0 || d.path.Edges[0].From.IsZero() {
		return nil
	}
	out := []string{d.path.Edges[0].From.String()}
	for _, e := range d.path.Edges {
		out = append(out, e.To.String())
	}
	return out
}

func named(check string, fs []Finding) []Finding {
	for i := range fs {
		fs[i].Check = check
	}
	return fs
}

func state(p Plan, in Input) State {
	next, more := p.Next()
	switch {
	case len(p.Blocking()) > 0:
		return Blocked
	case !more && !in.Installed.Present:
		return NotInstalled
	case !more:
		return UpToDate
	case next.Kind == Apply, next.Kind == Protect:
		return Applying
	case slices.Contains([]StepKind{AwaitNodes, ChangeNodes, TendNodes, Halt, Relock}, next.Kind):
		return Rolling
	default:
		return Settling
	}
}
