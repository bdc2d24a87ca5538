package status

import "github.com/addonctl/addonctl/pkg/version"

// SameVersion tells whether two texts name one version, such as v0.26.2 and 0.26.2. Two that cannot be read do when they are equal.
func SameVersion(a, b string) bool {
	v, w, ok := read(a, b)
	return a == b || ok && v.Equal(w)
}

// NewerVersion tells whether a is newer than b. One that cannot be read is newer than nothing, and nothing is newer than it.
func NewerVersion(a, b string) bool {
	v, w, ok := read(a, b)
	return ok && w.Less(v)
}

func read(a, b string) (v, w version.Version, ok bool) {
	v, err := version.Parse(a)
	if err != nil {
		return v, w, false
	}
	w, err = version.Parse(b)
	return v, w, err == nil
}
