package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
)

func (a *app) renderCommand() *cobra.Command {
	var f renderFlags
	w := renderWriter{app: a}
	c := &cobra.Command{
		Use:   "render --network-type TYPE [--version V] [--kubernetes V] [--calico]",
		Short: "Write the objects of a release as YAML, JSON or files; no cluster is asked",
		Long: `Writes the objects of the CNI add-on of a network type in the order of writing, as install would write them on a cluster
that is described by the flags. The same flags give the same bytes. What is to be said of them goes to the error stream; what
a rule forbids is refused with exit code 3, and nothing is written. What only a cluster could tell refuses nothing here.

Without --version the newest release that fits is rendered, without --kubernetes for the newest minor that the release is
listed for. CustomResourceDefinitions are left out, and named, unless --include-crds is given: put them on a cluster
before the rest.

With --calico Calico's objects follow, in its newest release that fits. --values and --overlay are the CNI's then,
--calico-values and --calico-overlay Calico's, and --set-config Calico:KEY=VALUE sets one of its keys.`,
		Example: `  addonctl render --network-type vcn-native --kubernetes 1.34.2 | kubectl apply --dry-run=server -f -
  addonctl render --network-type flannel --version 0.27.3 --pod-cidr 10.8.0.0/16 -o dir --to manifests
  addonctl render --network-type vcn-native --calico --region eu-frankfurt-1 --realm OC1 --overlay ./mirror
  addonctl render --network-type flannel --set-config rollingUpdate='{"maxUnavailable":"25%"}' -o json
  addonctl render --network-type vcn-native --addon Calico --include-crds --definitions ./calico-crds`,
		Args: noArgs,
		PreRunE: func(c *cobra.Command, _ []string) error {
			if err := w.check(c); err != nil {
				return err
			}
			return f.check(a, c)
		},
		RunE: func(c *cobra.Command, _ []string) error {
			asked, err := f.read(a, c)
			if err != nil {
				return err
			}
			objects, err := a.renderAll(c, asked)
			if err != nil {
				return err
			}
			return w.write(objects)
		},
	}
	f.add(a, c)
	f.addDetails(a, c)
	w.add(c)
	return c
}

// renderAll renders add-ons one after the other, and tells what is to be said of them when all are rendered. The first that is
// refused ends it.
func (a *app) renderAll(c *cobra.Command, asked []asking) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	var plans []plan.Plan
	for _, one := range asked {
		r, p, err := a.render(c, one)
		if err != nil {
			return nil, err
		}
		if len(p.Blocking()) > 0 {
			writeFindings(a.Err, "", p.Blocking()[1:], true) // the error says the first
			return nil, refusal(p)
		}
		if virtualOnly(one.settings.NodeKinds) && !slices.ContainsFunc(r.Objects, isDaemonSet) {
			a.note(fmt.Sprintf("note: no DaemonSet of %s is rendered: every node is virtual, and virtual nodes run none", r.AddOn))
		}
		out, plans = append(out, r.Objects...), append(plans, p)
	}
	for _, p := range plans {
		a.tellNotes(p)
	}
	return out, nil
}

// render judges one add-on by what is known, then renders it, then judges what was rendered. There is no render where the plan
// is blocked before.
func (a *app) render(c *cobra.Command, one asking) (*render.Render, plan.Plan, error) {
	in := one.in
	addOn, r, ok := plan.Target(in)
	if err := checkTaken(addOn, r, one.settings.Configurations); ok && err != nil {
		return nil, plan.Plan{}, err
	}
	p := review(in)
	if !ok || len(p.Blocking()) > 0 {
		return nil, p, nil
	}
	rendered, err := a.renderRelease(c, addOn, r, one.settings)
	if none, ok := errors.AsType[*render.NoChartError](err); ok {
		in.Change.Unrenderable = none.Error()
		return nil, review(in), nil
	}
	if err != nil {
		return nil, p, err
	}
	if in.Change.To, err = render.Footprint(rendered.Objects); err != nil {
		return nil, p, fmt.Errorf("judging the render of %s %s: %w", addOn.Name, r.Version, err)
	}
	in.Change.Findings = helm.Findings(rendered)
	return rendered, review(in), nil
}

// renderRelease renders a release. What it cannot be rendered with was given by the caller: by itself each release can.
func (a *app) renderRelease(c *cobra.Command, addOn catalog.AddOn, r catalog.Release, s render.Settings) (*render.Render, error) {
	charts, err := a.chartFolder(c.Context())
	if err != nil {
		return nil, err
	}
	out, err := render.Release(charts, addOn, r, s)
	if _, none := errors.AsType[*render.NoChartError](err); err != nil && !none {
		return nil, usage("by itself the release renders: look at what is given with --set-config, --values, --overlay and the flags about the cluster", "%w", err)
	}
	return out, err
}

// review plans for the imagined cluster. What would only have to be known of a real one refuses no render: it is told.
func review(in plan.Input) plan.Plan {
	p := plan.Make(plan.Imagine(in))
	for i := range p.Findings {
		if len(p.Findings[i].Unknown) > 0 {
			p.Findings[i].Blocking = false
		}
	}
	return p
}

// tellNotes writes findings that refuse nothing.
func (a *app) tellNotes(p plan.Plan) {
	var minor []string
	for _, f := range p.Findings {
		if f.Minor {
			minor = append(minor, string(f.Reason))
			continue
		}
		writeFinding(a.Err, "", f)
	}
	if len(minor) > 0 {
		a.note(fmt.Sprintf("minor, passing by itself: %s (addonctl catalog show %s tells more)", strings.Join(minor, ", "), p.AddOn))
	}
}

func virtualOnly(kinds []catalog.NodeKind) bool {
	return len(kinds) > 0 && !slices.ContainsFunc(kinds, func(k catalog.NodeKind) bool { return k != catalog.Virtual })
}

func isDaemonSet(o *unstructured.Unstructured) bool { return o.GetKind() == "DaemonSet" }

func isDefinition(o *unstructured.Unstructured) bool {
	return o.GetKind() == "CustomResourceDefinition"
}
