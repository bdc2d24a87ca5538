package helm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const follower = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: follower, namespace: kube-system}
spec:
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: follower}}
  template:
    metadata: {labels: {app: follower}}
    spec: {containers: [{name: follower, image: "example.org/follower:RELEASE"}]}
`

// Nodes are done, and a Deployment of the release still has a pod of the one before, which needs its rules: nothing is taken back before
// that pod is gone. It would catch a Typha or a controller that loses its rights while it runs.
func TestRulesStayUntilDeploymentsHaveFollowed(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.Charts = extended(t, strings.Replace(follower, "RELEASE", "one", 1))
	b.moves(t, "0.24.4")
	b.Charts = extended(t, strings.Replace(follower, "RELEASE", "two", 1))
	b.do(t, "0.26.2", plan.Apply)
	waitObserved(t, b, "0.26.2")
	before := b.state(t)
	in, p := b.look(t, "0.26.2")
	settle, _ := p.Next()
	if _, err := b.Do(t.Context(), in, settle); settle.Kind != plan.Settle || !errors.Is(err, plan.ErrNotYet) || !strings.Contains(err.Error(), "Deployment follower has not followed") {
		t.Errorf("%s: %v, want ErrNotYet that names the Deployment", settle.Kind, err)
	}
	if after := b.state(t); after != before {
		t.Errorf("something was taken back: %+v, then %+v", before, after)
	}
	// The negative control: without old pods the very same call takes back. No node runs any, so it is left without.
	deployments := b.Target.Typed.AppsV1().Deployments("kube-system")
	if _, err := deployments.Patch(t.Context(), "follower", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		d, err := deployments.Get(ctx, "follower", metav1.GetOptions{})
		if err == nil && (d.Status.ObservedGeneration < d.Generation || d.Status.Replicas > 0) {
			err = fmt.Errorf("it has %d pods", d.Status.Replicas)
		}
		return err
	})
	in, p = b.look(t, "0.26.2")
	if settle, _ = p.Next(); settle.Kind != plan.Settle {
		t.Fatalf("next step %+v", settle)
	}
	if _, err := b.Do(t.Context(), in, settle); err != nil {
		t.Fatal(err)
	}
	if after := b.state(t); after == before {
		t.Error("nothing was taken back")
	}
}
