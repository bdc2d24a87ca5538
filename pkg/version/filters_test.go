package version_test

import (
	"encoding/json"
	"testing"

	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func filters(minimal, maximum string, exact ...string) version.Filters {
	f := version.Filters{Minimal: orZero(minimal), Maximum: orZero(maximum)}
	for _, e := range exact {
		f.Exact = append(f.Exact, version.MustParse(e))
	}
	return f
}

func orZero(s string) version.Version {
	if s == "" {
		return version.Version{}
	}
	return version.MustParse(s)
}

func TestAdmitGivesAReasonWhenAClusterDoesNotFit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		filters version.Filters
		cluster string
		want    string // empty: admitted
	}{
		"no filter admits everything":                     {filters("", ""), "v1.2.3", ""},
		"minimal minor admits its first patch":            {filters("1.34", ""), "v1.34.0", ""},
		"minimal minor admits a later minor":              {filters("1.34", ""), "v1.35.0", ""},
		"minimal minor refuses the minor before":          {filters("1.34", ""), "v1.33.2", "needs Kubernetes 1.34 or later, the cluster runs 1.33.2"},
		"minimal patch admits itself":                     {filters("v1.34.2", ""), "v1.34.2", ""},
		"minimal patch ignores build text":                {filters("v1.34.2", ""), "v1.34.2+oke.1", ""},
		"minimal patch refuses the patch before":          {filters("v1.34.2", ""), "v1.34.1", "needs Kubernetes 1.34.2 or later, the cluster runs 1.34.1"},
		"maximum minor admits its last patch":             {filters("", "1.31"), "v1.31.99", ""},
		"maximum minor refuses the next minor":            {filters("", "1.31"), "v1.32.0", "needs Kubernetes 1.31 or earlier, the cluster runs 1.32.0"},
		"maximum patch refuses the next patch":            {filters("", "1.31.4"), "v1.31.5", "needs Kubernetes 1.31.4 or earlier, the cluster runs 1.31.5"},
		"both bounds of one minor admit it":               {filters("1.31", "1.31"), "v1.31.7", ""},
		"1.9 is before 1.10":                              {filters("1.10", ""), "v1.9.0", "needs Kubernetes 1.10 or later, the cluster runs 1.9.0"},
		"exact minor admits any patch":                    {filters("", "", "1.31", "1.33"), "v1.33.4", ""},
		"exact patch admits itself with build text":       {filters("", "", "v1.31.4"), "v1.31.4+oke", ""},
		"exact list refuses the gap and names all sorted": {filters("", "", "1.33", "1.9.2", "1.31"), "v1.32.0", "needs Kubernetes 1.9.2, 1.31 or 1.33, the cluster runs 1.32.0"},
		"exact of one entry names it":                     {filters("", "", "1.31"), "v1.32.0", "needs Kubernetes 1.31, the cluster runs 1.32.0"},
		"a bound still holds beside exact":                {filters("1.32", "", "1.31"), "v1.31.0", "needs Kubernetes 1.32 or later, the cluster runs 1.31.0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, ok := tt.filters.Admit(version.MustParse(tt.cluster))
			if diff := cmp.Diff(tt.want, reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
			if ok != (tt.want == "") {
				t.Errorf("ok = %t with reason %q", ok, reason)
			}
		})
	}
}

func TestAnUnknownClusterVersionPassesOnlyWithoutFilters(t *testing.T) {
	t.Parallel()
	if _, ok := filters("", "").Admit(version.Version{}); !ok {
		t.Error("no filters must admit an unknown version")
	}
	reason, ok := filters("1.30", "").Admit(version.Version{})
	if want := "needs a known Kubernetes version, the cluster's is unknown"; ok || reason != want {
		t.Errorf("got %q, %t, want %q", reason, ok, want)
	}
}

func TestFiltersThatAdmitNothingAreReported(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		filters version.Filters
		want    string
	}{
		"in order":                              {filters("1.31", "1.33"), ""},
		"open at the top":                       {filters("1.31", ""), ""},
		"a patch within the maximum minor":      {filters("1.31.9", "1.31"), ""},
		"minor above minor":                     {filters("1.34", "1.33"), "minimal 1.34 is later than maximum 1.33"},
		"patch above patch":                     {filters("1.31.5", "1.31.4"), "minimal 1.31.5 is later than maximum 1.31.4"},
		"a patch beyond the maximum minor":      {filters("1.32.0", "1.31"), "minimal 1.32.0 is later than maximum 1.31"},
		"the same minor with a maximum patch":   {filters("1.31", "1.31.4"), ""},
		"minor above a patch of the one before": {filters("1.32", "1.31.4"), "minimal 1.32 is later than maximum 1.31.4"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := tt.filters.Validate(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFiltersDescribeThemselves(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		filters version.Filters
		want    string
	}{
		"none":           {filters("", ""), "any"},
		"from":           {filters("v1.31", ""), "1.31 or later"},
		"until":          {filters("", "1.33"), "1.33 or earlier"},
		"range":          {filters("1.31", "1.33"), "1.31 to 1.33"},
		"list":           {filters("", "", "1.31", "1.33.2"), "1.31 or 1.33.2"},
		"range and list": {filters("1.31", "", "1.32"), "1.31 or later, 1.32"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.filters.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFiltersUseOKEsShortKeys(t *testing.T) {
	t.Parallel()
	const text = `{"minimal":"1.31","maximum":"v1.33.2","exact":["1.32"]}`
	var f version.Filters
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(f)
	if err != nil || string(got) != text {
		t.Errorf("got %s, %v, want %s", got, err, text)
	}
	if got, err := json.Marshal(version.Filters{}); err != nil || string(got) != "{}" {
		t.Errorf("empty filters: got %s, %v, want {}", got, err)
	}
}

func TestARangeAdmitsWhatBothItsBoundsAdmit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		low, high, k := anyVersion().Draw(t, "low"), anyVersion().Draw(t, "high"), anyVersion().Draw(t, "cluster")
		_, above := version.Filters{Minimal: low}.Admit(k)
		_, below := version.Filters{Maximum: high}.Admit(k)
		both := version.Filters{Minimal: low, Maximum: high}
		if _, ok := both.Admit(k); ok != (above && below) {
			t.Fatalf("%s admits %s: %t, but alone minimal says %t and maximum %t", both, k, ok, above, below)
		}
		if both.Validate() != nil && above && below {
			t.Fatalf("%s is reported as empty, yet admits %s", both, k)
		}
	})
}
