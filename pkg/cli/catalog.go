package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

func (a *app) catalogCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "catalog", Short: "Look at the catalog of releases, find ways through it, and prove it; no cluster is asked",
		Args: noArgs, SuggestionsMinimumDistance: 2,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		a.catalogListCommand(), a.catalogShowCommand(), a.catalogPathCommand(), a.catalogGraphCommand(), a.catalogVerifyCommand(),
		a.catalogSignCommand(),
	)
	return c
}

// fromFlag adds --from DIR, which is --catalog by another name.
func (a *app) fromFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.catalogDir, "from", "", "folder with a catalog to look at instead of the built-in one, as --catalog")
	_ = c.MarkFlagDirname("from")
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if err := a.checkOutput(c, args); err != nil {
			return err
		}
		return a.checkFrom(c)
	}
}

func (a *app) checkFrom(c *cobra.Command) error {
	if !c.Flags().Changed("from") {
		return nil
	}
	if c.Flags().Changed("catalog") {
		return usage("give one of them", "--from and --catalog mean the same folder")
	}
	if info, err := os.Stat(a.catalogDir); err != nil || !info.IsDir() {
		return usage("give the folder that holds one folder for each add-on", "--from %q: it is no folder", a.catalogDir)
	}
	return nil
}

// arguments wants as many arguments as there are names; only the first of them have to be given.
func arguments(least int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		hint := c.CommandPath() + " --help says what it takes"
		switch {
		case len(args) < least:
			return usage(hint, "%s needs %s", c.CommandPath(), strings.Join(names[len(args):least], " and "))
		case len(args) > len(names):
			return usage(hint, "%s: unknown argument %q", c.CommandPath(), args[len(names)])
		default:
			return nil
		}
	}
}

// named finds the add-on that an argument names.
func (a *app) named(name string) (catalog.AddOn, error) {
	c, err := a.catalog()
	if err != nil {
		return catalog.AddOn{}, err
	}
	return addOnOf(c, "ADDON", name)
}

// addOnOf finds an add-on by a value; where says which flag or argument gave it.
func addOnOf(c *catalog.Catalog, where, name string) (catalog.AddOn, error) {
	if found, ok := c.AddOn(name); ok {
		return found, nil
	}
	var names []string
	for _, x := range c.AddOns {
		if strings.EqualFold(x.Name, name) {
			return catalog.AddOn{}, usage("did you mean "+x.Name+"?", "%s: unknown add-on %q", where, name)
		}
		names = append(names, x.Name)
	}
	return catalog.AddOn{}, usage("the catalog has "+strings.Join(names, ", "), "%s: unknown add-on %q", where, name)
}

// releaseOf finds a release by a value; where says which flag or argument gave it.
func releaseOf(addOn catalog.AddOn, where, value string) (catalog.Release, error) {
	hint := fmt.Sprintf("addonctl catalog list %s lists the releases; the newest is %s", addOn.Name, addOn.Releases[0].Version)
	v, err := version.Parse(value)
	if err != nil {
		return catalog.Release{}, usage(hint, "%s: %w", where, err)
	}
	r, ok := addOn.Find(v)
	if !ok {
		return r, usage(hint, "%s: the catalog has no %s %s", where, addOn.Name, value)
	}
	return r, nil
}

// kubernetesOf reads --kubernetes.
func kubernetesOf(value string) (version.Version, error) {
	k, err := version.Parse(value)
	if err != nil {
		return k, usage("give a version such as 1.34 or v1.34.2", "--kubernetes: %w", err)
	}
	return k, nil
}

// newestFor is the newest Kubernetes version for a release; how says whether it is listed for it or names it.
func newestFor(r catalog.Release) (k version.Version, how string) {
	k, listed := r.NewestKubernetes()
	if listed {
		return k, "is listed for"
	}
	return k, "names as a bound"
}

// judgedBy is the Kubernetes version of --kubernetes; without one it is the newest for a release, and the person is told.
func (a *app) judgedBy(kubernetes string, r catalog.Release) (version.Version, error) {
	if kubernetes != "" {
		return kubernetesOf(kubernetes)
	}
	k, how := newestFor(r)
	if !k.IsZero() {
		a.note(fmt.Sprintf("judged for Kubernetes %s, the newest that %s %s %s; --kubernetes takes another", k, r.AddOn, r.Version, how))
	}
	return k, nil
}

// shipped tells whether a folder of charts has a release's chart.
func shipped(charts fs.FS, r catalog.Release) bool {
	_, err := fs.Stat(charts, r.Chart)
	return err == nil
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// texts are values as they print.
func texts[T fmt.Stringer](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, v.String())
	}
	return out
}

// orAny stands for an empty list of what is allowed.
func orAny(s string) string {
	if s == "" {
		return "any"
	}
	return s
}

// section writes a title and indented lines below it; without lines it writes nothing.
func section(w io.Writer, title string, lines ...string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "%s:\n", title)
	for _, l := range lines {
		fmt.Fprintf(w, "  %s\n", l)
	}
}

// columnLines are aligned columns as lines.
func columnLines(rows ...[]string) []string {
	var b strings.Builder
	columns(&b, rows...)
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// completeNamed offers the add-ons for the first argument; the releases of the add-on for the second, where there is one.
func (a *app) completeNamed(second bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		c, err := a.catalog()
		switch {
		case err != nil:
			return nil, cobra.ShellCompDirectiveError
		case len(args) == 0:
			return addOnNames(c, prefix), cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 && second:
			return releaseNames(c, args[0], prefix), cobra.ShellCompDirectiveNoFileComp
		default:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// completeRelease offers the releases of the add-on that is the first argument.
func (a *app) completeRelease(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalog()
	if err != nil || len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return releaseNames(c, args[0], prefix), cobra.ShellCompDirectiveNoFileComp
}

// completeKubernetes offers the minors that the tables name for the add-on that is the first argument.
func (a *app) completeKubernetes(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalog()
	if err != nil || len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	addOn, _ := c.AddOn(args[0])
	var minors []version.Minor
	for _, r := range addOn.Releases {
		minors = append(minors, r.ListedFor...)
	}
	slices.SortFunc(minors, version.Minor.Compare)
	out := slices.DeleteFunc(texts(slices.Compact(minors)), func(s string) bool { return !strings.HasPrefix(s, prefix) })
	return out, cobra.ShellCompDirectiveNoFileComp
}

func addOnNames(c *catalog.Catalog, prefix string) []string {
	var out []string
	for _, x := range c.AddOns {
		if strings.HasPrefix(x.Name, prefix) {
			out = append(out, fmt.Sprintf("%s\t%s", x.Name, place(x)))
		}
	}
	return out
}

func releaseNames(c *catalog.Catalog, addOn, prefix string) []string {
	x, _ := c.AddOn(addOn)
	var out []string
	for _, r := range x.Releases {
		if v := r.Version.String(); strings.HasPrefix(v, prefix) {
			out = append(out, fmt.Sprintf("%s\t%s", v, r.Status))
		}
	}
	return out
}

// place says what an add-on is on a cluster.
func place(x catalog.AddOn) string {
	if x.NetworkType != "" {
		return "the CNI of " + string(x.NetworkType)
	}
	var types []string
	for _, t := range x.Beside {
		types = append(types, string(t))
	}
	return "beside the CNI of " + strings.Join(types, " or ")
}
