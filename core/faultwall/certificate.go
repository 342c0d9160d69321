package faultwall

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

// makeCertificate makes an authority and a certificate signed by it, for
// loopback and for the host of Options.Addr.
func (w *Wall) makeCertificate() error {
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "faultwall test authority"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey, authorityDER, err := signed(authority, authority, nil)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "faultwall"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	w.nameCertificate(leaf)
	leafKey, leafDER, err := signed(leaf, authority, authorityKey)
	if err != nil {
		return err
	}
	w.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER})
	w.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}}}
	if newest := tlsVersions[w.options.TLSMax]; newest != 0 {
		w.tls.MinVersion, w.tls.MaxVersion = tls.VersionTLS10, newest
	}
	if w.options.HTTP2 {
		w.tls.NextProtos = []string{"h2", "http/1.1"}
	}
	if w.options.CAFile != "" {
		return os.WriteFile(w.options.CAFile, w.caPEM, 0o644)
	}
	return nil
}

// signed makes a key and its certificate, signed by another key, or by itself.
func signed(wanted, by *x509.Certificate, with *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, wanted, by, key.Public(), cmp.Or(with, key))
	return key, der, err
}

// tlsVersions are those of Options.TLSMax; 0 for none.
var tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func (w *Wall) nameCertificate(leaf *x509.Certificate) {
	if w.options.Cert == CertExpired {
		leaf.NotBefore, leaf.NotAfter = leaf.NotBefore.Add(-23*time.Hour), time.Now().Add(-time.Hour)
	}
	if w.options.Cert == CertWrongHost {
		leaf.DNSNames = []string{"elsewhere.invalid"}
		return
	}
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	host, _, err := net.SplitHostPort(w.options.Addr)
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = append(leaf.IPAddresses, ip)
	} else if host != "" {
		leaf.DNSNames = append(leaf.DNSNames, host)
	}
}
