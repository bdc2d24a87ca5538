package plan

import (
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// pinKept refuses an update that the pin does not want. Changing the pin is an act of its own.
func pinKept(d decision) []Finding {
	pin := d.Desired.Version
	if pin == "" || d.Request.Verb != Update || same(d.Request.Version, pin) {
		return nil
	}
	if d.Request.Version == "" && !settled(d) {
		return nil // on the way to its pin, or not whole: going on is what the operator asked for
	}
	return block(Pinned,
		fmt.Sprintf("%s is pinned to %s%s", d.addOn.Name, pin, pinDetail(d.Desired.Pin)),
		fmt.Sprintf("addonctl pin --version %s --reason … moves the pin, addonctl unpin returns to automatic updates", d.nextVersion()))
}

// settled tells whether nothing of the target is left to write.
func settled(d decision) bool { return isApplied(d) && d.Record.Last().Status == Deployed }

func same(a, b string) bool { return a != "" && parse(a).Equal(parse(b)) }

// nextVersion is a version to name in a hint: the requested one, else the newest that fits.
func (d decision) nextVersion() string {
	if d.Request.Version != "" {
		return d.Request.Version
	}
	for _, c := range Choices(d.Input) {
		if c.Newest {
			return c.Version
		}
	}
	return "V"
}

func pinDetail(p Pin) string {
	var parts []string
	if p.Reason != "" {
		parts = append(parts, fmt.Sprintf("reason %q", p.Reason))
	}
	if p.By != "" {
		parts = append(parts, "by "+p.By)
	}
	if !p.Until.IsZero() {
		parts = append(parts, "until "+p.Until.UTC().Format("2006-01-02"))
	}
	if p.Ticket != "" {
		parts = append(parts, "ticket "+p.Ticket)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func installOnce(d decision) []Finding {
	have := d.wanted()
	if have == "" {
		have = d.begun()
	}
	recorded := d.Desired.AddOn != "" || d.begun() != ""
	if d.Request.Verb != Install || d.Request.Version == "" || !recorded || have == "" || same(have, d.Request.Version) {
		return nil
	}
	return block(AlreadyInstalled, fmt.Sprintf("%s %s is installed, or recorded to be; installing does not move it to %s", d.addOn.Name, have, d.Request.Version),
		fmt.Sprintf("addonctl pin --version %s --reason … moves it and keeps it there, addonctl update moves an automatic one", d.Request.Version))
}

func pinDate(d decision) []Finding {
	until := d.desired.Pin.Until
	if d.desired.Version == "" || until.IsZero() || d.Now.Before(until) {
		return nil
	}
	return note(PinExpired, fmt.Sprintf("the pin to %s was meant to be looked at again by %s; it still holds",
		d.desired.Version, until.UTC().Format("2006-01-02")), "addonctl pin --version … --until …, or addonctl unpin")
}

func releaseKnown(d decision) []Finding {
	if d.addOn.Name == "" || d.Request.Verb == Unpin || d.Request.Verb == Register || !d.target.Version.IsZero() {
		return nil
	}
	if want := d.wanted(); want != "" {
		return block(UnknownVersion,
			fmt.Sprintf("the catalog has no %s %s; on Kubernetes %s these fit: %s", d.addOn.Name, want, d.Cluster.Kubernetes.Core(), d.fitting()),
			"addonctl versions lists every release and why it fits or not")
	}
	return block(NoFittingRelease,
		fmt.Sprintf("no ACTIVE release of %s fits Kubernetes %s and its nodes", d.addOn.Name, d.Cluster.Kubernetes.Core()),
		"addonctl versions lists every release and why it fits or not")
}

// releaseStatus : automatic mode takes only ACTIVE ones by itself, an operator may choose DEPRECATED or PREVIEW ones,
// nobody may choose a recalled one (facts: OKE rules 9 and 10).
func releaseStatus(d decision) []Finding {
	name := fmt.Sprintf("%s %s", d.addOn.Name, d.target.Version)
	switch d.target.Status {
	case catalog.Recalled:
		return block(Recalled, name+" has been recalled", "choose another: "+d.fitting())
	case catalog.Deprecated, catalog.Preview:
		return note(NotActive, fmt.Sprintf("%s is %s: automatic updates never take it", name, d.target.Status), "")
	default:
		return nil
	}
}

func kubernetesRange(d decision) []Finding {
	if d.target.Version.IsZero() {
		return nil
	}
	reason, ok := d.target.Kubernetes.Admit(d.Cluster.Kubernetes)
	if ok {
		return nil
	}
	message := fmt.Sprintf("%s %s %s; these fit: %s", d.addOn.Name, d.target.Version, reason, d.fitting())
	if d.moves() {
		return block(KubernetesOutOfRange, message, "addonctl versions lists every release and why it fits or not")
	}
	return note(KubernetesOutOfRange, message, "plan a move to one that fits")
}

// moves tells whether following the plan would change the version that is live.
func (d decision) moves() bool {
	return !d.Installed.Present || !parse(d.Installed.Version).Equal(d.target.Version)
}

func kubeletRange(d decision) []Finding {
	if d.target.Version.IsZero() {
		return nil
	}
	var out []string
	for _, n := range d.Nodes {
		kubelet := parse(n.KubeletVersion)
		if n.Exempt != "" || kubelet.IsZero() {
			continue
		}
		if _, ok := d.target.Kubernetes.Admit(kubelet); !ok {
			out = append(out, fmt.Sprintf("%s (%s)", n.Name, n.KubeletVersion))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return note(NodeOutOfRange, fmt.Sprintf("%s %s is not meant for the kubelet of %s: %s",
		d.addOn.Name, d.target.Version, count(len(out), "node", "nodes"), few(out)), "upgrade these nodes")
}

func listedFor(d decision) []Finding {
	listed := d.target.ListedFor
	if len(listed) == 0 {
		return nil
	}
	var names []string
	for _, m := range listed {
		if m == d.Cluster.Kubernetes.Minor() {
			return nil
		}
		names = append(names, m.String())
	}
	return note(NotListedFor, fmt.Sprintf("%s %s is listed for Kubernetes %s, the cluster runs %s",
		d.addOn.Name, d.target.Version, strings.Join(names, ", "), d.Cluster.Kubernetes.Core()), "")
}

func backwards(d decision) []Finding {
	installed := parse(d.Installed.Version)
	if installed.IsZero() || d.target.Version.IsZero() || !d.target.Version.Less(installed) {
		return nil
	}
	return note(Backwards, fmt.Sprintf("%s is older than the installed %s", d.target.Version, d.Installed.Version), "")
}
