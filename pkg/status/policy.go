package status

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// PolicyFaults are everything that is wrong with a recorded policy, each a rollout.FieldError with its path, such as
// spec.waves[1].selector; none when it can be followed. The API server finds most of it; what it cannot see is an unknown zone, a schedule
// that never comes, a selector that is none, and one that leaves the waves after it empty.
func PolicyFaults(name string, spec v1alpha1.UpdatePolicySpec) []error {
	var out []error
	for _, err := range flat(RolloutPolicy(name, spec).Check()) {
		if f, ok := errors.AsType[rollout.FieldError](err); ok {
			f.Field = "spec." + f.Field
			err = f
		}
		out = append(out, err)
	}
	out = append(out, selectorFault("spec.selector", spec.Selector)...)
	for i, w := range spec.Waves {
		out = append(out, selectorFault(fmt.Sprintf("spec.waves[%d].selector", i), w.Selector)...)
	}
	return out
}

// flat are the errors that were joined to one.
func flat(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, flat(e)...)
	}
	return out
}

func selectorFault(field, selector string) []error {
	if _, err := labels.Parse(selector); err != nil {
		return []error{rollout.FieldError{Field: field, Value: selector, Want: "want a selector of labels, such as env=prod,region in (eu,us): " + err.Error()}}
	}
	return nil
}
