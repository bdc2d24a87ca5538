// Command kubernetes is a whole control plane in one binary: etcd, the four programs of Kubernetes that a cluster
// without kubelets needs, and kubectl. Its first argument says which of them to be, so each still runs as a process of
// its own that can be killed, paused and restarted alone.
//
// It is a module of its own because k8s.io/kubernetes must be matched by every staging module at the same minor, which
// the product's own requirements are free of.
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics of the controllers
	_ "k8s.io/component-base/metrics/prometheus/version"  // the build's version as a metric
	"k8s.io/component-base/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// programs are what the binary can be; etcd and version are no cobra commands and are kept apart.
var programs = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubectl":                 func() *cobra.Command { return kubectl.NewDefaultKubectlCommand() },
}

func main() {
	if len(os.Args) < 2 {
		os.Exit(usage())
	}
	os.Exit(run(os.Args[1]))
}

// run becomes the named program, which then sees its own arguments only.
func run(name string) int {
	os.Args = slices.Delete(os.Args, 0, 1)
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
		return 0
	case "version":
		fmt.Println(version.Get().GitVersion)
		return 0
	}
	program, ok := programs[name]
	if !ok {
		return usage()
	}
	if name == "kubectl" {
		return runKubectl(program())
	}
	return cli.Run(program())
}

// runKubectl leaves the wording and the exit code of errors to kubectl itself.
func runKubectl(command *cobra.Command) int {
	if err := cli.RunNoErrOutput(command); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}

func usage() int {
	names := []string{"etcd", "version"}
	for name := range programs {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintln(os.Stderr, "usage: kubernetes PROGRAM [argument...], where PROGRAM is one of", names)
	return 2
}
