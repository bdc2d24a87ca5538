package version_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/version"
)

func TestTextsAreComparedAsVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b        string
		same, newer bool
	}{
		{"0.27.3", "0.26.2", false, true},
		{"0.26.2", "0.27.3", false, false},
		{"v0.27.3", "0.27.3", true, false},
		{"0.9.0", "0.10.0", false, false},
		{"0.10.0", "0.9.0", false, true},
		{"latest", "latest", true, false},
		{"latest", "0.27.3", false, false},
		{"0.27.3", "latest", false, false},
		{"0.27.3", "", false, false},
	} {
		if got := version.Same(c.a, c.b); got != c.same {
			t.Errorf("%q and %q are one version: %v", c.a, c.b, got)
		}
		if got := version.Newer(c.a, c.b); got != c.newer {
			t.Errorf("%q is newer than %q: %v", c.a, c.b, got)
		}
	}
}
