package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

// serveTLS listens on one port with HTTP/1.1 and on one with HTTP/2, and
// returns the base URLs.
func serveTLS(ca string) (tls1, tls2 string, err error) {
	certificate, err := makeCertificate(ca)
	if err != nil {
		return "", "", err
	}
	if tls1, err = listenTLS(certificate, "http/1.1"); err != nil {
		return "", "", err
	}
	tls2, err = listenTLS(certificate, "h2")
	return tls1, tls2, err
}

func listenTLS(certificate tls.Certificate, protocol string) (string, error) {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{protocol}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: http.HandlerFunc(answerTLS), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(protocol == "http/1.1")
	server.Protocols.SetHTTP2(protocol == "h2")
	go func() { log.Fatal("server: ", server.Serve(listener)) }() // ends with the process
	return "https://" + listener.Addr().String() + "/v1", nil
}

func answerTLS(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("X-Request-Id", "req_bench")
	if !wantsStream(body) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(completion) // a client that is gone misses it
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range events {
		if _, err := io.WriteString(w, e); err != nil {
			return
		}
	}
}

// makeCertificate makes one for 127.0.0.1 that signs itself, valid for a day.
func makeCertificate(file string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "llmagg benchmark"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
