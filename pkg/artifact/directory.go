package artifact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/ignore"
)

// chartsIn reads a folder that is a chart, or that holds charts. Of one that holds charts, folders without a Chart.yaml
// are passed over. Links are followed as long as they stay inside.
func chartsIn(dir string) (files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	var c collection
	switch name, err := nameOf(root.FS(), "."); {
	case err == nil:
		err = c.chart(root.FS(), ".", name)
		return c.files, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	found, err := chartFolders(root.FS())
	if err != nil {
		return nil, err
	}
	for _, name := range found {
		if err := c.chart(root.FS(), name, name); err != nil {
			return nil, err
		}
	}
	return c.files, nil
}

// nameOf is the name of the chart in a folder.
func nameOf(dir fs.FS, folder string) (string, error) {
	var c collection
	if err := c.file(dir, path.Join(folder, chartFile), chartFile); err != nil {
		return "", err
	}
	return chartName(c.files[chartFile])
}

// chartFolders are the folders of charts side by side; each is called as its chart is, for that is how releases find it.
func chartFolders(dir fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if info, err := fs.Stat(dir, e.Name()); err != nil {
			return nil, err
		} else if !info.IsDir() {
			continue
		}
		name, err := nameOf(dir, e.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("folder %s: %w", e.Name(), err)
		case name != e.Name():
			return nil, fault(ErrReference, "rename the folder", "folder %q holds chart %q: releases find a chart by its folder", e.Name(), name)
		}
		out = append(out, name)
	}
	if len(out) == 0 {
		return nil, fault(ErrReference, form, "the folder is no chart and holds none: there is no %s", chartFile)
	}
	return out, nil
}

// chart takes in the files that packaging the chart would take in.
func (c *collection) chart(from fs.FS, folder, name string) error {
	rules, err := ignored(from, folder)
	if err != nil {
		return err
	}
	return fs.WalkDir(from, folder, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside := strings.TrimPrefix(p, folder+"/")
		if p == folder {
			return nil
		}
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case rules.Ignore(inside, info) && d.IsDir():
			return fs.SkipDir
		case d.IsDir() || rules.Ignore(inside, info):
			return nil
		}
		return c.file(from, p, path.Join(name, inside))
	})
}

// ignored are the rules of a chart's .helmignore.
func ignored(from fs.FS, folder string) (*ignore.Rules, error) {
	rules := ignore.Empty()
	f, err := from.Open(path.Join(folder, ignore.HelmIgnore))
	if err == nil {
		defer func() { _ = f.Close() }()
		if rules, err = ignore.Parse(io.LimitReader(f, maxFile)); err != nil {
			return nil, refuse("reading %s: %w", path.Join(folder, ignore.HelmIgnore), err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	rules.AddDefaults()
	return rules, nil
}

// file takes in one file of a folder, under another name. Pipes and devices are not opened: reading one might never end.
func (c *collection) file(from fs.FS, p, name string) error {
	info, err := fs.Stat(from, p)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return refuse("%s is no plain file, nor a link to one", p)
	}
	f, err := from.Open(p)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return c.take(name, f)
}
