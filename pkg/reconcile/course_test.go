package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// A worker that has many clusters goes one step and is told what follows; nothing of it takes time.
func TestACourseGoesStepByStepAndWaitsForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten(), rolling(0), rolling(1), rolling(2), settled())}
		c := w.loop(0).Begin(t.Context())
		defer c.Close()
		began := time.Now()
		var got []reconcile.Next
		for len(got) == 0 || got[len(got)-1] != reconcile.Ended {
			next, err := c.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, next)
		}
		want := []reconcile.Next{reconcile.AtOnce, reconcile.OnChange, reconcile.OnChange, reconcile.AtOnce, reconcile.Ended}
		if !slices.Equal(got, want) {
			t.Errorf("the steps are followed by %v, want %v; log: %v", got, want, w.log)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the steps took %s", took)
		}
		if end := c.Outcome().End; end != reconcile.Done {
			t.Errorf("it ended as %s", end)
		}
	})
}

// Whoever looks first and takes the cluster over only when something is due says no to the first step. That is no repetition of it, which
// would cost a pause, and the next step looks again.
func TestAStepThatWasNotAllowedYetIsNoRepetition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{looks: sees(unwritten(), unwritten(), rolling(0))}
		l, errLater := w.loop(0), errors.New("not taken over yet")
		l.Tenure = func(context.Context) error { return errLater }
		c := l.Begin(t.Context())
		defer c.Close()
		began := time.Now()
		if _, err := c.Step(t.Context()); !errors.Is(err, errLater) {
			t.Fatalf("the first step ends with %v", err)
		}
		l.Tenure = nil
		if next, err := c.Step(t.Context()); next != reconcile.AtOnce || err != nil {
			t.Fatalf("then: %s, %v", next, err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
		if log := strings.Join(w.log, "; "); strings.Count(log, "do: "+string(plan.Apply)) != 1 || strings.Count(log, "record:") != 2 {
			t.Errorf("log: %s", log)
		}
	})
}
