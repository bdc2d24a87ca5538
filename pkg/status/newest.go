package status

import "github.com/addonctl/addonctl/pkg/version"

// SameVersion is version.Same.
func SameVersion(a, b string) bool { return version.Same(a, b) }

// NewerVersion is version.Newer.
func NewerVersion(a, b string) bool { return version.Newer(a, b) }
