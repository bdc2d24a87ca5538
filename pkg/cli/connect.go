package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"

	"github.com/addonctl/addonctl/pkg/sandbox"
)

// kubeFlags are kubectl's own flags for finding a cluster.
type kubeFlags struct {
	flags *genericclioptions.ConfigFlags
}

func (k *kubeFlags) add(f *pflag.FlagSet) {
	k.flags = genericclioptions.NewConfigFlags(false)
	k.flags.Namespace = nil // the add-ons live in kube-system
	k.flags.CacheDir = nil
	k.flags.ClusterName = nil // --cluster names our record, not a kubeconfig entry
	k.flags.AddFlags(f)
}

// config finds the cluster to talk to as kubectl does. Two things are added: the context of a sandbox is known without a
// kubeconfig that names it, and where no kubeconfig exists at all, the sandbox "default" is taken, which note says.
func (k *kubeFlags) config(note func(string)) (*rest.Config, error) {
	if name, ok := strings.CutPrefix(*k.flags.Context, sandboxContext); ok && *k.flags.KubeConfig == "" && !k.knows(*k.flags.Context) {
		return k.sandbox(name)
	}
	if k.empty() {
		s, err := sandbox.Open(sandbox.DefaultName)
		if err != nil {
			return nil, usage("give --kubeconfig, set KUBECONFIG, or start a cluster to try with addonctl sandbox up",
				"no cluster: there is no kubeconfig")
		}
		note(fmt.Sprintf("no kubeconfig found: using sandbox %q", s.Name()))
		return k.sandbox(s.Name())
	}
	if raw, err := k.flags.ToRawKubeConfigLoader().RawConfig(); err == nil && len(raw.Clusters) == 0 && os.Getenv("KUBECONFIG") != "" && *k.flags.APIServer == "" {
		return nil, usage("check KUBECONFIG", "no cluster: KUBECONFIG is %q, and no cluster stands there", os.Getenv("KUBECONFIG"))
	}
	cfg, err := k.flags.ToRESTConfig()
	if err != nil {
		return nil, usage("check --kubeconfig and --context", "reading the kubeconfig: %w", err)
	}
	return cfg, nil
}

// empty tells whether nothing anywhere names a cluster. client-go would fall back to localhost:8080.
func (k *kubeFlags) empty() bool {
	if *k.flags.KubeConfig != "" || *k.flags.APIServer != "" || *k.flags.Context != "" ||
		os.Getenv("KUBECONFIG") != "" || os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		return false
	}
	raw, err := k.flags.ToRawKubeConfigLoader().RawConfig()
	return err == nil && len(raw.Clusters) == 0
}

const sandboxContext = "addonctl-sandbox-"

func (k *kubeFlags) knows(context string) bool {
	raw, err := k.flags.ToRawKubeConfigLoader().RawConfig()
	return err == nil && raw.Contexts[context] != nil
}

func (k *kubeFlags) sandbox(name string) (*rest.Config, error) {
	s, err := sandbox.Open(name)
	if err != nil {
		return nil, usage("addonctl sandbox status lists what there is", "%w", err)
	}
	return s.Config()
}
