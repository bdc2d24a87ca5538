package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// temporary makes the folder of this build and removes those of builds that were killed: with the lock held there is no
// living one.
func (t target) temporary() (string, error) {
	stale, err := filepath.Glob(filepath.Join(t.bin, ".build-*"))
	if err != nil {
		return "", err
	}
	for _, folder := range stale {
		if err := os.RemoveAll(folder); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(t.bin, ".build-*")
}

// check runs what was built: a binary without its version stamp must not be installed.
func (t target) check(ctx context.Context, folder string) error {
	if t.version == "" {
		return nil
	}
	out, err := exec.CommandContext(ctx, filepath.Join(folder, "kubernetes"), "version").Output()
	if err != nil {
		return fmt.Errorf("running the new binary: %w", err)
	}
	if got := strings.TrimSpace(string(out)); got != t.version {
		return fmt.Errorf("the new binary says that it is Kubernetes %s, not %s", got, t.version)
	}
	return nil
}

// install moves the folder into place and then the minor's link to it, each in one step.
func (t target) install(folder string) error {
	if err := os.WriteFile(filepath.Join(folder, "version"), []byte(t.version+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(t.dir()); err != nil {
		return err
	}
	if err := os.Rename(folder, t.dir()); err != nil {
		return err
	}
	link := filepath.Join(t.bin, ".link-"+t.minor)
	if err := os.RemoveAll(link); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Base(t.dir()), link); err != nil {
		return err
	}
	if err := os.Rename(link, t.link()); err != nil {
		return err
	}
	return t.prune()
}

// prune removes older results of the minor that no process runs from.
func (t target) prune() error {
	results, err := filepath.Glob(filepath.Join(t.bin, t.minor+"-*"))
	if err != nil {
		return err
	}
	for _, folder := range results {
		if folder == t.dir() || inUse(folder) {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("removing the older build: %w", err)
		}
	}
	return nil
}

// inUse says whether a running program was started from the folder. Where there is no /proc there are no sandboxes.
func inUse(folder string) bool {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return true
	}
	for _, link := range links {
		if exe, err := os.Readlink(link); err == nil && strings.HasPrefix(exe, folder+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
