package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
)

// properties are what graph.Verify proves.
var properties = []string{
	graph.NoWayToSupported, graph.DeadEnd, graph.RuleBroken, graph.AutomaticTakesUnfit, graph.NoWayBack, graph.UpgradeWithoutCNI,
	graph.NothingToInstall, graph.DeadData,
}

// verifyReport is the result of `catalog verify`.
type verifyReport struct {
	Proved bool `json:"proved"`
	// Properties that were looked for violations of.
	Properties []string `json:"properties"`
	// Without are the edges that were taken out for the proof.
	Without    []string           `json:"withoutEdges,omitempty"`
	AddOns     []verifiedAddOn    `json:"addons"`
	Violations []verifiedBreaking `json:"violations"`
}

// verifiedAddOn is what was looked at for one add-on.
type verifiedAddOn struct {
	Name     string          `json:"addon"`
	Releases int             `json:"releases"`
	Moves    int             `json:"moves"`
	Minors   []version.Minor `json:"kubernetes"`
	Classes  int             `json:"classes"`
	// Partial : the facts had too many combinations, and each was looked at by itself.
	Partial bool `json:"partial,omitempty"`
	States  int  `json:"states"`
}

// verifiedBreaking is a violation with its counter-example.
type verifiedBreaking struct {
	Property string   `json:"property"`
	AddOn    string   `json:"addon"`
	State    string   `json:"state"`
	Text     string   `json:"text"`
	Path     []string `json:"path,omitempty"`
}

func (a *app) catalogVerifyCommand() *cobra.Command {
	var edges []string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no cluster can be stranded on any release of the catalog",
		Long: `Looks at every release on every Kubernetes minor, for every class of clusters that blocks and realms tell apart, and proves
that each property holds, or shows a counter-example. --without-edge takes moves out first: what if that one were not safe?

Exit codes: 0 proved, 1 a property does not hold, 2 usage, or a catalog with faults.`,
		Example: `  addonctl catalog verify --from ./addons
  addonctl catalog verify --without-edge OciVcnIpNative:2.2.3..2.3.0`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			r, err := a.verify(edges)
			if err != nil {
				return failed(err)
			}
			if err := a.print(r); err != nil {
				return failed(err)
			}
			return r.verdict()
		},
	}
	c.Flags().StringArrayVar(&edges, "without-edge", nil, "ADDON:FROM..TO: move to take out for the proof; may be repeated")
	_ = c.RegisterFlagCompletionFunc("without-edge", a.completeEdge)
	a.fromFlag(c)
	return c
}

// failed gives a failure the code 2, for 1 says that something was found.
func failed(err error) error {
	if e := (*exit)(nil); errors.As(err, &e) {
		return err
	}
	return &exit{code: exitUsage, err: err, hint: "nothing was proved; mend what is named first"}
}

func (a *app) verify(edges []string) (verifyReport, error) {
	c, err := a.catalog()
	if err != nil {
		return verifyReport{}, err
	}
	for _, e := range edges {
		if c, err = without(c, e); err != nil {
			return verifyReport{}, err
		}
	}
	return verifyOf(graph.Verify(c), edges), nil
}

func verifyOf(r graph.Report, edges []string) verifyReport {
	out := verifyReport{
		Proved: r.OK(), Properties: properties, Without: edges, AddOns: []verifiedAddOn{}, Violations: []verifiedBreaking{},
	}
	for _, p := range r.AddOns {
		out.AddOns = append(out.AddOns, verifiedAddOn{
			Name: p.Name, Releases: p.Releases, Moves: p.Moves, Minors: p.Minors, Classes: p.Classes, Partial: p.Partial, States: p.States,
		})
	}
	for _, v := range r.Violations {
		out.Violations = append(out.Violations, verifiedBreaking(v))
	}
	return out
}

// without is the catalog with a block in the way of one move.
func without(c *catalog.Catalog, edge string) (*catalog.Catalog, error) {
	name, ends, _ := strings.Cut(edge, ":")
	from, to, found := strings.Cut(ends, "..")
	if !found {
		return nil, usage("write it as ADDON:FROM..TO, such as Flannel:0.26.2..0.27.3", "--without-edge %q is no move", edge)
	}
	addOn, err := addOnOf(c, "--without-edge "+edge, name)
	if err != nil {
		return nil, err
	}
	left, err := releaseOf(addOn, "--without-edge "+edge, from)
	if err != nil {
		return nil, err
	}
	entered, err := releaseOf(addOn, "--without-edge "+edge, to)
	if err != nil {
		return nil, err
	}
	if left.Version.Equal(entered.Version) {
		return nil, usage("give two releases", "--without-edge %s: a move ends at another release than it starts from", edge)
	}
	return blocked(c, addOn, left.Version, entered.Version), nil
}

// blocked is a copy of the catalog in which a block closes one move; what was loaded stays as it is.
func blocked(c *catalog.Catalog, addOn catalog.AddOn, from, to version.Version) *catalog.Catalog {
	addOn.Blocks = append(slices.Clone(addOn.Blocks), catalog.Block{
		Name: "RemovedForTheProof", From: only(from), To: only(to), Message: fmt.Sprintf("the move %s -> %s is taken out by --without-edge", from, to),
	})
	slices.SortStableFunc(addOn.Blocks, func(x, y catalog.Block) int { return strings.Compare(x.Name, y.Name) })
	out := &catalog.Catalog{AddOns: slices.Clone(c.AddOns)}
	i := slices.IndexFunc(out.AddOns, func(x catalog.AddOn) bool { return x.Name == addOn.Name })
	out.AddOns[i] = addOn
	return out
}

// only is the range of one version; an end without a patch would stand for its whole minor. A range tells builds of one
// version not apart, so these go together.
func only(v version.Version) version.Range {
	core := v.Core()
	if !v.HasPatch() {
		core += ".0"
	}
	end := version.MustParse(core)
	return version.Range{Minimal: end, Maximum: end}
}

// completeEdge offers the add-ons first, and behind the colon the moves from each release to the next one.
func (a *app) completeEdge(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalog()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	name, _, found := strings.Cut(prefix, ":")
	if !found {
		for _, x := range c.AddOns {
			out = append(out, x.Name+":")
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	x, _ := c.AddOn(name)
	for i := 1; i < len(x.Releases); i++ {
		out = append(out, fmt.Sprintf("%s:%s..%s", name, x.Releases[i].Version, x.Releases[i-1].Version))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// verdict is the exit of a catalog with violations.
func (r verifyReport) verdict() error {
	if r.Proved {
		return nil
	}
	hint := "mend the catalog: another release to stop at, a narrower block, or a release that is recalled instead of removed"
	if len(r.Without) > 0 {
		hint = "without these moves clusters are stranded: do not block them before there is another way"
	}
	return &exit{code: exitFailure, err: fmt.Errorf("not proved: %s", plural(len(r.Violations), "violation", "violations")), hint: hint}
}

func (r verifyReport) name() string {
	var out []string
	for _, x := range r.AddOns {
		out = append(out, x.Name)
	}
	return strings.Join(out, "\n")
}

func (r verifyReport) table(w io.Writer, wide bool) {
	rows := [][]string{{"ADDON", "RELEASES", "KUBERNETES", "CLASSES OF FACTS", "STATES", "OPEN MOVES"}}
	for _, x := range r.AddOns {
		rows = append(rows, []string{
			x.Name, fmt.Sprint(x.Releases), minorsText(x.Minors, wide), x.classes(), fmt.Sprint(x.States), fmt.Sprint(x.Moves),
		})
	}
	columns(w, rows...)
	for _, e := range r.Without {
		fmt.Fprintf(w, "without: %s\n", e)
	}
	for _, v := range r.Violations {
		fmt.Fprintf(w, "%s: %s\n  %s\n", v.Property, v.State, v.Text)
		if len(v.Path) > 1 {
			fmt.Fprintf(w, "  path: %s\n", strings.Join(v.Path, " -> "))
		}
	}
	if r.Proved {
		fmt.Fprintf(w, "proved: %s hold in every state\n", plural(len(r.Properties), "property", "properties"))
		if wide {
			section(w, "never", r.Properties...)
		}
	}
}

func (x verifiedAddOn) classes() string {
	if x.Partial {
		return fmt.Sprintf("%d, each fact alone", x.Classes)
	}
	return fmt.Sprint(x.Classes)
}

// minorsText names all, or the first and the last.
func minorsText(minors []version.Minor, all bool) string {
	switch n := len(minors); {
	case n == 0:
		return "any"
	case all || n == 1:
		return strings.Join(texts(minors), ",")
	default:
		return fmt.Sprintf("%s to %s", minors[0], minors[n-1])
	}
}
