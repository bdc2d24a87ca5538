package controller

import (
	"fmt"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// undecided names the add-ons whose pins have ended, where the policy holds them for somebody; none where it does not.
func (r records) undecided(p status.Policy, taken []*v1alpha1.Addon) []string {
	if p.Spec.OnPinEnd != v1alpha1.OnPinEndHold || r.now.IsZero() {
		return nil
	}
	var names []string
	for _, a := range taken {
		if status.PinEnded(a.Spec, r.now) {
			names = append(names, fmt.Sprintf("%s (%s %s)", a.Spec.Cluster, a.Spec.Addon, a.Spec.Version))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"pins that have ended wait for somebody (addonctl pin, unpin): " + few(names)}
}

// pinEnds is when the next pin ends that a policy does more about than to tell; zero when none does.
func (r records) pinEnds() time.Time {
	var next time.Time
	for _, a := range r.addons {
		if a.Spec.Pin == nil || a.Spec.Pin.Until == nil || !r.now.Before(a.Spec.Pin.Until.Time) {
			continue
		}
		for _, name := range r.takers(a) {
			if p, _ := r.policy(name); p.Spec.OnPinEnd == v1alpha1.OnPinEndHold || p.Spec.OnPinEnd == v1alpha1.OnPinEndAutomatic {
				next = rollout.Earlier(next, a.Spec.Pin.Until.Time)
			}
		}
	}
	return next
}
