package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// nodeCounts sum up the nodes in a result.
type nodeCounts struct {
	Total   int `json:"total"`
	Updated int `json:"updated"`
	Ready   int `json:"ready"`
}

// actReport is the result of a verb that changes something.
type actReport struct {
	Cluster     string              `json:"cluster"`
	NetworkType catalog.NetworkType `json:"networkType"`
	AddOn       string              `json:"addon"`
	Version     string              `json:"version"`
	// Previous is the version that was deployed before; empty after an installation.
	Previous string             `json:"previousVersion,omitempty"`
	Pinned   bool               `json:"pinned"`
	Outcome  reconcile.End      `json:"outcome"`
	State    plan.State         `json:"state"`
	Revision int                `json:"revision,omitempty"`
	Nodes    nodeCounts         `json:"nodes"`
	Waiting  []noderoll.Waiting `json:"waiting,omitempty"`
	Findings []plan.Finding     `json:"findings,omitempty"`
	// Roll sums up how the nodes were changed one after the other; nil when they were not.
	Roll *rollReport `json:"roll,omitempty"`
}

func report(in plan.Input, p plan.Plan, end reconcile.End) *actReport {
	r := &actReport{
		Cluster: p.Cluster, NetworkType: p.NetworkType, AddOn: p.AddOn, Version: p.To, Pinned: p.Pinned, Outcome: end, State: p.State,
		Revision: in.Record.Last().Number,
		Nodes:    nodeCounts{Total: p.Nodes.Total, Updated: p.Nodes.Updated, Ready: p.Nodes.Ready},
		Findings: p.Findings,
	}
	switch {
	case end == outcomeUnchanged || end == outcomeRecorded: // what is live is what is reported
	case !drive.Begun(p):
		r.Nodes.Updated, r.Nodes.Ready = 0, 0 // of the target; the old release's pods are not counted for it
	case in.Installed.Present:
		r.Waiting = p.Nodes.Waiting
	}
	if end == reconcile.Done {
		r.Previous = previous(in.Record)
	}
	return r
}

// previous is the version that was deployed before the newest revision.
func previous(r plan.Record) string {
	for _, rev := range slices.Backward(r.Revisions) {
		if rev.Status == plan.Superseded {
			return rev.Version
		}
	}
	return ""
}

func (r *actReport) name() string {
	return fmt.Sprintf("addon/%s.%s", r.Cluster, strings.ToLower(r.AddOn))
}

func (r *actReport) table(w io.Writer, _ bool) {
	if r.Outcome == reconcile.Refused {
		return // the findings on the error stream say it all
	}
	columns(w, actHead, r.row())
	if r.Roll != nil {
		r.Roll.table(w)
	}
}

var actHead = []string{"CLUSTER", "ADDON", "VERSION", "UPDATES", "OUTCOME", "NODES", "UPDATED", "READY"}

func (r *actReport) row() []string {
	return []string{
		r.Cluster, dash(r.AddOn), dash(r.Version), updates(r.Pinned), string(r.Outcome),
		fmt.Sprint(r.Nodes.Total), fmt.Sprint(r.Nodes.Updated), fmt.Sprint(r.Nodes.Ready),
	}
}

func updates(pinned bool) string {
	if pinned {
		return "pinned"
	}
	return "automatic"
}
