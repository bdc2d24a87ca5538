package artifact

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// What is read is bounded before it is in memory. A chart has some hundred kilobytes; Calico's definitions, the largest
// known, about two megabytes.
const (
	maxBlob     = 20 << 20 // of an archive or a layer, packed
	maxManifest = 1 << 20
	maxFile     = 5 << 20  // of one file, as Helm has it
	maxUnpacked = 64 << 20 // of all files together
	maxFiles    = 5000
	maxName     = 512
)

// files are contents by path, in the form of fs.FS.
type files map[string][]byte

// collection is files while they are read.
type collection struct {
	files files
	size  int
}

// take reads one file. A name that is there already is an error: which of the two would count is a matter of luck.
func (c *collection) take(name string, r io.Reader) error {
	switch _, double := c.files[name]; {
	case !plain(name):
		return refuse("it holds a file with the name %.*q, which leads elsewhere or is none", maxName, name)
	case double:
		return refuse("it holds %s twice", name)
	case len(c.files) == maxFiles:
		return refuse("it holds more than %d files", maxFiles)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	c.size += len(data)
	switch {
	case len(data) > maxFile:
		return refuse("%s is larger than %d MiB", name, maxFile>>20)
	case c.size > maxUnpacked:
		return refuse("its files are larger than %d MiB together", maxUnpacked>>20)
	}
	if c.files == nil {
		c.files = files{}
	}
	c.files[name] = bytes.TrimPrefix(data, []byte("\ufeff")) // as Helm does: a mark of Windows' editors is no content
	return nil
}

// plain tells whether a name is a path below a folder on every system, and nothing that a terminal would act on.
func plain(name string) bool {
	return name != "." && fs.ValidPath(name) && len(name) <= maxName && !strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\\'
	})
}

// folder shows the files as a file system in memory.
func (f files) folder() (fs.FS, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
			if _, ok := f[parent]; ok {
				return nil, refuse("%s is a file and a folder", parent)
			}
		}
		file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = file.Write(f[name])
		}
		if err != nil {
			return nil, fmt.Errorf("keeping %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("keeping files: %w", err)
	}
	return zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
}

// top is the first part of a path, and the rest.
func top(name string) (folder, rest string) {
	folder, rest, _ = strings.Cut(name, "/")
	return folder, rest
}

// tops are the first parts of all paths.
func (f files) tops() []string {
	seen := map[string]bool{}
	for name := range f {
		folder, _ := top(name)
		seen[folder] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
