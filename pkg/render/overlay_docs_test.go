package render_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/render"
)

func overlayDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/overlays.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// says tells whether the documentation shows a block of text, in a fence of its own.
func says(t *testing.T, block string) {
	t.Helper()
	if !strings.Contains(overlayDocs(t), "\n"+strings.TrimSpace(block)+"\n```\n") {
		t.Errorf("docs/overlays.md does not show:\n%s", block)
	}
}

func TestTheExamplesDoWhatTheDocumentationShows(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mirror", "tolerations", "resources"} {
		before, after := overlaid(t, "0.28.9", nil), overlaid(t, "0.28.9", example(t, name))
		if name == "tolerations" { // the label is on every object
			before.Objects, after.Objects = before.Objects[4:], after.Objects[4:]
		}
		says(t, changesOf(t, before, after))
	}
}

// lineNumbers of a difference say nothing to a reader.
var lineNumbers = regexp.MustCompile(`(?m)^@@ .* @@\n`)

func changesOf(t *testing.T, before, after *render.Render) string {
	t.Helper()
	a, err := render.Print(before.Objects)
	if err != nil {
		t.Fatal(err)
	}
	b, err := render.Print(after.Objects)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(diff.Diff("before", []byte(a), "after", []byte(b))), "+++ after\n")
	if !ok {
		t.Fatal("the example changes nothing")
	}
	return lineNumbers.ReplaceAllString(text, "@@\n")
}

func TestTheDocumentationShowsRealRefusals(t *testing.T) {
	t.Parallel()
	says(t, strings.Join(said(overlaid(t, "0.28.9", overlay(`
images: [{name: ghcr.io/flannel-io/flannel-cni-plugin, newTag: v9.9.9}]
patches: [{patch: "`+strings.ReplaceAll(flannelOf("{containers: [{name: logger, image: example.com/logger:1}]}"), "\n", `\n`)+`"}]
`))), "\n"))

	_, err := laid(t, charts.FS, "0.28.9", overlay(`
resources: [https://example.com/base, ../shared]
images: [{name: flannel, newtag: v2}]
helmCharts: [{name: other}]
patchesStrategicMerge: [patch.yaml]
`))
	if err == nil {
		t.Fatal("it was rendered")
	}
	says(t, strings.TrimPrefix(err.Error(), "rendering Flannel 0.28.9: "))
}

// A reason or a refusal that the documentation says nothing of leaves whoever meets it alone.
func TestEveryReasonAndEveryRefusedFieldOfOverlaysIsDocumented(t *testing.T) {
	t.Parallel()
	docs := overlayDocs(t)
	reasons, fields := 0, 0
	inspect := func(file string, f func(ast.Node)) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool { f(n); return true })
	}
	inspect("overlay.go", func(n ast.Node) {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Overlay") {
			reasons++
			if !strings.Contains(docs, "| `"+v.Names[0].Name+"` |") {
				t.Errorf("docs/overlays.md says nothing of %s", v.Names[0].Name)
			}
		}
	})
	inspect("overlay_check.go", func(n ast.Node) {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return
		}
		if key, ok := kv.Key.(*ast.BasicLit); ok {
			fields++
			if name, err := strconv.Unquote(key.Value); err != nil || !strings.Contains(docs, "`"+name+"`") {
				t.Errorf("docs/overlays.md says nothing of the field %s", key.Value)
			}
		}
	})
	if reasons != 17 || fields != 15 {
		t.Errorf("%d reasons and %d fields were found", reasons, fields)
	}
}
