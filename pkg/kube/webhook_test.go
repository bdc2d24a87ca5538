package kube_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const hooked = "hooked"

// hookRow is a webhook whose Service does not exist, and whether it is asked about a pod and about a DaemonSet.
type hookRow struct {
	change    func(*admissionv1.ValidatingWebhook)
	pod, sets bool
	// lists is false for a webhook that refuses nothing, which is not listed.
	unlisted bool
}

func hookRows() map[string]hookRow {
	rule := func(operation admissionv1.OperationType, group, version, resource string) func(*admissionv1.ValidatingWebhook) {
		return func(w *admissionv1.ValidatingWebhook) {
			w.Rules = []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{operation},
				Rule:       admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{version}, Resources: []string{resource}},
			}}
		}
	}
	both := func(a, b func(*admissionv1.ValidatingWebhook)) func(*admissionv1.ValidatingWebhook) {
		return func(w *admissionv1.ValidatingWebhook) { a(w); b(w) }
	}
	exactly := func(w *admissionv1.ValidatingWebhook) { w.MatchPolicy = new(admissionv1.Exact) }
	everything := rule("*", "*", "*", "*")
	inNamespace := func(s metav1.LabelSelector) func(*admissionv1.ValidatingWebhook) {
		return both(everything, func(w *admissionv1.ValidatingWebhook) { w.NamespaceSelector = &s })
	}
	of := func(s metav1.LabelSelector) func(*admissionv1.ValidatingWebhook) {
		return both(everything, func(w *admissionv1.ValidatingWebhook) { w.ObjectSelector = &s })
	}
	scope := func(s admissionv1.ScopeType) func(*admissionv1.ValidatingWebhook) {
		return both(everything, func(w *admissionv1.ValidatingWebhook) { w.Rules[0].Scope = &s })
	}
	notIn := func(key, value string) metav1.LabelSelector {
		return metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{value}}}}
	}
	return map[string]hookRow{
		"everything":                      {change: everything, pod: true, sets: true},
		"everything and what is below it": {change: rule("*", "*", "*", "*/*"), pod: true, sets: true},
		"pods":                            {change: rule("CREATE", "", "v1", "pods"), pod: true},
		"pods and what is below them":     {change: rule("CREATE", "", "v1", "pods/*"), pod: true},
		"what is below pods":              {change: rule("CREATE", "", "v1", "pods/status")},
		"pods when they change":           {change: rule("UPDATE", "", "v1", "pods")},
		"DaemonSets":                      {change: rule("CREATE", "apps", "v1", "daemonsets"), sets: true},
		"DaemonSets, by any version":      {change: rule("CREATE", "apps", "*", "daemonsets"), sets: true},
		"DaemonSets, by a version that is gone, which nobody equals any more": {change: rule("CREATE", "apps", "v1beta2", "daemonsets")},
		"DaemonSets, exactly":        {change: both(rule("CREATE", "apps", "v1", "daemonsets"), exactly), sets: true},
		"pods of another group":      {change: rule("CREATE", "metrics.k8s.io", "*", "pods")},
		"what has no namespace":      {change: scope(admissionv1.ClusterScope)},
		"what has one":               {change: scope(admissionv1.NamespacedScope), pod: true, sets: true},
		"the namespace by its name":  {change: inNamespace(metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: hooked}}), pod: true, sets: true},
		"other namespaces":           {change: inNamespace(notIn(corev1.LabelMetadataName, hooked))},
		"namespaces without a label": {change: inNamespace(notIn("exempt", "true")), pod: true, sets: true},
		"the pod's label":            {change: of(metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}), pod: true},
		"all but the pod's label":    {change: of(notIn("app", "agent")), sets: true},
		"conditions, which the server decides": {change: both(everything, func(w *admissionv1.ValidatingWebhook) {
			w.MatchConditions = []admissionv1.MatchCondition{{Name: "yes", Expression: "true"}}
		}), pod: true, sets: true},
		"everything, and it may be left out":    {change: both(everything, func(w *admissionv1.ValidatingWebhook) { w.FailurePolicy = new(admissionv1.Ignore) }), unlisted: true},
		"everything, and it refuses by default": {change: both(everything, func(w *admissionv1.ValidatingWebhook) { w.FailurePolicy = nil }), pod: true, sets: true},
	}
}

// Who is asked is decided by the API server, so the API server is asked whether we see it as it does: a webhook whose Service does not
// exist refuses exactly what it is asked about.
func TestWebhooksAreAskedAboutWhatTheAPIServerAsksThemAbout(t *testing.T) {
	t.Parallel()
	k := connect(t, testkube.Start(t, testkube.Options{}))
	ns, err := k.Typed.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: hooked}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := k.Typed.CoreV1().ServiceAccounts(hooked).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	number := 0
	for name, r := range hookRows() {
		number++
		t.Run(name, func(t *testing.T) {
			hook(t, k, number, r.change)
			listed, err := k.Webhooks(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.unlisted != (len(listed) == 1) { // the canary alone
				t.Fatalf("%d webhooks are listed", len(listed))
			}
			for what, want := range map[string]bool{"pods": r.pod, "daemonsets": r.sets} {
				question := kube.Question{
					Operation: admissionv1.Create, Namespace: ns.Labels,
					Resource: corev1.SchemeGroupVersion.WithResource("pods"), Object: map[string]string{"app": "agent"},
				}
				if what == "daemonsets" {
					question.Resource, question.Object = appsv1.SchemeGroupVersion.WithResource(what), nil
				}
				refused := tried(t, k, what)
				asked := !r.unlisted && listed[0].Asked(question)
				if refused != want || asked != want {
					t.Errorf("%s: the API server asks: %t, we say %t, want %t", what, refused, asked, want)
				}
			}
		})
	}
}

// hook puts the webhook and a canary into the one configuration that there is, and waits until the API server knows.
func hook(t *testing.T, k *kube.Client, number int, change func(*admissionv1.ValidatingWebhook)) {
	t.Helper()
	made := func(name string) admissionv1.ValidatingWebhook {
		return admissionv1.ValidatingWebhook{
			Name: name, SideEffects: new(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"}, FailurePolicy: new(admissionv1.Fail),
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: hooked, Name: "nobody"}},
		}
	}
	w, canary := made("webhook.example.org"), made("canary.example.org")
	change(&w)
	label := map[string]string{"canary": fmt.Sprint(number)}
	canary.ObjectSelector = &metav1.LabelSelector{MatchLabels: label}
	canary.Rules = []admissionv1.RuleWithOperations{{
		Operations: []admissionv1.OperationType{"CREATE"},
		Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
	}}
	// The canary comes first, so that its refusal is told.
	configuration := &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rows"}, Webhooks: []admissionv1.ValidatingWebhook{w, canary}}
	api := k.Typed.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_ = api.Delete(t.Context(), "rows", metav1.DeleteOptions{})
	if _, err := api.Create(t.Context(), configuration, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := k.Typed.CoreV1().ConfigMaps("kube-public").Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "canary", Labels: label},
		}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil || !strings.Contains(err.Error(), "failed calling webhook") {
			return errors.Join(errors.New("the canary is not asked yet"), err)
		}
		return nil
	})
}

// tried tells whether the webhook refuses an object.
func tried(t *testing.T, k *kube.Client, what string) bool {
	t.Helper()
	pod := corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}}
	labels := map[string]string{"app": "agent"}
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	var err error
	if what == "pods" {
		_, err = k.Typed.CoreV1().Pods(hooked).Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: labels}, Spec: pod}, dry)
	} else {
		_, err = k.Typed.AppsV1().DaemonSets(hooked).Create(t.Context(), &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod},
		}}, dry)
	}
	if err != nil && !strings.Contains(err.Error(), "webhook.example.org") {
		t.Fatalf("creating %s: %v", what, err)
	}
	return err != nil
}

// A Service has as many ready endpoints as its slices say; one that leads out of the cluster is not judged.
func readyEndpoints(t *testing.T, k *kube.Client) {
	t.Helper()
	const ns = "kube-public"
	count := func(service string, want int, wantErr error) {
		t.Helper()
		if n, err := k.Ready(t.Context(), ns, service); n != want || !errors.Is(err, wantErr) {
			t.Errorf("%s: %d endpoints (%v), want %d (%v)", service, n, err, want, wantErr)
		}
	}
	count("none", 0, nil)
	_, err := k.Typed.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "outside"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "example.org"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	count("outside", 0, kube.ErrElsewhere)
	for i, ready := range []*bool{new(true), new(false), nil} {
		_, err := k.Typed.DiscoveryV1().EndpointSlices(ns).Create(t.Context(), &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Name: fmt.Sprintf("some-%d", i), Labels: map[string]string{discoveryv1.LabelServiceName: "some"}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	count("some", 2, nil)
}
