package catalog

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/addonctl/addonctl/pkg/version"
)

const kindRelease = "Release"

// releaseDocument is a file below releases/ as written.
type releaseDocument struct {
	header

	Version    text            `json:"version"`
	Status     Status          `json:"status"`
	Released   text            `json:"released"`
	Kubernetes filtersDocument `json:"kubernetes"`
	ListedFor  []text          `json:"listedFor"`
	Chart      string          `json:"chart"`
	Images     []Image         `json:"images"`
	Mechanism  Mechanism       `json:"mechanism"`
	Nodes      needsDocument   `json:"nodes"`
	Realms     []string        `json:"realms"`
	Values     map[string]any  `json:"values"`
	Renders    []Frozen        `json:"renders"`
	Sources    []string        `json:"sources"`
	Confidence Confidence      `json:"confidence"`
}

type filtersDocument struct {
	Minimal text   `json:"minimal"`
	Maximum text   `json:"maximum"`
	Exact   []text `json:"exact"`
}

type needsDocument struct {
	OS            []string `json:"os"`
	Architectures []string `json:"architectures"`
	Kernel        text     `json:"kernel"`
	Modules       []string `json:"modules"`
	Iptables      []string `json:"iptables"`
}

var (
	chartVersion = regexp.MustCompile(`^(0|[1-9][0-9]*)([.](0|[1-9][0-9]*)){2}$`)
	digest       = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	realmName    = regexp.MustCompile(`^OC[1-9][0-9]*$`)
	// platformName is what Kubernetes calls operating systems and architectures, and the kernel its modules.
	platformName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
)

// reservedValues are the chart values that a release gets from its own fields.
var reservedValues = []string{"images", "version"}

// releaseChecks are all checks that need one release file alone.
var releaseChecks = []func(*sheet, releaseDocument){
	checkVersion, // is there and is the file's name
	checkEnums,   // status, mechanism, confidence, chart
	checkImages,  // at least one, named once, with tag or digest
	checkRealms,  // written as OCI does
	checkValues,  // leave the reserved keys alone
	checkRenders, // name each version of the chart once, with a digest
}

// release turns the document into a release of a and reports what is wrong with it.
func (doc releaseDocument) release(s *sheet, a AddOn) Release {
	s.header(doc.header, kindRelease)
	for _, check := range releaseChecks {
		check(s, doc)
	}
	s.day("released", doc.Released)
	s.sources(doc.Sources)
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
		Nodes:      doc.Nodes.needs(s),
		Realms:     slices.Sorted(slices.Values(doc.Realms)),
		Values:     doc.Values,
		Renders:    doc.Renders,
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
		field := at("kubernetes.exact", i)
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

func (doc needsDocument) needs(s *sheet) NodeNeeds {
	named := func(field, value string) { s.match(field, value, platformName) }
	each(s, "nodes.os", doc.OS, named)
	each(s, "nodes.architectures", doc.Architectures, named)
	each(s, "nodes.modules", doc.Modules, named)
	each(s, "nodes.iptables", doc.Iptables, func(field, value string) {
		oneOf(s, field, value, knownValues[FactIptables]...)
	})
	return NodeNeeds{
		OS:            doc.OS,
		Architectures: doc.Architectures,
		Kernel:        s.version("nodes.kernel", doc.Kernel),
		Modules:       doc.Modules,
		Iptables:      doc.Iptables,
	}
}

func minors(s *sheet, texts []text) []version.Minor {
	var out []version.Minor
	for i, t := range texts {
		field := at("listedFor", i)
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

func checkVersion(s *sheet, doc releaseDocument) {
	name := strings.TrimSuffix(path.Base(s.file), ".yaml")
	switch {
	case doc.Version.value == "":
		s.fault("version", "", "missing")
	case !doc.Version.bare && doc.Version.value != name:
		s.fault("version", doc.Version.value, fmt.Sprintf("differs from the file's name %q", name))
	}
}

func checkEnums(s *sheet, doc releaseDocument) {
	oneOf(s, "status", doc.Status, Active, Deprecated, Preview, Recalled)
	oneOf(s, "mechanism", doc.Mechanism, RollingUpdate, OnDelete, OnReboot)
	oneOf(s, "confidence", doc.Confidence, Documented, Observed, Inferred)
	if doc.Chart != "" {
		s.match("chart", doc.Chart, objectName)
	}
}

func checkImages(s *sheet, doc releaseDocument) {
	if len(doc.Images) == 0 {
		s.fault("images", "", "missing, want at least one")
	}
	names := map[string]bool{}
	for i, image := range doc.Images {
		field := at("images", i)
		s.match(field+".name", image.Name, objectName)
		if names[image.Name] {
			s.fault(field+".name", image.Name, "given twice")
		}
		names[image.Name] = image.Name != ""
		checkRef(s, field+".ref", image.Ref)
	}
}

// checkRef wants registry/path with a tag or digest: without one, what runs
// would depend on the day.
func checkRef(s *sheet, field, ref string) {
	slash := strings.LastIndexByte(ref, '/')
	switch {
	case ref == "":
		s.fault(field, "", "missing")
	case slash <= 0 || strings.ContainsFunc(ref, unicode.IsSpace):
		s.fault(field, ref, "want registry/path with a tag or digest")
	case !strings.ContainsAny(ref[slash:], ":@"):
		s.fault(field, ref, "has neither tag nor digest")
	}
}

func checkRealms(s *sheet, doc releaseDocument) {
	each(s, "realms", doc.Realms, func(field, value string) { s.match(field, value, realmName) })
}

func checkValues(s *sheet, doc releaseDocument) {
	for _, key := range reservedValues {
		if _, ok := doc.Values[key]; ok {
			s.fault("values."+key, "", "reserved, it is set from the release's own fields")
		}
	}
}

func checkRenders(s *sheet, doc releaseDocument) {
	seen := map[string]bool{}
	for i, f := range doc.Renders {
		field := at("renders", i)
		s.match(field+".chart", f.Chart, chartVersion)
		s.match(field+".digest", f.Digest, digest)
		if seen[f.Chart] {
			s.fault(field+".chart", f.Chart, "given twice")
		}
		seen[f.Chart] = true
	}
}
