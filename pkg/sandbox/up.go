package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// startTimeout bounds the start of programs; cold caches on a busy machine are slow.
	startTimeout = 3 * time.Minute

	// nodeTimeout is what each node adds to it.
	nodeTimeout = 100 * time.Millisecond

	// cleanTimeout bounds what must happen although the caller has given up.
	cleanTimeout = time.Minute

	// portAttempts is how often Up picks other ports because somebody took one before its program did.
	portAttempts = 4
)

// Up starts a sandbox and returns when its nodes are Ready and have pod CIDRs. When it does not get that far, or the
// context ends, nothing is left of it but the log of the program that failed. Of two callers with one name the second
// waits for the first and then gets ErrRunning.
func Up(ctx context.Context, o Options) (*Sandbox, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	programs, err := programsOf(o.Kubernetes)
	if err != nil {
		return nil, err
	}
	npn, err := npnPrograms()
	if err != nil {
		return nil, err
	}
	run, err := runFolder()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{dir: filepath.Join(run, o.Name)}
	unlock, err := lock(ctx, s.lockPath())
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.up(ctx, o, programs, npn); err != nil {
		return nil, err
	}
	return s, nil
}

// up does its work with the lock held.
func (s *Sandbox) up(ctx context.Context, o Options, programs, npn string) error {
	if err := s.vacant(o.Name); err != nil {
		return err
	}
	st, err := newState(o, programs, npn)
	if err != nil {
		return err
	}
	s.state = st
	if err := s.create(); err != nil {
		return fmt.Errorf("creating the folder of sandbox %q: %w", o.Name, err)
	}
	if err := s.attempts(ctx, o); err != nil {
		return fmt.Errorf("starting sandbox %q: %w", o.Name, errors.Join(err, s.abandon(ctx)))
	}
	return nil
}

// vacant refuses a name that is in use and says in which way.
func (s *Sandbox) vacant(name string) error {
	existing, err := Open(name)
	if errors.Is(err, ErrNotFound) {
		return os.RemoveAll(s.dir) // what a killed Down may have left of the folder
	}
	if err != nil {
		return err
	}
	processes, err := find(existing.state.ID)
	if err != nil {
		return err
	}
	if existing.state.Complete && len(missing(processes)) == 0 {
		return fmt.Errorf("sandbox %q is %w", name, ErrRunning)
	}
	return fmt.Errorf("sandbox %q is %w: clean it with \"addonctl sandbox down --name %s\"", name, ErrIncomplete, name)
}

// create makes the folder appear with its state in it, in one step.
func (s *Sandbox) create() error {
	temporary := filepath.Join(filepath.Dir(s.dir), "."+s.state.Name+".new")
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(temporary, "logs"), 0o700); err != nil {
		return err
	}
	if err := writeState(temporary, s.state); err != nil {
		return err
	}
	return os.Rename(temporary, s.dir)
}

// attempts starts everything, again with other ports if one of them was taken meanwhile.
func (s *Sandbox) attempts(ctx context.Context, o Options) error {
	pick := o.pickPorts
	if pick == nil {
		pick = freePorts
	}
	for n := 1; ; n++ {
		err := s.attempt(ctx, o, pick)
		var ended *exitError
		if err == nil || n == portAttempts || !errors.As(err, &ended) || !ended.addressTaken() {
			return err
		}
		o.Progress("a port was taken meanwhile, trying others")
		if err := s.reset(ctx); err != nil {
			return err
		}
	}
}

// attempt starts everything once. The end of any program ends the context of all that waits, with that as the cause.
func (s *Sandbox) attempt(ctx context.Context, o Options, pick func() (ports, error)) (err error) {
	if s.state.Ports, err = pick(); err != nil {
		return err
	}
	if err := s.writeFiles(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout+time.Duration(o.count())*nodeTimeout)
	defer cancel()
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	ended := func(err *exitError) { abort(s.keepLog(ctx, err)) }
	if err := s.startPrograms(ctx, o.Progress, ended); err != nil {
		return err
	}
	for _, p := range o.Pools {
		if err := s.addNodes(ctx, p, o.Progress); err != nil {
			return err
		}
	}
	s.state.Complete = true
	return writeState(s.dir, s.state)
}

// writeFiles makes all files that the programs read.
func (s *Sandbox) writeFiles() error {
	if err := writeState(s.dir, s.state); err != nil {
		return err
	}
	if err := s.writeCertificates(); err != nil {
		return fmt.Errorf("making certificates: %w", err)
	}
	if err := s.writeUsers(); err != nil {
		return fmt.Errorf("making users: %w", err)
	}
	return s.writeStages(nil)
}

// startPrograms starts etcd and the API server one after the other, then the rest together.
func (s *Sandbox) startPrograms(ctx context.Context, progress func(string), ended func(*exitError)) error {
	began := time.Now()
	for _, p := range []Program{Etcd, APIServer} {
		if err := s.start(ctx, p, ended); err != nil {
			return err
		}
		progress(fmt.Sprintf("%s is ready (%.1fs)", p, time.Since(began).Seconds()))
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	if err := allowKwok(ctx, client); err != nil {
		return fmt.Errorf("giving kwok its rights: %w", err)
	}
	for _, p := range []Program{Scheduler, Kwok, NPNController, ControllerManager} {
		if err := s.start(ctx, p, ended); err != nil {
			return err
		}
		progress(fmt.Sprintf("%s is started (%.1fs)", p, time.Since(began).Seconds()))
	}
	return nil
}

// start launches a program and waits until it is ready.
func (s *Sandbox) start(ctx context.Context, p Program, ended func(*exitError)) error {
	if err := s.launch(p, ended); err != nil {
		return err
	}
	if err := s.ready(ctx, p); err != nil {
		return fmt.Errorf("waiting for %s: %w", p, err)
	}
	return nil
}

// reset ends the programs and forgets their data, for another attempt.
func (s *Sandbox) reset(ctx context.Context) error {
	if err := s.killAll(ctx); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.path("etcd")), os.RemoveAll(s.path("logs")), os.Mkdir(s.path("logs"), 0o700))
}

// abandon removes what a failed Up has started, also when its context has ended.
func (s *Sandbox) abandon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	return s.remove(ctx)
}

// keepLog copies the log of a program that has failed Up out of the folder that will go away, and makes the error name
// the copy. Programs that end later, or for a port that is tried anew, have not failed it.
func (s *Sandbox) keepLog(ctx context.Context, ended *exitError) error {
	if ctx.Err() != nil || ended.addressTaken() {
		return ended
	}
	data, err := os.ReadFile(ended.log)
	if err != nil {
		return errors.Join(ended, err)
	}
	r, err := root()
	if err != nil {
		return errors.Join(ended, err)
	}
	ended.log = filepath.Join(r, "logs", s.state.Name+"-"+string(ended.program)+".log")
	return errors.Join(ended, os.MkdirAll(filepath.Dir(ended.log), 0o700), writeFile(ended.log, data))
}
