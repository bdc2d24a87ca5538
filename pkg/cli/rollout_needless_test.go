package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// ordered is a rollout whose canary failed, in which others are done, tried again, under way and waiting.
func ordered(change ...func(*v1alpha1.AddonRollout)) v1alpha1.AddonRollout {
	r := underWay(1)
	r.Status.Members[2].Tries = 2 // prod-02 is under way for the second time
	r.Status.Members[9].State, r.Status.Members[9].Tries = "Failed", 1
	for _, c := range change {
		c(&r)
	}
	return r
}

func given(verb string) func(*v1alpha1.AddonRollout) {
	return func(r *v1alpha1.AddonRollout) {
		r.Spec.Orders = append(r.Spec.Orders, v1alpha1.Order{Number: int32(len(r.Spec.Orders) + 1), Verb: verb, By: "jane", Reason: "x"})
	}
}

// It would catch an order that is given for nothing, and one that is not given although it would change something.
func TestAnOrderIsGivenWhereItChangesSomething(t *testing.T) {
	t.Parallel()
	forgiven := func(r *v1alpha1.AddonRollout) { r.Status.Members[9].Forgiven = true }
	well := func(r *v1alpha1.AddonRollout) { r.Status.Members[9].State = "Done" }
	paused := func(r *v1alpha1.AddonRollout) { r.Status.Paused = "joe" }
	obeyed := func(r *v1alpha1.AddonRollout) { r.Status.Obeyed = int32(len(r.Spec.Orders)) }
	full := func(r *v1alpha1.AddonRollout) {
		for range v1alpha1.MaxOrders {
			given("pause")(r)
		}
		obeyed(r)
	}
	fresh := func(r *v1alpha1.AddonRollout) { r.Status.Waves[1].Started = nil }
	retry := func(clusters ...string) v1alpha1.Order { return v1alpha1.Order{Verb: "retry", Clusters: clusters} }
	approve := func(wave string) v1alpha1.Order { return v1alpha1.Order{Verb: "approve", Wave: wave} }
	do := func(verb string) v1alpha1.Order { return v1alpha1.Order{Verb: verb} }
	for name, c := range map[string]struct {
		rollout v1alpha1.AddonRollout
		order   v1alpha1.Order
		code    int
		says    string
	}{
		"pause":                            {ordered(), do("pause"), 0, ""},
		"pause of what is paused":          {ordered(paused), do("pause"), 0, "it is paused already, by joe"},
		"pause that is ordered already":    {ordered(given("pause")), do("pause"), 0, "it is paused already, by jane (x)"},
		"pause after a resume":             {ordered(paused, given("resume")), do("pause"), 0, ""},
		"an order that was carried out":    {ordered(given("pause"), obeyed), do("pause"), 0, ""},
		"resume of what is paused":         {ordered(well, paused), do("resume"), 0, ""},
		"resume of what failed":            {ordered(), do("resume"), 0, ""},
		"resume of what is forgiven":       {ordered(forgiven), do("resume"), 0, "it is not paused, and nothing failed that is not forgiven"},
		"resume that is ordered already":   {ordered(paused, given("resume")), do("resume"), 0, "it is not paused, and nothing failed that is not forgiven"},
		"abort":                            {ordered(), do("abort"), 0, ""},
		"abort twice":                      {ordered(given("abort")), do("abort"), 0, "it is aborted already, by jane (x)"},
		"undo after an abort":              {ordered(given("abort")), do("undo"), 0, ""},
		"undo twice":                       {ordered(given("undo")), do("undo"), 0, "it is taken back already, by jane (x)"},
		"pause after an abort":             {ordered(given("abort")), do("pause"), exitRefused, "the rollout was aborted by jane (x)"},
		"abort after an undo":              {ordered(given("undo")), do("abort"), exitRefused, "the rollout was taken back by jane (x)"},
		"approve":                          {ordered(fresh), approve("prod"), 0, ""},
		"approve what is approved":         {ordered(), approve("canary"), 0, "wave canary is approved already, by jane"},
		"approve what has begun":           {ordered(), approve("prod"), 0, "wave prod has begun already, 2026-11-23 12:00"},
		"approve nothing":                  {ordered(), approve("test"), exitUsage, `rollout fleet-flannel-0.27.3 has no wave "test"`},
		"retry all":                        {ordered(), retry(), 0, ""},
		"retry one":                        {ordered(), retry("prod-09"), 0, ""},
		"retry one, and one that has it":   {ordered(), retry("prod-02", "prod-09"), 0, ""},
		"retry one that has it":            {ordered(), retry("prod-02"), 0, "they are tried again already: prod-02"},
		"retry that is ordered already":    {ordered(given("retry")), retry("prod-09"), 0, "they are tried again already: prod-09"},
		"retry where nothing failed":       {ordered(well), retry(), 0, "no cluster is there that failed"},
		"retry of one that is done":        {ordered(), retry("prod-01"), exitUsage, "cluster prod-01 of rollout fleet-flannel-0.27.3 is Done, and did not fail"},
		"retry of one whose turn is later": {ordered(), retry("prod-05"), exitUsage, "is Pending, and did not fail"},
		"retry of one that is not there":   {ordered(), retry("mars"), exitUsage, `has no cluster "mars"`},
		"the order after the last":         {ordered(full), do("abort"), exitRefused, "was given 100 orders, and takes no more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			why, err := needless(c.rollout, c.order, minute(60).Time)
			code, hint := codeOf(err)
			text := why
			if err != nil {
				text = err.Error()
			}
			if code != c.code || (c.says == "") != (text == "") || !strings.Contains(text, c.says) {
				t.Errorf("exit %d, %q, want exit %d, %q", code, text, c.code, c.says)
			}
			if e, ok := errors.AsType[*exit](err); ok && (hint == "" || e.err == nil) {
				t.Error(fmt.Sprint("a refusal without a hint: ", text))
			}
		})
	}
}
