package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// rule looks at one step and closes it if it must not be taken.
type rule func(*move)

// rules are all rules of a step to a release of the catalog from another version, or from nothing.
var rules = slices.Concat(entering, stepping, blocking, returning)

// entering are the rules that ask for the entered release alone.
var entering = []rule{
	// A recalled release is never entered. It may be left: it stays in the catalog as a tombstone for that.
	recalled,
	// Automatic mode takes and passes ACTIVE releases only.
	activeOnly,
	// A PREVIEW release is where a path ends, never where it passes.
	previewLast,
	// The release is made for the API server's version ...
	kubernetesFits,
	// ... and for every kubelet's.
	kubeletsFit,
	// Its images are published in the cluster's realm.
	inRealm,
}

// stepping are the rules of how far one step may go.
var stepping = []rule{
	// A step crosses no more minors than the add-on's rules allow.
	minorStep,
	// A step does not jump over a required stop.
	stops,
}

// blocking : reviewed blocks close what they speak of, in both directions.
var blocking = []rule{blocks}

// returning are the rules of going backwards.
var returning = []rule{
	// There is a way back from the newer release to the older one.
	wayBackExists,
	// Automatic mode goes forwards only.
	forwardOnly,
}

// move is a step under judgment.
type move struct {
	Where
	addOn    *catalog.AddOn
	from, to version.Version
	// release that is entered.
	release *catalog.Release
	// last step of its path.
	last bool
	// mute keeps no text: only whether the move is closed is asked for.
	mute bool

	closed, assumed []Closing
}

func (m *move) close(reason, format string, args ...any) {
	c := Closing{Reason: reason}
	if !m.mute {
		c.Message = fmt.Sprintf(format, args...)
	}
	m.closed = append(m.closed, c)
}

// settle puts a closing where it belongs: what is only unknown is assumed not to hold when that is asked for.
func (m *move) settle(c Closing) {
	if len(c.Unknown) > 0 && m.Assume {
		m.assumed = append(m.assumed, c)
		return
	}
	m.closed = append(m.closed, c)
}

// passes tells whether some rules leave the move open.
func (m *move) passes(rules []rule) bool {
	m.closed, m.assumed = m.closed[:0], m.assumed[:0]
	for _, rule := range rules {
		rule(m)
	}
	return len(m.closed) == 0
}

// name of a version of the add-on in messages.
func (m *move) name(v version.Version) string { return m.addOn.Name + " " + v.String() }

// known finds the release that is entered. Where there is none, or nothing is entered, no rule has anything to say.
func (m *move) known(g *Graph) bool {
	if m.from.Equal(m.to) {
		m.close(SameRelease, "%s is where the move starts", m.name(m.to))
		return false
	}
	i, ok := g.find(m.to)
	if !ok {
		m.close(UnknownRelease, "the catalog has no %s", m.name(m.to))
		return false
	}
	m.release = &g.addOn.Releases[i]
	m.to = m.release.Version
	return true
}

func recalled(m *move) {
	if m.release.Status == catalog.Recalled {
		m.close(Recalled, "%s %s", m.name(m.to), m.release.RecallText())
	}
}

func activeOnly(m *move) {
	if m.Automatic && m.release.Status != catalog.Active {
		m.close(NotActive, "%s is %s, and automatic updates take only ACTIVE releases", m.name(m.to), m.release.Status)
	}
}

func previewLast(m *move) {
	if !m.last && m.release.Status == catalog.Preview {
		m.close(PreviewPassed, "%s is PREVIEW, and no path passes it", m.name(m.to))
	}
}

func kubernetesFits(m *move) {
	if reason, ok := m.release.Kubernetes.Admit(m.Kubernetes); !ok {
		m.close(KubernetesOutOfRange, "%s %s", m.name(m.to), reason)
	}
}

func kubeletsFit(m *move) {
	for _, k := range m.Kubelets {
		if _, ok := m.release.Kubernetes.Admit(k); ok {
			continue
		}
		is := "is " + k.Core()
		if k.IsZero() {
			is = "is not known"
		}
		m.close(KubeletOutOfRange, "%s is made for Kubernetes %s, and the kubelet of a node %s", m.name(m.to), m.release.Kubernetes, is)
		return // the oldest says enough
	}
}

func inRealm(m *move) {
	if len(m.release.Realms) == 0 {
		return
	}
	elsewhere := catalog.Condition{Fact: catalog.FactRealm, NotIn: m.release.Realms}
	c := Closing{Reason: NotInRealm}
	switch elsewhere.Holds(m.Facts) {
	case catalog.No:
		return
	case catalog.Unknown:
		c.Unknown = []catalog.Fact{catalog.FactRealm}
	case catalog.Yes:
	}
	if !m.mute {
		c.Message = fmt.Sprintf("%s is published in the realms %s only", m.name(m.to), strings.Join(m.release.Realms, ", "))
	}
	m.settle(c)
}

func minorStep(m *move) {
	most := m.addOn.Rules.MaxMinorStep
	if most <= 0 || m.from.IsZero() {
		return
	}
	if from, to := m.from.Minor(), m.to.Minor(); from.Major != to.Major {
		m.close(MinorStep, "%s to %s changes the major version, and a step crosses at most %s", m.name(m.from), m.to, minors(most))
	} else if crossed := max(from.Minor, to.Minor) - min(from.Minor, to.Minor); crossed > uint64(most) {
		m.close(MinorStep, "%s to %s crosses %d minors, and a step crosses at most %s", m.name(m.from), m.to, crossed, minors(most))
	}
}

func minors(n int) string {
	if n == 1 {
		return "1 minor"
	}
	return fmt.Sprintf("%d minors", n)
}

func stops(m *move) {
	for _, s := range m.addOn.Rules.Stops {
		if s.Jumped(m.from, m.to) {
			m.closed = append(m.closed, Closing{Reason: s.Reason, Message: s.Message, URL: s.URL})
		}
	}
}

func blocks(m *move) {
	closed, assumed := len(m.closed), len(m.assumed)
	for _, b := range m.addOn.Blocks {
		if !b.Concerns(m.from, m.to) {
			continue
		}
		if answer, unknown := b.When.Hold(m.Facts); answer != catalog.No {
			m.settle(Closing{Reason: b.Name, Message: b.Message, URL: b.URL, Unknown: each(unknown)})
		}
	}
	slices.SortFunc(m.closed[closed:], byReason)
	slices.SortFunc(m.assumed[assumed:], byReason)
}

func byReason(a, b Closing) int {
	return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Message, b.Message))
}

// each fact once, in order.
func each(facts []catalog.Fact) []catalog.Fact {
	var out []catalog.Fact
	for _, f := range facts {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

func wayBackExists(m *move) {
	if !m.backward() {
		return
	}
	class, during, why := m.wayBack()
	if m.Unsettled {
		class = during
	}
	if class == catalog.OneWay {
		m.close(NoWayBack, "there is no way back from %s to %s: %s", m.name(m.from), m.to, why)
	}
}

func forwardOnly(m *move) {
	if m.Automatic && m.backward() {
		m.close(Backwards, "%s is older than %s, and automatic updates never go backwards", m.name(m.to), m.from)
	}
}

func (m *move) backward() bool { return m.to.Less(m.from) }

// wayBack gives the classes of the way back of the move, or, for a move backwards, of the forward move that it takes back.
func (m *move) wayBack() (settled, during catalog.Class, why string) {
	if m.from.IsZero() {
		return catalog.OneWay, catalog.OneWay, "a CNI is never removed"
	}
	older, newer := m.from, m.to
	if m.backward() {
		older, newer = newer, older
	}
	return classOf(m.addOn.Rules.Back, older, newer)
}

// classOf finds the first rule that speaks of a forward move. Without one there is no way back: a doubt means no.
func classOf(rules []catalog.BackRule, older, newer version.Version) (settled, during catalog.Class, why string) {
	for _, r := range rules {
		if r.Matches(older, newer) {
			return r.Class, r.During(), r.Message
		}
	}
	return catalog.OneWay, catalog.OneWay, "the catalog names no way back"
}
