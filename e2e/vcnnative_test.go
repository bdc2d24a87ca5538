package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/testkube"
	"github.com/addonctl/addonctl/pkg/version"
)

const (
	vcnAgents  = "app=vcn-native-ip-cni"
	guard      = "npn-pod-deletion-deny-policy"
	guardSays  = "pods of vcn-native-ip-cni are neither deleted nor evicted"
	vcnNative  = "vcn-native-ip-cni"
	noVCNLabel = "oci.oraclecloud.com/vcn-native-ip-cni"
	// collected is how long the garbage collector of pods waits at most: forty seconds until it believes that a node is
	// gone, and twenty between two looks.
	collected = 3 * time.Minute
)

// vcnCluster is a control plane with VCN-native on it.
type vcnCluster struct {
	*cluster
	objects []*unstructured.Unstructured
}

// The charts' objects on a real API server with the real controllers: who may delete a plugin's pod, and who has to be able
// to. Not one of the plugin's programs runs here; the nodes are played.
func TestVCNNativeOnARealServer(t *testing.T) {
	c := &vcnCluster{cluster: start(t, testkube.Options{Nodes: 2})}
	c.install(t)
	c.haveAgents(t, "node-01", "node-02")
	c.await(t, c.denied)
	c.loseNode(t) // long before it is looked at, because the collector takes its time
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"its expressions are well typed", c.expressionsAreWellTyped},
		{"an administrator's deletion and eviction are denied", c.administratorIsDenied},
		{"other pods are left alone", c.othersAreLeftAlone},
		{"the controllers that clear up may delete, and no other", c.controllersMayDelete},
		{"a kubelet may delete", c.kubeletMayDelete},
		{"a pod that is being deleted may be finished by anybody", c.terminatingMayBeFinished},
		{"the DaemonSet controller takes its pod from a node that is not for it, and gives it back", c.nodeMayLeaveAndComeBack},
		{"a failed pod is replaced", c.failedIsReplaced},
		{"Audit lifts it, and Deny puts it back", c.auditLifts},
		{"without the binding nothing is denied", c.nothingWithoutBinding},
		{"the agent may read and no more", c.agentMayRead},
		{"NativePodNetworks are taken, kept whole, and refused where they are wrong", c.nativePodNetworks},
		{"the pod of a deleted node is collected", c.agentOfLostNodeIsCollected},
		{"a deleted DaemonSet takes its pods along", c.daemonSetTakesItsPods},
	} {
		if !t.Run(step.name, step.run) {
			return // later steps stand on it
		}
	}
}

// install writes the newest release as it is rendered, in its order.
func (c *vcnCluster) install(t *testing.T) {
	t.Helper()
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := shipped.AddOn("OciVcnIpNative")
	out, err := render.Release(os.DirFS("../charts"), a, newestActive(t, a), render.Settings{
		Kubernetes: version.MustParse(c.Version()), Values: map[string]any{"minReadySeconds": 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.objects = out.Objects
	for _, o := range c.objects {
		c.apply(t, o)
	}
}

func (c *vcnCluster) apply(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	client, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Apply(t.Context(), o, nil, false); err != nil {
		t.Fatalf("%s: %v", kube.Ref(o), err)
	}
}

// await repeats a check until it succeeds; a policy and the removal of a pod take their time.
func (c *vcnCluster) await(t *testing.T, check func(context.Context) error) {
	t.Helper()
	testkube.Eventually(t, collected, check)
}

// haveAgents waits until just these nodes have an agent, which is Running.
func (c *vcnCluster) haveAgents(t *testing.T, nodes ...string) {
	t.Helper()
	c.await(t, func(ctx context.Context) error {
		list, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: vcnAgents})
		if err != nil {
			return err
		}
		got := map[string]bool{}
		for _, p := range list.Items {
			if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
				got[p.Spec.NodeName] = true
			}
		}
		for _, n := range nodes {
			if !got[n] {
				return fmt.Errorf("%s has no agent, %d nodes have one", n, len(got))
			}
		}
		if len(got) != len(nodes) || len(list.Items) != len(nodes) {
			return fmt.Errorf("%d pods on %d nodes, want one on each of %v", len(list.Items), len(got), nodes)
		}
		return nil
	})
}

// agent is the one on node-01, the node that stays; the other one's pod may be there or not.
func (c *vcnCluster) agent(t *testing.T) corev1.Pod {
	t.Helper()
	var got corev1.Pod
	c.await(t, func(ctx context.Context) error {
		list, err := c.agentsOn(ctx, "node-01")
		if err != nil || len(list) != 1 || list[0].DeletionTimestamp != nil || list[0].Status.Phase != corev1.PodRunning {
			return errors.Join(err, fmt.Errorf("node-01 has %d agents", len(list)))
		}
		got = list[0]
		return nil
	})
	return got
}

func (c *vcnCluster) agentsOn(ctx context.Context, node string) ([]corev1.Pod, error) {
	list, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: vcnAgents, FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// replaced waits until another pod than the given one runs on its node.
func (c *vcnCluster) replaced(t *testing.T, old corev1.Pod) {
	t.Helper()
	c.await(t, func(ctx context.Context) error {
		list, err := c.agentsOn(ctx, old.Spec.NodeName)
		if err != nil || len(list) != 1 || list[0].UID == old.UID || list[0].Status.Phase != corev1.PodRunning {
			return errors.Join(err, fmt.Errorf("%s still has %s, of %d pods", old.Spec.NodeName, old.Name, len(list)))
		}
		return nil
	})
}

var dryRun = metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}

// tryDelete asks whether an administrator could delete the agent of node-01.
func (c *vcnCluster) tryDelete(ctx context.Context) error {
	list, err := c.agentsOn(ctx, "node-01")
	if err != nil || len(list) == 0 {
		return errors.Join(err, errors.New("node-01 has no agent to try with"))
	}
	return c.Client().CoreV1().Pods(system).Delete(ctx, list[0].Name, dryRun)
}

// denied is nil while the guard denies.
func (c *vcnCluster) denied(ctx context.Context) error { return guarded(c.tryDelete(ctx)) }

// guarded is nil for an error that is the guard's.
func guarded(err error) error {
	if err == nil {
		return errors.New("the guard let it pass")
	}
	if apierrors.IsForbidden(err) && strings.Contains(err.Error(), guardSays) && strings.Contains(err.Error(), guard+"-binding") {
		return nil
	}
	return fmt.Errorf("it is not the guard that answers: %w", err)
}

// as is the administrator under another name, with the groups given.
func (c *vcnCluster) as(t *testing.T, user string, groups ...string) kubernetes.Interface {
	t.Helper()
	config := c.Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (c *vcnCluster) expressionsAreWellTyped(t *testing.T) {
	t.Helper()
	policies := c.Client().AdmissionregistrationV1().ValidatingAdmissionPolicies()
	c.await(t, func(ctx context.Context) error {
		p, err := policies.Get(ctx, guard, metav1.GetOptions{})
		if err != nil || p.Status.TypeChecking == nil || p.Status.ObservedGeneration != p.Generation {
			return errors.Join(err, errors.New("the types are not checked yet"))
		}
		if w := p.Status.TypeChecking.ExpressionWarnings; len(w) > 0 {
			return fmt.Errorf("warnings: %v", w)
		}
		return nil
	})
}

func (c *vcnCluster) administratorIsDenied(t *testing.T) {
	t.Helper()
	pod, pods := c.agent(t), c.Client().CoreV1().Pods(system)
	none := int64(0)
	some := c.as(t, "somebody", "system:masters").CoreV1().Pods(system)
	for how, err := range map[string]error{
		"delete":            pods.Delete(t.Context(), pod.Name, metav1.DeleteOptions{}),
		"delete at once":    pods.Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &none}),
		"delete all":        pods.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: vcnAgents}),
		"evict":             pods.EvictV1(t.Context(), eviction(pod)),
		"delete as another": some.Delete(t.Context(), pod.Name, metav1.DeleteOptions{}),
		"evict as another":  some.EvictV1(t.Context(), eviction(pod)),
	} {
		if err := guarded(err); err != nil {
			t.Errorf("%s: %v", how, err)
		}
	}
	if now := c.agent(t); now.UID != pod.UID {
		t.Errorf("%s is another pod now", now.Name)
	}
}

func eviction(p corev1.Pod) *policyv1.Eviction {
	return &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}}
}

// othersAreLeftAlone deletes and evicts pods that look like the plugin's in one way but not in the one that counts.
func (c *vcnCluster) othersAreLeftAlone(t *testing.T) {
	t.Helper()
	bystander := func(namespace, name, app string) corev1.Pod {
		p, err := c.Client().CoreV1().Pods(namespace).Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": app}},
			Spec:       corev1.PodSpec{NodeName: "node-01", Containers: []corev1.Container{{Name: "c", Image: "example.org/c:v1"}}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return *p
	}
	awaitAccount(t, c.cluster)
	for _, p := range []corev1.Pod{
		bystander(system, "kube-proxy-abcde", "kube-proxy"), bystander(system, vcnNative+"-probe-abcde", "probe"),
		bystander(metav1.NamespaceDefault, vcnNative+"-abcde", vcnNative),
	} {
		pods := c.Client().CoreV1().Pods(p.Namespace)
		if err := pods.Delete(t.Context(), p.Name, dryRun); err != nil {
			t.Errorf("deleting %s/%s: %v", p.Namespace, p.Name, err)
		}
		if err := pods.EvictV1(t.Context(), eviction(p)); err != nil {
			t.Errorf("evicting %s/%s: %v", p.Namespace, p.Name, err)
		}
	}
}

// awaitAccount waits for the account that pods without one get.
func awaitAccount(t *testing.T, c *cluster) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		for _, namespace := range []string{system, metav1.NamespaceDefault} {
			if _, err := c.Client().CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// controllersMayDelete asks for each by its name; that group gives all of them the right, so that the guard alone decides.
func (c *vcnCluster) controllersMayDelete(t *testing.T) {
	t.Helper()
	pod := c.agent(t)
	may := func(user string) error {
		pods := c.as(t, user, "system:masters").CoreV1().Pods(system)
		return pods.Delete(t.Context(), pod.Name, dryRun)
	}
	const account = "system:serviceaccount:kube-system:"
	for _, user := range []string{
		account + "daemon-set-controller", account + "generic-garbage-collector", account + "namespace-controller",
		account + "node-controller", account + "pod-garbage-collector", "system:kube-controller-manager",
	} {
		if err := may(user); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	for _, user := range []string{
		account + "job-controller", account + "addonctl", "system:serviceaccount:default:daemon-set-controller", "system:kube-scheduler",
	} {
		if err := guarded(may(user)); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
}

// kubeletMayDelete: the second group only gives the right, which an administrator has too and is denied with.
func (c *vcnCluster) kubeletMayDelete(t *testing.T) {
	t.Helper()
	pod := c.agent(t)
	kubelet := c.as(t, "system:node:node-01", "system:nodes", "system:masters")
	if err := kubelet.CoreV1().Pods(system).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.replaced(t, pod)
}

func (c *vcnCluster) terminatingMayBeFinished(t *testing.T) {
	t.Helper()
	pod, pods := c.agent(t), c.Client().CoreV1().Pods(system)
	patch := func(finalizers string) error {
		_, err := pods.Patch(t.Context(), pod.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":`+finalizers+`}}`), metav1.PatchOptions{})
		return err
	}
	if err := patch(`["addonctl.io/held"]`); err != nil {
		t.Fatal(err)
	}
	kubelet := c.as(t, "system:node:node-01", "system:nodes", "system:masters")
	if err := kubelet.CoreV1().Pods(system).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	none := int64(0)
	if err := pods.Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &none}); err != nil {
		t.Errorf("finishing it: %v", err)
	}
	if err := patch(`null`); err != nil {
		t.Fatal(err)
	}
	c.replaced(t, pod)
}

func (c *vcnCluster) nodeMayLeaveAndComeBack(t *testing.T) {
	t.Helper()
	pod := c.agent(t)
	label := func(value string) {
		t.Helper()
		patch := `{"metadata":{"labels":{"` + noVCNLabel + `":` + value + `}}}`
		if _, err := c.Client().CoreV1().Nodes().Patch(t.Context(), "node-01", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	label(`"false"`)
	c.await(t, func(ctx context.Context) error { return c.noAgentOn(ctx, "node-01") })
	label(`null`)
	c.replaced(t, pod)
}

func (c *vcnCluster) failedIsReplaced(t *testing.T) {
	t.Helper()
	pod := c.agent(t)
	failed := []byte(`{"status":{"phase":"Failed","reason":"Evicted"}}`)
	if _, err := c.Client().CoreV1().Pods(system).Patch(t.Context(), pod.Name, types.MergePatchType, failed, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	c.replaced(t, pod)
}

// act sets what the binding does with a pod that fails the policy.
func (c *vcnCluster) act(t *testing.T, action admissionv1.ValidationAction) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"validationActions":[%q]}}`, action)
	bindings := c.Client().AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	if _, err := bindings.Patch(t.Context(), guard+"-binding", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *vcnCluster) auditLifts(t *testing.T) {
	t.Helper()
	pod := c.agent(t)
	c.act(t, admissionv1.Audit)
	c.await(t, c.tryDelete)
	if err := c.Client().CoreV1().Pods(system).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.replaced(t, pod)
	c.act(t, admissionv1.Deny)
	c.await(t, c.denied)
}

// nothingWithoutBinding is the negative control of everything that is denied here.
func (c *vcnCluster) nothingWithoutBinding(t *testing.T) {
	t.Helper()
	bindings := c.Client().AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	if err := bindings.Delete(t.Context(), guard+"-binding", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.await(t, c.tryDelete)
	pod := c.agent(t)
	if err := c.Client().CoreV1().Pods(system).EvictV1(t.Context(), eviction(pod)); err != nil {
		t.Error(err)
	}
	c.replaced(t, pod)
	for _, o := range c.objects {
		if o.GetKind() == "ValidatingAdmissionPolicyBinding" {
			c.apply(t, o)
		}
	}
	c.await(t, c.denied)
}

const lost = "node-02"

func (c *vcnCluster) loseNode(t *testing.T) {
	t.Helper()
	if err := c.Client().CoreV1().Nodes().Delete(t.Context(), lost, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *vcnCluster) agentOfLostNodeIsCollected(t *testing.T) {
	t.Helper()
	c.await(t, func(ctx context.Context) error { return c.noAgentOn(ctx, lost) })
}

func (c *vcnCluster) noAgentOn(ctx context.Context, node string) error {
	list, err := c.agentsOn(ctx, node)
	if err != nil || len(list) > 0 {
		return errors.Join(err, fmt.Errorf("%s still has %d agents", node, len(list)))
	}
	return nil
}

func (c *vcnCluster) daemonSetTakesItsPods(t *testing.T) {
	t.Helper()
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	if err := c.Client().AppsV1().DaemonSets(system).Delete(t.Context(), vcnNative, options); err != nil {
		t.Fatal(err)
	}
	c.haveAgents(t)
}

func (c *vcnCluster) agentMayRead(t *testing.T) {
	t.Helper()
	account := c.as(t, "system:serviceaccount:kube-system:"+vcnNative, "system:serviceaccounts")
	tests := map[authorizationv1.ResourceAttributes]bool{
		{Verb: "watch", Resource: "nodes"}:                                            true,
		{Verb: "watch", Resource: "pods"}:                                             true,
		{Verb: "watch", Group: "oci.oraclecloud.com", Resource: "nativepodnetworks"}:  true,
		{Verb: "patch", Resource: "nodes", Subresource: "status"}:                     false,
		{Verb: "delete", Resource: "pods"}:                                            false,
		{Verb: "delete", Group: "oci.oraclecloud.com", Resource: "nativepodnetworks"}: false,
		{Verb: "get", Resource: "secrets"}:                                            false,
	}
	for of, want := range tests {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &of}}
		got, err := account.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Status.Allowed != want {
			t.Errorf("%s %s %s: allowed %t, want %t", of.Verb, of.Resource, of.Subresource, got.Status.Allowed, want)
		}
	}
}

var nativePodNetworkResource = schema.GroupVersionResource{Group: "oci.oraclecloud.com", Version: "v1beta1", Resource: "nativepodnetworks"}

func (c *vcnCluster) nativePodNetworks(t *testing.T) {
	t.Helper()
	networks := c.dynamic(t).Resource(nativePodNetworkResource)
	c.await(t, func(ctx context.Context) error {
		_, err := networks.List(ctx, metav1.ListOptions{})
		return err
	})
	t.Run("an object of today", func(t *testing.T) { keptWhole(t, networks, npnToday, npnTodayStatus) })
	t.Run("an object of 2022", func(t *testing.T) { keptWhole(t, networks, npnOf2022, npnOf2022Status) })
	t.Run("an object of a later version", func(t *testing.T) { keptWhole(t, networks, npnOfTomorrow, npnOfTomorrowStatus) })
	t.Run("the default", func(t *testing.T) {
		o, err := networks.Create(t.Context(), npn(t, "default", "id: ocid1.instance.oc1.iad.default"), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if most, _, _ := unstructured.NestedInt64(o.Object, "spec", "maxPodCount"); most != 31 {
			t.Errorf("maxPodCount %d", most)
		}
	})
	t.Run("what is wrong", func(t *testing.T) { refusedNetworks(t, networks) })
	t.Run("the columns", func(t *testing.T) {
		out, err := c.Kubectl(t.Context(), "get", "npn", "today").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "STATE") || !strings.Contains(string(out), "REASON") || !strings.Contains(string(out), "SUCCESS") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// npn is an object with a spec in YAML.
func npn(t *testing.T, name, spec string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{"spec": fields(t, spec)}}
	o.SetAPIVersion("oci.oraclecloud.com/v1beta1")
	o.SetKind("NativePodNetwork")
	o.SetName(name)
	return o
}

func fields(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	body, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = json.Unmarshal(body, &out) // whole numbers as the server's answers have them
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// keptWhole writes an object, and its status as Oracle's controller would, strictly, and reads both back.
func keptWhole(t *testing.T, networks dynamic.NamespaceableResourceInterface, spec, status string) {
	t.Helper()
	name := strings.Fields(spec)[1] // the comment in the first line
	o := npn(t, name, spec)
	o.Object["status"] = map[string]any{"state": "SUCCESS"}
	strictly := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	made, err := networks.Create(t.Context(), o, strictly)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := made.Object["status"]; ok {
		t.Errorf("the status was written with the object: %v", s)
	}
	made.Object["status"] = fields(t, status)
	if _, err := networks.UpdateStatus(t.Context(), made, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
		t.Fatal(err)
	}
	got, err := networks.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fields(t, spec), got.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fields(t, status), got.Object["status"]); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

const (
	npnToday = `# today
id: ocid1.instance.oc1.iad.today
maxPodCount: 256
podSubnetIds: [ocid1.subnet.oc1.iad.a]
networkSecurityGroupIds: [ocid1.networksecuritygroup.oc1.iad.a]
ipFamilies: [IPv4, IPv6]
secondaryVnics:
- displayName: pods
  nicIndex: 0
  createVnicDetails:
    subnetId: ocid1.subnet.oc1.iad.a
    nsgIds: [ocid1.networksecuritygroup.oc1.iad.a]
    ipCount: 256
    applicationResources: [blue]
    assignIpv6Ip: true
    assignPublicIp: false
    skipSourceDestCheck: true
    displayName: pods
    freeformTags: {team: a}
    definedTags: {operations: {cost: 7}}
    securityAttributes: {zpr: {app: {value: blue, mode: enforce}}}
    ipv6AddressIpv6SubnetCidrPairDetails: [{ipv6Address: "fd00::1", ipv6SubnetCidr: "fd00::/64"}]
`
	npnTodayStatus = `
state: SUCCESS
reason: COMPLETED
vnics:
- vnicId: ocid1.vnic.oc1.iad.a
  macAddress: "02:00:17:00:00:01"
  nicIndex: 0
  vlanTag: 12
  nicConfiguration: {ipCount: 256, ipFamilies: [IPv4, IPv6], subnet: ocid1.subnet.oc1.iad.a, nsgs: [ocid1.networksecuritygroup.oc1.iad.a], applicationResources: [blue]}
  subnetCidrs: [{v4: 10.0.0.0/16, v6: "fd00::/64"}]
  routerIps: [{v4: 10.0.0.1, v6: "fe80::1"}]
  podAddresses: [{v4: 10.0.1.0/25, v6: "fd00::/120"}]
  hostAddresses: [{v4: 10.0.0.7}]
`
	npnOf2022 = `# of-2022
id: ocid1.instance.oc1.iad.of2022
maxPodCount: 31
podSubnetIds: [ocid1.subnet.oc1.iad.a]
networkSecurityGroupIds: []
`
	npnOf2022Status = `
state: IN_PROGRESS
vnics:
- {vnicId: ocid1.vnic.oc1.iad.a, macAddress: "02:00:17:00:00:01", routerIp: 10.0.0.1, subnetCidr: 10.0.0.0/16, addresses: [10.0.0.2, 10.0.0.3], hostAddress: 10.0.0.9}
`
	npnOfTomorrow = `# of-tomorrow
id: ocid1.instance.oc1.iad.oftomorrow
maxPodCount: 31
placement: {zone: 1}
secondaryVnics:
- mode: fast
  createVnicDetails: {routes: [a], ipv6AddressIpv6SubnetCidrPairDetails: [{scope: link}]}
`
	npnOfTomorrowStatus = `
state: BACKOFF
conditions: [{type: Ready, status: "False"}]
vnics:
- speed: 100
  nicConfiguration: {queues: 8}
  podAddresses: [{v4: 10.0.0.2, expires: never}]
`
)

func refusedNetworks(t *testing.T, networks dynamic.NamespaceableResourceInterface) {
	t.Helper()
	const id = "id: ocid1.instance.oc1.iad.wrong\n"
	for spec, want := range map[string]string{
		"maxPodCount: 31":          "spec.id: Required value",
		"id: ''":                   "spec.id",
		id + "maxPodCount: 257":    "spec.maxPodCount",
		id + "maxPodCount: 0":      "spec.maxPodCount",
		id + "ipFamilies: []":      "spec.ipFamilies",
		id + "podSubnetIds: {}":    "spec.podSubnetIds",
		id + "secondaryVnics: [a]": "spec.secondaryVnics[0]",
		id + "podSubnetIds: [" + strings.Repeat("a, ", 5) + "a]":     "spec.podSubnetIds",
		id + "secondaryVnics: [{createVnicDetails: {ipCount: 257}}]": "spec.secondaryVnics[0].createVnicDetails.ipCount",
	} {
		_, err := networks.Create(t.Context(), npn(t, "wrong", spec), metav1.CreateOptions{})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want it refused for %s, got %v", spec, want, err)
		}
	}
	o, err := networks.Get(t.Context(), "today", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for status, want := range map[string]string{
		"state: DONE": "status.state", "vnics: [{nicConfiguration: {ipCount: 0}}]": "status.vnics[0].nicConfiguration.ipCount",
	} {
		wrong := o.DeepCopy()
		wrong.Object["status"] = fields(t, status)
		_, err := networks.UpdateStatus(t.Context(), wrong, metav1.UpdateOptions{})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want it refused for %s, got %v", status, want, err)
		}
	}
}
