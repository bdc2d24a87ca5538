package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
)

// An overlay is small: what is larger is no overlay, or the wrong folder.
const (
	maxOverlayFiles = 200
	maxOverlayBytes = 1 << 20
)

// releaseFile holds the release's objects beside the overlay's own files.
const releaseFile = "objects-of-the-release.json"

// ReadOverlay reads a folder with a kustomization at its root, for Settings.Overlay. Names that begin with a dot are
// passed over. Everything that it refers to has to lie in the folder: links are refused, and so is what reaches out of it
// or runs a program. Errors name file and field. Whether the overlay fits a release is seen when it is rendered.
func ReadOverlay(fsys fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	size := int64(0)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("reading overlay: %w", err)
		case name != "." && strings.HasPrefix(path.Base(name), "."):
			return passOver(d)
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("overlay file %q is no plain file: links are not followed, for they lead out of the overlay", name)
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("reading overlay file %q: %w", name, err)
		}
		if size += info.Size(); len(files) >= maxOverlayFiles || size > maxOverlayBytes {
			return tooLarge(name)
		}
		files[name], err = fs.ReadFile(fsys, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := unbroken(func() error { _, err := checkedOverlay(files); return err }); err != nil {
		return nil, err
	}
	return files, nil
}

func passOver(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func tooLarge(name string) error {
	return fmt.Errorf("overlay file %q is one too many: an overlay has at most %d files of %d KiB together; is it the right folder?",
		name, maxOverlayFiles, maxOverlayBytes>>10)
}

// checkNames refuses files that are too many, too large or in each other's way.
func checkNames(files map[string][]byte) error {
	var problems []error
	size := 0
	for i, name := range slices.Sorted(maps.Keys(files)) {
		if size += len(files[name]); i >= maxOverlayFiles || size > maxOverlayBytes {
			return tooLarge(name)
		}
		switch {
		case !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00"):
			problems = append(problems, fmt.Errorf("overlay file %q has no plain path below the overlay's folder", name))
		case name == releaseFile:
			problems = append(problems, fmt.Errorf("overlay file %q has the name that is kept for the release's objects: rename it", name))
		}
		for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if _, ok := files[dir]; ok {
				problems = append(problems, fmt.Errorf("overlay file %q lies in %q, which is a file", name, dir))
			}
		}
	}
	return errors.Join(problems...)
}

// kustomizationIn is the path of the one kustomization of a folder.
func kustomizationIn(files map[string][]byte, dir string) (string, error) {
	names := konfig.RecognizedKustomizationFileNames()
	var found []string
	for _, n := range names {
		if _, ok := files[path.Join(dir, n)]; ok {
			found = append(found, path.Join(dir, n))
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("overlay folder %q has no %s", dir, strings.Join(names, ", "))
	default:
		return "", fmt.Errorf("overlay folder %q has several kustomizations: %s; keep one", dir, strings.Join(found, ", "))
	}
}
