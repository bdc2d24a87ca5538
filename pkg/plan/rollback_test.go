package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

// with1400 are settings that a revision was rendered with.
var with1400 = plan.Settings{Values: map[string]any{"mtu": "1400"}}

// story is a cluster whose record has revisions, the newest one live.
func story(tb testing.TB, revisions ...plan.Revision) plan.Input {
	tb.Helper()
	last := revisions[len(revisions)-1]
	in := settled(tb, last.Version)
	in.Installed.Digest = last.Digest
	in.Record.Revisions = revisions
	return in
}

// moved went from 0.24.4, with settings, over 0.26.2 to 0.27.3.
func moved(tb testing.TB) plan.Input {
	tb.Helper()
	return story(tb,
		plan.Revision{Number: 1, Version: "0.24.4", Status: plan.Superseded, Digest: "render-0.24.4", Settings: &with1400},
		plan.Revision{Number: 2, Version: "0.26.2", Status: plan.Superseded, Digest: "render-0.26.2", Settings: &plan.Settings{}},
		plan.Revision{Number: 3, Version: "0.27.3", Status: plan.Deployed, Digest: "render-0.27.3", Settings: &plan.Settings{}},
	)
}

func rollbackTo(n int) func(*plan.Input) {
	return func(in *plan.Input) { in.Request = plan.Request{Verb: plan.Rollback, Revision: n} }
}

// goingBack is a way back that was recorded.
func goingBack(n int, to, leaves string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Desired.MoveTo, in.Desired.Back = to, plan.Back{Revision: n, Leaves: leaves, Reason: "pods lost DNS"}
	}
}

// The rows of merge's table about ways back. It would catch a rollback that leaves the settings, that forgets to hold the release, and a
// command that turns round a way back because it is run again.
func TestARollbackIsMergedIntoTheWish(t *testing.T) {
	t.Parallel()
	back := plan.Back{Revision: 2, Leaves: "0.27.3", Reason: "rollback to revision 2"}
	under := plan.Back{Revision: 2, Leaves: "0.27.3", Reason: "pods lost DNS"}
	settings := plan.SettingsChange{Values: map[string]any{"mtu": "9000"}}
	reasoned := func(in *plan.Input) { in.Request.Pin.Reason = "broken" }
	for name, c := range map[string]struct {
		in   plan.Input
		want plan.Desired
	}{
		"an automatic one makes one move": {with(moved(t), rollbackTo(0)), plan.Desired{MoveTo: "0.26.2", Back: back}},
		"a pin moves": {
			with(moved(t), pinnedTo("0.27.3"), rollbackTo(0)),
			plan.Desired{Version: "0.26.2", Pin: plan.Pin{Reason: "rollback to revision 2"}, Back: back},
		},
		"a pin to that release stays as it is": {
			with(moved(t), pinnedTo("0.26.2"), rollbackTo(0)),
			plan.Desired{Version: "0.26.2", Pin: plan.Pin{Reason: "kernel", Ticket: "NET-1"}, Back: back},
		},
		"the settings of the revision come back": {
			with(moved(t), rollbackTo(1)),
			plan.Desired{MoveTo: "0.24.4", Settings: with1400, Back: plan.Back{Revision: 1, Leaves: "0.27.3", Reason: "rollback to revision 1"}},
		},
		"the settings are kept where the revision does not tell them": {
			with(moved(t), func(in *plan.Input) {
				in.Record.Revisions[1].Settings, in.Desired.Settings = nil, with1400
			}, rollbackTo(0)), plan.Desired{MoveTo: "0.26.2", Settings: with1400, Back: back},
		},
		"a reason is kept": {
			with(moved(t), rollbackTo(0), reasoned),
			plan.Desired{MoveTo: "0.26.2", Back: plan.Back{Revision: 2, Leaves: "0.27.3", Reason: "broken"}},
		},
		"an accepted move is forgotten": {
			with(moved(t), func(in *plan.Input) { in.Desired.Accept = plan.Accept{Version: "0.26.2", Reason: "earlier"} }, rollbackTo(0)),
			plan.Desired{MoveTo: "0.26.2", Back: back},
		},
		"to what is live, nothing": {with(moved(t), rollbackTo(3)), plan.Desired{}},
		"to none, nothing":         {with(moved(t), rollbackTo(9)), plan.Desired{}},
		"a way back under way goes on": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), rollbackTo(0)), plan.Desired{MoveTo: "0.26.2", Back: under},
		},
		"a way back to a revision that is not recorded any more goes on": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), rollbackTo(0), func(in *plan.Input) { in.Record.Revisions = in.Record.Revisions[2:] }),
			plan.Desired{MoveTo: "0.26.2", Back: under},
		},
		"a way back under way is turned to another revision": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), rollbackTo(1)),
			plan.Desired{MoveTo: "0.24.4", Settings: with1400, Back: plan.Back{Revision: 1, Leaves: "0.27.3", Reason: "rollback to revision 1"}},
		},
		"update finishes a way back": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), request(plan.Update, "")), plan.Desired{MoveTo: "0.26.2", Back: under},
		},
		"update to the release that is left finishes it first": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), request(plan.Update, "0.27.3")), plan.Desired{MoveTo: "0.26.2", Back: under},
		},
		"so does pin": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), request(plan.SetPin, "0.27.3")), plan.Desired{MoveTo: "0.26.2", Back: under},
		},
		"so do other settings": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), func(in *plan.Input) {
				in.Request = plan.Request{Verb: plan.Update, Settings: settings}
			}), plan.Desired{MoveTo: "0.26.2", Back: under},
		},
		"and settings with a version where only settings go back": {
			with(moved(t), goingBack(3, "0.27.3", ""), func(in *plan.Input) {
				in.Request = plan.Request{Verb: plan.Update, Version: "0.27.3", Settings: settings}
			}), plan.Desired{MoveTo: "0.27.3", Back: plan.Back{Revision: 3, Reason: "pods lost DNS"}},
		},
		"after retry the release is taken again": {
			with(moved(t), goingBack(2, "0.26.2", ""), request(plan.Update, "0.27.3")), plan.Desired{MoveTo: "0.27.3"},
		},
		"going elsewhere gives it up":   {with(moved(t), goingBack(2, "0.26.2", "0.27.3"), request(plan.Update, "0.24.4")), plan.Desired{MoveTo: "0.24.4"}},
		"pinning elsewhere gives it up": {with(moved(t), goingBack(2, "0.26.2", "0.27.3"), request(plan.SetPin, "0.24.4")), plan.Desired{Version: "0.24.4", Pin: plan.Pin{Reason: "test"}}},
		"pinning to where it leads does not": {
			with(moved(t), goingBack(2, "0.26.2", "0.27.3"), request(plan.SetPin, "0.26.2")),
			plan.Desired{Version: "0.26.2", Pin: plan.Pin{Reason: "test"}, Back: under},
		},
		"un-pinning makes a move of it": {
			with(moved(t), pinnedTo("0.26.2"), goingBack(2, "", "0.27.3"), request(plan.Unpin, "")), plan.Desired{MoveTo: "0.26.2", Back: under},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.AddOn = "Flannel"
			if diff := cmp.Diff(c.want, plan.Make(rendered(c.in)).Desired); diff != "" {
				t.Errorf("the wish (-want +got):\n%s", diff)
			}
		})
	}
}

// The rows of revisionBack's table.
func TestBackIsNeverForwardsAgain(t *testing.T) {
	t.Parallel()
	old := plan.Revision{Number: 1, Version: "0.24.4", Status: plan.Superseded, Digest: "render-0.24.4"}
	mid := plan.Revision{Number: 2, Version: "0.26.2", Status: plan.Superseded, Digest: "render-0.26.2"}
	bad := plan.Revision{Number: 3, Version: "0.27.3", Status: plan.Superseded, Digest: "render-0.27.3"}
	at := func(r plan.Revision, number int, status plan.Status) plan.Revision {
		r.Number, r.Status = number, status
		return r
	}
	for name, c := range map[string]struct {
		in   plan.Input
		want int
	}{
		"the one before what is live":                           {story(t, old, at(mid, 2, plan.Deployed)), 1},
		"the deployed one while another is under way":           {story(t, old, at(mid, 2, plan.Deployed), at(bad, 3, plan.PendingUpgrade)), 2},
		"the deployed one after another was given up":           {story(t, old, at(mid, 2, plan.Deployed), at(bad, 3, plan.Failed)), 2},
		"not the one that was left before, but one further":     {story(t, old, mid, bad, at(mid, 4, plan.Deployed)), 1},
		"the deployed one while the bad one is tried again":     {story(t, old, bad, at(mid, 3, plan.Deployed), at(bad, 4, plan.PendingUpgrade)), 3},
		"none that was never deployed":                          {story(t, old, at(mid, 2, plan.Failed), at(bad, 3, plan.Deployed)), 1},
		"nothing after an installation":                         {story(t, at(old, 1, plan.Deployed)), 0},
		"nothing during an installation":                        {story(t, at(old, 1, plan.PendingInstall)), 0},
		"nothing where only failures were before":               {story(t, at(old, 1, plan.Failed), at(mid, 2, plan.Deployed)), 0},
		"the one before it, where it was there before that too": {story(t, at(bad, 1, plan.Superseded), at(mid, 2, plan.Superseded), at(bad, 3, plan.Deployed)), 2},
		"nothing where what is live was there from the start":   {story(t, old, mid, at(old, 3, plan.Deployed)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := with(c.in, rollbackTo(0))
			if got := plan.BackTo(in); got != c.want {
				t.Errorf("goes back to revision %d, want %d", got, c.want)
			}
			refused := false
			for _, f := range plan.Make(rendered(in)).Blocking() {
				refused = refused || f.Reason == plan.NothingToGoBackTo
			}
			if refused != (c.want == 0) {
				t.Errorf("refused: %v", refused)
			}
		})
	}
}

// What was rolled back is refused by the same rules as any other move.
func TestARollbackIsJudgedAsAMove(t *testing.T) {
	t.Parallel()
	rolled := func(fs ...func(*plan.Input)) plan.Input { return with(moved(t), append(fs, rollbackTo(0))...) }
	for name, c := range map[string]struct {
		in   plan.Input
		want plan.Reason
	}{
		"open":     {rolled(), ""},
		"recalled": {rolled(func(in *plan.Input) { release(t, in.Catalog, "Flannel", "0.26.2").Status = catalog.Recalled }), plan.Recalled},
		"a pinned one too": {
			rolled(pinnedTo("0.27.3"), func(in *plan.Input) { release(t, in.Catalog, "Flannel", "0.26.2").Status = catalog.Recalled }), plan.Recalled,
		},
		"paused":                    {rolled(func(in *plan.Input) { in.Cluster.Paused = true }), plan.Paused},
		"no release of the catalog": {rolled(func(in *plan.Input) { in.Record.Revisions[1].Version = "0.1.0" }), plan.UnknownVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blocking := plan.Make(rendered(c.in)).Blocking()
			if c.want == "" && len(blocking) > 0 || c.want != "" && (len(blocking) == 0 || blocking[0].Reason != c.want) {
				t.Errorf("refused by %+v, want %q", blocking, c.want)
			}
		})
	}
}

// Settings come back from a revision as they were, numbers too; a revision that was recorded without tells none.
func TestSettingsAreRecordedWithARevision(t *testing.T) {
	t.Parallel()
	s := plan.Settings{Configurations: map[string]string{"a": "1"}, Values: map[string]any{"n": int64(1) << 53}, Overlay: map[string]string{"k.yaml": "a"}}
	if diff := cmp.Diff(&s, plan.ParseSettings(s.JSON())); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	if none := plan.ParseSettings(plan.Settings{}.JSON()); none == nil || !none.IsZero() {
		t.Errorf("no settings are read as %v", none)
	}
	for _, text := range []string{"", "{", "[]"} {
		if got := plan.ParseSettings(text); got != nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func rowsOfRollback(tb testing.TB) map[string]row {
	tb.Helper()
	return map[string]row{
		"a rollback to a revision that is none": {
			"rollback-target", with(moved(tb), rollbackTo(9)), plan.NoSuchRevision, true, "there is no revision 9; recorded are: 1, 2, 3",
		},
		"a rollback to a revision that tells no version": {
			"rollback-target", with(moved(tb), rollbackTo(2), func(in *plan.Input) {
				in.Record.Revisions[1].Version, in.Record.Revisions[1].By = "", "helm"
			}), plan.RevisionUnusable, true, "revision 2 does not tell which version it is of; it was written by helm",
		},
		"a rollback to a revision that failed": {
			"rollback-target", with(moved(tb), rollbackTo(2), func(in *plan.Input) { in.Record.Revisions[1].Status = plan.Failed }),
			plan.RevisionUnusable, true, "revision 2 never ran on every node (failed)",
		},
		"a rollback of an installation": {
			"rollback-target", with(settled(tb, "0.26.2"), rollbackTo(0)), plan.NothingToGoBackTo, true, "nothing to go back to",
		},
		"a rollback says what stays": {
			"rollback-keeps", with(moved(tb), rollbackTo(0)), plan.NotRolledBack, false, "custom resource definitions (they are never rolled back)",
		},
		"a rollback names the definitions that stay": {
			"rollback-keeps", with(moved(tb), rollbackTo(0), func(in *plan.Input) {
				in.Change.From = &catalog.Footprint{Definitions: []catalog.Definition{{Name: "pools.example.io"}}}
			}), plan.NotRolledBack, false, "custom resource definitions: pools.example.io",
		},
		"a rollback to a revision without settings": {
			"rollback-keeps", with(moved(tb), rollbackTo(2), func(in *plan.Input) { in.Record.Revisions[1].Settings = nil }),
			plan.SettingsKept, false, "revision 2 does not tell the settings",
		},
		"the failed command again while its way back is under way": {
			"back-first", with(moved(tb), goingBack(2, "0.26.2", "0.27.3"), request(plan.Update, "0.27.3")), plan.BackFirst, false,
			"the way back to revision 2 (Flannel 0.26.2) is under way and is finished first (pods lost DNS)",
		},
	}
}
