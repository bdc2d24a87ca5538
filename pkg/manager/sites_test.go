package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/controller"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
)

func TestErrorsMeanWhatToDo(t *testing.T) {
	t.Parallel()
	s := &sites{}
	for want, err := range map[controller.Trouble]error{
		controller.Busy:        &kube.HeldError{Holder: "somebody"},
		controller.Lost:        kube.ErrFenced,
		controller.Unreachable: context.DeadlineExceeded,
		controller.Passing:     hub.ErrChanged,
		controller.Broken:      errors.New("something else"),
	} {
		if got := s.Trouble(fmt.Errorf("stepping: %w", err)); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}

func TestFlagsThatMakeNoSenseAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ args, says string }{
		"no such flag":       {"--nope", "unknown flag"},
		"a word too many":    {"run", `unknown argument "run"`},
		"no selector":        {"--selector a==b==c", "--selector"},
		"no namespace":       {"--namespace A_B", "--namespace"},
		"no name of a shard": {"--shard A_B", "--shard"},
		"nobody works":       {"--workers 0", "--workers"},
		"looks all the time": {"--resync 1ms", "--resync"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var errs bytes.Buffer
			if code := Run(t.Context(), strings.Fields(c.args), &errs); code != exitUsage || !strings.Contains(errs.String(), c.says) {
				t.Errorf("exit %d: %s", code, errs.String())
			}
		})
	}
	o := &options{}
	if got := o.lease(); got != "addon-manager" {
		t.Errorf("the Lease is %s", got)
	}
	o.shard = "b"
	if got := o.lease(); got != "addon-manager-b" {
		t.Errorf("the Lease of a shard is %s", got)
	}
}
