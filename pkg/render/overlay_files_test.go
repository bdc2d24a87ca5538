package render_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/render"
)

// folderOf is an overlay as a folder.
func folderOf(files map[string][]byte) fs.FS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: text}
	}
	return out
}

// Nothing of an overlay is fetched. Every field that kustomize takes an address in is tried, and with it the folders that
// kustomize would take for one: a path is read as what it is.
func TestAnOverlayReachesNoServer(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		fmt.Fprintln(w, "{}")
	}))
	defer server.Close()
	url := server.URL + "/x.yaml"
	for field, text := range map[string]string{
		"resources[0]":                   "resources: [URL]",
		"resources[1]":                   "resources: [kustomization.yaml, 'git::URL']",
		"components[0]":                  "components: [URL]",
		"configurations[0]":              "configurations: [URL]",
		"patches[0].path":                "patches: [{path: URL}]",
		"replacements[0].path":           "replacements: [{path: URL}]",
		"configMapGenerator[0].files[0]": "configMapGenerator: [{name: x, files: [URL]}]",
		"configMapGenerator[0].files[1]": "configMapGenerator: [{name: x, files: [kustomization.yaml, k=URL]}]",
		"configMapGenerator[0].envs[0]":  "configMapGenerator: [{name: x, envs: [URL]}]",
		"secretGenerator[0].env":         "secretGenerator: [{name: x, env: URL}]",
		"bases":                          "bases: [URL]",
		"crds":                           "crds: [URL]",
		"generators":                     "generators: [URL]",
		"transformers":                   "transformers: [URL]",
		"validators":                     "validators: [URL]",
		"openapi":                        "openapi: {path: URL}",
		"patchesStrategicMerge":          "patchesStrategicMerge: [URL]",
		"patchesJson6902":                "patchesJson6902: [{path: URL}]",
		"helmCharts":                     "helmCharts: [{name: x, repo: URL}]",
		"helmChartInflationGenerator":    "helmChartInflationGenerator: [{chartName: x, chartRepoUrl: URL}]",
	} {
		got, err := laid(t, charts.FS, "0.27.3", overlay(strings.ReplaceAll(text, "URL", url)))
		want := `overlay file "kustomization.yaml": field ` + field + ": "
		if err == nil || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
		if _, read := render.ReadOverlay(folderOf(overlay(strings.ReplaceAll(text, "URL", url)))); read == nil || !strings.Contains(err.Error(), read.Error()) {
			t.Errorf("%s: reading the folder says %v, rendering says %v", text, read, err)
		}
	}
	// As folders these have plain names, and kustomize would take them for a repository and an address.
	host := strings.TrimPrefix(url, "http://")
	for dir, c := range map[string]struct{ as, want string }{
		"github.com/org/repo": {"github.com/org/repo", ""}, "GitHub.com/org/repo": {"GitHub.com/org/repo?ref=v1", "is not in the overlay"},
		"http:/" + host: {url, "has a name that kustomize does not take"}, "git@github.com:org/repo": {"git@github.com:org/repo", "has a name that"},
	} {
		got, err := laid(t, charts.FS, "0.27.3", overlay("resources: ['"+c.as+"']", dir+"/kustomization.yaml", "resources: [c.yaml]", dir+"/c.yaml", document("Secret", "c")))
		switch {
		case c.want == "" && (err != nil || len(got.Findings) != 1 || got.Findings[0].Reason != "OverlayAdds"):
			t.Errorf("%s is a folder of the overlay and was not read as one: %v", dir, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want an error with %q", dir, err, c.want)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestAnOverlayThatCannotBeTrustedIsAnError(t *testing.T) {
	t.Parallel()
	in := `overlay file "kustomization.yaml": `
	long := strings.Repeat("x", 1<<19)
	many := overlay("")
	for i := range 200 {
		many[fmt.Sprintf("f%03d", i)] = nil
	}
	for name, c := range map[string]struct {
		files map[string][]byte
		want  []string
	}{
		"no kustomization at the root":      {map[string][]byte{"a/kustomization.yaml": nil}, []string{`overlay folder "." has no kustomization.yaml`}},
		"two kustomizations":                {overlay("", "Kustomization", ""), []string{"has several kustomizations: kustomization.yaml, Kustomization"}},
		"too many files":                    {many, []string{`overlay file "kustomization.yaml" is one too many: an overlay has at most 200 files of 1024 KiB together`}},
		"too much in its files":             {overlay("", "a", long, "b", long, "c", "x"), []string{`overlay file "c" is one too many`}},
		"a name that leads elsewhere":       {overlay("", "../a", "", "/b", "", "a/../c", "", "d\\e", ""), []string{`"../a" has no plain path`, `"/b"`, `"a/../c"`, `"d\\e"`}},
		"a file in a file":                  {overlay("", "a", "", "a/b", ""), []string{`overlay file "a/b" lies in "a", which is a file`}},
		"a name that is used and not legal": {overlay("resources: ['a b', 'c..d/e', 'x:y']", "a b", "", "c..d/e", "", "x:y", ""), []string{`resources[0]: "a b" has a name that kustomize does not take`, `"c..d/e" has`, `"x:y" has`}},
		"the release's own file":            {overlay("", "objects-of-the-release.json", ""), []string{`"objects-of-the-release.json" has the name that is kept`}},
		"text that is no YAML":              {overlay("a: [b"), []string{in + "it is no YAML of plain values: yaml: line 1"}},
		"a list":                            {overlay("[a]"), []string{in + "it is no kustomization"}},
		"two documents":                     {overlay("resources: []\n---\nresources: [x]"), []string{in + "it has 2 documents"}},
		"a field given twice":               {overlay("resources: []\nresources: []"), []string{in, `"resources" already defined`}},
		"unknown fields, all at once":       {overlay("patch: []\nimages: [{nam: x}]\npatches: [{patch: x, targt: {}}]"), []string{in + `unknown field "patch"`, in + `unknown field "images[0].nam"`, in + `unknown field "patches[0].targt"`}},
		"a field in capitals":               {overlay("Resources: [x]"), []string{in + `unknown field "Resources"`}},
		"a value of another type":           {overlay("namespace: 5"), []string{in, "namespace of type string"}},
		"another kind":                      {overlay("kind: ConfigMap"), []string{in + "kind should be Kustomization or Component"}},
		"another API version":               {overlay("apiVersion: v1"), []string{in + "apiVersion for  should be kustomize.config.k8s.io/v1beta1"}},
		"a file that is not there":          {overlay("patches: [{path: a.yaml}, {path: b/c.yaml}]"), []string{in + `field patches[0].path: "a.yaml" is not in the overlay`, `patches[1].path: "b/c.yaml"`}},
		"a path without end":                {overlay("resources: ['']"), []string{in + `field resources[0]: "" leads out of the overlay, or to its root`}},
		"a path out of the overlay":         {overlay("resources: [../base, /etc/passwd, a/../..]"), []string{`resources[0]: "../base" leads out`, `resources[1]: "/etc/passwd" leads out`, `resources[2]: "a/../.." leads out`}},
		"a folder that includes the root": {
			overlay("components: [a]", "a/kustomization.yaml", "kind: Component\ncomponents: [..]"),
			[]string{`overlay file "a/kustomization.yaml": field components[0]: ".." leads out of the overlay, or to its root`},
		},
		"a file of another folder": {
			overlay("components: [a]", "a/kustomization.yaml", "kind: Component\npatches: [{path: ../p.yaml}]", "p.yaml", ""),
			[]string{`overlay file "a/kustomization.yaml": field patches[0].path: "../p.yaml" is not in folder "a" or below`},
		},
		"a folder without a kustomization": {overlay("resources: [a]", "a/b.yaml", ""), []string{`overlay folder "a" has no kustomization.yaml`}},
		"a folder of the wrong kind": {
			overlay("components: [a]\nresources: [b]", "a/kustomization.yaml", "", "b/kustomization.yaml", "kind: Component"),
			[]string{
				`overlay file "a/kustomization.yaml": field kind: it is included as a Component, and says "Kustomization"`,
				`overlay file "b/kustomization.yaml": field kind: it is included as a Kustomization, and says "Component"`,
			},
		},
		"folders that include each other": {
			overlay("resources: [a]", "a/kustomization.yaml", "resources: [../b]", "b/kustomization.yaml", "resources: [../a, ../a, ../a]"),
			[]string{"folders include each other more than 100 times"},
		},
		"an alias of itself":            {overlay("resources: &a [*a]"), []string{in + "it is no YAML of plain values: its aliases, or its values, are more than 262144"}},
		"an alias of itself in a patch": {overlay("patches: [{patch: 'a: &a [*a]'}]"), []string{in + "field patches[0].patch: it is no YAML of plain values"}},
		"an alias of itself in a file":  {overlay("resources: [r]", "r", "a: &a {b: *a}"), []string{`overlay file "r": it is no YAML of plain values: its aliases`}},
		"aliases of aliases": {
			overlay("resources: [r]", "r", "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"+
				"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"),
			[]string{`overlay file "r": it is no YAML of plain values: its aliases, or its values, are more than 262144`},
		},
		"what no JSON can hold":           {overlay("resources: [r]", "r", "a: .nan"), []string{`overlay file "r": it is no YAML of plain values: json: unsupported value: NaN`}},
		"a field given twice in a patch":  {overlay("patches: [{patch: '{a: 1, a: 2}'}]"), []string{`patches[0].patch: it is no YAML of plain values`, `"a" already defined`}},
		"a patch that kustomize refuses":  {overlay("patches: [{patch: 'a: 1', target: {kind: DaemonSet}}]"), []string{"building the overlay: "}},
		"a patch of what is not there":    {overlay("patches: [{patch: '{apiVersion: v1, kind: Service, metadata: {name: x}}'}]"), []string{"building the overlay: ", "no resource matches strategic merge patch"}},
		"a test in a patch that fails":    {overlay(`patches: [{patch: '[{"op": "test", "path": "/kind", "value": "x"}]', target: {kind: DaemonSet}}]`), []string{"building the overlay: "}},
		"an object of the release's name": {overlay("resources: [r]", "r", document("ServiceAccount", "flannel", "  namespace: kube-system")), []string{"building the overlay: ", "already registered id"}},
		"two objects of one name": {
			overlay("resources: [r]\npatches: [{target: {kind: Secret}, patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"x\"}]'}]", "r", document("Secret", "a")+"---\n"+document("Secret", "b")),
			[]string{"building the overlay: ", "already registered id: Secret"},
		},
		"a hook":                          {overlay("commonAnnotations: {helm.sh/hook: pre-upgrade}"), []string{"the overlay makes a hook of ServiceAccount kube-system/flannel: hooks are not run"}},
		"a panic of kustomize":            {overlay("replacements: [{sourceValue: x, targets: [{select: {kind: DaemonSet}, reject: [null], fieldPaths: [metadata.name]}]}]"), []string{"building the overlay: kustomize broke off: "}},
		"labels that are no text":         {overlay(`patches: [{target: {kind: DaemonSet}, patch: '[{"op": "add", "path": "/metadata/labels/x", "value": 1}]'}]`), []string{"labels"}},
		"a field of another type":         {overlay("patches: [{path: p.yaml}]", "p.yaml", flannelOf("{hostPID: 5}")), []string{"reading what the overlay made: reading DaemonSet kube-system/kube-flannel-ds: "}},
		"a schema of Kubernetes' version": {overlay("openapi: {version: v1.20.4}"), []string{"field openapi: it is refused"}},
		"programs": {
			overlay("transformers: [t.yaml]\ngenerators: [t.yaml]\nvalidators: [t.yaml]", "t.yaml", document("ConfigMap", "x", "  annotations: {config.kubernetes.io/function: 'exec: {path: /bin/true}'}")),
			[]string{"field generators: it is refused: it runs programs", "field transformers: it is refused", "field validators: it is refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := laid(t, charts.FS, "0.27.3", c.files)
			if err == nil || got != nil {
				t.Fatalf("it was rendered: %v", got)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("got %v, want it to hold %q", err, w)
				}
			}
		})
	}
}

func TestAFolderIsReadAsAnOverlay(t *testing.T) {
	t.Parallel()
	want := map[string][]byte{
		"kustomization.yaml": []byte("components: [a]"), "a/kustomization.yml": []byte("kind: Component\npatches: [{path: x/p.yaml}]"),
		"a/x/p.yaml": []byte(flannelOf("{}")), "Read me first!.md": []byte("for the reader: ["),
	}
	dir := t.TempDir()
	for name, text := range want {
		write(t, filepath.Join(dir, name), string(text))
	}
	write(t, filepath.Join(dir, ".git", "config"), strings.Repeat("x", 2<<20))
	write(t, filepath.Join(dir, ".env"), "x")
	got, err := render.ReadOverlay(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := laid(t, charts.FS, "0.27.3", got); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderThatIsNoOverlayIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fill func(t *testing.T, dir string)
		want string
	}{
		"an empty folder": {func(*testing.T, string) {}, `overlay folder "." has no kustomization.yaml, kustomization.yml, Kustomization`},
		"a link": {func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "passwd")); err != nil {
				t.Fatal(err)
			}
		}, `overlay file "passwd" is no plain file: links are not followed`},
		"a link to a folder": {func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Symlink("/etc", filepath.Join(dir, "etc")); err != nil {
				t.Fatal(err)
			}
		}, `overlay file "etc" is no plain file`},
		"a large file": {func(t *testing.T, dir string) {
			t.Helper()
			write(t, filepath.Join(dir, "a"), strings.Repeat("x", 1<<20+1))
		}, `overlay file "a" is one too many: an overlay has at most 200 files of 1024 KiB together`},
		"many files": {func(t *testing.T, dir string) {
			t.Helper()
			for i := range 201 {
				write(t, filepath.Join(dir, "d", fmt.Sprintf("%03d", i)), "")
			}
		}, `overlay file "d/200" is one too many`},
		"a kustomization that is not sound": {func(t *testing.T, dir string) {
			t.Helper()
			write(t, filepath.Join(dir, "kustomization.yaml"), "resources: [../x]")
		}, `overlay file "kustomization.yaml": field resources[0]: "../x" leads out of the overlay`},
		"no folder": {func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
		}, "reading overlay: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.fill(t, dir)
			files, err := render.ReadOverlay(os.DirFS(dir))
			if err == nil || files != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v, want an error with %q", files, err, c.want)
			}
		})
	}
}
