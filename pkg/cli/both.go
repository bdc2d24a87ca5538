package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// outcomeNotBegun : the other add-on did not end well, or this one would have been refused.
const outcomeNotBegun reconcile.End = "NotBegun"

// calicoFlags ask for Calico beside the CNI that is installed.
type calicoFlags struct {
	wanted  bool
	version string
}

func (f *calicoFlags) add(a *app, c *cobra.Command) {
	c.Flags().BoolVar(&f.wanted, "calico", false, "install Calico beside the CNI as soon as every node has that")
	c.Flags().StringVar(&f.version, "calico-version", "", "release of Calico to install and pin; the newest that fits when empty")
	_ = c.RegisterFlagCompletionFunc("calico-version", a.completeCalicoVersion)
}

// check refuses combinations that say two things.
func (f *calicoFlags) check(c *cobra.Command, act actFlags, r plan.Request) error {
	switch {
	case c.Flags().Changed("calico-version") && !f.wanted:
		return usage("add --calico; to install Calico alone: --addon "+calicoName+" --version", "--calico-version says something of Calico, which is not asked for")
	case c.Flags().Changed("calico-version") && f.version == "":
		return usage("leave it out for the newest that fits", "--calico-version is empty")
	case f.wanted && act.addOn != "":
		return usage("leave one out: --calico installs it beside the CNI", "--addon installs one add-on alone, and --calico asks for another")
	case f.wanted && !act.wait:
		return usage("leave --wait=false out; or install the CNI, and when nodes have it: addonctl install --addon "+calicoName,
			"--calico needs --wait: Calico is not begun before every node has the CNI")
	case act.addOn != "" && len(r.PodCIDRs) > 0:
		return usage("leave --addon out for the CNI of the network type", "--pod-cidr says something of the CNI, and --addon asks for one add-on")
	}
	return nil
}

// installPin pins what is installed with a version.
func installPin(version string) plan.Pin {
	if version == "" {
		return plan.Pin{}
	}
	return plan.Pin{Reason: "install"}
}

// bothReport is the result of `install --calico`: the CNI first.
type bothReport struct {
	Cluster string       `json:"cluster"`
	Items   []*actReport `json:"addons"`
}

func (r bothReport) name() string {
	out := make([]string, len(r.Items))
	for i, item := range r.Items {
		out[i] = item.name()
	}
	return strings.Join(out, "\n")
}

func (r bothReport) table(w io.Writer, _ bool) {
	rows := [][]string{actHead}
	for _, item := range r.Items {
		rows = append(rows, item.row())
	}
	if !slices.ContainsFunc(r.Items, func(i *actReport) bool { return i.Outcome == reconcile.Refused }) {
		columns(w, rows...)
	}
	for _, item := range r.Items {
		if item.Roll != nil {
			item.Roll.table(w)
		}
	}
}

// runBoth installs the CNI, to the end, and then Calico. Nothing is written when Calico would be refused.
func (a *app) runBoth(c *cobra.Command, r plan.Request, f actFlags, second calicoFlags) error {
	s, err := a.connect(c.Context(), "")
	if err != nil {
		return err
	}
	if err := s.byRule(c.Context(), &r); err != nil {
		return s.explain(c.Context(), err)
	}
	calico := plan.Request{Verb: plan.Install, NetworkType: r.NetworkType, Version: second.version, Pin: installPin(second.version)}
	results, err := s.foresee(c.Context(), r, calico, f)
	if err != nil {
		return s.printBoth(results, err)
	}
	cni := f
	cni.accept = "" // installing a CNI has nothing to accept
	s.observer.AddOn = ""
	if results[0], err = s.carry(c, r, cni); err != nil {
		return s.printBoth(results, left(err, "not begun: "+calicoName+", which the same command installs"))
	}
	s.observer.AddOn = calicoName
	done, err := s.carry(c, calico, f)
	if done != nil {
		results[1] = done
	}
	if err != nil {
		err = left(err, fmt.Sprintf("%s %s is installed; what is left is %s", results[0].AddOn, results[0].Version, calicoName))
	}
	return s.printBoth(results, err)
}

// foresee looks at both plans before anything is written. A CNI that would be refused is told of when its turn comes.
func (s *session) foresee(ctx context.Context, r, calico plan.Request, f actFlags) ([]*actReport, error) {
	told, err := f.check()
	if err != nil {
		return nil, err
	}
	if _, err := addOnOf(s.observer.Catalog, "--calico", calicoName); err != nil {
		return nil, err
	}
	s.told = told
	calico.Accept = strings.TrimSpace(f.accept)
	var out []*actReport
	for _, one := range []struct {
		addOn   string
		request plan.Request
	}{{"", r}, {calicoName, calico}} {
		s.observer.AddOn, s.observer.NetworkType = one.addOn, r.NetworkType
		in, p, err := s.loop.LookWith(ctx, one.request)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		p.Findings = slices.DeleteFunc(p.Findings, func(f plan.Finding) bool { return f.Reason == plan.CNIFirst })
		out = append(out, report(in, p, outcomeNotBegun))
		if one.addOn != "" && len(p.Blocking()) > 0 && !refusedAlready(out[0]) {
			out[1], err = s.refuse(in, p)
			return out, left(err, "nothing was written, and "+out[0].AddOn+" was not begun; without "+calicoName+": leave --calico out")
		}
	}
	return out, nil
}

func refusedAlready(r *actReport) bool {
	return slices.ContainsFunc(r.Findings, func(f plan.Finding) bool { return f.Blocking })
}

// printBoth prints the one result of both; there is none where nothing came of the first.
func (s *session) printBoth(results []*actReport, err error) error {
	if len(results) == 0 || results[0] == nil {
		return err
	}
	if e := s.print(bothReport{s.cluster, results}); e != nil {
		return e
	}
	return err
}

// left adds what is left to do to an error's hint.
func left(err error, what string) error {
	code, hint := codeOf(err)
	return &exit{code: code, err: err, hint: strings.TrimPrefix(hint+"; "+what, "; ")}
}
