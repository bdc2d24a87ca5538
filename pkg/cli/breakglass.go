package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/observe"
)

// mostReason is how long the reason of a break-glass may be: an Event holds it.
const mostReason = 512

func (a *app) breakGlassCommand() *cobra.Command {
	var reason string
	var yes bool
	length := guard.Shortest
	c := &cobra.Command{
		Use:   "break-glass --reason R [--for 10m]",
		Short: "Get a token for which the CNI's guard steps aside, for a while",
		Long: `Prints a token of ServiceAccount kube-system/addonctl-break-glass, which may delete and empty what the guard of the CNI protects.
An Event in kube-system says who has it, why and until when; where that cannot be written there is no token. It is good for ten
minutes to one hour. docs/guard.md says what the guard denies.`,
		Example: `  TOKEN=$(addonctl break-glass --for 10m --reason "the agents hang" --yes)
  kubectl --token="$TOKEN" delete pod -n kube-system kube-flannel-ds-x7k2p`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.breakGlass(c.Context(), strings.TrimSpace(reason), length, yes)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever reads the Event")
	c.Flags().DurationVar(&length, "for", length, "how long the token is good for, 10m to 1h")
	c.Flags().BoolVar(&yes, "yes", false, "act without asking")
	return c
}

// glassReport is the result of `break-glass`.
type glassReport struct{ guard.Glass }

func (r glassReport) name() string              { return r.Token }
func (r glassReport) table(w io.Writer, _ bool) { fmt.Fprintln(w, r.Token) }

func (a *app) breakGlass(ctx context.Context, reason string, length time.Duration, yes bool) error {
	if reason == "" {
		return usage(`add --reason "…": whoever reads the Event will want to know`, "break-glass needs --reason")
	}
	if err := checkText("--reason", reason, mostReason); err != nil {
		return err
	}
	if length < guard.Shortest || length > guard.Longest {
		return usage("give 10m to 1h", "--for %s: a token is good for ten minutes at least and one hour at most", length)
	}
	s, err := a.connect(ctx, "")
	if err != nil {
		return err
	}
	s.note(fmt.Sprintf("cluster %s: a token that may delete and empty the CNI for %s, and an Event that says so", s.cluster, length))
	if err := s.confirm(ctx, yes); err != nil {
		return err
	}
	g, err := s.glass(ctx, reason, length)
	if err != nil {
		return err
	}
	s.note(fmt.Sprintf("good until %s; Event kube-system/%s tells of it", g.Expires.Format(time.RFC3339), g.Event))
	s.note(`use it: kubectl --token="$TOKEN" delete … (a kubeconfig with a client certificate wins over the token: use one without)`)
	return s.print(glassReport{g})
}

// glass makes sure of the account and breaks the glass as our user.
func (s *session) glass(ctx context.Context, reason string, length time.Duration) (guard.Glass, error) {
	if _, err := guard.Identity(ctx, s.client); err != nil {
		return guard.Glass{}, fmt.Errorf("making the break-glass' own account: %w", err)
	}
	user, _, err := observe.WhoAmI(ctx, s.client)
	if err != nil {
		return guard.Glass{}, err
	}
	g, err := guard.BreakGlass(ctx, s.client, user, reason, length)
	if errors.Is(err, guard.ErrAsked) {
		return g, usage("give a reason, and 10m to 1h", "%w", err)
	}
	return g, err
}
