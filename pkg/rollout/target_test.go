package rollout_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/rollout"
)

// One row per cell of Wish.Target. The rows of a recalled release are what a simpler rule gets wrong: it asks whether the newest that fits is
// newer, and no more.
func TestAnAddonGoesByItself(t *testing.T) {
	t.Parallel()
	recalled := func(v string) bool { return v == "3.0.0" || v == "2.5.0" }
	for name, c := range map[string]struct {
		wish rollout.Wish
		want string
	}{
		"a newer one fits":                                {rollout.Wish{Runs: "1.0.0", Newest: "2.0.0"}, "2.0.0"},
		"it runs the newest that fits":                    {rollout.Wish{Runs: "v2.0.0", Newest: "2.0.0"}, ""},
		"an older one fits":                               {rollout.Wish{Runs: "2.0.0", Newest: "1.0.0"}, ""},
		"nobody knows what it runs":                       {rollout.Wish{Newest: "2.0.0"}, ""},
		"nothing fits":                                    {rollout.Wish{Runs: "1.0.0"}, ""},
		"people keep it":                                  {rollout.Wish{Runs: "1.0.0", Newest: "2.0.0", Kept: true}, ""},
		"somebody moves it":                               {rollout.Wish{Runs: "1.0.0", Newest: "2.0.0", To: "2.0.0"}, ""},
		"a rollout moves it":                              {rollout.Wish{Runs: "1.0.0", Newest: "2.0.0", To: "2.0.0", Told: true}, "2.0.0"},
		"a rollout moves it, and its template is there":   {rollout.Wish{Runs: "2.0.0", Newest: "2.0.0", To: "2.0.0", Told: true}, "2.0.0"},
		"a rollout away moves it, and its template is":    {rollout.Wish{Runs: "1.0.0", Newest: "1.0.0", To: "1.0.0", Told: true, Leaves: "3.0.0"}, "1.0.0 from 3.0.0"},
		"a rollout moves it, and a newer one fits":        {rollout.Wish{Runs: "1.0.0", Newest: "2.0.0", To: "1.5.0", Told: true}, "2.0.0"},
		"a rollout moved it, and it is there":             {rollout.Wish{Runs: "2.0.0", Newest: "2.0.0", Told: true}, ""},
		"it runs a recalled one":                          {rollout.Wish{Runs: "3.0.0", Newest: "1.0.0"}, "1.0.0 from 3.0.0"},
		"it runs a recalled one, and a newer one fits":    {rollout.Wish{Runs: "2.5.0", Newest: "2.6.0"}, "2.6.0 from 2.5.0"},
		"it runs a recalled one, and no other fits":       {rollout.Wish{Runs: "3.0.0", Newest: "3.0.0"}, ""},
		"it runs a recalled one, and is kept":             {rollout.Wish{Runs: "3.0.0", Newest: "1.0.0", Kept: true}, ""},
		"it runs a recalled one, and somebody moves it":   {rollout.Wish{Runs: "3.0.0", Newest: "1.0.0", To: "0.9.0"}, ""},
		"it runs one, and somebody moves it to another":   {rollout.Wish{Runs: "3.0.0", Newest: "1.0.0", To: "2.5.0"}, "1.0.0 from 3.0.0"},
		"it runs a recalled one, and a rollout moves it":  {rollout.Wish{Runs: "3.0.0", Newest: "1.0.0", To: "1.0.0", Told: true}, "1.0.0 from 3.0.0"},
		"it runs a recalled one, half way by the rollout": {rollout.Wish{Runs: "3.0.0", Newest: "1.0.0", To: "3.0.0", Told: true}, "1.0.0 from 3.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.wish.Target(recalled).String(); got != c.want {
				t.Errorf("it goes to %q, want %q", got, c.want)
			}
		})
	}
}
