package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
)

func (a *app) rolloutCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "rollout", Short: "Bring a release to many clusters: see how that goes, say what is wanted of it, or see beforehand how it would go",
		Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.rolloutListCommand(), a.rolloutStatusCommand(), a.rolloutSimulateCommand())
	for _, o := range orderVerbs {
		c.AddCommand(a.orderCommand(o))
	}
	return c
}

// fleet connects to the hub alone: no cluster is looked at. note is told what the person should know.
func (a *app) fleet(note func(string)) (*session, error) {
	cfg, err := a.kube.config(note)
	if err != nil {
		return nil, err
	}
	client, err := kube.New(cfg)
	if err != nil {
		return nil, usage("check --kubeconfig and --context", "%w", err)
	}
	return &session{app: a, client: client, home: client, hub: hub.New(client), clock: time.Now}, nil
}

// rollout reads a rollout; an error for one that is not there names those that are.
func (s *session) rollout(ctx context.Context, name string) (*v1alpha1.AddonRollout, error) {
	r, err := s.hub.Rollout(ctx, name)
	if err != nil || r != nil {
		return r, err
	}
	return nil, s.noRollout(ctx, name)
}

func (s *session) noRollout(ctx context.Context, name string) error {
	all, err := s.hub.Rollouts(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return usage("a rollout is opened by the manager when a release comes that an UpdatePolicy brings; docs/rollout.md", "there is no rollout %q, and no other", name)
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return usage("there are: "+someOf(names), "there is no rollout %q", name)
}

// completionWithin is how long a completion asks the hub.
const completionWithin = 3 * time.Second

// completing asks the hub for what to offer; nothing where it does not answer.
func (a *app) completing(c *cobra.Command, ask func(context.Context, *session) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	base := c.Context()
	if base == nil {
		base = context.Background()
	}
	ctx, cancel := context.WithTimeout(base, completionWithin)
	defer cancel()
	s, err := a.fleet(func(string) {})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	out, err := ask(ctx, s)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeRollout offers the rollouts, for the first argument.
func (a *app) completeRollout(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completing(c, func(ctx context.Context, s *session) ([]string, error) {
		all, err := s.hub.Rollouts(ctx)
		var out []string
		for _, r := range all {
			if strings.HasPrefix(r.Name, prefix) {
				out = append(out, fmt.Sprintf("%s\t%s %s %s", r.Name, r.Spec.Addon, r.Spec.Version, r.Status.Phase))
			}
		}
		return out, err
	})
}

// completeIn offers what is chosen of the rollout that is the first argument.
func (a *app) completeIn(choose func(v1alpha1.AddonRolloutStatus) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.completing(c, func(ctx context.Context, s *session) ([]string, error) {
			r, err := s.hub.Rollout(ctx, args[0])
			if err != nil || r == nil {
				return nil, err
			}
			return slices.DeleteFunc(choose(r.Status), func(name string) bool { return !strings.HasPrefix(name, prefix) }), nil
		})
	}
}

func waveNames(st v1alpha1.AddonRolloutStatus) []string {
	var out []string
	for _, w := range st.Waves {
		out = append(out, w.Name)
	}
	return out
}

// failedIn are the clusters that failed in a rollout.
func failedIn(st v1alpha1.AddonRolloutStatus) []string {
	var out []string
	for _, m := range st.Members {
		if m.State == "Failed" {
			out = append(out, m.Cluster)
		}
	}
	return out
}
