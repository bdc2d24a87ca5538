// Command build compiles the programs of a sandbox into the user's cache folder, where pkg/sandbox finds them: one binary
// with the whole control plane of a Kubernetes minor (e2e/sandbox/<minor>), kwok (e2e/sandbox/kwok), and under a key of its own
// what plays Oracle's controller of NativePodNetworks (e2e/sandbox/npn). It knows how to build and to install; which programs exist and how they are started is pkg/sandbox's business. Start reading at run.
//
// The result is kept under a key of everything that decides it, so a second run is free, and is moved into place whole,
// so a killed build leaves nothing that the next one trips over.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // endsWithUs is about the thread that starts a command
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run builds what the arguments ask for, unless it is there already.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	flags.SetOutput(out)
	minor := flags.String("kubernetes", "1.36", "the Kubernetes `minor` to build, a folder of e2e/sandbox")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, name := range []string{*minor, npn} {
		t, err := newTarget(ctx, name)
		if err != nil {
			return err
		}
		if err := t.bring(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// bring builds the target unless it is there.
func (t target) bring(ctx context.Context, out io.Writer) error {
	if t.built() {
		return t.say(out, "is built: %s", t.dir())
	}
	unlock, err := lock(ctx, t.bin, func() { _ = t.say(out, "waits: another build is running") })
	if err != nil {
		return err
	}
	defer unlock()
	if t.built() {
		return t.say(out, "has been built meanwhile: %s", t.dir())
	}
	return t.make(ctx, out)
}

// make builds into a folder of its own and installs it; the caller holds the lock.
func (t target) make(ctx context.Context, out io.Writer) error {
	began := time.Now()
	takes := "7 to 10 minutes on 2 cores, later builds less"
	if t.minor == npn {
		takes = "a minute"
	}
	_ = t.say(out, "is built into the user's cache; cold this takes %s", takes)
	temporary, err := t.temporary()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temporary) }() // nothing is left there after a success
	for _, p := range t.programs() {
		if err := p.compile(ctx, temporary, out); err != nil {
			return fmt.Errorf("building %s: %w", p.name, err)
		}
	}
	if err := t.check(ctx, temporary); err != nil {
		return err
	}
	if err := t.install(temporary); err != nil {
		return err
	}
	return t.say(out, "built in %s: %s", time.Since(began).Round(time.Second), t.dir())
}

// say prints one line about the target.
func (t target) say(out io.Writer, format string, args ...any) error {
	what := t.minor
	if t.version != "" {
		what += " (Kubernetes " + t.version + ")"
	}
	_, err := fmt.Fprintf(out, "sandbox %s %s\n", what, fmt.Sprintf(format, args...))
	return err
}
