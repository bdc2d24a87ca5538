package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// Pins tells whether a pin keeps an add-on from a policy's rollouts:
//
//	| the pin                    | onPinEnd  | keeps it |
//	|----------------------------|-----------|----------|
//	| there is none              |           | no       |
//	| has no end, or it is ahead |           | yes      |
//	| has ended                  | warn      | yes      |
//	| has ended                  | hold      | yes      |
//	| has ended                  | automatic | no       |
func (p Policy) Pins(a *v1alpha1.Addon, now time.Time) bool {
	return a.Spec.Version != "" && (p.Spec.OnPinEnd != v1alpha1.OnPinEndAutomatic || now.IsZero() || !PinEnded(a.Spec, now))
}

// EndPin writes down, on the add-on as it is about to be written, the pin that a rollout takes off, and returns that in a sentence; empty
// when it takes none off.
func (j Journey) EndPin(before, after *v1alpha1.Addon) string {
	pin := before.Spec.Pin
	if before.Spec.Version == "" || after.Spec.Version != "" {
		return ""
	}
	text := "pinned to " + before.Spec.Version
	if pin != nil {
		if pin.By != "" {
			text += " by " + pin.By
		}
		if pin.Until != nil {
			text += " until " + pin.Until.UTC().Format(time.RFC3339)
		}
		text += fmt.Sprintf(" (%s)", strings.TrimSuffix(pin.Reason+", "+pin.Ticket, ", "))
	}
	text += fmt.Sprintf("; taken off by the rollout %s at %s, as policy %s says (onPinEnd)", j.Name, j.Now.Format(time.RFC3339), j.Policy.Name)
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	after.Annotations[v1alpha1.AnnotationEndedPin] = text
	return text
}
