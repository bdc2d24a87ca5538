package status

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/plan"
)

// aboutPins are the conditions of a pin, each present only when it is true, and Upgradeable, which is missing where nobody can tell.
//
//	| the pinned release, or the running one where nothing is pinned | PinIncompatible | Upgradeable |
//	|----------------------------------------------------------------|-----------------|-------------|
//	| is not in the catalog, or Kubernetes is not known              | -               | -           |
//	| does not fit Kubernetes now                                    | where pinned    | False       |
//	| will not fit the next minor                                    | where pinned    | False       |
//	| fits both                                                      | -               | True        |
func aboutPins(in plan.Input, p plan.Plan) []metav1.Condition {
	var out []metav1.Condition
	if p.Pinned {
		out = append(out, pinExpiring(p.Desired, in.Now)...)
	}
	f := plan.Fits(in)
	if f.Release == "" {
		return out
	}
	reason, why := v1alpha1.ReasonNextKubernetesFits, fmt.Sprintf("%s is made for Kubernetes %s too", f.Release, f.Next)
	switch {
	case f.Now != "":
		reason, why = v1alpha1.ReasonKubernetesOutOfRange, f.Now
	case f.Later != "":
		reason, why = v1alpha1.ReasonNextKubernetesOutOfRange, f.Later
	}
	upgradeable := metav1.Condition{Type: v1alpha1.ConditionUpgradeable, Status: metav1.ConditionTrue, Reason: reason, Message: why}
	if f.Now+f.Later != "" {
		upgradeable.Status = metav1.ConditionFalse
		upgradeable.Message = fmt.Sprintf("%s; move %s before Kubernetes is upgraded to %s", why, p.AddOn, f.Next)
		if f.Pinned {
			out = append(out, isTrue(v1alpha1.ConditionPinIncompatible, reason, why+"; nobody but an operator moves it"))
		}
	}
	if f.Pinned && f.Recalled {
		out = append(out, isTrue(v1alpha1.ConditionPinRecalled, v1alpha1.ReasonRecalled,
			f.Release+" has been recalled, and an operator keeps it: pin another release, or unpin it"))
	}
	return append(out, upgradeable)
}

func isTrue(kind, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

// pinExpiring speaks from plan.Expiring before the end of a pin on.
func pinExpiring(d plan.Desired, now time.Time) []metav1.Condition {
	until := d.Pin.Until
	if until.IsZero() || now.Before(until.Add(-plan.Expiring)) {
		return nil
	}
	day := until.UTC().Format(time.RFC3339)
	if now.Before(until) {
		return []metav1.Condition{isTrue(v1alpha1.ConditionPinExpiring, v1alpha1.ReasonDateNear, fmt.Sprintf("the pin to %s ends at %s", d.Version, day))}
	}
	return []metav1.Condition{isTrue(v1alpha1.ConditionPinExpiring, v1alpha1.ReasonDatePassed,
		fmt.Sprintf("the pin to %s ended at %s; what becomes of it is up to the UpdatePolicy (onPinEnd), and until then it holds", d.Version, day))}
}

// PinEnded tells whether a recorded pin has an end, and that has passed. Whether it still holds is up to the UpdatePolicy.
func PinEnded(s v1alpha1.AddonSpec, now time.Time) bool {
	return s.Version != "" && s.Pin != nil && s.Pin.Until != nil && !now.Before(s.Pin.Until.Time)
}

// PinSpeaks is when the conditions of a recorded pin are to be looked at next because of its end; zero when time changes nothing any more.
func PinSpeaks(s v1alpha1.AddonSpec, now time.Time) time.Time {
	if s.Version == "" || s.Pin == nil || s.Pin.Until == nil {
		return time.Time{}
	}
	for _, at := range []time.Time{s.Pin.Until.Add(-plan.Expiring), s.Pin.Until.Time} {
		if now.Before(at) {
			return at
		}
	}
	return time.Time{}
}

// told are the conditions of which an Event is left when they begin, or begin to say something else.
var told = []string{v1alpha1.ConditionPinExpiring, v1alpha1.ConditionPinIncompatible, v1alpha1.ConditionPinRecalled}

// PinNews are the conditions of a pin that before did not have, or had for another reason: what an Event is left of.
func PinNews(before []metav1.Condition, in plan.Input, p plan.Plan) []metav1.Condition {
	return slices.DeleteFunc(aboutPins(in, p), func(c metav1.Condition) bool {
		return !slices.Contains(told, c.Type) ||
			slices.ContainsFunc(before, func(b metav1.Condition) bool { return b.Type == c.Type && b.Reason == c.Reason && b.Status == c.Status })
	})
}

// PinOf is a pin as it is recorded.
func PinOf(p plan.Pin) *v1alpha1.Pin {
	out := &v1alpha1.Pin{Reason: p.Reason, By: p.By, Ticket: p.Ticket}
	if !p.At.IsZero() {
		out.At = &metav1.Time{Time: p.At}
	}
	if !p.Until.IsZero() {
		out.Until = &metav1.Time{Time: p.Until}
	}
	return out
}

// samePin tells whether two recorded pins are of one time. Who changes the words of a pin, or its end, has not pinned anew.
func samePin(a, b *v1alpha1.Pin) bool {
	at := func(p *v1alpha1.Pin) int64 {
		if p == nil || p.At == nil {
			return 0
		}
		return p.At.Unix()
	}
	return at(a) == at(b)
}
