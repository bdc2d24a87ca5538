package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
)

// conflictPolicies are the conflict policies as they are given.
var conflictPolicies = []plan.ConflictPolicy{plan.FailOnConflict, plan.Overwrite, plan.Preserve}

// conflictFlag says what is done about fields that somebody else owns.
func conflictFlag(c *cobra.Command, to *plan.ConflictPolicy) {
	c.Flags().Var((*conflictValue)(to), "conflicts",
		"fields that another field manager owns with another value: fail writes nothing (default), overwrite takes them, preserve leaves them to their owner; recorded for later moves")
	_ = c.RegisterFlagCompletionFunc("conflicts", fixed("fail", "overwrite", "preserve"))
}

// conflictValue is a conflict policy as a flag.
type conflictValue plan.ConflictPolicy

func (v *conflictValue) String() string { return strings.ToLower(string(*v)) }
func (v *conflictValue) Type() string   { return "policy" }

func (v *conflictValue) Set(s string) error {
	for _, p := range conflictPolicies {
		if strings.EqualFold(s, string(p)) {
			*v = conflictValue(p)
			return nil
		}
	}
	return fmt.Errorf("want fail, overwrite or preserve")
}
