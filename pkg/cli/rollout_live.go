package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
	"github.com/addonctl/addonctl/pkg/version"
)

// liveFlags are those of a simulation on the live fleet.
type liveFlags struct {
	policy, addOn, version, at string
	length                     time.Duration
	takes                      []time.Duration
	fails                      float64
	approve                    time.Duration
	onHalt                     string
}

// What is assumed of a move where nobody says otherwise, and no rollout tells.
const (
	assumedP50 = 10 * time.Minute
	assumedP95 = 30 * time.Minute
	assumedFor = 90 * 24 * time.Hour
)

func (f *liveFlags) add(a *app, c *cobra.Command) {
	c.Flags().StringVar(&f.policy, "policy", "", "file of an UpdatePolicy, for the fleet of this hub; - reads standard input")
	c.Flags().StringVar(&f.addOn, "addon", "", "with --policy: the add-on that has a release (default: the policy's, if it names one alone)")
	c.Flags().StringVar(&f.version, "version", "", "with --policy: the version of the release (default: what the manager would bring next)")
	c.Flags().StringVar(&f.at, "at", "", "with --policy: when it comes out, such as 2026-12-24T08:00:00Z (default: now)")
	c.Flags().DurationVar(&f.length, "for", assumedFor, "with --policy: how long to look")
	c.Flags().DurationSliceVar(&f.takes, "takes", nil, "with --policy: how long a move takes, P50,P95 (default: as rollouts tell, else 10m,30m)")
	c.Flags().Float64Var(&f.fails, "fails", 0, "with --policy: the share of moves that fail, from 0 to 1")
	c.Flags().DurationVar(&f.approve, "approve-after", 0, "with --policy: people approve a wave after so long (default: never)")
	c.Flags().StringVar(&f.onHalt, "on-halt", "", "with --policy: what people do when it halts: resume, retry, undo or abort (default: nothing)")
	_ = c.MarkFlagFilename("policy", "yaml", "yml", "json")
	_ = c.RegisterFlagCompletionFunc("addon", a.completeNamed(false))
	_ = c.RegisterFlagCompletionFunc("on-halt", fixed("resume", "retry", "undo", "abort"))
	for _, name := range []string{"version", "at", "for", "takes", "fails", "approve-after"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// given is one of the flags that was; empty when none was.
func (f *liveFlags) given(c *cobra.Command) string {
	for _, name := range []string{"policy", "addon", "version", "at", "for", "takes", "fails", "approve-after", "on-halt"} {
		if c.Flags().Changed(name) {
			return name
		}
	}
	return ""
}

// liveScenario is what would happen on the fleet of the hub, and what was assumed.
func (a *app) liveScenario(c *cobra.Command, f liveFlags) (s rollout.Scenario, assumed string, err error) {
	cat, err := a.catalog()
	if err != nil {
		return s, "", err
	}
	p, err := a.readPolicy(f.policy, cat)
	if err != nil {
		return s, "", err
	}
	x, err := f.coming(c, p, cat)
	if err != nil {
		return s, "", err
	}
	hub, err := a.fleet(a.note)
	if err != nil {
		return s, "", err
	}
	fleet, err := hub.hub.Fleet(c.Context())
	if err != nil {
		return s, "", err
	}
	fleet = fleet.With(p)
	fleet.Withdrawn = cat.Withdrawn
	if x.Version = cmp.Or(f.version, fleet.Next(p.Name, x.AddOn, x.At).Version); x.Version == "" {
		return s, "", usage("give --version V to see what would happen if it came out",
			"no cluster of policy %s would take a newer release of %s by itself now", p.Name, x.AddOn)
	}
	if r := fleet.Recall(x.AddOn, x.Version); r != nil {
		return s, "", &exit{code: exitRefused, err: fmt.Errorf("%s %s was recalled: %s", x.AddOn, x.Version, cmp.Or(r.Reason, "no reason was given"))}
	}
	a.judge(&x, cat)
	if p.Spec.Paused {
		a.note(fmt.Sprintf("note: spec.paused of policy %s is true, so no rollout is opened: this is what would happen without it", p.Name))
	}
	assumed = x.paces(fleet.Rollouts, f.takes)
	s = status.Foresee(fleet, p, x.Coming)
	if len(s.Clusters) == 0 {
		return s, "", usage("addonctl cluster list --selector shows clusters by their labels", "policy %s takes no cluster of this hub with %s", p.Name, x.AddOn)
	}
	if err := s.Check(); err != nil {
		return s, "", usage("addonctl rollout simulate --help", "%w", err)
	}
	return s, assumed, nil
}

// coming is a release that comes, as the flags say.
type coming struct{ status.Coming }

func (f *liveFlags) coming(c *cobra.Command, p v1alpha1.UpdatePolicy, cat *catalog.Catalog) (x coming, err error) {
	x.At, x.For, x.Fails = time.Now().UTC().Truncate(time.Second), f.length, f.fails
	if f.at != "" {
		if x.At, err = time.Parse(time.RFC3339, f.at); err != nil {
			return x, usage("give a time such as 2026-12-24T08:00:00Z", "--at %q is no time", f.at)
		}
	}
	if x.AddOn, err = f.whose(p, cat); err != nil {
		return x, err
	}
	x.People.OnHalt = f.onHalt
	if c.Flags().Changed("approve-after") {
		x.People.Approve = &f.approve
	}
	return x, f.check()
}

// whose is the add-on that has a release.
func (f *liveFlags) whose(p v1alpha1.UpdatePolicy, cat *catalog.Catalog) (string, error) {
	name := f.addOn
	switch {
	case name == "" && len(p.Spec.Addons) == 1:
		return p.Spec.Addons[0], nil
	case name == "":
		return "", usage("give --addon Flannel, or another add-on of the catalog", "policy %s is for more than one add-on", p.Name)
	}
	found, err := addOnOf(cat, "--addon", name)
	if err == nil && len(p.Spec.Addons) > 0 && !slices.Contains(p.Spec.Addons, found.Name) {
		err = usage("it is for "+strings.Join(p.Spec.Addons, ", "), "policy %s is not for --addon %s", p.Name, found.Name)
	}
	return found.Name, err
}

// check tells what is wrong with the flags.
func (f *liveFlags) check() error {
	if _, err := version.Parse(f.version); f.version != "" && err != nil {
		return usage("give a version such as 0.27.3", "--version: %w", err)
	}
	if n := len(f.takes); n > 2 || n > 0 && f.takes[0] <= 0 || n == 2 && f.takes[1] < f.takes[0] {
		return usage("give how long half of them take, and 95 of 100, such as 10m,30m", "--takes %v is no distribution", f.takes)
	}
	if f.fails < 0 || f.fails > 1 {
		return usage("give a share from 0 to 1", "--fails %v is no share", f.fails)
	}
	return nil
}

// paces says how long moves take, and where that is from.
func (x *coming) paces(rollouts []v1alpha1.AddonRollout, takes []time.Duration) string {
	from := "assumed: no rollout of this hub tells; --takes sets it"
	if took, n := status.Took(rollouts, x.AddOn); n > 0 {
		x.Takes, from = took, fmt.Sprintf("as recorded of %s of a rollout with one cluster", plural(n, "wave", "waves"))
	} else {
		x.Takes = rollout.Spread{P50: assumedP50, P95: assumedP95}
	}
	if len(takes) > 0 {
		x.Takes, from = rollout.Spread{P50: takes[0], P95: takes[len(takes)-1]}, "by --takes"
	}
	return fmt.Sprintf("A move takes %s, 95%% at most %s (%s); %g%% fail", inTime(x.Takes.P50.Seconds()), inTime(x.Takes.P95.Seconds()), from, 100*x.Fails)
}

// judge finds the day of a release, and what speaks against it where nobody has looked. What the catalog does not know comes out on the day of
// --at, and is taken to fit.
func (a *app) judge(x *coming, cat *catalog.Catalog) {
	addOn, _ := cat.AddOn(x.AddOn)
	v, _ := version.Parse(x.Version)
	release, known := addOn.Find(v)
	if !known {
		a.note(fmt.Sprintf("note: the catalog does not know %s %s: it is taken to fit every cluster, and to be as old as --at says", x.AddOn, x.Version))
		return
	}
	if day, ok := release.ReleasedOn(); ok && day.Before(x.At) {
		x.Day = day
	}
	x.Unfit = func(n *v1alpha1.ClusterNetwork) string {
		k, _ := version.Parse(n.Status.KubernetesVersion)
		why, _ := release.Kubernetes.Admit(k)
		return why
	}
}

// readPolicy reads an UpdatePolicy from a file; every fault is told with the file, field and value.
func (a *app) readPolicy(file string, cat *catalog.Catalog) (p v1alpha1.UpdatePolicy, err error) {
	const hint = "docs/examples/update-policy.yaml is one with comments"
	text, err := a.readLimited(file)
	if err != nil {
		return p, usage("give the file of an UpdatePolicy, or - for standard input", "reading --policy %q: %w", file, err)
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return p, err
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	object, _, err := decoder.Decode(text, nil, nil)
	read, is := object.(*v1alpha1.UpdatePolicy)
	switch {
	case err != nil:
		return p, usage(hint, "%s: %w", file, err)
	case !is:
		return p, usage(hint, "%s: kind: %q: want an UpdatePolicy", file, object.GetObjectKind().GroupVersionKind().Kind)
	}
	p = *read
	var faults []error
	if p.Name == "" {
		faults = append(faults, rollout.FieldError{Field: "metadata.name", Want: "want a name"})
	}
	faults = append(faults, status.FieldErrors(p, func(addOn string) bool { _, ok := cat.AddOn(addOn); return ok })...)
	for i := range faults {
		faults[i] = fmt.Errorf("%s: %w", file, faults[i])
	}
	if len(faults) > 0 {
		return p, usage(hint, "%w", errors.Join(faults...))
	}
	return p, nil
}
