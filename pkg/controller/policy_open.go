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

// candidates are what clusters of a policy would take by themselves instead of what they run, by add-ons.
func (r records) candidates(p status.Policy) map[string][]rollout.Target {
	return r.automatic().Candidates(p, func(yield func(status.Sight) bool) {
		for _, a := range r.addons {
			if !yield(status.Sight{Addon: a, Network: r.networks[a.Spec.Cluster], Takers: r.takers(a)}) {
				return
			}
		}
	})
}

// opening is a rollout that is to be opened.
type opening struct {
	name, addOn string
	rollout.Target
}

// openings are the rollouts that a policy is to open now, in order of add-ons, and why others wait.
func (r records) openings(p status.Policy, releases *catalog.Catalog) (open []opening, waits []string) {
	if p.Spec.Paused || len(r.faults(p)) > 0 {
		return nil, nil
	}
	all, rule := r.candidates(p), r.automatic()
	for _, addOn := range sortedKeys(all) {
		for _, t := range all[addOn] {
			if name := rule.Doubted(p.Name, addOn, t); name != "" {
				waits = append(waits, fmt.Sprintf("nothing leaves the recalled %s %s for %s, whose rollout %s was halted or ended: pin a release, or update by hand",
					addOn, t.Leaves, t.Version, name))
			}
		}
		t := rule.Active(p.Name, addOn, all[addOn])
		if t.Version == "" || slices.ContainsFunc(r.rollouts, func(x *v1alpha1.AddonRollout) bool {
			return of(x, p.Name, addOn) && rule.Counts(x) && status.TargetOf(x).Same(t)
		}) {
			continue
		}
		if _, known := notBefore(p, addOn, t, releases); !known {
			waits = append(waits, fmt.Sprintf("%s %s has no known day, and the policy wants releases that are at least %s old", addOn, t.Version, p.Spec.MinimumAge.Duration))
			continue
		}
		open = append(open, opening{r.freeName(p.Name, addOn, t), addOn, t})
	}
	return open, waits
}

// freeName is the name of a rollout that is to be opened. One that leads away from a release that was recalled before, and is again, gets a
// number.
func (r records) freeName(policy, addOn string, t rollout.Target) string {
	if t.Leaves == "" {
		return rolloutName(policy, addOn, t.Version)
	}
	for n := 1; ; n++ {
		words := t.Version + "-from-" + t.Leaves
		if n > 1 {
			words = fmt.Sprintf("%s-%d", words, n)
		}
		name := rolloutName(policy, addOn, words)
		if !slices.ContainsFunc(r.rollouts, func(x *v1alpha1.AddonRollout) bool { return x.Name == name }) {
			return name
		}
	}
}

// notBefore is when a release is old enough for a policy; zero when none is asked for, and for who leaves a recalled one. It is not known where
// an age is asked for, and nobody knows the release's day.
func notBefore(p status.Policy, addOn string, t rollout.Target, releases *catalog.Catalog) (at time.Time, known bool) {
	if p.Spec.MinimumAge == nil || p.Spec.MinimumAge.Duration <= 0 || t.Leaves != "" {
		return time.Time{}, true
	}
	if releases == nil {
		return time.Time{}, false
	}
	a, _ := releases.AddOn(addOn)
	for _, r := range a.Releases {
		if day, ok := r.ReleasedOn(); ok && status.SameVersion(r.Version.String(), t.Version) {
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
		if x.Spec.Policy == policy && status.StandingOf(x).Ended() && x.Status.Running == 0 && x.Status.Unreachable == 0 {
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
