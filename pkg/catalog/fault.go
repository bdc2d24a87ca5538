package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Fault is one thing that is wrong with the catalog's data. Load returns all
// of them joined; errors.As finds the first.
type Fault struct { //nolint:errname // a fault is data first, and joined it is an error
	// File is the path below the catalog's root.
	File string
	// Field is the path inside the file, such as "images[1].ref"; empty when
	// the file as a whole is meant.
	Field string
	// Value is what stands there; empty when nothing does.
	Value string
	// Problem says what is wrong with it.
	Problem string
}

// Error returns one line: file, field, value, problem.
func (f Fault) Error() string {
	s := f.File + ": "
	if f.Field != "" {
		s += f.Field + ": "
	}
	if f.Value != "" {
		s += fmt.Sprintf("%q: ", f.Value)
	}
	return s + f.Problem
}

func compareFaults(a, b Fault) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Field, b.Field),
		cmp.Compare(a.Value, b.Value), cmp.Compare(a.Problem, b.Problem))
}

// join sorts the faults and joins them; none give nil.
func join(faults []Fault) error {
	slices.SortFunc(faults, compareFaults)
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}
