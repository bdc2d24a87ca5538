package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// npn is the target of the programs that all minors share and that are this repository's own. It has a key of its own: a change of theirs
// builds no control plane.
const npn = "npn"

// target is one Kubernetes minor, or npn, on its way into the cache.
type target struct {
	minor   string // "1.36"
	version string // "v1.36.3", as the module of the minor requires it; empty for npn
	source  string // the folder e2e/sandbox
	bin     string // where the results of all minors are kept
	key     string // a hash of all that decides the result
}

// newTarget finds the sources of the minor and computes the key of its result.
func newTarget(ctx context.Context, minor string) (target, error) {
	source, err := sourceFolder(ctx)
	if err != nil {
		return target{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return target{}, fmt.Errorf("finding the user's cache folder: %w", err)
	}
	t := target{minor: minor, source: source, bin: filepath.Join(cache, "addonctl", "sandbox", "bin")}
	if err := t.exists(); err != nil {
		return target{}, err
	}
	if t.minor != npn {
		if t.version, err = kubernetesVersion(ctx, t.module()); err != nil {
			return target{}, err
		}
	}
	t.key, err = t.hash(ctx)
	return t, err
}

func (t target) module() string { return filepath.Join(t.source, t.minor) }
func (t target) kwok() string   { return filepath.Join(t.source, "kwok") }

// modules are the folders whose files decide the result. npn is a part of the repository's own module.
func (t target) modules() []string {
	if t.minor == npn {
		return []string{filepath.Dir(filepath.Dir(t.source)), t.module()}
	}
	return []string{t.module(), t.kwok()}
}

func (t target) dir() string  { return filepath.Join(t.bin, t.minor+"-"+t.key) }
func (t target) link() string { return filepath.Join(t.bin, t.minor) }

// built says whether the result is in place and is the one that the minor's link names.
func (t target) built() bool {
	linked, err := os.Readlink(t.link())
	if err != nil || linked != filepath.Base(t.dir()) {
		return false
	}
	_, err = os.Stat(filepath.Join(t.dir(), "version"))
	return err == nil
}

// exists refuses a minor without a module and names those that have one.
func (t target) exists() error {
	modules, err := filepath.Glob(filepath.Join(t.source, "[0-9]*", "go.mod"))
	if err != nil {
		return err
	}
	var minors []string
	for _, m := range modules {
		minors = append(minors, filepath.Base(filepath.Dir(m)))
	}
	if t.minor != npn && !slices.Contains(minors, t.minor) {
		return fmt.Errorf("no module for Kubernetes %q in e2e/sandbox; there is %s", t.minor, strings.Join(minors, ", "))
	}
	return nil
}

// hash covers the sources of the modules, the toolchain and the platform.
func (t target) hash(ctx context.Context) (string, error) {
	toolchain, err := goOutput(ctx, t.module(), "env", "GOVERSION", "GOOS", "GOARCH")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write([]byte(toolchain + t.stamp()))
	for _, module := range t.modules() {
		if err := hashModule(h, module); err != nil {
			return "", fmt.Errorf("hashing module %s: %w", filepath.Base(module), err)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

func hashModule(w io.Writer, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != "go.mod" && name != "go.sum" && filepath.Ext(name) != ".go" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s %d\n%s", e.Name(), len(data), data); err != nil {
			return err
		}
	}
	return nil
}

// stamp is the linker's part of the version: without it the API server reports v0.0.0 and clients that parse versions
// break (facts/control-plane.md, "One binary").
func (t target) stamp() string {
	if t.version == "" {
		return ""
	}
	number := strings.Split(strings.TrimPrefix(t.version, "v"), ".")
	var flags strings.Builder
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		fmt.Fprintf(&flags, " -X %s.gitVersion=%s -X %s.gitMajor=%s -X %s.gitMinor=%s", pkg, t.version, pkg, number[0], pkg, number[1])
	}
	return flags.String()
}

// sourceFolder is e2e/sandbox of the module that the command is run in.
func sourceFolder(ctx context.Context) (string, error) {
	mod, err := goOutput(ctx, ".", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	folder := filepath.Join(filepath.Dir(mod), "e2e", "sandbox")
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("finding the sandbox's modules, run this in the addonctl repository: %w", err)
	}
	return folder, nil
}

// kubernetesVersion reads the version of k8s.io/kubernetes from the go.mod of a module folder, without any network.
func kubernetesVersion(ctx context.Context, folder string) (string, error) {
	out, err := goOutput(ctx, folder, "mod", "edit", "-json")
	if err != nil {
		return "", err
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal([]byte(out), &mod); err != nil {
		return "", fmt.Errorf("reading go.mod of %s: %w", filepath.Base(folder), err)
	}
	for _, r := range mod.Require {
		if r.Path == "k8s.io/kubernetes" && strings.Count(r.Version, ".") == 2 {
			return r.Version, nil
		}
	}
	return "", fmt.Errorf("go.mod of %s does not require k8s.io/kubernetes", filepath.Base(folder))
}

// goOutput is the trimmed output of a go command run in the folder.
func goOutput(ctx context.Context, folder string, args ...string) (string, error) {
	cmd := goCommand(ctx, folder, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), errors.Join(err, errors.New(strings.TrimSpace(stderr.String()))))
	}
	return strings.TrimSpace(string(out)), nil
}

const withoutC = "CGO_ENABLED=0"

// goCommand is independent of flags and workspaces that the caller's environment sets: they would change the result but
// not the key. Interrupted, it lets go remove its temporary files.
func goCommand(ctx context.Context, folder string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", withoutC)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.SysProcAttr = endsWithUs()
	return cmd
}
