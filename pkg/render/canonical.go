package render

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Canonical renders a release as it is published, with nothing of any cluster: its chart's defaults, for
// its newest Kubernetes, for each network type that the add-on may be put on. It returns the version of the chart and the
// digest, as catalog.Frozen has them.
func Canonical(charts fs.FS, addOn catalog.AddOn, r catalog.Release) (catalog.Frozen, error) {
	var s Settings
	s.Kubernetes, _ = r.NewestKubernetes()
	h, chart := sha256.New(), ""
	for _, s.NetworkType = range addOn.OnNetworkTypes() {
		out, err := Release(charts, addOn, r, s)
		if err != nil {
			return catalog.Frozen{}, err
		}
		chart = out.Chart.Metadata.Version
		_, _ = io.WriteString(h, "# "+string(s.NetworkType)+"\n"+out.Manifest) // a hash takes everything
	}
	return catalog.Frozen{Chart: chart, Digest: "sha256:" + hex.EncodeToString(h.Sum(nil))}, nil
}
