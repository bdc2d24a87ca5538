package artifact

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"oras.land/oras-go/v2/registry"
)

const (
	scheme = "oci://"
	form   = "give a folder, a file, or oci://HOST[:PORT]/REPOSITORY@sha256:DIGEST"
)

// sha256 is the one algorithm that digests are taken in; every registry has it.
var sha256Form = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// reference names an artifact in a registry. One without a digest is only good for asking which one its tag has now.
type reference struct {
	host, repository string
	tag, digest      string
}

// remote tells whether a reference is the address of something, rather than a path.
func remote(ref string) bool { return strings.Contains(ref, "://") }

// parse reads oci://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST].
func parse(ref string) (reference, error) {
	rest, ok := strings.CutPrefix(ref, scheme)
	host, _, path := strings.Cut(rest, "/")
	switch {
	case strings.HasPrefix(ref, "http://"):
		return reference{}, fault(ErrRefused, form, "plain HTTP is not taken: anybody on the way could change what it brings")
	case !ok:
		return reference{}, fault(ErrReference, form, "an address begins with %s", scheme)
	case path && strings.Contains(host, "@"):
		return reference{}, fault(ErrReference, "docker login "+host[strings.LastIndex(host, "@")+1:], "it holds a user, and references are shown in logs")
	}
	var r reference
	name, digest, pinned := strings.Cut(rest, "@")
	if last := strings.LastIndex(name, "/"); last >= 0 {
		if colon := strings.LastIndex(name[last:], ":"); colon >= 0 {
			name, r.tag = name[:last+colon], name[last+colon+1:]
			if err := (registry.Reference{Reference: r.tag}).ValidateReferenceAsTag(); err != nil {
				return reference{}, fault(ErrReference, form, "its tag %q is none", r.tag)
			}
		}
	}
	r.host, r.repository, _ = strings.Cut(name, "/")
	if whole := r.whole(); whole.ValidateRegistry() != nil || whole.ValidateRepository() != nil {
		return reference{}, fault(ErrReference, form, "host %q and repository %q name nothing in a registry", r.host, r.repository)
	}
	if pinned && !sha256Form.MatchString(digest) {
		return reference{}, fault(ErrReference, form, "its digest %q is not sha256: and 64 lower-case hexadecimal digits", digest)
	}
	r.digest = digest
	return r, nil
}

func (r reference) whole() registry.Reference {
	return registry.Reference{Registry: r.host, Repository: r.repository}
}

// String is the repository, and its tag if one was given.
func (r reference) String() string {
	if r.tag == "" {
		return r.host + "/" + r.repository
	}
	return r.host + "/" + r.repository + ":" + r.tag
}

// url of a part: kind is manifests or blobs.
func (r reference) url(kind, name string) string {
	protocol := "https"
	if loopback(r.host) {
		protocol = "http"
	}
	return fmt.Sprintf("%s://%s/v2/%s/%s/%s", protocol, r.whole().Host(), r.repository, kind, name)
}

// loopback tells whether a host, with or without a port, is this machine: plain HTTP is spoken there and nowhere else.
func loopback(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && ip.IsLoopback()
}

// shown is a reference as it may stand in a message: without a password.
func shown(ref string) string {
	if u, err := url.Parse(ref); err == nil && u.User != nil {
		return u.Redacted()
	}
	return ref
}
