package artifact

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
)

// Options are what Open and Definitions may be told. The zero value takes everything from the user's environment.
type Options struct {
	// Note is told what somebody should know and that stops nothing, such as a tag that has moved; nil drops it.
	Note func(string)
	// Cache is the folder of what registries gave; empty stands for addonctl/artifacts in the user's cache folder.
	Cache string
	// DockerConfig is the folder of Docker's config.json, which holds the logins to registries; empty stands for
	// $DOCKER_CONFIG, or .docker in the user's home folder.
	DockerConfig string
	// Local has Images ask registries on this machine too. A name such as localhost means each node's own registry to a node.
	Local bool

	// transport takes the place of the network in tests.
	transport http.RoundTripper
}

func (o Options) note(text string) {
	if o.Note != nil {
		o.Note(text)
	}
}

// cache is nowhere when the user has no cache folder.
func (o Options) cache() cache {
	if o.Cache != "" {
		return cache{dir: o.Cache}
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return cache{}
	}
	return cache{dir: filepath.Join(dir, "addonctl", "artifacts")}
}

// dockerConfig is the path of Docker's config.json; empty when the user has no home.
func (o Options) dockerConfig() string {
	dir := cmp.Or(o.DockerConfig, os.Getenv("DOCKER_CONFIG"))
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".docker")
	}
	return filepath.Join(dir, "config.json")
}
