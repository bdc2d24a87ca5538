package artifact

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// errPlain is what secureOnly says.
var errPlain = errors.New("plain HTTP to another machine")

// answered is the error of an answer that is not the thing itself.
func (c *registryClient) answered(name string, status int, why string) error {
	said := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if why != "" {
		said += ": " + why
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault(ErrDenied, "docker login "+c.host, "%s does not let this user read %s (%s)", c.host, c.repository, said)
	case http.StatusNotFound:
		return fault(ErrNotFound, fmt.Sprintf("check the reference; some registries also hide what one may not read: docker login %s", c.host),
			"%s has no %s in %s (%s)", c.host, name, c.repository, said)
	default:
		return fault(ErrUnreachable, "try again; check that "+c.host+" is a registry", "%s was asked for %s and answers %s", c.host, name, said)
	}
}

// reason is what a registry says in the body of a refusal; empty when it says nothing that can be read.
func reason(body io.Reader) string {
	var said struct {
		Errors errcode.Errors `json:"errors"`
	}
	if json.NewDecoder(io.LimitReader(body, maxReason)).Decode(&said) != nil {
		return ""
	}
	return quoted(said.Errors)
}

// quoted keeps a terminal from acting on what a registry says.
func quoted(said errcode.Errors) string {
	if len(said) == 0 {
		return ""
	}
	return fmt.Sprintf("%q", said.Error())
}

const maxReason = 4 << 10

// unanswered is the error of a request that got no answer.
func (c *registryClient) unanswered(name string, err error) error {
	var answer *errcode.ErrorResponse
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err // the address is in the message already
	}
	switch {
	case errors.As(err, &answer): // of the service that gives out tokens
		return c.answered(name, answer.StatusCode, quoted(answer.Errors))
	case errors.Is(err, errPlain), errors.Is(err, http.ErrSchemeMismatch):
		return fault(ErrRefused, "give the registry a certificate: plain HTTP is spoken on this machine alone, to localhost, 127.0.0.1 and [::1]",
			"asking %s for %s: %w", c.host, name, err)
	case untrusted(err):
		return fault(ErrRefused, "have this machine trust the registry's authority; SSL_CERT_FILE names a file of them",
			"asking %s for %s: %w", c.host, name, err)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return fault(ErrDenied, "docker login "+c.host, "%s wants a login, and %s has none for it", c.host, c.config)
	case address == nil: // nothing was sent: the login cannot be read, or must not be sent where the registry wants it
		return fault(ErrDenied, "docker login "+c.host, "logging in to %s: %w", c.host, err)
	default:
		return c.brokenOff(name, err)
	}
}

// brokenOff is the error of a connection that did not come about, or ended too early.
func (c *registryClient) brokenOff(name string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fault(ErrUnreachable, "check the name, the network and HTTPS_PROXY, or try again", "asking %s for %s: %w", c.host, name, err)
}

// untrusted tells whether a certificate is the trouble; waiting mends none.
func untrusted(err error) bool {
	var e *tls.CertificateVerificationError
	return errors.As(err, &e)
}
