package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// Temporal says where Temporal is and how it knows us: by nothing in a network of one's own, by a certificate
// (mTLS), or by an API key.
type Temporal struct {
	TemporalAddress       string `help:"Address of the Temporal frontend." default:"127.0.0.1:7233" placeholder:"HOST:PORT"`
	TemporalNamespace     string `help:"Temporal namespace of the deliveries." default:"default"`
	TemporalAPIKey        string `name:"temporal-api-key" help:"API key for Temporal Cloud; implies TLS." placeholder:"KEY"`
	TemporalTLS           bool   `name:"temporal-tls" help:"Speak TLS with Temporal; the four flags below imply it."`
	TemporalTLSCert       string `name:"temporal-tls-cert" help:"File with the certificate that Temporal knows us by (PEM); read anew for each connection." placeholder:"FILE"`
	TemporalTLSKey        string `name:"temporal-tls-key" help:"File with the key of that certificate (PEM)." placeholder:"FILE"`
	TemporalTLSCA         string `name:"temporal-tls-ca" help:"File with the certificates that Temporal's is checked against (PEM); the system's when empty." placeholder:"FILE"`
	TemporalTLSServerName string `name:"temporal-tls-server-name" help:"Name that Temporal's certificate must have; that of the address when empty." placeholder:"NAME"`
}

func (t Temporal) resolve(c *Config, p *Problems) {
	if _, _, err := net.SplitHostPort(t.TemporalAddress); err != nil {
		p.add("temporal-address", "%q is not of the form HOST:PORT", t.TemporalAddress)
	}
	if t.TemporalNamespace == "" {
		p.add("temporal-namespace", "is missing")
	}
	c.TemporalAddress, c.TemporalNamespace, c.TemporalAPIKey = t.TemporalAddress, t.TemporalNamespace, t.TemporalAPIKey
	c.TemporalTLS = t.tls(p)
}

// tls returns what TLS is spoken with, nil for none.
func (t Temporal) tls(p *Problems) *tls.Config {
	if !t.TemporalTLS && t.TemporalAPIKey == "" && t.TemporalTLSCert == "" && t.TemporalTLSKey == "" && t.TemporalTLSCA == "" &&
		t.TemporalTLSServerName == "" {
		return nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.TemporalTLSServerName}
	switch {
	case t.TemporalTLSCert != "" && t.TemporalTLSKey == "":
		p.add("temporal-tls-key", "is missing; it belongs to --temporal-tls-cert")
	case t.TemporalTLSKey != "" && t.TemporalTLSCert == "":
		p.add("temporal-tls-cert", "is missing; it belongs to --temporal-tls-key")
	case t.TemporalTLSCert != "":
		if _, err := t.certificate(nil); err != nil {
			p.add("temporal-tls-cert", "%s", err)
		}
		c.GetClientCertificate = t.certificate
	}
	if t.TemporalTLSCA != "" {
		var err error
		if c.RootCAs, err = readCertificates(t.TemporalTLSCA); err != nil {
			p.add("temporal-tls-ca", "%s", err)
		}
	}
	return c
}

// certificate reads the certificate from its files, so that one which was renewed counts without a restart.
func (t Temporal) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(t.TemporalTLSCert, t.TemporalTLSKey)
	if err != nil {
		return nil, fmt.Errorf("cannot be used with its key: %w", err)
	}
	return &pair, nil
}

func readCertificates(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}
