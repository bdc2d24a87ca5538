package render_test

import (
	"testing"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/render"
)

// One render with everything warm, as the loop does it in every round.
func BenchmarkRelease(b *testing.B) {
	a, r := release(b, "0.27.3")
	s := settings("10.244.0.0/16")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := render.Release(charts.FS, a, r, s); err != nil {
			b.Fatal(err)
		}
	}
}
