package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	accounts "github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// The ClusterRoles of docs/rights.md are enough, once an administrator has set up the accounts, and each of their rules is needed
// for something: without one of them the same user is told so before anything is written.
func TestTheDocumentedRightsAreEnough(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	rules := documented(t)[0]
	user := *c
	_, user.kubeconfig = c.User(t, "early", rules...)
	user.want(t, 1, "install", "--network-type", "flannel", "--yes").says(t, "MissingRight")
	c.nothingWritten(t)
	c.accounts(t)
	for without, says := range map[string]string{
		"secrets": "list secrets in kube-system", "serviceaccounts/token": "MissingRight", "serviceaccounts": "ServiceAccount addonctl",
		"customresourcedefinitions": "create customresourcedefinitions.apiextensions.k8s.io", "addons/status": "update addons/status.addonctl.io", "clusternetworks": "get clusternetworks.addonctl.io",
	} {
		less := slices.DeleteFunc(slices.Clone(rules), func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, without) })
		_, user.kubeconfig = c.User(t, "no-"+strings.ReplaceAll(without, "/", "-"), less...)
		user.want(t, 1, "install", "--network-type", "flannel", "--yes").says(t, says)
	}
	c.nothingWritten(t)

	_, user.kubeconfig = c.User(t, "enough", rules...)
	user.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--yes")
	user.must(t, "pin", "--version", "0.26.2", "--reason", "rights", "--yes")
	if s := user.must(t, "status").out; !strings.Contains(s, "pinned to 0.26.2: rights, by system:serviceaccount:") {
		t.Errorf("status:\n%s", s)
	}
	user.want(t, 1, "break-glass", "--reason", "rights", "--yes").says(t, "Event")

	user.must(t, "install", "--addon", "Calico", "--version", "3.30.3", "--accept", "a test", "--yes")
	newer := []string{"pin", "--addon", "Calico", "--version", "3.32.0", "--reason", "rights", "--accept", "a test", "--yes"}
	user.want(t, 3, newer...)
	_, user.kubeconfig = c.User(t, "enough-for-all", slices.Concat(documented(t)...)...)
	user.must(t, newer...)
	user.must(t, "break-glass", "--reason", "rights", "--yes")
}

// accounts sets up addonctl's own accounts, as an administrator does once.
func (c *cluster) accounts(t *testing.T) {
	t.Helper()
	admin, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.Identity(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
}

// An addonctl whose account needs more than the one before gave it gets it by an administrator's next command: that one looks as the
// administrator, and makes the account what it has to be before it writes. It would catch a cluster that stays with the release it
// has because the account lacks a right that only a move would give it.
func TestAnOlderAccountIsGivenWhatItLacks(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	roles := c.Client().RbacV1().ClusterRoles()
	older, err := roles.Get(t.Context(), accounts.Account, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	count := len(older.Rules)
	older.Annotations = nil
	older.Rules = slices.DeleteFunc(older.Rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Resources, "daemonsets") || slices.Contains(r.Resources, "nativepodnetworks")
	})
	if older, err = roles.Update(t.Context(), older, metav1.UpdateOptions{}); err != nil || len(older.Rules) != count-2 {
		t.Fatalf("%d rules of %d are left (%v)", len(older.Rules), count, err)
	}
	c.must(t, "pin", "--version", "0.27.3", "--reason", "a test", "--yes")
	mended, err := roles.Get(t.Context(), accounts.Account, metav1.GetOptions{})
	if err != nil || len(mended.Rules) != count || mended.Annotations["addonctl.io/guard-version"] == "" {
		t.Errorf("the account has %d rules of %d (%v)", len(mended.Rules), count, err)
	}
}

// documented reads the rules out of docs/rights.md, one list for each role.
func documented(t *testing.T) [][]rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "rights.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]rbacv1.PolicyRule
	for _, part := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict([]byte(block), &role); err != nil {
			t.Fatal(err)
		}
		out = append(out, role.Rules)
	}
	return out
}
