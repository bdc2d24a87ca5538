package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// checked is what the tests read of a preflight.
type checked struct {
	Ready  bool                `json:"ready"`
	Checks []plan.CheckVerdict `json:"checks"`
}

// says are the findings of some reasons, as "Reason" or "Reason!" for a blocking one, with their texts.
func (p checked) says(reasons ...plan.Reason) (short []string, texts string) {
	for _, c := range p.Checks {
		for _, f := range c.Findings {
			if !slices.Contains(reasons, f.Reason) {
				continue
			}
			word := string(f.Reason)
			if f.Blocking {
				word += "!"
			}
			short, texts = append(short, word), texts+f.Message+" | "+f.Fix+"\n"
		}
	}
	return short, texts
}

func (p checked) blocking() (out []plan.Finding) {
	for _, c := range p.Checks {
		for _, f := range c.Findings {
			if f.Blocking {
				out = append(out, f)
			}
		}
	}
	return out
}

// preflight runs the command, whatever it ends with.
func (c *cluster) preflight(t *testing.T, args ...string) checked {
	t.Helper()
	r := c.run(t, append([]string{"preflight", "-o", "json", "--check-images=false"}, args...)...)
	if r.code != 0 && r.code != 3 && r.code != 8 {
		t.Fatalf("preflight %v: %s", args, r)
	}
	return read[checked](t, r)
}

// cluster-wide findings that the engine's questions lead to.
var asked = []plan.Reason{
	plan.PodRefused, plan.PodUnchecked, plan.WebhookDeadlock, plan.SchemaNarrowed, plan.StoredVersionDropped, plan.ServedVersionDropped,
}

// obstacle is something on the cluster that would leave nodes without their agent, unseen by a dry run of the DaemonSet.
type obstacle struct {
	put  func(*testing.T, *cluster) (remove func())
	args []string
	want []string
	says string
}

func obstacles() map[string]obstacle {
	return map[string]obstacle{
		"nothing": {put: nothing},
		"a namespace that admits baseline pods only": {
			put: labelled("baseline"), want: []string{"PodRefused!"}, says: "enforce=privileged",
		},
		"a namespace that admits every pod":  {put: labelled("privileged")},
		"a quota that allows no pod":         {put: quota(0, nil), want: []string{"PodRefused!"}, says: "raise the ResourceQuota"},
		"a quota that is just used up":       {put: quota(1, nil)},
		"a quota on the agent's priority":    {put: quota(0, []string{"system-node-critical"}), want: []string{"PodRefused!"}, says: "raise the ResourceQuota"},
		"a quota on another priority":        {put: quota(0, []string{"system-cluster-critical"})},
		"limits that the agent does not fit": {put: limited("1m"), want: []string{"PodRefused!"}, says: "kubectl get limitrange"},
		"limits that it fits":                {put: limited("64")},
		"a priority that there is not": {
			put: nothing, args: []string{"--overlay", "priority"}, want: []string{"PodRefused!"}, says: "kubectl get priorityclass",
		},
		"a webhook that nobody answers for": {
			put: webhook(nil), want: []string{"PodRefused!", "WebhookDeadlock!"}, says: "failurePolicy to Ignore",
		},
		"a webhook that exempts the namespace": {put: webhook(func(w *admissionv1.ValidatingWebhook) {
			w.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
				Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: []string{system},
			}}}
		})},
		"a webhook that may be left out": {put: webhook(func(w *admissionv1.ValidatingWebhook) { w.FailurePolicy = new(admissionv1.Ignore) })},
	}
}

// What would keep the agent's pods from being made is found before the first write: a DaemonSet is written without complaint in each of
// these, and its controller then makes no pod. Each obstacle stands beside its negative control, which differs as little as it can.
func TestWhatWouldKeepPodsFromBeingMadeIsFoundBeforeTheFirstWrite(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1, Audit: true})
	t.Run("the first installation is refused, and nothing is written", c.refusedAtFirst)
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	overlay := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(overlay, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("kustomization.yaml", `patches:
  - target: {kind: DaemonSet, name: kube-flannel-ds}
    patch: |-
      - {op: replace, path: /spec/template/spec/priorityClassName, value: nobody-has-it}
`)
	for name, o := range obstacles() {
		t.Run(name, func(t *testing.T) {
			remove := o.put(t, c)
			defer remove()
			for i := range o.args {
				if o.args[i] == "priority" {
					o.args[i] = overlay
				}
			}
			args := append([]string{"--version", "0.27.3"}, o.args...)
			var p checked
			var got []string
			var texts string
			// Admission plugins learn of a change some moments later, and may remember a LimitRange that is gone for half a minute: what is not
			// refused has to stay so for a while.
			agreed := time.Now()
			testkube.Eventually(t, soon, func(context.Context) error {
				p = c.preflight(t, args...)
				if got, texts = p.says(asked...); !slices.Equal(got, o.want) || !strings.Contains(texts, o.says) {
					agreed = time.Now()
					return fmt.Errorf("%v, want %v: %s; all that blocks: %v", got, o.want, texts, p.blocking())
				}
				if o.want == nil && time.Since(agreed) < 2*time.Second {
					return errors.New("it may only not be noticed yet")
				}
				return nil
			})
			if p.Ready != (len(o.want) == 0) || !strings.Contains(texts, o.says) {
				t.Errorf("ready: %t, says %s; all that blocks: %v", p.Ready, texts, p.blocking())
			}
		})
	}
	t.Run("without the right to create pods nothing is refused for it", c.mayNotAsk)
	t.Run("definitions are judged as they are live", c.definitionsJudged)
}

// refusedAtFirst: the audit log shows no write of ours but dry runs.
func (c *cluster) refusedAtFirst(t *testing.T) {
	defer labelled("restricted")(t, c)()
	testkube.Eventually(t, soon, func(ctx context.Context) error { // PodSecurity follows namespaces by a watch
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "try-"},
			Spec:       corev1.PodSpec{HostNetwork: true, Containers: []corev1.Container{{Name: "c", Image: "example.com/c"}}},
		}
		_, err := c.Client().CoreV1().Pods(system).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil || !strings.Contains(err.Error(), "PodSecurity") {
			return fmt.Errorf("the label is not noticed yet: %w", err)
		}
		return nil
	})
	offset := int64(0)
	_, offset = c.CallsFrom(t, offset, nil)
	c.want(t, 3, "install", "--network-type", "flannel", "--yes").says(t, "PodRefused", "violates PodSecurity", "enforce=privileged")
	c.nothingWritten(t)
	var wrote []string
	calls, _ := c.CallsFrom(t, offset, func(call testkube.Call) bool {
		ours := call.User.Username != "kwok" && !strings.HasPrefix(call.User.Username, "system:") || strings.HasSuffix(call.User.Username, ":addonctl")
		asks := strings.HasSuffix(call.Object.Resource, "reviews") || call.Object.Subresource == "token"
		return ours && call.Write() && !asks
	})
	dry := 0
	for _, call := range calls {
		if strings.Contains(call.URI, "dryRun=All") {
			dry++
			continue
		}
		wrote = append(wrote, call.Verb+" "+call.URI)
	}
	if diff := cmp.Diff([]string(nil), wrote); diff != "" || dry == 0 {
		t.Errorf("%d dry runs; writes (-want +got):\n%s", dry, diff)
	}
}

func nothing(*testing.T, *cluster) func() { return func() {} }

func labelled(level string) func(*testing.T, *cluster) func() {
	return func(t *testing.T, c *cluster) func() {
		t.Helper()
		set := func(value string) {
			patch := fmt.Sprintf(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":%s}}}`, value)
			_, err := c.Client().CoreV1().Namespaces().Patch(context.WithoutCancel(t.Context()), system, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			if err != nil {
				t.Error(err)
			}
		}
		set(`"` + level + `"`)
		return func() { set("null") }
	}
}

// quota allows so many pods more than there are, less one; of some priorities alone where they are given.
func quota(pods int64, priorities []string) func(*testing.T, *cluster) func() {
	return func(t *testing.T, c *cluster) func() {
		t.Helper()
		api := c.Client().CoreV1().ResourceQuotas(system)
		if pods > 0 {
			list, err := c.Client().CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			pods = int64(len(list.Items))
		}
		q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "few"}, Spec: corev1.ResourceQuotaSpec{
			Hard: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(pods, resource.DecimalSI)},
		}}
		if priorities != nil {
			q.Spec.ScopeSelector = &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{{
				ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: corev1.ScopeSelectorOpIn, Values: priorities,
			}}}
		}
		if _, err := api.Create(t.Context(), q, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		testkube.Eventually(t, soon, func(ctx context.Context) error {
			got, err := api.Get(ctx, "few", metav1.GetOptions{})
			if err == nil && got.Status.Used == nil {
				err = errors.New("nobody has counted yet")
			}
			return err
		})
		return func() { _ = api.Delete(context.WithoutCancel(t.Context()), "few", metav1.DeleteOptions{}) }
	}
}

func limited(cpu string) func(*testing.T, *cluster) func() {
	return func(t *testing.T, c *cluster) func() {
		t.Helper()
		api := c.Client().CoreV1().LimitRanges(system)
		_, err := api.Create(t.Context(), &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "tight"}, Spec: corev1.LimitRangeSpec{
			Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}},
		}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return func() { _ = api.Delete(context.WithoutCancel(t.Context()), "tight", metav1.DeleteOptions{}) }
	}
}

// webhook is asked about every pod, and its server is not there.
func webhook(change func(*admissionv1.ValidatingWebhook)) func(*testing.T, *cluster) func() {
	return func(t *testing.T, c *cluster) func() {
		t.Helper()
		w := admissionv1.ValidatingWebhook{
			Name: "pods.example.org", SideEffects: new(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
			FailurePolicy: new(admissionv1.Fail), TimeoutSeconds: new(int32(1)),
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "policy", Name: "server"}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		}
		if change != nil {
			change(&w)
		}
		api := c.Client().AdmissionregistrationV1().ValidatingWebhookConfigurations()
		_, err := api.Create(t.Context(), &admissionv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "policy"}, Webhooks: []admissionv1.ValidatingWebhook{w},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return func() { _ = api.Delete(context.WithoutCancel(t.Context()), "policy", metav1.DeleteOptions{}) }
	}
}

// mayNotAsk: a user without the optional rights sees that nobody knows, and goes on.
func (c *cluster) mayNotAsk(t *testing.T) {
	defer webhook(func(w *admissionv1.ValidatingWebhook) { w.FailurePolicy = new(admissionv1.Ignore) })(t, c)()
	every := []string{"*"}
	rules := []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "delete"}},
		{APIGroups: []string{""}, Resources: []string{"namespaces", "nodes", "configmaps", "secrets", "serviceaccounts"}, Verbs: every},
		{APIGroups: []string{"addonctl.io", "apiextensions.k8s.io", "apps", "coordination.k8s.io", "rbac.authorization.k8s.io"}, Resources: every, Verbs: every},
		{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"validatingadmissionpolicies", "validatingadmissionpolicybindings"}, Verbs: every},
	}
	user := *c
	_, user.kubeconfig = c.User(t, "may-not-ask", rules...)
	p := user.preflight(t, "--version", "0.27.3")
	got, texts := p.says(asked...)
	if diff := cmp.Diff([]string{"PodUnchecked"}, got); diff != "" || !p.Ready || !strings.Contains(texts, "may not create pods in kube-system") {
		t.Errorf("ready: %t, says %s (-want +got):\n%s", p.Ready, texts, diff)
	}
}

// tiers is a definition of Calico's name with what Calico's own does not have.
const tiers = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tiers.crd.projectcalico.org}
spec:
  group: crd.projectcalico.org
  scope: Cluster
  names: {kind: Tier, listKind: TierList, plural: tiers, singular: tier}
  versions:
  - {name: v1, served: true, storage: false, schema: &schema {openAPIV3Schema: {type: object, properties: {gone: {type: string}, spec: {type: object, properties: {order: {type: integer}}}}}}}
  - {name: v1alpha9, served: true, storage: true, schema: *schema}
`

// definitionsJudged: nothing is recorded of what somebody else put there, and still it counts.
func (c *cluster) definitionsJudged(t *testing.T) {
	args := []string{"--addon", "Calico", "--network-type", "flannel", "--version", "3.30.3", "--accept", "a test"}
	if got, texts := c.preflight(t, args...).says(asked...); len(got) > 0 {
		t.Fatalf("without the definition: %v %s", got, texts)
	}
	g := &gate{objects: c.dynamic(t)}
	o := objectOf(t, tiers)
	if _, err := g.objects.Resource(definitionResource).Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := g.served(ctx, o.GetName())
		return err
	})
	got, texts := c.preflight(t, args...).says(asked...)
	if diff := cmp.Diff([]string{"StoredVersionDropped!", "ServedVersionDropped", "SchemaNarrowed"}, got); diff != "" ||
		!strings.Contains(texts, "tiers.crd.projectcalico.org v1: gone;") {
		t.Errorf("%s (-want +got):\n%s", texts, diff)
	}
}
