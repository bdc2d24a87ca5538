package artifact

import (
	"errors"
	"fmt"
)

// The kinds of errors: what somebody who got one can do differs between them.
var (
	// ErrReference says that the reference itself is of no use: misspelt, without a digest, or of a file that is not there.
	ErrReference = errors.New("the reference cannot be used")

	// ErrUnreachable says that a registry did not answer, or not to the end. The same call may go through later.
	ErrUnreachable = errors.New("the registry does not answer")

	// ErrDenied says that a registry answers, and not to this user.
	ErrDenied = errors.New("the registry does not let this user read")

	// ErrNotFound says that a registry does not have what was wanted.
	ErrNotFound = errors.New("the registry does not have it")

	// ErrDigest says that what came is not what the digest names.
	ErrDigest = errors.New("the content is not that of its digest")

	// ErrRefused says that what is there may not be used: too large, of another kind, an archive with tricks, or over plain HTTP.
	ErrRefused = errors.New("what is there may not be used")
)

// Error is why a source gave nothing. errors.Is finds its kind as well as its cause.
type Error struct {
	// Kind is one of this package's sentinels.
	Kind error
	// Err says what was wanted of whom, and what came instead.
	Err error
	// Fix is what to do about it; may be empty.
	Fix string
}

func (e *Error) Error() string   { return e.Err.Error() }
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

func fault(kind error, fix, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...), Fix: fix}
}

// refuse is a fault of the content of an archive, a folder or an artifact.
func refuse(format string, args ...any) error {
	return fault(ErrRefused, "", format, args...)
}
