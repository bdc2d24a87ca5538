package controller

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// One look at a rollout of a fleet of 1,000 clusters, without the API server: with one policy for all of them, and with 100 policies that take
// ten clusters each.
func BenchmarkLook(b *testing.B) {
	for _, policies := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d policies", policies), func(b *testing.B) {
			const clusters = 1000
			var ps []v1alpha1.UpdatePolicy
			var ns []v1alpha1.ClusterNetwork
			var as []v1alpha1.Addon
			for i := range policies {
				ps = append(ps, v1alpha1.UpdatePolicy{
					ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i), UID: "1", Generation: 1},
					Spec: v1alpha1.UpdatePolicySpec{Selector: fmt.Sprintf("group=g%d", i), Windows: &v1alpha1.PolicyWindows{Allow: []v1alpha1.PolicyWindow{
						{Cron: "0 2 * * *", Duration: metav1.Duration{Duration: 12 * time.Hour}, Zone: "Europe/Berlin"},
					}}},
				})
			}
			for i := range clusters {
				s := resting()
				s.Network.Name = fmt.Sprintf("c%d", i)
				s.Network.Labels = map[string]string{"group": fmt.Sprintf("g%d", i%policies), "env": "prod"}
				s.Addon.Name, s.Addon.Spec.Cluster = s.Network.Name+".flannel", s.Network.Name
				ns, as = append(ns, *s.Network), append(as, *s.Addon)
			}
			x := v1alpha1.AddonRollout{ObjectMeta: metav1.ObjectMeta{Name: "p0-flannel-0.27.3"}, Spec: v1alpha1.AddonRolloutSpec{Policy: "p0", Addon: "Flannel", Version: newer}}
			f := &fleet{}
			for b.Loop() {
				r := f.assemble(ps, ns, as, []v1alpha1.AddonRollout{x}, nil)
				w := workOn(r, r.rollouts[0])
				w.record = rollout.Open(w.rules, "Flannel", newer, time.Time{}, w.reports(nil, f.watcher.moved, noon), noon)
				w.decide(f.watcher.moved, noon)
			}
		})
	}
}
