package kube_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

func lacking(t *testing.T, c *testkube.Cluster) {
	t.Helper()
	config, _ := c.User(t, "limited",
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "patch"}},
		rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: []string{"get", "create", "patch"}},
	)
	k, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	const system = "kube-system"
	rights, err := k.WriteRights([]*unstructured.Unstructured{object("DaemonSet"), object("ConfigMap"), object("ClusterRole"), object("ConfigMap")})
	if err != nil {
		t.Fatal(err)
	}
	rights = append(rights,
		kube.Right{Verb: "delete", Resource: "configmaps", Namespace: system},
		kube.Right{Verb: "create", Resource: "configmaps", Namespace: system}, // a second time
		kube.Right{Verb: "get", Group: "extensions", Resource: "daemonsets", Namespace: system},
	)
	want := []string{
		"create configmaps in kube-system",
		"get clusterroles.rbac.authorization.k8s.io",
		"create clusterroles.rbac.authorization.k8s.io",
		"patch clusterroles.rbac.authorization.k8s.io",
		"delete configmaps in kube-system",
		"get daemonsets.extensions in kube-system",
	}
	// Rights reach the API server's authorizer a moment after they were written.
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		got, err := k.Missing(ctx, rights)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("missing rights (-want +got):\n%s", diff)
		}
		return nil
	})
	if got, err := connect(t, c).Missing(t.Context(), rights); len(got) > 0 || err != nil {
		t.Errorf("the administrator lacks %v, %v", got, err)
	}
}

// unanswered loses the answers to two of the questions. It would catch a client that ends a command for it: of dozens that are asked at once, a busy server
// left one in ten thousand unanswered for half a minute.
func unanswered(t *testing.T, c *testkube.Cluster) {
	t.Helper()
	p := c.Proxy(t)
	p.Plan(testkube.At(map[int]testkube.Fault{1: p.HalfOpen(), 3: p.HalfOpen()}))
	cfg, err := clientcmd.BuildConfigFromFlags("", p.KubeconfigPath())
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var rights []kube.Right
	for _, verb := range []string{"get", "list", "watch", "create"} {
		rights = append(rights, kube.Right{Verb: verb, Resource: "configmaps"})
	}
	if got, err := k.Missing(t.Context(), rights); len(got) > 0 || err != nil {
		t.Errorf("the administrator lacks %v, %v", got, err)
	}
	if n := len(p.Calls()); n != len(rights)+2 {
		t.Errorf("%d questions, want each that was not answered twice, and the others once", n)
	}
}

// A server that does not answer must not look like a user without, or with, all rights.
func TestRightsThatCannotBeAskedForAreAnError(t *testing.T) {
	t.Parallel()
	got, err := unconnected(t).Missing(t.Context(), []kube.Right{{Verb: "get", Resource: "nodes"}})
	if err == nil || got != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	if !strings.Contains(err.Error(), "whether we may get nodes") || !kube.Unreachable(err) {
		t.Errorf("got %v", err)
	}
}

func TestARightIsASentencePart(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]kube.Right{
		"list nodes":                            {Verb: "list", Resource: "nodes"},
		"list daemonsets.apps":                  {Verb: "list", Group: "apps", Resource: "daemonsets"},
		"get secrets in kube-system":            {Verb: "get", Resource: "secrets", Namespace: "kube-system"},
		"delete clusterroles flannel":           {Verb: "delete", Resource: "clusterroles", Name: "flannel"},
		"create daemonsets.apps in kube-system": {Verb: "create", Group: "apps", Resource: "daemonsets", Namespace: "kube-system"},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWritingNeedsThreeRightsOfEachKindInItsNamespace(t *testing.T) {
	t.Parallel()
	k := unconnected(t)
	for name, c := range map[string]struct {
		objects []*unstructured.Unstructured
		want    []string
	}{
		"nothing": {nil, nil},
		"two of a kind in a namespace": {
			[]*unstructured.Unstructured{object("ConfigMap"), object("ConfigMap")},
			[]string{"get configmaps in kube-system", "create configmaps in kube-system", "patch configmaps in kube-system"},
		},
		"two of a kind in two namespaces": {
			[]*unstructured.Unstructured{object("Role"), elsewhere(object("Role"))},
			[]string{
				"get roles.rbac.authorization.k8s.io in kube-system", "create roles.rbac.authorization.k8s.io in kube-system",
				"patch roles.rbac.authorization.k8s.io in kube-system", "get roles.rbac.authorization.k8s.io in default",
				"create roles.rbac.authorization.k8s.io in default", "patch roles.rbac.authorization.k8s.io in default",
			},
		},
		"one without a namespace": {
			[]*unstructured.Unstructured{object("Namespace")}, []string{"get namespaces", "create namespaces", "patch namespaces"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rights, err := k.WriteRights(c.objects)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rights {
				got = append(got, r.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("rights (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAKindThatIsNotKnownIsAnErrorThatNamesTheObject(t *testing.T) {
	t.Parallel()
	k := unconnected(t)
	unknown := object("ConfigMap")
	unknown.SetKind("Gateway")
	_, rights := k.WriteRights([]*unstructured.Unstructured{unknown})
	_, read := k.Get(t.Context(), unknown)
	_, write := k.Apply(t.Context(), unknown, nil, true)
	for _, err := range []error{rights, read, write} {
		if err == nil || !strings.Contains(err.Error(), "Gateway x") || kube.Unreachable(err) {
			t.Errorf("got %v", err)
		}
	}
}
