package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/plan"
)

func TestAManagerLivesWhileItsLeaseIsHeldAndRenewed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	lease := func(holder string, renewed time.Duration) *coordinationv1.Lease {
		at, good := metav1.NewMicroTime(now.Add(-renewed)), int32(15)
		return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &at, LeaseDurationSeconds: &good}}
	}
	for name, c := range map[string]struct {
		lease *coordinationv1.Lease
		want  bool
	}{
		"renewed just now":                            {lease("a", 0), true},
		"renewed by a clock that is ahead":            {lease("a", -time.Minute), true},
		"not renewed for its time and what clocks do": {lease("a", 20*time.Second), true},
		"run out":               {lease("a", 21*time.Second), false},
		"given back":            {lease("", 0), false},
		"written by nobody yet": {&coordinationv1.Lease{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := lives(c.lease, now); got != c.want {
				t.Errorf("lives = %t", got)
			}
		})
	}
}

// A step that a manager carries out is waited for like one that has to wait, however long: it is no error and no repetition.
func TestAWatchedStepIsWaitedFor(t *testing.T) {
	t.Parallel()
	_, err := watched{by: "ns/addon-manager"}.Do(t.Context(), plan.Input{}, plan.Step{Text: "write the objects"})
	if !errors.Is(err, plan.ErrNotYet) || !errors.Is(err, errByManager) || !drive.Transient(err) || !strings.Contains(err.Error(), "ns/addon-manager to write the objects") {
		t.Errorf("%v", err)
	}
}

// A command that stops to watch says that the manager does not stop; every other end stays what it is.
func TestWhoStopsToWatchIsToldThatTheManagerGoesOn(t *testing.T) {
	t.Parallel()
	s := &session{by: "ns/addon-manager"}
	for code, want := range map[int]bool{exitUnfinished: true, exitInterrupted: true, exitGate: false, exitRolledBack: false, exitRefused: false} {
		err := s.goesOn(&exit{code: code, err: errors.New("why"), hint: "go on with: addonctl update"}, plan.Plan{})
		got, hint := codeOf(err)
		if got != code || strings.Contains(hint, "ns/addon-manager goes on") != want {
			t.Errorf("exit %d: %d, %q", code, got, hint)
		}
	}
	if err := s.goesOn(nil, plan.Plan{}); err != nil {
		t.Error(err)
	}
}
