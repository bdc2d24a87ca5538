package catalog_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// parsed is a version; "" is none.
func parsed(s string) version.Version {
	if s == "" {
		return version.Version{}
	}
	return version.MustParse(s)
}

func TestAStopIsJumpedByAStepThatBeginsBeforeAndEndsBehindIt(t *testing.T) {
	t.Parallel()
	patches, minor := span("2.3.1", "2.3.4"), span("2.3.0", "2.3")
	tests := map[string]struct {
		at       version.Range
		from, to string
		want     bool
	}{
		"over it":                          {patches, "2.2.0", "2.4.0", true},
		"over it by a patch on both sides": {patches, "2.3.0", "2.3.5", true},
		"into it":                          {patches, "2.2.0", "2.3.1", false},
		"into its last release":            {patches, "2.2.0", "2.3.4", false},
		"out of it":                        {patches, "2.3.1", "2.4.0", false},
		"within it":                        {patches, "2.3.1", "2.3.4", false},
		"before it":                        {patches, "2.1.0", "2.3.0", false},
		"behind it":                        {patches, "2.3.5", "2.4.0", false},
		"builds do not matter":             {patches, "v2.2.0-multiarch-7", "v2.4.0-multiarch-12", true},
		"a build of its last release is inside it": {patches, "v2.2.0", "v2.3.4-multiarch-12", false},
		"over a whole minor":                       {minor, "2.2.9", "2.4.0", true},
		"into a whole minor's late patch":          {minor, "2.2.9", "2.3.99", false},
		"no release is left":                       {patches, "", "2.4.0", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop := catalog.Stop{At: tt.at}
			from, to := parsed(tt.from), parsed(tt.to)
			if got := stop.Jumped(from, to); got != tt.want {
				t.Errorf("from %s to %s: jumped = %t", from, to, got)
			}
			if got := stop.Jumped(to, from); got != tt.want {
				t.Errorf("and back, from %s to %s: jumped = %t", to, from, got)
			}
		})
	}
}

func TestABackRuleMatchesMovesThatCrossItsVersionOrStayInAMinor(t *testing.T) {
	t.Parallel()
	all, crossing := catalog.BackRule{}, catalog.BackRule{Crossing: parsed("2.3.0")}
	within, both := catalog.BackRule{WithinMinor: true}, catalog.BackRule{WithinMinor: true, Crossing: parsed("2.3.4")}
	tests := map[string]struct {
		rule     catalog.BackRule
		from, to string
		want     bool
	}{
		"no condition matches a small move":            {all, "2.3.0", "2.3.1", true},
		"no condition matches a great move":            {all, "1.0.0", "3.0.0", true},
		"crossing: to the version":                     {crossing, "2.2.9", "2.3.0", true},
		"crossing: beyond the version":                 {crossing, "2.2.0", "2.5.1", true},
		"crossing: from the version":                   {crossing, "2.3.0", "2.4.0", false},
		"crossing: to before the version":              {crossing, "2.1.0", "2.2.9", false},
		"crossing: a build of the version is there":    {crossing, "2.3.0-1", "2.4.0", false},
		"within a minor":                               {within, "2.3.0", "2.3.9", true},
		"within a minor: builds do not matter":         {within, "v2.3.0-multiarch-7", "v2.3.0-multiarch-12", true},
		"within a minor: another minor":                {within, "2.3.9", "2.4.0", false},
		"within a minor: that minor of another major":  {within, "1.3.0", "2.3.0", false},
		"both: within the minor, over the version":     {both, "2.3.3", "2.3.4", true},
		"both: within the minor, not over the version": {both, "2.3.4", "2.3.5", false},
		"both: over the version, to another minor":     {both, "2.3.3", "2.4.0", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.rule.Matches(parsed(tt.from), parsed(tt.to)); got != tt.want {
				t.Errorf("from %s to %s: %t, want %t", tt.from, tt.to, got, tt.want)
			}
		})
	}
}

func TestTheClassBeforeAMoveIsSettledIsItsOwnOrThatOfTheRule(t *testing.T) {
	t.Parallel()
	rule := catalog.BackRule{Class: catalog.OneWay}
	if got := rule.During(); got != catalog.OneWay {
		t.Errorf("without another class it is %s", got)
	}
	rule.UntilSettled = catalog.ReversibleWithLoss
	if got := rule.During(); got != catalog.ReversibleWithLoss {
		t.Errorf("with another class it is %s", got)
	}
}

func TestTheWorseClassIsTheOneThatIsHarderToTakeBack(t *testing.T) {
	t.Parallel()
	order := []catalog.Class{"", catalog.Reversible, catalog.ReversibleWithLoss, catalog.OneWay}
	for i, better := range order {
		for _, worse := range order[i:] {
			if got := better.Worse(worse); got != worse {
				t.Errorf("of %q and %q, %q is called worse", better, worse, got)
			}
			if got := worse.Worse(better); got != worse {
				t.Errorf("of %q and %q, %q is called worse", worse, better, got)
			}
		}
	}
}

func TestABlockConcernsMovesFromItsRangeIntoItsRange(t *testing.T) {
	t.Parallel()
	ranged := catalog.Block{From: span("", "3.31"), To: span("3.32.0", "3.33")}
	open := catalog.Block{To: span("3.32.0", "")}
	tests := map[string]struct {
		block    catalog.Block
		from, to string
		want     bool
	}{
		"from and to are inside":                {ranged, "3.31.9", "3.32.0", true},
		"from is outside":                       {ranged, "3.32.0", "3.33.0", false},
		"to is before":                          {ranged, "3.30.0", "3.31.9", false},
		"to is beyond":                          {ranged, "3.31.0", "3.34.0", false},
		"an installation is not from its range": {ranged, "", "3.32.0", false},
		"without from, any release":             {open, "1.0.0", "3.40.0", true},
		"without from, backwards too":           {open, "3.50.0", "3.32.0", true},
		"without from, an installation too":     {open, "", "3.32.0", true},
		"without from, not to another":          {open, "1.0.0", "3.31.9", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.block.Concerns(parsed(tt.from), parsed(tt.to)); got != tt.want {
				t.Errorf("from %q to %q: %t, want %t", tt.from, tt.to, got, tt.want)
			}
		})
	}
}

// Every cell: what a hazard names, by what the move leaves.
//
//	hazard names        | leaves a release in From | another | nothing: an installation
//	--------------------+--------------------------+---------+-------------------------
//	from                | yes                      | no      | no
//	from, onInstall     | yes                      | no      | yes
//	to                  | as to says               | as to says | as to says
//	from and to         | as to says               | no      | no
//	from, to, onInstall | as to says               | no      | as to says
func TestAHazardConcernsMovesAndInstallations(t *testing.T) {
	t.Parallel()
	leaving, entering := span("0.25.0", "0.26.7"), span("0.27.0", "")
	from := catalog.Hazard{From: leaving}
	fromOrNew := catalog.Hazard{From: leaving, OnInstall: true}
	to := catalog.Hazard{To: entering}
	both := catalog.Hazard{From: leaving, To: entering}
	bothOrNew := catalog.Hazard{From: leaving, To: entering, OnInstall: true}
	const inside, outside, nothing, good, bad = "0.26.2", "0.24.4", "", "0.27.3", "0.26.9"
	tests := map[string]struct {
		hazard   catalog.Hazard
		from, to string
		want     bool
	}{
		"from: from inside":                           {from, inside, bad, true},
		"from: from elsewhere":                        {from, outside, bad, false},
		"from: an installation":                       {from, nothing, bad, false},
		"from or new: from inside":                    {fromOrNew, inside, bad, true},
		"from or new: from elsewhere":                 {fromOrNew, outside, bad, false},
		"from or new: an installation":                {fromOrNew, nothing, bad, true},
		"to: from anywhere, to inside":                {to, outside, good, true},
		"to: from anywhere, to elsewhere":             {to, outside, bad, false},
		"to: an installation inside":                  {to, nothing, good, true},
		"to: an installation elsewhere":               {to, nothing, bad, false},
		"from and to: both inside":                    {both, inside, good, true},
		"from and to: from inside, to elsewhere":      {both, inside, bad, false},
		"from and to: from elsewhere, to inside":      {both, outside, good, false},
		"from and to: an installation":                {both, nothing, good, false},
		"from and to, or new: both inside":            {bothOrNew, inside, good, true},
		"from and to, or new: from elsewhere":         {bothOrNew, outside, good, false},
		"from and to, or new: an installation inside": {bothOrNew, nothing, good, true},
		"from and to, or new: one elsewhere":          {bothOrNew, nothing, bad, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.hazard.Concerns(parsed(tt.from), parsed(tt.to)); got != tt.want {
				t.Errorf("from %q to %q: %t, want %t", tt.from, tt.to, got, tt.want)
			}
		})
	}
}
