package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// versionsReport is the result of `versions`.
type versionsReport struct {
	NetworkType catalog.NetworkType `json:"networkType"`
	AddOn       string              `json:"addon"`
	Kubernetes  string              `json:"kubernetes"`
	Items       []plan.Choice       `json:"versions"`
}

func (a *app) versionsCommand() *cobra.Command {
	var networkType, kubernetes string
	c := &cobra.Command{
		Use:   "versions",
		Short: "List the releases of the cluster's add-on, and why each fits or does not",
		Long: `Lists the releases, newest first. With --network-type and --kubernetes no cluster is asked; with one of them the other
is read from the cluster.`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := a.choose(c, networkType, kubernetes)
			if err != nil {
				return err
			}
			addOn, ok := in.Catalog.ForNetworkType(in.Cluster.NetworkType)
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
	c.Flags().StringVar(&networkType, "network-type", "", "network type to list releases for; the cluster's own when empty")
	c.Flags().StringVar(&kubernetes, "kubernetes", "", "Kubernetes version to judge them by, such as 1.34; the cluster's own when empty")
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	return c
}

// choose gathers what judging the releases needs; a cluster is asked only for what was not given.
func (a *app) choose(c *cobra.Command, networkType, kubernetes string) (plan.Input, error) {
	t, err := parseNetworkType(networkType)
	if err != nil {
		return plan.Input{}, err
	}
	var k version.Version
	if kubernetes != "" {
		if k, err = version.Parse(kubernetes); err != nil {
			return plan.Input{}, usage("give a version such as 1.34 or v1.34.2", "--kubernetes: %w", err)
		}
	}
	if t != "" && !k.IsZero() {
		cat, err := a.catalog()
		return plan.Input{Catalog: cat, Cluster: plan.Cluster{NetworkType: t, Kubernetes: k}}, err
	}
	in, _, err := a.look(c, plan.Request{})
	if err != nil {
		return in, err
	}
	if t != "" {
		in.Cluster.NetworkType = t
	}
	if !k.IsZero() {
		in.Cluster.Kubernetes = k
	}
	return in, nil
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
