package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// nothingWritten fails when a refused command left anything behind.
func (c *cluster) nothingWritten(t *testing.T) {
	t.Helper()
	_, err := c.dynamic(t).Resource(v1alpha1.ClusterNetworks).List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("our definitions were installed: %v", err)
	}
	if _, err := c.Client().CoreV1().ConfigMaps(system).Get(t.Context(), "addonctl-network-type", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the cluster was stamped: %v", err)
	}
	if _, err := c.Client().RbacV1().ClusterRoles().Get(t.Context(), "flannel", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("an object was written: %v", err)
	}
}

// Bad input ends with a sentence and its exit code, and leaves nothing behind.
func TestBadInputIsRefusedAndNothingIsWritten(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	for name, bad := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"no network type":              {[]string{"install", "--yes"}, 3, []string{"NotRegistered", "--network-type"}},
		"an unknown network type":      {[]string{"install", "--network-type", "calico", "--yes"}, 2, []string{"calico", "vcn-native"}},
		"a type and a rule for it":     {[]string{"install", "--network-type", "flannel", "--network-type-rule", "oke-api", "--yes"}, 2, []string{"do not go together"}},
		"an unknown rule":              {[]string{"install", "--network-type-rule", "console", "--yes"}, 2, []string{`"console"`, "oke-console"}},
		"a rule that does not decide":  {[]string{"install", "--network-type-rule", "date", "--yes"}, 2, []string{"rule date", "its date does not tell", "--network-type flannel"}},
		"an unknown version":           {[]string{"install", "--network-type", "flannel", "--version", "0.99.0", "--yes"}, 3, []string{"UnknownVersion", "these fit: 0.27.3, 0.26.2, 0.24.4, 0.20.2"}},
		"a version that is none":       {[]string{"install", "--network-type", "flannel", "--version", "latest", "--yes"}, 3, []string{"latest", "these fit"}},
		"a pod CIDR that is none":      {[]string{"install", "--network-type", "flannel", "--pod-cidr", "10.244/16", "--yes"}, 2, []string{"--pod-cidr", "10.244/16"}},
		"two pod CIDRs of one family":  {[]string{"install", "--network-type", "flannel", "--pod-cidr", "10.1.0.0/16,10.2.0.0/16", "--yes"}, 2, []string{"10.1.0.0/16", "10.2.0.0/16"}},
		"a pod CIDR without the nodes": {[]string{"install", "--network-type", "flannel", "--pod-cidr", "172.30.0.0/16", "--yes"}, 3, []string{"PodCIDROutsideNetwork", "node-01", "--pod-cidr"}},
		"a misspelt flag":              {[]string{"install", "--network-typ", "flannel"}, 2, []string{"--network-typ", "--help"}},
		"a misspelt command":           {[]string{"instal"}, 2, []string{"did you mean install"}},
		"an unknown format":            {[]string{"status", "-o", "xml"}, 2, []string{"xml", "json"}},
		"a pin without a reason":       {[]string{"pin", "--version", "0.26.2", "--yes"}, 2, []string{"--reason"}},
		"a pin without a version":      {[]string{"pin", "--reason", "x", "--yes"}, 2, []string{"--version"}},
		"a pin into the past":          {[]string{"pin", "--version", "0.26.2", "--reason", "x", "--until", "2001-01-01", "--yes"}, 2, []string{"2001-01-01", "past"}},
		"a negative time":              {[]string{"install", "--network-type", "flannel", "--timeout", "-1s", "--yes"}, 2, []string{"--timeout"}},
		"an update of nothing":         {[]string{"update", "--yes"}, 3, []string{"NotRegistered"}},
	} {
		t.Run(name, func(t *testing.T) { c.want(t, bad.code, bad.args...).says(t, bad.says...) })
	}
	t.Run("a release whose chart is missing", func(t *testing.T) { c.chartless(t) })
	c.nothingWritten(t)
	t.Run("a release that Kubernetes is too old for", func(t *testing.T) { c.future(t) })
	t.Run("a broken catalog", func(t *testing.T) { c.brokenCatalog(t) })
	t.Run("a kubeconfig that is none", func(t *testing.T) {
		d := *c
		d.kubeconfig = filepath.Join(t.TempDir(), "none")
		d.want(t, 2, "status").says(t, "none", "--kubeconfig")
	})
	c.nothingWritten(t)
	t.Run("a rule chooses the network type, for life", func(t *testing.T) { c.ruled(t) })
}

// ruled registers the cluster with the type that a rule chooses. It would catch a rule that nobody hears of, and one that changes what is recorded.
func (c *cluster) ruled(t *testing.T) {
	t.Helper()
	c.must(t, "cluster", "register", "--network-type-rule", "oke-api", "--yes").says(t, "becomes FLANNEL_OVERLAY, for life, by rule oke-api")
	n, err := c.dynamic(t).Resource(v1alpha1.ClusterNetworks).Get(t.Context(), v1alpha1.InCluster, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	chosen, _, _ := unstructured.NestedString(n.Object, "spec", "networkType")
	if rule := n.GetAnnotations()[v1alpha1.AnnotationNetworkTypeRule]; chosen != string(v1alpha1.FlannelOverlay) || !strings.HasPrefix(rule, "rule oke-api (OKE's API") {
		t.Errorf("recorded %q, by %q", chosen, rule)
	}
	c.must(t, "cluster", "register", "--network-type-rule", "oke-api", "--yes")
	c.want(t, 3, "cluster", "register", "--network-type-rule", "oke-console", "--yes").says(t, "NetworkTypeImmutable", "cannot become OCI_VCN_IP_NATIVE")
}

// chartless asks for a release whose chart this build does not have.
func (c *cluster) chartless(t *testing.T) {
	t.Helper()
	file := filepath.Join(c.catalog, "oci-vcn-ip-native", "addon.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), "chart: oci-vcn-native", "chart: nowhere", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	c.want(t, 3, "install", "--network-type", "npn", "--yes").says(t, "NotRenderable", `no chart "nowhere"`)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// future asks for a release of a later Kubernetes.
func (c *cluster) future(t *testing.T) {
	t.Helper()
	release := filepath.Join(c.catalog, "flannel", "releases", "0.27.3.yaml")
	data, err := os.ReadFile(release)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`"0.27.3"`, `"0.99.0"`, `v0.27.3`, `v0.99.0`, `minimal: "1.34"`, `minimal: "1.99"`, `"1.34", "1.35", "1.36"`, `"1.99"`).Replace(string(data))
	future := filepath.Join(c.catalog, "flannel", "releases", "0.99.0.yaml")
	if err := os.WriteFile(future, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(future) //nolint:errcheck // the folder goes with the test
	c.want(t, 3, "install", "--network-type", "flannel", "--version", "0.99.0", "--yes").
		says(t, "KubernetesOutOfRange", "needs Kubernetes 1.99 or later", "these fit: 0.27.3, 0.26.2, 0.24.4, 0.20.2")
}

func (c *cluster) brokenCatalog(t *testing.T) {
	t.Helper()
	d := *c
	d.catalog = t.TempDir()
	if err := os.MkdirAll(filepath.Join(d.catalog, "flannel"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.catalog, "flannel", "addon.yaml"), []byte("nam: Flannel\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.want(t, 1, "install", "--network-type", "flannel", "--yes").says(t, "flannel/addon.yaml", "nam")
	d.catalog = filepath.Join(d.catalog, "nowhere")
	d.want(t, 2, "versions").says(t, "nowhere", "--catalog")
}

// A server that is not there, and one that accepts and never answers, both end with exit 9 within ten seconds.
func TestAnUnreachableServerIsSaidWithinTenSeconds(t *testing.T) {
	c := start(t, testkube.Options{})
	timed := func(t *testing.T, what string) {
		t.Helper()
		begun := time.Now()
		c.want(t, 9, "install", "--network-type", "flannel", "--yes").says(t, "hint")
		if took := time.Since(begun); took > 15*time.Second { // one try of 8 s, and what a busy machine takes beside; two would be 16
			t.Errorf("%s: it took %s to say so", what, took)
		}
	}
	if err := c.Pause(sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	timed(t, "a server that does not answer")
	if err := c.Kill(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	timed(t, "a server that is gone")
}

// A user without rights is told every right that is missing, before anything is written.
func TestAMissingRightIsNamed(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	nobody := *c
	_, nobody.kubeconfig = c.User(t, "nobody")
	nobody.want(t, 1, "install", "--network-type", "flannel", "--yes").says(t, "get namespaces", "list nodes", "list secrets in kube-system")
	viewer := *c
	_, viewer.kubeconfig = c.User(t, "viewer", rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}})
	viewer.want(t, 1, "install", "--network-type", "flannel", "--yes").
		says(t, "MissingRight", "create daemonsets.apps in kube-system", "create clusterroles.rbac.authorization.k8s.io", "create secrets in kube-system")
	viewer.must(t, "versions", "--network-type", "flannel")
	c.nothingWritten(t)
}

// A flannel that somebody else put there is named with its owner and left alone.
func TestAForeignFlannelIsLeftAlone(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	labels := map[string]string{"app": "flannel"}
	foreign, err := c.Client().AppsV1().DaemonSets(system).Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-flannel-ds"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "kube-flannel", Image: "registry.example/flannel:v0.25.1"}}},
			},
		},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	if err != nil {
		t.Fatal(err)
	}
	c.want(t, 8, "install", "--network-type", "flannel", "--yes").says(t, "ForeignCNI", "kube-system/kube-flannel-ds", "kubectl-create", "adopt")
	c.nothingWritten(t)
	if now := c.daemonSet(t); now.ResourceVersion != foreign.ResourceVersion && now.Generation != foreign.Generation {
		t.Error("the foreign DaemonSet was touched")
	}
}

// A field that somebody else took over is a conflict with its name, and is not forced.
func TestAFieldOfSomebodyElseIsNotForced(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--nodes", "rolling-update", "--yes") // so that nodes take the edit
	c.must(t, "unpin", "--yes")
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","image":"registry.example/flannel:v0.26.1"}]}}}}`)
	if _, err := c.Client().AppsV1().DaemonSets(system).Patch(t.Context(), "kube-flannel-ds", types.StrategicMergePatchType, patch,
		metav1.PatchOptions{FieldManager: "kubectl-set"}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 8, "update", "--yes").says(t, "FieldConflict", "kubectl-set", "image")
	if image := c.daemonSet(t).Spec.Template.Spec.Containers[0].Image; image != "registry.example/flannel:v0.26.1" {
		t.Errorf("the field was forced to %s", image)
	}
	if s := c.must(t, "nodes").out; !strings.Contains(s, "0.26.1") {
		t.Errorf("nodes does not tell what runs:\n%s", s)
	}
}

// Ctrl-C while waiting ends with 130 and the command that goes on; it does go on, also through an API server that goes
// away meanwhile.
func TestAnInterruptedWaitIsResumed(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	if err := c.Play(t.Context(), sandbox.Fault{Name: "pull", Image: "flannel", Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
	ctx, ctrlC := context.WithCancel(t.Context())
	done := make(chan result)
	go func() {
		done <- c.runUntil(ctx, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	}()
	testkube.Eventually(t, soon, func(context.Context) error {
		if n := len(c.pods(t)); n != 2 {
			return fmt.Errorf("%d pods", n)
		}
		return nil
	})
	ctrlC()
	r := <-done
	if r.code != 130 {
		t.Fatalf("want exit 130, got %s", r)
	}
	r.says(t, "resume with: addonctl install", "--network-type=flannel", "--version=0.26.2")

	go func() {
		done <- c.runUntil(t.Context(), "install", "--network-type", "flannel", "--version", "0.26.2", "--yes", "--timeout", "2m", "-o", "json")
	}()
	if err := c.Restart(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	if err := c.Heal(t.Context(), "pull"); err != nil {
		t.Fatal(err)
	}
	r = <-done
	if r.code == 9 { // the server was away before the first look: a clear answer, and running it again is right
		r = c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes", "-o", "json")
	}
	if got := read[act](t, r); r.code != 0 || got.Outcome != "Done" || got.Revision != 1 || got.Nodes.Ready != 2 {
		t.Errorf("going on: %s", r)
	}
}
