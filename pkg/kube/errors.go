package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Unreachable tells whether an error means that the API server did not answer, so that the same call may go through
// later. A refusal by a server that did answer is not one.
func Unreachable(err error) bool {
	if err == nil {
		return false
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || passing(status.Status())
	}
	if lasting(err) {
		return false
	}
	for _, text := range untyped {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	var netErr net.Error
	var urlErr *url.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &netErr) || errors.As(err, &urlErr)
}

// lasting are errors that waiting does not mend: a certificate that nobody trusts, and a file's, which can say Timeout too.
func lasting(err error) bool {
	var untrusted *tls.CertificateVerificationError
	var file *fs.PathError
	return errors.As(err, &untrusted) || errors.As(err, &file)
}

// untyped are errors of client-go that have no type of their own: an HTTP/2 stream that was reset, and a rate limiter whose
// caller has no time left.
var untyped = []string{"stream error: ", "client rate limiter Wait returned an error"}

// passing tells whether a server that did answer asks to be asked again: overload, a load balancer without a server behind
// it, and etcd between two leaders.
func passing(s metav1.Status) bool {
	switch s.Code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return strings.Contains(s.Message, "etcdserver: ")
	}
}

func gitVersion(body []byte) (string, error) {
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return "", fmt.Errorf("reading the server's version: %w", err)
	}
	return v.GitVersion, nil
}
