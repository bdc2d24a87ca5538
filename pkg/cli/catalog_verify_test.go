package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

func TestTakingAMoveOutLeavesTheLoadedCatalogAsItIs(t *testing.T) {
	t.Parallel()
	blocks := make([]catalog.Block, 1, 4) // room behind, into which an append would write
	blocks[0] = catalog.Block{Name: "Zone", To: only(version.MustParse("1.1.0"))}
	c := &catalog.Catalog{AddOns: []catalog.AddOn{{
		Name: "Overlay", Blocks: blocks,
		Releases: []catalog.Release{{Version: version.MustParse("1.1.0")}, {Version: version.MustParse("1.0.0")}},
	}}}
	changed, err := without(c, "Overlay:1.0.0..1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range changed.AddOns[0].Blocks {
		names = append(names, b.Name)
	}
	if diff := cmp.Diff([]string{"RemovedForTheProof", "Zone"}, names); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	if got := c.AddOns[0].Blocks; len(got) != 1 || got[0].Name != "Zone" || blocks[:2][1].Name != "" {
		t.Errorf("the loaded catalog has the blocks %v", got)
	}
}

// A release may be written without patch, and stands for that patch alone.
func TestOnlyOneVersionIsMeant(t *testing.T) {
	t.Parallel()
	for in, others := range map[string][]string{
		"1.29":       {"1.28.9", "1.29.1", "1.30"},
		"0.26.2":     {"0.26.1", "0.26.3", "0.27.2"},
		"v1.10.1-m7": {"1.10.0", "1.10.2"},
	} {
		r := only(version.MustParse(in))
		if !r.Contains(version.MustParse(in)) {
			t.Errorf("%s does not hold %s", r, in)
		}
		for _, o := range others {
			if r.Contains(version.MustParse(o)) {
				t.Errorf("%s, for %s alone, holds %s", r, in, o)
			}
		}
	}
}
