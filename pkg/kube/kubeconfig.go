package kube

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// FromKubeconfig is the connection that a kubeconfig describes by itself. One that would make this process read files or run programs is
// refused: whoever may write it may not thereby do that.
func FromKubeconfig(data []byte) (*rest.Config, error) {
	c, err := clientcmd.Load(data)
	if err != nil {
		return nil, err
	}
	for name, u := range c.AuthInfos {
		if u.Exec != nil || u.AuthProvider != nil || u.ClientCertificate != "" || u.ClientKey != "" || u.TokenFile != "" {
			return nil, fmt.Errorf("user %q names a file or a program; only what stands in the Secret itself is used", name)
		}
	}
	for name, k := range c.Clusters {
		if k.CertificateAuthority != "" {
			return nil, fmt.Errorf("cluster %q names a file; only what stands in the Secret itself is used", name)
		}
	}
	return clientcmd.NewDefaultClientConfig(*c, nil).ClientConfig()
}

// Portable is a kubeconfig of a file with what its current context needs and no more, and with the contents of the files that it names.
func Portable(file string) ([]byte, error) {
	c, err := clientcmd.LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	if err := clientcmd.ResolveLocalPaths(c); err != nil {
		return nil, err
	}
	if err := api.MinifyConfig(c); err != nil {
		return nil, err
	}
	if err := api.FlattenConfig(c); err != nil {
		return nil, err
	}
	return clientcmd.Write(*c)
}
