package controller

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
	"github.com/addonctl/addonctl/pkg/status"
)

// journey is a rollout, as what is seen of a cluster is judged for it.
type journey struct {
	name, version string
	policy        policy
	waves         []rollout.WaveRecord
	// siblings are the names of the other rollouts of the policy and add-on: what they left under way is taken up.
	siblings []string
}

// sight is what the hub's records say of an add-on on a cluster.
type sight struct {
	addon   *v1alpha1.Addon
	network *v1alpha1.ClusterNetwork
	// takers are the policies that take it.
	takers []string
	// progress is when something last moved there; zero when that is not known.
	progress time.Time
}

// report is what a rollout is told of a cluster. m is the member that it is, nil while it is none; now stands for a sign of progress where
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
func (j journey) report(m *rollout.Member, s sight, now time.Time) rollout.Report {
	a, n := s.addon, s.network
	out := rollout.Report{
		Cluster: a.Spec.Cluster, Wave: j.policy.waveOf(n.Labels, j.waves), Region: region(n.Labels), Reachable: reachable(n),
		Version: j.canonical(m, a.Status.CurrentInstalledVersion), Settled: settled(a), Progress: s.progress,
	}
	if j.marked(a) && a.Spec.Rollout.Hold != "" {
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
func (j journey) canonical(m *rollout.Member, v string) string {
	switch {
	case status.SameVersion(v, j.version):
		return j.version
	case m != nil && m.From != "" && status.SameVersion(v, m.From):
		return m.From
	default:
		return v
	}
}

// marked tells whether an add-on says that this rollout told it to move.
func (j journey) marked(a *v1alpha1.Addon) bool {
	return a.Spec.Rollout != nil && a.Spec.Rollout.Name == j.name
}

// told tells whether an add-on was told to go to a version by this rollout, or has gone there.
func (j journey) told(a *v1alpha1.Addon, v string) bool {
	return j.marked(a) && (status.SameVersion(a.Spec.MoveTo, v) || a.Spec.MoveTo == "" && status.SameVersion(a.Status.CurrentInstalledVersion, v))
}

// obstacle is the first reason why the rollout must not move an add-on, as the end of a sentence; empty when there is none. Going back asks
// neither which policy takes it now, nor what it would choose.
func (j journey) obstacle(m *rollout.Member, s sight) string {
	if m != nil && m.Back {
		return j.first(hard[1:], m, s)
	}
	if why := j.first(hard, m, s); why != "" {
		return why
	}
	if m != nil && m.State == rollout.Running && j.told(s.addon, j.version) {
		return "" // the release is its wish now: nobody asks again whether it would choose it
	}
	if m != nil && m.State == rollout.Pending && m.Tries > 0 {
		return isHeld(j, m, s) // somebody wants it to be tried again; its status may not tell yet that it would be chosen
	}
	return j.first(soft, m, s)
}

// first is what the first obstacle says that there is.
func (j journey) first(obstacles []func(journey, *rollout.Member, sight) string, m *rollout.Member, s sight) string {
	for _, why := range obstacles {
		if text := why(j, m, s); text != "" {
			return text
		}
	}
	return ""
}

// hard are obstacles that hold at any time, soft those that hold until a cluster is told to move.
var (
	hard = []func(journey, *rollout.Member, sight) string{notTaken, isPaused, isPinned, goesBack, goesElsewhere}
	soft = []func(journey, *rollout.Member, sight) string{isNotInstalled, isHeld, takesAnother, isThere}
)

func notTaken(j journey, _ *rollout.Member, s sight) string {
	switch {
	case !slices.Contains(s.takers, j.policy.name):
		return fmt.Sprintf("policy %s does not take it", j.policy.name)
	case len(s.takers) > 1:
		return "it is taken by the policies " + strings.Join(s.takers, ", ")
	default:
		return ""
	}
}

func isPaused(_ journey, _ *rollout.Member, s sight) string {
	if s.network.Spec.Paused {
		return "is paused"
	}
	return ""
}

func isPinned(_ journey, _ *rollout.Member, s sight) string {
	if v := s.addon.Spec.Version; v != "" {
		return "is pinned to " + v
	}
	return ""
}

func goesBack(j journey, m *rollout.Member, s sight) string {
	back := s.addon.Spec.Rollback
	if back == nil || again(m, s.addon) || m != nil && m.Back && (j.marked(s.addon) || status.SameVersion(s.addon.Spec.MoveTo, m.From)) {
		return ""
	}
	return fmt.Sprintf("goes back to revision %d", back.Revision)
}

// again tells whether a member is tried again that stands still half way back: nodes that failed were put back, and the others wait until
// somebody decides, which somebody has.
func again(m *rollout.Member, a *v1alpha1.Addon) bool {
	b := a.Spec.Rollback
	return m != nil && !m.Back && m.Tries > 0 && b != nil && len(b.Nodes) > 0 && b.Leaves == "" && observed(a) &&
		meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionStalled)
}

func goesElsewhere(j journey, m *rollout.Member, s sight) string {
	to, by := s.addon.Spec.MoveTo, s.addon.Spec.Rollout
	switch {
	case by != nil && (j.marked(s.addon) || slices.Contains(j.siblings, by.Name) || by.Hold != ""):
		return "" // what another rollout holds is free
	case by != nil:
		return "is moved by the rollout " + by.Name
	case to == "" || again(m, s.addon) || status.SameVersion(to, j.version) || m != nil && m.Back && status.SameVersion(to, m.From):
		return ""
	default:
		return fmt.Sprintf("moves to %s for somebody", to)
	}
}

func isNotInstalled(_ journey, _ *rollout.Member, s sight) string {
	if s.addon.Status.CurrentInstalledVersion == "" {
		return "it is not installed"
	}
	return ""
}

func isHeld(j journey, _ *rollout.Member, s sight) string {
	if h := heldRelease(s.addon, j.version); h != nil {
		return "was put back from it" + colon(h.Reason)
	}
	return ""
}

func takesAnother(j journey, _ *rollout.Member, s sight) string {
	newest := s.addon.Status.NewestFit
	switch {
	case newest == "":
		return "no release fits"
	case !status.SameVersion(newest, j.version):
		return newest + " is the newest that fits"
	default:
		return ""
	}
}

// isThere keeps a cluster that has the release from becoming a member.
func isThere(j journey, m *rollout.Member, s sight) string {
	if m == nil && settled(s.addon) && status.SameVersion(s.addon.Status.CurrentInstalledVersion, j.version) {
		return "has it already"
	}
	return ""
}

// failed says why a move that the rollout told ended badly; empty when it did not.
func (j journey) failed(m *rollout.Member, s sight) string {
	a := s.addon
	if m.Back {
		return cmp.Or(j.obstacle(m, s), j.stalled(a, m.From))
	}
	if !j.marked(a) {
		return ""
	}
	if h := heldRelease(a, j.version); h != nil {
		return "was put back" + colon(h.Reason)
	}
	if b := a.Spec.Rollback; b != nil && b.Leaves != "" && status.SameVersion(b.Leaves, j.version) {
		return "is put back" + colon(b.Reason)
	}
	return j.stalled(a, j.version)
}

// stalled says what a move to a version waits for somebody for; empty when it does not.
func (j journey) stalled(a *v1alpha1.Addon, to string) string {
	if !observed(a) || !j.marked(a) || !status.SameVersion(a.Spec.MoveTo, to) {
		return ""
	}
	if c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionStalled); c != nil && c.Status == metav1.ConditionTrue {
		return c.Reason + colon(c.Message)
	}
	if c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady); c != nil && c.Reason == v1alpha1.ReasonNodesLeft {
		return c.Reason + colon(c.Message)
	}
	return ""
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// heldRelease is the entry of a release that a cluster was put back from; nil when it was not.
func heldRelease(a *v1alpha1.Addon, v string) *v1alpha1.HeldRelease {
	i := slices.IndexFunc(a.Status.Held, func(h v1alpha1.HeldRelease) bool { return status.SameVersion(h.Version, v) })
	if i < 0 {
		return nil
	}
	return &a.Status.Held[i]
}

// observed tells whether a status speaks of the spec as it is.
func observed(a *v1alpha1.Addon) bool { return a.Status.ObservedGeneration >= a.Generation }

// settled tells whether nothing is under way, and every node runs the template's version, or waits for somebody.
func settled(a *v1alpha1.Addon) bool {
	if !observed(a) || a.Spec.Rollback != nil {
		return false
	}
	if ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Reason == v1alpha1.ReasonNodesHeld {
		return a.Spec.MoveTo == "" || status.SameVersion(a.Spec.MoveTo, a.Status.CurrentInstalledVersion)
	}
	return a.Spec.MoveTo == "" && !slices.ContainsFunc(a.Status.NodeVersions, func(v v1alpha1.NodeVersion) bool {
		return !status.SameVersion(v.Version, a.Status.CurrentInstalledVersion)
	})
}

// reachable tells whether a manager reached a cluster last. Where nobody has said so, nobody knows.
func reachable(n *v1alpha1.ClusterNetwork) bool {
	return meta.IsStatusConditionTrue(n.Status.Conditions, v1alpha1.ConditionReachable)
}

// region of a cluster by its labels; it is shown, and decides nothing.
func region(of labels.Set) string {
	return cmp.Or(of["region"], of["topology.kubernetes.io/region"])
}

// movement is what is compared to see whether a cluster gets on: numbers of its nodes, not words.
func movement(a *v1alpha1.Addon) string {
	s := a.Status
	out := []string{s.CurrentInstalledVersion}
	if s.Nodes != nil {
		out = append(out, fmt.Sprintf("updated %d of %d", s.Nodes.Updated, s.Nodes.Total))
	}
	if s.Roll != nil {
		out = append(out, fmt.Sprintf("%s: changed %d, passed %d of %d", s.Roll.Phase, s.Roll.Changed, s.Roll.Passed, s.Roll.Total))
	}
	return strings.Join(out, "; ")
}
