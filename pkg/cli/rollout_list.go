package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// rolloutsReport is the result of `rollout list`.
type rolloutsReport struct {
	Items []rolloutRow `json:"rollouts"`

	now time.Time
}

// rolloutRow is one rollout in short.
type rolloutRow struct {
	Name    string `json:"name"`
	Policy  string `json:"policy"`
	AddOn   string `json:"addon"`
	Version string `json:"version"`
	// Phase is empty while nobody has decided on it.
	Phase string `json:"phase,omitempty"`
	Wave  string `json:"wave,omitempty"`
	Why   string `json:"why,omitempty"`
	// Who has to act for it to go on; empty when nobody has.
	Who         string    `json:"who,omitempty"`
	Clusters    int32     `json:"clusters"`
	Running     int32     `json:"running"`
	Done        int32     `json:"done"`
	Failed      int32     `json:"failed"`
	Unreachable int32     `json:"unreachable"`
	Opened      time.Time `json:"opened,omitzero"`
}

func (a *app) rolloutListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the rollouts, the newest first",
		Long: `Lists the rollouts of the hub with where each stands; -o wide says which policy opened it, and who has to act. The fleet's records are
read, and no cluster is asked.`,
		Example: `  addonctl rollout list -o wide`,
		Args:    noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.fleet(a.note)
			if err != nil {
				return err
			}
			all, err := s.hub.Rollouts(c.Context())
			if err == nil {
				err = s.undriven(c.Context(), going(all)...)
			}
			if err != nil {
				return err
			}
			r := rolloutsReport{Items: []rolloutRow{}, now: s.clock()}
			for _, one := range all {
				r.Items = append(r.Items, rowOf(one))
			}
			slices.SortStableFunc(r.Items, func(a, b rolloutRow) int { return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(a.Name, b.Name)) })
			return a.print(r)
		},
	}
}

// going are the rollouts that somebody has to decide on.
func going(all []v1alpha1.AddonRollout) []v1alpha1.AddonRollout {
	return slices.DeleteFunc(slices.Clone(all), func(r v1alpha1.AddonRollout) bool {
		return r.Status.Phase == string(rollout.Finished) || r.Status.Phase == string(rollout.Undone)
	})
}

func rowOf(r v1alpha1.AddonRollout) rolloutRow {
	st := r.Status
	return rolloutRow{
		Name: r.Name, Policy: r.Spec.Policy, AddOn: r.Spec.Addon, Version: r.Spec.Version, Phase: st.Phase, Wave: st.Wave, Why: st.Why, Who: status.ForRollout(r.Name, st.Who),
		Clusters: st.Clusters, Running: st.Running, Done: st.Done, Failed: st.Failed, Unreachable: st.Unreachable, Opened: opened(r),
	}
}

// opened is when a rollout was; for one that nobody has decided on yet, when it was recorded.
func opened(r v1alpha1.AddonRollout) time.Time {
	if r.Status.Opened == nil {
		return r.CreationTimestamp.UTC()
	}
	return r.Status.Opened.UTC()
}

// whenever is a recorded time; zero where there is none.
func whenever(t *metav1.MicroTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func (r rolloutsReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, "rollout/"+i.Name)
	}
	return strings.Join(out, "\n")
}

func (r rolloutsReport) table(w io.Writer, wide bool) {
	head := []string{"NAME", "ADDON", "VERSION", "PHASE", "WAVE", "DONE", "FAILED", "CLUSTERS", "AGE"}
	if wide {
		head = append(head, "POLICY", "UNDER WAY", "UNREACHABLE", "OPENED", "WHO HAS TO ACT")
	}
	rows := [][]string{head}
	for _, i := range r.Items {
		row := []string{
			i.Name, i.AddOn, i.Version, dash(i.Phase), dash(i.Wave), fmt.Sprint(i.Done), fmt.Sprint(i.Failed), fmt.Sprint(i.Clusters), age(i.Opened, r.now),
		}
		if wide {
			row = append(row, i.Policy, fmt.Sprint(i.Running), fmt.Sprint(i.Unreachable), stamp(i.Opened), dash(i.Who))
		}
		rows = append(rows, row)
	}
	columns(w, rows...)
}
