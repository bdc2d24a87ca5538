package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
)

// typeFlags say the network type of a cluster, or the rule that chooses it.
type typeFlags struct{ networkType, rule string }

func (f *typeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.networkType, "network-type", "", networkTypeHelp)
	c.Flags().StringVar(&f.rule, "network-type-rule", "", "let a named rule choose the network type of a cluster that has none recorded, as a tool's default does: "+typeRules())
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	var offers []string
	for _, r := range plan.TypeRules {
		offers = append(offers, r.Name+"\t"+r.Source)
	}
	_ = c.RegisterFlagCompletionFunc("network-type-rule", fixed(offers...))
}

func typeRules() string {
	var out []string
	for _, r := range plan.TypeRules {
		out = append(out, r.Name)
	}
	return strings.Join(out, ", ")
}

// read fills in what was given.
func (f *typeFlags) read(r *plan.Request) (err error) {
	if f.networkType != "" && f.rule != "" {
		return usage("give one of them", "--network-type and --network-type-rule do not go together")
	}
	if _, ok := plan.FindTypeRule(f.rule); f.rule != "" && !ok {
		return usage("one of "+typeRules(), "--network-type-rule: there is no rule %q", f.rule)
	}
	r.TypeRule = f.rule
	r.NetworkType, err = parseNetworkType(f.networkType)
	return err
}

// byRule lets the rule that a request names choose its network type, by what the cluster says of itself. It may be repeated.
func (s *session) byRule(ctx context.Context, r *plan.Request) error {
	rule, ok := plan.FindTypeRule(r.TypeRule)
	if !ok {
		return nil // none is named, or it has chosen
	}
	facts, err := s.observer.TypeFacts(ctx)
	if err != nil {
		return fmt.Errorf("choosing the network type: %w", err)
	}
	t, sentence, decided := rule.Choose(facts)
	if !decided {
		return usage("say it: --network-type flannel or vcn-native", "--network-type-rule: %w", errors.New(sentence))
	}
	r.NetworkType, r.TypeRule = t, sentence
	return nil
}
