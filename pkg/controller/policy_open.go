package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// rolloutName is the name of a policy's rollout of a release: POLICY-ADDON-VERSION in lower case. What a name cannot have, and what is too
// long, is replaced by a part of its digest, so that two releases never share one.
func rolloutName(policy, addOn, version string) string {
	plain := strings.ToLower(policy + "-" + addOn + "-" + version)
	clean := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, plain), "-.")
	for clean != strings.NewReplacer("..", ".", ".-", "-", "-.", "-").Replace(clean) {
		clean = strings.NewReplacer("..", ".", ".-", "-", "-.", "-").Replace(clean)
	}
	if clean == plain && len(clean) <= maxName {
		return clean
	}
	sum := sha256.Sum256([]byte(policy + "\x00" + addOn + "\x00" + version))
	const digits = 10
	clean = strings.TrimRight(clean[:min(len(clean), maxName-digits-1)], "-.")
	return clean + "-" + hex.EncodeToString(sum[:])[:digits]
}

// maxName is how long the name of an object can be.
const maxName = 253

// of tells whether a rollout is one of a policy and an add-on.
func of(r *v1alpha1.AddonRollout, policy, addOn string) bool {
	return r.Spec.Policy == policy && r.Spec.Addon == addOn
}

// ended tells whether nothing is left to do in a rollout by itself. What cannot be reached keeps it from being finished, and nobody else
// from going on.
func ended(r *v1alpha1.AddonRollout) bool {
	s := r.Status
	switch rollout.Phase(s.Phase) {
	case rollout.Finished, rollout.CatchingUp, rollout.Undone, rollout.Recalled:
		return true
	case rollout.Undoing:
		return s.Running == 0 && !slices.ContainsFunc(s.Members, func(m v1alpha1.RolloutMember) bool { return m.State == string(rollout.Pending) })
	default:
		return s.Aborted != ""
	}
}

// closed tells whether people ended a rollout: it takes up nobody any more.
func closed(r *v1alpha1.AddonRollout) bool { return r.Status.Aborted != "" || r.Status.Undone != "" }

// active is the version whose rollout goes on, of those of a policy and an add-on; empty when there is none. All others stand still where
// they are, as in rollout.Simulate. candidates are releases that clusters would take.
//
//	| the first that holds                        | active                                                            |
//	|---------------------------------------------|-------------------------------------------------------------------|
//	| a rollout is being taken back               | that one: two must not pull a cluster into two directions         |
//	| else                                        | the newest of candidates that nobody has closed, and of rollouts  |
//	|                                             | that have not ended; older ones only while they are candidates    |
func (r records) active(policy, addOn string, candidates []string) string {
	var list []*v1alpha1.AddonRollout
	newest := ""
	for _, x := range r.rollouts {
		if of(x, policy, addOn) {
			list = append(list, x)
			newest = status.NewerOf(x.Spec.Version, newest)
		}
	}
	open := slices.Clone(candidates)
	for _, x := range list {
		v := x.Spec.Version
		same := func(c string) bool { return status.SameVersion(c, v) }
		switch {
		case returning(x):
			return v
		case closed(x):
			open = slices.DeleteFunc(open, same)
		case !through(x) && (v == newest || slices.ContainsFunc(candidates, same)):
			open = append(open, v)
		}
	}
	open = slices.DeleteFunc(open, func(v string) bool { return r.recalled(addOn, v) != "" })
	out := ""
	for _, v := range open {
		out = status.NewerOf(v, out)
	}
	return out
}

// returning tells whether a rollout is being taken back, and goes on by itself.
func returning(x *v1alpha1.AddonRollout) bool { return x.Status.Undone != "" && !ended(x) }

// through tells whether a rollout has ended for good: one whose release was recalled has not, because the recall may be taken back.
func through(x *v1alpha1.AddonRollout) bool {
	return ended(x) && x.Status.Phase != string(rollout.Recalled)
}

// candidates are the releases that clusters of a policy would take by themselves instead of an older one that they run, by add-ons.
// Clusters that other policies take too are left out.
func (r records) candidates(p status.Policy) map[string][]string {
	out := map[string][]string{}
	for _, a := range r.addons {
		if takers := r.takers(a); len(takers) != 1 || takers[0] != p.Name || !status.Wants(a, r.networks[a.Spec.Cluster]) {
			continue
		}
		if v := a.Status.NewestFit; !slices.Contains(out[a.Spec.Addon], v) {
			out[a.Spec.Addon] = append(out[a.Spec.Addon], v)
		}
	}
	return out
}

// opening is a rollout that is to be opened.
type opening struct{ name, addOn, version string }

// openings are the rollouts that a policy is to open now, in order of add-ons, and why others wait.
func (r records) openings(p status.Policy, releases *catalog.Catalog) (open []opening, waits []string) {
	if p.Spec.Paused || len(r.faults(p)) > 0 {
		return nil, nil
	}
	all := r.candidates(p)
	for _, addOn := range sortedKeys(all) {
		v := r.active(p.Name, addOn, all[addOn])
		if v == "" || slices.ContainsFunc(r.rollouts, func(x *v1alpha1.AddonRollout) bool {
			return of(x, p.Name, addOn) && status.SameVersion(x.Spec.Version, v)
		}) {
			continue
		}
		if _, known := notBefore(p, addOn, v, releases); !known {
			waits = append(waits, fmt.Sprintf("%s %s has no known day, and the policy wants releases that are at least %s old", addOn, v, p.Spec.MinimumAge.Duration))
			continue
		}
		open = append(open, opening{rolloutName(p.Name, addOn, v), addOn, v})
	}
	return open, waits
}

// notBefore is when a release is old enough for a policy; zero when none is asked for. It is not known where an age is asked for, and
// nobody knows the release's day.
func notBefore(p status.Policy, addOn, v string, releases *catalog.Catalog) (at time.Time, known bool) {
	if p.Spec.MinimumAge == nil || p.Spec.MinimumAge.Duration <= 0 {
		return time.Time{}, true
	}
	if releases == nil {
		return time.Time{}, false
	}
	a, _ := releases.AddOn(addOn)
	for _, r := range a.Releases {
		if day, ok := r.ReleasedOn(); ok && status.SameVersion(r.Version.String(), v) {
			return day.Add(p.Spec.MinimumAge.Duration), true
		}
	}
	return time.Time{}, false
}

// keptRollouts is how many rollouts that have ended are kept of a policy and an add-on.
const keptRollouts = 20

// surplus are rollouts of a policy that can be forgotten: ended, nothing of them under way, and keptRollouts newer ones of the add-on that
// ended too.
func (r records) surplus(policy string) []*v1alpha1.AddonRollout {
	byAddOn := map[string][]*v1alpha1.AddonRollout{}
	for _, x := range r.rollouts {
		if x.Spec.Policy == policy && ended(x) && x.Status.Running == 0 && x.Status.Unreachable == 0 {
			byAddOn[x.Spec.Addon] = append(byAddOn[x.Spec.Addon], x)
		}
	}
	var out []*v1alpha1.AddonRollout
	for _, addOn := range sortedKeys(byAddOn) {
		list := byAddOn[addOn]
		slices.SortStableFunc(list, func(a, b *v1alpha1.AddonRollout) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
		out = append(out, list[min(len(list), keptRollouts):]...)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
