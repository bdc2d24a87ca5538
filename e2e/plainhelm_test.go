package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// helmBinary is the real Helm; `make test` builds it.
func helmBinary(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv("ADDONCTL_TEST_HELM")
	if path == "" {
		tb.Skip("ADDONCTL_TEST_HELM names no helm; make test builds one and runs this test")
	}
	return path
}

// newestActive is what a chart's own defaults stand for.
func newestActive(tb testing.TB, a catalog.AddOn) catalog.Release {
	tb.Helper()
	for _, r := range a.Releases {
		if r.Status == catalog.Active {
			return r
		}
	}
	tb.Fatalf("%s has no ACTIVE release", a.Name)
	return catalog.Release{}
}

// Somebody without addonctl gets the same objects from a chart, but for our marks of ownership.
func TestPlainHelmRendersWhatWeRender(t *testing.T) {
	t.Parallel()
	helm := helmBinary(t)
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range shipped.AddOns {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			ours, err := render.Release(charts.FS, a, newestActive(t, a), render.Settings{Kubernetes: version.MustParse("1.37.0")})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), helm, "template", a.Release, filepath.Join("..", "charts", a.Chart),
				"--namespace", a.Workload.Namespace)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			theirs, err := render.Parse(string(out))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(unmarked(theirs), unmarked(ours.Objects)); diff != "" {
				t.Errorf("objects of %s (-helm +addonctl):\n%s", a.Chart, diff)
			}
			if len(theirs) == 0 {
				t.Error("helm rendered nothing")
			}
		})
	}
}

// unmarked are objects by name, without the marks of ownership that Helm writes only when it installs.
func unmarked(objects []*unstructured.Unstructured) map[string]any {
	out := map[string]any{}
	for _, o := range objects {
		o = o.DeepCopy()
		for _, mark := range []string{"meta.helm.sh/release-name", "meta.helm.sh/release-namespace"} {
			unstructured.RemoveNestedField(o.Object, "metadata", "annotations", mark)
		}
		unstructured.RemoveNestedField(o.Object, "metadata", "labels", "addonctl.io/addon")
		out[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = o.Object
	}
	return out
}

// The whole process beside Helm's own, on the same chart with the same values.
func BenchmarkRenderProcess(b *testing.B) {
	helm, ours := helmBinary(b), filepath.Join("..", "bin", "addonctl")
	if _, err := os.Stat(ours); err != nil {
		b.Skip("bin/addonctl is not built; make bench builds it and runs this benchmark")
	}
	for name, command := range map[string][]string{
		"helm-template":   {helm, "template", "flannel", filepath.Join("..", "charts", "flannel"), "--namespace", "kube-system"},
		"addonctl-render": {ours, "render", "--network-type", "flannel", "--kubernetes", "1.36"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if out, err := exec.CommandContext(b.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
		})
	}
}
