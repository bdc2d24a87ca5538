package version

import "fmt"

// Range is a span of one add-on's versions; both ends belong to it, and an end that is not given is open. An end written
// without a patch stands for its whole minor, as in Filters: {2.3.0, 2.3} holds every patch of 2.3. Build text is ignored.
type Range struct {
	Minimal Version `json:"minimal,omitzero"`
	Maximum Version `json:"maximum,omitzero"`
}

// IsZero tells whether both ends are open.
func (r Range) IsZero() bool { return r.Minimal.IsZero() && r.Maximum.IsZero() }

// Contains tells whether v lies in the range. No range contains the zero version.
func (r Range) Contains(v Version) bool {
	return !v.IsZero() &&
		(r.Minimal.IsZero() || compareBound(v, r.Minimal) >= 0) &&
		(r.Maximum.IsZero() || compareBound(v, r.Maximum) <= 0)
}

// Below tells whether v comes before the whole range. The zero version and an open end give false.
func (r Range) Below(v Version) bool {
	return !v.IsZero() && !r.Minimal.IsZero() && compareBound(v, r.Minimal) < 0
}

// Above tells whether v comes after the whole range. The zero version and an open end give false.
func (r Range) Above(v Version) bool {
	return !v.IsZero() && !r.Maximum.IsZero() && compareBound(v, r.Maximum) > 0
}

// Validate reports a range that can hold nothing.
func (r Range) Validate() error {
	if !r.Minimal.IsZero() && !r.Maximum.IsZero() && compareBound(r.Minimal, r.Maximum) > 0 {
		return fmt.Errorf("minimal %s is later than maximum %s", r.Minimal.Core(), r.Maximum.Core())
	}
	return nil
}

// String describes the range: "0.25.0 to 0.26.7", "2.3.0 or later", "any".
func (r Range) String() string {
	switch low, high := !r.Minimal.IsZero(), !r.Maximum.IsZero(); {
	case low && high && r.Minimal.Equal(r.Maximum):
		return r.Maximum.Core() // {2.3.0, 2.3} is all of 2.3
	case low && high:
		return r.Minimal.Core() + " to " + r.Maximum.Core()
	case low:
		return r.Minimal.Core() + " or later"
	case high:
		return r.Maximum.Core() + " or earlier"
	default:
		return "any"
	}
}
