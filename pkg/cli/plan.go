package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
)

// planReport is the result of `plan`.
type planReport struct {
	plan.Plan

	// Back is the way back of the steps.
	Back plan.Reverse `json:"reverse"`
	// backOnly shows the way back alone.
	backOnly bool
}

// question is what the planning commands have in common: a request and the situation it is asked in.
type question struct {
	situation
	request plan.Request
	own     settingsFlags
	reverse bool
}

func (q *question) add(a *app, c *cobra.Command) {
	q.situation.add(a, c)
	c.Flags().StringVar(&q.request.Version, "version", "", "release to move to; the newest that fits when empty")
	c.Flags().StringVar(&q.request.Accept, "accept", "", "plan as if a move without a way back were accepted, for this reason")
	c.Flags().StringVar(&q.networkType, "network-type", "", "plan an installation with this network type; with --kubernetes the imagined cluster's")
	_ = c.RegisterFlagCompletionFunc("version", a.completeVersion)
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	_ = c.RegisterFlagCompletionFunc("accept", cobra.NoFileCompletions)
	q.own.add(a, c)
	a.imagesFlag(c)
}

// ask makes the plan that answers a question: what the record asks for when it asks for something, else what `update` would do.
func (a *app) ask(c *cobra.Command, q question) (plan.Input, plan.Plan, error) {
	r := q.request
	var err error
	if r.NetworkType, err = parseNetworkType(q.networkType); err != nil {
		return plan.Input{}, plan.Plan{}, err
	}
	if r.Settings, err = q.own.read(a, c); err != nil {
		return plan.Input{}, plan.Plan{}, err
	}
	r.Verb = q.verb(r)
	in, p, err := a.consider(c, q.situation, r)
	if err == nil && r.Verb == plan.Follow && p.State == plan.UpToDate && !p.Pinned {
		r.Verb = plan.Update
		return a.consider(c, q.situation, r)
	}
	return in, p, err
}

// verb is what a request amounts to.
func (q question) verb(r plan.Request) plan.Verb {
	switch {
	case r.NetworkType != "" && (!q.imagined() || q.from == "" && r.Version == ""):
		return plan.Install
	case r.Version != "" || !r.Settings.IsZero():
		return plan.Update
	default:
		return plan.Follow
	}
}

func (a *app) planCommand() *cobra.Command {
	q := question{}
	c := &cobra.Command{
		Use:   "plan [--version V]",
		Short: "Show what update would do, or a move to a version, and the way back; write nothing",
		Long: `Shows the findings of every check, the steps in order, and for each step what the way back from it costs.
With --facts, or with --kubernetes and --from, no cluster is asked: the plan is made for the one described.
With --set-config, --values or --overlay it is made as if these settings were recorded.`,
		Example: `  addonctl plan --version 0.27.3
  addonctl plan --set-config tolerations=@tolerations.json
  addonctl plan --reverse
  addonctl plan --network-type vcn-native --kubernetes 1.34 --from 2.2.3 --version 3.3.0`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			_, p, err := a.ask(c, q)
			if err != nil {
				return err
			}
			if err := a.print(planReport{p, p.Reverse(), q.reverse}); err != nil {
				return err
			}
			if len(p.Blocking()) > 0 {
				return refusal(p)
			}
			return nil
		},
	}
	q.add(a, c)
	c.Flags().BoolVar(&q.reverse, "reverse", false, "show the way back: the steps that would take the plan's steps back")
	return c
}

func (r planReport) name() string { return fmt.Sprintf("plan/%s.%s", r.Cluster, r.AddOn) }

func (r planReport) table(w io.Writer, wide bool) {
	if r.backOnly {
		r.back(w)
		return
	}
	fmt.Fprintf(w, "%s on %s: %s", dash(r.AddOn), r.Cluster, r.State)
	switch {
	case len(r.Path) > 0:
		fmt.Fprintf(w, ", %s", strings.Join(r.Path, " -> "))
	case r.From != r.To:
		fmt.Fprintf(w, ", %s -> %s", orNone(r.From), dash(r.To))
	case r.To != "":
		fmt.Fprintf(w, ", %s", r.To)
	}
	fmt.Fprintln(w)
	writeFindings(w, "  ", r.Findings, wide)
	for i, s := range r.Steps {
		fmt.Fprintf(w, "  %d. %s\n", i+1, s.Text)
		if s.Kind == plan.Apply && s.Digest != "" {
			r.objects(w, wide)
		}
	}
	switch {
	case len(r.Steps) > 0:
		fmt.Fprintf(w, "  way back: %s (addonctl plan --reverse)\n", reverseText(r.Back))
	case len(r.Blocking()) == 0:
		fmt.Fprintln(w, "  nothing to do")
	}
}

// reverseText is the class of the way back, with what it rests on.
func reverseText(r plan.Reverse) string {
	for _, s := range r.Steps {
		if s.Class == r.Class && s.Why != "" {
			return fmt.Sprintf("%s: %s", r.Class, s.Why)
		}
	}
	return string(r.Class)
}

// writeFindings writes findings at length, but for minor ones, which are named in one line unless wide.
func writeFindings(w io.Writer, indent string, fs []plan.Finding, wide bool) {
	var minor []string
	for _, f := range fs {
		if f.Minor && !wide {
			minor = append(minor, string(f.Reason))
			continue
		}
		writeFinding(w, indent, f)
	}
	if len(minor) > 0 {
		fmt.Fprintf(w, "%sminor, passing by itself: %s (-o wide tells more)\n", indent, strings.Join(minor, ", "))
	}
}

func writeFinding(w io.Writer, indent string, f plan.Finding) {
	mark := "note"
	if f.Blocking {
		mark = "REFUSED"
	}
	fmt.Fprintf(w, "%s%s %s: %s\n", indent, mark, f.Reason, f.Message)
	if f.Fix != "" {
		fmt.Fprintf(w, "%s  -> %s\n", indent, f.Fix)
	}
}

func (r planReport) objects(w io.Writer, wide bool) {
	for _, o := range r.Objects {
		if o.Action != plan.Unchanged || wide {
			fmt.Fprintf(w, "     %s %s\n", o.Action, o.Object)
		}
	}
}

func (r planReport) back(w io.Writer) {
	if len(r.Back.Steps) == 0 {
		fmt.Fprintf(w, "%s on %s: nothing is to be done, so there is nothing to take back\n", dash(r.AddOn), r.Cluster)
		return
	}
	fmt.Fprintf(w, "%s on %s: the way back from %s to %s is %s\n", dash(r.AddOn), r.Cluster, r.Back.From, orNone(r.Back.To), r.Back.Class)
	for i, s := range r.Back.Steps {
		fmt.Fprintf(w, "  %d. %s\n", i+1, s.Text)
		if i+1 < len(r.Back.Steps) && r.Back.Steps[i+1].From == s.From {
			continue // the steps of one release have one reason
		}
		class := string(s.Class)
		if s.Until != "" {
			class = fmt.Sprintf("%s until %s is settled, %s from then on", s.Until, s.From, s.Class)
		}
		fmt.Fprintf(w, "     %s: %s\n", class, s.Why)
	}
}
