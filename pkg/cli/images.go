package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// imagesReport is the result of `images`.
type imagesReport struct {
	Images []usedImage `json:"images"`
}

// usedImage is an image with what runs it.
type usedImage struct {
	Ref  string     `json:"image"`
	Uses []imageUse `json:"uses"`
}

// imageUse are the releases of an add-on that run an image, newest first.
type imageUse struct {
	AddOn    string            `json:"addon"`
	Releases []version.Version `json:"releases"`
}

func (a *app) imagesCommand() *cobra.Command {
	var f renderFlags
	var all bool
	c := &cobra.Command{
		Use:   "images [--network-type TYPE] [--version V] [--calico] [--all]",
		Short: "List every image that a release runs, for mirroring; no cluster is asked",
		Long: `Renders the CNI add-on of a network type, and Calico with --calico, and lists the images of all its containers, init
containers included, and those that the catalog names and that only some clusters run. --all does so for every release: of
the network type's add-on, or without --network-type of all add-ons; with --kubernetes of those that fit.

A mirror is seen as --overlay, --region and --realm make it. -o name prints the references alone, each once.`,
		Example: `  addonctl images --network-type vcn-native --calico
  addonctl images --all -o name | xargs -I{} crane copy {} registry.example/mirror/{}`,
		Args: noArgs,
		PreRunE: func(c *cobra.Command, args []string) error {
			if err := a.checkOutput(c, args); err != nil {
				return err
			}
			switch {
			case f.networkType == "" && !all:
				return usage("add --network-type flannel or vcn-native, or --all for every release of every add-on", "--network-type is not given, and it is never guessed")
			case all && (f.version != "" || f.calicoVersion != ""):
				return usage("leave one out", "--all lists every release, and --version or --calico-version asks for one")
			}
			return f.check(a, c)
		},
		RunE: func(c *cobra.Command, _ []string) error {
			rendered, err := a.rendersForImages(c, f, all)
			if err != nil {
				return err
			}
			return a.print(imagesOf(rendered))
		},
	}
	f.add(a, c)
	c.Flags().BoolVar(&all, "all", false, "list the images of every release")
	return c
}

// imageSource is a release with what it was rendered to; nil where this build has no chart for it.
type imageSource struct {
	release catalog.Release
	objects []*unstructured.Unstructured
}

func (a *app) rendersForImages(c *cobra.Command, f renderFlags, all bool) ([]imageSource, error) {
	if all {
		return a.renderEvery(c, f)
	}
	asked, err := f.read(a, c)
	if err != nil {
		return nil, err
	}
	var out []imageSource
	for _, one := range asked {
		rendered, p, err := a.render(c, one)
		if err != nil {
			return nil, err
		}
		if len(p.Blocking()) > 0 {
			return nil, refusal(p)
		}
		_, r, _ := plan.Target(one.in)
		out = append(out, imageSource{r, rendered.Objects})
	}
	return out, nil
}

// renderEvery renders every release that is asked for on each network type that it may be put on, for the newest minor that it
// is listed for.
func (a *app) renderEvery(c *cobra.Command, f renderFlags) ([]imageSource, error) {
	cat, err := a.catalog()
	if err != nil {
		return nil, err
	}
	only, err := parseNetworkType(f.networkType)
	if err != nil {
		return nil, err
	}
	var out []imageSource
	for _, addOn := range cat.AddOns {
		if beside := addOn.NetworkType == ""; beside && only != "" && !f.calico {
			continue
		}
		before := len(out)
		for _, t := range addOn.OnNetworkTypes() {
			if only != "" && t != only {
				continue
			}
			sources, err := a.renderReleases(c, f, cat, addOn, t)
			if err != nil {
				return nil, err
			}
			out = append(out, sources...)
		}
		if slices.ContainsFunc(out[before:], func(s imageSource) bool { return s.objects == nil }) {
			a.note(fmt.Sprintf("note: this build has no chart of %s, so its images are those that the catalog names", addOn.Name))
		}
	}
	return out, nil
}

// renderReleases renders the releases of one add-on on one network type. Where this build has no chart for them, what the catalog
// names is all that is known.
func (a *app) renderReleases(c *cobra.Command, f renderFlags, cat *catalog.Catalog, addOn catalog.AddOn, t catalog.NetworkType) ([]imageSource, error) {
	in, err := f.imagined(cat, t)
	if err != nil {
		return nil, err
	}
	own := plan.Settings{}
	if own.Overlay, err = readOverlay(f.overlayOf(addOn)); err != nil {
		return nil, err
	}
	var out []imageSource
	for _, r := range addOn.Releases {
		fits, err := f.judge(&in, r)
		if err != nil {
			return nil, err
		}
		if !fits {
			continue
		}
		rendered, err := a.renderRelease(c, addOn, r, f.settings(in, own))
		if _, none := errors.AsType[*render.NoChartError](err); none {
			out = append(out, imageSource{release: r})
			continue
		}
		if err != nil {
			return nil, err
		}
		if p := (plan.Plan{Findings: helm.Findings(rendered)}); len(p.Blocking()) > 0 {
			return nil, refusal(p)
		}
		out = append(out, imageSource{r, rendered.Objects})
	}
	return out, nil
}

// overlayOf is the overlay that is laid over an add-on's objects.
func (f *renderFlags) overlayOf(addOn catalog.AddOn) string {
	if addOn.NetworkType == "" {
		return f.calicoOverlay
	}
	return f.overlay
}

// judge sets the Kubernetes version to render a release for, and tells whether the release is made for it.
func (f *renderFlags) judge(in *plan.Input, r catalog.Release) (fits bool, err error) {
	in.Cluster.Kubernetes, _ = r.NewestKubernetes()
	if f.kubernetes != "" {
		if in.Cluster.Kubernetes, err = kubernetesOf(f.kubernetes); err != nil {
			return false, err
		}
	}
	_, fits = r.Kubernetes.Admit(in.Cluster.Kubernetes)
	return fits, nil
}

func (r imagesReport) name() string {
	var out []string
	for _, i := range r.Images {
		out = append(out, i.Ref)
	}
	return strings.Join(out, "\n")
}

func (r imagesReport) table(w io.Writer, _ bool) {
	rows := [][]string{{"IMAGE", "ADDON", "RELEASES"}}
	for _, i := range r.Images {
		for _, u := range i.Uses {
			rows = append(rows, []string{i.Ref, u.AddOn, strings.Join(texts(u.Releases), ", ")})
		}
	}
	columns(w, rows...)
}
