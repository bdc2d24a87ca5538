package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// manyFlags choose clusters of a hub by their labels, for a verb that otherwise acts on one.
type manyFlags struct {
	selector     string
	dryRun, skip bool
	verb         string
	addOn        string
	yes          bool
	version      string
	pin          v1alpha1.Pin
}

// manyNames are the flags that go with --selector; the others are for one cluster.
var manyNames = []string{"selector", "dry-run", "skip-unfit", "version", "reason", "until", "ticket", "addon", "yes", "output", "catalog", "kubeconfig", "context"}

func (f *manyFlags) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.selector, "selector", "l", "", "all clusters of the hub with these labels, such as env=prod: only their records are written, and the manager does the rest")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "with --selector: show what would be written, and write nothing")
	c.Flags().BoolVar(&f.skip, "skip-unfit", false, "with --selector: leave out the clusters that cannot have it, instead of refusing all")
	_ = c.RegisterFlagCompletionFunc("selector", cobra.NoFileCompletions)
}

// wanted tells whether many clusters are meant, and refuses flags that do not go with that.
func (f *manyFlags) wanted(c *cobra.Command) (bool, error) {
	if !c.Flags().Changed("selector") {
		if f.dryRun || f.skip {
			return false, usage("addonctl plan shows what would be done on one cluster", "--dry-run and --skip-unfit go with --selector")
		}
		return false, nil
	}
	if s, err := labels.Parse(f.selector); err != nil || s.Empty() {
		return false, usage("give a selector such as env=prod,region in (eu,us)", "--selector %q chooses no clusters", f.selector)
	}
	var others []string
	c.LocalFlags().VisitAll(func(x *pflag.Flag) {
		if x.Changed && !slices.Contains(manyNames, x.Name) {
			others = append(others, "--"+x.Name)
		}
	})
	if len(others) > 0 {
		return false, usage("set it on each cluster, or leave it out", "%s does not go with --selector: only the pin is written", strings.Join(others, ", "))
	}
	return true, nil
}

// Outcomes of one cluster among many.
const (
	manyWould     = "Would"
	manyDone      = "Done"
	manyUnchanged = "Unchanged"
	manyRefused   = "Refused"
	manyFailed    = "Failed"
)

// manyReport is the result of a verb on many clusters.
type manyReport struct {
	Verb   string    `json:"verb"`
	DryRun bool      `json:"dryRun,omitempty"`
	Items  []manyRow `json:"clusters"`
}

// manyRow is what became of one cluster.
type manyRow struct {
	Cluster   string `json:"cluster"`
	AddOn     string `json:"addon"`
	Installed string `json:"installedVersion,omitempty"`
	// Before and After are what it is pinned to; empty for automatic updates.
	Before string `json:"pinnedBefore,omitempty"`
	After  string `json:"pinnedAfter,omitempty"`
	// Outcome is Would, Done, Unchanged, Refused or Failed; Why says why the last two.
	Outcome string `json:"outcome"`
	Why     string `json:"why,omitempty"`
	// DrivenBy is the manager that carries it out; empty where none is at work.
	DrivenBy string `json:"drivenBy,omitempty"`

	addon *v1alpha1.Addon
}

func (r manyReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, "clusternetwork/"+i.Cluster)
	}
	return strings.Join(out, "\n")
}

func (r manyReport) table(w io.Writer, _ bool) {
	pinned := func(v string) string {
		if v == "" {
			return "automatic"
		}
		return "pinned to " + v
	}
	rows := [][]string{{"CLUSTER", "ADD-ON", "INSTALLED", "BEFORE", "AFTER", "OUTCOME", "DRIVEN BY", "WHY"}}
	for _, i := range r.Items {
		rows = append(rows, []string{i.Cluster, i.AddOn, dash(i.Installed), pinned(i.Before), pinned(i.After), i.Outcome, dash(i.DrivenBy), dash(i.Why)})
	}
	columns(w, rows...)
}

// count is how many clusters have an outcome.
func (r manyReport) count(outcome string) int {
	n := 0
	for _, i := range r.Items {
		if i.Outcome == outcome {
			n++
		}
	}
	return n
}

// many pins, or un-pins, the add-ons of all clusters that the selector takes. Only records are written, each as it was read.
func (s *session) many(ctx context.Context, f manyFlags) error {
	r, err := s.foreseeMany(ctx, f)
	if err != nil {
		return err
	}
	refused := r.count(manyRefused)
	switch {
	case refused > 0 && !f.skip:
		return s.manyEnd(r, &exit{
			code: exitRefused, err: fmt.Errorf("refused for %s; nothing was written", plural(refused, "cluster", "clusters")),
			hint: "leave these out with --skip-unfit, or choose others",
		})
	case f.dryRun, refused == 0 && r.count(manyWould) == 0:
		return s.manyEnd(r, nil)
	}
	for _, i := range r.Items {
		s.note(strings.TrimSuffix(fmt.Sprintf("  %s: %s %s, pinned to %s: %s %s", i.Cluster, i.AddOn, dash(i.Installed), dash(i.Before), i.Outcome, i.Why), " "))
	}
	if err := s.agree(ctx, plural(r.count(manyWould), "cluster", "clusters"), f.yes); err != nil {
		return err
	}
	f.pin.By, f.pin.At = s.whoOrders(ctx)
	s.saveMany(ctx, f, r.Items)
	if left := r.count(manyFailed); left > 0 || refused > 0 {
		return s.manyEnd(r, &exit{
			code: exitLeftBehind,
			err:  fmt.Errorf("%s written, %d refused, %d failed", plural(r.count(manyDone), "record", "records"), refused, left),
			hint: "the same command tries those again that failed",
		})
	}
	return s.manyEnd(r, nil)
}

// saveMany writes the records that are to be written, each as it was read. One that cannot be written does not keep the others from it.
func (s *session) saveMany(ctx context.Context, f manyFlags, rows []manyRow) {
	for i := range rows {
		row := &rows[i]
		if row.Outcome != manyWould {
			continue
		}
		row.Outcome, row.addon.Spec = manyDone, f.spec(row.addon.Spec)
		if err := s.hub.SaveAddon(ctx, row.addon); err != nil {
			row.Outcome, row.Why = manyFailed, err.Error()
		}
	}
}

// manyEnd prints a report, and says where nothing moves by itself.
func (s *session) manyEnd(r manyReport, err error) error {
	var alone []string
	for _, i := range r.Items {
		if i.DrivenBy == "" && i.Outcome == manyDone && i.After != "" && !sameVersion(i.After, i.Installed) {
			alone = append(alone, i.Cluster)
		}
	}
	if len(alone) > 0 {
		s.note(fmt.Sprintf("no manager is at work for %s: nothing moves there until somebody runs addonctl update", someOf(alone)))
	}
	if e := s.print(r); e != nil {
		return e
	}
	return err
}

// foreseeMany looks what would be written, without asking any cluster.
func (s *session) foreseeMany(ctx context.Context, f manyFlags) (manyReport, error) {
	r := manyReport{Verb: f.verb, DryRun: f.dryRun, Items: []manyRow{}}
	known, err := s.recalledHere(ctx)
	if err != nil {
		return r, err
	}
	clusters, err := s.hub.Clusters(ctx, f.selector)
	if err != nil {
		return r, err
	}
	if len(clusters) == 0 {
		return r, usage("addonctl cluster list shows the clusters with their labels (-o wide)", "no cluster has the labels %q", f.selector)
	}
	all, err := s.hub.AllAddons(ctx)
	if err != nil {
		return r, err
	}
	live := map[string]bool{}
	for _, c := range clusters {
		row := f.judge(c, all, known)
		by := c.Status.Manager
		if _, asked := live[by]; !asked {
			live[by] = s.live(ctx, by, s.clock())
		}
		if live[by] {
			row.DrivenBy = by
		}
		r.Items = append(r.Items, row)
	}
	return r, nil
}

// judge says what would become of one cluster.
func (f *manyFlags) judge(c v1alpha1.ClusterNetwork, all []v1alpha1.Addon, known *catalog.Catalog) manyRow {
	addOn, ok := known.ForNetworkType(catalog.NetworkType(c.Spec.NetworkType))
	if f.addOn != "" {
		addOn, ok = known.AddOn(f.addOn)
	}
	row := manyRow{Cluster: c.Name, AddOn: addOn.Name, Outcome: manyRefused}
	at := slices.IndexFunc(all, func(a v1alpha1.Addon) bool { return a.Spec.Cluster == c.Name && a.Spec.Addon == addOn.Name })
	if !ok || at < 0 {
		row.Why = "the add-on is not recorded there"
		return row
	}
	a := &all[at]
	row.addon, row.Installed, row.Before, row.After = a, a.Status.CurrentInstalledVersion, a.Spec.Version, f.version
	switch why := f.unfit(c, a, addOn); {
	case why != "":
		row.Why = why
	case f.changes(a.Spec):
		row.Outcome = manyWould
	default:
		row.Outcome = manyUnchanged
	}
	return row
}

// unfit says why a cluster cannot have it; empty when it can. Whether a path leads there is what the cluster's own plan says.
func (f *manyFlags) unfit(c v1alpha1.ClusterNetwork, a *v1alpha1.Addon, addOn catalog.AddOn) string {
	if b := a.Spec.Rollback; b != nil {
		return fmt.Sprintf("it goes back to revision %d: wait until it is back", b.Revision)
	}
	if f.version == "" {
		return ""
	}
	r, ok := addOn.Find(parseVersion(f.version))
	switch {
	case !ok:
		return fmt.Sprintf("%s, which its network type %s has, has no release %s", addOn.Name, c.Spec.NetworkType, f.version)
	case sameVersion(a.Spec.Version, f.version):
		return "" // it is there already, and stays
	case r.Status == catalog.Recalled:
		return fmt.Sprintf("%s %s %s", addOn.Name, r.Version, r.RecallText())
	case c.Status.KubernetesVersion == "":
		return "its Kubernetes version is not known: no manager has looked at it"
	}
	k, err := version.Parse(c.Status.KubernetesVersion)
	if err != nil {
		return fmt.Sprintf("its Kubernetes version %q cannot be read", c.Status.KubernetesVersion)
	}
	if why, ok := r.Kubernetes.Admit(k); !ok {
		return fmt.Sprintf("%s %s %s", addOn.Name, r.Version, why)
	}
	return ""
}

// changes tells whether a record would be another one; who pinned, and when, is no change.
func (f *manyFlags) changes(s v1alpha1.AddonSpec) bool {
	if f.version == "" || s.Version != f.version || s.Pin == nil {
		return f.version != s.Version || s.Pin == nil && f.version != ""
	}
	end := func(t *metav1.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return t.Time
	}
	return s.Pin.Reason != f.pin.Reason || s.Pin.Ticket != f.pin.Ticket || !end(s.Pin.Until).Equal(end(f.pin.Until))
}

// spec is a record with the pin in it, or without one. What a rollout wants of it is over.
func (f *manyFlags) spec(s v1alpha1.AddonSpec) v1alpha1.AddonSpec {
	s.Version, s.Pin, s.MoveTo, s.Accept, s.Rollout = f.version, nil, "", nil, nil
	if f.version != "" {
		pin := f.pin
		s.Pin = &pin
	}
	return s
}
