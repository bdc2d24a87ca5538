package version_test

import (
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseKeepsTheRawStringAndFindsTheCore(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ raw, core, minor string }{
		"an API string with one build number":       {"v1.10.1-multiarch-7", "1.10.1", "1.10"},
		"an API string without build text":          {"v1.19.0", "1.19.0", "1.19"},
		"a documentation table's form":              {"2.0.1", "2.0.1", "2.0"},
		"a build string that holds another version": {"v1.27.2-oke.0.2.20-multiarch-98", "1.27.2", "1.27"},
		"a missing patch":                           {"1.29", "1.29", "1.29"},
		"a calendar version with a build":           {"25.3.3-2", "25.3.3", "25.3"},
		"a flannel release":                         {"0.27.3", "0.27.3", "0.27"},
		"a Kubernetes server":                       {"v1.36.3", "1.36.3", "1.36"},
		"a Kubernetes server with build metadata":   {"v1.34.2+oke.1", "1.34.2", "1.34"},
		"a Kubernetes pre-release":                  {"v1.37.0-alpha.1", "1.37.0", "1.37"},
		"a build string with a Kubernetes minor":    {"v2.7.0-multiarch-1.25-2", "2.7.0", "2.7"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := version.Parse(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{v.String(), v.Core(), v.Minor().String()}
			if diff := cmp.Diff([]string{tt.raw, tt.core, tt.minor}, got); diff != "" {
				t.Errorf("raw, core, minor (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefusesWhatIsNoVersion(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ raw, want string }{
		"nothing":                  {"", `parsing version "": want major.minor or major.minor.patch, got ""`},
		"a lone v":                 {"v", `parsing version "v": want major.minor or major.minor.patch, got ""`},
		"one number":               {"1", `parsing version "1": want major.minor or major.minor.patch, got "1"`},
		"four numbers":             {"1.2.3.4", `parsing version "1.2.3.4": want major.minor or major.minor.patch, got "1.2.3.4"`},
		"a word":                   {"latest", `parsing version "latest": want major.minor or major.minor.patch, got "latest"`},
		"a capital v":              {"V1.2.3", `parsing version "V1.2.3": "V1" is not a number`},
		"a leading zero":           {"1.02.3", `parsing version "1.02.3": number "02" has a leading zero`},
		"a sign":                   {"1.+2", `parsing version "1.+2": "" is not a number`},
		"a number beyond 64 bits":  {"1.99999999999999999999", `parsing version "1.99999999999999999999": "99999999999999999999" is not a number`},
		"an empty build":           {"1.2.3-", `parsing version "1.2.3-": build text "" is empty or has empty or foreign parts`},
		"an empty build part":      {"1.2.3-a..b", `parsing version "1.2.3-a..b": build text "a..b" is empty or has empty or foreign parts`},
		"a path in the build":      {"1.2.3-a/b", `parsing version "1.2.3-a/b": build text "a/b" is empty or has empty or foreign parts`},
		"white space at the end":   {"1.2.3 ", `parsing version "1.2.3 ": "3 " is not a number`},
		"more than 128 characters": {"1.2.3-" + strings.Repeat("a", 123), `parsing version "1.2.3-aaaaaaaaaa"...: longer than 128 characters`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := version.Parse(tt.raw)
			if err == nil {
				t.Fatalf("parsed %q as %v, want an error", tt.raw, v)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// The rows marked "semver" are the mistakes a plain semver library makes with
// OKE's strings.
func TestCompareOrdersByCoreThenByNumericBuildParts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		a, b string
		want int
	}{
		"a leading v does not matter":                          {"v0.26.2", "0.26.2", 0},
		"a missing patch is zero":                              {"1.29", "v1.29.0", 0},
		"numbers are not words":                                {"0.9.0", "0.10.0", -1},
		"semver: a build is not a pre-release":                 {"v1.10.1-multiarch-7", "v1.10.1", +1},
		"semver: a build still passes its own core":            {"v1.10.1-multiarch-7", "1.10.0", +1},
		"semver: the last build part is a number":              {"v1.10.1-multiarch-7", "v1.10.1-multiarch-12", -1},
		"semver: an inner build part is a number":              {"v1.27.2-oke.0.2.20-multiarch-98", "v1.27.2-oke.0.2.9-multiarch-40", +1},
		"semver: a version with v and no patch has its place":  {"v1.29", "1.28.9", +1},
		"semver: a build with one number is no pre-release":    {"25.3.3-2", "25.3.3", +1},
		"semver: a build number is no word":                    {"25.3.3-2", "25.3.3-10", -1},
		"semver: a minor within the build is two numbers":      {"v2.7.0-multiarch-1.9-2", "v2.7.0-multiarch-1.25-2", -1},
		"the core decides before the build":                    {"1.10.2-1", "1.10.1-99", +1},
		"more build parts come later":                          {"25.3.3-2", "25.3.3-2-1", -1},
		"a number glued to a word counts as a number":          {"v1.9.1-flannel9", "v1.9.1-flannel10", -1},
		"a number comes before a word":                         {"1.0.0-1", "1.0.0-a", -1},
		"numbers beyond 64 bits compare":                       {"1.0.0-99999999999999999999", "1.0.0-100000000000000000000", -1},
		"leading zeros name the same number but stay distinct": {"1.0.0-07", "1.0.0-7", +1},
		"separators do not matter":                             {"1.0.0-oke.1", "1.0.0-oke-1", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := version.MustParse(tt.a), version.MustParse(tt.b)
			got := []int{a.Compare(b), b.Compare(a)}
			if diff := cmp.Diff([]int{tt.want, -tt.want}, got); diff != "" {
				t.Errorf("compare both ways (-want +got):\n%s", diff)
			}
			if a.Less(b) != (tt.want < 0) || a.Equal(b) != (tt.want == 0) {
				t.Errorf("Less and Equal disagree with Compare = %d", tt.want)
			}
		})
	}
}

func TestTheZeroVersionMeansNoVersion(t *testing.T) {
	t.Parallel()
	var zero version.Version
	if !zero.IsZero() || zero.String() != "" || zero.Core() != "" {
		t.Errorf("zero value: IsZero %t, String %q, Core %q", zero.IsZero(), zero, zero.Core())
	}
	if least := version.MustParse("0.0"); least.IsZero() || !zero.Less(least) {
		t.Error("the zero value must sort before 0.0")
	}
}

func TestTextFormGoesThereAndBack(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "v1.10.1-multiarch-7", "1.29"} {
		var v version.Version
		if err := v.UnmarshalText([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		text, err := v.MarshalText()
		if err != nil || string(text) != raw {
			t.Errorf("got %q, %v, want %q", text, err, raw)
		}
	}
	var v version.Version
	if err := v.UnmarshalText([]byte("nonsense")); err == nil {
		t.Error("nonsense was accepted")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"v1.10.1-multiarch-7", "2.0.1", "v1.27.2-oke.0.2.20-multiarch-98", "1.29", "25.3.3-2", "v1.34.2+oke.1", "", "v", "1.2.3-", "1..2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := version.Parse(s)
		if err != nil {
			return
		}
		if v.String() != s || v.IsZero() {
			t.Fatalf("parsed %q, printed %q", s, v)
		}
		core, err := version.Parse(v.Core())
		if err != nil || core.CompareCore(v) != 0 || v.Less(core) {
			t.Fatalf("core %q of %q: %v", v.Core(), s, err)
		}
		if again := version.MustParse(v.String()); !again.Equal(v) {
			t.Fatalf("%q does not equal itself", s)
		}
	})
}

// anyVersion draws from few values, so that equal and nearly equal versions
// are common.
func anyVersion() *rapid.Generator[version.Version] {
	return rapid.Custom(func(t *rapid.T) version.Version {
		raw := rapid.StringMatching(`v?[0-2]\.(0|1|10)(\.[0-2])?([-+.](0|00|1|9|10|a|b|a1|a10|oke)){0,3}`).
			Filter(func(s string) bool { _, err := version.Parse(s); return err == nil }).Draw(t, "raw")
		return version.MustParse(raw)
	})
}

func TestCompareIsATotalOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyVersion().Draw(t, "a"), anyVersion().Draw(t, "b"), anyVersion().Draw(t, "c")
		if again := version.MustParse(a.String()); a.Compare(again) != 0 {
			t.Fatalf("%s differs from itself", a)
		}
		if a.Compare(b) != -b.Compare(a) {
			t.Fatalf("%s and %s: the order depends on the side", a, b)
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatalf("%s <= %s <= %s, but the first is greater than the last", a, b, c)
		}
		if a.Equal(b) && a.Compare(c) != b.Compare(c) {
			t.Fatalf("%s equals %s, but they compare differently with %s", a, b, c)
		}
	})
}
