package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// BackTo is the number of the recorded revision that the input's target leads back to; 0 when a way back is neither asked for nor
// under way.
func BackTo(in Input) int { return merge(in).Back.Revision }

// finishesBack tells whether a request repeats what the way back under way takes back, such as the command that had failed: then the
// way back is finished first. Whoever wants that release again now says retry before.
func (d Desired) finishesBack(r Request) bool {
	if d.Back.Revision == 0 || r.Verb != Update && r.Verb != SetPin {
		return false
	}
	if d.Back.Leaves == "" {
		return !r.Settings.IsZero()
	}
	return r.keepsVersion() || same(r.Version, d.Back.Leaves)
}

// leads is the release that a wish leads to: what a way back from the pin leads to while that stays, else the pin, or the single move; empty in
// automatic mode. Whoever writes another version beside such a way back gives that up.
func (d Desired) leads() string {
	if d.fromPin() || d.Version+d.MoveTo == "" {
		return cmp.Or(d.Back.To, d.Version)
	}
	return cmp.Or(d.Version, d.MoveTo)
}

// fromPin tells whether the way back under way leads away from the pin, which stays as its operator wrote it.
func (d Desired) fromPin() bool { return d.Back.To != "" && same(d.Version, d.Back.Leaves) }

// backTo is the way back under way where it leads to a version, which the wish is to name; going elsewhere gives it up.
func (d Desired) backTo(v string) Back {
	if !same(v, d.leads()) {
		return Back{}
	}
	b := d.Back
	b.To = ""
	return b
}

// backVersion is the version that the way back under way leads to; empty when there is none.
func (d Desired) backVersion() string {
	if d.Back.Revision == 0 {
		return ""
	}
	return d.leads()
}

// KeepPin is a way back as it is recorded by who asked nobody: the pin that was wished for stays as its operator wrote it, and the way back says
// itself where it leads. wished is the wish that failed; one without a pin, or with a pin to where the way back leads, changes nothing.
func (d Desired) KeepPin(wished Desired) Desired {
	if wished.Version == "" || same(wished.Version, d.Version) {
		return d
	}
	d.Back.To, d.Back.Leaves = d.Version, wished.Version
	d.Version, d.Pin, d.Accept, d.MoveTo = wished.Version, wished.Pin, wished.Accept, ""
	return d
}

// rollback is the wish for a revision: its release, and its settings where it tells them. A pin moves, an automatic add-on makes one
// move. What leads nowhere changes nothing, and rollback-target refuses it.
func rollback(d Desired, in Input) Desired {
	r, refused := revisionBack(in)
	if len(refused) > 0 {
		return d
	}
	if r.Settings != nil {
		d.Settings = *r.Settings
	}
	reason := cmp.Or(in.Request.Pin.Reason, fmt.Sprintf("rollback to revision %d", r.Number))
	switch {
	case d.Version == "" && !in.isLive(r):
		d.MoveTo = r.Version
	case d.Version != "" && !same(d.Version, r.Version):
		d.Version, d.Pin = r.Version, Pin{Reason: reason}
	}
	switch {
	case d.Back.Revision == r.Number:
		d.Back.Nodes = in.Request.Nodes
	case !in.isLive(r):
		d.Back = Back{Revision: r.Number, Leaves: in.leaves(r), Reason: reason, Nodes: in.Request.Nodes}
	}
	d.Back.To, d.Accept = "", Accept{}
	return d
}

// revisionBack is the revision that a rollback goes to, or why there is none:
//
//	| revision given | record                                | goes to                                              |
//	|----------------|---------------------------------------|------------------------------------------------------|
//	| yes            |                                       | that one, when it was deployed once                  |
//	| no             | a way back is under way               | where that leads                                     |
//	| no             | the newest revision is not deployed   | the newest deployed one                              |
//	| no             | the newest revision is deployed       | the newest superseded one before it                  |
//	| no             | ... and somebody went back to it      | the one before it was there earlier, so that back    |
//	|                |                                       | never is forwards again                              |
func revisionBack(in Input) (Revision, []Finding) {
	number := cmp.Or(in.Request.Revision, in.Desired.Back.Revision)
	if number == 0 {
		if r := in.Record.before(); r.Number > 0 {
			return usable(r)
		}
		return Revision{}, block(NothingToGoBackTo, "nothing to go back to: no other revision was deployed before what is live",
			"addonctl history lists the revisions; addonctl rollback --to N takes one of them")
	}
	i := slices.IndexFunc(in.Record.Revisions, func(r Revision) bool { return r.Number == number })
	switch {
	case i >= 0:
		return usable(in.Record.Revisions[i])
	case number == in.Desired.Back.Revision: // its Secret was one too many: the wish says where it led
		return Revision{Number: number, Version: in.Desired.backVersion(), Status: Superseded}, nil
	default:
		return Revision{}, block(NoSuchRevision, fmt.Sprintf("there is no revision %d; recorded are: %s", number, in.Record.numbers()),
			"addonctl history lists the revisions")
	}
}

// usable refuses a revision that cannot be gone back to.
func usable(r Revision) (Revision, []Finding) {
	why := ""
	switch {
	case parse(r.Version).IsZero():
		why = "does not tell which version it is of"
	case r.Status != Deployed && r.Status != Superseded:
		why = fmt.Sprintf("never ran on every node (%s)", r.Status)
	default:
		return r, nil
	}
	if r.By != "" {
		why += "; it was written by " + r.By
	}
	return r, block(RevisionUnusable, fmt.Sprintf("revision %d %s", r.Number, why), "addonctl history lists the revisions; addonctl rollback --to N takes one of them")
}

// before is the revision that was deployed before what is live, or before what is under way; zero when there is none. What is live
// because somebody went back to it was there earlier: then it is what was deployed before that, so that going back twice never goes
// forwards again.
func (r Record) before() Revision {
	last := len(r.Revisions) - 1
	if r.Last().Status != Deployed {
		return r.Deployed()
	}
	for {
		previous := r.superseded(last, func(o Revision) bool { return o.Digest != r.Revisions[last].Digest })
		if previous < 0 {
			return Revision{}
		}
		earlier := r.superseded(previous, func(o Revision) bool { return o.Digest == r.Revisions[last].Digest })
		live, left := parse(r.Revisions[last].Version), parse(r.Revisions[previous].Version)
		if earlier < 0 || left.Less(live) {
			return r.Revisions[previous]
		}
		last = earlier
	}
}

// superseded is the index of the newest superseded revision before another one for which something holds; negative when there is none.
func (r Record) superseded(before int, is func(Revision) bool) int {
	for i := before - 1; i >= 0; i-- {
		if r.Revisions[i].Status == Superseded && is(r.Revisions[i]) {
			return i
		}
	}
	return -1
}

// numbers lists the revisions for a message.
func (r Record) numbers() string {
	var out []string
	for _, o := range r.Revisions {
		out = append(out, fmt.Sprint(o.Number))
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// isLive tells whether a revision is what was deployed last and is live: there is no way to go.
func (in Input) isLive(r Revision) bool {
	last := in.Record.Last()
	return last.Status == Deployed && last.Digest == r.Digest && in.Installed.Digest == r.Digest
}

// leaves is the newer release that a way back to a revision leaves; empty when there is none.
func (in Input) leaves(r Revision) string {
	for _, v := range []string{in.Record.Last().Version, in.Installed.Version} {
		if parse(r.Version).Less(parse(v)) {
			return v
		}
	}
	return ""
}

// rollbackTarget refuses a rollback that leads nowhere.
func rollbackTarget(d decision) []Finding {
	if d.Request.Verb != Rollback || d.addOn.Name == "" {
		return nil
	}
	_, refused := revisionBack(d.Input)
	return refused
}

// rollbackKeeps says, before anybody says yes, what a rollback does not bring back.
func rollbackKeeps(d decision) []Finding {
	r, refused := revisionBack(d.Input)
	if d.Request.Verb != Rollback || d.addOn.Name == "" || len(refused) > 0 || d.isLive(r) {
		return nil
	}
	var out []Finding
	if r.Settings == nil {
		out = note(SettingsKept, fmt.Sprintf("revision %d does not tell the settings that it was rendered with: the recorded ones are kept", r.Number), "")
	}
	parts := []string{d.definitions() + " (they are never rolled back)", "what pods wrote on nodes and into their own records"}
	for _, e := range d.path.Edges {
		if !e.Forward && e.Back != catalog.Reversible {
			parts = append(parts, fmt.Sprintf("from %s to %s: %s", e.From, e.To, e.BackWhy))
		}
	}
	return append(out, note(NotRolledBack, "stays as it is: "+strings.Join(parts, "; "), "")...)
}

// definitions names the custom resource definitions of what is live.
func (d decision) definitions() string {
	if d.Change.From == nil || len(d.Change.From.Definitions) == 0 {
		return "custom resource definitions"
	}
	var names []string
	for _, def := range d.Change.From.Definitions {
		names = append(names, def.Name)
	}
	return "custom resource definitions: " + few(names)
}

// backFirst says that what was asked for waits for a way back that is under way.
func backFirst(d decision) []Finding {
	if !d.Desired.finishesBack(d.Request) {
		return nil
	}
	return note(BackFirst, fmt.Sprintf("the way back to revision %d (%s %s) is under way and is finished first%s; what is asked for is not taken",
		d.Desired.Back.Revision, d.addOn.Name, d.Desired.backVersion(), because(d.Desired.Back.Reason)), "addonctl retry takes the release off hold; then ask again")
}
