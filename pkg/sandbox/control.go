package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kill ends one program at once, as a crash would, and waits until it is gone. Its data stays: Start goes on with it.
func (s *Sandbox) Kill(ctx context.Context, p Program) error {
	return s.killUntilQuiet(ctx, func() ([]process, error) { return s.find(p) })
}

// Start starts a program that was killed, on the same data and port, and waits until it is ready. Starting one that runs
// is an error.
func (s *Sandbox) Start(ctx context.Context, p Program) error {
	return s.locked(ctx, func() error {
		processes, err := s.find(p)
		if err != nil {
			return err
		}
		if len(processes) > 0 {
			return fmt.Errorf("starting %s of sandbox %q: it runs as process %d", p, s.Name(), processes[0].pid)
		}
		return s.startAgain(ctx, p)
	})
}

// Restart is Kill and Start.
func (s *Sandbox) Restart(ctx context.Context, p Program) error {
	return s.locked(ctx, func() error {
		if err := s.Kill(ctx, p); err != nil {
			return err
		}
		return s.startAgain(ctx, p)
	})
}

// Pause stops a program without ending it: its port stays open and nobody answers.
func (s *Sandbox) Pause(p Program) error { return s.each(p, process.pause) }

// Resume lets a paused program go on.
func (s *Sandbox) Resume(p Program) error { return s.each(p, process.resume) }

// startAgain waits for the ready program, or for its end, which then is the error. Its port can stay taken for a moment
// after its predecessor was killed; then it is tried again.
func (s *Sandbox) startAgain(ctx context.Context, p Program) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.startOnce(ctx, p)
		var ended *exitError
		if !errors.As(err, &ended) || !ended.addressTaken() || pauseFor(ctx, 300*time.Millisecond) != nil {
			return err
		}
	}
}

func (s *Sandbox) startOnce(ctx context.Context, p Program) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	return s.start(ctx, p, func(err *exitError) { abort(err) })
}

// each does something to the processes of a program, of which there must be one.
func (s *Sandbox) each(p Program, do func(process) error) error {
	processes, err := s.find(p)
	if err != nil {
		return err
	}
	if len(processes) == 0 {
		return fmt.Errorf("%s of sandbox %q does not run", p, s.Name())
	}
	var errs []error
	for _, one := range processes {
		errs = append(errs, do(one))
	}
	return errors.Join(errs...)
}

// find returns the processes of one program.
func (s *Sandbox) find(p Program) ([]process, error) {
	if !slices.Contains(Programs(), p) {
		return nil, fmt.Errorf("program %q: want one of %v", p, Programs())
	}
	processes, err := find(s.state.ID)
	return slices.DeleteFunc(processes, func(one process) bool { return one.program != p }), err
}

// locked does something that must not happen while the sandbox is started, changed or ended by somebody else.
func (s *Sandbox) locked(ctx context.Context, do func() error) error {
	unlock, err := lock(ctx, s.lockPath())
	if err != nil {
		return err
	}
	defer unlock()
	if again, err := Open(s.Name()); err != nil || again.state.ID != s.state.ID {
		return errors.Join(err, fmt.Errorf("sandbox %q has ended meanwhile", s.Name()))
	}
	return do()
}
