package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// managerReport is a manager as its Lease in the hub says.
type managerReport struct {
	// Name of its Lease, as "namespace/name".
	Name string `json:"name"`
	// Silent says why it seems not to be at work; empty while it is, and where its Lease may not be read.
	Silent string `json:"silent,omitempty"`
	// Since is when it renewed its Lease for the last time; zero where there is none.
	Since time.Time `json:"silentSince,omitzero"`
}

// managers that drive clusters of the hub, by the names of their Leases.
func (s *session) managers(ctx context.Context) ([]string, error) {
	clusters, err := s.hub.Clusters(ctx, "")
	if err != nil {
		return nil, err
	}
	return managersOf(clusters), nil
}

func managersOf(clusters []v1alpha1.ClusterNetwork) []string {
	var out []string
	for _, c := range clusters {
		if c.Status.Manager != "" {
			out = append(out, c.Status.Manager)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// deciders are who decides on a rollout: who did it last, else those that drive clusters.
func deciders(r v1alpha1.AddonRollout, drivers []string) []string {
	if r.Status.Manager != "" {
		return []string{r.Status.Manager}
	}
	return drivers
}

// attendance looks at the Leases of managers.
func (s *session) attendance(ctx context.Context, names []string) []managerReport {
	out := []managerReport{}
	for _, name := range names {
		out = append(out, s.attends(ctx, name))
	}
	return out
}

func (s *session) attends(ctx context.Context, manager string) managerReport {
	out := managerReport{Name: manager}
	l, err := s.lease(ctx, manager)
	now := s.clock()
	switch {
	case apierrors.IsNotFound(err):
		out.Silent = "has no Lease: it does not run, or runs without leader election"
	case err == nil && !lives(l, now):
		out.Silent, out.Since = silence(l, now)
	}
	return out
}

// silence says since when nobody renews a Lease.
func silence(l *coordinationv1.Lease, now time.Time) (why string, since time.Time) {
	if l.Spec.RenewTime == nil {
		return "never took its Lease", time.Time{}
	}
	since = l.Spec.RenewTime.UTC()
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" {
		return fmt.Sprintf("gave its Lease back at %s, %s ago, and nobody took over", stamp(since), age(since, now)), since
	}
	return fmt.Sprintf("has not renewed its Lease since %s, %s ago", stamp(since), age(since, now)), since
}

// look says where to look for a manager.
func (m managerReport) look() string {
	namespace, _, _ := strings.Cut(m.Name, "/")
	return fmt.Sprintf("kubectl get pods -n %s shows its replicas, addonctl init --wait starts them", namespace)
}

// unattended tells the person which managers are silent, and what that means; without a manager that nobody does the work.
func (s *session) unattended(managers []managerReport, means string) {
	if len(managers) == 0 {
		s.note("note: no manager drives a cluster of this hub, so " + means)
	}
	for _, m := range managers {
		if m.Silent != "" {
			s.note(fmt.Sprintf("note: the manager %s %s, so %s; %s", m.Name, m.Silent, means, m.look()))
		}
	}
}

// undriven tells the person where nobody decides on rollouts.
func (s *session) undriven(ctx context.Context, rollouts ...v1alpha1.AddonRollout) error {
	drivers, err := s.managers(ctx)
	if err != nil {
		return err
	}
	names := drivers
	if len(rollouts) > 0 {
		names = nil
	}
	for _, r := range rollouts {
		names = append(names, deciders(r, drivers)...)
	}
	slices.Sort(names)
	s.unattended(s.attendance(ctx, slices.Compact(names)), "nobody decides on rollouts: orders are carried out when it runs")
	return nil
}

// unless replaces what comes next in a rollout by what keeps it from coming: nobody is there who would decide it.
func (n nextStep) unless(phase string, managers []managerReport) nextStep {
	ended := slices.Contains([]rollout.Phase{rollout.Finished, rollout.Undone, rollout.Aborted}, rollout.Phase(phase))
	present := slices.ContainsFunc(managers, func(m managerReport) bool { return m.Since.IsZero() }) // or nobody can tell
	if ended || present || len(managers) == 0 {
		return n
	}
	m := managers[0]
	return nextStep{What: fmt.Sprintf("nothing, for nobody decides: the manager %s %s", m.Name, m.Silent), Who: m.look()}
}
