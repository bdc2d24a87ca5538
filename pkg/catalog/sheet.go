package catalog

import (
	"fmt"
	"io/fs"
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
	// reasonName is what names of blocks, hazards and stops look like, and reasons of conditions in Kubernetes.
	reasonName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	// objectName is what Kubernetes accepts for most names and for namespaces.
	objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	webAddress = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/\S*)?$`)
)

// sheet collects the faults of one file.
type sheet struct {
	file   string
	faults []Fault
	// schemas that were compiled for any file.
	schemas schemas
}

// decode reads the sheet's file. When ok is false, nothing in into is worth checking.
func (s *sheet) decode(fsys fs.FS, into any) (ok bool) {
	s.faults, ok = decode(fsys, s.file, into)
	return ok
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

// sentence wants prose for the reader.
func (s *sheet) sentence(field, value string) {
	switch {
	case value == "":
		s.fault(field, "", "missing")
	case strings.TrimSpace(value) == "":
		s.fault(field, value, "empty")
	}
}

// address takes nothing or a web address.
func (s *sheet) address(field, value string) {
	if value != "" {
		s.match(field, value, webAddress)
	}
}

// quoted reports text that YAML did not read as a string.
func (s *sheet) quoted(field string, t text) (ok bool) {
	if t.bare {
		s.fault(field, t.value, "not text, write it in quotes")
	}
	return !t.bare
}

// day takes nothing or a day.
func (s *sheet) day(field string, t text) {
	if !s.quoted(field, t) || t.value == "" {
		return
	}
	if _, err := time.Parse(time.DateOnly, t.value); err != nil {
		s.fault(field, t.value, "want a day such as 2025-08-08")
	}
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

// sources wants each fact to be traceable.
func (s *sheet) sources(sources []string) {
	if len(sources) == 0 {
		s.fault("sources", "", "missing, want at least one")
	}
	for i, source := range sources {
		if strings.TrimSpace(source) == "" {
			s.fault(at("sources", i), source, "empty")
		}
	}
}

func at(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// each checks every element of a list and reports those that stand there twice.
func each[T ~string](s *sheet, field string, values []T, check func(field string, value T)) {
	for i, value := range values {
		check(at(field, i), value)
		if value != "" && slices.Contains(values[:i], value) {
			s.fault(at(field, i), string(value), "given twice")
		}
	}
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

// kebab writes a name as its file or folder is called: words in lower case, joined by "-" (Flannel: flannel,
// OciVcnIpNative: oci-vcn-ip-native, CNIChainLost: cni-chain-lost).
func kebab(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if i > 0 && unicode.IsUpper(r) && startsWord(letters, i) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// startsWord tells whether the capital letter at i opens a word: it does unless it stands inside a run of capitals.
func startsWord(letters []rune, i int) bool {
	return !unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])
}

// fileName wants a CamelCase name, and the file to be called after it.
func (s *sheet) fileName(name string) {
	s.match("name", name, reasonName)
	file := strings.TrimSuffix(path.Base(s.file), ".yaml")
	if want := kebab(name); reasonName.MatchString(name) && file != want {
		s.fault("name", name, fmt.Sprintf("lies in file %q, want %q", file+".yaml", want+".yaml"))
	}
}
