package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
)

// explainReport is the result of `explain`.
type explainReport struct {
	// Explanation of the cluster that was looked at; nil where only records were read.
	*plan.Explanation
	// Records are what the records of the hub say, for each add-on.
	Records []status.Explanation `json:"records,omitempty"`
}

func (a *app) explainCommand() *cobra.Command {
	q := question{}
	var at string
	c := &cobra.Command{
		Use:   "explain [--cluster C] [--at T] [--version V]",
		Short: "Say why a cluster moves, or why it does not: each rule with what it looked at, and what was decided when",
		Long: `Says how the wanted release was chosen, what automatic mode says of each release and by which rule, and what every
check says of the plan. Nothing is written.

From the records it says why the cluster is on its version, what it waits for (a rollout, its wave, a window, an approval, the budget, a pin, a hold,
a recall), who has to act with which command, and what was decided when. Of a cluster that the hub reaches by a Secret this is all: it is not
asked itself. With --at it is what the records tell of that time, and where they end.`,
		Example: `  addonctl explain --version 0.27.3
  addonctl explain --cluster prod-7
  addonctl explain --cluster prod-7 --at 2026-11-20T08:00:00Z -o json`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			r, remote, err := a.explainRecords(c, q, at)
			if err != nil {
				return err
			}
			if !remote && at == "" {
				in, _, err := a.ask(c, q)
				if err != nil {
					return err
				}
				r.Explanation = new(plan.Explain(in))
			}
			return a.print(r)
		},
	}
	q.add(a, c)
	c.Flags().StringVar(&at, "at", "", "the time to explain from the records, such as 2026-11-20T08:00:00Z (default: now)")
	_ = c.RegisterFlagCompletionFunc("at", cobra.NoFileCompletions)
	return c
}

// explainRecords reads what the hub's records say of a cluster. remote tells that it is another one than the hub. Who may not read them, or
// asks a cluster that nobody registered, gets the rest.
func (a *app) explainRecords(c *cobra.Command, q question, at string) (r explainReport, remote bool, err error) {
	now := time.Now().UTC()
	then, err := q.then(at, now)
	if err != nil || q.imagined() || q.from != "" {
		return r, false, err
	}
	s, err := a.fleet(func(string) {})
	if err != nil {
		return r, false, err
	}
	cat, err := a.catalog()
	if err != nil {
		return r, false, err
	}
	f, unread := s.hub.Fleet(c.Context())
	f.Withdrawn = cat.Withdrawn
	n := f.Network(a.cluster)
	remote = n != nil && n.Spec.Connection != nil
	alone := remote || at != "" // nobody looks at the cluster
	if unread == nil {
		r.Records = slices.DeleteFunc(status.Explain(f, a.cluster, then, now), func(x status.Explanation) bool {
			return q.addOn != "" && !strings.EqualFold(q.addOn, x.AddOn)
		})
	}
	if !alone || len(r.Records) > 0 {
		return r, remote, nil // of what cannot be read, whoever looks at the cluster says what is wrong
	}
	return r, remote, unexplained(a.cluster, n, unread)
}

// unexplained is why the records say nothing of a cluster.
func unexplained(cluster string, n *v1alpha1.ClusterNetwork, unread error) error {
	switch {
	case unread != nil:
		return unread
	case n == nil:
		return usage("addonctl cluster list shows the clusters", "there is no record of cluster %q", cluster)
	default:
		return usage("addonctl cluster list shows the add-ons of each cluster", "no such add-on is recorded for cluster %q", cluster)
	}
}

// then is the time that is asked about.
func (q question) then(at string, now time.Time) (time.Time, error) {
	if at == "" {
		return now, nil
	}
	if q.imagined() || q.from != "" {
		return now, usage("leave --at out, or what describes a cluster", "--at is about what was recorded, and no cluster is asked")
	}
	then, err := time.Parse(time.RFC3339, at)
	switch {
	case err != nil:
		return now, usage("give a time such as 2026-11-20T08:00:00Z", "--at %q is no time", at)
	case then.After(now):
		return now, usage("addonctl rollout simulate --policy says what would happen", "--at %s has not come yet", at)
	}
	return then, nil
}

func (r explainReport) name() string {
	if r.Explanation != nil {
		return fmt.Sprintf("explanation/%s.%s", r.Cluster, r.AddOn)
	}
	var out []string
	for _, x := range r.Records {
		out = append(out, fmt.Sprintf("explanation/%s.%s", x.Cluster, x.AddOn))
	}
	return strings.Join(out, "\n")
}

func (r explainReport) table(w io.Writer, wide bool) {
	if r.Explanation != nil {
		r.looked(w, wide)
	}
	for _, x := range r.Records {
		if r.Explanation == nil {
			fmt.Fprintf(w, "%s on %s, at %s\n", x.AddOn, x.Cluster, stamp(x.At))
		} else {
			fmt.Fprintf(w, "What the records say of %s:\n", x.AddOn)
		}
		recorded(w, x, wide)
	}
}

// recorded shows what the records say of an add-on.
func recorded(w io.Writer, x status.Explanation, wide bool) {
	fmt.Fprintf(w, "Runs: %s, since %s: %s\n", dash(x.Version), stamp(x.Since), x.Why)
	fmt.Fprintf(w, "Now: %s\n", x.Verdict)
	for _, one := range x.Waits {
		fmt.Fprintf(w, "  %s: %s", one.For, one.Why)
		if !one.Until.IsZero() {
			fmt.Fprintf(w, " (until %s)", stamp(one.Until))
		}
		fmt.Fprintln(w)
		if one.Who != "" {
			fmt.Fprintf(w, "    who: %s\n", one.Who)
		}
	}
	const most = 8
	fmt.Fprintln(w, "Decided, the latest first:")
	for i, d := range x.Decided {
		if i == most && !wide {
			fmt.Fprintf(w, "  %d more (-o wide)\n", len(x.Decided)-most)
			break
		}
		text := d.What
		if d.By != "" {
			text += ", by " + d.By
		}
		if d.Why != "" {
			text += ": " + d.Why
		}
		fmt.Fprintf(w, "  %s  %s\n", stamp(d.At), text)
	}
	fmt.Fprintf(w, "%s\n", x.Ends)
}

// looked shows what the look at the cluster says.
func (r explainReport) looked(w io.Writer, wide bool) {
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
