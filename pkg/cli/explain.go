package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
)

// explainReport is the result of `explain`.
type explainReport struct{ plan.Explanation }

func (a *app) explainCommand() *cobra.Command {
	q := question{}
	c := &cobra.Command{
		Use:   "explain [--version V]",
		Short: "Say why the cluster moves, or why it does not: each rule with what it looked at",
		Long: `Says how the wanted release was chosen, what automatic mode says of each release and by which rule, and what every
check says of the plan. Nothing is written.`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			in, _, err := a.ask(c, q)
			if err != nil {
				return err
			}
			return a.print(explainReport{plan.Explain(in)})
		},
	}
	q.add(a, c)
	return c
}

func (r explainReport) name() string { return fmt.Sprintf("explanation/%s.%s", r.Cluster, r.AddOn) }

func (r explainReport) table(w io.Writer, wide bool) {
	fmt.Fprintf(w, "%s on %s\n", dash(r.AddOn), r.Cluster)
	fmt.Fprintf(w, "Chosen: %s\n", r.Chosen)
	switch {
	case len(r.Path) > 0:
		fmt.Fprintf(w, "Moves: %s\n", strings.Join(r.Path, " -> "))
	case r.From == r.To && r.To != "":
		fmt.Fprintf(w, "Moves: nothing, %s stays\n", r.To)
	case r.To != "":
		fmt.Fprintf(w, "Moves: %s -> %s\n", orNone(r.From), r.To)
	}
	fmt.Fprintln(w, "What automatic mode says of the releases, newest first:")
	for _, v := range r.Releases {
		rules(w, v, wide)
	}
	fmt.Fprintln(w, "What the checks say:")
	passed := 0
	for _, c := range r.Checks {
		if c.Verdict == plan.VerdictPass && !wide {
			passed++
			continue
		}
		fmt.Fprintf(w, "  %s: %s\n", c.Check, c.Verdict)
		writeFindings(w, "    ", c.Findings, wide)
	}
	if passed > 0 {
		fmt.Fprintf(w, "  %s nothing to say (-o wide names them)\n", plural(passed, "check has", "checks have"))
	}
}

// rules shows the rule that decided, or with wide every rule that was asked.
func rules(w io.Writer, v plan.ReleaseVerdict, wide bool) {
	if len(v.Rules) == 0 {
		return
	}
	last := v.Rules[len(v.Rules)-1]
	switch {
	case v.Taken:
		fmt.Fprintf(w, "  %s passes every rule\n", v.Version)
	default:
		fmt.Fprintf(w, "  %s %s (rule %s: %s)\n", v.Version, last.Why, last.Rule, last.Inputs)
	}
	if !wide && !v.Taken {
		return
	}
	for _, r := range v.Rules {
		holds := "holds"
		if !r.Holds {
			holds = "fails"
		}
		fmt.Fprintf(w, "    %s %s: %s\n", r.Rule, holds, r.Inputs)
	}
}
