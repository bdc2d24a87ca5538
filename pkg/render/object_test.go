package render_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/render"
)

func parse(tb testing.TB, manifest string) []*unstructured.Unstructured {
	tb.Helper()
	out, err := render.Parse(manifest)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func printed(tb testing.TB, objects []*unstructured.Unstructured) string {
	tb.Helper()
	out, err := render.Print(objects)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestWhatIsPrintedIsParsedAsItWas(t *testing.T) {
	t.Parallel()
	const text = `---
apiVersion: v1
data:
  empty: ""
  lines: |
    one
    two
  number: "007"
  quoted: 'yes: no'
kind: ConfigMap
metadata:
  name: x
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: z
  namespace: kube-system
spec:
  minReadySeconds: 5
  template:
    spec:
      hostNetwork: true
      volumes: []
`
	objects := parse(t, text)
	if diff := cmp.Diff(text, printed(t, objects)); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(objects, parse(t, printed(t, objects))); diff != "" {
		t.Errorf("parsed (-want +got):\n%s", diff)
	}
}

func TestEmptyDocumentsAreSkipped(t *testing.T) {
	t.Parallel()
	one := document("ConfigMap", "x")
	for name, text := range map[string]string{
		"nothing around":  one,
		"separators":      "---\n---\n" + one + "---\n",
		"comments":        "# about\n---\n" + one + "---\n# the end\n",
		"null and braces": "null\n---\n{}\n---\n" + one,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, text); len(got) != 1 || got[0].GetName() != "x" {
				t.Errorf("got %v", got)
			}
		})
	}
	if got := parse(t, ""); got != nil {
		t.Errorf("of no text: %v", got)
	}
}

func TestADocumentThatIsNoObjectIsAnErrorThatSaysWhichItIs(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no kind":                         "apiVersion: v1\nmetadata: {name: x}\n",
		"no apiVersion":                   "kind: ConfigMap\nmetadata: {name: x}\n",
		"no name":                         "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n",
		"a name that is a number":         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 7}\n",
		"a name that YAML takes for true": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\n",
		"metadata that is text":           "apiVersion: v1\nkind: ConfigMap\nmetadata: x\n",
		"a list":                          "- a\n- b\n",
		"text":                            "oops\n",
		"no YAML":                         "a: [b\n",
		"a tab":                           "a:\n\tb: c\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := render.Parse(document("ConfigMap", "first") + "---\n" + text)
			if err == nil {
				t.Fatalf("it was parsed: %v", got)
			}
			if !strings.Contains(err.Error(), "document 2") {
				t.Errorf("the error does not say which document it is: %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(document("ConfigMap", "x"))
	f.Add("---\n# nothing\n---\n" + document("DaemonSet", "y", "spec: {a: 1.5, b: [true, null], c: {}}"))
	f.Add(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}{"apiVersion":"v1","kind":"Secret","metadata":{"name":"y"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		objects, err := render.Parse(text)
		if err != nil {
			return
		}
		for _, o := range objects {
			if o.GetKind() == "" || o.GetAPIVersion() == "" || o.GetName() == "" {
				t.Fatalf("an object without kind, apiVersion or name: %v", o.Object)
			}
		}
		text, err = render.Print(objects)
		if err != nil {
			return // YAML cannot hold every control character, and says so
		}
		again, err := render.Parse(text)
		if err != nil {
			t.Fatalf("what was printed cannot be parsed: %v", err)
		}
		if diff := cmp.Diff(objects, again); diff != "" {
			t.Fatalf("print and parse changed it (-want +got):\n%s", diff)
		}
	})
}

// The text is that of sigs.k8s.io/yaml, which everybody else writes; ours leaves out its way over JSON.
func TestPrintedObjectsReadAsTheUsualLibraryWritesThem(t *testing.T) {
	t.Parallel()
	for _, object := range []map[string]any{
		{"a": int64(10000000), "b": int64(-1), "c": 1.5, "d": "1e+07", "e": "0x10", "f": "yes", "g": "", "h": nil, "i": true},
		{"text": "a\nb\n", "list": []any{"a", map[string]any{"b": "c: d"}}, "empty": map[string]any{}, "none": []any{}, "quote": `"'`},
		{"date": "2026-11-22", "octal": "0644", "tilde": "~", "star": "*a", "long": strings.Repeat("word ", 40)},
	} {
		want, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		got, err := render.Print([]*unstructured.Unstructured{{Object: object}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("---\n"+string(want), got); diff != "" {
			t.Errorf("text (-usual +ours):\n%s", diff)
		}
	}
}

func TestWholeNumbersStayWhole(t *testing.T) {
	t.Parallel()
	objects, err := render.Parse("apiVersion: v1\nkind: X\nmetadata: {name: x}\nspec: {vni: 16777215, half: 0.5}\n")
	if err != nil {
		t.Fatal(err)
	}
	text, err := render.Print(objects)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"vni: 16777215\n", "half: 0.5\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
