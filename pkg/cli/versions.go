package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

// versionsReport is the result of `versions`.
type versionsReport struct {
	NetworkType catalog.NetworkType `json:"networkType"`
	AddOn       string              `json:"addon"`
	Kubernetes  string              `json:"kubernetes"`
	Items       []plan.Choice       `json:"versions"`
}

func (a *app) versionsCommand() *cobra.Command {
	var s situation
	c := &cobra.Command{
		Use:   "versions",
		Short: "List the releases of the cluster's add-on, and why each fits or does not",
		Long: `Lists the releases, newest first, and says for each why it fits or not, and why automatic mode takes it or not.
With --kubernetes and --network-type (or --addon) no cluster is asked; with one of them the other is read from the cluster.`,
		Example: `  addonctl versions
  addonctl versions --kubernetes 1.34 --network-type vcn-native
  addonctl versions --kubernetes 1.34 --addon Calico`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := a.choose(c, s)
			if err != nil {
				return err
			}
			addOn, ok := judged(in)
			if !ok {
				e := &exit{code: exitRefused, err: fmt.Errorf("the catalog has no add-on for network type %s", in.Cluster.NetworkType)}
				if in.Cluster.NetworkType == "" {
					e.err, e.hint = fmt.Errorf("cluster %s has no recorded network type", a.cluster), "register the cluster, or give --network-type"
				}
				return e
			}
			return a.print(versionsReport{in.Cluster.NetworkType, addOn.Name, in.Cluster.Kubernetes.String(), plan.Choices(in)})
		},
	}
	f := c.Flags()
	f.StringVar(&s.networkType, "network-type", "", "network type to list releases for; the cluster's own when empty")
	f.StringVar(&s.kubernetes, "kubernetes", "", "Kubernetes version to judge them by, such as 1.34; the cluster's own when empty")
	factFlag(c, &s.facts)
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	a.addOnFlag(c, &s.addOn)
	return c
}

// judged is the add-on whose releases are listed.
func judged(in plan.Input) (catalog.AddOn, bool) {
	if in.AddOn != "" {
		return in.Catalog.AddOn(in.AddOn)
	}
	return in.Catalog.ForNetworkType(in.Cluster.NetworkType)
}

// choose gathers what judging the releases needs; a cluster is asked only for what was not given.
func (a *app) choose(c *cobra.Command, s situation) (plan.Input, error) {
	t, err := parseNetworkType(s.networkType)
	if err != nil {
		return plan.Input{}, err
	}
	if s.kubernetes != "" && (t != "" || s.addOn != "") {
		told, err := toldFacts(s.facts)
		if err != nil {
			return plan.Input{}, err
		}
		return a.imagine(s, told)
	}
	in, _, err := a.consider(c, situation{addOn: s.addOn, facts: s.facts}, plan.Request{})
	if err != nil {
		return in, err
	}
	if t != "" {
		in.Cluster.NetworkType = t
	}
	if s.kubernetes == "" {
		return in, nil
	}
	in.Cluster.Kubernetes, err = kubernetesOf(s.kubernetes)
	return in, err
}

func (r versionsReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, i.Version)
	}
	return strings.Join(out, "\n")
}

func (r versionsReport) table(w io.Writer, wide bool) {
	head := []string{"VERSION", "STATUS", "FITS", "MARK", "WHY"}
	if wide {
		head = []string{"VERSION", "STATUS", "FITS", "MARK", "LISTED FOR", "WHY"}
	}
	rows := [][]string{head}
	for _, i := range r.Items {
		fits := "no"
		if i.Fits {
			fits = "yes"
		}
		row := []string{i.Version, string(i.Status), fits, dash(marks(i))}
		if wide {
			row = append(row, dash(strings.Join(i.ListedFor, ",")))
		}
		rows = append(rows, append(row, i.Why))
	}
	columns(w, rows...)
}

func marks(c plan.Choice) string {
	var out []string
	for _, m := range []struct {
		on   bool
		name string
	}{{c.Installed, "installed"}, {c.Pinned, "pinned"}, {c.Newest, "newest"}} {
		if m.on {
			out = append(out, m.name)
		}
	}
	return strings.Join(out, ",")
}
