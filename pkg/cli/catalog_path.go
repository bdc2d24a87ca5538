package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
)

// pathFlags say which way is looked for, and on what cluster.
type pathFlags struct {
	from, to, kubernetes string
	facts                []string
}

func (a *app) catalogPathCommand() *cobra.Command {
	var f pathFlags
	c := &cobra.Command{
		Use:   "path ADDON --from V --to V",
		Short: "Find the shortest safe way from one release to another, and say how each step can be taken back",
		Long: `Finds the way with the fewest steps, all of them forwards or all backwards. What is closed where a fact about the
cluster holds counts as closed until the fact is told; where only that closes the way, it is shown with the conditions it rests on.
Where there is none, the answer says why, and the exit code is 3. The folder of another catalog is --catalog here.`,
		Example: `  addonctl catalog path OciVcnIpNative --from 2.2.3 --to 3.3.0 --kubernetes 1.34
  addonctl catalog path Flannel --from 0.24.4 --to 0.26.2 --kubernetes 1.33 --fact os=OL8 --fact iptables=nft`,
		Args: arguments(1, "ADDON"), ValidArgsFunction: a.completeNamed(false), PreRunE: a.checkOutput,
		RunE: func(_ *cobra.Command, args []string) error {
			q, err := a.question(args[0], f)
			if err != nil {
				return err
			}
			return a.answer(q.answer())
		},
	}
	c.Flags().StringVar(&f.from, "from", "", "release to start from")
	c.Flags().StringVar(&f.to, "to", "", "release to end at")
	c.Flags().StringVar(&f.kubernetes, "kubernetes", "", "Kubernetes version of the cluster, such as 1.34; when empty the newest that --to is listed for")
	c.Flags().StringArrayVar(&f.facts, "fact", nil, "NAME=VALUE that is known of the cluster; once for each value, such as one of each node")
	_ = c.RegisterFlagCompletionFunc("from", a.completeRelease)
	_ = c.RegisterFlagCompletionFunc("to", a.completeRelease)
	_ = c.RegisterFlagCompletionFunc("kubernetes", a.completeKubernetes)
	_ = c.RegisterFlagCompletionFunc("fact", completeGiven)
	return c
}

// wayQuestion is what `catalog path` is asked.
type wayQuestion struct {
	addOn    catalog.AddOn
	from, to catalog.Release
	where    graph.Where
}

func (a *app) question(addOn string, f pathFlags) (q wayQuestion, err error) {
	if q.addOn, err = a.named(addOn); err != nil {
		return q, err
	}
	for _, end := range []struct {
		flag, value string
		into        *catalog.Release
	}{{"--from", f.from, &q.from}, {"--to", f.to, &q.to}} {
		if end.value == "" {
			return q, usage("addonctl catalog list "+q.addOn.Name+" lists the releases", "path needs %s", end.flag)
		}
		if *end.into, err = releaseOf(q.addOn, end.flag, end.value); err != nil {
			return q, err
		}
	}
	if q.where.Facts, err = givenFacts(f.facts); err != nil {
		return q, err
	}
	q.where.Kubernetes, err = a.judgedBy(f.kubernetes, q.to)
	q.tellMore()
	return q, err
}

// tellMore adds what follows from what was told: the API server's version, the add-on's own network type, and the kubelets
// that every release has to admit.
func (q *wayQuestion) tellMore() {
	facts := q.where.Facts
	if !q.where.Kubernetes.IsZero() {
		facts[catalog.FactKubernetes] = []string{q.where.Kubernetes.String()}
	}
	if q.addOn.NetworkType != "" && len(facts[catalog.FactNetworkType]) == 0 {
		facts[catalog.FactNetworkType] = []string{string(q.addOn.NetworkType)}
	}
	for _, k := range facts[catalog.FactKubelet] {
		if v, err := version.Parse(k); err == nil {
			q.where.Kubelets = append(q.where.Kubelets, v)
		}
	}
}

// wayOutcome tells whether there is a way.
type wayOutcome string

const (
	// wayOpen : every step is open.
	wayOpen wayOutcome = "Open"
	// wayOnConditions : it is open where facts that nobody has told are as the conditions say.
	wayOnConditions wayOutcome = "OpenOnConditions"
	// wayClosed : there is none.
	wayClosed wayOutcome = "Closed"
)

// pathReport is the result of `catalog path`.
type pathReport struct {
	AddOn      string          `json:"addon"`
	From       version.Version `json:"from"`
	To         version.Version `json:"to"`
	Kubernetes version.Version `json:"kubernetes,omitzero"`
	Facts      catalog.Facts   `json:"facts,omitempty"`
	Outcome    wayOutcome      `json:"outcome"`
	// Back is the worst class of the way back of all steps.
	Back  catalog.Class `json:"back,omitempty"`
	Steps []wayStep     `json:"steps"`
	// Why there is no way.
	Why []graph.Closing `json:"why,omitempty"`
}

// wayStep is one step of the way.
type wayStep struct {
	From    version.Version `json:"from"`
	To      version.Version `json:"to"`
	Forward bool            `json:"forward"`
	Back    catalog.Class   `json:"back"`
	// During is the class until the nodes have settled.
	During  catalog.Class  `json:"untilSettled"`
	BackWhy string         `json:"backWhy"`
	Rests   []wayCondition `json:"conditions,omitempty"`
}

// wayCondition is what would close a step, and the facts that have to be as it says for it not to.
type wayCondition struct {
	graph.Closing

	Open []openWhere `json:"openWhere"`
}

// openWhere is one fact with which a condition is met.
type openWhere struct {
	Fact catalog.Fact `json:"fact"`
	// Text says what it has to be: "adminNetworkPolicies is 0".
	Text string `json:"text"`
	// Tell is the flag that tells it.
	Tell string `json:"tell"`
}

// answer searches twice: what is unknown closes first, and is assumed to do no harm only where that leaves no way.
func (q wayQuestion) answer() pathReport {
	out := pathReport{
		AddOn: q.addOn.Name, From: q.from.Version, To: q.to.Version, Kubernetes: q.where.Kubernetes, Facts: q.where.Facts,
		Outcome: wayOpen, Steps: []wayStep{},
	}
	if q.from.Version.Equal(q.to.Version) {
		return out
	}
	g := graph.New(q.addOn)
	path := g.Path(q.from.Version, q.to.Version, q.where)
	if !path.Open() {
		q.where.Assume, out.Outcome = true, wayOnConditions
		path = g.Path(q.from.Version, q.to.Version, q.where)
	}
	if !path.Open() {
		out.Outcome, out.Why = wayClosed, q.mattersFirst(path.Why)
	}
	for _, e := range path.Edges {
		out.Back = out.Back.Worse(e.Back)
		out.Steps = append(out.Steps, q.step(e))
	}
	return out
}

// mattersFirst puts last how far one step may go: with more steps that would not matter, and the rest still would.
func (q wayQuestion) mattersFirst(why []graph.Closing) []graph.Closing {
	out := slices.Clone(why)
	far := func(c graph.Closing) bool {
		return c.Reason == graph.MinorStep || slices.ContainsFunc(q.addOn.Rules.Stops, func(s catalog.Stop) bool { return s.Reason == c.Reason })
	}
	slices.SortStableFunc(out, func(x, y graph.Closing) int {
		switch {
		case far(x) == far(y):
			return 0
		case far(x):
			return 1
		default:
			return -1
		}
	})
	return out
}

func (q wayQuestion) step(e graph.Edge) wayStep {
	s := wayStep{From: e.From, To: e.To, Forward: e.Forward, Back: e.Back, During: e.During, BackWhy: e.BackWhy}
	for _, c := range e.Assumed {
		s.Rests = append(s.Rests, wayCondition{Closing: c, Open: q.openWhere(c, e.To)})
	}
	return s
}

// openWhere says of a closing with unknown facts what each of them would have to be; any one of them will do.
func (q wayQuestion) openWhere(c graph.Closing, to version.Version) []openWhere {
	var out []openWhere
	for _, condition := range q.conditions(c.Reason, to) {
		if slices.Contains(c.Unknown, condition.Fact) && condition.Holds(q.where.Facts) == catalog.Unknown {
			open := opposite(condition)
			out = append(out, openWhere{condition.Fact, holds(open), fmt.Sprintf("--fact %s=%s", condition.Fact, exampleOf(open))})
		}
	}
	return out
}

// conditions of the block of that name, or of the release's realms.
func (q wayQuestion) conditions(reason string, to version.Version) catalog.Conditions {
	if reason == graph.NotInRealm {
		r, _ := q.addOn.Find(to)
		return catalog.Conditions{{Fact: catalog.FactRealm, NotIn: r.Realms}}
	}
	for _, b := range q.addOn.Blocks {
		if b.Name == reason {
			return b.When
		}
	}
	return nil
}

// answer prints the way, and refuses where there is none.
func (a *app) answer(r pathReport) error {
	if r.Outcome != wayClosed {
		return a.print(r)
	}
	if a.output != "name" {
		if err := a.print(r); err != nil {
			return err
		}
	}
	return &exit{
		code: exitRefused, err: fmt.Errorf("there is no safe way from %s %s to %s: %s", r.AddOn, r.From, r.To, r.Why[0].Message),
		hint: fmt.Sprintf("addonctl catalog graph %s draws what is open and what closes the rest", r.AddOn),
	}
}

// name is the releases that are entered, in order.
func (r pathReport) name() string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, s.To.String())
	}
	return strings.Join(out, "\n")
}

func (r pathReport) table(w io.Writer, _ bool) {
	fmt.Fprintf(w, "%s %s -> %s%s: %s\n", r.AddOn, r.From, r.To, onKubernetes(r.Kubernetes), r.summary())
	for i, s := range r.Steps {
		s.write(w, i+1)
	}
	for _, c := range r.Why {
		fmt.Fprintf(w, "  %s: %s\n", c.Reason, c.Message)
		for _, l := range addressLine(c.URL) {
			fmt.Fprintf(w, "  %s\n", l)
		}
	}
}

func onKubernetes(k version.Version) string {
	if k.IsZero() {
		return ""
	}
	return " on Kubernetes " + k.String()
}

func (r pathReport) summary() string {
	switch {
	case r.Outcome == wayClosed:
		return "there is no safe way"
	case len(r.Steps) == 0:
		return "nothing to move"
	}
	text := plural(len(r.Steps), "step", "steps")
	if r.Outcome == wayOnConditions {
		text += ", on conditions"
	}
	return fmt.Sprintf("%s, way back: %s", text, r.Back)
}

func (s wayStep) write(w io.Writer, number int) {
	way := "way back"
	if !s.Forward {
		way = "takes back a step whose way back is"
	}
	fmt.Fprintf(w, "  %d. %s -> %s\n     %s: %s: %s\n", number, s.From, s.To, way, backText(s.Back, s.During), s.BackWhy)
	for _, c := range s.Rests {
		fmt.Fprintf(w, "     %s: %s\n", c.Reason, c.Message)
		for i, o := range c.Open {
			or := ""
			if i > 0 {
				or = "or "
			}
			fmt.Fprintf(w, "       %sopen where %s: unknown here, tell it with %s\n", or, o.Text, o.Tell)
		}
		for _, l := range addressLine(c.URL) {
			fmt.Fprintf(w, "     %s\n", l)
		}
	}
}
