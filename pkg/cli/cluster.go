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
	c.AddCommand(a.registerCommand(), a.unregisterCommand(), a.clusterListCommand())
	return c
}

func (a *app) registerCommand() *cobra.Command {
	var types typeFlags
	var yes, restamp bool
	var e enrolFlags
	r := plan.Request{Verb: plan.Register}
	c := &cobra.Command{
		Use:   "register --network-type TYPE | register NAME --kubeconfig-file FILE",
		Short: "Record a cluster's network type, for life, without installing anything; or another cluster in this hub",
		Long: `Records the network type and stamps it on the cluster. Registering again with the same type changes nothing, with
another type it is refused. --restamp writes a lost stamp anew, and only when the record and the running CNI agree.

With NAME another cluster is registered in this hub, for its manager to drive: --kubeconfig-file says how it is reached. It is looked at first, and
its network type has to be proven as everywhere else: by its stamp, or by --network-type where it has none and no CNI of another type runs.
Then the hub gets the kubeconfig in a Secret (key "value", as Cluster API has it), an Addon with what the cluster's own record wants, pins among it, and
the ClusterNetwork with the labels. On the cluster nothing is written but the stamp, where it has none. Doing it again adds labels and renews the
kubeconfig.`,
		Example: `  addonctl cluster register --network-type flannel --yes
  addonctl cluster register prod-7 --kubeconfig-file prod-7.yaml --label env=prod --label region=eu --yes`,
		Args: func(c *cobra.Command, args []string) error {
			if e.file == "" {
				return noArgs(c, args)
			}
			return arguments(1, "NAME")(c, args)
		},
		PreRunE: a.checkOutput, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if err := types.read(&r); err != nil {
				return err
			}
			if err := checkPodCIDRs(r.PodCIDRs); err != nil {
				return err
			}
			switch {
			case e.file == "" && len(e.labels) > 0:
				return usage("add NAME and --kubeconfig-file FILE", "--label is for another cluster that this hub gets to know")
			case e.file != "" && restamp:
				return usage("use the cluster's own context for --restamp", "--restamp and --kubeconfig-file do not go together")
			case e.file != "":
				return a.enrol(c, args[0], r, e, yes)
			case restamp:
				return a.restamp(c, r, yes)
			default:
				return a.run(c, r, actFlags{yes: yes, wait: true})
			}
		},
	}
	types.add(c)
	c.Flags().StringSliceVar(&r.PodCIDRs, "pod-cidr", nil, "block of the pods' addresses, at most one per IP family")
	c.Flags().BoolVar(&restamp, "restamp", false, "write the stamp anew, when the record and the running CNI agree")
	c.Flags().BoolVar(&yes, "yes", false, "act without asking")
	e.add(c)
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
	if err := s.byRule(c.Context(), &r); err != nil {
		return s.explain(c.Context(), err)
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
