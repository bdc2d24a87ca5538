package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Program is one of the processes of a sandbox.
type Program string

// The programs, by the names of their logs.
const (
	Etcd              Program = "etcd"
	APIServer         Program = "kube-apiserver"
	ControllerManager Program = "kube-controller-manager"
	Scheduler         Program = "kube-scheduler"
	Kwok              Program = "kwok"
	// NPNController plays Oracle's controller of NativePodNetworks (e2e/sandbox/npn).
	NPNController Program = "npn-controller"
)

// Programs are all programs in the order in which they are started.
func Programs() []Program {
	return []Program{Etcd, APIServer, ControllerManager, Scheduler, Kwok, NPNController}
}

// The networks of a sandbox: OKE's default pod network for flannel, and services beside it.
const (
	podCIDR      = "10.244.0.0/16"
	nodeMaskSize = "27"
	serviceCIDR  = "10.96.0.0/16"
)

// again starts a program whenever it has ended: kwok ends by itself when a call fails at the wrong moment on a machine
// under load, and nodes without it are dead. The shell carries the sandbox's marker as everything does that it starts.
const again = `while :; do "$0" "$@"; echo "ended with exit code $?, starting again" >&2; sleep 0.2; done`

// command is how a program is started; the same whoever starts it, so that Restart needs no memory.
func (s *Sandbox) command(p Program) (binary string, args []string) {
	binary = filepath.Join(s.state.Programs, "kubernetes")
	switch p {
	case Etcd:
		args = s.etcdArgs()
	case APIServer:
		args = append(s.apiServerArgs(), s.state.ExtraAPIServerArgs...)
	case ControllerManager:
		args = s.controllerManagerArgs()
	case Scheduler:
		args = s.schedulerArgs()
	case Kwok:
		return "/bin/sh", append([]string{"-c", again, filepath.Join(s.state.Programs, "kwok")}, s.kwokArgs()...)
	case NPNController:
		return filepath.Join(s.state.NPNPrograms, string(NPNController)), []string{"--kubeconfig=" + s.path(npnUser.file())}
	}
	return binary, append([]string{string(p)}, args...)
}

// etcdArgs: clients need the sandbox's own certificate, so a stranger on the port is never mistaken for our etcd. Not
// syncing to disk is fine here: a killed process loses nothing, only a dead machine does.
func (s *Sandbox) etcdArgs() []string {
	peer := "http://" + loopback(s.state.Ports.EtcdPeer)
	return []string{
		"--name=sandbox", "--data-dir=" + s.path("etcd"),
		"--listen-client-urls=" + s.etcdURL(), "--advertise-client-urls=" + s.etcdURL(),
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=sandbox=" + peer,
		"--cert-file=" + s.path("server.crt"), "--key-file=" + s.path("server.key"),
		"--trusted-ca-file=" + s.path("ca.crt"), "--client-cert-auth",
		"--unsafe-no-fsync", "--log-level=warn",
	}
}

// apiServerArgs: the advertised address is only what the service "kubernetes" points to; loopback is not allowed there
// and an address of this machine need not exist.
func (s *Sandbox) apiServerArgs() []string {
	return []string{
		"--etcd-servers=" + s.etcdURL(), "--etcd-cafile=" + s.path("ca.crt"),
		"--etcd-certfile=" + s.path("server.crt"), "--etcd-keyfile=" + s.path("server.key"),
		"--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(s.state.Ports.APIServer),
		"--advertise-address=10.0.0.2",
		"--tls-cert-file=" + s.path("server.crt"), "--tls-private-key-file=" + s.path("server.key"),
		"--token-auth-file=" + s.path("tokens.csv"), "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + s.path("accounts.key"),
		"--service-account-signing-key-file=" + s.path("accounts.key"),
		"--service-cluster-ip-range=" + serviceCIDR, "--allow-privileged=true",
		"--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
	}
}

// controllerManagerArgs: kwok reports for a node once in a while and not every ten seconds, so a node counts as lost
// much later than in a real cluster.
func (s *Sandbox) controllerManagerArgs() []string {
	return []string{
		"--kubeconfig=" + s.path(controllerManagerUser.file()), "--leader-elect=false", "--secure-port=0",
		"--service-account-private-key-file=" + s.path("accounts.key"), "--root-ca-file=" + s.path("ca.crt"),
		"--use-service-account-credentials=true",
		"--allocate-node-cidrs=true", "--cluster-cidr=" + podCIDR, "--node-cidr-mask-size=" + nodeMaskSize,
		"--node-monitor-grace-period=5m", "--kube-api-qps=1000", "--kube-api-burst=2000",
	}
}

func (s *Sandbox) schedulerArgs() []string {
	return []string{
		"--kubeconfig=" + s.path(schedulerUser.file()), "--leader-elect=false", "--secure-port=0",
		"--kube-api-qps=1000", "--kube-api-burst=2000",
	}
}

// kwokArgs: without leases, because with them another kwok (after a restart) would have to wait until they run out.
func (s *Sandbox) kwokArgs() []string {
	return []string{
		"--kubeconfig=" + s.path(kwokUser.file()), "--config=" + s.path(stagesFile),
		"--manage-nodes-with-annotation-selector=" + kwokAnnotation + "=" + kwokAnnotationValue,
		"--node-lease-duration-seconds=0", "--v=WARN",
	}
}

func (s *Sandbox) etcdURL() string { return "https://" + loopback(s.state.Ports.Etcd) }

// URL is the address of the API server.
func (s *Sandbox) URL() string { return "https://" + loopback(s.state.Ports.APIServer) }

// ready waits until the program does its work. The others have nothing to ask: what they do is waited for
// where it is needed.
func (s *Sandbox) ready(ctx context.Context, p Program) error {
	switch p {
	case Etcd:
		return s.answers(ctx, s.etcdURL()+"/health")
	case APIServer:
		return s.answers(ctx, s.URL()+"/readyz")
	case ControllerManager:
		return s.serviceAccountsMade(ctx)
	case Scheduler, Kwok, NPNController:
	}
	return nil
}

// answers waits for status 200 from a server that has the sandbox's certificate.
func (s *Sandbox) answers(ctx context.Context, url string) error {
	client, err := s.httpClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return poll(ctx, 50*time.Millisecond, func(ctx context.Context) error { return get(ctx, client, url) })
}

func get(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return nil
}

// httpClient trusts the sandbox's servers only and shows them the certificate that etcd asks for.
func (s *Sandbox) httpClient() (*http.Client, error) {
	own, err := tls.LoadX509KeyPair(s.path("server.crt"), s.path("server.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(s.path("ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, nil
}

// serviceAccountsMade waits for what every pod needs before it can be created, which also shows that the controllers
// have started.
func (s *Sandbox) serviceAccountsMade(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	return poll(ctx, 50*time.Millisecond, func(ctx context.Context) error {
		for _, namespace := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
			if _, err := client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}
