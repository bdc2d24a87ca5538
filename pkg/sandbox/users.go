package sandbox

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// user is somebody with a static token.
type user struct {
	name  string
	group string
}

// The users of a sandbox. The two Kubernetes programs have the names that the API server's own roles are bound to. kwok
// stands for all kubelets and is in their group, so that rules about kubelets hold for it; its rights come from kwokRole. What plays Oracle's
// controller has all rights, as what runs beside the control plane has, without any object in the cluster.
var (
	adminUser             = user{name: "addonctl-sandbox-admin", group: "system:masters"}
	controllerManagerUser = user{name: "system:kube-controller-manager"}
	schedulerUser         = user{name: "system:kube-scheduler"}
	kwokUser              = user{name: "kwok", group: "system:nodes"}
	npnUser               = user{name: "npn-controller", group: "system:masters"}
)

// kubeconfigFile is the administrator's.
const kubeconfigFile = "kubeconfig"

// file is the kubeconfig of the user in the sandbox's folder.
func (u user) file() string {
	if u == adminUser {
		return kubeconfigFile
	}
	return strings.TrimPrefix(u.name, "system:") + ".kubeconfig"
}

// writeUsers makes new tokens, the API server's list of them, and a kubeconfig per user.
func (s *Sandbox) writeUsers() error {
	ca, err := os.ReadFile(s.path("ca.crt"))
	if err != nil {
		return err
	}
	var list bytes.Buffer
	table := csv.NewWriter(&list)
	for _, u := range []user{adminUser, controllerManagerUser, schedulerUser, kwokUser, npnUser} {
		token := randomHex()
		if err := table.Write([]string{token, u.name, u.name, u.group}); err != nil {
			return err
		}
		if err := s.writeKubeconfig(u, token, ca); err != nil {
			return err
		}
	}
	table.Flush()
	return writeFile(s.path("tokens.csv"), list.Bytes())
}

func (s *Sandbox) writeKubeconfig(u user, token string, ca []byte) error {
	data, err := clientcmd.Write(*Kubeconfig(s.Context(), s.URL(), ca, token))
	if err != nil {
		return err
	}
	return writeFile(s.path(u.file()), data)
}

// Kubeconfig is a configuration with one context of the given name, whose cluster and user have the same name.
func Kubeconfig(name, server string, ca []byte, token string) *api.Config {
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &api.AuthInfo{Token: token}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name, Namespace: corev1.NamespaceDefault}
	config.CurrentContext = name
	return config
}

// allowKwok gives kwok, which changes whatever a stage says, all rights.
func allowKwok(ctx context.Context, client kubernetes.Interface) error {
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "addonctl-sandbox-kwok"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: kwokUser.name}},
	}
	_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	return err
}
