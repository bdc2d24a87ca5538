package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// look is one round on what is recorded of an add-on, without writing.
func (a *app) look(c *cobra.Command, addOn string) (plan.Input, plan.Plan, error) {
	return a.lookWith(c, addOn, plan.Request{}, nil)
}

// lookWith is look for a request, with facts that were told.
func (a *app) lookWith(c *cobra.Command, addOn string, r plan.Request, told catalog.Facts) (plan.Input, plan.Plan, error) {
	s, err := a.connect(c.Context(), addOn)
	if err != nil {
		return plan.Input{}, plan.Plan{}, err
	}
	s.told = told
	return s.look(c.Context(), r)
}

// look is one round for a request, without writing.
func (s *session) look(ctx context.Context, r plan.Request) (plan.Input, plan.Plan, error) {
	if err := s.asAccount(ctx); err != nil {
		return plan.Input{}, plan.Plan{}, s.explain(ctx, err)
	}
	if err := s.ownPins(ctx); err != nil {
		return plan.Input{}, plan.Plan{}, s.explain(ctx, err)
	}
	if err := s.byRule(ctx, &r); err != nil {
		return plan.Input{}, plan.Plan{}, s.explain(ctx, err)
	}
	s.observer.NetworkType = r.NetworkType
	for tried := 1; ; tried++ {
		in, p, err := s.loop.LookWith(ctx, r)
		if err == nil {
			return in, p, nil
		}
		if tried == attempts || !cutOff(err) || pause(ctx, s.loop.Pause) != nil {
			return in, p, s.explain(ctx, err)
		}
	}
}

// historyReport is the result of `history`.
type historyReport struct {
	Cluster string          `json:"cluster"`
	AddOn   string          `json:"addon"`
	Items   []plan.Revision `json:"revisions"`
}

func (a *app) historyCommand() *cobra.Command {
	var addOn string
	c := &cobra.Command{
		Use:   "history",
		Short: "Show the recorded revisions, newest first",
		Args:  noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			in, p, err := a.look(c, addOn)
			if err != nil {
				return err
			}
			r := historyReport{Cluster: p.Cluster, AddOn: p.AddOn, Items: slices.Clone(in.Record.Revisions)}
			slices.Reverse(r.Items)
			return a.print(r)
		},
	}
	a.addOnFlag(c, &addOn)
	return c
}

func (r historyReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, fmt.Sprintf("revision/%d", i.Number))
	}
	return strings.Join(out, "\n")
}

func (r historyReport) table(w io.Writer, wide bool) {
	rows := [][]string{{"REVISION", "VERSION", "STATUS", "UPDATED", "BY", "DESCRIPTION"}}
	for _, i := range r.Items {
		rows = append(rows, []string{
			fmt.Sprint(i.Number), i.Version, string(i.Status), i.Updated.UTC().Format("2006-01-02 15:04:05"), cmp.Or(i.By, kube.FieldManager), i.Description,
		})
	}
	if !wide && !slices.ContainsFunc(r.Items, func(i plan.Revision) bool { return i.By != "" }) {
		for i, row := range rows {
			rows[i] = slices.Delete(row, 4, 5) // they are all ours
		}
	}
	columns(w, rows...)
}
