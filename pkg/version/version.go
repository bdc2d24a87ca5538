package version

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version is one version string with its order. The zero value stands for "no
// version", prints as "" and sorts before every other version.
//
// Versions with different strings can be Equal ("v0.26.2" and "0.26.2", "1.29"
// and "1.29.0"), so use Equal or Compare, never ==.
type Version struct {
	raw        string
	core       [3]uint64
	components int // how many core numbers the string gave: 2 or 3, 0 for the zero value
	build      string
}

// maxLength bounds what Parse reads; no known version string is near it.
const maxLength = 128

// Parse reads a version: an optional "v", two or three decimal numbers, and
// optional build text after "-" or "+" made of letters, digits, "." , "-" and
// "+". The raw string is kept, because OKE's API wants it back unchanged
// (facts: OKE 2.9).
func Parse(s string) (Version, error) {
	if len(s) > maxLength {
		return Version{}, fmt.Errorf("parsing version %q...: longer than %d characters", s[:16], maxLength)
	}
	core, build, hasBuild := cutBuild(strings.TrimPrefix(s, "v"))
	if hasBuild && !validBuild(build) {
		return Version{}, fmt.Errorf("parsing version %q: build text %q is empty or has empty or foreign parts", s, build)
	}
	numbers, n, err := parseCore(core)
	if err != nil {
		return Version{}, fmt.Errorf("parsing version %q: %w", s, err)
	}
	return Version{raw: s, core: numbers, components: n, build: build}, nil
}

// MustParse is Parse for constants and tests; it panics on a malformed string.
func MustParse(s string) Version {
	v, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

// cutBuild splits at the first "-" or "+".
func cutBuild(s string) (core, build string, found bool) {
	i := strings.IndexAny(s, "-+")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func parseCore(s string) (numbers [3]uint64, n int, err error) {
	fields := strings.Split(s, ".")
	if len(fields) < 2 || len(fields) > len(numbers) {
		return numbers, 0, fmt.Errorf("want major.minor or major.minor.patch, got %q", s)
	}
	for i, field := range fields {
		if numbers[i], err = parseNumber(field); err != nil {
			return numbers, 0, err
		}
	}
	return numbers, len(fields), nil
}

// parseNumber accepts decimal digits only. A leading zero is refused, because
// two strings would print one number.
func parseNumber(s string) (uint64, error) {
	if len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("number %q has a leading zero", s)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return n, nil
}

// String returns the raw string exactly as it was given to Parse.
func (v Version) String() string { return v.raw }

// Core returns the numbers without "v" and build text, as many as were given:
// "0.27.3", or "1.29" where the string had no patch.
func (v Version) Core() string {
	if v.IsZero() {
		return ""
	}
	s := v.Minor().String()
	if v.components == len(v.core) {
		s += "." + strconv.FormatUint(v.core[2], 10)
	}
	return s
}

// Minor returns major and minor: 1.36 for "v1.36.3".
func (v Version) Minor() Minor { return Minor{Major: v.core[0], Minor: v.core[1]} }

// HasPatch tells whether the string gave a patch number. "1.29" has none and
// compares as 1.29.0, but as a filter bound it stands for the whole minor.
func (v Version) HasPatch() bool { return v.components == len(v.core) }

// IsZero tells whether v is the zero value, that is: no version.
func (v Version) IsZero() bool { return v.components == 0 }

// Compare orders versions of one add-on: core numbers first (a missing patch
// counts as 0), then the build parts; a version without build text comes
// before the same version with it. It returns -1, 0 or +1.
//
//	v0.26.2                            = 0.26.2
//	v1.10.1                            < v1.10.1-multiarch-7
//	v1.10.1-multiarch-7                < v1.10.1-multiarch-12
//	v1.27.2-oke.0.2.9-multiarch-40     < v1.27.2-oke.0.2.20-multiarch-98
func (v Version) Compare(w Version) int {
	if c := compareBool(!v.IsZero(), !w.IsZero()); c != 0 {
		return c
	}
	if c := slices.Compare(v.core[:], w.core[:]); c != 0 {
		return c
	}
	return compareBuild(v.build, w.build)
}

// CompareCore orders by core numbers alone and ignores build text.
func (v Version) CompareCore(w Version) int { return slices.Compare(v.core[:], w.core[:]) }

// Less tells whether v comes before w.
func (v Version) Less(w Version) bool { return v.Compare(w) < 0 }

// Equal tells whether v and w have the same place in the order, whatever their
// raw strings. It also serves cmp.Diff.
func (v Version) Equal(w Version) bool { return v.Compare(w) == 0 }

// MarshalText returns the raw string; the zero value becomes "".
func (v Version) MarshalText() ([]byte, error) { return []byte(v.raw), nil }

// UnmarshalText reads what MarshalText wrote; "" becomes the zero value.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

// Compare is Version.Compare as a function, for slices.SortFunc.
func Compare(v, w Version) int { return v.Compare(w) }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
