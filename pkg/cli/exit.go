package cli

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
)

// The exit codes of addonctl.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitRefused     = 3
	exitGate        = 4
	exitUnfinished  = 5
	exitRolledBack  = 6
	exitLeftBehind  = 7
	exitConflict    = 8
	exitUnreachable = 9
	exitInterrupted = 130
)

// exit is an error that carries an exit code and says what to do next.
type exit struct {
	code int
	err  error
	// hint is a command or a sentence; empty when there is nothing to add.
	hint string
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

func usage(hint, format string, args ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// codeOf gives every error its exit code and a hint.
func codeOf(err error) (code int, hint string) {
	var e *exit
	switch {
	case err == nil:
		return exitOK, ""
	case errors.As(err, &e):
		return e.code, e.hint
	case errors.Is(err, context.Canceled):
		return exitInterrupted, "nothing more is written; the same command goes on from here"
	case errors.Is(err, record.ErrUnreadable):
		return exitFailure, "nothing is written while that Secret is there: put it back from a backup (kubectl apply), or keep a copy and delete it (kubectl get -o yaml, kubectl delete secret); the live CNI needs neither; docs/record.md"
	case errors.Is(err, record.ErrTooLarge):
		return exitRefused, "nothing was written; make the operator's values or overlay smaller; docs/record.md"
	case lacks(err):
		return exitFailure, rightsHint
	case held(err):
		return exitConflict, "wait until it is done, or end it; look with addonctl status"
	case errors.Is(err, kube.ErrFenced):
		return exitConflict, "this command writes nothing more; look with addonctl status who goes on"
	case errors.Is(err, hub.ErrChanged), errors.Is(err, record.ErrTaken), apierrors.IsConflict(err):
		return exitConflict, "somebody else is at work on this cluster; look with addonctl status, then run this again"
	case errors.Is(err, plan.ErrNotYet):
		return exitUnfinished, "find out what holds it up; the same command goes on from here"
	case kube.Unreachable(err):
		return exitUnreachable, "check the network, the server's address, and --kubeconfig and --context"
	default:
		return exitFailure, hintOf(err)
	}
}

// hintOf is what to do about a plain failure.
func hintOf(err error) string {
	switch {
	case apierrors.IsUnauthorized(err):
		return "the API server does not know this user: check --kubeconfig and --context"
	case apierrors.IsForbidden(err):
		return "ask for this right, or use another context; docs/rights.md lists what addonctl needs"
	default:
		return ""
	}
}

// refusal is the exit of a plan with blocking findings. The first one gives the code: what is about somebody else's
// objects is a conflict, what is about our own rights a failure, all others are rules.
func refusal(p plan.Plan) error {
	blocking := p.Blocking()
	return &exit{code: codeOfFinding(blocking[0]), hint: blocking[0].Fix, err: fmt.Errorf("refused (%s): %s", blocking[0].Reason, blocking[0].Message)}
}

func codeOfFinding(f plan.Finding) int {
	switch f.Reason {
	case plan.ForeignCNI, plan.ObjectNotOurs, plan.FieldConflict:
		return exitConflict
	case plan.MissingRight, plan.ObjectRefused:
		return exitFailure
	default:
		return exitRefused
	}
}

// held tells whether another actor is at work on the cluster.
func held(err error) bool {
	_, ok := errors.AsType[*kube.HeldError](err)
	return ok
}

// lacks tells whether an account misses rights.
func lacks(err error) bool {
	_, ok := errors.AsType[*drive.RightsError](err)
	return ok
}
