package catalog

import (
	"cmp"
	"fmt"
	"path"
	"slices"
)

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

// nameOnce sorts blocks and hazards by name and wants each name once among them and the stops: they are shown side by side,
// and an operator accepts a hazard by its name.
func (l *loader) nameOnce(folder string, a *AddOn) {
	slices.SortFunc(a.Blocks, func(x, y Block) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(a.Hazards, func(x, y Hazard) int { return cmp.Compare(x.Name, y.Name) })
	seen := map[string]string{}
	once := func(file, field, name string) {
		if first, ok := seen[name]; ok && name != "" {
			l.fault(file, field, name, "also in "+first)
			return
		}
		seen[name] = file
	}
	for i, stop := range a.Rules.Stops {
		once(path.Join(folder, addOnFile), at("moves.stops", i)+".reason", stop.Reason)
	}
	for _, b := range a.Blocks {
		once(path.Join(folder, blockedFolder, kebab(b.Name)+".yaml"), "name", b.Name)
	}
	for _, h := range a.Hazards {
		once(path.Join(folder, hazardsFolder, kebab(h.Name)+".yaml"), "name", h.Name)
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
