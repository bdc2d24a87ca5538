package manager

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	_ "golang.org/x/crypto/x509roots/fallback" // the image holds no certificates of authorities; where a system has some, those count

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/artifact"
	"github.com/addonctl/addonctl/pkg/controller"
)

// fetchTime is how long a registry or a web server may take to give a catalog.
const fetchTime = 2 * time.Minute

// fetch gets a catalog from elsewhere.
func fetch(log logr.Logger) controller.Fetch {
	return func(ctx context.Context, s v1alpha1.AddonCatalogSpec, least int64) (controller.Fetched, error) {
		ctx, cancel := context.WithTimeout(ctx, fetchTime)
		defer cancel()
		c, err := artifact.OpenCatalog(ctx, cmp.Or(s.OCI, s.URL), artifact.Trust{Keys: s.Keys, Least: least, Now: time.Now()},
			artifact.Options{Note: func(text string) { log.Info(text) }})
		if err != nil {
			return controller.Fetched{}, &controller.FetchError{Reason: reason(err), Err: err}
		}
		return controller.Fetched{Files: c.Files, Version: c.Statement.Version, Expires: c.Statement.Expires}, nil
	}
}

// reason is that of the condition of a catalog that was not taken.
func reason(err error) string {
	for _, r := range []struct {
		kind   error
		reason string
	}{
		{artifact.ErrSignature, v1alpha1.ReasonUnsigned},
		{artifact.ErrExpired, v1alpha1.ReasonExpired},
		{artifact.ErrRolledBack, v1alpha1.ReasonRolledBack},
		{artifact.ErrUnreachable, v1alpha1.ReasonUnreachable},
		{context.DeadlineExceeded, v1alpha1.ReasonUnreachable},
	} {
		if errors.Is(err, r.kind) {
			return r.reason
		}
	}
	return v1alpha1.ReasonInvalid
}
