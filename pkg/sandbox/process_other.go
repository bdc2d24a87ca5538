//go:build !linux

package sandbox

import (
	"context"
	"syscall"
)

func supported() error { return ErrUnsupported }

func detached() *syscall.SysProcAttr { return nil }

func find(string) ([]process, error) { return nil, ErrUnsupported }

func startOf(int) uint64 { return 0 }

func (p process) gone() bool    { return true }
func (p process) kill() error   { return ErrUnsupported }
func (p process) pause() error  { return ErrUnsupported }
func (p process) resume() error { return ErrUnsupported }

func lock(context.Context, string) (func(), error) { return nil, ErrUnsupported }
