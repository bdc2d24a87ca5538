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
	blockedFolder  = "blocked"
	hazardsFolder  = "hazards"
)

// Load reads all add-ons below the root of fsys, one folder each; plain files
// at the root are passed over. It returns either a whole catalog or an error
// that joins every Fault found, sorted by file and field; never both.
func Load(fsys fs.FS) (*Catalog, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("reading catalog: %w", err)
	}
	l := &loader{fsys: fsys, schemas: schemas{}}
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
	schemas schemas
}

func (l *loader) fault(file, field, value, problem string) {
	l.faults = append(l.faults, Fault{File: file, Field: field, Value: value, Problem: problem})
}

// addOn reads one folder.
func (l *loader) addOn(folder string) {
	file := path.Join(folder, addOnFile)
	var keys []spanned
	a, _ := read(l, file, func(doc addOnDocument, s *sheet) AddOn {
		keys = configurations(s, doc.Configurations)
		return doc.addOn(s)
	})
	files := l.files(folder)
	if len(files[releasesFolder]) == 0 {
		l.fault(path.Join(folder, releasesFolder), "", "", "no release")
	}
	a.Releases = readAll(l, files[releasesFolder], func(doc releaseDocument, s *sheet) Release { return doc.release(s, a) })
	a.Blocks = readAll(l, files[blockedFolder], blockDocument.block)
	a.Hazards = readAll(l, files[hazardsFolder], hazardDocument.hazard)
	l.sortReleases(folder, a.Releases)
	l.configure(file, keys, a.Releases)
	l.nameOnce(folder, &a)
	l.catalog.AddOns = append(l.catalog.AddOns, a)
	l.folders = append(l.folders, folder)
}

// files returns the files of each known folder of an add-on and reports what fits nowhere.
func (l *loader) files(folder string) map[string][]string {
	out := map[string][]string{}
	for _, name := range l.list(folder) {
		switch inner, isFolder := strings.CutSuffix(name, "/"); {
		case name == addOnFile || strings.HasSuffix(name, ".md"):
		case isFolder && (inner == releasesFolder || inner == blockedFolder || inner == hazardsFolder):
			out[inner] = l.dataFiles(path.Join(folder, inner))
		default:
			l.stray(folder, name)
		}
	}
	return out
}

func (l *loader) dataFiles(folder string) []string {
	var files []string
	for _, name := range l.list(folder) {
		if !strings.HasSuffix(name, ".yaml") {
			l.stray(folder, name)
			continue
		}
		files = append(files, path.Join(folder, name))
	}
	return files
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

// read decodes one file and makes a T of it; ok is false when it has a fault.
func read[D, T any](l *loader, file string, build func(D, *sheet) T) (out T, ok bool) {
	s := &sheet{file: file, schemas: l.schemas}
	var doc D
	if s.decode(l.fsys, &doc) {
		out = build(doc, s)
	}
	l.faults = append(l.faults, s.faults...)
	return out, len(s.faults) == 0
}

// readAll reads files of one kind and leaves out those with faults.
func readAll[D, T any](l *loader, files []string, build func(D, *sheet) T) []T {
	var all []T
	for _, file := range files {
		if t, ok := read(l, file, build); ok {
			all = append(all, t)
		}
	}
	return all
}
