package rehearsal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"lockstep/internal/fsx"
	"lockstep/tools"
)

// tlsFiles are the paths of the emulator's TLS files. The certificate authority lives as long as the rehearsal's
// folder. Its key is thrown away when it has signed, so nobody can use it to impersonate others.
type tlsFiles struct {
	authority   string
	certificate string
	key         string
	bundle      string
	// hosts are host names that the certificate is valid for, besides those of loopback.
	hosts []string
}

// The files in the folder of the certificates that clients of the emulator read.
const (
	authorityFile = "ca.pem"
	bundleFile    = "bundle.pem"
)

const (
	validFor = 365 * 24 * time.Hour
	// renewBefore is the least time that a certificate stays valid, so that it does not expire during a run.
	renewBefore = 24 * time.Hour
)

// systemBundles are the files in which operating systems keep their certificate authorities, as in Go's crypto/x509.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// bundleVariables name a file that replaces the system's certificate authorities, in the order in which they are read.
var bundleVariables = []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

// MakeCertificates creates a certificate for loopback and some hosts in a folder, unless there is a valid one, and an
// authority that can sign for nothing else. The certificate of the authority is ca.pem.
func MakeCertificates(dir string, environ []string, now time.Time, hosts []string) error {
	_, err := makeCertificates(dir, environ, now, hosts)
	return err
}

// makeCertificates is MakeCertificates, and returns the paths. It always writes the bundle, because the system's own
// authorities may have changed.
func makeCertificates(dir string, environ []string, now time.Time, hosts []string) (tlsFiles, error) {
	c := tlsFiles{
		authority: filepath.Join(dir, authorityFile), certificate: filepath.Join(dir, "server.pem"),
		key: filepath.Join(dir, "server-key.pem"), bundle: filepath.Join(dir, bundleFile), hosts: hosts,
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c, err
	}
	if !c.isValid(now) {
		if err := c.create(now); err != nil {
			return c, err
		}
	}
	authority, err := fsx.ReadFile(c.authority, fsx.MaxText)
	if err != nil {
		return c, err
	}
	return c, writeFile(c.bundle, append(systemAuthorities(environ, c.bundle), authority...))
}

// isValid reports whether the certificate exists, is signed by the authority, and stays valid for renewBefore.
func (c tlsFiles) isValid(now time.Time) bool {
	pool := x509.NewCertPool()
	authority, err := fsx.ReadFile(c.authority, fsx.MaxText)
	if err != nil || !pool.AppendCertsFromPEM(authority) {
		return false
	}
	if _, err := os.Stat(c.key); err != nil {
		return false
	}
	text, err := fsx.ReadFile(c.certificate, fsx.MaxText)
	if err != nil {
		return false
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false
	}
	for _, name := range append([]string{"127.0.0.1"}, c.hosts...) {
		options := x509.VerifyOptions{Roots: pool, DNSName: name, CurrentTime: now.Add(renewBefore)}
		if _, err := certificate.Verify(options); err != nil {
			return false
		}
	}
	return true
}

// create creates the authority, and the certificate and key of the server.
func (c tlsFiles) create(now time.Time) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := certificateTemplate("Lockstep rehearsal authority", now)
	authority.IsCA = true
	authority.BasicConstraintsValid = true
	authority.KeyUsage = x509.KeyUsageCertSign
	// A client that trusts the bundle trusts this authority for this machine and these hosts alone.
	authority.PermittedDNSDomainsCritical = true
	authority.PermittedDNSDomains = append([]string{"localhost"}, c.hosts...)
	authority.PermittedIPRanges = []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
	server := certificateTemplate("Lockstep rehearsal", now)
	server.KeyUsage = x509.KeyUsageDigitalSignature
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = append([]string{"localhost", "*.localhost"}, c.hosts...)
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

	signedAuthority, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	signed, err := x509.CreateCertificate(rand.Reader, server, authority, key.Public(), authorityKey)
	if err != nil {
		return err
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		path, blockType string
		der             []byte
	}{
		{c.key, "PRIVATE KEY", encodedKey},
		{c.certificate, "CERTIFICATE", signed},
		{c.authority, "CERTIFICATE", signedAuthority},
	} {
		text := pem.EncodeToMemory(&pem.Block{Type: file.blockType, Bytes: file.der})
		if err := writeFile(file.path, text); err != nil {
			return err
		}
	}
	return nil
}

// certificateTemplate returns a template with a random serial number.
func certificateTemplate(name string, now time.Time) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // rand.Reader never fails
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor),
	}
}

// systemAuthorities returns the certificate authorities that the machine trusts, in PEM; empty if they are not found.
// It ignores a variable that an outer rehearsal has set to the bundle itself, own.
func systemAuthorities(environ []string, own string) []byte {
	var candidates []string
	for _, name := range bundleVariables {
		candidates = append(candidates, tools.Getenv(environ, name))
	}
	found := readFirst(append(candidates, systemBundles...), own)
	extra := readFirst([]string{tools.Getenv(environ, "NODE_EXTRA_CA_CERTS")}, own) // which Node adds to the others
	return append(found, extra...)
}

// readFirst returns the text of the first file that exists and is not own, ended by a line break.
func readFirst(paths []string, own string) []byte {
	for _, path := range paths {
		if path == "" || path == own {
			continue
		}
		if text, err := fsx.ReadFile(path, fsx.MaxText); err == nil && len(text) > 0 {
			return append(text, '\n')
		}
	}
	return nil
}

// writeFile replaces a file as a whole: a reader never sees a part of it.
func writeFile(path string, data []byte) error {
	return fsx.Replace(path, data, fsx.PrivateFile)
}
