package plan_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

var update = flag.Bool("update", false, "write what the planner says into the scenarios and tables")

// A scenario is up to three sections of a txtar file:
//
//	NAME/facts.yaml  a facts file without its first two lines, docs/facts.md describes it; the one of the scenario before when left out
//	NAME/ask         what is asked, as on the command line: "update --version 0.27.3", "pin --version 0.26.2",
//	                 "install --network-type flannel", "unpin", "rollback --to 1", "follow" (the record is followed, nothing is asked), "--nodes RollingUpdate" as
//	                 it is recorded, settings as "--set-config KEY=VALUE", "--values JSON" and "--overlay JSON", all without spaces; further lines
//	                 ask for more: "show reverse", "show choices", "show explain", "show walk" (carry it out, one look and
//	                 one step at a time)
//	NAME/want        what the planner says
//
// Files below catalog/ replace the shipped catalog for the whole txtar file. The prose at the top of a file states the rules and
// names the rows of facts: OKE 8 that they come from.
type scenario struct {
	// file without its ending, and name in it.
	file, name string
	in         plan.Input
	// problem is why the facts cannot be read.
	problem   error
	shows     []string
	ask, want string
	// own is true where the file has a catalog of its own.
	own bool
}

func (s scenario) String() string { return s.file + "/" + s.name }

// scenarioFile is one txtar file.
type scenarioFile struct {
	path    string
	archive *txtar.Archive
	list    []scenario
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	total := 0
	for _, file := range scenarioFiles(t) {
		total += len(file.list)
		changed := false
		for _, s := range file.list {
			got := play(s, s.in.Catalog)
			if *update {
				changed = write(file.archive, s.name+"/want", got) || changed
				continue
			}
			t.Run(s.String(), func(t *testing.T) {
				if diff := cmp.Diff(strings.Split(s.want, "\n"), strings.Split(got, "\n")); diff != "" {
					t.Errorf("asked to %s, the planner says (-want +got):\n%s", s.ask, diff)
				}
			})
		}
		if changed {
			if err := os.WriteFile(file.path, txtar.Format(file.archive), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if total < 70 {
		t.Errorf("only %d scenarios", total)
	}
}

func TestRefusedScenariosHaveNoSteps(t *testing.T) {
	t.Parallel()
	for _, file := range scenarioFiles(t) {
		for _, s := range file.list {
			p := plan.Make(plan.Imagine(s.in))
			if len(p.Blocking()) > 0 && len(p.Steps) > 0 {
				t.Errorf("%s: refused, and there are steps", s)
			}
			if p.State == plan.Blocked != (len(p.Blocking()) > 0) {
				t.Errorf("%s: state %s with %d refusals", s, p.State, len(p.Blocking()))
			}
		}
	}
}

// scenarioFiles reads all scenarios, in the order of files and sections.
func scenarioFiles(tb testing.TB) []scenarioFile {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "scenarios", "*.txtar"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no scenarios: %v", err)
	}
	var out []scenarioFile
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, scenarioFile{path, archive, read(tb, path, archive)})
	}
	return out
}

// read groups the sections of a file by scenario, in their order.
func read(tb testing.TB, path string, archive *txtar.Archive) []scenario {
	tb.Helper()
	c, err := loadFiles(archive, "catalog/")
	if err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
	own := c != nil
	if !own {
		c = shipped(tb)
	}
	var out []scenario
	facts := map[string][]byte{}
	for _, f := range archive.Files {
		name, section, ok := strings.Cut(f.Name, "/")
		if !ok {
			tb.Fatalf("%s: section %q is none of a scenario", path, f.Name)
		}
		if name == "catalog" {
			continue
		}
		if len(out) == 0 || out[len(out)-1].name != name {
			out = append(out, scenario{file: strings.TrimSuffix(filepath.Base(path), ".txtar"), name: name, own: own})
		}
		s := &out[len(out)-1]
		switch section {
		case "facts.yaml":
			facts[name] = f.Data
		case "ask":
			lines := strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			s.ask, s.shows = lines[0], lines[1:]
		case "want":
			s.want = string(f.Data)
		default:
			tb.Fatalf("%s: section %q: want facts.yaml, ask or want", path, f.Name)
		}
	}
	var before []byte
	for i := range out {
		if given, ok := facts[out[i].name]; ok {
			before = given
		}
		out[i].look(tb, before, c)
	}
	return out
}

// look reads the facts and the question.
func (s *scenario) look(tb testing.TB, facts []byte, c *catalog.Catalog) {
	tb.Helper()
	s.in, s.problem = plan.ReadFacts(slices.Concat([]byte("apiVersion: addonctl.io/v1alpha1\nkind: Facts\n"), facts))
	s.in.Catalog = c
	if s.in.Now.IsZero() {
		s.in.Now = now
	}
	s.in.Request = ask(tb, s.ask)
}

func write(archive *txtar.Archive, name, text string) (changed bool) {
	scenario, _, _ := strings.Cut(name, "/")
	at := 0
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			changed = string(archive.Files[i].Data) != text
			archive.Files[i].Data = []byte(text)
			return changed
		}
		if strings.HasPrefix(archive.Files[i].Name, scenario+"/") {
			at = i + 1
		}
	}
	archive.Files = slices.Insert(archive.Files, at, txtar.File{Name: name, Data: []byte(text)})
	return true
}

// play asks the planner, with a catalog.
func play(s scenario, c *catalog.Catalog) string {
	if s.problem != nil {
		return "error: " + s.problem.Error() + "\n"
	}
	in := s.in
	in.Catalog = c
	p := plan.Make(plan.Imagine(in))
	out := say(p)
	for _, show := range s.shows {
		switch show {
		case "show reverse":
			out += sayReverse(p.Reverse())
		case "show choices":
			out += sayChoices(plan.Choices(in))
		case "show explain":
			out += sayExplanation(plan.Explain(plan.Imagine(in)))
		case "show walk":
			out += walk(in)
		default:
			out += "error: cannot " + show + "\n"
		}
	}
	return out
}

func ask(tb testing.TB, text string) plan.Request {
	tb.Helper()
	words := strings.Fields(text)
	if len(words) == 0 {
		tb.Fatal("nothing is asked")
	}
	var r plan.Request
	if words[0] != "follow" {
		r.Verb = plan.Verb(words[0])
	}
	if r.Verb == plan.SetPin || r.Verb == plan.Install {
		r.Pin.Reason = "scenario"
	}
	flags := flag.NewFlagSet(words[0], flag.ContinueOnError)
	flags.StringVar(&r.Version, "version", "", "")
	flags.StringVar(&r.Accept, "accept", "", "")
	flags.IntVar(&r.Revision, "to", 0, "")
	networkType := flags.String("network-type", "", "")
	podCIDR := flags.String("pod-cidr", "", "")
	flags.Func("nodes", "", func(given string) error {
		r.NodeUpdate = plan.NodeUpdate(given)
		return nil
	})
	flags.Func("set-config", "", func(given string) error {
		key, value, _ := strings.Cut(given, "=")
		r.Settings.Configurations = added(r.Settings.Configurations, key, value)
		return nil
	})
	flags.Func("values", "", func(given string) error { return json.Unmarshal([]byte(given), &r.Settings.Values) })
	flags.Func("overlay", "", func(given string) error { return json.Unmarshal([]byte(given), &r.Settings.Overlay) })
	if err := flags.Parse(words[1:]); err != nil || flags.NArg() > 0 {
		tb.Fatalf("asking %q: %v", text, err)
	}
	if *networkType != "" {
		t, err := catalog.ParseNetworkType(*networkType)
		if err != nil {
			tb.Fatal(err)
		}
		r.NetworkType = t
	}
	if *podCIDR != "" {
		r.PodCIDRs = []string{*podCIDR}
	}
	return r
}

func added(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// say writes a plan as a reader of the specification wants it. Hazards are told by name: their texts are the catalog's.
func say(p plan.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", p.State)
	switch {
	case len(p.Path) > 0:
		fmt.Fprintf(&b, ": %s %s", p.AddOn, strings.Join(p.Path, " -> "))
	case p.To != "":
		fmt.Fprintf(&b, ": %s %s", p.AddOn, p.To)
	}
	if p.Pinned {
		b.WriteString(", pinned")
	}
	b.WriteString("\n")
	var hazards []string
	for _, f := range p.Findings {
		if isHazard(f) && !f.Blocking {
			hazards = append(hazards, sayHazard(f))
			continue
		}
		b.WriteString(sayFinding(f))
	}
	if len(hazards) > 0 {
		fmt.Fprintf(&b, "hazards: %s\n", strings.Join(hazards, ", "))
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "step %s %s, back: %s\n", s.Kind, s.Version, s.Class)
	}
	return b.String()
}

// isHazard tells whether a finding is of the hazards, not of the rules.
func isHazard(f plan.Finding) bool {
	return len(f.Catalogue) > 0 || slices.Contains(hazardNames, f.Check)
}

var hazardNames = plan.HazardNames()

func sayFinding(f plan.Finding) string {
	switch {
	case isHazard(f):
		return "REFUSED hazard " + sayHazard(f) + "\n"
	case f.Blocking:
		return fmt.Sprintf("REFUSED %s: %s\n", f.Reason, f.Message)
	default:
		return fmt.Sprintf("note %s: %s\n", f.Reason, f.Message)
	}
}

// sayHazard names a hazard, the nodes that it strikes where these are not all, and the facts that it hangs on.
func sayHazard(f plan.Finding) string {
	out := string(f.Reason)
	if len(f.Nodes) > 0 {
		out += " on " + strings.Join(f.Nodes, " and ")
	}
	for i, u := range f.Unknown {
		out += map[bool]string{true: " if ", false: " or "}[i == 0] + string(u)
	}
	return out
}

// sayExplanation leaves out the checks, whose findings the plan tells.
func sayExplanation(e plan.Explanation) string {
	out := "because " + e.Chosen + "\n"
	for _, r := range e.Releases {
		out += "release " + r.Version
		for _, rule := range r.Rules {
			out += fmt.Sprintf("; %s (%s)", rule.Rule, rule.Inputs)
			if !rule.Holds {
				out += " fails: " + rule.Why
			}
		}
		if r.Taken {
			out += ": taken"
		}
		out += "\n"
	}
	return out
}

func sayReverse(r plan.Reverse) string {
	out := fmt.Sprintf("the way back from %s to %s is %s\n", r.From, r.To, r.Class)
	for _, s := range r.Steps {
		out += fmt.Sprintf("back %s: %s [%s", s.Kind, s.Text, s.Class)
		if s.Until != "" {
			out += ", until settled " + string(s.Until)
		}
		out += "]\n"
	}
	return out
}

func sayChoices(choices []plan.Choice) string {
	out := ""
	for _, c := range choices {
		out += fmt.Sprintf("choice %s %s", c.Version, c.Status)
		for _, mark := range []struct {
			word string
			is   bool
		}{{" installed", c.Installed}, {" pinned", c.Pinned}, {" newest", c.Newest}} {
			if mark.is {
				out += mark.word
			}
		}
		if c.Why != "" {
			out += ": " + c.Why
		}
		out += "\n"
	}
	return out
}
