package plan

import (
	"fmt"
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// entersRecalled tells whether nodes are to take, from another release, one that was recalled meanwhile, whoever wanted it. Who is told to
// leave it, or goes back, goes on; and so do nodes that run it already and only get other settings.
func (d decision) entersRecalled() bool {
	return d.target.Status == catalog.Recalled && d.goal.Version.Equal(d.target.Version) && d.desired.Back.Revision == 0 &&
		slices.ContainsFunc(d.Nodes, func(n noderoll.Node) bool { return d.behind(n) && !same(n.Pod.Version, d.Installed.Version) })
}

// keptFromRecalled tells whether the DaemonSet controller is kept from changing nodes to what was recalled: it is stopped already, or something
// is to be written, which stops it as well. Else the step Halt does.
func (d decision) keptFromRecalled() bool {
	written := d.Change.Digest != "" && d.Change.Digest != d.Installed.Digest
	return d.entersRecalled() && (d.Installed.OnDelete || written)
}

// abandons tells whether an update for which nobody named a version leaves a single move that is under way: its release was recalled.
func (in Input) abandons(moveTo string) bool {
	if moveTo == "" || in.Catalog == nil || in.Request.keepsVersion() {
		return false
	}
	a, _ := in.Catalog.AddOn(in.Desired.AddOn)
	r, ok := a.Find(parse(moveTo))
	return ok && r.Status == catalog.Recalled
}

// stopped says why a recall stops the roll; empty when none does.
func (d decision) stopped() string {
	if d.rolling == nil || d.rolling.Phase != noderoll.Paused || !d.entersRecalled() {
		return ""
	}
	return d.addOn.Name + " " + d.target.Version.String() + " " + d.target.RecallText()
}

// rollRecalled says of a roll that a recall stops how far it came, and how it goes on.
func (d decision) rollRecalled() []Finding {
	why := d.stopped()
	if why == "" {
		return nil
	}
	text := "no further node is changed"
	switch {
	case d.halts():
		text = "the DaemonSet controller changes nodes until the next step stops it"
	case d.rolling.Watched:
		text = "the DaemonSet controller is stopped and changes no further node"
	}
	fix := "addonctl update leaves it, addonctl rollback goes back"
	if d.desired.Version != "" {
		fix = "the pin holds it until its operator decides: addonctl pin --version …, addonctl unpin or addonctl rollback"
	}
	return note(RollRecalled, fmt.Sprintf("%s; %s; the nodes run %s", why, text, noderoll.Sum(d.Nodes, d.Installed.Newest).Runs()), fix+"; once the recall is taken off (addonctl recall --undo), the same command goes on")
}
