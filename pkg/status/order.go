package status

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// The verbs of orders.
const (
	Approve = "approve"
	Pause   = "pause"
	Resume  = "resume"
	Abort   = "abort"
	Undo    = "undo"
	Retry   = "retry"
)

// Obey carries out the orders above obeyed, one after the other by their numbers. number is that of the last one that was looked at, and
// refused says what was wrong with the last that could not be carried out, which changes nothing; it is empty when all could. The record
// that is given is not changed.
func Obey(r rollout.Record, orders []v1alpha1.Order, obeyed int32, now time.Time) (out rollout.Record, number int32, refused string) {
	byNumber := func(a, b v1alpha1.Order) int { return cmp.Compare(a.Number, b.Number) }
	for _, o := range slices.SortedFunc(slices.Values(orders), byNumber) {
		if o.Number <= obeyed {
			continue
		}
		obeyed = o.Number
		after, err := carryOut(r, o, now)
		if err != nil {
			refused = bounded(fmt.Sprintf("order %d, %s by %s: %v", o.Number, o.Verb, o.By, err), maxSentence)
			continue
		}
		r = after
	}
	return r, obeyed, refused
}

// carryOut carries out one order.
func carryOut(r rollout.Record, o v1alpha1.Order, now time.Time) (rollout.Record, error) {
	if why := TooLate(r, o.Verb); why != "" {
		return r, fmt.Errorf("%s", why)
	}
	switch o.Verb {
	case Approve:
		return r.Approve(o.Wave, who(o))
	case Pause:
		return r.Pause(who(o)), nil
	case Resume:
		return r.Resume(), nil
	case Abort:
		return r.Abort(who(o)), nil
	case Undo:
		if r.Leaves != "" {
			return r, fmt.Errorf("the rollout leads away from %s, which is recalled and nobody enters again: take the recall back first (addonctl recall --undo)", r.Leaves)
		}
		return r.Undo(who(o), now), nil
	case Retry:
		return r.Retry(now, o.Clusters...)
	default:
		return r, fmt.Errorf("nobody knows the verb %q", o.Verb)
	}
}

// TooLate says why a verb can change nothing any more; empty when it can.
//
//	| rollout    | approve | pause | resume | abort | undo | retry |
//	|------------|---------|-------|--------|-------|------|-------|
//	| aborted    | no      | no    | no     | yes   | yes  | no    |
//	| taken back | no      | no    | no     | no    | yes  | yes   |
func TooLate(r rollout.Record, verb string) string {
	switch {
	case r.Undone != "" && verb != Undo && verb != Retry:
		return fmt.Sprintf("the rollout was taken back by %s", r.Undone)
	case r.Undone == "" && r.Aborted != "" && verb != Abort && verb != Undo:
		return fmt.Sprintf("the rollout was aborted by %s; it can be taken back (undo)", r.Aborted)
	default:
		return ""
	}
}

// who gave an order, and why.
func who(o v1alpha1.Order) string {
	if o.Reason == "" {
		return o.By
	}
	return fmt.Sprintf("%s (%s)", o.By, o.Reason)
}

// orderText finds the commands in what pkg/rollout says of who has to act: it does not know how the rollout is called.
var orderText = regexp.MustCompile(`addonctl rollout [a-z]+`)

// ForRollout names the rollout in a text that says who has to act.
func ForRollout(name, who string) string { return orderText.ReplaceAllString(who, "$0 "+name) }
