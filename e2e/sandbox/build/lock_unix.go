//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lock waits until this process is the only one that builds into the folder. The kernel gives the lock back when a
// process dies, however it dies. waiting is called once, and only if somebody else builds.
func lock(ctx context.Context, folder string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(folder, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := acquire(ctx, file, waiting); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the other build: %w", err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}

func acquire(ctx context.Context, file *os.File, waiting func()) error {
	for first := true; ; first = false {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
