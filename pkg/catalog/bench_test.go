package catalog_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/addonctl/addonctl/pkg/catalog"
)

const (
	benchReleases = 500
	benchBlocks   = 2000
)

// The size is far beyond what is shipped: a command that only lists versions must not be slow because a catalog has grown.
func BenchmarkLoad(b *testing.B) {
	fsys := largeCatalog(benchReleases, benchBlocks)
	b.ReportAllocs()
	for b.Loop() {
		c, err := catalog.Load(fsys)
		if err != nil {
			b.Fatal(err)
		}
		if a := c.AddOns[0]; len(a.Releases) != benchReleases || len(a.Blocks) != benchBlocks {
			b.Fatalf("%d releases and %d blocks were read", len(a.Releases), len(a.Blocks))
		}
	}
}

// largeCatalog is one add-on that is written as the shipped ones are.
func largeCatalog(releases, blocks int) fstest.MapFS {
	fsys := fstest.MapFS{"large/addon.yaml": {Data: []byte(largeAddOn)}}
	for i := range releases {
		v := fmt.Sprintf("0.%d.%d", i/10, i%10)
		fsys["large/releases/"+v+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, largeRelease, v)}
	}
	for i := range blocks {
		from, to := i%releases, (i*7+1)%releases
		fsys[fmt.Sprintf("large/blocked/large%d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, largeBlock,
			i, fmt.Sprintf("0.%d.%d", from/10, from%10), fmt.Sprintf("0.%d.%d", to/10, to%10))}
	}
	return fsys
}

const largeAddOn = `
apiVersion: catalog.addonctl.io/v1alpha1
kind: AddOn
name: Large
networkType: FLANNEL_OVERLAY
chart: large
release: large
workload: {namespace: kube-system, kind: DaemonSet, name: large, container: large}
nodeKinds: [Managed, SelfManaged]
moves:
  back:
    - class: Reversible
      message: Nothing is lost.
configurations:
  - key: tolerations
    schema: {type: array, items: {type: object}}
  - key: rollingUpdate
    schema: {type: object, properties: {maxSurge: {type: [integer, string]}}}
`

const largeRelease = `
apiVersion: catalog.addonctl.io/v1alpha1
kind: Release
version: %[1]q
status: ACTIVE
mechanism: RollingUpdate
kubernetes:
  minimal: "1.34"
# Listed as long as the release itself.
listedFor: ["1.34", "1.35", "1.36"]
images:
  - name: flannel
    ref: ghcr.io/flannel-io/flannel:v%[1]s
  - name: flannel-cni-plugin
    ref: ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1
nodes:
  os: [linux]
  architectures: [amd64, arm64]
  kernel: "5.10"
  modules: [br_netfilter]
values:
  backend: {type: vxlan, port: 14789}
confidence: documented
sources:
  - "version and Kubernetes minors: a table"
  - "images: the manifest of the tag"
`

const largeBlock = `
apiVersion: catalog.addonctl.io/v1alpha1
kind: Block
name: Large%d
from: {maximum: %q}
to: {minimal: %q}
when:
  - fact: iptables
    notIn: [nft]
  - fact: kernel
    below: "5.10"
message: The rules of the old backend stay behind and drop what the new one lets pass.
url: https://github.com/flannel-io/flannel/issues/1
reviewed: "2026-11-22"
`
