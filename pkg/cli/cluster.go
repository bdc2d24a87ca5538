package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/plan"
)

func (a *app) clusterCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "cluster", Short: "Register clusters with their network type, and list those of a fleet", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.registerCommand(), a.clusterListCommand())
	return c
}

func (a *app) registerCommand() *cobra.Command {
	var networkType string
	var yes, restamp bool
	r := plan.Request{Verb: plan.Register}
	c := &cobra.Command{
		Use:   "register --network-type TYPE",
		Short: "Record a cluster's network type, for life, without installing anything",
		Long: `Records the network type and stamps it on the cluster. Registering again with the same type changes nothing, with
another type it is refused. --restamp writes a lost stamp anew, and only when the record and the running CNI agree.`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if r.NetworkType, err = parseNetworkType(networkType); err != nil {
				return err
			}
			if err := checkPodCIDRs(r.PodCIDRs); err != nil {
				return err
			}
			if restamp {
				return a.restamp(c, r, yes)
			}
			return a.run(c, r, actFlags{yes: yes, wait: true})
		},
	}
	c.Flags().StringVar(&networkType, "network-type", "", networkTypeHelp)
	c.Flags().StringSliceVar(&r.PodCIDRs, "pod-cidr", nil, "block of the pods' addresses, at most one per IP family")
	c.Flags().BoolVar(&restamp, "restamp", false, "write the stamp anew, when the record and the running CNI agree")
	c.Flags().BoolVar(&yes, "yes", false, "act without asking")
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	return c
}

// stampReport is the result of `cluster register --restamp`.
type stampReport struct {
	Cluster     string              `json:"cluster"`
	NetworkType catalog.NetworkType `json:"networkType"`
	Outcome     string              `json:"outcome"`
}

func (r stampReport) name() string { return "clusternetwork/" + r.Cluster }

func (r stampReport) table(w io.Writer, _ bool) {
	columns(w, []string{"CLUSTER", "NETWORK TYPE", "OUTCOME"}, []string{r.Cluster, string(r.NetworkType), r.Outcome})
}

func (a *app) restamp(c *cobra.Command, r plan.Request, yes bool) error {
	s, err := a.connect(c.Context(), "")
	if err != nil {
		return err
	}
	in, p, err := s.loop.LookWith(c.Context(), r)
	if err != nil {
		return s.explain(c.Context(), err)
	}
	for _, f := range p.Findings {
		if f.Reason == plan.NetworkTypeImmutable {
			return refusal(plan.Plan{Findings: []plan.Finding{f}})
		}
	}
	if why := plan.RestampRefused(in.Cluster); why != "" {
		return &exit{code: exitRefused, err: fmt.Errorf("the stamp is not written anew: %s", why)}
	}
	if err := s.ask(c.Context(), in, p, hub.Wish{}, yes); err != nil {
		return err
	}
	stamp := hub.Stamp{NetworkType: v1alpha1.NetworkType(in.Cluster.NetworkType), UID: in.Cluster.UID, Cluster: in.Cluster.Name}
	writer, err := s.seat.Account(c.Context())
	if err != nil {
		writer = s.client // there is no account, and so no guard yet
	}
	if err := hub.ReplaceStamp(c.Context(), writer, stamp); err != nil {
		return err
	}
	return a.print(stampReport{in.Cluster.Name, in.Cluster.NetworkType, "Restamped"})
}
