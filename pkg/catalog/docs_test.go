package catalog_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// sections of docs/catalog.md, by the struct whose fields they list.
var sections = map[string]string{
	"header": "Every file", "addOnDocument": "AddOn", "releaseDocument": "Release", "blockDocument": "Block", "hazardDocument": "Hazard",
	"rangeDocument": "Ranges", "conditionDocument": "Conditions and facts",
}

var (
	quoted  = regexp.MustCompile("`([^`]+)`")
	example = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	entry   = regexp.MustCompile(`\[[0-9]+\]`)
)

// docRow is a row of a table: what its first column names, and its columns. Width is how many the table has.
type docRow struct {
	section, header string
	width           int
	names           []string
	columns         []string
}

// docRows reads every table of a text.
func docRows(text string) []docRow {
	var out []docRow
	section, header, width := "", "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
		}
		if !strings.HasPrefix(line, "|") {
			header = ""
			continue
		}
		columns := strings.Split(strings.Trim(line, "|"), "|")
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		if header == "" {
			header, width = columns[0], len(columns)
			continue
		}
		out = append(out, docRow{section, header, width, names(columns[0]), columns})
	}
	return out
}

// names are the words of a text in backticks.
func names(text string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// source is what the test reads of the package's own code.
type source struct {
	structs map[string]*ast.StructType
	// constants by name, and the names of those of each type.
	constants map[string]string
	ofType    map[string][]string
	// documents are the structs that files are decoded into.
	documents []string
	// known are the values of the facts that have only a few.
	known map[string][]string
}

func readSource(tb testing.TB) *source {
	tb.Helper()
	s := &source{structs: map[string]*ast.StructType{}, constants: map[string]string{}, ofType: map[string][]string{}, known: map[string][]string{}}
	files := parseFolder(tb, ".")
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				s.declare(n)
			case *ast.ValueSpec:
				s.value(n)
			}
			return true
		})
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && v.Names[0].Name == "knownValues" {
				s.knownValues(v.Values[0])
			}
			return true
		})
	}
	return s
}

// parseFolder parses the files of a folder that are no tests.
func parseFolder(tb testing.TB, folder string) []*ast.File {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		tb.Fatal(err)
	}
	var out []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func (s *source) declare(t *ast.TypeSpec) {
	st, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	s.structs[t.Name.Name] = st
	if t.Name.Name == "header" || strings.HasSuffix(t.Name.Name, "Document") {
		s.documents = append(s.documents, t.Name.Name)
	}
}

func (s *source) value(v *ast.ValueSpec) {
	if len(v.Values) != 1 {
		return
	}
	text, ok := literal(v.Values[0])
	if !ok {
		return
	}
	s.constants[v.Names[0].Name] = text
	if t, ok := v.Type.(*ast.Ident); ok {
		s.ofType[t.Name] = append(s.ofType[t.Name], text)
	}
}

// knownValues reads the map of that name: {FactTypha: {"false", "true"}, FactNodeKind: {string(Managed)}}.
func (s *source) knownValues(e ast.Expr) {
	for _, elt := range e.(*ast.CompositeLit).Elts {
		kv := elt.(*ast.KeyValueExpr)
		fact := s.text(kv.Key)
		for _, v := range kv.Value.(*ast.CompositeLit).Elts {
			s.known[fact] = append(s.known[fact], s.text(v))
		}
	}
}

// text of a literal, a constant, or a conversion of one.
func (s *source) text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return s.constants[e.Name]
	case *ast.CallExpr:
		return s.text(e.Args[0])
	}
	text, _ := literal(e)
	return text
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// fields are the paths of a struct's JSON fields, those of structs inside too, unless these have a section of their own.
func (s *source) fields(name, prefix string, seen map[string]bool) []string {
	seen[name] = true
	var out []string
	for _, f := range s.structs[name].Fields.List {
		if f.Tag == nil {
			continue // embedded
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		field, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		path, inner := prefix+field, f.Type
		if list, ok := inner.(*ast.ArrayType); ok {
			path, inner = path+"[]", list.Elt
		}
		of, ok := inner.(*ast.Ident)
		if ok && s.structs[of.Name] != nil && sections[of.Name] == "" && of.Name != "text" {
			out = append(out, s.fields(of.Name, path+".", seen)...)
			if path == prefix+field {
				continue
			}
		}
		out = append(out, prefix+field)
	}
	return out
}

// docs holds a text against the code.
type docs struct {
	rows   []docRow
	faults []string
}

func (d *docs) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

// find returns the row of a table that names something in its first column; an empty one when there is none.
func (d *docs) find(section, header, name string) docRow {
	i := slices.IndexFunc(d.rows, func(r docRow) bool {
		return r.section == section && r.header == header && slices.Contains(r.names, name)
	})
	if i < 0 {
		return docRow{}
	}
	return d.rows[i]
}

// exactly wants every one of the names in a table, once, and no others.
func (d *docs) exactly(section, header string, want []string) {
	var got []string
	for _, r := range d.rows {
		if r.section == section && r.header == header {
			got = append(got, r.names...)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			d.fault("%s: no row for %s %s", section, header, name)
		}
	}
	for i, name := range got {
		if !slices.Contains(want, name) {
			d.fault("%s: a row for %s %s, which does not exist", section, header, name)
		}
		if slices.Contains(got[:i], name) {
			d.fault("%s: two rows for %s %s", section, header, name)
		}
	}
}

// docFaults is everything that is wrong with a text, sorted.
func docFaults(text string, s *source, properties []string) []string {
	d := &docs{rows: docRows(text)}
	for _, r := range d.rows {
		if len(r.columns) != r.width {
			d.fault("%s: the row of %s has %d columns, want %d", r.section, r.columns[0], len(r.columns), r.width)
		}
	}
	d.checkFields(s)
	d.checkFacts(s)
	d.checkEnums(s)
	d.checkRequired()
	d.exactly("What is proved", "property", properties)
	d.checkExamples(text)
	slices.Sort(d.faults)
	return d.faults
}

func (d *docs) checkFields(s *source) {
	seen := map[string]bool{}
	for name, section := range sections {
		d.exactly(section, "field", s.fields(name, "", seen))
	}
	for _, name := range s.documents {
		if !seen[name] {
			d.fault("no section lists the fields of %s", name)
		}
	}
}

func (d *docs) checkFacts(s *source) {
	var facts []string
	for _, f := range catalog.FactNames() {
		facts = append(facts, string(f))
		r := d.find("Conditions and facts", "fact", string(f))
		for _, v := range s.known[string(f)] {
			if len(r.columns) < 2 || !slices.Contains(names(r.columns[1]), v) {
				d.fault("the row of the fact %s does not name its value %s", f, v)
			}
		}
	}
	d.exactly("Conditions and facts", "fact", facts)
}

// checkEnums wants each value of each enum in the table of each field that has it, and those that need words of their own in
// a table that explains them.
func (d *docs) checkEnums(s *source) {
	for _, e := range []struct{ section, field, of string }{
		{"AddOn", "networkType", "NetworkType"},
		{"AddOn", "nodeKinds", "NodeKind"},
		{"AddOn", "moves.back[].class", "Class"},
		{"Release", "status", "Status"},
		{"Release", "mechanism", "Mechanism"},
		{"Release", "confidence", "Confidence"},
	} {
		r := d.find(e.section, "field", e.field)
		for _, v := range s.ofType[e.of] {
			if len(r.columns) < 2 || !slices.Contains(names(r.columns[1]), v) {
				d.fault("%s: the row of %s does not name its value %s", e.section, e.field, v)
			}
		}
		if len(s.ofType[e.of]) < 2 {
			d.fault("the code has no values of %s", e.of)
		}
	}
	d.exactly("Rules for data", "status", s.ofType["Status"])
	d.exactly("Ways back", "class", s.ofType["Class"])
}

// bare are files with nothing but their header, and with one empty entry in each list: what Load misses in them is required.
var bare = map[string]map[string][]string{
	"AddOn":   {"bare/addon.yaml": {"", "moves: {stops: [{}], back: [{}]}\nconfigurations: [{}]\n"}},
	"Release": {"bare/releases/1.0.0.yaml": {"", "images: [{}]\nrenders: [{}]\n"}},
	"Block":   {"bare/blocked/bare.yaml": {"", "when: [{}]\n"}},
	"Hazard":  {"bare/hazards/bare.yaml": {"", "when: [{}]\n"}},
}

// checkRequired holds the third columns against what Load says of bare files.
func (d *docs) checkRequired() {
	for kind, files := range bare {
		for file, bodies := range files {
			missing := map[string]bool{}
			for _, body := range bodies {
				data := fmt.Sprintf("apiVersion: catalog.addonctl.io/v1alpha1\nkind: %s\n%s", kind, body)
				_, err := catalog.Load(fstest.MapFS{file: {Data: []byte(data)}})
				for _, f := range faultsOf(err) {
					if f.File == file && strings.HasPrefix(f.Problem, "missing") {
						missing[entry.ReplaceAllString(f.Field, "[]")] = true
					}
				}
			}
			d.compareRequired(kind, missing)
		}
	}
}

func (d *docs) compareRequired(kind string, missing map[string]bool) {
	for _, r := range d.rows {
		if r.section != kind || r.header != "field" || len(r.columns) < 3 {
			continue
		}
		for _, name := range r.names {
			if cell := r.columns[2]; cell == "yes" && !missing[name] {
				d.fault("%s: %s is called required, and Load does not miss it", kind, name)
			} else if cell == "no" && missing[name] {
				d.fault("%s: %s is called optional, and Load misses it", kind, name)
			}
		}
	}
}

func faultsOf(err error) []catalog.Fault {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var out []catalog.Fault
	for _, e := range joined.Unwrap() {
		if f, ok := e.(catalog.Fault); ok { //nolint:errorlint // the parts of a join are looked at one by one
			out = append(out, f)
		}
	}
	return out
}

// checkExamples loads every example of the text beside a catalog without a fault.
func (d *docs) checkExamples(text string) {
	archive, err := txtar.ParseFile("testdata/sound/complete.txtar")
	if err != nil {
		d.fault("%v", err)
		return
	}
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	kinds := map[string]int{}
	for _, m := range example.FindAllStringSubmatch(text, -1) {
		first, _, _ := strings.Cut(m[1], "\n")
		file, ok := strings.CutPrefix(first, "# file: ")
		if !ok || fsys[file] != nil {
			d.fault("the example that begins with %q does not name a file of its own", first)
			continue
		}
		fsys[file] = &fstest.MapFile{Data: []byte(m[1])}
		kinds[filepath.Base(filepath.Dir(file))]++
	}
	if _, err := catalog.Load(fsys); err != nil {
		d.fault("the examples do not load: %v", err)
	}
	for _, folder := range []string{"example", "releases", "blocked", "hazards"} {
		if kinds[folder] == 0 {
			d.fault("no example lies in %s", folder)
		}
	}
}

// provedProperties are the constants of package graph whose comment, or that of their group, speaks of Verify.
func provedProperties(tb testing.TB) []string {
	tb.Helper()
	speaks := func(c *ast.CommentGroup) bool { return strings.Contains(c.Text(), "Verify") }
	var out []string
	for _, f := range parseFolder(tb, filepath.Join("..", "graph")) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if speaks(g.Doc) || speaks(v.Doc) {
					text, _ := literal(v.Values[0])
					out = append(out, text)
				}
			}
		}
	}
	return out
}

// docs/catalog.md lists every field, fact, value and property that there is, and no other; it is right about what is
// required, and its examples load.
func TestTheCatalogPageIsTheFormat(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "catalog.md"))
	if err != nil {
		t.Fatal(err)
	}
	text, s, properties := string(data), readSource(t), provedProperties(t)
	if len(s.documents) < 13 || len(s.known) < 10 || len(properties) < 8 {
		t.Fatalf("too little was found in the code: documents %v, facts with few values %v, properties %v", s.documents, s.known, properties)
	}
	for _, f := range docFaults(text, s, properties) {
		t.Error(f)
	}
	// The negative controls: a page with one fault has one fault more.
	row := func(begins string) string {
		return regexp.MustCompile(`(?m)^\| `+regexp.QuoteMeta(begins)+`.*\n`).ReplaceAllString(text, "")
	}
	for name, bad := range map[string]string{
		"no row for a field":                 row("`reviewed`"),
		"no row for a field inside":          row("`moves.stops[].url`"),
		"no row for a field of every file":   row("`kind`"),
		"no row for a fact":                  row("`typha`"),
		"no row for a status":                row("`DEPRECATED`"),
		"no row for a class":                 row("`ReversibleWithLoss`"),
		"no row for a property":              row("`DeadEnd`"),
		"a field that does not exist":        strings.Replace(text, "| `released` |", "| `released`, `retired` |", 1),
		"a field in another's section":       strings.Replace(text, "| `reviewed` |", "| `reviewed`, `effect` |", 1),
		"a field without one of its names":   strings.Replace(text, "`effect`, `mitigation`", "`effect`", 1),
		"a fact that does not exist":         strings.Replace(text, "| `realm` | as", "| `realm`, `region` | as", 1),
		"a property that does not exist":     strings.Replace(text, "`DeadData`", "`DeadDate`", 1),
		"a value of a fact that is missing":  strings.Replace(text, "| `loaded`, `missing` |", "| `loaded` |", 1),
		"a value of an enum that is missing": strings.Replace(text, "`RollingUpdate`, `OnDelete`, `OnReboot`", "`RollingUpdate`, `OnDelete`", 1),
		"a required field called optional":   strings.Replace(text, "| `url` | address | yes |", "| `url` | address | no |", 1),
		"an optional field called required":  strings.Replace(text, "| `released` | day | no |", "| `released` | day | yes |", 1),
		"a row with a column too few":        strings.Replace(text, "| `released` | day | no |", "| `released` | no |", 1),
		"a row that is there twice":          strings.Replace(text, "| `released` |", "| `released`, `version` |", 1),
		"an example with a fault":            strings.Replace(text, "\nmechanism: RollingUpdate\n", "\nmechanism: Recreate\n", 1),
		"an example without a file":          strings.Replace(text, "# file: example/addon.yaml\n", "", 1),
		"an example in the wrong file":       strings.Replace(text, "# file: example/blocked/store-lost.yaml", "# file: example/blocked/store.yaml", 1),
		"no example of a hazard":             strings.Replace(text, "```yaml\n# file: example/hazards", "```\n# file: example/hazards", 1),
	} {
		switch {
		case bad == text:
			t.Errorf("%s: nothing was changed", name)
		case len(docFaults(bad, s, properties)) == 0:
			t.Errorf("%s: no fault is found", name)
		}
	}
}
