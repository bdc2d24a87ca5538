package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// driftReport is the result of `drift`.
type driftReport struct {
	Cluster string `json:"cluster"`
	helm.Drift
	// Fixed are the objects that --fix has written.
	Fixed []plan.ObjectChange `json:"fixed,omitempty"`
}

// driftFlags are the flags of `drift`.
type driftFlags struct {
	addOn    string
	fix, yes bool
	timeout  time.Duration
	excluded []string
}

func (a *app) driftCommand() *cobra.Command {
	var f driftFlags
	c := &cobra.Command{
		Use:   "drift [--fix]",
		Short: "Show what is live of the add-on and is not as it was recorded; set it back with --fix",
		Long: `Compares what is live with the recorded revision, object by object: what is missing, fields with other values and who owns
them, a guard that was changed, revisions that Helm wrote by hand, and a workload that is of no recorded revision. What an API server
fills in, and what others add beside, is no drift. Nothing is written without --fix.

With --fix the guard is put back first, then the drifted objects are written as they were recorded; their fields are taken from
whoever owns them. When the workload's template had drifted, its nodes take it again.

Exit code 0 when there is no drift, or all of it was set back; 1 when there is some; 2 when looking failed.`,
		Example: `  addonctl drift
  addonctl drift --exclude 'DaemonSet kube-flannel-ds:spec.template.spec.tolerations'
  addonctl drift --fix --yes -o json`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error { return a.drift(c, f) },
	}
	s := c.Flags()
	a.addOnFlag(c, &f.addOn)
	s.BoolVar(&f.fix, "fix", false, "set back what has drifted")
	s.BoolVar(&f.yes, "yes", false, "with --fix, act without asking")
	s.DurationVar(&f.timeout, "timeout", 15*time.Minute, "with --fix, how long to wait for nodes that take the template again; 0 means without end")
	s.StringArrayVar(&f.excluded, "exclude", nil, "leave drift alone, as 'Kind name:path' or 'Kind name'; * stands for any text in the object; may be repeated")
	_ = c.RegisterFlagCompletionFunc("exclude", cobra.NoFileCompletions)
	return c
}

func (f *driftFlags) exclusions() ([]helm.Exclusion, error) {
	if f.yes && !f.fix {
		return nil, usage("add --fix to set back what has drifted", "--yes means nothing without --fix")
	}
	var out []helm.Exclusion
	for _, s := range f.excluded {
		e, err := helm.ParseExclusion(s)
		if err != nil {
			return nil, usage("addonctl drift -o json has the objects and paths", "--exclude: %w", err)
		}
		out = append(out, e)
	}
	return out, nil
}

func (a *app) drift(c *cobra.Command, f driftFlags) error {
	excluded, err := f.exclusions()
	if err != nil {
		return err
	}
	s, err := a.connect(c.Context(), f.addOn)
	if err != nil {
		return failedLook(err)
	}
	in, p, r, err := s.drifted(c.Context(), excluded)
	if err != nil {
		return failedLook(err)
	}
	if f.fix && (r.Found() || r.SettingBack) {
		err = s.fix(c, f, in, p, &r, excluded)
	}
	if e := a.print(r); e != nil {
		return failedLook(e)
	}
	switch {
	case err != nil:
		return err
	case r.Found():
		return &exit{
			code: exitFailure, err: fmt.Errorf("%s is not as recorded", r.AddOn),
			hint: "addonctl drift --fix sets it back; what shall stay belongs into --values or --overlay",
		}
	default:
		return nil
	}
}

// drifted looks and compares.
func (s *session) drifted(ctx context.Context, excluded []helm.Exclusion) (plan.Input, plan.Plan, driftReport, error) {
	r := driftReport{Cluster: s.cluster}
	if err := s.asAccount(ctx); err != nil {
		return plan.Input{}, plan.Plan{}, r, err
	}
	in, p, err := s.look(ctx, plan.Request{})
	if err == nil && unjudged(p) {
		err = refusal(p)
	}
	if err != nil {
		return in, p, r, err
	}
	r.Drift, err = s.engine.Drift(ctx, in, excluded)
	if lacks, ok := errors.AsType[*helm.RightsError](err); ok {
		err = lacking("compare what is live with what was recorded, which takes dry runs", lacks.Missing)
	}
	if errors.Is(err, helm.ErrNotRecorded) {
		err = &exit{code: exitFailure, err: err, hint: "addonctl install or addonctl adopt records one"}
	}
	return in, p, r, err
}

// fix shows, asks, and sets back: the guard first, then the objects. Then it waits for the nodes and compares again.
func (s *session) fix(c *cobra.Command, f driftFlags, in plan.Input, p plan.Plan, r *driftReport, excluded []helm.Exclusion) error {
	ctx := c.Context()
	if r.Open {
		return &exit{code: exitRefused, err: helm.ErrUnderWay, hint: "finish it first with addonctl update" + forAddOn(p)}
	}
	if in.Cluster.Paused {
		return paused(p)
	}
	if r.Found() {
		r.table(s.Err, false)
	}
	if r.Rolls() {
		s.note("the workload's template is among it: every node takes it again")
	}
	if err := s.confirm(ctx, f.yes); err != nil {
		return err
	}
	end, err := s.seat.Begin(ctx, nil)
	defer end()
	if err != nil {
		return err
	}
	s.engine.Excluded = excluded
	if err := s.setBack(ctx, in, r, excluded); err != nil {
		return err
	}
	if err := s.settled(c, f); err != nil {
		return err
	}
	_, _, again, err := s.drifted(ctx, excluded)
	if err == nil {
		r.Drift = again.Drift
	}
	return err
}

// paused refuses with the finding that says so.
func paused(p plan.Plan) error {
	return refusal(plan.Plan{Findings: slices.DeleteFunc(slices.Clone(p.Findings), func(f plan.Finding) bool { return f.Reason != plan.Paused })})
}

// setBack writes the guard first, whatever a plan is stopped by, and then the objects.
func (s *session) setBack(ctx context.Context, in plan.Input, r *driftReport, excluded []helm.Exclusion) error {
	if len(r.Guard) > 0 {
		done, err := s.engine.Do(ctx, in, plan.Step{Kind: plan.Protect, AddOn: r.AddOn, Version: in.Installed.Version})
		r.Fixed = done.Objects
		if err != nil {
			return err
		}
	}
	written, err := s.engine.SetBack(ctx, in, r.Drift, excluded)
	r.Fixed = append(r.Fixed, written...)
	return err
}

// settled waits for nodes that take the workload's template again, and settles what was recorded. Nothing else is begun.
func (s *session) settled(c *cobra.Command, f driftFlags) error {
	in, p, err := s.loop.Look(c.Context())
	next, _ := p.Next()
	// Nodes that are behind a template that was left as somebody edited it take it by themselves only where the controller rolls.
	takes := next.Kind == plan.AwaitNodes && !in.Installed.OnDelete
	if last := in.Record.Last(); err != nil || !takes && (last.By != "" || last.Status != plan.PendingUpgrade) {
		return err // nothing is left to settle
	}
	if len(p.Blocking()) > 0 {
		return refusal(p)
	}
	if slices.ContainsFunc(p.Steps, func(step plan.Step) bool { return step.Kind == plan.Apply }) {
		return &exit{
			code: exitUnfinished, err: fmt.Errorf("what had drifted was set back, and a move to %s %s is due", p.AddOn, p.Hop),
			hint: "go on with: addonctl update" + forAddOn(p),
		}
	}
	s.loop.Wait, s.loop.Timeout = true, f.timeout
	bar := &progress{session: s}
	s.loop.Progress = bar.show
	out, err := s.loop.Run(c.Context())
	bar.end()
	if err != nil || out.End == reconcile.Done {
		return err
	}
	return ended(out, actFlags{timeout: f.timeout}, resume(c))
}

func (r driftReport) name() string {
	var out []string
	for _, o := range r.Objects {
		if kind, name, ok := strings.Cut(o.Object, " "); ok && o.Differs() {
			out = append(out, strings.ToLower(kind)+"/"+name)
		}
	}
	return strings.Join(out, "\n")
}

func (r driftReport) table(w io.Writer, wide bool) {
	if !r.Found() {
		text := fmt.Sprintf("%s %s is as recorded in revision %d", r.AddOn, r.Version, r.Revision)
		if r.Kept > 0 {
			text += ", but for " + plural(r.Kept, "field that is left alone", "fields that are left alone")
		}
		columns(w, []string{text})
		return
	}
	rows := [][]string{{"OBJECT", "WHAT", "LIVE", "RECORDED", "OWNER"}}
	for _, o := range r.Objects {
		rows = append(rows, rowsOf(o, wide)...)
	}
	for _, g := range r.Guard {
		rows = append(rows, []string{g, "guard missing or changed", "", "", ""})
	}
	for _, h := range r.ByHand {
		rows = append(rows, []string{fmt.Sprintf("revision %d", h.Number), "written by hand", h.Version, fmt.Sprintf("%s (revision %d)", r.Version, r.Revision), h.By})
	}
	if r.Unrecorded != "" {
		rows = append(rows, []string{"workload", "of no recorded revision", r.Unrecorded, r.Version, ""})
	}
	columns(w, rows...)
}

// rowsOf are the lines of one object.
func rowsOf(o helm.ObjectDrift, wide bool) [][]string {
	var rows [][]string
	switch {
	case o.Missing:
		rows = append(rows, []string{o.Object, "missing", "", "", ""})
	case o.Refused != "":
		rows = append(rows, []string{o.Object, "cannot be compared: " + o.Refused, "", "", ""})
	}
	for _, f := range o.Fields {
		rows = append(rows, []string{o.Object, f.Path, dash(f.Live), dash(f.After), dash(f.Owner)})
	}
	for _, owner := range slices.Sorted(maps.Keys(o.CoOwners)) {
		if wide {
			rows = append(rows, []string{o.Object, plural(o.CoOwners[owner], "field is", "fields are") + " owned too", "", "", owner})
		}
	}
	return rows
}
