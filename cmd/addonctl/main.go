// Command addonctl installs and updates a cluster's CNI add-on.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/addonctl/addonctl/pkg/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
