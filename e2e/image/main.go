// Command image builds the image of a program of this repository: an OCI image layout in one tar archive, for several platforms, without a
// container engine. The same sources give the same bytes. It knows how to compile and to pack; what the image is run with is in manifests.
// Start reading at run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
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

// run builds the image that the arguments ask for: the first program is what it runs, the others lie beside it.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(out)
	archive := flags.String("out", "", "the `file` to write")
	version := flags.String("version", "dev", "what the programs say of themselves")
	revision := flags.String("revision", "", "the `commit` that they are made of")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "what to build for, with commas between")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *archive == "" || flags.NArg() == 0 {
		return errors.New("give -out and the programs, the one that is run first")
	}
	folder, err := os.MkdirTemp("", "addonctl-image-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	i := image{programs: flags.Args(), labels: labels(*version, *revision)}
	for p := range strings.SplitSeq(*platforms, ",") {
		system, machine, ok := strings.Cut(p, "/")
		if !ok || system == "" || machine == "" {
			return fmt.Errorf("-platforms: %q is none, such as linux/amd64", p)
		}
		built := binaries{system: system, machine: machine, folder: filepath.Join(folder, system+"-"+machine)}
		fmt.Fprintf(out, "image %s: compiling %s for %s\n", i.programs[0], strings.Join(i.programs, ", "), p)
		if err := built.compile(ctx, i.programs, *version); err != nil {
			return err
		}
		i.binaries = append(i.binaries, built)
	}
	digest, err := i.write(filepath.Join(folder, "layout"), *archive)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "image %s: %s (%s)\n", i.programs[0], *archive, digest)
	return nil
}
