// Command addon-pod is a fresh pod of a node roll (docs/roll.md): it says which addresses it has, and stays until it is told to go.
package main

import (
	"context"
	"log"
	"net"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		log.Printf("reading the addresses: %v", err)
	}
	for _, a := range addresses {
		log.Printf("address %s", a)
	}
	<-ctx.Done()
}
