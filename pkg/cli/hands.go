package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

const (
	// patience with another actor: its Lease ends within 15 s when it is gone.
	patience = 30 * time.Second
	// attempts of what a server may fail to answer now and then.
	attempts = 5
)

// cutOff tells whether a server that is there began an answer and did not end it: asking again is the right thing.
func cutOff(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "unexpected EOF")
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
