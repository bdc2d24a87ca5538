package artifact_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/artifact"
)

func TestDefinitionsAreTheDocumentsOfAFolder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		folder map[string]string
		want   []string
	}{
		"documents, and nothing else": {
			map[string]string{"b.yaml": "x", "a.yml": "x", "c.json": "x", "README.md": "x", "yaml": "x"},
			[]string{"a.yml", "b.yaml", "c.json"},
		},
		"folders below it, without hidden ones": {
			map[string]string{"crds/a.yaml": "x", "crds/more/a.yaml": "x", ".git/a.yaml": "x", "crds/._a.yaml": "x"},
			[]string{"crds/a.yaml", "crds/more/a.yaml"},
		},
		"a mounted ConfigMap": {
			map[string]string{"..2026/a.yaml": "x", "..data": "-> ..2026", "a.yaml": "-> ..data/a.yaml"},
			[]string{"a.yaml"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artifact.Definitions(t.Context(), folderOf(t, tt.folder), artifact.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
			for name, content := range got {
				if string(content) != "x" {
					t.Errorf("%s holds %q", name, content)
				}
			}
		})
	}
}

func TestDefinitionsMayBeASingleFile(t *testing.T) {
	t.Parallel()
	archive := packed(t, entry{name: "crds/a.yaml", content: "x"}, entry{name: "README.md", content: "y"}, entry{name: ".b.yaml", content: "y"})
	tests := map[string]struct {
		path string
		want map[string][]byte
	}{
		"a document":                       {fileOf(t, "crds.yaml", []byte("x")), map[string][]byte{"crds.yaml": []byte("x")}},
		"a document, whatever its name is": {fileOf(t, "63", []byte("x")), map[string][]byte{"63": []byte("x")}},
		"an archive":                       {fileOf(t, "crds.tgz", archive), map[string][]byte{"crds/a.yaml": []byte("x")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artifact.Definitions(t.Context(), tt.path, artifact.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefinitionsThatCannotBeHadAreNamed(t *testing.T) {
	t.Parallel()
	outside := fileOf(t, "secret.yaml", []byte("x"))
	tests := map[string]struct {
		path  string
		kind  error
		words string
	}{
		"nothing there":            {"nowhere", artifact.ErrReference, "no such file"},
		"a folder without any":     {folderOf(t, map[string]string{"README.md": "x"}), artifact.ErrReference, "no file *.yaml"},
		"an archive without any":   {fileOf(t, "a.tgz", packedChartOf(t, "README.md")), artifact.ErrReference, "no file *.yaml"},
		"a link that leads out":    {folderOf(t, map[string]string{"a.yaml": "-> " + outside}), artifact.ErrReference, "escapes"},
		"a folder called like one": {folderOf(t, map[string]string{"b/x": "x", "a.yaml": "-> b"}), artifact.ErrRefused, "a.yaml is no plain file"},
		"a huge file":              {fileOf(t, "a.yaml", []byte(strings.Repeat("x", artifact.MaxFile+1))), artifact.ErrRefused, "larger than 5 MiB"},
		"an archive with tricks":   {fileOf(t, "a.tgz", packedChartOf(t, "../a.yaml")), artifact.ErrRefused, "leads elsewhere"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.Definitions(t.Context(), tt.path, artifact.Options{})
			fails(t, err, tt.kind, tt.words, "opening definitions")
		})
	}
}

// packedChartOf is an archive with one file.
func packedChartOf(t *testing.T, name string) []byte {
	t.Helper()
	return packed(t, entry{name: name, content: "x"})
}

func TestDefinitionsAreTakenFromTheLayersOfAnArtifact(t *testing.T) {
	t.Parallel()
	s := serve(t)
	const plainTar = "application/vnd.oci.image.layer.v1.tar" // what oras gives to a file
	archive := s.blob(t, "application/vnd.cncf.flux.content.v1.tar+gzip", packed(t, entry{name: "a.yaml", content: "a"}, entry{name: "x.sh", content: "x"}))
	titled, untitled := s.blob(t, plainTar, []byte("b")), s.blob(t, "application/yaml", []byte("c"))
	titled.Annotations = map[string]string{"org.opencontainers.image.title": "crds/b.json"}
	script := s.blob(t, plainTar, []byte("#!"))
	script.Annotations = map[string]string{"org.opencontainers.image.title": "install.sh"}
	twice, outside := titled, titled
	outside.Annotations = map[string]string{"org.opencontainers.image.title": "../b.yaml"}
	large := layer{MediaType: "application/yaml", Digest: untitled.Digest, Size: artifact.MaxBlob / 2}
	config := s.blob(t, "application/vnd.unknown.config.v1+json", []byte("{}"))

	tests := map[string]struct {
		layers []layer
		want   map[string][]byte
		words  string
	}{
		"an archive, a file with a title, a document, and what is neither": {
			[]layer{archive, titled, untitled, script},
			map[string][]byte{
				"a.yaml": []byte("a"), "crds/b.json": []byte("b"), strings.TrimPrefix(untitled.Digest, "sha256:") + ".yaml": []byte("c"),
			},
			"",
		},
		"nothing of use":          {[]layer{script}, nil, "none of its layers is an archive"},
		"a name twice":            {[]layer{titled, twice}, nil, "holds crds/b.json twice"},
		"a name that leads out":   {[]layer{outside}, nil, "leads elsewhere"},
		"too much together":       {[]layer{large, large, large}, nil, "larger than 20 MiB together"},
		"an archive that is none": {[]layer{{MediaType: "application/x.tar+gzip", Digest: untitled.Digest, Size: 1}}, nil, "no archive in gzip"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := serve(t)
			own.instead = redirectTo(s)
			data := encode(t, manifest{SchemaVersion: 2, MediaType: typeManifest, Config: config, Layers: tt.layers})
			own.send(t, "PUT", "manifests/1", typeManifest, data)
			got, err := artifact.Definitions(t.Context(), own.ref("@"+digest(data)), options(t))
			if tt.words != "" {
				fails(t, err, artifact.ErrRefused, tt.words)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefinitionsOfAnArtifactAreTakenByDigestToo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	pinned := s.push(t, packed(t, entry{name: "crds/a.yaml", content: "x"}))
	_, d, _ := strings.Cut(pinned, "@")
	_, err := artifact.Definitions(t.Context(), s.ref(":0.1.0"), options(t))
	fails(t, err, artifact.ErrReference, "it has "+d+" now")
	o := options(t)
	for range 2 { // the second time from the cache
		got, err := artifact.Definitions(t.Context(), pinned, o)
		if diff := cmp.Diff(map[string][]byte{"crds/a.yaml": []byte("x")}, got); diff != "" || err != nil {
			t.Errorf("error %v, documents (-want +got):\n%s", err, diff)
		}
		s.Close()
	}
}
