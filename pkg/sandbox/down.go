package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Down ends exactly the processes of the sandbox and removes its data, whatever state it is in; ErrNotFound if there is
// none of that name. It waits for an Up of the same name that is under way. progress may be nil.
func Down(ctx context.Context, name string, progress func(string)) error {
	if err := supported(); err != nil {
		return err
	}
	s, err := Open(name)
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, s.lockPath())
	if err != nil {
		return err
	}
	defer unlock()
	if s, err = Open(name); err != nil { // it may have ended, or be another one, since
		return err
	}
	if err := s.remove(ctx); err != nil {
		return fmt.Errorf("ending sandbox %q: %w", name, err)
	}
	if progress != nil {
		progress(fmt.Sprintf("sandbox %q is gone", name))
	}
	return nil
}

// Sweep ends every ephemeral sandbox whose owner is gone, and returns their names.
func Sweep(ctx context.Context) ([]string, error) {
	list, err := List()
	if err != nil {
		return nil, err
	}
	var swept []string
	for _, s := range list {
		if !s.state.orphaned() {
			continue
		}
		if err := Down(ctx, s.Name(), nil); err != nil && !errors.Is(err, ErrNotFound) {
			return swept, err
		}
		swept = append(swept, s.Name())
	}
	return swept, nil
}

// remove ends the processes, then removes the folder and last the lock, which the caller holds.
func (s *Sandbox) remove(ctx context.Context) error {
	if err := s.killAll(ctx); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.dir), os.Remove(s.lockPath()))
}

// killAll ends the sandbox's processes.
func (s *Sandbox) killAll(ctx context.Context) error {
	return s.killUntilQuiet(ctx, func() ([]process, error) { return find(s.state.ID) })
}

// killUntilQuiet ends what is found until twice in a row there is nothing: a process that was just being started, when its
// starter was killed, shows its environment a moment later.
func (s *Sandbox) killUntilQuiet(ctx context.Context, look func() ([]process, error)) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	for quiet := 0; quiet < 2; quiet++ {
		processes, err := look()
		if err != nil {
			return err
		}
		if len(processes) > 0 {
			quiet = -1
		}
		if err := killAll(ctx, processes); err != nil {
			return err
		}
		if err := pauseFor(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
