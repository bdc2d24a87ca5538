package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// world is a cluster that does what plans say, and where nodes that a roll passes by are mended. It keeps what no observer sees: which
// version a node had last while it has no pod.
type world struct {
	in  plan.Input
	had map[string]string
	// moves that nodes have made, as pairs of versions.
	moves [][2]string
	// wanted are the versions that plans have written.
	wanted map[string]bool
	// made counts the pods.
	made int
}

func newWorld(in plan.Input) *world {
	w := &world{in: in, had: map[string]string{}, wanted: map[string]bool{}}
	w.in.Nodes = slices.Clone(in.Nodes)
	w.in.Record.Revisions = slices.Clone(in.Record.Revisions)
	for _, n := range in.Nodes {
		if n.Pod != nil {
			w.had[n.Name] = n.Pod.Version
		}
	}
	return w
}

// look is one observation and the plan that follows from it.
func (w *world) look() plan.Plan { return plan.Make(plan.Imagine(w.in)) }

// wish records what was asked for, as the command line does.
func (w *world) wish(r plan.Request) plan.Plan {
	w.in.Request = r
	p := w.look()
	w.in.Request = plan.Request{}
	if len(p.Blocking()) > 0 {
		return p
	}
	w.in.Desired = p.Desired
	if p.Desired.Version == "" && len(p.Steps) > 0 && r.Verb != plan.Unpin && r.Verb != plan.Follow {
		w.in.Desired.MoveTo = p.To
	}
	if w.in.Cluster.NetworkType == "" {
		w.in.Cluster.NetworkType = p.NetworkType
		w.in.Cluster.Stamp = &plan.Stamp{NetworkType: p.NetworkType, UID: w.in.Cluster.UID, Cluster: w.in.Cluster.Name}
	}
	return p
}

// do carries out a step: with crash, an Apply ends after the revision was recorded.
func (w *world) do(s plan.Step, crash bool) {
	switch s.Kind {
	case plan.Protect:
		w.in.Cluster.Guard.Wrong = nil
	case plan.Apply:
		w.begin(s)
		w.wanted[s.Version] = w.wanted[s.Version] || s.Version != w.in.Installed.Version
		if !crash {
			w.in.Installed = plan.Installed{
				Present: true, Ours: true, Version: s.Version, Digest: s.Digest, Observed: true, Newest: strings.TrimPrefix(s.Digest, "imagined:"),
				MaxUnavailable: 1, OnDelete: plan.OnDelete(w.in),
			}
		}
	case plan.ChangeNodes:
		for i := range w.in.Nodes {
			if slices.ContainsFunc(s.Targets, func(t noderoll.Target) bool { return t.Node == w.in.Nodes[i].Name }) {
				w.take(i)
			}
		}
		w.in.Roll = s.Roll
	case plan.Halt:
		w.in.Installed.OnDelete = true
	case plan.TendNodes:
		for _, e := range s.Errands {
			for i := range w.in.Nodes {
				if n := &w.in.Nodes[i]; n.Name == e.Node && (e.Kind == noderoll.Cordon || e.Kind == noderoll.Uncordon) {
					n.Cordoned, n.CordonedByUs = e.Kind == noderoll.Cordon, e.Kind == noderoll.Cordon
				}
			}
		}
		if s.Roll.Revision != "" {
			w.in.Roll = s.Roll
		}
	case plan.Relock:
		w.in.Installed.Lifted = false
	case plan.AwaitNodes:
		w.wait()
	case plan.Settle:
		w.in.Roll = noderoll.Record{}
		for i := range w.in.Record.Revisions {
			r := &w.in.Record.Revisions[i]
			switch {
			case r.Number == s.Revision:
				r.Status = plan.Deployed
			case r.Number < s.Revision:
				r.Status = plan.Superseded
			}
		}
	}
	w.in.Now = w.in.Now.Add(time.Minute)
}

// wait lets nodes take the live release by themselves, or by somebody's hand. Where they follow by a roll those do that lost their pod, or
// whose new one is not well.
func (w *world) wait() {
	roll := plan.NodeUpdateOf(w.in) == plan.RollNodes
	for i := range w.in.Nodes {
		n := &w.in.Nodes[i]
		if !roll || n.Pod == nil || n.Pod.Terminating || n.Pod.Revision == w.in.Installed.Newest {
			w.take(i)
		}
		n.Ready, n.Cordoned = n.Ready || roll, n.Cordoned && !roll
	}
}

func (w *world) begin(s plan.Step) {
	if slices.ContainsFunc(w.in.Record.Revisions, func(r plan.Revision) bool { return r.Number == s.Revision }) {
		return
	}
	status := plan.PendingUpgrade
	if len(w.in.Record.Revisions) == 0 {
		status = plan.PendingInstall
	}
	w.in.Record.Revisions = append(w.in.Record.Revisions, plan.Revision{Number: s.Revision, Version: s.Version, Status: status, Digest: s.Digest})
}

// take gives a node the live release.
func (w *world) take(node int) {
	n, live := &w.in.Nodes[node], w.in.Installed
	if n.Exempt != "" || n.Kind == "Virtual" || !live.Present {
		return
	}
	if had := w.had[n.Name]; had != live.Version {
		w.moves = append(w.moves, [2]string{had, live.Version})
	}
	w.had[n.Name] = live.Version
	if p := n.Pod; p != nil && p.Revision == live.Newest && p.Ready && p.Available && !p.Terminating {
		return
	}
	w.made++
	n.Pod = &noderoll.Pod{
		Name: fmt.Sprintf("pod-%d", w.made), UID: fmt.Sprintf("uid-%d", w.made), Revision: live.Newest, Version: live.Version, Ready: true, Available: true,
		Created: w.in.Now, ReadySince: w.in.Now,
	}
}

// rounds is more than any walk needs.
const rounds = 60

// walk records the wish and carries it out, one look and one step at a time, and tells of every look.
func walk(in plan.Input) string {
	w := newWorld(in)
	w.wish(in.Request)
	out := ""
	for i := range rounds {
		p := w.look()
		step, more := p.Next()
		out += fmt.Sprintf("look %d: %s %s", i+1, p.State, p.Hop)
		if len(p.Path) > 0 {
			out += " on the way " + strings.Join(p.Path, " -> ")
		}
		if !more {
			return out + "\n"
		}
		out += fmt.Sprintf(", %d left: %s %s as revision %d\n", len(p.Steps), step.Kind, step.Version, step.Revision)
		w.do(step, false)
	}
	return out + "and so on\n"
}

func versionsOf(move [2]string) (from, to version.Version) {
	return kubernetesOf(move[0]), kubernetesOf(move[1])
}
