package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// Journey is a rollout, as what is seen of a cluster is judged for it.
type Journey struct {
	Name, Version string
	// Leaves is the recalled release that it leads away from; empty for another rollout.
	Leaves string
	// Over is true when nothing will be begun any more, because people ended it or the release was recalled, and nothing is taken back.
	Over   bool
	Policy Policy
	Waves  []rollout.WaveRecord
	// Siblings are the names of the other rollouts of the policy and add-on: what they left under way is taken up.
	Siblings []string
	// Now is when it is judged; zero lets no pin end.
	Now time.Time
}

// Sight is what the hub's records say of an add-on on a cluster.
type Sight struct {
	Addon   *v1alpha1.Addon
	Network *v1alpha1.ClusterNetwork
	// Takers are the policies that take it.
	Takers []string
	// Progress is when something last moved there; zero when that is not known.
	Progress time.Time
}

// Report is what a rollout is told of a cluster. m is the member that it is, nil while it is none; now stands for a sign of progress where
// the rollout itself holds the cluster, which cannot hang then.
//
//	| the records say                                              | report                                    |
//	|--------------------------------------------------------------|-------------------------------------------|
//	| another policy takes it too, or this one does not any more   | unfit                                     |
//	| paused, pinned, on a way back, moved by somebody else        | unfit; failed where it is told to go back |
//	| not installed, held, another release would be taken          | unfit, unless it is under way already     |
//	| told by this rollout, and the release is held, or left       | failed                                    |
//	| told by this rollout, and stalled on the way, or nodes left  | failed                                    |
//	| no move, no way back, every node runs the template's version | settled                                   |
//	| the template is written, and nodes are held for somebody     | settled: the rest is not the rollout's    |
//
// What a status says of the way counts only where it speaks of the spec as it is.
func (j Journey) Report(m *rollout.Member, s Sight, now time.Time) rollout.Report {
	a, n := s.Addon, s.Network
	out := rollout.Report{
		Cluster: a.Spec.Cluster, Wave: j.Policy.WaveOf(n.Labels, j.Waves), Region: region(n.Labels), Reachable: Reachable(n),
		Version: j.canonical(m, a.Status.CurrentInstalledVersion), Settled: settled(a), Progress: s.Progress,
	}
	if j.Marked(a) && a.Spec.Rollout.Hold != "" {
		out.Progress = now
	}
	out.Unfit = j.obstacle(m, s)
	out.Fit = out.Unfit == ""
	if m != nil && m.State == rollout.Running {
		out.Failed = j.failed(m, s)
	}
	return out
}

// canonical writes a version as the rollout does: its own, or the one that a member came from.
func (j Journey) canonical(m *rollout.Member, v string) string {
	switch {
	case SameVersion(v, j.Version):
		return j.Version
	case m != nil && m.From != "" && SameVersion(v, m.From):
		return m.From
	default:
		return v
	}
}

// Marked tells whether an add-on says that this rollout told it to move.
func (j Journey) Marked(a *v1alpha1.Addon) bool {
	return a.Spec.Rollout != nil && a.Spec.Rollout.Name == j.Name
}

// told tells whether an add-on was told to go to a version by this rollout, or has gone there.
func (j Journey) told(a *v1alpha1.Addon, v string) bool {
	return j.Marked(a) && (SameVersion(a.Spec.MoveTo, v) || a.Spec.MoveTo == "" && SameVersion(a.Status.CurrentInstalledVersion, v))
}

// obstacle is the first reason why the rollout must not move an add-on, as the end of a sentence; empty when there is none. Going back asks
// neither which policy takes it now, nor what it would choose.
func (j Journey) obstacle(m *rollout.Member, s Sight) string {
	if m != nil && m.Back {
		return j.first(hard[1:], m, s)
	}
	if j.letsGo(m, s.Addon) {
		return "was told to move, and had not begun when the rollout ended"
	}
	if why := j.first(hard, m, s); why != "" {
		return why
	}
	if m != nil && m.State == rollout.Running && j.told(s.Addon, j.Version) {
		return "" // the release is its wish now: nobody asks again whether it would choose it
	}
	if m != nil && m.State == rollout.Pending && m.Tries > 0 {
		return isHeld(j, m, s) // somebody wants it to be tried again; its status may not tell yet that it would be chosen
	}
	return j.first(soft, m, s)
}

// first is what the first obstacle says that there is.
func (j Journey) first(obstacles []func(Journey, *rollout.Member, Sight) string, m *rollout.Member, s Sight) string {
	for _, why := range obstacles {
		if text := why(j, m, s); text != "" {
			return text
		}
	}
	return ""
}

// hard are obstacles that hold at any time, soft those that hold until a cluster is told to move.
var (
	hard = []func(Journey, *rollout.Member, Sight) string{notTaken, isPaused, isPinned, goesBack, goesElsewhere}
	soft = []func(Journey, *rollout.Member, Sight) string{isNotInstalled, isHeld, takesAnother, runsAnother, isThere}
)

func notTaken(j Journey, _ *rollout.Member, s Sight) string {
	switch {
	case !slices.Contains(s.Takers, j.Policy.Name):
		return fmt.Sprintf("policy %s does not take it", j.Policy.Name)
	case len(s.Takers) > 1:
		return "it is taken by the policies " + strings.Join(s.Takers, ", ")
	default:
		return ""
	}
}

func isPaused(_ Journey, _ *rollout.Member, s Sight) string {
	if s.Network.Spec.Paused {
		return "is paused"
	}
	return ""
}

// isPinned : on the way back every pin counts, also one that has ended.
func isPinned(j Journey, m *rollout.Member, s Sight) string {
	if v := s.Addon.Spec.Version; v != "" && (m != nil && m.Back || j.Policy.Pins(s.Addon, j.Now)) {
		return "is pinned to " + v
	}
	return ""
}

func goesBack(j Journey, m *rollout.Member, s Sight) string {
	back := s.Addon.Spec.Rollback
	if back == nil || again(m, s.Addon) || m != nil && m.Back && (j.Marked(s.Addon) || SameVersion(s.Addon.Spec.MoveTo, m.From)) {
		return ""
	}
	return fmt.Sprintf("goes back to revision %d", back.Revision)
}

// again tells whether a member is tried again that stands still half way back: nodes that failed were put back, and the others wait until
// somebody decides, which somebody has.
func again(m *rollout.Member, a *v1alpha1.Addon) bool {
	b := a.Spec.Rollback
	return m != nil && !m.Back && m.Tries > 0 && b != nil && len(b.Nodes) > 0 && b.Leaves == "" && Observed(a) &&
		meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionStalled)
}

func goesElsewhere(j Journey, m *rollout.Member, s Sight) string {
	to, by := s.Addon.Spec.MoveTo, s.Addon.Spec.Rollout
	switch {
	case by != nil && (j.Marked(s.Addon) || slices.Contains(j.Siblings, by.Name) || by.Hold != ""):
		return "" // what another rollout holds is free
	case by != nil:
		return "is moved by the rollout " + by.Name
	case again(m, s.Addon) || j.allows(m, to):
		return ""
	default:
		return fmt.Sprintf("moves to %s for somebody", to)
	}
}

// allows tells whether a move by somebody stands in nobody's way: there is none, it is where the rollout wants it, or it goes to the recalled
// release that the rollout leads away from, where nobody gets any more.
func (j Journey) allows(m *rollout.Member, to string) bool {
	return to == "" || SameVersion(to, j.Version) || m != nil && m.Back && SameVersion(to, m.From) ||
		j.Leaves != "" && SameVersion(to, j.Leaves)
}

func isNotInstalled(_ Journey, _ *rollout.Member, s Sight) string {
	if s.Addon.Status.CurrentInstalledVersion == "" {
		return "it is not installed"
	}
	return ""
}

func isHeld(j Journey, _ *rollout.Member, s Sight) string {
	if h := Held(s.Addon, j.Version); h != nil {
		return "was put back from it" + Colon(h.Reason)
	}
	return ""
}

func takesAnother(j Journey, _ *rollout.Member, s Sight) string {
	newest := s.Addon.Status.NewestFit
	switch {
	case newest == "":
		return "no release fits"
	case !SameVersion(newest, j.Version):
		return newest + " is the newest that fits"
	default:
		return ""
	}
}

// runsAnother keeps a cluster out of a rollout that leads away from a release which it does not run.
func runsAnother(j Journey, _ *rollout.Member, s Sight) string {
	if j.Leaves != "" && !SameVersion(s.Addon.Status.CurrentInstalledVersion, j.Leaves) {
		return "does not run " + j.Leaves
	}
	return ""
}

// isThere keeps a cluster that has the release from becoming a member.
func isThere(j Journey, m *rollout.Member, s Sight) string {
	if m == nil && settled(s.Addon) && SameVersion(s.Addon.Status.CurrentInstalledVersion, j.Version) {
		return "has it already"
	}
	return ""
}

// failed says why a move that the rollout told ended badly; empty when it did not.
func (j Journey) failed(m *rollout.Member, s Sight) string {
	a := s.Addon
	if m.Back {
		return cmp.Or(j.obstacle(m, s), j.stalled(a, m.From))
	}
	if !j.Marked(a) {
		return ""
	}
	if h := Held(a, j.Version); h != nil {
		return "was put back" + Colon(h.Reason)
	}
	if b := a.Spec.Rollback; b != nil && b.Leaves != "" && SameVersion(b.Leaves, j.Version) {
		return "is put back" + Colon(b.Reason)
	}
	return j.stalled(a, j.Version)
}

// stalled says what a move to a version waits for somebody for; empty when it does not.
func (j Journey) stalled(a *v1alpha1.Addon, to string) string {
	if !Observed(a) || !j.Marked(a) || !SameVersion(a.Spec.MoveTo, to) {
		return ""
	}
	if c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionStalled); c != nil && c.Status == metav1.ConditionTrue {
		return c.Reason + Colon(c.Message)
	}
	if c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady); c != nil && c.Reason == v1alpha1.ReasonNodesLeft {
		return c.Reason + Colon(c.Message)
	}
	return ""
}

// Colon is what follows a sentence with its reason; nothing where there is none.
func Colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// Held is the entry of a release that a cluster was put back from; nil when it was not.
func Held(a *v1alpha1.Addon, v string) *v1alpha1.HeldRelease {
	i := slices.IndexFunc(a.Status.Held, func(h v1alpha1.HeldRelease) bool { return SameVersion(h.Version, v) })
	if i < 0 {
		return nil
	}
	return &a.Status.Held[i]
}

// Observed tells whether a status speaks of the spec as it is.
func Observed(a *v1alpha1.Addon) bool { return a.Status.ObservedGeneration >= a.Generation }

// settled tells whether nothing is under way, and every node runs the template's version, or waits for somebody.
func settled(a *v1alpha1.Addon) bool {
	if !Observed(a) || a.Spec.Rollback != nil {
		return false
	}
	if ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Reason == v1alpha1.ReasonNodesHeld {
		return a.Spec.MoveTo == "" || SameVersion(a.Spec.MoveTo, a.Status.CurrentInstalledVersion)
	}
	return a.Spec.MoveTo == "" && !slices.ContainsFunc(a.Status.NodeVersions, func(v v1alpha1.NodeVersion) bool {
		return !SameVersion(v.Version, a.Status.CurrentInstalledVersion)
	})
}

// Reachable tells whether a manager reached a cluster last. Where nobody has said so, nobody knows.
func Reachable(n *v1alpha1.ClusterNetwork) bool {
	return meta.IsStatusConditionTrue(n.Status.Conditions, v1alpha1.ConditionReachable)
}

// region of a cluster by its labels; it is shown, and decides nothing.
func region(of labels.Set) string {
	return cmp.Or(of["region"], of["topology.kubernetes.io/region"])
}
