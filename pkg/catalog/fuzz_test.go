package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/google/go-cmp/cmp"
)

// FuzzLoad puts any bytes in the place of one file of a catalog without faults. Load never panics, gives a catalog or faults
// and never both, and what it gives keeps the promises of its types.
func FuzzLoad(f *testing.F) {
	files := complete(f)
	names := slices.Sorted(maps.Keys(files))
	for i, name := range names {
		f.Add(uint(i), files[name].Data)
	}
	f.Fuzz(func(t *testing.T, which uint, data []byte) {
		fsys := maps.Clone(files)
		name := names[which%uint(len(names))]
		fsys[name] = &fstest.MapFile{Data: data}
		c, err := catalog.Load(fsys)
		if (c == nil) == (err == nil) {
			t.Fatalf("%s: catalog %v and error %v", name, c, err)
		}
		if err != nil {
			checkFaults(t, err)
			return
		}
		for _, a := range c.AddOns {
			checkAddOn(t, a)
		}
	})
}

// checkFaults wants each fault to name a file, and all to be sorted and single.
func checkFaults(t *testing.T, err error) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("no list of faults: %v", err)
	}
	last := ""
	for _, one := range joined.Unwrap() {
		fault, ok := errors.AsType[catalog.Fault](one)
		if !ok || fault.File == "" || fault.Problem == "" {
			t.Fatalf("no fault of a file: %#v", one)
		}
		if fault.File < last {
			t.Fatalf("%s stands behind %s", fault.File, last)
		}
		last = fault.File
	}
}

func checkAddOn(t *testing.T, a catalog.AddOn) {
	t.Helper()
	if (a.NetworkType == "") != (len(a.Beside) > 0) {
		t.Errorf("network type %q and beside %v", a.NetworkType, a.Beside)
	}
	checkRules(t, a.Rules)
	for i, r := range a.Releases {
		if i > 0 && !r.Version.Less(a.Releases[i-1].Version) {
			t.Errorf("release %s stands behind %s", r.Version, a.Releases[i-1].Version)
		}
		checkConfigurations(t, r.Configurations)
	}
	var names []string
	for _, s := range a.Rules.Stops {
		names = append(names, s.Reason)
	}
	for _, b := range a.Blocks {
		names = append(names, b.Name)
		checkConditions(t, b.When)
		if b.To.IsZero() || b.To.Validate() != nil || b.From.Validate() != nil || b.URL == "" || b.Reviewed == "" || b.Message == "" {
			t.Errorf("block %+v", b)
		}
	}
	for _, h := range a.Hazards {
		names = append(names, h.Name)
		checkConditions(t, h.When)
		if h.From.IsZero() && (h.To.IsZero() || h.OnInstall) || h.Effect == "" || h.Mitigation == "" || len(h.Catalogue)*len(h.Sources) == 0 {
			t.Errorf("hazard %+v", h)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(a.Rules.Stops)+len(a.Blocks)+len(a.Hazards) || slices.Contains(names, "") {
		t.Errorf("a name is missing or twice: %q", names)
	}
}

func checkRules(t *testing.T, r catalog.Rules) {
	t.Helper()
	last := len(r.Back) - 1
	if r.MaxMinorStep < 0 || last < 0 {
		t.Fatalf("rules %+v", r)
	}
	for i, b := range r.Back {
		if all := b.Crossing.IsZero() && !b.WithinMinor; all != (i == last) || b.Message == "" || b.Class == "" || b.During().Worse(b.Class) != b.Class {
			t.Errorf("rule %d of %d for the way back: %+v", i, last, b)
		}
	}
	for i, s := range r.Stops {
		if s.At.Minimal.IsZero() || s.At.Maximum.IsZero() || s.At.Validate() != nil || s.Message == "" {
			t.Errorf("stop %+v", s)
		}
		if i > 0 && !r.Stops[i-1].At.Above(s.At.Minimal) {
			t.Errorf("stop at %s behind %s", s.At, r.Stops[i-1].At)
		}
	}
}

func checkConditions(t *testing.T, conditions catalog.Conditions) {
	t.Helper()
	for _, c := range conditions {
		ways := 0
		for _, given := range []bool{len(c.In) > 0, len(c.NotIn) > 0, !c.Below.IsZero(), !c.AtLeast.IsZero()} {
			if given {
				ways++
			}
		}
		if ways != 1 || !slices.Contains(catalog.FactNames(), c.Fact) {
			t.Errorf("condition %+v", c)
		}
		if got := c.Holds(catalog.Facts{c.Fact: {""}}); got != catalog.Unknown {
			t.Errorf("condition %+v answers %d about what is unknown", c, got)
		}
	}
}

func checkConfigurations(t *testing.T, configurations []catalog.Configuration) {
	t.Helper()
	for i, c := range configurations {
		if i > 0 && c.Key <= configurations[i-1].Key {
			t.Errorf("key %s stands behind %s", c.Key, configurations[i-1].Key)
		}
		for _, value := range []string{"", "{}", "[{}]", "1", "x", encoded("{}")} {
			if _, err := c.Decode(value); err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", c.Key)) {
				t.Errorf("the error does not name the key: %v", err)
			}
		}
	}
}

// FuzzDecode decodes any text by a schema of any kind; what comes out, printed plainly and in Base64, decodes to the same.
func FuzzDecode(f *testing.F) {
	all := keys()
	names := slices.Sorted(maps.Keys(all))
	for i := range names {
		for _, value := range []string{
			`[{"key":"gpu"}]`, `{"limits":{"cpu":"500m"}}`, encoded("{}"), "3", "3.0", "-0", "0.25", "1e-7", "true", "info", `"info"`, "25%", "", "\xff",
			"\"\\ud800\"", "[[[[", "9007199254740993", "12345678901234567890", "1e999", `{"a":1,"a":2}`, "MTIz", "null",
		} {
			f.Add(uint(i), value)
		}
	}
	f.Fuzz(func(t *testing.T, which uint, value string) {
		key := all[names[which%uint(len(names))]]
		decoded, err := key.Decode(value)
		if err != nil {
			return
		}
		data, err := json.Marshal(decoded)
		if err != nil {
			t.Fatal(err)
		}
		for _, printed := range []string{string(data), encoded(string(data))} {
			if len(printed) > 64<<10 {
				return
			}
			again, err := key.Decode(printed)
			if err != nil {
				t.Fatalf("%q decodes and %q does not: %v", value, printed, err)
			}
			if diff := cmp.Diff(decoded, again); diff != "" {
				t.Fatalf("%q and %q decode differently:\n%s", value, printed, diff)
			}
			if !key.SameValue(value, printed) {
				t.Fatalf("%q and %q are not the same value", value, printed)
			}
		}
	})
}
