package status

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// Automatic is what automatic updates go by, beside the record of an add-on itself. The manager, `rollout simulate --policy` and `explain` ask
// it where an add-on goes by itself; rollout.Wish and rollout.Active decide, for them and for simulations.
type Automatic struct {
	// Rollouts of the hub, in order of names, and its recalls.
	Rollouts []*v1alpha1.AddonRollout
	Recalls  []v1alpha1.Recall
	// Withdrawn tells whether the catalog itself has a release as recalled; nil while nobody read one.
	Withdrawn func(addOn, version string) bool
	// Now is when it is asked; zero lets no pin end.
	Now time.Time
}

// Recalled says why a release was, by the hub or by the catalog itself; empty when it was not.
func (m Automatic) Recalled(addOn, version string) string {
	if x := RecallOf(m.Recalls, addOn, version); x != nil {
		return cmp.Or(x.Reason, "no reason was given")
	}
	if m.Withdrawn != nil && version != "" && m.Withdrawn(addOn, version) {
		return "the catalog has it as recalled"
	}
	return ""
}

// recalled is Recalled for an add-on, as pkg/rollout asks it.
func (m Automatic) recalled(addOn string) func(string) bool {
	return func(version string) bool { return m.Recalled(addOn, version) != "" }
}

// Wants is where an add-on would go by itself under a policy, or goes for a rollout; without a version for nowhere. n is the record of its
// cluster; nil keeps it nowhere.
func (m Automatic) Wants(p Policy, a *v1alpha1.Addon, n *v1alpha1.ClusterNetwork) rollout.Target {
	w := rollout.Wish{
		Runs: a.Status.CurrentInstalledVersion, Newest: a.Status.NewestFit, To: a.Spec.MoveTo, Told: a.Spec.Rollout != nil,
		Kept: p.Pins(a, m.Now) || a.Spec.Rollback != nil || n != nil && n.Spec.Paused,
	}
	if w.Told {
		w.Leaves = m.leftBy(a.Spec.Rollout.Name)
	}
	return w.Target(m.recalled(a.Spec.Addon))
}

// leftBy is the recalled release that a rollout leads away from; empty for another rollout, and for one that is gone.
func (m Automatic) leftBy(name string) string {
	for _, x := range m.Rollouts {
		if x.Name == name {
			return x.Spec.Leaves
		}
	}
	return ""
}

// Candidates are what clusters of a policy would take by themselves instead of what they run, by add-ons. Clusters that other policies take
// too are left out.
func (m Automatic) Candidates(p Policy, all iter.Seq[Sight]) map[string][]rollout.Target {
	out := map[string][]rollout.Target{}
	for s := range all {
		if len(s.Takers) != 1 || s.Takers[0] != p.Name {
			continue
		}
		addOn := s.Addon.Spec.Addon
		if t := m.Wants(p, s.Addon, s.Network); t.Version != "" && !slices.ContainsFunc(out[addOn], t.Same) {
			out[addOn] = append(out[addOn], t)
		}
	}
	return out
}

// Active is the target whose rollout goes on, of those of a policy and an add-on; without a version when there is none.
func (m Automatic) Active(policy, addOn string, candidates []rollout.Target) rollout.Target {
	all, _ := m.standings(policy, addOn)
	return rollout.Active(all, candidates, m.recalled(addOn))
}

// Doubted is the rollout that keeps clusters from leaving a recalled release for its own; empty where none does.
func (m Automatic) Doubted(policy, addOn string, t rollout.Target) string {
	all, names := m.standings(policy, addOn)
	if i := rollout.Doubted(all, t); i >= 0 {
		return names[i]
	}
	return ""
}

// standings are the rollouts of a policy and an add-on that count, with their names.
func (m Automatic) standings(policy, addOn string) (all []rollout.Standing, names []string) {
	for _, x := range m.Rollouts {
		if x.Spec.Policy == policy && x.Spec.Addon == addOn && m.Counts(x) {
			all, names = append(all, StandingOf(x)), append(names, x.Name)
		}
	}
	return all, names
}

// Counts tells whether a rollout counts among those that may go on: one that leads away from a recalled release does as long as the recall stands
// that it was opened for.
func (m Automatic) Counts(x *v1alpha1.AddonRollout) bool {
	v := x.Spec.Leaves
	if v == "" {
		return true
	}
	recall := RecallOf(m.Recalls, x.Spec.Addon, v)
	return m.Recalled(x.Spec.Addon, v) != "" && (recall == nil || recall.At == nil || !x.CreationTimestamp.Time.Before(recall.At.Truncate(time.Second)))
}

// TargetOf is what a recorded rollout is about.
func TargetOf(x *v1alpha1.AddonRollout) rollout.Target {
	return rollout.Target{Version: x.Spec.Version, Leaves: x.Spec.Leaves}
}

// StandingOf is where a recorded rollout stands.
func StandingOf(x *v1alpha1.AddonRollout) rollout.Standing {
	s := x.Status
	return rollout.Standing{
		Target: TargetOf(x), Phase: rollout.Phase(s.Phase), Aborted: s.Aborted != "", Undone: s.Undone != "", Overspent: s.Overspent,
		Left: s.Phase == string(rollout.Undoing) && (s.Running > 0 ||
			slices.ContainsFunc(s.Members, func(m v1alpha1.RolloutMember) bool { return m.State == string(rollout.Pending) })),
	}
}
