package addons_test

import (
	"testing"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
)

// What is shipped is proved: from every release on every Kubernetes minor there is a way on, and each step has its way back
// or says that it has none. The mutation test of package plan shows what this would catch.
func TestTheShippedCatalogIsProved(t *testing.T) {
	t.Parallel()
	report := graph.Verify(shipped(t))
	for _, v := range report.Violations {
		t.Errorf("%s: %s: %s (%v)", v.Property, v.State, v.Text, v.Path)
	}
	if len(report.AddOns) != 3 {
		t.Errorf("%d add-ons were looked at, want 3", len(report.AddOns))
	}
}

func BenchmarkVerifyOfTheShippedCatalog(b *testing.B) {
	c, err := catalog.Load(addons.FS)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		graph.Verify(c)
	}
}
