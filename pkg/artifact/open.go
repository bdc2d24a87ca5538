package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
)

// Open gives a folder that holds one folder for each chart of a source, called as the chart is. The source is a folder of
// charts, a folder that is a chart, a packaged chart, or one in a registry (see docs/charts.md). What was read does not
// change when the source does. Errors are an *Error, or the context's.
func Open(ctx context.Context, ref string, o Options) (fs.FS, error) {
	return OpenAll(ctx, nil, []string{ref}, o)
}

// OpenAll opens several sources and shows their charts beside those of a folder. A source's chart takes the place of the
// folder's of the same name; two sources with the same chart are an error. The folder may be nil.
func OpenAll(ctx context.Context, base fs.FS, refs []string, o Options) (fs.FS, error) {
	all, from := files{}, map[string]string{}
	for _, ref := range refs {
		found, err := open(ctx, ref, o)
		if err != nil {
			return nil, fmt.Errorf("opening charts %q: %w", shown(ref), err)
		}
		for _, chart := range found.tops() {
			if other, ok := from[chart]; ok {
				return nil, fault(ErrReference, "give one of them", "charts %q and %q both hold chart %s", shown(other), shown(ref), chart)
			}
			from[chart] = ref
		}
		maps.Copy(all, found)
	}
	if err := all.fill(base, from); err != nil {
		return nil, fmt.Errorf("opening charts: %w", err)
	}
	return all.folder()
}

// fill adds what a folder has besides the charts that are there already.
func (f files) fill(base fs.FS, charts map[string]string) error {
	if base == nil {
		return nil
	}
	return fs.WalkDir(base, ".", func(name string, d fs.DirEntry, err error) error {
		chart, _ := top(name)
		switch _, given := charts[chart]; {
		case err != nil:
			return err
		case given || d.IsDir():
			return nil
		}
		f[name], err = fs.ReadFile(base, name)
		return err
	})
}

// open reads one source.
func open(ctx context.Context, ref string, o Options) (files, error) {
	if remote(ref) {
		return pullChart(ctx, ref, o)
	}
	found, err := readChart(ref)
	return found, local(err)
}

func readChart(file string) (files, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, fault(ErrReference, form, "%w", err)
	case info.IsDir():
		return chartsIn(file)
	}
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return packaged(data)
}

// readFile reads a file that may be a pipe, and so has no size.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxBlob+1))
	if len(data) > maxBlob {
		return nil, refuse("it is larger than %d MiB", maxBlob>>20)
	}
	return data, err
}

// local is an error of this machine's files: what the file system says is a fault of the reference.
func local(err error) error {
	if e := (*Error)(nil); err == nil || errors.As(err, &e) {
		return err
	}
	return fault(ErrReference, "", "%w", err)
}
