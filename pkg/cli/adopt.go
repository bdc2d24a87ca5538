package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// outcomeAdopted : what was live is recorded and carries our marks.
const outcomeAdopted reconcile.End = "Adopted"

// adoptReport is the result of `adopt`.
type adoptReport struct {
	Cluster     string              `json:"cluster"`
	NetworkType catalog.NetworkType `json:"networkType"`
	AddOn       string              `json:"addon"`
	Version     string              `json:"version,omitempty"`
	Workload    string              `json:"workload,omitempty"`
	Pinned      bool                `json:"pinned"`
	Outcome     reconcile.End       `json:"outcome"`
	Revision    int                 `json:"revision,omitempty"`
	PodCIDRs    []string            `json:"podCIDRs,omitempty"`
	// Values of the chart that bring our render nearest to what is live.
	Values      map[string]any  `json:"values,omitempty"`
	Objects     []helm.Taken    `json:"objects"`
	Differences []helm.ThreeWay `json:"differences"`
	Findings    []plan.Finding  `json:"findings,omitempty"`
}

func (r *adoptReport) name() string { return "addon/" + hub.AddonName(r.Cluster, r.AddOn) }

func (r *adoptReport) table(w io.Writer, _ bool) {
	if r.Outcome == reconcile.Refused {
		return // the findings on the error stream say it all
	}
	columns(w, []string{"CLUSTER", "ADDON", "VERSION", "UPDATES", "OUTCOME", "WORKLOAD", "OBJECTS", "REVISION"}, []string{
		r.Cluster, r.AddOn, r.Version, updates(r.Pinned), string(r.Outcome), r.Workload, fmt.Sprint(len(r.Objects)), fmt.Sprint(r.Revision),
	})
}

// adoptFlags are the flags of `adopt`.
type adoptFlags struct {
	addOn, networkType string
	automatic, yes     bool
}

func (a *app) adoptCommand() *cobra.Command {
	var f adoptFlags
	c := &cobra.Command{
		Use:   "adopt [--network-type TYPE] [--addon A]",
		Short: "Take over a CNI that somebody else put on the cluster, as it is",
		Long: `Recognises a flannel, VCN-native or Calico that was put there by kubectl, by Helm or by OKE's layout, shows how it differs from
our release of the same version and from what its owner wrote last, and takes it over: labels, annotations and the ownership of
fields are written, never a template, a configuration or a namespace, so no pod restarts. What is live is recorded as a revision,
and the differences become the first update's plan.

The add-on is pinned to its version until you say otherwise; --automatic leaves it to automatic updates.`,
		Example: `  addonctl adopt
  addonctl adopt --network-type flannel --yes -o json
  addonctl adopt --addon Calico --automatic --yes`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := a.adopt(c, f)
			if r == nil {
				return err
			}
			if e := a.print(r); e != nil {
				return e
			}
			return err
		},
	}
	a.addOnFlag(c, &f.addOn)
	c.Flags().StringVar(&f.networkType, "network-type", "", networkTypeHelp+"; the running CNI's when empty")
	c.Flags().BoolVar(&f.automatic, "automatic", false, "leave the add-on to automatic updates instead of pinning it")
	c.Flags().BoolVar(&f.yes, "yes", false, "act without asking")
	_ = c.RegisterFlagCompletionFunc("network-type", fixed(networkTypes...))
	return c
}

// adopt looks, shows, asks, records the wish, and takes over.
func (a *app) adopt(c *cobra.Command, f adoptFlags) (*adoptReport, error) {
	ctx := c.Context()
	s, err := a.connect(ctx, f.addOn)
	if err != nil {
		return nil, err
	}
	if err := s.asAccount(ctx); err != nil {
		return nil, err
	}
	in, err := s.lookForCNI(ctx, f.networkType)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	found, err := s.engine.Adoptable(ctx, in)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	found.Findings = append(found.Findings, keepsPin(in, found)...)
	w := adoptWish(in, found, f)
	r := adopted(in, found, w)
	s.tell(plan.Plan{Findings: found.Findings})
	if len(found.Blocking()) > 0 {
		r.Outcome = reconcile.Refused
		return r, refusal(plan.Plan{Findings: found.Findings})
	}
	if found.Done && in.Desired.AddOn != "" && len(in.Cluster.Guard.Wrong) == 0 {
		s.refresh(ctx) // what a command did that was ended before it could say so
		s.note(fmt.Sprintf("%s %s is managed by addonctl already", r.AddOn, r.Version))
		r.Outcome, r.Revision = outcomeUnchanged, in.Record.Last().Number
		return r, nil
	}
	if err := s.mayRecord(ctx); err != nil {
		return nil, err
	}
	s.show(found, w)
	if err := s.confirm(ctx, f.yes); err != nil {
		return nil, err
	}
	return r, s.takeOver(c, in, found, w, r)
}

// takeOver records the wish first, then what is live, and puts the guard in place.
func (s *session) takeOver(c *cobra.Command, in plan.Input, found *helm.Adoption, w hub.Wish, r *adoptReport) error {
	ctx := c.Context()
	r.Outcome = outcomeFailed
	again := func(err error) error {
		code, hint := codeOf(err)
		if hint != "" {
			hint += "; "
		}
		return &exit{code: code, err: err, hint: hint + "what was begun is finished by: " + resume(c)}
	}
	end, err := s.seat.Begin(ctx, nil)
	defer end()
	if err != nil {
		return again(err)
	}
	if err := s.seat.Save(ctx, in.Request, w); err != nil {
		return again(err)
	}
	if !found.Done {
		done, err := s.engine.Adopt(ctx, in, found)
		if err != nil {
			return again(err)
		}
		r.Revision = done.Revision
	}
	s.loop.Wish, s.loop.Wait = &w.Desired, false
	out, err := s.loop.Run(ctx)
	if err != nil {
		return again(err)
	}
	r.Outcome = outcomeAdopted
	if len(out.Plan.Blocking()) > 0 {
		s.tell(out.Plan)
		return refusal(out.Plan)
	}
	return nil
}

// lookForCNI observes the cluster with the network type that is recorded, asked for, or else that of the one CNI that runs.
func (s *session) lookForCNI(ctx context.Context, asked string) (plan.Input, error) {
	t, err := parseNetworkType(asked)
	if err != nil {
		return plan.Input{}, err
	}
	s.observer.NetworkType = t
	in, err := s.seat.Observe(ctx)
	if err != nil {
		return in, err
	}
	in.Request = plan.Request{Verb: plan.Register, NetworkType: t}
	if plan.NetworkType(in) != "" {
		return in, nil
	}
	var types []catalog.NetworkType
	for _, cni := range in.Cluster.CNIs {
		if cni.NetworkType != "" && !slices.Contains(types, cni.NetworkType) {
			types = append(types, cni.NetworkType)
		}
	}
	switch len(types) {
	case 0:
		return in, usage("say which type the cluster is of: --network-type flannel or vcn-native; addonctl install installs its CNI",
			"no CNI of OKE's runs on cluster %s, and its network type is not recorded", s.cluster)
	case 1:
	default:
		return in, &exit{
			code: exitRefused, err: fmt.Errorf("refused (%s): CNIs of several network types run on cluster %s: %v", plan.OtherCNI, s.cluster, types),
			hint: "a cluster has exactly one CNI: take the other off first",
		}
	}
	s.observer.NetworkType = types[0]
	if in, err = s.seat.Observe(ctx); err != nil {
		return in, err
	}
	in.Request = plan.Request{Verb: plan.Register, NetworkType: types[0]}
	return in, nil
}

// keepsPin refuses to adopt under a pin to another version, which would move what was adopted at once.
func keepsPin(in plan.Input, found *helm.Adoption) []plan.Finding {
	v := found.Release.Version
	if in.Desired.Version == "" || v.IsZero() || found.Done || in.Desired.Version == v.String() {
		return nil
	}
	return []plan.Finding{{
		Check: "adoptable", Reason: plan.Pinned, Blocking: true,
		Message: fmt.Sprintf("%s is recorded with a pin to %s, and %s runs", found.AddOn.Name, in.Desired.Version, v),
		Fix:     "remove the record of the add-on, or put the pinned version back by its owner's means, then adopt",
	}}
}

// adoptWish is what is recorded: the add-on as it is found, pinned unless it is left to automatic updates.
func adoptWish(in plan.Input, found *helm.Adoption, f adoptFlags) hub.Wish {
	d := in.Desired
	if found.Done && d.AddOn != "" { // it was recorded when it was adopted, and stays as it is
		return hub.Wish{
			Cluster: in.Cluster.Name, NetworkType: v1alpha1.NetworkType(plan.NetworkType(in)), UID: in.Cluster.UID, Desired: d, Seen: d,
		}
	}
	d.AddOn, d.Settings, d.MoveTo = found.AddOn.Name, found.Settings, ""
	if ns := found.AddOn.Workload.Namespace; d.Namespace == "" {
		if usual, ok := in.Catalog.AddOn(found.AddOn.Name); ok && usual.Workload.Namespace != ns {
			d.Namespace = ns
		}
	}
	if f.automatic {
		d.Version, d.Pin = "", plan.Pin{}
	} else if d.Version == "" {
		d.Version, d.Pin = found.Release.Version.String(), plan.Pin{Reason: "adopted"}
	}
	return hub.Wish{
		Cluster: in.Cluster.Name, NetworkType: v1alpha1.NetworkType(plan.NetworkType(in)), PodCIDRs: found.PodCIDRs,
		UID: in.Cluster.UID, Desired: d, Seen: in.Desired,
		Fresh: true, // pod CIDRs that nobody recorded are those that run
	}
}

func adopted(in plan.Input, found *helm.Adoption, w hub.Wish) *adoptReport {
	r := &adoptReport{
		Cluster: in.Cluster.Name, NetworkType: plan.NetworkType(in), AddOn: found.AddOn.Name, Workload: found.Workload,
		Pinned: w.Desired.Version != "", PodCIDRs: found.PodCIDRs, Values: found.Settings.Values,
		Objects: found.Objects, Differences: found.Differences, Findings: found.Findings,
	}
	if !found.Release.Version.IsZero() {
		r.Version = found.Release.Version.String()
	}
	if r.Objects == nil {
		r.Objects = []helm.Taken{}
	}
	if r.Differences == nil {
		r.Differences = []helm.ThreeWay{}
	}
	return r
}
