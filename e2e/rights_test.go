package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// The ClusterRole of docs/rights.md is enough, and each of its rules is needed for something: without the rule for
// secrets the same user is told so before anything is written.
func TestTheDocumentedRightsAreEnough(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	rules := documented(t)
	user := *c
	var less []rbacv1.PolicyRule
	for _, r := range rules {
		if r.Resources[0] != "secrets" {
			less = append(less, r)
		}
	}
	_, user.kubeconfig = c.User(t, "less", less...)
	user.want(t, 1, "install", "--network-type", "flannel", "--yes").says(t, "list secrets in kube-system")
	c.nothingWritten(t)

	_, user.kubeconfig = c.User(t, "enough", rules...)
	user.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--yes")
	user.must(t, "pin", "--version", "0.26.2", "--reason", "rights", "--yes")
	if s := user.must(t, "status").out; !strings.Contains(s, "pinned to 0.26.2: rights, by system:serviceaccount:") {
		t.Errorf("status:\n%s", s)
	}
}

// documented reads the rules out of docs/rights.md.
func documented(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "rights.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict([]byte(block), &role); err != nil {
		t.Fatal(err)
	}
	return role.Rules
}
