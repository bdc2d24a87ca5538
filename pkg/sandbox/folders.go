package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// root is the folder of everything that belongs to sandboxes.
func root() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder: %w", err)
	}
	return filepath.Join(cache, "addonctl", "sandbox"), nil
}

// runFolder holds one folder per sandbox, its locks beside them.
func runFolder() (string, error) {
	r, err := root()
	return filepath.Join(r, "run"), err
}

// programsOf is the folder with the programs of a minor, links resolved, so that a later build does not change a running
// sandbox.
func programsOf(minor string) (string, error) {
	r, err := root()
	if err != nil {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(filepath.Join(r, "bin", minor))
	if errors.Is(err, fs.ErrNotExist) {
		return "", notBuilt(filepath.Join(r, "bin"), minor)
	}
	return folder, err
}

// npnPrograms is the folder with the programs that do not depend on a minor.
func npnPrograms() (string, error) {
	r, err := root()
	if err != nil {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(filepath.Join(r, "bin", "npn"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the sandbox's %s is %w: run \"make sandbox\" once (a minute; what else is built is not built again)", NPNController, ErrNotBuilt)
	}
	return folder, err
}

// notBuilt says what to run, and what is there instead.
func notBuilt(bin, minor string) error {
	if !slices.Contains(Minors(), minor) {
		return fmt.Errorf("the sandbox's Kubernetes %s is %w and cannot be: \"make sandbox\" builds %s",
			minor, ErrNotBuilt, strings.Join(Minors(), " and "))
	}
	target := "make sandbox"
	if minor != DefaultKubernetes {
		target += " KUBERNETES=" + minor
	}
	built := "none"
	if minors := builtMinors(bin); len(minors) > 0 {
		built = strings.Join(minors, ", ")
	}
	return fmt.Errorf("the sandbox's Kubernetes %s is %w: run %q once (minutes when cold; built so far: %s)",
		minor, ErrNotBuilt, target, built)
}

// builtMinors are the links that the builder has made.
func builtMinors(bin string) []string {
	entries, err := os.ReadDir(bin)
	if err != nil {
		return nil
	}
	var minors []string
	for _, e := range entries {
		if minorPattern.MatchString(e.Name()) {
			minors = append(minors, e.Name())
		}
	}
	slices.Sort(minors)
	return minors
}

// versionOf reads which Kubernetes the programs in the folder are.
func versionOf(programs string) (string, error) {
	data, err := os.ReadFile(filepath.Join(programs, "version"))
	if err != nil {
		return "", fmt.Errorf("reading the version of the sandbox's programs: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
