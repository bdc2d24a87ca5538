package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// capi is the namespace of the Clusters of these tests.
const capi = "capi"

// picksUp lets the manager pick up the cluster "kept" as Cluster API would bring it, with the rights that are shipped and the one command that its
// refusal names, and forget it again. It returns what that command grants.
func (f *fleet) picksUp(t *testing.T) grant {
	t.Helper()
	f.ctl(t, "cluster", "unregister", "kept", "--yes")
	f.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: capi}})
	c := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
		"metadata": map[string]any{
			"namespace": capi, "name": "kept", "labels": map[string]any{"env": "prod"}, "annotations": map[string]any{"addonctl.io/network-type": "flannel"},
		},
	}}
	f.create(t, c)
	c.Object["status"] = map[string]any{"initialization": map[string]any{"controlPlaneInitialized": true}}
	if err := f.records.Status().Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := os.ReadFile(f.members["kept"].Account(t, system, "addon-manager"))
	if err != nil {
		t.Fatal(err)
	}
	f.create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: capi, Name: "kept-kubeconfig"}, Data: map[string][]byte{"value": kubeconfig}})
	f.obeysItsRefusal(t, c)
	testkube.Eventually(t, long, func(ctx context.Context) error {
		n, err := f.network(ctx, "kept")
		if err == nil && (n.Annotations[v1alpha1.AnnotationClusterAPIUID] != string(c.GetUID()) || n.Labels["env"] != "prod") {
			err = fmt.Errorf("recorded: %v, %v", n.Annotations, n.Labels)
		}
		return err
	})
	f.arrives(t, "kept", "0.26.2")
	if a, err := f.addOn(t.Context(), "kept"); err != nil || a.Spec.Version != "0.26.2" {
		t.Errorf("the pin of its own record did not go along: %+v, %v", a.Spec, err)
	}
	before := f.members["kept"].daemonSet(t)
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"env":"test"}}}`))
	if err := f.records.Patch(t.Context(), c, patch); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		n, err := f.network(ctx, "kept")
		if err == nil && n.Labels["env"] != "test" {
			err = fmt.Errorf("labels %v", n.Labels)
		}
		return err
	})
	if err := f.records.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		_, network := f.network(ctx, "kept")
		_, addOn := f.addOn(ctx, "kept")
		if !apierrors.IsNotFound(network) || !apierrors.IsNotFound(addOn) {
			return fmt.Errorf("its records: %w, %w", network, addOn)
		}
		return nil
	})
	if now := f.members["kept"].daemonSet(t); now.UID != before.UID || now.Generation != before.Generation {
		t.Errorf("its CNI went from generation %d to %d", before.Generation, now.Generation)
	}
	return grant{"get", "", "secrets", capi, ""}
}

// obeysItsRefusal runs the command that the manager's refusal names.
func (f *fleet) obeysItsRefusal(t *testing.T, c *unstructured.Unstructured) {
	t.Helper()
	var command string
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		var list eventsv1.EventList
		if err := f.records.List(ctx, &list, client.InNamespace(capi)); err != nil {
			return err
		}
		for _, e := range list.Items {
			if e.Reason == "KubeconfigForbidden" && e.Regarding.UID == c.GetUID() {
				_, command, _ = strings.Cut(e.Note, "kubectl ")
				return nil
			}
		}
		return fmt.Errorf("among %d Events none says that the kubeconfig may not be read", len(list.Items))
	})
	if out, err := f.hub.Kubectl(t.Context(), strings.Fields(command)...).CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", command, err, out)
	}
}

// beforeItWasAllowed tells whether a call was refused as it had to be until somebody obeyed: the refusal comes from it.
func beforeItWasAllowed(c testkube.Call) bool {
	return c.Object.Namespace == capi && c.Object.Resource == "secrets" && c.Response.Code == http.StatusForbidden
}
