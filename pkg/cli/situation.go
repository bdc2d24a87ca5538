package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// situation is what a planning command is asked about: a cluster, or facts alone.
type situation struct {
	// file is a facts file; no cluster is asked.
	file string
	// addOn, from and kubernetes describe a cluster in three words; no cluster is asked when kubernetes is given.
	addOn, from, kubernetes, networkType string
	// facts are given as NAME=VALUE, for a cluster too.
	facts []string
}

func (s *situation) add(a *app, c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.file, "facts", "", "facts file to decide by; no cluster is asked")
	f.StringVar(&s.from, "from", "", "installed version to imagine (with --kubernetes; no cluster is asked)")
	f.StringVar(&s.kubernetes, "kubernetes", "", "Kubernetes version to imagine, such as 1.34; no cluster is asked")
	factFlag(c, &s.facts)
	a.addOnFlag(c, &s.addOn)
	_ = c.MarkFlagFilename("facts", "yaml", "yml", "json")
	_ = c.RegisterFlagCompletionFunc("from", a.completeVersion)
	_ = c.RegisterFlagCompletionFunc("kubernetes", cobra.NoFileCompletions)
}

// addOnFlag names the add-on that a command is about.
func (a *app) addOnFlag(c *cobra.Command, addOn *string) {
	c.Flags().StringVar(addOn, "addon", "", "add-on, such as Calico; the CNI of the network type when empty")
	_ = c.RegisterFlagCompletionFunc("addon", a.completeNamed(false))
}

// imagined tells whether facts alone are asked about.
func (s *situation) imagined() bool { return s.file != "" || s.kubernetes != "" }

// consider is one round without writing, on a cluster or on facts alone.
func (a *app) consider(c *cobra.Command, s situation, r plan.Request) (plan.Input, plan.Plan, error) {
	facts, err := toldFacts(s.facts)
	if err != nil {
		return plan.Input{}, plan.Plan{}, err
	}
	if err := s.check(); err != nil {
		return plan.Input{}, plan.Plan{}, err
	}
	if !s.imagined() {
		return a.lookWith(c, s.addOn, r, facts)
	}
	in, err := a.imagine(s, facts)
	if err != nil {
		return in, plan.Plan{}, err
	}
	in.Request = r
	if in.Cluster.NetworkType != "" {
		in.Request.NetworkType = ""
	}
	return a.planned(c.Context(), in)
}

// check refuses combinations that say two things.
func (s *situation) check() error {
	switch {
	case s.file != "" && (s.from != "" || s.kubernetes != ""):
		return usage("write them into the file", "--facts does not go with --from and --kubernetes")
	case s.from != "" && s.kubernetes == "":
		return usage("add --kubernetes 1.34 to imagine a cluster", "--from needs --kubernetes: on a real cluster the installed version is seen")
	case s.kubernetes != "" && s.networkType == "" && s.addOn == "":
		return usage("add --network-type flannel or vcn-native", "--kubernetes needs --network-type, which is never guessed")
	}
	return nil
}

// toldFacts reads the values of --fact where a cluster, or an imagined one, tells the other facts by itself.
func toldFacts(given []string) (catalog.Facts, error) {
	facts, err := givenFacts(given)
	if err != nil {
		return nil, err
	}
	for _, f := range catalog.FactNames() {
		switch values := facts[f]; {
		case len(values) == 0:
		case slices.Contains(plan.NodeFacts, f):
			return nil, usage("kubelets report it, or an annotation on the node does (facts.addonctl.io/"+string(f)+"); these can be told: "+factNames(),
				"--fact %s=%s: it is a fact of each node and is not told this way", f, values[0])
		case derived(f):
			return nil, usage("it is read from the cluster, or written into a facts file; these can be told: "+factNames(),
				"--fact %s=%s: %s is not told this way", f, values[0], f)
		case len(values) > 1:
			return nil, usage("tell it once", "--fact %s is told as %s: a cluster has one", f, strings.Join(values, " and as "))
		}
	}
	return facts, nil
}

// derived are the facts that are seen and have fields of their own: telling them otherwise would contradict what is seen.
func derived(f catalog.Fact) bool {
	return slices.Contains(plan.NodeFacts, f) || f == catalog.FactKubernetes || f == catalog.FactNetworkType ||
		f == catalog.FactDriver || f == catalog.FactIPFamilies
}

func factNames() string {
	var out []string
	for _, f := range catalog.FactNames() {
		if !derived(f) {
			out = append(out, string(f))
		}
	}
	return strings.Join(out, ", ")
}

// merge adds what was told to what was seen. A fact that both tell, differently, is a contradiction and is not believed.
func merge(in *plan.Input, told catalog.Facts) {
	if in.Cluster.Facts == nil {
		in.Cluster.Facts = catalog.Facts{}
	}
	for _, f := range catalog.FactNames() {
		values := told[f]
		seen := in.Cluster.Facts[f]
		if len(values) == 0 {
			continue
		}
		if len(seen) > 0 && !slices.Equal(seen, values) {
			in.Cluster.Contradictions = append(in.Cluster.Contradictions,
				fmt.Sprintf("%s: %s is seen, and %s was told", f, strings.Join(seen, ", "), strings.Join(values, ", ")))
			continue
		}
		in.Cluster.Facts[f] = values
	}
}

// imagine makes an input from a facts file or from three words.
func (a *app) imagine(s situation, told catalog.Facts) (plan.Input, error) {
	c, err := a.catalog()
	if err != nil {
		return plan.Input{}, err
	}
	in := plan.Input{}
	if s.file != "" {
		in, err = readFacts(s.file)
	} else {
		in, err = s.words(c)
	}
	if err != nil {
		return in, err
	}
	in.Catalog = c
	if in.Now.IsZero() {
		in.Now = time.Now()
	}
	if s.addOn != "" {
		in.AddOn = s.addOn
	}
	if in.AddOn != "" {
		if _, ok := c.AddOn(in.AddOn); !ok {
			return in, usage("addonctl catalog list shows them", "the catalog has no add-on %q", in.AddOn)
		}
	}
	merge(&in, told)
	return in, nil
}

// maxFactsFile bounds what is read.
const maxFactsFile = 16 << 20

func readFacts(file string) (plan.Input, error) {
	f, err := os.Open(file)
	if err != nil {
		return plan.Input{}, usage("docs/facts.md shows one", "reading --facts: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFactsFile+1)) // a pipe has no size
	switch {
	case err != nil:
		return plan.Input{}, usage("docs/facts.md shows one", "reading --facts: %w", err)
	case len(data) > maxFactsFile:
		return plan.Input{}, usage("a facts file describes one cluster", "reading --facts %q: larger than %d MiB", file, maxFactsFile>>20)
	}
	in, err := plan.ReadFacts(data)
	if err != nil {
		return in, usage("docs/facts.md shows one", "%s: %w", file, err)
	}
	return in, nil
}

// words imagines a cluster from --network-type or --addon, --kubernetes and --from.
func (s *situation) words(c *catalog.Catalog) (plan.Input, error) {
	k, err := kubernetesOf(s.kubernetes)
	if err != nil {
		return plan.Input{}, err
	}
	t, err := parseNetworkType(s.networkType)
	if err != nil {
		return plan.Input{}, err
	}
	if addOn, ok := c.AddOn(s.addOn); ok && t == "" {
		if t = addOn.NetworkType; t == "" && len(addOn.Beside) == 1 {
			t = addOn.Beside[0] // the only network type that it may be added to
		}
	}
	in := plan.Input{Cluster: plan.Cluster{Name: "imagined", UID: "imagined", Kubernetes: k, NetworkType: t}}
	if t != "" {
		in.Cluster.Stamp = &plan.Stamp{NetworkType: t, UID: in.Cluster.UID, Cluster: in.Cluster.Name}
	}
	if s.from == "" {
		return in, nil
	}
	if _, err := version.Parse(s.from); err != nil {
		return in, usage("give a version such as 0.26.2", "--from: %w", err)
	}
	return plan.ImagineInstalled(in, s.from), nil
}

// planned renders what this build can render of an imagined cluster, so that hazards of the objects are found too, and
// makes the plan.
func (a *app) planned(ctx context.Context, in plan.Input) (plan.Input, plan.Plan, error) {
	folder, err := a.chartFolder(ctx)
	if err != nil {
		return in, plan.Plan{}, err
	}
	addOn, target, ok := plan.Target(in)
	if ok && in.Change.To == nil && in.Change.Unrenderable == "" {
		var said []plan.Finding
		in.Change.To, said = footprint(folder, in, addOn, target, plan.MergedSettings(in))
		in.Change.Findings = append(in.Change.Findings, said...)
		if from, known := addOn.Find(parseVersion(in.Installed.Version)); known && in.Installed.Present && in.Change.From == nil {
			in.Change.From, _ = footprint(folder, in, addOn, from, in.Desired.Settings)
		}
	}
	in = plan.Imagine(in)
	return in, plan.Make(in), nil
}

// footprint of a release as this build would render it, and what the render says; nil where it has no chart for it, or the
// release cannot be rendered with the operator's own settings.
func footprint(charts fs.FS, in plan.Input, addOn catalog.AddOn, r catalog.Release, own plan.Settings) (*catalog.Footprint, []plan.Finding) {
	rendered, err := helm.Render(charts, in, addOn, r, own)
	if refused, ok := helm.Refusal(err); ok {
		return nil, refused
	}
	if err != nil {
		return nil, nil
	}
	f, err := render.Footprint(rendered.Objects)
	if err != nil {
		return nil, nil
	}
	return f, helm.Findings(rendered)
}

func parseVersion(s string) version.Version {
	v, err := version.Parse(s)
	if err != nil {
		return version.Version{}
	}
	return v
}
