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

// target is what a rollout is about.
type target struct {
	// version that clusters go to; empty for none.
	version string
	// leaves is the recalled release that they leave, where that is why they go; else empty.
	leaves string
}

func targetOf(x *v1alpha1.AddonRollout) target { return target{x.Spec.Version, x.Spec.Leaves} }

// same tells whether two targets are one.
func (t target) same(o target) bool {
	return t == o || status.SameVersion(t.version, o.version) && status.SameVersion(t.leaves, o.leaves)
}

// active is the target whose rollout goes on, of those of a policy and an add-on; that without a version when there is none. All others stand
// still where they are, as in rollout.Simulate. candidates are what clusters would take.
//
//	| the first that holds                        | active                                                            |
//	|---------------------------------------------|-------------------------------------------------------------------|
//	| a rollout is being taken back               | that one: two must not pull a cluster into two directions         |
//	| clusters are to leave a recalled release    | the newest that such clusters go to                               |
//	| else                                        | the newest of candidates that nobody has closed, and of rollouts  |
//	|                                             | that have not ended; older ones only while they are candidates    |
func (r records) active(policy, addOn string, candidates []target) target {
	var list []*v1alpha1.AddonRollout
	for _, x := range r.rollouts {
		if of(x, policy, addOn) && r.counts(x) {
			list = append(list, x)
		}
	}
	if i := slices.IndexFunc(list, returning); i >= 0 {
		return targetOf(list[i])
	}
	var out target
	for _, t := range unclosed(list, candidates) {
		if r.recalled(addOn, t.version) == "" && r.doubted(policy, addOn, t) == "" && t.before(out) {
			out = t
		}
	}
	return out
}

// unclosed are the candidates that nobody has closed, and the targets of rollouts that have not ended.
func unclosed(list []*v1alpha1.AddonRollout, candidates []target) []target {
	newest := ""
	for _, x := range list {
		if x.Spec.Leaves == "" {
			newest = status.NewerOf(x.Spec.Version, newest)
		}
	}
	out := slices.Clone(candidates)
	for _, x := range list {
		t := targetOf(x)
		switch {
		case closed(x):
			out = slices.DeleteFunc(out, t.same)
		case !through(x) && (t.leaves != "" || t.version == newest || slices.ContainsFunc(candidates, t.same)):
			out = append(out, t)
		}
	}
	return out
}

// before tells whether a target comes before another one: away from a recalled release first, then the newest.
func (t target) before(o target) bool {
	away, other := t.leaves != "", o.leaves != ""
	return o.version == "" || away && !other || away == other && status.NewerVersion(t.version, o.version)
}

// doubted is the rollout of the release that clusters would leave a recalled one for, where that one halted, or people ended it: one bad release is
// not left for another. It is empty where nobody doubts it.
func (r records) doubted(policy, addOn string, t target) string {
	for _, x := range r.rollouts {
		if t.leaves != "" && of(x, policy, addOn) && x.Spec.Leaves == "" && status.SameVersion(x.Spec.Version, t.version) &&
			(closed(x) || x.Status.Phase == string(rollout.Halted)) {
			return x.Name
		}
	}
	return ""
}

// counts tells whether a rollout counts among those that may go on: one that leads away from a recalled release does as long as the recall stands
// that it was opened for.
func (r records) counts(x *v1alpha1.AddonRollout) bool {
	v := x.Spec.Leaves
	if v == "" {
		return true
	}
	recall := status.RecallOf(r.recalls, x.Spec.Addon, v)
	return r.recalled(x.Spec.Addon, v) != "" && (recall == nil || recall.At == nil || !x.CreationTimestamp.Time.Before(recall.At.Truncate(time.Second)))
}

// returning tells whether a rollout is being taken back, and goes on by itself.
func returning(x *v1alpha1.AddonRollout) bool { return x.Status.Undone != "" && !ended(x) }

// through tells whether a rollout has ended for good: one whose release was recalled has not, because the recall may be taken back.
func through(x *v1alpha1.AddonRollout) bool {
	return ended(x) && x.Status.Phase != string(rollout.Recalled)
}

// candidates are what clusters of a policy would take by themselves instead of what they run, by add-ons. Clusters that other policies take
// too are left out.
func (r records) candidates(p status.Policy) map[string][]target {
	out := map[string][]target{}
	for _, a := range r.addons {
		if takers := r.takers(a); len(takers) != 1 || takers[0] != p.Name {
			continue
		}
		if t := r.wants(p, a); t.version != "" && !slices.ContainsFunc(out[a.Spec.Addon], t.same) {
			out[a.Spec.Addon] = append(out[a.Spec.Addon], t)
		}
	}
	return out
}

// wants is where an automatic add-on would go by itself, or goes for a rollout, unless somebody else moves it; without a version for nowhere.
//
//	| what it runs | the newest that fits | somebody moves it        | wants                               |
//	|--------------|----------------------|--------------------------|-------------------------------------|
//	| is recalled  | is another           | no, or to a recalled one | that, and to leave the recalled one |
//	| else         | is newer             | no                       | that                                |
//	| else         | is where it goes     | a rollout does           | that, as the rollout has it         |
func (r records) wants(p status.Policy, a *v1alpha1.Addon) target {
	newest, current := a.Status.NewestFit, a.Status.CurrentInstalledVersion
	if r.keptAside(p, a) {
		return target{}
	}
	to, by := a.Spec.MoveTo, a.Spec.Rollout
	free := to == "" || by != nil
	if r.recalled(a.Spec.Addon, current) != "" {
		if status.SameVersion(newest, current) || !free && r.recalled(a.Spec.Addon, to) == "" {
			return target{}
		}
		return target{newest, current}
	}
	switch {
	case free && status.NewerVersion(newest, current):
		return target{version: newest}
	case to != "" && by != nil && status.SameVersion(to, newest):
		return target{newest, r.leftBy(by.Name)}
	default:
		return target{}
	}
}

// keptAside tells whether people keep an add-on from all rollouts of a policy, by a pin, a way back, or a pause, or nobody knows what it runs, or
// would take.
func (r records) keptAside(p status.Policy, a *v1alpha1.Addon) bool {
	return a.Status.NewestFit == "" || a.Status.CurrentInstalledVersion == "" || p.Pins(a, r.now) || a.Spec.Rollback != nil || r.networks[a.Spec.Cluster].Spec.Paused
}

// leftBy is the recalled release that a rollout leads away from; empty for another rollout, and for one that is gone.
func (r records) leftBy(name string) string {
	for _, x := range r.rollouts {
		if x.Name == name {
			return x.Spec.Leaves
		}
	}
	return ""
}

// opening is a rollout that is to be opened.
type opening struct {
	name, addOn string
	target
}

// openings are the rollouts that a policy is to open now, in order of add-ons, and why others wait.
func (r records) openings(p status.Policy, releases *catalog.Catalog) (open []opening, waits []string) {
	if p.Spec.Paused || len(r.faults(p)) > 0 {
		return nil, nil
	}
	all := r.candidates(p)
	for _, addOn := range sortedKeys(all) {
		for _, t := range all[addOn] {
			if name := r.doubted(p.Name, addOn, t); name != "" {
				waits = append(waits, fmt.Sprintf("nothing leaves the recalled %s %s for %s, whose rollout %s was halted or ended: pin a release, or update by hand",
					addOn, t.leaves, t.version, name))
			}
		}
		t := r.active(p.Name, addOn, all[addOn])
		if t.version == "" || slices.ContainsFunc(r.rollouts, func(x *v1alpha1.AddonRollout) bool {
			return of(x, p.Name, addOn) && r.counts(x) && targetOf(x).same(t)
		}) {
			continue
		}
		if _, known := notBefore(p, addOn, t, releases); !known {
			waits = append(waits, fmt.Sprintf("%s %s has no known day, and the policy wants releases that are at least %s old", addOn, t.version, p.Spec.MinimumAge.Duration))
			continue
		}
		open = append(open, opening{r.freeName(p.Name, addOn, t), addOn, t})
	}
	return open, waits
}

// freeName is the name of a rollout that is to be opened. One that leads away from a release that was recalled before, and is again, gets a
// number.
func (r records) freeName(policy, addOn string, t target) string {
	if t.leaves == "" {
		return rolloutName(policy, addOn, t.version)
	}
	for n := 1; ; n++ {
		words := t.version + "-from-" + t.leaves
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
func notBefore(p status.Policy, addOn string, t target, releases *catalog.Catalog) (at time.Time, known bool) {
	if p.Spec.MinimumAge == nil || p.Spec.MinimumAge.Duration <= 0 || t.leaves != "" {
		return time.Time{}, true
	}
	if releases == nil {
		return time.Time{}, false
	}
	a, _ := releases.AddOn(addOn)
	for _, r := range a.Releases {
		if day, ok := r.ReleasedOn(); ok && status.SameVersion(r.Version.String(), t.version) {
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
