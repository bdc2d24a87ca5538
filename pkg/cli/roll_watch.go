package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// rollReport sums up how a run changed the nodes, one after the other. Of several releases on one way the counts are those of the last.
type rollReport struct {
	// Version that the nodes were to take.
	Version string `json:"version"`
	// Phase that the roll came to.
	Phase   noderoll.Phase `json:"phase"`
	Changed int            `json:"changed"`
	Passed  int            `json:"passed"`
	Total   int            `json:"total"`
	// PutBack are the nodes that run again what they had before.
	PutBack []string           `json:"putBack,omitempty"`
	Skipped []noderoll.Waiting `json:"skipped,omitempty"`
	Halt    *noderoll.Halt     `json:"halt,omitempty"`
	// Seconds from the first look at the roll to the last, the way back among them.
	Seconds float64 `json:"seconds"`
	// Longest is the node that took longest, from the moment that its old pod was seen gone to its last gate.
	Longest *nodeSeconds `json:"longestNode,omitempty"`
}

type nodeSeconds struct {
	Node    string  `json:"node"`
	Seconds float64 `json:"seconds"`
}

// rollWatch follows a roll from look to look.
type rollWatch struct {
	// begun and seen are the first and the last look at a roll; zero when there was none.
	begun, seen time.Time
	// roll is what was decided last of the roll to version, and not of a way back that followed it.
	roll    *noderoll.Decision
	version string
	// way is the release that a way back leads to. A manager may have taken it off the record by the next look.
	way string
	// newest is the revision that nodes are taking; what follows is forgotten when that changes.
	newest string
	// old are the pods of other revisions, by node; gone is when a node was first seen without its own.
	old  map[string]string
	gone map[string]time.Time
	back []string

	longest nodeSeconds
}

// see takes in one look.
func (w *rollWatch) see(in plan.Input, p plan.Plan, now time.Time) {
	d := p.Roll
	if d == nil {
		return
	}
	if w.begun.IsZero() {
		w.begun = now
	}
	w.seen = now
	if p.Desired.Back.Revision > 0 {
		w.way = p.Hop
	}
	returning := w.way != "" && w.way == p.Hop
	if w.roll == nil || !returning || w.version == p.Hop {
		w.roll, w.version = d, p.Hop
	}
	if w.newest != in.Installed.Newest {
		w.newest, w.old, w.gone, w.back = in.Installed.Newest, map[string]string{}, map[string]time.Time{}, nil
	}
	for _, n := range in.Nodes {
		if n.Exempt == "" {
			w.node(n, d, returning, now)
		}
	}
}

// node takes in one node: it had an old pod, has lost it, or has passed every gate since.
func (w *rollWatch) node(n noderoll.Node, d *noderoll.Decision, returning bool, now time.Time) {
	p := n.Pod
	if p != nil && !p.Terminating && p.Revision != w.newest {
		w.old[n.Name] = p.UID
		delete(w.gone, n.Name)
		return
	}
	if w.old[n.Name] == "" {
		return // it joined, or was changed before anybody looked
	}
	since, known := w.gone[n.Name]
	if !known {
		since, w.gone[n.Name] = now, now
	}
	if p == nil || p.Terminating || !passed(d, n.Name) {
		return
	}
	if took := now.Sub(since).Seconds(); took > w.longest.Seconds || w.longest.Node == "" {
		w.longest = nodeSeconds{n.Name, took}
	}
	if returning {
		w.back = append(w.back, n.Name)
	}
	delete(w.old, n.Name)
}

// passed tells whether a node that took the newest revision has passed every gate.
func passed(d *noderoll.Decision, node string) bool {
	return !slices.Contains(d.InFlight, node) &&
		!slices.ContainsFunc(d.Failed, func(h noderoll.Halt) bool { return h.Node == node }) &&
		!slices.ContainsFunc(d.Skipped, func(s noderoll.Waiting) bool { return s.Node == node })
}

// report sums it up; nil when there was no roll.
func (w *rollWatch) report() *rollReport {
	d := w.roll
	if d == nil {
		return nil
	}
	r := &rollReport{
		Version: w.version, Phase: d.Phase, Changed: d.Changed, Passed: d.Passed, Total: d.Total, Skipped: d.Skipped, Halt: d.Halt,
		PutBack: slices.Sorted(slices.Values(w.back)), Seconds: w.seen.Sub(w.begun).Round(time.Millisecond).Seconds(),
	}
	if w.longest.Node != "" {
		r.Longest = &nodeSeconds{w.longest.Node, time.Duration(w.longest.Seconds * float64(time.Second)).Round(time.Millisecond).Seconds()}
	}
	return r
}

func (r *rollReport) table(w io.Writer) {
	fmt.Fprintf(w, "Roll to %s: %s, %d of %d nodes changed, %d passed, in %s", r.Version, strings.ToLower(string(r.Phase)), r.Changed, r.Total, r.Passed, inWords(r.Seconds))
	if r.Longest != nil {
		fmt.Fprintf(w, "; %s took longest, %s", r.Longest.Node, inWords(r.Longest.Seconds))
	}
	fmt.Fprintln(w)
	if r.Halt != nil {
		fmt.Fprintf(w, "Halted at %s\n", r.Halt)
	}
	if len(r.PutBack) > 0 {
		fmt.Fprintf(w, "Put back: %s\n", someOf(r.PutBack))
	}
	if len(r.Skipped) > 0 {
		fmt.Fprintf(w, "Skipped: %s\n", drive.Nodes(r.Skipped))
	}
}

// inWords is a number of seconds as a duration, to the second.
func inWords(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// someOf names at most ten nodes.
func someOf(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
