package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Sandbox is a handle on a sandbox, whole or not. It holds no connection and no process: any number of handles, in any
// number of processes, may be used side by side.
type Sandbox struct {
	dir   string
	state state // without faults, which change: see faults.go
}

// Open finds the sandbox of that name, ErrNotFound if there is none. It may be incomplete: see Status.
func Open(name string) (*Sandbox, error) {
	if err := validName(name); err != nil {
		return nil, err
	}
	run, err := runFolder()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(run, name)
	st, err := readState(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sandbox %q %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("opening sandbox %q: %w", name, err)
	}
	return &Sandbox{dir: dir, state: st}, nil
}

// List returns all sandboxes of the user by name.
func List() ([]*Sandbox, error) {
	run, err := runFolder()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(run)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing sandboxes: %w", err)
	}
	var list []*Sandbox
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		s, err := Open(e.Name())
		if errors.Is(err, ErrNotFound) {
			continue // ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// Name is what the sandbox was started as.
func (s *Sandbox) Name() string { return s.state.Name }

// Version is the version of its Kubernetes, such as v1.36.3.
func (s *Sandbox) Version() string { return s.state.Version }

// Context is the name of the context, cluster and user in its kubeconfig.
func (s *Sandbox) Context() string { return "addonctl-sandbox-" + s.state.Name }

// KubeconfigPath is the administrator's kubeconfig, which is readable by the user alone and goes away with the sandbox.
func (s *Sandbox) KubeconfigPath() string { return s.path(kubeconfigFile) }

// Kubeconfig is the content of KubeconfigPath.
func (s *Sandbox) Kubeconfig() ([]byte, error) {
	data, err := os.ReadFile(s.KubeconfigPath())
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of sandbox %q: %w", s.Name(), err)
	}
	return data, nil
}

// Config is the administrator's client configuration, without a client-side rate limit.
func (s *Sandbox) Config() (*rest.Config, error) {
	data, err := s.Kubeconfig()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(data)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

// Kubectl is the kubectl inside the sandbox's own binary, on this sandbox, ready to get its streams and be run.
func (s *Sandbox) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"kubectl", "--kubeconfig", s.KubeconfigPath()}, args...)
	return exec.CommandContext(ctx, filepath.Join(s.state.Programs, "kubernetes"), args...)
}

func (s *Sandbox) client() (kubernetes.Interface, error) {
	config, err := s.Config()
	if err != nil {
		return nil, err
	}
	config.ContentType = runtime.ContentTypeProtobuf // a list of 2,000 nodes as JSON costs more than anything else here
	return kubernetes.NewForConfig(config)
}

func (s *Sandbox) path(file string) string { return filepath.Join(s.dir, file) }

// lockPath lies beside the folder, which comes and goes while the lock is held.
func (s *Sandbox) lockPath() string { return s.dir + ".lock" }
