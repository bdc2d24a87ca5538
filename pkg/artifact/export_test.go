package artifact

import "net/http"

// Unpack reads an archive.
var Unpack = unpack

// ImageName is an image's name as it is read.
func ImageName(image string) (string, error) {
	r, err := imageReference(image)
	return r.String(), err
}

// Limits of what is read.
const (
	MaxBlob  = maxBlob
	MaxFile  = maxFile
	MaxFiles = maxFiles
)

// Over is the options with another network.
func (o Options) Over(t http.RoundTripper) Options {
	o.transport = t
	return o
}
