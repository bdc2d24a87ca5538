//go:build reinstall

package helm

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/render"
)

// afterFailure deletes the workload and writes it anew, as installers do that take a reinstallation for a repair. No build that
// is given to anybody has it: the crash tests show with it that a moment without a CNI is noticed.
func (j *job) afterFailure(ctx context.Context) {
	w := j.addOn.Workload
	if j.Target.Typed.AppsV1().DaemonSets(w.Namespace).Delete(ctx, w.Name, metav1.DeleteOptions{}) != nil {
		return
	}
	for _, o := range j.render.Objects {
		if render.PhaseOf(o) == render.Workloads {
			_, _ = j.Target.Apply(ctx, o, nil, false) // the next round writes what this did not
		}
	}
}
