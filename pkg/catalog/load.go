package catalog

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	addOnFile      = "addon.yaml"
	releasesFolder = "releases"
)

// Load reads all add-ons below the root of fsys, one folder each; plain files
// at the root are passed over. It returns either a whole catalog or an error
// that joins every Fault found, sorted by file and field; never both.
func Load(fsys fs.FS) (*Catalog, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("reading catalog: %w", err)
	}
	l := &loader{fsys: fsys}
	for _, entry := range entries {
		if entry.IsDir() {
			l.addOn(entry.Name())
		}
	}
	l.checkTogether()
	if err := join(l.faults); err != nil {
		return nil, err
	}
	slices.SortFunc(l.catalog.AddOns, func(a, b AddOn) int { return cmp.Compare(a.Name, b.Name) })
	return &l.catalog, nil
}

// loader gathers the catalog and its faults side by side.
type loader struct {
	fsys    fs.FS
	catalog Catalog
	folders []string // folder of each add-on, in the order of catalog.AddOns
	faults  []Fault
}

func (l *loader) fault(file, field, value, problem string) {
	l.faults = append(l.faults, Fault{File: file, Field: field, Value: value, Problem: problem})
}

// addOn reads one folder.
func (l *loader) addOn(folder string) {
	s := &sheet{file: path.Join(folder, addOnFile)}
	var doc addOnDocument
	decoded, ok := decode(l.fsys, s.file, &doc)
	s.faults = decoded
	if ok {
		checkAddOn(s, folder, doc)
	}
	l.faults = append(l.faults, s.faults...)
	a := doc.addOn()
	files := l.files(folder)
	if len(files) == 0 {
		l.fault(path.Join(folder, releasesFolder), "", "", "no release")
	}
	for _, file := range files {
		if r, ok := l.release(a, file); ok {
			a.Releases = append(a.Releases, r)
		}
	}
	l.sortReleases(folder, a.Releases)
	l.catalog.AddOns = append(l.catalog.AddOns, a)
	l.folders = append(l.folders, folder)
}

// files returns the release files of a folder and reports what fits nowhere.
func (l *loader) files(folder string) []string {
	var releases []string
	for _, name := range l.list(folder) {
		switch {
		case name == addOnFile || strings.HasSuffix(name, ".md"):
		case name == releasesFolder+"/":
			releases = l.releaseFiles(path.Join(folder, releasesFolder))
		default:
			l.stray(folder, name)
		}
	}
	return releases
}

func (l *loader) releaseFiles(folder string) []string {
	var releases []string
	for _, name := range l.list(folder) {
		if !strings.HasSuffix(name, ".yaml") {
			l.stray(folder, name)
			continue
		}
		releases = append(releases, path.Join(folder, name))
	}
	return releases
}

// list returns the names in a folder, those of folders with "/" at the end.
func (l *loader) list(folder string) []string {
	entries, err := fs.ReadDir(l.fsys, folder)
	if err != nil {
		l.fault(folder, "", "", "reading: "+cause(err))
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
		if entry.IsDir() {
			names[i] += "/"
		}
	}
	return names
}

func (l *loader) stray(folder, name string) {
	l.fault(path.Join(folder, name), "", "", "stray, nothing reads it")
}

// release reads one release file; ok is false when it has a fault.
func (l *loader) release(a AddOn, file string) (r Release, ok bool) {
	s := &sheet{file: file}
	var doc releaseDocument
	decoded, ok := decode(l.fsys, file, &doc)
	s.faults = decoded
	if ok {
		checkRelease(s, doc)
		r = doc.release(s, a)
	}
	l.faults = append(l.faults, s.faults...)
	return r, len(s.faults) == 0
}
