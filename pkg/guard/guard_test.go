package guard_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/manifests"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// An add-on that is added to the catalog is guarded too: its pods are known by the name of its workload.
func TestThePodsOfEveryAddOnAreGuarded(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, a := range c.AddOns {
		want = append(want, a.Workload.Name)
	}
	slices.Sort(want)
	text, err := manifests.FS.ReadFile("guard/pods.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`o\.name in \[(.*)\]`).FindSubmatch(text)
	if list == nil {
		t.Fatal("guard/pods.yaml names no workloads")
	}
	got := strings.Split(strings.ReplaceAll(string(list[1]), "'", ""), ", ")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workloads of the catalog (-) and of guard/pods.yaml (+):\n%s", diff)
	}
}

// fixture is a control plane with a CNI that carries our label, and its administrator.
type fixture struct {
	*testkube.Cluster
	admin *kube.Client
}

const addOn = "Flannel"

func TestTheGuardOnARealAPIServer(t *testing.T) {
	t.Parallel()
	f := &fixture{Cluster: testkube.Start(t, testkube.Options{Nodes: 2})}
	var err error
	if f.admin, err = kube.New(f.Config()); err != nil {
		t.Fatal(err)
	}
	f.populate(t)
	// The negative control of everything below: without the guard each of these is allowed.
	t.Run("without it everything may be deleted and emptied", func(t *testing.T) { f.each(t, f.admin, nil) })
	t.Run("without it its own account may do more", func(t *testing.T) { f.hold(t, false) })
	for _, one := range []struct {
		name string
		test func(*fixture, *testing.T)
	}{
		{"all of it is missing at first, and is written once", (*fixture).written},
		{"its expressions fit the kinds that they are about", (*fixture).typed},
		{"nobody deletes or empties what it protects", (*fixture).denied},
		{"every other edit stays possible", (*fixture).edits},
		{"a break-glass is let through and leaves an event", (*fixture).brokenGlass},
		{"without an event there is no token", (*fixture).noEvent},
		{"our own account is let through", (*fixture).account},
		{"our own account is held to what releases are made of", (*fixture).held},
		{"accounts are written once, and mended", (*fixture).identity},
		{"pods of a CNI end as they do, and are not deleted by hand", (*fixture).pods},
		{"deleting its namespace takes no CNI", (*fixture).namespace},
		{"what a newer addonctl wrote stays", (*fixture).newer},
		{"it does not stop who removes it, and is seen to be gone and restored", (*fixture).repaired},
		{"somebody who may not see it is told so", (*fixture).unseen},
	} {
		t.Run(one.name, func(t *testing.T) { one.test(f, t) })
	}
}

// The expressions are the API server's to understand: the oldest one that the repository builds takes them as the newest does.
func TestTheGuardOnAnOlderAPIServer(t *testing.T) {
	t.Parallel()
	f := &fixture{Cluster: testkube.Start(t, testkube.Options{Nodes: 2, Kubernetes: "1.34"})}
	var err error
	if f.admin, err = kube.New(f.Config()); err != nil {
		t.Fatal(err)
	}
	f.populate(t)
	f.each(t, f.admin, nil)
	f.written(t)
	f.typed(t)
	f.denied(t)
	f.edits(t)
}

func TestAnOlderAPIServerHasNoGuard(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{APIServerArgs: []string{
		"--runtime-config=admissionregistration.k8s.io/v1/validatingadmissionpolicies=false,admissionregistration.k8s.io/v1/validatingadmissionpolicybindings=false",
		"--disable-admission-plugins=ValidatingAdmissionPolicy",
	}})
	admin, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	state, err := guard.Look(t.Context(), admin)
	if err != nil || !state.Unsupported {
		t.Errorf("state %+v (%v), want it to be unsupported", state, err)
	}
	if written, err := guard.Restore(t.Context(), admin); err != nil || len(written) > 0 {
		t.Errorf("wrote %v (%v)", written, err)
	}
}

// object makes an object with our label out of YAML-like parts.
func object(apiVersion, kind, namespace, name string, rest map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	maps.Copy(o.Object, rest)
	o.SetName(name)
	o.SetNamespace(namespace)
	o.SetLabels(map[string]string{kube.LabelAddOn: addOn})
	return o
}

func podSpec(app string) map[string]any {
	return map[string]any{
		"selector": map[string]any{"matchLabels": map[string]any{"app": app}},
		"template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app": app}},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": "agent", "image": "example.com/agent:1"}}},
		},
	}
}

// guarded is an object with what nobody may do to it; each is a strategic or merge patch.
type guarded struct {
	resource schema.GroupVersionResource
	object   *unstructured.Unstructured
	empty    map[string]string
}

const (
	system = metav1.NamespaceSystem
	rbac   = "rbac.authorization.k8s.io/v1"
)

// all is one object of each kind.
func all() []guarded {
	core := func(r string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Version: "v1", Resource: r}
	}
	apps := func(r string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: r}
	}
	roles := func(r string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Group: rbacv1.GroupName, Version: "v1", Resource: r}
	}
	rules := []any{map[string]any{"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"get"}}}
	subjects := []any{map[string]any{"kind": "ServiceAccount", "name": "flannel", "namespace": system}}
	ref := func(kind string) map[string]any {
		return map[string]any{"apiGroup": rbacv1.GroupName, "kind": kind, "name": "flannel"}
	}
	return []guarded{
		{apps("daemonsets"), object("apps/v1", "DaemonSet", system, "kube-flannel-ds", map[string]any{"spec": podSpec("flannel")}), map[string]string{
			"another node selector": `{"spec":{"template":{"spec":{"nodeSelector":{"none":"such"}}}}}`,
			"another affinity":      `{"spec":{"template":{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"none","operator":"Exists"}]}]}}}}}}}`,
		}},
		{apps("deployments"), object("apps/v1", "Deployment", system, "calico-typha", map[string]any{"spec": podSpec("typha")}), nil},
		{core("configmaps"), object("v1", "ConfigMap", system, "kube-flannel-cfg", map[string]any{"data": map[string]any{"net-conf.json": "{}", "empty": ""}}), map[string]string{
			"without a key": `{"data":{"net-conf.json":null}}`, "with an empty value": `{"data":{"net-conf.json":""}}`, "without data": `{"data":null}`,
		}},
		{core("services"), object("v1", "Service", system, "calico-typha", map[string]any{"spec": map[string]any{"ports": []any{map[string]any{"port": int64(5473)}}}}), nil},
		{core("serviceaccounts"), object("v1", "ServiceAccount", system, "flannel", nil), nil},
		{core("namespaces"), object("v1", "Namespace", "", "kube-flannel", nil), nil},
		{roles("roles"), object(rbac, "Role", system, "flannel", map[string]any{"rules": rules}), map[string]string{"without rules": `{"rules":[]}`, "with null rules": `{"rules":null}`}},
		{roles("clusterroles"), object(rbac, "ClusterRole", "", "flannel", map[string]any{"rules": rules}), map[string]string{"without rules": `{"rules":[]}`, "with null rules": `{"rules":null}`}},
		{roles("rolebindings"), object(rbac, "RoleBinding", system, "flannel", map[string]any{"roleRef": ref("Role"), "subjects": subjects}), map[string]string{"without subjects": `{"subjects":[]}`, "with null subjects": `{"subjects":null}`}},
		{roles("clusterrolebindings"), object(rbac, "ClusterRoleBinding", "", "flannel", map[string]any{"roleRef": ref("ClusterRole"), "subjects": subjects}), map[string]string{"without subjects": `{"subjects":[]}`}},
		{schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}, definition(), nil},
	}
}

func definition() *unstructured.Unstructured {
	return object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "ippools.crd.projectcalico.org", map[string]any{"spec": map[string]any{
		"group": "crd.projectcalico.org", "scope": "Cluster",
		"names":    map[string]any{"kind": "IPPool", "plural": "ippools"},
		"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}}}},
	}})
}

func (g guarded) in(c *kube.Client) dynamic.ResourceInterface {
	if ns := g.object.GetNamespace(); ns != "" {
		return c.Dynamic.Resource(g.resource).Namespace(ns)
	}
	return c.Dynamic.Resource(g.resource)
}

// populate puts a CNI on the cluster, and the stamp.
func (f *fixture) populate(t *testing.T) {
	t.Helper()
	for _, g := range all() {
		if _, err := g.in(f.admin).Create(t.Context(), g.object, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", kube.Ref(g.object), err)
		}
	}
	yes := true
	_, err := f.Client().CoreV1().ConfigMaps(system).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "addonctl-network-type"}, Immutable: &yes, Data: map[string]string{"networkType": "FLANNEL_OVERLAY"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f.rolled(t, system, 2)
}

// rolled waits until so many pods of the newest template are Ready.
func (f *fixture) rolled(t *testing.T, namespace string, nodes int32) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		d, err := f.Client().AppsV1().DaemonSets(namespace).Get(ctx, "kube-flannel-ds", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if s := d.Status; s.ObservedGeneration != d.Generation || s.UpdatedNumberScheduled != nodes || s.NumberReady != nodes {
			return fmt.Errorf("status %+v, want %d Ready", s, nodes)
		}
		return nil
	})
}

var dryRun = []string{metav1.DryRunAll}

// each tries, in dry runs, everything that the guard denies. denied tells whether an error is the denial; nil wants success.
func (f *fixture) each(t *testing.T, c *kube.Client, denied func(error) bool) {
	t.Helper()
	check := func(what, names string, err error) {
		t.Helper()
		switch {
		case denied == nil && err != nil:
			t.Errorf("%s: %v", what, err)
		case denied == nil:
		case !denied(err):
			t.Errorf("%s: got %v, want it denied", what, err)
		case !strings.Contains(err.Error(), names) || !strings.Contains(err.Error(), "addonctl break-glass --for 10m --reason"):
			t.Errorf("%s: the denial names no object or no break-glass: %v", what, err)
		}
	}
	for _, g := range all() {
		name := g.object.GetKind() + " " + g.object.GetName()
		if ns := g.object.GetNamespace(); ns != "" {
			name = g.object.GetKind() + " " + ns + "/" + g.object.GetName()
		}
		err := g.in(c).Delete(t.Context(), g.object.GetName(), metav1.DeleteOptions{DryRun: dryRun})
		check("deleting "+name, name+" ", err)
		patches := map[string]string{"without our label": `{"metadata":{"labels":{"addonctl.io/addon":null}}}`, "with another label": `{"metadata":{"labels":{"addonctl.io/addon":"Other"}}}`}
		maps.Copy(patches, g.empty)
		for what, patch := range patches {
			_, err := g.in(c).Patch(t.Context(), g.object.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{DryRun: dryRun})
			check(name+" "+what, name+" ", err)
		}
	}
	err := c.Typed.CoreV1().ConfigMaps(system).Delete(t.Context(), "addonctl-network-type", metav1.DeleteOptions{DryRun: dryRun})
	check("deleting the stamp", "ConfigMap kube-system/addonctl-network-type ", err)
	err = c.Typed.CoreV1().ConfigMaps(system).DeleteCollection(t.Context(), metav1.DeleteOptions{DryRun: dryRun}, metav1.ListOptions{FieldSelector: "metadata.name=addonctl-network-type"})
	if denied != nil || c == f.admin { // which our accounts may not ask
		check("deleting the stamp among others", "ConfigMap kube-system/addonctl-network-type ", err)
	}
	err = c.Typed.CoreV1().Pods(system).Delete(t.Context(), f.pod(t, system, "app=flannel").Name, metav1.DeleteOptions{DryRun: dryRun})
	check("deleting a pod", "Pod kube-system/kube-flannel-ds-", err)
}

func (f *fixture) denied(t *testing.T) {
	t.Helper()
	f.each(t, f.admin, apierrors.IsForbidden)
}

func (f *fixture) pod(t *testing.T, namespace, selector string) *corev1.Pod {
	t.Helper()
	l, err := f.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil || len(l.Items) == 0 {
		t.Fatalf("no pods: %v", err)
	}
	return &l.Items[0]
}

func (f *fixture) written(t *testing.T) {
	t.Helper()
	state, err := guard.Look(t.Context(), f.admin)
	if err != nil || len(state.Wrong) != 20 || state.Unsupported {
		t.Fatalf("at first: %+v (%v), want 10 policies and 10 bindings", state, err)
	}
	written, err := guard.Restore(t.Context(), f.admin)
	if diff := cmp.Diff(state.Wrong, written); err != nil || diff != "" {
		t.Fatalf("restoring: %v (-wrong +written):\n%s", err, diff)
	}
	// It denies when Restore has come back, without any waiting here.
	if err := f.Client().AppsV1().DaemonSets(system).Delete(t.Context(), "kube-flannel-ds", metav1.DeleteOptions{DryRun: dryRun}); !apierrors.IsForbidden(err) {
		t.Errorf("Restore came back before the guard denied: %v", err)
	}
	if state, err = guard.Look(t.Context(), f.admin); err != nil || len(state.Wrong) > 0 {
		t.Errorf("afterwards: %+v (%v)", state, err)
	}
	if written, err = guard.Restore(t.Context(), f.admin); err != nil || len(written) > 0 {
		t.Errorf("restoring again wrote %v (%v)", written, err)
	}
}

// The API server says which expressions name fields that a kind does not have.
func (f *fixture) typed(t *testing.T) {
	t.Helper()
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		l, err := f.Client().AdmissionregistrationV1().ValidatingAdmissionPolicies().List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=addonctl"})
		if err != nil {
			return err
		}
		if len(l.Items) != 10 {
			t.Fatalf("there are %d policies", len(l.Items))
		}
		for _, p := range l.Items {
			if p.Status.ObservedGeneration != p.Generation || p.Status.TypeChecking == nil {
				return fmt.Errorf("%s is not checked yet", p.Name)
			}
			for _, w := range p.Status.TypeChecking.ExpressionWarnings {
				t.Errorf("%s: %s: %s", p.Name, w.FieldRef, w.Warning)
			}
		}
		return nil
	})
}

// edits are what an administrator may do: drift, and no damage.
func (f *fixture) edits(t *testing.T) {
	t.Helper()
	for _, one := range []struct{ kind, patch string }{
		{"DaemonSet", `{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"example.com/agent:2"}]}},"updateStrategy":{"type":"OnDelete"}},"metadata":{"labels":{"mine":"x"}}}`},
		{"Deployment", `{"spec":{"replicas":0}}`},
		{"ConfigMap", `{"data":{"net-conf.json":"{\"Network\":\"10.0.0.0/8\"}","more":"x","empty":null}}`},
		{"Role", `{"rules":[{"apiGroups":[""],"resources":["nodes"],"verbs":["get"]}]}`},
		{"ClusterRoleBinding", `{"subjects":[{"kind":"ServiceAccount","name":"other","namespace":"kube-system"}]}`},
	} {
		i := slices.IndexFunc(all(), func(g guarded) bool { return g.object.GetKind() == one.kind })
		g := all()[i]
		if _, err := g.in(f.admin).Patch(t.Context(), g.object.GetName(), types.MergePatchType, []byte(one.patch), metav1.PatchOptions{DryRun: dryRun}); err != nil {
			t.Errorf("%s: %v", one.kind, err)
		}
	}
	// What is not an add-on's is nobody's business.
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "foreign-"}, Data: map[string]string{"a": "b"}}
	made, err := f.Client().CoreV1().ConfigMaps(system).Create(t.Context(), foreign, metav1.CreateOptions{})
	if err == nil {
		err = f.Client().CoreV1().ConfigMaps(system).Delete(t.Context(), made.Name, metav1.DeleteOptions{})
	}
	if err != nil {
		t.Error(err)
	}
}

// as is a client with a token.
func (f *fixture) as(t *testing.T, token string) *kube.Client {
	t.Helper()
	cfg := f.Config()
	cfg.BearerToken, cfg.BearerTokenFile, cfg.CertData, cfg.KeyData, cfg.CertFile, cfg.KeyFile = token, "", nil, nil, "", ""
	c, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fixture) brokenGlass(t *testing.T) {
	t.Helper()
	if _, err := guard.Identity(t.Context(), f.admin); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		reason string
		d      time.Duration
	}{{"r", time.Minute}, {"r", 2 * time.Hour}, {" ", guard.Shortest}} {
		if g, err := guard.BreakGlass(t.Context(), f.admin, "somebody", bad.reason, bad.d); err == nil || g.Token != "" {
			t.Errorf("%+v: a token was given (%v)", bad, err)
		}
	}
	if events := f.events(t); len(events) > 0 {
		t.Errorf("events without a token: %v", events)
	}
	g, err := guard.BreakGlass(t.Context(), f.admin, "jane", "the nodes hang", guard.Shortest)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(g.Expires); left > guard.Shortest || left < guard.Shortest-time.Minute {
		t.Errorf("the token is good for %s", left)
	}
	events := f.events(t)
	if len(events) != 1 || events[0].Type != corev1.EventTypeWarning || events[0].InvolvedObject.Name != guard.BreakGlassAccount || events[0].Name != g.Event ||
		!strings.Contains(events[0].Message, "jane") || !strings.Contains(events[0].Message, "the nodes hang") {
		t.Errorf("events %+v, want one that says who and why", events)
	}
	broken := f.as(t, g.Token)
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error { // rights reach the API server a moment later
		_, err := broken.Typed.AppsV1().DaemonSets(system).List(ctx, metav1.ListOptions{})
		return err
	})
	err = broken.Typed.CoreV1().ConfigMaps(system).DeleteCollection(t.Context(), metav1.DeleteOptions{DryRun: dryRun}, metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("it may delete collections: %v", err)
	}
	f.each(t, broken, nil)
}

func (f *fixture) events(t *testing.T) []corev1.Event {
	t.Helper()
	l, err := f.Client().CoreV1().Events(system).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=" + guard.ReasonBreakGlass})
	if err != nil {
		t.Fatal(err)
	}
	return l.Items
}

// Somebody who may mint tokens and not leave events gets none from us.
func (f *fixture) noEvent(t *testing.T) {
	t.Helper()
	config, _ := f.User(t, "no-events",
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"serviceaccounts"}, Verbs: []string{"get"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, Verbs: []string{"create"}})
	user, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := guard.Mint(ctx, user, guard.Shortest)
		return err
	})
	g, err := guard.BreakGlass(t.Context(), user, "joe", "for fun", guard.Shortest)
	if !apierrors.IsForbidden(err) || g.Token != "" || !strings.Contains(err.Error(), "Event") {
		t.Errorf("token %q, %v", g.Token, err)
	}
}

// account does as addonctl's own account what it does: it empties and deletes configuration, and it cannot delete the CNI, guard
// or not: it has no right to.
func (f *fixture) account(t *testing.T) {
	t.Helper()
	token, err := guard.Mint(t.Context(), f.admin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := f.as(t, token)
	patch := []byte(`{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/os":"linux"}}}}}`)
	if _, err := c.Typed.AppsV1().DaemonSets(system).Patch(t.Context(), "kube-flannel-ds", types.MergePatchType, patch, metav1.PatchOptions{DryRun: dryRun}); err != nil {
		t.Errorf("it may not change a node selector: %v", err)
	}
	maps := c.Typed.CoreV1().ConfigMaps(system)
	if err := maps.Delete(t.Context(), "kube-flannel-cfg", metav1.DeleteOptions{DryRun: dryRun}); err != nil {
		t.Errorf("it may not take back old configuration: %v", err)
	}
	if err := c.Typed.CoreV1().Pods(system).Delete(t.Context(), f.pod(t, system, "app=flannel").Name, metav1.DeleteOptions{DryRun: dryRun}); err != nil {
		t.Errorf("it may not change a node: %v", err)
	}
	err = c.Typed.AppsV1().DaemonSets(system).Delete(t.Context(), "kube-flannel-ds", metav1.DeleteOptions{DryRun: dryRun})
	if !apierrors.IsForbidden(err) || strings.Contains(err.Error(), "ValidatingAdmissionPolicy") {
		t.Errorf("deleting the CNI as our own account: %v, want it to have no right to", err)
	}
	f.takesBack(t, c)
	// By a dry run it sees that the guard is awake; the stamp itself it may replace.
	if err := maps.Delete(t.Context(), "addonctl-network-type", metav1.DeleteOptions{DryRun: dryRun}); !apierrors.IsForbidden(err) {
		t.Errorf("a dry run of deleting the stamp: %v", err)
	}
	stamp, err := maps.Get(t.Context(), "addonctl-network-type", metav1.GetOptions{})
	if err == nil {
		err = maps.Delete(t.Context(), stamp.Name, metav1.DeleteOptions{})
	}
	if err == nil {
		stamp.ResourceVersion, stamp.UID = "", ""
		_, err = maps.Create(t.Context(), stamp, metav1.CreateOptions{})
	}
	if err != nil {
		t.Errorf("replacing the stamp: %v", err)
	}
}

func (f *fixture) identity(t *testing.T) {
	t.Helper()
	if written, err := guard.Identity(t.Context(), f.admin); err != nil || len(written) > 0 {
		t.Errorf("wrote %v again (%v)", written, err)
	}
	roles := f.Client().RbacV1().ClusterRoles()
	r, err := roles.Get(t.Context(), guard.Account, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// More than is needed stays, as of a newer addonctl; less is mended, and so is a binding of nobody.
	r.Rules = append(r.Rules, rbacv1.PolicyRule{APIGroups: []string{"example.com"}, Resources: []string{"things"}, Verbs: []string{"get"}})
	if r, err = roles.Update(t.Context(), r, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if written, err := guard.Identity(t.Context(), f.admin); err != nil || len(written) > 0 {
		t.Errorf("more rights: wrote %v (%v)", written, err)
	}
	r.Rules = r.Rules[1:]
	extra := r.Rules[len(r.Rules)-1]
	if _, err = roles.Update(t.Context(), r, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Client().RbacV1().ClusterRoleBindings().Patch(t.Context(), guard.BreakGlassAccount, types.MergePatchType, []byte(`{"subjects":null}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	written, err := guard.Identity(t.Context(), f.admin)
	if diff := cmp.Diff([]string{"ClusterRole addonctl", "ClusterRoleBinding addonctl-break-glass"}, written); err != nil || diff != "" {
		t.Errorf("mending: %v\n%s", err, diff)
	}
	r, err = roles.Get(t.Context(), guard.Account, metav1.GetOptions{})
	if err != nil || !slices.ContainsFunc(r.Rules, func(p rbacv1.PolicyRule) bool { return cmp.Equal(p, extra) }) {
		t.Errorf("mending took away a right that somebody added (%v)", err)
	}
	f.newerRole(t)
}

// newerRole : a role of a newer addonctl has what that one needs; ours must not write over it. It is mended where it is no newer.
func (f *fixture) newerRole(t *testing.T) {
	t.Helper()
	roles := f.Client().RbacV1().ClusterRoles()
	for version, want := range map[string][]string{"99": nil, "0": {"ClusterRole addonctl"}, "x": {"ClusterRole addonctl"}} {
		r, err := roles.Get(t.Context(), guard.Account, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r.Annotations[versionNote], r.Rules = version, r.Rules[1:]
		if _, err := roles.Update(t.Context(), r, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		written, err := guard.Identity(t.Context(), f.admin)
		if diff := cmp.Diff(want, written); err != nil || diff != "" {
			t.Errorf("a role of version %s: %v\n%s", version, err, diff)
		}
		if _, err := roles.Patch(t.Context(), guard.Account, types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+versionNote+`":"3"}}}`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := guard.Identity(t.Context(), f.admin); err != nil {
			t.Fatal(err)
		}
	}
}

const versionNote = "addonctl.io/guard-version"

// newer : what an older addonctl sees of a newer guard is in place. It would catch one that takes a newer guard back.
func (f *fixture) newer(t *testing.T) {
	t.Helper()
	api := f.Client().AdmissionregistrationV1().ValidatingAdmissionPolicies()
	const name = "addonctl-guard-roles"
	spec := func(version, message string) []string {
		t.Helper()
		p, err := api.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p.Annotations[versionNote], p.Spec.Validations[0].MessageExpression = version, message
		if _, err := api.Update(t.Context(), p, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		state, err := guard.Look(t.Context(), f.admin)
		if err != nil {
			t.Fatal(err)
		}
		written, err := guard.Restore(t.Context(), f.admin)
		if diff := cmp.Diff(state.Wrong, written); err != nil || diff != "" {
			t.Errorf("version %s: %v\n%s", version, err, diff)
		}
		return written
	}
	if written := spec("99", "'newer'"); len(written) > 0 {
		t.Errorf("a newer guard was written over: %v", written)
	}
	// The negative control, and how the test leaves it.
	if written := spec("0", "'older'"); len(written) != 1 {
		t.Errorf("an older guard was left: %v", written)
	}
	if p, err := api.Get(t.Context(), name, metav1.GetOptions{}); err != nil || p.Annotations[versionNote] != "3" {
		t.Errorf("what was restored says version %q (%v)", p.Annotations[versionNote], err)
	}
}

// takesBack : the account deletes the policy of VCN-native that an older release does not have, by its name, and no other.
func (f *fixture) takesBack(t *testing.T, c *kube.Client) {
	t.Helper()
	const group, name = "admissionregistration.k8s.io", "npn-pod-deletion-deny-policy"
	right := func(name string) []string {
		t.Helper()
		out, err := c.Missing(t.Context(), []kube.Right{
			{Verb: "delete", Group: group, Resource: "validatingadmissionpolicies", Name: name},
			{Verb: "delete", Group: group, Resource: "validatingadmissionpolicybindings", Name: name + "-binding"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if missing := right(name); len(missing) > 0 {
		t.Errorf("it may not %v", missing)
	}
	if missing := right("addonctl-guard-objects"); len(missing) != 2 {
		t.Errorf("of the guard's own it lacks %v", missing)
	}
}

// hold tries as our account what it has the rights for and the guard denies.
func (f *fixture) hold(t *testing.T, denied bool) {
	t.Helper()
	if _, err := guard.Identity(t.Context(), f.admin); err != nil {
		t.Fatal(err)
	}
	token, err := guard.Mint(t.Context(), f.admin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := f.as(t, token)
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error { // rights reach the API server a moment later
		_, err := c.Typed.CoreV1().Pods(system).List(ctx, metav1.ListOptions{})
		return err
	})
	rule := func(r rbacv1.PolicyRule) error {
		_, err := c.Typed.RbacV1().ClusterRoles().Update(t.Context(), &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "flannel", Labels: map[string]string{kube.LabelAddOn: addOn}}, Rules: []rbacv1.PolicyRule{r},
		}, metav1.UpdateOptions{DryRun: dryRun})
		return err
	}
	bind := func(s rbacv1.Subject) error {
		_, err := c.Typed.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "another"}, Subjects: []rbacv1.Subject{s},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "flannel"},
		}, metav1.CreateOptions{DryRun: dryRun})
		return err
	}
	pod := func(dry []string) error {
		_, err := c.Typed.CoreV1().Pods(system).Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "by-hand-"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "example.com/c"}}},
		}, metav1.CreateOptions{DryRun: dry})
		return err
	}
	helper := func(change func(*corev1.Pod)) error {
		_, err := c.Typed.CoreV1().Pods(system).Create(t.Context(), helperPod(change), metav1.CreateOptions{})
		return err
	}
	all, core := []string{"*"}, []string{""}
	for what, err := range map[string]error{
		"a pod":                         pod(nil),
		"a helper pod that nobody owns": helper(func(p *corev1.Pod) { p.OwnerReferences = nil }),
		"a helper pod of a DaemonSet": helper(func(p *corev1.Pod) {
			p.OwnerReferences[0].APIVersion, p.OwnerReferences[0].Kind = "apps/v1", "DaemonSet"
		}),
		"a fresh pod in the node's net": helper(func(p *corev1.Pod) { p.Spec.HostNetwork = true }),
		"a helper pod that sees others": helper(func(p *corev1.Pod) { p.Spec.HostPID = true }),
		"a helper pod with a volume":    helper(func(p *corev1.Pod) { p.Spec.Volumes = []corev1.Volume{{Name: "host", VolumeSource: hostPath}} }),
		"a helper pod with a token":     helper(func(p *corev1.Pod) { p.Spec.AutomountServiceAccountToken = nil }),
		"a privileged helper pod":       helper(func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes} }),
		"a helper pod with a capability": helper(func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext.Capabilities.Add = []corev1.Capability{"NET_ADMIN"}
		}),
		"a helper pod with an init":     helper(func(p *corev1.Pod) { p.Spec.InitContainers = []corev1.Container{{Name: "i", Image: "example.com/c"}} }),
		"a helper pod of no purpose":    helper(func(p *corev1.Pod) { p.Labels[kube.LabelHelper] = "other" }),
		"every verb":                    rule(rbacv1.PolicyRule{APIGroups: core, Resources: []string{"pods"}, Verbs: all}),
		"every resource":                rule(rbacv1.PolicyRule{APIGroups: core, Resources: all, Verbs: []string{"get"}}),
		"every group":                   rule(rbacv1.PolicyRule{APIGroups: all, Resources: []string{"pods"}, Verbs: []string{"get"}}),
		"escalate":                      rule(rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles"}, Verbs: []string{"escalate"}}),
		"impersonate":                   rule(rbacv1.PolicyRule{APIGroups: core, Resources: []string{"users"}, Verbs: []string{"impersonate"}}),
		"a binding of the signed in":    bind(rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:authenticated"}),
		"a binding of the account":      bind(rbacv1.Subject{Kind: "ServiceAccount", Namespace: system, Name: guard.Account}),
		"a binding of it by user name":  bind(rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: guard.User(guard.Account)}),
		"a binding of the break-glass'": bind(rbacv1.Subject{Kind: "ServiceAccount", Namespace: system, Name: guard.BreakGlassAccount}),
	} {
		if got := apierrors.IsForbidden(err) && strings.Contains(err.Error(), "addonctl-guard-account-"); got != denied || !denied && err != nil {
			t.Errorf("%s: %v, want it denied: %v", what, err, denied)
		}
	}
	for what, err := range map[string]error{
		"a pod in a dry run": pod(dryRun),
		"a fresh pod":        helper(func(*corev1.Pod) {}),
		"a pod that pulls images": helper(func(p *corev1.Pod) {
			p.Labels[kube.LabelHelper], p.Spec.HostNetwork = "pull", true
		}),
		"a role":                         rule(rbacv1.PolicyRule{APIGroups: core, Resources: []string{"nodes"}, Verbs: []string{"get"}}),
		"all of a group of the add-on's": rule(rbacv1.PolicyRule{APIGroups: []string{"projectcalico.org"}, Resources: all, Verbs: []string{"get"}}),
		"a binding":                      bind(rbacv1.Subject{Kind: "ServiceAccount", Namespace: system, Name: "flannel"}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

var (
	yes, no  = true, false
	hostPath = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
)

// helperPod is a helper pod of a node roll but for a change. Nobody is its owner: it goes by itself.
func helperPod(change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "helper-", Labels: map[string]string{kube.LabelHelper: "fresh"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "nobody", UID: "nobody"}},
		},
		Spec: corev1.PodSpec{AutomountServiceAccountToken: &no, Containers: []corev1.Container{{
			Name: "c", Image: "example.com/c", SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}}},
	}
	change(p)
	return p
}

func (f *fixture) held(t *testing.T) {
	t.Helper()
	f.hold(t, true)
	token, err := guard.Mint(t.Context(), f.admin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, tried := f.as(t, token), 0
	for o := range rights(t) { // every release's: one that the guard denies could not be installed
		r, err := c.Resource(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Create(t.Context(), o, metav1.CreateOptions{DryRun: dryRun}); err != nil && strings.Contains(err.Error(), "addonctl-guard") {
			t.Errorf("%s: %v", kube.Ref(o), err)
		}
		tried++
	}
	if tried < 6 {
		t.Errorf("only %d roles and bindings were tried", tried)
	}
}

// pods : what drains, evicts, collects and rolls still does.
func (f *fixture) pods(t *testing.T) {
	t.Helper()
	pods := f.Client().CoreV1().Pods(system)
	before := f.pod(t, system, "app=flannel")
	if err := pods.Delete(t.Context(), before.Name, metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Fatalf("deleting by hand: %v", err)
	}
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: before.Name, Namespace: system}}
	if err := pods.EvictV1(t.Context(), eviction); err != nil {
		t.Fatalf("evicting: %v", err)
	}
	f.gone(t, before)
	f.rolled(t, system, 2)
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"example.com/agent:3"}]}}}}`)
	if _, err := f.Client().AppsV1().DaemonSets(system).Patch(t.Context(), "kube-flannel-ds", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	f.rolled(t, system, 2)
	l, err := pods.List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=node-02", LabelSelector: "app=flannel"})
	if err != nil || len(l.Items) == 0 {
		t.Fatalf("no pod on node-02: %v", err)
	}
	if err := f.Client().CoreV1().Nodes().Delete(t.Context(), "node-02", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.gone(t, &l.Items[0])
	f.rolled(t, system, 1)
}

func (f *fixture) gone(t *testing.T, p *corev1.Pod) {
	t.Helper()
	testkube.Eventually(t, 120*time.Second, func(ctx context.Context) error {
		live, err := f.Client().CoreV1().Pods(p.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && live.UID != p.UID {
			return nil
		}
		return fmt.Errorf("pod %s is still there (%w)", p.Name, err)
	})
}

// namespace : an adopted CNI may live in a namespace of its own that carries no label.
func (f *fixture) namespace(t *testing.T) {
	t.Helper()
	const ns = "kube-flannel-too"
	if _, err := f.Client().CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	d := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-flannel-ds", Labels: map[string]string{kube.LabelAddOn: addOn}},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "f"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "f"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "example.com/agent:1"}}},
			},
		},
	}
	if _, err := f.Client().AppsV1().DaemonSets(ns).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	f.rolled(t, ns, 1)
	before := f.pod(t, ns, "app=f")
	if err := f.Client().CoreV1().Namespaces().Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error { // the controller has tried and says what it could not do
		n, err := f.Client().CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NamespaceDeletionContentFailure && c.Status == corev1.ConditionTrue && strings.Contains(c.Message, "break-glass") {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", n.Status.Conditions)
	})
	if p, err := f.Client().CoreV1().Pods(ns).Get(t.Context(), before.Name, metav1.GetOptions{}); err != nil || p.UID != before.UID || p.DeletionTimestamp != nil {
		t.Errorf("the CNI's pod went with its namespace (%v)", err)
	}
	g, err := guard.BreakGlass(t.Context(), f.admin, "jane", "the namespace has to go", guard.Shortest)
	if err == nil {
		err = f.as(t, g.Token).Typed.AppsV1().DaemonSets(ns).Delete(t.Context(), "kube-flannel-ds", metav1.DeleteOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, 120*time.Second, func(ctx context.Context) error { // and with the DaemonSet gone everything goes
		_, err := f.Client().CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the namespace is still there (%w)", err)
	})
}

// repaired : somebody who lifts the guard may do as they like; it is seen, and restored.
func (f *fixture) repaired(t *testing.T) {
	t.Helper()
	bindings := f.Client().AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	policies := f.Client().AdmissionregistrationV1().ValidatingAdmissionPolicies()
	const name = "addonctl-guard-objects"
	patch := func(p string) func() error {
		return func() error {
			_, err := bindings.Patch(t.Context(), name, types.MergePatchType, []byte(p), metav1.PatchOptions{})
			return err
		}
	}
	const b, p = "ValidatingAdmissionPolicyBinding " + name, "ValidatingAdmissionPolicy " + name
	for what, one := range map[string]struct {
		change func() error
		wrong  []string
		lifts  bool
	}{
		"a binding that is gone":       {func() error { return bindings.Delete(t.Context(), name, metav1.DeleteOptions{}) }, []string{b}, true},
		"a binding that only audits":   {patch(`{"spec":{"validationActions":["Audit"]}}`), []string{b}, true},
		"a binding that audits too":    {patch(`{"spec":{"validationActions":["Deny","Audit"]}}`), []string{b}, false},
		"a binding of some namespaces": {patch(`{"spec":{"matchResources":{"namespaceSelector":{"matchLabels":{"a":"b"}}}}}`), []string{b}, true},
		"a binding without its label":  {patch(`{"metadata":{"labels":null}}`), []string{b}, false},
		"a policy that is gone":        {func() error { return policies.Delete(t.Context(), name, metav1.DeleteOptions{}) }, []string{p}, true},
		"a policy that fails open": {func() error {
			_, err := policies.Patch(t.Context(), name, types.MergePatchType, []byte(`{"spec":{"failurePolicy":"Ignore"}}`), metav1.PatchOptions{})
			return err
		}, []string{p}, false},
	} {
		t.Run(what, func(t *testing.T) {
			if err := one.change(); err != nil {
				t.Fatal(err)
			}
			state, err := guard.Look(t.Context(), f.admin)
			if diff := cmp.Diff(one.wrong, state.Wrong); err != nil || diff != "" {
				t.Errorf("wrong: %v\n%s", err, diff)
			}
			remove := func(ctx context.Context) error {
				return f.Client().AppsV1().DaemonSets(system).Delete(ctx, "kube-flannel-ds", metav1.DeleteOptions{DryRun: dryRun})
			}
			if one.lifts {
				testkube.Eventually(t, time.Minute, remove)
			}
			written, err := guard.Restore(t.Context(), f.admin)
			if diff := cmp.Diff(one.wrong, written); err != nil || diff != "" {
				t.Errorf("restored: %v\n%s", err, diff)
			}
			if err := remove(t.Context()); !apierrors.IsForbidden(err) {
				t.Errorf("restored, it does not deny: %v", err)
			}
			if state, err = guard.Look(t.Context(), f.admin); err != nil || len(state.Wrong) > 0 {
				t.Errorf("restored, wrong is %v (%v)", state.Wrong, err)
			}
		})
	}
}

func (f *fixture) unseen(t *testing.T) {
	t.Helper()
	config, _ := f.User(t, "blind")
	user, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := guard.Look(t.Context(), user); !apierrors.IsForbidden(err) || len(state.Wrong) > 0 {
		t.Errorf("state %+v (%v), want to be told that it is forbidden", state, err)
	}
}
