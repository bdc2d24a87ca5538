package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/plan"
)

func (a *app) rollbackCommand() *cobra.Command {
	var f actFlags
	var roll rollFlags
	r := plan.Request{Verb: plan.Rollback}
	c := &cobra.Command{
		Use:   "rollback [--to REVISION]",
		Short: "Go back to the release and settings that were there before, or to those of a recorded revision",
		Long: `Goes back to the revision that was deployed before the live one, or to the one given: its release and the settings that
it was rendered with. A pin moves to that release. The release that is left is held: automatic updates do not choose it again until a
newer one comes or "addonctl retry" allows it.

The agents are rendered with the chart of that revision, so what was there comes back byte for byte. What does not come back is said
before you are asked: custom resource definitions, and what pods wrote on the nodes. A move without a way back is refused.

With --nodes roll the nodes go back one by one, those without a working agent first, then those that were changed last.

A rollback that was interrupted goes on with the same command, or with "addonctl update".`,
		Example: `  addonctl history
  addonctl rollback
  addonctl rollback --to 3 --reason "pods lost DNS"`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			if r.Revision < 0 || c.Flags().Changed("to") && r.Revision == 0 {
				return usage("addonctl history lists the revisions", "--to %d is no revision", r.Revision)
			}
			if err := checkText("--reason", r.Pin.Reason, drive.MaxReason); err != nil {
				return err
			}
			r.Pin.Reason = strings.TrimSpace(r.Pin.Reason)
			if err := roll.read(c, &r); err != nil {
				return err
			}
			return a.run(c, r, f)
		},
	}
	c.Flags().IntVar(&r.Revision, "to", 0, "revision to go back to; when 0 the one that was deployed before the live one")
	c.Flags().StringVar(&r.Pin.Reason, "reason", "", "why, for whoever meets the pin or the held release later")
	_ = c.RegisterFlagCompletionFunc("to", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions)
	roll.add(c)
	f.add(a, c)
	return c
}
