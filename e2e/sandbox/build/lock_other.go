//go:build !unix

package main

import (
	"context"
	"errors"
)

// lock refuses: sandboxes run on Linux only for now.
func lock(context.Context, string, func()) (unlock func(), err error) {
	return nil, errors.New("the sandbox needs Linux for now")
}
