package temporalserver

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/labstack/echo/v4"
	"github.com/temporalio/ui-server/v2/server/api"
)

// ownHosts refuses calls of the Web UI's API that name a foreign host while it listens on loopback: a page on the
// internet whose name is made to lead to this machine (DNS rebinding) would else read and steer all workflows.
func ownHosts(ui *net.TCPAddr) []api.Middleware {
	if !ui.IP.IsLoopback() {
		return nil // it is open to the network, under names that are not known here
	}
	refuse := func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
			if !isOwnHost(r.Host) {
				http.Error(w, "This Temporal Web UI answers to localhost and IP addresses only.", http.StatusForbidden)
				return
			}
			next(w, r, params)
		}
	}
	return []api.Middleware{func(echo.Context) runtime.ServeMuxOption { return runtime.WithMiddlewares(refuse) }}
}

// isOwnHost reports whether a Host header is an IP address, which nobody can redirect, or localhost.
func isOwnHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}
