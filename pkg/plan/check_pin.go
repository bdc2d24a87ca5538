package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// pinKept refuses an update that the pin does not want. Changing the pin is an act of its own.
func pinKept(d decision) []Finding {
	pin := d.Desired.Version
	if pin == "" || d.Request.Verb != Update || same(d.Request.Version, pin) || d.Request.keepsVersion() {
		return nil
	}
	if d.Request.Version == "" && (d.isUnderWay() || d.pinFailed() != "") {
		return nil // on the way to its pin, or not whole: going on is what the operator asked for; of one that failed pin-failed tells
	}
	return block(Pinned,
		fmt.Sprintf("%s is pinned to %s%s", d.addOn.Name, pin, pinDetail(d.Desired.Pin)),
		fmt.Sprintf("addonctl pin --version %s --reason … moves the pin, addonctl unpin returns to automatic updates", d.nextVersion()))
}

// isUnderWay tells whether something is left to do for what is recorded.
func (d decision) isUnderWay() bool {
	return d.moves() || !settled(d) || len(d.Cluster.Guard.Wrong) > 0
}

// wishRecorded refuses to take an add-on whose record is gone for one that nobody ever pinned.
func wishRecorded(d decision) []Finding {
	if !d.wishLost() {
		return nil
	}
	return block(WishLost, fmt.Sprintf("%s %s is live and nothing is recorded of what is wanted of it: whether it was pinned is not known", d.addOn.Name, d.Installed.Version),
		fmt.Sprintf("addonctl pin --version %s --reason … keeps it; addonctl unpin leaves it to automatic updates", d.Installed.Version))
}

// wishLost tells whether the record of an add-on that runs is gone, and would be made anew as if nobody had ever pinned it. A cluster
// that is only described has no records.
func (d decision) wishLost() bool {
	automatic := d.Request.Verb == Update && !d.Request.keepsVersion() || d.Request.Verb == Install && d.Request.Version == ""
	described := strings.HasPrefix(d.Installed.Digest, described)
	return automatic && !described && d.Cluster.NetworkType != "" && d.Desired.AddOn == "" && d.Installed.Ours && len(d.Record.Revisions) > 0
}

// settled tells whether nothing of the target is left to write.
func settled(d decision) bool { return isApplied(d) && d.Record.Last().Status == Deployed }

// same tells whether two texts name one version; what cannot be read is the same only as itself.
func same(a, b string) bool {
	v := parse(a)
	return a != "" && (a == b || !v.IsZero() && v.Equal(parse(b)))
}

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

// Expiring is how long before its date a pin speaks up.
const Expiring = 14 * 24 * time.Hour

func pinDate(d decision) []Finding {
	until := d.desired.Pin.Until
	if d.desired.Version == "" || until.IsZero() || d.Now.Before(until.Add(-Expiring)) {
		return nil
	}
	const fix = "addonctl pin --version … --until …, or addonctl unpin"
	day := until.UTC().Format(time.DateOnly)
	if d.Now.Before(until) {
		return note(PinExpiring, fmt.Sprintf("the pin to %s is to be looked at again by %s", d.desired.Version, day), fix)
	}
	return note(PinExpired, fmt.Sprintf("the pin to %s was meant to be looked at again by %s; it still holds", d.desired.Version, day), fix)
}

// pinFits : nobody but the operator moves a pin, so a pin that does not fit the cluster's Kubernetes, or will not fit the
// next one, is told of before somebody upgrades (facts: OKE 2.5, rule 11).
func pinFits(d decision) []Finding {
	if d.desired.Version == "" || d.goal.Version.IsZero() || d.Cluster.Kubernetes.IsZero() || d.pinFailed() != "" {
		return nil
	}
	f := d.fitness()
	fix := "addonctl pin --version … moves the pin; these fit now: " + d.fitting()
	switch {
	case f.Now != "" && d.moves():
		return nil // kubernetes-range refuses it
	case f.Now != "":
		return note(PinIncompatible, f.Now, fix)
	case f.Later != "":
		return note(PinIncompatible, f.Later, "move the pin before Kubernetes is upgraded: "+fix)
	}
	return nil
}

// Fitness is how the release that an add-on is kept at, or runs, fits its cluster now and after an upgrade of Kubernetes. A pin that failed
// keeps nothing there.
type Fitness struct {
	// Release in words, such as "Flannel 0.26.2"; empty when there is none in the catalog, or Kubernetes is not known. Then nothing else is set.
	Release string
	// Pinned is true when an operator keeps it there.
	Pinned bool
	// Now says in a sentence why it does not fit the cluster's Kubernetes, Later why it will not fit the next minor; empty when it does. Where it
	// does not fit now, nobody asks about later.
	Now, Later string
	// Next is the next minor of Kubernetes, such as 1.35.
	Next string
	// Recalled is true when the release has been.
	Recalled bool
}

// Fits is the Fitness of the pinned release, or of the installed one where updates are automatic or the pin failed.
func Fits(in Input) Fitness { return decide(in).fitness() }

func (d decision) fitness() Fitness {
	about, kept := d.from, "runs "+d.Installed.Version
	v := d.desired.Version
	pinned := v != "" && d.pinFailed() == ""
	if pinned {
		about, kept = parse(v), "is pinned to "+v
	}
	r, ok := d.addOn.Find(about)
	if !ok || d.Cluster.Kubernetes.IsZero() {
		return Fitness{}
	}
	next := d.Cluster.Kubernetes.Minor().Next()
	out := Fitness{
		Release: d.addOn.Name + " " + r.Version.String(), Pinned: pinned, Next: next.String(), Recalled: r.Status == catalog.Recalled,
	}
	name := fmt.Sprintf("%s %s, which", d.addOn.Name, kept)
	if reason, ok := r.Kubernetes.Admit(d.Cluster.Kubernetes); !ok {
		out.Now = name + " " + reason
	} else if _, ok := r.Kubernetes.Admit(parse(next.String())); !ok {
		out.Later = fmt.Sprintf("%s is made for Kubernetes %s and not for the next minor, %s", name, r.Kubernetes, next)
	}
	return out
}

// heldChosen speaks where an operator takes a release that the cluster was put back from.
func heldChosen(d decision) []Finding {
	for _, h := range d.Held {
		if same(h.Version, d.goal.Version.String()) && d.moves() {
			return note(HeldRelease, fmt.Sprintf("the cluster was put back from %s %s%s", d.addOn.Name, h.Version, because(h.Reason)),
				"be sure that the cause is gone")
		}
	}
	return nil
}
