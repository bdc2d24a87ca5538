package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// pauseReport is the result of `pause` and `resume`.
type pauseReport struct {
	Cluster string `json:"cluster"`
	AddOn   string `json:"addon"`
	Paused  bool   `json:"paused"`
	// Changed is false where that was recorded already.
	Changed bool `json:"changed"`
	// Roll is where the roll stands that is under way.
	Roll *noderoll.Decision `json:"roll,omitempty"`
}

func (r pauseReport) name() string { return "addon/" + hub.AddonName(r.Cluster, r.AddOn) }

func (r pauseReport) table(w io.Writer, _ bool) {
	roll := "-"
	if r.Roll != nil {
		roll = standing(r.Roll)
	}
	columns(w, []string{"CLUSTER", "ADDON", "PAUSED", "ROLL"}, []string{r.Cluster, r.AddOn, yesNo(r.Paused), roll})
}

func (a *app) pauseCommand() *cobra.Command {
	return a.pausing(true, &cobra.Command{
		Use:   "pause",
		Short: "Change no further node of a roll until somebody resumes it",
		Long: `Records that the roll of the nodes is paused. Whoever drives it changes no further node, and waits; nodes that are being changed end as
they end, and a gate that says no halts the roll as ever. It holds for later rolls too, until "addonctl resume".`,
		Example: `  addonctl pause --yes
  addonctl status
  addonctl resume --yes`,
	})
}

func (a *app) resumeCommand() *cobra.Command {
	return a.pausing(false, &cobra.Command{
		Use:   "resume",
		Short: "Go on with a paused roll of the nodes",
		Long: `Takes the pause off the record. A command that is at work goes on by itself; without one, "addonctl update", or the command that was
begun, goes on from where the nodes are.`,
		Example: `  addonctl resume --yes`,
	})
}

func (a *app) pausing(paused bool, c *cobra.Command) *cobra.Command {
	var addOn string
	var yes bool
	c.Args, c.PreRunE = noArgs, a.checkOutput
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := a.connect(c.Context(), addOn)
		if err != nil {
			return err
		}
		return s.pause(c, paused, yes)
	}
	a.addOnFlag(c, &addOn)
	c.Flags().BoolVar(&yes, "yes", false, "act without asking")
	return c
}

// pause records a pause, or its end. It takes nobody's place: whoever drives the roll sees it at the next look.
func (s *session) pause(c *cobra.Command, paused, yes bool) error {
	ctx := c.Context()
	in, p, err := s.look(ctx, plan.Request{})
	if err != nil {
		return err
	}
	if in.Desired.AddOn == "" {
		return &exit{
			code: exitRefused, err: fmt.Errorf("refused (%s): nothing is recorded of an add-on on cluster %s, so no roll is to be paused", plan.NotRegistered, s.cluster),
			hint: "addonctl install --network-type TYPE",
		}
	}
	r := pauseReport{Cluster: p.Cluster, AddOn: p.AddOn, Paused: paused, Roll: p.Roll}
	if in.Desired.Roll.Paused == paused {
		s.note(fmt.Sprintf("cluster %s: %s", s.cluster, pausedAlready(p, paused)))
		return s.print(r)
	}
	if err := s.mayRecord(ctx); err != nil {
		return err
	}
	s.note(fmt.Sprintf("cluster %s: %s", s.cluster, pauseText(p, paused)))
	if err := s.confirm(ctx, yes); err != nil {
		return err
	}
	if r.Changed, err = s.hub.Pause(ctx, p.Cluster, p.AddOn, paused); err != nil {
		return fmt.Errorf("recording the pause: %w", err)
	}
	s.refresh(ctx)
	return s.print(r)
}

func pausedAlready(p plan.Plan, paused bool) string {
	if paused {
		return fmt.Sprintf("rolls of %s are paused already", p.AddOn)
	}
	return fmt.Sprintf("rolls of %s are not paused", p.AddOn)
}

func pauseText(p plan.Plan, paused bool) string {
	switch {
	case paused && p.Roll != nil && p.Roll.Watched:
		return fmt.Sprintf("pause rolls of %s; its nodes are changed by the DaemonSet controller now, which no pause stops", p.AddOn)
	case paused && p.Roll == nil:
		return fmt.Sprintf("pause rolls of %s; none is under way, and the next one changes no node", p.AddOn)
	case paused:
		return fmt.Sprintf("pause the roll of %s %s: %s", p.AddOn, p.Hop, standing(p.Roll))
	case p.Roll == nil, p.Roll.Watched:
		return fmt.Sprintf("let rolls of %s change nodes again; none of ours is under way", p.AddOn)
	default:
		return fmt.Sprintf("go on with the roll of %s %s: %s; a command that is at work goes on by itself, else say: addonctl update%s", p.AddOn, p.Hop, standing(p.Roll), forAddOn(p))
	}
}
