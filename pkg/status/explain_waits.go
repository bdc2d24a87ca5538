package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// waits are asked in this order; the first that has something to say decides.
var waits = []func(*explaining) *Wait{
	waitsForReach, waitsForUnpause, waitsForPin, waitsForRecall, waitsForWayBack, waitsForRollPause, waitsForMending, waitsForHold, waitsForMove,
	waitsForRollout, waitsForHeld, waitsForPolicy, waitsForOpening,
}

func waitsForReach(e *explaining) *Wait {
	if e.network.Status.Away == nil || second(e.network.Status.Away).After(e.at) {
		return nil
	}
	return &Wait{
		For: "Reach", Why: "nobody has reached it since " + stamp(second(e.network.Status.Away)) + "; it blocks no other cluster, and catches up",
		Who: "whoever can bring its API server back",
	}
}

func waitsForUnpause(e *explaining) *Wait {
	if !e.network.Spec.Paused || e.past {
		return nil
	}
	return &Wait{
		For: "Pause", Why: "the cluster is paused: nobody writes to it",
		Who: fmt.Sprintf(`kubectl patch clusternetwork %s --type=merge -p '{"spec":{"paused":false}}'`, e.network.Name),
	}
}

func waitsForPin(e *explaining) *Wait {
	s := e.addon.Spec
	if !e.policy.Pins(e.addon, e.at) || e.past && (s.Pin == nil || s.Pin.At == nil || second(s.Pin.At).After(e.at)) {
		return nil
	}
	w := &Wait{For: "Pin", Why: fmt.Sprintf("it is pinned to %s%s", s.Version, e.pinText()), Who: e.command("addonctl unpin", "addonctl pin --version V")}
	if SameVersion(s.Version, e.addon.Status.CurrentInstalledVersion) || e.past {
		return w
	}
	if e.pinFailed(w) {
		return w
	}
	return &Wait{For: "Move", Why: fmt.Sprintf("to %s, where it is pinned%s", s.Version, e.pinText())}
}

// pinFailed says of a wait for a pin that it failed, and what is to be done; false where it did not.
func (e *explaining) pinFailed(w *Wait) bool {
	s := e.addon.Spec
	if b := s.Rollback; b != nil && b.To != "" {
		w.For, w.Who = "WayBack", ""
		w.Why += fmt.Sprintf(", which failed, and goes back to revision %d, of %s%s", b.Revision, b.To, Colon(b.Reason))
		return true
	}
	held := Held(e.addon, s.Version)
	if held == nil || !held.Pinned || !samePin(held.Pin, s.Pin) {
		return false
	}
	w.Why += ", which failed" + Colon(held.Reason)
	w.Who = e.command("addonctl retry --version "+s.Version, "addonctl pin --version V", "addonctl unpin")
	return true
}

// waitsForRecall is a recalled release that it does not leave by itself.
func waitsForRecall(e *explaining) *Wait {
	addOn := e.addon.Spec.Addon
	v, _, _ := e.version()
	why, r := e.rule.Recalled(addOn, v), e.Recall(addOn, v)
	if v == "" || why == "" || r != nil && second(r.At).After(e.at) || e.leaving() {
		return nil
	}
	w := &Wait{For: "Recall", Why: fmt.Sprintf("it runs %s, which was recalled: %s", v, why), Who: e.command("addonctl update")}
	if r != nil {
		w.Who = e.command("addonctl update", fmt.Sprintf("addonctl recall --undo %s %s", addOn, r.Version))
	}
	if name := e.rule.Doubted(e.policy.Name, addOn, e.next); name != "" && !e.past {
		w.Why += fmt.Sprintf("; it does not leave for %s, whose rollout %s was halted or ended", e.next.Version, name)
		w.Who = e.command("addonctl pin --version V", "addonctl update --version V")
	}
	return w
}

func waitsForWayBack(e *explaining) *Wait {
	b := e.addon.Spec.Rollback
	if b == nil || e.past {
		return nil
	}
	return &Wait{For: "WayBack", Why: fmt.Sprintf("it goes back to revision %d%s", b.Revision, Colon(b.Reason))}
}

func waitsForRollPause(e *explaining) *Wait {
	if r := e.addon.Spec.Roll; r == nil || !r.Paused || e.past {
		return nil
	}
	return &Wait{For: "RollPause", Why: "the roll of its nodes is paused", Who: e.command("addonctl resume")}
}

// waitsForMending is a move that stands still for somebody.
func waitsForMending(e *explaining) *Wait {
	c := meta.FindStatusCondition(e.addon.Status.Conditions, v1alpha1.ConditionStalled)
	if c == nil || c.Status != metav1.ConditionTrue || c.LastTransitionTime.After(e.at) || c.Reason == v1alpha1.ReasonPinFailed && !e.past {
		return nil // of a pin that failed waitsForPin tells
	}
	w := &Wait{For: "Failure", Why: c.Reason + Colon(c.Message), Who: e.command("addonctl rollback", "addonctl retry")}
	if r := e.addon.Status.Roll; r != nil && r.Halt != nil && !e.past {
		w.Why = fmt.Sprintf("its roll halted at node %s, gate %s%s", r.Halt.Node, r.Halt.Gate, Colon(r.Halt.Evidence))
	}
	for _, t := range e.trips {
		if t.member.State == string(rollout.Failed) {
			w.Rollout, w.Wave = t.Name, t.wave()
			w.Who = fmt.Sprintf("addonctl rollout retry %s --cluster %s; %s", t.Name, e.network.Name, w.Who)
			break
		}
	}
	return w
}

func waitsForHold(e *explaining) *Wait {
	r := e.addon.Spec.Rollout
	if r == nil || r.Hold == "" || e.past {
		return nil
	}
	w := &Wait{For: "Hold", Why: fmt.Sprintf("the rollout %s holds it (%s)", r.Name, r.Hold), Rollout: r.Name}
	if i := slices.IndexFunc(e.trips, func(t trip) bool { return t.Name == r.Name }); i >= 0 {
		t := e.trips[i]
		w.Wave, w.Why, w.Until, w.Who = t.wave(), w.Why+Colon(t.Status.Why), moment(t.Status.Next), t.who()
	}
	return w
}

func waitsForMove(e *explaining) *Wait {
	s := e.addon.Spec
	if s.MoveTo == "" || e.past || s.Rollback != nil || s.Rollout != nil && s.Rollout.Hold != "" {
		return nil
	}
	w := &Wait{For: "Move", Why: "to " + s.MoveTo + ", as somebody asked for"}
	if s.Rollout != nil {
		w.Why, w.Rollout = fmt.Sprintf("to %s, by the rollout %s", s.MoveTo, s.Rollout.Name), s.Rollout.Name
	}
	if r := e.addon.Status.Roll; r != nil {
		w.Why += fmt.Sprintf("; %s, %d of %d nodes changed", r.Phase, r.Changed, r.Total)
	}
	return w
}

// waitsForRollout is the turn of a cluster in a rollout that has not ended.
func waitsForRollout(e *explaining) *Wait {
	for _, t := range e.trips {
		m := t.member
		if m.Since == nil || moment(m.Since).After(e.at) {
			continue
		}
		switch rollout.State(m.State) {
		case rollout.Pending:
			return t.turn(e.past)
		case rollout.Failed:
			return &Wait{
				For: "Failure", Why: fmt.Sprintf("its move to %s failed on %s%s", t.Spec.Version, stamp(moment(m.Since)), Colon(m.Reason)), Rollout: t.Name, Wave: t.wave(),
				Who: fmt.Sprintf("addonctl rollout retry %s --cluster %s", t.Name, m.Cluster),
			}
		case rollout.Skipped:
			return &Wait{For: "Rollout", Why: fmt.Sprintf("the rollout %s leaves it out: %s", t.Name, cmp.Or(m.Reason, "it does not say why")), Rollout: t.Name, Wave: t.wave()}
		case rollout.Running, rollout.Done, rollout.Unreachable:
			return nil
		}
	}
	return nil
}

// turn is what a cluster that is Pending waits for.
func (t trip) turn(past bool) *Wait {
	w := &Wait{For: "Turn", Rollout: t.Name, Wave: t.wave()}
	if past {
		w.Why = fmt.Sprintf("its turn in the rollout %s had not come (wave %s)", t.Name, w.Wave)
		return w
	}
	w.Why, w.Until, w.Who = fmt.Sprintf("the rollout %s is %s: %s", t.Name, cmp.Or(t.Status.Phase, "not decided on yet"), t.Status.Why), moment(t.Status.Next), t.who()
	switch rollout.Phase(t.Status.Phase) {
	case rollout.Approval:
		w.For = "Approval"
	case rollout.Soaking:
		w.For = "Soak"
	case rollout.Halted:
		w.For = "Budget"
	case rollout.Recalled:
		w.For = "Recall"
	case rollout.Paused, rollout.Aborted:
		w.For = "Hold"
	case rollout.Waiting:
		w.For = "Window"
		if t.Status.NotBefore != nil && moment(t.Status.NotBefore).Equal(w.Until) {
			w.For = "Age"
		}
	case rollout.Rolling, rollout.Undoing, rollout.Undone, rollout.CatchingUp, rollout.Finished, "":
		w.Until = time.Time{}
		w.Why = fmt.Sprintf("the rollout %s is in wave %s, with %d clusters under way; its own wave is %s", t.Name, cmp.Or(t.Status.Wave, w.Wave), t.Status.Running, w.Wave)
	}
	return w
}

func (t trip) wave() string {
	if i := int(t.member.Wave); i >= 0 && i < len(t.Status.Waves) {
		return t.Status.Waves[i].Name
	}
	return ""
}

// who has to act, with the rollout's name in the commands.
func (t trip) who() string { return ForRollout(t.Name, t.Status.Who) }

func waitsForHeld(e *explaining) *Wait {
	var out []string
	v, _, _ := e.version()
	for _, h := range e.addon.Status.Held {
		if !second(h.At).After(e.at) && NewerVersion(h.Version, v) && !e.would() {
			out = append(out, h.Version+Colon(h.Reason))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &Wait{
		For: "Held", Why: "it was put back, and automatic updates do not take that release again until there is a newer one: " + strings.Join(out, "; "),
		Who: e.command("addonctl retry"),
	}
}

func waitsForPolicy(e *explaining) *Wait {
	keeper := func(name string) string {
		return "whoever keeps policy " + name + ": kubectl edit updatepolicy " + name
	}
	switch {
	case e.past || !e.would():
		return nil
	case len(e.takers) == 0:
		return &Wait{For: "Policy", Why: "no policy takes it, or one that nobody can read may", Who: "whoever keeps the policies: kubectl get updatepolicies"}
	case len(e.takers) > 1:
		return &Wait{For: "Policy", Why: "it is taken by the policies " + strings.Join(e.takers, ", ") + ", so nothing is begun", Who: keeper(e.takers[0])}
	}
	switch p := e.policy; {
	case len(p.Faults) > 0:
		return &Wait{For: "Policy", Why: fmt.Sprintf("policy %s cannot be followed: %v", p.Name, p.Faults[0]), Who: keeper(p.Name)}
	case p.Spec.Paused:
		return &Wait{For: "Policy", Why: "policy " + p.Name + " is paused: it opens no rollout", Who: keeper(p.Name)}
	default:
		return nil
	}
}

// waitsForOpening is a release that it would take, and that no rollout brings.
func waitsForOpening(e *explaining) *Wait {
	under := slices.ContainsFunc(e.trips, func(t trip) bool { return TargetOf(t.AddonRollout).Same(e.next) })
	if e.past || !e.would() || under || len(e.takers) != 1 {
		return nil
	}
	w := &Wait{For: "Rollout", Why: fmt.Sprintf("it would take %s, and no rollout of policy %s brings that yet", e.next.Version, e.policy.Name)}
	if age := e.policy.Spec.MinimumAge; e.next.Leaves != "" {
		w.Why = fmt.Sprintf("it runs %s, which was recalled: %s; %s", e.next.Leaves, e.rule.Recalled(e.addon.Spec.Addon, e.next.Leaves), w.Why)
	} else if age != nil && age.Duration > 0 {
		w.Why += fmt.Sprintf("; it wants releases that are %s old, of a day that is known", age.Duration)
	}
	if e.network.Status.Manager == "" {
		w.Why += "; no manager drives the cluster"
		w.Who = "whoever runs addon-manager; or " + e.command("addonctl update")
	}
	return w
}

// would tells whether automatic updates would take another release, which nobody moves it to yet.
func (e *explaining) would() bool {
	return e.next.Version != "" && e.addon.Spec.MoveTo == "" && e.rule.Recalled(e.addon.Spec.Addon, e.next.Version) == ""
}

// leaving tells whether it leaves a recalled release by itself, which whoever is asked next tells more of.
func (e *explaining) leaving() bool {
	return !e.past && e.next.Leaves != "" && e.rule.Doubted(e.policy.Name, e.addon.Spec.Addon, e.next) == ""
}

// command is what somebody may run for this add-on of this cluster.
func (e *explaining) command(all ...string) string {
	for i := range all {
		if !strings.Contains(all[i], " recall ") {
			all[i] += " --cluster " + e.network.Name
		}
	}
	return strings.Join(all, ", or ")
}
