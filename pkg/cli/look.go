package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
)

// look is one round without writing.
func (a *app) look(c *cobra.Command, r plan.Request) (plan.Input, plan.Plan, error) {
	return a.lookWith(c, r, nil)
}

// lookWith is look with facts that were told.
func (a *app) lookWith(c *cobra.Command, r plan.Request, told catalog.Facts) (plan.Input, plan.Plan, error) {
	s, err := a.connect(c.Context())
	if err != nil {
		return plan.Input{}, plan.Plan{}, err
	}
	s.observer.NetworkType, s.told = r.NetworkType, told
	in, p, err := s.loop.LookWith(c.Context(), r)
	if err != nil {
		return in, p, s.explain(c.Context(), err)
	}
	return in, p, nil
}

// statusReport is the result of `status`.
type statusReport struct {
	Cluster     string              `json:"cluster"`
	Kubernetes  string              `json:"kubernetes"`
	NetworkType catalog.NetworkType `json:"networkType,omitempty"`
	// Proven is true when record, stamp and running CNI agree on the network type.
	Proven    bool                    `json:"networkTypeProven"`
	AddOn     string                  `json:"addon,omitempty"`
	Installed string                  `json:"installedVersion,omitempty"`
	Wanted    string                  `json:"wantedVersion,omitempty"`
	Newest    string                  `json:"newestFitting,omitempty"`
	Pinned    bool                    `json:"pinned"`
	Pin       *plan.Pin               `json:"pin,omitempty"`
	Settings  *settingsReport         `json:"settings,omitempty"`
	State     plan.State              `json:"state"`
	Lifecycle string                  `json:"lifecycleState,omitempty"`
	DrivenBy  string                  `json:"drivenBy"`
	Nodes     nodeCounts              `json:"nodes"`
	Versions  []noderoll.VersionCount `json:"nodeVersions,omitempty"`
	Waiting   []noderoll.Waiting      `json:"waiting,omitempty"`
	Findings  []plan.Finding          `json:"findings,omitempty"`
	// Next says how to go on when something is left to do; no manager does it.
	Next string `json:"next,omitempty"`
	// Conditions are what the record's status would say now.
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what is wanted, what is installed and what the nodes really run",
		Args:  noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			for {
				in, p, err := a.look(c, plan.Request{})
				if err != nil {
					return err
				}
				if err := a.print(statusOf(in, p)); err != nil || !watch {
					return err
				}
				select {
				case <-c.Context().Done():
					return nil
				case <-time.After(2 * time.Second):
				}
			}
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "look again every two seconds, until interrupted")
	return c
}

func statusOf(in plan.Input, p plan.Plan) statusReport {
	r := statusReport{
		Cluster: p.Cluster, Kubernetes: in.Cluster.Kubernetes.String(), NetworkType: p.NetworkType, AddOn: p.AddOn,
		Installed: in.Installed.Version, Pinned: p.Pinned, State: p.State, Lifecycle: status.Lifecycle(p), DrivenBy: drivenBy,
		Nodes:    nodeCounts{Total: p.Nodes.Total, Updated: p.Nodes.Updated, Ready: p.Nodes.Ready},
		Findings: p.Findings, Settings: settingsOf(p.Desired.Settings),
	}
	r.Proven = p.NetworkType != "" && !slices.ContainsFunc(p.Findings, func(f plan.Finding) bool {
		return f.Reason == plan.NetworkTypeUnproven || f.Reason == plan.NotRegistered
	})
	if p.Pinned {
		pin := p.Desired.Pin
		r.Pin = &pin
	}
	if in.Installed.Present {
		r.Versions, r.Waiting = p.Nodes.Versions, p.Nodes.Waiting
	}
	if len(p.Steps) > 0 {
		r.Next = "addonctl update"
		if in.Desired.MoveTo != "" {
			r.Next += " --version " + in.Desired.MoveTo
		}
	}
	r.Wanted = wanted(in, p)
	for _, c := range plan.Choices(in) {
		if c.Newest {
			r.Newest = c.Version
		}
	}
	r.Conditions = status.Addon(v1alpha1.AddonStatus{}, 0, in, p, drivenBy).Conditions
	return r
}

// wanted is the version that the record asks for; an automatic add-on asks for none in particular.
func wanted(in plan.Input, p plan.Plan) string {
	if p.Pinned {
		return p.Desired.Version
	}
	return in.Desired.MoveTo
}

func (r statusReport) name() string {
	return fmt.Sprintf("addon/%s.%s", r.Cluster, strings.ToLower(r.AddOn))
}

func (r statusReport) table(w io.Writer, wide bool) {
	rows := [][]string{
		{"Cluster:", fmt.Sprintf("%s (Kubernetes %s)", r.Cluster, r.Kubernetes)},
		{"Network type:", networkText(r)},
	}
	if r.AddOn != "" {
		rows = append(rows,
			[]string{"Add-on:", fmt.Sprintf("%s %s", r.AddOn, orNone(r.Installed))},
			[]string{"Updates:", pinText(r)},
			[]string{"State:", strings.TrimSpace(fmt.Sprintf("%s %s", r.State, bracket(r.Lifecycle)))},
		)
	}
	if wide && r.Settings != nil {
		rows = append(rows, []string{"Settings:", r.Settings.text})
	}
	if r.Installed != "" {
		rows = append(rows, []string{"Nodes:", fmt.Sprintf("%d, %d of the newest revision, %d ready", r.Nodes.Total, r.Nodes.Updated, r.Nodes.Ready)},
			[]string{"They run:", versionsText(r.Versions)})
	}
	columns(w, rows...)
	for _, n := range r.Waiting {
		fmt.Fprintf(w, "  %s: %s (%s)\n", n.Node, n.Why, n.State)
	}
	if r.Next != "" {
		fmt.Fprintf(w, "Something is left to do; unless a command is at work on it, go on with: %s\n", r.Next)
	}
	for _, f := range r.Findings {
		switch {
		case f.Minor: // plan names them
		case f.Fix == "":
			fmt.Fprintf(w, "%s: %s\n", f.Reason, f.Message)
		default:
			fmt.Fprintf(w, "%s: %s\n  -> %s\n", f.Reason, f.Message, f.Fix)
		}
	}
}

func networkText(r statusReport) string {
	switch {
	case r.NetworkType == "":
		return "not registered"
	case r.Proven:
		return fmt.Sprintf("%s, for life", r.NetworkType)
	default:
		return fmt.Sprintf("%s, NOT PROVEN", r.NetworkType)
	}
}

func orNone(s string) string {
	if s == "" {
		return "(not installed)"
	}
	return s
}

func bracket(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func pinText(r statusReport) string {
	if !r.Pinned {
		text := "automatic"
		switch {
		case r.Wanted != "" && r.Wanted != r.Installed:
			text += ", on the way to " + r.Wanted
		case r.Newest != "" && r.Newest != r.Installed:
			text += fmt.Sprintf(", %s is the newest that fits", r.Newest)
		}
		return text
	}
	text := fmt.Sprintf("pinned to %s: %s", r.Wanted, r.Pin.Reason)
	if r.Pin.By != "" {
		text += ", by " + r.Pin.By
	}
	if !r.Pin.At.IsZero() {
		text += ", " + r.Pin.At.UTC().Format("2006-01-02 15:04 UTC")
	}
	if !r.Pin.Until.IsZero() {
		text += ", until " + r.Pin.Until.UTC().Format(time.DateOnly)
	}
	if r.Pin.Ticket != "" {
		text += ", ticket " + r.Pin.Ticket
	}
	return text
}

func versionsText(vs []noderoll.VersionCount) string {
	var out []string
	for _, v := range vs {
		out = append(out, fmt.Sprintf("%s on %s", v.Version, plural(v.Nodes, "node", "nodes")))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// nodesReport is the result of `nodes`.
type nodesReport struct {
	Cluster string      `json:"cluster"`
	AddOn   string      `json:"addon"`
	Items   []nodeTruth `json:"nodes"`
}

// nodeTruth is one node with its state.
type nodeTruth struct {
	noderoll.Node
	State noderoll.State `json:"state"`
	Why   string         `json:"why,omitempty"`
}

func (a *app) nodesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "nodes",
		Short: "Show for every node what it really runs of the add-on",
		Args:  noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			in, p, err := a.look(c, plan.Request{})
			if err != nil {
				return err
			}
			return a.print(nodesOf(in, p))
		},
	}
}

func nodesOf(in plan.Input, p plan.Plan) nodesReport {
	why := map[string]string{}
	for _, w := range p.Nodes.Waiting {
		why[w.Node] = w.Why
	}
	r := nodesReport{Cluster: p.Cluster, AddOn: p.AddOn, Items: []nodeTruth{}}
	for _, n := range in.Nodes {
		t := nodeTruth{Node: n, State: noderoll.Classify(n, in.Installed.Newest), Why: why[n.Name]}
		if n.Exempt != "" {
			t.Why = n.Exempt
		}
		r.Items = append(r.Items, t)
	}
	return r
}

func (r nodesReport) name() string {
	var out []string
	for _, n := range r.Items {
		out = append(out, "node/"+n.Name)
	}
	return strings.Join(out, "\n")
}

func (r nodesReport) table(w io.Writer, wide bool) {
	head := []string{"NODE", "STATE", "VERSION", "READY", "RESTARTS", "WHY"}
	if wide {
		head = []string{"NODE", "STATE", "VERSION", "READY", "RESTARTS", "POOL", "ZONE", "KUBELET", "POD", "REVISION", "WHY"}
	}
	rows := [][]string{head}
	for _, n := range r.Items {
		rows = append(rows, n.row(wide))
	}
	columns(w, rows...)
}

func (n nodeTruth) row(wide bool) []string {
	p := noderoll.Pod{}
	if n.Pod != nil {
		p = *n.Pod
	}
	ready := "no"
	if p.Available && n.Ready {
		ready = "yes"
	}
	out := []string{n.Name, string(n.State), dash(p.Version), ready, fmt.Sprint(p.Restarts)}
	if wide {
		out = append(out, dash(n.Pool), dash(n.Zone), dash(n.KubeletVersion), dash(p.Name), dash(p.Revision))
	}
	return append(out, n.Why)
}

// historyReport is the result of `history`.
type historyReport struct {
	Cluster string          `json:"cluster"`
	AddOn   string          `json:"addon"`
	Items   []plan.Revision `json:"revisions"`
}

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history",
		Short: "Show the recorded revisions, newest first",
		Args:  noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			in, p, err := a.look(c, plan.Request{})
			if err != nil {
				return err
			}
			r := historyReport{Cluster: p.Cluster, AddOn: p.AddOn, Items: slices.Clone(in.Record.Revisions)}
			slices.Reverse(r.Items)
			return a.print(r)
		},
	}
}

func (r historyReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, fmt.Sprintf("revision/%d", i.Number))
	}
	return strings.Join(out, "\n")
}

func (r historyReport) table(w io.Writer, _ bool) {
	rows := [][]string{{"REVISION", "VERSION", "STATUS", "UPDATED", "DESCRIPTION"}}
	for _, i := range r.Items {
		rows = append(rows, []string{
			fmt.Sprint(i.Number), i.Version, string(i.Status), i.Updated.UTC().Format("2006-01-02 15:04:05"), i.Description,
		})
	}
	columns(w, rows...)
}
