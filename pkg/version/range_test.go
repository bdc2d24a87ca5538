package version_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func span(minimal, maximum string) version.Range {
	return version.Range{Minimal: orZero(minimal), Maximum: orZero(maximum)}
}

// place names where a version lies.
func place(r version.Range, v version.Version) (places []string) {
	for _, p := range []struct {
		name string
		ok   bool
	}{{"below", r.Below(v)}, {"inside", r.Contains(v)}, {"above", r.Above(v)}} {
		if p.ok {
			places = append(places, p.name)
		}
	}
	return places
}

func TestAVersionLiesBelowInsideOrAboveARange(t *testing.T) {
	t.Parallel()
	patches, minors := span("2.3.1", "2.4.2"), span("2.3", "2.4")
	tests := map[string]struct {
		span    version.Range
		version string
		want    string // empty: nowhere
	}{
		"patch bounds: the first":                         {patches, "2.3.1", "inside"},
		"patch bounds: before the first":                  {patches, "2.3.0", "below"},
		"patch bounds: the last":                          {patches, "2.4.2", "inside"},
		"patch bounds: behind the last":                   {patches, "2.4.3", "above"},
		"patch bounds: a minor is its first patch":        {patches, "2.3", "below"},
		"patch bounds: build text of the last is ignored": {patches, "v2.4.2-multiarch-12", "inside"},
		"patch bounds: v does not matter":                 {patches, "v2.3.1", "inside"},
		"minor bounds: the first patch":                   {minors, "2.3.0", "inside"},
		"minor bounds: a late patch of the last":          {minors, "2.4.99", "inside"},
		"minor bounds: the minor before":                  {minors, "2.2.99", "below"},
		"minor bounds: the minor behind":                  {minors, "2.5.0", "above"},
		"one whole minor, its last patch":                 {span("2.3.0", "2.3"), "2.3.17", "inside"},
		"numbers are not words":                           {span("1.9", "1.9.3"), "1.10.0", "above"},
		"a build is at least its core":                    {span("1.10.0", ""), "v1.10.1-multiarch-7", "inside"},
		"without maximum: far behind":                     {span("2.3.0", ""), "99.0.0", "inside"},
		"without maximum: before":                         {span("2.3.0", ""), "2.2.0", "below"},
		"without minimal: far before":                     {span("", "2.3"), "0.0.1", "inside"},
		"without minimal: behind":                         {span("", "2.3"), "2.4.0", "above"},
		"without bounds":                                  {span("", ""), "1.0.0", "inside"},
		"no version, in a range":                          {patches, "", ""},
		"no version, without bounds":                      {span("", ""), "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if diff := cmp.Diff(want, place(tt.span, orZero(tt.version))); diff != "" {
				t.Errorf("%q lies (-want +got):\n%s", tt.version, diff)
			}
		})
	}
}

func TestARangeDescribesItselfAndReportsThatItHoldsNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		span       version.Range
		text, want string // want is the error of Validate
	}{
		"both ends":                          {span("v0.25.0", "0.26.7-1"), "0.25.0 to 0.26.7", ""},
		"both ends the same":                 {span("0.25.0", "v0.25.0"), "0.25.0", ""},
		"a minimal end":                      {span("2.3.0", ""), "2.3.0 or later", ""},
		"a maximum end":                      {span("", "2.3"), "2.3 or earlier", ""},
		"no end":                             {span("", ""), "any", ""},
		"a patch and its whole minor":        {span("2.3.5", "2.3"), "2.3.5 to 2.3", ""},
		"the wrong way round":                {span("2.4.0", "2.3.0"), "2.4.0 to 2.3.0", "minimal 2.4.0 is later than maximum 2.3.0"},
		"minors the wrong way round":         {span("2.4", "2.3"), "2.4 to 2.3", "minimal 2.4 is later than maximum 2.3"},
		"patches of a minor the wrong way":   {span("1.2.10", "1.2.9"), "1.2.10 to 1.2.9", "minimal 1.2.10 is later than maximum 1.2.9"},
		"builds do not make it hold nothing": {span("1.2.3-2", "1.2.3-1"), "1.2.3 to 1.2.3", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := ""
			if err := tt.span.Validate(); err != nil {
				problem = err.Error()
			}
			if diff := cmp.Diff([]string{tt.text, tt.want}, []string{tt.span.String(), problem}); diff != "" {
				t.Errorf("text and problem (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARangeInJSONLeavesOpenEndsOut(t *testing.T) {
	t.Parallel()
	for text, r := range map[string]version.Range{
		`{"minimal":"2.3.0"}`:                 span("2.3.0", ""),
		`{"minimal":"2.3.0","maximum":"2.3"}`: span("2.3.0", "2.3"),
		`{}`:                                  span("", ""),
	} {
		data, err := json.Marshal(r)
		if err != nil || string(data) != text {
			t.Errorf("%s is written as %s, %v", r, data, err)
		}
		var back version.Range
		if err := json.Unmarshal([]byte(text), &back); err != nil || back.String() != r.String() || back.IsZero() != r.IsZero() {
			t.Errorf("%s is read as %s, %v", text, back, err)
		}
	}
}

// checkRange compares a range with a naive reading: both ends written out with three numbers, and lists compared.
func checkRange(tb rapid.TB, r version.Range, v version.Version) {
	tb.Helper()
	low, high := []uint64{0, 0, 0}, []uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64}
	if !r.Minimal.IsZero() {
		low = numbers(r.Minimal, 0)
	}
	if !r.Maximum.IsZero() {
		high = numbers(r.Maximum, math.MaxUint64)
	}
	this := numbers(v, 0)
	below, above := slices.Compare(this, low) < 0, slices.Compare(this, high) > 0
	if got := []bool{r.Below(v), r.Contains(v), r.Above(v)}; !slices.Equal(got, []bool{below, !below && !above, above}) {
		tb.Fatalf("%s in %s: below, inside, above = %v, want %t, %t, %t", v, r, got, below, !below && !above, above)
	}
	if holdsNothing := slices.Compare(low, high) > 0; (r.Validate() != nil) != holdsNothing {
		tb.Fatalf("%s: %v, want a problem = %t", r, r.Validate(), holdsNothing)
	}
	if _, ok := (version.Filters{Minimal: r.Minimal, Maximum: r.Maximum}).Admit(v); ok != r.Contains(v) {
		tb.Fatalf("%s in %s: a filter with these bounds says %t", v, r, ok)
	}
}

// numbers are the three of a version; patch stands for one that is not written.
func numbers(v version.Version, patch uint64) []uint64 {
	var out []uint64
	for field := range strings.SplitSeq(v.Core(), ".") {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			panic(err)
		}
		out = append(out, n)
	}
	if !v.HasPatch() {
		out = append(out, patch)
	}
	return out
}

func TestARangeHoldsWhatLiesBetweenItsEnds(t *testing.T) {
	t.Parallel()
	orNone := rapid.OneOf(anyVersion(), rapid.Just(version.Version{}))
	rapid.Check(t, func(t *rapid.T) {
		r := version.Range{Minimal: orNone.Draw(t, "minimal"), Maximum: orNone.Draw(t, "maximum")}
		checkRange(t, r, anyVersion().Draw(t, "version"))
	})
}

func FuzzRange(f *testing.F) {
	for _, seed := range [][3]string{
		{"2.3.0", "2.3", "2.3.7"}, {"", "1.31", "v1.31.9+oke"}, {"v1.10.1-multiarch-7", "", "1.10.0"}, {"2.4", "2.3", "2.3.9"}, {"", "", "1.29"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, minimal, maximum, v string) {
		var r version.Range
		this, err := version.Parse(v)
		if err != nil || r.Minimal.UnmarshalText([]byte(minimal)) != nil || r.Maximum.UnmarshalText([]byte(maximum)) != nil {
			return
		}
		checkRange(t, r, this)
	})
}
