package catalog

import (
	"slices"

	"github.com/addonctl/addonctl/pkg/version"
)

// Catalog is everything that was loaded. It is data: nothing changes it after
// Load.
type Catalog struct {
	// AddOns are sorted by name.
	AddOns []AddOn
}

// AddOn returns the add-on with exactly that name.
func (c *Catalog) AddOn(name string) (AddOn, bool) {
	return c.first(func(a AddOn) bool { return a.Name == name })
}

// ForNetworkType returns the add-on that is the CNI of a network type.
func (c *Catalog) ForNetworkType(t NetworkType) (AddOn, bool) {
	return c.first(func(a AddOn) bool { return t != "" && a.NetworkType == t })
}

func (c *Catalog) first(match func(AddOn) bool) (AddOn, bool) {
	i := slices.IndexFunc(c.AddOns, match)
	if i < 0 {
		return AddOn{}, false
	}
	return c.AddOns[i], true
}

// Recalled is the catalog with the releases recalled that recalled names, with the reason that it gives; c stays as it is. A release that is
// not there is none.
func (c *Catalog) Recalled(recalled func(addOn, version string) (why string, ok bool)) *Catalog {
	out := &Catalog{AddOns: slices.Clone(c.AddOns)}
	for i := range out.AddOns {
		a := &out.AddOns[i]
		a.Releases = slices.Clone(a.Releases)
		for k := range a.Releases {
			r := &a.Releases[k]
			if why, ok := recalled(a.Name, r.Version.String()); ok {
				r.Status, r.Recall = Recalled, why
			}
		}
	}
	return out
}

// Withdrawn tells whether a release is recalled by the catalog; a nil catalog recalls none.
func (c *Catalog) Withdrawn(addOn, v string) bool {
	if c == nil {
		return false
	}
	a, _ := c.AddOn(addOn)
	return slices.ContainsFunc(a.Releases, func(r Release) bool { return r.Status == Recalled && version.Same(r.Version.String(), v) })
}
