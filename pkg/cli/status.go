package cli

import (
	"context"
	"fmt"
	"io"
	"os"
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

// statusReport is the result of `status`.
type statusReport struct {
	Cluster     string              `json:"cluster"`
	Kubernetes  string              `json:"kubernetes"`
	NetworkType catalog.NetworkType `json:"networkType,omitempty"`
	// Proven is true when record, stamp and running CNI agree on the network type.
	Proven    bool      `json:"networkTypeProven"`
	AddOn     string    `json:"addon,omitempty"`
	Installed string    `json:"installedVersion,omitempty"`
	Wanted    string    `json:"wantedVersion,omitempty"`
	Newest    string    `json:"newestFitting,omitempty"`
	Pinned    bool      `json:"pinned"`
	Pin       *plan.Pin `json:"pin,omitempty"`
	// PinFailed says that nodes did not take the pinned release, and that another one stays; empty where that is not so.
	PinFailed string          `json:"pinFailed,omitempty"`
	Settings  *settingsReport `json:"settings,omitempty"`
	// Held are the releases that the cluster was put back from: automatic updates do not choose them again.
	Held      []plan.Held             `json:"held,omitempty"`
	State     plan.State              `json:"state"`
	Lifecycle string                  `json:"lifecycleState,omitempty"`
	DrivenBy  string                  `json:"drivenBy"`
	Nodes     nodeCounts              `json:"nodes"`
	Versions  []noderoll.VersionCount `json:"nodeVersions,omitempty"`
	Waiting   []noderoll.Waiting      `json:"waiting,omitempty"`
	// NodeUpdate says how nodes follow, and Roll where a roll of them stands; nil when none is under way.
	NodeUpdate plan.NodeUpdate    `json:"nodeUpdate,omitempty"`
	Paused     bool               `json:"rollPaused,omitempty"`
	Roll       *noderoll.Decision `json:"roll,omitempty"`
	// PutBack are the nodes of a halted roll that run the release before again, while the others keep what they have.
	PutBack []string `json:"putBack,omitempty"`
	// GuardLifted is true when the guard of the agents' pods is lifted and ours to restore.
	GuardLifted bool           `json:"guardLifted,omitempty"`
	Findings    []plan.Finding `json:"findings,omitempty"`
	// Next says how to go on when something is left to do; no manager does it.
	Next string `json:"next,omitempty"`
	// Conditions are what the record's status would say now.
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Beside are the add-ons beside the CNI, as their records say.
	Beside []besideReport `json:"beside,omitempty"`

	// red is true where a danger is written in red.
	red bool
}

// liftedText says that the guard of the agents' pods is lifted, to whoever looks and to whoever is refused.
const liftedText = "THE GUARD OF THE AGENTS' PODS IS LIFTED: whoever may delete pods may take nodes off the network; addonctl update restores it first thing"

// besideReport is an add-on beside the CNI, as its record says.
type besideReport struct {
	AddOn     string `json:"addon"`
	Installed string `json:"installedVersion,omitempty"`
	Lifecycle string `json:"lifecycleState,omitempty"`
}

func (b besideReport) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", b.AddOn, orNone(b.Installed), bracket(b.Lifecycle)))
}

// status is one look, and what the records say of add-ons beside the CNI.
func (s *session) status(ctx context.Context) (statusReport, error) {
	in, p, err := s.look(ctx, plan.Request{})
	if err != nil {
		return statusReport{}, err
	}
	r := statusOf(in, p)
	if by := s.managing(ctx, in.Now); by != "" {
		r.DrivenBy = by
	}
	r.red = s.screen && os.Getenv("NO_COLOR") == ""
	for _, a := range in.Catalog.AddOns {
		if p.Beside || a.NetworkType != "" {
			continue
		}
		beside, err := s.hub.Addon(ctx, s.cluster, a.Name)
		if err != nil {
			return r, err
		}
		if beside != nil {
			r.Beside = append(r.Beside, besideReport{a.Name, beside.Status.CurrentInstalledVersion, beside.Status.LifecycleState})
		}
	}
	return r, nil
}

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	var addOn string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what is wanted, what is installed and what the nodes really run",
		Args:  noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			for {
				s, err := a.connect(c.Context(), addOn)
				if err != nil {
					return err
				}
				r, err := s.status(c.Context())
				if err != nil {
					return err
				}
				if err := a.print(r); err != nil || !watch {
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
	a.addOnFlag(c, &addOn)
	c.Flags().BoolVarP(&watch, "watch", "w", false, "look again every two seconds, until interrupted")
	return c
}

func statusOf(in plan.Input, p plan.Plan) statusReport {
	r := statusReport{
		Cluster: p.Cluster, Kubernetes: in.Cluster.Kubernetes.String(), NetworkType: p.NetworkType, AddOn: p.AddOn,
		Installed: in.Installed.Version, Pinned: p.Pinned, PinFailed: p.PinFailed, State: p.State, Lifecycle: status.Lifecycle(p), DrivenBy: drivenBy,
		Nodes:    nodeCounts{Total: p.Nodes.Total, Updated: p.Nodes.Updated, Ready: p.Nodes.Ready},
		Findings: p.Findings, Settings: settingsOf(p.Desired.Settings), Held: heldOf(in),
		Paused: in.Desired.Roll.Paused, Roll: p.Roll, GuardLifted: in.Installed.Lifted,
	}
	if p.State == plan.HaltedState {
		r.PutBack = in.Desired.Back.Nodes
	}
	if p.AddOn != "" {
		r.NodeUpdate = plan.NodeUpdateOf(in)
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
	r.Next = nextOf(in, p)
	r.Wanted = wanted(in, p)
	for _, c := range plan.Choices(in) {
		if c.Newest {
			r.Newest = c.Version
		}
	}
	r.Conditions = status.Addon(v1alpha1.AddonStatus{}, 0, in, p, drivenBy).Conditions
	return r
}

// nextOf is the command that goes on where something is left to do; empty when nothing is.
func nextOf(in plan.Input, p plan.Plan) string {
	switch {
	case p.State == plan.HaltedState && in.Desired.Back.Leaves != "":
		return fmt.Sprintf("addonctl retry%s --version %s, then addonctl update%s --version %s", forAddOn(p), in.Desired.Back.Leaves, forAddOn(p), in.Desired.Back.Leaves)
	case p.State == plan.HaltedState:
		return "addonctl rollback" + forAddOn(p)
	case len(p.Steps) == 0:
		return ""
	case p.Recalled != "":
		return leave(p)
	case p.Roll != nil && p.Roll.Phase == noderoll.Paused:
		return "addonctl resume" + forAddOn(p)
	}
	next := "addonctl update" + forAddOn(p)
	if in.Desired.MoveTo != "" {
		next += " --version " + in.Desired.MoveTo
	}
	if p.Held {
		next += " --nodes roll"
	}
	return next
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
	if r.DrivenBy != drivenBy {
		rows = append(rows, []string{"Driven by:", "the manager " + r.DrivenBy + "; commands record what is wanted, and watch"})
	}
	if wide && r.Settings != nil {
		rows = append(rows, []string{"Settings:", r.Settings.text})
	}
	if r.Installed != "" {
		rows = append(rows, []string{"Nodes:", fmt.Sprintf("%d, %d of the newest revision, %d ready", r.Nodes.Total, r.Nodes.Updated, r.Nodes.Ready)},
			[]string{"They run:", noderoll.Truth{Versions: r.Versions}.Runs()})
	}
	rows = append(rows, r.rollRows(wide)...)
	for _, h := range r.Held {
		rows = append(rows, []string{"Held:", h.Version + heldSince(h)})
	}
	for _, b := range r.Beside {
		rows = append(rows, []string{"Beside:", b.String()})
	}
	columns(w, rows...)
	if r.GuardLifted {
		fmt.Fprintln(w, alarm(r.red, liftedText))
	}
	for _, n := range r.Waiting {
		fmt.Fprintf(w, "  %s: %s (%s)\n", n.Node, n.Why, n.State)
	}
	if r.Next != "" && r.DrivenBy == drivenBy {
		fmt.Fprintf(w, "Something is left to do; unless a command is at work on it, go on with: %s\n", r.Next)
	}
	r.findings(w)
}

func (r statusReport) findings(w io.Writer) {
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

// rollRows say how the nodes follow, where that matters now.
func (r statusReport) rollRows(wide bool) [][]string {
	var rows [][]string
	if wide && r.NodeUpdate != "" {
		rows = append(rows, []string{"Nodes follow:", nodesNames[r.NodeUpdate]})
	}
	if len(r.PutBack) > 0 {
		rows = append(rows, []string{"Put back:", someOf(r.PutBack) + "; the others keep what they have until somebody decides"})
	} else if r.Roll != nil {
		rows = append(rows, []string{"Roll:", standing(r.Roll)})
		if len(r.Roll.InFlight) > 0 {
			rows = append(rows, []string{"In flight:", someOf(r.Roll.InFlight)})
		}
		if len(r.Roll.Replace) > 0 {
			rows = append(rows, []string{"To replace:", someOf(r.Roll.Replace)})
		}
		if r.Roll.Halt != nil {
			rows = append(rows, []string{"Halted at:", r.Roll.Halt.String()})
		}
	}
	if r.Paused {
		rows = append(rows, []string{"Paused:", "no node is changed until addonctl resume"})
	}
	return rows
}

// alarm writes a danger in red where colours are shown.
func alarm(red bool, text string) string {
	if !red {
		return text
	}
	return "\x1b[1;31m" + text + "\x1b[0m"
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
	if r.PinFailed != "" {
		text = fmt.Sprintf("pinned to %s, which FAILED: %s", r.Wanted, r.Pin.Reason)
	}
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
