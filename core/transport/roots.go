package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// certEnvironment is what the environment says about the authorities that are
// trusted. Go's standard library reads the same variables, but from its own
// copy of the environment, which misses what a host sets later. It is
// comparable, since it is a part of a pool's key.
type certEnvironment struct{ file, dir, unread string }

func readCertEnvironment(getenv func(string) (string, bool)) (e certEnvironment) {
	if getenv == nil {
		return e
	}
	e.file, _ = getenv("SSL_CERT_FILE")
	e.dir, _ = getenv("SSL_CERT_DIR")
	for _, name := range []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
		if value, _ := getenv(name); value != "" && e.unread == "" {
			e.unread = name
		}
	}
	return e
}

// authorities are the certificates that servers must be signed by.
type authorities struct {
	pool *x509.CertPool // nil for the system's
	from string         // where they come from, for messages
}

// authoritiesOf gives the authorities of a route. Those of ca_file are read at
// once, those of the environment when the first server shows its certificate.
func authoritiesOf(caFile string, env certEnvironment) (func() authorities, error) {
	if caFile != "" {
		roots, err := loadRoots(caFile)
		return func() authorities {
			return authorities{roots, fmt.Sprintf("ca_file %s does not hold the certificate of the server's authority", shown.Path(caFile))}
		}, err
	}
	advice := "set ca_file, or the environment's SSL_CERT_FILE or SSL_CERT_DIR, to the certificate of the server's authority"
	if env.unread != "" {
		advice += "; " + env.unread + " is not read"
	}
	if env.file == "" && env.dir == "" {
		return func() authorities { return authorities{nil, advice} }, nil
	}
	return sync.OnceValue(func() authorities { return env.load(advice) }), nil
}

// systemFiles and systemDirs are where Linux and the BSDs keep what they trust;
// they are those of crypto/x509. Of the files the first that is there counts,
// of the directories all.
var (
	systemFiles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem", "/usr/local/etc/ssl/cert.pem", "/usr/local/share/certs/ca-root-nss.crt", "/etc/openssl/certs/ca-certificates.crt"}
	systemDirs = []string{"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/openssl/certs", "/usr/local/share/certs"}
)

// load reads the authorities as crypto/x509 does: each of the two variables
// stands in place of the system's files or directories.
func (e certEnvironment) load(advice string) authorities {
	roots := x509.NewCertPool()
	var wrong []string
	files, dirs := systemFiles, systemDirs
	if e.file != "" {
		files = []string{e.file}
	}
	if e.dir != "" {
		dirs = strings.Split(e.dir, string(filepath.ListSeparator))
	}
	for _, file := range files {
		pem, err := os.ReadFile(file)
		if err == nil {
			if !roots.AppendCertsFromPEM(pem) && e.file != "" {
				wrong = append(wrong, fmt.Sprintf("SSL_CERT_FILE %s holds no PEM certificate", shown.Path(file)))
			}
			break
		}
		if e.file != "" {
			wrong = append(wrong, "SSL_CERT_FILE cannot be read: "+shown.File(err))
		}
	}
	for _, dir := range dirs {
		if err := addDirectory(roots, dir); err != nil && e.dir != "" {
			wrong = append(wrong, "SSL_CERT_DIR cannot be read: "+shown.File(err))
		}
	}
	if len(wrong) > 0 {
		return authorities{roots, strings.Join(wrong, "; ")}
	}
	return authorities{roots, "neither SSL_CERT_FILE nor SSL_CERT_DIR holds the certificate of the server's authority; " + advice}
}

// addDirectory adds the certificates of a directory's files. Other files may be
// there too.
func addDirectory(roots *x509.CertPool, dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	names, err := folder.Readdirnames(-1) // os.ReadDir sorts, by 10 KB of code of its own
	_ = folder.Close()                    // err is what matters
	if err != nil {
		return err
	}
	for _, name := range names {
		if pem, err := os.ReadFile(filepath.Join(dir, name)); err == nil { // folders fail
			roots.AppendCertsFromPEM(pem)
		}
	}
	return nil
}

func loadRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "ca_file cannot be read: %s", shown.File(err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, llm.Errorf(llm.InvalidArgument, "ca_file %s holds no PEM certificate", shown.Path(file))
	}
	return roots, nil
}

// advise adds to a failed handshake what makes it succeed: an unknown authority
// known, an address that means the protocol that is spoken there.
func (d *dialer) advise(err error) error {
	var record tls.RecordHeaderError
	if errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/" {
		return errors.New("the answer is plain HTTP, expected TLS; write http:// in the place of https://, or the port that speaks https")
	}
	var unknown x509.UnknownAuthorityError
	var none x509.SystemRootsError
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the connection ended in the TLS handshake: %w", err)
	}
	if !errors.As(err, &unknown) && !errors.As(err, &none) {
		return err
	}
	return fmt.Errorf("%w (%s)", err, d.roots().from)
}
