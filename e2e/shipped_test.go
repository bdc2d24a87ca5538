package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/events"

	"github.com/addonctl/addonctl/manifests"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// grant is one verb on one kind of object, as a rule of a role gives it: a rule of three verbs on two kinds is six. Namespace is empty for all
// of them, Name for every object.
type grant struct{ Verb, Group, Resource, Namespace, Name string }

func (g grant) String() string {
	s := g.Verb + " " + g.Resource
	if g.Group != "" {
		s += "." + g.Group
	}
	if g.Name != "" {
		s += " " + g.Name
	}
	if g.Namespace != "" {
		s += " in " + g.Namespace
	}
	return s
}

// allows tells whether a grant is what a call needed. Creating has no name to be held to, except below another object.
func (g grant) allows(c testkube.Call) bool {
	resource := c.Object.Resource
	if c.Object.Subresource != "" {
		resource += "/" + c.Object.Subresource
	}
	return g.Verb == c.Verb && g.Group == c.Object.APIGroup && g.Resource == resource &&
		(g.Namespace == "" || g.Namespace == c.Object.Namespace) && (g.Name == "" || g.Name == c.Object.Name)
}

// granted are the grants of all roles that objects bind to an account.
func granted(t *testing.T, objects []*unstructured.Unstructured, namespace, account string) []grant {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, o := range objects {
		if o.GetKind() == "ClusterRole" || o.GetKind() == "Role" {
			var r rbacv1.ClusterRole
			convert(t, o, &r)
			rules[o.GetKind()+" "+o.GetNamespace()+"/"+r.Name] = r.Rules
		}
	}
	var out []grant
	for _, o := range objects {
		if o.GetKind() != "ClusterRoleBinding" && o.GetKind() != "RoleBinding" {
			continue
		}
		var b rbacv1.ClusterRoleBinding
		convert(t, o, &b)
		if !slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool { return s.Namespace == namespace && s.Name == account }) {
			continue
		}
		of := o.GetNamespace()
		if b.RoleRef.Kind == "ClusterRole" {
			of = ""
		}
		bound, ok := rules[b.RoleRef.Kind+" "+of+"/"+b.RoleRef.Name]
		if !ok {
			t.Errorf("%s %s binds %s, which is not shipped", o.GetKind(), o.GetName(), b.RoleRef.Name)
		}
		for _, r := range bound {
			out = append(out, each(r, o.GetNamespace())...)
		}
	}
	return out
}

func convert(t *testing.T, o *unstructured.Unstructured, into any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		t.Fatal(err)
	}
}

// each is a rule taken apart.
func each(r rbacv1.PolicyRule, namespace string) []grant {
	names := r.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var out []grant
	for _, verb := range r.Verbs {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, name := range names {
					out = append(out, grant{verb, group, resource, namespace, name})
				}
			}
		}
	}
	return out
}

// everybodys are the groups of what every account may ask about itself, by Kubernetes' own roles.
var everybodys = []string{"authentication.k8s.io", "authorization.k8s.io"}

// weigh holds what somebody did against what they may do: grants that no call made use of, and calls that were refused or that no grant allows.
func weigh(grants []grant, calls []testkube.Call) (unused, lacking []string) {
	used := map[grant]bool{}
	for _, c := range calls {
		if c.Object.Resource == "" || slices.Contains(everybodys, c.Object.APIGroup) {
			continue
		}
		allowed := false
		for _, g := range grants {
			if g.allows(c) {
				used[g], allowed = true, true
			}
		}
		if !allowed || c.Response.Code == http.StatusForbidden {
			lacking = append(lacking, fmt.Sprintf("%s %s: %d %s", c.Verb, c.URI, c.Response.Code, c.Response.Message))
		}
	}
	for _, g := range grants {
		if !used[g] {
			unused = append(unused, g.String())
		}
	}
	return unused, lacking
}

// The negative controls of the check: a rule too many, and a rule too few.
func TestRightsAreHeldAgainstWhatIsDone(t *testing.T) {
	t.Parallel()
	call := func(verb, group, resource, subresource, namespace, name string, code int32) testkube.Call {
		c := testkube.Call{Verb: verb}
		c.Object.APIGroup, c.Object.Resource, c.Object.Subresource, c.Object.Namespace, c.Object.Name = group, resource, subresource, namespace, name
		c.Response.Code = code
		return c
	}
	rule := func(verbs, resources, names []string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{""}, Resources: resources, ResourceNames: names}
	}
	enough := slices.Concat(
		each(rule([]string{"get", "list"}, []string{"pods"}, nil), ""),
		each(rule([]string{"create"}, []string{"serviceaccounts/token"}, []string{"a"}), "east"),
	)
	done := []testkube.Call{
		call("get", "", "pods", "", "east", "x", 200), call("list", "", "pods", "", "", "", 200), call("create", "", "serviceaccounts", "token", "east", "a", 201),
		call("create", "authorization.k8s.io", "selfsubjectaccessreviews", "", "", "", 201),
	}
	for name, c := range map[string]struct {
		grants  []grant
		calls   []testkube.Call
		unused  []string
		lacking int
	}{
		"all is used, and all is there":   {enough, done, nil, 0},
		"a verb too many":                 {append(slices.Clone(enough), each(rule([]string{"watch"}, []string{"pods"}, nil), "")...), done, []string{"watch pods"}, 0},
		"a name too many":                 {append(slices.Clone(enough), grant{"create", "", "serviceaccounts/token", "east", "b"}), done, []string{"create serviceaccounts/token b in east"}, 0},
		"a rule too few":                  {enough[1:], done, nil, 1},
		"a rule for another namespace":    {append(slices.Clone(enough[:2]), grant{"create", "", "serviceaccounts/token", "west", "a"}), done, []string{"create serviceaccounts/token a in west"}, 1},
		"a rule for another group":        {append(slices.Clone(enough[1:]), grant{"get", "apps", "pods", "", ""}), done, []string{"get pods.apps"}, 1},
		"something that was refused":      {enough, append(slices.Clone(done), call("get", "", "pods", "", "", "x", 403)), nil, 1},
		"nobody did anything: no success": {enough, nil, []string{"get pods", "list pods", "create serviceaccounts/token a in east"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unused, lacking := weigh(c.grants, c.calls)
			if diff := cmp.Diff(c.unused, unused); diff != "" || len(lacking) != c.lacking {
				t.Errorf("lacking %v, unused (-want +got):\n%s", lacking, diff)
			}
		})
	}
}

// usesItsRights ends the manager, and holds what it did in the hub and on a cluster against the rights that are shipped.
func (f *fleet) usesItsRights(t *testing.T, m *manager) {
	t.Helper()
	f.forgets(t)
	f.repeats(t)
	obeyed := f.picksUp(t)
	m.signal(t, syscall.SIGTERM) // a watch is written down when it ends
	<-m.ended
	dev := f.members["dev"]
	for _, one := range []struct {
		place              *testkube.Cluster
		overlay, namespace string
		besides            []grant
	}{{f.hub, "overlays/hub", managers, []grant{obeyed}}, {dev.Cluster, "overlays/target", system, nil}} {
		objects, err := render.Tree(manifests.FS, one.overlay)
		if err != nil {
			t.Fatal(err)
		}
		grants := append(granted(t, objects, one.namespace, "addon-manager"), one.besides...)
		var calls []testkube.Call
		testkube.Eventually(t, soon, func(context.Context) error { // that a watch has ended is written down a moment after its client is gone
			calls = one.place.Calls(t, func(c testkube.Call) bool {
				return c.User.Username == "system:serviceaccount:"+one.namespace+":addon-manager" && !beforeItWasAllowed(c)
			})
			unused, lacking := weigh(grants, calls)
			if len(grants) == 0 || len(unused)+len(lacking) > 0 {
				return fmt.Errorf("%s: %d grants; never used:\n  %s\nlacking:\n  %s", one.overlay, len(grants), strings.Join(unused, "\n  "), strings.Join(lacking, "\n  "))
			}
			return nil
		})
		t.Logf("%s: %d grants, %d calls", one.overlay, len(grants), len(calls))
	}
}

// lacksNothing holds what the manager of a cluster that is its own hub did against its rights. This one decides on no rollouts, so not all are used.
func (c *cluster) lacksNothing(t *testing.T) {
	t.Helper()
	objects, err := render.Tree(manifests.FS, "overlays/in-cluster")
	if err != nil {
		t.Fatal(err)
	}
	calls := c.Calls(t, func(c testkube.Call) bool {
		return c.User.Username == "system:serviceaccount:"+managers+":addon-manager"
	})
	if _, lacking := weigh(granted(t, objects, managers, "addon-manager"), calls); len(calls) == 0 || len(lacking) > 0 {
		t.Errorf("of %d calls these lacked rights:\n  %s", len(calls), strings.Join(lacking, "\n  "))
	}
}

// deploys deploys the manager into a cluster: once, as asked, and without taking what is somebody else's. Its pods are played, and run nothing.
func (c *cluster) deploys(t *testing.T) {
	t.Helper()
	init := func(more ...string) []string {
		return append([]string{"init", "--image", "example.com/addon-manager:v1"}, more...)
	}
	type report struct {
		Objects []struct{ Object, Outcome string }
		DryRun  bool
	}
	outcomes := func(r result) map[string]int {
		t.Helper()
		out := map[string]int{}
		for _, o := range read[report](t, r).Objects {
			out[o.Outcome]++
		}
		return out
	}
	if got := outcomes(c.must(t, init("--dry-run", "-o", "json")...)); got["create"] == 0 {
		t.Errorf("a dry run: %v", got)
	}
	c.want(t, 2, init()...).says(t, "add --yes")
	if _, err := c.Client().CoreV1().Namespaces().Get(t.Context(), managers, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("something was written without a yes: %v", err)
	}
	c.must(t, init("--wait", "--yes")...)
	if got := outcomes(c.must(t, init("--wait", "-o", "json")...)); got["create"]+got["configure"] > 0 || got["unchanged"] == 0 {
		t.Errorf("again: %v", got)
	}
	api := c.Client().AppsV1().Deployments(managers)
	d, err := api.Get(t.Context(), "addon-manager", metav1.GetOptions{})
	if err != nil || d.Spec.Template.Spec.Containers[0].Image != "example.com/addon-manager:v1" || d.Status.AvailableReplicas == 0 {
		t.Fatalf("deployed: %+v (%v)", d, err)
	}

	// An account of a newer addonctl stays, one of an older is brought up to date, and a field that somebody took is theirs.
	mark := func(version string) {
		t.Helper()
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"addonctl.io/guard-version":%q}},"rules":[]}`, version)
		_, err := c.Client().RbacV1().ClusterRoles().Patch(t.Context(), "addonctl-break-glass", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "addonctl"})
		if err != nil {
			t.Fatal(err)
		}
	}
	mark("99")
	if got := outcomes(c.must(t, init("--yes", "-o", "json")...)); got["kept"] != 1 || got["configure"] > 0 {
		t.Errorf("beside a newer account: %v", got)
	}
	mark("1")
	if got := outcomes(c.must(t, init("--yes", "-o", "json")...)); got["kept"] > 0 || got["configure"] != 1 {
		t.Errorf("beside an older account: %v", got)
	}
	patch := []byte(`{"spec":{"replicas":3}}`)
	if _, err := api.Patch(t.Context(), "addon-manager", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 8, init("--yes")...).says(t, "somebody else owns", ".spec.replicas", "--force-conflicts")
	c.must(t, init("--force-conflicts", "--wait", "--yes")...)
	if d, err = api.Get(t.Context(), "addon-manager", metav1.GetOptions{}); err != nil || *d.Spec.Replicas != 2 {
		t.Errorf("%d replicas (%v)", *d.Spec.Replicas, err)
	}
}

// forgets brings more ended rollouts than are kept, and waits until the manager has forgotten one.
func (f *fleet) forgets(t *testing.T) {
	t.Helper()
	const kept = 20
	opened, others := metav1.NowMicro(), len(f.rollouts(t))
	for i := range kept + 1 {
		r := &v1alpha1.AddonRollout{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("fleet-calico-3.0.%d", i)},
			Spec:       v1alpha1.AddonRolloutSpec{Policy: "fleet", Addon: "Calico", Version: fmt.Sprintf("3.0.%d", i)},
		}
		f.create(t, r)
		r.Status.Phase, r.Status.Opened, r.Status.Aborted = "Aborted", &opened, "a test"
		if err := f.records.Status().Update(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	testkube.Eventually(t, soon, func(context.Context) error {
		if n := len(f.rollouts(t)); n != others+kept {
			return fmt.Errorf("%d rollouts are kept", n)
		}
		return nil
	})
}

// repeats leaves the same Event twice as the manager does when two clusters fail in one decision, which this test does not bring about: the
// second one is counted on the first.
func (f *fleet) repeats(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(f.hub.Account(t, managers, "addon-manager"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.RESTConfigFromKubeConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	defer b.Shutdown()
	if err := b.StartRecordingToSinkWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorder := b.NewRecorder(f.records.Scheme(), "addon-manager")
	c, err := f.network(t.Context(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		recorder.Eventf(c, nil, corev1.EventTypeNormal, "Test", "Test", "again")
		list, err := f.hub.Client().EventsV1().Events(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, e := range list.Items {
			if e.Reason == "Test" && e.Series != nil {
				return nil
			}
			seen[e.Reason] = true
		}
		return fmt.Errorf("no Event was counted; there are %v", slices.Sorted(maps.Keys(seen)))
	})
}
