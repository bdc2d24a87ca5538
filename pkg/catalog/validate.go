package catalog

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/addonctl/addonctl/pkg/version"
)

var (
	addOnName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
	// objectName is what Kubernetes accepts for most names and for namespaces.
	objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// reservedValues are the chart values that a release gets from its own fields.
var reservedValues = []string{"images", "version"}

// sheet collects the faults of one file.
type sheet struct {
	file   string
	faults []Fault
}

func (s *sheet) fault(field, value, problem string) {
	s.faults = append(s.faults, Fault{File: s.file, Field: field, Value: value, Problem: problem})
}

func (s *sheet) header(h header, kind string) {
	oneOf(s, "apiVersion", h.APIVersion, apiVersion)
	oneOf(s, "kind", h.Kind, kind)
}

// match wants a value of that form; form is how the message calls it.
func (s *sheet) match(field, value string, form *regexp.Regexp) {
	switch {
	case value == "":
		s.fault(field, "", "missing")
	case !form.MatchString(value):
		s.fault(field, value, "want the form "+form.String())
	}
}

// quoted reports text that YAML did not read as a string.
func (s *sheet) quoted(field string, t text) (ok bool) {
	if t.bare {
		s.fault(field, t.value, "not text, write it in quotes")
	}
	return !t.bare
}

// version reads a version; none is the zero version and no fault.
func (s *sheet) version(field string, t text) version.Version {
	if !s.quoted(field, t) || t.value == "" {
		return version.Version{}
	}
	v, err := version.Parse(t.value)
	if err != nil {
		s.fault(field, t.value, err.Error())
	}
	return v
}

func oneOf[T ~string](s *sheet, field string, value T, allowed ...T) {
	switch {
	case value == "":
		s.fault(field, "", "missing, want "+list(allowed))
	case !slices.Contains(allowed, value):
		s.fault(field, string(value), "want "+list(allowed))
	}
}

func list[T ~string](allowed []T) string {
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	return strings.Join(names, " or ")
}

func checkAddOn(s *sheet, folder string, doc addOnDocument) {
	s.header(doc.header, kindAddOn)
	s.match("name", doc.Name, addOnName)
	if want := folderOf(doc.Name); addOnName.MatchString(doc.Name) && folder != want {
		s.fault("name", doc.Name, fmt.Sprintf("lies in folder %q, want %q", folder, want))
	}
	if doc.NetworkType != "" {
		oneOf(s, "networkType", doc.NetworkType, NetworkTypes()...)
	}
	s.match("chart", doc.Chart, objectName)
	s.match("release", doc.Release, objectName)
	checkWorkload(s, doc.Workload)
	checkNodeKinds(s, doc.NodeKinds)
}

// folderOf gives the folder of an add-on: words in lower case, joined by "-"
// (Flannel: flannel, OciVcnIpNative: oci-vcn-ip-native).
func folderOf(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func checkWorkload(s *sheet, w Workload) {
	s.match("workload.namespace", w.Namespace, objectName)
	oneOf(s, "workload.kind", w.Kind, "DaemonSet")
	s.match("workload.name", w.Name, objectName)
	s.match("workload.container", w.Container, objectName)
}

func checkNodeKinds(s *sheet, kinds []NodeKind) {
	if len(kinds) == 0 {
		s.fault("nodeKinds", "", "missing, want at least one")
	}
	for i, kind := range kinds {
		field := fmt.Sprintf("nodeKinds[%d]", i)
		oneOf(s, field, kind, Managed, SelfManaged, Virtual)
		if slices.Contains(kinds[:i], kind) {
			s.fault(field, string(kind), "given twice")
		}
	}
}

// releaseChecks are all checks that need one release file alone.
var releaseChecks = []func(*sheet, releaseDocument){
	checkVersion,  // is there and is the file's name
	checkEnums,    // status, mechanism, confidence, chart
	checkReleased, // a day or nothing
	checkImages,   // at least one, named once, with tag or digest
	checkValues,   // leave the reserved keys alone
	checkSources,  // every fact can be traced
}

func checkRelease(s *sheet, doc releaseDocument) {
	s.header(doc.header, kindRelease)
	for _, check := range releaseChecks {
		check(s, doc)
	}
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

func checkReleased(s *sheet, doc releaseDocument) {
	if !s.quoted("released", doc.Released) || doc.Released.value == "" {
		return
	}
	if _, err := time.Parse(time.DateOnly, doc.Released.value); err != nil {
		s.fault("released", doc.Released.value, "want a day such as 2025-08-08, or nothing")
	}
}

func checkImages(s *sheet, doc releaseDocument) {
	if len(doc.Images) == 0 {
		s.fault("images", "", "missing, want at least one")
	}
	names := map[string]bool{}
	for i, image := range doc.Images {
		field := fmt.Sprintf("images[%d]", i)
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

func checkValues(s *sheet, doc releaseDocument) {
	for _, key := range reservedValues {
		if _, ok := doc.Values[key]; ok {
			s.fault("values."+key, "", "reserved, it is set from the release's own fields")
		}
	}
}

func checkSources(s *sheet, doc releaseDocument) {
	if len(doc.Sources) == 0 {
		s.fault("sources", "", "missing, want at least one")
	}
	for i, source := range doc.Sources {
		if strings.TrimSpace(source) == "" {
			s.fault(fmt.Sprintf("sources[%d]", i), source, "empty")
		}
	}
}
