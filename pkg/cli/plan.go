package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
)

// planReport is the result of `plan`.
type planReport struct{ plan.Plan }

func (a *app) planCommand() *cobra.Command {
	r := plan.Request{Verb: plan.Update}
	var networkType string
	c := &cobra.Command{
		Use:   "plan [--version V]",
		Short: "Show what update would do, or a move to a version; write nothing",
		Args:  noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			request := r
			if request.NetworkType, err = parseNetworkType(networkType); err != nil {
				return err
			}
			switch {
			case request.NetworkType != "":
				request.Verb = plan.Install
			case request.Version == "":
				request = plan.Request{}
			}
			_, p, err := a.look(c, request)
			if err == nil && request.Verb == plan.Follow && p.State == plan.UpToDate && !p.Pinned {
				_, p, err = a.look(c, plan.Request{Verb: plan.Update}) // what `update` would do
			}
			if err != nil {
				return err
			}
			if err := a.print(planReport{p}); err != nil {
				return err
			}
			if len(p.Blocking()) > 0 {
				return refusal(p)
			}
			return nil
		},
	}
	c.Flags().StringVar(&r.Version, "version", "", "release to move to")
	c.Flags().StringVar(&networkType, "network-type", "", "plan an installation with this network type")
	_ = c.RegisterFlagCompletionFunc("version", a.completeVersion)
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	return c
}

func (r planReport) name() string { return fmt.Sprintf("plan/%s.%s", r.Cluster, r.AddOn) }

func (r planReport) table(w io.Writer, wide bool) {
	fmt.Fprintf(w, "%s on %s: %s", dash(r.AddOn), r.Cluster, r.State)
	if r.From != r.To {
		fmt.Fprintf(w, ", %s -> %s", orNone(r.From), dash(r.To))
	} else if r.To != "" {
		fmt.Fprintf(w, ", %s", r.To)
	}
	fmt.Fprintln(w)
	for _, f := range r.Findings {
		mark := "note"
		if f.Blocking {
			mark = "REFUSED"
		}
		fmt.Fprintf(w, "  %s %s: %s\n", mark, f.Reason, f.Message)
		if f.Fix != "" {
			fmt.Fprintf(w, "    -> %s\n", f.Fix)
		}
	}
	for i, s := range r.Steps {
		fmt.Fprintf(w, "  %d. %s\n", i+1, s.Text)
		if s.Kind == plan.Apply {
			r.objects(w, wide)
		}
	}
	if len(r.Steps) == 0 && len(r.Blocking()) == 0 {
		fmt.Fprintln(w, "  nothing to do")
	}
}

func (r planReport) objects(w io.Writer, wide bool) {
	for _, o := range r.Objects {
		if o.Action != plan.Unchanged || wide {
			fmt.Fprintf(w, "     %s %s\n", o.Action, o.Object)
		}
	}
}
