package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
)

// preflightReport is the result of `preflight`.
type preflightReport struct {
	Cluster string `json:"cluster"`
	AddOn   string `json:"addon,omitempty"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	// Ready is true when nothing refuses.
	Ready  bool                `json:"ready"`
	Checks []plan.CheckVerdict `json:"checks"`
}

func (a *app) preflightCommand() *cobra.Command {
	q := question{}
	c := &cobra.Command{
		Use:   "preflight [--version V]",
		Short: "Run every check of a move and say of each whether it passes; write nothing",
		Long: `Runs every rule and every hazard check of what update would do, or of a move to a version, dry run included, and
says of each whether it passes. Exit code 3 when one refuses.`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			_, p, err := a.ask(c, q)
			if err != nil {
				return err
			}
			refused := len(p.Blocking()) > 0
			r := preflightReport{Cluster: p.Cluster, AddOn: p.AddOn, From: p.From, To: p.To, Ready: !refused, Checks: p.Verdicts()}
			if err := a.print(r); err != nil {
				return err
			}
			if refused {
				return refusal(p)
			}
			return nil
		},
	}
	q.add(a, c)
	return c
}

func (r preflightReport) name() string { return fmt.Sprintf("preflight/%s.%s", r.Cluster, r.AddOn) }

func (r preflightReport) table(w io.Writer, _ bool) {
	counts := map[plan.Verdict]int{}
	rows := [][]string{{"CHECK", "VERDICT", "WHAT IT SAYS"}}
	for _, c := range r.Checks {
		counts[c.Verdict]++
		if len(c.Findings) == 0 {
			rows = append(rows, []string{c.Check, string(c.Verdict)})
		}
		for _, f := range c.Findings {
			verdict := plan.VerdictNote
			if f.Blocking {
				verdict = plan.VerdictRefused
			}
			rows = append(rows, []string{c.Check, string(verdict), fmt.Sprintf("%s: %s", f.Reason, f.Message)})
		}
	}
	columns(w, rows...)
	fmt.Fprintf(w, "%s %s -> %s on %s: %d pass, %s, %s\n", dash(r.AddOn), orNone(r.From), dash(r.To), r.Cluster, counts[plan.VerdictPass],
		plural(counts[plan.VerdictNote], "speaks", "speak"), plural(counts[plan.VerdictRefused], "refuses", "refuse"))
}
