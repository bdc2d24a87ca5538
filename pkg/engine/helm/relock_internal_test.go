package helm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// A note that nobody can read restores a guard that denies: one that does less would be none.
func TestActionsAreReadAsTheyAreKept(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]admissionv1.ValidationAction{
		"Deny":        {admissionv1.Deny},
		"Deny,Audit":  {admissionv1.Deny, admissionv1.Audit},
		"Warn, Audit": {admissionv1.Warn, admissionv1.Audit},
		"Deny,Deny":   {admissionv1.Deny},
		"":            {admissionv1.Deny},
		"what,ever":   {admissionv1.Deny},
	} {
		if diff := cmp.Diff(want, actionsOf(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if got := listed([]admissionv1.ValidationAction{admissionv1.Deny, admissionv1.Audit}); got != "Deny,Audit" {
		t.Errorf("written as %q", got)
	}
}
