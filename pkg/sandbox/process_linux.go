package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// supported is nil where sandboxes can run.
func supported() error { return nil }

// detached keeps a program alive when the terminal of its starter sends Ctrl-C or goes away.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// find returns the processes that carry the sandbox id in their environment: exactly those, whoever started them. A
// process that has ended but was not waited for has no environment any more and is not among them.
func find(id string) ([]process, error) {
	if id == "" {
		return nil, errors.New("looking up processes: the sandbox has no id")
	}
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []process
	for _, folder := range folders {
		environ, err := os.ReadFile(filepath.Join(folder, "environ"))
		if err != nil {
			continue // gone meanwhile, or of somebody else
		}
		program, ok := marked(environ, id)
		if pid, err := strconv.Atoi(filepath.Base(folder)); ok && err == nil {
			found = append(found, process{program: program, pid: pid, started: startOf(pid), paused: condition(pid) == 'T'})
		}
	}
	return found, nil
}

// startOf is when a process was started, in ticks since the machine was; zero when there is no such process.
func startOf(pid int) uint64 {
	fields := statOf(pid)
	if len(fields) < 20 {
		return 0
	}
	ticks, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return 0
	}
	return ticks
}

// condition is the kernel's letter for what the process does: T is stopped, Z has ended; zero when there is none.
func condition(pid int) byte {
	fields := statOf(pid)
	if len(fields) == 0 {
		return 0
	}
	return fields[0][0]
}

// statOf are the fields of /proc/<pid>/stat from the third on: the second, the name, may hold spaces and parentheses.
func statOf(pid int) [][]byte {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	return bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
}

// gone says whether the process has ended, waited for or not.
func (p process) gone() bool {
	switch condition(p.pid) {
	case 0, 'Z', 'X':
		return true
	}
	return startOf(p.pid) != p.started
}

func (p process) kill() error   { return p.signal(syscall.SIGKILL) }
func (p process) pause() error  { return p.signal(syscall.SIGSTOP) }
func (p process) resume() error { return p.signal(syscall.SIGCONT) }

// signal reaches the very process that was found, never one that got its number since.
func (p process) signal(s syscall.Signal) error {
	handle, err := os.FindProcess(p.pid) // a pidfd: later reuse of the number is harmless
	if err != nil {
		return fmt.Errorf("sending %s to %s: %w", s, p.program, err)
	}
	defer func() { _ = handle.Release() }()
	if p.gone() {
		return nil
	}
	if err := handle.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %s to %s (process %d): %w", s, p.program, p.pid, err)
	}
	return nil
}

// lock waits until this caller is the only one that starts, changes or ends the sandbox. The kernel gives the lock back
// when a process dies, however it dies.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		err = acquire(ctx, file)
		if err == nil && current(file, path) {
			return func() { _ = file.Close() }, nil
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("waiting for the lock of the sandbox: %w", err)
		}
	}
}

func acquire(ctx context.Context, file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if err := pauseFor(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// current says whether the locked file is still the one at the path: Down removes the lock while it holds it.
func current(file *os.File, path string) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(held, there)
}
