package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// recallReport is the result of `recall`.
type recallReport struct {
	// Recalls that are in force.
	Items []v1alpha1.Recall `json:"recalls"`
	// Changed is false where nothing had to be written.
	Changed bool `json:"changed"`
	// Affected are the clusters that are concerned by the recall that was asked for.
	Affected *affected `json:"affected,omitempty"`
}

// affected are the clusters that a recall concerns.
type affected struct {
	Run    []string `json:"run"`
	Moving []string `json:"moving"`
	Pinned []string `json:"pinned"`
}

func (r recallReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, i.Addon+"/"+i.Version)
	}
	return strings.Join(out, "\n")
}

func (r recallReport) table(w io.Writer, _ bool) {
	rows := [][]string{{"ADDON", "VERSION", "RECALLED", "BY", "REASON"}}
	for _, i := range r.Items {
		at := "-"
		if i.At != nil {
			at = stamp(i.At.Time)
		}
		rows = append(rows, []string{i.Addon, i.Version, at, dash(i.By), i.Reason})
	}
	columns(w, rows...)
}

// recallFlags are the flags of recall.
type recallFlags struct {
	reason          string
	yes, list, undo bool
}

func (a *app) recallCommand() *cobra.Command {
	var f recallFlags
	c := &cobra.Command{
		Use:   "recall ADDON VERSION --reason R",
		Short: "Take a release back everywhere: nothing begins that goes to it, and what is under way stops at the node",
		Long: `Writes the recall of a release into the catalog of the hub (AddonCatalog default). Nothing is begun any more that goes to the release,
rolls to it stop at the node, whether addonctl or the DaemonSet controller changes the nodes, and clusters that run it are moved away by a
rollout, as their UpdatePolicy says: to the newest release that fits, an older one where nothing newer does. Pinned ones stay. --undo takes a recall off again, --list shows those in force.`,
		Example: `  addonctl recall Flannel 0.27.3 --reason "it loses packets on kernel 6.12"
  addonctl recall --list
  addonctl recall --undo Flannel 0.27.3 --yes`,
		Args: func(c *cobra.Command, args []string) error {
			if f.list {
				return noArgs(c, args)
			}
			return arguments(2, "ADDON", "VERSION")(c, args)
		},
		PreRunE: a.checkOutput, ValidArgsFunction: a.completeNamed(true),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			s, err := a.fleet(a.note)
			if err != nil {
				return err
			}
			switch {
			case f.list:
				return s.recalls(c.Context(), recallReport{})
			case f.undo:
				return s.unrecall(c.Context(), args[0], args[1], f.yes)
			default:
				return s.recall(c.Context(), args[0], args[1], f)
			}
		},
	}
	c.Flags().StringVar(&f.reason, "reason", "", "why, for every cluster that is concerned")
	c.Flags().BoolVar(&f.yes, "yes", false, "act without asking")
	c.Flags().BoolVar(&f.list, "list", false, "show the recalls that are in force")
	c.Flags().BoolVar(&f.undo, "undo", false, "take the recall of the release off again")
	_ = c.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions)
	return c
}

func (f *recallFlags) check() error {
	f.reason = strings.TrimSpace(f.reason)
	switch {
	case f.list && (f.undo || f.reason != ""):
		return usage("give --list alone", "--list only shows the recalls")
	case f.undo && f.reason != "":
		return usage("leave --reason out: the recall is taken off, with its reason", "--undo takes no --reason")
	case !f.list && !f.undo && f.reason == "":
		return usage(`add --reason "…": every cluster that is concerned will say it`, "recall needs --reason")
	default:
		return checkText("--reason", f.reason, 1024)
	}
}

// recalls prints those in force.
func (s *session) recalls(ctx context.Context, r recallReport) error {
	c, err := s.hub.Catalog(ctx)
	if err != nil {
		return err
	}
	r.Items = []v1alpha1.Recall{}
	if c != nil {
		r.Items = append(r.Items, c.Spec.Recalls...)
	}
	if len(r.Items) == 0 {
		s.note("no release is recalled")
	}
	return s.print(r)
}

// find is the index of a recall; -1 when there is none.
func find(recalls []v1alpha1.Recall, addOn, v string) int {
	return slices.IndexFunc(recalls, func(r v1alpha1.Recall) bool { return strings.EqualFold(r.Addon, addOn) && sameVersion(r.Version, v) })
}

// recallable is a release as the catalog spells it. One that it does not have may be in the hub's catalog, so that is only told.
func (s *session) recallable(addOn, v string) (string, string, error) {
	cat, err := s.catalog()
	if err != nil {
		return "", "", err
	}
	a, err := addOnOf(cat, "ADDON", addOn)
	if err != nil {
		return "", "", err
	}
	want := parseVersion(v)
	if want.IsZero() {
		return "", "", usage(fmt.Sprintf("addonctl catalog list %s lists the releases", a.Name), "VERSION: %q is no version", v)
	}
	if r, ok := a.Find(want); ok {
		return a.Name, r.Version.String(), nil
	}
	s.note(fmt.Sprintf("note: the catalog of this addonctl has no %s %s; it is recalled as it is written here", a.Name, v))
	return a.Name, v, nil
}

func (s *session) recall(ctx context.Context, addOn, v string, f recallFlags) error {
	addOn, v, err := s.recallable(addOn, v)
	if err != nil {
		return err
	}
	c, err := s.hub.Catalog(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		if at := find(c.Spec.Recalls, addOn, v); at >= 0 {
			s.note(fmt.Sprintf("%s %s is recalled already: %s", addOn, v, c.Spec.Recalls[at].Reason))
			return s.recalls(ctx, recallReport{})
		}
	}
	concerned, err := s.concerned(ctx, addOn, v)
	if err != nil {
		return err
	}
	s.note(fmt.Sprintf("recall %s %s everywhere: %s", addOn, v, concerned))
	if err := s.agree(ctx, "every cluster of this hub", f.yes); err != nil {
		return err
	}
	if c == nil { // perhaps not even the definitions are there
		if err := s.hub.Install(ctx); err != nil {
			return err
		}
	}
	want := v1alpha1.Recall{Addon: addOn, Version: v, Reason: f.reason}
	want.By, want.At = s.whoOrders(ctx)
	out := recallReport{Affected: concerned}
	err = s.hub.ChangeRecalls(ctx, func(now []v1alpha1.Recall) ([]v1alpha1.Recall, bool) {
		out.Changed = find(now, addOn, v) < 0
		return append(slices.Clone(now), want), out.Changed
	})
	if err != nil {
		return fmt.Errorf("recalling %s %s: %w", addOn, v, err)
	}
	if err := s.undriven(ctx); err != nil {
		s.note("who carries it out cannot be told: " + err.Error())
	}
	return s.recalls(ctx, out)
}

func (s *session) unrecall(ctx context.Context, addOn, v string, yes bool) error {
	c, err := s.hub.Catalog(ctx)
	if err != nil {
		return err
	}
	at := -1
	if c != nil {
		at = find(c.Spec.Recalls, addOn, v)
	}
	if at < 0 {
		s.note(fmt.Sprintf("%s %s is not recalled", addOn, v))
		return s.recalls(ctx, recallReport{})
	}
	s.note(fmt.Sprintf("take the recall of %s %s off: %s; clusters that moved away from it stay where they are until a rollout brings them further", addOn, v, c.Spec.Recalls[at].Reason))
	if err := s.agree(ctx, "every cluster of this hub", yes); err != nil {
		return err
	}
	out := recallReport{}
	err = s.hub.ChangeRecalls(ctx, func(now []v1alpha1.Recall) ([]v1alpha1.Recall, bool) {
		at := find(now, addOn, v)
		if out.Changed = at >= 0; !out.Changed {
			return nil, false
		}
		return slices.Delete(slices.Clone(now), at, at+1), true
	})
	if err != nil {
		return fmt.Errorf("taking the recall of %s %s off: %w", addOn, v, err)
	}
	return s.recalls(ctx, out)
}

// concerned are the clusters that run a release, move to it, or are pinned to it.
func (s *session) concerned(ctx context.Context, addOn, v string) (*affected, error) {
	all, err := s.hub.AllAddons(ctx)
	if err != nil {
		return nil, err
	}
	out := &affected{Run: []string{}, Moving: []string{}, Pinned: []string{}}
	for _, a := range all {
		switch {
		case a.Spec.Addon != addOn:
		case a.Spec.Version != "" && sameVersion(a.Spec.Version, v):
			out.Pinned = append(out.Pinned, a.Spec.Cluster)
		case sameVersion(a.Spec.MoveTo, v) && !sameVersion(a.Status.CurrentInstalledVersion, v):
			out.Moving = append(out.Moving, a.Spec.Cluster)
		case sameVersion(a.Status.CurrentInstalledVersion, v):
			out.Run = append(out.Run, a.Spec.Cluster)
		}
	}
	return out, nil
}

func (a *affected) String() string {
	var parts []string
	for _, p := range []struct {
		names []string
		what  string
	}{{a.Run, "running it"}, {a.Moving, "moving to it"}, {a.Pinned, "pinned to it, and staying"}} {
		if len(p.names) > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d (%s)", p.what, len(p.names), someOf(p.names)))
		}
	}
	if len(parts) == 0 {
		return "no cluster runs it or moves to it"
	}
	return strings.Join(parts, "; ")
}
