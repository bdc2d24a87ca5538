package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// buildVersion is set by the linker (see the Makefile).
var buildVersion = "dev"

// versionReport is the result of `version`.
type versionReport struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of addonctl", Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(*cobra.Command, []string) error {
			r := versionReport{Version: buildVersion, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						r.Commit = s.Value
					}
				}
			}
			return a.print(r)
		},
	}
}

func (r versionReport) name() string { return r.Version }

func (r versionReport) table(w io.Writer, _ bool) {
	fmt.Fprintf(w, "addonctl %s (%s, %s/%s)\n", r.Version, r.Go, r.OS, r.Arch)
}
