package guard_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/manifests"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// rulesOf are the rules of an account's ClusterRole.
func rulesOf(t *testing.T, account string) []rbacv1.PolicyRule {
	t.Helper()
	files, err := fs.Glob(manifests.FS, "identity/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(manifests.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "\n---\n") {
			var role rbacv1.ClusterRole
			if err := yaml.Unmarshal([]byte(part), &role); err != nil {
				t.Fatal(err)
			}
			if role.Kind == "ClusterRole" && role.Name == account {
				return role.Rules
			}
		}
	}
	t.Fatalf("no ClusterRole %s", account)
	return nil
}

func may(rules []rbacv1.PolicyRule, r kube.Right, name string) bool {
	return slices.ContainsFunc(rules, func(p rbacv1.PolicyRule) bool {
		return slices.Contains(p.APIGroups, r.Group) && slices.Contains(p.Resources, r.Resource) && slices.Contains(p.Verbs, r.Verb) &&
			(len(p.ResourceNames) == 0 || slices.Contains(p.ResourceNames, name))
	})
}

// A release that brings a new kind of object, or a role of a new name, is found here and not on a cluster.
func TestTheAccountMayWriteEveryRelease(t *testing.T) {
	t.Parallel()
	rules := rulesOf(t, guard.Account)
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, a := range c.AddOns {
		for _, r := range a.Releases {
			for _, n := range a.OnNetworkTypes() {
				for _, o := range rendered(t, a, r, n) {
					for verb, right := range rightsOf(o) {
						if !may(rules, right, o.GetName()) {
							t.Errorf("%s %s: it may not %s %s", a.Name, r.Version, verb, kube.Ref(o))
						}
					}
					names[o.GetName()] = true
				}
			}
		}
	}
	for _, p := range rules {
		for _, name := range p.ResourceNames {
			if !names[name] {
				t.Errorf("it has rights on %s, which no release has", name)
			}
		}
	}
}

func rendered(t *testing.T, a catalog.AddOn, r catalog.Release, n catalog.NetworkType) []*unstructured.Unstructured {
	t.Helper()
	s := render.Settings{Kubernetes: version.MustParse("1.34.0"), NetworkType: n, Region: "us-ashburn-1", Realm: "OC1"}
	if len(r.ListedFor) > 0 {
		s.Kubernetes = version.MustParse(slices.MaxFunc(r.ListedFor, version.Minor.Compare).String() + ".0")
	}
	out, err := render.Release(charts.FS, a, r, s)
	if err != nil {
		t.Fatalf("%s %s on %s: %v", a.Name, r.Version, n, err)
	}
	return out.Objects
}

// rightsOf are what applying an object takes.
func rightsOf(o *unstructured.Unstructured) map[string]kube.Right {
	resource := strings.ToLower(o.GetKind()) + "s"
	if before, ok := strings.CutSuffix(resource, "ys"); ok {
		resource = before + "ies"
	}
	group := o.GroupVersionKind().Group
	out := map[string]kube.Right{}
	for _, verb := range []string{"get", "create", "patch"} {
		out[verb] = kube.Right{Verb: verb, Group: group, Resource: resource}
	}
	if o.GetKind() == "ClusterRole" || o.GetKind() == "Role" {
		for _, verb := range []string{"escalate", "bind"} {
			out[verb] = kube.Right{Verb: verb, Group: group, Resource: resource}
		}
	}
	if render.PhaseOf(o) == render.Guards { // which a release that has none takes back
		out["delete"] = kube.Right{Verb: "delete", Group: group, Resource: resource}
	}
	return out
}

// rights are the roles and bindings of all releases, each content once.
func rights(t *testing.T) iter.Seq[*unstructured.Unstructured] {
	t.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(*unstructured.Unstructured) bool) {
		seen := map[string]bool{}
		for _, a := range c.AddOns {
			for _, r := range a.Releases {
				for _, n := range a.OnNetworkTypes() {
					for _, o := range rendered(t, a, r, n) {
						text, err := json.Marshal([]any{o.GetKind(), o.GetName(), o.Object["rules"], o.Object["subjects"]})
						if err != nil {
							t.Fatal(err)
						}
						if o.GroupVersionKind().Group != rbacv1.GroupName || seen[string(text)] {
							continue
						}
						if seen[string(text)] = true; !yield(o) {
							return
						}
					}
				}
			}
		}
	}
}

// The manifests and the version that they carry change together: without a raise an addonctl of before would write over them for
// ever. After a change raise addonctl.io/guard-version in all of them, and record the version and the digest that is printed here.
func TestTheVersionOfTheManifestsIsRaisedWithThem(t *testing.T) {
	t.Parallel()
	const version, digest = "3", "3abb4e7aa28f56fb818e4ec556b3774f4cf2b4d9be7b93c8da1f470749ef5f0d"
	sum := sha256.New()
	for _, pattern := range []string{"guard/*.yaml", "identity/*.yaml"} {
		files, err := fs.Glob(manifests.FS, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := fs.ReadFile(manifests.FS, file)
			if err != nil {
				t.Fatal(err)
			}
			for part := range strings.SplitSeq(string(text), "\n---\n") {
				var o unstructured.Unstructured
				if err := yaml.Unmarshal([]byte(part), &o.Object); err != nil {
					t.Fatal(err)
				}
				versioned := strings.HasPrefix(o.GetKind(), "ValidatingAdmissionPolicy") || o.GetKind() == "ClusterRole"
				if got := o.GetAnnotations()[versionNote]; versioned != (got == version) {
					t.Errorf("%s: %s is of version %q, want %s", file, kube.Ref(&o), got, version)
				}
				content, err := json.Marshal(o.Object)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(sum, "%s\n", content)
			}
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != digest {
		t.Errorf("the manifests of version %s have changed: raise the version, and record it with the digest %s", version, got)
	}
}

// No mistake of this program's takes a CNI away: its account has no right to, guard or not.
func TestTheAccountMayDeleteNoWorkload(t *testing.T) {
	t.Parallel()
	for _, p := range rulesOf(t, guard.Account) {
		for _, resource := range p.Resources {
			gone := slices.Contains(p.Verbs, "delete") || slices.Contains(p.Verbs, "deletecollection") || slices.Contains(p.Verbs, "*")
			if gone && len(p.ResourceNames) > 0 && strings.HasPrefix(resource, "validatingadmissionpolic") {
				continue // of a release, by its name
			}
			if gone && !slices.Contains([]string{"pods", "configmaps", "secrets"}, resource) || resource == "*" || slices.Contains(p.APIGroups, "*") {
				t.Errorf("it may delete %s", resource)
			}
		}
	}
	for _, p := range rulesOf(t, guard.BreakGlassAccount) {
		if slices.Contains(p.Verbs, "create") || slices.Contains(p.Resources, "secrets") || slices.Contains(p.Resources, "serviceaccounts/token") {
			t.Errorf("the break-glass may make something, or read secrets: %v", p)
		}
	}
}
