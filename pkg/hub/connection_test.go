package hub_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/addonctl/addonctl/pkg/hub"
)

const whole = `apiVersion: v1
kind: Config
current-context: east
contexts: [{name: east, context: {cluster: east, user: admin}}]
clusters: [{name: east, cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: "QQ=="}}]
users: [{name: admin, user: {token: secret}}]
`

// Whoever may write a Secret in the hub must not thereby make the manager read files or run programs.
func TestAKubeconfigMayNotNameFilesOrPrograms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, with, refused string }{
		"all that is needed stands in it": {"", "", ""},
		"a program":                       {"token: secret", "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never}", `user "admin" names a file or a program`},
		"a file with a token":             {"token: secret", "tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token", `user "admin" names a file or a program`},
		"a file with a certificate":       {"token: secret", "client-certificate: /etc/passwd, client-key-data: QQ==", `user "admin" names a file or a program`},
		"a file with a key":               {"token: secret", "client-key: /etc/passwd", `user "admin" names a file or a program`},
		"a file with an authority":        {`certificate-authority-data: "QQ=="`, "certificate-authority: /etc/passwd", `cluster "east" names a file`},
		"no kubeconfig":                   {whole, "{", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := hub.Kubeconfig(&corev1.Secret{Data: map[string][]byte{"value": []byte(strings.ReplaceAll(whole, c.old, c.with))}})
			switch {
			case c.refused == "" && (err != nil || cfg.BearerToken != "secret"):
				t.Errorf("%v, %v", cfg, err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("%v, want %q", err, c.refused)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
	if _, err := hub.Kubeconfig(&corev1.Secret{Data: map[string][]byte{"kubeconfig": []byte(whole)}}); err == nil || !strings.Contains(err.Error(), `no key "value"`) {
		t.Errorf("a Secret with another key: %v", err)
	}
}
