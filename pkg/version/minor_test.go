package version_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/version"
	"github.com/google/go-cmp/cmp"
)

func TestParseMinorReadsMajorAndMinorOnly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want, err string }{
		"plain":          {in: "1.36", want: "1.36"},
		"with a v":       {in: "v1.36", want: "1.36"},
		"with a patch":   {in: "1.36.1", err: `parsing minor version "1.36.1": "36.1" is not a number`},
		"major alone":    {in: "1", err: `parsing minor version "1": want major.minor`},
		"nothing":        {in: "", err: `parsing minor version "": want major.minor`},
		"a leading zero": {in: "1.08", err: `parsing minor version "1.08": number "08" has a leading zero`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := version.ParseMinor(tt.in)
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got error %v, want %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, m.String()); diff != "" {
				t.Errorf("minor (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMinorsAreOrderedAndHaveANext(t *testing.T) {
	t.Parallel()
	m := version.MustParse("v1.9.4").Minor()
	if got, want := m.Next(), (version.Minor{Major: 1, Minor: 10}); got != want {
		t.Errorf("next of %s is %s, want %s", m, got, want)
	}
	if m.Compare(m.Next()) != -1 || m.Next().Compare(m) != 1 || m.Compare(version.Minor{Major: 1, Minor: 9}) != 0 {
		t.Error("1.9 must sort before 1.10")
	}
	if (version.Minor{Major: 2}).Compare(m) != 1 {
		t.Error("2.0 must sort after 1.9")
	}
}

func TestMinorTextFormGoesThereAndBack(t *testing.T) {
	t.Parallel()
	var m version.Minor
	if err := m.UnmarshalText([]byte("1.36")); err != nil {
		t.Fatal(err)
	}
	if text, err := m.MarshalText(); err != nil || string(text) != "1.36" {
		t.Errorf("got %q, %v, want 1.36", text, err)
	}
	if err := m.UnmarshalText([]byte("")); err == nil {
		t.Error("an empty minor was accepted")
	}
}
