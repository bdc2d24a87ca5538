package artifact_test

import (
	"archive/tar"
	"io/fs"
	"testing"

	"github.com/addonctl/addonctl/pkg/artifact"
)

// FuzzArchive unpacks any bytes, as they are and as what gzip unpacks to. It never panics; it gives files or an error of
// the right kind, and every file has a name that stays inside.
func FuzzArchive(f *testing.F) {
	f.Add(packedChart(f, "flannel"))
	f.Add(tarred(f, chartYAML, entry{name: "flannel/templates/", kind: tar.TypeDir}, entry{name: "flannel/a", content: "a"}))
	f.Add(tarred(f, entry{kind: tar.TypeXGlobalHeader}, entry{name: "../a", kind: tar.TypeSymlink, link: "/"}, chartYAML))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, archive := range [][]byte{data, zipped(t, string(data))} {
			files, err := artifact.Unpack(archive)
			if err != nil {
				fails(t, err, artifact.ErrRefused)
				continue
			}
			for name := range files {
				if !fs.ValidPath(name) || name == "." {
					t.Errorf("unpacked a file with the name %q", name)
				}
			}
		}
	})
}
