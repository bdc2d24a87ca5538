package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// retryReport is the result of `retry`.
type retryReport struct {
	Cluster string `json:"cluster"`
	AddOn   string `json:"addon"`
	// Released are the releases that are not held any more.
	Released []plan.Held `json:"released"`
}

func (a *app) retryCommand() *cobra.Command {
	var v, addOn string
	var yes bool
	c := &cobra.Command{
		Use:   "retry [--version V]",
		Short: "Let a release be taken again that the cluster was put back from: by automatic updates, or because it is pinned",
		Long: `Takes held releases off the list, or the one given. Nothing moves by this alone: "addonctl update" moves to the newest
release that fits, which may be that one, or to the pinned one. Where a manager drives the cluster it tries a pinned one by itself then.`,
		Example: `  addonctl retry --version 0.27.3`,
		Args:    noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.connect(c.Context(), addOn)
			if err != nil {
				return err
			}
			return s.retry(c, v, yes)
		},
	}
	a.addOnFlag(c, &addOn)
	c.Flags().StringVar(&v, "version", "", "release to take off the list; all when empty")
	c.Flags().BoolVar(&yes, "yes", false, "act without asking")
	_ = c.RegisterFlagCompletionFunc("version", a.completeVersion)
	return c
}

// retry takes releases off the list of the held ones.
func (s *session) retry(c *cobra.Command, v string, yes bool) error {
	ctx := c.Context()
	in, p, err := s.look(ctx, plan.Request{})
	if err != nil {
		return err
	}
	r := retryReport{Cluster: p.Cluster, AddOn: p.AddOn, Released: heldOf(in)}
	if v != "" {
		r.Released = slices.DeleteFunc(r.Released, func(h plan.Held) bool { return !sameVersion(h.Version, v) })
	}
	if len(r.Released) == 0 {
		s.note("nothing is held: automatic updates choose the newest release that fits")
		return s.print(r)
	}
	if err := s.mayRecord(ctx); err != nil {
		return err
	}
	for _, h := range r.Released {
		what := "automatic updates may choose %s %s again%s"
		if p.PinFailed != "" && sameVersion(h.Version, p.Desired.Version) {
			what = "the pin to %s %s may be tried again%s"
		}
		s.note(fmt.Sprintf("cluster %s: "+what, p.Cluster, p.AddOn, h.Version, heldSince(h)))
	}
	if err := s.confirm(ctx, yes); err != nil {
		return err
	}
	for _, h := range r.Released {
		if err := s.hub.Unhold(ctx, p.Cluster, p.AddOn, h.Version); err != nil {
			return fmt.Errorf("taking %s %s off the list: %w", p.AddOn, h.Version, err)
		}
	}
	s.refresh(ctx)
	return s.print(r)
}

// heldOf are the releases that are held, and the one that a way back under way leaves.
func heldOf(in plan.Input) []plan.Held {
	out := slices.Clone(in.Held)
	leaves := in.Desired.Back.Leaves
	if leaves != "" && !slices.ContainsFunc(out, func(h plan.Held) bool { return h.Version == leaves }) {
		out = append(out, plan.Held{Version: leaves, Reason: in.Desired.Back.Reason})
	}
	return out
}

// heldSince says since when a release is held, and why.
func heldSince(h plan.Held) string {
	var parts []string
	if !h.At.IsZero() {
		parts = append(parts, "held since "+h.At.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if h.Reason != "" {
		parts = append(parts, h.Reason)
	}
	return strings.TrimSuffix(" ("+strings.Join(parts, ": ")+")", " ()")
}

// sameVersion tells whether two texts name one version.
func sameVersion(a, b string) bool {
	v, err := version.Parse(a)
	w, other := version.Parse(b)
	return a == b || err == nil && other == nil && v.Equal(w)
}

func (r retryReport) name() string {
	out := make([]string, len(r.Released))
	for i, h := range r.Released {
		out[i] = "release/" + h.Version
	}
	return strings.Join(out, "\n")
}

func (r retryReport) table(w io.Writer, _ bool) {
	if len(r.Released) == 0 {
		return
	}
	rows := [][]string{{"RELEASE", "HELD SINCE", "REASON"}}
	for _, h := range r.Released {
		since := ""
		if !h.At.IsZero() {
			since = h.At.UTC().Format(time.DateTime)
		}
		rows = append(rows, []string{h.Version, dash(since), dash(h.Reason)})
	}
	columns(w, rows...)
}
