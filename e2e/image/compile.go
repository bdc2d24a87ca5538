package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const module = "github.com/addonctl/addonctl"

// binaries are the programs for one platform, in a folder.
type binaries struct{ system, machine, folder string }

// compile builds the programs without C, so that they need nothing else of the image, and without anything of this machine.
func (b binaries) compile(ctx context.Context, programs []string, version string) error {
	for _, p := range programs {
		stamp := fmt.Sprintf("-s -w -buildid= -X %[1]s/pkg/cli.buildVersion=%[2]s -X %[1]s/pkg/manager.buildVersion=%[2]s", module, version)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", stamp, "-o", filepath.Join(b.folder, p), module+"/cmd/"+p)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+b.system, "GOARCH="+b.machine, "GOFLAGS=")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s for %s/%s: %w\n%s", p, b.system, b.machine, err, text)
		}
	}
	return nil
}
