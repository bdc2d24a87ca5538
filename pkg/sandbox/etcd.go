package sandbox

import "net/http"

// Etcd is where the sandbox's etcd listens, and a client that it lets in. It takes JSON on the paths of its gateway, such as
// /v3/kv/range. Who writes there goes past the API server, its admission and its garbage collection: tests put a cluster back
// that way, and read from it what happened, revision by revision.
func (s *Sandbox) Etcd() (url string, client *http.Client, err error) {
	client, err = s.httpClient()
	return s.etcdURL(), client, err
}
