package plan

import (
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
