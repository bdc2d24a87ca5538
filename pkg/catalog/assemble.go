package catalog

import (
	"fmt"
	"path"
	"slices"

	"github.com/addonctl/addonctl/pkg/version"
)

func (doc addOnDocument) addOn() AddOn {
	return AddOn{
		Name:        doc.Name,
		NetworkType: doc.NetworkType,
		Chart:       doc.Chart,
		Release:     doc.Release,
		Workload:    doc.Workload,
		NodeKinds:   slices.Sorted(slices.Values(doc.NodeKinds)),
	}
}

// release turns the document into a release and reports what does not parse.
func (doc releaseDocument) release(s *sheet, a AddOn) Release {
	r := Release{
		AddOn:      a.Name,
		Version:    s.version("version", doc.Version),
		Status:     doc.Status,
		Released:   doc.Released.value,
		Kubernetes: doc.Kubernetes.filters(s),
		ListedFor:  minors(s, doc.ListedFor),
		Chart:      doc.Chart,
		Images:     doc.Images,
		Mechanism:  doc.Mechanism,
		Values:     doc.Values,
		Sources:    doc.Sources,
		Confidence: doc.Confidence,
	}
	if r.Chart == "" {
		r.Chart = a.Chart
	}
	return r
}

func (doc filtersDocument) filters(s *sheet) version.Filters {
	f := version.Filters{
		Minimal: s.version("kubernetes.minimal", doc.Minimal),
		Maximum: s.version("kubernetes.maximum", doc.Maximum),
	}
	for i, exact := range doc.Exact {
		field := fmt.Sprintf("kubernetes.exact[%d]", i)
		if exact.value == "" {
			s.fault(field, "", "missing")
		}
		f.Exact = append(f.Exact, s.version(field, exact))
	}
	if err := f.Validate(); err != nil {
		s.fault("kubernetes.minimal", doc.Minimal.value, err.Error())
	}
	return f
}

func minors(s *sheet, texts []text) []version.Minor {
	var out []version.Minor
	for i, t := range texts {
		field := fmt.Sprintf("listedFor[%d]", i)
		if !s.quoted(field, t) {
			continue
		}
		m, err := version.ParseMinor(t.value)
		switch {
		case err != nil:
			s.fault(field, t.value, err.Error())
		case slices.Contains(out, m):
			s.fault(field, t.value, "given twice")
		}
		out = append(out, m)
	}
	slices.SortFunc(out, version.Minor.Compare)
	return out
}

// sortReleases puts the newest first and reports two files for one version
// ("0.26.2" and "v0.26.2" are one).
func (l *loader) sortReleases(folder string, releases []Release) {
	slices.SortStableFunc(releases, func(x, y Release) int { return y.Version.Compare(x.Version) })
	for i, r := range releases[min(1, len(releases)):] {
		if first := releases[i].Version; first.Equal(r.Version) {
			l.fault(path.Join(folder, releasesFolder, r.Version.String()+".yaml"), "version", r.Version.String(),
				fmt.Sprintf("is the same release as %q", first))
		}
	}
}

// checkTogether wants at least one add-on, and at most one per network type: a
// cluster has one CNI (facts: OKE 8).
func (l *loader) checkTogether() {
	if len(l.catalog.AddOns) == 0 {
		l.fault(".", "", "", "no add-on")
	}
	types := map[NetworkType]string{}
	for i, a := range l.catalog.AddOns {
		file := path.Join(l.folders[i], addOnFile)
		if first, ok := types[a.NetworkType]; ok && a.NetworkType != "" {
			l.fault(file, "networkType", string(a.NetworkType), "also in "+first)
			continue
		}
		types[a.NetworkType] = file
	}
}
