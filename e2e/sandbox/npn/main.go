// Command npn plays Oracle's controller of NativePodNetworks in a sandbox: as soon as their definition is served it makes one for every
// node that is an instance, and says of it what Oracle's says, IN_PROGRESS and a moment later SUCCESS (facts: OKE 3.2). It attaches no VNICs.
//
// A node's annotation addonctl.io/sandbox-npn: BACKOFF/FailedToCreatePrivateIP makes the node's own say just that, until it is taken off.
//
// Oracle's own source is not public. What is played here is what forks and readers of these objects know. Start reading at reconcile.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "`path` of the kubeconfig")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *kubeconfig)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run plays until the context ends.
func run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.UserAgent = -1, "npn-controller"
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	nodes, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	c, err := newController(nodes.CoreV1().RESTClient(), objects.Resource(networks))
	if err != nil {
		return err
	}
	c.run(ctx)
	return nil
}
