package artifact

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Definitions gives the documents of a source by name: the *.yaml, *.yml and *.json files of a folder and of those below
// it, a single file, those of an archive (.tgz), or of an artifact whose layers are archives or documents. Names that
// begin with "." are passed over. Whether they are definitions is not looked at. Errors are an *Error, or the context's.
func Definitions(ctx context.Context, ref string, o Options) (map[string][]byte, error) {
	var found files
	var err error
	if remote(ref) {
		found, err = pullDocuments(ctx, ref, o)
	} else {
		found, err = readDocuments(ref)
		err = local(err)
	}
	if err == nil && len(found) == 0 {
		err = fault(ErrReference, "", "it holds no file %s", strings.Join(documentTypes, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("opening definitions %q: %w", shown(ref), err)
	}
	return found, nil
}

var documentTypes = []string{"*.yaml", "*.yml", "*.json"}

// document tells whether a path is that of a document.
func document(name string) bool {
	hidden := slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool { return strings.HasPrefix(s, ".") })
	return !hidden && slices.Contains(documentTypes, "*"+path.Ext(name))
}

func readDocuments(file string) (files, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, fault(ErrReference, form, "%w", err)
	case info.IsDir():
		return documentsIn(file)
	}
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	var c collection
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) { // gzip
		err = c.archive(data)
	} else {
		err = c.take(filepath.Base(file), bytes.NewReader(data))
	}
	return c.files, err
}

// documentsIn reads a folder and those below it. Links to files are followed as long as they stay inside: so does a
// mounted ConfigMap look.
func documentsIn(dir string) (files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	var c collection
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !document(name):
			return nil
		}
		return c.file(root.FS(), name, name)
	})
	return c.files, err
}

// archive takes in the documents of an archive.
func (c *collection) archive(data []byte) error {
	all, err := unpack(data)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !document(name) {
			continue
		}
		if err := c.take(name, bytes.NewReader(all[name])); err != nil {
			return err
		}
	}
	return nil
}

// pullDocuments are those of all layers of an artifact, whatever it calls itself.
func pullDocuments(ctx context.Context, ref string, o Options) (files, error) {
	var c collection
	err := pull(ctx, ref, o, func(ctx context.Context, p *puller) error {
		m, err := p.manifest(ctx)
		if err != nil {
			return err
		}
		layers, err := documentLayers(m)
		if err != nil {
			return err
		}
		for _, d := range layers {
			data, err := p.layer(ctx, d)
			if err != nil {
				return err
			}
			if err := c.layer(d, data); err != nil {
				return err
			}
		}
		p.compare(ctx)
		return nil
	})
	return c.files, err
}

// documentLayers are the layers that are archives or documents.
func documentLayers(m ocispec.Manifest) ([]ocispec.Descriptor, error) {
	var out []ocispec.Descriptor
	var types []string
	var size int64
	for _, d := range m.Layers {
		types = append(types, d.MediaType)
		if archived(d) || documentName(d) != "" {
			out = append(out, d)
			size += max(d.Size, 0)
		}
		if size > maxBlob {
			return nil, refuse("its layers are larger than %d MiB together", maxBlob>>20)
		}
	}
	if len(out) == 0 {
		return nil, refuse("none of its layers is an archive (tar+gzip) or a document; their types are %.*q", maxName, types)
	}
	return out, nil
}

func (c *collection) layer(d ocispec.Descriptor, data []byte) error {
	if name := documentName(d); name != "" {
		return c.take(name, bytes.NewReader(data))
	}
	return c.archive(data)
}

func archived(d ocispec.Descriptor) bool {
	return strings.HasSuffix(d.MediaType, "tar+gzip") || strings.HasSuffix(d.MediaType, "tar.gzip")
}

// documentName is what a layer that is a document is called: by its title, or else by its digest; empty when it is none.
func documentName(d ocispec.Descriptor) string {
	title := d.Annotations[ocispec.AnnotationTitle]
	switch {
	case document(path.Base(title)):
		return title
	case strings.HasSuffix(d.MediaType, "yaml"):
		return strings.TrimPrefix(d.Digest.String(), "sha256:") + ".yaml"
	default:
		return ""
	}
}
