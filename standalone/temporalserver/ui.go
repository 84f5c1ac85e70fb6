package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
)

// webUI is the Temporal Web UI. All its files are part of this program.
type webUI struct {
	server *uiserver.Server
	ended  chan struct{}
}

// startUI starts the Web UI and returns when it serves pages.
func startUI(ctx context.Context, p *plan) (*webUI, error) {
	host := p.ui.IP.String()
	if p.ui.IP.To4() == nil {
		host = "[" + host + "]" // it puts host and port together with nothing but a colon
	}
	ui := &webUI{
		server: uiserver.NewServer(server_options.WithConfigProvider(&uiconfig.Config{
			TemporalGRPCAddress: reachable(p.frontend),
			Host:                host,
			Port:                p.ui.Port,
			EnableUI:            true,
			DefaultNamespace:    p.Namespace,
			CORS:                uiconfig.CORS{CookieInsecure: true}, // it is served over http
			HideLogs:            true,
			// No calls to the outside. News of new versions are off unless asked for.
			DisableNewsFetch: true,
		}), server_options.WithAPIMiddleware(ownHosts(p.ui))),
		ended: make(chan struct{}),
	}
	failed := make(chan error, 1)
	p.release(p.ui)
	go func() {
		defer close(ui.ended)
		if err := ui.server.Start(); err != nil {
			failed <- err
		}
	}()
	serves := func(ctx context.Context) error { return get(ctx, "http://"+reachable(p.ui)+"/healthz") }
	err := untilNil(ctx, p.logger, serves)
	select {
	case err = <-failed:
	default:
	}
	if err != nil {
		ui.stop()
		return nil, fmt.Errorf("start the Temporal Web UI on %s: %w", p.ui, err)
	}
	return ui, nil
}

// stop cuts the connections; the Web UI keeps nothing that could be lost.
func (ui *webUI) stop() {
	if ui == nil {
		return
	}
	ui.server.Stop()
	<-ui.ended
}

// get returns nil when url answers 200.
func get(ctx context.Context, url string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // our own address
	if err != nil {
		return err
	}
	// A client of its own, so that no idle connection is left and no proxy gets in between.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request) //nolint:gosec // our own address
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
