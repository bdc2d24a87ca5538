//go:build unix

package artifact_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/addonctl/addonctl/pkg/artifact"
)

// Reading a pipe might never end.
func TestAPipeInAChartIsNotOpened(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{"Chart.yaml": description("a")})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	_, err := artifact.Open(t.Context(), dir, artifact.Options{})
	fails(t, err, artifact.ErrRefused, "pipe is no plain file")
}

// A pipe has no size that could be looked at beforehand.
func TestOfAPipeNoMoreIsReadThanMayBe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	written := make(chan int, 1)
	go func() {
		n := 0
		defer func() { written <- n }()
		f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		defer func() { _ = f.Close() }()
		for n < 2*artifact.MaxBlob {
			more, err := f.Write(make([]byte, 1<<20))
			n += more
			if err != nil {
				return
			}
		}
	}()
	_, err := artifact.Open(t.Context(), pipe, artifact.Options{})
	fails(t, err, artifact.ErrRefused, "larger than 20 MiB")
	if n := <-written; n >= 2*artifact.MaxBlob {
		t.Errorf("all %d bytes were read", n)
	}
}
