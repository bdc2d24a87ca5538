package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Reference is the command line's manual as Markdown, made from the command tree: docs/cli.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Command line\n\nGenerated from the commands themselves (`make generate`); do not edit.\n")
	root := (&app{}).root()
	root.InitDefaultHelpCmd()
	reference(&b, root)
	return b.String()
}

func reference(b *strings.Builder, c *cobra.Command) {
	if c.Name() == "help" || c.Hidden {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n", c.CommandPath(), c.Short)
	if c.Long != "" && c.Parent() != nil && c.Parent().Name() != "completion" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	if c.Runnable() {
		fmt.Fprintf(b, "\n```\n%s\n```\n", c.UseLine())
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n```\n%s\n```\n", c.Example)
	}
	flags := c.NonInheritedFlags()
	if c.Parent() == nil {
		flags = c.PersistentFlags()
	}
	if text := strings.TrimRight(flags.FlagUsages(), "\n"); text != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", text)
	}
	for _, sub := range c.Commands() {
		reference(b, sub)
	}
}
