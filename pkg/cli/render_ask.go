package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// asking is one add-on that is to be rendered: what is known of the cluster with what is wished for, and how to render it.
type asking struct {
	in       plan.Input
	settings render.Settings
}

// calicoName is the add-on that --calico adds.
const calicoName = "Calico"

// read is what is asked for: the add-on, and Calico where it is to stand beside.
func (f *renderFlags) read(a *app, c *cobra.Command) ([]asking, error) {
	cat, err := a.catalog()
	if err != nil {
		return nil, err
	}
	cni, t, err := f.target(cat)
	if err != nil {
		return nil, err
	}
	in, err := f.imagined(cat, t)
	if err != nil {
		return nil, err
	}
	in.AddOn, in.Request.Version = cni.Name, f.version
	asked := []asking{{in: in}}
	if f.calico {
		beside, err := addOnOf(cat, "--calico", calicoName)
		if err != nil {
			return nil, err
		}
		in.AddOn, in.Request.Version = beside.Name, f.calicoVersion
		asked = append(asked, asking{in: in})
	}
	k, err := f.judgedFor(a, asked)
	if err != nil {
		return nil, err
	}
	return asked, f.settle(a, c, asked, k)
}

// target is the add-on that is asked for, and the network type of the cluster.
func (f *renderFlags) target(cat *catalog.Catalog) (catalog.AddOn, catalog.NetworkType, error) {
	t, err := parseNetworkType(f.networkType)
	if err != nil {
		return catalog.AddOn{}, "", err
	}
	if t == "" {
		return catalog.AddOn{}, "", usage("add --network-type flannel or vcn-native", "--network-type is not given, and it is never guessed")
	}
	if f.addOn != "" {
		addOn, err := addOnOf(cat, "--addon", f.addOn)
		if err == nil && addOn.NetworkType != "" && addOn.NetworkType != t {
			err = &exit{
				code: exitRefused, hint: "a cluster has one network type for life",
				err: fmt.Errorf("refused: %s is the CNI of %s, and the cluster is %s", addOn.Name, addOn.NetworkType, t),
			}
		}
		return addOn, t, err
	}
	addOn, ok := cat.ForNetworkType(t)
	if !ok {
		return addOn, t, &exit{code: exitRefused, err: fmt.Errorf("the catalog has no add-on for network type %s", t)}
	}
	return addOn, t, nil
}

// imagined is a cluster of which no more is known than the flags say.
func (f *renderFlags) imagined(cat *catalog.Catalog, t catalog.NetworkType) (plan.Input, error) {
	told, err := toldFacts(f.facts)
	if err != nil {
		return plan.Input{}, err
	}
	pools, err := poolsOf(f.pool)
	if err != nil {
		return plan.Input{}, err
	}
	in := plan.Input{
		Catalog: cat,
		Cluster: plan.Cluster{Name: "imagined", UID: "imagined", PodCIDRs: f.podCIDRs, IPFamilies: f.families, Pools: pools},
		// A DEPRECATED release is rendered with a note: nothing is written to a cluster.
		Request: plan.Request{Verb: plan.Install, NetworkType: t, Accept: "a render for review"},
	}
	if f.realm != "" {
		in.Cluster.Facts = catalog.Facts{catalog.FactRealm: {f.realm}}
	}
	merge(&in, told)
	return in, nil
}

// nodeKindNames are the kinds of nodes, sorted.
func nodeKindNames() []string {
	return []string{string(catalog.Managed), string(catalog.SelfManaged), string(catalog.Virtual)}
}

func poolsOf(kinds []string) ([]plan.Pool, error) {
	var out []plan.Pool
	for _, kind := range kinds {
		i := slices.IndexFunc(nodeKindNames(), func(name string) bool { return strings.EqualFold(name, kind) })
		if i < 0 {
			return nil, usage("one or more of "+strings.Join(nodeKindNames(), ", "), "--node-pools: unknown kind %q", kind)
		}
		out = append(out, plan.Pool{Name: nodeKindNames()[i], Kind: catalog.NodeKind(nodeKindNames()[i])})
	}
	return out, nil
}

// judgedFor is the Kubernetes version to render for. Where none is given it is the newest that the releases are listed for, and
// the person is told.
func (f *renderFlags) judgedFor(a *app, asked []asking) (version.Version, error) {
	if f.kubernetes != "" {
		return kubernetesOf(f.kubernetes)
	}
	var releases []catalog.Release
	for i, one := range asked {
		addOn, _ := one.in.Catalog.AddOn(one.in.AddOn)
		r, named := addOn.Find(parseVersion(one.in.Request.Version))
		switch {
		case named:
			releases = append(releases, r)
		case i == 0:
			releases = append(releases, newestActive(addOn))
		}
	}
	k, why := newestForAll(releases...)
	if k.IsZero() {
		return k, usage("add --kubernetes 1.34", "--kubernetes is not given, and the catalog names no version that %s %s is made for", releases[0].AddOn, releases[0].Version)
	}
	a.note(fmt.Sprintf("for Kubernetes %s, %s; --kubernetes takes another", k, why))
	return k, nil
}

// newestForAll is the newest Kubernetes minor that all releases are listed for; where there is none, the newest for the first.
func newestForAll(releases ...catalog.Release) (k version.Version, why string) {
	if k := newestListed(releases...); !k.IsZero() && len(releases) > 1 {
		return k, "the newest that " + strings.Join(releaseTexts(releases), " and ") + " are listed for"
	}
	k, how := newestFor(releases[0])
	return k, fmt.Sprintf("the newest that %s %s", releaseTexts(releases)[0], how)
}

// newestListed is the newest Kubernetes minor that all releases are listed for; zero when there is none.
func newestListed(releases ...catalog.Release) version.Version {
	for _, m := range slices.Backward(releases[0].ListedFor) {
		if !slices.ContainsFunc(releases, func(r catalog.Release) bool { return !slices.Contains(r.ListedFor, m) }) {
			return version.MustParse(m.String())
		}
	}
	return version.Version{}
}

func releaseTexts(releases []catalog.Release) []string {
	var out []string
	for _, r := range releases {
		out = append(out, fmt.Sprintf("%s %s", r.AddOn, r.Version))
	}
	return out
}
