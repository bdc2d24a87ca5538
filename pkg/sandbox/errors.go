package sandbox

import "errors"

var (
	// ErrNotFound says that there is no sandbox of that name, not even the remains of one.
	ErrNotFound = errors.New("not found")

	// ErrRunning says that Up found a sandbox of that name at work; it is left alone.
	ErrRunning = errors.New("already running")

	// ErrIncomplete says that a sandbox of that name is there but not whole: whoever started it was killed meanwhile, or
	// some of its processes have ended. Down cleans it.
	ErrIncomplete = errors.New("incomplete")

	// ErrNotBuilt says that the programs of that Kubernetes minor are not in the user's cache folder; the message names
	// the make target that builds them and the minors that are there.
	ErrNotBuilt = errors.New("not built")

	// ErrUnsupported says that this operating system cannot run sandboxes.
	ErrUnsupported = errors.New("the sandbox needs Linux for now")

	// ErrFaultNotFound says that no fault of that name is played.
	ErrFaultNotFound = errors.New("no such fault is played")
)
