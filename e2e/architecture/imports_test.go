// Package architecture holds the rules of the code's structure as tests: who may import whom, and what the pure core may
// touch.
package architecture

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/addonctl/addonctl/"

// allowed is the table of docs/architecture.md: the packages of the project that each may import directly outside of its
// tests. A package without a row fails. "*" stands for every package of pkg.
var allowed = map[string][]string{
	"pkg/version":      {},
	"pkg/catalog":      {"pkg/version"},
	"pkg/graph":        {"pkg/catalog", "pkg/version"},
	"pkg/noderoll":     {"pkg/version"},
	"pkg/plan":         {"pkg/graph", "pkg/catalog", "pkg/noderoll", "pkg/version"},
	"pkg/rollout":      {"pkg/catalog", "pkg/version"},
	"pkg/api/v1alpha1": {},
	"pkg/status":       {"pkg/api/v1alpha1", "pkg/plan", "pkg/noderoll", "pkg/rollout", "pkg/version"},
	"pkg/artifact":     {},
	"pkg/render":       {"pkg/catalog", "pkg/version", "pkg/artifact"},
	"pkg/kube":         {},
	"pkg/record":       {"pkg/kube"},
	"pkg/guard":        {"pkg/kube", "manifests"},
	"pkg/oke":          {"pkg/version"},
	"pkg/hub":          {"pkg/api/v1alpha1", "pkg/kube", "pkg/noderoll", "pkg/plan", "pkg/status", "manifests"},
	"pkg/observe": {
		"pkg/api/v1alpha1", "pkg/catalog", "pkg/plan", "pkg/noderoll", "pkg/version", "pkg/guard", "pkg/kube", "pkg/hub", "pkg/record", "pkg/oke",
	},
	"pkg/engine/helm": {
		"pkg/plan", "pkg/noderoll", "pkg/catalog", "pkg/version", "pkg/render", "pkg/artifact", "pkg/guard", "pkg/kube", "pkg/record",
	},
	"pkg/engine/oke": {"pkg/plan", "pkg/noderoll", "pkg/catalog", "pkg/version", "pkg/kube", "pkg/record", "pkg/oke"},
	"pkg/probe":      {},
	"pkg/reconcile":  {"pkg/plan", "pkg/noderoll", "pkg/status"},
	"pkg/controller": {
		"pkg/api/v1alpha1", "pkg/catalog", "pkg/noderoll", "pkg/plan", "pkg/reconcile", "pkg/rollout", "pkg/status",
	},
	"pkg/metric": {"pkg/api/v1alpha1", "pkg/status"},
	"pkg/drive": {
		"pkg/api/v1alpha1", "pkg/catalog", "pkg/engine/helm", "pkg/guard", "pkg/hub", "pkg/kube", "pkg/noderoll", "pkg/observe", "pkg/plan", "pkg/record",
		"pkg/reconcile",
	},
	"pkg/sandbox":       {"pkg/kube"},
	"pkg/manager":       {"*", "addons", "charts", "manifests"},
	"pkg/cli":           {"*", "addons", "charts", "manifests"},
	"pkg/testkube":      {"pkg/sandbox", "pkg/kube"},
	"addons":            {},
	"charts":            {},
	"manifests":         {},
	"cmd/addonctl":      {"pkg/cli"},
	"cmd/addon-manager": {"pkg/manager"},
	"cmd/addon-pod":     {},
	"e2e":               {},
	"e2e/architecture":  {},
	"e2e/crash":         {},
	"e2e/image":         {},
	"e2e/sandbox/build": {},
	"e2e/sandbox/npn":   {},
}

// never are imports that a "*" does not cover.
var never = map[string][]string{
	"pkg/cli":     {"pkg/manager", "pkg/controller", "pkg/testkube"},
	"pkg/manager": {"pkg/cli", "pkg/testkube", "pkg/sandbox"},
}

// pure packages decide and do nothing else.
var pure = []string{"pkg/version", "pkg/catalog", "pkg/graph", "pkg/noderoll", "pkg/plan", "pkg/rollout", "pkg/status"}

// impure are the imports, or their beginnings, that the pure core may not have.
var impure = []string{
	"os", "os/", "net", "net/", "log", "log/", "sync", "io/ioutil", "k8s.io/client-go/", "helm.sh/", "sigs.k8s.io/kustomize/",
	"github.com/spf13/cobra", "github.com/oracle/", "k8s.io/klog/", "github.com/go-logr/",
}

// confined imports may be used by these packages alone.
var confined = map[string][]string{
	"helm.sh/helm/":          {"pkg/render", "pkg/record", "pkg/engine/helm", "pkg/artifact"},
	"sigs.k8s.io/kustomize/": {"pkg/render"},
}

type goPackage struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing the packages: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("reading the packages: %v", err)
		}
		all = append(all, p)
	}
}

// faults judges one package by the tables; it is a function of values, so that the test below can show it a bad one.
func faults(name string, imports []string) []string {
	rule, ok := allowed[name]
	if !ok {
		return []string{name + " has no row in the table of packages"}
	}
	var out []string
	for _, i := range imports {
		if own, ok := strings.CutPrefix(i, module); ok {
			if !permitted(name, own, rule) {
				out = append(out, name+" imports "+own)
			}
			continue
		}
		if slices.Contains(pure, name) && isImpure(i) {
			out = append(out, name+" is pure and imports "+i)
		}
		for prefix, users := range confined {
			if strings.HasPrefix(i, prefix) && !slices.Contains(users, name) {
				out = append(out, name+" imports "+i+", which is confined to "+strings.Join(users, ", "))
			}
		}
	}
	return out
}

func permitted(name, own string, rule []string) bool {
	if slices.Contains(never[name], own) {
		return false
	}
	return slices.Contains(rule, own) || slices.Contains(rule, "*") && strings.HasPrefix(own, "pkg/")
}

func isImpure(i string) bool {
	return i != "net/netip" && slices.ContainsFunc(impure, func(p string) bool {
		return i == p || strings.HasSuffix(p, "/") && strings.HasPrefix(i, p)
	})
}

func TestEveryPackageImportsOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 && strings.HasPrefix(p.ImportPath, module+"e2e/") {
			continue
		}
		for _, f := range faults(strings.TrimPrefix(p.ImportPath, module), p.Imports) {
			t.Error(f)
		}
	}
}

// The negative control: the judge finds what it is there for.
func TestTheImportRulesFindABadImport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pkg, imports string }{
		"a package without a row":           {"pkg/helpers", ""},
		"the core reading files":            {"pkg/plan", "os"},
		"the core with a client":            {"pkg/plan", "k8s.io/client-go/rest"},
		"the planner knowing an engine":     {"pkg/plan", module + "pkg/engine/helm"},
		"the command line with controllers": {"pkg/cli", module + "pkg/controller"},
		"Helm outside of its packages":      {"pkg/observe", "helm.sh/helm/v3/pkg/release"},
		"kustomize outside of the render":   {"pkg/engine/helm", "sigs.k8s.io/kustomize/api/krusty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if len(faults(c.pkg, []string{c.imports})) == 0 {
				t.Errorf("%s importing %q passes", c.pkg, c.imports)
			}
		})
	}
}

func TestThePureCoreHasNoClockAndNoGoroutines(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if !slices.Contains(pure, strings.TrimPrefix(p.ImportPath, module)) {
			continue
		}
		for _, f := range p.GoFiles {
			for _, fault := range clockAndGoroutines(t, filepath.Join(p.Dir, f), nil) {
				t.Error(fault)
			}
		}
	}
	if got := clockAndGoroutines(t, "bad.go", "package p\nimport \"time\"\nfunc f() { go f(); _ = time.Now() }"); len(got) != 2 {
		t.Errorf("a file with a goroutine and a clock has the faults %v, want two", got)
	}
}

func clockAndGoroutines(t *testing.T, file string, src any) []string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, fset.Position(n.Pos()).String()+": a goroutine in the pure core")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && (n.Sel.Name == "Now" || n.Sel.Name == "Since" || n.Sel.Name == "Sleep") {
				out = append(out, fset.Position(n.Pos()).String()+": time."+n.Sel.Name+" in the pure core")
			}
		}
		return true
	})
	return out
}
