package status

import (
	"fmt"
	"slices"
	"time"
)

// decided gathers what was decided until then.
func (e *explaining) decided() []Decided {
	out := e.revisions()
	if p := e.addon.Spec.Pin; p != nil && p.At != nil {
		out = append(out, Decided{At: second(p.At), What: "pinned to " + e.addon.Spec.Version, By: p.By, Why: p.Reason})
	}
	for _, h := range e.addon.Status.Held {
		out = append(out, Decided{At: second(h.At), What: "put back from " + h.Version, Why: h.Reason})
	}
	if e.Catalog != nil {
		for _, r := range e.Catalog.Spec.Recalls {
			if r.Addon == e.addon.Spec.Addon {
				out = append(out, Decided{At: second(r.At), What: "recalled " + r.Version, By: r.By, Why: r.Reason})
			}
		}
	}
	if away := e.network.Status.Away; away != nil {
		out = append(out, Decided{At: second(away), What: "out of reach"})
	}
	for _, t := range e.trips {
		out = append(out, t.decided()...)
	}
	out = slices.DeleteFunc(out, func(d Decided) bool { return d.At.IsZero() || d.At.After(e.at) })
	slices.SortStableFunc(out, func(a, b Decided) int { return b.At.Compare(a.At) })
	return out
}

func (e *explaining) revisions() []Decided {
	var out []Decided
	for _, h := range e.addon.Status.History {
		d := Decided{At: second(h.At), What: fmt.Sprintf("revision %d: %s", h.Revision, h.Version)}
		if h.Status != "superseded" { // which it became later
			d.What += " " + h.Status
		}
		out = append(out, d)
	}
	return out
}

func (t trip) decided() []Decided {
	out := []Decided{
		{At: moment(t.Status.Opened), What: fmt.Sprintf("rollout %s of %s opened", t.Name, t.Spec.Version), By: "policy " + t.Spec.Policy},
		{At: moment(t.member.Since), What: fmt.Sprintf("%s in rollout %s", t.member.State, t.Name), Why: t.member.Reason},
	}
	if i := int(t.member.Wave); i >= 0 && i < len(t.Status.Waves) {
		w := t.Status.Waves[i]
		out = append(out, Decided{At: moment(w.Started), What: fmt.Sprintf("wave %s of %s began", w.Name, t.Name)},
			Decided{At: moment(w.Ended), What: fmt.Sprintf("wave %s of %s ended", w.Name, t.Name)})
	}
	for _, o := range t.Spec.Orders {
		what := o.Verb
		if o.Wave != "" {
			what += " wave " + o.Wave
		}
		if o.Verb != Retry || len(o.Clusters) == 0 || slices.Contains(o.Clusters, t.member.Cluster) {
			out = append(out, Decided{At: second(o.At), What: fmt.Sprintf("order %d for %s: %s", o.Number, t.Name, what), By: o.By, Why: o.Reason})
		}
	}
	return out
}

// ends says how far the record goes.
func (e *explaining) ends() string {
	const lost = "it keeps the last 10 revisions and the last 20 rollouts; pins that were taken off, and what a rollout waited for in between, are not in it"
	first := time.Time{}
	probe := *e
	probe.at = time.Unix(1<<40, 0)
	for _, d := range probe.decided() {
		first = d.At
	}
	switch {
	case first.IsZero():
		return "the record has no dates; " + lost
	case e.at.Before(first):
		return fmt.Sprintf("the record begins on %s, after the time that was asked for; %s", stamp(first), lost)
	default:
		return fmt.Sprintf("the record goes back to %s; %s", stamp(first), lost)
	}
}
