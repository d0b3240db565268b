package rehearsal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"lockstep/tools"
)

// tlsFiles are the paths of the emulator's TLS material. The certificate authority lives as long as the rehearsal's
// folder and its key is thrown away once it has signed, so nobody can be impersonated with it.
type tlsFiles struct {
	authority   string
	certificate string
	key         string
	bundle      string
	// hosts are names that the certificate is good for besides those of loopback.
	hosts []string
}

// The files in the folder of the certificates that others than the emulator read.
const (
	authorityFile = "ca.pem"
	bundleFile    = "bundle.pem"
)

const (
	validFor = 365 * 24 * time.Hour
	// renewBefore keeps a certificate from running out during a run.
	renewBefore = 24 * time.Hour
)

// systemBundles are where operating systems keep their certificate authorities, as Go's crypto/x509 looks for them.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// bundleVariables name the file that a program is to take in place of the machine's own, in the order in which they are
// asked.
var bundleVariables = []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

// MakeCertificates makes, in a folder, a certificate that is good for loopback and these names, and an authority that
// can vouch for nothing else. The authority's certificate is ca.pem.
func MakeCertificates(dir string, environ []string, now time.Time, hosts []string) error {
	_, err := makeCertificates(dir, environ, now, hosts)
	return err
}

// makeCertificates makes them in dir unless good ones are there, and the bundle anew, because the machine's own
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
	authority, err := os.ReadFile(c.authority)
	if err != nil {
		return c, err
	}
	return c, writeFile(c.bundle, append(systemAuthorities(environ, c.bundle), authority...), 0o644)
}

// isValid says whether the certificate is there, signed by the authority that is there, and valid for a while.
func (c tlsFiles) isValid(now time.Time) bool {
	pool := x509.NewCertPool()
	authority, err := os.ReadFile(c.authority)
	if err != nil || !pool.AppendCertsFromPEM(authority) {
		return false
	}
	if _, err := os.Stat(c.key); err != nil {
		return false
	}
	text, err := os.ReadFile(c.certificate)
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
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: pool, DNSName: name, CurrentTime: now.Add(renewBefore)}); err != nil {
			return false
		}
	}
	return true
}

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
	authority.IsCA, authority.BasicConstraintsValid = true, true
	authority.KeyUsage = x509.KeyUsageCertSign
	// Whoever trusts the bundle trusts this authority for this machine and these names alone.
	authority.PermittedDNSDomainsCritical = true
	authority.PermittedDNSDomains = append([]string{"localhost"}, c.hosts...)
	authority.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}}
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
		path, kind string
		der        []byte
		mode       os.FileMode
	}{
		{c.key, "PRIVATE KEY", encodedKey, 0o600},
		{c.certificate, "CERTIFICATE", signed, 0o644},
		{c.authority, "CERTIFICATE", signedAuthority, 0o644},
	} {
		if err := writeFile(file.path, pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der}), file.mode); err != nil {
			return err
		}
	}
	return nil
}

func certificateTemplate(name string, now time.Time) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // rand.Reader never fails
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor),
	}
}

// systemAuthorities are the certificate authorities that the machine trusts already, in PEM; none if they cannot be
// found. A variable that an outer rehearsal has set to this very bundle is passed over.
func systemAuthorities(environ []string, own string) []byte {
	var candidates []string
	for _, name := range bundleVariables {
		candidates = append(candidates, tools.Getenv(environ, name))
	}
	found := readFirst(append(candidates, systemBundles...), own)
	return append(found, readFirst([]string{tools.Getenv(environ, "NODE_EXTRA_CA_CERTS")}, own)...) // these come on top of the others
}

// readFirst is the text of the first file that is there, ended by a line break.
func readFirst(paths []string, own string) []byte {
	for _, path := range paths {
		if path == "" || path == own {
			continue
		}
		if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
			return append(text, '\n')
		}
	}
	return nil
}

// writeFile replaces a file as a whole: a reader never sees half of it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err = file.Write(data); err == nil {
		err = file.Chmod(mode)
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
