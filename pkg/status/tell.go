package status

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// Tell is the spec of an add-on as a rollout wants it after its decision, and whether that is another than it has. It depends on the record
// and on the add-on alone, so that telling twice, or after somebody was killed in between, tells the same. m is nil for a cluster that is
// no member; hold is empty where it is to go on.
//
//	| the member is            | held | the add-on is told                                                                  |
//	|--------------------------|------|-------------------------------------------------------------------------------------|
//	| not begun, and all over  |      | nothing any more: the move is taken off, with the mark                              |
//	| Running                  | no   | to move to the release, or back                                                     |
//	| Running                  | yes  | to change no further node; one that was not told to move yet is not told now        |
//	| Done, Failed, or none    |      | nothing any more: the rollout's mark is taken off                                   |
//	| else, and a move is left |      | to change no further node until its turn comes                                      |
//	| else                     |      | nothing any more                                                                    |
//
// What is pinned, or moved by somebody else, is left alone but for the rollout's own mark.
func (j Journey) Tell(m *rollout.Member, a *v1alpha1.Addon, hold string) (v1alpha1.AddonSpec, bool) {
	spec := *a.Spec.DeepCopy()
	switch {
	case j.letsGo(m, a):
		j.letGo(&spec)
	case !j.Marked(a) && a.Spec.MoveTo != "" && (j.Over || hold != "" && a.Spec.Rollout == nil): // somebody moves it himself
	case m != nil && m.State == rollout.Running && j.mayMove(m, a):
		j.move(m, a, &spec, hold)
	case !j.Marked(a):
	case j.leftUnderWay(m, a):
		spec.Rollout.Hold = v1alpha1.HoldFinishNode
	default:
		spec.Rollout = nil
	}
	return spec, !equality.Semantic.DeepEqual(spec, a.Spec)
}

// letsGo tells whether a rollout that is over lets go of an add-on: it is held, whoever drives it has seen that, and nothing of it has moved.
func (j Journey) letsGo(m *rollout.Member, a *v1alpha1.Addon) bool {
	return j.Over && m != nil && !m.Back && j.Marked(a) && a.Spec.Rollout.Hold != "" && a.Spec.Rollback == nil && Observed(a) &&
		!SameVersion(a.Status.CurrentInstalledVersion, j.Version) && !spreads(a)
}

// letGo takes the rollout's mark off, and its move.
func (j Journey) letGo(spec *v1alpha1.AddonSpec) {
	spec.Rollout = nil
	if SameVersion(spec.MoveTo, j.Version) {
		spec.MoveTo = ""
	}
}

// mayMove tells whether nobody else has a word in where an add-on goes.
func (j Journey) mayMove(m *rollout.Member, a *v1alpha1.Addon) bool {
	s := Sight{Addon: a}
	return isPinned(j, m, s) == "" && goesBack(j, m, s) == "" && goesElsewhere(j, m, s) == ""
}

// leftUnderWay tells whether a move of this rollout is under way on an add-on that is not through with it.
func (j Journey) leftUnderWay(m *rollout.Member, a *v1alpha1.Addon) bool {
	return m != nil && m.State != rollout.Done && m.State != rollout.Failed && a.Spec.Version == "" && (SameVersion(a.Spec.MoveTo, j.Version) || m.From != "" && SameVersion(a.Spec.MoveTo, m.From))
}

// move tells an add-on that is under way to go on, or to wait.
func (j Journey) move(m *rollout.Member, a *v1alpha1.Addon, spec *v1alpha1.AddonSpec, hold string) {
	spec.Rollout = &v1alpha1.AddonInRollout{Name: j.Name, Hold: hold}
	switch {
	case hold != "":
	case j.Marked(a) && a.Spec.MoveTo == "" && a.Spec.Rollback == nil && a.Spec.Rollout.Hold == "" && !Observed(a):
		// The move has been made, or was taken away: the status will tell.
	case m.Back:
		j.moveBack(m, a, spec)
	default:
		spec.MoveTo, spec.Rollback = j.Version, nil
		spec.Version, spec.Pin = "", nil // one that has ended, or there is none
	}
}

// moveBack tells an add-on to go back to where it came from, in the way in which `addonctl rollback` does: to a revision, where the record
// knows one. A template that never changed needs no way back.
func (j Journey) moveBack(m *rollout.Member, a *v1alpha1.Addon, spec *v1alpha1.AddonSpec) {
	current := a.Status.CurrentInstalledVersion
	switch {
	case spec.Rollback != nil: // under way, and not for some nodes alone
		spec.Rollback.Nodes = nil
	case SameVersion(current, m.From) && Observed(a) && !spreads(a):
		spec.MoveTo = ""
	default:
		spec.MoveTo = m.From
		if n := revisionOf(a, m.From); n > 0 {
			spec.Rollback = &v1alpha1.Rollback{Revision: n, Reason: fmt.Sprintf("the rollout %s was taken back", j.Name)}
			if NewerVersion(j.Version, m.From) {
				spec.Rollback.Leaves = j.Version
			}
		}
	}
}

// spreads tells whether nodes run something else than the template.
func spreads(a *v1alpha1.Addon) bool {
	return slices.ContainsFunc(a.Status.NodeVersions, func(v v1alpha1.NodeVersion) bool {
		return !SameVersion(v.Version, a.Status.CurrentInstalledVersion)
	})
}

// revisionOf is the newest recorded revision of a version that ran on every node; 0 when the status knows none.
func revisionOf(a *v1alpha1.Addon, v string) int32 {
	for _, h := range a.Status.History { // newest first
		if SameVersion(h.Version, v) && (h.Status == "deployed" || h.Status == "superseded") {
			return h.Revision
		}
	}
	return 0
}
