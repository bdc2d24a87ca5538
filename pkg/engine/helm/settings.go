package helm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
)

// SettingsError says that a release cannot be rendered with an operator's own settings; without them it can.
type SettingsError struct {
	// Release in words, such as "Flannel 0.27.3".
	Release string
	// Of says which: "configurations", "values", "overlay", or "settings" where no one kind of them is to blame alone.
	Of  string
	Err error
}

func (e *SettingsError) Error() string {
	return fmt.Sprintf("%s cannot be rendered with the operator's %s: %v", e.Release, e.Of, cmp.Or(errors.Unwrap(e.Err), e.Err))
}

func (e *SettingsError) Unwrap() error { return e.Err }

// UnrenderableError says that there is no render of a release for this cluster: no chart, settings or facts of the cluster that
// the chart refuses.
type UnrenderableError struct{ Err error }

func (e *UnrenderableError) Error() string { return e.Err.Error() }

func (e *UnrenderableError) Unwrap() error { return e.Err }

// Render renders a release for the cluster of an input with an operator's own settings. What they are to blame for is a
// *SettingsError.
func Render(charts fs.FS, in plan.Input, addOn catalog.AddOn, r catalog.Release, own plan.Settings) (*render.Render, error) {
	return rendered(folder(charts), in, addOn, r, own)
}

// maker renders a release.
type maker func(catalog.AddOn, catalog.Release, render.Settings) (*render.Render, error)

// folder makes renders with the charts of a folder.
func folder(charts fs.FS) maker {
	return func(a catalog.AddOn, r catalog.Release, s render.Settings) (*render.Render, error) {
		return render.Release(charts, a, r, s)
	}
}

func rendered(with maker, in plan.Input, addOn catalog.AddOn, r catalog.Release, own plan.Settings) (*render.Render, error) {
	out, err := released(with, in, addOn, r, own)
	if err == nil || own.IsZero() {
		return out, err
	}
	for _, p := range parts {
		without := p.without(own)
		if without.Equal(own) {
			continue
		}
		if _, other := released(with, in, addOn, r, without); other == nil {
			return nil, &SettingsError{fmt.Sprintf("%s %s", addOn.Name, r.Version), p.name, err}
		}
	}
	return nil, err
}

// released is a render that holds the workload by which the add-on is known: one that has it elsewhere, or not at all, would be
// written and never be seen.
func released(with maker, in plan.Input, addOn catalog.AddOn, r catalog.Release, own plan.Settings) (*render.Render, error) {
	out, err := with(addOn, r, Settings(in, own))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(out.Findings, func(f render.Finding) bool { return f.Blocking }) {
		return out, nil // which says more than that the workload is gone
	}
	w := addOn.Workload
	for _, o := range out.Objects {
		if o.GetKind() == w.Kind && o.GetNamespace() == w.Namespace && o.GetName() == w.Name {
			return out, nil
		}
	}
	return nil, fmt.Errorf("rendering %s %s: %w", addOn.Name, r.Version,
		fmt.Errorf("%s %s/%s, by which the add-on is known, is not there or elsewhere", w.Kind, w.Namespace, w.Name))
}

// parts are the ways to leave settings out, all of them last.
var parts = []struct {
	name    string
	without func(plan.Settings) plan.Settings
}{
	{"overlay", func(s plan.Settings) plan.Settings { s.Overlay = nil; return s }},
	{"values", func(s plan.Settings) plan.Settings { s.Values = nil; return s }},
	{"configurations", func(s plan.Settings) plan.Settings { s.Configurations = nil; return s }},
	{"settings", func(plan.Settings) plan.Settings { return plan.Settings{} }},
}

// Settings are all that a render of a cluster's add-on depends on beside the release. How many nodes there are is left out: a
// render must not change because a node joined; and so is what is told for one command and not recorded, such as the realm.
func Settings(in plan.Input, own plan.Settings) render.Settings {
	s := render.Settings{
		Kubernetes: in.Cluster.Kubernetes, NetworkType: plan.NetworkType(in), PodCIDRs: plan.PodCIDRs(in), IPFamilies: in.Cluster.IPFamilies,
		NodeKinds: nodeKinds(in.Cluster.Pools), Configurations: own.Configurations, Values: own.Values,
	}
	for path, text := range own.Overlay {
		if s.Overlay == nil {
			s.Overlay = map[string][]byte{}
		}
		s.Overlay[path] = []byte(text)
	}
	return s
}

// nodeKinds are the kinds of pools, each once.
func nodeKinds(pools []plan.Pool) []catalog.NodeKind {
	var out []catalog.NodeKind
	for _, p := range pools {
		out = append(out, p.Kind)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Findings are what a render has to say.
func Findings(r *render.Render) []plan.Finding {
	var out []plan.Finding
	for _, f := range r.Findings {
		out = append(out, plan.Finding{Reason: plan.Reason(f.Reason), Message: f.Message, Fix: f.Fix, Blocking: f.Blocking})
	}
	return out
}

// Refusal is the finding of a release that cannot be rendered with what an operator set; false for every other error, which
// somebody else has to mend.
func Refusal(err error) ([]plan.Finding, bool) {
	bad, ok := errors.AsType[*SettingsError](err)
	if !ok {
		return nil, false
	}
	f := plan.Finding{Reason: plan.BadSettings, Message: oneLine(bad), Blocking: true, Fix: "addonctl update --values FILE or --overlay DIR replaces them, with an empty word takes them away"}
	if _, ok := errors.AsType[*render.ConfigurationError](err); ok {
		f.Reason, f.Fix = plan.BadConfiguration, "addonctl update --set-config KEY=… sets another value, KEY= takes the key away"
	}
	return []plan.Finding{f}, true
}

// oneLine keeps a message readable where many are shown.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
