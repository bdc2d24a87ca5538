package kube_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// The package's one control plane. What needs no API server is in the other tests.
func TestARealAPIServer(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{})
	k := connect(t, c)
	for name, check := range map[string]func(*testing.T, *kube.Client){
		"creates, changes and leaves alone, and says which":         outcomes,
		"says in a dry run what it would do and writes nothing":     dryRuns,
		"refuses an unknown field":                                  unknownField,
		"keeps a field that somebody else owns":                     ownedField,
		"takes a field over whose value is the same":                sharedField,
		"refuses to write over a change made in between":            changedBetween,
		"does not bring back what was deleted in between":           deletedBetween,
		"does not write onto a namesake that was made in between":   replacedBetween,
		"serves every kind that a chart may hold":                   kinds,
		"answers with its version":                                  serverVersion,
		"counts the endpoints of a service that are ready":          readyEndpoints,
		"says that there is none where a namespace is missing, too": noNamespace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, k)
		})
	}
	t.Run("lists exactly the rights that a user lacks", func(t *testing.T) {
		t.Parallel()
		lacking(t, c)
	})
	t.Run("asks again for a right where no answer comes", func(t *testing.T) {
		t.Parallel()
		unanswered(t, c)
	})
}

func connect(t *testing.T, c *testkube.Cluster) *kube.Client {
	t.Helper()
	k, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// configMap is an object of a test; its name must be the test's own.
func configMap(name string, data map[string]string) *unstructured.Unstructured {
	values := map[string]any{}
	for key, value := range data {
		values[key] = value
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "namespace": metav1.NamespaceSystem},
		"data":     values,
	}}
}

// apply reads and writes, as the engine does.
func apply(t *testing.T, k *kube.Client, o *unstructured.Unstructured, dryRun bool) kube.Outcome {
	t.Helper()
	got, err := k.Apply(t.Context(), o, get(t, k, o), dryRun)
	if err != nil {
		t.Fatalf("applying %s: %v", kube.Ref(o), err)
	}
	return got
}

func get(t *testing.T, k *kube.Client, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	live, err := k.Get(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// dataOf is what the API server holds; nil when the object does not exist.
func dataOf(t *testing.T, k *kube.Client, o *unstructured.Unstructured) map[string]string {
	t.Helper()
	live := get(t, k, o)
	if live == nil {
		return nil
	}
	data, _, err := unstructured.NestedStringMap(live.Object, "data")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// somebody else, called gitops, writes the object by server-side apply.
func somebody(t *testing.T, k *kube.Client, o *unstructured.Unstructured) {
	t.Helper()
	body, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	r, err := k.Resource(o)
	if err != nil {
		t.Fatal(err)
	}
	force := true
	if _, err := r.Patch(t.Context(), o.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "gitops", Force: &force}); err != nil {
		t.Fatal(err)
	}
}

func outcomes(t *testing.T, k *kube.Client) {
	t.Helper()
	daemonSet := func(image string) *unstructured.Unstructured {
		labels := map[string]any{"app": "outcomes"}
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "DaemonSet",
			"metadata": map[string]any{"name": "outcomes", "namespace": metav1.NamespaceSystem},
			"spec": map[string]any{
				"selector": map[string]any{"matchLabels": labels},
				"template": map[string]any{
					"metadata": map[string]any{"labels": labels},
					"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": image}}},
				},
			},
		}}
	}
	// One without defaults and a controller, and one with both: neither may look like a change.
	for name, versions := range map[string][2]*unstructured.Unstructured{
		"ConfigMap": {configMap("outcomes", map[string]string{"k": "1"}), configMap("outcomes", map[string]string{"k": "2"})},
		"DaemonSet": {daemonSet("a/b:1"), daemonSet("a/b:2")},
	} {
		var got []kube.Outcome
		for _, o := range []*unstructured.Unstructured{versions[0], versions[0], versions[1], versions[1]} {
			got = append(got, applyOnceSettled(t, k, o))
		}
		if diff := cmp.Diff([]kube.Outcome{kube.Created, kube.Unchanged, kube.Changed, kube.Unchanged}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// applyOnceSettled applies again when the object's controller wrote its status between reading and applying.
func applyOnceSettled(t *testing.T, k *kube.Client, o *unstructured.Unstructured) kube.Outcome {
	t.Helper()
	for {
		got, err := k.Apply(t.Context(), o, get(t, k, o), false)
		if err == nil {
			return got
		}
		if _, fields := kube.Conflicts(err); fields || !apierrors.IsConflict(err) {
			t.Fatal(err)
		}
	}
}

func dryRuns(t *testing.T, k *kube.Client) {
	t.Helper()
	one, two := configMap("dry-run", map[string]string{"k": "1"}), configMap("dry-run", map[string]string{"k": "2"})
	if got := apply(t, k, one, true); got != kube.Created || dataOf(t, k, one) != nil {
		t.Errorf("a new object: %s, and live is %v", got, dataOf(t, k, one))
	}
	apply(t, k, one, false)
	before := get(t, k, one).GetResourceVersion()
	if got := apply(t, k, two, true); got != kube.Changed {
		t.Errorf("another value: %s", got)
	}
	if got := apply(t, k, one, true); got != kube.Unchanged {
		t.Errorf("the same value: %s", got)
	}
	if after := get(t, k, one).GetResourceVersion(); after != before {
		t.Errorf("the dry runs wrote: resource version %s became %s", before, after)
	}
}

func unknownField(t *testing.T, k *kube.Client) {
	t.Helper()
	for name, dryRun := range map[string]bool{"for real": false, "in a dry run": true} {
		o := configMap("unknown-field", map[string]string{"k": "v"})
		o.Object["daat"] = "misspelt"
		_, err := k.Apply(t.Context(), o, nil, dryRun)
		if err == nil || !strings.Contains(err.Error(), "daat") {
			t.Errorf("%s: %v, want an error that names the field", name, err)
		}
		if kube.Unreachable(err) {
			t.Errorf("%s: %v counts as a server that did not answer", name, err)
		}
		if got := dataOf(t, k, o); got != nil {
			t.Errorf("%s: it was written: %v", name, got)
		}
	}
}

func ownedField(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("owned", map[string]string{"ours": "1"})
	apply(t, k, o, false)
	somebody(t, k, configMap("owned", map[string]string{"theirs": "1"}))
	edited := get(t, k, o)
	if err := unstructured.SetNestedField(edited.Object, "1", "data", "edited"); err != nil {
		t.Fatal(err)
	}
	r, err := k.Resource(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Update(t.Context(), edited, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
	for _, dryRun := range []bool{true, false} {
		want := configMap("owned", map[string]string{"ours": "2", "theirs": "2", "edited": "2"})
		_, err := k.Apply(t.Context(), want, get(t, k, want), dryRun)
		text, fields := kube.Conflicts(err)
		got := strings.Split(text, "; ")
		slices.Sort(got) // the API server names managers in any order
		if diff := cmp.Diff([]string{`.data.edited ("kubectl-edit" using v1)`, `.data.theirs ("gitops")`}, got); diff != "" || !fields {
			t.Errorf("dry run %t: conflicts of %v (-want +got):\n%s", dryRun, err, diff)
		}
		// Not even the field that nobody else owns is written.
		if diff := cmp.Diff(map[string]string{"ours": "1", "theirs": "1", "edited": "1"}, dataOf(t, k, want)); diff != "" {
			t.Errorf("dry run %t: it was forced (-want +got):\n%s", dryRun, diff)
		}
	}
}

func sharedField(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("shared", map[string]string{"k": "v"})
	somebody(t, k, o)
	if got := apply(t, k, o, false); got != kube.Unchanged {
		t.Errorf("the same value that somebody else owns: %s", got)
	}
}

func changedBetween(t *testing.T, k *kube.Client) {
	t.Helper()
	want := configMap("changed", map[string]string{"k": "1"})
	apply(t, k, want, false)
	live := get(t, k, want)
	somebody(t, k, configMap("changed", map[string]string{"other": "1"}))
	want = configMap("changed", map[string]string{"k": "2"})
	raced(t, k, want, live)
	if diff := cmp.Diff(map[string]string{"k": "1", "other": "1"}, dataOf(t, k, want)); diff != "" {
		t.Errorf("it was written all the same (-want +got):\n%s", diff)
	}
	// The negative control: with what is live by now the same write goes through, so it was the fence that held it.
	if got := apply(t, k, want, false); got != kube.Changed {
		t.Errorf("after looking again: %s", got)
	}
}

func deletedBetween(t *testing.T, k *kube.Client) {
	t.Helper()
	want := configMap("deleted", map[string]string{"k": "1"})
	apply(t, k, want, false)
	live := get(t, k, want)
	remove(t, k, want)
	raced(t, k, want, live)
	if got := dataOf(t, k, want); got != nil {
		t.Errorf("it was brought back: %v", got)
	}
}

func replacedBetween(t *testing.T, k *kube.Client) {
	t.Helper()
	want := configMap("replaced", map[string]string{"k": "1"})
	apply(t, k, want, false)
	live := get(t, k, want)
	remove(t, k, want)
	somebody(t, k, configMap("replaced", map[string]string{"other": "1"}))
	raced(t, k, want, live)
	if diff := cmp.Diff(map[string]string{"other": "1"}, dataOf(t, k, want)); diff != "" {
		t.Errorf("somebody else's object was written to (-want +got):\n%s", diff)
	}
}

// raced wants a conflict that is none of fields: the loop looks again after it, and shows no owner.
func raced(t *testing.T, k *kube.Client, want, live *unstructured.Unstructured) {
	t.Helper()
	_, err := k.Apply(t.Context(), want, live, false)
	if !apierrors.IsConflict(err) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if text, fields := kube.Conflicts(err); fields {
		t.Errorf("it counts as a conflict of fields: %s", text)
	}
}

func remove(t *testing.T, k *kube.Client, o *unstructured.Unstructured) {
	t.Helper()
	r, err := k.Resource(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), o.GetName(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// chartKinds are the kinds that a chart may hold, with what the API server calls them.
var chartKinds = map[string]struct {
	apiVersion, resource string
	global               bool
}{
	"ServiceAccount":                   {"v1", "serviceaccounts", false},
	"ConfigMap":                        {"v1", "configmaps", false},
	"Secret":                           {"v1", "secrets", false},
	"Service":                          {"v1", "services", false},
	"Namespace":                        {"v1", "namespaces", true},
	"DaemonSet":                        {"apps/v1", "daemonsets", false},
	"Deployment":                       {"apps/v1", "deployments", false},
	"PodDisruptionBudget":              {"policy/v1", "poddisruptionbudgets", false},
	"Role":                             {"rbac.authorization.k8s.io/v1", "roles", false},
	"RoleBinding":                      {"rbac.authorization.k8s.io/v1", "rolebindings", false},
	"ClusterRole":                      {"rbac.authorization.k8s.io/v1", "clusterroles", true},
	"ClusterRoleBinding":               {"rbac.authorization.k8s.io/v1", "clusterrolebindings", true},
	"ValidatingAdmissionPolicy":        {"admissionregistration.k8s.io/v1", "validatingadmissionpolicies", true},
	"ValidatingAdmissionPolicyBinding": {"admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings", true},
	"CustomResourceDefinition":         {"apiextensions.k8s.io/v1", "customresourcedefinitions", true},
}

// object is an example of a kind; one of a global kind has no namespace.
func object(kind string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetAPIVersion(chartKinds[kind].apiVersion)
	o.SetKind(kind)
	o.SetName("x")
	if !chartKinds[kind].global {
		o.SetNamespace(metav1.NamespaceSystem)
	}
	return o
}

// A resource that the server does not have would look like an object that is not there, so it is the server that is
// asked, and by listing: a path that it does not serve is "not found" then.
func kinds(t *testing.T, k *kube.Client) {
	t.Helper()
	for kind, want := range chartKinds {
		o := object(kind)
		o.SetNamespace(metav1.NamespaceSystem) // a global kind is found all the same
		r, err := k.Resource(o)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if _, err := r.List(t.Context(), metav1.ListOptions{Limit: 1}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		served, err := k.Typed.Discovery().ServerResourcesForGroupVersion(want.apiVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range served.APIResources {
			if s.Name == want.resource && (s.Kind != kind || s.Namespaced == want.global) {
				t.Errorf("%s: the server says %s, namespaced %t", kind, s.Kind, s.Namespaced)
			}
		}
	}
}

func serverVersion(t *testing.T, k *kube.Client) {
	t.Helper()
	got, err := k.Version(t.Context(), patience)
	if err != nil || !strings.HasPrefix(got, "v1.") {
		t.Errorf("version %q, %v", got, err)
	}
}

func noNamespace(t *testing.T, k *kube.Client) {
	t.Helper()
	o := configMap("x", nil)
	o.SetNamespace("nowhere")
	if live := get(t, k, o); live != nil {
		t.Errorf("got %v", live)
	}
}

func TestARefNamesTheNamespaceOnlyWhereItIsNotTheUsualOne(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]*unstructured.Unstructured{
		"ConfigMap x":         object("ConfigMap"),
		"ClusterRole x":       object("ClusterRole"),
		"ConfigMap default/x": elsewhere(object("ConfigMap")),
	} {
		if got := kube.Ref(o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func elsewhere(o *unstructured.Unstructured) *unstructured.Unstructured {
	o.SetNamespace(metav1.NamespaceDefault)
	return o
}

// What the API server can say with 409, and what it cannot.
func TestOnlyAConflictOfFieldsIsOne(t *testing.T) {
	t.Parallel()
	conflict := func(causes ...metav1.StatusCause) error {
		return apierrors.NewApplyConflict(causes, "Apply failed")
	}
	field := func(kind metav1.CauseType, name string) metav1.StatusCause {
		return metav1.StatusCause{Type: kind, Field: name, Message: `conflict with "helm"`}
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no error":          {nil, ""},
		"one field":         {conflict(field(metav1.CauseTypeFieldManagerConflict, ".a")), `.a ("helm")`},
		"two fields":        {conflict(field(metav1.CauseTypeFieldManagerConflict, ".a"), field(metav1.CauseTypeFieldManagerConflict, ".b")), `.a ("helm"); .b ("helm")`},
		"a cause of others": {conflict(field(metav1.CauseTypeFieldValueInvalid, ".a")), ""},
		"no cause":          {conflict(), ""},
		"a change made in between": {
			apierrors.NewConflict(resource, "x", fmt.Errorf("the object has been modified")), "",
		},
		"no details":       {&apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonConflict, Code: 409}}, ""},
		"another refusal":  {apierrors.NewForbidden(resource, "x", nil), ""},
		"no API error":     {fmt.Errorf("oops"), ""},
		"an existing name": {apierrors.NewAlreadyExists(resource, "x"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := kube.Conflicts(c.err)
			if got != c.want || ok != (c.want != "") {
				t.Errorf("%q, %t; want %q", got, ok, c.want)
			}
		})
	}
}

func TestApplyingKeepsTheCallersObjects(t *testing.T) {
	t.Parallel()
	k := unconnected(t)
	want, live := configMap("x", map[string]string{"k": "v"}), configMap("x", nil)
	live.SetResourceVersion("7")
	copied := want.DeepCopy()
	if _, err := k.Apply(t.Context(), want, live, true); err == nil {
		t.Fatal("nobody is there, and it was applied")
	}
	if diff := cmp.Diff(copied.Object, want.Object); diff != "" {
		t.Errorf("the object was changed (-want +got):\n%s", diff)
	}
}
