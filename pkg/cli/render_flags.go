package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// renderFlags describe a cluster that is not asked, and what is to be rendered for it.
type renderFlags struct {
	networkType, version, kubernetes, addOn string
	calico                                  bool
	calicoVersion                           string
	region, realm                           string
	overlay, calicoOverlay                  string

	// These are the command render's alone.
	facts, configurations    []string
	values, calicoValues     string
	definitions              string
	podCIDRs, families, pool []string
	nodes                    int
}

// add are the flags of every command that renders.
func (f *renderFlags) add(a *app, c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.networkType, "network-type", "", networkTypeHelp)
	s.StringVar(&f.version, "version", "", "release to render; the newest that fits when empty")
	s.StringVar(&f.kubernetes, "kubernetes", "", "Kubernetes version to render for, such as 1.34.2; when empty the newest minor that the release is listed for")
	s.BoolVar(&f.calico, "calico", false, "add Calico beside the CNI")
	s.StringVar(&f.calicoVersion, "calico-version", "", "release of Calico; the newest that fits when empty")
	s.StringVar(&f.region, "region", "", "region whose registry the images are pulled from, such as us-ashburn-1")
	s.StringVar(&f.realm, "realm", "", "realm that the cluster is in, such as OC1")
	s.StringVar(&f.overlay, "overlay", "", "folder with a kustomize overlay that is laid over the add-on's objects (with --calico the CNI's)")
	s.StringVar(&f.calicoOverlay, "calico-overlay", "", "folder with a kustomize overlay that is laid over Calico's objects")
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	_ = c.RegisterFlagCompletionFunc("version", a.completeVersion)
	_ = c.RegisterFlagCompletionFunc("calico-version", a.completeCalicoVersion)
	_ = c.RegisterFlagCompletionFunc("kubernetes", a.completeMinor)
	_ = c.RegisterFlagCompletionFunc("region", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("realm", fixed("OC1", "OC2", "OC3"))
	_ = c.MarkFlagDirname("overlay")
	_ = c.MarkFlagDirname("calico-overlay")
}

// addDetails are the flags that say more of the cluster and of the add-on.
func (f *renderFlags) addDetails(a *app, c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.addOn, "addon", "", "render this add-on alone, such as Calico; the CNI of the network type when empty")
	s.StringArrayVar(&f.configurations, "set-config", nil,
		"set a configuration key, as KEY=VALUE, KEY=@FILE or Calico:KEY=VALUE, JSON as plain text or in Base64; may be repeated")
	s.StringVar(&f.values, "values", "", "YAML file with values of the add-on's chart (with --calico the CNI's)")
	s.StringVar(&f.calicoValues, "calico-values", "", "YAML file with values of Calico's chart")
	s.StringVar(&f.definitions, "definitions", "", "folder, file or oci:// reference of CustomResourceDefinitions that take the place of the chart's own")
	s.StringSliceVar(&f.podCIDRs, "pod-cidr", nil, "block of the pods' addresses, at most one per IP family (default 10.244.0.0/16)")
	s.StringSliceVar(&f.families, "ip-families", nil, "address families in order of preference: IPv4, or IPv4,IPv6")
	s.StringSliceVar(&f.pool, "node-pools", nil, "kinds of node pools that the cluster has: Managed, SelfManaged, Virtual")
	s.IntVar(&f.nodes, "nodes", 0, "about how many nodes the cluster has; 0 when it is not known")
	factFlag(c, &f.facts)
	_ = c.RegisterFlagCompletionFunc("addon", a.completeNamed(false))
	_ = c.RegisterFlagCompletionFunc("set-config", a.completeConfiguration)
	_ = c.MarkFlagFilename("values", "yaml", "yml", "json")
	_ = c.MarkFlagFilename("calico-values", "yaml", "yml", "json")
	_ = c.MarkFlagFilename("definitions", "yaml", "yml", "json", "tgz")
	_ = c.RegisterFlagCompletionFunc("pod-cidr", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("ip-families", fixed("IPv4", "IPv4,IPv6", "IPv6,IPv4"))
	_ = c.RegisterFlagCompletionFunc("node-pools", fixed(nodeKindNames()...))
	_ = c.RegisterFlagCompletionFunc("nodes", cobra.NoFileCompletions)
}

// check refuses what says nothing, or two things, before anything is read.
func (f *renderFlags) check(a *app, c *cobra.Command) error {
	for _, name := range []string{"calico-version", "calico-values", "calico-overlay"} {
		if c.Flags().Changed(name) && !f.calico {
			return usage("add --calico; to render Calico alone: --addon "+calicoName, "--%s says something of Calico, which is not asked for", name)
		}
	}
	switch {
	case c.Flags().Changed("calico-version") && f.calicoVersion == "":
		return usage("leave it out for the newest that fits", "--calico-version is empty")
	case f.calico && f.addOn != "":
		return usage("leave one out: --calico renders it beside the CNI", "--addon renders one add-on alone, and --calico asks for another")
	}
	if err := f.checkCluster(); err != nil {
		return err
	}
	return a.checkVersion(c)
}

// checkCluster refuses what no cluster is like.
func (f *renderFlags) checkCluster() error {
	if f.nodes < 0 {
		return usage("give about how many there are, or leave it out", "--nodes %d is no number of nodes", f.nodes)
	}
	if want := catalog.FactRealm.Misfit(f.realm); f.realm != "" && want != "" {
		return usage("give "+want, "--realm %q is none", f.realm)
	}
	if err := checkFamilies(f.families); err != nil {
		return err
	}
	return checkPodCIDRs(f.podCIDRs)
}

func checkFamilies(families []string) error {
	for i, family := range families {
		switch {
		case family != "IPv4" && family != "IPv6":
			return usage("one or both of IPv4 and IPv6", "--ip-families: unknown family %q", family)
		case slices.Contains(families[:i], family):
			return usage("give each family once", "--ip-families: %s is given twice", family)
		}
	}
	return nil
}

// completeCalicoVersion offers the releases of Calico; no cluster is asked.
func (a *app) completeCalicoVersion(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalog()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return releaseNames(c, calicoName, prefix), cobra.ShellCompDirectiveNoFileComp
}

// completeMinor offers the minors of Kubernetes that any release is listed for.
func (a *app) completeMinor(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalog()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var minors []version.Minor
	for _, addOn := range c.AddOns {
		for _, r := range addOn.Releases {
			minors = append(minors, r.ListedFor...)
		}
	}
	slices.SortFunc(minors, version.Minor.Compare)
	out := slices.DeleteFunc(texts(slices.Compact(minors)), func(s string) bool { return !strings.HasPrefix(s, prefix) })
	return out, cobra.ShellCompDirectiveNoFileComp
}
