package version

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Minor is a Kubernetes minor release such as 1.36. It is comparable with ==.
type Minor struct{ Major, Minor uint64 }

// ParseMinor reads "1.36" or "v1.36" and nothing longer; use
// Parse(s).Minor() where a patch or build text may follow.
func ParseMinor(s string) (Minor, error) {
	major, minor, found := strings.Cut(strings.TrimPrefix(s, "v"), ".")
	if !found {
		return Minor{}, fmt.Errorf("parsing minor version %q: want major.minor", s)
	}
	x, errX := parseNumber(major)
	y, errY := parseNumber(minor)
	if err := cmp.Or(errX, errY); err != nil {
		return Minor{}, fmt.Errorf("parsing minor version %q: %w", s, err)
	}
	return Minor{Major: x, Minor: y}, nil
}

// String returns "1.36".
func (m Minor) String() string {
	return strconv.FormatUint(m.Major, 10) + "." + strconv.FormatUint(m.Minor, 10)
}

// Compare orders by major, then minor; it returns -1, 0 or +1.
func (m Minor) Compare(n Minor) int {
	return cmp.Or(cmp.Compare(m.Major, n.Major), cmp.Compare(m.Minor, n.Minor))
}

// Next returns the following minor of the same major: 1.37 for 1.36. An OKE
// control plane moves one minor at a time (facts: OKE 2.8).
func (m Minor) Next() Minor { return Minor{Major: m.Major, Minor: m.Minor + 1} }

// MarshalText returns what String returns.
func (m Minor) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMinor reads.
func (m *Minor) UnmarshalText(text []byte) error {
	parsed, err := ParseMinor(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}
