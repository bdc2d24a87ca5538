package cli

import "github.com/spf13/cobra"

func (a *app) rolloutCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "rollout", Short: "Bring a release to many clusters: see beforehand how that would go",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.rolloutSimulateCommand())
	return c
}
