package e2e

import (
	"context"
	"testing"

	helmkube "helm.sh/helm/v3/pkg/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
)

// helmSaysReady asks Helm's own readiness checker, the one behind `helm upgrade --wait`, about the DaemonSet as it is
// now, and counts the pods that are not Ready before and after, so that the answer is about a state with a broken node.
func (c *cluster) helmSaysReady(ctx context.Context, t *testing.T) (ready bool, broken int) {
	t.Helper()
	broken = notReady(c.pods(t))
	d := c.daemonSet(t)
	d.SetGroupVersionKind(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"})
	checker := helmkube.NewReadyChecker(c.Client(), func(string, ...any) {}, helmkube.PausedAsReady(true))
	ready, err := checker.IsReady(ctx, &resource.Info{Name: d.Name, Namespace: metav1.NamespaceSystem, Object: d})
	if err != nil {
		t.Fatal(err)
	}
	if after := notReady(c.pods(t)); after != broken {
		return false, after
	}
	return ready, broken
}
