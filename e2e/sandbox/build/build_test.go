package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testTarget is a minor with tiny modules and an empty cache.
func testTarget(t *testing.T) target {
	t.Helper()
	folder := t.TempDir()
	tgt := target{minor: "1.36", version: "v1.36.3", key: "new", source: filepath.Join(folder, "source"), bin: filepath.Join(folder, "bin")}
	for _, module := range []string{tgt.module(), tgt.kwok()} {
		write(t, filepath.Join(module, "go.mod"), "module example.com/m\n\nrequire k8s.io/kubernetes v1.36.3\n")
		write(t, filepath.Join(module, "main.go"), "package main\n")
	}
	if err := os.MkdirAll(tgt.bin, 0o755); err != nil {
		t.Fatal(err)
	}
	return tgt
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheKeyCoversEverythingThatDecidesTheResult(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*testing.T, *target)
		same   bool
	}{
		"nothing changes":        {change: func(*testing.T, *target) {}, same: true},
		"another file is added":  {change: func(t *testing.T, tgt *target) { t.Helper(); write(t, tgt.module()+"/README.md", "x") }, same: true},
		"a source changes":       {change: func(t *testing.T, tgt *target) { t.Helper(); write(t, tgt.module()+"/main.go", "package main // x\n") }},
		"a sum of kwok changes":  {change: func(t *testing.T, tgt *target) { t.Helper(); write(t, tgt.kwok()+"/go.sum", "x") }},
		"the Kubernetes changes": {change: func(_ *testing.T, tgt *target) { tgt.version = "v1.36.4" }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tgt := testTarget(t)
			before, err := tgt.hash(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			test.change(t, &tgt)
			after, err := tgt.hash(t.Context())
			if err != nil || (before == after) != test.same {
				t.Errorf("before %s, after %s, %v", before, after, err)
			}
		})
	}
}

func TestWhatAllMinorsShareHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	minor := testTarget(t)
	shared := target{minor: npn, source: filepath.Join(minor.source, "e2e", "sandbox"), bin: minor.bin}
	root := minor.source
	minor.source = shared.source
	for _, module := range []string{minor.module(), minor.kwok(), shared.module(), root} {
		write(t, filepath.Join(module, "go.mod"), "module example.com/m\n")
	}
	keys := func() (out [2]string) {
		for i, tgt := range []target{minor, shared} {
			var err error
			if out[i], err = tgt.hash(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	before := keys()
	for _, file := range []string{filepath.Join(shared.module(), "main.go"), filepath.Join(root, "go.sum")} {
		write(t, file, "package main\n")
		after := keys()
		if after[0] != before[0] || after[1] == before[1] {
			t.Errorf("%s: before %v, after %v", file, before, after)
		}
		before = after
	}
}

func TestTheVersionComesFromTheModule(t *testing.T) {
	t.Parallel()
	tgt := testTarget(t)
	if got, err := kubernetesVersion(t.Context(), tgt.module()); got != "v1.36.3" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	write(t, filepath.Join(tgt.module(), "go.mod"), "module example.com/m\n")
	if _, err := kubernetesVersion(t.Context(), tgt.module()); err == nil {
		t.Error("a module without Kubernetes was accepted")
	}
}

func TestAMinorWithoutAModuleIsRefusedWithThoseThatAreThere(t *testing.T) {
	t.Parallel()
	tgt := testTarget(t)
	tgt.minor = "1.34"
	if err := tgt.exists(); err == nil || !strings.Contains(err.Error(), "there is 1.36") {
		t.Errorf("got %v", err)
	}
}

func TestTheStampSetsEveryPartOfBothVersions(t *testing.T) {
	t.Parallel()
	want := " -X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" +
		" -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3 -X k8s.io/client-go/pkg/version.gitMajor=1 -X k8s.io/client-go/pkg/version.gitMinor=36"
	if diff := cmp.Diff(want, target{version: "v1.36.3"}.stamp()); diff != "" {
		t.Error(diff)
	}
}

func TestInstallingReplacesTheOlderBuildAndRemovesWhatKilledBuildsLeft(t *testing.T) {
	t.Parallel()
	tgt := testTarget(t)
	old := tgt
	old.key = "old"
	for _, one := range []target{old, tgt} {
		write(t, filepath.Join(tgt.bin, ".build-killed", "kubernetes"), "half")
		temporary, err := one.temporary()
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(temporary, "kubernetes"), one.key)
		if one.built() {
			t.Errorf("%s counts as built too early", one.key)
		}
		if err := one.install(temporary); err != nil {
			t.Fatal(err)
		}
		if !one.built() {
			t.Errorf("%s does not count as built", one.key)
		}
	}
	entries, err := filepath.Glob(filepath.Join(tgt.bin, "*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(tgt.bin, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{tgt.link(), tgt.dir()}, append(entries, hidden...)); diff != "" {
		t.Error(diff)
	}
	if data, err := os.ReadFile(filepath.Join(tgt.link(), "kubernetes")); string(data) != "new" {
		t.Errorf("the link leads to %q, %v", data, err)
	}
}

func TestASecondBuildWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	unlock, err := lock(t.Context(), folder, func() { t.Error("nobody else builds") })
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan struct{})
	done := make(chan error)
	go func() {
		second, err := lock(t.Context(), folder, func() { close(waits) })
		if err == nil {
			second()
		}
		done <- err
	}()
	<-waits
	select {
	case err := <-done:
		t.Fatalf("the second did not wait: %v", err)
	default:
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWaitingForABuildEndsWithTheContext(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	unlock, err := lock(t.Context(), folder, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := lock(ctx, folder, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestProgressCountsPackagesAndKeepsMessages(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := meter{name: "kwok", packages: map[string]bool{"a/b": true, "c": true}, began: time.Now(), out: &out}
	messages := m.read(strings.NewReader("go: downloading x v1\na/b\n# c\nc.go:1: syntax error\n"))
	m.report("done")
	if diff := cmp.Diff([]string{"# c", "c.go:1: syntax error"}, messages); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("  kwok: done, 1 of at most 2 packages compiled, 0s\n", out.String()); diff != "" {
		t.Error(diff)
	}
}
