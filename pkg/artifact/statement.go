package artifact

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kinds of errors of signed catalogs.
var (
	// ErrSignature says that none of the trusted keys has signed what came.
	ErrSignature = errors.New("no trusted key has signed it")

	// ErrExpired says that what came is authentic, and that its time is over: somebody may keep what is newer from us.
	ErrExpired = errors.New("it has expired")

	// ErrRolledBack says that what came is authentic, and older than what was read before.
	ErrRolledBack = errors.New("it is older than what was read before")
)

// Statement is what somebody with a key says of a catalog. It is what is signed: the signature covers its very bytes.
type Statement struct {
	// APIVersion and Kind say that this is one.
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Version counts up: a catalog of a lower one is never taken again. It begins at 1.
	Version int64 `json:"version"`
	// Signed is when it was made, Expires from when on it is not taken any more.
	Signed  time.Time `json:"signed"`
	Expires time.Time `json:"expires"`
	// Digest is that of the packed catalog, sha256: and 64 digits.
	Digest string `json:"digest"`
}

// Form of a statement.
const (
	StatementAPIVersion = "catalog.addonctl.io/v1alpha1"
	StatementKind       = "CatalogStatement"
)

// Encode gives the bytes to sign. An error says what no statement may say.
func (s Statement) Encode() ([]byte, error) {
	s.APIVersion, s.Kind = StatementAPIVersion, StatementKind
	if err := s.check(); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing a statement: %w", err)
	}
	return append(data, '\n'), nil
}

func (s Statement) check() error {
	switch {
	case s.APIVersion != StatementAPIVersion || s.Kind != StatementKind:
		return refuse("its statement is of apiVersion %.*q and kind %.*q, not %s and %s",
			maxName, s.APIVersion, maxName, s.Kind, StatementAPIVersion, StatementKind)
	case s.Version < 1:
		return refuse("its statement has the version %d; versions begin at 1", s.Version)
	case !s.Expires.After(s.Signed):
		return refuse("its statement expires (%s) before it was signed (%s)", s.Expires.Format(time.RFC3339), s.Signed.Format(time.RFC3339))
	case !sha256Form.MatchString(s.Digest):
		return refuse("its statement names the catalog by %.*q, which is no sha256 digest", maxName, s.Digest)
	default:
		return nil
	}
}

// Trust is what a catalog from elsewhere is held against.
type Trust struct {
	// Keys are public keys in PEM (PUBLIC KEY), Ed25519 or ECDSA on P-256; one of them has to have signed. Without any, the digest of a
	// reference is all that is held against.
	Keys []string
	// Least is the version that was read last: a lower one is refused.
	Least int64
	// Now is compared with when a statement expires.
	Now time.Time
}

// verify reads a statement, after its signature was found to be that of a key. Of several signatures, a line each, one will do.
func (t Trust) verify(statement, signatures []byte) (Statement, error) {
	signed, err := t.signed(statement, signatures)
	switch {
	case err != nil:
		return Statement{}, err
	case !signed:
		return Statement{}, fault(ErrSignature, "check where it comes from; if it was signed anew with another key, name that one",
			"none of the %d keys that are trusted has signed it", len(t.Keys))
	}
	var s Statement
	d := json.NewDecoder(bytes.NewReader(statement))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Statement{}, refuse("reading its statement: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Statement{}, refuse("its statement goes on after its end")
	}
	if err := s.check(); err != nil {
		return Statement{}, err
	}
	switch {
	case s.Version < t.Least:
		return Statement{}, fault(ErrRolledBack, "whoever publishes it has to publish the newest one again, or a newer one",
			"it is version %d, and version %d was read before", s.Version, t.Least)
	case !t.Now.Before(s.Expires):
		return Statement{}, fault(ErrExpired, "whoever holds the key has to sign it anew; check that nothing keeps newer ones away",
			"version %d has expired at %s", s.Version, s.Expires.UTC().Format(time.RFC3339))
	}
	return s, nil
}

func (t Trust) signed(statement, signatures []byte) (bool, error) {
	keys := make([]crypto.PublicKey, len(t.Keys))
	for i, text := range t.Keys {
		key, err := ParseKey(text)
		if err != nil {
			return false, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys[i] = key
	}
	for line := range bytes.Lines(signatures) {
		signature, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(line)))
		if err != nil {
			return false, refuse("its signature is not in base64: %w", err)
		}
		for _, key := range keys {
			if len(signature) > 0 && fits(key, statement, signature) {
				return true, nil
			}
		}
	}
	return false, nil
}

// fits tells whether a signature is that of a key: Ed25519 over the bytes, ECDSA over their SHA-256 in ASN.1, as cosign sign-blob makes them.
func fits(key crypto.PublicKey, data, signature []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, data, signature)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(data)
		return ecdsa.VerifyASN1(key, sum[:], signature)
	default:
		return false
	}
}

// ParseKey reads a public key in PEM.
func ParseKey(text string) (crypto.PublicKey, error) {
	const fix = "openssl pkey -in key.pem -pubout prints it"
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fault(ErrReference, fix, "it is not one public key in PEM (BEGIN PUBLIC KEY)")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fault(ErrReference, fix, "it cannot be read: %w", err)
	}
	switch k := key.(type) {
	case ed25519.PublicKey:
		return k, nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return k, nil
		}
	}
	return nil, fault(ErrReference, fix, "it is of a kind that is not taken: give Ed25519, or ECDSA on P-256")
}

// Sign signs a statement with a private key in PEM (PRIVATE KEY, PKCS #8), and gives the signature as it is published.
func Sign(statement []byte, key string) ([]byte, error) {
	const fix = "openssl genpkey -algorithm ed25519 -out key.pem makes one"
	block, _ := pem.Decode([]byte(key))
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fault(ErrReference, fix, "it is no private key in PEM (BEGIN PRIVATE KEY)")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fault(ErrReference, fix, "the key cannot be read: %w", err)
	}
	var signature []byte
	switch k := parsed.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, statement)
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(statement)
		if k.Curve != elliptic.P256() {
			return nil, fault(ErrReference, fix, "an ECDSA key has to be on P-256")
		}
		if signature, err = k.Sign(nil, sum[:], crypto.SHA256); err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
	default:
		return nil, fault(ErrReference, fix, "the key is of a kind that is not taken: give Ed25519, or ECDSA on P-256")
	}
	return append([]byte(base64.StdEncoding.EncodeToString(signature)), '\n'), nil
}
