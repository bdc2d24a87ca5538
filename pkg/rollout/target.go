package rollout

import (
	"slices"

	"github.com/addonctl/addonctl/pkg/version"
)

// Target is what a rollout is about.
type Target struct {
	// Version that clusters go to; empty for none.
	Version string
	// Leaves is the recalled release that they leave, where that is why they go; else empty.
	Leaves string
}

// String is the version, and what is left for it.
func (t Target) String() string {
	if t.Leaves == "" {
		return t.Version
	}
	return t.Version + " from " + t.Leaves
}

// Same tells whether two targets are one.
func (t Target) Same(o Target) bool {
	return t == o || version.Same(t.Version, o.Version) && version.Same(t.Leaves, o.Leaves)
}

// before tells whether a target comes before another one: away from a recalled release first, then the newest.
func (t Target) before(o Target) bool {
	away, other := t.Leaves != "", o.Leaves != ""
	return o.Version == "" || away && !other || away == other && version.Newer(t.Version, o.Version)
}

// Wish is what is known of an add-on on a cluster, to whoever asks where it would go by itself.
type Wish struct {
	// Runs is what its template is at, and Newest the newest release that fits it; each is empty where nobody knows.
	Runs, Newest string
	// Kept is true where people keep it from all rollouts: by a pin, a way back, a pause.
	Kept bool
	// To is where it is moved; empty where it is not. Told is true where a rollout had its hand on it last, and Leaves the recalled release
	// that this one leads away from.
	To     string
	Told   bool
	Leaves string
}

// Target is where an automatic add-on would go by itself, or goes for a rollout, unless somebody else moves it; without a version for nowhere.
//
//	| what it runs | the newest that fits | somebody moves it        | target                              |
//	|--------------|----------------------|--------------------------|-------------------------------------|
//	| is recalled  | is another           | no, or to a recalled one | that, and to leave the recalled one |
//	| else         | is newer             | no                       | that                                |
//	| else         | is where it goes     | a rollout does           | that, as the rollout has it         |
func (w Wish) Target(recalled func(version string) bool) Target {
	if w.nowhere() {
		return Target{}
	}
	free := w.To == "" || w.Told
	switch {
	case recalled(w.Runs):
		if version.Same(w.Newest, w.Runs) || !free && !recalled(w.To) {
			return Target{}
		}
		return Target{w.Newest, w.Runs}
	case free && version.Newer(w.Newest, w.Runs):
		return Target{Version: w.Newest}
	case w.To != "" && w.Told && version.Same(w.To, w.Newest):
		return Target{w.Newest, w.Leaves}
	default:
		return Target{}
	}
}

// nowhere tells whether it stays, whatever else is known.
func (w Wish) nowhere() bool { return w.Kept || w.Runs == "" || w.Newest == "" }

// Standing is where a rollout stands, to whoever chooses which one goes on.
type Standing struct {
	Target
	Phase Phase
	// Aborted and Undone tell that people did that. Overspent is true where more failed than the budget allows, also while the rollout stands still for
	// another one. Left is true where clusters that are taken back have not ended.
	Aborted, Undone bool
	Overspent       bool
	Left            bool
}

// Ended tells whether nothing is left to do in a rollout by itself. What cannot be reached keeps it from being finished, and nobody else
// from going on.
func (s Standing) Ended() bool {
	switch s.Phase {
	case Finished, CatchingUp, Undone, Recalled:
		return true
	case Undoing:
		return !s.Left
	default:
		return s.Aborted
	}
}

// Closed tells whether people ended a rollout: it takes up nobody any more.
func (s Standing) Closed() bool { return s.Aborted || s.Undone }

// returning tells whether a rollout is being taken back, and goes on by itself.
func (s Standing) returning() bool { return s.Undone && !s.Ended() }

// through tells whether a rollout has ended for good: one whose release was recalled has not, because the recall may be taken back.
func (s Standing) through() bool { return s.Ended() && s.Phase != Recalled }

// Active is the target whose rollout goes on, of those of a policy and an add-on; that without a version when there is none. All others stand
// still where they are. candidates are what clusters would take.
//
//	| the first that holds                        | active                                                            |
//	|---------------------------------------------|-------------------------------------------------------------------|
//	| a rollout is being taken back               | that one: two must not pull a cluster into two directions         |
//	| clusters are to leave a recalled release    | the newest that such clusters go to                               |
//	| else                                        | the newest of candidates that nobody has closed, and of rollouts  |
//	|                                             | that have not ended; older ones only while they are candidates    |
func Active(all []Standing, candidates []Target, recalled func(version string) bool) Target {
	if i := slices.IndexFunc(all, Standing.returning); i >= 0 {
		return all[i].Target
	}
	var out Target
	for _, t := range unclosed(all, candidates) {
		if !recalled(t.Version) && Doubted(all, t) < 0 && t.before(out) {
			out = t
		}
	}
	return out
}

// unclosed are the candidates that nobody has closed, and the targets of rollouts that have not ended.
func unclosed(all []Standing, candidates []Target) []Target {
	newest := ""
	for _, s := range all {
		if s.Leaves == "" && (newest == "" || version.Newer(s.Version, newest)) {
			newest = s.Version
		}
	}
	out := slices.Clone(candidates)
	for _, s := range all {
		switch {
		case s.Closed():
			out = slices.DeleteFunc(out, s.Same)
		case !s.through() && (s.Leaves != "" || s.Version == newest || slices.ContainsFunc(candidates, s.Same)):
			out = append(out, s.Target)
		}
	}
	return out
}

// Doubted is the index of the rollout of the release that clusters would leave a recalled one for, where more failed in that one than may, or
// people ended it: one bad release is not left for another. It is -1 where nobody doubts it.
func Doubted(all []Standing, t Target) int {
	return slices.IndexFunc(all, func(s Standing) bool {
		return t.Leaves != "" && s.Leaves == "" && version.Same(s.Version, t.Version) && (s.Closed() || s.Overspent || s.Phase == Halted)
	})
}
