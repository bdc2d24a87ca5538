// Command addon-manager drives the CNI add-ons of one cluster, or of many from a hub, to what their records want.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/addonctl/addonctl/pkg/manager"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := manager.Run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}
