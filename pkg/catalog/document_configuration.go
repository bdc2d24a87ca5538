package catalog

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/addonctl/addonctl/pkg/version"
)

// configurationKey is the form of a key, such as "kube-flannel.ContainerResources" (facts: OKE 2.7).
var configurationKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)

// configurationDocument is an entry of "configurations" in addon.yaml.
type configurationDocument struct {
	Key         string         `json:"key"`
	Required    bool           `json:"required"`
	DisplayName string         `json:"displayName"`
	Description string         `json:"description"`
	Since       text           `json:"since"`
	Until       text           `json:"until"`
	Schema      map[string]any `json:"schema"`
}

// spanned is a configuration with the releases that have it.
type spanned struct {
	Configuration
	since, until version.Version
}

// covers tells whether a release has the configuration. An end without a patch stands for its whole minor.
func (c spanned) covers(v version.Version) bool {
	return (c.since.IsZero() || v.Compare(c.since) >= 0) &&
		(c.until.IsZero() || v.Compare(c.until) <= 0 || !c.until.HasPatch() && v.Minor() == c.until.Minor())
}

func configurations(s *sheet, docs []configurationDocument) []spanned {
	out := make([]spanned, len(docs))
	for i, doc := range docs {
		out[i] = doc.configuration(s, at("configurations", i))
	}
	return out
}

func (doc configurationDocument) configuration(s *sheet, field string) spanned {
	s.match(field+".key", doc.Key, configurationKey)
	c := spanned{
		Configuration: Configuration{
			Key:         doc.Key,
			Required:    doc.Required,
			DisplayName: doc.DisplayName,
			Description: doc.Description,
			Schema:      doc.Schema,
		},
		since: s.version(field+".since", doc.Since),
		until: s.version(field+".until", doc.Until),
	}
	if !c.since.IsZero() && !c.covers(c.since) {
		s.fault(field+".since", doc.Since.value, "later than until "+doc.Until.value)
	}
	if doc.Schema == nil {
		s.fault(field+".schema", "", "missing")
		return c
	}
	compiled, err := s.schemas.compile(doc.Schema)
	if err != nil {
		s.fault(field+".schema", "", "compiling JSON Schema: "+oneLine(err))
	}
	c.compiled = compiled
	return c
}

// configure gives each release the configurations it has, sorted by key, and reports a key that a release has twice.
func (l *loader) configure(file string, all []spanned, releases []Release) {
	told := map[int]bool{}
	for r := range releases {
		seen := map[string]bool{}
		for i, c := range all {
			switch v := releases[r].Version; {
			case !c.covers(v):
			case !seen[c.Key]:
				seen[c.Key] = true
				releases[r].Configurations = append(releases[r].Configurations, c.Configuration)
			case !told[i]:
				told[i] = true
				l.fault(file, at("configurations", i)+".key", c.Key, "given twice for release "+v.String())
			}
		}
		slices.SortFunc(releases[r].Configurations, func(a, b Configuration) int { return cmp.Compare(a.Key, b.Key) })
	}
}
