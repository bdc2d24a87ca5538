package catalog_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the wanted faults in testdata")

func sprint(v any) string { return fmt.Sprint(v) }

// Each testdata/*.txtar is a catalog with prose; its file "want" holds the
// faults that Load must report, one a line, all at once.
func TestLoadReportsEveryFaultWithFileFieldAndValue(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(script)
			if err != nil {
				t.Fatal(err)
			}
			fsys, want := split(t, archive)
			c, err := catalog.Load(fsys)
			if err == nil || c != nil {
				t.Fatalf("got catalog %v and error %v, want an error alone", c, err)
			}
			compare(t, script, archive, want, err.Error()+"\n")
		})
	}
}

// split takes the wanted text from an archive and makes a file system of the rest.
func split(t *testing.T, archive *txtar.Archive) (fsys fstest.MapFS, want *txtar.File) {
	t.Helper()
	fsys = fstest.MapFS{}
	for i, file := range archive.Files {
		if file.Name == "want" {
			want = &archive.Files[i]
			continue
		}
		fsys[file.Name] = &fstest.MapFile{Data: file.Data}
	}
	if want == nil {
		t.Fatal(`no file "want"`)
	}
	return fsys, want
}

func compare(t *testing.T, script string, archive *txtar.Archive, want *txtar.File, got string) {
	t.Helper()
	if *update {
		want.Data = []byte(got)
		if err := os.WriteFile(script, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want.Data), got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// The shipped data with one line changed: each row is one kind of fault, and
// nothing else may be reported beside it.
func TestLoadNamesTheOneFaultOfAChangedLine(t *testing.T) {
	t.Parallel()
	const addOn, release = "flannel/addon.yaml", "flannel/releases/0.27.3.yaml"
	tests := map[string]struct{ file, old, new, want string }{
		"an unknown kind":              {addOn, "kind: AddOn", "kind: Addon", `flannel/addon.yaml: kind: "Addon": want AddOn`},
		"a newer format":               {release, "io/v1alpha1", "io/v1", `flannel/releases/0.27.3.yaml: apiVersion: "catalog.addonctl.io/v1": want catalog.addonctl.io/v1alpha1`},
		"a name with a dash":           {addOn, "name: Flannel\n", "name: Flan-nel\n", `flannel/addon.yaml: name: "Flan-nel": want the form ^[A-Za-z][A-Za-z0-9]*$`},
		"a name in the wrong folder":   {addOn, "name: Flannel\n", "name: OciVcnIpNative\n", `flannel/addon.yaml: name: "OciVcnIpNative": lies in folder "flannel", want "oci-vcn-ip-native"`},
		"an unknown network type":      {addOn, "FLANNEL_OVERLAY", "FLANNEL", `flannel/addon.yaml: networkType: "FLANNEL": want FLANNEL_OVERLAY or OCI_VCN_IP_NATIVE`},
		"another kind of workload":     {addOn, "DaemonSet\n", "Deployment\n", `flannel/addon.yaml: workload.kind: "Deployment": want DaemonSet`},
		"a node kind twice":            {addOn, "SelfManaged]", "Managed]", `flannel/addon.yaml: nodeKinds[1]: "Managed": given twice`},
		"no chart":                     {addOn, "chart: flannel", "chart:", `flannel/addon.yaml: chart: missing`},
		"an unknown field":             {release, "mechanism:", "mecanism: x\nmechanism:", `flannel/releases/0.27.3.yaml: mecanism: unknown field`},
		"an unknown inner field":       {release, "minimal:", "minimum: x\n  minimal:", `flannel/releases/0.27.3.yaml: kubernetes.minimum: unknown field`},
		"a version of another file":    {release, `version: "0.27.3"`, `version: "0.27.4"`, `flannel/releases/0.27.3.yaml: version: "0.27.4": differs from the file's name "0.27.3"`},
		"no version":                   {release, `version: "0.27.3"`, ``, `flannel/releases/0.27.3.yaml: version: missing`},
		"a number for a version":       {release, `minimal: "1.34"`, `minimal: 1.30`, `flannel/releases/0.27.3.yaml: kubernetes.minimal: "1.3": not text, write it in quotes`},
		"a bound that is no version":   {release, `minimal: "1.34"`, `maximum: "latest"`, `flannel/releases/0.27.3.yaml: kubernetes.maximum: "latest": parsing version "latest": want major.minor or major.minor.patch, got "latest"`},
		"bounds the wrong way round":   {release, `minimal: "1.34"`, `{minimal: "1.34", maximum: "1.33"}`, `flannel/releases/0.27.3.yaml: kubernetes.minimal: "1.34": minimal 1.34 is later than maximum 1.33`},
		"an empty exact version":       {release, `minimal: "1.34"`, `exact: [""]`, `flannel/releases/0.27.3.yaml: kubernetes.exact[0]: missing`},
		"a listed patch":               {release, `"1.35"`, `"1.35.2"`, `flannel/releases/0.27.3.yaml: listedFor[1]: "1.35.2": parsing minor version "1.35.2": "35.2" is not a number`},
		"a listed number":              {release, `"1.35"`, `1.35`, `flannel/releases/0.27.3.yaml: listedFor[1]: "1.35": not text, write it in quotes`},
		"a minor listed twice":         {release, `"1.35"`, `"1.34"`, `flannel/releases/0.27.3.yaml: listedFor[1]: "1.34": given twice`},
		"an unknown status":            {release, "ACTIVE", "Active", `flannel/releases/0.27.3.yaml: status: "Active": want ACTIVE or DEPRECATED or PREVIEW or RECALLED`},
		"no status":                    {release, "status: ACTIVE", "", `flannel/releases/0.27.3.yaml: status: missing, want ACTIVE or DEPRECATED or PREVIEW or RECALLED`},
		"an unknown mechanism":         {release, "RollingUpdate", "Recreate", `flannel/releases/0.27.3.yaml: mechanism: "Recreate": want RollingUpdate or OnDelete or OnReboot`},
		"an unknown confidence":        {release, "documented", "sure", `flannel/releases/0.27.3.yaml: confidence: "sure": want documented or observed or inferred`},
		"a day that is none":           {release, "status:", "released: 2025-02-30\nstatus:", `flannel/releases/0.27.3.yaml: released: "2025-02-30": want a day such as 2025-08-08, or nothing`},
		"a bad chart":                  {release, "status:", "chart: ../x\nstatus:", `flannel/releases/0.27.3.yaml: chart: "../x": want the form ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`},
		"an image without name":        {release, "name: flannel\n", "name: ''\n", `flannel/releases/0.27.3.yaml: images[0].name: missing`},
		"an image without reference":   {release, "ref: ghcr.io/flannel-io/flannel:v0.27.3", "ref:", `flannel/releases/0.27.3.yaml: images[0].ref: missing`},
		"an image without tag":         {release, "flannel:v0.27.3", "flannel", `flannel/releases/0.27.3.yaml: images[0].ref: "ghcr.io/flannel-io/flannel": has neither tag nor digest`},
		"an image without registry":    {release, "ghcr.io/flannel-io/flannel:v0.27.3", "flannel:v0.27.3", `flannel/releases/0.27.3.yaml: images[0].ref: "flannel:v0.27.3": want registry/path with a tag or digest`},
		"an image given twice":         {release, "name: flannel-cni-plugin", "name: flannel", `flannel/releases/0.27.3.yaml: images[1].name: "flannel": given twice`},
		"a reserved value":             {release, "mechanism:", "values: {version: x}\nmechanism:", `flannel/releases/0.27.3.yaml: values.version: reserved, it is set from the release's own fields`},
		"a doubled field":              {release, "mechanism:", "status: PREVIEW\nmechanism:", `flannel/releases/0.27.3.yaml: reading YAML: yaml: unmarshal errors: line 9: key "status" already set in map`},
		"a list where text is wanted":  {release, "status: ACTIVE", "status: [ACTIVE]", `flannel/releases/0.27.3.yaml: status: "array": want string`},
		"text where a list is wanted":  {addOn, "[Managed, SelfManaged]", "Managed", `flannel/addon.yaml: nodeKinds: "string": want slice`},
		"a workload without container": {addOn, "  container: kube-flannel\n", "", `flannel/addon.yaml: workload.container: missing`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := shippedFiles(t)
			before := string(fsys[tt.file].Data)
			after := strings.Replace(before, tt.old, tt.new, 1)
			if before == after {
				t.Fatalf("%s does not hold %q", tt.file, tt.old)
			}
			fsys[tt.file] = &fstest.MapFile{Data: []byte(after)}
			_, err := catalog.Load(fsys)
			if err == nil {
				t.Fatal("no fault was reported")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadNamesFilesThatAreMissingOrTooMany(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(fstest.MapFS)
		want   string
	}{
		"no add-on at all": {
			func(fsys fstest.MapFS) { clear(fsys) },
			`.: no add-on`,
		},
		"no addon.yaml": {
			func(fsys fstest.MapFS) { delete(fsys, "flannel/addon.yaml") },
			`flannel/addon.yaml: reading: file does not exist`,
		},
		"no release": {
			func(fsys fstest.MapFS) {
				for _, v := range []string{"0.24.4", "0.26.2", "0.27.3"} {
					delete(fsys, "flannel/releases/"+v+".yaml")
				}
			},
			`flannel/releases: no release`,
		},
		"a misspelt folder": {
			func(fsys fstest.MapFS) { fsys["flannel/release/0.28.0.yaml"] = &fstest.MapFile{} },
			`flannel/release: stray, nothing reads it`,
		},
		"a release with the wrong ending": {
			func(fsys fstest.MapFS) { fsys["flannel/releases/0.28.0.yml"] = &fstest.MapFile{} },
			`flannel/releases/0.28.0.yml: stray, nothing reads it`,
		},
		"one version twice": {
			func(fsys fstest.MapFS) {
				fsys["flannel/releases/v0.26.2.yaml"] = renamed(fsys["flannel/releases/0.26.2.yaml"], `version: "0.26.2"`, `version: v0.26.2`)
			},
			`flannel/releases/v0.26.2.yaml: version: "v0.26.2": is the same release as "0.26.2"`,
		},
		"two add-ons for one network type": {
			func(fsys fstest.MapFS) {
				fsys["other/addon.yaml"] = renamed(fsys["flannel/addon.yaml"], "name: Flannel", "name: Other")
				fsys["other/releases/0.26.2.yaml"] = fsys["flannel/releases/0.26.2.yaml"]
			},
			`other/addon.yaml: networkType: "FLANNEL_OVERLAY": also in flannel/addon.yaml`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := shippedFiles(t)
			tt.change(fsys)
			_, err := catalog.Load(fsys)
			if err == nil {
				t.Fatal("no fault was reported")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesForTheReaderArePassedOver(t *testing.T) {
	t.Parallel()
	fsys := shippedFiles(t)
	fsys["embed.go"] = &fstest.MapFile{Data: []byte("package addons")}
	fsys["flannel/README.md"] = &fstest.MapFile{Data: []byte("# Flannel")}
	if _, err := catalog.Load(fsys); err != nil {
		t.Error(err)
	}
}

func renamed(file *fstest.MapFile, from, to string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(strings.Replace(string(file.Data), from, to, 1))}
}

// shippedFiles copies the embedded catalog, so that a test can change it.
func shippedFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	err := fs.WalkDir(addons.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(addons.FS, path)
		fsys[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}
