package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// The variables that every process of a sandbox carries, and nothing else does.
const (
	idVariable      = "ADDONCTL_SANDBOX"
	programVariable = "ADDONCTL_SANDBOX_PROGRAM"
)

// process is one running program of a sandbox as the kernel shows it.
type process struct {
	program Program
	pid     int
	started uint64
	paused  bool
}

// marked reads the two variables of launch from an environment.
func marked(environ []byte, id string) (program Program, ok bool) {
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		name, value, _ := bytes.Cut(variable, []byte("="))
		switch string(name) {
		case idVariable:
			ok = string(value) == id
		case programVariable:
			program = Program(value)
		}
	}
	return program, ok
}

// exitError is a program that ended while it was needed.
type exitError struct {
	program Program
	err     error  // of the process; nil is exit code 0
	log     string // path
	tail    []byte // last lines of the log
}

func (e *exitError) Error() string {
	how := "exit status 0"
	if e.err != nil {
		how = e.err.Error()
	}
	return fmt.Sprintf("%s ended (%s), see %s:\n%s", e.program, how, e.log, e.tail)
}

func (e *exitError) Unwrap() error { return e.err }

// addressTaken says whether the program ended because somebody else listens on its port.
func (e *exitError) addressTaken() bool {
	return bytes.Contains(e.tail, []byte("address already in use"))
}

// launch starts a program with its output in its log file, and calls ended when it ends while this process lives. The
// environment is the marker and what a program needs at least: nothing of the user's configuration reaches it.
func (s *Sandbox) launch(p Program, ended func(*exitError)) error {
	log, err := os.OpenFile(s.logPath(p), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the program has its own handle
	binary, args := s.command(p)
	cmd := exec.Command(binary, args...) // not bound to a context: it outlives its starter
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.Env = []string{
		idVariable + "=" + s.state.ID, programVariable + "=" + string(p),
		"HOME=" + s.dir, "PATH=" + os.Getenv("PATH"),
	}
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p, err)
	}
	go func() { ended(&exitError{program: p, err: cmd.Wait(), log: s.logPath(p), tail: s.LogTail(p, 10)}) }()
	return nil
}

// LogTail is the last lines of a program's log; nothing when there is none yet.
func (s *Sandbox) LogTail(p Program, lines int) []byte {
	data, err := os.ReadFile(s.logPath(p))
	if err != nil {
		return nil
	}
	all := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
}

func (s *Sandbox) logPath(p Program) string {
	return filepath.Join(s.dir, "logs", string(p)+".log")
}

// killAll ends the processes and waits until they are gone.
func killAll(ctx context.Context, processes []process) error {
	errs := make([]error, 0, len(processes))
	for _, p := range processes {
		errs = append(errs, p.kill())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return poll(ctx, 20*time.Millisecond, func(context.Context) error {
		for _, p := range processes {
			if !p.gone() {
				return fmt.Errorf("%s (process %d) does not end", p.program, p.pid)
			}
		}
		return nil
	})
}

// poll repeats the attempt until it succeeds or the context ends, and then says what was last in the way.
func poll(ctx context.Context, interval time.Duration, attempt func(context.Context) error) error {
	for {
		err := attempt(ctx)
		if err == nil {
			return nil
		}
		if pauseFor(ctx, interval) != nil {
			return waitError(ctx, err)
		}
	}
}

// waitError prefers the reason for which waiting was given up, such as a program that ended, to what was waited for.
func waitError(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", cause, last)
	}
	return cause
}

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
