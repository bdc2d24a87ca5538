package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// row is a rule at work: the check that says it, what it says, and whether it blocks.
type row struct {
	check    string
	in       plan.Input
	reason   plan.Reason
	blocking bool
	says     string
}

// The negative control is run for each row: without the check the finding is gone, so the row would fail.
func TestEveryCheckFindsWhatItIsThereFor(t *testing.T) {
	t.Parallel()
	for name, c := range allRows(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := rendered(c.in)
			p := plan.Make(in)
			if !slices.ContainsFunc(p.Findings, c.fits) {
				t.Errorf("findings %+v, want %s of check %s, blocking %v, saying %q", p.Findings, c.reason, c.check, c.blocking, c.says)
			}
			if c.blocking && len(p.Steps) > 0 {
				t.Error("a blocked plan has steps")
			}
			if p := plan.MakeWithout(in, c.check); slices.ContainsFunc(p.Findings, c.fits) {
				t.Errorf("without the check %s there still is %s", c.check, c.reason)
			}
		})
	}
}

// What stands beside a CNI is stopped by what that is doing, and nothing else is.
func TestACNIStopsOnlyWhatWouldBeginBesideIt(t *testing.T) {
	t.Parallel()
	underWay := plan.CNIAddOn{Installed: true, Version: "3.3.0"}
	move := request(plan.Update, "3.30.3")
	for name, c := range map[string]struct {
		in  plan.Input
		cni *plan.CNIAddOn
	}{
		"nobody looked":                                  {with(calico(t, "3.30.0"), move), nil},
		"it is settled":                                  {with(calico(t, "3.30.0"), move), &plan.CNIAddOn{Installed: true, Settled: true, Version: "3.3.0"}},
		"nodes take it, and Calico stays":                {calico(t, "3.30.3"), &underWay},
		"nodes take it, and Calico is on its way itself": {with(calico(t, "3.30.0"), rolling("3.30.0", "3.30.3")), &underWay},
		"it is the one that is planned":                  {with(native(t, "2.2.3"), request(plan.Update, "2.3.0")), &underWay},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.in.Cluster.CNI = c.cni
			if p := plan.Make(rendered(c.in)); slices.ContainsFunc(p.Findings, func(f plan.Finding) bool { return f.Reason == plan.CNIFirst }) {
				t.Errorf("findings %+v", p.Findings)
			}
		})
	}
}

// Who follows the advice of a plan of Calico moves Calico, and not the CNI.
func TestAdviceOfAPlanBesideTheCNINamesTheAddOn(t *testing.T) {
	t.Parallel()
	pinned := func(in *plan.Input) { in.Desired.Version, in.Desired.Pin = "3.30.0", plan.Pin{Reason: "r"} }
	fix := func(in plan.Input, r plan.Reason) string {
		t.Helper()
		for _, f := range plan.Make(rendered(in)).Findings {
			if f.Reason == r {
				return f.Fix
			}
		}
		t.Fatalf("no finding %s", r)
		return ""
	}
	if got := fix(with(calico(t, "3.30.0"), pinned, request(plan.Update, "3.30.3")), plan.Pinned); !strings.Contains(got, "addonctl pin --addon Calico --version 3.30.3") ||
		!strings.Contains(got, "addonctl unpin --addon Calico ") {
		t.Errorf("of Calico: %s", got)
	}
	cni := with(native(t, "2.2.3"), func(in *plan.Input) { in.Desired.Version = "2.2.3" }, request(plan.Update, "2.3.0"))
	if got := fix(cni, plan.Pinned); strings.Contains(got, "--addon") {
		t.Errorf("of the CNI: %s", got)
	}
	unsettled := with(calico(t, "3.30.0"), request(plan.Update, "3.30.3"), func(in *plan.Input) { in.Cluster.CNI = &plan.CNIAddOn{Installed: true} })
	if got := fix(unsettled, plan.CNIFirst); strings.Contains(got, "--addon") {
		t.Errorf("of the CNI that comes first: %s", got)
	}
}

// fits tells whether a finding is the row's.
func (r row) fits(f plan.Finding) bool {
	return f.Check == r.check && f.Reason == r.reason && f.Blocking == r.blocking && strings.Contains(f.Message, r.says)
}

func TestEveryRuleHasARow(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range allRows(t) {
		seen[r.check] = true
	}
	names := map[string]bool{}
	for _, c := range plan.Checks {
		if names[c.Name] {
			t.Errorf("two checks are called %s", c.Name)
		}
		names[c.Name] = true
		if !seen[c.Name] && !slices.Contains(plan.HazardNames(), c.Name) {
			t.Errorf("check %s has no row", c.Name)
		}
	}
}

// A plan made after a crash at any point is the rest of the plan made before it.
func TestStepsAreWhatObservationShowsToBeLeft(t *testing.T) {
	t.Parallel()
	all, roll := []plan.StepKind{plan.Apply, plan.AwaitNodes, plan.Settle}, []plan.StepKind{plan.Apply, plan.ChangeNodes, plan.Settle}
	pending := func(v string, n int) plan.Revision {
		return plan.Revision{Number: n, Version: v, Status: plan.PendingUpgrade, Digest: "render-" + v}
	}
	for name, c := range map[string]struct {
		in       plan.Input
		want     []plan.StepKind
		revision int
		state    plan.State
	}{
		"a fresh installation": {with(fresh(t), install("")), all, 1, plan.Applying},
		"killed after the revision was recorded": {with(fresh(t), install("0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{{Number: 1, Version: "0.27.3", Status: plan.PendingInstall, Digest: "render-0.27.3"}}
		}), all, 1, plan.Applying},
		"killed after the objects were written": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{pending("0.27.3", 2)}
			in.Installed.Observed = false
		}), all[1:], 2, plan.Rolling},
		"nodes under way": {with(settled(t, "0.27.3"), broken(1), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{pending("0.27.3", 2)}
		}), all[1:], 2, plan.Rolling},
		"every node there, not settled": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{pending("0.27.3", 2)}
		}), all[2:], 2, plan.Settling},
		"nothing left": {settled(t, "0.27.3"), nil, 0, plan.UpToDate},
		"an object was deleted": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Change.Missing = []string{"ClusterRole flannel"}
		}), roll, 2, plan.Applying},
		"the record was deleted":         {with(settled(t, "0.27.3"), func(in *plan.Input) { in.Record = plan.Record{} }), all, 1, plan.Applying},
		"a newer release, asked for":     {with(settled(t, "0.26.2"), request(plan.Update, "")), roll, 2, plan.Applying},
		"a newer release, not asked for": {settled(t, "0.26.2"), nil, 0, plan.UpToDate},
		"the live image was changed":     {with(settled(t, "0.26.2"), func(in *plan.Input) { in.Installed.Version = "0.25.1" }), roll, 2, plan.Applying},
		"the way back in mid-roll is a revision of its own": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{
				{Number: 1, Version: "0.26.2", Status: plan.Deployed, Digest: "render-0.26.2"}, pending("0.27.3", 2),
			}
			in.Desired.MoveTo = "0.26.2"
		}, broken(3)), roll, 3, plan.Applying},
		"a node that broke after the fact": {with(settled(t, "0.27.3"), broken(1)), all[1:2], 1, plan.Rolling},
		"nothing is wanted of a cluster that is only registered": {with(fresh(t), func(in *plan.Input) {
			in.Request = plan.Request{Verb: plan.Register, NetworkType: catalog.FlannelOverlay}
		}), nil, 0, plan.NotInstalled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan.Make(rendered(c.in))
			if diff := cmp.Diff(c.want, kinds(p)); diff != "" || p.State != c.state {
				t.Errorf("state %s, want %s; steps (-want +got):\n%s\nfindings: %+v", p.State, c.state, diff, p.Blocking())
			}
			for _, s := range p.Steps {
				if s.Revision != c.revision {
					t.Errorf("%s is of revision %d, want %d", s.Kind, s.Revision, c.revision)
				}
			}
		})
	}
}

func TestTheTargetFollowsPinMoveAndAutomaticMode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   plan.Input
		want string
	}{
		"update takes the newest that fits":      {with(settled(t, "0.26.2"), request(plan.Update, "")), "0.27.3"},
		"update takes what the cluster admits":   {with(settled(t, "0.24.4"), request(plan.Update, ""), kubernetes("v1.33.2"), kubelets("v1.33.2")), "0.26.2"},
		"update takes what every kubelet admits": {with(settled(t, "0.24.4"), request(plan.Update, ""), func(in *plan.Input) { in.Nodes[0].KubeletVersion = "v1.33.2" }), "0.26.2"},
		"update never goes backwards":            {with(settled(t, "0.27.3"), request(plan.Update, ""), kubernetes("v1.33.2")), "0.27.3"},
		"a CNI that was deleted by hand comes back as it was": {with(settled(t, "0.26.2"), request(plan.Update, ""), func(in *plan.Input) {
			in.Installed, in.Cluster.CNIs = plan.Installed{}, nil
		}), "0.26.2"},
		"following the record moves nothing by itself": {settled(t, "0.26.2"), "0.26.2"},
		"un-pinned under a running loop": {with(settled(t, "0.24.4"), func(in *plan.Input) {
			in.Record.Revisions = append(in.Record.Revisions, plan.Revision{Number: 2, Version: "0.26.2", Status: plan.PendingUpgrade, Digest: "render-0.26.2"})
		}), "0.26.2"},
		"the record deleted under a running loop":       {with(settled(t, "0.26.2"), func(in *plan.Input) { in.Desired = plan.Desired{} }), "0.26.2"},
		"installing again keeps a pin that is recorded": {with(settled(t, "0.26.2"), pinnedTo("0.26.2"), install("0.26.2")), "0.26.2"},
		"a pin holds":                                     {with(settled(t, "0.26.2"), pinnedTo("0.26.2")), "0.26.2"},
		"a pin may go backwards":                          {with(settled(t, "0.27.3"), pinnedTo("0.24.4")), "0.24.4"},
		"a single move":                                   {with(settled(t, "0.24.4"), request(plan.Update, "0.26.2")), "0.26.2"},
		"a single move that is under way":                 {with(settled(t, "0.24.4"), func(in *plan.Input) { in.Desired.MoveTo = "0.26.2" }), "0.26.2"},
		"update without a version finishes a single move": {with(settled(t, "0.24.4"), func(in *plan.Input) { in.Desired.MoveTo = "0.26.2" }, request(plan.Update, "")), "0.26.2"},
		"installing again moves nothing":                  {with(settled(t, "0.26.2"), install("")), "0.26.2"},
		"un-pinning moves nothing":                        {with(settled(t, "0.26.2"), pinnedTo("0.26.2"), request(plan.Unpin, "")), "0.26.2"},
		"a v in front means the same":                     {with(settled(t, "0.24.4"), request(plan.Update, "v0.26.2")), "0.26.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := plan.Make(rendered(c.in)); got.To != c.want || len(got.Blocking()) > 0 {
				t.Errorf("target %q, want %q; blocking: %+v", got.To, c.want, got.Blocking())
			}
		})
	}
}

// Whether automatic mode chose a goal is forgotten on the way, so that everybody goes the way that it would go: over releases that
// are ACTIVE and made for every kubelet, also where another one is newer.
func TestTheWayIsThatOfAutomaticModeWhoeverGoesIt(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*plan.Input){
		"chosen by automatic mode": request(plan.Update, ""), "named by an operator": request(plan.Update, "3.3.0"), "pinned": request(plan.SetPin, "3.3.0"),
		"recorded": func(in *plan.Input) { in.Desired.MoveTo = "3.3.0" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := with(native(t, "2.2.3"), ask, func(in *plan.Input) {
				newer := *release(t, in.Catalog, "OciVcnIpNative", "2.3.0")
				newer.Version, newer.Kubernetes = version.MustParse("2.3.5"), version.Filters{Minimal: version.MustParse("1.34")}
				a, i := &in.Catalog.AddOns[2], 2
				a.Releases = slices.Insert(a.Releases, i, newer)
				release(t, in.Catalog, "OciVcnIpNative", "3.3.0").Kubernetes = version.Filters{}
				in.Nodes[1].KubeletVersion = "v1.33.4"
			})
			if p := plan.Make(rendered(in)); !slices.Equal(p.Path, []string{"2.2.3", "2.3.0", "3.3.0"}) {
				t.Errorf("goes by %v: %+v", p.Path, p.Blocking())
			}
		})
	}
}

func TestAPinIsKeptWhileItIsBeingReached(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), pinnedTo("0.27.3"), request(plan.Update, ""))
	if p := plan.Make(rendered(in)); len(p.Blocking()) > 0 || p.To != "0.27.3" {
		t.Errorf("going on to the pin: to %s, blocking %+v", p.To, p.Blocking())
	}
}

// Going on with a path of several steps is what the pin wants, also while an earlier release of it is finished first.
func TestAPinDoesNotKeepAnUpdateFromGoingOn(t *testing.T) {
	t.Parallel()
	in := with(native(t, "2.3.0"), pinnedTo("3.3.0"), request(plan.Update, ""), runs(1, "2.2.3"))
	if p := plan.Make(rendered(in)); len(p.Blocking()) > 0 || p.To != "3.3.0" || p.Hop != "2.3.0" {
		t.Errorf("to %s by %s, blocking %+v", p.To, p.Hop, p.Blocking())
	}
}

// Nothing is known, and that is said.
func TestAPlanOfNothing(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]plan.Input{"no catalog": {}, "no cluster": {Catalog: small(t)}, "no such add-on": {Catalog: small(t), AddOn: "CoreDNS"}} {
		p := plan.Make(plan.Imagine(in))
		if p.State != plan.Blocked || len(p.Steps) > 0 || len(plan.Choices(in)) > 0 || plan.Explain(in).Chosen == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A pinned cluster is mended by update: what the pin wants is not whole.
func TestAPinDoesNotKeepAnUpdateFromMending(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), pinnedTo("0.26.2"), request(plan.Update, ""), func(in *plan.Input) { in.Change.Missing = []string{"ClusterRole flannel"} })
	if p := plan.Make(rendered(in)); len(p.Blocking()) > 0 || p.To != "0.26.2" || len(p.Steps) != 3 {
		t.Errorf("to %s, steps %v, blocking %+v", p.To, kinds(p), p.Blocking())
	}
}

// The pipeline's install may run again whatever an operator has done since: the recorded wish stays.
func TestInstallingAgainKeepsTheRecordedWish(t *testing.T) {
	t.Parallel()
	in := rendered(with(settled(t, "0.26.2"), pinnedTo("0.26.2"), install("0.26.2")))
	if diff := cmp.Diff(in.Desired, plan.Make(in).Desired); diff != "" {
		t.Errorf("the wish was changed:\n%s", diff)
	}
	in = rendered(with(settled(t, "0.26.2"), install("0.26.2")))
	if p := plan.Make(in); p.Pinned || len(p.Blocking()) > 0 {
		t.Errorf("an un-pinned add-on was pinned again: %+v", p.Desired)
	}
}

func TestChoicesSayWhyNot(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), pinnedTo("0.26.2"), kubernetes("v1.33.2"))
	want := []plan.Choice{
		{Version: "0.27.3", Status: catalog.Active, Why: "needs Kubernetes 1.34 or later, the cluster runs 1.33.2", ListedFor: []string{"1.34", "1.35", "1.36"}},
		{Version: "0.26.2", Status: catalog.Active, Fits: true, Newest: true, Installed: true, Pinned: true, ListedFor: []string{"1.31", "1.32", "1.33"}},
		{
			Version: "0.24.4", Status: catalog.Active, Fits: true, ListedFor: []string{"1.31"},
			Why: "is older than the installed 0.26.2, and automatic updates never go backwards",
		},
	}
	for i := range in.Nodes {
		in.Nodes[i].KubeletVersion = "v1.33.2"
	}
	if diff := cmp.Diff(want, plan.Choices(in)); diff != "" {
		t.Errorf("choices (-want +got):\n%s", diff)
	}
}

func TestRestampingNeedsRecordAndRunningCNIToAgree(t *testing.T) {
	t.Parallel()
	base := settled(t, "0.26.2").Cluster
	if why := plan.RestampRefused(base); why != "" {
		t.Errorf("refused: %s", why)
	}
	for name, f := range map[string]func(*plan.Cluster){
		"not registered": func(c *plan.Cluster) { c.NetworkType = "" },
		"nothing runs":   func(c *plan.Cluster) { c.CNIs = nil },
		"another runs":   func(c *plan.Cluster) { c.CNIs = []plan.CNI{{NetworkType: catalog.OCIVCNIPNative}} },
	} {
		c := base
		f(&c)
		if plan.RestampRefused(c) == "" {
			t.Errorf("%s: restamping is allowed", name)
		}
	}
}

func TestAPlanDependsOnNothingButItsInput(t *testing.T) {
	t.Parallel()
	in := rendered(with(settled(t, "0.26.2"), request(plan.Update, "0.27.3"), broken(2)))
	first := plan.Make(in)
	slices.Reverse(in.Nodes)
	if diff := cmp.Diff(first, plan.Make(in), cmp.AllowUnexported(version.Version{})); diff != "" {
		t.Errorf("the order of the nodes changes the plan:\n%s", diff)
	}
}

// A reason without a line in docs/findings.md leaves whoever meets it alone.
func TestEveryReasonIsDocumented(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "finding.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := v.Type.(*ast.Ident); ok && typ.Name == "Reason" {
			reasons++
			if name := v.Names[0].Name; !strings.Contains(string(docs), "| `"+name+"` |") {
				t.Errorf("docs/findings.md says nothing of %s", name)
			}
		}
		return true
	})
	if reasons < 20 {
		t.Errorf("only %d reasons were found", reasons)
	}
}
