package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// factFlag asks for facts that a cluster, or an imagined one, does not tell by itself; toldFacts reads them.
func factFlag(c *cobra.Command, into *[]string) {
	c.Flags().StringArrayVar(into, "fact", nil, "a fact that nothing tells by itself, as NAME=VALUE; may be repeated")
	_ = c.RegisterFlagCompletionFunc("fact", completeGiven)
}

// givenFacts reads the values of --fact; a fact that is given several times has several values, such as one of each node.
func givenFacts(given []string) (catalog.Facts, error) {
	facts := catalog.Facts{}
	for _, g := range given {
		name, value, found := strings.Cut(g, "=")
		f := catalog.Fact(name)
		if err := checkFact(f, value, found); err != nil {
			return nil, err
		}
		if !slices.Contains(facts[f], value) {
			facts[f] = append(facts[f], value)
		}
	}
	for _, values := range facts {
		slices.Sort(values)
	}
	return facts, nil
}

func checkFact(f catalog.Fact, value string, found bool) error {
	switch {
	case !found:
		return usage("write it as NAME=VALUE, such as networkPolicies=0", "--fact %q has no value", f)
	case !slices.Contains(catalog.FactNames(), f):
		return usage("one of "+joined(catalog.FactNames(), ", "), "--fact %s=%s: unknown fact %q", f, value, f)
	case f == catalog.FactKubernetes:
		return usage("give it with --kubernetes", "--fact kubernetes=%s: the API server's version has a flag of its own", value)
	}
	if want := f.Misfit(value); want != "" {
		return usage("--fact "+string(f)+" takes "+want, "--fact %s: %q is no value of it", f, value)
	}
	return nil
}

// completeGiven offers the names of facts, and the values of those that have only a few.
func completeGiven(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	name, _, found := strings.Cut(prefix, "=")
	var out []string
	if found {
		for _, v := range catalog.Fact(name).Values() {
			out = append(out, name+"="+v)
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	for _, f := range catalog.FactNames() {
		if f != catalog.FactKubernetes {
			out = append(out, string(f)+"=")
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// holds says in words where a condition holds: "os is OL7 or OL8".
func holds(c catalog.Condition) string {
	switch {
	case len(c.In) > 0:
		return fmt.Sprintf("%s is %s", c.Fact, strings.Join(c.In, " or "))
	case len(c.NotIn) == 1:
		return fmt.Sprintf("%s is not %s", c.Fact, c.NotIn[0])
	case len(c.NotIn) > 1:
		return fmt.Sprintf("%s is none of %s", c.Fact, strings.Join(c.NotIn, ", "))
	case !c.Below.IsZero():
		return fmt.Sprintf("%s is below %s", c.Fact, c.Below)
	default:
		return fmt.Sprintf("%s is %s or later", c.Fact, c.AtLeast)
	}
}

// opposite holds where a condition does not.
func opposite(c catalog.Condition) catalog.Condition {
	return catalog.Condition{Fact: c.Fact, In: c.NotIn, NotIn: c.In, Below: c.AtLeast, AtLeast: c.Below}
}

// exampleOf is a value with which a condition holds, and VALUE where none can be named.
func exampleOf(c catalog.Condition) string {
	switch {
	case len(c.In) > 0:
		return c.In[0]
	case !c.AtLeast.IsZero():
		return c.AtLeast.Core()
	}
	for _, v := range c.Fact.Values() {
		if len(c.NotIn) > 0 && !slices.Contains(c.NotIn, v) {
			return v
		}
	}
	return "VALUE"
}

// conditionsText says where all conditions hold; empty when there are none.
func conditionsText(cs catalog.Conditions) string {
	var out []string
	for _, c := range cs {
		out = append(out, holds(c))
	}
	return strings.Join(out, " and ")
}

func joined[T ~string](values []T, separator string) string {
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return strings.Join(out, separator)
}
