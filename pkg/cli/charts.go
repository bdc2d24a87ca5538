package cli

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/artifact"
)

// chartFlag says where charts are besides those of this build, and keeps what was found there: one command line renders
// everything with the same charts.
type chartFlag struct {
	refs   []string
	folder fs.FS
}

func (a *app) chartFlags(c *cobra.Command) {
	c.PersistentFlags().StringArrayVar(&a.charts.refs, "charts", nil,
		"charts to use in place of the built-in ones of the same name: a folder, a .tgz, or oci://HOST/REPOSITORY@sha256:DIGEST; may be repeated")
	_ = c.MarkPersistentFlagDirname("charts")
}

// chartFolder is the folder of charts that releases are rendered with: this build's own, and over them what --charts names.
func (a *app) chartFolder(ctx context.Context) (fs.FS, error) {
	switch {
	case len(a.charts.refs) == 0:
		return charts.FS, nil // as it is, for what is embedded is read only once
	case a.charts.folder != nil:
		return a.charts.folder, nil
	}
	folder, err := artifact.OpenAll(ctx, charts.FS, a.charts.refs, artifact.Options{Note: a.note})
	if err != nil {
		return nil, sourceError(err)
	}
	a.charts.folder = folder
	return folder, nil
}

// sourceError gives an error of a source its exit code and its hint.
func sourceError(err error) error {
	e, ok := errors.AsType[*artifact.Error](err)
	if !ok {
		return err
	}
	out := &exit{code: exitFailure, err: err, hint: e.Fix}
	switch {
	case errors.Is(err, artifact.ErrReference):
		out.code = exitUsage
	case errors.Is(err, artifact.ErrDigest), errors.Is(err, artifact.ErrRefused):
		out.code = exitRefused
	case errors.Is(err, artifact.ErrUnreachable):
		out.code = exitUnreachable
	}
	return out
}
