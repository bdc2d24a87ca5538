package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// unpack reads a tar archive in gzip, as the tar of Charts and of OCI layers is. It holds plain files and folders only:
// links and devices have no place in what is rendered.
func unpack(data []byte) (files, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, refuse("it is no archive in gzip (.tgz): %w", err)
	}
	var c collection
	archive := tar.NewReader(zipped)
	for entries := 0; ; entries++ {
		h, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return c.files, nil
		case err != nil:
			return nil, refuse("it cannot be unpacked: %w", err)
		case entries == 2*maxFiles: // folders have entries too
			return nil, refuse("it has more than %d entries", 2*maxFiles)
		}
		if err := c.entry(h, archive); err != nil {
			return nil, err
		}
	}
}

func (c *collection) entry(h *tar.Header, content io.Reader) error {
	name := strings.TrimPrefix(h.Name, "./")
	switch h.Typeflag {
	case tar.TypeXGlobalHeader: // git puts the commit there
		return nil
	case tar.TypeDir:
		if name = strings.TrimSuffix(name, "/"); name != "" && !plain(name) {
			return refuse("it holds a folder with the name %.*q, which leads elsewhere or is none", maxName, h.Name)
		}
		return nil
	case tar.TypeReg:
		err := c.take(name, content)
		if e := (*Error)(nil); err != nil && !errors.As(err, &e) {
			return refuse("it cannot be unpacked: %w", err)
		}
		return err
	default:
		return refuse("it holds %.*q, which is a link or a device", maxName, h.Name)
	}
}

// packaged is the chart of an archive, below its own name. The folder that it has in the archive may be called anything.
func packaged(data []byte) (files, error) {
	all, err := unpack(data)
	if err != nil {
		return nil, err
	}
	folders := all.tops()
	if len(folders) != 1 {
		return nil, refuse("it holds %d folders and files side by side: a packaged chart is one folder", len(folders))
	}
	description, ok := all[path.Join(folders[0], chartFile)]
	if !ok {
		return nil, refuse("its folder %s has no %s: it is no packaged chart", folders[0], chartFile)
	}
	name, err := chartName(description)
	if err != nil {
		return nil, err
	}
	out := files{}
	for file, content := range all {
		_, rest := top(file)
		out[path.Join(name, rest)] = content
	}
	return out, nil
}

const chartFile = "Chart.yaml"

// chartNameForm is Helm's, without names that are no folders.
var chartNameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)

func chartName(description []byte) (string, error) {
	var chart struct {
		Name string `json:"name"`
	}
	if err := yaml.Unmarshal(description, &chart); err != nil {
		return "", refuse("reading %s: %w", chartFile, err)
	}
	if !chartNameForm.MatchString(chart.Name) || len(chart.Name) > maxName {
		return "", refuse("reading %s: name %.*q is no name of a chart", chartFile, maxName, chart.Name)
	}
	return chart.Name, nil
}
