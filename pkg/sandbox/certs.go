package sandbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"time"
)

// writeCertificates gives a sandbox an authority of its own and one certificate for both servers, etcd and the API
// server, which the latter also shows to the former. The authority's key is thrown away.
func (s *Sandbox) writeCertificates() error {
	caKey, err := newKey()
	if err != nil {
		return err
	}
	ca := certificate("addonctl-sandbox-" + s.state.Name)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	serverKey, err := newKey()
	if err != nil {
		return err
	}
	accountsKey, err := newKey()
	if err != nil {
		return err
	}
	return errors.Join(
		s.writeCertificate("ca.crt", ca, ca, caKey.Public(), caKey),
		s.writeCertificate("server.crt", serverCertificate(), ca, serverKey.Public(), caKey),
		s.writeKey("server.key", serverKey),
		s.writeKey("accounts.key", accountsKey),
	)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// certificate is the common part: valid from an hour ago, for clocks that are set back, for one year.
func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
	}
}

// serverCertificate covers how the API server is reached from here and how pods would reach it.
func serverCertificate() *x509.Certificate {
	c := certificate("addonctl-sandbox-server")
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	c.DNSNames = []string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}
	return c
}

func (s *Sandbox) writeCertificate(file string, c, parent *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key, signer)
	if err != nil {
		return err
	}
	return s.writePEM(file, "CERTIFICATE", der)
}

func (s *Sandbox) writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return s.writePEM(file, "EC PRIVATE KEY", der)
}

func (s *Sandbox) writePEM(file, kind string, der []byte) error {
	return writeFile(s.path(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
