package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// diffReport is the result of `diff`.
type diffReport struct {
	AddOn       string              `json:"addon"`
	NetworkType catalog.NetworkType `json:"networkType"`
	From        diffSide            `json:"from"`
	To          diffSide            `json:"to"`
	Differences []render.Difference `json:"differences"`
}

// diffSide is a release with the Kubernetes version that it was rendered for.
type diffSide struct {
	Version    string `json:"version"`
	Kubernetes string `json:"kubernetes"`

	release catalog.Release
	k       version.Version
}

func (a *app) diffCommand() *cobra.Command {
	var f renderFlags
	c := &cobra.Command{
		Use:   "diff FROM TO --network-type TYPE",
		Short: "Show what two releases of an add-on write differently, object by object; no cluster is asked",
		Long: `Renders two releases and compares their objects by meaning. What an API server fills in, the order of rules, variables,
ports, tolerations and volumes, and the names that end in the hash of their content do not count. Long lists are cut; -o wide
and -o json have everything.

Without --kubernetes both are rendered for the newest minor that both are listed for, or else each for its own newest.

Exit code 0 when there is no difference, 1 when there is one, 2 when comparing failed.`,
		Example: `  addonctl diff 0.26.2 0.27.3 --network-type flannel
  addonctl diff 3.30.3 3.32.0 --network-type vcn-native --addon Calico --kubernetes 1.34 -o json`,
		Args: arguments(2, "FROM", "TO"), ValidArgsFunction: a.completeDiff, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, args []string) error {
			r, err := a.diff(c, f, args[0], args[1])
			if err != nil {
				return failedLook(err)
			}
			if err := a.print(r); err != nil {
				return failedLook(err)
			}
			if len(r.Differences) > 0 {
				return &exit{code: exitFailure, err: fmt.Errorf("%s %s and %s differ", r.AddOn, r.From.Version, r.To.Version)}
			}
			return nil
		},
	}
	s := c.Flags()
	s.StringVar(&f.networkType, "network-type", "", networkTypeHelp)
	s.StringVar(&f.addOn, "addon", "", "add-on whose releases are compared, such as Calico; the CNI of the network type when empty")
	s.StringVar(&f.kubernetes, "kubernetes", "", "Kubernetes version to render both for, such as 1.34.2")
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	_ = c.RegisterFlagCompletionFunc("addon", a.completeNamed(false))
	_ = c.RegisterFlagCompletionFunc("kubernetes", a.completeMinor)
	return c
}

func (a *app) diff(c *cobra.Command, f renderFlags, from, to string) (diffReport, error) {
	cat, err := a.catalog()
	if err != nil {
		return diffReport{}, err
	}
	addOn, t, err := f.target(cat)
	if err != nil {
		return diffReport{}, err
	}
	r := diffReport{AddOn: addOn.Name, NetworkType: t, Differences: []render.Difference{}}
	if r.From.release, err = releaseOf(addOn, "FROM", from); err != nil {
		return r, err
	}
	if r.To.release, err = releaseOf(addOn, "TO", to); err != nil {
		return r, err
	}
	if err := r.judgedFor(a, f.kubernetes); err != nil {
		return r, err
	}
	in, err := f.imagined(cat, t)
	if err != nil {
		return r, err
	}
	sides := [2]*render.Render{}
	for i, side := range []*diffSide{&r.From, &r.To} {
		in.Cluster.Kubernetes = side.k
		if sides[i], err = a.renderRelease(c, addOn, side.release, f.settings(in, plan.Settings{})); err != nil {
			return r, err
		}
		side.Version, side.Kubernetes = side.release.Version.String(), side.k.String()
	}
	r.Differences = append(r.Differences, render.Compare(sides[0].Objects, sides[1].Objects)...)
	return r, nil
}

// judgedFor chooses the Kubernetes versions, and says which where none was given, or where one does not fit.
func (r *diffReport) judgedFor(a *app, kubernetes string) error {
	if kubernetes != "" {
		k, err := kubernetesOf(kubernetes)
		r.From.k, r.To.k = k, k
		for _, side := range []diffSide{r.From, r.To} {
			if why, fits := side.release.Kubernetes.Admit(k); err == nil && !fits {
				a.note(fmt.Sprintf("note: %s %s %s", r.AddOn, side.release.Version, why))
			}
		}
		return err
	}
	k := newestListed(r.From.release, r.To.release)
	if !k.IsZero() {
		r.From.k, r.To.k = k, k
		a.note(fmt.Sprintf("for Kubernetes %s, the newest that both are listed for; --kubernetes takes another", k))
		return nil
	}
	r.From.k, _ = r.From.release.NewestKubernetes()
	r.To.k, _ = r.To.release.NewestKubernetes()
	a.note(fmt.Sprintf("%s for Kubernetes %s and %s for %s, since no minor is listed for both; --kubernetes takes one for both",
		r.From.release.Version, r.From.k, r.To.release.Version, r.To.k))
	return nil
}

// completeDiff offers the releases of the add-on that the flags name.
func (a *app) completeDiff(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	cat, err := a.catalog()
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	name, _ := c.Flags().GetString("addon")
	if name == "" {
		given, _ := c.Flags().GetString("network-type")
		t, _ := parseNetworkType(given)
		addOn, _ := cat.ForNetworkType(t)
		name = addOn.Name
	}
	return releaseNames(cat, name, prefix), cobra.ShellCompDirectiveNoFileComp
}
