package status_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// A cluster that is away keeps what was seen of it, and since when it is away; one that is back has no such time.
func TestAClusterIsAwaySinceTheFirstVisitThatFailed(t *testing.T) {
	t.Parallel()
	visit := func(minute int, away string) status.Visit {
		v := status.Visit{Manager: "ns/addon-manager", At: now.Add(time.Duration(minute) * time.Minute), Away: away}
		if away == "" {
			v.Kubernetes, v.UID = fmt.Sprintf("v1.36.%d", minute), "uid-1"
		}
		return v
	}
	s := v1alpha1.ClusterNetworkStatus{}
	for _, c := range []struct {
		visit status.Visit
		want  string
	}{
		{visit(0, ""), "v1.36.0 uid-1 away <nil> Ready=True/0 Reachable=True/0"},
		{visit(1, "refused"), "v1.36.0 uid-1 away 1 Ready=False/1 Reachable=False/1"},
		{visit(2, "refused"), "v1.36.0 uid-1 away 1 Ready=False/1 Reachable=False/1"},
		{visit(3, ""), "v1.36.3 uid-1 away <nil> Ready=True/3 Reachable=True/3"},
	} {
		before := *s.DeepCopy()
		next := status.Cluster(s, 7, c.visit)
		if diff := cmp.Diff(before, s); diff != "" {
			t.Errorf("the status before was changed: %s", diff)
		}
		s = next
		away := "<nil>"
		if s.Away != nil {
			away = fmt.Sprint(s.Away.Sub(now).Minutes())
		}
		got := fmt.Sprintf("%s %s away %s", s.KubernetesVersion, s.UID, away)
		for _, c := range s.Conditions {
			got += fmt.Sprintf(" %s=%s/%.0f", c.Type, c.Status, c.LastTransitionTime.Sub(now).Minutes())
			if c.ObservedGeneration != 7 || c.Message == "" {
				t.Errorf("%+v", c)
			}
		}
		if got != c.want || s.Manager != "ns/addon-manager" {
			t.Errorf("%+v: %s, want %s", c.visit, got, c.want)
		}
	}
}
