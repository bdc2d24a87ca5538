package guard

import (
	"context"
	"fmt"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// The accounts, both in kube-system.
const (
	Account           = "addonctl"
	BreakGlassAccount = "addonctl-break-glass"
)

// User is the name by which an API server knows an account.
func User(account string) string {
	return "system:serviceaccount:" + metav1.NamespaceSystem + ":" + account
}

// Identity makes sure that the accounts that addonctl and the break-glass act as are there, with their rights, and returns what was
// written, as "Kind name", also beside an error. Only what is missing is written: rights that somebody added stay, and a role that a
// newer addonctl wrote stays as it is. The rights reach the API server's memory a moment after it returns. Who may not write it, because nobody has
// set it up, asks an administrator for kubectl apply -f manifests/identity.
func Identity(ctx context.Context, c *kube.Client) (written []string, err error) {
	want, err := wantedAccounts()
	if err != nil {
		return nil, err
	}
	note := func(kind, name string, wrote bool, err error) error {
		if err != nil {
			return fmt.Errorf("writing %s %s: %w", kind, name, err)
		}
		if wrote {
			written = append(written, kind+" "+name)
		}
		return nil
	}
	for i := range want.roles {
		wrote, err := role(ctx, c, &want.roles[i])
		if err := note("ClusterRole", want.roles[i].Name, wrote, err); err != nil {
			return written, err
		}
	}
	for i := range want.accounts {
		wrote, err := account(ctx, c, &want.accounts[i])
		if err := note("ServiceAccount", want.accounts[i].Name, wrote, err); err != nil {
			return written, err
		}
	}
	for i := range want.bindings {
		wrote, err := binding(ctx, c, &want.bindings[i])
		if err := note("ClusterRoleBinding", want.bindings[i].Name, wrote, err); err != nil {
			return written, err
		}
	}
	return written, nil
}

func role(ctx context.Context, c *kube.Client, want *rbacv1.ClusterRole) (bool, error) {
	api := c.Typed.RbacV1().ClusterRoles()
	live, err := api.Get(ctx, want.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = api.Create(ctx, want, metav1.CreateOptions{FieldManager: kube.FieldManager})
		return made(err)
	}
	if err != nil || newer(live, want) || holds(live.Rules, want.Rules) {
		return false, err
	}
	added := slices.DeleteFunc(slices.Clone(live.Rules), func(r rbacv1.PolicyRule) bool { return holds(want.Rules, []rbacv1.PolicyRule{r}) })
	live.Rules = slices.Concat(want.Rules, added)
	stampVersion(live, want)
	_, err = api.Update(ctx, live, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	return err == nil, err
}

// holds tells whether each of the rules is among those that are there: all of its verbs on all of its resources.
func holds(there, want []rbacv1.PolicyRule) bool {
	for _, w := range want {
		if !slices.ContainsFunc(there, func(r rbacv1.PolicyRule) bool {
			return includes(r.APIGroups, w.APIGroups) && includes(r.Resources, w.Resources) && includes(r.Verbs, w.Verbs) &&
				includes(r.NonResourceURLs, w.NonResourceURLs) &&
				(len(r.ResourceNames) == 0 || len(w.ResourceNames) > 0 && includes(r.ResourceNames, w.ResourceNames))
		}) {
			return false
		}
	}
	return true
}

func includes(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

func account(ctx context.Context, c *kube.Client, want *corev1.ServiceAccount) (bool, error) {
	api := c.Typed.CoreV1().ServiceAccounts(want.Namespace)
	_, err := api.Get(ctx, want.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = api.Create(ctx, want, metav1.CreateOptions{FieldManager: kube.FieldManager})
		return made(err)
	}
	return false, err
}

func binding(ctx context.Context, c *kube.Client, want *rbacv1.ClusterRoleBinding) (bool, error) {
	api := c.Typed.RbacV1().ClusterRoleBindings()
	live, err := api.Get(ctx, want.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = api.Create(ctx, want, metav1.CreateOptions{FieldManager: kube.FieldManager})
		return made(err)
	}
	if err != nil {
		return false, err
	}
	if live.RoleRef != want.RoleRef {
		return false, fmt.Errorf("it binds %s %s, which cannot be changed: delete it", live.RoleRef.Kind, live.RoleRef.Name)
	}
	missing := slices.DeleteFunc(slices.Clone(want.Subjects), func(s rbacv1.Subject) bool {
		return slices.ContainsFunc(live.Subjects, func(l rbacv1.Subject) bool { return equality.Semantic.DeepEqual(l, s) })
	})
	if len(missing) == 0 {
		return false, nil
	}
	live.Subjects = append(live.Subjects, missing...)
	_, err = api.Update(ctx, live, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	return err == nil, err
}

// made judges a create: somebody else who did the same a moment before is welcome.
func made(err error) (bool, error) {
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	return err == nil, err
}

// Mint asks for a short-lived token of the account that our writes are made under. An API server gives none for less than ten
// minutes, and may give one for less than was asked for.
func Mint(ctx context.Context, c *kube.Client, d time.Duration) (string, error) {
	t, err := token(ctx, c, Account, d)
	return t.Token, err
}

func token(ctx context.Context, c *kube.Client, account string, d time.Duration) (authenticationv1.TokenRequestStatus, error) {
	seconds := int64(max(d, Shortest) / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := c.Typed.CoreV1().ServiceAccounts(metav1.NamespaceSystem).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return authenticationv1.TokenRequestStatus{}, fmt.Errorf("asking for a token of ServiceAccount kube-system/%s: %w", account, err)
	}
	return answer.Status, nil
}
