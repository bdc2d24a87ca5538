package cli

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// outdatedReport is the result of `outdated`.
type outdatedReport struct {
	Items []outdatedItem `json:"addons"`
}

// outdatedItem is an add-on that is behind, or not whole.
type outdatedItem struct {
	Cluster   string `json:"cluster"`
	AddOn     string `json:"addon"`
	Installed string `json:"installed"`
	// Newest that automatic mode would take; empty when that is the installed one.
	Newest string `json:"newest,omitempty"`
	Pinned string `json:"pinned,omitempty"`
	// Nodes that run something else than what is installed, by version.
	Nodes []noderoll.VersionCount `json:"nodes,omitempty"`
	// Why says what is behind, in sentences.
	Why []string `json:"why"`
}

func (a *app) outdatedCommand() *cobra.Command {
	s := situation{}
	c := &cobra.Command{
		Use:   "outdated",
		Short: "List what is behind: a newer release that fits, nodes on an older one, a pin that needs a look",
		Long: `Lists the add-on when a newer release fits than the installed one, when nodes run another release than the installed
one, and when a pin has failed, is expiring, recalled, or will not fit the next Kubernetes version. Exit code 1 when something is
listed, 0 when nothing is, 2 when looking failed.`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			in, p, err := a.consider(c, s, plan.Request{})
			if err != nil {
				return failedLook(err)
			}
			if unjudged(p) {
				return failedLook(refusal(p))
			}
			r := outdatedReport{Items: []outdatedItem{}}
			if item, behind := outdatedOf(in, p); behind {
				r.Items = append(r.Items, item)
			}
			if err := a.print(r); err != nil {
				return err
			}
			if len(r.Items) > 0 {
				return &exit{code: exitFailure, err: errors.New("something is behind"), hint: "addonctl explain says why it has not moved, addonctl plan what update would do"}
			}
			return nil
		},
	}
	s.add(a, c)
	c.Flags().StringVar(&s.networkType, "network-type", "", "with --kubernetes, the imagined cluster's")
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	return c
}

// failedLook gives a failure the code that design gives `diff`, `drift`, `outdated` and `catalog verify`: 1 means differences
// there. A server that does not answer, and an interrupt, keep their own.
func failedLook(err error) error {
	code, hint := codeOf(err)
	if code != exitFailure && code != exitRefused {
		return err
	}
	return &exit{code: exitUsage, err: err, hint: hint}
}

// unjudged tells whether nothing can be said of the cluster's add-on: then nothing is found to be well either.
func unjudged(p plan.Plan) bool {
	return slices.ContainsFunc(p.Blocking(), func(f plan.Finding) bool {
		return slices.Contains([]plan.Reason{plan.NotRegistered, plan.NoAddOn, plan.OtherRecord, plan.NetworkTypeUnproven}, f.Reason)
	})
}

// pinReasons are findings about a pin that make an add-on outdated though nothing newer is taken.
var pinReasons = []plan.Reason{
	plan.PinExpiring, plan.PinExpired, plan.PinIncompatible, plan.PinFailed, plan.PinRecalled, plan.RecalledInstalled,
	plan.KubernetesOutOfRange, plan.FactUnknown,
}

func outdatedOf(in plan.Input, p plan.Plan) (item outdatedItem, behind bool) {
	item = outdatedItem{Cluster: p.Cluster, AddOn: p.AddOn, Installed: in.Installed.Version}
	if p.Pinned {
		item.Pinned = p.Desired.Version
	}
	switch {
	case in.Installed.Present:
		item.releases(in, p)
	case p.AddOn != "":
		item.Why = append(item.Why, "it is not installed")
	}
	for _, f := range p.Findings {
		if slices.Contains(pinReasons, f.Reason) {
			item.Why = append(item.Why, f.Message)
		}
	}
	return item, len(item.Why) > 0
}

// releases tells of a newer release that fits, and of nodes that run another one than is installed.
func (i *outdatedItem) releases(in plan.Input, p plan.Plan) {
	for _, c := range plan.Choices(in) {
		if c.Newest && !c.Installed {
			i.Newest = c.Version
			i.Why = append(i.Why, c.Version+" is newer and fits")
		}
	}
	for _, v := range p.Nodes.Versions {
		if v.Version != in.Installed.Version {
			i.Nodes = append(i.Nodes, v)
			i.Why = append(i.Why, v.String())
		}
	}
}

func (r outdatedReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, "addon/"+i.Cluster+"."+strings.ToLower(i.AddOn))
	}
	return strings.Join(out, "\n")
}

func (r outdatedReport) table(w io.Writer, _ bool) {
	if len(r.Items) == 0 {
		columns(w, []string{"nothing is behind"})
		return
	}
	rows := [][]string{{"CLUSTER", "ADDON", "INSTALLED", "NEWEST", "PINNED", "WHY"}}
	for _, i := range r.Items {
		rows = append(rows, []string{i.Cluster, i.AddOn, dash(i.Installed), dash(i.Newest), dash(i.Pinned), strings.Join(i.Why, "; ")})
	}
	columns(w, rows...)
}
