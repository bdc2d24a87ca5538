package helm_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/plan"
)

// earlier are the charts of a build before this one: flannel's had another default.
func earlier(t *testing.T) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(charts.FS, "flannel", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(charts.FS, path)
		text := strings.Replace(string(data), "minReadySeconds: 10", "minReadySeconds: 1", 1)
		out[path] = &fstest.MapFile{Data: []byte(text)}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Another build of this program has newer charts. It must not restart every agent for the release that they run already, nor
// give a roll that is under way a third template; the next release comes with the newer chart. It would catch a cluster whose
// agents all restart because a pipeline, or a laptop, runs another build.
func TestAReleaseKeepsTheChartThatItWasWrittenWith(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.Charts = earlier(t)
	b.do(t, "0.26.2", plan.Apply)
	waitObserved(t, b, "0.26.2")
	b.do(t, "0.26.2", plan.Settle)

	b.Charts = charts.FS
	in, p := b.look(t, "0.26.2")
	if s, ok := p.Next(); ok || in.Change.Digest != in.Installed.Digest {
		t.Errorf("with newer charts the next step is %+v, want none", s)
	}
	// The negative control, and what --charts asks for.
	b.NewCharts = true
	if _, p := b.look(t, "0.26.2"); len(p.Steps) == 0 || p.Steps[0].Kind != plan.Apply {
		t.Errorf("with newer charts asked for, the steps are %+v, want an Apply; %+v", p.Steps, p.Findings)
	}
	b.NewCharts = false
	in, _ = b.look(t, "0.27.3")
	if got := in.Change.To.Workloads[0].MinReadySeconds; got != 10 {
		t.Errorf("the next release has %d seconds of readiness, want those of the newer chart", got)
	}

	b.Charts = earlier(t)
	b.do(t, "0.27.3", plan.Apply)
	waitObserved(t, b, "0.27.3")
	b.Charts = charts.FS
	if _, p := b.look(t, "0.27.3"); len(p.Steps) == 0 || p.Steps[0].Kind == plan.Apply {
		t.Errorf("a roll that is under way goes on with %+v, want it to be finished", p.Steps)
	}
}
