package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is who the programs run as, as in manifests/manager.
const nobody = "65532"

// epoch is the time of everything in an image: the same sources give the same bytes.
var epoch = time.Unix(0, 0).UTC()

// image is what an archive holds.
type image struct {
	// programs, of which the first is run.
	programs []string
	labels   map[string]string
	binaries []binaries
}

func labels(version, revision string) map[string]string {
	out := map[string]string{
		"org.opencontainers.image.title":   "addonctl",
		"org.opencontainers.image.source":  "https://" + module,
		"org.opencontainers.image.version": version,
	}
	if revision != "" {
		out["org.opencontainers.image.revision"] = revision
	}
	return out
}

// write makes the image in a folder and packs it into an archive, which is there whole or not at all. It returns the digest of the index, by which
// a registry knows the image.
func (i image) write(folder, archive string) (v1.Hash, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range i.binaries {
		one, err := i.one(b)
		if err != nil {
			return v1.Hash{}, fmt.Errorf("packing the image for %s/%s: %w", b.system, b.machine, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: one, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: b.system, Architecture: b.machine}},
		})
	}
	digest, err := index.Digest()
	if err != nil {
		return digest, err
	}
	whole, err := layout.Write(folder, empty.Index)
	if err == nil {
		err = whole.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": i.programs[0]}))
	}
	if err != nil {
		return digest, fmt.Errorf("writing the image: %w", err)
	}
	return digest, pack(folder, archive)
}

// one is the image for one platform: the programs, and who there is.
func (i image) one(b binaries) (v1.Image, error) {
	layer, err := i.layer(b)
	if err != nil {
		return nil, err
	}
	out, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), layer)
	if err != nil {
		return nil, err
	}
	config, err := out.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = b.system, b.machine, v1.Time{Time: epoch}
	config.Config = v1.Config{Entrypoint: []string{"/" + i.programs[0]}, User: nobody + ":" + nobody, WorkingDir: "/", Labels: i.labels}
	return mutate.ConfigFile(out, config)
}

func (i image) layer(b binaries) (v1.Layer, error) {
	path := filepath.Join(b.folder, "layer.tar")
	err := create(path, func(t *tar.Writer) error {
		who := map[string]string{
			"etc/passwd": "nonroot:x:" + nobody + ":" + nobody + ":nonroot:/:/sbin/nologin\n",
			"etc/group":  "nonroot:x:" + nobody + ":\n",
		}
		err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755, ModTime: epoch})
		for _, name := range []string{"etc/group", "etc/passwd"} {
			err = errors.Join(err, entry(t, name, 0o644, int64(len(who[name]))))
			_, e := io.WriteString(t, who[name])
			err = errors.Join(err, e)
		}
		for _, p := range i.programs {
			err = errors.Join(err, add(t, filepath.Join(b.folder, p), p, 0o755))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromFile(path, tarball.WithMediaType(types.OCILayer))
}

// pack writes a folder into an archive, in the order of names.
func pack(folder, archive string) error {
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil { //nolint:gosec // as any build does
		return err
	}
	err := create(archive+".new", func(t *tar.Writer) error {
		return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == folder {
				return err
			}
			name, err := filepath.Rel(folder, path)
			switch {
			case err != nil:
				return err
			case d.IsDir():
				return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: filepath.ToSlash(name) + "/", Mode: 0o755, ModTime: epoch})
			default:
				return add(t, path, filepath.ToSlash(name), 0o644)
			}
		})
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", archive, err)
	}
	return os.Rename(archive+".new", archive)
}

func create(path string, fill func(*tar.Writer) error) error {
	f, err := os.Create(path) //nolint:gosec // it is asked for
	if err != nil {
		return err
	}
	t := tar.NewWriter(f)
	return errors.Join(fill(t), t.Close(), f.Close())
}

func entry(t *tar.Writer, name string, mode, size int64) error {
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size, ModTime: epoch})
}

func add(t *tar.Writer, path, name string, mode int64) error {
	f, err := os.Open(path) //nolint:gosec // what was just built
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil {
		err = entry(t, name, mode, info.Size())
	}
	if err == nil {
		_, err = io.Copy(t, f)
	}
	return err
}
