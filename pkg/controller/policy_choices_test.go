package controller

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// What was found out about policies at one look serves the next, and no longer than it is true.
func TestChoicesAreForgottenWhenTheyMayBeOthers(t *testing.T) {
	t.Parallel()
	var known choices
	s := resting()
	edit := func(selector string, generation int64, label, edition string) records {
		p := v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "prod", UID: "1", Generation: generation}}
		p.Spec.Selector = selector
		n := *s.Network.DeepCopy()
		n.Labels, n.ResourceVersion = map[string]string{"env": label}, edition
		return newRecords([]v1alpha1.UpdatePolicy{p}, []v1alpha1.ClusterNetwork{n}, []v1alpha1.Addon{*s.Addon}, nil, nil, true, &known)
	}
	takes := func(r records, want string) {
		t.Helper()
		for range 2 {
			if got := strings.Join(r.takers(s.Addon), " "); got != want {
				t.Errorf("taken by %q, want %q", got, want)
			}
		}
	}
	first := edit("env=dev", 1, "dev", "10")
	takes(first, "prod")
	takes(edit("env=dev", 1, "lab", "11"), "default") // the cluster has another label
	second := edit("env=lab", 2, "lab", "11")         // the policy is another
	takes(first, "prod")                              // whoever began to look before keeps what he saw
	takes(second, "prod")
	takes(edit("env=lab", 2, "dev", "12"), "default")
}
