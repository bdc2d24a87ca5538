package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/plan"
)

// entries of the failure catalogue.
const entries = 58

// docRow is one entry of the table of docs/hazards.md.
type docRow struct {
	entry int
	what  string
	how   string
	names []string
}

var (
	tableRow = regexp.MustCompile(`^\| B([0-9]+) \| (.+) \| (.+) \|$`)
	quoted   = regexp.MustCompile("`([^`]+)`")
)

// docRows are the rows of a text, and every name that any row of any table of it has in its last column.
func docRows(text string) (rows []docRow, names []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		columns := strings.Split(strings.Trim(line, "|"), "|")
		var of []string
		for _, m := range quoted.FindAllStringSubmatch(columns[len(columns)-1], -1) {
			of = append(of, m[1])
		}
		names = append(names, of...)
		if m := tableRow.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			rows = append(rows, docRow{entry: n, what: m[2], how: m[3], names: of})
		}
	}
	return rows, names
}

// docFaults holds a text against the checks and the data that there are.
func docFaults(text string, checks, data []string) []string {
	rows, names := docRows(text)
	var out []string
	for n := range entries {
		i := slices.IndexFunc(rows, func(r docRow) bool { return r.entry == n+1 })
		switch {
		case i < 0:
			out = append(out, "no row for B"+strconv.Itoa(n+1))
		case len(rows[i].names) == 0 && !regexp.MustCompile(`^(by construction|later|cannot be known): `).MatchString(rows[i].how):
			out = append(out, "nothing covers B"+strconv.Itoa(n+1))
		}
	}
	if len(rows) != entries {
		out = append(out, "there are "+strconv.Itoa(len(rows))+" rows")
	}
	for _, n := range names {
		if !slices.Contains(checks, n) && !slices.Contains(data, n) {
			out = append(out, n+" is neither a check nor data")
		}
	}
	for _, n := range append(plan.HazardNames(), data...) {
		if !slices.Contains(names, n) {
			out = append(out, n+" is not named")
		}
	}
	return out
}

func readDocs(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func everyCheck() []string {
	var out []string
	for _, c := range plan.Checks {
		out = append(out, c.Name)
	}
	return out
}

// knownDangers are the names of the shipped hazards and blocks.
func knownDangers(tb testing.TB) []string {
	tb.Helper()
	var out []string
	for _, a := range shippedCatalog(tb).AddOns {
		for _, h := range a.Hazards {
			out = append(out, h.Name)
		}
		for _, b := range a.Blocks {
			out = append(out, b.Name)
		}
	}
	return out
}

// The page says of each entry of the failure catalogue, once, how it is met, and names nothing that does not exist.
func TestTheHazardPageSaysHowEachEntryIsMet(t *testing.T) {
	t.Parallel()
	data := knownDangers(t)
	if len(data) < 40 {
		t.Errorf("only %d dangers in the shipped catalog", len(data))
	}
	text := readDocs(t, "hazards.md")
	for _, f := range docFaults(text, everyCheck(), data) {
		t.Error(f)
	}
	// The negative controls: a page with one fault has one fault more.
	for name, bad := range map[string]string{
		"an entry that is missing":        strings.Replace(text, "| B7 |", "| B70 |", 1),
		"an entry that nothing covers":    regexp.MustCompile(`(?m)^(\| B41 .*\| ).*$`).ReplaceAllString(text, "${1}we look |"),
		"a check that does not exist":     strings.Replace(text, "`selector-kept`", "`selector-lost`", 1),
		"data that does not exist":        strings.Replace(text, "`EgressGapOnStop`", "`EgressGap`", 1),
		"a check that is not named":       strings.ReplaceAll(text, "`mtu-kept`", "mtu-kept"),
		"data that is not named":          strings.ReplaceAll(text, "`UIDChange`", "UIDChange"),
		"an entry that is there twice":    text + "\n| B1 | again | `dry-run` |\n",
		"a name of the second table":      text + "\n| again | `no-such-check` |\n",
		"an entry beyond the catalogue":   text + "\n| B59 | new | `dry-run` |\n",
		"a row that names nothing at all": strings.Replace(text, "| `nodes-ready` |", "| |", 1),
	} {
		if len(docFaults(bad, everyCheck(), data)) == 0 {
			t.Errorf("%s: no fault is found", name)
		}
	}
}

// A finding's catalogue and the page agree: where a check says that it comes from an entry, the entry's row names the check.
func TestTheHazardPageNamesTheChecksOfEachEntry(t *testing.T) {
	t.Parallel()
	rows, _ := docRows(readDocs(t, "hazards.md"))
	for name, r := range hazardRows() {
		m := r.base()
		r.fires(&m)
		for _, f := range of(r.check, m.find("")) {
			for _, entry := range f.Catalogue {
				n, ok := strings.CutPrefix(entry, "B")
				if !ok || f.Check == "known-hazards" {
					continue
				}
				i := slices.IndexFunc(rows, func(r docRow) bool { return strconv.Itoa(r.entry) == n })
				if i < 0 || !slices.Contains(rows[i].names, f.Check) {
					t.Errorf("%s: %s says that it comes from %s, whose row does not name it", name, f.Check, entry)
				}
			}
		}
	}
	for _, a := range shippedCatalog(t).AddOns {
		for _, h := range a.Hazards {
			for _, entry := range h.Catalogue {
				i := slices.IndexFunc(rows, func(r docRow) bool { return "B"+strconv.Itoa(r.entry) == entry })
				if i < 0 || !slices.Contains(rows[i].names, h.Name) {
					t.Errorf("%s of %s says that it comes from %s, whose row does not name it", h.Name, a.Name, entry)
				}
			}
		}
	}
}

// A reason without a line in docs/findings.md leaves whoever meets it alone.
func TestEveryHazardReasonIsDocumented(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "hazard_reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	docs := readDocs(t, "findings.md")
	var fired []string
	for _, r := range hazardRows() {
		fired = append(fired, string(r.reason))
	}
	dangers := knownDangers(t)
	reasons := 0
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			reasons++
			name := v.Names[0].Name
			if !strings.Contains(docs, "| `"+name+"` |") {
				t.Errorf("docs/findings.md says nothing of %s", name)
			}
			if !slices.Contains(fired, name) {
				t.Errorf("no row shows %s", name)
			}
			if slices.Contains(dangers, name) {
				t.Errorf("%s is a danger of the catalog too: nobody could tell which is meant", name)
			}
		}
		return true
	})
	if reasons < 50 {
		t.Errorf("only %d reasons were found", reasons)
	}
}
