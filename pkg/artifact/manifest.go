package artifact

import (
	"context"
	"encoding/json"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types of a Helm chart in a registry.
const (
	mediaChartConfig = "application/vnd.cncf.helm.config.v1+json"
	mediaChart       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// pullChart is the chart of an artifact. A provenance file beside it is not read: the digest says what is meant.
func pullChart(ctx context.Context, ref string, o Options) (files, error) {
	var out files
	err := pull(ctx, ref, o, func(ctx context.Context, p *puller) error {
		m, err := p.manifest(ctx)
		if err != nil {
			return err
		}
		layer, err := chartLayer(m)
		if err != nil {
			return err
		}
		data, err := p.layer(ctx, layer)
		if err != nil {
			return err
		}
		if out, err = packaged(data); err == nil {
			p.compare(ctx)
		}
		return err
	})
	return out, err
}

// readManifest refuses what is no list of parts: an index of several artifacts, and one that is both, which others may
// read otherwise.
func readManifest(data []byte) (ocispec.Manifest, error) {
	var m struct {
		ocispec.Manifest
		Manifests json.RawMessage `json:"manifests"`
	}
	switch err := json.Unmarshal(data, &m); {
	case err != nil:
		return m.Manifest, refuse("reading its manifest: %w", err)
	case m.Manifests != nil || len(m.Layers) == 0:
		return m.Manifest, refuse("its manifest lists no layers; it is of type %.*q", maxName, m.MediaType)
	case len(m.Layers) > maxLayers:
		return m.Manifest, refuse("its manifest lists more than %d layers", maxLayers)
	}
	return m.Manifest, nil
}

const maxLayers = 100

// chartLayer is the layer that holds the chart.
func chartLayer(m ocispec.Manifest) (ocispec.Descriptor, error) {
	if m.Config.MediaType != mediaChartConfig {
		return ocispec.Descriptor{}, refuse("it is no Helm chart: its configuration is of type %.*q, not %s", maxName, m.Config.MediaType, mediaChartConfig)
	}
	layers := slices.DeleteFunc(slices.Clone(m.Layers), func(d ocispec.Descriptor) bool { return d.MediaType != mediaChart })
	if len(layers) != 1 {
		return ocispec.Descriptor{}, refuse("it has %d layers of type %s; a Helm chart has one", len(layers), mediaChart)
	}
	return layers[0], nil
}
