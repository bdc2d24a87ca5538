package status_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// ordered is a rollout of two waves in which one cluster failed.
func ordered() rollout.Record {
	return rollout.Record{
		AddOn: "Flannel", Version: "0.27.3", Opened: rolloutNoon, Waves: []rollout.WaveRecord{{Name: "canary", Started: rolloutNoon}, {Name: "prod"}},
		Members: []rollout.Member{
			{Cluster: "bad", State: rollout.Failed, Since: rolloutNoon, From: "0.26.2", Tries: 1, Reason: "broke"},
			{Cluster: "good", State: rollout.Done, Since: rolloutNoon, From: "0.26.2", Tries: 1},
			{Cluster: "later", Wave: 1, State: rollout.Pending, Since: rolloutNoon},
		},
	}
}

func TestOrdersAreCarriedOutInTurn(t *testing.T) {
	t.Parallel()
	at := rolloutNoon.Add(time.Hour)
	order := func(number int32, verb string) v1alpha1.Order {
		return v1alpha1.Order{Number: number, Verb: verb, By: "jane", Reason: "a test"}
	}
	wave := order(2, status.Approve)
	wave.Wave = "prod"
	noWave := order(3, status.Approve)
	noWave.Wave = "nowhere"
	some, none := order(2, status.Retry), order(2, status.Retry)
	some.Clusters, none.Clusters = []string{"bad"}, []string{"bad", "good"}
	untold := v1alpha1.Order{Number: 1, Verb: status.Pause, By: "jane"}
	change := func(f func(*rollout.Record)) rollout.Record {
		r := ordered()
		f(&r)
		return r
	}
	aborted := change(func(r *rollout.Record) { r.Aborted = "joe" })
	retried, err := ordered().Retry(at)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		record  rollout.Record
		orders  []v1alpha1.Order
		obeyed  int32
		want    rollout.Record
		number  int32
		refused string
	}{
		"away from a recalled release": {
			change(func(r *rollout.Record) { r.Leaves = "0.28.0" }),
			[]v1alpha1.Order{order(1, status.Undo)},
			0, change(func(r *rollout.Record) { r.Leaves = "0.28.0" }), 1,
			"order 1, undo by jane: the rollout leads away from 0.28.0, which is recalled and nobody enters again: take the recall back first (addonctl recall --undo)",
		},
		"none":                         {ordered(), nil, 4, ordered(), 4, ""},
		"a pause, and who wants it":    {ordered(), []v1alpha1.Order{order(1, status.Pause)}, 0, change(func(r *rollout.Record) { r.Paused = "jane (a test)" }), 1, ""},
		"without a reason":             {ordered(), []v1alpha1.Order{untold}, 0, change(func(r *rollout.Record) { r.Paused = "jane" }), 1, ""},
		"what was obeyed stays obeyed": {ordered(), []v1alpha1.Order{order(1, status.Pause)}, 1, ordered(), 1, ""},
		"in order of numbers":          {ordered(), []v1alpha1.Order{order(9, status.Pause), order(4, status.Resume)}, 1, change(func(r *rollout.Record) { r.Paused, r.Members[0].Forgiven = "jane (a test)", true }), 9, ""},
		"an approval":                  {ordered(), []v1alpha1.Order{wave}, 1, change(func(r *rollout.Record) { r.Waves[1].Approved = "jane (a test)" }), 2, ""},
		"a wave that is none":          {ordered(), []v1alpha1.Order{noWave}, 1, ordered(), 3, `order 3, approve by jane: wave "nowhere": the rollout has none of that name`},
		"resuming forgives":            {ordered(), []v1alpha1.Order{order(2, status.Resume)}, 1, change(func(r *rollout.Record) { r.Members[0].Forgiven = true }), 2, ""},
		"abort":                        {ordered(), []v1alpha1.Order{order(2, status.Abort)}, 1, change(func(r *rollout.Record) { r.Aborted = "jane (a test)" }), 2, ""},
		"undo":                         {ordered(), []v1alpha1.Order{order(2, status.Undo)}, 1, ordered().Undo("jane (a test)", at), 2, ""},
		"retry all":                    {ordered(), []v1alpha1.Order{order(2, status.Retry)}, 1, retried, 2, ""},
		"retry one":                    {ordered(), []v1alpha1.Order{some}, 1, retried, 2, ""},
		"retry of one that is well":    {ordered(), []v1alpha1.Order{none}, 1, ordered(), 2, "order 2, retry by jane: cluster good: it is none that failed in this rollout"},
		"a verb that nobody knows":     {ordered(), []v1alpha1.Order{order(2, "dance")}, 1, ordered(), 2, `order 2, dance by jane: nobody knows the verb "dance"`},
		"after an abort only the undo": {aborted, []v1alpha1.Order{order(2, status.Resume), order(3, status.Undo)}, 1, aborted.Undo("jane (a test)", at), 3, "order 2, resume by jane: the rollout was aborted by joe; it can be taken back (undo)"},
		"one refused, the others not":  {ordered(), []v1alpha1.Order{order(2, status.Pause), noWave, order(4, status.Abort)}, 1, change(func(r *rollout.Record) { r.Paused, r.Aborted = "jane (a test)", "jane (a test)" }), 4, `order 3, approve by jane: wave "nowhere": the rollout has none of that name`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given, err := deepCopy(c.record)
			if err != nil {
				t.Fatal(err)
			}
			got, number, refused := status.Obey(c.record, c.orders, c.obeyed, at)
			if diff := cmp.Diff(c.want, got); diff != "" || number != c.number || refused != c.refused {
				t.Errorf("number %d, refused %q, record (-want +got):\n%s", number, refused, diff)
			}
			if diff := cmp.Diff(given, c.record); diff != "" {
				t.Errorf("the record that was given is another one (-before +after):\n%s", diff)
			}
		})
	}
}

func deepCopy(r rollout.Record) (rollout.Record, error) {
	return r.Approve(r.Waves[0].Name, r.Waves[0].Approved) // a copy that shares nothing
}

// One row per row of the table, for every verb.
func TestWhatComesTooLate(t *testing.T) {
	t.Parallel()
	aborted := rollout.Record{Aborted: "joe"}
	undone := rollout.Record{Aborted: "joe", Undone: "jane"}
	for name, c := range map[string]struct {
		record rollout.Record
		may    string
	}{
		"open":       {rollout.Record{Paused: "joe"}, "approve pause resume abort undo retry"},
		"aborted":    {aborted, "abort undo"},
		"taken back": {undone, "undo retry"},
	} {
		var may []string
		for _, verb := range []string{status.Approve, status.Pause, status.Resume, status.Abort, status.Undo, status.Retry} {
			if status.TooLate(c.record, verb) == "" {
				may = append(may, verb)
			}
		}
		if got := strings.Join(may, " "); got != c.may {
			t.Errorf("%s: %q, want %q", name, got, c.may)
		}
	}
}
