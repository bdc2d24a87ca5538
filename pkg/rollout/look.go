package rollout

import (
	"fmt"
	"slices"
	"time"
)

// look takes one look: it opens the rollout that is to go on, asks for every rollout what follows, does it, and says when to look again.
func (w *world) look() time.Time {
	active := w.active()
	w.stirred = false
	w.choose(active)
	var next time.Time
	for _, c := range w.courses {
		if stands := active.Version != "" && c.Target() != active; !stands {
			c.rest = nil
			next = Earlier(next, w.decide(c, ""))
		} else if c.Phase != Finished { // the clusters of one that is finished go on to another release
			next = Earlier(next, w.stand(c, active))
		}
	}
	for _, x := range w.clusters {
		x.held = x.moving != "" && (x.part(x.by).state != Running || x.by.hold[x.Name])
	}
	w.count()
	if w.stirred && w.active() != active {
		next = Earlier(next, w.now.Add(time.Second)) // another one goes on, or is opened
	}
	return next
}

// choose finds the rollout that goes on, and opens it where nobody has; the last one stands for none.
func (w *world) choose(active Target) {
	is := func(c *course) bool { return c.Target() == active }
	if active.Version != "" && !slices.ContainsFunc(w.courses, is) {
		w.open(active)
	}
	for _, c := range w.courses {
		if active.Version == "" || is(c) {
			w.current = c
		}
	}
}

// rest is what has to change for a rollout that stands still to be looked at again; a fleet has a dozen of them after some months.
type rest struct {
	until time.Time
	left  []restful
}

// restful is a member that has not ended, as it was seen.
type restful struct {
	*simulated
	reachable bool
	by        *course
	newest    string
}

func (w *world) restful(x *simulated) restful {
	ok, _ := x.reachable(w.now)
	return restful{x, ok, x.by, x.newest}
}

// stand looks at a rollout that another one keeps from going on, where something has changed for it.
func (w *world) stand(c *course, active Target) time.Time {
	changed := func(r restful) bool { return r != w.restful(r.simulated) }
	if c.rest != nil && !slices.ContainsFunc(c.rest.left, changed) && (c.rest.until.IsZero() || w.now.Before(c.rest.until)) {
		return c.rest.until
	}
	c.rest = &rest{until: w.decide(c, active.String())}
	for _, m := range c.Record.Members {
		if in(Pending, Running, Unreachable)(&m) {
			c.rest.left = append(c.rest.left, w.restful(w.byName[m.Cluster]))
		}
	}
	return c.rest.until
}

// open begins a rollout. Who leaves a recalled release waits for no age.
func (w *world) open(t Target) {
	c := &course{
		Simulated: Simulated{Version: t.Version, Leaves: t.Leaves, Opened: w.now, Worst: map[string]int{}}, number: len(w.courses),
		stays: map[Stay]time.Duration{},
	}
	var before time.Time
	if r, came := w.release(t.Version); came && t.Leaves == "" {
		before = r.Day
		if before.IsZero() {
			before = r.At
		}
		before = before.Add(w.Policy.MinimumAge)
	}
	c.Record = Open(w.rules, w.AddOn, t.Version, before, w.see(c), w.now)
	c.Record.Leaves = t.Leaves
	c.renew(w)
	w.courses = append(w.courses, c)
	w.say(c, "", "opened", fmt.Sprintf("%d clusters", len(c.Record.Members)))
}

// renew tells clusters the parts that they have by the record.
func (c *course) renew(w *world) {
	for _, m := range c.Record.Members {
		w.byName[m.Cluster].takePart(c, m)
	}
}

// see is what a manager would see for a rollout; see pkg/status, Journey.Report.
func (w *world) see(c *course) []Report {
	w.reports = w.reports[:0]
	for _, x := range w.clusters {
		ok, _ := x.reachable(w.now)
		r := Report{
			Cluster: x.Name, Wave: x.Wave, Region: x.Region, Reachable: ok, Version: x.Version, Settled: x.settled(),
			Unfit: w.obstacle(x, c), Progress: x.moved,
		}
		r.Fit = r.Unfit == ""
		if x.by == c {
			r.Failed = x.failed
		}
		if x.held && x.by == c {
			r.Progress = w.now
		}
		w.reports = append(w.reports, r)
	}
	return w.reports
}

// obstacle is the first reason why a rollout must not move a cluster; empty when there is none.
func (w *world) obstacle(x *simulated, c *course) string {
	p := x.part(c)
	switch {
	case x.kept() != "":
		return x.kept()
	case p.state == Running && x.by == c:
		return "" // nobody asks again whether it would choose it
	default:
		return w.choice(x, c, p)
	}
}

// choice is the first reason why a cluster would not choose the target of a rollout; empty when it would.
func (w *world) choice(x *simulated, c *course, p part) string {
	switch {
	case slices.Contains(x.putBack, c.Version):
		return "was put back from it"
	case p.state == Pending && p.tries > 0:
		return "" // somebody wants it to be tried again
	case x.Refuses[c.Version] != "":
		return x.Refuses[c.Version]
	case x.newest != c.Version:
		return x.takes
	case c.Leaves != "" && x.Version != c.Leaves:
		return "does not run " + c.Leaves
	case p.state == "" && x.settled() && x.Version == c.Version:
		return "has it already"
	default:
		return ""
	}
}

// decide asks for what follows in one rollout, does it, and says when to ask again. first is the one that goes on in its place, if one does.
func (w *world) decide(c *course, first string) time.Time {
	own := c.Record.Aborted
	if first != "" {
		c.Record.Aborted = "the rollout of " + first
	}
	asked := decider{Rules: w.rules, now: w.now, out: Decision{Record: c.Record}, owned: true, seen: func(m Member) { w.changed(c, m) }}
	recalled := ""
	if w.gone[c.Version] {
		recalled = "by the scenario"
	}
	d := asked.decide(w.see(c), recalled)
	d.Record.Aborted = own
	if c.Phase != d.Phase {
		w.stirred = true
		w.say(c, "", "phase", fmt.Sprintf("%s: %s", d.Phase, d.Why))
	}
	c.Record, c.Phase, c.Why, c.Who, c.overspent = d.Record, d.Phase, d.Why, d.Who, d.Overspent
	c.hold = map[string]bool{}
	for _, name := range d.Hold {
		c.hold[name] = true
	}
	for _, s := range d.Start {
		w.start(c, w.byName[s.Cluster], s.Back)
	}
	if first != "" {
		return d.Next
	}
	if ended := d.Phase == Finished || d.Phase == Undone || d.Phase == CatchingUp; ended != !c.Ended.IsZero() {
		c.Ended = time.Time{}
		if ended {
			c.Ended = w.now
		}
	}
	if c != w.current {
		return d.Next
	}
	return Earlier(d.Next, w.act(c, d))
}

// start lets a cluster move: its template is written at once.
func (w *world) start(c *course, x *simulated, back bool) {
	w.stirred = true
	r, _ := w.release(c.Version)
	x.moving, x.by, x.failed, x.stuck, x.moved, x.stale = c.Version, c, "", false, w.now, true
	x.left = max(time.Second, x.Takes.sample(x.chance))
	x.bad = x.chance.Float64() < x.Fails || x.chance.Float64() < r.Bad
	if back {
		x.bad = false
		i := slices.IndexFunc(c.Record.Members, func(m Member) bool { return m.Cluster == x.Name })
		x.moving = c.Record.Members[i].From
	}
	x.Version = x.moving
}

// act lets people do what they are asked for, or says when they will.
func (w *world) act(c *course, d Decision) time.Time {
	of, wait := w.request(c, d)
	if of != w.askedOf {
		w.asked, w.askedOf = w.now, of
	}
	if of == "" {
		return time.Time{}
	}
	if due := w.asked.Add(wait); w.now.Before(due) {
		return due
	}
	w.askedOf = ""
	w.obey(c, d, of)
	w.say(c, "", of, "by people")
	return w.now.Add(time.Second)
}

// request is what people are asked for, and how long they take; empty when they are asked for nothing that they would do. What leads away from a
// recalled release is not taken back.
func (w *world) request(c *course, d Decision) (string, time.Duration) {
	switch {
	case d.Approve != "" && w.People.Approve != nil:
		return "approve " + d.Approve, *w.People.Approve
	case d.Phase == Halted && (c.Leaves == "" || w.People.OnHalt != "undo"):
		return w.People.OnHalt, w.People.After
	default:
		return "", 0
	}
}

// obey does what people want. What there is nothing to be wrong about gives no error.
func (w *world) obey(c *course, d Decision, want string) {
	r := &c.Record
	w.stirred = true
	switch {
	case d.Approve != "":
		*r, _ = r.Approve(d.Approve, "people")
	case want == "resume":
		*r = r.Resume()
	case want == "retry":
		for _, x := range w.clusters {
			if x.part(c).state == Failed {
				x.putBack = slices.DeleteFunc(x.putBack, func(v string) bool { return v == c.Version })
				x.stale = true
			}
		}
		*r, _ = r.Retry(w.now)
	case want == "undo":
		*r = r.Undo("people", w.now)
	default:
		*r = r.Abort("people")
	}
	c.renew(w)
}

func (w *world) say(c *course, cluster, what, why string) {
	w.out.Log = append(w.out.Log, Happening{At: w.now, Release: c.Target().String(), Cluster: cluster, What: what, Why: why})
}

// whats are what is said of states.
var whats = map[State]string{
	Pending: "pending", Running: "started", Done: "done", Failed: "failed", Unreachable: "unreachable", Skipped: "skipped",
}

// changed takes in that a member has another state, and writes it down.
func (w *world) changed(c *course, m Member) {
	w.byName[m.Cluster].takePart(c, m)
	what := whats[m.State]
	if m.State == Running && m.Back {
		what = "back"
	}
	w.say(c, m.Cluster, what, m.Reason)
}
