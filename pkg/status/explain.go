package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// Explanation says from the records of a hub why an add-on of a cluster is on its version, and why it moves or does not.
type Explanation struct {
	Cluster string    `json:"cluster"`
	AddOn   string    `json:"addon"`
	At      time.Time `json:"at"`
	// Version of the template at that time, and since when; empty where the record does not tell.
	Version string    `json:"version,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Why it is on that version, in a sentence.
	Why string `json:"why"`
	// Verdict says whether it moves, and what decides that.
	Verdict string `json:"verdict"`
	// Waits are what stands in the way of a move or holds one, the one that decides first. None where nothing does.
	Waits []Wait `json:"waits"`
	// Decided is what the record has of what was decided and done, the latest first.
	Decided []Decided `json:"decided"`
	// Ends says how far the record goes, and what is not in it.
	Ends string `json:"ends"`
}

// Wait is one thing that stands in the way.
type Wait struct {
	// For is what: Reach, Pause, Pin, WayBack, RollPause, Failure, Hold, Move, Approval, Window, Age, Soak, Budget, Turn, Recall, Held, Policy or Rollout.
	For string `json:"for"`
	Why string `json:"why"`
	// Rollout and Wave that it waits in; empty where it waits in none.
	Rollout string `json:"rollout,omitempty"`
	Wave    string `json:"wave,omitempty"`
	// Until is when it is over by itself; zero where that is not known.
	Until time.Time `json:"until,omitzero"`
	// Who has to act, with which command; empty when nobody has.
	Who string `json:"who,omitempty"`
}

// Decided is one thing that was decided or done.
type Decided struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	By   string    `json:"by,omitempty"`
	Why  string    `json:"why,omitempty"`
}

// Explain explains the add-ons of a cluster at a time that is not after now, in order of names; none when nothing is recorded of it. Of now it
// tells what stands in the way. Of a time before it tells as much as the record still has, and where that ends.
func Explain(f Fleet, cluster string, at, now time.Time) []Explanation {
	var out []Explanation
	n := f.Network(cluster)
	for i := range f.Addons {
		if a := &f.Addons[i]; n != nil && a.Spec.Cluster == cluster {
			e := explaining{Fleet: f, addon: a, network: n, at: at, past: at.Before(now)}
			e.choose()
			e.journeys()
			out = append(out, e.explain())
		}
	}
	slices.SortFunc(out, func(a, b Explanation) int { return cmp.Compare(a.AddOn, b.AddOn) })
	return out
}

// explaining is one add-on that is explained.
type explaining struct {
	Fleet
	addon   *v1alpha1.Addon
	network *v1alpha1.ClusterNetwork
	at      time.Time
	// past is true for a time before now: what stands in the record was not necessarily so then.
	past bool
	// takers are the policies that take it, and policy the one that alone does; without a name where none, or several do.
	takers []string
	policy Policy
	// rule is what automatic updates go by, and next where it goes by that; without a version for nowhere.
	rule Automatic
	next rollout.Target
	// trips are the rollouts that have it as a member, the newest first.
	trips []trip
}

// trip is a rollout, and the cluster's part in it.
type trip struct {
	*v1alpha1.AddonRollout
	member *v1alpha1.RolloutMember
}

// choose finds who takes it, and where it goes by itself.
func (e *explaining) choose() {
	all := e.read()
	e.takers, e.rule = Takers(all, e.network, e.addon.Spec.Addon), e.automatic(e.at)
	for _, p := range all {
		if len(e.takers) == 1 && p.Name == e.takers[0] {
			e.policy = p
		}
	}
	e.next = e.rule.Wants(e.policy, e.addon, e.network)
}

func (e *explaining) journeys() {
	for i := range e.Rollouts {
		x := &e.Rollouts[i]
		if x.Spec.Addon != e.addon.Spec.Addon {
			continue
		}
		for j := range x.Status.Members {
			if m := &x.Status.Members[j]; m.Cluster == e.network.Name {
				e.trips = append(e.trips, trip{x, m})
			}
		}
	}
	slices.SortStableFunc(e.trips, func(a, b trip) int { return moment(b.Status.Opened).Compare(moment(a.Status.Opened)) })
}

func (e *explaining) explain() Explanation {
	out := Explanation{
		Cluster: e.network.Name, AddOn: e.addon.Spec.Addon, At: e.at.UTC(), Waits: []Wait{}, Decided: e.decided(), Ends: e.ends(),
	}
	out.Version, out.Since, out.Why = e.version()
	for _, ask := range waits {
		if w := ask(e); w != nil {
			out.Waits = append(out.Waits, *w)
		}
	}
	out.Verdict = e.verdict(out)
	return out
}

// verdict is one sentence of the waits.
func (e *explaining) verdict(x Explanation) string {
	newest := e.addon.Status.NewestFit
	switch {
	case e.past && x.Version == "":
		return "the record does not tell"
	case e.past && len(x.Waits) > 0:
		return "it stayed, as far as the record tells: " + x.Waits[0].Why
	case e.past:
		return "the record has nothing that stood in its way then"
	case len(x.Waits) > 0 && x.Waits[0].For == "Move":
		return "it moves: " + x.Waits[0].Why
	case len(x.Waits) > 0:
		return "it does not move: " + x.Waits[0].Why
	case x.Version == "":
		return "it does not move: nothing is installed"
	case newest == "":
		return "it does not move: no release fits, or nobody has looked; addonctl explain beside the cluster tells each rule"
	default:
		return fmt.Sprintf("it does not move: it runs %s, which is the newest that fits", x.Version)
	}
}

// version is what the template was at, and why.
func (e *explaining) version() (v string, since time.Time, why string) {
	if !e.past {
		v = e.addon.Status.CurrentInstalledVersion
	}
	for _, h := range e.addon.Status.History { // newest first
		switch at := second(h.At); {
		case at.After(e.at) || h.Status == "failed" || strings.HasPrefix(h.Status, "pending"):
		case v == "" || SameVersion(h.Version, v):
			v, since = h.Version, at
		default:
			return v, since, e.whyVersion(v)
		}
	}
	if v == "" {
		return "", since, "the record does not tell"
	}
	return v, since, e.whyVersion(v)
}

// whyVersion is the reason for a version: a pin, a rollout, a way back, or nothing that is recorded.
func (e *explaining) whyVersion(v string) string {
	pin := e.addon.Spec.Pin
	if SameVersion(e.addon.Spec.Version, v) && (pin == nil || !second(pin.At).After(e.at)) {
		return "it is pinned there" + e.pinText()
	}
	for _, t := range e.trips {
		if why := t.brought(v, e.at); why != "" {
			return why
		}
	}
	for _, h := range e.addon.Status.Held {
		if NewerVersion(h.Version, v) && !second(h.At).After(e.at) {
			return "it was put back from " + h.Version + Colon(h.Reason)
		}
	}
	return "somebody installed or moved it; no rollout of this hub did"
}

// brought says that a rollout brought a version to the cluster until a time; empty when it did not.
func (t trip) brought(v string, until time.Time) string {
	m, at := t.member, moment(t.member.Since)
	switch {
	case at.After(until) || m.State != string(rollout.Done):
		return ""
	case !m.Back && SameVersion(t.Spec.Version, v):
		return fmt.Sprintf("the rollout %s brought it on %s", t.Name, stamp(at))
	case m.Back && SameVersion(m.From, v):
		return fmt.Sprintf("the rollout %s of %s was taken back on %s", t.Name, t.Spec.Version, stamp(at))
	default:
		return ""
	}
}

func (e *explaining) pinText() string {
	p := e.addon.Spec.Pin
	if p == nil {
		return ""
	}
	var out []string
	if p.By != "" {
		out = append(out, "by "+p.By)
	}
	if p.At != nil {
		out = append(out, "on "+stamp(second(p.At)))
	}
	if p.Until != nil {
		out = append(out, "until "+stamp(second(p.Until)))
	}
	if p.Ticket != "" {
		out = append(out, "ticket "+p.Ticket)
	}
	text := ""
	if len(out) > 0 {
		text = " " + strings.Join(out, ", ")
	}
	return text + Colon(p.Reason)
}

// second is a recorded time; zero where there is none.
func second(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
