package helm

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
)

// manifest is one object, whose name tells which revision it is of.
func manifest(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

func TestTheLiveReleaseIsTheRecordedOneThatFits(t *testing.T) {
	t.Parallel()
	rev := func(number int, v, status, digest string) record.Revision {
		return record.Revision{Number: number, Version: v, Status: status, Digest: digest, Manifest: manifest(digest)}
	}
	live := func(v, digest string) plan.Installed {
		return plan.Installed{Present: true, Version: v, Digest: digest}
	}
	stored := []record.Revision{
		rev(1, "0.24.4", "superseded", "a"), rev(2, "0.26.2", "deployed", "b"), rev(3, "0.26.2", "deployed", "c"), rev(4, "0.27.3", "pending-upgrade", "d"),
	}
	for name, c := range map[string]struct {
		stored []record.Revision
		live   plan.Installed
		want   string
	}{
		"the deployed one":                        {stored, live("0.26.2", "c"), "c"},
		"the pending one, once it is written":     {stored, live("0.27.3", "d"), "d"},
		"an older one, after a way back by hand":  {stored, live("0.24.4", "a"), "a"},
		"one of the same version, by its mark":    {stored, live("0.26.2", "b"), "b"},
		"the newest of one render":                {append(stored, rev(5, "0.24.4", "failed", "a")), live("0.24.4", "a"), "a"},
		"Helm's own, which leaves our mark alone": {append(stored[:2:2], rev(3, "0.27.3", "deployed", "helm")), live("0.27.3", "b"), "helm"},
		"without a mark, the newest deployed one": {stored, live("0.26.2", ""), "c"},
		"no revision of that version":             {stored, live("0.25.0", "c"), ""},
		"a version that is only pending":          {stored, live("0.27.3", ""), ""},
		"nothing is recorded":                     {nil, live("0.26.2", "c"), ""},
		"nothing is live":                         {stored, plan.Installed{Version: "0.26.2", Digest: "c"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := from(c.stored, c.live)
			switch {
			case c.want == "" && f != nil:
				t.Errorf("got %+v, want nothing", f)
			case c.want != "" && (f == nil || f.Objects[0] != "ConfigMap "+c.want):
				t.Errorf("got %+v, want that of %s", f, c.want)
			case f != nil && f.Bytes != len(manifest(c.want)):
				t.Errorf("the text has %d bytes, and the footprint says %d", len(manifest(c.want)), f.Bytes)
			}
		})
	}
}

// A revision that somebody wrote by hand must not stop the way out of it.
func TestARecordedManifestThatCannotBeReadIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no YAML":             "a: [b",
		"a broken net-conf":   manifest("x") + "data: {net-conf.json: '{'}\n",
		"a field of no sense": "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: x}\nspec: {template: []}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored := []record.Revision{{Number: 1, Version: "1.0.0", Status: "deployed", Digest: "x", Manifest: text}}
			if f := from(stored, plan.Installed{Present: true, Version: "1.0.0", Digest: "x"}); f != nil {
				t.Errorf("got %+v", f)
			}
		})
	}
}
