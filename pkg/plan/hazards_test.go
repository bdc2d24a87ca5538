package plan_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

// hazardMove is one move of an add-on with what is live and what would be written over it.
type hazardMove struct {
	in            plan.Input
	addOn         catalog.AddOn
	to            string
	before, after *catalog.Footprint
}

func (m hazardMove) find(without string) []plan.Finding {
	m.in.Change.From, m.in.Change.To = m.before, m.after
	return plan.FindHazards(m.in, m.addOn, m.to, without)
}

// agent is the workload that rows change.
func (m *hazardMove) agent() *catalog.WorkloadFootprint { return &m.after.Workloads[0] }

// hazardRow is one check: a move that it is there for, and one that differs from it as little as can be and is harmless.
type hazardRow struct {
	check    string
	base     func() hazardMove
	fires    func(*hazardMove)
	spares   func(*hazardMove)
	reason   plan.Reason
	blocking bool
	says     string
	nodes    []string
	unknown  []catalog.Fact
}

// rowTables are the rows by theme.
func rowTables() []map[string]hazardRow {
	return []map[string]hazardRow{
		objectRows(), definitionRows(), rightsRows(), apiRows(), imageRows(), portRows(), selectionRows(), nodeRows(), chainRows(),
		networkRows(), rollRows(), admissionRows(), calicoRows(), policyRows(), knownRows(), agentRows(), moreRows(), preflightRows(),
	}
}

// hazardRows are all rows, by a sentence.
func hazardRows() map[string]hazardRow {
	out := map[string]hazardRow{}
	for _, rows := range rowTables() {
		maps.Copy(out, rows)
	}
	return out
}

func of(check string, all []plan.Finding) []plan.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f plan.Finding) bool { return f.Check != check })
}

// Every row fires on its move and not on the near miss; without the check, the negative control, nothing says what it said.
func TestEveryHazardStrikesAndSparesWhatItShould(t *testing.T) {
	t.Parallel()
	for name, r := range hazardRows() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := r.base()
			r.fires(&m)
			got := of(r.check, m.find(""))
			if len(got) != 1 {
				t.Fatalf("%s finds %+v, want one finding", r.check, got)
			}
			f := got[0]
			if f.Reason != r.reason || f.Blocking != r.blocking || !strings.Contains(f.Message, r.says) {
				t.Errorf("finding %+v, want %s (blocking %t) that says %q", f, r.reason, r.blocking, r.says)
			}
			if diff := cmp.Diff(r.nodes, f.Nodes); diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(r.unknown, f.Unknown); diff != "" {
				t.Errorf("unknown facts (-want +got):\n%s", diff)
			}
			if slices.ContainsFunc(m.find(r.check), func(x plan.Finding) bool { return x.Message == f.Message }) {
				t.Errorf("without %s something else says %q", r.check, f.Message)
			}
			m = r.base()
			r.spares(&m)
			if got := of(r.check, m.find("")); len(got) > 0 {
				t.Errorf("%s finds something in the near miss: %+v", r.check, got)
			}
		})
	}
}

// A move without danger finds nothing, so that what is found means something.
func TestAPlainMoveFindsNoHazard(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]func() hazardMove{
		"an update of flannel": flannelMove, "an installation of flannel": flannelInstall, "an update of Calico": calicoMove,
		"an installation of Calico": calicoInstall,
	} {
		if got := base().find(""); len(got) > 0 {
			t.Errorf("%s finds %+v", name, got)
		}
	}
}

func TestEveryHazardCheckHasARow(t *testing.T) {
	t.Parallel()
	var rows []string
	for _, r := range hazardRows() {
		rows = append(rows, r.check)
	}
	for _, name := range plan.HazardNames() {
		if !slices.Contains(rows, name) {
			t.Errorf("%s has no row", name)
		}
	}
	if n := len(plan.HazardNames()); n < 27 {
		t.Errorf("only %d checks", n)
	}
}

// Whoever reads a finding at night learns what to do and where it comes from.
func TestEveryHazardSaysWhatToDoAndWhereItComesFrom(t *testing.T) {
	t.Parallel()
	entry := regexp.MustCompile(`^(B[1-9][0-9]?|A1\.8|C3)$`)
	for name, r := range hazardRows() {
		m := r.base()
		r.fires(&m)
		for _, f := range of(r.check, m.find("")) {
			if f.Fix == "" || len(f.Catalogue) == 0 || slices.ContainsFunc(f.Catalogue,
				func(c string) bool { return !entry.MatchString(c) }) {
				t.Errorf("%s: fix %q, catalogue %v", name, f.Fix, f.Catalogue)
			}
			if !slices.IsSorted(f.Nodes) || !slices.IsSorted(f.Unknown) {
				t.Errorf("%s: not sorted: %v %v", name, f.Nodes, f.Unknown)
			}
		}
	}
}

// judgement are the checks whose blocking findings an operator may accept; what the API server refuses nobody can accept.
var judgement = []string{
	"address-plugin-kept", "agent-forward-rules-kept", "agent-interface-kept", "agent-masquerade-kept", "backend-kept",
	"binding-subjects-kept", "chain-installed", "chain-name-kept", "grants-complete", "host-folders-kept", "host-ports-reserved",
	"images-there", "selection-kept", "tolerations-kept",
}

func TestAnOperatorMayAcceptWhatIsAMatterOfJudgement(t *testing.T) {
	t.Parallel()
	accepts := map[string]func(*plan.Input){
		"now":    func(in *plan.Input) { in.Request.Accept = "window on Sunday" },
		"before": func(in *plan.Input) { in.Desired.Accept = plan.Accept{Version: "0.27.3", Reason: "window on Sunday"} },
	}
	for name, r := range hazardRows() {
		if !r.blocking {
			continue
		}
		for when, accept := range accepts {
			m := r.base()
			r.fires(&m)
			if when == "before" && m.to != "0.27.3" {
				continue
			}
			hint := strings.Contains(of(r.check, m.find(""))[0].Fix, "--accept")
			accept(&m.in)
			f := of(r.check, m.find(""))[0]
			may := slices.Contains(judgement, r.check)
			if f.Blocking == may || strings.HasSuffix(f.Message, "; it was accepted") != may || hint != may {
				t.Errorf("%s: accepted %s, may be: %t, hint: %t, finding %+v", name, when, may, hint, f)
			}
		}
		m := r.base()
		r.fires(&m)
		m.in.Desired.Accept = plan.Accept{Version: "0.26.2", Reason: "another move"}
		if !of(r.check, m.find(""))[0].Blocking {
			t.Errorf("%s: the word for another move counts for this one", name)
		}
	}
}

// forever are the checks whose blocking findings stop a way back too: what the API server would refuse, and what would break what stays.
var forever = []string{
	"apis-introduced", "apis-served", "definition-scope-kept", "flannel-role-free", "known-hazards", "network-kept", "one-storage-version",
	"pods-admitted", "role-reference-kept", "selector-kept", "stored-versions-kept", "webhooks-answer",
}

// A way back to a revision that was deployed here is not stopped because it lacks what came later: an adopted manifest that tolerates
// less than the chart would else leave a failed update half way, automatically and by hand.
func TestAWayBackIsNotStoppedByJudgement(t *testing.T) {
	t.Parallel()
	for name, r := range hazardRows() {
		if !r.blocking {
			continue
		}
		m := r.base()
		r.fires(&m)
		if !of(r.check, m.find(""))[0].Blocking {
			t.Errorf("%s: does not stop a way forwards", name)
		}
		m.in.Desired.Back = plan.Back{Revision: 7, Leaves: m.in.Installed.Version}
		f := of(r.check, m.find(""))[0]
		stops := slices.Contains(forever, r.check) || r.reason == plan.SecondAgent
		if f.Blocking != stops || strings.Contains(f.Message, "the way back to revision 7") == stops || !stops && strings.Contains(f.Fix, "--accept") {
			t.Errorf("%s: want blocking %t, finding %+v", name, stops, f)
		}
	}
}

// What is live already is no move: nothing that compares or enters speaks, or a roll would be blocked in its middle.
func TestHazardsAreSilentAboutWhatIsLive(t *testing.T) {
	t.Parallel()
	for name, r := range hazardRows() {
		if r.check == "node-blocks-left" || r.check == "known-hazards" {
			continue
		}
		m := r.base()
		r.fires(&m)
		m.in.Installed.Present, m.in.Installed.Digest = true, m.in.Change.Digest
		if got := of(r.check, m.find("")); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Hazards depend on values alone: not on the order of nodes, nor on what was judged before.
func TestHazardsDoNotDependOnTheOrderOfNodes(t *testing.T) {
	t.Parallel()
	for name, r := range hazardRows() {
		m := r.base()
		r.fires(&m)
		first := m.find("")
		slices.Reverse(m.in.Nodes)
		if diff := cmp.Diff(first, m.find("")); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Nothing is recorded of what is live: the checks that compare say nothing, and one check says that they do not.
func TestWithoutARecordOfWhatIsLiveNothingIsCompared(t *testing.T) {
	t.Parallel()
	m := flannelMove()
	m.before, m.after.Network.VNI = nil, 77
	if got := of("backend-kept", m.find("")); len(got) > 0 {
		t.Errorf("compared with nothing: %+v", got)
	}
	if got := of("footprint-known", m.find("")); len(got) != 1 {
		t.Errorf("nobody says that nothing was compared: %+v", got)
	}
}
