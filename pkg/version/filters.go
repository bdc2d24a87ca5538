package version

import (
	"fmt"
	"slices"
	"strings"
)

// Filters says which Kubernetes versions a release is made for. The fields are
// those of OKE's KubernetesVersionsFilters, all optional (facts: OKE 2.3).
//
// Oracle documents neither whether the bounds are inclusive nor how the fields
// combine (facts: OKE 9.4), so this is our reading, chosen so that a doubt
// means no:
//
//	bound     | written with patch, "1.31.4"  | written as minor, "1.31"
//	----------+-------------------------------+----------------------------
//	minimal   | that patch or later           | any patch of 1.31, or later
//	maximum   | that patch or earlier         | any patch of 1.31, or earlier
//	exact     | only that patch               | any patch of 1.31
//
// All fields that are given must hold. Build text is ignored on both sides:
// "v1.34.2+oke" is 1.34.2, and "v1.37.0-alpha.1" is 1.37.0.
type Filters struct {
	Minimal Version   `json:"minimal,omitzero" yaml:"minimal,omitempty"`
	Maximum Version   `json:"maximum,omitzero" yaml:"maximum,omitempty"`
	Exact   []Version `json:"exact,omitempty"  yaml:"exact,omitempty"`
}

// IsZero tells whether no filter is given, so that everything is admitted.
func (f Filters) IsZero() bool { return f.Minimal.IsZero() && f.Maximum.IsZero() && len(f.Exact) == 0 }

// Admit tells whether a Kubernetes version passes. When it does not, reason is
// a fragment for a message: "needs Kubernetes 1.34 or later, the cluster runs
// 1.33.2". The zero version passes only filters that are zero themselves.
func (f Filters) Admit(k Version) (reason string, ok bool) {
	switch {
	case f.IsZero():
		return "", true
	case k.IsZero():
		return "needs a known Kubernetes version, the cluster's is unknown", false
	case !f.Minimal.IsZero() && compareBound(k, f.Minimal) < 0:
		return refuse(f.Minimal.Core()+" or later", k), false
	case !f.Maximum.IsZero() && compareBound(k, f.Maximum) > 0:
		return refuse(f.Maximum.Core()+" or earlier", k), false
	case len(f.Exact) > 0 && !slices.ContainsFunc(f.Exact, matches(k)):
		return refuse(oneOf(f.Exact), k), false
	default:
		return "", true
	}
}

// Validate reports filters that can admit nothing.
func (f Filters) Validate() error {
	if f.Minimal.IsZero() || f.Maximum.IsZero() {
		return nil
	}
	if compareBound(f.Minimal, f.Maximum) > 0 {
		return fmt.Errorf("minimal %s is later than maximum %s", f.Minimal.Core(), f.Maximum.Core())
	}
	return nil
}

// String describes the filters: "1.31 or later", "1.31 to 1.33", "any".
func (f Filters) String() string {
	var parts []string
	switch low, high := !f.Minimal.IsZero(), !f.Maximum.IsZero(); {
	case low && high:
		parts = append(parts, f.Minimal.Core()+" to "+f.Maximum.Core())
	case low:
		parts = append(parts, f.Minimal.Core()+" or later")
	case high:
		parts = append(parts, f.Maximum.Core()+" or earlier")
	}
	if len(f.Exact) > 0 {
		parts = append(parts, oneOf(f.Exact))
	}
	if len(parts) == 0 {
		return "any"
	}
	return strings.Join(parts, ", ")
}

// compareBound compares k with a bound: by minor alone where the bound is
// written without patch, else by core.
func compareBound(k, limit Version) int {
	if !limit.HasPatch() {
		return k.Minor().Compare(limit.Minor())
	}
	return k.CompareCore(limit)
}

func matches(k Version) func(Version) bool {
	return func(exact Version) bool { return compareBound(k, exact) == 0 }
}

func refuse(want string, k Version) string {
	return fmt.Sprintf("needs Kubernetes %s, the cluster runs %s", want, k.Core())
}

func oneOf(versions []Version) string {
	sorted := slices.SortedFunc(slices.Values(versions), Compare)
	names := make([]string, len(sorted))
	for i, v := range sorted {
		names[i] = v.Core()
	}
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
