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
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Temporal that only lets in who has the right certificate, as Temporal Cloud does.
func TestDeliversOverMutualTLS(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	ca := newAuthority(t)
	server, client := ca.issue(t, "temporal.test"), ca.issue(t, "durahook")
	address := serveTLS(t, infrastructure.TemporalAddress(), ca, server)
	endpoint := newEndpoint(t, answering(http.StatusOK))
	_, a := startServe(t, infrastructure, "0s,10m", "--temporal-address", address, "--temporal-tls-server-name", "temporal.test",
		"--temporal-tls-ca", ca.file, "--temporal-tls-cert", client.file, "--temporal-tls-key", client.keyFile)
	a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "delivered", 1)
}

// authority is a certificate authority of a test.
type authority struct {
	issued

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issued is a certificate in files.
type issued struct{ file, keyFile string }

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := &authority{key: key, certificate: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	a.issued = a.sign(t, a.certificate, key)
	return a
}

// issue makes a certificate that a server of this name, or a client, can show.
func (a *authority) issue(t *testing.T, name string) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key)
}

func (a *authority) sign(t *testing.T, certificate *x509.Certificate, key *ecdsa.PrivateKey) issued {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	files := issued{file: filepath.Join(dir, "certificate.pem"), keyFile: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{files.file: {Type: "CERTIFICATE", Bytes: der}, files.keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return files
}

// serveTLS puts TLS in front of an address, for those whose certificate the authority made. It returns its address.
func serveTLS(t *testing.T, address string, ca *authority, server issued) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(server.file, server.keyFile)
	require.NoError(t, err)
	text, err := os.ReadFile(ca.file)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(text))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			outside, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				inside, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
				if err != nil {
					_ = outside.Close()
					return
				}
				go func() {
					_, _ = io.Copy(inside, outside)
					_ = inside.Close()
				}()
				_, _ = io.Copy(outside, inside)
				_ = outside.Close()
			}()
		}
	}()
	return listener.Addr().String()
}
