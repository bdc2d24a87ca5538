package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/artifact"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// settle completes what is asked for by the Kubernetes version and the operator's own settings.
func (f *renderFlags) settle(a *app, c *cobra.Command, asked []asking, k version.Version) error {
	configurations, err := f.byAddOn(a, asked)
	if err != nil {
		return err
	}
	definitions, err := a.readDefinitions(c, f.definitions)
	if err != nil {
		return err
	}
	for i := range asked {
		values, overlay := f.values, f.overlay
		if i > 0 {
			values, overlay = f.calicoValues, f.calicoOverlay
		}
		own := plan.Settings{Configurations: configurations[asked[i].in.AddOn]}
		if own.Values, err = readValues(values); err != nil {
			return err
		}
		if own.Overlay, err = readOverlay(overlay); err != nil {
			return err
		}
		in := &asked[i].in
		in.Cluster.Kubernetes, in.Desired.Settings = k, own
		asked[i].settings = f.settings(*in, own)
		asked[i].settings.Definitions = definitions
	}
	if len(asked) > 1 && f.overlay != "" && f.calicoOverlay == "" {
		a.note(fmt.Sprintf("note: the overlay is laid over the objects of %s alone; --calico-overlay lays one over Calico's", asked[0].in.AddOn))
	}
	return nil
}

// settings are those of a render on a real cluster, with what only a person can tell of an imagined one.
func (f *renderFlags) settings(in plan.Input, own plan.Settings) render.Settings {
	s := helm.Settings(in, own)
	s.Nodes, s.Region = f.nodes, f.region
	if told := in.Cluster.Facts[catalog.FactRealm]; len(told) == 1 {
		s.Realm = told[0]
	}
	return s
}

// byAddOn are the configurations by the add-on that they are for: the one that is named before a colon, else the first.
func (f *renderFlags) byAddOn(a *app, asked []asking) (map[string]map[string]string, error) {
	given := map[string][]string{}
	for _, g := range f.configurations {
		to := asked[0].in.AddOn
		if name, rest, found := strings.Cut(g, ":"); found {
			if _, known := asked[0].in.Catalog.AddOn(name); known {
				to, g = name, rest
			}
		}
		if !slices.ContainsFunc(asked, func(one asking) bool { return one.in.AddOn == to }) {
			return nil, usage("add --calico, or leave it out", "--set-config %s: %s is not rendered", g, to)
		}
		given[to] = append(given[to], g)
	}
	out := map[string]map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		var err error
		if out[name], err = a.readConfigurations(given[name]); err != nil {
			return nil, err
		}
		maps.DeleteFunc(out[name], func(_, value string) bool { return value == "" }) // KEY= sets nothing
	}
	return out, nil
}

// checkTaken refuses a configuration that the release does not take.
func checkTaken(addOn catalog.AddOn, r catalog.Release, configurations map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(configurations)) {
		lists := fmt.Sprintf("addonctl catalog show %s %s lists the keys", addOn.Name, r.Version)
		taken, ok := r.Configuration(key)
		if !ok {
			if nearest := r.NearestKey(key); nearest != "" {
				lists = "did you mean " + nearest + "? " + lists
			}
			return usage(lists, "--set-config %s: %s %s has no such key", key, addOn.Name, r.Version)
		}
		if _, err := taken.Decode(configurations[key]); err != nil {
			return usage(lists, "--set-config: %w", err)
		}
	}
	return nil
}

// readDefinitions reads CustomResourceDefinitions and passes over what is none; nil without a reference.
func (a *app) readDefinitions(c *cobra.Command, ref string) ([]*unstructured.Unstructured, error) {
	if ref == "" {
		return nil, nil
	}
	documents, err := artifact.Definitions(c.Context(), ref, artifact.Options{Note: a.note})
	if err != nil {
		return nil, sourceError(err)
	}
	var out []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		objects, err := render.Parse(string(documents[name]))
		if err != nil {
			return nil, usage("give files of whole objects", "reading --definitions %q: file %s: %w", ref, name, err)
		}
		out = append(out, slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return !isDefinition(o) })...)
	}
	if len(out) == 0 {
		return nil, usage("give the file or folder that holds them", "reading --definitions %q: it holds no CustomResourceDefinition", ref)
	}
	return out, nil
}
