package testkube_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

func TestACluster(t *testing.T) {
	name := ""
	t.Run("while its test runs", func(t *testing.T) {
		c := testkube.Start(t, testkube.Options{
			Audit: true,
			Pools: []sandbox.Pool{
				{Name: sandbox.DefaultPool, Count: 2},
				{Name: "old", Count: 1, KubeletVersion: "v1.33.1", Labels: map[string]string{"size": "small"}},
			},
		})
		name = c.Name()
		t.Run("has the nodes that were asked for", func(t *testing.T) { checkNodes(t, c) })
		t.Run("writes down every call", func(t *testing.T) { checkCalls(t, c) })
		t.Run("has users with just their rights", func(t *testing.T) { checkUser(t, c) })
		t.Run("survives a restart of its API server", func(t *testing.T) { checkRestart(t, c) })
	})
	if _, err := sandbox.Open(name); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("it has not ended with its test: %v", err)
	}
}

func checkNodes(t *testing.T, c *testkube.Cluster) {
	t.Helper()
	list, err := c.Client().CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(list.Items))
	for _, n := range list.Items {
		got = append(got, strings.Join([]string{
			n.Name, n.Status.NodeInfo.KubeletVersion, n.Labels[sandbox.LabelPool], n.Labels["size"], n.Labels[sandbox.LabelFaultDomain],
		}, " "))
		if n.Spec.PodCIDR == "" || len(n.Spec.Taints) > 0 {
			t.Errorf("%s has pod CIDR %q and taints %v", n.Name, n.Spec.PodCIDR, n.Spec.Taints)
		}
	}
	want := []string{
		"node-01 " + c.Version() + " pool-1  FAULT-DOMAIN-1",
		"node-02 " + c.Version() + " pool-1  FAULT-DOMAIN-1",
		"old-01 v1.33.1 old small FAULT-DOMAIN-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func checkCalls(t *testing.T, c *testkube.Cluster) {
	t.Helper()
	configMaps := c.Client().CoreV1().ConfigMaps(metav1.NamespaceDefault)
	witness := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "witness"}, Data: map[string]string{"k": "v"}}
	if _, err := configMaps.Create(t.Context(), witness, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := configMaps.Get(t.Context(), "none", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("got %v", err)
	}
	calls := c.Calls(t, func(call testkube.Call) bool {
		return call.Object.Resource == "configmaps" && call.Object.Namespace == metav1.NamespaceDefault &&
			(call.Object.Name == "witness" || call.Object.Name == "none")
	})
	got := make([]string, 0, len(calls))
	for _, call := range calls {
		var sent corev1.ConfigMap
		if err := json.Unmarshal(call.Request, &sent); call.Write() && err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprint(call.Verb, " ", call.Object.Name, " ", call.Response.Code, " ", call.Write(), " ", sent.Data["k"]))
	}
	if diff := cmp.Diff([]string{"create witness 201 true v", "get none 404 false "}, got); diff != "" {
		t.Error(diff)
	}
}

func checkUser(t *testing.T, c *testkube.Cluster) {
	t.Helper()
	config, kubeconfig := c.User(t, "reader", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list"}})
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error { // rights reach the API server's cache a moment later
		_, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		return err
	})
	if _, err := client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("listing pods: %v", err)
	}
	kubectl := c.Kubectl(t.Context())
	binary := exec.CommandContext(t.Context(), kubectl.Path, "kubectl", "--kubeconfig", kubeconfig, "auth", "whoami", "--output=name")
	if out, err := binary.CombinedOutput(); err != nil {
		t.Errorf("kubectl with the user's kubeconfig: %v\n%s", err, out)
	}
}

func checkRestart(t *testing.T, c *testkube.Cluster) {
	t.Helper()
	if err := c.Restart(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	// The first call may still go down the connection to the server that was killed.
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := c.Client().CoreV1().ConfigMaps(metav1.NamespaceDefault).Get(ctx, "witness", metav1.GetOptions{})
		return err
	})
}

// missingVariable makes TestAMissingBuildFailsTheTest run its inner test, which must fail.
const missingVariable = "ADDONCTL_TEST_MISSING"

func TestAMissingBuildFailsTheTest(t *testing.T) {
	if os.Getenv(missingVariable) != "" {
		testkube.Start(t, testkube.Options{})
		return
	}
	inner := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAMissingBuildFailsTheTest$", "-test.v")
	inner.Env = append(os.Environ(), missingVariable+"=1", "XDG_CACHE_HOME="+t.TempDir())
	out, err := inner.CombinedOutput()
	if err == nil || !strings.Contains(string(out), `run "make sandbox"`) || !strings.Contains(string(out), "--- FAIL") {
		t.Errorf("got %v\n%s", err, out)
	}
}
