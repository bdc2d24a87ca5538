package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// every is how often a running build says how far it is.
const every = 10 * time.Second

// program is one binary of a target.
type program struct {
	name    string // of the file
	module  string // folder of its module
	pkg     string
	ldflags string
	warm    bool // built as this repository's tests are: what was compiled for them, and is for them, is not compiled again
}

func (t target) programs() []program {
	if t.minor == npn {
		return []program{{name: "npn-controller", module: t.module(), pkg: ".", warm: true}}
	}
	return []program{
		{name: "kubernetes", module: t.module(), pkg: ".", ldflags: "-s -w" + t.stamp()},
		{name: "kwok", module: t.kwok(), pkg: "sigs.k8s.io/kwok/cmd/kwok", ldflags: "-s -w"},
	}
}

// compile builds the program into the folder and reports its progress.
func (p program) compile(ctx context.Context, folder string, out io.Writer) error {
	packages, err := p.packages(ctx, out)
	if err != nil {
		return err
	}
	args := []string{"build", "-v", "-buildvcs=false", "-o", filepath.Join(folder, p.name)}
	if !p.warm {
		args = append(args, "-trimpath", "-ldflags", p.ldflags)
	}
	cmd := goCommand(ctx, p.module, append(args, p.pkg)...)
	if p.warm {
		cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return v == withoutC })
	}
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	m := meter{name: p.name, packages: packages, began: time.Now(), out: out}
	stop := m.start()
	messages := m.read(pipe)
	stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(messages, "\n"))
	}
	m.report("done")
	return nil
}

// packages are the import paths that a cold build compiles; listing them downloads the modules.
func (p program) packages(ctx context.Context, out io.Writer) (map[string]bool, error) {
	_, _ = fmt.Fprintf(out, "  %s: looking up modules\n", p.name)
	list, err := goOutput(ctx, p.module, "list", "-deps", p.pkg)
	if err != nil {
		return nil, err
	}
	packages := map[string]bool{}
	for path := range strings.FieldsSeq(list) {
		packages[path] = true
	}
	return packages, nil
}

// meter counts the packages that go build names while it compiles them.
type meter struct {
	name     string
	packages map[string]bool
	began    time.Time
	out      io.Writer
	compiled atomic.Int64
}

// read counts until the pipe ends and returns the lines that are messages and not packages.
func (m *meter) read(pipe io.Reader) []string {
	var messages []string
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		switch line := lines.Text(); {
		case m.packages[line]:
			m.compiled.Add(1)
		case !strings.HasPrefix(line, "go: downloading"):
			messages = append(messages, line)
		}
	}
	return messages
}

// start reports regularly until the returned function is called.
func (m *meter) start() (stop func()) {
	done := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				m.report("compiling and linking")
			}
		}
	}()
	return func() { close(done); <-finished }
}

func (m *meter) report(what string) {
	_, _ = fmt.Fprintf(m.out, "  %s: %s, %d of at most %d packages compiled, %s\n",
		m.name, what, m.compiled.Load(), len(m.packages), time.Since(m.began).Round(time.Second))
}
