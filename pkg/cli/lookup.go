package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/artifact"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/plan"
)

// lookups is how a command looks images up in their registries.
type lookups struct {
	// on is false for a command without the flag: it writes nothing that nodes would pull.
	on     bool
	images *artifact.Images
}

// imagesFlag is on every command that shows or makes a move. It is called when the command has its PreRunE.
func (a *app) imagesFlag(c *cobra.Command) {
	on := c.Flags().Bool("check-images", true, "look every image up in its registry, for the architectures of the nodes")
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		a.lookups.on = *on
		if before == nil {
			return nil
		}
		return before(c, args)
	}
}

// lookUp is an engine's Images; nil when nobody wants to know. What was found counts for every round of the command.
func (a *app) lookUp() func(context.Context, string, []string) plan.Image {
	if !a.lookups.on {
		return nil
	}
	if a.lookups.images == nil {
		a.lookups.images = artifact.NewImages(artifact.Options{Note: a.note})
	}
	return helm.LookUp(a.lookups.images)
}
