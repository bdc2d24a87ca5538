package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/plan"
)

// helm adds a revision of Helm's.
func helm(v string, status plan.Status, description string) func(*plan.Input) {
	return func(in *plan.Input) {
		for i := range in.Record.Revisions {
			if in.Record.Revisions[i].Status == plan.Deployed && status == plan.Deployed {
				in.Record.Revisions[i].Status = plan.Superseded
			}
		}
		r := in.Record.Last()
		r.Number, r.Version, r.Status, r.Description, r.By = r.Number+1, v, status, description, "helm"
		r.Updated = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		in.Record.Revisions = append(in.Record.Revisions, r)
	}
}

func rowsOfTheRecord(tb testing.TB) map[string]row {
	tb.Helper()
	return map[string]row{
		"a rollback by Helm": {
			"changed-by-helm", with(settled(tb, "0.27.3"), helm("0.26.2", plan.Deployed, "Rollback to 1")), plan.ChangedByHelm, false,
			"revision 2 of the release, of 0.26.2, was written by helm at 2026-11-22 12:00 UTC and is deployed (Rollback to 1); the newest of ours is 1, of 0.27.3",
		},
		"a rollback by Helm that has not ended": {
			"changed-by-helm", with(settled(tb, "0.27.3"), helm("0.26.2", "pending-rollback", "Rollback to 1")), plan.ChangedByHelm, false, "is pending-rollback",
		},
		"an upgrade by Helm, which takes our marks off": {
			"changed-by-helm", with(settled(tb, "0.27.3"), helm("0.28.0", plan.Deployed, "Upgrade complete"), func(in *plan.Input) { in.Installed.Ours = false }),
			plan.ChangedByHelm, false, "of 0.28.0",
		},
		"a release that was uninstalled": {
			"revisions-lost", with(settled(tb, "0.27.3"), func(in *plan.Input) { in.Record = plan.Record{} }), plan.RevisionsLost, false,
			"Flannel 0.27.3 is live and its release is not recorded any more",
		},
		"a release that was uninstalled, its history kept": {
			"revisions-lost", with(settled(tb, "0.27.3"), func(in *plan.Input) { in.Record.Revisions[0].Status = "uninstalled" }), plan.RevisionsLost, false,
			"revision 1 says that it is uninstalled",
		},
	}
}

// The steps after Helm's tools were at work. Helm's own revision is never carried on with, pending or not: what it would settle
// is not what is live, and it could never end.
func TestWhatHelmWroteIsFollowedByARevisionOfOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*plan.Input)
		want   []string
	}{
		"nothing happened": {func(*plan.Input) {}, nil},
		"a rollback to what is live": {
			helm("0.27.3", plan.Deployed, "Rollback to 1"), []string{"Apply 3", "ChangeNodes 3", "Settle 3"},
		},
		"a rollback to what is live that has not ended": {
			helm("0.27.3", "pending-rollback", "Rollback to 1"), []string{"Apply 3", "ChangeNodes 3", "Settle 3"},
		},
		"an upgrade of the same render that has not ended": {
			helm("0.27.3", plan.PendingUpgrade, "Preparing upgrade"), []string{"Apply 3", "ChangeNodes 3", "Settle 3"},
		},
		"the revisions are gone": {
			func(in *plan.Input) { in.Record = plan.Record{} }, []string{"Apply 1", "AwaitNodes 1", "Settle 1"},
		},
		"the revisions are kept and say that it was uninstalled": {
			func(in *plan.Input) { in.Record.Revisions[0].Status = "uninstalled" }, []string{"Settle 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := with(settled(t, "0.27.3"), request(plan.Update, "0.27.3"))
			in.Change = plan.Change{Version: "0.27.3", Digest: in.Installed.Digest}
			c.change(&in)
			var got []string
			for _, s := range plan.Make(in).Steps {
				got = append(got, string(s.Kind)+" "+string(rune('0'+s.Revision)))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}
