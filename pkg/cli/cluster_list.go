package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// clustersReport is the result of `cluster list`.
type clustersReport struct {
	Items []clusterRow `json:"clusters"`

	now time.Time
}

// clusterRow is one cluster as its records say.
type clusterRow struct {
	Name        string               `json:"name"`
	NetworkType v1alpha1.NetworkType `json:"networkType"`
	// Kubernetes as it was seen last; empty while nobody looked.
	Kubernetes string `json:"kubernetes,omitempty"`
	// Reachable is yes or no, and unknown where no manager looks.
	Reachable string    `json:"reachable"`
	Away      time.Time `json:"away,omitzero"`
	Paused    bool      `json:"paused,omitempty"`
	// DrivenBy is the manager that drives the cluster, or who drove it last; empty when nobody has.
	DrivenBy string `json:"drivenBy,omitempty"`
	// Silent is since when the manager has not renewed its Lease; missing while it has.
	Silent  time.Time         `json:"silentSince,omitzero"`
	Managed bool              `json:"managed"`
	Labels  map[string]string `json:"labels,omitempty"`
	AddOns  []clusterAddOn    `json:"addons"`
}

// clusterAddOn is an add-on of a cluster as its record says.
type clusterAddOn struct {
	AddOn     string `json:"addon"`
	Installed string `json:"installedVersion,omitempty"`
	// Pinned is the version that an operator keeps; empty when updates are automatic.
	Pinned    string `json:"pinnedTo,omitempty"`
	MovesTo   string `json:"movesTo,omitempty"`
	Lifecycle string `json:"lifecycleState,omitempty"`
	Rollout   string `json:"rollout,omitempty"`
}

func (a *app) clusterListCommand() *cobra.Command {
	var selector string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the clusters of the hub with their add-ons, and who drives them",
		Long: `Lists the clusters as their records say: network type, Kubernetes version, whether a manager reaches them, the versions of their add-ons,
whether those are pinned, and who drives them. No cluster is asked.`,
		Example: `  addonctl cluster list -l env=prod -o wide`,
		Args:    noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := labels.Parse(selector); err != nil {
				return usage("give a selector such as env=prod,region in (eu,us)", "--selector %q: %w", selector, err)
			}
			s, err := a.fleet(a.note)
			if err != nil {
				return err
			}
			r, err := s.clusters(c.Context(), selector)
			if err != nil {
				return err
			}
			if len(r.Items) == 0 {
				s.note("no cluster is registered that the selector takes")
			}
			return a.print(r)
		},
	}
	c.Flags().StringVarP(&selector, "selector", "l", "", "only clusters with these labels, such as env=prod")
	_ = c.RegisterFlagCompletionFunc("selector", cobra.NoFileCompletions)
	return c
}

func (s *session) clusters(ctx context.Context, selector string) (clustersReport, error) {
	r := clustersReport{Items: []clusterRow{}, now: s.clock()}
	clusters, err := s.hub.Clusters(ctx, selector)
	if err != nil {
		return r, err
	}
	addOns, err := s.hub.AllAddons(ctx)
	if err != nil {
		return r, err
	}
	of := map[string][]v1alpha1.Addon{}
	for _, a := range addOns {
		of[a.Spec.Cluster] = append(of[a.Spec.Cluster], a)
	}
	managers := s.attendance(ctx, managersOf(clusters))
	for _, c := range clusters {
		row := clusterRowOf(c, of[c.Name])
		if i := slices.IndexFunc(managers, func(m managerReport) bool { return m.Name == c.Status.Manager }); i >= 0 {
			row.Silent = managers[i].Since
		}
		r.Items = append(r.Items, row)
	}
	if len(managers) > 0 {
		s.unattended(managers, "nobody drives its clusters, and what is shown is what it saw last")
	}
	return r, nil
}

func clusterRowOf(c v1alpha1.ClusterNetwork, addOns []v1alpha1.Addon) clusterRow {
	out := clusterRow{
		Name: c.Name, NetworkType: c.Spec.NetworkType, Kubernetes: c.Status.KubernetesVersion, Reachable: reachable(c), Paused: c.Spec.Paused,
		DrivenBy: c.Status.Manager, Managed: c.Status.Manager != "", Labels: c.Labels, AddOns: []clusterAddOn{},
	}
	if c.Status.Away != nil {
		out.Away = c.Status.Away.UTC()
	}
	for _, a := range addOns {
		one := clusterAddOn{
			AddOn: a.Spec.Addon, Installed: a.Status.CurrentInstalledVersion, Pinned: a.Spec.Version, MovesTo: a.Spec.MoveTo, Lifecycle: a.Status.LifecycleState,
		}
		if a.Spec.Rollout != nil {
			one.Rollout = a.Spec.Rollout.Name
		}
		out.DrivenBy = cmp.Or(out.DrivenBy, a.Status.DrivenBy)
		out.AddOns = append(out.AddOns, one)
	}
	slices.SortFunc(out.AddOns, func(a, b clusterAddOn) int { return cmp.Compare(a.AddOn, b.AddOn) })
	return out
}

func reachable(c v1alpha1.ClusterNetwork) string {
	for _, o := range c.Status.Conditions {
		if o.Type == v1alpha1.ConditionReachable && o.Status != metav1.ConditionUnknown {
			return yesNo(o.Status == metav1.ConditionTrue)
		}
	}
	return "unknown"
}

func (r clustersReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, "clusternetwork/"+i.Name)
	}
	return strings.Join(out, "\n")
}

func (r clustersReport) table(w io.Writer, wide bool) {
	head := []string{"NAME", "NETWORK TYPE", "KUBERNETES", "REACHABLE", "ADD-ONS", "UPDATES", "DRIVEN BY"}
	if wide {
		head = append(head, "STATE", "PAUSED", "ROLLOUT", "LABELS")
	}
	rows := [][]string{head}
	for _, i := range r.Items {
		reach := i.Reachable
		if !i.Away.IsZero() {
			reach += " (for " + age(i.Away, r.now) + ")"
		}
		driver := dash(i.DrivenBy)
		if !i.Silent.IsZero() {
			driver += " (silent for " + age(i.Silent, r.now) + ")"
		}
		row := []string{
			i.Name, string(i.NetworkType), dash(i.Kubernetes), reach, i.each(clusterAddOn.version), i.each(clusterAddOn.updates), driver,
		}
		if wide {
			row = append(row, i.each(func(a clusterAddOn) string { return dash(a.Lifecycle) }), yesNo(i.Paused),
				i.each(func(a clusterAddOn) string { return dash(a.Rollout) }), labelText(i.Labels))
		}
		rows = append(rows, row)
	}
	columns(w, rows...)
}

// each is what is said of every add-on of a cluster.
func (c clusterRow) each(say func(clusterAddOn) string) string {
	var out []string
	for _, a := range c.AddOns {
		out = append(out, say(a))
	}
	return dash(strings.Join(out, ", "))
}

func (a clusterAddOn) version() string {
	text := fmt.Sprintf("%s %s", a.AddOn, dash(a.Installed))
	if a.MovesTo != "" && a.MovesTo != a.Installed {
		text += " -> " + a.MovesTo
	}
	return text
}

func (a clusterAddOn) updates() string {
	if a.Pinned == "" {
		return "automatic"
	}
	return "pinned to " + a.Pinned
}

func labelText(all map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, k+"="+all[k])
	}
	return dash(strings.Join(out, ","))
}
