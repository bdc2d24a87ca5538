package testkube

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/sandbox"
)

// User makes somebody who may do just what the rules say, in all namespaces, and returns the configuration of a client
// and the path of a kubeconfig for a command line; both are good for a day. It is the service account default/<name>.
func (c *Cluster) User(tb testing.TB, name string, rules ...rbacv1.PolicyRule) (config *rest.Config, kubeconfig string) {
	tb.Helper()
	account := metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault}
	role := metav1.ObjectMeta{Name: "testkube-" + name}
	_, err := c.client.CoreV1().ServiceAccounts(account.Namespace).Create(tb.Context(), &corev1.ServiceAccount{ObjectMeta: account}, metav1.CreateOptions{})
	check(tb, err)
	_, err = c.client.RbacV1().ClusterRoles().Create(tb.Context(), &rbacv1.ClusterRole{ObjectMeta: role, Rules: rules}, metav1.CreateOptions{})
	check(tb, err)
	_, err = c.client.RbacV1().ClusterRoleBindings().Create(tb.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: role,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account.Namespace, Name: name}},
	}, metav1.CreateOptions{})
	check(tb, err)
	c.awaitRights(tb, account, rules)
	token := c.token(tb, account)
	return c.configOf(token), c.kubeconfigOf(tb, name, token)
}

// awaitRights waits until the API server knows the rights of an account: it follows roles and bindings by watches.
func (c *Cluster) awaitRights(tb testing.TB, account metav1.ObjectMeta, rules []rbacv1.PolicyRule) {
	tb.Helper()
	i := slices.IndexFunc(rules, func(r rbacv1.PolicyRule) bool {
		return len(r.Resources) > 0 && r.APIGroups[0] != "authorization.k8s.io" && r.APIGroups[0] != "authentication.k8s.io" // which everybody may
	})
	if i < 0 {
		return
	}
	resource, sub, _ := strings.Cut(rules[i].Resources[0], "/")
	right := &authorizationv1.ResourceAttributes{Verb: rules[i].Verbs[0], Group: rules[i].APIGroups[0], Resource: resource, Subresource: sub}
	if names := rules[i].ResourceNames; len(names) > 0 {
		right.Name = names[0]
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:" + account.Namespace + ":" + account.Name, ResourceAttributes: right,
	}}
	Eventually(tb, time.Minute, func(ctx context.Context) error {
		r, err := c.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && !r.Status.Allowed {
			err = fmt.Errorf("the rights of %s are not known yet", account.Name)
		}
		return err
	})
}

// Account is the path of a kubeconfig for a service account that is there, good for a day.
func (c *Cluster) Account(tb testing.TB, namespace, name string) (kubeconfig string) {
	tb.Helper()
	return c.kubeconfigOf(tb, name, c.token(tb, metav1.ObjectMeta{Namespace: namespace, Name: name}))
}

// token is minted as a program would mint it.
func (c *Cluster) token(tb testing.TB, account metav1.ObjectMeta) string {
	tb.Helper()
	day := int64(24 * 60 * 60)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &day}}
	answer, err := c.client.CoreV1().ServiceAccounts(account.Namespace).CreateToken(tb.Context(), account.Name, request, metav1.CreateOptions{})
	check(tb, err)
	return answer.Status.Token
}

func (c *Cluster) configOf(token string) *rest.Config {
	config := rest.AnonymousClientConfig(c.config)
	config.BearerToken = token
	return config
}

func (c *Cluster) kubeconfigOf(tb testing.TB, name, token string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "kubeconfig")
	config := sandbox.Kubeconfig(c.Context()+"-"+name, c.config.Host, c.config.CAData, token)
	check(tb, clientcmd.WriteToFile(*config, path))
	return path
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
